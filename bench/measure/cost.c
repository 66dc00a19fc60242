#include "cost.h"

#include <math.h>

/* Of one core of the 2020s, a nanosecond: FLOPs, and bytes of the operands; ref is plain C, of which exp is the slowest. */
static const double flops_rate = 50, bytes_rate = 10, ref_flops_rate = 1, ref_bytes_rate = 0.5;

#define FILL_RATE   0.1    /* bytes a nanosecond, of random contents that are made and looked through */
#define LEAST_NS    50e6   /* of preparing */
#define LEAST       150    /* samples, of empty calls and roofs and what is between them */
#define CALIBRATION 3      /* samples before the first round */
#define SAMPLED     0x1p31 /* FLOPs, above which ref computes a part */

static double call_ns(const struct gb_variant *v, double flops, double bytes) {
    const bool ref = gb_is_ref(v);
    const double one = fmax(flops / (ref ? ref_flops_rate : flops_rate), bytes / (ref ? ref_bytes_rate : bytes_rate));
    return one > 1e5 ? one / (double)v->threads : one; /* short calls run on one thread */
}

/* Calls that are long are made twice, the first to fill the caches. */
static double sample_ns(const struct gb_harness *h, const struct gb_variant *v, double call) {
    return call < h->sample_ns ? 1.2 * h->sample_ns : gb_is_ref(v) ? call : 2 * call;
}

double gb_cost_ns(const struct gb_harness *h, const struct gb_task *task) {
    double flops, bytes, round = 0, verify = 0;
    gb_problem_work(&task->spec, &flops, &bytes);
    const double reference = fmax(fmin(flops, SAMPLED) / ref_flops_rate, bytes / ref_bytes_rate);
    for (size_t i = 0; i < h->plan->n_variants; i++) {
        const struct gb_variant *const v = &h->plan->variants[i];
        const double call = call_ns(v, flops, bytes), sample = sample_ns(h, v, call);
        if (gb_is_ref(v) && call > GB_REF_TIMED_NS) continue;
        verify += call;
        round += i + 1 == h->plan->n_own ? 2 * sample : sample; /* one is timed twice */
    }
    const double rounds = fmax(GB_ROUNDS_MIN * round, fmin((double)h->rounds * round, h->budget_ns));
    return LEAST_NS + LEAST * h->sample_ns + bytes / FILL_RATE + reference + verify + CALIBRATION * round + rounds;
}

static double cost_of(const struct gb_estimate *e, size_t task) {
    return e->skips && e->skips[task] ? 0 : gb_cost_ns(e->harness, &e->harness->plan->tasks[task]);
}

void gb_estimate_start(struct gb_estimate *e, const struct gb_harness *harness, const bool *skips) {
    *e = (struct gb_estimate){.harness = harness, .skips = skips, .start = gb_clock_read(harness->effects->clock)};
    e->task_start = e->start;
    for (size_t i = 0; i < harness->plan->n_tasks; i++) e->left += cost_of(e, i);
}

void gb_estimate_next(struct gb_estimate *e, size_t task) {
    for (; e->task < task; e->task++) {
        const double cost = cost_of(e, e->task);
        e->done += cost;
        e->left -= cost;
    }
    e->task_start = gb_clock_read(e->harness->effects->clock);
}

double gb_estimate_left_ns(const struct gb_estimate *e, double now) {
    return fmax((e->task_start - e->start) / e->done * e->left - (now - e->task_start), 0);
}
