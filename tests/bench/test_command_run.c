/* gradbench run, whole, on a clock and a machine by script: what it starts and measures in which order, when it ends, what it
 * writes, and its exit codes. Each run is a child, for signals end it. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <linux/perf_event.h>
#include <math.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "command_run.h"
#include "commands.h"
#include "machine.h"
#include "message.h"
#include "support.h"
#include "support_digits.h"
#include "support_file.h"
#include "support_said.h"
#include "text.h"

enum { ACTS = 8, SEEN = 64, ROUNDS = GB_ROUNDS_MIN };

typedef bool act(const struct gb_harness *harness, const struct gb_task *task, struct gb_outcome *outcome);

/* Shared with the child. */
static struct script {
    act *acts[ACTS];   /* what else happens in a problem; NULL: nothing */
    double problem_ns; /* that each takes */
    double read_ns;    /* and each look at the clock */
    double start_ns;   /* and the start of a contender */
    bool no_binding, not_bound, no_roofs, none_is_up;
    double moves;         /* the second time roofs are so many times what they were */
    struct gb_pulse then; /* at the end */
    size_t company_after; /* so many problems; 0: none */
    int signal_in_start;
    const char *terminal; /* for standard error, or */
    bool table_too;       /* for standard output, too */
    char json[64];        /* the result file */
    /* what the child did */
    double now;
    char trace[4096];
    size_t problems, roofs, ticks;
    pid_t pid;
    struct gb_harness harness;
    int stop;          /* as the harness saw it at the start of a problem, or after a signal */
    size_t rows[SEEN]; /* in the result file, then */
    bool measured_isa[GK_ISA_COUNT], measured_dtype[GK_DTYPE_COUNT];
    size_t measured_threads[4], n_measured_threads;
    double roof;         /* in the result file, when it was looked at */
    char part[SEEN];     /* the file of the last process of --repeat */
    bool complete_early; /* it said so before the machine was looked at again */
} * script;

static struct gb_said said;
static char folder[] = "/tmp/gradbench-run-XXXXXX";
static const struct gb_binding *const binding = (const struct gb_binding *)&said;

static void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void note(const char *format, ...) {
    char word[300];
    va_list list;
    va_start(list, format);
    vsnprintf(word, sizeof word, format, list);
    va_end(list);
    gb_text_append(script->trace, sizeof script->trace, "%s%s", script->trace[0] ? " " : "", word);
}

/* --- effects */

static double read_clock(void *self) {
    (void)self;
    return script->now += script->read_ns;
}

static struct gb_binding *create_binding(enum gb_bind where) {
    if (where == GB_BIND_NONE) return NULL;
    note(where == GB_BIND_PU ? "bind(pu)" : "bind");
    return script->no_binding ? NULL : (struct gb_binding *)binding;
}

static bool binding_works(const struct gb_binding *of) {
    note(of == binding ? "works" : "works?");
    return !script->not_bound;
}

static void destroy_binding(struct gb_binding *of) { note(of == binding ? "unbind" : "unbind?"); }

static struct gb_pulse read_pulse(void) {
    note("ticks");
    if (script->ticks++ == 0) return (struct gb_pulse){.ticks = {.all = 1000, .stolen = 100}};
    json_t *const json = json_load_file(script->json, 0, NULL);
    script->complete_early = json_is_true(json_object_get(json, "complete"));
    json_decref(json);
    return script->then;
}

static void warn_company(struct gb_warnings *warnings) {
    if (script->company_after && script->problems == script->company_after) gb_warn(warnings, "company");
}

static bool start_contender(struct gb_contender *contender, const char *command, size_t threads, enum gb_bind bind,
                            double limit_ns) {
    const char *const own = strstr(command, "peer --isa");
    note("start(%s %zu%s %g)", own ? own : command, threads,
         bind == GB_BIND_NONE ? ""
         : bind == GB_BIND_PU ? " bound to pu"
                              : " bound",
         limit_ns);
    *contender = (struct gb_contender){.threads = threads};
    if (strcmp(command, "absent") == 0 || (script->none_is_up && !own)) contender->state = GB_CONTENDER_ABSENT;
    snprintf(contender->reason, sizeof contender->reason, "it is not here");
    snprintf(contender->description, sizeof contender->description, "a program");
    script->now += script->start_ns;
    if (script->signal_in_start) raise(script->signal_in_start);
    return contender->state == GB_CONTENDER_UP;
}

static void end_contender(struct gb_contender *contender) { note("end(%zu)", contender->threads); }

static bool measure_roofs(struct gb_roofs *roofs, struct gb_binding *of, size_t effort, struct gb_warnings *warnings) {
    note("roofs(%zu%s)", effort, of == binding ? "" : " free");
    const double scale = script->roofs++ ? script->moves : 1;
    memcpy(script->measured_isa, roofs->isas, sizeof roofs->isas);
    memcpy(script->measured_dtype, roofs->dtypes, sizeof roofs->dtypes);
    memcpy(script->measured_threads, roofs->threads, sizeof script->measured_threads);
    script->n_measured_threads = roofs->n_threads;
    if (script->roofs == 1) gb_warn(warnings, "a busy machine");
    for (size_t t = 0; t < roofs->n_threads; t++) {
        for (size_t isa = 0; isa < GK_ISA_COUNT; isa++)
            for (int dtype = 0; dtype < GK_DTYPE_COUNT; dtype++) roofs->fma[isa][dtype][t] = 100 * scale;
        for (int level = 0; level < GB_LEVEL_COUNT; level++)
            roofs->bandwidth[t][level] = (struct gb_bandwidth){50, 50, 50, 50, 50};
    }
    return !script->no_roofs;
}

/* In the result file as it is now; 0: there is none. */
static size_t rows_written(const char *path) {
    json_t *const json = json_load_file(path, 0, NULL);
    const size_t count = json_array_size(json_object_get(json, "results"));
    json_decref(json);
    return count;
}

/* All are right and timed: 1000 FLOPs in 100 ns. */
static bool run_problem(const struct gb_harness *h, const struct gb_task *task, struct gb_outcome *outcome) {
    const size_t k = script->problems++, count = h->plan->n_variants;
    note("%s", gk_kernel_get(task->spec.kernel)->name);
    script->harness = *h;
    script->stop = *h->stop;
    if (k < SEEN) script->rows[k] = rows_written(script->json);
    *outcome = (struct gb_outcome){.task = task,
                                   .huge = NAN,
                                   .kernel = gk_kernel_get(task->spec.kernel),
                                   .measures = calloc(count, sizeof *outcome->measures),
                                   .storage = calloc(count * ROUNDS, sizeof *outcome->storage),
                                   .work = {.flops = 1000, .read = 1, .products = true, .footprint = 1},
                                   .bytes = 1,
                                   .rounds = ROUNDS};
    for (size_t v = 0; v < count; v++) {
        double *const samples = outcome->storage + v * ROUNDS;
        for (size_t i = 0; i < ROUNDS; i++) samples[i] = 100;
        outcome->measures[v] = (struct gb_measure){.state = GB_STATE_TIMED,
                                                   .verified = GB_VERIFIED_FULL,
                                                   .threads_asked = 1,
                                                   .threads_used = 1,
                                                   .iterations = 1,
                                                   .samples = samples,
                                                   .summary = {ROUNDS, 100, 100, 100, 100},
                                                   .share = {.limit = "fma", .fraction = 0.1}};
    }
    script->now += script->problem_ns;
    return k < ACTS && script->acts[k] ? script->acts[k](h, task, outcome) : true;
}

static const struct gb_clock clock_by_script = {read_clock, NULL};
static const struct gb_effects measuring = {.clock = &clock_by_script, .start = start_contender, .end = end_contender};
static int open_counter(const struct perf_event_attr *attr, int group) {
    (void)group;
    note("counter");
    return attr->type == PERF_TYPE_SOFTWARE && attr->config == PERF_COUNT_SW_PAGE_FAULTS ? 1 : -ENOSYS;
}

static void close_counter(int fd) { note("close %d", fd); }

static const struct gb_perf perf = {.open = open_counter, .close = close_counter, .root = ""};

static int run_again(const char *const *words);

static const struct gb_run_effects effects = {
    .perf = &perf,
    .measuring = &measuring,
    .binding_create = create_binding,
    .binding_works = binding_works,
    .binding_destroy = destroy_binding,
    .pulse = read_pulse,
    .warn_company = warn_company,
    .measure_roofs = measure_roofs,
    .again = run_again,
    .run = run_problem,
};

/* --- runs */

static void take_terminal(void) {
    const int fd = open(script->terminal, O_RDWR | O_NOCTTY);
    if (fd < 0) _exit(99);
    dup2(fd, STDERR_FILENO);
    if (script->table_too) dup2(fd, STDOUT_FILENO);
    close(fd);
}

/* A process of --repeat: its words but for the file are noted, and what it prints goes nowhere. */
static int run_again(const char *const *words) {
    char text[200] = "";
    int status;
    for (size_t i = 2; words[i]; i++) gb_text_append(text, sizeof text, "%s%s", i == 2 ? "" : " ", i == 5 ? "FILE" : words[i]);
    note("again(%s)", text);
    snprintf(script->part, sizeof script->part, "%s", words[5]);
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        if (!freopen("/dev/null", "w", stdout)) _exit(99);
        _exit(gb_run_by(&effects, gb_count_words((char *const *)(words + 2)), (char **)(words + 2)));
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
    return status;
}

static int run_in_child(void *words) {
    script->pid = getpid();
    signal(SIGSEGV, SIG_DFL); /* by cmocka's handler the child would go on with the next test */
    if (script->terminal) take_terminal();
    return gb_run_by(&effects, gb_count_words(words), words);
}

static void hear(const char *const *words) {
    script->now = 5e9;
    script->trace[0] = '\0';
    script->problems = script->roofs = script->ticks = 0;
    gb_hear_child(&said, run_in_child, (void *)words);
}

