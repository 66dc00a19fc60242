/* From a plan and outcomes that are made by hand to a result: every field of its file, and what is kept for the report, byte by
 * byte. tests/data/report/filled.txt has been read, and its numbers computed, by hand. */
#include <fenv.h>
#include <jansson.h>
#include <math.h>
#include <time.h>

#include "build_info.h"
#include "machine.h"
#include "result_fill.h"
#include "support.h"
#include "support_file.h"
#include "text.h"

enum { ROUNDS = 6, OWN = 4, VARIANTS = 8, TASKS = 5, SEED = 7 };

/* --- a plan */

static void set_variant(struct gb_plan *plan, size_t i, const char *name, size_t isa) {
    plan->variants[i] = (struct gb_variant){.isa = isa, .threads = 1 + i % 2, .peer = i >= OWN, .name = name};
    snprintf(plan->variants[i].label, sizeof plan->variants[i].label, "%s on %zu", name, 1 + i % 2);
}

/* ref and the isa after it, each on 1 and 2 threads, against two peers. */
static void make_plan(struct gb_plan *plan, struct gb_task *tasks) {
    *plan = (struct gb_plan){.tasks = tasks, .n_tasks = TASKS, .n_variants = VARIANTS, .n_own = OWN, .n_threads = 2};
    for (size_t i = 0; i < VARIANTS; i++)
        set_variant(plan, i, i < 2 ? "ref" : i < OWN ? "wide" : i < 6 ? "mkl" : "blis", i >= 2);
    plan->dtypes[GK_F32] = true;
    tasks[0] = (struct gb_task){{.kernel = GK_KERNEL_affine_dw,
                                 .n = 2,
                                 .d = 3,
                                 .m = 4,
                                 .layout = GK_OUT_IN,
                                 .accumulate = true,
                                 .dloss = true,
                                 .seed = SEED},
                                "net:fc"};
    tasks[1] = (struct gb_task){{.kernel = GK_KERNEL_softmax_xent_forward,
                                 .dtype = GK_F64,
                                 .n = 5,
                                 .c = 6,
                                 .soft_labels = true,
                                 .reduction = GK_NONE,
                                 .seed = SEED},
                                "loss"};
    tasks[2] = (struct gb_task){{.kernel = GK_KERNEL_relu_forward, .n = 7, .d = 8, .ld_pad = 9, .seed = SEED + 1}, "none"};
    tasks[3] = (struct gb_task){{.kernel = GK_KERNEL_affine_db, .n = 9, .m = 1, .d = 3, .seed = SEED}, "later"};
    tasks[4] = (struct gb_task){{.kernel = GK_KERNEL_relu_backward, .n = 1, .d = 1, .seed = SEED}, "never"};
}

/* --- outcomes */

struct made {
    struct gb_outcome outcome;
    struct gb_measure measures[VARIANTS];
    double samples[VARIANTS][ROUNDS];
};

/* Six rounds around a median, in an order of their own. */
static void set_time(struct made *made, size_t i, double ns) {
    static const double order[ROUNDS] = {0.5, 1.25, 0.75, 1.5, 0.875, 1.125};
    struct gb_measure *const m = &made->measures[i];
    for (size_t k = 0; k < ROUNDS; k++) made->samples[i][k] = ns * order[(k + i) % ROUNDS];
    m->state = GB_STATE_TIMED;
    m->verified = GB_VERIFIED_FULL;
    m->iterations = 100 + i;
    m->samples = made->samples[i];
    m->summary = (struct gb_summary){ROUNDS, ns, ns * 0.5, ns * 1.5, ns * 0.25};
    m->share = (struct gb_share){"fma", 0.5 + (double)i / 64, GB_LEVEL_L2};
    m->threads_used = 1 + i % 2;
    m->empty_ns = 10 + (double)i;
    m->threads_asked = i < OWN ? m->threads_used : 0;
}

static void set_state(struct made *made, size_t i, enum gb_state state, const char *failure) {
    made->measures[i] = (struct gb_measure){.state = state};
    snprintf(made->measures[i].failure, sizeof made->measures[i].failure, "%s", failure);
}

