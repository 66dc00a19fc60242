#include <stdio.h>
#include <string.h>

#include "build_info.h"
#include "commands.h"
#include "gradkern.h"
#include "message.h"
#include "text.h"

static const struct {
    const char *name, *summary;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"run", "verify and time kernels on real layer shapes", gb_command_run},
    {"check", "check every kernel of every instruction set on this CPU", gb_command_check},
    {"list", "show kernels, variants and workloads", gb_command_list},
    {"info", "explain this machine and what is chosen on it", gb_command_info},
    {"peer", "be a contender of another gradbench's run", gb_command_peer},
};

enum { COMMANDS = sizeof commands / sizeof *commands };

static int help(void) {
    printf("usage: gradbench COMMAND [options]\n\ngradbench checks, times and compares gradkern's training kernels.\n\n");
    for (size_t i = 0; i < COMMANDS; i++) printf("  %-8s%s\n", commands[i].name, commands[i].summary);
    printf(
        "\n  gradbench COMMAND --help lists a command's options, gradbench --version prints the version.\n"
        "\nexit codes: 0 good, 1 a check failed, 2 usage, 3 bad input file, 4 memory, input or output, 5 instruction set not\n"
        "available, 70 internal error\n");
    return GB_EXIT_OK;
}

static int version(void) {
    printf("gradbench %s (numerics %d, revision %s, %s)\n", gk_version(), gk_numerics_version(), gb_build_revision(),
           gb_build_compiler());
    return GB_EXIT_OK;
}

static int refuse(const char *word) {
    struct gb_names names = {.count = 0};
    char text[400];
    for (size_t i = 0; i < COMMANDS; i++) gb_names_add(&names, commands[i].name);
    return gb_fail(GB_EXIT_USAGE, "%s", gb_names_refuse(&names, "command", word, text, sizeof text));
}

static int dispatch(int argc, char **argv) {
    if (argc < 2) return gb_fail(GB_EXIT_USAGE, "a command is missing (run, check, list, info, peer; see gradbench --help)");
    const bool alone = argc == 2;
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) return help();
    if (strcmp(argv[1], "--version") == 0)
        return alone ? version() : gb_fail(GB_EXIT_USAGE, "--version stands alone (got '%.80s')", argv[2]);
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i].name, argv[1]) == 0) return commands[i].run(argc - 2, argv + 2);
    return refuse(argv[1]);
}

int main(int argc, char **argv) {
    gb_secure_descriptors();
    return gb_finish_output(dispatch(argc, argv));
}
