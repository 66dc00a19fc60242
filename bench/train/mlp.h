/* A multi-layer perceptron on the library's kernels: affine layers with a ReLU between them, softmax with loss behind the last.
 * Everything that is computed is one chain of kernels, and of loops over elements in a fixed order: the weights have the same
 * bits whatever the instruction set and the number of threads. */
#ifndef GB_MLP_H
#define GB_MLP_H

#include "call.h"
#include "clock.h"
#include "dataset.h"

enum {
    GB_MLP_LAYERS_MAX = 16, /* of weights */
    GB_MLP_WIDTH_MAX = 65536,
    GB_MLP_BATCH_MAX = 65536,
};

struct gb_mlp {
    size_t layers, widths[GB_MLP_LAYERS_MAX + 1]; /* 784, 50, 10: two layers */
    size_t count;                                 /* of all parameters: w [in][out] and b [out], layer by layer */
    float *parameters, *gradients, *velocities;
};

/* Of one array of all parameters. */
float *gb_mlp_w(const struct gb_mlp *mlp, float *values, size_t layer);
float *gb_mlp_b(const struct gb_mlp *mlp, float *values, size_t layer);

/* What a step did in nanoseconds: a number for each kernel, and for what is no kernel. */
struct gb_mlp_times {
    double kernels[GK_KERNEL_COUNT], batch, update;
};

/* A net with its batch: mlp.layers and mlp.widths are set before gb_trainer_create. */
struct gb_trainer {
    struct gb_mlp mlp;
    size_t batch; /* rows, at most */
    gk_context *ctx;
    const struct gb_clock *clock;
    struct gb_mlp_times times;               /* summed up */
    double flops;                            /* of the affine layers, likewise */
    float *x, *y[GB_MLP_LAYERS_MAX], *dy[2]; /* activations; gradients, of two neighbouring layers at a time */
    uint64_t *mask[GB_MLP_LAYERS_MAX];
    int32_t *labels;
    void *storage;
};

/* Bytes that it takes. */
double gb_trainer_bytes(const struct gb_mlp *mlp, size_t batch);

/* False: no memory. */
bool gb_trainer_create(struct gb_trainer *trainer, size_t batch);
void gb_trainer_free(struct gb_trainer *trainer);

/* Weights of variance 2 / inputs (He), close to normal and the same on every machine; biases 0. */
void gb_mlp_start(struct gb_mlp *mlp, uint64_t seed);
/* Those of an earlier moment, without momentum. */
void gb_mlp_restart(struct gb_mlp *mlp, const float *parameters);

/* The gradients of the mean loss of those rows, and the loss. */
gk_status gb_mlp_gradients(struct gb_trainer *trainer, const struct gb_examples *examples, const uint32_t *rows, size_t n,
                           float *loss);

/* Stochastic gradient descent, in this order and without fma: g += decay p; v = momentum v + g; p -= lr v. What is 0 is left
 * out. */
struct gb_sgd {
    float lr, momentum, decay;
};
void gb_mlp_update(struct gb_mlp *mlp, const struct gb_sgd *sgd);

/* Once over all examples, in the order that seed and epoch give. loss: the mean over them, each before the step that it is
 * part of. order has room for all of them. */
gk_status gb_mlp_epoch(struct gb_trainer *trainer, const struct gb_sgd *sgd, const struct gb_examples *examples, uint64_t seed,
                       size_t epoch, uint32_t *order, double *loss);

/* The mean loss, and the share whose label has the largest logit, the first of equal ones. Not counted in times and flops. */
gk_status gb_mlp_test(struct gb_trainer *trainer, const struct gb_examples *examples, double *loss, double *accuracy);

/* SHA-256 of the parameters' bytes. */
void gb_mlp_hash(const struct gb_mlp *mlp, char hex[65]);

#endif