static void begin(struct made *made, const struct gb_task *task) {
    *made = (struct made){{.task = task, .measures = made->measures, .rounds = ROUNDS, .null_variant = OWN - 1}, {{0}}, {{0}}};
}

static void set_count(struct made *made, enum gb_counter counter, double value, double enabled, double running) {
    struct gb_counts *const counts = &made->measures[2].counts;
    counts->value[counter] = value, counts->enabled[counter] = enabled, counts->running[counter] = running;
}

/* Timed, not timed, failed, gone, unfit; on a sample, on fewer threads. */
static void make_first(struct made *made, const struct gb_task *task) {
    begin(made, task);
    made->outcome.work = (struct gb_work){.flops = 4800, .footprint = 176, .products = true};
    made->outcome.bytes = 640;
    made->outcome.null_pair = (struct gb_pair){ROUNDS, 1.0625, 0.9375, 1.125, false};
    made->outcome.noise = 0.125;
    memcpy(made->outcome.disturbed, (size_t[GB_CAUSES]){ROUNDS, 3, 4, 5}, sizeof made->outcome.disturbed);
    made->outcome.dropped = true;
    set_time(made, 0, 6400);
    set_state(made, 1, GB_STATE_NOT_TIMED, "too slow");
    set_time(made, 2, 1600);
    made->measures[2].verified = GB_VERIFIED_SAMPLED;
    made->measures[2].counts = (struct gb_counts){.calls = 4};
    set_count(made, GB_COUNTER_CYCLES, 800, 10, 10);
    set_count(made, GB_COUNTER_INSTRUCTIONS, 1000, 10, 5);
    set_count(made, GB_COUNTER_PAGE_FAULTS, 0, 10, 10);
    set_count(made, GB_COUNTER_STALLED_CYCLES, 0, 10, 0); /* never */
    set_time(made, 3, 800);
    made->measures[3].threads_asked = 2, made->measures[3].threads_used = 1;
    set_time(made, 4, 400);
    snprintf(made->measures[4].note, sizeof made->measures[4].note, "by sgemm");
    set_state(made, 5, GB_STATE_GONE, "it hung");
    set_time(made, 6, 3200);
    made->measures[2].not_cold = true;
    made->measures[6].summary.min = 50; /* once it was faster than the best */
    set_state(made, 7, GB_STATE_UNFIT, "");
}

/* One is wrong, one was not reached, one was gone before; nothing ran twice. */
static void make_second(struct made *made, const struct gb_task *task) {
    begin(made, task);
    made->outcome.work = (struct gb_work){.flops = 90, .footprint = 480};
    made->outcome.bytes = 500;
    made->outcome.null_variant = VARIANTS;
    memcpy(made->outcome.disturbed, (size_t[GB_CAUSES]){1, 0, 4, 1}, sizeof made->outcome.disturbed);
    set_time(made, 0, 100);
    set_time(made, 1, 50);
    made->measures[1].share = (struct gb_share){"chain", 0.25, GB_LEVEL_L2};
    set_time(made, 2, 40);
    made->measures[2].share = (struct gb_share){"cache", 0, GB_LEVEL_MEMORY};
    set_state(made, 3, GB_STATE_FAILED, "y[1] is 2, but 3 in ref");
    set_time(made, 4, 80);
    set_time(made, 6, 70);
    made->measures[6].share = (struct gb_share){"memory", 0.125, GB_LEVEL_L3};
    set_state(made, 5, GB_STATE_GONE, "");
    set_state(made, 7, GB_STATE_SKIPPED, "");
}

/* --- the machine */

static void make_race(struct gb_race *race) {
    *race = (struct gb_race){.count = 3};
    race->list[0] = (struct gb_racer){.entry = {"mkl", "run mkl", ""}, .up = true, .description = "MKL 1"};
    race->list[1] = (struct gb_racer){.entry = {"blis", "run blis", ""}, .up = true, .news = true, .description = "BLIS 2"};
    race->list[2] =
        (struct gb_racer){.entry = {"naive", "run naive", ""}, .named = true, .news = true, .reason = "it is absent"};
    snprintf(race->list[2].description, sizeof race->list[2].description, "half a greeting");
}

