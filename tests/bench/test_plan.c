/* What is to be run: the lists of a command line, the problems and variants that they stand for, and what does not fit. */
#include <math.h>
#include <sys/mman.h>

#include "machine.h"
#include "message.h"
#include "plan.h"
#include "support.h"
#include "support_said.h"
#include "verify.h"

static struct gb_said said;

/* --- lists */

struct parse {
    const char *list;
    bool kernels[GK_KERNEL_COUNT], isas[GK_ISA_COUNT];
    size_t threads[GB_THREAD_COUNTS_MAX], count;
};

static int parse_kernels(void *data) {
    struct parse *const p = data;
    return gb_parse_kernels(p->list, p->kernels);
}

static int parse_threads(void *data) {
    struct parse *const p = data;
    return gb_parse_threads(p->list, p->threads, &p->count);
}

static int parse_isas(void *data) {
    struct parse *const p = data;
    return gb_parse_isas(p->list, p->isas);
}

/* What comes out is all that there is: every flag starts as the opposite of what a list sets. */
static struct parse hear_parse(int (*body)(void *), const char *list) {
    struct parse p = {.list = list};
    memset(p.kernels, 1, sizeof p.kernels);
    memset(p.isas, 1, sizeof p.isas);
    gb_hear(&said, body, &p);
    assert_string_equal(said.out, "");
    return p;
}

static void refuses(int (*body)(void *), const char *list, int code, const char *format, const char *argument) {
    char text[700], want[800];
    hear_parse(body, list);
    snprintf(text, sizeof text, format, argument);
    snprintf(want, sizeof want, "gradbench: error: %s\n", text);
    assert_string_equal(said.err, want);
    assert_int_equal(said.code, code);
}

static bool begins(const char *text, const char *with) { return strncmp(text, with, strlen(with)) == 0; }

/* The kernels of a list, and who is to be among them. */
static void chooses(const char *list, bool (*is_in)(const struct gk_kernel *)) {
    const struct parse p = hear_parse(parse_kernels, list);
    size_t count = 0;
    assert_int_equal(said.code, GB_EXIT_OK);
    assert_string_equal(said.err, "");
    for (int id = 0; id < GK_KERNEL_COUNT; id++) {
        const struct gk_kernel *const kernel = gk_kernel_get((enum gk_kernel_id)id);
        if (p.kernels[id] != is_in(kernel)) fail_msg("%s in '%s'", kernel->name, list ? list : "no list");
        count += p.kernels[id];
    }
    assert_true(count > 0);
}

static bool is_any(const struct gk_kernel *k) { return k != NULL; }
static bool is_affine(const struct gk_kernel *k) { return strcmp(k->family, "affine") == 0; }
static bool is_dx(const struct gk_kernel *k) { return strcmp(k->name, "affine_dx") == 0; }
static bool is_affine_d(const struct gk_kernel *k) { return begins(k->name, "affine_d"); }
static bool is_affine_db(const struct gk_kernel *k) { return strcmp(k->name, "affine_db") == 0; }
static bool is_dx_or_relu(const struct gk_kernel *k) { return is_dx(k) || strcmp(k->family, "relu") == 0; }
static bool is_softmax_xent(const struct gk_kernel *k) { return strcmp(k->name, "softmax_xent") == 0; }
static bool is_softmax_xents(const struct gk_kernel *k) { return begins(k->name, "softmax_xent"); }

