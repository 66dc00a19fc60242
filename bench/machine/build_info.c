#include "build_info.h"

#include "gk_build.h"

const char *gb_build_compiler(void) {
#if defined(__clang__)
    return "clang " __clang_version__;
#else
    return "gcc " __VERSION__;
#endif
}

const char *gb_build_flags(void) { return GK_BUILD_FLAGS; }

const char *gb_build_revision(void) { return GK_BUILD_REVISION; }
