/* The processor state that a call must leave as it was. */
#ifndef GB_SUPPORT_CPUSTATE_H
#define GB_SUPPORT_CPUSTATE_H

#include <stdbool.h>
#include <stdint.h>

/* Rounding, exception masks and, where the machine has them, flush to zero and denormals are zero; no exception flags. */
struct gb_fp_control {
    uint32_t vector, scalar;
};

struct gb_fp_control gb_fp_control(void);

/* Sets or clears flush to zero and denormals are zero for this thread. False: this machine has no such thing here. */
bool gb_fp_flush(bool on);

/* True if the upper halves of the vector registers are in use, so that the caller's SSE code is slow. */
bool gb_upper_halves_used(void);

/* Whether gb_upper_halves_used can tell: it uses one upper half, looks, cleans it, and looks again. */
bool gb_upper_halves_visible(void);

/* The direction flag, which the ABI wants clear. */
bool gb_direction_flag(void);

#endif
