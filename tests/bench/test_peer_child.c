/* The child's side of the protocol of bench/PEERS.md: a peer of this test is told lines, and every answer is known word for
 * word, but for times. */
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>

#include "peer_child.h"
#include "support.h"
#include "support_said.h"
#include "text.h"

enum { MEMORY_BYTES = 704, SPIN_NS = 500000 };

/* What the peer did, seen by both processes. */
static struct counts { size_t prepared, calls, results; } * counts;

static int file;                         /* the operands */
static bool rejects;                     /* prepare answers false */
static char next_note[GB_PEER_NOTE_MAX]; /* of prepare; "": what it was told */
static const struct gb_peer_problem *told;

#define ADD(text, ...) gb_text_append(text, GB_PEER_NOTE_MAX, __VA_ARGS__)

static size_t count_lines(const char *path, const char *word) {
    char line[512];
    size_t count = 0;
    FILE *const maps = fopen(path, "r");
    while (maps && fgets(line, sizeof line, maps)) count += strstr(line, word) != NULL;
    if (maps) fclose(maps);
    return count;
}

/* "f32 9,5,7,0 1 thread, 704 bytes, 3 operands dy 64,7 ...", and the options that are not at their defaults. */
static void describe(const struct gb_peer_problem *p, char note[GB_PEER_NOTE_MAX]) {
    ADD(note, "%s", gk_dtype_name(p->spec.dtype));
    for (enum gk_dim dim = 0; dim < GK_DIM_COUNT; dim++) ADD(note, "%c%zu", dim ? ',' : ' ', p->spec.dims[dim]);
    ADD(note, " t%zu b%zu o%zu", p->threads, p->bytes, p->n_operands);
    for (size_t i = 0; i < p->kernel->n_fields; i++) {
        const struct gk_field *const f = &p->kernel->fields[i];
        size_t ld = 99;
        if (!gk_is_operand(f)) continue;
        const char *const start = gb_peer_operand(p, f->name, &ld);
        if (start) ADD(note, " %s %td,%zu", f->name, start - (const char *)p->memory, ld);
        else if (ld != 99) ADD(note, " ld of no %s", f->name);
    }
    for (enum gb_option o = GB_OPTION_DTYPE + 1; o < GB_OPTION_COUNT; o++) {
        char value[GB_VALUE_MAX];
        if (gb_option_differs(o, &p->spec, 0)) ADD(note, " %s=%s", gb_option_name(o), gb_option_text(o, &p->spec, value));
    }
    if (p->spec.kernel != p->kernel->id) ADD(note, " another kernel");
    if (count_lines("/proc/self/maps", "peer operands") != 1) ADD(note, " of several mappings");
}

static bool prepare(void *data, const struct gb_peer_problem *problem, char note[GB_PEER_NOTE_MAX]) {
    (void)data;
    counts->prepared++;
    told = problem;
    memcpy(note, next_note, sizeof next_note);
    if (!note[0]) describe(problem, note);
    if (strcmp(next_note, "-") == 0) note[0] = '\0';
    return !rejects;
}

/* Takes a known time at least, prints where it must not, and counts into the first output. */
static void call(void *data) {
    (void)data;
    const double end = gb_clock_ns() + SPIN_NS;
    float *const dx = gb_peer_operand(told, "dx", NULL);
    counts->calls++;
    if (dx) dx[0] = (float)counts->calls;
    printf("printed by a call\n");
    fflush(stdout);
    while (gb_clock_ns() < end) continue;
}

static void result(void *data) {
    (void)data;
    counts->results++;
}

static size_t threads(void *data) { return *(const size_t *)data; }

static size_t three = 3;
static const struct gb_peer plain = {.description = "of a test", .data = &three, .prepare = prepare, .call = call},
                            full = {.description = "of a test",
                                    .data = &three,
                                    .prepare = prepare,
                                    .call = call,
                                    .result = result,
                                    .threads = threads};

/* What is asked in one session, and what must be answered. */
struct talk {
    const struct gb_peer *peer;
    FILE *in, *out;
    char *asked, *expected;
    size_t asked_size, expected_size;
    int input;
};

static struct talk begin(const struct gb_peer *peer) {
    struct talk t = {.peer = peer};
    *counts = (struct counts){.calls = 0};
    rejects = false;
    next_note[0] = '\0';
    return t;
}