static void kernels(void **state) {
    char word[70], names[600];
    struct gb_names all = gb_kernel_names();
    const struct gb_names families = gb_family_names();
    (void)state;
    chooses(NULL, is_any);
    chooses("affine", is_affine);
    chooses("affine_dx", is_dx);
    chooses("affine_d[wxb]", is_affine_d);
    chooses("affine_d?", is_affine_d);
    chooses("affine_d*", is_affine_d);
    chooses("*_db", is_affine_db);
    chooses("affine_db,affine_d?", is_affine_d);
    chooses("affine_dx,relu,affine_dx", is_dx_or_relu);
    chooses("softmax_xent", is_softmax_xent); /* a kernel, though a family is named so, too */
    chooses("softmax_xent*", is_softmax_xents);
    for (size_t i = 0; i < families.count; i++) gb_names_add(&all, families.list[i]);
    gb_names_join(&all, names, sizeof names);
    refuses(parse_kernels, "", 2, "unknown kernel '' (allowed: %s)", names);
    refuses(parse_kernels, "affine,", 2, "unknown kernel '' (allowed: %s)", names);
    refuses(parse_kernels, "affine_dx,nothing*", 2, "unknown kernel 'nothing*' (allowed: %s)", names);
    refuses(parse_kernels, "relus", 2, "unknown kernel 'relus' (did you mean 'relu'? allowed: %s)", names);
    memset(word, 'z', sizeof word);
    word[63] = '\0';
    hear_parse(parse_kernels, word);
    assert_true(begins(said.err, "gradbench: error: unknown kernel 'zzz"));
    word[63] = 'z', word[64] = '\0';
    refuses(parse_kernels, word, 2, "a word of --%s is longer than 63 bytes", "kernels");
}

static void runs_on(const char *list, size_t count, const size_t *threads) {
    const struct parse p = hear_parse(parse_threads, list);
    assert_int_equal(said.code, GB_EXIT_OK);
    assert_string_equal(said.err, "");
    assert_int_equal(p.count, count);
    assert_memory_equal(p.threads, threads, count * sizeof *threads);
}

