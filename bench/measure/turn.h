/* A variant's turn: calls in this process, or requests to the contender that it is. */
#ifndef GB_TURN_H
#define GB_TURN_H

#include "copies.h"
#include "counters.h"
#include "effects.h"
#include "plan.h"

#define GB_WARM_NS 0.3e6 /* so long a contender warms up before a sample */

enum gb_turn {
    GB_TURN_GOOD,
    GB_TURN_UNFIT,  /* it does not do this problem */
    GB_TURN_FAILED, /* the call returned an error, or the contender is gone */
};

enum { GB_TURN_WHY_MAX = 240 };

struct gb_turns {
    const struct gb_effects *effects;
    const struct gb_problem *problem;
    struct gb_copies *copies;   /* that calls in this process take instead; NULL: none */
    struct gb_binding *binding; /* of calls in this process */
    double limit_ns;            /* for an answer, beyond the time that the calls should take */
    struct gb_counters *counters;
    struct gb_counts *counts; /* that what is counted in timed calls is added to; NULL: nothing is */
    enum gb_counted counted;  /* whose */
};

/* Tells a contender of the problem. why is written but for GB_TURN_GOOD. */
enum gb_turn gb_turn_prepare(const struct gb_turns *turns, const struct gb_variant *variant, char why[GB_TURN_WHY_MAX]);

/* One call whose output is in the problem's memory afterwards. */
enum gb_turn gb_turn_once(const struct gb_turns *turns, const struct gb_variant *variant, double *ns,
                          char why[GB_TURN_WHY_MAX]);

/* The time of so many calls. warm: calls come before that are not timed; call_ns: about the time of one. */
enum gb_turn gb_turn_calls(const struct gb_turns *turns, const struct gb_variant *variant, bool warm, double call_ns,
                           uint64_t calls, double *ns, char why[GB_TURN_WHY_MAX]);

/* The line that prepares a contender (PEERS.md). False: it is longer than size. */
bool gb_turn_line(const struct gb_problem *problem, size_t threads, char *line, size_t size);

#endif