static void open_talk(struct talk *t) {
    t->in = open_memstream(&t->asked, &t->asked_size);
    t->out = open_memstream(&t->expected, &t->expected_size);
    assert_true(t->in && t->out);
    fprintf(t->out, "peer 1 of a test\n");
}

static void expect(struct talk *t, const char *line, const char *answer) {
    fprintf(t->in, "%s\n", line);
    fprintf(t->out, "%s\n", answer);
}

static size_t open_files(void) {
    size_t count = 0;
    for (int fd = 0; fd < 64; fd++) count += fcntl(fd, F_GETFD) != -1;
    return count;
}

/* In a child. What it leaves behind makes the exit code another. */
static int serve(void *data) {
    const struct talk *const t = data;
    dup2(t->input, STDIN_FILENO);
    const size_t before = open_files();
    const int code = gb_peer_serve(t->peer);
    return code + (open_files() != before ? 32 : 0) + (count_lines("/proc/self/maps", "peer operands") ? 64 : 0);
}

/* Times become T. */
static void hide_times(char *text) {
    char *to = text;
    for (const char *from = text; *from;) {
        const bool ran = strncmp(from, "ran ", 4) == 0 && (from == text || from[-1] == '\n');
        const size_t digits = ran ? strspn(from + 4, "0123456789") : 0;
        *to++ = *from++;
        if (digits == 0) continue;
        for (int i = 0; i < 3; i++) *to++ = *from++;
        from += digits;
        *to++ = 'T';
    }
    *to = '\0';
}

/* Where is the first difference? */
static void same_lines(const char *got, const char *want, const char *asked) {
    size_t line = 0;
    while (*got && strcspn(got, "\n") == strcspn(want, "\n") && strncmp(got, want, strcspn(got, "\n")) == 0) {
        got += strcspn(got, "\n") + 1;
        want += strcspn(want, "\n") + 1;
        asked += line++ ? strcspn(asked, "\n") + 1 : 0;
    }
    if (*got || *want)
        fail_msg("'%.*s', not '%.*s' to '%.*s'", (int)strcspn(got, "\n"), got, (int)strcspn(want, "\n"), want,
                 (int)strcspn(asked, "\n"), asked);
}

static void end_talk(struct talk *t, struct gb_said *said) {
    fclose(t->in);
    fclose(t->out);
    t->input = memfd_create("asked", MFD_CLOEXEC);
    assert_true(t->input >= 0);
    assert_int_equal(write(t->input, t->asked, t->asked_size), t->asked_size);
    assert_int_equal(lseek(t->input, 0, SEEK_SET), 0);
    gb_hear_child(said, serve, t);
    close(t->input);
}

/* Everything was answered as expected. */
static void finish(struct talk *t) {
    static struct gb_said said;
    end_talk(t, &said);
    hide_times(said.out);
    same_lines(said.out, t->expected, t->asked);
    assert_int_equal(said.code, 0);
    free(t->asked);
    free(t->expected);
}

static char good[400];

/* The good line with one part replaced. */
static const char *with(const char *from, const char *to) {
    static char line[800];
    const char *const at = strstr(good, from);
    assert_non_null(at);
    snprintf(line, sizeof line, "%.*s%s%s", (int)(at - good), good, to, at + strlen(from));
    return line;
}

