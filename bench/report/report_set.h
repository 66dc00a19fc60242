/* Rows of several runs side by side: what a page and its figures are drawn from. */
#ifndef GB_REPORT_SET_H
#define GB_REPORT_SET_H

#include <stdbool.h>
#include <stddef.h>

#include "comparison.h"
#include "result.h"

enum { GB_SET_VARIANTS_MAX = 64, GB_SET_MARKS = 8, GB_LABEL_MAX = 160 };

struct gb_set_run {
    const struct gb_result *result;
    const char *file;
    char mark[8];                       /* "A"; "" of a run that is alone */
    const size_t *threads;              /* numbers that its rows ran on, ascending */
    size_t n_threads, timed, not_timed; /* rows */
    struct gb_comparison *against;      /* the first run; NULL: it is that */
};

struct gb_set_row {
    const struct gb_result_row *row;
    size_t run, problem, variant;
    const struct gb_compared *gain; /* what it is to the same row of the first run; NULL: that is not there, or not compared */
};

struct gb_set {
    struct gb_set_run *runs;
    size_t n_runs;
    struct gb_set_row *rows; /* by problem, as these come in the files; of one by run, variant, threads */
    size_t n_rows, n_problems;
    const char *variants[GB_SET_VARIANTS_MAX]; /* ref, others of ours, peers; those that have no place share the last */
    size_t n_variants, n_own;
    bool raced;      /* a row has a best peer */
    size_t *threads; /* memory of all runs */
};

/* Prints what is wrong and returns the exit code; the set is to be freed in any case. The results outlive it. */
int gb_set_fill(struct gb_set *set, const struct gb_result *results, const char *const *files, size_t count);
void gb_set_free(struct gb_set *set);

/* The index of a variant; one that no row has: their number, or the last. */
size_t gb_set_variant(const struct gb_set *set, const char *variant);

bool gb_is_timed_row(const struct gb_result_row *row);

/* Can be a place on a logarithmic axis: a file may hold any number. */
bool gb_is_drawable(double value);
bool gb_is_drawn(const struct gb_pair *pair);

/* What the row is to another variant. NULL: nothing is known. */
const struct gb_versus *gb_row_versus(const struct gb_result_row *row, const char *variant);

/* The variant without "peer:". */
const char *gb_short_name(const char *variant);

/* "[accumulate layout=out_in]" and the like, "" of defaults; "n=3 d=4"; "fc affine_dx", with type, options and cache where they
 * are not the usual ones. Each writes into text and returns it. */
const char *gb_options_text(const struct gb_result_row *row, char *text, size_t size);
const char *gb_shape_text(const struct gb_result_row *row, char *text, size_t size);
const char *gb_row_text(const struct gb_result_row *row, char *text, size_t size);

/* A geometric mean under way. */
struct gb_mean {
    size_t count, faster, slower;
    double logs, low, high; /* the extremes */
};
void gb_mean_add(struct gb_mean *mean, double ratio, const char *verdict); /* verdict may be NULL */
double gb_mean_of(const struct gb_mean *mean);

#endif
