/* Exit codes, and errors as one line on standard error. */
#ifndef GB_MESSAGE_H
#define GB_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum gb_exit {
    GB_EXIT_OK = 0,
    GB_EXIT_CHECK = 1, /* a check failed */
    GB_EXIT_USAGE = 2,
    GB_EXIT_INPUT = 3,    /* an input file is bad */
    GB_EXIT_RESOURCE = 4, /* memory, input or output */
    GB_EXIT_ISA = 5,      /* this CPU or GRADKERN_ISA rules out what was asked for */
    GB_EXIT_INTERNAL = 70,
};

/* Prints "gradbench: error: <message>" and returns code. Control characters become '?', so that it stays one line. */
int gb_fail(enum gb_exit code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Prints "gradbench: <message>" in the same way: a warning, or news that is no error. */
void gb_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* gb_fail with a place: "gradbench: FILE:LINE:COL: error: <message>". */
int gb_fail_at(enum gb_exit code, const char *file, size_t line, size_t column, const char *text);

/* Flushes the stream. True: what was written to it went nowhere, because it is a pipe, or a terminal, that nobody reads now. */
bool gb_reader_is_gone(FILE *out);

/* Flushes standard output; if anything could not be written, says so and returns GB_EXIT_RESOURCE, else code. If its reader is
 * gone, as in `gradbench list | head -1`, the process ends by SIGPIPE. */
int gb_finish_output(int code);

/* Descriptors 0 to 2 exist afterwards: a file opened later never takes the place of a closed one. Writing to a standard output
 * that was closed fails. */
void gb_secure_descriptors(void);

#endif
