/* gradbench peer: what it says of itself, what it answers to prepare and run, and how it ends. Its bits: test_peer_programs. */
#include <fcntl.h>
#include <sys/mman.h>

#include "call.h"
#include "commands.h"
#include "message.h"
#include "support.h"
#include "support_said.h"
#include "support_table.h"

enum { MEMORY_BYTES = 1 << 20 };

static struct gb_said said;
static int file;
static const char *input;

/* In a child, which starts this program again: after a fork alone a process has no threads. */
static int peer(void *data) {
    char *words[12] = {"test_command_peer"};
    const int asked = memfd_create("asked", 0);
    if (write(asked, input, strlen(input)) != (ssize_t)strlen(input) || lseek(asked, 0, SEEK_SET) != 0) return 99;
    dup2(asked, STDIN_FILENO);
    for (int i = 0; ((char **)data)[i]; i++) words[i + 1] = ((char **)data)[i];
    execv("/proc/self/exe", words);
    return 98;
}

#define START(way, code_wanted, ...)                                                                                           \
    do {                                                                                                                       \
        gb_hear_child(&said, peer, (char *[]){way __VA_OPT__(, ) __VA_ARGS__, NULL});                                          \
        if (said.code != (code_wanted)) fail_msg("%d, not %d: %s%s", said.code, (code_wanted), said.err, said.out);            \
    } while (0)
#define PEER(code_wanted, ...) START("peer", code_wanted __VA_OPT__(, ) __VA_ARGS__)

static const char *greeting(const char *isa, const char *threads) {
    static char text[200];
    snprintf(text, sizeof text, "peer 1 gradkern %s (numerics %d), %s, %s\n", gk_version(), gk_numerics_version(), isa,
             threads);
    return text;
}

static void what_it_is(void **state) {
    size_t widest = GK_ISA_COUNT - 1;
    (void)state;
    while (gk_isa_unusable(widest)) widest--;
    input = "";
    PEER(0, "--isa", "ref", "--threads", "1");
    assert_string_equal(said.out, greeting("ref", "1 thread"));
    assert_string_equal(said.err, "");
    PEER(0, "--threads", "2");
    assert_string_equal(said.out, greeting(gk_isa_get(widest, GK_F32)->name, "2 threads"));
    setenv("OMP_NUM_THREADS", "3", 1);
    setenv("GRADKERN_ISA", "ref", 1);
    PEER(0);
    assert_string_equal(said.out, greeting("ref", "3 threads"));
    unsetenv("OMP_NUM_THREADS");
    for (size_t isa = 1; isa < GK_ISA_COUNT; isa++) {
        char text[200];
        snprintf(text, sizeof text, "absent %s\n", gk_isa_unusable(isa));
        PEER(5, "--isa", (char *)(uintptr_t)gk_isa_get(isa, GK_F32)->name);
        assert_string_equal(said.out, text);
        assert_string_equal(said.err, "");
    }
    setenv("GRADKERN_ISA", "nothing", 1);
    PEER(5);
    unsetenv("GRADKERN_ISA");
    char text[200];
    snprintf(text, sizeof text, "absent %s\n", gk_status_string(GK_ERROR_ENVIRONMENT));
    assert_string_equal(said.out, text);
}

static void what_is_refused(void **state) {
    (void)state;
    input = "";
    PEER(2, "--isa", "nothing");
    assert_memory_equal(said.err, "gradbench: error: unknown instruction set 'nothing' (allowed: ref", 65);
    assert_string_equal(said.out, "");
    PEER(2, "--threads", "0");
    assert_string_equal(said.err, "gradbench: error: --threads must be a whole number from 1 to 1024 (got '0')\n");
    PEER(2, "--threads", "1025");
    assert_string_equal(said.err, "gradbench: error: --threads must be a whole number from 1 to 1024 (got '1025')\n");
    PEER(2, "now");
    assert_string_equal(said.err, "gradbench: error: peer takes options only (got 'now')\n");
    PEER(0, "--help");
    assert_non_null(strstr(said.out, "\n\nOptions that a line of prepare may have:\n  layout=in_out|out_in "));
    assert_null(strstr(said.out, "seed="));
}

#define AFFINE(n, threads)                                                                                                     \
    "prepare kernel=affine_dx dtype=f32 threads=" #threads " n=" #n " d=" #n " m=" #n                                          \
    " memory=/proc/self/fd/%d bytes=1048576 in.dy=0," #n " in.w=262144," #n " out.dx=524288," #n "\n"
#define LABELS(more) "prepare threads=1 memory=/proc/self/fd/%d bytes=1048576 " more "\n"

