/* What a measurement does beyond computing. Races, the harness and its turns are handed these functions, so that tests script
 * them. */
#ifndef GB_EFFECTS_H
#define GB_EFFECTS_H

#include "bind.h"
#include "clock.h"
#include "contender.h"
#include "disturbance.h"
#include "problem.h"
#include "roofs.h"

struct gb_effects {
    const struct gb_clock *clock;
    struct gb_signs (*signs)(void);
    size_t (*bind)(struct gb_binding *binding, size_t threads);
    /* So many calls in this process, one after the other; the status of the last. */
    gk_status (*repeat)(const struct gb_problem *problem, gk_context *ctx, uint64_t calls);
    double (*empty_call)(gk_context *ctx, enum gk_kernel_id kernel, enum gk_dtype dtype); /* ns, as gb_empty_call_ns */
    bool (*start)(struct gb_contender *contender, const char *command, size_t threads, enum gb_bind bind, double limit_ns);
    void (*begin_turn)(struct gb_contender *contender);
    void (*end_turn)(struct gb_contender *contender);
    bool (*prepare)(struct gb_contender *contender, const char *line, double limit_ns);
    bool (*run)(struct gb_contender *contender, uint64_t count, double *ns, double limit_ns);
    bool (*result)(struct gb_contender *contender, double limit_ns);
    void (*end)(struct gb_contender *contender);
    void (*look_again)(struct gb_roofs *roofs, struct gb_binding *binding, size_t isa, enum gk_dtype dtype, size_t threads,
                       const struct gb_work *work, double ns);
};

/* What a call costs that has nothing to do: its first dimension is 0, the others are 1, so that one thread does it. The least
 * of a few samples, 0 where there is no memory. */
double gb_empty_call_ns(const struct gb_clock *clock, gk_context *ctx, enum gk_kernel_id kernel, enum gk_dtype dtype);

/* Those of bind.h, contender.h, disturbance.h and roofs.h, the clock of clock.h, and calls of the library. */
extern const struct gb_effects gb_real_effects;

#endif
