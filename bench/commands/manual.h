/* What is made of the tables of options of all commands. */
#ifndef GB_MANUAL_H
#define GB_MANUAL_H

#include <stdio.h>

#include "commands.h"
#include "options.h"

extern const char gb_exit_codes[]; /* and what each means */

/* Calls describe with the syntax of each command, in order. */
void gb_commands_describe(const struct gb_command *commands, size_t count,
                          void (*describe)(const struct gb_syntax *syntax, void *data), void *data);

/* The page gradbench(1). */
void gb_manual_print(FILE *out, const struct gb_command *commands, size_t count);

/* The script by which a shell, "bash", "zsh" or "fish", completes command lines. */
void gb_completion_print(FILE *out, const char *shell, const struct gb_command *commands, size_t count);

#endif
