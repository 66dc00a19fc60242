/* Numbers that look random, the same on every machine. */
#ifndef GB_RANDOM_H
#define GB_RANDOM_H

#include <stdint.h>

/* The finalizer of splitmix64: neighbouring inputs give unrelated outputs. */
static inline uint64_t gb_mix(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* The next one of the sequence that began with any *state. */
static inline uint64_t gb_next_random(uint64_t *state) { return gb_mix(*state += 0x9e3779b97f4a7c15u); }

#endif
