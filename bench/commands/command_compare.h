/* gradbench compare, by its parts: a run that is held against a baseline ends with them, too. */
#ifndef GB_COMMAND_COMPARE_H
#define GB_COMMAND_COMPARE_H

#include "report_comparison.h"

struct gb_compare_rules {
    double threshold;     /* 0.03 */
    double process_noise; /* GB_PROCESS_NOISE */
    bool force, require_verdict;
    const char *json; /* a file for the comparison, or NULL */
};

/* Compares, prints, and returns the exit code: GB_EXIT_CHECK where the new side is slower, or wrong, in a row. */
int gb_compare_and_report(const struct gb_report *report, const struct gb_side sides[GB_SIDES],
                          const struct gb_compare_rules *rules);

/* Prints a comparison that was judged, writes its file, and returns the exit code. */
int gb_conclude_comparison(const struct gb_report *report, const struct gb_comparison *comparison, enum gb_measured measured,
                           const char *const names[GB_SIDES], const struct gb_compare_rules *rules);

#endif
