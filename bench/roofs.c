#include "roofs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "clock.h"
#include "core/topology.h"

enum {
    LINE = 64,
    MEMORY_LEAST = 128 << 20,
    MEMORY_MOST = 512 << 20,
    SAMPLE_NS = 1000000,
};

#define MOVED 0.05

struct probe {
    size_t column;
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

const char *gb_level_name(enum gb_level level) {
    static const char *const names[] = {"L2", "L3", "memory"};
    return names[level];
}

enum gb_level gb_level_of(double bytes, size_t threads) {
    const struct gk_caches caches = gk_topology_get()->caches;
    if (bytes <= (double)caches.l2 * (double)threads) return GB_LEVEL_L2;
    return bytes <= (double)caches.l3 ? GB_LEVEL_L3 : GB_LEVEL_MEMORY;
}

/* Bytes for each of so many threads. */
static size_t level_bytes(enum gb_level level, size_t threads) {
    const struct gk_caches caches = gk_topology_get()->caches;
    const size_t unit = 1 << 14, all_l2 = caches.l2 * threads;
    size_t bytes = caches.l2 / 2;
    if (level == GB_LEVEL_L3) {
        const double middle = sqrt((double)all_l2 * (double)caches.l3);
        bytes = (size_t)middle / threads;
    } else if (level == GB_LEVEL_MEMORY) {
        const size_t twice = 2 * caches.l3;
        bytes = (twice < MEMORY_LEAST ? MEMORY_LEAST : twice > MEMORY_MOST ? MEMORY_MOST : twice) / threads;
    }
    return (bytes + unit - 1) / unit * unit;
}

static size_t widest_usable(void) {
    size_t column = gk_column_count() - 1;
    while (gk_column_unusable(column)) column--;
    return column;
}

/* Each thread writes its own part first: on a NUMA machine it then lies next to it. A copy writes the second half of what it is
 * given, so a second one starts half a part earlier. */
static void touch(struct arena *arena, size_t threads) {
    const size_t part = arena->usable / threads / LINE / 2 * LINE * 2;
    struct gk_probe_args args = {.buffer = arena->memory + arena->front, .bytes = part, .rounds = 1, .sink = arena->sinks};
    gk_probe_run(widest_usable(), GK_F32, GK_PROBE_COPY, threads, &args);
    args.buffer = arena->memory + arena->front - part / 2;
    gk_probe_run(widest_usable(), GK_F32, GK_PROBE_COPY, threads, &args);
}

static bool map_arena(struct arena *arena, size_t bytes, size_t threads) {
    arena->usable = bytes;
    arena->front = bytes;
    arena->mapped = arena->front + bytes;
    void *const memory = mmap(NULL, arena->mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return false;
    arena->memory = memory;
    touch(arena, threads);
    return true;
}

/* The largest arena that fits: for all levels, or fewer. */
static bool open_arena(struct arena *arena, const struct gb_roofs *roofs, enum gb_level *highest) {
    const size_t most = roofs->threads[roofs->n_threads - 1];
    for (int level = GB_LEVEL_MEMORY; level >= GB_LEVEL_L2; level--) {
        size_t bytes = 0;
        for (int l = 0; l <= level; l++)
            for (size_t t = 0; t < roofs->n_threads; t++) {
                const size_t needed = level_bytes((enum gb_level)l, roofs->threads[t]) * roofs->threads[t];
                if (needed > bytes) bytes = needed;
            }
        *highest = (enum gb_level)level;
        if (2.5 * (double)bytes < gb_memory_available().bytes && map_arena(arena, bytes, most)) return true;
    }
    return false;
}

static double probe_ns(const struct probe *probe, size_t rounds) {
    struct gk_probe_args args = probe->args;
    args.rounds = rounds;
    const double start = gb_clock_ns();
    gk_probe_run(probe->column, probe->dtype, probe->kind, probe->threads, &args);
    return gb_clock_ns() - start;
}

/* Threads that take turns on a core, or that there are not, have no roof: 0. */
static void take(struct probe *probe, struct gb_binding *binding) {
    if (probe->threads > gk_topology_get()->cores) return;
    if (gb_binding_apply(binding, probe->threads) < probe->threads) return;
    if (probe->args.rounds == 0) {
        size_t rounds = 1;
        while (probe_ns(probe, rounds) < SAMPLE_NS / 4 && rounds < (size_t)1 << 30) rounds *= 2;
        const double ns = probe_ns(probe, rounds);
        const double wanted = ceil((double)rounds * SAMPLE_NS / (ns > 1 ? ns : 1));
        probe->args.rounds = wanted < 1 ? 1 : (size_t)wanted;
    }
    const double ns = probe_ns(probe, probe->args.rounds);
    const double rate = probe->amount * (double)probe->args.rounds / (ns > 1 ? ns : 1);
    if (rate > *probe->best) *probe->best = rate;
}

static size_t add_fma(struct gb_roofs *roofs, struct probe *probes, struct arena *arena) {
    size_t count = 0;
    for (size_t column = 0; column < gk_column_count() && column < GB_ROOF_COLUMNS_MAX; column++)
        for (int dtype = 0; dtype < GK_DTYPE_COUNT; dtype++)
            for (size_t t = 0; t < roofs->n_threads; t++) {
                if (!roofs->columns[column] || !roofs->dtypes[dtype]) continue;
                const double flops = gk_column_get(column, (enum gk_dtype)dtype)->fma_flops;
                probes[count++] = (struct probe){column,
                                                 (enum gk_dtype)dtype,
                                                 GK_PROBE_FMA,
                                                 roofs->threads[t],
                                                 {.sink = arena->sinks},
                                                 flops * (double)roofs->threads[t],
                                                 &roofs->fma[column][dtype][t]};
            }
    return count;
}

static size_t add_moves(struct gb_roofs *roofs, struct probe *probes, struct arena *arena, enum gb_level highest) {
    size_t count = 0;
    for (size_t t = 0; t < roofs->n_threads; t++)
        for (int level = 0; level <= (int)highest; level++) {
            const size_t threads = roofs->threads[t], bytes = level_bytes((enum gb_level)level, threads);
            struct gb_bandwidth *const to = &roofs->bandwidth[t][level];
            const struct probe probe = {.column = widest_usable(),
                                        .dtype = GK_F32,
                                        .threads = threads,
                                        .args = {.buffer = arena->memory + arena->front, .bytes = bytes, .sink = arena->sinks},
                                        .amount = (double)bytes * (double)threads};
            double *const best[] = {&to->read, &to->copy, &to->copy_nt};
            static const enum gk_probe kinds[] = {GK_PROBE_READ, GK_PROBE_COPY, GK_PROBE_COPY_NT};
            if (t == 0) roofs->bytes[level] = bytes;
            for (size_t i = 0; i < 3; i++) {
                probes[count] = probe;
                probes[count].kind = kinds[i];
                probes[count++].best = best[i];
            }
        }
    return count;
}

bool gb_roofs_measure(struct gb_roofs *roofs, struct gb_binding *binding, size_t effort, struct gb_warnings *warnings) {
    enum { MOVES = 3 * GB_LEVEL_COUNT * GB_THREAD_COUNTS_MAX };
    enum { PROBES = GB_ROOF_COLUMNS_MAX * GK_DTYPE_COUNT * GB_THREAD_COUNTS_MAX + MOVES };
    enum gb_level highest;
    struct arena *const arena = calloc(1, sizeof *arena);
    struct probe *const probes = calloc(PROBES, sizeof *probes);
    memset(roofs->fma, 0, sizeof roofs->fma);
    memset(roofs->bandwidth, 0, sizeof roofs->bandwidth);
    const bool ready = arena && probes && open_arena(arena, roofs, &highest);
    if (ready) {
        const size_t fma = add_fma(roofs, probes, arena), count = fma + add_moves(roofs, probes + fma, arena, highest);
        for (size_t round = 0; round < effort; round++)
            for (size_t i = 0; i < count; i++) take(&probes[i], binding);
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
    for (size_t t = 0; t < before->n_threads; t++) {
        for (size_t column = 0; column < gk_column_count() && column < GB_ROOF_COLUMNS_MAX; column++)
            for (int dtype = 0; dtype < GK_DTYPE_COUNT; dtype++) {
                const double a = before->fma[column][dtype][t], b = after->fma[column][dtype][t];
                if (moved(a, b))
                    gb_warn(warnings, "the FMA roof of %s %s on %zu thread(s) moved from %.0f to %.0f GFLOP/s during the run",
                            gk_column_get(column, GK_F32)->name, gk_dtype_name((enum gk_dtype)dtype), before->threads[t], a, b);
            }
        const double a = before->bandwidth[t][GB_LEVEL_MEMORY].read, b = after->bandwidth[t][GB_LEVEL_MEMORY].read;
        if (moved(a, b))
            gb_warn(warnings, "the read roof of memory on %zu thread(s) moved from %.0f to %.0f GB/s during the run",
                    before->threads[t], a, b);
    }
}

size_t gb_roofs_threads_index(const struct gb_roofs *roofs, size_t threads) {
    size_t t = 0;
    while (t < roofs->n_threads && roofs->threads[t] != threads) t++;
    return t;
}

struct gb_share gb_roofs_share(const struct gb_roofs *roofs, size_t column, enum gk_dtype dtype, size_t threads,
                               const struct gb_work *work, double ns) {
    const size_t t = gb_roofs_threads_index(roofs, threads);
    struct gb_share share = {"memory", 0, gb_level_of(work->footprint, threads)};
    if (t == roofs->n_threads || !(ns > 0)) return share;
    const struct gb_bandwidth *const b = &roofs->bandwidth[t][share.level];
    const double best_copy = !work->plain_copy && b->copy_nt > b->copy ? b->copy_nt : b->copy;
    const double both = work->read < work->written ? work->read : work->written;
    const double moving = (both + work->written) / best_copy + (work->read - both) / b->read;
    const double computing = work->products ? work->flops / roofs->fma[column][dtype][t] : 0;
    share.bound = work->latency ? "latency" : computing > moving ? "fma" : "memory";
    share.fraction = (computing > moving ? computing : moving) / ns;
    if (!isfinite(share.fraction)) share.fraction = 0;
    return share;
}
