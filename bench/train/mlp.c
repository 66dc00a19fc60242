#include "mlp.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "random.h"
#include "sha256.h"

enum { TEST_ROWS = 256 };

static size_t layer_count(const struct gb_mlp *mlp, size_t layer) { return (mlp->widths[layer] + 1) * mlp->widths[layer + 1]; }

float *gb_mlp_w(const struct gb_mlp *mlp, float *values, size_t layer) {
    for (size_t i = 0; i < layer; i++) values += layer_count(mlp, i);
    return values;
}

float *gb_mlp_b(const struct gb_mlp *mlp, float *values, size_t layer) {
    return gb_mlp_w(mlp, values, layer) + mlp->widths[layer] * mlp->widths[layer + 1];
}

/* --- memory: all arrays are parts of one */

enum { LINE = 64 };

static size_t words_of(size_t bits) { return (bits + 63) / 64; }

/* A part of so many bytes at *used, which moves on. start NULL: only counted. */
static void *part(char *start, double *used, double bytes) {
    char *const here = start ? start + (size_t)*used : NULL;
    *used += ceil(bytes / LINE) * LINE;
    return here;
}

/* In double: it cannot overflow. */
static double lay_out(struct gb_trainer *t, char *start) {
    struct gb_mlp *const mlp = &t->mlp;
    const double n = (double)t->batch;
    double used = 0, parameters = 0, widest = 0;
    for (size_t i = 0; i < mlp->layers; i++) parameters += ((double)mlp->widths[i] + 1) * (double)mlp->widths[i + 1];
    mlp->parameters = part(start, &used, parameters * sizeof(float));
    mlp->gradients = part(start, &used, parameters * sizeof(float));
    mlp->velocities = part(start, &used, parameters * sizeof(float));
    t->x = part(start, &used, n * (double)mlp->widths[0] * sizeof(float));
    for (size_t i = 0; i < mlp->layers; i++) {
        const double m = (double)mlp->widths[i + 1];
        t->y[i] = part(start, &used, n * m * sizeof(float));
        t->mask[i] = part(start, &used, n * (double)words_of(mlp->widths[i + 1]) * sizeof(uint64_t));
        widest = fmax(widest, m);
    }
    for (int i = 0; i < 2; i++) t->dy[i] = part(start, &used, n * widest * sizeof(float));
    t->labels = part(start, &used, n * sizeof(int32_t));
    return used;
}

double gb_trainer_bytes(const struct gb_mlp *mlp, size_t batch) {
    struct gb_trainer counted = {.mlp = *mlp, .batch = batch};
    return lay_out(&counted, NULL);
}

bool gb_trainer_create(struct gb_trainer *t, size_t batch) {
    struct gb_mlp *const mlp = &t->mlp;
    t->batch = batch;
    const double bytes = lay_out(t, NULL);
    t->storage = bytes < (double)PTRDIFF_MAX ? aligned_alloc(LINE, (size_t)bytes) : NULL;
    if (!t->storage) return false;
    memset(t->storage, 0, (size_t)bytes);
    lay_out(t, t->storage);
    mlp->count = 0;
    for (size_t i = 0; i < mlp->layers; i++) mlp->count += layer_count(mlp, i);
    return true;
}

void gb_trainer_free(struct gb_trainer *t) {
    free(t->storage);
    *t = (struct gb_trainer){0};
}

/* --- weights */

/* The sum of twelve uniform numbers of 32 bits has the variance 1: exact in double, and so the same everywhere. */
static double normal(uint64_t *state) {
    double sum = -6;
    for (int i = 0; i < 6; i++) {
        const uint64_t random = gb_next_random(state);
        sum += (double)((random >> 32) + (random & 0xffffffff) + 1) * 0x1p-32;
    }
    return sum;
}

void gb_mlp_start(struct gb_mlp *mlp, uint64_t seed) {
    uint64_t state = gb_mix(seed);
    for (size_t layer = 0; layer < mlp->layers; layer++) {
        float *const w = gb_mlp_w(mlp, mlp->parameters, layer), *const b = gb_mlp_b(mlp, mlp->parameters, layer);
        const double deviation = sqrt(2 / (double)mlp->widths[layer]);
        for (size_t i = 0; w + i < b; i++) w[i] = (float)(deviation * normal(&state));
        memset(b, 0, mlp->widths[layer + 1] * sizeof *b);
    }
}

