#include "train_run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "report_words.h"
#include "terminal.h"
#include "text.h"

static const char *name_of(const struct gb_train_variant *v, char text[40]) {
    char threads[24];
    snprintf(text, 40, "%s, %s", gk_isa_get(v->isa, GK_F32)->name,
             gb_count_text(v->threads, "thread", threads, sizeof threads));
    return text;
}

static void show_progress(const struct gb_train_run *run, const struct gb_train_variant *v) {
    char name[40], line[160], left[32] = "";
    if (!run->progress) return;
    if (v->epochs) {
        const double ns = v->ns / (double)v->epochs * (double)(run->epochs - v->epochs);
        gb_time_left((v == run->variants ? ns : fmin(ns, run->most_ns - v->ns)) / 1e9, left);
    }
    snprintf(line, sizeof line, "[%zu/%zu] %s  epoch %zu/%zu%s", (size_t)(v - run->variants) + 1, run->count, name_of(v, name),
             v->epochs + 1, run->epochs, left);
    gb_progress_show(line);
}

static void end_progress(const struct gb_train_run *run) {
    if (run->progress) gb_progress_end();
}

/* In eight columns. */
static const char *loss_text(double loss, char text[32]) {
    if (isnan(loss)) return "nan"; /* its sign says nothing */
    snprintf(text, 32, loss < 100 ? "%.5f" : loss < 1e6 ? "%.6g" : "%.3g", loss);
    return text;
}

static void print_epoch(const struct gb_train_run *run, size_t epoch) {
    const struct gb_train_epoch *const e = &run->curve[epoch];
    char time[24], loss[2][32];
    if (epoch == 0) printf("\nepoch      loss  test loss  accuracy    time\n");
    printf("%5zu  %8s   %8s  %6.2f %%  %6s\n", epoch + 1, loss_text(e->loss, loss[0]), loss_text(e->test_loss, loss[1]),
           100 * e->accuracy, gb_time_text(e->ns, time, sizeof time));
    fflush(stdout);
}

/* Of the first variant. A weight that is no number makes the loss none, for each image reaches all of them. */
static int take_epoch(struct gb_train_run *run, size_t epoch) {
    struct gb_train_epoch *const e = &run->curve[epoch];
    const gk_status status = gb_mlp_test(&run->trainer, &run->data->test, &e->test_loss, &e->accuracy);
    if (status != GK_OK) return gb_fail(GB_EXIT_RESOURCE, "cannot test: %s", gk_status_string(status));
    gb_mlp_hash(&run->trainer.mlp, e->hash);
    end_progress(run);
    print_epoch(run, epoch);
    if (isfinite(e->loss) && isfinite(e->test_loss)) return GB_EXIT_OK;
    return gb_fail(GB_EXIT_CHECK, "the loss is not finite after epoch %zu (a smaller --lr may help)", epoch + 1);
}

static int train_epochs(struct gb_train_run *run, struct gb_train_variant *v, uint32_t *order) {
    const bool first = v == run->variants;
    while (v->epochs < run->epochs && (first || v->epochs == 0 || v->ns < run->most_ns)) {
        double loss;
        show_progress(run, v);
        const double start = gb_clock_read(run->clock);
        const gk_status status = gb_mlp_epoch(&run->trainer, &run->sgd, &run->data->train, run->seed, v->epochs, order, &loss);
        const double ns = gb_clock_read(run->clock) - start;
        if (status != GK_OK) return gb_fail(GB_EXIT_RESOURCE, "cannot train: %s", gk_status_string(status));
        v->ns += ns;
        if (first) {
            run->curve[v->epochs] = (struct gb_train_epoch){.loss = loss, .ns = ns};
            const int code = take_epoch(run, v->epochs);
            if (code != GB_EXIT_OK) return code;
        }
        v->epochs++;
    }
    return GB_EXIT_OK;
}