static void make_roofs(struct gb_roofs *roofs) {
    *roofs = (struct gb_roofs){.n_threads = 2, .threads = {1, 2}, .bytes = {512, 1024, 4096}};
    roofs->isas[0] = roofs->isas[1] = roofs->dtypes[GK_F32] = roofs->dtypes[GK_F64] = true;
    for (size_t t = 0; t < 2; t++) {
        for (size_t isa = 0; isa < 2; isa++)
            for (int dtype = 0; dtype < 2; dtype++)
                roofs->fma[isa][dtype][t] = 16 + (double)t + 32 * (double)isa + 64 * (1 - dtype);
        for (int level = 0; level < GB_LEVEL_COUNT; level++) {
            const double base = 100 * (double)(t + 1) / (level + 1);
            roofs->bandwidth[t][level] = (struct gb_bandwidth){base, base / 2, base / 4, base / 8, base / 16};
        }
    }
    for (size_t isa = 0; isa < 2; isa++)
        for (int dtype = 0; dtype < GK_DTYPE_COUNT; dtype++) {
            roofs->steps[isa][dtype][GB_STEP_FMA] = 1 / (4 + (double)isa + 2 * dtype);
            roofs->steps[isa][dtype][GB_STEP_ADD] = 0.5;
        }
    roofs->steps[1][GK_F64][GB_STEP_ADD] = 0; /* not measured */
    roofs->fma[0][GK_F64][0] = 0.5;
    roofs->fma[1][GK_F64][1] = 0; /* not measured */
}

/* --- as text */

static char text[1 << 15];

#define SAY(...) gb_text_append(text, sizeof text, __VA_ARGS__)

/* A value in one line. */
static void say_json(const char *name, const json_t *value) {
    char *const line = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(9));
    assert_non_null(line);
    SAY("%s %s\n", name, line);
    free(line);
}

/* A member, of a list an element, a line. */
static void say_members(const json_t *object) {
    const char *key;
    json_t *value, *element;
    size_t index;
    json_object_foreach((json_t *)object, key, value) {
        if (json_is_array(value)) {
            SAY("%s:\n", key);
            json_array_foreach(value, index, element) say_json(" ", element);
        } else if (strcmp(key, "context") != 0) {
            say_json(key, value);
        }
    }
}

static void say_file(const struct gb_result *result) {
    char path[] = "/tmp/gradbench-fill-XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(gb_result_write(result, path, false), 0);
    json_t *const json = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(json);
    assert_true(is_written_again(path));
    unlink(path);
    say_members(json_object_get(json, "context"));
    say_members(json);
    json_decref(json);
}

static void say_report(const struct gb_result *result) {
    SAY("%zu variants, %zu own, %zu threads%s\n", result->n_variants, result->n_own, result->n_threads,
        result->names_types ? ", types" : "");
    for (size_t i = 0; i < result->n_variants; i++) {
        const struct gb_result_variant *const v = &result->variants[i];
        SAY("  %s, %s, %zu%s%s\n", v->name, v->label, v->threads, v->peer ? ", a peer" : "", v->ref ? ", ref" : "");
    }
    SAY("%zu problems, %zu run, %zu rows\n", result->n_problems, result->n_run, result->n_rows);
    for (size_t k = 0; k < result->n_problems; k++) {
        const struct gb_result_problem *const p = &result->problems[k];
        assert_ptr_equal(p->rows, result->rows + k * result->n_variants);
        SAY("  %s, %s, %s, %s, %s, %g FLOP, %g B, noise %g%s%s%s\n", p->kernel, p->dtype, p->workload, p->title, p->text,
            p->flops, p->footprint, p->noise, p->products ? ", products" : "", p->null ? ", null of " : "",
            p->null ? p->null->variant : "");
    }
    for (size_t i = 0; i < result->n_rows; i++) {
        const struct gb_result_row *const r = &result->rows[i];
        SAY("  row %s %zu: asked %zu, used %zu, longest %g, level %d, best %s\n", r->variant, r->threads, r->threads_asked,
            r->threads_used, r->longest_ns, (int)r->share.level, r->best_peer ? r->best_peer->variant : "none");
    }
    SAY("%zu roofs, %zu null pairs\n", result->context.n_roofs, result->context.n_nulls);
    for (size_t i = 0; i < result->context.n_peers; i++)
        SAY("  peer %s is told of: %d\n", result->context.peers[i].name, result->context.peers[i].told);
    for (int i = 0; i < GB_LEVEL_COUNT; i++) SAY("  level %d: %g bytes\n", i, result->context.level_bytes[i]);
}

