/* Two sides of results, a base and what is held against it, row by row: is it faster or slower, by more than chance and noise?
 */
#ifndef GB_COMPARISON_H
#define GB_COMPARISON_H

#include "result.h"

/* So far two processes of one build come out apart at most, but for few rows: where their pages lay, what the neighbours did.
 * Of 528 pairs of medians on an idle virtual machine the half was within 1 %, 95 % within 5, 99.5 % within 10 (most: 12). */
#define GB_PROCESS_NOISE 0.1

enum { GB_BASE, GB_NEW, GB_SIDES, GB_TAKES_MAX = GB_PARTS_MAX };

/* The files of a side. */
struct gb_side {
    const struct gb_result *results;
    size_t count;
};

/* A row that both sides have. */
struct gb_compared {
    const struct gb_result_row *row; /* the first of the new side's */
    bool is_control;                 /* on the way: it is not kept */
    size_t takes[GB_SIDES];          /* how often each side has it: of so many processes */
    double ns[GB_SIDES];             /* median; of several takes that of their medians */
    struct gb_pair pair;             /* the base's time over the new one's: above 1 the new one is faster */
    double p;                        /* of such times where both are equally fast */
    double holm;                     /* the same, adjusted for so many rows */
    double noise;                    /* how far equals come out apart */
    const char *verdict;
};

/* Something that the files do not say alike of where they come from. */
struct gb_context_difference {
    const char *what;
    const char *values[GB_SIDES]; /* each value once, separated by "; " */
    bool decides;                 /* times do not compare */
};

enum { GB_DIFFERENCES_MAX = 17 };

struct gb_comparison {
    double threshold;
    double process_noise;     /* least noise of a row that a side has of one process only */
    bool force;               /* verdicts whatever differs */
    struct gb_compared *rows; /* slower, inconclusive, same, faster; each group from the slowest on */
    size_t n_rows;
    size_t slower, inconclusive, same, faster;
    double spread;     /* of the ratios, around that of most rows: how far runs come out apart; 0 of few rows */
    size_t n_controls; /* rows of ref that were only that */
    double mean;       /* geometric, of all rows' ratios; 1 of none */
    double apart;      /* |ratio - 1| in the median; 0 of none */
    const struct gb_result_row **only[GB_SIDES]; /* timed on that side alone */
    size_t n_only[GB_SIDES];
    const struct gb_result_row **failed; /* wrong results of the new side */
    size_t n_failed;
    const struct gb_result_row **differing; /* of builds: the results are not the same, bit by bit */
    size_t n_differing;
    struct gb_context_difference *differences;
    size_t n_differences;
    bool incomparable;       /* one of them decides */
    struct gb_result memory; /* of the above */
};

/* Compares all rows that are timed, but for those of peers. ref on as many threads is the control of a problem: what it moved
 * by is noise to the others, and it is compared itself only where it is alone. The sides' rows and texts must live as long.
 * Several takes of a row, of several files or processes of a file: below GB_UNPAIRED_MIN on a side its interval is that of all
 * of them, and a difference has to be in each pair of takes; from there on a take is one observation. False: no memory, or a
 * row has more than GB_TAKES_MAX takes. */
bool gb_compare_sides(struct gb_comparison *comparison, const struct gb_side sides[GB_SIDES]);

/* For rows whose pair, p and noise are known: adjusts p, judges, sorts and counts; again, where some have changed. A verdict
 * needs both: the whole interval beyond threshold and noise, and p up to 5 %. False: no memory. */
bool gb_comparison_judge(struct gb_comparison *comparison);

void gb_comparison_free(struct gb_comparison *comparison);

#endif
