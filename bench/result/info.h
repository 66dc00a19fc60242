/* What gradbench info says of a machine, as plain data: printed for a person (report_info.h), or for a program, schema
 * "gradbench-info/1" (gb_info_members). What may be absent is as in a result. */
#ifndef GB_INFO_H
#define GB_INFO_H

#include "result.h"

struct gb_info_isa {
    const char *name;
    bool chosen, usable;
    const char *reason; /* why it is, or is not, what was chosen */
};

/* How a kernel that is one product is computed. */
struct gb_info_plan {
    const char *kernel, *way;
    bool transposed, packs_b, packs_strips, streams;
    size_t down, across, tile_rows, block_cols, rest;
};

enum { GB_INFO_EDGES = 5 }; /* lanes, rows and columns of a tile, lanes of a row sum, block of k */

struct gb_info_check {
    const char *name, *state, *found; /* state: "good", "note", "bad", "unknown" */
    const char *advice;               /* NULL: there is nothing to do */
};

struct gb_info_null {
    size_t threads;
    struct gb_pair pair;
};

struct gb_info {
    const char *version, *revision, *compiler, *flags;
    size_t numerics;
    const char *cpu, *features; /* separated by spaces */
    size_t cores, hardware_threads, machine_cores, packages, numa_nodes;
    size_t l1d, l2, l3; /* bytes */
    double cpu_quota;   /* CPUs; NaN: none */
    const char **environment;
    size_t n_environment;
    struct gb_info_isa *isas; /* the chosen one first, then from the widest on */
    size_t n_isas;
    size_t threads;
    const char *threads_rule;
    size_t edges[GB_INFO_EDGES]; /* 0: the isa has none */
    size_t packed_cols;          /* of a large product, together; 0: none are */
    size_t packed_into;          /* bytes of L2, of which they take half */
    size_t n, d, m;              /* of the products below */
    struct gb_info_plan *plans;
    size_t n_plans;
    struct gb_info_null *nulls;
    size_t n_nulls;
    struct gb_info_check *checks;
    size_t n_checks, bad;
    struct gb_result measured; /* its roofs and warnings; and all the memory */
};

#endif
