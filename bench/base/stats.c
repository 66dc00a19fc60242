#include "stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The k for an interval that misses the median on either side in at most `tail` of cases. */
static size_t order_rank(size_t n, double tail) {
    enum { EXACT_MAX = 1023 }; /* 2^-n is a double */
    double term = ldexp(1, -(int)n), sum = 0;
    size_t rank = 0;
    if (n > EXACT_MAX) return (size_t)(((double)n - 2.5 * sqrt((double)n)) / 2); /* normal, and beyond all tails in use */
    while ((sum += term) <= tail) {
        rank++;
        term *= (double)(n - rank + 1) / (double)rank;
    }
    return rank;
}

size_t gb_order_rank(size_t n) { return order_rank(n, GB_TAIL); }

/* Of sorted values. */
static struct gb_summary summarize_sorted(const double *sorted, size_t n, double tail) {
    const size_t rank = order_rank(n, tail), outer = rank ? rank : 1;
    return (struct gb_summary){
        .count = n,
        .median = n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2,
        .low = sorted[outer - 1],
        .high = sorted[n - outer],
        .min = sorted[0],
    };
}

struct gb_summary gb_summarize_at(const double *values, size_t n, double tail, double *work) {
    memcpy(work, values, n * sizeof *work);
    qsort(work, n, sizeof *work, ascending);
    return summarize_sorted(work, n, tail);
}

struct gb_summary gb_summarize(const double *values, size_t n, double *work) {
    return gb_summarize_at(values, n, GB_TAIL, work);
}

struct gb_pair gb_compare_paired(const double *a, const double *b, size_t n, double *work) {
    for (size_t i = 0; i < n; i++) work[i] = log(b[i] / a[i]);
    qsort(work, n, sizeof *work, ascending);
    const struct gb_summary logs = summarize_sorted(work, n, GB_TAIL);
    return (struct gb_pair){.count = n, .ratio = exp(logs.median), .low = exp(logs.low), .high = exp(logs.high)};
}

struct gb_pair gb_compare_unpaired(const struct gb_summary *a, const struct gb_summary *b) {
    return (struct gb_pair){.count = a->count < b->count ? a->count : b->count,
                            .ratio = b->median / a->median,
                            .low = b->low / a->high,
                            .high = b->high / a->low,
                            .no_verdict = a->count < GB_UNPAIRED_MIN || b->count < GB_UNPAIRED_MIN};
}

void gb_parts_add(struct gb_parts *parts, const struct gb_summary *part) {
    struct gb_summary *const all = &parts->all;
    parts->medians[parts->count] = part->median;
    if (parts->count++ == 0) {
        *all = *part;
        return;
    }
    all->low = fmin(all->low, part->low);
    all->high = fmax(all->high, part->high);
    all->min = fmin(all->min, part->min);
    if (part->count < all->count) all->count = part->count;
}

struct gb_summary gb_parts_summary(struct gb_parts *parts, double tail) {
    if (parts->count == 1) return parts->all;
    qsort(parts->medians, parts->count, sizeof *parts->medians, ascending);
    struct gb_summary of_medians = summarize_sorted(parts->medians, parts->count, tail);
    parts->all.median = of_medians.median;
    of_medians.min = parts->all.min;
    return order_rank(parts->count, tail) ? of_medians : parts->all;
}

void gb_pairs_add(struct gb_pairs *pairs, const struct gb_pair *pair, const char *verdict) {
    const bool recurs = pairs->logs.count == 0 || strcmp(pairs->verdict, verdict) == 0;
    pairs->verdict = recurs ? verdict : "inconclusive";
    gb_parts_add(
        &pairs->logs,
        &(struct gb_summary){.count = pair->count, .median = log(pair->ratio), .low = log(pair->low), .high = log(pair->high)});
}

struct gb_pair gb_pairs_pair(struct gb_pairs *pairs) {
    const struct gb_summary logs = gb_parts_summary(&pairs->logs, GB_TAIL);
    return (struct gb_pair){.count = logs.count, .ratio = exp(logs.median), .low = exp(logs.low), .high = exp(logs.high)};
}

double gb_rank_sum_p(const double *a, size_t n, const double *b, size_t m) {
    const double all = (double)n + (double)m, pairs = (double)n * (double)m;
    double ties = 0, below = 0; /* pairs in which a is the smaller one; equal ones are halves */
    for (size_t i = 0, j = 0; i < n || j < m;) {
        const double value = j == m || (i < n && a[i] <= b[j]) ? a[i] : b[j];
        const size_t i0 = i, j0 = j;
        while (i < n && a[i] == value) i++;
        while (j < m && b[j] == value) j++;
        const double of_a = (double)(i - i0), of_b = (double)(j - j0), same = of_a + of_b;
        below += of_a * ((double)(m - j) + of_b / 2);
        ties += same * (same * same - 1);
    }
    const double variance = pairs / 12 * (all + 1 - ties / (all * (all - 1)));
    const double off = fabs(below - pairs / 2) - 0.5;
    return variance > 0 && off > 0 ? erfc(off / sqrt(2 * variance)) : 1;
}

double gb_sign_p(size_t won, size_t rounds) {
    const size_t fewer = won < rounds - won ? won : rounds - won;
    double term = ldexp(1, -(int)rounds), sum = 0;
    for (size_t k = 0; k <= fewer; k++) {
        sum += term;
        term *= (double)(rounds - k) / (double)(k + 1);
    }
    return fmin(2 * sum, 1);
}

void gb_holm(double *p, size_t n) {
    double most = 0;
    for (size_t i = 0; i < n; i++) p[i] = most = fmax(most, fmin(p[i] * (double)(n - i), 1));
}

double gb_spread(const double *sorted, size_t n) {
    const size_t half = n / 2;
    double least = sorted[half] - sorted[0];
    for (size_t i = 1; i + half < n; i++) least = fmin(least, sorted[i + half] - sorted[i]);
    return 1.4826 / 2 * least; /* half of a normal distribution is within 1 / 1.4826 of its middle */
}

double gb_noise_of(const struct gb_pair *null_pair) {
    const double above = null_pair->high - 1, below = 1 / null_pair->low - 1;
    return fmax(fmax(above, below), 0);
}

const char *gb_verdict(const struct gb_pair *pair, double noise) { return gb_verdict_at(pair, GB_VERDICT_THRESHOLD, noise); }

const char *gb_verdict_at(const struct gb_pair *pair, double threshold, double noise) {
    const double near = 1 + threshold, beyond = 1 + fmax(noise, threshold);
    if (pair->no_verdict || pair->count < GB_ROUNDS_MIN) return "inconclusive";
    if (pair->low > beyond) return "faster";
    if (pair->high < 1 / beyond) return "slower";
    return pair->low >= 1 / near && pair->high <= near ? "same" : "inconclusive";
}
