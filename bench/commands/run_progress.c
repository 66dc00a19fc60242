#include "run_progress.h"

#include <stdio.h>
#include <unistd.h>

#include "speed.h"
#include "terminal.h"

static void show(void *data, const struct gb_task *task, const char *what, size_t done, size_t of) {
    struct gb_run_progress *const p = data;
    const struct gb_estimate *const e = &p->estimate;
    const double time = gb_clock_read(e->harness->effects->clock);
    char left[32] = "", line[300];
    if (time - p->last < 1e8) return;
    p->last = time;
    if (e->task > 1 && e->done > 0) gb_time_left(gb_estimate_left_ns(e, time) / 1e9, left);
    snprintf(line, sizeof line, "[%zu/%zu] %s %s%s  %s %zu/%zu%s", e->task + 1, e->harness->plan->n_tasks,
             gk_kernel_get(task->spec.kernel)->name, task->workload, p->more, what, done, of, left);
    gb_progress_show(line);
}

void gb_run_progress_start(struct gb_run_progress *p, struct gb_harness *harness, const bool *skips, const char *more,
                           size_t times) {
    *p = (struct gb_run_progress){.more = more};
    if (!gb_is_terminal(STDERR_FILENO)) return;
    harness->progress = show;
    harness->progress_data = p;
    gb_estimate_start(&p->estimate, harness, skips);
    p->estimate.left *= (double)times;
}

void gb_run_progress_next(struct gb_run_progress *p, size_t task) {
    if (p->estimate.harness) gb_estimate_next(&p->estimate, task);
}

void gb_run_progress_end(const struct gb_run_progress *p) {
    if (p->estimate.harness) gb_progress_end();
}
