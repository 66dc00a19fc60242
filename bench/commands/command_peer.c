#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "call.h"
#include "message.h"
#include "options.h"
#include "peer_child.h"
#include "text.h"

enum { THREADS_MAX = 1 << 10 };

/* gradkern as a contender: a context, and the call that prepare described. */
struct contender {
    gk_context *ctx;
    const struct gb_peer_problem *problem;
};

/* What the call would check before it writes anything. */
static gk_status check(gk_context *ctx, const struct gb_peer_problem *p) {
    struct gk_context_info info;
    gk_context_inspect(ctx, &info);
    const struct gk_cell *const cell = gk_isa_get(info.isa, p->spec.dtype)->cells[p->spec.kernel];
    bool writes;
    const gk_status status = gk_validate(p->spec.kernel, p->spec.dtype, &p->args, &writes);
    return status == GK_OK && writes && cell->check ? cell->check(&p->args) : status;
}

static bool prepare(void *data, const struct gb_peer_problem *problem, char note[GB_PEER_NOTE_MAX]) {
    struct contender *const c = data;
    c->problem = problem;
    if (problem->threads != gk_context_threads(c->ctx)) {
        snprintf(note, GB_PEER_NOTE_MAX, "started for another number of threads");
        return false;
    }
    const gk_status status = check(c->ctx, problem);
    if (status != GK_OK) {
        snprintf(note, GB_PEER_NOTE_MAX, "the call is refused: %s", gk_status_string(status));
        return false;
    }
    const size_t threads = gk_call_threads(c->ctx, problem->spec.kernel, problem->spec.dtype, &problem->args);
    snprintf(note, GB_PEER_NOTE_MAX, "on %zu thread%s", threads, threads == 1 ? "" : "s");
    return true;
}

/* Checked before: what can still fail is memory, and what was not computed is not to be timed. */
static void call(void *data) {
    const struct contender *const c = data;
    const gk_status status = gk_call(c->ctx, c->problem->spec.kernel, c->problem->spec.dtype, &c->problem->args);
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
        {"isa", GB_FLAG_TEXT, &isa, "NAME", .help = "instruction set (default: the widest that this CPU runs)"},
        {"threads", GB_FLAG_COUNT, &threads, "N", .help = "threads (default: as for any program that uses gradkern)", .low = 1,
         .high = THREADS_MAX},
    };
    char notes[2048];
    snprintf(notes, sizeof notes,
             "gradbench run starts its own contenders so. It leaves the binding of threads to the environment.\n\n"
             "Options that a line of prepare may have:\n%s",
             gb_options_help(true));
    const struct gb_syntax syntax = {
        .command = "peer",
        .summary = "Is raced: speaks the protocol of PEERS.md on standard input and output.",
        .options = options,
        .n_options = sizeof options / sizeof *options,
        .notes = notes,
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
