#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "contender.h"
#include "call.h"
#include "environment.h"
#include "message.h"
#include "options.h"
#include "peer_catalog.h"
#include "workload.h"

#define START_LIMIT_NS 60e9 /* a framework takes seconds */

static const char *usability(size_t isa) {
    const char *const reason = gk_isa_unusable(isa);
    return reason ? reason : "";
}

/* A name, or a formula with its bars escaped, in a cell of a Markdown table. */
static void print_cell(const char *text) {
    for (; *text; text++) printf(*text == '|' ? "\\|" : "%c", *text);
}

static bool tuned(size_t isa, int id) {
    for (int dtype = 0; dtype < GK_DTYPE_COUNT; dtype++)
        if (gk_isa_get(isa, (enum gk_dtype)dtype)->tuned[id]) return true;
    return false;
}

static int list_markdown(void) {
    printf("| kernel | formula |");
    for (size_t i = 0; i < GK_ISA_COUNT; i++) printf(" %s |", gk_isa_get(i, GK_F32)->name);
    printf("\n|---|---|");
    for (size_t i = 0; i < GK_ISA_COUNT; i++) printf("---|");
    for (int id = 0; id < GK_KERNEL_COUNT; id++) {
        const struct gk_kernel *const kernel = gk_kernel_get((enum gk_kernel_id)id);
        printf("\n| `%s` | ", kernel->name);
        print_cell(kernel->doc);
        printf(" |");
        for (size_t i = 0; i < GK_ISA_COUNT; i++) printf(" %s |", tuned(i, id) ? "tuned" : "yes");
    }
    printf("\n");
    return GB_EXIT_OK;
}

/* "n d m" */
static const char *dimensions(const struct gk_kernel *kernel, char *text, size_t size) {
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < kernel->n_fields && used < size; i++)
        if (kernel->fields[i].kind == GK_FIELD_DIM)
            used += (size_t)snprintf(text + used, size - used, "%s%s", used ? " " : "", kernel->fields[i].name);
    return text;
}

/* "sum over m, n": the rules of its outputs, each once. */
static const char *exactness(const struct gk_kernel *kernel, char *text, size_t size) {
    static const char *const words[] = {"exact", "sum over ", "softmax over ", "ULP "};
    struct gk_exactness said[GK_OPERANDS_MAX];
    size_t used = 0, count = 0;
    for (size_t i = 0; i < kernel->n_fields && used < size; i++) {
        if (kernel->fields[i].kind != GK_FIELD_OUT) continue;
        const struct gk_exactness e = gk_exactness_of(kernel, &kernel->fields[i]);
        const bool over = e.rule == GK_EXACT_SUM || e.rule == GK_EXACT_SOFTMAX;
        char value[24] = "";
        bool known = false;
        for (size_t j = 0; j < count; j++) known |= said[j].rule == e.rule && said[j].dim == e.dim && said[j].ulp == e.ulp;
        if (known) continue;
        if (e.rule == GK_EXACT_ULP) snprintf(value, sizeof value, "%g", e.ulp);
        used +=
            (size_t)snprintf(text + used, size - used, "%s%s%s", count ? ", " : "",
                             count && said[count - 1].rule == e.rule ? "" : words[e.rule], over ? gk_dim_name(e.dim) : value);
        said[count++] = e;
    }
    return text;
}

static void list_kernels(bool plain) {
    char dims[64], rule[64];
    if (!plain)
        printf("kernels, each in f32 and f64:\n  %-23s%-13s%-8s%-17s%s\n", "name", "family", "dims", "exactness", "formula");
    for (int id = 0; id < GK_KERNEL_COUNT; id++) {
        const struct gk_kernel *const k = gk_kernel_get((enum gk_kernel_id)id);
        printf(plain ? "%s\t%s\t%s\t%s\t%s\n" : "  %-23s%-13s%-8s%-17s%s\n", k->name, k->family,
               dimensions(k, dims, sizeof dims), exactness(k, rule, sizeof rule), k->doc);
    }
}

