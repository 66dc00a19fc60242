/* What was counted, and why the rest was not. */
#include <math.h>
#include <string.h>

#include "report_table.h"
#include "report_words.h"
#include "text.h"

static bool same_reason(const struct gb_result_counter *a, const struct gb_result_counter *b) {
    return a->reason && b->reason ? strcmp(a->reason, b->reason) == 0 : a->reason == b->reason;
}

/* Those of one reason in a line. */
void gb_report_counters(const struct gb_report *report, const struct gb_result *result) {
    const struct gb_result_context *const c = &result->context;
    for (size_t i = 0; i < c->n_counters; i++) {
        char text[300];
        struct gb_names names = {.count = 0};
        bool said = false;
        for (size_t j = 0; j < i; j++) said = said || same_reason(&c->counters[i], &c->counters[j]);
        if (said) continue;
        for (size_t j = i; j < c->n_counters; j++)
            if (same_reason(&c->counters[i], &c->counters[j])) gb_names_add(&names, c->counters[j].name);
        gb_names_join(&names, text, sizeof text);
        if (c->counters[i].reason) gb_say(report, 2, "not counted: %s (%s)", text, c->counters[i].reason);
        else gb_say(report, 2, "counted: %s%s", text, report->details ? "" : "; --details shows them, --json keeps them");
    }
}

static double per_call(const struct gb_result_row *row, const char *name) {
    for (size_t i = 0; i < row->n_counts; i++)
        if (strcmp(row->counts[i].name, name) == 0) return row->counts[i].per_call;
    return NAN;
}

void gb_report_counts(const struct gb_report *report, const struct gb_result_variant *variant,
                      const struct gb_result_row *row) {
    char text[1000] = "", threads[40], amount[24];
    const double ipc = per_call(row, "instructions") / per_call(row, "cycles");
    if (row->n_counts == 0) return;
    if (isfinite(ipc)) gb_text_append(text, sizeof text, " %.2f instructions a cycle;", ipc);
    for (size_t i = 0; i < row->n_counts; i++) {
        const struct gb_result_count *const count = &row->counts[i];
        gb_text_append(text, sizeof text, "%s %s %s", i ? "," : "", count->name,
                       gb_amount_text(count->per_call, amount, sizeof amount));
        if (isfinite(count->share))
            gb_text_append(text, sizeof text, " (scaled up from %.0f %% of the time)", 100 * count->share);
    }
    gb_say(report, 6, "  a call of %s, %s:%s", variant->name,
           gb_count_text(variant->threads, "thread", threads, sizeof threads), text);
}