/* ref on one thread, of one kernel a line. */
#define SMALL     "--isa", "ref", "--threads", "1", "--kernels", "relu_forward"
#define HEAR(...) hear((const char *const[]){__VA_ARGS__, NULL})
#define ONE       "--shape", "relu n=2 d=3 name=one"
#define THREE     "--shape", "relu n=1..3 d=3 name=all"

static int set_up(void **state) {
    (void)state;
    memset(script, 0, sizeof *script);
    script->then = (struct gb_pulse){.ticks = {.all = 2000, .stolen = 101}};
    script->moves = 1;
    snprintf(script->json, sizeof script->json, "%s/result.json", folder);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    unlink(script->json);
    rmdir(script->json);
    return 0;
}

static void assert_said(const char *text) {
    if (!strstr(said.out, text)) fail_msg("no '%s' in:\n%s%s", text, said.out, said.err);
}

static void assert_silent_of(const char *text) {
    if (strstr(said.out, text) || strstr(said.err, text)) fail_msg("'%s' in:\n%s%s", text, said.out, said.err);
}

static void assert_good(void) {
    assert_string_equal(said.err, "");
    assert_int_equal(said.code, GB_EXIT_OK);
}

static void assert_error(int code, const char *message) {
    char line[700];
    snprintf(line, sizeof line, "gradbench: error: %s\n", message);
    assert_string_equal(said.err, line);
    assert_int_equal(said.code, code);
}

/* The result file, to be given back. */
static json_t *load(bool complete, size_t rows) {
    json_t *const json = json_load_file(script->json, 0, NULL);
    assert_non_null(json);
    assert_int_equal(json_is_true(json_object_get(json, "complete")), complete);
    assert_int_equal(json_array_size(json_object_get(json, "results")), rows);
    return json;
}

static void assert_written(bool complete, size_t rows) { json_decref(load(complete, rows)); }

static double number_of(const json_t *json, const char *list, size_t i, const char *name) {
    return json_number_value(json_object_get(json_array_get(json_object_get(json, list), i), name));
}

/* --- order and settings */

static void each_thing_in_its_turn(void **state) {
    (void)state;
    HEAR(SMALL, THREE);
    assert_good();
    assert_string_equal(script->trace,
                        "bind ticks roofs(7) relu_forward relu_forward relu_forward roofs(5) works ticks unbind");
    assert_said("3 of 3 problems run; 3 cells timed, each verified first (0 on a sample)");
    assert_silent_of("warning: not");
    assert_null(script->harness.judge);
    assert_ptr_equal(script->harness.effects, &measuring);
    assert_ptr_equal(script->harness.binding, binding);
    assert_int_equal(script->stop, 0);
    const struct gk_caches *const caches = &gb_machine_get()->caches;
    assert_memory_equal(&script->harness.caches, caches, sizeof *caches);
    HEAR(SMALL, ONE, "--bind", "none");
    assert_good();
    assert_string_equal(script->trace, "ticks roofs(7 free) relu_forward roofs(5 free) ticks");
    assert_null(script->harness.binding);
    HEAR(SMALL, ONE, "--quick");
    assert_good();
    assert_string_equal(script->trace, "bind ticks roofs(3) relu_forward works ticks unbind");
}

static void a_race_starts_first_and_ends_after_the_last_problem(void **state) {
    (void)state;
    HEAR(SMALL, ONE, "--peer", "own=up");
    assert_good();
    assert_string_equal(script->trace,
                        "bind start(up 1 bound 6e+10) start(peer --isa ref --threads 1 1 bound 6e+10) "
                        "start(peer --isa ref --threads 1 1 bound 6e+10) ticks roofs(7) relu_forward end(1) end(1) end(1) "
                        "roofs(5) works ticks end(1) end(1) end(1) unbind");
    assert_non_null(script->harness.judge);
    assert_said("\npeer own: a program\n");
    assert_said("\npeers: 1 cell timed, ");
    HEAR(SMALL, ONE, "--peer", "own=up", "--bind", "none", "--peer-limit", "0.5", "--quick");
    assert_good();
    assert_memory_equal(script->trace, "start(up 1 5e+08) ", 18);
}

static void settings(void **state) {
    static const struct {
        const char *words[7];
        size_t rounds;
        double sample_ns, budget_ns, limit_ns;
        uint64_t seed;
        const char *says;
        double precision;
    } cases[] = {
        {{ONE}, 31, 1e6, 1.5e9, 60e9, 1, "up to 31 rounds; seed 1\n", 0},
        {{ONE, "--quick"}, 11, 0.1e6, 0.05e9, 60e9, 1, "up to 11 rounds; seed 1\n", 0},
        {{ONE, "--quick", "--rounds", "6", "--max-time", "0.001"}, 6, 0.1e6, 1e6, 60e9, 1, "up to 6 rounds; seed 1\n", 0},
        {{ONE, "--rounds", "1001", "--max-time", "1e6"}, 1001, 1e6, 1e15, 60e9, 1, "up to 1001 rounds", 0},
        {{ONE, "--peer-limit", "0.01", "--seed", "0"}, 31, 1e6, 1.5e9, 0.01e9, 0, "rounds; seed 0\n", 0},
        {{ONE, "--peer-limit", "1e6", "--seed", "9007199254740992"}, 31, 1e6, 1.5e9, 1e15, 9007199254740992, "seed 9007", 0},
        {{ONE, "--precision", "1"}, 1001, 1e6, 1.5e9, 60e9, 1, "up to 1001 rounds", 0.01},
        {{ONE, "--precision", "0.5", "--rounds", "50"}, 50, 1e6, 1.5e9, 60e9, 1, "up to 50 rounds", 0.005},
        {{"--workload", "smoke"}, 31, 1e6, 1.5e9, 60e9, 1, "workload smoke: 2 problems;", 0},
        {{"--workload", "smoke", "--quick"}, 11, 0.1e6, 0.05e9, 60e9, 1, "workload smoke: 2 problems;", 0},
        {{"--quick"}, 11, 0.1e6, 0.05e9, 60e9, 1, "workload smoke: 2 problems;", 0},
        {{NULL}, 31, 1e6, 1.5e9, 60e9, 1, "workload default: ", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *words[16] = {SMALL};
        memcpy(words + 6, cases[i].words, sizeof cases[i].words);
        hear(words);
        assert_good();
        assert_said(cases[i].says);
        const struct gb_harness *const h = &script->harness;
        assert_int_equal(h->rounds, cases[i].rounds);
        assert_true(h->sample_ns == cases[i].sample_ns && fabs(h->budget_ns - cases[i].budget_ns) < 1);
        assert_true(fabs(h->limit_ns - cases[i].limit_ns) < 1);
        assert_true(h->seed == cases[i].seed && h->precision == cases[i].precision);
    }
    HEAR("--isa", "ref", "--threads", "1", "--draw", "2");
    assert_said("\n2 drawn by seed 1: ");
}

static void assert_bound(const char *where) {
    json_t *const json = load(true, 1);
    const json_t *const context = json_object_get(json, "context");
    assert_string_equal(json_string_value(json_object_get(context, "bind")), where);
    json_decref(json);
}

static bool is_little_huge(const struct gb_harness *h, const struct gb_task *task, struct gb_outcome *outcome) {
    (void)h, (void)task;
    outcome->huge = 0.89;
    return true;
}

static bool is_mostly_huge(const struct gb_harness *h, const struct gb_task *task, struct gb_outcome *outcome) {
    (void)h, (void)task;
    outcome->huge = 0.9;
    return true;
}

/* Less than was asked for, where it was. */
static void few_huge_pages_are_told(void **state) {
    (void)state;
    script->acts[0] = is_mostly_huge;
    HEAR(SMALL, THREE, "--huge-pages", "on");
    assert_silent_of("was in huge pages");
    script->acts[1] = script->acts[2] = is_little_huge;
    HEAR(SMALL, THREE, "--huge-pages", "on");
    assert_said("\nwarning: of 2 problems less than 90 % was in huge pages, with --huge-pages on\n");
}

static void where_operands_lie(void **state) {
    static const char *const words[] = {"auto", "on", "off"};
    static const char none[] = "--huge-pages on makes none: ";
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        HEAR(SMALL, ONE, "--json", script->json, "--huge-pages", words[i]);
        assert_good();
        assert_int_equal(script->harness.placing.huge_pages, i);
        assert_int_equal(script->harness.placing.threads, 0); /* of one thread */
        json_t *const json = load(true, 1);
        const json_t *const context = json_object_get(json, "context");
        assert_string_equal(json_string_value(json_object_get(context, "huge_pages")), words[i]);
        json_decref(json);
        if (i == 1 && gb_huge_pages_never("")) assert_said(none);
        else assert_silent_of(none);
        HEAR(SMALL, ONE, "--huge-pages", words[i], "--peer", "own=up");
        if (i == 0) assert_good();
        else assert_int_equal(said.code, GB_EXIT_USAGE);
    }
    assert_error(GB_EXIT_USAGE, "--huge-pages off races no peers: of the memory that they share shmem_enabled decides");
    HEAR("--isa", "ref", "--threads", "1,3", "--kernels", "relu_forward", ONE);
    assert_int_equal(script->harness.placing.threads, gb_machine_get()->numa_nodes > 1 ? 3 : 0);
    HEAR("--isa", "ref", "--threads", "1,3", "--kernels", "relu_forward", ONE, "--bind", "none");
    assert_int_equal(script->harness.placing.threads, 0);
}

static void where_threads_are_bound(void **state) {
    (void)state;
    HEAR(SMALL, ONE, "--json", script->json);
    assert_bound("core");
    HEAR(SMALL, ONE, "--json", script->json, "--bind", "core");
    assert_bound("core");
    HEAR(SMALL, ONE, "--json", script->json, "--bind", "none");
    assert_bound("none");
    HEAR(SMALL, ONE, "--json", script->json, "--bind", "pu");
    assert_bound("pu");
    HEAR(SMALL, ONE, "--peer", "own=up", "--bind", "pu");
    assert_memory_equal(script->trace, "bind(pu) ", 9);
    assert_non_null(strstr(script->trace, "start(peer --isa ref --threads 1 1 bound to pu 6e+10)"));
    script->no_binding = true;
    HEAR(SMALL, ONE, "--json", script->json, "--bind", "core");
    assert_bound("none");
}

