/* How to run what came out oddly once more, alone. */
#include <string.h>

#include "report_table.h"
#include "report_words.h"
#include "text.h"

struct again {
    const struct gb_report *report;
    const struct gb_result *result;
    const char *settings;
};

static void say_again(const struct again *a, const struct gb_result_problem *problem, size_t variant) {
    const struct gb_result_variant *const v = &a->result->variants[variant];
    char command[2900] = "";
    gb_text_append(command, sizeof command, "again: gradbench run --shape \"%s\" --isa %s --threads %zu %s", problem->text,
                   v->peer ? a->result->context.isa : v->name, v->threads, a->settings);
    gb_say_command(a->report, command);
}

static bool has_failed(const struct gb_result_row *row) { return row->state == GB_STATE_FAILED || row->state == GB_STATE_GONE; }

/* Returns how many there are. */
static size_t say_failed(const struct again *a) {
    const struct gb_result *const result = a->result;
    size_t found = 0;
    for (size_t k = 0; k < result->n_run; k++)
        for (size_t i = 0; i < result->n_variants; i++) {
            if (!has_failed(&result->problems[k].rows[i])) continue;
            if (a->report->details || found < GB_WORST_SHOWN) say_again(a, &result->problems[k], i);
            found++;
        }
    return found;
}

/* ref is behind everybody, and counts where there is nothing else. False: none is. */
static bool say_furthest_behind(const struct again *a) {
    const struct gb_result *const result = a->result;
    const struct gb_result_problem *problem = NULL;
    const bool only_ref = result->variants[result->n_own - 1].ref;
    size_t variant = 0;
    double least = 1;
    for (size_t k = 0; k < result->n_run; k++)
        for (size_t i = 0; i < result->n_own; i++) {
            const struct gb_versus *const best = result->problems[k].rows[i].best_peer;
            if (result->variants[i].ref && !only_ref) continue;
            if (!best || strcmp(best->verdict, "slower") != 0 || best->pair.ratio >= least) continue;
            problem = &result->problems[k];
            variant = i;
            least = best->pair.ratio;
        }
    if (problem) say_again(a, problem, variant);
    return problem != NULL;
}

static void say_noisiest(const struct again *a) {
    const struct gb_result *const result = a->result;
    const struct gb_result_problem *worst = NULL;
    for (size_t k = 0; k < result->n_run; k++) {
        const struct gb_result_problem *const p = &result->problems[k];
        if (p->null && p->noise > (worst ? worst->noise : GB_VERDICT_THRESHOLD)) worst = p;
    }
    for (size_t i = 0; i < result->n_own && worst; i++)
        if (strcmp(result->variants[i].name, worst->null->variant) == 0 && result->variants[i].threads == worst->null->threads)
            say_again(a, worst, i);
}

void gb_report_again(const struct gb_report *report, const struct gb_result *result, const char *settings) {
    const struct again again = {report, result, settings};
    if (!say_failed(&again) && !say_furthest_behind(&again)) say_noisiest(&again);
}
