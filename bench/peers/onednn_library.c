#include "onednn_library.h"

#include <stdio.h>
#include <stdlib.h>

static int free_it(void *object) {
    free(object);
    return 0;
}

bool dnn_own(struct dnn *dnn, bool made, void *object, int (*destroy)(void *)) {
    if (!made || !object) return false;
    if (dnn->n_owned == DNN_OWNED_MAX) {
        destroy(object);
        return false;
    }
    dnn->owned[dnn->n_owned].object = object;
    dnn->owned[dnn->n_owned++].destroy = destroy;
    return true;
}

void dnn_release(struct dnn *dnn) {
    while (dnn->n_owned > 0) {
        dnn->n_owned--;
        dnn->owned[dnn->n_owned].destroy(dnn->owned[dnn->n_owned].object);
    }
}

void *dnn_zeros(struct dnn *dnn, size_t count, size_t size) {
    void *const made = calloc(count ? count : 1, size);
    return dnn_own(dnn, made, made, free_it) ? made : NULL;
}

float *dnn_unpack(struct dnn *dnn, const uint64_t *mask, size_t ld, size_t rows, size_t cols) {
    float *const factors = dnn_zeros(dnn, rows * cols, sizeof *factors);
    for (size_t i = 0; factors && i < rows; i++)
        for (size_t j = 0; j < cols; j++) factors[i * cols + j] = (float)(mask[i * ld + j / 64] >> j % 64 & 1);
    return factors;
}

struct dnn_view dnn_operand(const struct gb_peer_problem *problem, const char *name, size_t rows, size_t cols) {
    struct dnn_view v = {.rows = rows, .cols = cols, .col_step = 1};
    v.at = gb_peer_operand(problem, name, &v.row_step);
    if (v.row_step == 0) v.row_step = cols; /* a vector */
    return v;
}

void *dnn_describe(struct dnn *dnn, const struct dnn_view *v) {
    const dnn_dims dims = {(int64_t)v->rows, (int64_t)v->cols}, steps = {(int64_t)v->row_step, (int64_t)v->col_step};
    void *desc = NULL;
    const int status = dnn->memory_desc_create_with_strides(&desc, 2, dims, DNN_F32, steps);
    return dnn_own(dnn, status == 0, desc, dnn->memory_desc_destroy) ? desc : NULL;
}

void *dnn_describe_any(struct dnn *dnn, const struct dnn_view *v) {
    const dnn_dims dims = {(int64_t)v->rows, (int64_t)v->cols};
    void *desc = NULL;
    const int status = dnn->memory_desc_create_with_tag(&desc, 2, dims, DNN_F32, DNN_TAG_ANY);
    return dnn_own(dnn, status == 0, desc, dnn->memory_desc_destroy) ? desc : NULL;
}

void *dnn_describe_vector(struct dnn *dnn, size_t count) {
    const dnn_dims dims = {(int64_t)count}, steps = {1};
    void *desc = NULL;
    const int status = dnn->memory_desc_create_with_strides(&desc, 1, dims, DNN_F32, steps);
    return dnn_own(dnn, status == 0, desc, dnn->memory_desc_destroy) ? desc : NULL;
}

void *dnn_memory(struct dnn *dnn, const void *desc, const void *at) {
    void *memory = NULL;
    const int status = desc ? dnn->memory_create(&memory, desc, dnn->engine, (void *)at) : -1;
    return dnn_own(dnn, status == 0, memory, dnn->memory_destroy) ? memory : NULL;
}

bool dnn_set_primitive(struct dnn *dnn, struct dnn_step *step, const void *desc) {
    const int status = dnn->primitive_create(&step->primitive, desc);
    return dnn_own(dnn, status == 0, step->primitive, dnn->primitive_destroy);
}

bool dnn_add_step(struct dnn *dnn, struct dnn_step *step, int status, void *desc) {
    return dnn_own(dnn, status == 0, desc, dnn->primitive_desc_destroy) && dnn_set_primitive(dnn, step, desc);
}

bool dnn_add_argument(struct dnn_step *step, int name, void *memory) {
    step->arguments[step->n_arguments++] = (struct dnn_argument){name, memory};
    return memory;
}

void dnn_take(const struct dnn *dnn, const struct dnn_step *step) {
    dnn->primitive_execute(step->primitive, dnn->stream, step->n_arguments, step->arguments);
}

bool dnn_unfit(char note[GB_PEER_NOTE_MAX], const char *what, const char *which) {
    snprintf(note, GB_PEER_NOTE_MAX, "%s%s", what, which);
    return false;
}
