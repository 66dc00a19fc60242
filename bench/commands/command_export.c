#include <stdlib.h>

#include "commands.h"
#include "message.h"
#include "options.h"
#include "report_markdown.h"
#include "text.h"

static int export_files(const char *const *files, size_t count, bool brief) {
    struct gb_result *const results = calloc(count, sizeof *results);
    int code = results ? GB_EXIT_OK : gb_fail(GB_EXIT_RESOURCE, "no memory for the results");
    for (size_t i = 0; i < count && code == GB_EXIT_OK; i++) code = gb_result_read(&results[i], files[i]);
    if (code == GB_EXIT_OK) code = gb_report_markdown(stdout, results, count, brief);
    for (size_t i = 0; i < count && results; i++) gb_result_free(&results[i]);
    free(results);
    return code;
}

int gb_command_export(int argc, char **argv) {
    bool brief = false;
    struct gb_texts words = {.count = 0};
    const struct gb_names formats = {.list = {"markdown"}, .count = 1};
    const struct gb_flag options[] = {
        {"short", GB_FLAG_SWITCH, &brief, .help = "of each layer all gradients in one call only, and no word on who raced"},
    };
    const struct gb_syntax syntax = {
        .command = "export",
        .options = options,
        .n_options = sizeof options / sizeof *options,
        .operand = "FORMAT FILE...",
        .operands = &words,
        .summary = "Prints results (of gradbench run --json) for another program, or another reader.",
        .notes =
            "FORMAT is markdown: a summary, and a table with a layer and kernel a row, an instruction set and a number of\n"
            "threads a column. A cell is the time, its share of what limits it, and the time of the best peer over it with\n"
            "its 95 % interval, bold where that is wholly below 1; behind: beyond 3 % and the noise, too.\n\n"
            "A FILE may have 256 MiB."};
    int code;
    char text[200];
    if (!gb_options_parse(&syntax, argc, argv, &code)) return code;
    if (words.count < 2) return gb_fail(GB_EXIT_USAGE, "export takes a format and files (see gradbench export --help)");
    if (!gb_names_hold(&formats, words.list[0]))
        return gb_fail(GB_EXIT_USAGE, "%s", gb_names_refuse(&formats, "format", words.list[0], text, sizeof text));
    return export_files(words.list + 1, words.count - 1, brief);
}
