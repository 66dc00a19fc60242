/* The programs that are raced, by the protocol of bench/PEERS.md: gradkern's own by its bits, the others by their numbers, and
 * all of them by what they answer to requests that make no sense. */
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "lineup.h"
#include "support.h"
#include "turn.h"
#include "text.h"

enum { LINE_BYTES = 4096, REPLY_BYTES = 512, WAIT_MS = 60000, ALIGNMENT = 64, ARGUMENTS_MAX = 8 };

struct child {
    pid_t pid;
    int to, from;
};

/* A problem whose operands lie in a file, too. */
struct shared {
    struct gb_problem problem;
    int file;
    size_t bytes, offsets[GK_OPERANDS_MAX];
    char *memory;
};

static void ask(const struct child *child, const char *line, char reply[REPLY_BYTES]) {
    size_t length = 0;
    struct pollfd ready = {.fd = child->from, .events = POLLIN};
    if (line) assert_int_equal(write(child->to, line, strlen(line)), strlen(line));
    if (line) assert_int_equal(write(child->to, "\n", 1), 1);
    do {
        assert_true(length < REPLY_BYTES - 1);
        if (poll(&ready, 1, WAIT_MS) != 1 || read(child->from, reply + length, 1) != 1)
            fail_msg("no answer to '%.300s'", line ? line : "the start");
    } while (reply[length++] != '\n');
    reply[length - 1] = '\0';
}

static bool begins(const char *text, const char *with) { return strncmp(text, with, strlen(with)) == 0; }

