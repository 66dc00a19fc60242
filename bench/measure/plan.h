/* What is to be run: problems (lines of workloads times their kernels and types) and variants: isas times thread counts, and
 * the peers that race them. */
#ifndef GB_PLAN_H
#define GB_PLAN_H

#include "contender.h"
#include "options.h"
#include "roofs.h"
#include "workload.h"

enum {
    GB_RACED_MAX = 64, /* peers in one run */
    GB_OWN_VARIANTS_MAX = GK_ISA_COUNT * GB_THREAD_COUNTS_MAX,
    GB_VARIANTS_MAX = GB_OWN_VARIANTS_MAX + GB_RACED_MAX * GB_THREAD_COUNTS_MAX,
};

struct gb_variant {
    size_t isa; /* of a peer: the one whose roof it is held against */
    size_t threads;
    bool peer;
    bool build;                     /* one of two builds of gradkern, each a process: their bits are compared, too */
    gk_context *ctx;                /* NULL: a peer */
    struct gb_contender *contender; /* NULL: it is called in this process */
    const char *name;               /* the isa's or the peer's */
    char label[64];                 /* the name and the threads, for people */
};

struct gb_task {
    struct gb_problem_spec spec;
    const char *workload; /* name of the line */
};

struct gb_plan {
    struct gb_workload workload;
    struct gb_task *tasks;
    size_t n_tasks;
    struct gb_variant variants[GB_VARIANTS_MAX]; /* by isa, then threads, ascending; then peers, in the same way */
    size_t n_variants, n_own;                    /* n_own: without the peers */
    struct gb_variant twin;                      /* in a race: the last of ours once more, a process of its own */
    size_t threads[GB_THREAD_COUNTS_MAX];        /* ascending */
    size_t n_threads;
    bool isas[GK_ISA_COUNT], dtypes[GK_DTYPE_COUNT];
    gk_context *ref;  /* the reference on one thread */
    size_t cold;      /* bytes of the last cache, in which calls are not to find their operands; 0: they may */
    char source[256]; /* "workload mlp", "2 shapes" */
};

struct gb_plan_options {
    struct gb_texts workloads, shapes;
    uint64_t draw;                               /* so many problems at random; without dtype of both types */
    const char *default_workload;                /* where none of these is given */
    const char *kernels, *isa, *threads, *dtype; /* lists separated by commas; NULL: all, 1 and all, f32 */
    uint64_t seed, shift;                        /* shift: as in a problem's spec */
};

/* Prints what is wrong and returns the exit code; the plan is then empty. */
int gb_plan_make(struct gb_plan *plan, const struct gb_plan_options *options);
void gb_plan_free(struct gb_plan *plan);

/* ref, a peer never. */
bool gb_is_ref(const struct gb_variant *variant);

/* Adds a peer as the last variant; there is room for GB_RACED_MAX at each thread count. */
struct gb_variant *gb_plan_add_peer(struct gb_plan *plan, const char *name, size_t threads);

/* Memory that a problem needs; raced: with peers. */
double gb_plan_bytes(const struct gb_problem_spec *spec, bool raced);

/* Of a problem, beside it; 0: it is not to be cold. */
double gb_plan_copies(const struct gb_plan *plan, const struct gb_problem_spec *spec);

/* Refuses, before anything is allocated, a plan of which a problem does not fit in the memory that there is, or is none for a
 * race. */
int gb_plan_check(const struct gb_plan *plan, bool raced, struct gb_memory memory);

/* Parts of command lines that other commands have too. 0: good; else an exit code, after the error was printed. */
/* Names of kernels, families, and globs of kernels' names. */
int gb_parse_kernels(const char *list, bool kernels[GK_KERNEL_COUNT]);
int gb_parse_threads(const char *list, size_t threads[GB_THREAD_COUNTS_MAX], size_t *count);
/* Isas by name, all usable ones for "all" and for NULL. An isa that cannot be used here is an error. */
int gb_parse_isas(const char *list, bool isas[GK_ISA_COUNT]);

#endif
