/* Who races: the peers that were asked for, and with them gradkern itself, each a process of its own for each thread count. */
#ifndef GB_RACE_H
#define GB_RACE_H

#include <signal.h>

#include "harness.h"
#include "peer_catalog.h"

/* A peer that was asked for. */
struct gb_racer {
    struct gb_peer_entry entry;
    bool named; /* by its own name: it has to finish the race */
    bool news;  /* its absence is told */
    bool up;    /* it has variants in the plan */
    char description[GB_CONTENDER_TEXT_MAX];
    char reason[GB_PEER_REASON_MAX]; /* not up: why */
};

struct gb_race {
    struct gb_racer list[GB_RACED_MAX];
    size_t count;
    const struct gb_effects *effects; /* by which it was started */
    struct gb_contender *contenders;
    size_t n_contenders;
    gk_context *judge; /* computes what peers' results are compared with; NULL: nobody races */
};

/* list: none, or auto, all, names of the catalog, NULL: none; commands: NAME=COMMAND each. Starts nothing. Prints what is wrong
 * and returns the exit code. */
int gb_race_choose(struct gb_race *race, const char *list, const struct gb_texts *commands);

/* Starts the peers, each that is there becomes a variant of the plan for each of its thread counts, and gradkern's variants as
 * children. Where no peer is up nothing else is started. bind: each to as many places as it has threads. */
int gb_race_start(struct gb_race *race, const struct gb_effects *effects, struct gb_plan *plan, enum gb_bind bind,
                  double limit_ns, const volatile sig_atomic_t *stop);

/* Starts two builds of gradkern, by what gb_build_command says, for each of the plan's own variants: the new one in its place,
 * the old one as a variant more, n_own further on. */
int gb_race_start_builds(struct gb_race *race, const struct gb_effects *effects, struct gb_plan *plan, const char *old_command,
                         const char *new_command, enum gb_bind bind, double limit_ns, const volatile sig_atomic_t *stop);

/* GB_EXIT_CHECK where a named peer is absent, is gone or gave a wrong result in one of `count` problems, or did none of them,
 * after a line for each that says so; else GB_EXIT_OK. */
int gb_race_judge(const struct gb_race *race, const struct gb_plan *plan, const struct gb_outcome *outcomes, size_t count);

/* Ends all processes; what they said stays. Safe to call twice. */
void gb_race_end(struct gb_race *race);
void gb_race_free(struct gb_race *race);

#endif
