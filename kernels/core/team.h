/* The threads of one call. team.c is the only file that speaks OpenMP. */
#ifndef GK_TEAM_H
#define GK_TEAM_H

#include <stdbool.h>
#include <stddef.h>

#include "topology.h"

struct gk_team {
    size_t rank, size;
    void *scratch; /* the bytes that the cell asked for, aligned to 4096, shared by the team */
    const struct gk_caches *caches;
};

/* What a kernel may know when it sizes its scratch space. */
struct gk_machine {
    size_t threads; /* the most that the team can have */
    struct gk_caches caches;
};

/* Runs run(args, team) on each of at most `threads` threads, in one parallel region, all in the caller's floating-point state.
 * Returns how many there were: one inside a caller's parallel region and in a child after fork, where the OpenMP runtime would
 * hang; fewer than asked for where the system has no more, or where OpenMP is told so (OMP_THREAD_LIMIT, OMP_DYNAMIC). */
size_t gk_team_run(size_t threads, gk_run *run, const void *args, void *scratch, const struct gk_caches *caches);

void gk_team_barrier(const struct gk_team *team);

/* This thread's share of [0, total), cut at multiples of unit. */
struct gk_slice gk_team_slice(const struct gk_team *team, size_t total, size_t unit);

/* Adds the processors of all places to which the OpenMP runtime binds threads. False: it binds none, or there is no memory. */
bool gk_team_places(struct gk_processors *processors);

/* The largest stack that a runtime may give its threads: what its variable asks for, in KiB unless a letter says otherwise, or
 * the system's own, which it falls back on. One that is too large costs threads at most where memory is short. */
size_t gk_team_stack_bytes(size_t least);

/* Why a call runs serially at this moment whatever was asked, or NULL. */
const char *gk_team_serial_reason(void);

#endif