int gb_train_variant(struct gb_train_run *run, size_t index) {
    struct gb_train_variant *const v = &run->variants[index];
    struct gb_trainer *const t = &run->trainer;
    const gk_options options = {.isa = gk_isa_get(v->isa, GK_F32)->name, .threads = v->threads};
    uint32_t *const order = malloc(run->data->train.count * sizeof *order);
    const gk_status status = order ? gk_context_create(&t->ctx, &options) : GK_ERROR_MEMORY;
    int code = GB_EXIT_OK;
    if (status != GK_OK) code = gb_fail(GB_EXIT_RESOURCE, "cannot train: %s", gk_status_string(status));
    if (code == GB_EXIT_OK) {
        gb_mlp_restart(&t->mlp, run->start);
        t->clock = run->clock;
        t->times = (struct gb_mlp_times){.batch = 0};
        t->flops = 0;
        code = train_epochs(run, v, order);
        end_progress(run);
        v->times = t->times;
        v->flops = t->flops;
        gb_mlp_hash(&t->mlp, v->hash);
        v->equal = v->epochs > 0 && strcmp(v->hash, run->curve[v->epochs - 1].hash) == 0;
        gk_context_destroy(t->ctx);
    }
    free(order);
    return code;
}

/* --- what came of it */

/* What a step consists of, and how the table calls it. */
enum { KERNELS = 4 };
static const struct {
    enum gk_kernel_id id;
    const char *word;
    int width;
} kernels[KERNELS] = {
    {GK_KERNEL_affine_forward, "affine", 8},
    {GK_KERNEL_relu_forward, "relu", 8},
    {GK_KERNEL_softmax_xent, "softmax", 8},
    {GK_KERNEL_affine_backward, "backward", 9},
};

/* Multiply-adds in registers, in FLOPs a nanosecond: the best of a few samples of a millisecond. */
static double fma_roof(const struct gb_train_run *run, const struct gb_train_variant *v) {
    static char sinks[1024 * 64]; /* a line for each thread that there can be */
    struct gk_probe_args args = {.rounds = 8, .sink = sinks};
    double best = 0;
    for (int samples = 0; samples < 9;) {
        const double start = gb_clock_read(run->clock);
        const size_t threads = gk_probe_run(v->isa, GK_F32, GK_PROBE_FMA, v->threads, &args);
        const double ns = gb_clock_read(run->clock) - start;
        best = fmax(best, gk_isa_get(v->isa, GK_F32)->fma_flops * (double)(args.rounds * threads) / ns);
        if (ns > 5e5) samples++;
        else args.rounds *= 2;
    }
    return best;
}

static void print_speed(const struct gb_train_run *run, const struct gb_train_variant *v) {
    const size_t images = run->data->train.count, batches = (images + run->batch - 1) / run->batch;
    const double steps = (double)(batches * v->epochs), step = v->ns / steps;
    char time[24];
    printf("%-6s%4zu%9.0f%8s", gk_isa_get(v->isa, GK_F32)->name, v->threads, (double)(images * v->epochs) / v->ns * 1e9,
           gb_time_text(step, time, sizeof time));
    printf("%4.0f %%", 100 * v->flops / v->ns / fma_roof(run, v));
    for (size_t i = 0; i < KERNELS; i++)
        printf("%*s", kernels[i].width, gb_time_text(v->times.kernels[kernels[i].id] / steps, time, sizeof time));
    printf("%8s", gb_time_text(v->times.batch / steps, time, sizeof time));
    printf("%8s\n", gb_time_text(v->times.update / steps, time, sizeof time));
}

void gb_print_train_speeds(const struct gb_train_run *run) {
    printf("\n%10s%9s%8s%6s", "threads", "images/s", "a step", "roof");
    for (size_t i = 0; i < KERNELS; i++) printf("%*s", kernels[i].width, kernels[i].word);
    printf("%8s%8s\n", "batch", "update");
    for (size_t i = 0; i < run->count; i++) print_speed(run, &run->variants[i]);
    printf("affine, backward: affine_forward, affine_backward; batch: images scaled to [0, 1]\n"
           "roof: the share of what multiply-adds in registers can do\n");
}

bool gb_print_train_hashes(const struct gb_train_run *run) {
    size_t equal = 0;
    printf("\nSHA-256 of the weights\n");
    for (size_t i = 0; i < run->count; i++) {
        const struct gb_train_variant *const v = &run->variants[i];
        printf("%-8s%3zu  %s\n", gk_isa_get(v->isa, GK_F32)->name, v->threads, v->hash);
        if (v->epochs < run->epochs) {
            char epochs[40];
            printf("%13safter %s (--max-time), when the first had\n%13s%s\n", "",
                   gb_count_text(v->epochs, "epoch", epochs, sizeof epochs), "", run->curve[v->epochs - 1].hash);
        }
        equal += v->equal;
    }
    if (equal == run->count) printf("all equal\n");
    else printf("%zu of %zu differ from the first\n", run->count - equal, run->count);
    return equal == run->count;
}
