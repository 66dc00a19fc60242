#include "workload_sweep.h"

#include <stdio.h>
#include <string.h>

#include "text.h"
#include "workload.h"

/* Moves *at past a number from low to GB_DIMENSION_MAX. */
static bool take(const char **at, uint64_t low, uint64_t *number) {
    char digits[12]; /* what does not fit is too large */
    const size_t length = strspn(*at, "0123456789");
    snprintf(digits, sizeof digits, "%.*s", (int)length, *at);
    if (!gb_text_count(digits, low, GB_DIMENSION_MAX, number)) return false;
    *at += length;
    return true;
}

const char *gb_sweep_parse(struct gb_sweep *sweep, const char *text, bool zeros, const char **at) {
#define FORM(least) "must be a number from " least " to 16777216, or several: 10,50,100 or 64..4096*2 or 10..100+10"
    const char *const form = zeros ? FORM("0") : FORM("1");
    _Static_assert(GB_DIMENSION_MAX == 16777216 && GB_SWEEP_MAX == 1000, "the messages say so");
    sweep->count = 0;
    for (*at = text;; ++*at) {
        uint64_t first, last, step = 1;
        bool times = false;
        if (!take(at, !zeros, &first)) return form;
        last = first;
        if (strncmp(*at, "..", 2) == 0) {
            const char *const end = *at += 2;
            if (!take(at, !zeros, &last)) return form;
            times = **at == '*';
            if ((times || **at == '+') && (++*at, !take(at, times ? 2 : 1, &step))) return form;
            if (last < first) return *at = end, "must go up in a range";
        }
        for (uint64_t size = first; size <= last; size = times ? size * step : size + step) {
            if (sweep->count == GB_SWEEP_MAX) return *at = text, "has more than 1000 sizes";
            sweep->sizes[sweep->count++] = (uint32_t)size;
        }
        if (**at != ',') return **at ? form : NULL;
    }
}