static void assert_cache(const char *state) {
    json_t *const json = load(true, 1);
    const json_t *const row = json_array_get(json_object_get(json, "results"), 0);
    assert_string_equal(json_string_value(json_object_get(row, "cache")), state);
    json_decref(json);
}

/* How many copies a problem needs is a matter of this machine's cache: of the smallest always too many. */
static void hot_or_cold(void **state) {
    static const char large[] = "relu n=1000 d=1000";
    (void)state;
    HEAR(SMALL, "--shape", large, "--json", script->json);
    assert_good();
    assert_cache("hot");
    HEAR(SMALL, "--shape", large, "--json", script->json, "--cache", "hot");
    assert_good();
    assert_cache("hot");
    HEAR(SMALL, "--shape", large, "--json", script->json, "--cache", "cold");
    assert_good();
    assert_cache("cold");
    HEAR(SMALL, "--shape", large, "--cache", "cold", "--peer", "own=up");
    assert_error(GB_EXIT_USAGE, "--cache cold races no peers: a contender has one set of operands");
    HEAR(SMALL, "--shape", "relu n=1 d=1", "--cache", "cold");
    assert_int_equal(said.code, GB_EXIT_USAGE);
    assert_non_null(strstr(said.err, "is too small for --cache cold: "));
    HEAR(SMALL, ONE, "--cache", "warm");
    assert_int_equal(said.code, GB_EXIT_USAGE);
}

static void what_is_out_of_range_is_refused(void **state) {
    static const char *const cases[][3] = {
        {"--peer-limit", "0.0099", "--peer-limit must be a number from 0.01 to 1e+06 (got '0.0099')"},
        {"--peer-limit", "1000001", "--peer-limit must be a number from 0.01 to 1e+06 (got '1000001')"},
        {"--rounds", "5", "--rounds must be a whole number from 6 to 1001 (got '5')"},
        {"--rounds", "1002", "--rounds must be a whole number from 6 to 1001 (got '1002')"},
        {"--max-time", "0.00099", "--max-time must be a number from 0.001 to 1e+06 (got '0.00099')"},
        {"--max-time", "1000001", "--max-time must be a number from 0.001 to 1e+06 (got '1000001')"},
        {"--precision", "0", "--precision must be a number from 0.01 to 100 (got '0')"},
        {"--precision", "101", "--precision must be a number from 0.01 to 100 (got '101')"},
        {"--seed", "-1", "--seed must be a whole number from 0 to 9007199254740992 (got '-1')"},
        {"--seed", "9007199254740993", "--seed must be a whole number from 0 to 9007199254740992 (got '9007199254740993')"},
        {"--repeat", "1", "--repeat must be a whole number from 2 to 64 (got '1')"},
        {"--repeat", "65", "--repeat must be a whole number from 2 to 64 (got '65')"},
        {"--shift", "4096", "--shift must be a whole number from 0 to 4095 (got '4096')"},
        {"--draw", "0", "--draw must be a whole number from 1 to 1000 (got '0')"},
        {"--draw", "1001", "--draw must be a whole number from 1 to 1000 (got '1001')"},
        {"--peers", "none,all", "none stands alone in --peers (got 'none,all')"},
        {"--dtype", "f16", "unknown type 'f16' in --dtype (allowed: f32, f64)"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        HEAR(SMALL, ONE, cases[i][0], cases[i][1]);
        assert_error(GB_EXIT_USAGE, cases[i][2]);
        assert_string_equal(said.out, "");
        assert_string_equal(script->trace, "");
    }
    HEAR(SMALL, "--shape", "relu n=2 d=3 data=tiny");
    assert_good();
    HEAR(SMALL, "--shape", "relu n=2 d=3 data=tiny", "--peer", "own=up");
    assert_error(GB_EXIT_USAGE,
                 "relu_forward n=2 d=3 dtype=f32 data=tiny seed=1: a peer's results are judged with data=normal only");
    assert_string_equal(script->trace, "");
}

static int takes(void *words) {
    int code = 77;
    return gb_run_takes(gb_count_words(words), words, &code) ? 99 : code;
}

static void help_says_all(void **state) {
    static const char *const words[] = {"usage: gradbench run [options]\n\nVerifies each kernel, instruction set",
                                        "\n  --workload NAME ",
                                        "\n  --no-color ",
                                        "\n\nA LINE is a kernel or family, ",
                                        "dtype=f64. Options:\n  dtype=f32|f64 ",
                                        "\n  seed=0..9007199254740992 ",
                                        "\n\n--json FILE is replaced after each problem",
                                        "\n\nA ratio is the median over rounds "};
    (void)state;
    HEAR("--help");
    assert_good();
    const char *at = said.out;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        at = strstr(at, words[i]);
        if (!at) fail_msg("no '%s' in:\n%s", words[i], said.out);
    }
    assert_string_equal(script->trace, "");
}

static void words_can_be_asked_about(void **state) {
    (void)state;
    gb_hear(&said, takes, (char *[]){"--quick", "--shape", "nonsense", NULL});
    assert_int_equal(said.code, 99);
    gb_hear(&said, takes, (char *[]){"--quick", "--rounds", "5", NULL});
    assert_error(GB_EXIT_USAGE, "--rounds must be a whole number from 6 to 1001 (got '5')");
}

/* All that the plan has, and nothing else. */
static void roofs_are_those_of_the_plan(void **state) {
    (void)state;
    HEAR("--isa", "ref", "--threads", "1,2", "--kernels", "relu_forward", "--dtype", "f64", ONE);
    assert_good();
    for (size_t i = 0; i < GK_ISA_COUNT; i++) assert_int_equal(script->measured_isa[i], i == 0);
    assert_int_equal(script->measured_dtype[GK_F32], false);
    assert_int_equal(script->measured_dtype[GK_F64], true);
    assert_int_equal(script->n_measured_threads, 2);
    assert_int_equal(script->measured_threads[0], 1);
    assert_int_equal(script->measured_threads[1], 2);
    HEAR(SMALL, ONE);
    assert_int_equal(script->measured_dtype[GK_F32], true);
    assert_int_equal(script->measured_dtype[GK_F64], false);
}

/* --- the time that a quick run has */

/* Nothing starts after 7 s, but for shapes that were asked for. The race's start does not count. */
static void a_quick_run_ends(void **state) {
    static const struct {
        double problem_ns;
        size_t run;
    } cases[] = {{1, 12}, {3.5e9, 3}, {3.5e9 - 1, 3}, {3.5e9 + 1, 2}, {7e9, 2}, {7e9 + 1, 1}, {0.7e9, 11}};
    const char *const notice = "--quick starts no problem after 7 s, and leaves the rest out";
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char counts[60];
        script->problem_ns = cases[i].problem_ns;
        script->start_ns = 100e9;
        HEAR("--isa", "ref", "--threads", "1", "--kernels", "affine_d*", "--workload", "smoke", "--quick", "--peer", "own=up",
             "--json", script->json);
        assert_good();
        snprintf(counts, sizeof counts, "\n%zu of 12 problems run; ", cases[i].run);
        assert_said(counts);
        if (cases[i].run == 12) assert_silent_of(notice);
        else assert_said(notice);
        assert_written(cases[i].run == 12, 2 * cases[i].run);
    }
    script->problem_ns = 100e9;
    HEAR(SMALL, THREE, "--quick");
    assert_good();
    assert_said("3 of 3 problems run");
    HEAR(SMALL, "--workload", "smoke");
    assert_good();
    assert_said("2 of 2 problems run");
    assert_silent_of(notice);
}

/* --- the result file */

/* Writing takes a step of the clock, so 20 come before the next time: of problems that take one each, the 20th. */
static void saving_takes_its_share(void **state) {
    (void)state;
    script->read_ns = 1e6;
    HEAR(SMALL, "--shape", "relu n=1..45 d=3", "--json", script->json);
    assert_good();
    for (size_t k = 0; k < 45; k++) assert_int_equal(script->rows[k], k == 0 ? 0 : k < 21 ? 1 : k < 41 ? 21 : 41);
    assert_written(true, 45);
    script->read_ns = 0;
    unlink(script->json);
    HEAR(SMALL, THREE, "--json", script->json);
    for (size_t k = 0; k < 3; k++) assert_int_equal(script->rows[k], k);
    assert_false(script->complete_early);
    assert_written(true, 3);
}

/* What is told apart: hosts, and the processes of one. */
static void a_file_may_be_named_by_its_process(void **state) {
    static const char *const ranks[] = {"SLURM_PROCID", "PMI_RANK", "PMIX_RANK", "OMPI_COMM_WORLD_RANK"}; /* the last counts */
    char host[200], pattern[300], path[600];
    (void)state;
    assert_int_equal(gethostname(host, sizeof host), 0);
    snprintf(pattern, sizeof pattern, "%s/100%%%%-%%h-%%p", folder);
    for (int i = 0; i < 4; i++) {
        char rank[2] = {(char)('1' + i)};
        setenv(ranks[i], rank, 1);
        HEAR(SMALL, ONE, "--json", pattern);
        assert_good();
        snprintf(path, sizeof path, "%s/100%%-%s-%s", folder, host, rank);
        assert_int_equal(unlink(path), 0);
    }
    for (int i = 0; i < 4; i++) setenv(ranks[i], i % 2 ? "" : "x1", 1); /* no number: none */
    HEAR(SMALL, ONE, "--json", pattern);
    assert_good();
    snprintf(path, sizeof path, "%s/100%%-%s-%d", folder, host, (int)script->pid);
    assert_int_equal(unlink(path), 0);
    for (int i = 0; i < 4; i++) unsetenv(ranks[i]);
    HEAR(SMALL, ONE, "--json", "%h%x");
    assert_error(GB_EXIT_USAGE, "unknown %x in --json (allowed: %h, the host, %p, the process, %%)");
    HEAR(SMALL, ONE, "--json", "50%");
    assert_error(GB_EXIT_USAGE, "unknown % in --json (allowed: %h, the host, %p, the process, %%)");
    static char longest[GB_PATH_MAX + 1];
    memset(longest, 'x', GB_PATH_MAX);
    HEAR(SMALL, ONE, "--json", longest);
    assert_int_equal(said.code, GB_EXIT_RESOURCE);
    assert_non_null(strstr(said.err, "xxx (File name too long)"));
    snprintf(path, sizeof path, "cannot write %s/none/file (No such file or directory)", folder);
    snprintf(pattern, sizeof pattern, "%s/none/file", folder);
    HEAR(SMALL, ONE, "--json", pattern);
    assert_error(GB_EXIT_RESOURCE, path);
}

