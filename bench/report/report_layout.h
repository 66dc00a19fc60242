/* Where a report goes, how wide it may be, and what is left out of a table that is wider. */
#ifndef GB_REPORT_LAYOUT_H
#define GB_REPORT_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct gb_report {
    FILE *out;
    bool color;
    bool details; /* a block a problem instead of a row */
    int width;    /* of a line, at most; 0: no limit */
};

/* COLUMNS, else the width of the terminal that out is, else 0: what goes into a file or a pipe is whole. At least 60. */
int gb_report_width(FILE *out);

/* Escapes, or nothing without color. */
const char *gb_bold(const struct gb_report *report);
const char *gb_dim(const struct gb_report *report);
const char *gb_red(const struct gb_report *report);
const char *gb_plain(const struct gb_report *report);

/* Prints a text of up to 2,999 bytes and a newline. What is too wide goes on in the next line, after `indent` spaces. */
void gb_say(const struct gb_report *report, int indent, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The same of a command line that a shell takes, in however many lines. */
void gb_say_command(const struct gb_report *report, const char *command);

/* Of a table. */
struct gb_column {
    int width;     /* with the space before it; 0: the table does not have it */
    unsigned rank; /* the lower, the sooner it is left out; 0: never */
    int left;      /* text comes after so many spaces; 0: it ends where the column does */
    bool hidden;
};

/* A line of a table under way. */
struct gb_line {
    const struct gb_report *report;
    int pending; /* spaces that the next cell comes after */
};

/* Hides columns of the lowest rank, of equal ones the first first, until the rest fits. Returns how many it hid. */
size_t gb_columns_fit(struct gb_column *columns, size_t count, int width);

/* A line on how many columns were left out, if any, with their names where these fit into it. */
void gb_print_hidden(const struct gb_report *report, size_t hidden, const char *names);

/* escape: what the text starts with, or "". A text that is too long is not cut off. */
void gb_print_cell(struct gb_line *line, const struct gb_column *column, const char *escape, const char *text);

#endif
