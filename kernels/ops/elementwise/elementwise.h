/* The driver of all work of which each element stands for itself: matrices of n x d, and ReLU's mask. A kernel's file says what
 * is done to an element, for the reference, or to vectors side by side. An element's inputs are loaded before one of its
 * outputs is stored, so that any output may lie on any input. */
#ifndef GK_ELEMENTWISE_H
#define GK_ELEMENTWISE_H

#include "kernel.h"

enum { GK_INPUTS_MAX = 3, GK_OUTPUTS_MAX = 2 };

struct gk_input {
    const real *at;
    size_t ld;
};

struct gk_output {
    real *at; /* NULL: not wanted */
    size_t ld;
};

#define GK_ROWS(args, f)                                                                                                       \
    { (args)->f, gk_ld((args)->ld_##f, (args)->d) }

struct gk_elements {
    size_t n, d;
    struct gk_input x[GK_INPUTS_MAX];
    struct gk_output y[GK_OUTPUTS_MAX];
    const uint64_t *reads; /* the mask, NULL: none */
    uint64_t *writes;
    size_t ld_mask;
};

/* What is known when a kernel is compiled. */
struct gk_form {
    int inputs, outputs;
    bool reads_mask, writes_mask;
};

/* The columns of one row that a thread works on. Threads share units of 64 columns of a row, so that no two of them write a
 * word of a mask. */
struct gk_run_of_row {
    size_t row, first, end, left; /* left: units from first on */
};

static inline struct gk_run_of_row gk_first_run(const struct gk_team *team, size_t n, size_t d) {
    const size_t words = gk_words(d);
    const struct gk_slice units = gk_team_slice(team, n * words, 1);
    if (units.begin == units.end) return (struct gk_run_of_row){0};
    const size_t first = units.begin % words * 64;
    return (struct gk_run_of_row){units.begin / words, first, gk_min(d, first + (units.end - units.begin) * 64),
                                  units.end - units.begin};
}

static inline void gk_next_run(struct gk_run_of_row *r, size_t d) {
    r->left -= gk_words(r->end - r->first);
    r->row++, r->first = 0, r->end = gk_min(d, r->left * 64);
}

#if GK_IS_REFERENCE

static const size_t gk_elementwise_edges[] = {0};

/* One element: y of x; *kept is its bit of the mask. */
typedef void gk_element(const real *x, real *y, bool *kept);

static inline void gk_elementwise(const struct gk_team *team, const struct gk_elements *e, struct gk_form form, gk_element *f) {
    for (struct gk_run_of_row r = gk_first_run(team, e->n, e->d); r.left; gk_next_run(&r, e->d))
        for (size_t j = r.first; j < r.end; j++) {
            const size_t word = r.row * e->ld_mask + j / 64;
            bool kept = form.reads_mask && e->reads[word] >> j % 64 & 1;
            real x[GK_INPUTS_MAX], y[GK_OUTPUTS_MAX];
            for (int k = 0; k < form.inputs; k++) x[k] = e->x[k].at[r.row * e->x[k].ld + j];
            f(x, y, &kept);
            for (int k = 0; k < form.outputs; k++)
                if (e->y[k].at) e->y[k].at[r.row * e->y[k].ld + j] = y[k];
            if (form.writes_mask && e->writes) e->writes[word] = (j % 64 ? e->writes[word] : 0) | (uint64_t)kept << j % 64;
        }
}

#else

enum { GK_SIDE = 4, GK_BLOCK = GK_SIDE * GK_LANES, GK_STREAMED = 16 /* bytes that are stored past the caches at once */ };

/* Up to GK_SIDE vectors side by side, of each operand; m are their bits of the mask. */
struct gk_vectors {
    vf x[GK_INPUTS_MAX][GK_SIDE], y[GK_OUTPUTS_MAX][GK_SIDE];
    vm m[GK_SIDE];
};

typedef void gk_map(struct gk_vectors *v, int side);

#define GK_EACH(u, side) UNROLLED for (int u = 0; u < (side); u++)

/* The operands of a row. */
struct gk_row {
    const real *x[GK_INPUTS_MAX];
    real *y[GK_OUTPUTS_MAX];
    const char *reads; /* the mask: a block's bits begin at a byte, and end in the same word */
    char *writes;
};

/* What is known when a loop is compiled. */
struct gk_loop {
    struct gk_form form;
    int wanted;   /* bits of the outputs */
    bool masks;   /* there is a mask */
    bool streams; /* stores go past the caches */
    gk_map *f;
};

GK_INLINE uint64_t gk_read_bits(const struct gk_loop loop, const struct gk_row *row, size_t i) {
    uint64_t bits = 0;
    if (loop.form.reads_mask) memcpy(&bits, row->reads + i / 8, GK_BLOCK / 8);
    return bits;
}

GK_INLINE void gk_write_bits(const struct gk_loop loop, const struct gk_row *row, size_t i, uint64_t bits) {
    if (loop.masks && loop.form.writes_mask) memcpy(row->writes + i / 8, &bits, GK_BLOCK / 8);
}

GK_INLINE void gk_store(const struct gk_loop loop, real *y, vf a) {
    if (loop.streams) vf_stream_parts(y, a);
    else vf_store(y, a);
}

/* The `count` elements from i on, at least a vector. Vectors past the last one lie upon it: what they store is the same. */
GK_INLINE void gk_block(const struct gk_loop loop, const struct gk_row *row, size_t i, size_t count) {
    struct gk_vectors v;
    size_t at[GK_SIDE];
    const uint64_t read = gk_read_bits(loop, row, i);
    uint64_t written = 0;
    GK_EACH(u, GK_SIDE) at[u] = gk_min((size_t)u * GK_LANES, count - GK_LANES);
    for (int k = 0; k < loop.form.inputs; k++) GK_EACH(u, GK_SIDE) v.x[k][u] = vf_load(row->x[k] + i + at[u]);
    if (count == GK_BLOCK) GK_EACH(u, GK_SIDE) v.m[u] = vm_from_bits_at(read, (size_t)u * GK_LANES);
    else GK_EACH(u, GK_SIDE) v.m[u] = vm_from_bits(read >> at[u]);
    loop.f(&v, GK_SIDE);
    for (int k = 0; k < loop.form.outputs; k++)
        if (loop.wanted >> k & 1) GK_EACH(u, GK_SIDE) gk_store(loop, row->y[k] + i + at[u], v.y[k][u]);
    GK_EACH(u, GK_SIDE) written |= vm_to_bits(v.m[u]) << at[u];
    gk_write_bits(loop, row, i, written);
}

/* Fewer than a vector. The lanes past them hold 1, of which no operation complains. */
GK_INLINE void gk_few(const struct gk_loop loop, const struct gk_row *row, size_t i, size_t count) {
    struct gk_vectors v;
    for (int k = 0; k < loop.form.inputs; k++)
        v.x[k][0] = vf_select(vm_first(count), vf_load_few(row->x[k] + i, count), vf_set1(1));
    v.m[0] = vm_from_bits(gk_read_bits(loop, row, i));
    loop.f(&v, 1);
    for (int k = 0; k < loop.form.outputs; k++)
        if (loop.wanted >> k & 1) vf_store_n(row->y[k] + i, v.y[k][0], count);
    gk_write_bits(loop, row, i, vm_to_bits(v.m[0]) & (((uint64_t)1 << count) - 1));
}

GK_INLINE void gk_run_row(const struct gk_loop loop, const struct gk_row *row, size_t i, size_t end) {
    struct gk_loop rest = loop;
    rest.streams = false; /* its last vector is not aligned */
    for (; end - i >= GK_BLOCK; i += GK_BLOCK) gk_block(loop, row, i, GK_BLOCK);
    if (end - i >= GK_LANES) gk_block(rest, row, i, end - i);
    else if (end > i) gk_few(rest, row, i, end - i);
    for (i = (end + GK_BLOCK - 1) / GK_BLOCK * GK_BLOCK; i % 64; i += GK_BLOCK) gk_write_bits(loop, row, i, 0);
}

GK_INLINE void gk_run_rows(const struct gk_team *team, const struct gk_elements *e, const struct gk_loop loop) {
    for (struct gk_run_of_row r = gk_first_run(team, e->n, e->d); r.left; gk_next_run(&r, e->d)) {
        struct gk_row row;
        for (int k = 0; k < loop.form.inputs; k++) row.x[k] = e->x[k].at + r.row * e->x[k].ld;
        for (int k = 0; k < loop.form.outputs; k++)
            if (loop.wanted >> k & 1) row.y[k] = e->y[k].at + r.row * e->y[k].ld;
        if (loop.masks && loop.form.reads_mask) row.reads = (const char *)(e->reads + r.row * e->ld_mask);
        if (loop.masks && loop.form.writes_mask) row.writes = (char *)(e->writes + r.row * e->ld_mask);
        gk_run_row(loop, &row, r.first, r.end);
    }
}

GK_INLINE void gk_run_stores(const struct gk_team *team, const struct gk_elements *e, struct gk_loop loop, bool streams) {
    if (!streams) gk_run_rows(team, e, loop);
    if (!streams) return;
    loop.streams = true;
    gk_run_rows(team, e, loop);
    vf_fence();
}

/* Are all rows one, of n d elements? */
static inline bool gk_flat(const struct gk_elements *e, const struct gk_form form, bool masks) {
    bool flat = !masks || (e->d % 64 == 0 && e->ld_mask == e->d / 64);
    for (int k = 0; k < form.inputs; k++) flat &= e->x[k].ld == e->d;
    for (int k = 0; k < form.outputs; k++) flat &= !e->y[k].at || e->y[k].ld == e->d;
    return flat || e->n == 1;
}

/* Where a call does not fit in half of L3, what it writes would push out what is read, and be read before it is written. From
 * there on it pays; below it what comes next would miss it. Stores in parts of 16 bytes, as malloc aligns. */
static inline bool gk_streams(const struct gk_team *team, const struct gk_elements *e, const struct gk_form form) {
    bool fits = true;
    int operands = 0;
    for (int k = 0; k < form.inputs; k++) operands += e->x[k].ld != 0 || e->n == 1; /* else the same row again and again */
    for (int k = 0; k < form.outputs; k++) {
        const struct gk_output *const y = &e->y[k];
        if (!y->at) continue;
        operands++;
        fits &= (uintptr_t)y->at % GK_STREAMED == 0 && (e->n == 1 || y->ld * sizeof(real) % GK_STREAMED == 0);
        for (int i = 0; i < form.inputs; i++) fits &= y->at != e->x[i].at;
    }
    return fits && e->n * e->d * (size_t)operands * sizeof(real) > team->caches->l3 / 2;
}

/* Of two outputs one may not be wanted. */
GK_INLINE void gk_elementwise(const struct gk_team *team, const struct gk_elements *operands, const struct gk_form form,
                              gk_map *f) {
    struct gk_elements e = *operands;
    const bool second = form.outputs > 1 && e.y[1].at, masks = form.reads_mask || (form.writes_mask && e.writes);
    if (gk_flat(&e, form, masks)) e.d *= e.n, e.n = e.n != 0;
    const bool streams = gk_streams(team, &e, form);
    if (masks) gk_run_stores(team, &e, (struct gk_loop){form, 1, true, false, f}, streams);
    else if (!second) gk_run_stores(team, &e, (struct gk_loop){form, 1, false, false, f}, streams);
    else if (!e.y[0].at) gk_run_stores(team, &e, (struct gk_loop){form, 2, false, false, f}, streams);
    else gk_run_stores(team, &e, (struct gk_loop){form, 3, false, false, f}, streams);
}

static const size_t gk_elementwise_edges[] = {GK_BLOCK, 0};

#endif

/* The cell of a kernel. Bytes: a fork and join costs about what 100 KB of copying does, or 30 KB where each number is an
 * exponential. */
#define GK_ELEMENTWISE(least_bytes)                                                                                            \
    { .run = run, .serial_below = least_bytes, .edges = gk_elementwise_edges }

#endif