static void json_takes_standard_output(void **state) {
    (void)state;
    HEAR(SMALL, THREE, "--json", "-");
    assert_int_equal(said.code, GB_EXIT_OK);
    json_t *const json = json_loads(said.out, 0, NULL);
    assert_non_null(json);
    assert_true(json_is_true(json_object_get(json, "complete")));
    assert_int_equal(json_array_size(json_object_get(json, "results")), 3);
    assert_int_equal(number_of(json, "results", 0, "median_ns"), 100);
    json_decref(json);
    assert_non_null(strstr(said.err, "3 of 3 problems run"));
    assert_non_null(strstr(said.err, "roofs, measured here"));
}

static void a_file_that_cannot_be_written_is_refused_first(void **state) {
    char message[200];
    (void)state;
    mkdir(script->json, 0700);
    snprintf(message, sizeof message, "cannot write %s (Is a directory)", script->json);
    HEAR(SMALL, ONE, "--json", script->json);
    assert_error(GB_EXIT_RESOURCE, message);
    assert_string_equal(script->trace, "");
    assert_string_equal(said.out, "");
}

static bool make_folder(const struct gb_harness *h, const struct gb_task *task, struct gb_outcome *outcome) {
    (void)h, (void)task, (void)outcome;
    unlink(script->json);
    return mkdir(script->json, 0700) == 0;
}

static bool fails_and_make_folder(const struct gb_harness *h, const struct gb_task *task, struct gb_outcome *outcome) {
    outcome->measures[0].state = GB_STATE_FAILED;
    return make_folder(h, task, outcome);
}

/* No problem starts after that; what there is is told, and the file is not tried again. */
static void a_file_that_is_lost_ends_the_run(void **state) {
    char message[200];
    (void)state;
    snprintf(message, sizeof message, "cannot write %s (Is a directory)", script->json);
    for (size_t failing = 0; failing < 2; failing++) {
        script->acts[1] = failing ? fails_and_make_folder : make_folder;
        HEAR(SMALL, THREE, "--json", script->json);
        assert_error(GB_EXIT_RESOURCE, message);
        assert_said("2 of 3 problems run");
        rmdir(script->json);
    }
    script->acts[1] = NULL;
    script->acts[2] = make_folder; /* in the last */
    HEAR(SMALL, THREE, "--json", script->json);
    assert_error(GB_EXIT_RESOURCE, message);
    assert_said("3 of 3 problems run");
}

static int run_without_report(const void *words) {
    const int nowhere = open("/dev/null", O_WRONLY);
    dup2(nowhere, STDOUT_FILENO);
    close(nowhere);
    return run_in_child((void *)words);
}

static bool limit_files(const struct gb_harness *h, const struct gb_task *task, struct gb_outcome *outcome) {
    (void)h, (void)task, (void)outcome;
    return setrlimit(RLIMIT_FSIZE, &(struct rlimit){100, 100}) == 0;
}

/* Only the result file reaches the limit: the report goes nowhere, and errors to a pipe. */
static void a_file_that_may_grow_no_more_is_an_error(void **state) {
    const char *const words[] = {SMALL, ONE, "--json", script->json, NULL};
    char text[400], line[200];
    (void)state;
    script->acts[0] = limit_files;
    snprintf(line, sizeof line, "gradbench: error: cannot write %s (File too large)\n", script->json);
    assert_int_equal(gb_child_run(run_without_report, words, text, sizeof text), GB_EXIT_RESOURCE);
    assert_string_equal(text, line);
}

/* --- signals */

static int signal_sent;

static bool send_signal(const struct gb_harness *h, const struct gb_task *task, struct gb_outcome *outcome) {
    (void)task, (void)outcome;
    raise(signal_sent);
    script->stop = *h->stop;
    return true;
}

static bool send_signal_and_cut_off(const struct gb_harness *h, const struct gb_task *task, struct gb_outcome *outcome) {
    (void)h, (void)task;
    raise(signal_sent);
    outcome->rounds = 0;
    outcome->measures[0].state = GB_STATE_SKIPPED;
    return true;
}

static bool send_signal_and_fail(const struct gb_harness *h, const struct gb_task *task, struct gb_outcome *outcome) {
    outcome->measures[0].state = GB_STATE_FAILED;
    return send_signal(h, task, outcome);
}

static bool no_rounds(const struct gb_harness *h, const struct gb_task *task, struct gb_outcome *outcome) {
    (void)h, (void)task;
    outcome->rounds = 0;
    outcome->measures[0].state = GB_STATE_NOT_TIMED;
    return true;
}

/* It ends after the problem that is on, in order: what was measured is printed and written, and nothing is measured again. */
static void a_signal_ends_the_run_in_order(void **state) {
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        signal_sent = signals[i];
        script->acts[1] = i == 2 ? send_signal_and_fail : send_signal;
        HEAR(SMALL, THREE, "--json", script->json, "--peer", "own=up");
        assert_int_equal(said.code, 100 + signals[i]);
        assert_string_equal(said.err, "gradbench: interrupted, 2 of 3 problems\n");
        assert_said("2 of 3 problems run");
        assert_written(false, 4);
        assert_int_equal(script->stop, signals[i]);
        const char *const from = strstr(script->trace, "ticks");
        assert_string_equal(from, "ticks roofs(7) relu_forward relu_forward end(1) end(1) end(1) works ticks "
                                  "end(1) end(1) end(1) unbind");
    }
    signal_sent = SIGINT;
    script->acts[1] = NULL;
    script->acts[2] = send_signal; /* in the last: it is not complete, for the machine was not looked at again */
    HEAR(SMALL, THREE, "--json", script->json);
    assert_int_equal(said.code, 100 + SIGINT);
    assert_string_equal(said.err, "gradbench: interrupted, 3 of 3 problems\n");
    assert_written(false, 3);
}

/* A problem without a round is left out, but not where it is so without a signal. */
static act is_noisy, fails;

#define RESUMED "--json", script->json, "--resume"

/* What the file holds is not run again, but for the last problem before the run was cut off; the whole is as of one run. */
static void a_run_goes_on_where_it_was(void **state) {
    (void)state;
    HEAR(SMALL, THREE, RESUMED); /* there is no file */
    assert_good();
    assert_int_equal(script->problems, 3);
    assert_written(true, 3);
    signal_sent = SIGINT;
    script->acts[1] = send_signal;
    unlink(script->json);
    HEAR(SMALL, THREE, RESUMED);
    assert_int_equal(said.code, 100 + SIGINT);
    assert_written(false, 2);
    script->acts[0] = script->acts[1] = is_noisy;
    HEAR(SMALL, THREE, RESUMED);
    assert_good();
    assert_int_equal(script->problems, 2);
    assert_said("3 of 3 problems run; 3 cells timed");
    assert_said("warning: 1 of 3 problems were kept from 2");
    assert_int_equal(gb_count_in(said.out, "\n forward "), 3);
    assert_written(true, 3);
    script->acts[0] = script->acts[1] = NULL;
    HEAR(SMALL, THREE, RESUMED);
    assert_good();
    assert_int_equal(script->problems, 0);
    json_t *const json = load(true, 3);
    assert_int_equal(json_array_size(json_object_get(json_object_get(json, "context"), "null_pairs")), 2);
    for (size_t k = 0; k < 3; k++) assert_true(number_of(json, "results", k, "median_ns") == 100);
    json_decref(json);
    assert_int_equal(gb_count_in(said.out, "\n forward "), 3);
    assert_said("again: gradbench run");
    script->acts[0] = fails; /* what failed before has failed */
    unlink(script->json);
    HEAR(SMALL, THREE, RESUMED);
    assert_int_equal(said.code, GB_EXIT_CHECK);
    HEAR(SMALL, THREE, RESUMED);
    assert_int_equal(script->problems, 0);
    assert_int_equal(said.code, GB_EXIT_CHECK);
}

static json_t *context_of(json_t *json, const char *name) { return json_object_get(json_object_get(json, "context"), name); }

/* A run of which all is kept measures nothing, roofs neither: all of it is as it was then. */
static void what_is_kept_whole_is_not_measured(void **state) {
    (void)state;
    HEAR(SMALL, THREE, "--json", script->json);
    json_t *const before = load(true, 3);
    script->moves = 2;
    HEAR(SMALL, THREE, RESUMED);
    assert_good();
    assert_int_equal(script->problems + script->roofs, 0);
    assert_said("\nall problems were kept from 2");
    assert_said("\n  move in L2       ");
    json_t *const after = load(true, 3);
    assert_true(json_equal(context_of(before, "roofs"), context_of(after, "roofs")));
    assert_true(json_equal(context_of(before, "warnings"), context_of(after, "warnings")));
    assert_true(json_equal(json_object_get(before, "results"), json_object_get(after, "results")));
    json_decref(before);
    json_decref(after);
}

