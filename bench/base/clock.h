/* The clock of all timings: it is never adjusted, and counts whatever the threads do. */
#ifndef GB_CLOCK_H
#define GB_CLOCK_H

double gb_clock_ns(void);

/* Who measures is handed a clock: tests have one with known times. */
struct gb_clock {
    double (*ns)(void *self);
    void *self;
};
extern const struct gb_clock gb_real_clock; /* gb_clock_ns */

static inline double gb_clock_read(const struct gb_clock *clock) { return clock->ns(clock->self); }

#endif
