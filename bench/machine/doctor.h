/* What spoils a measurement, and what to do about it: one table, which info prints whole, and run where it matters. */
#ifndef GB_DOCTOR_H
#define GB_DOCTOR_H

#include "bind.h"
#include "environment.h"

enum gb_health {
    GB_HEALTH_GOOD,
    GB_HEALTH_NOTE, /* it has to be known, and cannot always be helped */
    GB_HEALTH_BAD,
    GB_HEALTH_UNKNOWN, /* it cannot be read; the text says why */
    GB_HEALTH_COUNT,
};

/* "good", "note", "bad", "unknown". */
extern const char *const gb_health_words[GB_HEALTH_COUNT];

/* What the system counts, from its start on, and what these do in a measurement's time. */
struct gb_pulse {
    struct gb_ticks ticks;
    double own;        /* ticks of this process, and of children that have ended; -1: unknown, as below */
    double throttled;  /* times that the cgroup was stopped for its quota */
    double overheated; /* times that cores were slowed down for their heat */
    double swapped;    /* pages */
};
struct gb_pulse gb_pulse_read(void);
struct gb_pulse gb_system_pulse(const struct gb_system *system);

/* What is looked at. */
struct gb_looking {
    const struct gb_system *system;
    size_t threads;                        /* the most that will be used */
    enum gb_bind bind;                     /* to what */
    const struct gb_pulse *before, *after; /* of a measurement; NULL: there was none */
};

struct gb_finding {
    const char *name;
    enum gb_health health;
    char text[GB_WARNING_MAX];
    const char *advice; /* NULL: there is nothing to do */
};

size_t gb_checks(void);
/* The check of that index: one of gb_checks(). Reads files of the system, and no more. */
struct gb_finding gb_check_system(const struct gb_looking *looking, size_t check);
/* The same of this system. */
struct gb_finding gb_check_here(size_t threads, enum gb_bind bind, const struct gb_pulse *before, const struct gb_pulse *after,
                                size_t check);

/* Warns of what matters to a run. threads: the most that will be used. */
void gb_environment_warn(struct gb_warnings *warnings, size_t threads, enum gb_bind bind);
void gb_system_warn(const struct gb_system *system, struct gb_warnings *warnings, size_t threads, enum gb_bind bind);

/* Of that alone which may come later: another gradbench that measures. Once. */
void gb_company_warn(struct gb_warnings *warnings);
void gb_system_warn_company(const struct gb_system *system, struct gb_warnings *warnings);

/* Of that alone which went on during a run. */
void gb_pulse_warn(struct gb_warnings *warnings, const struct gb_pulse *before, const struct gb_pulse *after);

#endif