static const struct change {
    const char *from, *to, *answer;
} changes[] = {
    {" n=9", " n", "error not KEY=VALUE: 'n'"},
    {" n=9", " n=9 n=8", "error n is given twice"},
    {" n=9", " n=9 =1 =2", "error  is given twice"},
    {" kernel=affine_dx", "", "error kernel is missing"},
    {" kernel=affine_dx", " kernel=", "error kernel is missing"},
    {" kernel=affine_dx", " kernel=affine_xd", "unsupported no kernel affine_xd is known here"},
    {" dtype=f32", "", "error dtype is missing"},
    {" dtype=f32", " dtype=f16", "error bad value of dtype: 'f16'"},
    {" n=9", "", "error n is missing"},
    {" d=5", "", "error d is missing"},
    {" m=7", "", "error m is missing"},
    {" n=9", " n=-1", "error bad value of n: '-1'"},
    {" n=9", " n=16777217", "error bad value of n: '16777217'"},
    {" n=9", " n=16777216", "error operand dy does not fit in the memory"},
    {" n=9", " n=9 c=3", "unsupported affine_dx has no c"},
    {" n=9", " n=9 layout=rows", "error bad value of layout: 'rows'"},
    {" n=9", " n=9 accumulate=2", "error bad value of accumulate: '2'"},
    {" n=9", " n=9 reduction=sum", "unsupported affine_dx has no reduction"},
    {" n=9", " n=9 ld_pad=1", "unsupported affine_dx has no ld_pad"},
    {" n=9", " n=9 later=1", "unsupported affine_dx has no later"},
    {" n=9", " n=9 in=1", "unsupported affine_dx has no in"},
    {" n=9", " n=9 out=1", "unsupported affine_dx has no out"},
    {" n=9", " n=9 in.z=0,0", "error affine_dx has no in.z"},
    {" n=9", " n=9 out.z=0,0", "error affine_dx has no out.z"},
    {" n=9", " n=9 out.dy=0,0", "error affine_dx has no out.dy"},
    {" threads=1", "", "error threads is missing"},
    {" threads=1", " threads=0", "error bad value of threads: '0'"},
    {" threads=1", " threads=1025", "error bad value of threads: '1025'"},
    {" threads=1", " threads=1x", "error bad value of threads: '1x'"},
    {" bytes=704", "", "error bytes is missing"},
    {" bytes=704", " bytes=0", "error bad value of bytes: '0'"},
    {" bytes=704", " bytes=9223372036854775808", "error bad value of bytes: '9223372036854775808'"},
    {" bytes=704", " bytes=705", "error memory has 704 bytes, not 705"},
    {" memory=", " memory=/nowhere", "error memory cannot be opened: No such file or directory"},
    {" memory=", " memory=/tmp x=", "error memory cannot be opened: Is a directory"},
    {" memory=", " memory=/dev/null x=", "error memory is no regular file"},
    {" memory=", " x=", "error memory is missing"},
    {" in.dy=64,7", "", "error operand dy is missing"},
    {" in.dy=", " out.dy=", "error operand dy is missing"},
    {" out.dx=", " in.dx=", "error operand dx is missing"},
    {" in.dy=64,7", " in.dy=", "error operand dy needs OFFSET,LD (got '')"},
    {" in.dy=64,7", " in.dy=64", "error operand dy needs OFFSET,LD (got '64')"},
    {" in.dy=64,7", " in.dy=64,", "error operand dy needs OFFSET,LD (got '64,')"},
    {" in.dy=64,7", " in.dy=,7", "error operand dy needs OFFSET,LD (got ',7')"},
    {" in.dy=64,7", " in.dy=64,7,7", "error operand dy needs OFFSET,LD (got '64,7,7')"},
    {" in.dy=64,7", " in.dy=64,9223372036854775808", "error operand dy needs OFFSET,LD (got '64,9223372036854775808')"},
    {" in.dy=64,7", " in.dy=18446744073709551616,7", "error operand dy needs OFFSET,LD (got '18446744073709551616,7')"},
    {" in.dy=64,7", " in.dy=000000000000000000000064,7", "error operand dy needs OFFSET,LD (got '000000000000000000000064,7')"},
    {" in.dy=64,7", " in.dy=18446744073709551615,7", "error operand dy starts outside the memory"},
    {" in.dy=64,7", " in.dy=708,7", "error operand dy starts outside the memory"},
    {" in.dy=64,7", " in.dy=705,7", "error operand dy starts outside the memory"},
    {" in.dy=64,7", " in.dy=704,7", "error operand dy does not fit in the memory"},
    {" in.dy=64,7", " in.dy=66,7", "error operand dy is not aligned to its elements"},
    {" in.dy=64,7", " in.dy=64,6", "error operand dy has a leading dimension of 6, below its row of 7"},
    {" in.w=320,7", " in.w=320,0", "error operand w has a leading dimension of 0, below its row of 7"},
    {" out.dx=512,5", " out.dx=528,5", "error operand dx does not fit in the memory"},
    {" out.dx=512,5", " out.dx=368,10", "error operand dx does not fit in the memory"},
    /* what wraps around: the product of rows and leading dimension, the end of the last row, bytes */
    {" in.dy=64,7", " in.dy=64,2305843009213693952", "error operand dy does not fit in the memory"},
    {" n=9 in.dy=64,7", " n=3 in.dy=64,9223372036854775807", "error operand dy does not fit in the memory"},
    {" n=9 in.dy=64,7", " n=2 in.dy=64,4611686018427387904", "error operand dy does not fit in the memory"},
    /* a word is cut off where it is shown */
    {" n=9", " xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxyyyyyy",
     "error not KEY=VALUE: 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'"},
    {" n=9", " n=9 k\x01y=1", "unsupported affine_dx has no k?y"},
    /* what is good */
    {" n=9", "  n=9 ", "ready f32 9,5,7,0 t1 b704 o3 dy 64,7 w 320,7 dx 512,5"},
    {" threads=1", " threads=1024", "ready f32 9,5,7,0 t1024 b704 o3 dy 64,7 w 320,7 dx 512,5"},
    {" bytes=704", " bytes=692", "ready f32 9,5,7,0 t1 b692 o3 dy 64,7 w 320,7 dx 512,5"},
    {" bytes=704", " bytes=691", "error operand dx does not fit in the memory"},
    {" out.dx=512,5", " out.dx=524,5", "ready f32 9,5,7,0 t1 b704 o3 dy 64,7 w 320,7 dx 524,5"},
    {" out.dx=512,5", " out.dx=364,10", "ready f32 9,5,7,0 t1 b704 o3 dy 64,7 w 320,7 dx 364,10"},
    {" in.dy=64,7", " in.dy=00000000000000000000064,7", "ready f32 9,5,7,0 t1 b704 o3 dy 64,7 w 320,7 dx 512,5"},
    {" n=9", " n=0", "ready f32 0,5,7,0 t1 b704 o3 dy 64,7 w 320,7 dx 512,5"},
    {" d=5", " d=0", "ready f32 9,0,7,0 t1 b704 o3 dy 64,7 w 320,7 dx 512,5"},
    {" m=7", " m=0", "ready f32 9,5,0,0 t1 b704 o3 dy 64,7 w 320,7 dx 512,5"},
    {" n=9", " n=9 accumulate=1", "ready f32 9,5,7,0 t1 b704 o3 dy 64,7 w 320,7 dx 512,5 accumulate=1"},
    {" n=9", " n=9 layout=in_out", "ready f32 9,5,7,0 t1 b704 o3 dy 64,7 w 320,7 dx 512,5"},
    {" w=", " w=", NULL},
};