static struct child start(const char *program, const char *const *arguments, char greeting[REPLY_BYTES]) {
    const char *argv[ARGUMENTS_MAX + 2] = {program};
    struct child child;
    char path[512];
    int in[2], out[2];
    for (int i = 0; arguments[i]; i++) argv[i + 1] = arguments[i];
    snprintf(path, sizeof path, "%s/%s", PROGRAMS_DIR, program);
    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    child.pid = fork();
    assert_true(child.pid >= 0);
    if (child.pid == 0) {
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        execv(path, (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    child.to = in[1];
    child.from = out[0];
    ask(&child, NULL, greeting);
    return child;
}

static int wait_for(struct child *child) {
    close(child->to);
    close(child->from);
    return gb_exit_code(child->pid);
}

static void end(struct child *child) {
    assert_int_equal(write(child->to, "quit\n", 5), 5);
    assert_int_equal(wait_for(child), 0);
}

static size_t storage(const struct gb_operand *operand) { return operand->rows * operand->ld * operand->element_size; }

/* Operands that share memory get the same place. */
static void lay_out(struct shared *s) {
    for (size_t i = 0; i < s->problem.n_operands; i++) {
        const struct gb_operand *const operand = &s->problem.operands[i];
        const size_t shift = s->problem.spec.misalign * operand->element_size;
        size_t same = 0;
        while (s->problem.operands[same].start != operand->start) same++;
        s->offsets[i] = same < i ? s->offsets[same] : s->bytes + shift;
        if (same == i) s->bytes = (s->bytes + shift + storage(operand)) / ALIGNMENT * ALIGNMENT + ALIGNMENT;
    }
}

static void share(struct shared *s, const struct gb_problem_spec *spec) {
    *s = (struct shared){.bytes = ALIGNMENT};
    assert_true(gb_problem_create(&s->problem, spec));
    lay_out(s);
    s->file = memfd_create("operands", MFD_CLOEXEC);
    assert_true(s->file >= 0);
    assert_int_equal(ftruncate(s->file, (off_t)s->bytes), 0);
    s->memory = mmap(NULL, s->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, s->file, 0);
    assert_ptr_not_equal(s->memory, MAP_FAILED);
    for (size_t i = 0; i < s->problem.n_operands; i++)
        memcpy(s->memory + s->offsets[i], s->problem.operands[i].start, storage(&s->problem.operands[i]));
}

static void take_back(struct shared *s) {
    for (size_t i = 0; i < s->problem.n_operands; i++)
        memcpy(s->problem.operands[i].start, s->memory + s->offsets[i], storage(&s->problem.operands[i]));
}

static void release(struct shared *s) {
    munmap(s->memory, s->bytes);
    close(s->file);
    gb_problem_destroy(&s->problem);
}

#define APPEND(line, ...) gb_text_append(line, LINE_BYTES, __VA_ARGS__)

static void append_options(char line[LINE_BYTES], const struct gb_problem_spec *spec) {
    const enum gk_kernel_id kernel = spec->kernel;
    const bool labels = gb_kernel_has(kernel, GB_OPTION_LABELS), reduces = gb_kernel_has(kernel, GB_OPTION_REDUCTION);
    if (gb_kernel_has(kernel, GB_OPTION_LAYOUT) && spec->layout == GK_OUT_IN) APPEND(line, " layout=out_in");
    if (reduces && spec->reduction == GK_SUM) APPEND(line, " reduction=sum");
    if (reduces && spec->reduction == GK_NONE) APPEND(line, " reduction=none");
    if (labels && spec->soft_labels) APPEND(line, " labels=dense");
    else if (labels && spec->wide_labels) APPEND(line, " labels=index64");
    if (labels && spec->ignore && !spec->soft_labels) APPEND(line, " ignore=1");
    if (gb_kernel_has(kernel, GB_OPTION_ACCUMULATE) && spec->accumulate) APPEND(line, " accumulate=1");
    if (gb_kernel_has(kernel, GB_OPTION_IN_PLACE) && spec->in_place) APPEND(line, " in_place=1");
    for (enum gb_option o = GB_OPTION_REAL; o < GB_OPTION_COUNT; o++) {
        char text[GB_VALUE_MAX];
        if (gb_kernel_has(kernel, o) && gb_option_differs(o, spec, 0))
            APPEND(line, " %s=%s", gb_option_name(o), gb_option_text(o, spec, text));
    }
}

static void prepare_line(const struct shared *s, size_t threads, char line[LINE_BYTES]) {
    const struct gb_problem *const p = &s->problem;
    line[0] = '\0';
    APPEND(line, "prepare kernel=%s dtype=%s threads=%zu", p->kernel->name, gk_dtype_name(p->spec.dtype), threads);
    for (size_t i = 0; i < p->kernel->n_fields; i++) {
        const struct gk_field *const f = &p->kernel->fields[i];
        if (f->kind == GK_FIELD_DIM) APPEND(line, " %s=%zu", f->name, *(const size_t *)((const char *)p->args + f->offset));
    }
    APPEND(line, " memory=/proc/%ld/fd/%d bytes=%zu", (long)getpid(), s->file, s->bytes);
    for (size_t i = 0; i < p->n_operands; i++) {
        const struct gb_operand *const o = &p->operands[i];
        APPEND(line, " %s.%s=%zu,%zu", o->output ? "out" : "in", o->field->name, s->offsets[i],
               o->field->rows == GK_NOWHERE ? 0 : o->ld);
    }
    append_options(line, &p->spec);
}

/* One call by the child. False: it does not do that problem. note, unless NULL: what it answers to prepare. */
static bool called(const struct child *child, struct shared *s, size_t threads, const char *note) {
    char line[LINE_BYTES], reply[REPLY_BYTES];
    prepare_line(s, threads, line);
    ask(child, line, reply);
    if (note && strcmp(reply, note) != 0) fail_msg("'%s' instead of '%s' to '%s'", reply, note, line);
    if (begins(reply, "unsupported ")) return false;
    if (!begins(reply, "ready")) fail_msg("'%s' to '%s'", reply, line);
    ask(child, "run 1", reply);
    if (!begins(reply, "ran ")) fail_msg("'%s' to run, after '%s'", reply, line);
    ask(child, "result", reply);
    assert_string_equal(reply, "done");
    take_back(s);
    return true;
}

static const size_t sizes[][3] = {{17, 33, 70}, {1, 5, 3}, {64, 64, 64}, {130, 65, 101}, {3, 1, 300}, {40, 200, 1}, {2, 0, 5}};
enum { SIZES = sizeof sizes / sizeof *sizes, ROUNDS = 14 };

/* knows: it knows before the call that one of elements is refused. */
static void same_bits(const struct child *child, const struct gb_problem_spec *spec, gk_context *ctx, size_t threads,
                      bool knows) {
    struct shared there;
    struct gb_problem here;
    struct gb_difference first;
    const char *what;
    char text[300];
    gb_problem_describe(spec, text, sizeof text);
    share(&there, spec);
    assert_true(gb_problem_create(&here, spec));
    const bool accepted = gb_problem_call(&here, ctx) == GK_OK; /* no label is right where there are no classes */
    if ((accepted || knows) && called(child, &there, threads, NULL) != accepted)
        fail_msg("%s: %s", text, accepted ? "unsupported" : "ready");
    if (!gb_problem_equal(&there.problem, &here, &first))
        fail_msg("%s: %s[%zu][%zu] is %g, not %g", text, first.operand, first.row, first.col, first.got, first.want);
    if (!gb_problem_intact(&there.problem, &what)) fail_msg("%s: %s was written", text, what);
    release(&there);
    gb_problem_destroy(&here);
}

/* Any kernel, any option, any isa: what a contender leaves in the memory are the bits of a call from this process. */
static void bits_of_all_calls(const char *program, const char *word) {
    gk_context *ctx;
    assert_int_equal(gk_context_create(&ctx, &(gk_options){.isa = "ref", .threads = 1}), GK_OK);
    for (size_t isa = 0; isa < GK_ISA_COUNT; isa++) {
        const char *const name = gk_isa_get(isa, GK_F32)->name, *const threads = isa % 2 ? "2" : "1";
        const char *const arguments[] = {word, "--isa", name, "--threads", threads, NULL};
        char greeting[REPLY_BYTES];
        struct child child = start(program, arguments, greeting);
        if (gk_isa_unusable(isa)) {
            assert_true(begins(greeting, "absent "));
            assert_int_equal(wait_for(&child), 5);
            continue;
        }
        assert_true(begins(greeting, "peer 1 gradkern"));
        for (uint64_t i = 0; i < (uint64_t)GK_KERNEL_COUNT * GK_DTYPE_COUNT * ROUNDS; i++) {
            const enum gk_kernel_id kernel = (enum gk_kernel_id)(i / GK_DTYPE_COUNT % GK_KERNEL_COUNT);
            const struct gb_problem_spec spec =
                gb_spec_by_turns(kernel, (enum gk_dtype)(i % GK_DTYPE_COUNT), sizes[i / 3 % SIZES], 3, i, 5);
            same_bits(&child, &spec, ctx, (size_t)atoi(threads), strcmp(word, "peer") == 0);
        }
        end(&child);
    }
    gk_context_destroy(ctx);
}

static void gradkern_as_a_peer(void **state) {
    (void)state;
    bits_of_all_calls("gradbench", "peer");
    bits_of_all_calls("gradbench-peer-library", PROGRAMS_DIR "/kernels/libgradkern.so");
}

/* The line of a run says the same as that of this program. */
static void the_line_of_a_run(void **state) {
    const char *const arguments[] = {"peer", "--isa", "ref", "--threads", "1", NULL};
    char line[LINE_BYTES], reply[REPLY_BYTES];
    struct child child = start("gradbench", arguments, reply);
    gk_context *ctx;
    (void)state;
    assert_int_equal(gk_context_create(&ctx, &(gk_options){.isa = "ref", .threads = 1}), GK_OK);
    for (uint64_t i = 0; i < (uint64_t)GK_KERNEL_COUNT * GK_DTYPE_COUNT * ROUNDS; i++) {
        const enum gk_kernel_id kernel = (enum gk_kernel_id)(i / GK_DTYPE_COUNT % GK_KERNEL_COUNT);
        const struct gb_problem_spec spec = gb_spec_by_turns(kernel, (enum gk_dtype)(i % GK_DTYPE_COUNT), sizes[0], 3, i, 8);
        struct gb_problem there, here;
        struct gb_difference first;
        assert_true(gb_problem_create_shared(&there, &spec) && gb_problem_create(&here, &spec));
        assert_true(gb_turn_line(&there, 1, line, sizeof line));
        ask(&child, line, reply);
        if (!begins(reply, "ready")) fail_msg("'%s' to '%s'", reply, line);
        ask(&child, "run 1", reply);
        assert_int_equal(gb_problem_call(&here, ctx), GK_OK);
        if (!gb_problem_equal(&there, &here, &first)) fail_msg("'%s': another %s", line, first.operand);
        gb_problem_destroy(&there);
        gb_problem_destroy(&here);
    }
    gk_context_destroy(ctx);
    end(&child);
}

/* Against the largest element of the operand. */
static void near(const struct gb_problem *got, const struct gb_problem *want, const char *text) {
    for (size_t k = 0; k < got->n_operands; k++) {
        const struct gb_operand *const g = &got->operands[k], *const w = &want->operands[k];
        double largest = 1e-30, worst = 0;
        if (!g->output) continue;
        for (size_t i = 0; i < g->rows; i++)
            for (size_t j = 0; j < g->row_elements; j++) {
                const double a = gb_operand_value(g, gb_operand_bits(g, i, j)),
                             b = gb_operand_value(w, gb_operand_bits(w, i, j));
                largest = fmax(largest, fabs(b));
                if (!(fabs(a - b) <= worst)) worst = isnan(a) ? INFINITY : fabs(a - b);
            }
        if (g->field->element == GK_ELEMENT_BITS && worst > 0) fail_msg("%s: the bits of %s differ", text, g->field->name);
        if (worst > (got->spec.dtype == GK_F64 ? 1e-12 : 1e-4) * largest)
            fail_msg("%s: %s is off by %g of %g", text, g->field->name, worst, largest);
    }
}

/* Whether the peer does the problem; if so, its numbers are right and it wrote nothing but outputs. */
static bool same_numbers(const struct child *child, const struct gb_problem_spec *spec, gk_context *ctx, size_t threads,
                         const char *note) {
    struct shared there;
    struct gb_problem here;
    const char *what;
    char text[300];
    gb_problem_describe(spec, text, sizeof text);
    share(&there, spec);
    assert_true(gb_problem_create(&here, spec));
    assert_int_equal(gb_problem_call(&here, ctx), GK_OK);
    const bool done = called(child, &there, threads, note);
    if (done) near(&there.problem, &here, text);
    if (done && !gb_problem_intact(&there.problem, &what)) fail_msg("%s: %s was written", text, what);
    release(&there);
    gb_problem_destroy(&here);
    return done;
}

/* All kernels of the family "affine" with all their options are to be done, in f64, too, if wanted; of the others a good part.
 */
static void compare(const struct child *child, bool f64, bool others) {
    size_t done[GK_KERNEL_COUNT] = {0};
    const uint64_t rounds = getenv("GK_QUICK") && !others ? 4 : 2 * ROUNDS; /* stand-ins are all done */
    gk_context *ctx;
    assert_int_equal(gk_context_create(&ctx, &(gk_options){.threads = 1}), GK_OK);
    for (uint64_t i = 0; i < (uint64_t)GK_KERNEL_COUNT * GK_DTYPE_COUNT * rounds; i++) {
        const enum gk_kernel_id kernel = (enum gk_kernel_id)(i / GK_DTYPE_COUNT % GK_KERNEL_COUNT);
        const bool affine = strcmp(gk_kernel_get(kernel)->family, "affine") == 0;
        struct gb_problem_spec spec =
            gb_spec_by_turns(kernel, (enum gk_dtype)(i % GK_DTYPE_COUNT), sizes[i / 3 % (SIZES - 1)], 3, i, 6);
        spec.data = GB_DATA_NORMAL;
        const bool did = same_numbers(child, &spec, ctx, 1 + i % 2, NULL);
        done[kernel] += did;
        if (affine && !did && (f64 || spec.dtype == GK_F32)) fail_msg("%s is unsupported", gk_kernel_get(kernel)->name);
    }
    for (int id = 0; others && id < GK_KERNEL_COUNT; id++)
        if (done[id] == 0) fail_msg("%s is never done", gk_kernel_get((enum gk_kernel_id)id)->name);
    gk_context_destroy(ctx);
}

static void plain_loops(void **state) {
    const char *const none[] = {NULL};
    char greeting[REPLY_BYTES];
    (void)state;
    struct child child = start("gradbench-peer-naive", none, greeting);
    assert_true(begins(greeting, "peer 1 "));
    compare(&child, true, true);
    end(&child);
}

/* A library's program runs without the leak sanitizer, which itself crashes while it ends some that used threads: always after
 * BLIS, ours or ten lines of C, now and then after oneDNN. Leaks of the protocol show in the other programs. */
static struct child start_without_leaks(const char *program, const char *const *arguments, char greeting[REPLY_BYTES]) {
    setenv("LSAN_OPTIONS", "detect_leaks=0", 1);
    const struct child child = start(program, arguments, greeting);
    unsetenv("LSAN_OPTIONS");
    return child;
}

static void libraries(void **state) {
    static const struct {
        const char *program, *name;
        bool f64;
    } known[] = {
        {"gradbench-peer-cblas", "libopenblas.so.0", true}, {"gradbench-peer-cblas", "libblis.so.4", true},
        {"gradbench-peer-cblas", "libmkl_rt.so.2", true},   {"gradbench-peer-onednn", "libdnnl.so.2", false},
        {"gradbench-peer-onednn", "libdnnl.so.3", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const char *const arguments[] = {known[i].name, NULL};
        char greeting[REPLY_BYTES];
        struct child child = start_without_leaks(known[i].program, arguments, greeting);
        print_message("%s: %s\n", known[i].name, greeting);
        if (begins(greeting, "absent ")) {
            wait_for(&child);
            continue;
        }
        assert_true(begins(greeting, "peer 1 "));
        compare(&child, known[i].f64, false);
        end(&child);
    }
}

static void an_absent_library(void **state) {
    static const char *const programs[] = {"gradbench-peer-cblas", "gradbench-peer-onednn", "gradbench-peer-library"};
    static const char *const paths[] = {"libgradkern-is-absent.so", "libm.so.6", "/dev/null", "/nowhere/lib.so", ""};
    enum { PATHS = sizeof paths / sizeof *paths };
    (void)state;
    for (size_t i = 0; i < PATHS * sizeof programs / sizeof *programs; i++) {
        const char *const arguments[] = {paths[i % PATHS], NULL};
        char greeting[REPLY_BYTES];
        struct child child = start(programs[i / PATHS], arguments, greeting);
        assert_true(begins(greeting, "absent "));
        assert_int_equal(wait_for(&child), 5);
    }
}

/* Stand-ins of tests/data/peers, which are told by variables what to be. */
static struct child start_fake(const char *program, const char *library, char greeting[REPLY_BYTES]) {
    char path[512];
    snprintf(path, sizeof path, "%s/tests/lib%s.so", PROGRAMS_DIR, library);
    return start_without_leaks(program, (const char *const[]){path, NULL}, greeting);
}

static void assert_greeting(const char *program, const char *library, int code, const char *expected) {
    char greeting[REPLY_BYTES];
    struct child child = start_fake(program, library, greeting);
    assert_string_equal(greeting, expected);
    if (code == 0) end(&child);
    else assert_int_equal(wait_for(&child), code);
}

#define OF_OPTION "an option has no such value, options exclude each other, no output is wanted, or reserved is not 0"

/* The version decides, and what looks beyond its struct. */
static void a_library_of_another_abi(void **state) {
    static const char *const said[][2] = {
        {"version", "absent it has another ABI by its version (got 1.2.3, allowed 0.*)"},
        {"options", "absent it makes no context: " OF_OPTION},
        {"arguments", "absent it has another ABI, gk_affine_dx takes other arguments: " OF_OPTION},
    };
    (void)state;
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        setenv("FAKE_GRADKERN", said[i][0], 1);
        assert_greeting("gradbench-peer-library", "fake_gradkern", 5, said[i][1]);
    }
    unsetenv("FAKE_GRADKERN");
    assert_greeting("gradbench-peer-library", "fake_blas", 5, "absent it is no library of gradkern, for it has no gk_version");
}

/* What an older library has not. */
static void a_library_that_does_less(void **state) {
    static const struct gb_problem_spec dx = {.kernel = GK_KERNEL_affine_dx, .n = 9, .d = 5, .m = 7, .seed = 1};
    char path[] = "/tmp/gradbench-older-XXXXXX", text[1024], reply[REPLY_BYTES];
    struct shared s;
    (void)state;
    close(mkstemp(path));
    snprintf(text, sizeof text, "sed s/gk_affine_dx/gk_affine_dy/g '%s/kernels/libgradkern.so' > %s", PROGRAMS_DIR, path);
    assert_int_equal(system(text), 0);
    struct child older = start("gradbench-peer-library", (const char *const[]){path, "--threads", "1", NULL}, reply);
    share(&s, &dx);
    called(&older, &s, 1, "unsupported the library has no gk_affine_dx");
    called(&older, &s, 2, "unsupported started for another number of threads");
    end(&older);
    unlink(path);
    release(&s);
}

/* The note of a job all of whose products are computed in one way, as fast as it. NULL: it is not known, for some cannot. */
static const char *way_of(const char *fast, const struct gb_problem_spec *s, char note[REPLY_BYTES]) {
    static const char *const fasts[] = {"sgemm", "matmul", "reorder", "inner"}, *const names[] = {"sgemm", "matmul",
                                                                                                  "matmul with reorder",
                                                                                                  "inner product"};
    const bool db = s->kernel == GK_KERNEL_affine_db || (s->kernel == GK_KERNEL_affine_backward && s->bare),
               all = s->kernel == GK_KERNEL_affine_backward && !s->bare, add = s->accumulate;
    size_t way = 0;
    while (strcmp(fasts[way], fast) != 0) way++;
    if (way == 3 && add && s->kernel != GK_KERNEL_affine_forward) return NULL; /* these do not add */
    if (way == 2 && s->ld_pad == 0) return NULL;                               /* it may lie as it is liked */
    const char *const last = way == 3 ? "reduction" : names[way];
    if (all) snprintf(note, REPLY_BYTES, "ready by %s, %s, %s", names[way], names[way], last);
    else snprintf(note, REPLY_BYTES, "ready by %s", db ? last : names[way]);
    return note;
}

/* It says something of an option that the kernel has not. */
static bool says_too_much(const struct gb_problem_spec *s) {
    for (enum gb_option o = 0; o < GB_OPTION_COUNT; o++)
        if (gb_option_differs(o, s, s->seed) && !gb_kernel_has(s->kernel, o)) return true;
    return false;
}

/* Each kernel of the family with each of its options. */
static void affine_problems(const struct child *child, const char *fast, enum gk_dtype dtype) {
    gk_context *ctx;
    assert_int_equal(gk_context_create(&ctx, &(gk_options){.threads = 1}), GK_OK);
    for (unsigned i = 0; i < GK_KERNEL_COUNT * 16; i++) {
        char note[REPLY_BYTES];
        const struct gb_problem_spec s = {.kernel = (enum gk_kernel_id)(i / 16),
                                          .dtype = dtype,
                                          .n = 17,
                                          .d = 9,
                                          .m = 70,
                                          .layout = i & 1 ? GK_OUT_IN : GK_IN_OUT,
                                          .accumulate = i & 2,
                                          .bare = i & 4,
                                          .ld_pad = i & 8 ? 3 : 0,
                                          .seed = i};
        if (strcmp(gk_kernel_get(s.kernel)->family, "affine") != 0 || says_too_much(&s)) continue;
        assert_true(same_numbers(child, &s, ctx, 1, fast ? way_of(fast, &s, note) : NULL));
    }
    gk_context_destroy(ctx);
}

/* Weights that lie as they are liked are not reordered. */
static void assert_not_reordered(const struct child *child) {
    static const struct gb_problem_spec as_liked[] = {
        {.kernel = GK_KERNEL_affine_forward, .n = 17, .d = 9, .m = 70, .layout = GK_OUT_IN, .seed = 1},
        {.kernel = GK_KERNEL_affine_dx, .n = 17, .d = 9, .m = 70, .seed = 1},
    };
    for (size_t i = 0; i < 2; i++) {
        char line[LINE_BYTES], reply[REPLY_BYTES];
        struct shared s;
        share(&s, &as_liked[i]);
        prepare_line(&s, 1, line);
        ask(child, line, reply);
        if (!begins(reply, "ready by ") || strstr(reply, "reorder")) fail_msg("'%s' to '%s'", reply, line);
        release(&s);
    }
}

static void all_ways_of_onednn(void **state) {
    static const char *const fasts[] = {"sgemm", "matmul", "reorder", "inner"};
    (void)state;
    for (size_t i = 0; i < sizeof fasts / sizeof *fasts; i++) {
        char greeting[REPLY_BYTES];
        setenv("FAKE_FAST", fasts[i], 1);
        struct child child = start_fake("gradbench-peer-onednn", "fake_dnnl", greeting);
        assert_string_equal(greeting, "peer 1 oneDNN 3.7.2, OpenMP threads, vectors of 512 bits");
        affine_problems(&child, fasts[i], GK_F32);
        assert_not_reordered(&child);
        end(&child);
    }
    unsetenv("FAKE_FAST");
}

/* What it answers where all is well. */
static const char *node_note(const struct gb_problem_spec *s) {
    if (s->kernel == GK_KERNEL_repeat_forward) return "unsupported this peer does not do repeat_forward";
    return s->kernel == GK_KERNEL_relu_forward && !s->bare ? "unsupported oneDNN keeps no mask as bits" : "ready";
}

/* What is no product has one way: all its options, in place and with gaps between rows, too. */
static void nodes_of_onednn(void **state) {
    char greeting[REPLY_BYTES];
    gk_context *ctx;
    (void)state;
    struct child child = start_fake("gradbench-peer-onednn", "fake_dnnl", greeting);
    assert_int_equal(gk_context_create(&ctx, &(gk_options){.threads = 1}), GK_OK);
    for (unsigned i = 0; i < GK_KERNEL_COUNT * 16; i++) {
        const struct gb_problem_spec s = {.kernel = (enum gk_kernel_id)(i / 16),
                                          .n = 17,
                                          .d = 70,
                                          .m = 5,
                                          .c = 9,
                                          .in_place = i & 1,
                                          .bare = i & 2,
                                          .ld_pad = i & 4 ? 3 : 0,
                                          .reduction = i & 8 ? GK_SUM : GK_MEAN,
                                          .data = GB_DATA_NORMAL,
                                          .seed = i};
        if (strcmp(gk_kernel_get(s.kernel)->family, "affine") == 0 || says_too_much(&s)) continue;
        same_numbers(&child, &s, ctx, 1, node_note(&s));
    }
    gk_context_destroy(ctx);
    end(&child);
}

/* A node that cannot be made is not done, and nothing is left behind. */
static void nodes_that_fail(void **state) {
    static const struct {
        const char *failing;
        enum gk_kernel_id kernel;
        bool done;
    } table[] = {
        {"desc", GK_KERNEL_relu_forward, false},
        {"memory", GK_KERNEL_relu_forward, false},
        {"primitive", GK_KERNEL_relu_forward, false},
        {"eltwise", GK_KERNEL_relu_forward, false},
        {"eltwise back", GK_KERNEL_relu_forward, true},
        {"desc", GK_KERNEL_relu_backward, false},
        {"memory", GK_KERNEL_relu_backward, false},
        {"primitive", GK_KERNEL_relu_backward, false},
        {"eltwise", GK_KERNEL_relu_backward, false},
        {"eltwise back", GK_KERNEL_relu_backward, false},
        {"desc", GK_KERNEL_max_backward, false},
        {"memory", GK_KERNEL_max_backward, false},
        {"primitive", GK_KERNEL_max_backward, false},
        {"binary", GK_KERNEL_max_backward, false},
        {"binary", GK_KERNEL_mul_backward, false},
        {"number", GK_KERNEL_mul_backward, true},
        {"number", GK_KERNEL_reciprocal_backward, false},
        {"attributes", GK_KERNEL_reciprocal_backward, false},
        {"desc", GK_KERNEL_add_backward, false},
        {"memory", GK_KERNEL_add_backward, false},
        {"primitive", GK_KERNEL_add_backward, false},
        {"reorder", GK_KERNEL_add_backward, false},
        {"binary", GK_KERNEL_add_backward, true},
        {"desc", GK_KERNEL_softmax_xent, false},
        {"memory", GK_KERNEL_softmax_xent, false},
        {"primitive", GK_KERNEL_softmax_xent, false},
        {"eltwise", GK_KERNEL_softmax_xent, false},
        {"softmax", GK_KERNEL_softmax_xent, false},
        {"softmax", GK_KERNEL_softmax_xent_forward, false},
        {"desc", GK_KERNEL_softmax_xent_backward, true},
    };
    gk_context *ctx;
    (void)state;
    assert_int_equal(gk_context_create(&ctx, &(gk_options){.threads = 1}), GK_OK);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct gb_problem_spec s = {
            .kernel = table[i].kernel, .n = 9, .d = 5, .c = 7, .bare = table[i].kernel == GK_KERNEL_relu_forward, .seed = 1};
        char greeting[REPLY_BYTES];
        setenv("FAKE_FAIL", table[i].failing, 1);
        struct child child = start_fake("gradbench-peer-onednn", "fake_dnnl", greeting);
        same_numbers(&child, &s, ctx, 1, table[i].done ? "ready" : "unsupported it has no way to do this");
        end(&child);
    }
    unsetenv("FAKE_FAIL");
    gk_context_destroy(ctx);
}

/* What cannot be made leaves the other ways, and nothing behind. */
static void onednn_that_fails(void **state) {
    static const char *const failing[][2] = {
        {"matmul", "matmul"},       {"reorder", "reorder"}, {"inner", "inner"},      {"inner data", "inner"},
        {"inner weights", "inner"}, {"reduction", "inner"}, {"eltwise", "sgemm"},    {"eltwise back", "sgemm"},
        {"desc", "matmul"},         {"memory", "matmul"},   {"primitive", "matmul"}, {"sum", "matmul"},
        {"attributes", "matmul"},
    };
    gk_context *ctx;
    (void)state;
    assert_int_equal(gk_context_create(&ctx, &(gk_options){.threads = 1}), GK_OK);
    for (size_t i = 0; i < sizeof failing / sizeof *failing; i++) {
        char greeting[REPLY_BYTES];
        setenv("FAKE_FAIL", failing[i][0], 1);
        setenv("FAKE_FAST", failing[i][1], 1);
        struct child child = start_fake("gradbench-peer-onednn", "fake_dnnl", greeting);
        for (int id = 0; id < GK_KERNEL_COUNT; id++) {
            struct gb_problem_spec s = {.kernel = (enum gk_kernel_id)id, .n = 9, .d = 5, .m = 7, .ld_pad = 1, .seed = 1};
            s.accumulate = i > 10;
            if (strcmp(gk_kernel_get(s.kernel)->family, "affine") == 0) assert_true(same_numbers(&child, &s, ctx, 1, NULL));
        }
        end(&child);
    }
    unsetenv("FAKE_FAST");
    setenv("FAKE_FAIL", "engine", 1);
    assert_greeting("gradbench-peer-onednn", "fake_dnnl", 5, "absent oneDNN makes no engine");
    setenv("FAKE_FAIL", "stream", 1);
    assert_greeting("gradbench-peer-onednn", "fake_dnnl", 5, "absent oneDNN makes no stream");
    unsetenv("FAKE_FAIL");
    assert_greeting("gradbench-peer-onednn", "fake_blas", 5, "absent the library is no oneDNN: it lacks dnnl_version");
    gk_context_destroy(ctx);
}

static void what_onednn_says_of_itself(void **state) {
    static const char *const table[][4] = {
        {"3", "4", "31", "peer 1 oneDNN 3.7.2, TBB threads, vectors of 256 bits"},
        {"4", "1", "32", "peer 1 oneDNN 4.7.2, other threads, vectors of 512 bits"},
        {"2", "2", "0", "peer 1 oneDNN 2.7.2, OpenMP threads, sgemm only"},
    };
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        setenv("FAKE_MAJOR", table[i][0], 1);
        setenv("FAKE_RUNTIME", table[i][1], 1);
        setenv("FAKE_ISA", table[i][2], 1);
        assert_greeting("gradbench-peer-onednn", "fake_dnnl", 0, table[i][3]);
    }
    char greeting[REPLY_BYTES], path[512]; /* of version 2 */
    struct child child = start_fake("gradbench-peer-onednn", "fake_dnnl", greeting);
    affine_problems(&child, "sgemm", GK_F32);
    struct shared s;
    share(&s, &(struct gb_problem_spec){.kernel = GK_KERNEL_relu_backward, .n = 1, .d = 1});
    assert_false(called(&child, &s, 1, "unsupported version 2 of this peer does not do relu_backward"));
    release(&s);
    end(&child);
    unsetenv("FAKE_MAJOR"), unsetenv("FAKE_RUNTIME"), unsetenv("FAKE_ISA");
    setenv("FAKE_DRIVER", "chosen", 1), setenv("OCL_ICD_FILENAMES", "chosen", 1); /* by who starts it */
    snprintf(path, sizeof path, "%s/gradbench-peer-onednn '%s/tests/libfake_dnnl.so' </dev/null", PROGRAMS_DIR, PROGRAMS_DIR);
    assert_int_equal(system(path), 0);
    unsetenv("FAKE_DRIVER"), unsetenv("OCL_ICD_FILENAMES");
}

/* The names that libraries have for CPUs, and what is said where this one is better. */
static void what_a_blas_says_of_itself(void **state) {
    static const struct {
        const char *name;
        int bits;
        bool fma;
    } cores[] = {
        {"generic", 64, false},     {"Prescott", 128, false},   {"core2", 128, false},         {"Penryn", 128, false},
        {"Dunnington", 128, false}, {"Nehalem", 128, false},    {"Atom", 128, false},          {"Opteron", 128, false},
        {"Barcelona", 128, false},  {"Bobcat", 128, false},     {"Sandybridge", 256, false},   {"Bulldozer", 128, true},
        {"Piledriver", 128, true},  {"Steamroller", 128, true}, {"Excavator", 128, true},      {"Haswell", 256, true},
        {"Zen", 256, true},         {"zen2", 256, true},        {"zen3", 256, true},           {"SkylakeX", 512, true},
        {"skx", 512, true},         {"Cooperlake", 512, true},  {"SapphireRapids", 512, true}, {"zen4", 512, true},
        {"unheard-of", 1024, true},
    };
    char expected[REPLY_BYTES];
    int bits = 0;
    bool fma = false;
    (void)state;
#ifdef __x86_64__
    fma = __builtin_cpu_supports("fma");
    bits = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
                   __builtin_cpu_supports("avx512vl")
               ? 512
           : __builtin_cpu_supports("avx2") ? 256
                                            : 128;
#endif
    for (size_t i = 0; i < 2 * sizeof cores / sizeof *cores; i++) {
        const bool blis = i % 2, worse = cores[i / 2].bits < bits || (fma && !cores[i / 2].fma);
        setenv("FAKE_CORE", cores[i / 2].name, 1);
        int used = snprintf(expected, sizeof expected, "peer 1 %s, kernels for %s", blis ? "BLIS 1.1" : "OpenBLAS 0.3.29",
                            cores[i / 2].name);
        if (worse)
            snprintf(expected + used, sizeof expected - (size_t)used, "; WARNING: vectors of %d bits%s, this CPU has %d%s",
                     cores[i / 2].bits, cores[i / 2].fma ? "" : " without fma", bits, fma ? " with fma" : "");
        assert_greeting("gradbench-peer-cblas", blis ? "fake_blis" : "fake_openblas", 0, expected);
    }
    setenv("FAKE_CONFIG", "Nameless", 1);
    assert_greeting("gradbench-peer-cblas", "fake_openblas", 0, "peer 1 Nameless, kernels for unheard-of");
    unsetenv("FAKE_CONFIG"), unsetenv("FAKE_CORE");
    assert_greeting("gradbench-peer-cblas", "fake_mkl", 0, "peer 1 MKL 2025.2");
    snprintf(expected, sizeof expected, "peer 1 CBLAS of %s/tests/libfake_blas.so", PROGRAMS_DIR);
    assert_greeting("gradbench-peer-cblas", "fake_blas", 0, expected);
    struct child child = start("gradbench-peer-cblas", (const char *const[]){"libm.so.6", NULL}, expected);
    assert_string_equal(expected, "absent the library is no CBLAS (cblas_sgemm, ...)");
    assert_int_equal(wait_for(&child), 5);
}

/* Right in both types, with as many threads as are asked for, and column sums in the faster way. */
static void a_blas_of_each_kind(void **state) {
    static const char *const kinds[] = {"fake_openblas", "fake_blis", "fake_mkl", "fake_blas"};
    gk_context *ctx;
    (void)state;
    assert_int_equal(gk_context_create(&ctx, &(gk_options){.threads = 1}), GK_OK);
    setenv("FAKE_CORE", "zen4", 1);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        for (int gemv = 0; gemv < 2; gemv++)
            for (int dtype = 0; dtype < GK_DTYPE_COUNT; dtype++) {
                const struct gb_problem_spec db = {
                    .kernel = GK_KERNEL_affine_db, .n = 300, .m = 70, .seed = 1, .dtype = (enum gk_dtype)dtype};
                char greeting[REPLY_BYTES];
                setenv("FAKE_THREADS", "1", 1);
                if (gemv) setenv("FAKE_FAST", "gemv", 1);
                else unsetenv("FAKE_FAST");
                struct child child = start_fake("gradbench-peer-cblas", kinds[i], greeting);
                if (i == 0) affine_problems(&child, NULL, (enum gk_dtype)dtype);
                assert_true(
                    same_numbers(&child, &db, ctx, 1, gemv ? "ready column sums by gemv" : "ready column sums by a loop"));
                end(&child);
                setenv("FAKE_THREADS", "3", 1);
                child = start_fake("gradbench-peer-cblas", kinds[i], greeting);
                assert_true(same_numbers(&child, &db, ctx, 3, NULL));
                end(&child);
            }
    unsetenv("FAKE_FAST"), unsetenv("FAKE_THREADS"), unsetenv("FAKE_CORE");
    gk_context_destroy(ctx);
}

/* Without the word that begins so. */
static void leave_out(char line[LINE_BYTES], const char *word) {
    char *const at = strstr(line, word);
    assert_non_null(at);
    const char *const rest = strchr(at + 1, ' ');
    memmove(at, rest ? rest : "", rest ? strlen(rest) + 1 : 1);
}

static void what_peers_do_not_do(void **state) {
    static const char *const programs[][2] = {
        {"gradbench-peer-naive", NULL}, {"gradbench-peer-cblas", "fake_blas"}, {"gradbench-peer-onednn", "fake_dnnl"}};
    static const struct {
        size_t program;
        struct gb_problem_spec spec;
        const char *without, *answer;
    } table[] = {
        {0, {.kernel = GK_KERNEL_softmax_xent, .ignore = true}, NULL, "unsupported an option that it does not know: ignore"},
        {0,
         {.kernel = GK_KERNEL_softmax_xent, .wide_labels = true},
         NULL,
         "unsupported an option that it does not know: labels"},
        {0,
         {.kernel = GK_KERNEL_softmax_xent, .soft_labels = true},
         NULL,
         "unsupported an option that it does not know: labels"},
        {0, {.kernel = GK_KERNEL_softmax_xent, .reduction = GK_NONE}, NULL, "unsupported it knows sums and means only"},
        {0, {.kernel = GK_KERNEL_softmax_xent, .reduction = GK_SUM}, NULL, "ready"},
        {0, {.kernel = GK_KERNEL_softmax_xent, .in_place = true}, NULL, "ready"},
        {0, {.kernel = GK_KERNEL_softmax_xent}, " in.labels=", "unsupported it needs labels"},
        {0, {.kernel = GK_KERNEL_softmax_xent, .dloss = true}, NULL, "unsupported an operand that it does not know"},
        {0, {.kernel = GK_KERNEL_affine_backward}, " in.w=", "unsupported an operand is missing"},
        {0, {.kernel = GK_KERNEL_affine_backward}, " in.x=", "unsupported an operand is missing"},
        {0, {.kernel = GK_KERNEL_affine_backward}, " in.mask=", "ready"},
        {0, {.kernel = GK_KERNEL_affine_forward}, " in.b=", "ready"},
        {1, {.kernel = GK_KERNEL_relu_forward}, NULL, "unsupported a BLAS has no relu_forward"},
        {1, {.kernel = GK_KERNEL_affine_backward}, " in.w=", "unsupported an operand is missing"},
        {1, {.kernel = GK_KERNEL_affine_backward}, " in.x=", "unsupported an operand is missing"},
        {1, {.kernel = GK_KERNEL_affine_dx, .n = SIZE_MAX}, NULL, "unsupported an empty problem"},
        {1, {.kernel = GK_KERNEL_affine_dx, .d = SIZE_MAX}, NULL, "unsupported an empty problem"},
        {1, {.kernel = GK_KERNEL_affine_db, .m = SIZE_MAX}, NULL, "unsupported an empty problem"},
        {1, {.kernel = GK_KERNEL_affine_forward, .bare = true}, NULL, "ready"},
        {2, {.kernel = GK_KERNEL_softmax_xent, .ignore = true}, NULL, "unsupported an option that it does not know: ignore"},
        {2,
         {.kernel = GK_KERNEL_softmax_xent, .wide_labels = true},
         NULL,
         "unsupported an option that it does not know: labels"},
        {2,
         {.kernel = GK_KERNEL_softmax_xent, .soft_labels = true},
         NULL,
         "unsupported an option that it does not know: labels"},
        {2, {.kernel = GK_KERNEL_softmax_xent, .reduction = GK_NONE}, NULL, "unsupported it knows sums and means only"},
        {2, {.kernel = GK_KERNEL_softmax_xent, .dloss = true}, NULL, "unsupported an operand that it does not know"},
        {2, {.kernel = GK_KERNEL_softmax_xent, .class_weights = true}, NULL, "unsupported an operand that it does not know"},
        {2, {.kernel = GK_KERNEL_softmax_xent}, " in.labels=", "unsupported it needs labels"},
        {2, {.kernel = GK_KERNEL_softmax_xent_backward}, " in.labels=", "unsupported it needs labels"},
        {2, {.kernel = GK_KERNEL_softmax_xent, .n = SIZE_MAX}, NULL, "unsupported an empty problem"},
        {2, {.kernel = GK_KERNEL_softmax_xent_backward, .c = SIZE_MAX}, NULL, "unsupported an empty problem"},
        {2, {.kernel = GK_KERNEL_softmax_xent, .dtype = GK_F64}, NULL, "unsupported oneDNN has no f64 here"},
        {2, {.kernel = GK_KERNEL_relu_backward, .dtype = GK_F64}, NULL, "unsupported oneDNN has no f64 here"},
        {2, {.kernel = GK_KERNEL_relu_forward}, NULL, "unsupported oneDNN keeps no mask as bits"},
        {2, {.kernel = GK_KERNEL_repeat_forward}, NULL, "unsupported this peer does not do repeat_forward"},
        {2, {.kernel = GK_KERNEL_max_backward}, " out.db=", "ready"},
        {0, {.kernel = GK_KERNEL_max_backward}, " out.db=", "ready"},
        {2, {.kernel = GK_KERNEL_relu_backward, .n = SIZE_MAX}, NULL, "unsupported an empty problem"},
        {2, {.kernel = GK_KERNEL_relu_backward, .d = SIZE_MAX}, NULL, "unsupported an empty problem"},
        {2, {.kernel = GK_KERNEL_affine_dx, .dtype = GK_F64}, NULL, "unsupported oneDNN has no f64 here"},
        {2, {.kernel = GK_KERNEL_affine_backward}, " in.w=", "unsupported an operand is missing"},
        {2, {.kernel = GK_KERNEL_affine_backward}, " in.x=", "unsupported an operand is missing"},
        {2, {.kernel = GK_KERNEL_affine_dx, .n = SIZE_MAX}, NULL, "unsupported an empty problem"},
        {2, {.kernel = GK_KERNEL_affine_dx, .d = SIZE_MAX}, NULL, "unsupported an empty problem"},
        {2, {.kernel = GK_KERNEL_affine_db, .m = SIZE_MAX}, NULL, "unsupported an empty problem"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const char *const *const program = programs[table[i].program];
        char line[LINE_BYTES], reply[REPLY_BYTES];
        struct child child =
            program[1] ? start_fake(program[0], program[1], reply) : start(program[0], (const char *const[]){NULL}, reply);
        struct gb_problem_spec spec = table[i].spec; /* a dimension of all ones is empty, others are small */
        for (enum gk_dim dim = 0; dim < GK_DIM_COUNT; dim++)
            spec.dims[dim] = spec.dims[dim] == SIZE_MAX ? 0 : (size_t[]){4, 5, 6, 7}[dim % 4];
        struct shared s;
        share(&s, &spec);
        prepare_line(&s, 1, line);
        if (table[i].without) leave_out(line, table[i].without);
        ask(&child, line, reply);
        if (strcmp(reply, table[i].answer) != 0) fail_msg("'%s' instead of '%s' to '%s'", reply, table[i].answer, line);
        release(&s);
        end(&child);
    }
}

/* Changes of a good line. */
static const struct {
    const char *from, *to;
} breaks[] = {
    {"kernel=affine_dx", ""},
    {"kernel=affine_dx", "kernel="},
    {"dtype=f32", "dtype=f16"},
    {"dtype=f32", "dtype=f32 dtype=f32"},
    {"threads=1", "threads=0"},
    {"threads=1", "threads=1x"},
    {"threads=1", "threads=-1"},
    {"n=9", "n=99999999999999999999"},
    {"n=9", "n=18446744073709551615"},
    {"n=9", "n=16777216"},
    {"n=9", ""},
    {"n=9", "n=9 n=9"},
    {"n=9", "n"},
    {"memory=/", "memory=/nowhere/"},
    {"bytes=", "bytes=1"},
    {"bytes=", "bytes=0 "},
    {"memory=/", "memory=/dev/zero bytes=64 x=/"},
    {"in.dy=", "in.dy=9"},
    {"in.dy=", "out.dy="},
    {"in.dy=", "in.dz="},
    {"in.dy=64", "in.dy=66"},
    {"out.dx=512", "out.dx=528"},
    {"in.dy=", "in.x=0,7 in.dy="},
    {"in.dy=", "in.dy=64 in.dy="},
    {"in.dy=", "in.="},
    {"out.dx=", "out.dx=x"},
    {"out.dx=", "in.dx="},
    {"in.w=", "in.w=,"},
    {"in.w=", "w="},
    {",7", ",6"},
    {",7", ",4611686018427387904"},
    {",7", ""},
};

static void replace(const char *line, const char *from, const char *to, char out[LINE_BYTES]) {
    const char *const at = strstr(line, from);
    assert_non_null(at);
    snprintf(out, LINE_BYTES, "%.*s%s%s", (int)(at - line), line, to, at + strlen(from));
}

static const struct gb_problem_spec small = {.n = 9, .d = 5, .m = 7, .seed = 3};

static void refuses(const struct child *child) {
    struct shared s;
    char line[LINE_BYTES], bad[LINE_BYTES], reply[REPLY_BYTES];
    struct gb_problem_spec spec = small;
    while (strcmp(gk_kernel_get(spec.kernel)->name, "affine_dx") != 0) spec.kernel++;
    share(&s, &spec);
    assert_int_equal(s.bytes, 704); /* what the changes count on */
    prepare_line(&s, 1, line);
    for (size_t i = 0; i < sizeof breaks / sizeof *breaks; i++) {
        assert_true(called(child, &s, 1, NULL));
        replace(line, breaks[i].from, breaks[i].to, bad);
        ask(child, bad, reply);
        if (!begins(reply, "error ")) fail_msg("'%s' to '%s'", reply, bad);
        ask(child, "run 1", reply);
        assert_true(begins(reply, "error "));
    }
    replace(line, "affine_dx", "affine_dy", bad);
    ask(child, bad, reply);
    assert_true(begins(reply, "unsupported "));
    APPEND(line, " frobnicate=1");
    ask(child, line, reply);
    assert_true(begins(reply, "unsupported "));
    const char *const others[] = {"",         "run",  "run 0",  "run -1",   "run 1 1", "prepare",
                                  "prepare ", "Quit", "result", "\001\377", " "};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        ask(child, others[i], reply);
        assert_true(begins(reply, "error "));
    }
    assert_true(called(child, &s, 1, NULL));
    release(&s);
}

static void long_lines(const struct child *child) {
    enum { LENGTH = 100000 };
    char reply[REPLY_BYTES], *const line = malloc(LENGTH + 1);
    assert_non_null(line);
    memset(line, 'a', LENGTH);
    line[LENGTH] = '\0';
    ask(child, line, reply);
    assert_true(begins(reply, "error "));
    free(line);
    assert_int_equal(write(child->to, "res\0ult\n", 8), 8);
    ask(child, NULL, reply);
    assert_true(begins(reply, "error "));
}

/* Characters of good lines changed at random: whatever is accepted can be run. */
static void random_lines(const struct child *child) {
    static const char letters[] = "0123456789,.= -anx/\t";
    uint64_t random = 1;
    for (int i = 0; i < (getenv("GK_QUICK") ? 300 : 3000); i++) {
        struct shared s;
        char line[LINE_BYTES], reply[REPLY_BYTES];
        const size_t three[] = {9, 5, 7};
        const struct gb_problem_spec spec = gb_spec_by_turns(
            (enum gk_kernel_id)(i % GK_KERNEL_COUNT), (enum gk_dtype)(i / 16 % GK_DTYPE_COUNT), three, 3, (uint64_t)i, 7);
        share(&s, &spec);
        prepare_line(&s, 1, line);
        for (int changes = 1 + i % 3; changes > 0; changes--) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            line[8 + (random >> 33) % (strlen(line) - 8)] = letters[(random >> 13) % (sizeof letters - 1)];
        }
        ask(child, line, reply);
        if (begins(reply, "ready")) {
            ask(child, "run 2", reply);
            assert_true(begins(reply, "ran "));
        } else if (!begins(reply, "error ") && !begins(reply, "unsupported ")) {
            fail_msg("'%s' to '%s'", reply, line);
        }
        release(&s);
    }
}