void gb_mlp_restart(struct gb_mlp *mlp, const float *parameters) {
    memcpy(mlp->parameters, parameters, mlp->count * sizeof *parameters);
    memset(mlp->velocities, 0, mlp->count * sizeof *mlp->velocities);
}

void gb_mlp_hash(const struct gb_mlp *mlp, char hex[65]) {
    struct gb_sha256 sha;
    gb_sha256_init(&sha);
    gb_sha256_update(&sha, mlp->parameters, mlp->count * sizeof *mlp->parameters);
    gb_sha256_hex(&sha, hex);
}

/* --- a step */

static void add_time(const struct gb_trainer *t, double *time, double start) { *time += gb_clock_read(t->clock) - start; }

static gk_status call(struct gb_trainer *t, enum gk_kernel_id id, const void *args) {
    const double start = gb_clock_read(t->clock);
    const gk_status status = gk_call(t->ctx, id, GK_F32, args);
    add_time(t, &t->times.kernels[id], start);
    if (gk_kernel_roof(gk_kernel_get(id), args) == GK_ROOF_FMA) t->flops += gk_kernel_flops(gk_kernel_get(id), args);
    return status;
}

static void take_batch(struct gb_trainer *t, const struct gb_examples *examples, const uint32_t *rows, size_t n) {
    const double start = gb_clock_read(t->clock);
    gb_examples_take(examples, rows, n, t->x, t->labels);
    add_time(t, &t->times.batch, start);
}

/* The logits are in the last y. */
static gk_status forward(struct gb_trainer *t, size_t n) {
    const struct gb_mlp *const mlp = &t->mlp;
    gk_status status = GK_OK;
    for (size_t i = 0; i < mlp->layers && status == GK_OK; i++) {
        const size_t d = mlp->widths[i], m = mlp->widths[i + 1];
        status = call(t, GK_KERNEL_affine_forward,
                      &(gk_affine_forward_args){.n = n,
                                                .d = d,
                                                .m = m,
                                                .x = i ? t->y[i - 1] : t->x,
                                                .w = gb_mlp_w(mlp, mlp->parameters, i),
                                                .b = gb_mlp_b(mlp, mlp->parameters, i),
                                                .y = t->y[i]});
        if (status == GK_OK && i + 1 < mlp->layers)
            status = call(t, GK_KERNEL_relu_forward,
                          &(gk_relu_forward_args){.n = n, .d = m, .x = t->y[i], .y = t->y[i], .mask = t->mask[i]});
    }
    return status;
}

/* From the gradient of the logits, which is in the last dy. */
static gk_status backward(struct gb_trainer *t, size_t n) {
    const struct gb_mlp *const mlp = &t->mlp;
    gk_status status = GK_OK;
    for (size_t i = mlp->layers; i-- > 0 && status == GK_OK;)
        status = call(t, GK_KERNEL_affine_backward,
                      &(gk_affine_backward_args){.n = n,
                                                 .d = mlp->widths[i],
                                                 .m = mlp->widths[i + 1],
                                                 .x = i ? t->y[i - 1] : t->x,
                                                 .w = i ? gb_mlp_w(mlp, mlp->parameters, i) : NULL,
                                                 .dy = t->dy[i % 2],
                                                 .mask = i + 1 < mlp->layers ? t->mask[i] : NULL,
                                                 .dx = i ? t->dy[(i - 1) % 2] : NULL,
                                                 .dw = gb_mlp_w(mlp, mlp->gradients, i),
                                                 .db = gb_mlp_b(mlp, mlp->gradients, i)});
    return status;
}

gk_status gb_mlp_gradients(struct gb_trainer *t, const struct gb_examples *examples, const uint32_t *rows, size_t n,
                           float *loss) {
    const size_t last = t->mlp.layers - 1;
    take_batch(t, examples, rows, n);
    gk_status status = forward(t, n);
    if (status == GK_OK)
        status = call(t, GK_KERNEL_softmax_xent,
                      &(gk_softmax_xent_args){.n = n,
                                              .c = t->mlp.widths[last + 1],
                                              .x = t->y[last],
                                              .labels = t->labels,
                                              .dx = t->dy[last % 2],
                                              .loss = loss});
    return status == GK_OK ? backward(t, n) : status;
}

