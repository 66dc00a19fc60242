#include "copies.h"

#include <math.h>
#include <stdlib.h>

/* Half of the bytes at most are initial copies of outputs, which no call touches. */
double gb_copies_needed(const struct gb_problem_spec *spec, size_t cache) {
    struct gb_problem_spec close = *spec; /* what shift leaves free is not touched either */
    close.shift = 0;
    return 1 + ceil(2 * (double)cache / ((double)gb_problem_bytes(&close) / 2));
}

bool gb_copies_create(struct gb_copies *copies, const struct gb_problem_spec *spec, size_t count) {
    *copies = (struct gb_copies){.list = calloc(count, sizeof *copies->list)};
    while (copies->list && copies->count < count && gb_problem_create(&copies->list[copies->count], spec)) copies->count++;
    if (copies->list && copies->count == count) return true;
    gb_copies_destroy(copies);
    return false;
}

void gb_copies_destroy(struct gb_copies *copies) {
    for (size_t i = 0; i < copies->count; i++) gb_problem_destroy(&copies->list[i]);
    free(copies->list);
    *copies = (struct gb_copies){.count = 0};
}

const struct gb_problem *gb_copies_next(struct gb_copies *copies) {
    const size_t at = copies->next;
    copies->next = (at + 1) % copies->count;
    return &copies->list[at];
}
