/* Element-wise work with a bit mask, cut into units of one mask word: 64 columns of one row. */
#ifndef GK_RELU_H
#define GK_RELU_H

#include "kernel.h"

/* The columns of one row that a thread works on; first is a multiple of 64. */
struct gk_run_of_row {
    size_t row, first, end;
};

/* The next run of the units [*unit, end) of an n x d matrix, *unit moved past it. */
static inline struct gk_run_of_row gk_next_run(size_t *unit, size_t end, size_t d) {
    const size_t words = gk_words(d), row = *unit / words, word = *unit % words;
    const size_t last = gk_min(words, word + (end - *unit));
    *unit += last - word;
    return (struct gk_run_of_row){row, word * 64, gk_min(last * 64, d)};
}

/* Bytes: a fork and join costs about what 100 KB of copying does. */
#define GK_ELEMENTWISE_SERIAL_BELOW 256e3

#endif