static void list_variants(bool plain) {
    if (!plain) printf("\nvariants, the plainest first:\n");
    for (size_t i = 0; i < GK_ISA_COUNT; i++) {
        const struct gk_isa *const isa = gk_isa_get(i, GK_F32);
        if (plain) {
            printf("%s\t%s\t%s\n", isa->name, gk_isa_unusable(i) ? "unusable" : "usable", usability(i));
            continue;
        }
        printf("  %-23s%s%s", isa->name, gk_isa_unusable(i) ? "unusable: " : "usable", usability(i));
        for (int id = 0, named = 0; id < GK_KERNEL_COUNT; id++)
            if (tuned(i, id)) printf("%s%s", named++ ? ", " : "; tuned: ", gk_kernel_get((enum gk_kernel_id)id)->name);
        printf("\n");
    }
}

static int list_workloads(bool plain) {
    char path[GB_PATH_MAX];
    char **const list = gb_workload_list();
    int code = GB_EXIT_OK;
    if (!list) return gb_workload_list_failed();
    if (!plain && gb_workload_directory(path)) printf("\nworkloads, in %s:\n", path);
    for (size_t i = 0; list[i] && code == GB_EXIT_OK; i++) {
        struct gb_workload workload = {0};
        code = gb_workload_find(list[i], path);
        if (code == GB_EXIT_OK) code = gb_workload_read(&workload, path);
        if (code == GB_EXIT_OK)
            printf(plain ? "%s\t%zu\n" : "  %-23s%zu problem%s\n", list[i], workload.count, workload.count == 1 ? "" : "s");
        gb_workload_free(&workload);
    }
    free(list);
    return code;
}

/* Each is started, so that it can say itself what it is here. */
static void list_peers(bool plain) {
    struct gb_peer_entry catalog[GB_PEERS_MAX];
    const size_t count = gb_peer_catalog(catalog);
    if (!plain) printf("\npeers:\n");
    for (size_t i = 0; i < count; i++) {
        struct gb_contender peer;
        const bool here = gb_contender_start(&peer, catalog[i].command, 1, true, START_LIMIT_NS);
        const char *const state = here ? "here" : peer.state == GB_CONTENDER_ABSENT ? "absent" : "broken";
        char reason[GB_PEER_REASON_MAX];
        gb_contender_end(&peer);
        gb_peer_explain(&catalog[i], &peer, reason);
        printf(plain ? "%s\t%s\t%s\n" : "  %-24s%s: %s\n", catalog[i].name, state, here ? peer.description : reason);
        fflush(stdout);
    }
}

static int list_plain(const char *what) {
    if (strcmp(what, "workloads") == 0) return list_workloads(true);
    if (strcmp(what, "kernels") == 0) list_kernels(true);
    else if (strcmp(what, "peers") == 0) list_peers(true);
    else list_variants(true);
    return GB_EXIT_OK;
}

int gb_command_list(int argc, char **argv) {
    static const char *const lists[] = {"kernels", "variants", "workloads", "peers", NULL};
    const char *plain = NULL;
    bool markdown = false;
    const struct gb_flag options[] = {
        {"plain", GB_FLAG_WORD, &plain, "WHAT",
         .help = "kernels, variants, workloads or peers, one a line, fields separated by tabs", .words = lists},
        {"markdown", GB_FLAG_SWITCH, &markdown, .help = "the kernels as the table in the README"},
    };
    const struct gb_syntax syntax = {
        .command = "list",
        .options = options,
        .n_options = sizeof options / sizeof *options,
        .summary = "Shows the kernels, the variants (usable here, or why not), the workloads and the peers that can be raced."};
    int code;
    if (!gb_options_parse(&syntax, argc, argv, &code)) return code;
    if (plain && markdown) return gb_fail(GB_EXIT_USAGE, "--plain and --markdown exclude each other");
    code = gb_environment_check();
    if (code != GB_EXIT_OK) return code;
    if (markdown) return list_markdown();
    if (plain) return list_plain(plain);
    list_kernels(false);
    list_variants(false);
    code = list_workloads(false);
    list_peers(false);
    return code;
}