/* Ascending, each once, whatever the order in which they are said. */
static void threads(void **state) {
    const size_t all = gb_threads_default();
    (void)state;
    runs_on("3", 1, (size_t[]){3});
    runs_on("3,1,2,1,3", 3, (size_t[]){1, 2, 3});
    runs_on("16,2,1024,1", 4, (size_t[]){1, 2, 16, 1024});
    runs_on("16,15,14,13,12,11,10,9,8,7,6,5,4,3,2,1,16,1", 16,
            (size_t[]){1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16});
    runs_on("1..16", 16, (size_t[]){1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16});
    runs_on("3,1..1024*2,2..4", 12, (size_t[]){1, 2, 3, 4, 8, 16, 32, 64, 128, 256, 512, 1024});
    runs_on("2..8+3", 3, (size_t[]){2, 5, 8});
    runs_on("all", 1, (size_t[]){all});
    runs_on("all,all", 1, (size_t[]){all});
    runs_on(NULL, 1 + (all > 1), (size_t[]){1, all});
    refuses(parse_threads, "16,15,14,13,12,11,10,9,8,7,6,5,4,3,2,1,17", 2, "--threads takes at most %s different numbers",
            "16");
    refuses(parse_threads, "1..17", 2, "--threads takes at most %s different numbers", "16");
    static const char *const wrong[] = {"8..1", "0..2", "1..", "..2", "1..1025", "1..2x", "1..all", "1024..1025"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        refuses(parse_threads, wrong[i], 2, "--threads takes numbers from 1 to 1024, ranges (1..4, 1..64*2), or all (got '%s')",
                wrong[i]);
    refuses(parse_threads, "0", 2, "--threads takes numbers from 1 to 1024, ranges (1..4, 1..64*2), or all (got '%s')", "0");
    refuses(parse_threads, "1,1025", 2, "--threads takes numbers from 1 to 1024, ranges (1..4, 1..64*2), or all (got '%s')",
            "1025");
    refuses(parse_threads, "", 2, "--threads takes numbers from 1 to 1024, ranges (1..4, 1..64*2), or all (got '%s')", "");
    refuses(parse_threads, "1,,2", 2, "--threads takes numbers from 1 to 1024, ranges (1..4, 1..64*2), or all (got '%s')", "");
    refuses(parse_threads, "2x", 2, "--threads takes numbers from 1 to 1024, ranges (1..4, 1..64*2), or all (got '%s')", "2x");
    refuses(parse_threads, "ALL", 2, "--threads takes numbers from 1 to 1024, ranges (1..4, 1..64*2), or all (got '%s')",
            "ALL");
    refuses(parse_threads, "1,0000000000000000000000000000000000000000000000000000000000000002", 2,
            "a word of --%s is longer than 63 bytes", "threads");
}

static int threads_of_the_environment(void *data) {
    size_t list[GB_THREAD_COUNTS_MAX], count = 0;
    setenv("OMP_NUM_THREADS", data, 1);
    gb_parse_threads("all", list, &count);
    return count == 1 ? (int)list[0] : 99;
}

static void all_threads(void **state) {
    (void)state;
    gb_hear_child(&said, threads_of_the_environment, (char[]){"5"});
    assert_int_equal(said.code, 5);
    gb_hear_child(&said, threads_of_the_environment, (char[]){"nonsense"}); /* which is refused elsewhere */
    assert_int_equal(said.code, 1);
}

static void takes_isas(const char *list, const bool *isas) {
    const struct parse p = hear_parse(parse_isas, list);
    assert_int_equal(said.code, GB_EXIT_OK);
    assert_string_equal(said.err, "");
    assert_memory_equal(p.isas, isas, sizeof p.isas);
}

static int isas_under(void *data) {
    const char *const cap = data;
    bool usable[GK_ISA_COUNT];
    char names[300];
    struct gb_names all = gb_isa_names();
    gb_names_add(&all, "all");
    gb_names_join(&all, names, sizeof names);
    if (cap) setenv("GRADKERN_ISA", cap, 1);
    else unsetenv("GRADKERN_ISA");
    for (size_t i = 0; i < GK_ISA_COUNT; i++) usable[i] = !gk_isa_unusable(i);
    const bool ref[GK_ISA_COUNT] = {true};
    takes_isas(NULL, usable);
    takes_isas("all", usable);
    takes_isas("ref,all", usable);
    takes_isas("all,ref", usable);
    takes_isas("ref", ref);
    takes_isas("ref,ref", ref);
    for (size_t i = 0; i < GK_ISA_COUNT; i++) {
        const char *const name = gk_isa_get(i, GK_F32)->name, *const reason = gk_isa_unusable(i);
        bool both[GK_ISA_COUNT] = {true};
        char list[80], words[300];
        both[i] = true;
        snprintf(list, sizeof list, "%s,ref", name);
        snprintf(words, sizeof words, "%s cannot be used: %%s", name);
        if (reason) refuses(parse_isas, list, 5, words, reason);
        else takes_isas(list, both);
    }
    refuses(parse_isas, "", 2, "unknown instruction set '' (allowed: %s)", names);
    refuses(parse_isas, "ref,nothing", 2, "unknown instruction set 'nothing' (allowed: %s)", names);
    refuses(parse_isas, "reff", 2, "unknown instruction set 'reff' (did you mean 'ref'? allowed: %s)", names);
    refuses(parse_isas, "ref,aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 2,
            "a word of --%s is longer than 63 bytes", "isa");
    return 0;
}

/* With GRADKERN_ISA=ref there is one that is unusable, on every CPU, where a second one is compiled. */
static void isas(void **state) {
    (void)state;
    const char *const before = getenv("GRADKERN_ISA");
    char *const kept = before ? strdup(before) : NULL;
    isas_under((void *)(uintptr_t)NULL);
    isas_under((char[]){"ref"});
    if (kept) setenv("GRADKERN_ISA", kept, 1);
    else unsetenv("GRADKERN_ISA");
    free(kept);
}

/* --- plans */

static struct gb_plan plan;

static int make(void *data) { return gb_plan_make(&plan, data); }

static void makes(struct gb_plan_options options) {
    gb_hear(&said, make, &options);
    assert_string_equal(said.err, "");
    assert_int_equal(said.code, GB_EXIT_OK);
}

/* A plan that could not be made holds nothing. */
static void cannot_make(struct gb_plan_options options, int code, const char *err) {
    static const struct gb_plan empty;
    char want[400];
    gb_hear(&said, make, &options);
    snprintf(want, sizeof want, "gradbench: error: %s\n", err);
    assert_string_equal(said.err, want);
    assert_int_equal(said.code, code);
    assert_memory_equal(&plan, &empty, sizeof plan);
}

static const struct gb_plan_options one_shape = {
    .shapes = {.list = {"affine_dx n=1 d=2 m=3"}, .count = 1}, .isa = "ref", .threads = "1", .seed = 1};

/* By isa, then threads, ascending. */
static void variants(void **state) {
    struct gb_plan_options options = one_shape;
    const size_t most[] = {1, 2, 7};
    size_t at = 0;
    (void)state;
    options.isa = NULL, options.threads = "7,2,1";
    makes(options);
    for (size_t isa = 0; isa < GK_ISA_COUNT; isa++)
        for (size_t t = 0; t < 3 && !gk_isa_unusable(isa); t++, at++) {
            const struct gb_variant *const v = &plan.variants[at];
            char label[64];
            assert_int_equal(v->isa, isa);
            assert_int_equal(v->threads, most[t]);
            assert_string_equal(v->name, gk_isa_get(isa, GK_F32)->name);
            snprintf(label, sizeof label, "%s, %zu thread%s", v->name, most[t], t ? "s" : "");
            assert_string_equal(v->label, label);
            assert_true(!v->peer && !v->contender);
            assert_string_equal(gk_context_isa(v->ctx), v->name);
            assert_int_equal(gk_context_threads(v->ctx), most[t]);
            assert_true(gb_is_ref(v) == (isa == 0));
        }
    assert_int_equal(plan.n_variants, at);
    assert_int_equal(plan.n_own, at);
    assert_int_equal(plan.n_threads, 3);
    assert_memory_equal(plan.threads, most, sizeof most);
    assert_string_equal(gk_context_isa(plan.ref), "ref");
    assert_int_equal(gk_context_threads(plan.ref), 1);
    gb_plan_free(&plan);
    static const struct gb_plan empty;
    assert_memory_equal(&plan, &empty, sizeof plan);
}

static void peers_are_variants(void **state) {
    struct gb_plan_options options = one_shape;
    (void)state;
    options.isa = "all", options.threads = "1,2";
    makes(options);
    const size_t own = plan.n_own;
    const struct gb_variant *const a = gb_plan_add_peer(&plan, "naive", 1);
    const char *const name = "a-name-of-as-many-letters-as-there-can-be-in-one-and-more";
    const struct gb_variant *const b = gb_plan_add_peer(&plan, name, 12);
    assert_ptr_equal(a, &plan.variants[own]);
    assert_ptr_equal(b, &plan.variants[own + 1]);
    assert_int_equal(plan.n_variants, own + 2);
    assert_int_equal(plan.n_own, own);
    assert_string_equal(a->label, "naive, 1 thread");
    assert_string_equal(b->label, "a-name-of-as-many-letters-as-there-can-be-in, 12 threads");
    assert_true(a->peer && b->peer && !a->ctx && !a->contender && a->threads == 1 && b->threads == 12);
    assert_ptr_equal(b->name, name);
    assert_int_equal(a->isa, plan.variants[own - 1].isa); /* the widest */
    assert_int_equal(b->isa, plan.variants[own - 1].isa);
    assert_false(gb_is_ref(a));
    gb_plan_free(&plan);
    options.isa = "ref";
    makes(options);
    assert_false(gb_is_ref(gb_plan_add_peer(&plan, "naive", 1)));
    gb_plan_free(&plan);
}

/* "affine_dx f32 NAME seed", of each problem in its order. */
static void runs(struct gb_plan_options options, const char *source, const char *tasks) {
    char text[2000] = "";
    bool dtypes[GK_DTYPE_COUNT] = {false};
    makes(options);
    assert_string_equal(plan.source, source);
    for (size_t i = 0; i < plan.n_tasks; i++) {
        const struct gb_problem_spec *const spec = &plan.tasks[i].spec;
        gb_text_append(text, sizeof text, "%s%s %s %s %zu", i ? "; " : "", gk_kernel_get(spec->kernel)->name,
                       gk_dtype_name(spec->dtype), plan.tasks[i].workload, (size_t)spec->seed);
        dtypes[spec->dtype] = true;
        assert_int_equal(spec->shift, options.shift);
    }
    assert_string_equal(text, tasks);
    assert_memory_equal(plan.dtypes, dtypes, sizeof dtypes);
    gb_plan_free(&plan);
}

static void problems(void **state) {
    struct gb_plan_options o = one_shape;
    (void)state;
    runs(o, "1 shape", "affine_dx f32 shape1:1 1");
    o.shapes = (struct gb_texts){.list = {"relu n=1 d=2", "affine n=1 d=2 m=3 seed=5", "affine_dx n=1 d=1 m=1 f64 name=x"},
                                 .count = 3};
    o.seed = 9;
    o.shift = 4095;
    o.kernels = "relu_backward,affine_d[bx],relu_forward";
    runs(o, "3 shapes",
         "relu_forward f32 shape1:1 9; relu_backward f32 shape1:1 9; affine_dx f32 shape2:1 5; affine_db f32 shape2:1 5; "
         "affine_dx f64 x 9");
    o.dtype = "f64,f32";
    o.kernels = "affine_dx,relu_forward";
    runs(o, "3 shapes",
         "relu_forward f32 shape1:1 9; relu_forward f64 shape1:1 9; affine_dx f32 shape2:1 5; affine_dx f64 shape2:1 5; "
         "affine_dx f64 x 9");
    o.dtype = "f64";
    o.kernels = "relu_forward";
    runs(o, "3 shapes", "relu_forward f64 shape1:1 9");
    o.shapes = (struct gb_texts){.list = {"relu_forward n=1,2 d=3 name=a f32"}, .count = 1};
    runs(o, "2 shapes", "relu_forward f32 a/1 9; relu_forward f32 a/2 9");
    o.dtype = "f16";
    cannot_make(o, 2, "unknown type 'f16' in --dtype (allowed: f32, f64)");
    o.dtype = "f32,";
    cannot_make(o, 2, "unknown type '' in --dtype (allowed: f32, f64)");
    o.dtype = "f32,00000000000000000000000000000000000000000000000000000000000000000";
    cannot_make(o, 2, "a word of --dtype is longer than 63 bytes");
    o.dtype = NULL, o.kernels = "affine";
    cannot_make(o, 2, "nothing to run: no problem of 2 shapes has a kernel of --kernels");
    o = one_shape, o.isa = "nothing";
    gb_hear(&said, make, &o);
    assert_true(said.code == 2 && begins(said.err, "gradbench: error: unknown instruction set 'nothing'"));
    o = one_shape, o.threads = "0";
    cannot_make(o, 2, "--threads takes numbers from 1 to 1024, ranges (1..4, 1..64*2), or all (got '0')");
    o = one_shape, o.kernels = "";
    gb_hear(&said, make, &o);
    assert_true(said.code == 2 && begins(said.err, "gradbench: error: unknown kernel ''"));
    o = one_shape, o.shapes.list[0] = "affine n=1 d=1";
    cannot_make(o, 2, "--shape, column 15: m is missing (expected m=1 to 16777216)");
}

/* A file for each of the names, or standard input. */
static void write_workloads(const char *folder) {
    const char *const names[] = {"one", "two"};
    char path[64];
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s.txt", folder, names[i]);
        FILE *const file = fopen(path, "w");
        assert_non_null(file);
        fprintf(file, "relu n=1 d=%zu\n", i + 1);
        fclose(file);
    }
}

