/* gradbench check: its options, and what it says; the exit codes of check and run for each kind of failure, and both with a
 * kernel of our own that is wrong. */
#include "commands.h"
#include "message.h"
#include "support_lineup.h"
#include "support_said.h"
#include "support_table.h"

static struct gb_said said;

#define HEAR(function, code_wanted, ...)                                                                                       \
    do {                                                                                                                       \
        gb_hear_command(&said, function, (char *[]){__VA_ARGS__, NULL});                                                       \
        if (said.code != (code_wanted)) fail_msg("%d, not %d: %s%s", said.code, (code_wanted), said.err, said.out);            \
    } while (0)

#define CHECK(code_wanted, ...) HEAR(gb_command_check, code_wanted, __VA_ARGS__)
#define REFERENCE               "--isa", "ref", "--threads", "1"
#define HEAD                    "kernel                   type isa         cases  error/bound  result\n"

static bool ends_with(const char *text, const char *end) {
    return strlen(text) >= strlen(end) && strcmp(text + strlen(text) - strlen(end), end) == 0;
}

/* Each problem of the line, which may be empty and may have a seed of its own, of each kernel asked for. */
static void problems(void **state) {
    (void)state;
    CHECK(0, REFERENCE, "relu_forward n=3 d=5 seed=7");
    assert_string_equal(said.err, "");
    assert_memory_equal(said.out, HEAD "relu_forward             f32  ref ", strlen(HEAD) + 34);
    assert_int_equal(gb_count_in(said.out, "\n"), strstr(said.out, "not asked for:") ? 5 : 4);
    assert_true(ends_with(said.out, " cases, 0 failures; seed 7, numerics version 1\n"));
    CHECK(0, REFERENCE, "relu_forward n=3 d=5 f64");
    assert_non_null(strstr(said.out, HEAD "relu_forward             f64  ref "));
    assert_true(ends_with(said.out, "; seed 1, numerics version 1\n"));
    CHECK(0, REFERENCE, "--seed", "9", "relu_forward n=3 d=5");
    assert_true(ends_with(said.out, "; seed 9, numerics version 1\n"));
    CHECK(0, REFERENCE, "relu n=0,3 d=2,5");
    assert_int_equal(gb_count_in(said.out, HEAD), 8);
    assert_int_equal(gb_count_in(said.out, "\nrelu_forward "), 4);
    assert_int_equal(gb_count_in(said.out, "\nrelu_backward "), 4);
    CHECK(0, REFERENCE, "--kernels", "relu_b*", "relu n=0,3 d=2,5");
    assert_int_equal(gb_count_in(said.out, "\nrelu_forward "), 0);
    assert_int_equal(gb_count_in(said.out, "\nrelu_backward "), 4);
}

/* Threads and isas are those asked for: the first by the count of calls, which is the larger the more there are. */
static void threads_and_isas(void **state) {
    size_t cases[3];
    char line[100];
    (void)state;
    for (int i = 0; i < 3; i++) {
        const char *const lists[] = {"1", "1,3", "1,3,5"};
        CHECK(0, "--threads", (char *)(uintptr_t)lists[i], "relu_forward n=300 d=300");
        const char *const row = strstr(said.out, "\nrelu_forward             f32  ref ");
        assert_non_null(row);
        assert_int_equal(sscanf(row, " %*s %*s %*s %zu", &cases[i]), 1);
        for (size_t isa = 0; isa < GK_ISA_COUNT; isa++) {
            snprintf(line, sizeof line, "\nrelu_forward             f32  %-7s ", gk_isa_get(isa, GK_F32)->name);
            assert_int_equal(strstr(said.out, line) != NULL, !gk_isa_unusable(isa));
        }
    }
    assert_true(cases[0] < cases[1] && cases[1] < cases[2]);
    CHECK(0, "relu_forward n=300 d=300"); /* 1, all, and an odd number above */
    assert_int_equal(gb_count_in(said.out, "\nrelu_forward             f32  ref "), 1);
}

/* The whole set, of one kernel, and the quick one, which is a part of it. */
static void sets(void **state) {
    size_t cases[2];
    (void)state;
    for (int quick = 0; quick < 2; quick++) {
        if (quick) CHECK(0, "--quick", REFERENCE, "--kernels", "affine_db");
        else CHECK(0, REFERENCE, "--kernels", "affine_db");
        const char *const row = strstr(said.out, "\naffine_db                f64  ref ");
        assert_non_null(row);
        assert_int_equal(sscanf(row, " %*s %*s %*s %zu", &cases[quick]), 1);
    }
    assert_true(cases[0] > 2 * cases[1]);
}

