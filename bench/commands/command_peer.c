#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "call.h"
#include "message.h"
#include "options.h"
#include "peer_child.h"
#include "text.h"

enum { THREADS_MAX = 1 << 10, ARGS_MAX = 1024, NOTHING = -1 };

/* gradkern as a contender: a context, and the call that prepare described. */
struct contender {
    gk_context *ctx;
    enum gk_kernel_id id;
    enum gk_dtype dtype;
    _Alignas(max_align_t) char args[ARGS_MAX];
};

#define GK_KERNEL(id, family, doc) _Static_assert(sizeof(gk_##id##_args) <= ARGS_MAX, "the arguments of " #id " fit");
#include "../../kernels/kernels.def"

/* Options in the words of gb_problem_describe. What goes without saying in the operands (labels) sets nothing. */
static const struct {
    const char *key, *value;
    enum gk_field_kind kind;
    int setting;
} settings[] = {
    {"layout", "in_out", GK_FIELD_LAYOUT, GK_IN_OUT},
    {"layout", "out_in", GK_FIELD_LAYOUT, GK_OUT_IN},
    {"reduction", "mean", GK_FIELD_REDUCTION, GK_MEAN},
    {"reduction", "sum", GK_FIELD_REDUCTION, GK_SUM},
    {"reduction", "none", GK_FIELD_REDUCTION, GK_NONE},
    {"accumulate", "0", GK_FIELD_ACCUMULATE, false},
    {"accumulate", "1", GK_FIELD_ACCUMULATE, true},
    {"ignore", "0", GK_FIELD_IGNORE, false},
    {"ignore", "1", GK_FIELD_IGNORE, true},
    {"labels", "index", GK_FIELD_IGNORE, NOTHING},
    {"labels", "index64", GK_FIELD_IGNORE, NOTHING},
    {"labels", "dense", GK_FIELD_IGNORE, NOTHING},
};
enum { SETTINGS = sizeof settings / sizeof *settings };

static void set(char *args, const struct gk_field *field, int setting) {
    const bool on = setting != 0;
    const int64_t ignore_index = -1;
    if (field->kind == GK_FIELD_LAYOUT || field->kind == GK_FIELD_REDUCTION) {
        memcpy(args + field->offset, &setting, sizeof setting);
        return;
    }
    memcpy(args + field->offset, &on, sizeof on);
    if (field->kind == GK_FIELD_IGNORE) memcpy(args + field->offset2, &ignore_index, sizeof ignore_index);
}

/* False: the kernel has no such option. */
static bool set_option(char *args, const struct gk_kernel *kernel, const char *key, const char *value) {
    size_t i = 0;
    bool found = false;
    while (i < SETTINGS && (strcmp(settings[i].key, key) != 0 || strcmp(settings[i].value, value) != 0)) i++;
    for (size_t j = 0; i < SETTINGS && j < kernel->n_fields; j++) {
        if (kernel->fields[j].kind != settings[i].kind) continue;
        if (settings[i].setting != NOTHING) set(args, &kernel->fields[j], settings[i].setting);
        found = true;
    }
    return found;
}

static void set_sizes_and_operands(char *args, const struct gk_kernel *kernel, const struct gb_peer_problem *problem) {
    for (size_t i = 0; i < kernel->n_fields; i++) {
        const struct gk_field *const f = &kernel->fields[i];
        size_t size = 0;
        if (f->kind == GK_FIELD_DIM) {
            size = problem->dims[f->dim];
            memcpy(args + f->offset, &size, sizeof size);
        }
        if (f->kind != GK_FIELD_IN && f->kind != GK_FIELD_OUT) continue;
        void *const start = gb_peer_operand(problem, f->name, &size);
        memcpy(args + f->offset, &start, sizeof start);
        if (f->offset2 != GK_NOWHERE) memcpy(args + f->offset2, &size, sizeof size);
    }
}

/* What the call would check before it writes anything. */
static gk_status check(const struct contender *c) {
    struct gk_context_info info;
    gk_context_inspect(c->ctx, &info);
    const struct gk_cell *const cell = gk_isa_get(info.isa, c->dtype)->cells[c->id];
    bool writes;
    const gk_status status = gk_validate(gk_kernel_get(c->id), c->dtype, c->args, &writes);
    return status == GK_OK && writes && cell->check ? cell->check(c->args) : status;
}

