/* Signals that end a measurement in order. */
#ifndef GB_INTERRUPT_H
#define GB_INTERRUPT_H

#include <signal.h>

#include "clock.h"

/* 0, or the signal that was caught: SIGINT, SIGTERM, SIGHUP; who measures may set it, too. */
extern volatile sig_atomic_t gb_caught;

/* The first signal is caught, one that comes a second later ends the process. Some senders (timeout, terminals) deliver one
 * request twice. */
void gb_interrupt_catch(const struct gb_clock *clock);

/* A reader that is gone, and a file that may grow no more, are errors of a write from now on. */
void gb_interrupt_ignore(void);

/* Where a signal was caught the process ends by it, else the code is returned. */
int gb_interrupt_end(int code);

#endif
