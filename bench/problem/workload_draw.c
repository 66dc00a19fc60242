#include <math.h>
#include <stdio.h>
#include <string.h>

#include "random.h"
#include "workload.h"

enum { SIDE_BITS = 12 };

/* From 1 to 2^SIDE_BITS, as often between s and 2 s for every s. */
static unsigned side(uint64_t *random) {
    return (unsigned)lround(exp2(SIDE_BITS * ((double)(gb_next_random(random) >> 11) * 0x1p-53)));
}

bool gb_workload_draw(struct gb_workload *workload, size_t count, uint64_t seed) {
    uint64_t random = seed;
    for (size_t i = 0; i < count; i++) {
        char text[128];
        struct gb_parse_error error;
        const unsigned n = side(&random), d = side(&random), m = side(&random);
        snprintf(text, sizeof text, "affine n=%u d=%u m=%u name=drawn:%zu", n, d, m, i + 1);
        if (!gb_workload_parse(workload, "drawn", text, strlen(text), &error)) return false;
    }
    return true;
}