/* The file is as it was, and nothing is measured. */
static void a_file_of_another_run_is_refused(void **state) {
    static const struct {
        const char *words[11], *told;
    } cases[] = {
        {{SMALL, ONE, "--seed", "2"}, ": settings '"},
        {{SMALL, ONE, "--rounds", "7"}, ": settings '"},
        {{SMALL, ONE, "--bind", "none"}, ": settings '"},
        {{SMALL, ONE, "--huge-pages", "off"}, ": settings '"},
        {{SMALL, "--shape", "relu n=2 d=4 name=one"}, "it has rows that this one has not"},
        {{SMALL, "--shape", "relu n=2 d=3 name=other"}, "it has rows that this one has not"},
        {{"--isa", "ref", "--threads", "2", "--kernels", "relu_forward", ONE}, ": settings '"},
        {{"--isa", "ref", "--threads", "1,2", "--kernels", "relu_forward", ONE}, ": settings '"},
    };
    size_t size, size_after;
    (void)state;
    HEAR(SMALL, ONE, "--json", script->json);
    char *const before = support_file_read(script->json, &size);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *words[16] = {NULL};
        size_t n = 0;
        while (cases[i].words[n]) words[n] = cases[i].words[n], n++;
        words[n] = "--json", words[n + 1] = script->json, words[n + 2] = "--resume";
        hear(words);
        assert_int_equal(said.code, GB_EXIT_INPUT);
        assert_non_null(strstr(said.err, "is of another run: "));
        assert_non_null(strstr(said.err, cases[i].told));
        assert_int_equal(script->problems + script->roofs, 0);
    }
    char *const after = support_file_read(script->json, &size_after);
    assert_true(size == size_after && memcmp(before, after, size) == 0);
    for (const char *const *change = (const char *const[]){"\"host\": \"", "\"cpu\": \"", "\"revision\": \"", NULL}; *change;
         change++) {
        char *const at = strstr(before, *change) + strlen(*change), letter = *at;
        *at = '~';
        support_write(script->json, before, size);
        HEAR(SMALL, ONE, RESUMED);
        assert_int_equal(said.code, GB_EXIT_INPUT);
        assert_non_null(strstr(said.err, " '~"));
        *at = letter;
    }
    support_write(script->json, before, size / 2);
    HEAR(SMALL, ONE, RESUMED);
    assert_int_equal(said.code, GB_EXIT_INPUT);
    assert_string_equal(script->trace, "");
    support_write(script->json, before, size);
    HEAR(SMALL, ONE, RESUMED);
    assert_good();
    assert_int_equal(script->problems, 0);
    free(before);
    free(after);
    unlink(script->json);
    script->none_is_up = true;
    HEAR(SMALL, ONE, RESUMED, "--peer", "own=up");
    script->none_is_up = false;
    HEAR(SMALL, ONE, RESUMED, "--peer", "own=up");
    assert_int_equal(said.code, GB_EXIT_INPUT);
    assert_non_null(strstr(said.err, ": peer 'absent', here 'own'"));
    HEAR(SMALL, ONE, "--resume");
    assert_error(GB_EXIT_USAGE, "--resume needs a file (--json FILE)");
    HEAR(SMALL, ONE, "--resume", "--json", "-");
    assert_error(GB_EXIT_USAGE, "--resume needs a file (--json FILE)");
}

static void a_problem_that_was_cut_off_does_not_count(void **state) {
    (void)state;
    signal_sent = SIGINT;
    script->acts[1] = send_signal_and_cut_off;
    HEAR(SMALL, THREE, "--json", script->json);
    assert_int_equal(said.code, 100 + SIGINT);
    assert_string_equal(said.err, "gradbench: interrupted, 1 of 3 problems\n");
    assert_said("1 of 3 problems run");
    assert_written(false, 1);
    script->acts[0] = send_signal_and_cut_off;
    HEAR(SMALL, ONE, "--quick");
    assert_int_equal(said.code, 100 + SIGINT);
    assert_string_equal(said.err, "gradbench: interrupted, 0 of 1 problem\n");
    assert_silent_of("--quick starts");
    script->acts[0] = no_rounds;
    HEAR(SMALL, ONE);
    assert_good();
    assert_said("1 of 1 problem run");
}

static double wait_ns;

static bool send_two(const struct gb_harness *h, const struct gb_task *task, struct gb_outcome *outcome) {
    raise(SIGINT);
    script->now += wait_ns;
    signal_sent = SIGTERM;
    send_signal(h, task, outcome);
    note("goes on");
    return true;
}

/* Senders deliver one request twice; a second later it is another one, and ends the run at once. */
static void the_second_signal_is_heard_after_a_second(void **state) {
    static const double waits[] = {0, 0.5e9, 1e9, 1e9 + 1, 5e9};
    (void)state;
    script->acts[0] = send_two;
    for (size_t i = 0; i < 5; i++) {
        wait_ns = waits[i];
        HEAR(SMALL, THREE);
        assert_int_equal(said.code, 100 + (i < 3 ? SIGINT : SIGTERM));
        assert_int_equal(strstr(script->trace, "goes on") != NULL, i < 3);
        assert_string_equal(said.err, i < 3 ? "gradbench: interrupted, 1 of 3 problems\n" : "");
    }
}

static void a_signal_before_the_first_problem(void **state) {
    (void)state;
    script->signal_in_start = SIGTERM;
    HEAR(SMALL, THREE, "--peer", "own=up", "--json", script->json);
    assert_int_equal(said.code, 100 + SIGTERM);
    assert_string_equal(said.err, "gradbench: interrupted, 0 of 3 problems\n");
    assert_int_equal(script->problems, 0);
    assert_written(false, 0);
}

static void what_is_ignored_stays_ignored(void **state) {
    (void)state;
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct sigaction before;
    signal_sent = SIGHUP;
    script->acts[0] = send_signal;
    sigaction(SIGHUP, &ignore, &before);
    HEAR(SMALL, THREE);
    sigaction(SIGHUP, &before, NULL);
    assert_good();
    assert_int_equal(script->problems, 3);
}

/* --- a report that nobody reads */

static void lose_reader(void) {
    int ends[2];
    if (pipe(ends) != 0) _exit(98);
    dup2(ends[1], STDOUT_FILENO);
    close(ends[0]);
    close(ends[1]);
}

static bool lose_reader_in(const struct gb_harness *h, const struct gb_task *task, struct gb_outcome *outcome) {
    (void)h, (void)task, (void)outcome;
    fflush(stdout);
    lose_reader();
    return true;
}

static bool interrupt_and_lose_reader(const struct gb_harness *h, const struct gb_task *task, struct gb_outcome *outcome) {
    raise(SIGINT);
    return lose_reader_in(h, task, outcome);
}

static int without_a_reader(void *words) {
    lose_reader();
    return run_in_child(words);
}

static void a_report_without_a_reader_ends_the_run(void **state) {
    static const char *const words[] = {SMALL, THREE, NULL};
    (void)state;
    script->acts[1] = lose_reader_in;
    HEAR(SMALL, THREE, "--json", script->json);
    assert_int_equal(said.code, 100 + SIGPIPE);
    assert_string_equal(said.err, "");
    assert_int_equal(script->problems, 2);
    assert_written(false, 2);
    script->acts[1] = interrupt_and_lose_reader; /* the first reason stays */
    HEAR(SMALL, THREE);
    assert_int_equal(said.code, 100 + SIGINT);
    assert_string_equal(said.err, "gradbench: interrupted, 2 of 3 problems\n");
    script->problems = 0;
    script->trace[0] = '\0';
    gb_hear_child(&said, without_a_reader, (void *)words);
    assert_int_equal(said.code, 100 + SIGPIPE);
    assert_int_equal(script->problems, 0);
    assert_string_equal(said.err, "");
}

/* --- exit codes */

static bool fails(const struct gb_harness *h, const struct gb_task *task, struct gb_outcome *outcome) {
    (void)h, (void)task;
    outcome->measures[0].state = GB_STATE_FAILED;
    return true;
}

static bool peer_is_gone(const struct gb_harness *h, const struct gb_task *task, struct gb_outcome *outcome) {
    (void)task;
    outcome->measures[h->plan->n_own].state = GB_STATE_GONE;
    snprintf(outcome->measures[h->plan->n_own].failure, GB_TURN_WHY_MAX, "it crashed");
    return true;
}

static bool has_no_memory(const struct gb_harness *h, const struct gb_task *task, struct gb_outcome *outcome) {
    (void)h, (void)task, (void)outcome;
    return false;
}

static bool no_memory_then(const struct gb_harness *h, const struct gb_task *task, struct gb_outcome *outcome) {
    raise(SIGINT);
    outcome->rounds = 0;
    return has_no_memory(h, task, outcome);
}

static void a_failed_cell_is_a_failed_run(void **state) {
    (void)state;
    script->acts[0] = fails;
    HEAR(SMALL, THREE, "--json", script->json);
    assert_int_equal(said.code, GB_EXIT_CHECK);
    assert_string_equal(said.err, "");
    assert_said("3 of 3 problems run; 2 cells timed, each verified first (0 on a sample); 1 FAILED");
    assert_written(true, 3);
    HEAR(SMALL, THREE, "--peer", "own=up");
    assert_int_equal(said.code, GB_EXIT_CHECK);
    assert_string_equal(said.err, "");
}

static void took_ns(struct gb_measure *m, double ns) {
    for (size_t i = 0; i < ROUNDS; i++) m->samples[i] = ns;
    m->summary = (struct gb_summary){ROUNDS, ns, ns, ns, ns};
}

static bool peer_is_ahead(const struct gb_harness *h, const struct gb_task *task, struct gb_outcome *outcome) {
    (void)task;
    took_ns(&outcome->measures[h->plan->n_own], script->problems == 2 ? 25 : 50);
    return true;
}

static bool is_noisy(const struct gb_harness *h, const struct gb_task *task, struct gb_outcome *outcome) {
    (void)h, (void)task;
    outcome->null_pair = (struct gb_pair){ROUNDS, 1, 0.95, script->problems == 3 ? 1.2 : 1.1, false};
    outcome->noise = gb_noise_of(&outcome->null_pair);
    return true;
}