static void check_tiny(void) { CHECK(0, REFERENCE, "relu_forward n=1 d=1"); }

static void it_keeps_nothing(void **state) {
    (void)state;
    gb_assert_keeps_nothing(check_tiny);
}

static void what_is_refused(void **state) {
    (void)state;
    CHECK(2, "--kernels", "affine", "relu n=3 d=5");
    assert_string_equal(said.err, "gradbench: error: nothing to check: PROBLEM has no kernel of --kernels\n");
    assert_string_equal(said.out, "");
    CHECK(2, "a", "b");
    assert_string_equal(said.err, "gradbench: error: check takes one operand (got 'b')\n");
    CHECK(2, "--threads", "0");
    assert_string_equal(said.err,
                        "gradbench: error: --threads takes numbers from 1 to 1024, ranges (1..4, 1..64*2), or all (got '0')\n");
    CHECK(2, "--isa", "nothing");
    assert_memory_equal(said.err, "gradbench: error: unknown instruction set 'nothing' (allowed: ref", 65);
    CHECK(2, "--kernels", "nothing");
    assert_memory_equal(said.err, "gradbench: error: unknown kernel 'nothing' (allowed: affine_forward", 66);
    CHECK(2, "--seed", "9007199254740993");
    assert_string_equal(said.err, "gradbench: error: --seed must be a whole number from 0 to 9007199254740992 (got "
                                  "'9007199254740993')\n");
    CHECK(2, "two lines\n n=3");
    assert_string_equal(said.err, "gradbench: error: PROBLEM takes one line\n");
    CHECK(2, "--kernels", "affine", "relu n=3");
    assert_string_equal(said.err, "gradbench: error: PROBLEM, column 9: d is missing (expected d=0 to 16777216)\n");
    assert_string_equal(said.out, "");
    CHECK(0, "--help");
    assert_memory_equal(said.out, "usage: gradbench check [options] [PROBLEM]\n\nChecks the bits of every kernel", 75);
    assert_non_null(strstr(said.out, "\nPROBLEM is a line as a failure prints it, or run: \"affine_dx n=3 d=4 m=5 "
                                     "data=integer seed=7\". Its options:\n  dtype=f32|f64 "));
    assert_non_null(strstr(said.out, "\n  layout=in_out|out_in "));
    assert_non_null(strstr(said.out, "\n  seed=0..9007199254740992 ")); /* which are not of peers alone */
}

#define SHORT "--threads", "1", "--rounds", "6", "--max-time", "0.001", "--quick", "--bind", "none"

/* One for each kind of failure; nothing is measured for these. */
static void exit_codes(void **state) {
    static const char misnamed[] = "gradbench: error: GRADKERN_ISA names no instruction set (got 'nothing', allowed: ref";
    (void)state;
    HEAR(gb_command_run, 2, SHORT, "--shape", "relu n=3");
    HEAR(gb_command_run, 2, SHORT, "--shape", "relu n=3 d=5", "--kernels", "affine");
    HEAR(gb_command_run, 3, SHORT, "--workload", "/nonexistent/file");
    HEAR(gb_command_run, 4, SHORT, "--shape", "affine n=16777216 d=16777216 m=1");
    HEAR(gb_command_run, 4, SHORT, "--json", "/nonexistent/x.json");
    CHECK(4, "affine_dx n=16777216 d=16777216 m=1");
    assert_non_null(strstr(said.err, "checking this problem needs "));
    CHECK(4, REFERENCE, "relu_forward n=1,16777216 d=65536 f64"); /* the worst of several */
    assert_int_equal(gb_count_in(said.err, "\n"), 1);
    assert_int_equal(gb_count_in(said.out, HEAD), 1);
    CHECK(4, REFERENCE, "relu_forward n=16777216,1 d=65536 f64");
    setenv("GRADKERN_ISA", "ref", 1);
    for (size_t isa = 1; isa < GK_ISA_COUNT; isa++) {
        char *const name = (char *)(uintptr_t)gk_isa_get(isa, GK_F32)->name;
        HEAR(gb_command_run, 5, SHORT, "--shape", "relu n=3 d=5", "--isa", name);
        CHECK(5, "--isa", name);
        assert_string_equal(said.out, "");
    }
    setenv("GRADKERN_ISA", "nothing", 1);
    HEAR(gb_command_run, 5, SHORT, "--shape", "relu n=3 d=5");
    assert_memory_equal(said.err, misnamed, strlen(misnamed));
    CHECK(5, "relu n=3 d=5");
    assert_memory_equal(said.err, misnamed, strlen(misnamed));
    assert_string_equal(said.out, "");
    unsetenv("GRADKERN_ISA");
}

