/* Where it was measured: runs side by side, their warnings, roofs and peers. */
#include <math.h>
#include <string.h>

#include "markup.h"
#include "page_parts.h"
#include "report_words.h"
#include "text.h"

enum { WARNINGS_SHOWN = 12 };

/* A fact of a run. */
struct fact {
    const char *name;
    void (*say)(const struct gb_set_run *run, char *text, size_t size);
};

static void say_file(const struct gb_set_run *run, char *text, size_t size) { snprintf(text, size, "%s", run->file); }

static void say_machine(const struct gb_set_run *run, char *text, size_t size) {
    const struct gb_result_context *const c = &run->result->context;
    snprintf(text, size, "%s%s%s", c->host ? c->host : "", c->host ? ": " : "", c->topology);
}

static void say_threads(const struct gb_set_run *run, char *text, size_t size) {
    text[0] = '\0';
    for (size_t i = 0; i < run->n_threads; i++) gb_text_append(text, size, "%s%zu", i ? ", " : "", run->threads[i]);
}

static void say_build(const struct gb_set_run *run, char *text, size_t size) {
    const struct gb_result_context *const c = &run->result->context;
    snprintf(text, size, "revision %s, version %s, numerics %zu", c->revision, c->version, c->numerics);
}

static void say_compiler(const struct gb_set_run *run, char *text, size_t size) {
    snprintf(text, size, "%s, %s", run->result->context.compiler, run->result->context.flags);
}

static void say_date(const struct gb_set_run *run, char *text, size_t size) {
    snprintf(text, size, "%s, seed %zu", run->result->context.date, run->result->context.seed);
}

static void say_rows(const struct gb_set_run *run, char *text, size_t size) {
    snprintf(text, size, "%zu timed", run->timed);
    if (run->not_timed) gb_text_append(text, size, ", %zu not", run->not_timed);
    if (!run->result->complete) gb_text_append(text, size, "; the run was ended before all problems were done");
}

static void print_warnings(FILE *out, const struct gb_set_run *run) {
    const struct gb_result_context *const c = &run->result->context;
    if (c->n_warnings == 0) return;
    gb_paragraph(out, NULL, "%s%sWhat may have spoiled it:", run->mark, *run->mark ? ": " : "");
    fputs("<ul class=\"warnings\">\n", out);
    for (size_t i = 0; i < c->n_warnings && i < WARNINGS_SHOWN; i++) gb_markup_element(out, "li", NULL, c->warnings[i]);
    fputs("</ul>\n", out);
    if (c->n_warnings > WARNINGS_SHOWN) gb_paragraph(out, "quiet", "%zu more are in the file.", c->n_warnings - WARNINGS_SHOWN);
}

static const struct fact facts[] = {
    {"file", say_file}, {"machine", say_machine},   {"threads", say_threads}, {"gradkern", say_build},
    {"date", say_date}, {"compiler", say_compiler}, {"rows", say_rows},
};

enum { FACTS = sizeof facts / sizeof *facts };

static void print_fact(FILE *out, const struct fact *fact, const struct gb_set_run *run) {
    char text[1200];
    fact->say(run, text, sizeof text);
    gb_cell(out, NULL, text);
}

/* A column a run. */
static void print_few(FILE *out, const struct gb_set *set) {
    fputs("<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"runs\">\n<table class=\"facts\">\n<tbody>\n", out);
    if (set->n_runs > 1) {
        gb_row_begin(out, NULL);
        gb_name_cell(out, "run");
        for (size_t k = 0; k < set->n_runs; k++) gb_cell(out, NULL, set->runs[k].mark);
        gb_markup_end(out, "tr");
    }
    for (size_t i = 0; i < FACTS; i++) {
        gb_row_begin(out, NULL);
        gb_name_cell(out, facts[i].name);
        for (size_t k = 0; k < set->n_runs; k++) print_fact(out, &facts[i], &set->runs[k]);
        gb_markup_end(out, "tr");
    }
    gb_table_end(out);
}

