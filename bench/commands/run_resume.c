#include "run_resume.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "message.h"
#include "result_fill.h"
#include "result_match.h"

int gb_resume_read(struct gb_resume *resume, const char *path) {
    if (access(path, F_OK) != 0 && errno == ENOENT) return GB_EXIT_OK;
    return gb_result_read(&resume->file, path);
}

static int refuse(const char *path, const char *what, const char *there, const char *here) {
    return gb_fail(GB_EXIT_INPUT, "%.400s is of another run: %s '%.300s', here '%.300s'", path, what, there, here);
}

static bool has_raced(const struct gb_result_context *c, const char *name) {
    for (size_t i = 0; i < c->n_peers; i++)
        if (c->peers[i].description && strcmp(c->peers[i].name, name) == 0) return true;
    return false;
}

/* What has to be the same where the rows of two runs stand in one file. */
static int compare_contexts(const char *path, const struct gb_result_context *a, const struct gb_result_context *b) {
    const char *const texts[][3] = {{"host", a->host, b->host},
                                    {"cpu", a->cpu, b->cpu},
                                    {"topology", a->topology, b->topology},
                                    {"compiler", a->compiler, b->compiler},
                                    {"flags", a->flags, b->flags},
                                    {"revision", a->revision, b->revision},
                                    {"version", a->version, b->version},
                                    {"isa", a->isa, b->isa},
                                    {"settings", a->settings, b->settings}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (!texts[i][1] || strcmp(texts[i][1], texts[i][2]) != 0)
            return refuse(path, texts[i][0], texts[i][1] ? texts[i][1] : "", texts[i][2]);
    for (size_t i = 0; i < b->n_peers; i++)
        if (has_raced(b, b->peers[i].name) && !has_raced(a, b->peers[i].name))
            return refuse(path, "peer", "absent", b->peers[i].name);
    return GB_EXIT_OK;
}

static const struct gb_result_row *find(const struct gb_resume *resume, const struct gb_plan *plan, size_t task, size_t variant,
                                        struct gb_result *result) {
    const struct gb_result_row row = gb_expected_row(result, plan, &plan->tasks[task], &plan->variants[variant]);
    return gb_row_find(resume->sorted, resume->file.n_rows, &row);
}

int gb_resume_check(struct gb_resume *resume, const char *path, struct gb_result *result, const struct gb_plan *plan) {
    struct gb_result *const file = &resume->file;
    const struct gb_result_row *const last = !file->complete && file->n_rows ? &file->rows[file->n_rows - 1] : NULL;
    size_t found = 0;
    resume->keeps = calloc(plan->n_tasks, sizeof *resume->keeps);
    if (!resume->keeps) return gb_fail(GB_EXIT_RESOURCE, "no memory for the results");
    if (!file->context.cpu) return GB_EXIT_OK; /* there is none */
    const int code = compare_contexts(path, &file->context, &result->context);
    if (code != GB_EXIT_OK) return code;
    resume->sorted = gb_rows_sorted(file);
    if (!resume->sorted) return gb_fail(GB_EXIT_RESOURCE, "no memory for the results");
    for (size_t k = 0; k < plan->n_tasks; k++) {
        size_t rows = 0, unfinished = 0;
        for (size_t i = 0; i < plan->n_variants; i++) {
            const struct gb_result_row *const row = find(resume, plan, k, i, result);
            rows += row != NULL;
            unfinished += row && (row == last || row->state == GB_STATE_NO_MEMORY);
        }
        resume->keeps[k] = rows && !unfinished;
        resume->kept += resume->keeps[k];
        found += rows;
    }
    if (result->exhausted) return gb_fail(GB_EXIT_RESOURCE, "no memory for the results");
    return found == file->n_rows ? GB_EXIT_OK
                                 : gb_fail(GB_EXIT_INPUT, "%.400s is of another run: it has rows that this one has not", path);
}

void gb_resume_fill(struct gb_resume *resume, struct gb_result *result, const struct gb_plan *plan, size_t task) {
    const struct gb_result_row **const rows = gb_result_alloc(result, plan->n_variants, sizeof *rows);
    for (size_t i = 0; i < plan->n_variants && rows; i++) rows[i] = find(resume, plan, task, i, result);
    if (result->exhausted) return;
    const struct gb_result_problem *const problem = &result->problems[task];
    const struct gb_result_null like = {.kernel = problem->kernel, .dtype = problem->dtype, .workload = problem->workload};
    gb_fill_kept(result, plan, &plan->tasks[task], rows, gb_null_next(&resume->file.context, &resume->nulls, &like));
}

void gb_resume_free(struct gb_resume *resume) {
    gb_result_free(&resume->file);
    free(resume->keeps);
    *resume = (struct gb_resume){.keeps = NULL};
}