/* What is of this machine and build is taken from there, and then put out of sight. */
static void hide_machine(struct gb_result_context *c) {
    const struct gb_machine *const m = gb_machine_get();
    char machine[320];
    struct tm then = {.tm_isdst = 0};
    assert_int_equal(gethostname(machine, sizeof machine), 0);
    assert_string_equal(c->host, machine);
    assert_string_equal(c->cpu, m->cpu);
    assert_int_equal(c->cores, m->cores);
    assert_string_equal(c->topology, gb_machine_text(gb_machine_get(), machine, sizeof machine));
    assert_string_equal(c->compiler, gb_build_compiler());
    assert_string_equal(c->flags, gb_build_flags());
    assert_string_equal(c->revision, gb_build_revision());
    assert_string_equal(c->version, gk_version());
    assert_int_equal(c->numerics, gk_numerics_version());
    const char *const end = strptime(c->date, "%Y-%m-%dT%H:%M:%SZ", &then);
    assert_true(end && !*end);
    assert_true(labs((long)(timegm(&then) - time(NULL))) < 600);
    c->host = "HOST", c->cpu = "CPU", c->topology = "TOPOLOGY", c->compiler = "COMPILER", c->flags = "FLAGS",
    c->revision = "REVISION";
    assert_string_equal(c->float_state, "ieee");
    c->version = "VERSION", c->date = "DATE", c->numerics = 111, c->cores = 222;
}

static void test_filled(void **state) {
    (void)state;
    static struct gb_plan plan;
    static struct gb_race race;
    static struct gb_roofs roofs;
    static struct made made[2];
    struct gb_task tasks[TASKS];
    struct gb_result result = {.complete = true};
    struct gb_warnings warnings = {.list = {"first"}, .count = 1};
    setenv("TZ", "Asia/Tokyo", 1);
    make_plan(&plan, tasks);
    make_race(&race);
    make_roofs(&roofs);
    make_first(&made[0], &tasks[0]);
    make_second(&made[1], &tasks[1]);
    static struct gb_counters counters;
    snprintf(counters.reasons[GB_COUNTER_BRANCH_MISSES], GB_COUNTER_REASON_MAX, "there is none");
    gb_fill_plan(&result, &plan, SEED);
    gb_fill_peers(&result, &race);
    gb_fill_counters(&result, &counters);
    gb_fill_roofs(&result, &roofs);
    gb_fill_warnings(&result, &warnings);
    gb_fill_date(&result);
    gb_fill_outcome(&result, &plan, &made[0].outcome);
    gb_fill_outcome(&result, &plan, &made[1].outcome);
    gb_fill_no_memory(&result, &plan, &tasks[2], "no memory for it");
    /* what changed since: a roof, spots, warnings, shares */
    roofs.fma[0][GK_F32][1] = 99;
    roofs.spots[0] = (struct gb_spot){176, 0, 2, {8, 4, 2, 9, 3}};
    roofs.spots[1] = (struct gb_spot){480, 1, 1, {16, 12, 10, 18, 14}};
    roofs.spots[2] = (struct gb_spot){512, 0, 2, {7, 6, 5, 4, 3}};
    roofs.n_spots = 3;
    gb_fill_roofs(&result, &roofs);
    gb_fill_roofs(&result, &roofs);
    snprintf(warnings.list[1], sizeof warnings.list[1], "second");
    warnings.count = 2;
    gb_fill_warnings(&result, &warnings);
    for (size_t i = 0; i < VARIANTS; i++) made[1].measures[i].share = (struct gb_share){"memory", 1.0 / 16, GB_LEVEL_L3};
    made[1].measures[2].share = (struct gb_share){"cache", 0, GB_LEVEL_MEMORY};
    gb_fill_shares(&result, &plan, &made[1].outcome);
    made[0].outcome.task = &tasks[2]; /* one that was not run */
    made[0].measures[0].share.fraction = 1;
    gb_fill_shares(&result, &plan, &made[0].outcome);
    hide_machine(&result.context);
    say_file(&result);
    say_report(&result);
    assert_text_of_file(TEST_DATA_DIR "/report/filled.txt", text);
    assert_false(result.exhausted);
    gb_result_free(&result);
    assert_true(result.n_rows == 0 && !result.rows && !result.chunks);
}