/* What failed, else the furthest behind, else the noisiest: a line that a shell takes. */
static void what_is_odd_can_be_run_again(void **state) {
    const char *const again =
        "\nagain: gradbench run --shape \"relu_forward n=%d d=3 dtype=f32\" --isa ref --threads 1 --seed 7 %s\n";
    char line[300];
    (void)state;
    HEAR(SMALL, THREE, "--seed", "7");
    assert_silent_of("again:");
    for (int i = 0; i < 3; i++) script->acts[i] = is_noisy;
    HEAR(SMALL, THREE, "--seed", "7", "--bind", "none");
    snprintf(line, sizeof line, again, 3, "--rounds 31 --max-time 1.5 --bind none");
    assert_said(line);
    for (int i = 0; i < 3; i++) script->acts[i] = peer_is_ahead;
    HEAR(SMALL, THREE, "--seed", "7", "--peer", "o=it's up", "--quick");
    snprintf(line, sizeof line, again, 2, "--rounds 11 --max-time 0.05 --quick --peer-limit 60 --peer 'o=it'\\''s up'");
    assert_said(line);
    assert_int_equal(gb_count_in(said.out, "again:"), 1);
    script->acts[0] = script->acts[2] = fails;
    script->acts[1] = NULL;
    HEAR(SMALL, THREE, "--seed", "7", "--peers", "none", "--max-time", "2");
    assert_int_equal(gb_count_in(said.out, "again:"), 2);
    for (int n = 1; n <= 3; n += 2) {
        snprintf(line, sizeof line, again, n, "--rounds 31 --max-time 2 --peer-limit 60 --peers 'none'");
        assert_said(line);
    }
    setenv("COLUMNS", "60", 1);
    HEAR(SMALL, THREE, "--seed", "7");
    unsetenv("COLUMNS");
    assert_said("\nagain: gradbench run --shape \"relu_forward n=1 d=3 \\\n    dtype=f32\" --isa ref --threads 1 --seed 7 "
                "--rounds 31 \\\n"
                "    --max-time 1.5\n");
}

static void a_peer_that_was_named_has_to_finish(void **state) {
    (void)state;
    script->acts[2] = peer_is_gone;
    HEAR(SMALL, THREE, "--peer", "own=up");
    assert_error(GB_EXIT_CHECK, "peer own is gone (it crashed), 1 cell without a time");
    script->acts[0] = fails;
    HEAR(SMALL, THREE, "--peer", "own=up");
    assert_error(GB_EXIT_CHECK, "peer own is gone (it crashed), 1 cell without a time");
    script->acts[0] = script->acts[2] = NULL;
    HEAR(SMALL, ONE, "--peer", "own=absent");
    assert_error(GB_EXIT_CHECK, "peer own is not in the race: it is not here");
    assert_said("peer own is not in the race: it is not here");
    signal_sent = SIGINT; /* who was interrupted is judged by nobody */
    script->acts[0] = send_signal;
    HEAR(SMALL, ONE, "--peer", "own=absent");
    assert_int_equal(said.code, 100 + SIGINT);
    assert_string_equal(said.err, "gradbench: interrupted, 1 of 1 problem\n");
}

static void without_memory_the_run_ends(void **state) {
    const char *const message = "no memory for relu_forward all/2";
    (void)state;
    script->acts[1] = has_no_memory;
    HEAR(SMALL, THREE, "--json", script->json);
    assert_error(GB_EXIT_RESOURCE, message);
    assert_said("1 of 3 problems run");
    json_t *const json = load(false, 2);
    const json_t *const row = json_array_get(json_object_get(json, "results"), 1);
    assert_string_equal(json_string_value(json_object_get(row, "state")), "no memory");
    assert_string_equal(json_string_value(json_object_get(row, "failure")), message);
    json_decref(json);
    script->acts[1] = no_memory_then;
    HEAR(SMALL, THREE);
    assert_int_equal(said.code, 100 + SIGINT);
    assert_non_null(strstr(said.err, "no memory for relu_forward"));
    assert_non_null(strstr(said.err, "interrupted, 1 of 3 problems"));
    script->acts[1] = NULL;
    script->no_roofs = true;
    HEAR(SMALL, THREE, "--json", script->json);
    assert_error(GB_EXIT_RESOURCE, "no memory to measure roofs");
    assert_string_equal(script->trace, "bind ticks roofs(7) unbind");
}

/* Nothing starts where the environment makes no sense. */
static void the_environment_is_checked(void **state) {
    (void)state;
    setenv("GRADKERN_ISA", "nonsense", 1);
    HEAR(SMALL, ONE);
    unsetenv("GRADKERN_ISA");
    assert_int_equal(said.code, GB_EXIT_ISA);
    assert_string_equal(script->trace, "");
}

/* --- warnings and roofs */

/* The most threads that there will be. */
static void too_many_threads_are_told(void **state) {
    char list[40], text[100];
    const size_t cores = gb_machine_get()->cores;
    (void)state;
    snprintf(list, sizeof list, "1,%zu", cores + 1);
    snprintf(text, sizeof text, "\nwarning: %zu threads on %zu core%s: they are not bound and take turns\n", cores + 1, cores,
             cores == 1 ? "" : "s");
    HEAR("--isa", "ref", "--threads", list, "--kernels", "relu_forward", ONE);
    assert_good();
    assert_said(text);
}

static bool has_fewer_threads(const struct gb_harness *h, const struct gb_task *task, struct gb_outcome *outcome) {
    (void)h, (void)task;
    outcome->measures[0].threads_asked = 2;
    return true;
}

static void assert_warned(bool yes, const char *warning) {
    char line[300];
    snprintf(line, sizeof line, "\nwarning: %s\n", warning);
    if (!yes) assert_silent_of(warning);
    else assert_said(line);
}

static void fewer_threads_are_told(void **state) {
    const char *const rest =
        "fewer threads than asked for, and no verdict: OMP_THREAD_LIMIT, OMP_DYNAMIC, or a limit of this system";
    char text[200];
    (void)state;
    for (size_t count = 0; count <= 2; count++) {
        for (size_t k = 0; k < count; k++) script->acts[2 * k] = has_fewer_threads;
        HEAR(SMALL, THREE);
        assert_good();
        snprintf(text, sizeof text, "%zu cell%s had %s", count, count == 1 ? "" : "s", rest);
        if (count) assert_warned(true, text);
        else assert_silent_of(rest);
    }
}

static void threads_that_are_not_bound_are_told(void **state) {
    const char *const none = "hwloc cannot bind threads: they may move between cores", *const some =
                                                                                           "not every thread could be bound";
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        script->no_binding = i == 1;
        script->not_bound = i == 2;
        if (i == 3) HEAR(SMALL, ONE, "--bind", "none");
        else HEAR(SMALL, ONE);
        assert_good();
        assert_warned(i == 1, none);
        assert_warned(i == 2, some);
        assert_int_equal(strstr(script->trace, "unbind") != NULL, i % 2 == 0);
    }
}

/* By the clock's second look: 40 of 1000 ticks. */
static void stolen_time_is_told(void **state) {
    const char *const warning = "the hypervisor took 4.0 % of the CPU time during the run (steal)";
    (void)state;
    HEAR(SMALL, ONE);
    assert_silent_of("hypervisor");
    script->then.ticks.stolen = 140;
    HEAR(SMALL, ONE);
    assert_warned(true, warning);
}

/* Another run is looked for after each problem, and at the end. */
static void company_is_told(void **state) {
    (void)state;
    for (script->company_after = 0; script->company_after <= 2; script->company_after++) {
        HEAR(SMALL, THREE);
        assert_good();
        assert_warned(script->company_after > 0, "company");
    }
}

static void roofs_that_moved_are_told(void **state) {
    const char *const warning = "the FMA roof of ref f32 on 1 thread moved from 100 to 110 GFLOP/s during the run";
    (void)state;
    script->moves = 1.1;
    HEAR(SMALL, ONE);
    assert_warned(true, warning);
    HEAR(SMALL, ONE, "--quick");
    assert_warned(false, warning);
    signal_sent = SIGINT;
    script->acts[0] = send_signal;
    HEAR(SMALL, ONE);
    assert_warned(false, "moved from");
}

/* Each once: before the first problem, or at the end. */
static void warnings_are_told_once(void **state) {
    (void)state;
    script->not_bound = true;
    HEAR(SMALL, ONE, "--json", script->json);
    const char *const early = strstr(said.out, "warning: a busy machine"), *const roofs = strstr(said.out, "roofs, measured"),
                      *const counts = strstr(said.out, "1 of 1 problem run"),
                      *const late = strstr(said.out, "warning: not every");
    assert_true(early && roofs && counts && late && early < roofs && roofs < counts && counts < late);
    assert_null(strstr(roofs, "a busy machine"));
    assert_null(strstr(late + 1, "warning: not every"));
    json_t *const json = load(true, 1);
    const json_t *const warnings = json_object_get(json_object_get(json, "context"), "warnings");
    const size_t count = json_array_size(warnings);
    assert_true(count >= 2);
    assert_string_equal(json_string_value(json_array_get(warnings, count - 1)), "not every thread could be bound");
    json_decref(json);
}

static bool raise_roof(const struct gb_harness *h, const struct gb_task *task, struct gb_outcome *outcome) {
    (void)task, (void)outcome;
    h->roofs->fma[0][GK_F32][0] = 200;
    return true;
}

static bool see_roof(const struct gb_harness *h, const struct gb_task *task, struct gb_outcome *outcome) {
    (void)h, (void)task, (void)outcome;
    json_t *const json = json_load_file(script->json, 0, NULL);
    script->roof = number_of(json_object_get(json, "context"), "roofs", 0, "fma_gflops");
    json_decref(json);
    return true;
}

/* 1000 FLOPs in 100 ns are 10 GFLOP/s. */
static void shares_are_held_against_the_last_roofs(void **state) {
    (void)state;
    script->acts[1] = raise_roof;
    script->acts[2] = see_roof;
    HEAR(SMALL, THREE, "--json", script->json);
    assert_good();
    assert_true(script->roof == 200); /* in the file, before the end */
    assert_said("\nroof of ref f32 on 1 thread: measured again, 200 GFLOP/s, not 100\n");
    json_t *const json = load(true, 3);
    for (size_t k = 0; k < 3; k++) assert_true(fabs(number_of(json, "results", k, "roof_fraction") - 0.05) < 1e-9);
    assert_true(number_of(json_object_get(json, "context"), "roofs", 0, "fma_gflops") == 200);
    assert_int_equal(json_string_length(json_object_get(json_object_get(json, "context"), "date")), 20);
    json_decref(json);
}

