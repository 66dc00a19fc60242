/* A turn, in this process and by a contender: what is asked for in which order, for how long, and what comes of it. */
#include "support_effects.h"
#include "turn.h"

static const struct gb_problem_spec spec = {.kernel = GK_KERNEL_affine_dx, .n = 3, .d = 4, .m = 5, .seed = 2};
static struct gb_problem problem;
static struct gb_turns turns;
static struct gb_variant here, there; /* a call in this process on 3 threads; a contender of 2 */
static char why[GB_TURN_WHY_MAX];
static double ns;

static struct script_cell *const caller = &script.cells[0], *const contender = &script.cells[1];

/* "bind 3, warm here 1, clock, calls here 5, clock" */
static const char *trace(void) {
    static const char *const words[] = {[SCRIPT_BIND] = "bind",     [SCRIPT_WARM] = "warm",       [SCRIPT_CALLS] = "calls",
                                        [SCRIPT_BEGIN] = "begin",   [SCRIPT_RUN] = "run",         [SCRIPT_END] = "end",
                                        [SCRIPT_RESULT] = "result", [SCRIPT_PREPARE] = "prepare", [SCRIPT_CLOCK] = "clock"};
    static char text[1000];
    text[0] = '\0';
    for (size_t i = 0; i < script.n_events; i++) {
        const struct script_event *const e = &script.events[i];
        size_t used = strlen(text);
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", i ? ", " : "", words[e->what]);
        if (e->cell) used += (size_t)snprintf(text + used, sizeof text - used, " %s", e->cell->name);
        if (e->count) used += (size_t)snprintf(text + used, sizeof text - used, " %zu", (size_t)e->count);
        if (e->limit_ns > 0) snprintf(text + used, sizeof text - used, " in %.17g", e->limit_ns);
    }
    return text;
}

static int set_up(void **state) {
    (void)state;
    script_open(&spec);
    assert_ptr_equal(script_add("here", 3, 7), caller);
    assert_ptr_equal(script_add("there", 2, 20), contender);
    assert_true(gb_problem_create_shared(&problem, &spec));
    here = (struct gb_variant){.threads = 3, .ctx = caller->ctx, .name = "here"};
    there = (struct gb_variant){.threads = 2, .contender = &contender->contender, .name = "there", .peer = true};
    turns = (struct gb_turns){&script_effects, &problem, NULL, script_binding, 1000, NULL, NULL, GB_COUNTED_NONE};
    snprintf(why, sizeof why, "untouched");
    ns = -1;
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    gb_problem_destroy(&problem);
    script_close();
    return 0;
}

static void prepare_there(void) {
    assert_int_equal(gb_turn_prepare(&turns, &there, why), GB_TURN_GOOD);
    script.n_events = 0;
}

static void a_call_here_is_bound_then_timed(void **state) {
    (void)state;
    assert_int_equal(gb_turn_prepare(&turns, &here, why), GB_TURN_GOOD);
    assert_int_equal(script.n_events, 0);
    assert_int_equal(gb_turn_once(&turns, &here, &ns, why), GB_TURN_GOOD);
    assert_string_equal(trace(), "bind 3, clock, calls here 1, clock");
    assert_true(ns == 7);
    assert_string_equal(why, "untouched");
    assert_true(gb_problem_equal(&problem, script_truth(), &(struct gb_difference){0}));
}

static void calls_here_warm_up_out_of_the_time(void **state) {
    (void)state;
    script.round = 0;
    caller->warm_cost = 500;
    assert_int_equal(gb_turn_calls(&turns, &here, true, 7, 5, &ns, why), GB_TURN_GOOD);
    assert_string_equal(trace(), "bind 3, warm here 1, clock, calls here 5, clock");
    assert_true(ns == 35);
    script.n_events = 0;
    assert_int_equal(gb_turn_calls(&turns, &here, false, 7, 4, &ns, why), GB_TURN_GOOD);
    assert_string_equal(trace(), "bind 3, clock, calls here 4, clock");
    assert_true(ns == 28);
    assert_string_equal(why, "untouched");
}

