/* The formats that are JSON. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "exports.h"
#include "json_text.h"
#include "message.h"
#include "report_words.h"
#include "text.h"

char *gb_export_name(const struct gb_result_row *row) {
    char *text = NULL;
    size_t size;
    FILE *const out = open_memstream(&text, &size);
    if (!out) return NULL;
    fprintf(out, "%s/%s", row->kernel, row->workload);
    for (size_t i = 0; i < row->n_shape; i++) fprintf(out, "/%s:%zu", row->shape[i].name, row->shape[i].size);
    fprintf(out, "/dtype:%s", row->dtype);
    for (size_t i = 0; i < row->n_options; i++)
        fprintf(out, "/%s:%s", row->options[i].word, row->options[i].value ? row->options[i].value : "1");
    fprintf(out, "/cache:%s/variant:%s/threads:%zu", row->cache, row->variant, row->threads);
    if (fclose(out) == 0) return text;
    free(text);
    return NULL;
}

const char *gb_export_failure(const struct gb_result_row *row) {
    return row->failure && *row->failure ? row->failure : gb_state_words[row->state];
}

/* Where memory lacks the text is not printed, whatever has become of it. */
static json_t *name_of(const struct gb_result_row *row) {
    char *const name = gb_export_name(row);
    json_t *const string = name ? gb_json_words(name) : NULL;
    free(name);
    return string;
}

static bool is_timed(const struct gb_result_row *row) { return row->state == GB_STATE_TIMED; }

static int print(const struct gb_export *export, json_t *(*make)(const void *result)) {
    size_t size;
    char *const text = gb_json_text(make, export->results, &size);
    if (!text) return gb_fail(GB_EXIT_RESOURCE, "no memory for the export");
    fwrite(text, 1, size, export->out);
    free(text);
    return GB_EXIT_OK;
}

/* --- Google Benchmark */

/* What print writes, as one text. */
static json_t *text_of(void (*print_to)(FILE *out, const struct gb_result *result), const struct gb_result *result) {
    char *text = NULL;
    size_t size;
    FILE *const out = open_memstream(&text, &size);
    if (out) print_to(out, result);
    json_t *const string = out && fclose(out) == 0 ? gb_json_words(text) : json_string("no memory");
    free(text);
    return string;
}

static void print_warnings(FILE *out, const struct gb_result *result) {
    for (size_t i = 0; i < result->context.n_warnings; i++) fprintf(out, "%s%s", i ? "; " : "", result->context.warnings[i]);
}

/* Rows without a time: a time of 0 would be one to its readers. */
static void print_failures(FILE *out, const struct gb_result *result) {
    const char *between = "";
    for (size_t i = 0; i < result->n_rows; i++) {
        const struct gb_result_row *const row = &result->rows[i];
        if (is_timed(row)) continue;
        char *const name = gb_export_name(row);
        fprintf(out, "%s%s: %s", between, name ? name : row->kernel, gb_export_failure(row));
        free(name);
        between = "; ";
    }
}

/* Beside its own members it may have texts. */
static json_t *google_context(const struct gb_result *result) {
    const struct gb_result_context *const c = &result->context;
    const char *const texts[][2] = {{"date", c->date},         {"host_name", c->host ? c->host : ""},
                                    {"cpu", c->cpu},           {"isa", c->isa},
                                    {"topology", c->topology}, {"compiler", c->compiler},
                                    {"flags", c->flags},       {"revision", c->revision},
                                    {"version", c->version},   {"complete", result->complete ? "true" : "false"}};
    json_t *const context =
        json_pack("{s:s, s:I, s:[], s:[], s:s, s:i}", "executable", "gradbench", "num_cpus", (json_int_t)c->cores, "caches",
                  "load_avg", "library_build_type", "release", "json_schema_version", 1);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        json_object_set_new(context, texts[i][0], gb_json_words(texts[i][1]));
    json_object_set_new(context, "seed", json_sprintf("%zu", c->seed));
    json_object_set_new(context, "numerics", json_sprintf("%zu", c->numerics));
    json_object_set_new(context, "warnings", text_of(print_warnings, result));
    json_object_set_new(context, "failures", text_of(print_failures, result));
    return context;
}

/* What all lines of a row have. */
static json_t *google_line(const struct gb_result_row *row, size_t family, const char *kind, const char *suffix, double ns) {
    char share[40];
    json_t *const run_name = name_of(row);
    json_t *const name = json_sprintf("%s%s", run_name ? json_string_value(run_name) : "", suffix);
    return json_pack("{s:o, s:I, s:i, s:o, s:s, s:I, s:I, s:o, s:o, s:s, s:s}", "name", name, "family_index",
                     (json_int_t)family, "per_family_instance_index", 0, "run_name", run_name, "run_type", kind, "repetitions",
                     (json_int_t)(row->n_samples ? row->n_samples : 1), "threads", (json_int_t)row->threads, "real_time",
                     gb_json_number(ns), "cpu_time", gb_json_number(ns), "time_unit", "ns", "label",
                     gb_share_text(&row->share, share, sizeof share));
}

