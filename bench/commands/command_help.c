#include <stdio.h>
#include <string.h>

#include "environment.h"
#include "manual.h"
#include "message.h"
#include "text.h"

enum { COMMANDS_MAX = 32 };

const char gb_exit_codes[] =
    "0 good, 1 a check, a comparison or a peer that was asked for by name failed, 2 usage, 3 bad input\n"
    "file, 4 memory, input or output, 5 instruction set not available, 70 internal error";

void gb_commands_describe(const struct gb_command *commands, size_t count,
                          void (*describe)(const struct gb_syntax *syntax, void *data), void *data) {
    gb_options_describe(describe, data);
    for (size_t i = 0; i < count; i++) commands[i].run(1, (char *[]){"--help", NULL});
    gb_options_describe(NULL, NULL);
}

static int help(const struct gb_command *commands, size_t count) {
    printf("usage: gradbench COMMAND [options]\n\ngradbench checks, times and compares gradkern's training kernels.\n\n");
    for (size_t i = 0; i < count; i++) printf("  %-11s%s\n", commands[i].name, commands[i].summary);
    printf("\n  gradbench help COMMAND lists a command's options, gradbench --version prints the version.\n\nenvironment:\n");
    for (size_t i = 0; i < GB_VARIABLES; i++) printf("  %-22s%s\n", gb_variables[i].name, gb_variables[i].help);
    printf("  %-22sas for any OpenMP program\n", "OMP_NUM_THREADS");
    printf("\nexit codes: %s\n", gb_exit_codes);
    return GB_EXIT_OK;
}

/* Its options. A COMMAND is taken by main. */
struct help_options {
    bool manual;
    const char *shell, *operand;
};

static const char *command_names[COMMANDS_MAX + 1];

static bool parse(struct help_options *o, int argc, char **argv, int *code) {
    static const char *const shells[] = {"bash", "zsh", "fish", NULL};
    const struct gb_flag options[] = {
        {"man", GB_FLAG_SWITCH, &o->manual, .help = "prints the manual page, gradbench(1), in the language of man"},
        {"completion", GB_FLAG_WORD, &o->shell, "SHELL",
         .help = "prints the script by which bash, zsh or fish completes command lines", .words = shells},
    };
    const struct gb_syntax syntax = {
        .command = "help",
        .summary = "Prints the commands, or the options of one.",
        .operand = "[COMMAND]",
        .operand_target = &o->operand,
        .operand_words = command_names,
        .options = options,
        .n_options = sizeof options / sizeof *options,
        .notes = "CMake installs the page and the scripts where man and the shells look for them. For this shell alone:\n"
                 "eval \"$(gradbench help --completion bash)\"",
    };
    return gb_options_parse(&syntax, argc, argv, code);
}

static int describe_help(int argc, char **argv) {
    struct help_options options = {.manual = false};
    int code;
    parse(&options, argc, argv, &code);
    return code;
}

int gb_command_help(const struct gb_command *commands, size_t count, int argc, char **argv) {
    struct gb_command all[COMMANDS_MAX];
    struct help_options o = {.manual = false};
    int code;
    if (count >= COMMANDS_MAX) return gb_fail(GB_EXIT_INTERNAL, "there are more than %d commands", COMMANDS_MAX - 1);
    memcpy(all, commands, count * sizeof *all);
    all[count] = (struct gb_command){"help", "print this, the options of a command, or the manual", describe_help};
    for (size_t i = 0; i < count; i++) command_names[i] = commands[i].name;
    if (!parse(&o, argc, argv, &code)) return code;
    if (o.operand || (o.manual && o.shell))
        return gb_fail(GB_EXIT_USAGE, "help takes one of a command, --man and --completion");
    if (o.manual) gb_manual_print(stdout, all, count + 1);
    else if (o.shell) gb_completion_print(stdout, o.shell, all, count + 1);
    else return help(commands, count);
    return GB_EXIT_OK;
}
