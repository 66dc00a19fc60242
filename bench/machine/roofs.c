#include "roofs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "core/topology.h"
#include "text.h"

enum {
    LINE = 64,
    MEMORY_LEAST = 128 << 20,
    MEMORY_MOST = 512 << 20,
    SAMPLE_NS = 1000000,
    AGAIN = 5,       /* samples of a spot, and of a roof that was beaten, */
    AGAIN_MOST = 50, /* and as many while a call beats it: what disturbs may last longer than a few */
    MORE = 30,       /* samples of a roof that others show to be too low */
};

#define MOVED            0.05
#define BEATEN           1.03
#define PER_THREAD_LEAST 0.9  /* of what a thread reaches among fewer or more */
#define WIDER_LEAST      0.95 /* of what a narrower isa reaches */

struct probe {
    const struct gb_probing *on;
    size_t isa;
    enum gk_dtype dtype;
    enum gk_probe kind;
    size_t threads;
    struct gk_probe_args args;
    double amount; /* FLOPs or bytes of one round of all threads */
    double *best;  /* amount a ns */
};

struct arena {
    char *memory; /* mapped bytes: `front` that stay untouched, then the buffer */
    size_t mapped, front, usable;
    char sinks[GK_THREADS_MAX * LINE];
};

static const struct gb_probing *probing_of(const struct gb_roofs *roofs) {
    static const struct gb_probing here = {&gb_real_clock, gb_machine_get, gb_memory_available, gb_binding_apply, gk_probe_run};
    return roofs->probing ? roofs->probing : &here;
}

enum gb_level gb_level_of(const struct gk_caches *caches, double bytes, size_t threads) {
    if (bytes <= (double)caches->l2 * (double)threads) return GB_LEVEL_L2;
    return bytes <= (double)caches->l3 ? GB_LEVEL_L3 : GB_LEVEL_MEMORY;
}

/* Bytes for each of so many threads. */
static size_t level_bytes(const struct gb_probing *on, enum gb_level level, size_t threads) {
    const struct gk_caches *const caches = &on->machine()->caches;
    const size_t unit = 1 << 14;
    size_t bytes = caches->l2 / 2;
    if (level == GB_LEVEL_L3) {
        const double middle = sqrt((double)caches->l2 * (double)threads * (double)caches->l3);
        bytes = (size_t)middle / threads;
    } else if (level == GB_LEVEL_MEMORY) {
        const size_t twice = 2 * caches->l3;
        bytes = (twice < MEMORY_LEAST ? MEMORY_LEAST : twice > MEMORY_MOST ? MEMORY_MOST : twice) / threads;
    }
    return (bytes + unit - 1) / unit * unit;
}

static size_t widest_usable(void) {
    size_t isa = GK_ISA_COUNT;
    do isa--;
    while (gk_isa_unusable(isa));
    return isa;
}

/* Each thread writes its own part first: on a NUMA machine it then lies next to it. A copy writes the second half of what it is
 * given, so a second one starts half a part earlier. */
static void touch(const struct gb_probing *on, struct arena *arena, size_t threads) {
    const size_t part = arena->usable / threads / LINE / 2 * LINE * 2;
    struct gk_probe_args args = {.buffer = arena->memory + arena->front, .bytes = part, .rounds = 1, .sink = arena->sinks};
    on->run(widest_usable(), GK_F32, GK_PROBE_COPY, threads, &args);
    args.buffer = arena->memory + arena->front - part / 2;
    on->run(widest_usable(), GK_F32, GK_PROBE_COPY, threads, &args);
}