static bool unfit(char note[GB_PEER_NOTE_MAX], const char *what, const char *which) {
    snprintf(note, GB_PEER_NOTE_MAX, "%s %s", what, which);
    return false;
}

static bool prepare(void *data, const struct gb_peer_problem *problem, char note[GB_PEER_NOTE_MAX]) {
    struct contender *const c = data;
    const struct gk_kernel *const kernel = gk_kernel_find(problem->kernel);
    if (!kernel) return unfit(note, "no kernel", problem->kernel);
    if (problem->threads != gk_context_threads(c->ctx)) return unfit(note, "started for another number", "of threads");
    c->id = 0;
    while (gk_kernel_get(c->id) != kernel) c->id++;
    c->dtype = problem->f64 ? GK_F64 : GK_F32;
    memset(c->args, 0, sizeof c->args);
    set_sizes_and_operands(c->args, kernel, problem);
    for (size_t i = 0; i < problem->n_options; i++)
        if (!set_option(c->args, kernel, problem->options[i].key, problem->options[i].value))
            return unfit(note, "unknown option", problem->options[i].key);
    const gk_status status = check(c);
    if (status != GK_OK) return unfit(note, "the call is refused:", gk_status_string(status));
    const size_t threads = gk_call_threads(c->ctx, c->id, c->dtype, c->args);
    snprintf(note, GB_PEER_NOTE_MAX, "on %zu thread%s", threads, threads == 1 ? "" : "s");
    return true;
}

/* Checked before: what can still fail is memory, and what was not computed is not to be timed. */
static void call(void *data) {
    struct contender *const c = data;
    const gk_status status = gk_call(c->ctx, c->id, c->dtype, c->args);
    if (status != GK_OK) exit(gb_fail(GB_EXIT_RESOURCE, "the call failed: %s", gk_status_string(status)));
}

static size_t threads_ran(void *data) {
    const struct contender *const c = data;
    struct gk_context_info info;
    gk_context_inspect(c->ctx, &info);
    return info.ran;
}

static int serve(gk_context *ctx) {
    struct contender contender = {.ctx = ctx};
    struct gb_peer peer = {.data = &contender, .prepare = prepare, .call = call, .threads = threads_ran};
    const size_t threads = gk_context_threads(ctx);
    snprintf(peer.description, sizeof peer.description, "gradkern %s (numerics %d), %s, %zu thread%s", gk_version(),
             gk_numerics_version(), gk_context_isa(ctx), threads, threads == 1 ? "" : "s");
    return gb_peer_serve(&peer);
}

static int refuse_isa(const char *isa) {
    const struct gb_names isas = gb_isa_names();
    char text[400];
    return gb_fail(GB_EXIT_USAGE, "%s", gb_names_refuse(&isas, "instruction set", isa, text, sizeof text));
}

int gb_command_peer(int argc, char **argv) {
    const char *isa = NULL;
    uint64_t threads = 0;
    const struct gb_flag options[] = {
        {"isa", GB_FLAG_TEXT, &isa, "NAME", "instruction set (default: the widest that this CPU runs)", 0, 0, NULL},
        {"threads", GB_FLAG_COUNT, &threads, "N", "threads (default: as for any program that uses gradkern)", 1, THREADS_MAX,
         NULL},
    };
    const struct gb_syntax syntax = {
        .command = "peer",
        .summary = "Is raced: speaks the protocol of PEERS.md on standard input and output.",
        .options = options,
        .n_options = sizeof options / sizeof *options,
        .notes = "gradbench run starts its own contenders so. It leaves the binding of threads to the environment.",
    };
    int code;
    gk_context *ctx;
    if (!gb_options_parse(&syntax, argc, argv, &code)) return code;
    const int index = isa ? gk_isa_find(isa) : 0;
    if (index < 0) return refuse_isa(isa);
    if (isa && gk_isa_unusable((size_t)index)) return gb_peer_absent(gk_isa_unusable((size_t)index));
    const gk_status status = gk_context_create(&ctx, &(gk_options){.isa = isa, .threads = threads});
    if (status != GK_OK) return gb_peer_absent(gk_status_string(status));
    code = serve(ctx);
    gk_context_destroy(ctx);
    return code;
}
