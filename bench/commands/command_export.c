#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "exports.h"
#include "json_schema.h"
#include "message.h"
#include "options.h"
#include "text.h"

static const struct format {
    const char *name;
    bool one; /* file at most */
    int (*print)(const struct gb_export *export);
    const char *help;
} formats[] = {
    {"markdown", false, gb_export_markdown,
     "a summary, and a table with a layer and kernel a row, an instruction set and a number of\n"
     "threads a column. A cell is the time, its share of what limits it, and the time of the best\n"
     "peer over it with its 95 % interval, bold where that is wholly below 1; behind: beyond 3 % and\n"
     "the noise, too."},
    {"csv", false, gb_export_csv,
     "a line a row of the results, for pandas, R and spreadsheets; units are in the names of columns"},
    {"google-benchmark", true, gb_export_google_benchmark,
     "for its compare.py: a sample is a repetition. CPU time is not measured, and said to be the real\n"
     "time. `compare.py filters FILE variant:ref variant:NAME` compares variants"},
    {"gha", true, gb_export_gha, "for github-action-benchmark, its customSmallerIsBetter: medians in ns"},
    {"junit", false, gb_export_junit,
     "a test a row, for the pages of CI: what failed, is gone or has no time has failed, and so has a\n"
     "run that was cut off"},
    {"bencher", true, gb_export_bencher,
     "Bencher's Metric Format: latency in ns and calls a second, with their 95 % intervals"},
};

enum { FORMATS = sizeof formats / sizeof *formats };

static int export_files(const struct format *format, const char *const *files, size_t count, bool brief) {
    struct gb_result *const results = calloc(count, sizeof *results);
    int code = results ? GB_EXIT_OK : gb_fail(GB_EXIT_RESOURCE, "no memory for the results");
    for (size_t i = 0; i < count && code == GB_EXIT_OK; i++) code = gb_result_read(&results[i], files[i]);
    if (code == GB_EXIT_OK)
        code = format->print(
            &(struct gb_export){.out = stdout, .results = results, .names = files, .count = count, .brief = brief});
    for (size_t i = 0; i < count && results; i++) gb_result_free(&results[i]);
    free(results);
    return code;
}

static int export_words(const struct gb_texts *words, bool brief) {
    struct gb_names names = {.count = 0};
    char text[200];
    if (words->count < 2) return gb_fail(GB_EXIT_USAGE, "export takes a format and files (see gradbench export --help)");
    for (size_t i = 0; i < FORMATS; i++) {
        const struct format *const f = &formats[i];
        gb_names_add(&names, f->name);
        if (strcmp(f->name, words->list[0]) != 0) continue;
        if (f->one && words->count > 2)
            return gb_fail(GB_EXIT_USAGE, "export %s takes one file (got %zu)", f->name, words->count - 1);
        if (brief && f->print != gb_export_markdown) return gb_fail(GB_EXIT_USAGE, "--short is for markdown (got %s)", f->name);
        return export_files(f, words->list + 1, words->count - 1, brief);
    }
    return gb_fail(GB_EXIT_USAGE, "%s", gb_names_refuse(&names, "format", words->list[0], text, sizeof text));
}

/* The formats, and what they are, the lines of which are indented. */
static void write_notes(char *notes, size_t size) {
    enum { NAME_WIDTH = 18 };
    gb_text_append(notes, size, "FORMAT is one of:\n");
    for (size_t i = 0; i < FORMATS; i++) {
        gb_text_append(notes, size, "  %-*s", NAME_WIDTH, formats[i].name);
        for (const char *at = formats[i].help; *at; at += strspn(at, "\n")) {
            const size_t length = strcspn(at, "\n");
            gb_text_append(notes, size, "%*s%.*s\n", at == formats[i].help ? 0 : NAME_WIDTH + 2, "", (int)length, at);
            at += length;
        }
    }
    gb_text_append(notes, size, "\nA FILE may have 256 MiB.");
}

int gb_command_export(int argc, char **argv) {
    bool brief = false, schema = false;
    char notes[2000] = "";
    struct gb_names names = {.count = 0};
    struct gb_texts words = {.count = 0};
    const struct gb_flag options[] = {
        {"short", GB_FLAG_SWITCH, &brief,
         .help = "markdown of each layer's gradients in one call only, and no word on who raced"},
        {"schema", GB_FLAG_SWITCH, &schema, .help = "prints the JSON Schema of result files, and takes none"},
    };
    const struct gb_syntax syntax = {.command = "export",
                                     .options = options,
                                     .n_options = sizeof options / sizeof *options,
                                     .operand = "FORMAT FILE...",
                                     .operands = &words,
                                     .operand_words = names.list,
                                     .summary =
                                         "Prints results (of gradbench run --json) for another program, or another reader.",
                                     .notes = notes};
    int code;
    for (size_t i = 0; i < FORMATS; i++) gb_names_add(&names, formats[i].name);
    write_notes(notes, sizeof notes);
    if (!gb_options_parse(&syntax, argc, argv, &code)) return code;
    if (!schema) return export_words(&words, brief);
    return words.count ? gb_fail(GB_EXIT_USAGE, "--schema stands alone (got '%.80s')", words.list[0])
                       : gb_json_schema(stdout, &gb_result_members);
}
