/* Comma-separated values as RFC 4180 has them, but for the ends of lines. */
#include <math.h>
#include <string.h>

#include "exports.h"
#include "message.h"
#include "text.h"

enum kind { TEXT, COUNT, REAL };

struct column {
    const char *name;
    enum kind kind;
    size_t at; /* in its struct */
};

#define OF_FILE(field) offsetof(struct gb_result, context.field)
#define OF_ROW(field)  offsetof(struct gb_result_row, field)
#define OF_PAIR(field) offsetof(struct gb_versus, field)

static const struct column of_file[] = {
    {"host", TEXT, OF_FILE(host)},         {"cpu", TEXT, OF_FILE(cpu)},   {"compiler", TEXT, OF_FILE(compiler)},
    {"revision", TEXT, OF_FILE(revision)}, {"date", TEXT, OF_FILE(date)},
};

static const struct column of_row[] = {
    {"kernel", TEXT, OF_ROW(kernel)}, {"dtype", TEXT, OF_ROW(dtype)},       {"variant", TEXT, OF_ROW(variant)},
    {"isa", TEXT, OF_ROW(isa)},       {"threads", COUNT, OF_ROW(threads)},  {"threads_used", COUNT, OF_ROW(threads_used)},
    {"cache", TEXT, OF_ROW(cache)},   {"workload", TEXT, OF_ROW(workload)},
};

/* Between these the options and the sizes, each dimension a column. */

static const struct column of_time[] = {
    {"verified", TEXT, OF_ROW(verified)},
    {"median_ns", REAL, OF_ROW(summary.median)},
    {"ci95_low_ns", REAL, OF_ROW(summary.low)},
    {"ci95_high_ns", REAL, OF_ROW(summary.high)},
    {"min_ns", REAL, OF_ROW(summary.min)},
    {"samples", COUNT, OF_ROW(n_samples)},
    {"calls_per_sample", COUNT, OF_ROW(iterations)},
    {"work_flop", REAL, OF_ROW(flops)},
    {"traffic_bytes", REAL, OF_ROW(bytes)},
    {"rate_gflop_per_s", REAL, OF_ROW(gflops)},
    {"rate_gb_per_s", REAL, OF_ROW(gbps)},
    {"bound", TEXT, OF_ROW(share.limit)},
    {"roof_fraction", REAL, OF_ROW(share.fraction)},
};

static const struct column of_peer[] = {
    {"best_peer", TEXT, OF_PAIR(variant)},
    {"best_peer_ratio", REAL, OF_PAIR(pair.ratio)},
    {"best_peer_ratio_low", REAL, OF_PAIR(pair.low)},
    {"best_peer_ratio_high", REAL, OF_PAIR(pair.high)},
    {"verdict", TEXT, OF_PAIR(verdict)},
};

static const struct column of_failure[] = {{"failure", TEXT, OF_ROW(failure)}, {"note", TEXT, OF_ROW(note)}};

#define ALL(columns) columns, sizeof(columns) / sizeof *(columns)

static void print_quoted(FILE *out, const char *text) {
    for (; *text; text++) {
        if (*text == '"') fputc('"', out);
        fputc((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text, out);
    }
}

/* On one line, in quotes where it must be. A spreadsheet takes what begins with one of these for a formula, of whoever named a
 * workload. */
static void print_text(FILE *out, const char *text) {
    const bool formula = *text && strchr("=+-@", *text), quoted = strpbrk(text, ",\"") != NULL;
    if (quoted) fputc('"', out);
    if (formula) fputc('\'', out);
    print_quoted(out, text);
    if (quoted) fputc('"', out);
}

/* base: NULL: there is nothing; what is absent is empty. */
static void print_cells(FILE *out, const struct column *columns, size_t count, const void *base) {
    for (size_t i = 0; i < count; i++) {
        const char *const at = base ? (const char *)base + columns[i].at : NULL;
        fputc(',', out);
        if (!at) continue;
        switch (columns[i].kind) {
        case TEXT:
            if (*(const char *const *)(const void *)at) print_text(out, *(const char *const *)(const void *)at);
            break;
        case COUNT:
            if (*(const size_t *)(const void *)at) fprintf(out, "%zu", *(const size_t *)(const void *)at);
            break;
        case REAL:
            if (isfinite(*(const double *)(const void *)at)) fprintf(out, "%.9g", *(const double *)(const void *)at);
            break;
        }
    }
}

static void print_names(FILE *out, const struct column *columns, size_t count) {
    for (size_t i = 0; i < count; i++) fprintf(out, ",%s", columns[i].name);
}

static void print_options(FILE *out, const struct gb_result_row *row) {
    char text[1000] = "";
    for (size_t i = 0; i < row->n_options; i++) {
        const struct gb_result_option *const o = &row->options[i];
        gb_text_append(text, sizeof text, "%s%s=%s", i ? " " : "", o->word, o->value ? o->value : "1");
    }
    fputc(',', out);
    print_text(out, text);
}

static void print_sizes(FILE *out, const struct gb_result_row *row, const struct gb_names *dimensions) {
    for (size_t d = 0; d < dimensions->count; d++) {
        fputc(',', out);
        for (size_t i = 0; i < row->n_shape; i++)
            if (strcmp(row->shape[i].name, dimensions->list[d]) == 0) fprintf(out, "%zu", row->shape[i].size);
    }
}

static void print_row(const struct gb_export *export, size_t file, const struct gb_result_row *row,
                      const struct gb_names *dimensions) {
    FILE *const out = export->out;
    print_text(out, export->names[file]);
    print_cells(out, ALL(of_file), &export->results[file]);
    print_cells(out, ALL(of_row), row);
    print_options(out, row);
    print_sizes(out, row, dimensions);
    fprintf(out, ",%s", row->state == GB_STATE_TIMED ? "timed" : gb_state_words[row->state]);
    print_cells(out, ALL(of_time), row);
    print_cells(out, ALL(of_peer), row->best_peer);
    print_cells(out, ALL(of_failure), row);
    fputc('\n', out);
}

int gb_export_csv(const struct gb_export *export) {
    FILE *const out = export->out;
    struct gb_names dimensions = {.count = 0};
    for (size_t k = 0; k < export->count; k++)
        for (size_t i = 0; i < export->results[k].n_rows; i++)
            for (size_t d = 0; d < export->results[k].rows[i].n_shape; d++)
                gb_names_add(&dimensions, export->results[k].rows[i].shape[d].name);
    if (dimensions.count == GB_NAMES_MAX) return gb_fail(GB_EXIT_INPUT, "a table has fewer than %d dimensions", GB_NAMES_MAX);
    fputs("file", out);
    print_names(out, ALL(of_file));
    print_names(out, ALL(of_row));
    fputs(",options", out);
    for (size_t d = 0; d < dimensions.count; d++) {
        fputc(',', out);
        print_text(out, dimensions.list[d]);
    }
    fputs(",state", out);
    print_names(out, ALL(of_time));
    print_names(out, ALL(of_peer));
    print_names(out, ALL(of_failure));
    fputc('\n', out);
    for (size_t k = 0; k < export->count; k++)
        for (size_t i = 0; i < export->results[k].n_rows; i++) print_row(export, k, &export->results[k].rows[i], &dimensions);
    return GB_EXIT_OK;
}
