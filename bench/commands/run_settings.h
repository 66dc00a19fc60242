/* What a run was asked for, as words of a command line. */
#ifndef GB_RUN_SETTINGS_H
#define GB_RUN_SETTINGS_H

#include "command_run.h"

/* The options beside the choice of problems and variants that make rows what they are, defaults too, as a shell takes them; in
 * text, which is also returned. They are the same where the rows of two runs may stand in one file. */
const char *gb_run_settings(const struct gb_run_options *options, char *text, size_t size);

#endif
