#include "run_dry.h"

#include <math.h>
#include <stdio.h>

#include "cost.h"
#include "report_words.h"
#include "text.h"

#define ROOFS_NS 3e9 /* before the first problem, and after the last */

void gb_run_dry(const struct gb_report *report, const struct gb_harness *h, bool raced, size_t processes) {
    const struct gb_plan *const plan = h->plan;
    double most = 0, all = ROOFS_NS;
    char text[256], memory[24], time[24], problems[40], variants[40], in[40] = "";
    for (size_t k = 0; k < plan->n_tasks; k++) {
        const struct gb_task *const task = &plan->tasks[k];
        const double copies = gb_plan_copies(plan, &task->spec) * (double)gb_problem_bytes(&task->spec);
        const double bytes = gb_plan_bytes(&task->spec, raced) + copies, cost = gb_cost_ns(h, task);
        gb_problem_title(&task->spec, h->seed, text, sizeof text);
        gb_say(report, 2, "%8s  %8s  %s  %s", gb_time_text(cost, time, sizeof time),
               gb_bytes_text(bytes, memory, sizeof memory), text, task->workload);
        most = fmax(most, bytes);
        all += cost;
    }
    all *= (double)processes;
    if (processes > 1) snprintf(in, sizeof in, " in %zu processes", processes);
    gb_say(
        report, 2,
        "%s of %s%s: up to %s of memory, and about %.0f min %02.0f s, guessed from what cores usually do; nothing was measured",
        gb_count_text(plan->n_tasks, "problem", problems, sizeof problems),
        gb_count_text(plan->n_variants, "variant", variants, sizeof variants), in, gb_bytes_text(most, memory, sizeof memory),
        floor(all / 60e9), fmod(floor(all / 1e9), 60));
}