/* Counters are read out of the time, around the calls that are in it. */
static void timed_calls_are_counted(void **state) {
    (void)state;
    struct gb_counters counters;
    struct gb_counts counts = {.calls = 0};
    gb_counters_open(&counters, &script_perf);
    script.round = 0;
    caller->warm_cost = 500;
    contender->warm_cost = 500;
    turns.counters = &counters;
    assert_int_equal(gb_turn_calls(&turns, &here, true, 7, 5, &ns, why), GB_TURN_GOOD); /* nobody wants it */
    assert_true(script.counted[0] == 0 && script.counted[1] == 0);
    turns.counts = &counts;
    turns.counted = GB_COUNTED_ALONE;
    assert_int_equal(gb_turn_calls(&turns, &here, true, 7, 5, &ns, why), GB_TURN_GOOD);
    assert_true(ns == 35 && script.counted[0] == 2 && script.counted[1] == 0);
    assert_true(gb_counts_per_call(&counts, GB_COUNTER_CYCLES) == (35.0 + SCRIPT_READING) / 5);
    turns.counted = GB_COUNTED_ALL;
    counts = (struct gb_counts){.calls = 0};
    prepare_there();
    assert_int_equal(gb_turn_calls(&turns, &there, true, 20, 4, &ns, why), GB_TURN_GOOD);
    assert_true(ns == 80 && script.counted[0] == 2 && script.counted[1] == 2);
    assert_true(gb_counts_per_call(&counts, GB_COUNTER_CYCLES) == (80.0 + SCRIPT_READING) / 4);
    gb_counters_close(&counters);
}

/* Once, and in a sample: what an error takes is no time of a call. */
static void a_call_that_fails_says_why(void **state) {
    (void)state;
    caller->fails_in = SCRIPT_CALLS;
    caller->fails_at = 1;
    assert_int_equal(gb_turn_once(&turns, &here, &ns, why), GB_TURN_FAILED);
    assert_string_equal(why, "the call failed: no memory");
    why[0] = '\0';
    caller->fails_at = 2;
    assert_int_equal(gb_turn_calls(&turns, &here, true, 7, 5, &ns, why), GB_TURN_FAILED);
    assert_string_equal(why, "the call failed: no memory");
}

static void a_contender_is_prepared_in_a_turn(void **state) {
    (void)state;
    char line[4096];
    assert_int_equal(gb_turn_prepare(&turns, &there, why), GB_TURN_GOOD);
    assert_string_equal(trace(), "begin there, prepare there in 1000, end there");
    assert_true(gb_turn_line(&problem, 2, line, sizeof line));
    assert_string_equal(contender->line, line);
    assert_string_equal(why, "untouched");
    contender->unfit = "no sums";
    assert_int_equal(gb_turn_prepare(&turns, &there, why), GB_TURN_UNFIT);
    assert_string_equal(why, "no sums");
    contender->unfit = NULL;
    contender->fails_in = SCRIPT_PREPARE;
    contender->fails_at = 3;
    assert_int_equal(gb_turn_prepare(&turns, &there, why), GB_TURN_FAILED);
    assert_string_equal(why, "there died");
}

static void a_contender_runs_once_then_hands_over(void **state) {
    (void)state;
    prepare_there();
    assert_int_equal(gb_turn_once(&turns, &there, &ns, why), GB_TURN_GOOD);
    assert_string_equal(trace(), "begin there, run there 1 in 1000, result there in 1000, end there");
    assert_true(ns == 20);
    assert_string_equal(why, "untouched");
    assert_true(gb_problem_equal(&problem, script_truth(), &(struct gb_difference){0}));
}