static void every_line(void **state) {
    struct talk t = begin(&plain);
    (void)state;
    open_talk(&t);
    for (const struct change *c = changes; c->answer; c++) {
        expect(&t, with(c->from, c->to), c->answer);
        const bool ready = strncmp(c->answer, "ready", 5) == 0;
        expect(&t, "result", ready ? "done" : "error nothing is prepared"); /* what was prepared before is gone */
    }
    finish(&t);
    assert_int_equal(counts->calls, 0);
}

/* Rows and columns change places; where there are no elements, place and leading dimension are free. */
static void layouts_and_empty_operands(void **state) {
    struct talk t = begin(&plain);
    (void)state;
    open_talk(&t);
    expect(&t, with(" in.w=320,7", " layout=out_in in.w=320,5"),
           "ready f32 9,5,7,0 t1 b704 o3 dy 64,7 w 320,5 dx 512,5 layout=out_in");
    expect(&t, with(" in.w=320,7", " layout=out_in in.w=320,4"),
           "error operand w has a leading dimension of 4, below its row of 5");
    expect(&t, with(" n=9 in.dy=64,7", " n=0 in.dy=704,0"), "ready f32 0,5,7,0 t1 b704 o3 dy 704,0 w 320,7 dx 512,5");
    expect(&t, with(" n=9 in.dy=64,7", " n=0 in.dy=702,0"), "error operand dy is not aligned to its elements");
    expect(&t, with(" n=9 in.dy=64,7", " n=0 in.dy=708,0"), "error operand dy starts outside the memory");
    finish(&t);
}