/* --- how it looks */

static size_t longest_line(void) {
    size_t longest = 0;
    for (const char *p = said.out; *p; p += p[strcspn(p, "\n")] ? strcspn(p, "\n") + 1 : strcspn(p, "\n"))
        if (strcspn(p, "\n") > longest) longest = strcspn(p, "\n");
    return longest;
}

static void views(void **state) {
    (void)state;
    setenv("COLUMNS", "60", 1);
    HEAR(SMALL, ONE);
    assert_true(longest_line() <= 60);
    HEAR(SMALL, ONE, "--wide");
    assert_true(longest_line() > 60);
    unsetenv("COLUMNS");
    HEAR(SMALL, ONE);
    assert_null(strstr(said.out, " in full\n"));
    HEAR(SMALL, ONE, "--details");
    assert_non_null(strstr(said.out, " in full\n"));
}

/* Opened before there are threads or peers, and only where they are asked for. */
static void counters(void **state) {
    (void)state;
    HEAR(SMALL, ONE);
    assert_good();
    assert_null(script->harness.counters);
    assert_null(strstr(script->trace, "counter"));
    assert_silent_of("counted");
    HEAR(SMALL, ONE, "--counters", "--json", script->json);
    assert_good();
    assert_non_null(script->harness.counters);
    const char *const counter = strstr(script->trace, "counter");
    assert_true(counter && counter < strstr(script->trace, "bind"));
    assert_non_null(strstr(script->trace, "close 1"));
    assert_said("\ncounted: page_faults; --details shows them, --json keeps them\n");
    assert_said(
        "\nnot counted: cycles, instructions, cache_misses, l1d_misses, branch_misses, stalled_cycles, context_switches,");
    json_t *const json = json_load_file(script->json, 0, NULL);
    assert_int_equal(json_array_size(json_object_get(json_object_get(json, "context"), "counters")), GB_COUNTER_COUNT);
    json_decref(json);
}

/* The reader's end of a terminal, which keeps the few KiB that the child writes to it. */
static int open_terminal(char *name, size_t size, unsigned short columns) {
    const struct winsize window = {.ws_row = 24, .ws_col = columns};
    const int reader = posix_openpt(O_RDWR | O_NOCTTY);
    assert_true(reader >= 0 && grantpt(reader) == 0 && unlockpt(reader) == 0 && ptsname_r(reader, name, size) == 0);
    assert_int_equal(ioctl(reader, TIOCSWINSZ, &window), 0);
    return reader;
}

static void read_terminal(int reader, char *text, size_t size) {
    size_t used = 0;
    for (ssize_t got; used + 1 < size && (got = read(reader, text + used, size - 1 - used)) > 0;) used += (size_t)got;
    text[used] = '\0';
    close(reader);
}

static void colors_are_for_terminals(void **state) {
    static const struct {
        const char *term, *no_color, *word;
        bool color;
    } cases[] = {{"xterm", NULL, "--quick", true}, {"xterm", "", "--quick", true}, {"xterm", "1", "--quick", false},
                 {"dumb", NULL, "--quick", false}, {NULL, NULL, "--quick", false}, {"xterm", NULL, "--no-color", false}};
    static char text[1 << 14];
    char name[64];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const int reader = open_terminal(name, sizeof name, 0);
        if (cases[i].term) setenv("TERM", cases[i].term, 1);
        if (cases[i].no_color) setenv("NO_COLOR", cases[i].no_color, 1);
        script->terminal = name;
        script->table_too = true;
        HEAR(SMALL, ONE, cases[i].word);
        unsetenv("TERM");
        unsetenv("NO_COLOR");
        assert_int_equal(said.code, 0);
        read_terminal(reader, text, sizeof text);
        assert_non_null(strstr(text, "1 of 1 problem run"));
        assert_int_equal(strstr(text, "\033[1m") != NULL, cases[i].color);
    }
    script->terminal = NULL;
    setenv("TERM", "xterm", 1);
    HEAR(SMALL, ONE);
    unsetenv("TERM");
    assert_silent_of("\033[");
}

static void a_device_is_written_once(void **state) {
    static char text[1 << 14];
    char name[64];
    (void)state;
    const int reader = open_terminal(name, sizeof name, 0);
    HEAR(SMALL, ONE, "--json", name);
    assert_good();
    read_terminal(reader, text, sizeof text);
    const char *const complete = strstr(text, "\"complete\": ");
    assert_non_null(complete);
    assert_memory_equal(complete, "\"complete\": true", 16);
    assert_null(strstr(complete + 1, "\"complete\""));
}

static bool tell(const struct gb_harness *h, const struct gb_task *task, struct gb_outcome *outcome) {
    (void)outcome;
    assert_ptr_equal(h->progress_data != NULL, true);
    h->progress(h->progress_data, task, "round", 3, 31);
    script->now += 1e8 - 1; /* too soon for another */
    h->progress(h->progress_data, task, "round", 4, 31);
    script->now += 1;
    h->progress(h->progress_data, task, "round", 5, 31);
    script->now += 1e8;
    return true;
}

/* In one line on standard error, cut off at its end; the time that is left from the third problem on. Each takes 0.2 s more
 * than is said here: at the third's first line, at its end, these and one problem are left. */
static void progress_is_one_line(void **state) {
    static const struct {
        double problem_ns;
        unsigned short columns;
        const char *left[4];
    } cases[] = {{20e9, 0, {"", "", "  about 0:20 left", "  about 0:00 left"}},
                 {119.9e9, 0, {"", "", "  about 2:00 left", "  about 0:00 left"}},
                 {20e9, 30, {"", "", "", ""}}};
    static char text[1 << 14], expected[1 << 12];
    char name[64], line[200];
    (void)state;
    for (size_t i = 0; i < 4; i++) script->acts[i] = tell;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const int reader = open_terminal(name, sizeof name, cases[i].columns);
        script->terminal = name;
        script->problem_ns = cases[i].problem_ns;
        setenv("TERM", "xterm", 1);
        HEAR(SMALL, "--shape", "relu n=2 d=3 name=a", "--shape", "relu n=3 d=3 name=b", "--shape", "relu n=4 d=3 name=c",
             "--shape", "relu n=5 d=3 name=d");
        unsetenv("TERM");
        assert_int_equal(said.code, 0);
        read_terminal(reader, text, sizeof text);
        expected[0] = '\0';
        for (size_t k = 0; k < 4; k++) {
            for (size_t done = 3; done <= 5; done += 2) {
                snprintf(line, sizeof line, "[%zu/4] relu_forward %c  round %zu/31%s", k + 1, (char)('a' + k), done,
                         cases[i].left[k]);
                gb_text_append(expected, sizeof expected, "\r%.*s\033[K", cases[i].columns ? 29 : 200, line);
            }
            gb_text_append(expected, sizeof expected, "\r\033[K");
        }
        assert_string_equal(text, expected);
    }
    script->terminal = NULL;
    for (size_t i = 0; i < 4; i++) script->acts[i] = NULL;
    setenv("TERM", "xterm", 1);
    HEAR(SMALL, ONE);
    unsetenv("TERM");
    assert_good();
    assert_null(script->harness.progress);
}

/* --- several processes */

#define REPEAT(n) "--repeat", n, "--json", script->json

static void assert_no_part(void) { assert_int_equal(access(script->part, F_OK), -1); }

/* Each measures as a run does, and who started them measures nothing. */
static void several_processes_are_one_run(void **state) {
    (void)state;
    script->then.ticks.stolen = 1000;
    HEAR(SMALL, "--seed=7", ONE, REPEAT("3"), "--details");
    assert_good();
#define MEASURED " bind ticks roofs(7) relu_forward roofs(5) works ticks unbind"
#define WORDS    "--json FILE --isa ref --threads 1 --kernels relu_forward --seed=7 --shape relu n=2 d=3 name=one --details)"
    assert_string_equal(script->trace, "again(--shift 0 " WORDS MEASURED " again(--shift 37 " WORDS MEASURED
                                       " again(--shift 74 " WORDS MEASURED " ticks");
    assert_no_part();
    assert_said("up to 31 rounds in each of 3 processes; seed 7\n");
    assert_said("1 of 1 problem run; 1 cell timed");
    assert_int_equal(gb_count_in(said.out, "warning: a busy machine\n"), 1);
    assert_int_equal(gb_count_in(said.out, "(steal)"), 1);
    json_t *const json = load(true, 1);
    const json_t *const row = json_array_get(json_object_get(json, "results"), 0), *const processes =
                                                                                       json_object_get(row, "processes");
    assert_int_equal(json_array_size(json_object_get(row, "samples_ns")), 3 * ROUNDS);
    assert_int_equal(json_array_size(processes), 3);
    for (size_t i = 0; i < 3; i++) assert_int_equal(json_integer_value(json_array_get(processes, i)), ROUNDS);
    assert_string_equal(json_string_value(context_of(json, "settings")),
                        "--isa ref --threads 1 --seed 7 --rounds 31 --max-time 1.5 --repeat 3");
    assert_string_equal(json_string_value(context_of(json, "bind")), "core");
    assert_int_equal(json_array_size(context_of(json, "roofs")), 1);
    json_decref(json);
}

/* The shifts go on from the one that was asked for, and operands are shifted. */
static bool has_shift(const struct gb_harness *h, const struct gb_task *task, struct gb_outcome *outcome) {
    (void)h, (void)outcome;
    note("shift(%zu)", task->spec.shift);
    return true;
}

