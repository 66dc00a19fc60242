/* What a run was asked for, as words of a command line. */
#ifndef GB_RUN_SETTINGS_H
#define GB_RUN_SETTINGS_H

#include "command_run.h"

/* The options that make rows what they are, defaults too, as a shell takes them; in text, which is also returned. plan: its
 * instruction sets and numbers of threads, first; NULL: without these. Problems are not in it. */
const char *gb_run_settings(const struct gb_run_options *options, const struct gb_plan *plan, char *text, size_t size);

#endif