/* Operands of every kind: vectors and scalars without a leading dimension, labels of 4 and 8 bytes, bits, reals of 8. */
static void kinds_of_operands(void **state) {
    static const struct {
        const char *words, *answer;
    } lines[] = {
        {"kernel=affine_db dtype=f64 n=3 m=5 in.dy=0,5 out.db=664,0", "ready f64 3,0,5,0 t1 b704 o2 dy 0,5 db 664,0"},
        {"kernel=affine_db dtype=f64 n=3 m=5 in.dy=0,5 out.db=672,0", "error operand db does not fit in the memory"},
        {"kernel=affine_db dtype=f64 n=3 m=5 in.dy=0,5 out.db=660,0", "error operand db is not aligned to its elements"},
        {"kernel=affine_db dtype=f64 n=3 d=4 m=5 in.dy=0,5 out.db=0,0", "unsupported affine_db has no d"},
        {"kernel=relu_forward dtype=f32 n=2 d=65 in.x=0,65 out.y=0,65 out.mask=672,2 in_place=1",
         "ready f32 2,65,0,0 t1 b704 o3 x 0,65 y 0,65 mask 672,2 in_place=1"},
        {"kernel=relu_forward dtype=f32 n=2 d=64 in.x=0,64 out.y=0,64 out.mask=688,1",
         "ready f32 2,64,0,0 t1 b704 o3 x 0,64 y 0,64 mask 688,1"},
        {"kernel=relu_forward dtype=f32 n=2 d=65 in.x=0,65 out.y=0,65 out.mask=672,1",
         "error operand mask has a leading dimension of 1, below its row of 2"},
        {"kernel=relu_forward dtype=f32 n=2 d=65 in.x=0,65 out.y=0,65 out.mask=676,2",
         "error operand mask is not aligned to its elements"},
        {"kernel=relu_forward dtype=f32 n=2 d=65 in.x=0,65 out.y=0,65", "ready f32 2,65,0,0 t1 b704 o2 x 0,65 y 0,65"},
        {"kernel=softmax_xent dtype=f64 n=3 c=4 in.x=0,4 in.labels=692,0 out.dx=96,4 out.loss=696,0 reduction=sum ignore=1",
         "ready f64 3,0,0,4 t1 b704 o4 x 0,4 labels 692,0 dx 96,4 loss 696,0 reduction=sum ignore=1"},
        {"kernel=softmax_xent dtype=f64 n=3 c=4 in.x=0,4 in.labels=693,0 out.dx=96,4",
         "error operand labels is not aligned to its elements"},
        {"kernel=softmax_xent dtype=f64 n=3 c=4 in.x=0,4 in.labels=696,0 out.dx=96,4",
         "error operand labels does not fit in the memory"},
        {"kernel=softmax_xent dtype=f32 n=3 c=4 in.x=0,4 in.labels64=680,0 out.dx=96,4 labels=index64 out.row_loss=692,0",
         "ready f32 3,0,0,4 t1 b704 o4 x 0,4 labels64 680,0 dx 96,4 row_loss 692,0 labels=index64"},
        {"kernel=softmax_xent dtype=f32 n=3 c=4 in.x=0,4 in.labels64=676,0 out.dx=96,4",
         "error operand labels64 is not aligned to its elements"},
        {"kernel=softmax_xent dtype=f32 n=3 c=4 in.x=0,4 in.t=512,5 in.dloss=700,0 out.dx=96,4 labels=dense",
         "ready f32 3,0,0,4 t1 b704 o4 x 0,4 t 512,5 dloss 700,0 dx 96,4 labels=dense"},
        {"kernel=softmax_xent dtype=f32 n=3 c=4 in.x=0,4 in.t=512,5 in.dloss=700,0 out.dx=96,4 labels=dense reduction=none",
         "error operand dloss does not fit in the memory"},
    };
    struct talk t = begin(&plain);
    (void)state;
    open_talk(&t);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char line[400];
        snprintf(line, sizeof line, "prepare threads=1 memory=/proc/self/fd/%d bytes=704 %s", file, lines[i].words);
        expect(&t, line, lines[i].answer);
    }
    finish(&t);
}

static void how_many_words(void **state) {
    struct talk t = begin(&plain);
    char line[4096];
    (void)state;
    open_talk(&t);
    snprintf(line, sizeof line, "%s", good);
    for (int i = 11; i < 128; i++) snprintf(line + strlen(line), sizeof line - strlen(line), " x%d=", i);
    expect(&t, line, "unsupported affine_dx has no x11");
    snprintf(line + strlen(line), sizeof line - strlen(line), " x128=");
    expect(&t, line, "error more than 128 words");
    finish(&t);
}

