/* The clock of all timings: it is never adjusted, and counts whatever the threads do. */
#ifndef GB_CLOCK_H
#define GB_CLOCK_H

#include <time.h>

static inline double gb_clock_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_RAW, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

#endif