static void what_makes_no_sense(void **state) {
    static const struct {
        const char *program, *arguments[ARGUMENTS_MAX];
        bool library;
    } programs[] = {
        {"gradbench", {"peer", "--isa", "ref", "--threads", "1", NULL}, false},
        {"gradbench-peer-naive", {NULL}, false},
        {"gradbench-peer-cblas", {"libopenblas.so.0", NULL}, true},
        {"gradbench-peer-onednn", {"libdnnl.so.2", NULL}, true},
        {"gradbench-peer-onednn", {"libdnnl.so.3", NULL}, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
        char greeting[REPLY_BYTES];
        struct child child = programs[i].library ? start_without_leaks(programs[i].program, programs[i].arguments, greeting)
                                                 : start(programs[i].program, programs[i].arguments, greeting);
        if (begins(greeting, "absent ")) {
            wait_for(&child);
            continue;
        }
        refuses(&child);
        long_lines(&child);
        random_lines(&child);
        end(&child);
    }
}

/* The input ends: so does the peer, whatever it was told last. */
static void the_end_of_the_input(void **state) {
    static const char *const last[] = {"", "quit", "result\n", "run 1"};
    (void)state;
    for (size_t i = 0; i < sizeof last / sizeof *last; i++) {
        const char *const none[] = {NULL};
        char greeting[REPLY_BYTES];
        struct child child = start("gradbench-peer-naive", none, greeting);
        assert_int_equal(write(child.to, last[i], strlen(last[i])), strlen(last[i]));
        close(child.to);
        child.to = dup(STDERR_FILENO);
        if (i == 2) ask(&child, NULL, greeting);
        assert_int_equal(wait_for(&child), 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_peers_do_not_do),
        cmocka_unit_test(what_onednn_says_of_itself),
        cmocka_unit_test(a_blas_of_each_kind),
        cmocka_unit_test(what_a_blas_says_of_itself),
        cmocka_unit_test(all_ways_of_onednn),
        cmocka_unit_test(onednn_that_fails),
        cmocka_unit_test(nodes_of_onednn),
        cmocka_unit_test(nodes_that_fail),
        cmocka_unit_test(gradkern_as_a_peer),
        cmocka_unit_test(the_line_of_a_run),
        cmocka_unit_test(plain_loops),
        cmocka_unit_test(libraries),
        cmocka_unit_test(an_absent_library),
        cmocka_unit_test(a_library_of_another_abi),
        cmocka_unit_test(a_library_that_does_less),
        cmocka_unit_test(what_makes_no_sense),
        cmocka_unit_test(the_end_of_the_input),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
