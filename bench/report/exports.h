/* Results as the files of other programs. */
#ifndef GB_EXPORTS_H
#define GB_EXPORTS_H

#include <stdio.h>

#include "result.h"

struct gb_export {
    FILE *out;
    const struct gb_result *results;
    const char *const *names; /* of their files */
    size_t count;
    bool brief; /* markdown: as of report_markdown.h */
};

/* Each prints what is wrong and returns the exit code. Those of JSON are of one result; nothing is NaN or infinite in them. */

/* Of Google Benchmark, for its compare.py: a sample is a repetition. */
int gb_export_google_benchmark(const struct gb_export *export);
/* customSmallerIsBetter of github-action-benchmark, and Bencher's Metric Format: a median each, with its interval. */
int gb_export_gha(const struct gb_export *export);
int gb_export_bencher(const struct gb_export *export);

/* A line a row, all files one after the other; no text begins a formula. */
int gb_export_csv(const struct gb_export *export);

/* A test a row, a suite a file: what has no time has failed. */
int gb_export_junit(const struct gb_export *export);

int gb_export_markdown(const struct gb_export *export);

/* What a row is known by, in one word that patterns can be held against: "affine_dx/gpt2:fc/n:256/d:768/m:3072/dtype:f32/
 * cache:hot/variant:avx2/threads:2", with options behind the type. To be freed; NULL: no memory. */
char *gb_export_name(const struct gb_result_row *row);

/* Why a row has no time. */
const char *gb_export_failure(const struct gb_result_row *row);

#endif