/* A row a run. */
static void print_fleet(FILE *out, const struct gb_set *set) {
    const char *heads[FACTS + 2] = {"run"};
    char caption[40];
    for (size_t i = 0; i < FACTS; i++) heads[i + 1] = facts[i].name;
    gb_table_begin(out, "fleet", gb_count_text(set->n_runs, "run", caption, sizeof caption), heads);
    for (size_t k = 0; k < set->n_runs; k++) {
        gb_row_begin(out, NULL);
        gb_name_cell(out, set->runs[k].mark);
        for (size_t i = 0; i < FACTS; i++) print_fact(out, &facts[i], &set->runs[k]);
        gb_markup_end(out, "tr");
    }
    gb_table_end(out);
}

void gb_page_runs(FILE *out, const struct gb_set *set) {
    gb_section_begin(out, "where", "What was measured, and where");
    (set->n_runs <= GB_RUNS_FEW ? print_few : print_fleet)(out, set);
    for (size_t k = 0; k < set->n_runs; k++) print_warnings(out, &set->runs[k]);
    gb_markup_end(out, "section");
}

static void print_roof(FILE *out, const struct gb_set_run *run, const struct gb_result_roof *roof) {
    gb_row_begin(out, NULL);
    if (*run->mark) gb_cell(out, NULL, run->mark);
    gb_cell(out, NULL, roof->isa);
    gb_cell(out, NULL, roof->dtype);
    gb_count_cell(out, roof->threads);
    gb_ratio_cell(out, roof->fma);
    gb_ratio_cell(out, roof->fma_latency);
    for (int level = 0; level < GB_LEVEL_COUNT; level++) {
        gb_ratio_cell(out, roof->at[level].read);
        gb_ratio_cell(out, roof->at[level].copy);
        gb_ratio_cell(out, roof->at[level].copy_nt);
    }
    gb_markup_end(out, "tr");
}

static void print_peers(FILE *out, const struct gb_set_run *run) {
    const struct gb_result_context *const c = &run->result->context;
    for (size_t i = 0; i < c->n_peers; i++) {
        const struct gb_result_peer *const p = &c->peers[i];
        gb_row_begin(out, NULL);
        if (*run->mark) gb_cell(out, NULL, run->mark);
        gb_cell(out, NULL, p->name);
        gb_cell(out, "text", p->description ? p->description : p->reason ? p->reason : "");
        gb_cell(out, "text", p->command);
        gb_markup_end(out, "tr");
    }
}

void gb_page_machines(FILE *out, const struct gb_set *set) {
    static const char *const roofs[] = {"run",
                                        "isa",
                                        "type",
                                        "#threads",
                                        "#fma, GFLOP/s",
                                        "#fma, ns",
                                        "#L2 read, GB/s",
                                        "#L2 copy",
                                        "#L2 copy, nt",
                                        "#L3 read, GB/s",
                                        "#L3 copy",
                                        "#L3 copy, nt",
                                        "#memory read, GB/s",
                                        "#memory copy",
                                        "#memory copy, nt",
                                        NULL};
    static const char *const peers[] = {"run", "peer", "what it is", "command", NULL};
    size_t n_roofs = 0, n_peers = 0;
    for (size_t k = 0; k < set->n_runs; k++) {
        n_roofs += set->runs[k].result->context.n_roofs;
        n_peers += set->runs[k].result->context.n_peers;
    }
    gb_section_begin(out, "roofs", "Roofs and peers");
    if (n_roofs) {
        gb_table_begin(out, "roofs", "Roofs, measured on the machine; nt: non-temporal stores; fma in ns: latency of one",
                       roofs + (set->n_runs == 1));
        for (size_t k = 0; k < set->n_runs; k++)
            for (size_t i = 0; i < set->runs[k].result->context.n_roofs; i++)
                print_roof(out, &set->runs[k], &set->runs[k].result->context.roofs[i]);
        gb_table_end(out);
    } else {
        gb_paragraph(out, NULL, "The files hold no roofs.");
    }
    if (n_peers) {
        gb_table_begin(out, "peers", "Peers, and those that were asked for and are not there", peers + (set->n_runs == 1));
        for (size_t k = 0; k < set->n_runs; k++) print_peers(out, &set->runs[k]);
        gb_table_end(out);
    } else {
        gb_paragraph(out, NULL, "No peer raced.");
    }
    gb_markup_end(out, "section");
}
