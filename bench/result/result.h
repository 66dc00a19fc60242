/* A run as plain data: filled from outcomes or from a file, printed, exported and compared. It owns all that it points to, and
 * knows nothing of kernels, plans or processes. What may be absent is NULL, NaN or, of a count, 0. */
#ifndef GB_RESULT_H
#define GB_RESULT_H

#include <stdbool.h>
#include <stddef.h>

#include "speed.h"
#include "stats.h"

/* "layout" "out_in"; a flag has no value. */
struct gb_result_option {
    const char *word, *value;
    bool number; /* the value is one, as JSON has it */
};

struct gb_result_size {
    const char *name;
    size_t size;
};

/* A ratio to another variant: above 1 means that the row is faster. */
struct gb_versus {
    const char *variant; /* as in a row */
    struct gb_pair pair; /* of a file without its count */
    const char *verdict;
};

/* Rounds in which the operating system shows a cause: the hypervisor ran something else, a thread was made to wait for another
 * program, it moved to another core. */
struct gb_result_causes {
    size_t steal, switches, migration;
};

/* What was counted in the samples of a row. */
struct gb_result_count {
    const char *name; /* "cycles" */
    double per_call;
    double share; /* of the time, in which it was counted; NaN: all */
};

/* A counter that was asked for. */
struct gb_result_counter {
    const char *name, *reason; /* why it is not there; NULL: it is */
};

/* A variant on a problem: what it is known by, and how it came out. */
struct gb_result_row {
    const char *kernel, *dtype, *workload, *cache;
    struct gb_result_option *options; /* those that differ from the default */
    size_t n_options;
    struct gb_result_size *shape;
    size_t n_shape;
    const char *variant; /* "avx2", "peer:mkl" */
    const char *isa;     /* "peer" of a peer */
    size_t threads;
    double flops, bytes; /* of a call */
    enum gb_state state;
    const char *verified; /* "full", "sampled", "no" */
    /* timed: */
    struct gb_summary summary; /* ns a call */
    double *samples;           /* one a round: those of one index of a problem's rows belong together */
    size_t n_samples;
    size_t *processes; /* how many of them are each process's, in that order; NULL: all are of one */
    size_t n_processes;
    const struct gb_result_causes *dropped;   /* rounds of the problem that are not among the samples; NULL: none */
    const struct gb_result_causes *disturbed; /* that are, for too few were without a cause; NULL: none */
    size_t iterations;                        /* calls a sample */
    size_t threads_used;
    double gflops, gbps;
    double empty_ns; /* of a call that has nothing to do */
    struct gb_share share;
    bool not_cold;        /* cache is "cold", but it moves more than memory can */
    struct gb_versus *vs; /* the others with as many threads */
    size_t n_vs;
    struct gb_versus *best_peer;    /* NULL: a peer itself, or there is none */
    struct gb_result_count *counts; /* NULL: nothing was counted */
    size_t n_counts;
    /* whatever came out: */
    const char *failure; /* why it is not timed */
    const char *note;    /* a peer: which of its ways it takes */
    /* not in a file: */
    size_t threads_asked;
    double longest_ns; /* not timed: its call takes more than this */
};

struct gb_result_spot {
    double footprint; /* bytes */
    struct gb_bandwidth bandwidth;
};

struct gb_result_roof {
    const char *isa, *dtype;
    size_t threads;
    double fma;                      /* GFLOP/s; 0: not measured, and not in a file */
    double fma_latency, add_latency; /* ns, on one thread */
    struct gb_bandwidth at[GB_LEVEL_COUNT];
    struct gb_result_spot *spots; /* moving at the size of single problems */
    size_t n_spots;
};

/* One variant timed twice, as if it were two. */
struct gb_result_null {
    const char *kernel, *dtype, *workload, *variant;
    size_t threads;
    struct gb_pair pair;
};

struct gb_result_peer {
    const char *name, *command;
    const char *description, *reason; /* what it says of itself; why it is not in the race */
    bool told;                        /* not in a file: a person is told the reason */
};

