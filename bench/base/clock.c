#include "clock.h"

#include <stddef.h>
#include <time.h>

double gb_clock_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_RAW, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static double read_real(void *self) {
    (void)self;
    return gb_clock_ns();
}

const struct gb_clock gb_real_clock = {read_real, NULL};
