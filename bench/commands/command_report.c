#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "commands.h"
#include "message.h"
#include "options.h"
#include "report_page.h"
#include "result_file.h"
#include "text.h"

/* figure: NULL: the page. */
static int draw(FILE *out, struct gb_result *results, const struct gb_texts *files, const struct gb_figure *figure) {
    struct gb_set set;
    int code = gb_set_fill(&set, results, files->list, files->count);
    if (code == GB_EXIT_OK) code = figure ? gb_report_svg(out, &set, figure) : gb_report_page(out, &set);
    gb_set_free(&set);
    return code;
}

/* All is read and drawn before anything is written. */
static int report(const struct gb_texts *files, const struct gb_figure *figure, const char *output) {
    char *text = NULL;
    size_t size;
    struct gb_result *const results = calloc(files->count, sizeof *results);
    FILE *const out = results ? open_memstream(&text, &size) : NULL;
    int code = out ? GB_EXIT_OK : gb_fail(GB_EXIT_RESOURCE, "no memory for the report");
    for (size_t i = 0; i < files->count && code == GB_EXIT_OK; i++) code = gb_result_read(&results[i], files->list[i]);
    if (code == GB_EXIT_OK) code = draw(out, results, files, figure);
    if (out && fclose(out) != 0 && code == GB_EXIT_OK) code = gb_fail(GB_EXIT_RESOURCE, "no memory for the report");
    if (code == GB_EXIT_OK && strcmp(output, "-") == 0) {
        fwrite(text, 1, size, stdout);
    } else if (code == GB_EXIT_OK) {
        const int reason = gb_result_file_write(&gb_real_files, output, text, size, true);
        if (reason != 0) code = gb_fail(GB_EXIT_RESOURCE, "cannot write %.400s (%s)", output, strerror(reason));
    }
    for (size_t i = 0; i < files->count && results; i++) gb_result_free(&results[i]);
    free(results);
    free(text);
    return code;
}

/* Is the output one of the files that are read? */
static bool is_read(const struct gb_texts *files, const char *output) {
    struct stat a, b;
    if (stat(output, &a) != 0) return false;
    for (size_t i = 0; i < files->count; i++)
        if (stat(files->list[i], &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino) return true;
    return false;
}

int gb_command_report(int argc, char **argv) {
    struct gb_texts files = {.count = 0};
    const char *output = NULL, *name = NULL, *words[GB_FIGURES + 1] = {NULL};
    const struct gb_figure *figure = NULL;
    struct gb_names names = {.count = 0};
    char all[200], help[300];
    for (size_t i = 0; i < GB_FIGURES; i++) gb_names_add(&names, words[i] = gb_figures[i].name);
    snprintf(help, sizeof help, "one figure, for a paper: %s", gb_names_join(&names, all, sizeof all));
    const struct gb_flag options[] = {
        {"output", GB_FLAG_TEXT, &output, "FILE", .letter = 'o',
         .help = "where to: an HTML page, or with --svg a picture; - is standard output"},
        {"svg", GB_FLAG_WORD, &name, "FIGURE", .help = help, .words = words},
    };
    const struct gb_syntax syntax = {
        .command = "report",
        .options = options,
        .n_options = sizeof options / sizeof *options,
        .operand = "FILE...",
        .operands = &files,
        .summary = "Makes a page to look at of results (of gradbench run --json): several runs stand side by side.",
        .notes =
            "The page is one file that needs no network and no script: what was measured where, who is ahead, rooflines, "
            "scaling,\n"
            "all rows and their samples. It follows the reader's light or dark setting, fits a phone, and can be printed.\n\n"
            "    gradbench run --json here.json\n"
            "    gradbench report here.json -o page.html\n"
            "    gradbench report --svg roofline here.json there.json -o figure.svg",
    };
    int code;
    if (!gb_options_parse(&syntax, argc, argv, &code)) return code;
    for (size_t i = 0; i < GB_FIGURES && name; i++)
        if (gb_figures[i].name == name) figure = &gb_figures[i];
    if (!files.count) return gb_fail(GB_EXIT_USAGE, "report takes files (see gradbench report --help)");
    if (!output) return gb_fail(GB_EXIT_USAGE, "report needs -o FILE (- is standard output)");
    if (is_read(&files, output)) return gb_fail(GB_EXIT_USAGE, "-o %.400s is one of the files that are read", output);
    return report(&files, figure, output);
}
