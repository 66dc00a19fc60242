/* The sizes that one dimension of a line stands for: "64", "10,50,100", "64..4096*2", "10..100+10", "1..5", "1,8..64*2". */
#ifndef GB_WORKLOAD_SWEEP_H
#define GB_WORKLOAD_SWEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GB_SWEEP_MAX = 1000 };

struct gb_sweep {
    uint32_t sizes[GB_SWEEP_MAX]; /* in the order of the text, each from 1 (or 0) to GB_DIMENSION_MAX */
    size_t count;
};

/* zeros: a size may be 0. NULL: good. Else what is wrong, to come after the dimension's name, and *at is the place in the text.
 */
const char *gb_sweep_parse(struct gb_sweep *sweep, const char *text, bool zeros, const char **at);

#endif
