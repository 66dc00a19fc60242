/* How a cell came out, and what bounds its speed: words that those who measure share with those who keep and print. */
#ifndef GB_SPEED_H
#define GB_SPEED_H

enum gb_state {
    GB_STATE_SKIPPED,   /* interrupted, or out of time, before it was verified */
    GB_STATE_FAILED,    /* its result is wrong: never timed */
    GB_STATE_NOT_TIMED, /* ref or a peer, where a call takes too long */
    GB_STATE_UNFIT,     /* a peer that does not do this problem */
    GB_STATE_GONE,      /* a peer that crashed, hung or spoke garbage, now or before */
    GB_STATE_NO_MEMORY, /* there was none for the problem */
    GB_STATE_TIMED,
    GB_STATE_COUNT
};

/* "failed", "gone" and "no memory"; NULL: a time tells it, or there is nothing to tell. */
extern const char *const gb_state_words[GB_STATE_COUNT];

enum gb_level { GB_LEVEL_L2, GB_LEVEL_L3, GB_LEVEL_MEMORY, GB_LEVEL_COUNT };

const char *gb_level_name(enum gb_level level); /* "L2", "L3", "memory" */

/* GB/s; a copy counts what it reads and what it writes, and so does a triad, which reads twice as much as it writes. */
struct gb_bandwidth {
    double read, copy, copy_nt, triad, triad_nt;
};

/* The limit is "fma", "memory", "chain" (operations that wait for one another), "call" (what a call costs in any case), or
 * "cache": faster than memory can be, for part of the operands stays nearer. Old files have "latency", too. */
struct gb_share {
    const char *limit;
    double fraction; /* of the roof: the time at the roof over the time measured; 0: unknown, or "cache" */
    enum gb_level level;
};

#endif
