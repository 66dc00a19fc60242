/* A peer's side of the protocol of PEERS.md: gradkern as a contender and the shipped peers in C are such programs. The latter
 * include this alone. */
#ifndef GB_PEER_CHILD_H
#define GB_PEER_CHILD_H

#include <stddef.h>

#include "clock.h"
#include "message.h" /* the exit codes: a peer has no message.c */
#include "vocabulary.h"

enum { GB_PEER_NOTE_MAX = 200 };

/* What prepare said. It was checked against kernels.def: every operand is one of the kernel's, aligned to its elements and in
 * the memory with all its rows, the required ones are there, and dimensions are at most 2^24. Labels' values were not looked
 * at. */
struct gb_peer_problem {
    struct gb_problem_spec spec; /* kernel, type, dimensions, and the options that PEERS.md has */
    const struct gk_kernel *kernel;
    size_t threads;
    size_t n_operands;
    void *memory;
    size_t bytes;
    union gk_any_args args; /* the kernel's, complete */
};

/* The operand's memory, or NULL; *ld, if ld is not NULL: elements, 0 for a vector or scalar. */
void *gb_peer_operand(const struct gb_peer_problem *problem, const char *name, size_t *ld);

/* The name of an option that is not at its default and not among those known (bits: gb_option); NULL: there is none. */
const char *gb_peer_unknown_option(const struct gb_peer_problem *problem, uint64_t known);

struct gb_peer {
    char description[GB_PEER_NOTE_MAX];
    void *data;
    /* True: ready, note may say how. False: unsupported, note says why. The problem lives until the next prepare. The outputs
     * stay as they are. Kernels and options that the vocabulary does not have never come here: they are unsupported. */
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
