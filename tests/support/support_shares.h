/* Work of a test program that is cut into shares, one a processor. */
#ifndef GB_SUPPORT_SHARES_H
#define GB_SUPPORT_SHARES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The processors that this process may use, at most `most`. */
size_t gb_processors(size_t most);

/* Whether GK_QUICK=1 asks for a part of what a test does. */
bool gb_quick(void);

struct gb_share {
    size_t index, count;
};

/* False: this process has started itself once a processor, side by side, and main returns *code: how many failed. True: it is
 * one of these, and does what gb_share_has. By starting again, not by fork: a forked child has no threads. */
bool gb_share_begin(int argc, char **argv, struct gb_share *share, int *code);

/* Whether case `number` belongs to this share; with gb_quick of one in `quick` cases alone. */
bool gb_share_has(const struct gb_share *share, uint64_t number, uint64_t quick);

#endif