static void a_contender_that_is_gone_is_asked_no_more(void **state) {
    static const struct {
        enum script_what in;
        const char *once, *calls;
    } cases[] = {
        {SCRIPT_RUN, "begin there, run there 1 in 1000, end there", "begin there, run there 1000 in 13000, end there"},
        {SCRIPT_RESULT, "begin there, run there 1 in 1000, result there in 1000, end there", NULL},
        {SCRIPT_END, "begin there, run there 1 in 1000, result there in 1000, end there",
         "begin there, run there 1000 in 13000, run there 4 in 13000, end there"},
    };
    (void)state;
    for (size_t i = 0; i < 3; i++)
        for (size_t often = 0; often < 2; often++) {
            script_rewind();
            contender->fails_in = SCRIPT_NEVER;
            prepare_there();
            contender->fails_in = cases[i].in;
            contender->fails_at = contender->asked[cases[i].in] + 1;
            why[0] = '\0';
            if (often && !cases[i].calls) continue;
            const enum gb_turn turn =
                often ? gb_turn_calls(&turns, &there, true, 300, 4, &ns, why) : gb_turn_once(&turns, &there, &ns, why);
            assert_int_equal(turn, GB_TURN_FAILED);
            assert_string_equal(trace(), often ? cases[i].calls : cases[i].once);
            assert_string_equal(why, "there died");
        }
}

/* The limit is 1000 ns and ten times what the calls should take; it warms up for 0.3 ms, with 1 to 10^6 calls. */
static void a_contender_warms_up_for_a_time(void **state) {
    static const struct {
        double call_ns;
        const char *trace;
    } cases[] = {
        {300, "begin there, run there 1000 in 13000, run there 4 in 13000, end there"},
        {299999, "begin there, run there 1 in 12000960, run there 4 in 12000960, end there"},
        {149999, "begin there, run there 2 in 6000960, run there 4 in 6000960, end there"},
        {300001, "begin there, run there 1 in 12001040, run there 4 in 12001040, end there"},
        {4e6, "begin there, run there 1 in 160001000, run there 4 in 160001000, end there"},
        {0.5, "begin there, run there 600000 in 1020, run there 4 in 1020, end there"},
        {0.25, "begin there, run there 1000000 in 1010, run there 4 in 1010, end there"},
        {0, "begin there, run there 1000000 in 1000, run there 4 in 1000, end there"},
    };
    (void)state;
    prepare_there();
    script.round = 0;
    contender->warm_cost = 3;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        script.n_events = 0;
        assert_int_equal(gb_turn_calls(&turns, &there, true, cases[i].call_ns, 4, &ns, why), GB_TURN_GOOD);
        assert_string_equal(trace(), cases[i].trace);
        assert_true(ns == 80);
    }
    script.n_events = 0;
    contender->warm_cost = 0;
    assert_int_equal(gb_turn_calls(&turns, &there, false, 300, 6, &ns, why), GB_TURN_GOOD);
    assert_string_equal(trace(), "begin there, run there 6 in 19000, end there");
    assert_true(ns == 120);
    assert_string_equal(why, "untouched");
}

/* Without the memory, of which the test knows no number. */
static const char *line_of(const struct gb_problem_spec *of, size_t threads) {
    static char line[4096];
    struct gb_problem made;
    char memory[80];
    assert_true(gb_problem_create_shared(&made, of));
    assert_true(gb_turn_line(&made, threads, line, sizeof line));
    snprintf(memory, sizeof memory, " memory=/proc/%ld/fd/%d bytes=%zu", (long)getpid(), made.shared.fd, made.shared.bytes);
    char *const at = strstr(line, memory);
    assert_non_null(at);
    memmove(at, at + strlen(memory), strlen(at + strlen(memory)) + 1);
    gb_problem_destroy(&made);
    return line;
}

/* The words of PEERS.md. Each operand takes blocks of 64 bytes, with 64 of its own before the first element and 64 behind;
 * inputs come first. misalign moves the elements. */
