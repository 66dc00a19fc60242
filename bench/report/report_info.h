/* What a person reads of a machine. */
#ifndef GB_REPORT_INFO_H
#define GB_REPORT_INFO_H

#include "info.h"
#include "report_layout.h"

/* What it has, and what is chosen on it. */
void gb_report_machine(const struct gb_report *report, const struct gb_info *info);

/* What spoils a measurement, and what to do about it. */
void gb_report_checks(const struct gb_report *report, const struct gb_info *info);

#endif
