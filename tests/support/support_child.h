/* Tests of what a process prints, whose exit code is a status. */
#ifndef GB_SUPPORT_CHILD_H
#define GB_SUPPORT_CHILD_H

#include <stddef.h>

/* Calls body in a child, which ends with the code that it returns. Text: what the child wrote to stderr, cut off at size.
 * Returns its exit code, or 100 and the signal that ended it. */
int gb_child_run(int (*body)(const void *argument), const void *argument, char *text, size_t size);

#endif