struct gb_result_context {
    const char *host; /* NULL: of a file of before it was kept */
    const char *cpu, *isa, *topology, *compiler, *flags, *revision, *version, *date;
    const char *settings; /* options of the command line that made the rows what they are; NULL: of an old file */
    const char *bind, *huge_pages, *float_state; /* NULL: of a file of before they were kept */
    size_t cores, threads, numerics, seed;
    const char **warnings;
    size_t n_warnings;
    struct gb_result_roof *roofs; /* by isa, dtype, threads */
    size_t n_roofs;
    double level_bytes[GB_LEVEL_COUNT]; /* not in a file: that the roofs were measured with */
    struct gb_result_null *nulls;
    size_t n_nulls;
    struct gb_result_peer *peers;
    size_t n_peers;
    struct gb_result_counter *counters; /* NULL: none was asked for */
    size_t n_counters;
};

enum { GB_RESULT_OWN_MAX = 64, GB_PROCESSES_MAX = 64 };

/* A column of the report of a run. */
struct gb_result_variant {
    const char *name;  /* the isa's or the peer's */
    const char *label; /* the name and the threads, for people */
    size_t threads;
    bool peer, ref;
};

/* What the report of a run says of a problem. */
struct gb_result_problem {
    const char *kernel, *dtype, *workload;
    const char *title; /* "affine n=256 d=768 m=512", of all kernels of its line */
    const char *text;  /* "affine_dx f32 n=256 d=768 m=512" */
    double flops, footprint;
    bool products;                     /* has the rate of products */
    struct gb_result_row *rows;        /* one a variant */
    const struct gb_result_null *null; /* NULL: none */
    double noise;
};

struct gb_result {
    bool complete; /* every problem was run to its end */
    struct gb_result_context context;
    struct gb_result_row *rows;
    size_t n_rows;
    /* of a run, for its report; not in a file: */
    struct gb_result_variant *variants;  /* ours by isa, then threads, ascending; then peers, in the same way */
    size_t n_variants, n_own, n_threads; /* at most GB_RESULT_OWN_MAX own */
    bool names_types;                    /* not all problems are of f32 */
    struct gb_result_problem *problems;  /* all that are planned */
    size_t n_problems, n_run;
    /* its memory: */
    struct gb_result_chunk *chunks;
    bool exhausted; /* some of it could not be had */
};

/* Memory of the result's own, zero; NULL, and exhausted, where there is none: then and from then on. A text then is "". */
void *gb_result_alloc(struct gb_result *result, size_t count, size_t size);
const char *gb_result_text(struct gb_result *result, const char *text);
void gb_result_free(struct gb_result *result);

/* Takes over the memory of another one, which is empty then. */
void gb_result_adopt(struct gb_result *result, struct gb_result *other);

/* a against b, rows of one problem, as it was found or read, else from their samples; without these its count is 0. No verdict
 * where one had fewer threads than it asked for; of several processes it has to be that of each. noise: of the problem. */
struct gb_versus gb_result_compare(const struct gb_result_row *a, const struct gb_result_row *b, double noise);

/* Fills in what the rows of a problem are to each other. */
void gb_result_compare_all(struct gb_result *result, struct gb_result_row *rows, size_t count, double noise);

/* The timed peer with the lowest median at that thread count; count: there is none. */
size_t gb_result_best_peer(const struct gb_result_row *rows, size_t count, size_t threads);

/* The processes that the samples are of, at least 1, and how many of them are one's. */
size_t gb_result_processes(const struct gb_result_row *row);
size_t gb_result_samples(const struct gb_result_row *row, size_t process);

bool gb_result_is_peer(const struct gb_result_row *row);
bool gb_result_had_fewer_threads(const struct gb_result_row *row);

/* The file, schema "gradbench/1". Writes it to a path, "-" is standard output, as gb_result_file_write does. last: no other
 * will follow. Prints what is wrong and returns the exit code. */
int gb_result_write(const struct gb_result *result, const char *path, bool last);

/* Reads a file into an empty result. What was written is written again with the same bytes; members that the schema does not
 * have are left out. At most 256 MiB, and 1 GiB of memory on the way. Prints what is wrong, with its place in the file, and
 * returns the exit code; the result is to be freed in any case. */
int gb_result_read(struct gb_result *result, const char *path);

#endif
