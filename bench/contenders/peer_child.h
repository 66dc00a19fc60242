/* A peer's side of the protocol of PEERS.md: gradkern as a contender and the shipped peers in C are such programs. */
#ifndef GB_PEER_CHILD_H
#define GB_PEER_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "table.h"

enum { GB_PEER_OPERANDS_MAX = 16, GB_PEER_OPTIONS_MAX = 16, GB_PEER_NOTE_MAX = 200 };

struct gb_peer_operand {
    char name[24];
    void *start;
    size_t ld; /* elements; 0: a vector or scalar */
    bool output;
};

/* What prepare said. It was checked against kernels.def: every operand is one of the kernel's, aligned to its elements and in
 * the memory with all its rows, the required ones are there, and dimensions are at most 2^24. Labels' values were not looked
 * at. */
struct gb_peer_problem {
    char kernel[48];
    bool f64;
    size_t threads;
    union { /* by name, or by gk_dim; 0: not given */
        size_t dims[GK_DIM_COUNT];
        struct {
#define GK_DIMENSION(f, doc) size_t f;
#include "../../kernels/kernels.def"
        };
    };
    struct gb_peer_operand operands[GB_PEER_OPERANDS_MAX];
    size_t n_operands;
    struct {
        char key[24], value[24];
    } options[GB_PEER_OPTIONS_MAX]; /* those not at their default */
    size_t n_options;
    void *memory;
    size_t bytes;
};

/* The operand's memory, or NULL; *ld, if ld is not NULL. */
void *gb_peer_operand(const struct gb_peer_problem *problem, const char *name, size_t *ld);
/* The value of an option, or NULL: at its default. */
const char *gb_peer_option(const struct gb_peer_problem *problem, const char *key);

struct gb_peer {
    char description[GB_PEER_NOTE_MAX];
    void *data;
    /* True: ready, note may say how. False: unsupported, note says why. The problem lives until the next prepare. The outputs
     * stay as they are. Kernels that kernels.def does not have never come here: they are unsupported. */
    bool (*prepare)(void *data, const struct gb_peer_problem *problem, char note[GB_PEER_NOTE_MAX]);
    /* One call of the prepared kernel. Not NULL. */
    void (*call)(void *data);
    void (*result)(void *data);    /* NULL: call leaves it in place */
    size_t (*threads)(void *data); /* those that the last call had; NULL: not known */
};

/* Serves standard input until it ends; the exit code. Nothing else may write to standard output: it is moved away. */
int gb_peer_serve(const struct gb_peer *peer);

/* Says that there is nothing to race, and why; the exit code. */
int gb_peer_absent(const char *reason);

#endif
