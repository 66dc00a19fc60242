#include <stdio.h>
#include <string.h>

#include "build_info.h"
#include "commands.h"
#include "gradkern.h"
#include "message.h"
#include "openmp_words.h"
#include "options.h"
#include "text.h"

static const struct gb_command commands[] = {
    {"run", "verify and time kernels on real layer shapes", gb_command_run},
    {"check", "check every kernel of every instruction set on this CPU", gb_command_check},
    {"list", "show kernels, variants and workloads", gb_command_list},
    {"info", "explain this machine and what is chosen on it", gb_command_info},
    {"compare", "say what is slower or faster in one result than in another", gb_command_compare},
    {"baseline", "keep results by name", gb_command_baseline},
    {"report", "make a page or a figure of results", gb_command_report},
    {"export", "print results for another program or reader", gb_command_export},
    {"graph", "show every value and gradient of a graph of computations", gb_command_graph},
    {"gradcheck", "check gradients by differences and complex steps, at any shape", gb_command_gradcheck},
    {"train", "train a network on MNIST, and show that its weights are the same everywhere", gb_command_train},
    {"peer", "be a contender of another gradbench's run", gb_command_peer},
};

enum { COMMANDS = sizeof commands / sizeof *commands };

static struct gb_names command_names(void) {
    struct gb_names names = {.count = 0};
    for (size_t i = 0; i < COMMANDS; i++) gb_names_add(&names, commands[i].name);
    return names;
}

static int version(void) {
    printf("gradbench %s (numerics %d, revision %s, %s)\n", gk_version(), gk_numerics_version(), gb_build_revision(),
           gb_build_compiler());
    return GB_EXIT_OK;
}

/* The words after gradbench, or after gradbench help, which are no command. */
static int refuse(int argc, char **argv) {
    const char *const word = argv[0];
    int code;
    const struct gb_names names = command_names();
    char text[400];
    const char *const option = word + strspn(word, "-"), *const other = option > word ? gb_options_elsewhere(option) : NULL;
    if (other) return gb_fail(GB_EXIT_USAGE, "options follow a command (did you mean '%s'?)", other);
    if (strncmp(word, "--", 2) == 0)
        return gb_run_takes(argc, argv, &code)
                   ? gb_fail(GB_EXIT_USAGE, "options follow a command (did you mean 'gradbench run %.80s'?)", word)
                   : code;
    if (word[0] == '-' && word[1]) return gb_fail(GB_EXIT_USAGE, "options are written with two dashes (got '%.80s')", word);
    return gb_fail(GB_EXIT_USAGE, "%s", gb_names_refuse(&names, "command", word, text, sizeof text));
}

static bool is_one_of(const char *word, const char *const *words) {
    while (*words && strcmp(word, *words) != 0) words++;
    return *words;
}

static int dispatch(int argc, char **argv) {
    static const char *const help_words[] = {"help", "--help", "-h", NULL}, *const version_words[] = {"--version", "-V", NULL};
    if (argc < 2) {
        const struct gb_names names = command_names();
        char all[200];
        return gb_fail(GB_EXIT_USAGE, "a command is missing (%s; see gradbench --help)",
                       gb_names_join(&names, all, sizeof all));
    }
    const char *const first = argv[1];
    if (is_one_of(first, version_words))
        return argc == 2 ? version() : gb_fail(GB_EXIT_USAGE, "--version stands alone (got '%.80s')", argv[2]);
    const bool helps = is_one_of(first, help_words);
    if (helps && (argc == 2 || strncmp(argv[2], "--", 2) == 0)) return gb_command_help(commands, COMMANDS, argc - 2, argv + 2);
    if (helps && argc > 3) return gb_fail(GB_EXIT_USAGE, "help takes one command (got '%.80s')", argv[3]);
    const char *const name = argv[1 + helps];
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i].name, name) == 0)
            return helps ? commands[i].run(1, (char *[]){"--help", NULL}) : commands[i].run(argc - 2, argv + 2);
    return refuse(argc - 1 - helps, argv + 1 + helps);
}

int main(int argc, char **argv) {
    gb_openmp_words();
    gb_secure_descriptors();
    return gb_finish_output(dispatch(argc, argv));
}