static void add_rate(json_t *line, const char *name, double amount, double ns) {
    if (amount >= 0 && isfinite(1e9 * amount / ns)) json_object_set_new(line, name, json_real(1e9 * amount / ns));
}

static void add_repetition(json_t *lines, const struct gb_result_row *row, size_t family, size_t i, double ns) {
    json_t *const line = google_line(row, family, "iteration", "", ns);
    json_object_set_new(line, "repetition_index", json_integer((json_int_t)i));
    json_object_set_new(line, "iterations", json_integer((json_int_t)(row->iterations ? row->iterations : 1)));
    add_rate(line, "flops_per_second", row->flops, ns);
    add_rate(line, "bytes_per_second", row->bytes, ns);
    json_array_append_new(lines, line);
}

static void add_aggregate(json_t *lines, const struct gb_result_row *row, size_t family, const char *what, const char *unit,
                          double value) {
    char suffix[16];
    snprintf(suffix, sizeof suffix, "_%s", what);
    json_t *const line = google_line(row, family, "aggregate", suffix, value);
    json_object_set_new(line, "aggregate_name", json_string(what));
    json_object_set_new(line, "aggregate_unit", json_string(unit));
    json_object_set_new(line, "iterations", json_integer((json_int_t)row->n_samples));
    json_array_append_new(lines, line);
}

/* Of at least two samples. */
static void add_aggregates(json_t *lines, const struct gb_result_row *row, size_t family) {
    const double n = (double)row->n_samples;
    double mean = 0, squares = 0;
    for (size_t i = 0; i < row->n_samples; i++) mean += row->samples[i] / n;
    for (size_t i = 0; i < row->n_samples; i++) squares += (row->samples[i] - mean) * (row->samples[i] - mean);
    const double deviation = sqrt(squares / (n - 1));
    add_aggregate(lines, row, family, "mean", "time", mean);
    add_aggregate(lines, row, family, "median", "time", row->summary.median);
    add_aggregate(lines, row, family, "stddev", "time", deviation);
    add_aggregate(lines, row, family, "cv", "percentage", mean > 0 ? deviation / mean : 0);
}

static json_t *google_benchmark(const void *data) {
    const struct gb_result *const result = data;
    json_t *const lines = json_array();
    for (size_t i = 0; i < result->n_rows; i++) {
        const struct gb_result_row *const row = &result->rows[i];
        if (!is_timed(row)) continue;
        for (size_t k = 0; k < row->n_samples; k++) add_repetition(lines, row, i, k, row->samples[k]);
        if (row->n_samples == 0) add_repetition(lines, row, i, 0, row->summary.median);
        if (row->n_samples > 1) add_aggregates(lines, row, i);
    }
    return json_pack("{s:o, s:o}", "context", google_context(result), "benchmarks", lines);
}

int gb_export_google_benchmark(const struct gb_export *export) { return print(export, google_benchmark); }

/* --- github-action-benchmark */

static json_t *gha(const void *data) {
    const struct gb_result *const result = data;
    json_t *const list = json_array();
    for (size_t i = 0; i < result->n_rows; i++) {
        const struct gb_result_row *const row = &result->rows[i];
        const struct gb_summary *const s = &row->summary;
        char share[40];
        if (!is_timed(row)) continue;
        json_array_append_new(
            list, json_pack("{s:o, s:s, s:o, s:o, s:o}", "name", name_of(row), "unit", "ns", "value", gb_json_number(s->median),
                            "range", json_sprintf("\302\261 %.2f", (s->high - s->low) / 2), "extra",
                            json_sprintf("95 %% interval [%.9g, %.9g] ns, %zu samples, %s, verified: %s", s->low, s->high,
                                         row->n_samples, gb_share_text(&row->share, share, sizeof share), row->verified)));
    }
    return list;
}

int gb_export_gha(const struct gb_export *export) { return print(export, gha); }

/* --- Bencher */

static json_t *bounded(double value, double low, double high) {
    return json_pack("{s:o, s:o, s:o}", "value", gb_json_number(value), "lower_value", gb_json_number(low), "upper_value",
                     gb_json_number(high));
}

static json_t *bencher(const void *data) {
    const struct gb_result *const result = data;
    json_t *const all = json_object();
    for (size_t i = 0; i < result->n_rows; i++) {
        const struct gb_result_row *const row = &result->rows[i];
        const struct gb_summary *const s = &row->summary;
        if (!is_timed(row)) continue;
        json_t *const name = name_of(row), *const measures = json_pack("{s:o}", "latency", bounded(s->median, s->low, s->high));
        if (s->low > 0) json_object_set_new(measures, "throughput", bounded(1e9 / s->median, 1e9 / s->high, 1e9 / s->low));
        json_object_set_new(all, json_string_value(name), measures);
        json_decref(name);
    }
    return all;
}

int gb_export_bencher(const struct gb_export *export) { return print(export, bencher); }
