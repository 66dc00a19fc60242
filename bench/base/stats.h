/* Statistics of repeated timings: medians, order-statistic intervals, and paired ratios with sign-test intervals. */
#ifndef GB_STATS_H
#define GB_STATS_H

#include <stdbool.h>
#include <stddef.h>

enum {
    GB_ROUNDS_MIN = 6, /* the fewest from which a 95 % interval follows */
    GB_ROUNDS_MAX = 1001,
};

#define GB_VERDICT_THRESHOLD 0.03

struct gb_summary {
    size_t count;
    double median, low, high, min; /* low, high: 95 % interval of the median; below GB_ROUNDS_MIN samples the extremes */
};

/* k such that the k-th smallest and the k-th largest of n values enclose the median in 95 % of cases or more; 0: none. */
size_t gb_order_rank(size_t n);

/* n >= 1 finite values, in any order; they are left as they are. work has room for n. */
struct gb_summary gb_summarize(const double *values, size_t n, double *work);

/* gb_summarize whose interval misses the median on either side in at most `tail` of cases. */
struct gb_summary gb_summarize_at(const double *values, size_t n, double tail, double *work);

/* How many times as long b took as a: above 1 means that a is faster. Values of one index belong together (one round). */
struct gb_pair {
    size_t count;
    double ratio, low, high; /* exp(median(log(b / a))) and its interval */
    bool no_verdict;         /* one of them was not what it is called */
};
struct gb_pair gb_compare_paired(const double *a, const double *b, size_t n, double *work);

/* The same of values that do not belong together, from summaries at GB_UNPAIRED_TAIL: the ratio of the medians. Its interval is
 * exact (at least 95 %, whatever the distribution): it misses only where one of the two that it is made of does. A bootstrap
 * would be narrower, but holds less than it says for few or equal values, and needs a seed. */
#define GB_UNPAIRED_TAIL 0.0125
enum { GB_UNPAIRED_MIN = 7 }; /* the fewest from which such an interval follows */
struct gb_pair gb_compare_unpaired(const struct gb_summary *a, const struct gb_summary *b);

/* Samples of one process, or of one file, share what happened to it. So each is a part, which counts once. */
#define GB_TAIL 0.025 /* of a 95 % interval, on either side */
enum { GB_PARTS_MAX = 256 };
struct gb_parts {
    struct gb_summary all; /* the interval that spans all of theirs, the fewest samples, the least value */
    size_t count;
    double medians[GB_PARTS_MAX];
};
void gb_parts_add(struct gb_parts *parts, const struct gb_summary *part);

/* The one part itself. Of several the median of their medians, with the interval that spans all of theirs; from as many on as
 * an interval at `tail` follows from, that of the medians. Leaves the medians sorted. */
struct gb_summary gb_parts_summary(struct gb_parts *parts, double tail);

/* The same of ratios, whose verdict has to come out in each part. */
struct gb_pairs {
    struct gb_parts logs;
    const char *verdict;
};
void gb_pairs_add(struct gb_pairs *pairs, const struct gb_pair *pair, const char *verdict);
struct gb_pair gb_pairs_pair(struct gb_pairs *pairs);

/* How often chance alone makes two samples, sorted ascending, differ as much: the rank sum (Mann-Whitney) test, two-sided, by
 * the normal approximation, with equal values and continuity allowed for. */
double gb_rank_sum_p(const double *a, size_t n, const double *b, size_t m);

/* How often chance alone makes one of two equals win so many of so many rounds, or as few: the sign test, two-sided. */
double gb_sign_p(size_t won, size_t rounds);

/* Holm: adjusts n values of p, sorted ascending: who then believes all that are up to 5 % is wrong in one or more of them in at
 * most 5 % of cases. */
void gb_holm(double *p, size_t n);

/* The standard deviation of n >= 1 values, sorted ascending, from the shortest interval that holds more than half of them: what
 * the others are does not matter. */
double gb_spread(const double *sorted, size_t n);

/* The distance from 1 that a pair of equals reached: what cannot be told from noise. */
double gb_noise_of(const struct gb_pair *null_pair);

/* "faster" or "slower" where the whole interval is further than 3 %, and than the noise, from 1; "same" where it is within
 * 3 %; else, and where there is to be no verdict, "inconclusive". */
const char *gb_verdict(const struct gb_pair *pair, double noise);

/* The same with another threshold than 3 %. */
const char *gb_verdict_at(const struct gb_pair *pair, double threshold, double noise);

#endif
