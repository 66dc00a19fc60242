#include "build_info.h"

#if __has_include("gk_build.h")
#include "gk_build.h"
#endif
#ifndef GK_BUILD_FLAGS
#define GK_BUILD_FLAGS "unknown"
#endif
#ifndef GK_BUILD_REVISION
#define GK_BUILD_REVISION "unknown"
#endif

const char *gb_build_compiler(void) {
#if defined(__clang__)
    return "clang " __clang_version__;
#else
    return "gcc " __VERSION__;
#endif
}

const char *gb_build_flags(void) {
    return GK_BUILD_FLAGS;
}

const char *gb_build_revision(void) {
    return GK_BUILD_REVISION;
}
