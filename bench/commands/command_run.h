/* gradbench run, by what it does of its own: tests script that. */
#ifndef GB_COMMAND_RUN_H
#define GB_COMMAND_RUN_H

#include "doctor.h"
#include "harness.h"

/* What the command line says; 0 and NULL: it does not. */
struct gb_run_options {
    struct gb_plan_options plan;
    uint64_t rounds;
    double max_time, precision, peer_limit; /* precision: of --precision, in percent */
    const char *json, *peers, *vs, *cache, *bind, *huge_pages;
    uint64_t repeat; /* processes; 0: this one */
    struct gb_texts peer_commands;
    const char **words; /* --repeat: of the command line of its processes, see run_repeat.h */
    bool quick, details, wide, no_color, dry_run, resume, counters;
};

enum { GB_RUN_FLAGS_MAX = 40 };

/* The options of run, that others take some of; their number. */
size_t gb_run_flags(struct gb_run_options *options, struct gb_flag flags[GB_RUN_FLAGS_MAX]);

/* Of --bind and --huge-pages. */
enum gb_bind gb_run_bind(const struct gb_run_options *options);
enum gb_huge_pages gb_run_huge_pages(const struct gb_run_options *options);

/* Fills in what was not said. */
void gb_run_defaults(struct gb_run_options *options);

/* Those of bind.h, doctor.h, roofs.h, run_again.h and harness.h. */
struct gb_run_effects {
    const struct gb_effects *measuring;
    struct gb_binding *(*binding_create)(enum gb_bind where);
    bool (*binding_works)(const struct gb_binding *binding);
    void (*binding_destroy)(struct gb_binding *binding);
    const struct gb_perf *perf;
    struct gb_pulse (*pulse)(void);
    void (*warn_company)(struct gb_warnings *warnings);
    bool (*measure_roofs)(struct gb_roofs *roofs, struct gb_binding *binding, size_t effort, struct gb_warnings *warnings);
    int (*again)(const char *const *words);
    bool (*run)(const struct gb_harness *harness, const struct gb_task *task, struct gb_outcome *outcome);
};

int gb_run_by(const struct gb_run_effects *effects, int argc, char **argv);

#endif
