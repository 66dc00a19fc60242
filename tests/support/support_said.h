/* What code says, on standard output and standard error. */
#ifndef GB_SUPPORT_SAID_H
#define GB_SUPPORT_SAID_H

#include <stddef.h>

struct gb_said {
    int code; /* that the body returned; of a child as gb_exit_code has it */
    char out[1 << 18], err[1 << 14];
};

/* Calls body in this process. It asserts nothing itself: a failure would end it with its outputs still elsewhere. */
void gb_hear(struct gb_said *said, int (*body)(void *data), void *data);

/* So many, before NULL. */
int gb_count_words(char *const words[]);

/* A command of gradbench with these words, which end with NULL. */
void gb_hear_command(struct gb_said *said, int (*command)(int argc, char **argv), char *words[]);

/* How often the word is in the text. */
size_t gb_count_in(const char *text, const char *word);

/* Calls it in a child, which ends with the code that it returns. */
void gb_hear_child(struct gb_said *said, int (*body)(void *data), void *data);

#endif
