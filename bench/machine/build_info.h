/* How this program was built. */
#ifndef GB_BUILD_INFO_H
#define GB_BUILD_INFO_H

const char *gb_build_compiler(void); /* "gcc 12.2.0" */
const char *gb_build_flags(void);
const char *gb_build_revision(void); /* "unknown" outside a git checkout */

#endif
