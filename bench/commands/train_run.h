/* A net trained by each variant, one after the other, and what came of it. */
#ifndef GB_TRAIN_RUN_H
#define GB_TRAIN_RUN_H

#include "mlp.h"

struct gb_train_epoch {
    double loss, test_loss, accuracy, ns;
    char hash[65]; /* of the weights after it */
};

struct gb_train_variant {
    size_t isa, threads, epochs; /* epochs: that it was trained for */
    double ns;                   /* all of them together */
    struct gb_mlp_times times;   /* likewise */
    double flops;
    char hash[65];
    bool equal; /* to the first one's weights after as many epochs */
};

struct gb_train_run {
    const struct gb_dataset *data;
    const struct gb_clock *clock;
    struct gb_sgd sgd;
    uint64_t seed;
    size_t batch, epochs;
    double most_ns;     /* after which a variant that is not the first one starts no epoch */
    const float *start; /* the weights before */
    struct gb_train_variant *variants;
    size_t count;
    struct gb_trainer trainer; /* made; after a training it holds the weights */
    struct gb_train_epoch *curve;
    bool progress;
};

/* Trains by one variant and, for the first, fills the curve. Prints what is wrong and returns the exit code. */
int gb_train_variant(struct gb_train_run *run, size_t index);

void gb_print_train_speeds(const struct gb_train_run *run);
/* False: they are not all equal. */
bool gb_print_train_hashes(const struct gb_train_run *run);

#endif
