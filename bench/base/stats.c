#include "stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

size_t gb_order_rank(size_t n) {
    const double tail = 0.025;
    double term = ldexp(1, -(int)n), sum = 0;
    size_t rank = 0;
    while ((sum += term) <= tail) {
        rank++;
        term *= (double)(n - rank + 1) / (double)rank;
    }
    return rank;
}

/* Of sorted values. */
static struct gb_summary summarize_sorted(const double *sorted, size_t n) {
    const size_t rank = gb_order_rank(n), outer = rank ? rank : 1;
    return (struct gb_summary){
        .count = n,
        .median = n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2,
        .low = sorted[outer - 1],
        .high = sorted[n - outer],
        .min = sorted[0],
    };
}

struct gb_summary gb_summarize(const double *values, size_t n, double *work) {
    memcpy(work, values, n * sizeof *work);
    qsort(work, n, sizeof *work, ascending);
    return summarize_sorted(work, n);
}

struct gb_pair gb_compare_paired(const double *a, const double *b, size_t n, double *work) {
    for (size_t i = 0; i < n; i++) work[i] = log(b[i] / a[i]);
    qsort(work, n, sizeof *work, ascending);
    const struct gb_summary logs = summarize_sorted(work, n);
    return (struct gb_pair){.count = n, .ratio = exp(logs.median), .low = exp(logs.low), .high = exp(logs.high)};
}

double gb_noise_of(const struct gb_pair *null_pair) {
    const double above = null_pair->high - 1, below = 1 / null_pair->low - 1;
    return fmax(fmax(above, below), 0);
}

const char *gb_verdict(const struct gb_pair *pair, double noise) {
    const double near = 1 + GB_VERDICT_THRESHOLD, beyond = 1 + fmax(noise, GB_VERDICT_THRESHOLD);
    if (pair->no_verdict || pair->count < GB_ROUNDS_MIN) return "inconclusive";
    if (pair->low > beyond) return "faster";
    if (pair->high < 1 / beyond) return "slower";
    return pair->low >= 1 / near && pair->high <= near ? "same" : "inconclusive";
}