static void remove_workloads(const char *folder) {
    char path[64];
    snprintf(path, sizeof path, "%s/one.txt", folder);
    unlink(path);
    snprintf(path, sizeof path, "%s/two.txt", folder);
    unlink(path);
    rmdir(folder);
}

static int read_standard_input(void *data) {
    const struct gb_plan_options *const o = data;
    const int file = memfd_create("input", 0);
    const char text[] = "relu n=1 d=3\n";
    if (write(file, text, sizeof text - 1) != sizeof text - 1 || lseek(file, 0, SEEK_SET) != 0) return 99;
    dup2(file, STDIN_FILENO);
    const int code = gb_plan_make(&plan, o);
    if (code == GB_EXIT_OK) printf("%s; %zu tasks; %s", plan.source, plan.n_tasks, plan.tasks[1].workload);
    gb_plan_free(&plan);
    return code;
}

/* Workloads, shapes and draws, in this order, and what the report says of them. */
static void sources(void **state) {
    struct gb_plan_options o = {
        .default_workload = "one", .isa = "ref", .threads = "1", .kernels = "relu_forward,affine_db", .seed = 7};
    char folder[] = "/tmp/gradbench-plan-XXXXXX";
    (void)state;
    assert_non_null(mkdtemp(folder));
    write_workloads(folder);
    setenv("GRADBENCH_WORKLOADS", folder, 1);
    runs(o, "workload one", "relu_forward f32 one:1 7");
    o.draw = 5;
    runs(o, "5 drawn by seed 7",
         "affine_db f32 drawn:affine1 7; relu_forward f32 drawn:relu1 7; affine_db f32 drawn:affine2 7; "
         "relu_forward f32 drawn:relu2 7; affine_db f64 drawn:affine3 7");
    o.draw = 2;
    o.shapes = (struct gb_texts){.list = {"relu_forward n=1 d=1", "relu_forward n=2 d=1"}, .count = 2};
    runs(o, "2 shapes, 2 drawn by seed 7",
         "relu_forward f32 shape1:1 7; relu_forward f32 shape2:1 7; affine_db f32 drawn:affine1 7; relu_forward f32 "
         "drawn:relu1 7");
    const struct gb_plan_options before = o;
    o.dtype = "f32", o.kernels = "affine_db", o.shapes.count = 0, o.draw = 3;
    runs(o, "3 drawn by seed 7", "affine_db f32 drawn:affine1 7; affine_db f32 drawn:affine2 7; affine_db f32 drawn:affine3 7");
    o = before, o.draw = 0;
    runs(o, "2 shapes", "relu_forward f32 shape1:1 7; relu_forward f32 shape2:1 7");
    o.workloads = (struct gb_texts){.list = {"two", "one"}, .count = 2};
    o.shapes.count = 1, o.draw = 1;
    runs(o, "workload two, one, 1 shape, 1 drawn by seed 7",
         "relu_forward f32 two:1 7; relu_forward f32 one:1 7; relu_forward f32 shape1:1 7; affine_db f32 drawn:affine1 7");
    o.shapes.count = 0, o.draw = 0;
    runs(o, "workload two, one", "relu_forward f32 two:1 7; relu_forward f32 one:1 7");
    o.workloads.list[1] = "-";
    gb_hear_child(&said, read_standard_input, &o);
    assert_string_equal(said.out, "workload two, stdin; 2 tasks; stdin:1");
    assert_int_equal(said.code, GB_EXIT_OK);
    o.workloads.list[2] = "one", o.workloads.list[3] = "-", o.workloads.count = 4;
    gb_hear_child(&said, read_standard_input, &o);
    assert_string_equal(said.err, "gradbench: error: --workload - is given twice\n");
    assert_int_equal(said.code, GB_EXIT_USAGE);
    o.workloads.list[1] = "on";
    gb_hear(&said, make, &o);
    assert_int_equal(said.code, GB_EXIT_USAGE);
    assert_true(begins(said.err, "gradbench: error: unknown workload 'on'"));
    remove_workloads(folder);
    o.workloads.list[1] = "./nowhere";
    o.workloads.count = 2, o.workloads.list[0] = "./nowhere";
    cannot_make(o, 3, "cannot open workload ./nowhere (No such file or directory)");
    unsetenv("GRADBENCH_WORKLOADS");
}

