#include "check.h"
#include "commands.h"
#include "environment.h"
#include "message.h"
#include "plan.h"

int gb_command_check(int argc, char **argv) {
    const char *threads = NULL;
    size_t counts[GB_THREAD_COUNTS_MAX];
    bool kernels[GK_KERNEL_COUNT], columns[GB_ROOF_COLUMNS_MAX];
    struct gb_check_options check = {.seed = 1};
    const struct gb_flag options[] = {
        {.name = "isa", .kind = GB_FLAG_TEXT, .target = &check.isa, .value = "NAME",
         .help = "one instruction set (and ref, which it is compared with)"},
        {.name = "threads", .kind = GB_FLAG_TEXT, .target = &threads, .value = "LIST",
         .help = "thread counts, such as 1,2,all (default: 1, all, and an odd number above)"},
        {.name = "kernels", .kind = GB_FLAG_TEXT, .target = &check.kernels, .value = "LIST", .help = "kernels or families"},
        {.name = "seed", .kind = GB_FLAG_COUNT, .target = &check.seed, .value = "N", .low = 0, .high = 0x1p53,
         .help = "of the contents (default 1)"},
        {.name = "quick", .kind = GB_FLAG_SWITCH, .target = &check.quick, .help = "about 10 s instead of a minute"},
    };
    const struct gb_syntax syntax = {
        .command = "check",
        .summary = "Checks the bits of every kernel and instruction set against the reference, the reference against the true values,\n"
                   "gradients, and that nothing but the outputs is written.",
        .operand = "[PROBLEM]",
        .operand_target = &check.problem,
        .options = options,
        .n_options = sizeof options / sizeof *options,
        .notes = "PROBLEM is one problem as a failure prints it: \"affine_dx f32 n=3 d=4 m=5 data=integer seed=7\".",
    };
    int code;
    if (!gb_options_parse(&syntax, argc, argv, &code)) return code;
    code = gb_environment_check();
    if (code == GB_EXIT_OK && check.isa) code = gb_parse_columns(check.isa, columns);
    if (code == GB_EXIT_OK && check.kernels) code = gb_parse_kernels(check.kernels, kernels);
    if (code == GB_EXIT_OK && threads) code = gb_parse_threads(threads, counts, &check.n_threads);
    if (code != GB_EXIT_OK) return code;
    check.threads = threads ? counts : NULL;
    return gb_check_run(&check, stdout);
}