/* Types are named where there are others than f32; each variant of ours on its own is the last. */
static void test_types(void **state) {
    (void)state;
    static struct gb_plan plan;
    struct gb_task tasks[TASKS];
    make_plan(&plan, tasks);
    plan.dtypes[GK_F32] = false, plan.dtypes[GK_F64] = true;
    plan.n_variants = plan.n_own = 3;
    struct gb_result result = {.complete = false};
    gb_fill_plan(&result, &plan, SEED);
    assert_true(result.names_types);
    assert_string_equal(result.context.isa, "wide");
    assert_int_equal(result.context.threads, 1);
    assert_int_equal(result.context.seed, SEED);
    gb_result_free(&result);
}

/* As this thread has it. */
static void test_float_states(void **state) {
    (void)state;
    static struct gb_plan plan;
    static const struct {
        unsigned bits;
        const char *words;
    } cases[] = {{0, "ieee"}, {0x8000, "ftz"}, {0x40, "daz"}, {0x8040, "ftz daz"}};
    struct gb_task tasks[TASKS];
    make_plan(&plan, tasks);
    fenv_t own;
    assert_int_equal(fegetenv(&own), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct gb_result result = {.complete = false};
        fenv_t changed = own;
        changed.__mxcsr |= cases[i].bits;
        fesetenv(&changed);
        gb_fill_plan(&result, &plan, SEED);
        fesetenv(&own);
        assert_string_equal(result.context.float_state, cases[i].words);
        gb_result_free(&result);
    }
}

/* Where memory ends anywhere nothing is counted that is not there. */
static void test_exhausted(void **state) {
    (void)state;
    static struct gb_plan plan;
    static struct gb_race race;
    static struct gb_roofs roofs;
    static struct made made;
    static struct gb_counters counters;
    struct gb_task tasks[TASKS];
    const struct gb_warnings warnings = {.list = {"first"}, .count = 1};
    make_plan(&plan, tasks);
    make_race(&race);
    make_roofs(&roofs);
    make_first(&made, &tasks[0]);
    roofs.spots[0] = (struct gb_spot){176, 0, 2, {8, 4, 2, 9, 3}};
    roofs.n_spots = 1;
    for (int steps = 0; steps < 5; steps++) {
        struct gb_result result = {.exhausted = steps == 0};
        gb_fill_plan(&result, &plan, SEED);
        result.exhausted = steps <= 1;
        gb_fill_peers(&result, &race);
        gb_fill_counters(&result, &counters);
        result.exhausted = steps <= 2;
        gb_fill_roofs(&result, &roofs);
        result.exhausted = steps <= 3;
        gb_fill_warnings(&result, &warnings);
        result.exhausted = true;
        gb_fill_date(&result);
        gb_fill_outcome(&result, &plan, &made.outcome);
        gb_fill_no_memory(&result, &plan, &tasks[0], "why");
        gb_fill_shares(&result, &plan, &made.outcome);
        assert_true(result.n_run == 0 && result.n_rows == 0);
        assert_int_equal(result.n_problems, steps > 0 ? TASKS : 0);
        assert_int_equal(result.context.n_peers, steps > 1 ? 3 : 0);
        assert_int_equal(result.context.n_counters, steps > 1 ? GB_COUNTER_COUNT : 0);
        assert_int_equal(result.context.n_roofs, steps > 2 ? 8 : 0);
        assert_int_equal(result.context.n_warnings, steps > 3);
        assert_string_equal(result.context.date, "");
        assert_int_equal(gb_result_write(&result, "/dev/null", true), 4);
        gb_result_free(&result);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_filled),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_float_states),
        cmocka_unit_test(test_exhausted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