/* --- memory */

struct look {
    bool raced;
    struct gb_memory memory;
};

static int check(void *data) {
    const struct look *const look = data;
    return gb_plan_check(&plan, look->raced, look->memory);
}

static void fits(bool raced, double bytes) {
    gb_hear(&said, check, &(struct look){raced, {bytes, "here"}});
    assert_string_equal(said.err, "");
    assert_int_equal(said.code, GB_EXIT_OK);
}

static void does_not_fit(bool raced, double bytes, int code, const char *want) {
    gb_hear(&said, check, &(struct look){raced, {bytes, "free in this test"}});
    assert_string_equal(said.err, want);
    assert_int_equal(said.code, code);
}

/* Every problem is looked at, to the byte: the operands, beside which a race keeps three more, a quarter for scratch space,
 * what verifies it, and 32 MiB. */
static void memory(void **state) {
    struct gb_plan_options o = one_shape;
    (void)state;
    o.shapes = (struct gb_texts){.list = {"affine_dx n=1 d=1 m=1", "affine_dx n=1024 d=512 m=256"}, .count = 2};
    makes(o);
    const struct gb_problem_spec *const large = &plan.tasks[1].spec;
    /* dx and what it was at first, dy, w */
    const double operands = 4 * (2 * 1024 * 512 + 1024 * 256 + 512 * 256), copies = (double)gb_verifier_bytes(large);
    assert_true(fabs((double)gb_problem_bytes(large) - operands) < 4096); /* alignment */
    const double bytes = (double)gb_problem_bytes(large), alone = 1.25 * bytes + copies + 33554432,
                 raced = 4.25 * bytes + copies + 33554432;
    fits(false, alone);
    fits(true, raced);
    does_not_fit(false, alone - 1, GB_EXIT_RESOURCE,
                 "gradbench: error: affine_dx n=1024 d=512 m=256 dtype=f32 data=normal seed=1 needs 108 MiB (operands 5.5 MiB, "
                 "the rest to verify it and to work), but 108 MiB are free in this test\n");
    does_not_fit(true, raced - 1, GB_EXIT_RESOURCE,
                 "gradbench: error: affine_dx n=1024 d=512 m=256 dtype=f32 data=normal seed=1 needs 125 MiB (operands 5.5 MiB, "
                 "the rest to verify it and to work), but 125 MiB are free in this test\n");
    plan.tasks[1].spec.n = SIZE_MAX / 2; /* more than can be counted */
    gb_hear(&said, check, &(struct look){false, {1e299, "here"}});
    assert_int_equal(said.code, GB_EXIT_RESOURCE);
    fits(false, 1e300);
    gb_plan_free(&plan);
}

static void peers_are_judged_by_normal_numbers_only(void **state) {
    struct gb_plan_options o = one_shape;
    (void)state;
    o.shapes = (struct gb_texts){.list = {"affine_dx n=1 d=1 m=1", "affine_dx n=1 d=1 m=1 data=tiny"}, .count = 2};
    makes(o);
    fits(false, 1e9);
    does_not_fit(true, 1e9, GB_EXIT_USAGE,
                 "gradbench: error: affine_dx n=1 d=1 m=1 dtype=f32 data=tiny seed=1: a peer's results are judged with "
                 "data=normal only\n");
    gb_plan_free(&plan);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kernels),     cmocka_unit_test(threads),
        cmocka_unit_test(all_threads), cmocka_unit_test(isas),
        cmocka_unit_test(variants),    cmocka_unit_test(peers_are_variants),
        cmocka_unit_test(problems),    cmocka_unit_test(sources),
        cmocka_unit_test(memory),      cmocka_unit_test(peers_are_judged_by_normal_numbers_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