static void the_line_says_all(void **state) {
    (void)state;
    const struct gb_problem_spec layer = {.kernel = GK_KERNEL_affine_backward,
                                          .dtype = GK_F64,
                                          .n = 2,
                                          .d = 3,
                                          .m = 4,
                                          .c = 9,
                                          .layout = GK_OUT_IN,
                                          .accumulate = true,
                                          .ld_pad = 1,
                                          .misalign = 1,
                                          .data = GB_DATA_INTEGER,
                                          .seed = 7};
    assert_string_equal(line_of(&layer, 12),
                        "prepare kernel=affine_backward dtype=f64 threads=12 n=2 d=3 m=4 in.x=72,4 in.w=328,4 in.dy=648,5 "
                        "in.mask=904,2 out.dx=1096,4 out.dw=1352,4 out.db=1672,0 layout=out_in accumulate=1");
    const struct gb_problem_spec loss = {.kernel = GK_KERNEL_softmax_xent_forward, .n = 2, .c = 3, .ignore = true};
    assert_string_equal(line_of(&loss, 1), "prepare kernel=softmax_xent_forward dtype=f32 threads=1 n=2 c=3 in.x=64,3 "
                                           "in.labels=256,0 out.p=448,3 out.row_loss=640,0 out.loss=832,0 ignore=1");
}

static void a_line_that_does_not_fit_is_known(void **state) {
    (void)state;
    char line[4096], part[4096];
    assert_true(gb_turn_line(&problem, 2, line, sizeof line));
    const size_t length = strlen(line);
    for (size_t size = 1; size <= length + 2; size++) assert_int_equal(gb_turn_line(&problem, 2, part, size), size > length);
}

/* A line has 4095 bytes at most: a problem whose first operand's name grows. */
static void a_line_too_long_is_not_sent(void **state) {
    (void)state;
    char line[8192], name[4096];
    struct gk_field field = *problem.operands[0].field;
    struct gb_problem longer = problem;
    assert_true(gb_turn_line(&problem, 2, line, sizeof line));
    const size_t length = strlen(line), more = 4095 - length + strlen(field.name);
    memset(name, 'x', sizeof name);
    field.name = name;
    longer.operands[0].field = &field;
    turns.problem = &longer;
    name[more] = '\0';
    assert_int_equal(gb_turn_prepare(&turns, &there, why), GB_TURN_GOOD);
    assert_int_equal(strlen(contender->line), 4095);
    script.n_events = 0;
    name[more] = 'x', name[more + 1] = '\0';
    assert_int_equal(gb_turn_prepare(&turns, &there, why), GB_TURN_UNFIT);
    assert_string_equal(why, "the problem does not fit in a line");
    assert_int_equal(script.n_events, 0);
}

/* What is added to grows by as much with each of the calls; one that is refused says why. */
static void real_calls_are_so_many(void **state) {
    (void)state;
    const struct gb_problem_spec sum = {
        .kernel = GK_KERNEL_affine_db, .n = 3, .m = 1, .accumulate = true, .data = GB_DATA_INTEGER, .seed = 2};
    struct gb_problem made;
    double values[4];
    assert_true(gb_problem_create(&made, &sum));
    for (uint64_t calls = 0; calls < 4; calls++) {
        gb_problem_reset(&made);
        assert_int_equal(gb_real_effects.repeat(&made, script.ref, calls), GK_OK);
        const struct gb_operand *const db = gb_operand_named(&made, "db");
        values[calls] = gb_operand_value(db, gb_operand_bits(db, 0, 0));
    }
    assert_true(values[1] != values[0] && values[2] - values[1] == values[1] - values[0]);
    assert_true(values[3] - values[2] == values[1] - values[0]);
    assert_int_equal(gb_real_effects.repeat(&made, NULL, 1), GK_ERROR_NULL);
    gb_problem_destroy(&made);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(a_call_here_is_bound_then_timed),
        TEST(calls_here_warm_up_out_of_the_time),
        TEST(timed_calls_are_counted),
        TEST(a_call_that_fails_says_why),
        TEST(a_contender_is_prepared_in_a_turn),
        TEST(a_contender_runs_once_then_hands_over),
        TEST(a_contender_that_is_gone_is_asked_no_more),
        TEST(a_contender_warms_up_for_a_time),
        TEST(the_line_says_all),
        TEST(a_line_that_does_not_fit_is_known),
        TEST(a_line_too_long_is_not_sent),
        TEST(real_calls_are_so_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
