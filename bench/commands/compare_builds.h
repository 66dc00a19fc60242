/* Two builds of gradkern raced in one run. */
#ifndef GB_COMPARE_BUILDS_H
#define GB_COMPARE_BUILDS_H

#include "command_compare.h"
#include "command_run.h"

/* paths: of their gradbench or shared library, the old and the new one. Races, prints, and returns the exit code. */
int gb_compare_builds(const struct gb_report *report, const char *const paths[GB_SIDES], const struct gb_run_options *options,
                      const struct gb_compare_rules *rules);

#endif