/* A file that may not be written any more. */
static void what_cannot_be_mapped(void **state) {
    struct talk t = begin(&plain);
    char line[300];
    const int sealed = memfd_create("sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    (void)state;
    assert_int_equal(ftruncate(sealed, 64), 0);
    assert_int_equal(fcntl(sealed, F_ADD_SEALS, F_SEAL_WRITE), 0);
    open_talk(&t);
    snprintf(line, sizeof line,
             "prepare kernel=affine_dx dtype=f32 threads=1 n=1 d=1 m=1 memory=/proc/self/fd/%d bytes=64 in.dy=0,1", sealed);
    expect(&t, line, "error memory cannot be mapped: Operation not permitted");
    finish(&t);
    close(sealed);
}

static void requests(void **state) {
    struct talk t = begin(&full);
    (void)state;
    open_talk(&t);
    expect(&t, "run 1", "error nothing is prepared");
    expect(&t, "result", "error nothing is prepared");
    expect(&t, good, "ready f32 9,5,7,0 t1 b704 o3 dy 64,7 w 320,7 dx 512,5");
    expect(&t, "run 0", "error run needs a count of at least 1");
    expect(&t, "run x", "error run needs a count of at least 1");
    expect(&t, "run ", "error run needs a count of at least 1");
    expect(&t, "run 9223372036854775808", "error run needs a count of at least 1");
    expect(&t, "run 1", "ran T 3");
    expect(&t, "run 2", "ran T 3");
    expect(&t, "result", "done");
    expect(&t, "run", "error unknown request 'run'");
    expect(&t, "result ", "error unknown request 'result '");
    expect(&t, "prepare", "error unknown request 'prepare'");
    expect(&t, "quit now", "error unknown request 'quit now'");
    expect(&t, "", "error unknown request ''");
    expect(&t, "a\tb\x1f\x7f", "error unknown request 'a?b?\x7f'");
    expect(&t, "prepare n", "error not KEY=VALUE: 'n'");
    expect(&t, "run 1", "error nothing is prepared");
    fprintf(t.in, "quit\nrun 1\n");
    finish(&t);
    assert_int_equal(counts->prepared, 1);
    assert_int_equal(counts->calls, 3);
    assert_int_equal(counts->results, 1);
    float last;
    assert_int_equal(pread(file, &last, sizeof last, 512), sizeof last);
    assert_true(last == 3);
}

/* All the calls and nothing else is timed; what a call prints goes to standard error. */
static void times(void **state) {
    static struct gb_said said;
    struct talk t = begin(&plain);
    unsigned long one = 0, four = 0;
    (void)state;
    open_talk(&t);
    fprintf(t.in, "%s\nrun 1\nrun 4\n", good);
    const double start = gb_clock_ns();
    end_talk(&t, &said);
    const double passed = gb_clock_ns() - start;
    assert_int_equal(sscanf(said.out, "peer 1 of a test\nready %*[^\n]\nran %lu\nran %lu\n", &one, &four), 2);
    assert_true(one >= SPIN_NS && four >= 4 * SPIN_NS && (double)(one + four) <= passed);
    assert_int_equal(counts->calls, 5);
    assert_null(strstr(said.out, "printed"));
    for (int i = 0; i < 5; i++) assert_memory_equal(said.err + 18 * i, "printed by a call\n", 18);
    assert_int_equal(strlen(said.err), 5 * 18);
    free(t.asked);
    free(t.expected);
}

static void notes(void **state) {
    static const struct {
        const char *note;
        bool rejects;
        const char *answer;
    } table[] = {
        {"-", false, "ready"},        {"by hand", false, "ready by hand"},
        {"-", true, "unsupported"},   {"not today", true, "unsupported not today"},
        {"a\nb", false, "ready a?b"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct talk t = begin(&plain);
        rejects = table[i].rejects;
        snprintf(next_note, sizeof next_note, "%s", table[i].note);
        open_talk(&t);
        expect(&t, good, table[i].answer);
        expect(&t, "run 1", rejects ? "error nothing is prepared" : "ran T");
        expect(&t, "result", rejects ? "error nothing is prepared" : "done");
        finish(&t);
        assert_int_equal(counts->calls, !rejects);
    }
}

/* A peer may fill its texts to the last byte. */
static void long_texts(void **state) {
    static struct gb_said said;
    struct gb_peer peer = plain;
    struct talk t = begin(&peer);
    char letters[GB_PEER_NOTE_MAX + 1], answer[300];
    (void)state;
    memset(letters, 'x', GB_PEER_NOTE_MAX);
    letters[GB_PEER_NOTE_MAX] = '\0';
    memcpy(peer.description, letters, sizeof peer.description);
    memcpy(next_note, letters, sizeof next_note);
    open_talk(&t);
    fprintf(t.in, "%s\n", good);
    end_talk(&t, &said);
    snprintf(answer, sizeof answer, "peer 1 %s\n", letters);
    assert_memory_equal(said.out, answer, strlen(answer));
    const size_t greeting = strlen(answer);
    snprintf(answer, sizeof answer, "ready %.*s\n", GB_PEER_NOTE_MAX - 1, letters);
    assert_string_equal(said.out + greeting, answer);
    free(t.asked);
    free(t.expected);
}

/* Lines as long as may be, and longer; a zero byte. They come after one another, so that they cross the ends of what one read
 * gives. */
static void long_lines(void **state) {
    enum { LONGEST = 8191 };
    struct talk t = begin(&plain);
    char line[LONGEST + 2], answer[200];
    (void)state;
    open_talk(&t);
    memset(line, 'a', sizeof line);
    line[LONGEST] = '\0';
    snprintf(answer, sizeof answer, "error unknown request '%.80s'", line);
    expect(&t, line, answer);
    expect(&t, "short", "error unknown request 'short'");
    line[LONGEST] = 'a';
    line[LONGEST + 1] = '\0';
    expect(&t, line, "error a line is longer than 8191 bytes");
    expect(&t, line, "error a line is longer than 8191 bytes");
    fwrite("res\0ult\n", 8, 1, t.in);
    fprintf(t.out, "error a line holds a zero byte\n");
    expect(&t, "short", "error unknown request 'short'");
    fprintf(t.in, "a line without its end");
    finish(&t);
}

static int into_a_closed_pipe(void *data) {
    int ends[2];
    if (pipe(ends) != 0) return 99;
    close(ends[0]);
    dup2(ends[1], STDOUT_FILENO);
    return gb_peer_serve(data);
}

static int without_an_output(void *data) {
    close(STDOUT_FILENO);
    return gb_peer_serve(data);
}

static int onto_a_full_disk(void *data) {
    const int full_disk = open("/dev/full", O_WRONLY);
    dup2(full_disk, STDOUT_FILENO);
    return gb_peer_serve(data);
}

static int absent_on_a_full_disk(void *data) {
    const int full_disk = open("/dev/full", O_WRONLY);
    dup2(full_disk, STDOUT_FILENO);
    return gb_peer_absent(data);
}

/* The answers come although standard error is closed; what a call prints goes nowhere. */
static int without_standard_error(void *data) {
    close(STDERR_FILENO);
    return serve(data) == 32 ? 0 : 1; /* /dev/null is open now */
}

static void outputs_that_fail(void **state) {
    static struct gb_said said;
    struct gb_peer peer = plain;
    (void)state;
    gb_hear_child(&said, into_a_closed_pipe, &peer);
    assert_int_equal(said.code, 4);
    gb_hear_child(&said, without_an_output, &peer);
    assert_int_equal(said.code, 4);
    gb_hear_child(&said, onto_a_full_disk, &peer);
    assert_int_equal(said.code, 4);
    gb_hear_child(&said, absent_on_a_full_disk, (char[]){"why"});
    assert_int_equal(said.code, 4);
    struct talk t = begin(&plain);
    open_talk(&t);
    fprintf(t.in, "%s\nrun 1\n", good);
    fclose(t.in);
    fclose(t.out);
    t.input = memfd_create("asked", MFD_CLOEXEC);
    assert_int_equal(write(t.input, t.asked, t.asked_size), t.asked_size);
    assert_int_equal(lseek(t.input, 0, SEEK_SET), 0);
    gb_hear_child(&said, without_standard_error, &t);
    assert_int_equal(said.code, 0);
    hide_times(said.out);
    assert_string_equal(said.out, "peer 1 of a test\nready f32 9,5,7,0 t1 b704 o3 dy 64,7 w 320,7 dx 512,5\nran T\n");
    close(t.input);
    free(t.asked);
    free(t.expected);
}

static int say_absent(void *data) { return gb_peer_absent(data); }

static void absence(void **state) {
    static struct gb_said said;
    char reason[301], answer[300];
    (void)state;
    gb_hear_child(&said, say_absent, (char[]){"no such\nlibrary"});
    assert_int_equal(said.code, 5);
    assert_string_equal(said.out, "absent no such?library\n");
    assert_string_equal(said.err, "");
    memset(reason, 'r', 300);
    reason[300] = '\0';
    gb_hear_child(&said, say_absent, reason);
    snprintf(answer, sizeof answer, "absent %.*s\n", GB_PEER_NOTE_MAX, reason);
    assert_string_equal(said.out, answer);
}

static int to_itself = -1;

static void speak(int number) {
    (void)number;
    if (write(to_itself, "hello\nquit\n", 11) != 11) _exit(98);
}

/* A signal interrupts the wait for a line. */
static int interrupted(void *data) {
    int ends[2];
    const struct sigaction action = {.sa_handler = speak};
    const struct itimerval soon = {.it_value.tv_usec = 20000};
    if (pipe(ends) != 0 || sigaction(SIGALRM, &action, NULL) != 0 || setitimer(ITIMER_REAL, &soon, NULL) != 0) return 97;
    to_itself = ends[1];
    dup2(ends[0], STDIN_FILENO);
    return gb_peer_serve(data);
}

static void signals(void **state) {
    static struct gb_said said;
    struct gb_peer peer = plain;
    (void)state;
    gb_hear_child(&said, interrupted, &peer);
    assert_int_equal(said.code, 0);
    assert_string_equal(said.out, "peer 1 of a test\nerror unknown request 'hello'\n");
}

static void operands_by_name(void **state) {
    char memory[64];
    size_t ld = 99;
    struct gb_peer_problem p = {.kernel = gk_kernel_find("affine_forward"), .memory = memory};
    (void)state;
    p.args.affine_forward.y = (float *)(void *)memory;
    p.args.affine_forward.ld_y = 7;
    assert_ptr_equal(gb_peer_operand(&p, "y", &ld), memory);
    assert_int_equal(ld, 7);
    assert_ptr_equal(gb_peer_operand(&p, "y", NULL), memory);
    ld = 99;
    assert_null(gb_peer_operand(&p, "x", &ld));
    assert_null(gb_peer_operand(&p, "nothing", &ld));
    assert_null(gb_peer_operand(&p, "n", &ld)); /* no operand */
    assert_int_equal(ld, 99);
    p.args.affine_forward.b = (const float *)(const void *)memory;
    assert_ptr_equal(gb_peer_operand(&p, "b", &ld), memory);
    assert_int_equal(ld, 0);
}

#define BIT(option) (1ull << GB_OPTION_##option)

static void unknown_options(void **state) {
    struct gb_peer_problem p = {.spec = {.ld_pad = 3, .misalign = 1, .data = GB_DATA_WIDE, .seed = 5, .dtype = GK_F64}};
    (void)state;
    assert_null(gb_peer_unknown_option(&p, 0)); /* none of these is for peers */
    p.spec.accumulate = p.spec.in_place = true;
    assert_string_equal(gb_peer_unknown_option(&p, 0), "accumulate");
    assert_string_equal(gb_peer_unknown_option(&p, BIT(ACCUMULATE)), "in_place");
    assert_string_equal(gb_peer_unknown_option(&p, BIT(IN_PLACE)), "accumulate");
    assert_null(gb_peer_unknown_option(&p, BIT(ACCUMULATE) | BIT(IN_PLACE)));
    p.spec.layout = GK_OUT_IN;
    assert_string_equal(gb_peer_unknown_option(&p, BIT(ACCUMULATE) | BIT(IN_PLACE)), "layout");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_line),
        cmocka_unit_test(layouts_and_empty_operands),
        cmocka_unit_test(kinds_of_operands),
        cmocka_unit_test(how_many_words),
        cmocka_unit_test(what_cannot_be_mapped),
        cmocka_unit_test(requests),
        cmocka_unit_test(times),
        cmocka_unit_test(notes),
        cmocka_unit_test(long_texts),
        cmocka_unit_test(long_lines),
        cmocka_unit_test(outputs_that_fail),
        cmocka_unit_test(absence),
        cmocka_unit_test(signals),
        cmocka_unit_test(operands_by_name),
        cmocka_unit_test(unknown_options),
    };
    counts = mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    file = memfd_create("peer operands", MFD_CLOEXEC);
    if (counts == MAP_FAILED || file < 0 || ftruncate(file, MEMORY_BYTES) != 0) return 1;
    snprintf(good, sizeof good,
             "prepare kernel=affine_dx dtype=f32 threads=1 memory=/proc/self/fd/%d bytes=704 d=5 m=7 n=9 in.dy=64,7 in.w=320,7 "
             "out.dx=512,5",
             file);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
