/* gradbench run, by what it does of its own: tests script that. */
#ifndef GB_COMMAND_RUN_H
#define GB_COMMAND_RUN_H

#include "harness.h"

/* Those of bind.h, environment.h, roofs.h and harness.h. */
struct gb_run_effects {
    const struct gb_effects *measuring;
    struct gb_binding *(*binding_create)(void);
    bool (*binding_works)(const struct gb_binding *binding);
    void (*binding_destroy)(struct gb_binding *binding);
    struct gb_ticks (*ticks)(void);
    bool (*measure_roofs)(struct gb_roofs *roofs, struct gb_binding *binding, size_t effort, struct gb_warnings *warnings);
    bool (*run)(const struct gb_harness *harness, const struct gb_task *task, struct gb_outcome *outcome);
};

int gb_run_by(const struct gb_run_effects *effects, int argc, char **argv);

#endif
