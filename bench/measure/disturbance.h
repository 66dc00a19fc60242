/* What the operating system says of a round that something else disturbed. What a time is decides nothing here. */
#ifndef GB_DISTURBANCE_H
#define GB_DISTURBANCE_H

#include "environment.h"

enum gb_cause { GB_CAUSE_NONE, GB_CAUSE_STEAL, GB_CAUSE_SWITCHES, GB_CAUSE_MIGRATION, GB_CAUSES };

/* All but the last only grow. */
struct gb_signs {
    double ns; /* the time */
    struct gb_ticks ticks;
    double switches; /* in which a thread of this process was made to wait for others */
    int processor;   /* on which the caller runs */
};
struct gb_signs gb_signs_read(void);

/* No disturbance are: up to this share of all ticks stolen, and one switch in so many ns. A kernel thread takes a core some
 * times a second for microseconds, another program every few milliseconds for as long. */
#define GB_STEAL_SHARE  0.01
#define GB_SWITCH_EVERY 20e6

/* The first that applies. here: the calls were made in this process; in a race they are made in others, and being switched out
 * for these is how a turn begins. free: the threads were not bound to cores. */
enum gb_cause gb_cause_between(const struct gb_signs *before, const struct gb_signs *after, bool here, bool free);

#endif
