/* A contender: a child process that speaks the protocol of PEERS.md, and is stopped while it is not its turn. */
#ifndef GB_CONTENDER_H
#define GB_CONTENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "bind.h"
#include "clock.h"

enum gb_contender_state {
    GB_CONTENDER_UP,     /* started, says what it is; or: the last prepare was answered by ready */
    GB_CONTENDER_ABSENT, /* it said so: nothing to race on this machine */
    GB_CONTENDER_UNFIT,  /* the last prepare was answered by unsupported: another problem may go */
    GB_CONTENDER_GONE,   /* crashed, hung, spoke garbage, could not be started: it is gone for the rest of the run */
};

enum { GB_CONTENDER_TEXT_MAX = 200 };

struct gb_contender {
    enum gb_contender_state state;
    char description[GB_CONTENDER_TEXT_MAX]; /* what it said of itself */
    char note[GB_CONTENDER_TEXT_MAX];        /* what it said after ready */
    char reason[GB_CONTENDER_TEXT_MAX];      /* why it is not up: its words, or ours and the end of its standard error */
    size_t threads, ran;                     /* started for; those that the last run had, as it says, 0: it does not */
    pid_t pid;                               /* its process group too; 0: none */
    int to, from, errors;
    bool stopped;
    const struct gb_clock *clock; /* of its time limits and of what it may claim */
    char line[512];               /* of its output, not yet used */
    size_t held;
};

/* Starts COMMAND (by /bin/sh, replaced by exec) with so many threads in the environment and, unless bind is none, the first so
 * many places of the process in its affinity mask; it is stopped when this returns. limit_ns: for its greeting. Returns true if
 * it is up.
 */
bool gb_contender_start(struct gb_contender *contender, const char *command, size_t threads, enum gb_bind bind,
                        double limit_ns);

/* A turn: everything but start and end happens in one. The process is continued; at the end it is stopped, and seen to be. */
void gb_contender_begin_turn(struct gb_contender *contender);
void gb_contender_end_turn(struct gb_contender *contender);

/* line: "prepare KEY=VALUE ...", without its end. True: it is ready. */
bool gb_contender_prepare(struct gb_contender *contender, const char *line, double limit_ns);

/* *ns: the time of all calls, as it says, never more than passed here. False: it is gone. */
bool gb_contender_run(struct gb_contender *contender, uint64_t count, double *ns, double limit_ns);

/* The output is in the shared memory now. False: it is gone. */
bool gb_contender_result(struct gb_contender *contender, double limit_ns);

/* It is given a moment to end by itself, then killed with all that it started. Safe to call twice, and on one that is gone. */
void gb_contender_end(struct gb_contender *contender);

#endif
