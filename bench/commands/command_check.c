#include "check.h"
#include "commands.h"
#include "environment.h"
#include "message.h"
#include "plan.h"

/* Every problem of a line, which may have sizes of 0, of the kernels asked for. */
static int check_shapes(struct gb_check_options *check, const struct gb_workload *workload) {
    int worst = GB_EXIT_OK;
    size_t count = 0;
    for (size_t i = 0; i < workload->count; i++)
        for (int id = 0; id < GK_KERNEL_COUNT; id++) {
            const struct gb_shape *const shape = &workload->shapes[i];
            if (!shape->kernels[id] || !check->kernels[id]) continue;
            const struct gb_problem_spec spec = gb_shape_problem(shape, (enum gk_kernel_id)id, GK_F32, check->seed);
            check->problem = &spec;
            const int code = gb_check_run(check, stdout);
            if (code > worst) worst = code;
            count++;
        }
    return count ? worst : gb_fail(GB_EXIT_USAGE, "nothing to check: PROBLEM has no kernel of --kernels");
}

static int check_line(struct gb_check_options *check, const char *text) {
    struct gb_workload workload = {.zeros = true};
    int code = gb_workload_read_line(&workload, "PROBLEM", "problem", text);
    if (code == GB_EXIT_OK) code = check_shapes(check, &workload);
    gb_workload_free(&workload);
    return code;
}

int gb_command_check(int argc, char **argv) {
    const char *threads = NULL, *isas = NULL, *kernels = NULL, *problem = NULL;
    size_t counts[GB_THREAD_COUNTS_MAX];
    struct gb_check_options check = {.seed = 1};
    const struct gb_flag options[] = {
        {"isa", GB_FLAG_TEXT, &isas, "LIST", .help = "instruction sets (and ref, which they are compared with)"},
        {"threads", GB_FLAG_TEXT, &threads, "LIST",
         .help = "thread counts, such as 1,2,all (default: 1, all, and an odd number above)"},
        {"kernels", GB_FLAG_TEXT, &kernels, "LIST", .help = "kernels, families or globs (affine_d*)"},
        {"seed", GB_FLAG_COUNT, &check.seed, "N", .help = "of the contents (default 1)", .low = 0, .high = 0x1p53},
        {"quick", GB_FLAG_SWITCH, &check.quick, .help = "about 10 s instead of a minute"},
    };
    char notes[4096];
    snprintf(
        notes, sizeof notes,
        "PROBLEM is a line as a failure prints it, or run: \"affine_dx n=3 d=4 m=5 data=integer seed=7\". Its options:\n%s",
        gb_options_help(false));
    const struct gb_syntax syntax = {
        .command = "check",
        .summary = "Checks the bits of every kernel and instruction set against the reference, the reference against the\n"
                   "true values, gradients, and that nothing but the outputs is written.",
        .operand = "[PROBLEM]",
        .operand_target = &problem,
        .options = options,
        .n_options = sizeof options / sizeof *options,
        .notes = notes,
    };
    int code;
    if (!gb_options_parse(&syntax, argc, argv, &code)) return code;
    code = gb_environment_check();
    if (code == GB_EXIT_OK && threads) code = gb_parse_threads(threads, counts, &check.n_threads);
    if (code == GB_EXIT_OK) code = gb_parse_isas(isas, check.isas);
    if (code == GB_EXIT_OK) code = gb_parse_kernels(kernels, check.kernels);
    if (code != GB_EXIT_OK) return code;
    check.threads = threads ? counts : NULL;
    return problem ? check_line(&check, problem) : gb_check_run(&check, stdout);
}
