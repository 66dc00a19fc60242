/* What is shown to who waits. */
#ifndef GB_TERMINAL_H
#define GB_TERMINAL_H

#include <stdbool.h>

/* A terminal that understands escapes. */
bool gb_is_terminal(int fd);

/* One line on standard error that is written over and over, cut off where it would go on in the next one; and its end. */
void gb_progress_show(const char *line);
void gb_progress_end(void);

/* "  about 1:07 left" in text, which is also returned. */
const char *gb_time_left(double seconds, char text[32]);

#endif
