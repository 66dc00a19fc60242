/* Effects by a script: calls and contenders that cost what a test says, on a clock that nothing else moves, and a record of all
 * that was asked for. Whatever the test, it fails where two contenders run at once, where one is spoken to while it is stopped,
 * and where calls in this process come without a team that was bound to their threads for them. */
#ifndef SUPPORT_EFFECTS_H
#define SUPPORT_EFFECTS_H

#include "harness.h"
#include "support_lineup.h"

enum { SCRIPT_CELLS = 8, SCRIPT_EVENTS = 1 << 17 };

#define SCRIPT_BEFORE SIZE_MAX /* the first round */

enum script_what {
    SCRIPT_NEVER,
    SCRIPT_BIND,
    SCRIPT_WARM,  /* calls in this process before the clock was read */
    SCRIPT_CALLS, /* and after that */
    SCRIPT_BEGIN,
    SCRIPT_PREPARE,
    SCRIPT_RUN,
    SCRIPT_RESULT,
    SCRIPT_END,
    SCRIPT_CLOCK,
    SCRIPT_LOOK,
    SCRIPT_WHATS
};

/* What a call does wrong. */
enum script_wrong { SCRIPT_RIGHT, SCRIPT_WRONG_ELEMENT, SCRIPT_WRONG_PADDING, SCRIPT_WRONG_INPUT };

/* Who makes calls: a context in this process, or a contender. */
struct script_cell {
    const char *name;
    gk_context *ctx;
    size_t threads;
    struct gb_contender contender;
    double cost;            /* ns a call */
    bool flat;              /* cost is that of all calls together, before the rounds */
    double warm_cost;       /* of calls before a sample in the rounds, 0: the same; a contender's: the first run of a turn */
    const double *in_round; /* cost of one by round, where it is not NULL */
    enum script_wrong wrong;
    const char *operand; /* that is wrong */
    size_t row, col;
    enum script_what fails_in; /* when it is asked for that */
    size_t fails_at;           /* so many times: a contender is gone then, a call returns an error */
    const char *unfit;         /* what a contender answers to prepare; NULL: it is ready */
    bool then_small;           /* another call follows, of which the context is to report the threads */
    size_t asked[SCRIPT_WHATS];
    char line[4096];
    char *memory; /* the problem's */
    size_t bytes;
};

struct script_event {
    enum script_what what;
    const struct script_cell *cell;
    uint64_t count; /* calls, threads */
    double limit_ns;
    size_t round;
    const struct gb_problem *problem; /* of calls in this process */
};

struct script_progress {
    char what[16];
    size_t done, of;
};

struct script_look {
    size_t isa, threads;
    enum gk_dtype dtype;
    double ns;
    struct gb_work work;
};

extern struct script {
    struct script_cell cells[SCRIPT_CELLS];
    size_t n_cells;
    struct script_event events[SCRIPT_EVENTS];
    size_t n_events;
    struct script_progress progress[64]; /* the first so many */
    size_t n_progress;
    struct script_look looks[SCRIPT_CELLS];
    size_t n_looks;
    size_t counted[2]; /* readings of this thread's counter, and of that of all */
    double now;
    double ref_ns;               /* that the reference takes */
    double empty_ns, empty_step; /* that a call takes that has nothing to do, and how much less the next one */
    const char *disturbed;       /* a letter a round, also of those that are dropped: s stolen, w switched out, m moved, or . */
    double disturbed_cost;       /* of calls in those that are not ., times the usual one */
    bool free;                   /* nothing is bound */
    size_t n_signs;              /* that were looked for */
    size_t stop_at;              /* the event at which the signal comes; 0: it does not */
    volatile sig_atomic_t stop;
    size_t round;
    bool began_as_made; /* the outputs were so when the first call after verification came */
    gk_context *ref;
    struct gb_problem truth;
    bool truth_is_known;     /* the call was made */
    struct gb_problem small; /* one that needs no second thread */
} script;

extern const struct gb_effects script_effects;
extern struct gb_binding *const script_binding; /* what they expect */

void script_open(const struct gb_problem_spec *spec);
void script_close(void);
/* Forgets what was asked for, and is as it was before. */
void script_rewind(void);

/* Cycles alone can be counted: one a ns of the script's clock, which a reading moves on by SCRIPT_READING. */
enum { SCRIPT_READING = 40 };
extern const struct gb_perf script_perf;

/* The problem after a call of the reference. */
const struct gb_problem *script_truth(void);

struct script_cell *script_add(const char *name, size_t threads, double cost);

void script_tell(void *data, const struct gb_task *task, const char *what, size_t done, size_t of);

#endif
