#include "copies.h"

#include <math.h>
#include <stdlib.h>

/* Half of the bytes at most are initial copies of outputs, which no call touches. */
double gb_copies_needed(const struct gb_problem_spec *spec, size_t cache) {
    struct gb_problem_spec close = *spec; /* what shift leaves free is not touched either */
    close.shift = 0;
    return 1 + ceil(2 * (double)cache / ((double)gb_problem_bytes(&close) / 2));
}

/* All in one mapping: of huge pages even a small problem's own would be of 2 MiB. */
static bool map(struct gb_copies *copies, size_t each, size_t count, const struct gb_placing *placing) {
    size_t bytes;
    if (placing->huge_pages == GB_HUGE_AUTO && placing->threads == 0) return true;
    return !__builtin_mul_overflow(each, count, &bytes) && gb_pages_map(&copies->pages, bytes, placing->huge_pages);
}

bool gb_copies_create(struct gb_copies *copies, const struct gb_problem_spec *spec, size_t count,
                      const struct gb_placing *placing) {
    const size_t each = gb_problem_storage(spec);
    *copies = (struct gb_copies){.list = calloc(count, sizeof *copies->list)};
    bool good = copies->list && map(copies, each, count, placing);
    for (size_t i = 0; i < count && good; i++) {
        char *const memory = copies->pages.start ? copies->pages.start + i * each : NULL;
        good = gb_problem_create_in(&copies->list[i], spec, memory, placing->threads);
        copies->count += good;
    }
    if (good) return true;
    gb_copies_destroy(copies);
    return false;
}

void gb_copies_destroy(struct gb_copies *copies) {
    for (size_t i = 0; i < copies->count; i++) gb_problem_destroy(&copies->list[i]);
    free(copies->list);
    gb_pages_unmap(&copies->pages);
    *copies = (struct gb_copies){.count = 0};
}

const struct gb_problem *gb_copies_next(struct gb_copies *copies) {
    const size_t at = copies->next;
    copies->next = (at + 1) % copies->count;
    return &copies->list[at];
}
