/* One problem: every variant is verified, then all are timed, interleaved. */
#ifndef GB_HARNESS_H
#define GB_HARNESS_H

#include <signal.h>

#include "speed.h"
#include "stats.h"
#include "turn.h"
#include "verify.h"

struct gb_measure {
    enum gb_state state;
    enum gb_verified verified;
    char failure[GB_TURN_WHY_MAX];      /* why it is not timed; gone before: empty */
    char note[GB_TURN_WHY_MAX];         /* a peer: which of its ways it takes */
    bool differs;                       /* a build: its output has not the bits of the first one's */
    size_t threads_asked, threads_used; /* by a call of ours, 0: a peer; those that ran, fewer where there were no more */
    double call_ns;                     /* about the time of one */
    double empty_ns;                    /* of one of ours that has nothing to do */
    uint64_t iterations;                /* calls a sample */
    double *samples;                    /* ns a call, one a round; owned by the outcome */
    struct gb_summary summary;
    struct gb_share share;
    struct gb_counts counts; /* in the samples */
    bool not_cold;           /* it was to be, and moves more than memory can */
};

struct gb_outcome {
    const struct gb_task *task;
    const struct gk_kernel *kernel;
    struct gb_measure *measures; /* one a variant of the plan */
    struct gb_work work;
    double bytes;
    double huge;   /* the share of the operands' memory that is in huge pages, where these were asked for, else NaN */
    size_t copies; /* that calls took in turn; 0: the operands may be in a cache */
    size_t rounds;
    size_t disturbed[GB_CAUSES]; /* rounds, by their cause */
    bool dropped;                /* these are not among the rounds; else they had to be: too few were without a cause */
    size_t null_variant;         /* the one that was timed twice */
    const double *null_samples;  /* of the second time; NULL: none */
    struct gb_pair null_pair;    /* count 0: none */
    double noise;                /* gb_noise_of(null_pair) */
    double *storage;
};

struct gb_harness {
    const struct gb_effects *effects;
    const struct gb_plan *plan;
    struct gb_roofs *roofs; /* those that a cell beats are measured again */
    struct gb_binding *binding;
    struct gb_placing placing;    /* of operands that no contender is told of */
    struct gk_caches caches;      /* of the machine */
    struct gb_counters *counters; /* NULL: nothing is counted */
    size_t rounds;                /* at most, without those that are dropped; with them twice as many */
    double sample_ns;             /* a sample takes at least this */
    double budget_ns;             /* rounds beyond GB_ROUNDS_MIN start within this time */
    double precision;  /* nor do they where each interval is this narrow: half of it over its median; 0: that ends nothing */
    double limit_ns;   /* a contender that is silent for so long is gone */
    gk_context *judge; /* of peers' results; NULL: there are none, and all calls are made in this process */
    uint64_t seed;
    const volatile sig_atomic_t *stop; /* not 0: finish the sample and return */
    void (*progress)(void *data, const struct gb_task *task, const char *what, size_t done, size_t of); /* may be NULL */
    void *progress_data;
};

#define GB_REF_TIMED_NS  0.2e9 /* a longer call of ref is not timed */
#define GB_PEER_TIMED_NS 2e9   /* nor is one of a peer */

/* False: no memory; what there is of the outcome is valid. */
bool gb_harness_run(const struct gb_harness *harness, const struct gb_task *task, struct gb_outcome *outcome);
void gb_outcome_free(struct gb_outcome *outcome);

/* Sets the shares of all that is timed, by the roofs as they are now: those of as many threads as ran, where they are known. */
void gb_outcome_share(struct gb_outcome *outcome, const struct gb_plan *plan, const struct gb_roofs *roofs);

bool gb_had_fewer_threads(const struct gb_measure *measure);

/* Terms of the longest sum in the canonical order that the outputs consist of: of products, which are matrices, and of
 * elements, which are vectors. 0: there is none. */
void gb_sums_of(const struct gb_problem *problem, size_t terms[GB_STEP_COUNT]);

#endif
