/* Tests as JUnit writes them, for what shows them beside others. */
#include <stdlib.h>

#include "exports.h"
#include "markup.h"
#include "message.h"

static size_t count_failures(const struct gb_result *result) {
    size_t failures = !result->complete;
    for (size_t i = 0; i < result->n_rows; i++) failures += result->rows[i].state != GB_STATE_TIMED;
    return failures;
}

static void write_count(FILE *out, const char *name, size_t count) {
    char text[24];
    snprintf(text, sizeof text, "%zu", count);
    gb_markup_word(out, name, text);
}

static void open_case(FILE *out, const char *class, const char *name) {
    gb_markup_open(out, "testcase");
    gb_markup_word(out, "classname", class);
    gb_markup_word(out, "name", name);
}

static void fail_case(FILE *out, const char *kind, const char *why) {
    gb_markup_inside(out);
    gb_markup_open(out, "failure");
    gb_markup_word(out, "type", kind);
    gb_markup_word(out, "message", why);
    gb_markup_close(out, "failure", NULL);
    gb_markup_end(out, "testcase");
}

/* The time of a test is that of a call. */
static int write_row(FILE *out, const struct gb_result_row *row) {
    char seconds[32];
    char *const name = gb_export_name(row);
    if (!name) return gb_fail(GB_EXIT_RESOURCE, "no memory for the export");
    open_case(out, row->kernel, name);
    free(name);
    if (row->state != GB_STATE_TIMED) {
        fail_case(out, gb_state_words[row->state], gb_export_failure(row));
        return GB_EXIT_OK;
    }
    snprintf(seconds, sizeof seconds, "%.9g", row->summary.median / 1e9);
    gb_markup_word(out, "time", seconds);
    gb_markup_close(out, "testcase", NULL);
    return GB_EXIT_OK;
}

static int write_suite(FILE *out, const char *file, const struct gb_result *result) {
    int code = GB_EXIT_OK;
    gb_markup_open(out, "testsuite");
    gb_markup_word(out, "name", file);
    gb_markup_word(out, "hostname", result->context.host ? result->context.host : "");
    gb_markup_word(out, "timestamp", result->context.date);
    write_count(out, "tests", result->n_rows + 1);
    write_count(out, "failures", count_failures(result));
    gb_markup_inside(out);
    open_case(out, "gradbench", "every problem was run to its end");
    if (result->complete) gb_markup_close(out, "testcase", NULL);
    else fail_case(out, "incomplete", "the run was cut off");
    for (size_t i = 0; i < result->n_rows && code == GB_EXIT_OK; i++) code = write_row(out, &result->rows[i]);
    gb_markup_end(out, "testsuite");
    return code;
}

int gb_export_junit(const struct gb_export *export) {
    int code = GB_EXIT_OK;
    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", export->out);
    gb_markup_open(export->out, "testsuites");
    gb_markup_inside(export->out);
    for (size_t k = 0; k < export->count && code == GB_EXIT_OK; k++)
        code = write_suite(export->out, export->names[k], &export->results[k]);
    gb_markup_end(export->out, "testsuites");
    return code;
}