void gb_mlp_update(struct gb_mlp *mlp, const struct gb_sgd *sgd) {
    float *const restrict p = mlp->parameters, *const restrict g = mlp->gradients, *const restrict v = mlp->velocities;
    const size_t count = mlp->count;
    if (sgd->decay != 0)
        for (size_t i = 0; i < count; i++) g[i] += sgd->decay * p[i];
    if (sgd->momentum == 0) {
        for (size_t i = 0; i < count; i++) p[i] -= sgd->lr * g[i];
        return;
    }
    for (size_t i = 0; i < count; i++) {
        v[i] = sgd->momentum * v[i] + g[i];
        p[i] -= sgd->lr * v[i];
    }
}

/* --- all examples */

/* Each order is as likely as the others (Fisher, Yates). */
static void shuffle(uint32_t *order, size_t count, uint64_t seed, size_t epoch) {
    uint64_t state = gb_mix(gb_mix(seed) + epoch + 1);
    for (size_t i = 0; i < count; i++) order[i] = (uint32_t)i;
    for (size_t i = count; i > 1; i--) {
        const size_t other = (size_t)((gb_next_random(&state) >> 32) * i >> 32);
        const uint32_t swapped = order[i - 1];
        order[i - 1] = order[other];
        order[other] = swapped;
    }
}

static size_t rows_at(const struct gb_trainer *t, size_t done, size_t count) {
    return count - done < t->batch ? count - done : t->batch;
}

gk_status gb_mlp_epoch(struct gb_trainer *t, const struct gb_sgd *sgd, const struct gb_examples *examples, uint64_t seed,
                       size_t epoch, uint32_t *order, double *loss) {
    double sum = 0;
    shuffle(order, examples->count, seed, epoch);
    for (size_t done = 0, n; done < examples->count; done += n) {
        float mean;
        n = rows_at(t, done, examples->count);
        const gk_status status = gb_mlp_gradients(t, examples, order + done, n, &mean);
        if (status != GK_OK) return status;
        const double start = gb_clock_read(t->clock);
        gb_mlp_update(&t->mlp, sgd);
        add_time(t, &t->times.update, start);
        sum += (double)mean * (double)n;
    }
    *loss = sum / (double)examples->count;
    return GK_OK;
}

static bool is_right(const float *logits, size_t classes, int32_t label) {
    size_t best = 0;
    for (size_t j = 1; j < classes; j++)
        if (logits[j] > logits[best]) best = j;
    return best == (size_t)label;
}

static gk_status test(struct gb_trainer *t, const struct gb_examples *examples, double *sum, size_t *right) {
    const size_t last = t->mlp.layers - 1, classes = t->mlp.widths[last + 1];
    uint32_t rows[TEST_ROWS];
    for (size_t done = 0, n; done < examples->count; done += n) {
        float mean;
        n = rows_at(t, done, examples->count);
        if (n > TEST_ROWS) n = TEST_ROWS;
        for (size_t i = 0; i < n; i++) rows[i] = (uint32_t)(done + i);
        take_batch(t, examples, rows, n);
        gk_status status = forward(t, n);
        if (status == GK_OK)
            status = call(
                t, GK_KERNEL_softmax_xent_forward,
                &(gk_softmax_xent_forward_args){.n = n, .c = classes, .x = t->y[last], .labels = t->labels, .loss = &mean});
        if (status != GK_OK) return status;
        *sum += (double)mean * (double)n;
        for (size_t i = 0; i < n; i++) *right += is_right(t->y[last] + i * classes, classes, t->labels[i]);
    }
    return GK_OK;
}

gk_status gb_mlp_test(struct gb_trainer *t, const struct gb_examples *examples, double *loss, double *accuracy) {
    const struct gb_mlp_times times = t->times;
    const double flops = t->flops;
    double sum = 0;
    size_t right = 0;
    const gk_status status = test(t, examples, &sum, &right);
    t->times = times;
    t->flops = flops;
    *loss = sum / (double)examples->count;
    *accuracy = (double)right / (double)examples->count;
    return status;
}