static bool map_arena(const struct gb_probing *on, struct arena *arena, size_t bytes, size_t threads) {
    arena->usable = bytes;
    arena->front = bytes;
    arena->mapped = arena->front + bytes;
    void *const memory = mmap(NULL, arena->mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return false;
    arena->memory = memory;
    touch(on, arena, threads);
    return true;
}

static bool fits(const struct gb_probing *on, size_t bytes) { return 2.5 * (double)bytes < on->memory().bytes; }

/* The largest arena that fits: for all levels, or fewer. */
static bool open_arena(struct arena *arena, const struct gb_roofs *roofs, enum gb_level *highest) {
    const struct gb_probing *const on = probing_of(roofs);
    const size_t most = roofs->threads[roofs->n_threads - 1];
    for (int level = GB_LEVEL_MEMORY; level >= GB_LEVEL_L2; level--) {
        size_t bytes = 0;
        for (int l = 0; l <= level; l++)
            for (size_t t = 0; t < roofs->n_threads; t++) {
                const size_t needed = level_bytes(on, (enum gb_level)l, roofs->threads[t]) * roofs->threads[t];
                if (needed > bytes) bytes = needed;
            }
        *highest = (enum gb_level)level;
        if (fits(on, bytes) && map_arena(on, arena, bytes, most)) return true;
    }
    return false;
}

static double probe_ns(const struct probe *probe, size_t rounds) {
    struct gk_probe_args args = probe->args;
    args.rounds = rounds;
    const double start = gb_clock_read(probe->on->clock);
    probe->on->run(probe->isa, probe->dtype, probe->kind, probe->threads, &args);
    return gb_clock_read(probe->on->clock) - start;
}

/* Threads that take turns on a core, or that there are not, have no roof: 0. */
static void take(struct probe *probe, struct gb_binding *binding) {
    if (probe->threads > probe->on->machine()->cores) return;
    if (probe->on->bind(binding, probe->threads) < probe->threads) return;
    if (probe->args.rounds == 0) {
        size_t rounds = 1;
        while (probe_ns(probe, rounds) < SAMPLE_NS / 4 && rounds < (size_t)1 << 30) rounds *= 2;
        const double ns = probe_ns(probe, rounds);
        probe->args.rounds = (size_t)ceil((double)rounds * SAMPLE_NS / fmax(ns, 1));
    }
    const double ns = probe_ns(probe, probe->args.rounds);
    const double rate = probe->amount * (double)probe->args.rounds / fmax(ns, 1);
    *probe->best = fmax(*probe->best, rate);
}

static struct probe fma_probe(struct gb_roofs *roofs, size_t isa, enum gk_dtype dtype, size_t t, char *sinks) {
    return (struct probe){.on = probing_of(roofs),
                          .isa = isa,
                          .dtype = dtype,
                          .kind = GK_PROBE_FMA,
                          .threads = roofs->threads[t],
                          .args = {.sink = sinks},
                          .amount = gk_isa_get(isa, dtype)->fma_flops * (double)roofs->threads[t],
                          .best = &roofs->fma[isa][dtype][t]};
}

static size_t add_fma(struct gb_roofs *roofs, struct probe *probes, struct arena *arena) {
    size_t count = 0;
    for (size_t isa = 0; isa < GK_ISA_COUNT; isa++)
        for (int dtype = 0; dtype < GK_DTYPE_COUNT; dtype++)
            for (size_t t = 0; t < roofs->n_threads; t++) {
                if (!roofs->isas[isa] || !roofs->dtypes[dtype]) continue;
                probes[count++] = fma_probe(roofs, isa, (enum gk_dtype)dtype, t, arena->sinks);
            }
    return count;
}

static struct probe chain_probe(struct gb_roofs *roofs, size_t isa, enum gk_dtype dtype, enum gb_step step, char *sinks) {
    return (struct probe){.on = probing_of(roofs),
                          .isa = isa,
                          .dtype = dtype,
                          .kind = step == GB_STEP_FMA ? GK_PROBE_FMA_CHAIN : GK_PROBE_ADD_CHAIN,
                          .threads = 1,
                          .args = {.sink = sinks},
                          .amount = GK_PROBE_STEPS,
                          .best = &roofs->steps[isa][dtype][step]};
}

static size_t add_chains(struct gb_roofs *roofs, struct probe *probes, struct arena *arena) {
    size_t count = 0;
    for (size_t isa = 0; isa < GK_ISA_COUNT; isa++)
        for (int dtype = 0; dtype < GK_DTYPE_COUNT; dtype++)
            for (enum gb_step step = 0; step < GB_STEP_COUNT && roofs->isas[isa] && roofs->dtypes[dtype]; step++)
                probes[count++] = chain_probe(roofs, isa, (enum gk_dtype)dtype, step, arena->sinks);
    return count;
}

enum { MOVES = 5 };

/* The ways of moving, each thread on so many bytes. */
static size_t add_moves_of(const struct gb_probing *on, size_t isa, struct gb_bandwidth *to, size_t threads, size_t bytes,
                           struct probe *probes, struct arena *arena) {
    static const enum gk_probe kinds[MOVES] = {GK_PROBE_READ, GK_PROBE_COPY, GK_PROBE_COPY_NT, GK_PROBE_TRIAD,
                                               GK_PROBE_TRIAD_NT};
    double *const best[MOVES] = {&to->read, &to->copy, &to->copy_nt, &to->triad, &to->triad_nt};
    for (size_t i = 0; i < MOVES; i++)
        probes[i] = (struct probe){on,
                                   isa,
                                   GK_F32,
                                   kinds[i],
                                   threads,
                                   {.buffer = arena->memory + arena->front, .bytes = bytes, .sink = arena->sinks},
                                   (double)bytes * (double)threads,
                                   best[i]};
    return MOVES;
}

static size_t add_moves(struct gb_roofs *roofs, struct probe *probes, struct arena *arena, enum gb_level highest) {
    const struct gb_probing *const on = probing_of(roofs);
    size_t count = 0;
    for (size_t t = 0; t < roofs->n_threads; t++)
        for (int level = 0; level <= (int)highest; level++) {
            const size_t threads = roofs->threads[t], bytes = level_bytes(on, (enum gb_level)level, threads);
            if (t == 0) roofs->bytes[level] = bytes;
            count += add_moves_of(on, widest_usable(), &roofs->bandwidth[t][level], threads, bytes, probes + count, arena);
        }
    return count;
}

/* An idle core does as much a thread whoever runs beside it, and wider vectors do no less. */
static bool too_low(const struct gb_roofs *roofs, const struct probe *probe) {
    const double rate = *probe->best, threads = (double)probe->threads;
    const size_t at = gb_roofs_threads_index(roofs, probe->threads);
    if (rate == 0) return false; /* there is none */
    for (size_t t = 0; t < roofs->n_threads; t++)
        if (rate / threads < PER_THREAD_LEAST * roofs->fma[probe->isa][probe->dtype][t] / (double)roofs->threads[t])
            return true;
    for (size_t narrower = 0; narrower < probe->isa; narrower++)
        if (rate < WIDER_LEAST * roofs->fma[narrower][probe->dtype][at]) return true;
    return false;
}

/* Of FMA roofs: goes on while one is too low beside the others. */
static void mend(const struct gb_roofs *roofs, struct gb_binding *binding, struct probe *probes, size_t count) {
    for (size_t sample = 0; sample < MORE; sample++)
        for (size_t i = 0; i < count; i++)
            if (too_low(roofs, &probes[i])) take(&probes[i], binding);
}

bool gb_roofs_measure(struct gb_roofs *roofs, struct gb_binding *binding, size_t effort, struct gb_warnings *warnings) {
    enum {
        PROBES = (GK_ISA_COUNT * GK_DTYPE_COUNT + MOVES * GB_LEVEL_COUNT) * GB_THREAD_COUNTS_MAX +
                 GK_ISA_COUNT * GK_DTYPE_COUNT * GB_STEP_COUNT
    };
    enum gb_level highest;
    struct arena *const arena = calloc(1, sizeof *arena);
    struct probe *const probes = calloc(PROBES, sizeof *probes);
    memset(roofs->fma, 0, sizeof roofs->fma);
    memset(roofs->bandwidth, 0, sizeof roofs->bandwidth);
    memset(roofs->steps, 0, sizeof roofs->steps);
    roofs->n_spots = 0;
    const bool ready = arena && probes && open_arena(arena, roofs, &highest);
    if (ready) {
        const size_t fma = add_fma(roofs, probes, arena), moves = fma + add_moves(roofs, probes + fma, arena, highest);
        const size_t count = moves + add_chains(roofs, probes + moves, arena);
        for (size_t round = 0; round < effort; round++)
            for (size_t i = 0; i < count; i++) take(&probes[i], binding);
        mend(roofs, binding, probes, fma);
        for (size_t t = 0; t < roofs->n_threads; t++)
            for (int level = (int)highest + 1; level < GB_LEVEL_COUNT; level++)
                roofs->bandwidth[t][level] = roofs->bandwidth[t][highest];
        if (highest != GB_LEVEL_MEMORY)
            gb_warn(warnings, "too little memory to measure roofs beyond %s: theirs stand for all", gb_level_name(highest));
        munmap(arena->memory, arena->mapped);
    }
    free(probes);
    free(arena);
    return ready;
}

static bool moved(double before, double after) { return before > 0 && after > 0 && fabs(after / before - 1) > MOVED; }

void gb_roofs_warn_moved(const struct gb_roofs *before, const struct gb_roofs *after, struct gb_warnings *warnings) {
    char threads[40];
    for (size_t t = 0; t < before->n_threads; t++) {
        for (size_t isa = 0; isa < GK_ISA_COUNT; isa++)
            for (int dtype = 0; dtype < GK_DTYPE_COUNT; dtype++) {
                const double a = before->fma[isa][dtype][t], b = after->fma[isa][dtype][t];
                if (moved(a, b))
                    gb_warn(warnings, "the FMA roof of %s %s on %s moved from %.3g to %.3g GFLOP/s during the run",
                            gk_isa_get(isa, GK_F32)->name, gk_dtype_name((enum gk_dtype)dtype),
                            gb_count_text(before->threads[t], "thread", threads, sizeof threads), a, b);
            }
        const double a = before->bandwidth[t][GB_LEVEL_MEMORY].read, b = after->bandwidth[t][GB_LEVEL_MEMORY].read;
        if (moved(a, b))
            gb_warn(warnings, "the read roof of memory on %s moved from %.3g to %.3g GB/s during the run",
                    gb_count_text(before->threads[t], "thread", threads, sizeof threads), a, b);
    }
}

size_t gb_roofs_threads_index(const struct gb_roofs *roofs, size_t threads) {
    size_t t = 0;
    while (t < roofs->n_threads && roofs->threads[t] != threads) t++;
    return t;
}

static const struct gb_spot *find_spot(const struct gb_roofs *roofs, size_t isa, size_t threads, double footprint) {
    for (const struct gb_spot *s = roofs->spots; s < roofs->spots + roofs->n_spots; s++)
        if (s->isa == isa && s->threads == threads && s->footprint == footprint) return s;
    return NULL;
}

static double larger(double a, double b) { return a > b ? a : b; }

/* What is written is copied, and where twice as much is read, both are added; of the rest one is read, or written, alone. */
static double moving_ns(const struct gb_work *work, const struct gb_bandwidth *b) {
    const double copy = work->plain_copy ? b->copy : larger(b->copy, b->copy_nt);
    const double triad = work->plain_copy ? b->triad : larger(b->triad, b->triad_nt);
    const double first = fmin(work->read, work->written), second = fmin(work->read - first, work->written);
    return (first + work->written - 2 * second) / copy + 3 * second / triad + (work->read - first - second) / b->read;
}

/* A block of GK_KB terms is one chain; all blocks may run at once, and are then added one after the other. */
static double sum_ns(size_t terms, double steps, double additions) {
    if (terms == 0 || !(steps > 0) || !(additions > 0)) return 0;
    return (double)(terms < GK_KB ? terms : GK_KB) / steps + (double)((terms - 1) / GK_KB) / additions;
}

/* The fraction may be more than 1. */
static struct gb_share compare(const struct gb_roofs *roofs, size_t isa, enum gk_dtype dtype, size_t threads,
                               const struct gb_work *work, double ns) {
    const size_t t = gb_roofs_threads_index(roofs, threads);
    struct gb_share share = {"memory", 0, gb_level_of(&probing_of(roofs)->machine()->caches, work->footprint, threads)};
    if (t == roofs->n_threads || !(ns > 0)) return share;
    const struct gb_spot *const spot = find_spot(roofs, isa, threads, work->footprint);
    const struct gb_bandwidth b = spot ? spot->bandwidth : roofs->bandwidth[t][share.level];
    const double moving = moving_ns(work, &b);
    const double computing = work->products ? work->flops / roofs->fma[isa][dtype][t] : 0;
    const double *const steps = roofs->steps[isa][dtype], additions = steps[GB_STEP_ADD];
    const double chain = larger(sum_ns(work->terms[GB_STEP_FMA], steps[GB_STEP_FMA], additions),
                                sum_ns(work->terms[GB_STEP_ADD], additions, additions));
    const double waiting = larger(work->call_ns, chain), working = larger(computing, moving);
    share.limit = computing > moving ? "fma" : "memory";
    if (waiting > working) share.limit = work->call_ns > chain ? "call" : "chain";
    share.fraction = larger(waiting, working) / ns;
    if (!isfinite(share.fraction)) share.fraction = 0;
    return share;
}

struct gb_share gb_roofs_share(const struct gb_roofs *roofs, size_t isa, enum gk_dtype dtype, size_t threads,
                               const struct gb_work *work, double ns) {
    struct gb_share share = compare(roofs, isa, dtype, threads, work, ns);
    const bool moves = strcmp(share.limit, "memory") == 0;
    if (share.fraction <= GB_SHARE_MOST) return share;
    share.fraction = 0;
    if (moves) share.limit = "cache";
    return share;
}

/* A cell that beat a roof. */
struct cell {
    size_t isa;
    enum gk_dtype dtype;
    size_t threads;
    const struct gb_work *work;
    double ns;
};

static bool beats(const struct gb_roofs *roofs, const struct cell *cell) {
    return compare(roofs, cell->isa, cell->dtype, cell->threads, cell->work, cell->ns).fraction > BEATEN;
}

static void look_at_fma(struct gb_roofs *roofs, struct gb_binding *binding, const struct cell *cell, size_t t) {
    char sinks[GK_THREADS_MAX * LINE];
    struct probe probe = fma_probe(roofs, cell->isa, cell->dtype, t, sinks);
    for (size_t i = 0; i < AGAIN || (i < AGAIN_MOST && beats(roofs, cell)); i++) take(&probe, binding);
}

static void look_at_chains(struct gb_roofs *roofs, struct gb_binding *binding, const struct cell *cell) {
    char sink[LINE];
    for (enum gb_step step = 0; step < GB_STEP_COUNT; step++) {
        struct probe probe = chain_probe(roofs, cell->isa, cell->dtype, step, sink);
        for (size_t i = 0; i < AGAIN || (i < AGAIN_MOST && beats(roofs, cell)); i++) take(&probe, binding);
    }
}

/* A spot has the bytes of the problem, as far as more than memory's own roof is measured with tells nothing new. */
static void look_at_moves(struct gb_roofs *roofs, struct gb_binding *binding, const struct cell *cell) {
    enum { UNIT = 512 }; /* probes work on whole units */
    const struct gb_probing *const on = probing_of(roofs);
    const double footprint = cell->work->footprint, most = footprint < MEMORY_MOST ? footprint : MEMORY_MOST;
    const size_t threads = cell->threads, part = ((size_t)most / threads + UNIT) / UNIT * UNIT;
    struct probe probes[MOVES];
    struct arena *const arena = calloc(1, sizeof *arena);
    on->bind(binding, threads);
    if (arena && fits(on, part * threads) && map_arena(on, arena, part * threads, threads)) {
        struct gb_spot *const spot = &roofs->spots[roofs->n_spots++];
        *spot = (struct gb_spot){.footprint = footprint, .isa = cell->isa, .threads = threads};
        add_moves_of(on, cell->isa > 0 ? cell->isa : widest_usable(), &spot->bandwidth, threads, part, probes, arena);
        for (size_t i = 0; i < AGAIN * MOVES || (i < AGAIN_MOST && beats(roofs, cell)); i++) take(&probes[i % MOVES], binding);
        munmap(arena->memory, arena->mapped);
    }
    free(arena);
}

void gb_roofs_look_again(struct gb_roofs *roofs, struct gb_binding *binding, size_t isa, enum gk_dtype dtype, size_t threads,
                         const struct gb_work *work, double ns) {
    const struct cell cell = {isa, dtype, threads, work, ns};
    const struct gb_share share = compare(roofs, isa, dtype, threads, work, ns);
    const size_t t = gb_roofs_threads_index(roofs, threads);
    const bool beaten = share.fraction > BEATEN;
    if (beaten && strcmp(share.limit, "fma") == 0) look_at_fma(roofs, binding, &cell, t);
    if (beaten && strcmp(share.limit, "chain") == 0) look_at_chains(roofs, binding, &cell);
    if (strcmp(share.limit, "memory") != 0 || share.fraction <= 0) return;
    if (roofs->n_spots < GB_SPOTS_MAX && !find_spot(roofs, isa, threads, work->footprint)) look_at_moves(roofs, binding, &cell);
}