static const struct gk_cell *right;

/* One bit of one element. */
static void wrong(const void *args, const struct gk_team *team) {
    const gk_relu_forward_args *const a = args;
    right->run(args, team);
    uint32_t bits;
    if (a->n == 0 || a->d == 0) return;
    memcpy(&bits, &a->y[a->d - 1], sizeof bits);
    bits ^= 1;
    memcpy(&a->y[a->d - 1], &bits, sizeof bits);
}

/* The wrong kernel is said to be one, has no speed, and makes the exit code 1; the right one beside it is timed. */
static void a_wrong_kernel(void **state) {
    const size_t isa = gb_widest_isa();
    char *const name = (char *)(uintptr_t)gk_isa_get(isa, GK_F32)->name;
    char text[200];
    (void)state;
    if (isa == 0) skip(); /* ref is what it is compared with */
    struct gk_cell cell = *gk_isa_get(isa, GK_F32)->cells[GK_KERNEL_relu_forward];
    cell.run = wrong;
    right = gb_replace_cell(isa, GK_F32, GK_KERNEL_relu_forward, &cell);
    HEAR(gb_command_run, 1, SHORT, "--shape", "relu n=3 d=5 name=one", "--isa", name, "--details");
    assert_string_equal(said.err, "");
    const char *const forward = strstr(said.out, "\nrelu_forward n=3"), *const backward =
                                                                            strstr(said.out, "\nrelu_backward n=3");
    assert_true(forward && backward);
    snprintf(text, sizeof text, "\n  %-10s      1    FAILED  y[0][4] is 0x1p-149, but 0x0p+0 in ref\n\nrelu_backward n=3",
             name);
    assert_ptr_equal(strstr(forward, text) + strlen(text), backward + strlen("\nrelu_backward n=3"));
    assert_int_equal(gb_count_in(said.out, "FAILED"), 2);
    assert_int_equal(gb_count_in(said.out, " in full\n"), 1);
    assert_non_null(strstr(backward, "2 of 2 problems run; 1 cell timed, each verified first (0 on a sample); 1 FAILED\n"));
    CHECK(1, "--isa", name, "--threads", "1", "relu n=3 d=5");
    assert_string_equal(said.err, "");
    assert_int_equal(
        gb_count_in(said.out, "FAILED bits: y[0][4] is 0x1p-149, ref has 0x0p+0\n    again: gradbench check --isa "), 2);
    snprintf(text, sizeof text, "\nrelu_forward             f32  %-8s        2  bits of ref  FAILED\n", name);
    assert_int_equal(gb_count_in(said.out, text), 1);
    assert_non_null(strstr(said.out, "2 cells, 7 cases, 6 failures; seed 1, numerics version 1\n"));
    assert_true(ends_with(said.out, "2 cells, 7 cases, 0 failures; seed 1, numerics version 1\n")); /* relu_backward */
    gb_replace_cell(isa, GK_F32, GK_KERNEL_relu_forward, right);
    HEAR(gb_command_run, 0, SHORT, "--shape", "relu n=3 d=5 name=one", "--isa", name);
    CHECK(0, "--isa", name, "--threads", "1", "relu n=3 d=5");
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(problems),        cmocka_unit_test(threads_and_isas), cmocka_unit_test(sets),
        cmocka_unit_test(what_is_refused), cmocka_unit_test(it_keeps_nothing), cmocka_unit_test(exit_codes),
        cmocka_unit_test(a_wrong_kernel),
    };
    (void)argc;
    gb_wait_passively(argv);
    for (const char *const *name = (const char *[]){"GRADKERN_ISA", "OMP_NUM_THREADS", "GRADBENCH_WORKLOADS", NULL}; *name;
         name++)
        unsetenv(*name);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