static void operands_are_shifted(void **state) {
    (void)state;
    for (size_t i = 0; i < 2; i++) script->acts[i] = has_shift;
    HEAR(SMALL, ONE, "--shift", "4090", "--repeat=2");
    assert_good();
    assert_non_null(strstr(script->trace, "relu_forward shift(4090) "));
    assert_non_null(strstr(script->trace, "relu_forward shift(31) "));
    HEAR(SMALL, ONE, "--json", script->json, "--shift", "5");
    json_t *const json = load(true, 1);
    assert_non_null(strstr(json_string_value(context_of(json, "settings")), " --shift 5"));
    json_decref(json);
}

/* What one finds wrong is wrong, and the others go on. */
static void a_process_finds_something_wrong(void **state) {
    (void)state;
    script->acts[1] = fails;
    HEAR(SMALL, ONE, REPEAT("3"));
    assert_int_equal(said.code, GB_EXIT_CHECK);
    assert_int_equal(script->problems, 3);
    assert_said("FAILED");
    json_t *const json = load(true, 1);
    const json_t *const row = json_array_get(json_object_get(json, "results"), 0);
    assert_string_equal(json_string_value(json_object_get(row, "state")), "failed");
    json_decref(json);
    assert_non_null(strstr(said.out, "again: gradbench run --shape "));
    assert_non_null(strstr(said.out, " --repeat 3\n"));
}

static bool is_killed(const struct gb_harness *h, const struct gb_task *task, struct gb_outcome *outcome) {
    (void)h, (void)task, (void)outcome;
    raise(SIGKILL);
    return true;
}

static bool leaves_garbage(const struct gb_harness *h, const struct gb_task *task, struct gb_outcome *outcome) {
    (void)h, (void)task, (void)outcome;
    support_write(script->part, "{", 1);
    _exit(0);
}

/* The run ends with it, in one line, and nothing is written. */
static void a_process_that_ends_badly_ends_the_run(void **state) {
    static const struct {
        act *act;
        int code;
        const char *says;
    } cases[] = {{has_no_memory, GB_EXIT_RESOURCE, "gradbench: error: no memory for relu_forward one\n"},
                 {is_killed, GB_EXIT_RESOURCE, "gradbench: error: process 2 of 3 was killed by signal 9 (Killed)\n"},
                 {leaves_garbage, GB_EXIT_INPUT, ""}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        script->acts[1] = cases[i].act;
        HEAR(SMALL, ONE, REPEAT("3"));
        assert_int_equal(said.code, cases[i].code);
        assert_int_equal(gb_count_in(said.err, "\n"), 1);
        assert_non_null(strstr(said.err, cases[i].says));
        assert_int_equal(script->problems, 2);
        assert_string_equal(said.out, "");
        assert_int_equal(access(script->json, F_OK), -1);
        assert_no_part();
    }
    setenv("TMPDIR", "/nowhere", 1);
    HEAR(SMALL, ONE, REPEAT("2"));
    unsetenv("TMPDIR");
    assert_error(GB_EXIT_RESOURCE, "cannot make a file in /nowhere (No such file or directory)");
    assert_string_equal(script->trace, "");
}

/* As a terminal does: both get it. */
static bool signals_all(const struct gb_harness *h, const struct gb_task *task, struct gb_outcome *outcome) {
    kill(getppid(), signal_sent);
    return send_signal(h, task, outcome);
}

/* Processes that came to their end are written; what one of them was at is not. */
static void a_signal_ends_all_processes(void **state) {
    (void)state;
    signal_sent = SIGINT;
    script->acts[2] = signals_all;
    HEAR(SMALL, ONE, REPEAT("4"));
    assert_int_equal(said.code, 100 + SIGINT);
    assert_non_null(strstr(said.err, "gradbench: interrupted, 2 of 4 processes\n"));
    assert_int_equal(script->problems, 3);
    json_t *const json = load(false, 1);
    const json_t *const row = json_array_get(json_object_get(json, "results"), 0);
    assert_int_equal(json_array_size(json_object_get(row, "processes")), 2);
    json_decref(json);
    assert_said("in each of 2 processes");
    assert_no_part();
    script->acts[1] = signals_all; /* one alone is a run of one process */
    HEAR(SMALL, ONE, REPEAT("2"));
    assert_written(false, 1);
    unlink(script->json);
    script->acts[0] = signals_all;
    HEAR(SMALL, ONE, REPEAT("2"));
    assert_int_equal(said.code, 100 + SIGINT);
    assert_non_null(strstr(said.err, "gradbench: interrupted, 0 of 2 processes\n"));
    assert_string_equal(said.out, "");
    assert_int_equal(access(script->json, F_OK), -1);
    assert_no_part();
}

/* Who started the processes starts no peer, and knows how theirs were. */
static void peers_race_in_each_process(void **state) {
    (void)state;
    HEAR(SMALL, ONE, REPEAT("2"), "--peer", "own=up");
    assert_good();
    assert_said("\npeer own: a program\n");
    assert_said("\npeers: 1 cell timed, ");
    assert_int_equal(gb_count_in(script->trace, "start(up "), 2);
    assert_written(true, 2);
    HEAR(SMALL, ONE, REPEAT("2"), "--peer", "own=absent");
    assert_int_equal(said.code, GB_EXIT_CHECK);
    assert_said("peer own is not in the race: it is not here");
    assert_written(true, 1);
}

static void several_processes_have_their_limits(void **state) {
    (void)state;
    HEAR(SMALL, ONE, REPEAT("2"), "--resume");
    assert_error(GB_EXIT_USAGE, "--repeat begins anew: it has no --resume");
    HEAR(SMALL, "--workload", "-", "--repeat", "2");
    assert_error(GB_EXIT_USAGE, "--repeat reads its workload more than once (got --workload -, give a file)");
    HEAR(SMALL, ONE, "--repeat", "2", "--dry-run");
    assert_good();
    assert_said("1 problem of 1 variant in 2 processes: up to ");
    assert_string_equal(script->trace, "");
    HEAR(SMALL, ONE, "--repeat", "2", "--json", "-");
    assert_int_equal(said.code, 0);
    assert_int_equal(said.out[0], '{');
    assert_non_null(strstr(said.out, "\"processes\": ["));
    assert_non_null(strstr(said.err, "in each of 2 processes"));
    assert_silent_of("process 1 of 2");
}

/* --- what is left */

static int run_here(void *words) {
    script->now = 1e9;
    return run_in_child(words);
}

static void fail_halfway(void) {
    static const char *const words[] = {SMALL, THREE, "--peer", "own=up", NULL};
    script->trace[0] = '\0';
    script->acts[1] = has_no_memory;
    script->problems = 0;
    gb_hear(&said, run_here, (void *)words);
    assert_int_equal(said.code, GB_EXIT_RESOURCE);
}

static void nothing_is_left_of_a_run(void **state) {
    (void)state;
    gb_assert_keeps_nothing(fail_halfway);
}

/* In this process, whose memory the leak sanitizer looks at: what processes say of this machine has another length each time.
 */
static void nothing_is_left_of_processes(void **state) {
    static const char *const words[] = {SMALL, ONE, "--repeat", "2", NULL};
    (void)state;
    script->trace[0] = '\0';
    gb_hear(&said, run_here, (void *)words);
    assert_int_equal(said.code, GB_EXIT_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(each_thing_in_its_turn),
        TEST(a_race_starts_first_and_ends_after_the_last_problem),
        TEST(settings),
        TEST(what_is_out_of_range_is_refused),
        TEST(hot_or_cold),
        TEST(few_huge_pages_are_told),
        TEST(where_operands_lie),
        TEST(where_threads_are_bound),
        TEST(help_says_all),
        TEST(words_can_be_asked_about),
        TEST(roofs_are_those_of_the_plan),
        TEST(a_quick_run_ends),
        TEST(saving_takes_its_share),
        TEST(a_file_may_be_named_by_its_process),
        TEST(json_takes_standard_output),
        TEST(a_file_that_cannot_be_written_is_refused_first),
        TEST(a_file_that_is_lost_ends_the_run),
        TEST(a_file_that_may_grow_no_more_is_an_error),
        TEST(a_signal_ends_the_run_in_order),
        TEST(a_run_goes_on_where_it_was),
        TEST(a_file_of_another_run_is_refused),
        TEST(a_problem_that_was_cut_off_does_not_count),
        TEST(the_second_signal_is_heard_after_a_second),
        TEST(a_signal_before_the_first_problem),
        TEST(what_is_ignored_stays_ignored),
        TEST(a_report_without_a_reader_ends_the_run),
        TEST(a_failed_cell_is_a_failed_run),
        TEST(what_is_odd_can_be_run_again),
        TEST(a_peer_that_was_named_has_to_finish),
        TEST(without_memory_the_run_ends),
        TEST(the_environment_is_checked),
        TEST(too_many_threads_are_told),
        TEST(fewer_threads_are_told),
        TEST(threads_that_are_not_bound_are_told),
        TEST(stolen_time_is_told),
        TEST(company_is_told),
        TEST(roofs_that_moved_are_told),
        TEST(warnings_are_told_once),
        TEST(shares_are_held_against_the_last_roofs),
        TEST(views),
        TEST(counters),
        TEST(colors_are_for_terminals),
        TEST(a_device_is_written_once),
        TEST(progress_is_one_line),
        TEST(what_is_kept_whole_is_not_measured),
        TEST(several_processes_are_one_run),
        TEST(operands_are_shifted),
        TEST(a_process_finds_something_wrong),
        TEST(a_process_that_ends_badly_ends_the_run),
        TEST(a_signal_ends_all_processes),
        TEST(peers_race_in_each_process),
        TEST(several_processes_have_their_limits),
        TEST(nothing_is_left_of_a_run),
        TEST(nothing_is_left_of_processes),
    };
    static const char *const variables[] = {"GRADKERN_ISA", "COLUMNS", "NO_COLOR", "TERM"};
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGXFSZ}; /* who starts tests may ignore them */
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) unsetenv(variables[i]);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) signal(signals[i], SIG_DFL);
    script = mmap(NULL, sizeof *script, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (script == MAP_FAILED || !mkdtemp(folder)) return 99;
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(folder);
    return failed;
}