/* Times become nothing. */
static const char *without_times(void) {
    char *to = said.out;
    for (const char *from = said.out; *from;) {
        const bool ran = strncmp(from, "\nran ", 5) == 0;
        *to++ = *from++;
        if (!ran) continue;
        for (int i = 0; i < 4; i++) *to++ = *from++;
        from += strspn(from, "0123456789");
    }
    *to = '\0';
    return strchr(said.out, '\n') + 1;
}

static void prepared(void **state) {
    char lines[4000], answers[1000];
    (void)state;
    snprintf(lines, sizeof lines, AFFINE(1, 1) "run 3\n" AFFINE(256, 1) "run 1\nresult\n" AFFINE(1, 2) "run 1\n", file, file,
             file);
    input = lines;
    PEER(0, "--isa", "ref", "--threads", "1");
    assert_string_equal(without_times(), "ready on 1 thread\nran  1\nready on 1 thread\nran  1\ndone\nunsupported started for "
                                         "another number of threads\nerror nothing is prepared\n");
    snprintf(lines, sizeof lines, AFFINE(256, 2) "run 2\n" AFFINE(1, 2) "run 1\n" AFFINE(1, 1), file, file, file);
    PEER(0, "--threads", "2");
    assert_string_equal(without_times(),
                        "ready on 2 threads\nran  2\nready on 1 thread\nran  1\nunsupported started for another "
                        "number of threads\n");
    snprintf(lines, sizeof lines, /* rows of x and dx that overlap; labels that are no class, and nothing to write */
             LABELS("kernel=relu_backward dtype=f32 n=2 d=8 in.dy=0,8 out.dx=4,8 in.mask=4096,1")
                 LABELS("kernel=softmax_xent dtype=f64 n=3 c=7 in.x=0,7 in.labels=1048560,0 out.dx=4096,7")
                     LABELS("kernel=softmax_xent dtype=f64 n=3 c=8 in.x=0,8 in.labels=1048560,0 out.dx=4096,8")
                         LABELS("kernel=softmax_xent dtype=f64 n=0 c=7 in.x=0,7 in.labels=1048560,0 out.dx=4096,7") LABELS(
                             "kernel=softmax_xent_backward dtype=f64 n=3 c=0 in.p=0,0 in.labels=1048560,0 out.dx=4096,0"),
             file, file, file, file, file);
    PEER(0, "--isa", "ref", "--threads", "1");
    snprintf(answers, sizeof answers,
             "unsupported the call is refused: %s\nunsupported the call is refused: %s\nready on 1 thread\nready on 1 "
             "thread\nready on 1 thread\n",
             gk_status_string(GK_ERROR_OVERLAP), gk_status_string(GK_ERROR_LABEL));
    assert_string_equal(without_times(), answers);
}

static size_t too_much(const void *args, const struct gk_machine *machine) {
    (void)args, (void)machine;
    return SIZE_MAX / 2;
}

/* A call that fails has no time: the process ends. */
static void a_call_that_fails(void **state) {
    char lines[1000], text[200];
    (void)state;
    snprintf(lines, sizeof lines, AFFINE(2, 1) "run 1\nresult\n", file);
    input = lines;
    START("failing", 4, "--isa", "ref", "--threads", "1");
    assert_string_equal(without_times(), "ready on 1 thread\n");
    snprintf(text, sizeof text, "gradbench: error: the call failed: %s\n", gk_status_string(GK_ERROR_MEMORY));
    assert_string_equal(said.err, text);
}

/* This program as the peer; failing: there is no scratch space. */
static int be_peer(int argc, char **argv) {
    struct gk_cell cell = *gk_isa_get(0, GK_F32)->cells[GK_KERNEL_affine_dx];
    cell.scratch = too_much;
    if (strcmp(argv[1], "failing") == 0) gb_replace_cell(0, GK_F32, GK_KERNEL_affine_dx, &cell);
    return gb_finish_output(gb_command_peer(argc - 2, argv + 2));
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_it_is),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(prepared),
        cmocka_unit_test(a_call_that_fails),
    };
    const int32_t seven = 7;
    if (argc > 1) return be_peer(argc, argv);
    file = memfd_create("operands", 0);
    if (file < 0 || ftruncate(file, MEMORY_BYTES) != 0 || pwrite(file, &seven, sizeof seven, MEMORY_BYTES - 16) != sizeof seven)
        return 1;
    for (const char *const *name = (const char *[]){"GRADKERN_ISA", "OMP_NUM_THREADS", "GRADBENCH_WORKLOADS", NULL}; *name;
         name++)
        unsetenv(*name);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
