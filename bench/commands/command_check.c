#include "check.h"
#include "commands.h"
#include "environment.h"
#include "message.h"
#include "plan.h"

int gb_command_check(int argc, char **argv) {
    const char *threads = NULL, *isas = NULL, *kernels = NULL, *problem = NULL, *error;
    struct gb_problem_spec spec;
    size_t counts[GB_THREAD_COUNTS_MAX];
    struct gb_check_options check = {.seed = 1};
    const struct gb_flag options[] = {
        {"isa", GB_FLAG_TEXT, &isas, "LIST", "instruction sets (and ref, which they are compared with)", 0, 0, NULL},
        {"threads", GB_FLAG_TEXT, &threads, "LIST", "thread counts, such as 1,2,all (default: 1, all, and an odd number above)",
         0, 0, NULL},
        {"kernels", GB_FLAG_TEXT, &kernels, "LIST", "kernels, families or globs (affine_d*)", 0, 0, NULL},
        {"seed", GB_FLAG_COUNT, &check.seed, "N", "of the contents (default 1)", 0, 0x1p53, NULL},
        {"quick", GB_FLAG_SWITCH, &check.quick, NULL, "about 10 s instead of a minute", 0, 0, NULL},
    };
    const struct gb_syntax syntax = {
        .command = "check",
        .summary = "Checks the bits of every kernel and instruction set against the reference, the reference against the\n"
                   "true values, gradients, and that nothing but the outputs is written.",
        .operand = "[PROBLEM]",
        .operand_target = &problem,
        .options = options,
        .n_options = sizeof options / sizeof *options,
        .notes = "PROBLEM is one problem as a failure prints it: \"affine_dx f32 n=3 d=4 m=5 data=integer seed=7\".",
    };
    int code;
    if (!gb_options_parse(&syntax, argc, argv, &code)) return code;
    code = gb_environment_check();
    if (code == GB_EXIT_OK && threads) code = gb_parse_threads(threads, counts, &check.n_threads);
    if (code == GB_EXIT_OK) code = gb_parse_isas(isas, check.isas);
    if (code == GB_EXIT_OK) code = gb_parse_kernels(kernels, check.kernels);
    if (code == GB_EXIT_OK && problem && !gb_problem_parse(problem, &spec, &error)) code = gb_fail(GB_EXIT_USAGE, "%s", error);
    if (code != GB_EXIT_OK) return code;
    if (problem) check.problem = &spec;
    check.threads = threads ? counts : NULL;
    return gb_check_run(&check, stdout);
}
