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

/* Calls it in a child, which ends with the code that it returns. */
void gb_hear_child(struct gb_said *said, int (*body)(void *data), void *data);

#endif
