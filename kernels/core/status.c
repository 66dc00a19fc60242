#include "gradkern.h"

#define TEXT(x)                      #x
#define VERSION(major, minor, patch) TEXT(major) "." TEXT(minor) "." TEXT(patch)

const char *gk_version(void) { return VERSION(GK_VERSION_MAJOR, GK_VERSION_MINOR, GK_VERSION_PATCH); }

int gk_numerics_version(void) { return GK_NUMERICS_VERSION; }

const char *gk_status_string(gk_status status) {
    switch (status) {
    case GK_OK: return "success";
    case GK_ERROR_NULL: return "a required pointer is NULL";
    case GK_ERROR_SIZE: return "a size overflows";
    case GK_ERROR_LEADING: return "a leading dimension is smaller than its row";
    case GK_ERROR_OPTION:
        return "an option has no such value, options exclude each other, no output is wanted, or reserved is not 0";
    case GK_ERROR_OVERLAP: return "an output overlaps another operand";
    case GK_ERROR_LABEL: return "a label is neither a class nor ignore_index";
    case GK_ERROR_MEMORY: return "no memory";
    case GK_ERROR_ISA: return "no such instruction set, or this CPU cannot run it";
    case GK_ERROR_ENVIRONMENT: return "GRADKERN_ISA or OMP_NUM_THREADS has a value that makes no sense";
    case GK_STATUS_COUNT: break;
    }
    return "unknown status";
}
