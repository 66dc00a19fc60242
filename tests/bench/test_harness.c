/* The harness by scripted calls: what it does with each variant, in which order, how often, and what it makes of the times. */
#include <math.h>
#include <malloc.h>

#include "copies.h"
#include "support_effects.h"

enum { NONE = GB_VARIANTS_MAX, SAMPLES_MAX = 1 << 15 };

static struct {
    struct gb_plan plan;
    struct gb_roofs roofs;
    struct gb_harness harness;
    struct gb_task task;
    struct gb_outcome outcome;
} t;

/* dx = dy w^T is 3 x 4, added to. */
static const struct gb_problem_spec usual = {
    .kernel = GK_KERNEL_affine_dx, .n = 3, .d = 4, .m = 5, .accumulate = true, .ld_pad = 1, .seed = 2};

static void open_with(const struct gb_problem_spec *spec) {
    memset(&t, 0, sizeof t);
    script_open(spec);
    t.task = (struct gb_task){.spec = *spec, .workload = "here"};
    t.plan.ref = script.ref;
    t.plan.threads[0] = 1, t.plan.threads[1] = 3;
    t.plan.n_threads = 2;
    t.roofs.n_threads = 2;
    t.roofs.threads[0] = 1, t.roofs.threads[1] = 3;
    for (size_t i = 0; i < 2; i++) {
        for (int level = 0; level < GB_LEVEL_COUNT; level++)
            t.roofs.bandwidth[i][level] = (struct gb_bandwidth){1e3, 1e3, 1e3, 1e3, 1e3};
        for (size_t isa = 0; isa < GK_ISA_COUNT; isa++) t.roofs.fma[isa][GK_F32][i] = t.roofs.fma[isa][GK_F64][i] = 0.5;
    }
    t.harness = (struct gb_harness){.effects = &script_effects,
                                    .plan = &t.plan,
                                    .roofs = &t.roofs,
                                    .binding = script_binding,
                                    .caches = {1 << 15, 1 << 20, 1 << 25},
                                    .rounds = GB_ROUNDS_MIN,
                                    .sample_ns = 1000,
                                    .budget_ns = 1e15,
                                    .limit_ns = 5000,
                                    .seed = 1,
                                    .stop = &script.stop,
                                    .progress = script_tell,
                                    .progress_data = &script};
}

static int set_up(void **state) {
    (void)state;
    open_with(&usual);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    gb_outcome_free(&t.outcome);
    script_close();
    return 0;
}

static void reopen(const struct gb_problem_spec *spec) {
    tear_down(NULL);
    open_with(spec);
}

static struct gb_variant *add_variant(const char *name, size_t isa, size_t threads, double cost) {
    struct gb_variant *const v = &t.plan.variants[t.plan.n_variants++];
    *v = (struct gb_variant){.isa = isa, .threads = threads, .name = name};
    v->ctx = script_add(name, threads, cost)->ctx;
    snprintf(v->label, sizeof v->label, "%s on %zu", name, threads);
    return v;
}

/* Variant i has cell i. */
static struct script_cell *own(const char *name, size_t isa, size_t threads, double cost) {
    add_variant(name, isa, threads, cost);
    t.plan.n_own++;
    return &script.cells[t.plan.n_own - 1];
}

static struct script_cell *peer(const char *name, size_t isa, size_t threads, double cost) {
    struct gb_variant *const v = add_variant(name, isa, threads, cost);
    struct script_cell *const cell = &script.cells[t.plan.n_variants - 1];
    v->peer = true;
    v->ctx = NULL;
    v->contender = &cell->contender;
    return cell;
}

/* All are contenders; the twin is the last cell. */
static struct script_cell *race(double twin_cost) {
    t.harness.judge = script.ref;
    for (size_t i = 0; i < t.plan.n_own; i++) t.plan.variants[i].contender = &script.cells[i].contender;
    t.plan.twin = t.plan.variants[t.plan.n_own - 1];
    struct script_cell *const twin = script_add("twin", t.plan.twin.threads, twin_cost);
    t.plan.twin.contender = &twin->contender;
    return twin;
}

static void run_again(void) {
    gb_outcome_free(&t.outcome);
    assert_true(gb_harness_run(&t.harness, &t.task, &t.outcome));
}

static void run(void) {
    script_rewind();
    run_again();
}

static const struct gb_measure *measure(size_t variant) { return &t.outcome.measures[variant]; }

/* A sample of the rounds. */
struct taken {
    const struct script_cell *cell;
    uint64_t count;
    size_t round;
};

/* Of a contender the last run of a turn. */
static size_t samples(struct taken taken[SAMPLES_MAX]) {
    size_t count = 0;
    for (size_t i = 0; i < script.n_events; i++) {
        const struct script_event *const e = &script.events[i];
        const bool run = e->what == SCRIPT_RUN && script.events[i + 1].what == SCRIPT_END;
        if (e->round == SCRIPT_BEFORE || (e->what != SCRIPT_CALLS && !run)) continue;
        assert_true(count < SAMPLES_MAX);
        taken[count++] = (struct taken){e->cell, e->count, e->round};
    }
    return count;
}

static size_t samples_of(const struct script_cell *cell) {
    static struct taken taken[SAMPLES_MAX];
    const size_t all = samples(taken);
    size_t count = 0;
    for (size_t i = 0; i < all; i++) count += taken[i].cell == cell;
    return count;
}

/* It was right, and has a time from so many rounds. */
static void assert_timed(size_t variant, size_t rounds) {
    const struct gb_measure *const m = measure(variant);
    assert_int_equal(m->state, GB_STATE_TIMED);
    assert_int_equal(m->verified, GB_VERIFIED_FULL);
    assert_string_equal(m->failure, "");
    assert_int_equal(m->summary.count, rounds);
}

/* It was asked for one result, and for nothing after that. */
static void assert_never_timed(size_t variant, enum gb_state state) {
    const struct gb_measure *const m = measure(variant);
    const struct script_cell *const cell = &script.cells[variant];
    assert_int_equal(m->state, state);
    assert_int_equal(cell->asked[SCRIPT_CALLS] + cell->asked[SCRIPT_RUN], 1);
    assert_int_equal(cell->asked[SCRIPT_WARM], 0);
    assert_null(m->samples);
    assert_int_equal(m->iterations, 0);
    assert_int_equal(m->summary.count, 0);
}

static double truth_at(const char *operand, size_t row, size_t col) {
    script_truth();
    const struct gb_operand *const o = gb_operand_named(&script.truth, operand);
    return gb_operand_value(o, gb_operand_bits(o, row, col));
}

/* Wrong results */

static const struct {
    enum script_wrong wrong;
    const char *operand;
    size_t row, col;
} wrongs[] = {
    {SCRIPT_WRONG_ELEMENT, "dx", 0, 0}, {SCRIPT_WRONG_ELEMENT, "dx", 2, 3}, {SCRIPT_WRONG_ELEMENT, "dx", 1, 2},
    {SCRIPT_WRONG_PADDING, "dx", 2, 0}, {SCRIPT_WRONG_PADDING, "dy", 0, 0}, {SCRIPT_WRONG_INPUT, "w", 3, 4},
};

static void make_wrong(struct script_cell *cell, size_t i) {
    cell->wrong = wrongs[i].wrong;
    cell->operand = wrongs[i].operand;
    cell->row = wrongs[i].row;
    cell->col = wrongs[i].col;
}

static void assert_failure(size_t variant, size_t i, bool is_peer) {
    char text[200];
    const double want = wrongs[i].wrong == SCRIPT_WRONG_ELEMENT ? truth_at("dx", wrongs[i].row, wrongs[i].col) : 0;
    if (wrongs[i].wrong != SCRIPT_WRONG_ELEMENT)
        snprintf(text, sizeof text, "an input or the padding of %s was written", wrongs[i].operand);
    else if (is_peer) snprintf(text, sizeof text, "dx[%zu][%zu] is 1.5, but %.9g in ours", wrongs[i].row, wrongs[i].col, want);
    else snprintf(text, sizeof text, "dx[%zu][%zu] is 0x1.8p+0, but %a in ref", wrongs[i].row, wrongs[i].col, want);
    assert_never_timed(variant, GB_STATE_FAILED);
    assert_string_equal(measure(variant)->failure, text);
    assert_int_equal(measure(variant)->verified, GB_VERIFY_FAILED);
}

/* Whichever of ours is wrong; those before it are right. So are those after it, unless an input is wrong now. */
static void a_wrong_cell_has_no_time(void **state) {
    (void)state;
    own("ref", 0, 1, 300);
    own("b", 1, 1, 200);
    own("c", 2, 3, 100);
    for (size_t i = 0; i < sizeof wrongs / sizeof *wrongs; i++)
        for (size_t w = 0; w < 3; w++) {
            make_wrong(&script.cells[w], i);
            run();
            assert_failure(w, i, false);
            for (size_t v = 0; v < 3; v++) {
                if (v == w) continue;
                if (v < w || wrongs[i].wrong == SCRIPT_WRONG_ELEMENT) assert_timed(v, GB_ROUNDS_MIN);
                else assert_never_timed(v, GB_STATE_FAILED);
            }
            script.cells[w].wrong = SCRIPT_RIGHT;
        }
}

static void a_wrong_contender_has_no_time(void **state) {
    (void)state;
    own("ref", 0, 1, 300);
    own("b", 1, 1, 200);
    peer("p", 1, 1, 100);
    peer("q", 1, 3, 100);
    race(200);
    for (size_t i = 0; i < sizeof wrongs / sizeof *wrongs; i++)
        for (size_t w = 0; w < 4; w++) {
            make_wrong(&script.cells[w], i);
            run();
            assert_failure(w, i, w >= 2);
            for (size_t v = 0; v < 4; v++) /* each hands over all operands */
                if (v != w) assert_timed(v, GB_ROUNDS_MIN);
            script.cells[w].wrong = SCRIPT_RIGHT;
        }
}

/* Of the first one, which the others are compared with. One that differs in a bit is timed, if it is right as a peer is. */
static void builds_are_compared_bit_by_bit(void **state) {
    static const struct {
        size_t at; /* who is wrong; 2: nobody */
        enum script_wrong wrong;
        const char *unfit;
        bool differs;
        enum gb_state state; /* of who is wrong */
    } cases[] = {{2, SCRIPT_RIGHT, NULL, false, GB_STATE_TIMED},
                 {0, SCRIPT_WRONG_INPUT, NULL, true, GB_STATE_TIMED}, /* of dx: its last bit */
                 {1, SCRIPT_WRONG_INPUT, NULL, true, GB_STATE_TIMED},
                 {0, SCRIPT_WRONG_ELEMENT, NULL, true, GB_STATE_FAILED},
                 {1, SCRIPT_WRONG_ELEMENT, NULL, true, GB_STATE_FAILED},
                 {1, SCRIPT_WRONG_PADDING, NULL, false, GB_STATE_FAILED},
                 {1, SCRIPT_RIGHT, "no such kernel", false, GB_STATE_UNFIT}};
    (void)state;
    own("new", 1, 1, 200);
    struct gb_variant *const old = add_variant("old", 1, 1, 300);
    race(200);
    old->contender = &script.cells[1].contender;
    old->build = t.plan.variants[0].build = true;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (size_t v = 0; v < 2; v++) {
            struct script_cell *const cell = &script.cells[v];
            cell->wrong = v == cases[i].at ? cases[i].wrong : SCRIPT_RIGHT;
            cell->unfit = v == cases[i].at ? cases[i].unfit : NULL;
            cell->operand = "dx", cell->row = cell->col = cases[i].wrong == SCRIPT_WRONG_PADDING ? 0 : 1;
        }
        run();
        assert_int_equal(measure(1)->differs, cases[i].differs);
        assert_false(measure(0)->differs);
        for (size_t v = 0; v < 2; v++) assert_int_equal(measure(v)->state, v == cases[i].at ? cases[i].state : GB_STATE_TIMED);
        if (cases[i].state == GB_STATE_TIMED) assert_int_equal(measure(0)->iterations, measure(1)->iterations);
        if (measure(0)->state == GB_STATE_TIMED) assert_int_equal(t.outcome.null_variant, 0);
    }
}

/* Beyond 2^30 multiply-adds ref computes a sample, and is not called again. The last element is in it, and of three in the
 * middle one at least is not: that is seen beside the first variant. */
static void a_wrong_cell_is_seen_on_a_sample(void **state) {
    const struct gb_problem_spec large = {.kernel = GK_KERNEL_affine_dx, .n = 1030, .d = 1021, .m = 1041, .seed = 2};
    const size_t places[][2] = {{1029, 1020}, {501, 333}, {333, 501}, {707, 222}};
    char text[40];
    (void)state;
    reopen(&large);
    own("ref", 0, 1, 500);
    own("right", 1, 1, 500);
    for (size_t i = 0; i < 4; i++) {
        struct script_cell *const cell = own("wrong", 2, 1, 500);
        cell->wrong = SCRIPT_WRONG_ELEMENT, cell->operand = "dx", cell->row = places[i][0], cell->col = places[i][1];
    }
    for (size_t v = 1; v < 6; v++) {
        gk_context_destroy(script.cells[v].ctx);
        script.cells[v].ctx = t.plan.variants[v].ctx = gb_context(gb_widest_isa(), 1);
    }
    script.stop_at = 2 + 5 * 4; /* in the clock after the last one's call */
    run();
    assert_int_equal(measure(0)->state, GB_STATE_NOT_TIMED);
    assert_int_equal(script.cells[0].asked[SCRIPT_CALLS], 0);
    assert_int_equal(measure(1)->verified, GB_VERIFIED_SAMPLED);
    assert_string_equal(measure(1)->failure, "");
    size_t beside_another = 0;
    for (size_t i = 0; i < 4; i++) {
        const char *const failure = measure(2 + i)->failure;
        assert_int_equal(measure(2 + i)->state, GB_STATE_FAILED);
        snprintf(text, sizeof text, "dx[%zu][%zu] is 0x1.8p+0, but ", places[i][0], places[i][1]);
        assert_memory_equal(failure, text, strlen(text));
        const char *const against = strstr(failure, " in ");
        if (i == 0 || strcmp(against, " in ref") == 0) assert_string_equal(against, " in ref");
        else assert_string_equal(against, " in right on 1");
        beside_another += strcmp(against, " in ref") != 0;
    }
    assert_true(beside_another > 0);
}

/* Verification */

/* ref is called first, by itself, then each variant once from the problem as it was made. */
static void each_is_verified_once_from_the_start(void **state) {
    (void)state;
    own("a", 1, 1, 2000);
    own("b", 2, 3, 3000);
    script.stop_at = 9; /* in the second variant's call: nothing comes after */
    run();
    const struct {
        enum script_what what;
        const struct script_cell *cell;
        uint64_t count;
    } expected[] = {{SCRIPT_BIND, NULL, 1},  {SCRIPT_CLOCK, NULL, 0},
                    {SCRIPT_CLOCK, NULL, 0}, {SCRIPT_BIND, NULL, 1},
                    {SCRIPT_CLOCK, NULL, 0}, {SCRIPT_CALLS, &script.cells[0], 1},
                    {SCRIPT_CLOCK, NULL, 0}, {SCRIPT_BIND, NULL, 3},
                    {SCRIPT_CLOCK, NULL, 0}, {SCRIPT_CALLS, &script.cells[1], 1},
                    {SCRIPT_CLOCK, NULL, 0}};
    assert_int_equal(script.n_events, sizeof expected / sizeof *expected);
    for (size_t i = 0; i < script.n_events; i++) {
        assert_int_equal(script.events[i].what, expected[i].what);
        assert_ptr_equal(script.events[i].cell, expected[i].cell);
        assert_int_equal(script.events[i].count, expected[i].count);
    }
    for (size_t v = 0; v < 2; v++) {
        assert_int_equal(measure(v)->verified, GB_VERIFIED_FULL); /* it is added to what was there */
        assert_true(measure(v)->call_ns == (v ? 3000 : 2000));
    }
    script.stop_at = 0;
    run();
    assert_timed(0, GB_ROUNDS_MIN);
    assert_timed(1, GB_ROUNDS_MIN);
    assert_true(script.began_as_made);
}

static void who_is_asked_and_who_ran(void **state) {
    (void)state;
    own("a", 1, 1, 100);
    own("b", 1, 3, 100);
    own("c", 2, 3, 100);
    peer("p", 1, 3, 100)->contender.ran = 2;
    peer("q", 1, 4, 100);
    gk_context_destroy(script.cells[2].ctx);
    const gk_options options = {.isa = "ref", .threads = 3, .serial_below = 30}; /* 2 x 3 x 4 x 5 = 120 FLOPs */
    assert_int_equal(gk_context_create(&script.cells[2].ctx, &options), GK_OK);
    t.plan.variants[2].ctx = script.cells[2].ctx;
    script.cells[2].then_small = true;
    t.harness.judge = script.ref;
    run();
    const size_t asked[] = {1, 1, 3, 0, 0}, used[] = {1, 1, 1, 2, 4};
    for (size_t v = 0; v < 5; v++) {
        assert_int_equal(measure(v)->threads_asked, asked[v]);
        assert_int_equal(measure(v)->threads_used, used[v]);
        assert_int_equal(gb_had_fewer_threads(measure(v)), v == 2);
        assert_string_equal(measure(v)->note, v == 3 ? "p" : v == 4 ? "q" : "");
    }
    for (size_t i = 0; i < t.plan.n_own; i++) t.plan.variants[i].contender = &script.cells[i].contender;
    script.cells[0].contender.ran = 7;
    run();
    assert_int_equal(measure(0)->threads_asked, 1);
    assert_int_equal(measure(0)->threads_used, 7);
    assert_int_equal(measure(1)->threads_used, 3);
    assert_int_equal(measure(2)->threads_asked, 3);
    assert_string_equal(measure(0)->note, "");
}

/* From 0.2 s on ref is not timed, a peer from 2 s on, ours always. */
static void slow_ones_are_not_timed(void **state) {
    static const struct {
        double ref, ours, peer;
        bool ref_timed, peer_timed;
    } cases[] = {{0.2e9, 1e12, 2e9, true, true}, {0.2e9 + 1, 1e12, 2e9, false, true}, {0.2e9, 1e12, 2e9 + 1, true, false}};
    (void)state;
    for (size_t race_too = 0; race_too < 2; race_too++) {
        reopen(&usual);
        own("ref", 0, 1, 0);
        own("a", 1, 1, 0);
        peer("p", 0, 1, 0);
        t.harness.judge = script.ref;
        if (race_too) race(1e12);
        for (size_t i = 0; i < 3; i++) {
            script.cells[0].cost = cases[i].ref, script.cells[1].cost = cases[i].ours, script.cells[2].cost = cases[i].peer;
            run();
            if (cases[i].ref_timed) assert_timed(0, GB_ROUNDS_MIN);
            else assert_never_timed(0, GB_STATE_NOT_TIMED);
            assert_timed(1, GB_ROUNDS_MIN);
            if (cases[i].peer_timed) assert_timed(2, GB_ROUNDS_MIN);
            else assert_never_timed(2, GB_STATE_NOT_TIMED);
            for (size_t v = 0; v < 3; v++) assert_int_equal(measure(v)->verified, GB_VERIFIED_FULL);
        }
    }
}

/* Where the reference took more than twice 0.2 s for each thread, ref is not even called again. */
static void slow_ref_is_not_called_again(void **state) {
    (void)state;
    own("ref", 0, 1, 1e6);
    own("ref", 0, 3, 1e6);
    own("a", 1, 1, 1e6);
    peer("p", 0, 1, 1e6);
    t.harness.judge = script.ref;
    const double ref_ns[] = {0.4e9, 0.4e9 + 1, 1.2e9, 1.2e9 + 1};
    for (size_t i = 0; i < 4; i++) {
        script.ref_ns = ref_ns[i];
        run();
        for (size_t v = 0; v < 4; v++) {
            if (v >= 2 || i < 1 + 2 * v) assert_timed(v, GB_ROUNDS_MIN);
            else {
                assert_int_equal(measure(v)->state, GB_STATE_NOT_TIMED);
                assert_int_equal(measure(v)->verified, GB_VERIFY_FAILED); /* nobody looked */
                assert_string_equal(measure(v)->failure, "");
                assert_int_equal(script.cells[v].asked[SCRIPT_CALLS] + script.cells[v].asked[SCRIPT_WARM], 0);
            }
        }
    }
}

/* Iterations */

/* Of variant v before the rounds, without the one that was verified: "1 10 40". */
static const char *calibration(size_t v) {
    static char text[300];
    size_t used = 0, seen = 0;
    text[0] = '\0';
    for (size_t i = 0; i < script.n_events; i++) {
        const struct script_event *const e = &script.events[i];
        const bool run = e->what == SCRIPT_RUN && script.events[i + 1].what != SCRIPT_RUN;
        if (e->cell != &script.cells[v] || e->round != SCRIPT_BEFORE || (e->what != SCRIPT_CALLS && !run)) continue;
        if (seen++ > 0) used += (size_t)snprintf(text + used, sizeof text - used, "%s%zu", used ? " " : "", (size_t)e->count);
    }
    return text;
}

static void calls_grow_until_a_sample_is_long(void **state) {
    static const struct {
        double cost;
        bool flat;
        const char *calls;
        uint64_t iterations;
    } cases[] = {
        {1000, false, "1", 1},
        {999, false, "1 2", 2}, /* 1.2 times what is missing, at least one more */
        {500, false, "1 3", 3},
        {100, false, "1 10", 10},
        {99, false, "1 10 13", 13},
        {30, false, "1 10 40", 40},
        {1, false, "1 10 100 1000", 1000},
        {0.5, false, "1 10 100 1000 2400", 2400},
        /* a clock that stands still counts as a hundredth */
        {0, false, "1 10 100 1000 10000 100000 1000000 10000000 100000000 1000000000", 10000000000},
        {150, true, "1 8 64 512 4096 32768 262144 2097152 16777216 134217728", 1 << 30},
    };
    (void)state;
    peer("p", 1, 1, 0);
    t.harness.judge = script.ref;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        script.cells[0].cost = cases[i].cost;
        script.cells[0].flat = cases[i].flat;
        run();
        assert_string_equal(calibration(0), cases[i].calls);
        assert_true(measure(0)->iterations == cases[i].iterations);
    }
    script.cells[0].flat = false;
    script.cells[0].cost = 2;
    t.harness.sample_ns = 100;
    run();
    assert_string_equal(calibration(0), "1 10 60");
}

/* As many as the slowest of ours, ref apart, needs; ref and peers have their own. */
static void ours_make_equal_numbers_of_calls(void **state) {
    static struct taken taken[SAMPLES_MAX];
    const uint64_t expected[2][5] = {{3, 10, 10, 1000}, {3, 4, 4, 1000, 4}};
    (void)state;
    own("ref", 0, 1, 500);
    own("a", 1, 1, 100);
    own("b", 2, 3, 30);
    peer("p", 0, 1, 1);
    t.harness.judge = script.ref;
    for (size_t with_twin = 0; with_twin < 2; with_twin++) {
        if (with_twin) race(300);
        run();
        const size_t count = samples(taken);
        assert_int_equal(count, 5 * GB_ROUNDS_MIN);
        for (size_t i = 0; i < count; i++) assert_int_equal(taken[i].count, expected[with_twin][taken[i].cell - script.cells]);
        for (size_t v = 0; v < 4; v++) assert_int_equal(measure(v)->iterations, expected[with_twin][v]);
    }
}

/* A call that fails while calls are counted makes no number for the others. */
static void who_fails_in_calibration_does_not_count(void **state) {
    (void)state;
    own("a", 1, 1, 100);
    own("b", 2, 1, 30);
    script.cells[0].fails_in = SCRIPT_CALLS;
    script.cells[0].fails_at = 2;
    run();
    assert_int_equal(measure(0)->state, GB_STATE_FAILED);
    assert_string_equal(measure(0)->failure, "the call failed: no memory");
    assert_int_equal(measure(1)->iterations, 40);
    assert_timed(1, GB_ROUNDS_MIN);
}

/* Where a sample is one call, it comes after another only where all operands fit in L3, and never for ref. */
static void a_warm_up_where_it_tells(void **state) {
    const double bytes = 4 * (3 * 5 + 4 * 5 + 2 * 3 * 4); /* dx is read and written */
    (void)state;
    own("ref", 0, 1, 2000);
    own("a", 1, 1, 2000);
    peer("p", 0, 1, 2000);
    t.harness.judge = script.ref;
    for (size_t i = 0; i < 2; i++) {
        t.harness.caches.l3 = (size_t)bytes - i;
        t.harness.caches.l2 = 1;
        run();
        assert_true(t.outcome.bytes == bytes);
        /* one in calibration, one before each sample; a is its own twin */
        assert_int_equal(script.cells[0].asked[SCRIPT_WARM], 0);
        assert_int_equal(script.cells[1].asked[SCRIPT_WARM], i ? 0 : 2 + 2 * GB_ROUNDS_MIN);
        assert_int_equal(script.cells[2].asked[SCRIPT_RUN], i ? 2 + GB_ROUNDS_MIN : 3 + 2 * GB_ROUNDS_MIN);
    }
    script.cells[0].cost = 500; /* 1 call, then 3, and 3 in the rounds */
    run();
    assert_int_equal(script.cells[0].asked[SCRIPT_WARM], 1 + GB_ROUNDS_MIN);
}

/* The time of those calls is in no sample. */
static void warm_ups_are_not_counted(void **state) {
    (void)state;
    own("a", 1, 1, 300);
    own("b", 1, 1, 300);
    peer("p", 1, 1, 300);
    race(300);
    for (size_t v = 0; v < script.n_cells; v++) script.cells[v].warm_cost = 1e6;
    for (size_t in_process = 0; in_process < 2; in_process++) {
        for (size_t v = 0; v < 2 && in_process; v++) t.plan.variants[v].contender = NULL;
        run();
        for (size_t v = 0; v < 3; v++) {
            assert_int_equal(samples_of(&script.cells[v]), GB_ROUNDS_MIN);
            for (size_t i = 0; i < GB_ROUNDS_MIN; i++) assert_true(measure(v)->samples[i] == 300);
            assert_true(measure(v)->summary.median == 300);
            assert_true(measure(v)->call_ns == 300);
        }
        assert_true(t.outcome.noise == 0);
    }
}

/* A contender is given its limit and ten times what it takes; so long it warms up. */
static void limits_of_contenders(void **state) {
    (void)state;
    own("a", 1, 1, 300);
    peer("p", 1, 1, 200);
    race(300);
    run();
    for (size_t i = 0; i < script.n_events; i++) {
        const struct script_event *const e = &script.events[i];
        if (e->what == SCRIPT_PREPARE || e->what == SCRIPT_RESULT) assert_true(e->limit_ns == 5000);
        if (e->what != SCRIPT_RUN || e->round == SCRIPT_BEFORE) continue;
        assert_true(e->limit_ns == 5000 + (e->cell == &script.cells[1] ? 10 * 200 * 6 : 10 * 300 * 4));
        if (script.events[i + 1].what == SCRIPT_RUN) assert_int_equal(e->count, e->cell == &script.cells[1] ? 1500 : 1000);
    }
}

/* Rounds */

/* Which of the 6 orders of the first three cells a round has. */
/* In samples alone, and of those threads alone that the calls had: another's spinning is not theirs. */
static void samples_are_counted(void **state) {
    (void)state;
    struct gb_counters counters;
    gb_counters_open(&counters, &script_perf);
    t.harness.counters = &counters;
    own("one", 1, 1, 50);
    own("small", 1, 3, 50);
    own("all", 1, 3, 50);
    gk_context_destroy(script.cells[2].ctx);
    const gk_options options = {.isa = "ref", .threads = 3, .serial_below = 30}; /* 2 x 3 x 4 x 5 = 120 FLOPs */
    assert_int_equal(gk_context_create(&script.cells[2].ctx, &options), GK_OK);
    t.plan.variants[2].ctx = script.cells[2].ctx;
    run();
    for (size_t v = 0; v < 3; v++) {
        const size_t rounds = v == 2 ? 2 * GB_ROUNDS_MIN : GB_ROUNDS_MIN; /* the last is timed twice */
        const struct gb_measure *const m = measure(v);
        assert_true(m->counts.calls == (double)(rounds * m->iterations));
        assert_true(fabs(gb_counts_per_call(&m->counts, GB_COUNTER_CYCLES) - 50 - SCRIPT_READING / (double)m->iterations) <
                    1e-9);
        assert_true(isnan(gb_counts_per_call(&m->counts, GB_COUNTER_INSTRUCTIONS)));
    }
    assert_true(measure(1)->threads_used == 1 && measure(2)->threads_used == 3);
    assert_int_equal(script.counted[GB_COUNTED_ALONE], 2 * 2 * GB_ROUNDS_MIN);
    assert_int_equal(script.counted[GB_COUNTED_ALL], 2 * 2 * GB_ROUNDS_MIN);
    race(50);
    run();
    assert_int_equal(script.counted[GB_COUNTED_ALONE], 0);
    assert_int_equal(script.counted[GB_COUNTED_ALL], 2 * 4 * GB_ROUNDS_MIN);
    t.harness.counters = NULL;
    run();
    assert_int_equal(script.counted[GB_COUNTED_ALL], 0);
    assert_true(measure(0)->counts.calls == 0);
    gb_counters_close(&counters);
}

static size_t order_of(const struct taken *round) {
    size_t place[3] = {9, 9, 9};
    for (size_t i = 0; i < 3; i++) place[round[i].cell - script.cells] = i;
    for (size_t v = 0; v < 3; v++) assert_int_not_equal(place[v], 9);
    return place[0] * 2 + (place[1] > place[2]);
}

/* Whatever the order before. */
static void each_round_has_each_once_in_an_order_of_its_own(void **state) {
    enum { ROUNDS = 1000, SEEDS = 3 };
    static struct taken taken[SAMPLES_MAX];
    size_t follows[6][6] = {{0}}, before = 0;
    (void)state;
    own("a", 1, 1, 2000);
    peer("p", 1, 1, 2000);
    race(2000);
    t.harness.rounds = ROUNDS;
    for (t.harness.seed = 1; t.harness.seed <= SEEDS; t.harness.seed++) {
        run();
        assert_int_equal(samples(taken), 3 * ROUNDS);
        for (size_t r = 0; r < ROUNDS; r++) {
            for (size_t i = 0; i < 3; i++) assert_int_equal(taken[3 * r + i].round, r);
            const size_t order = order_of(&taken[3 * r]);
            if (r > 0) follows[before][order]++;
            before = order;
        }
    }
    for (size_t i = 0; i < 36; i++) assert_in_range(follows[i / 6][i % 6], 50, 120); /* 83 each */
}

/* The same in every version: who is told of a seed sees the same run. */
static void orders_come_from_the_seed(void **state) {
    enum { ROUNDS = 31 };
    static struct taken taken[SAMPLES_MAX];
    size_t orders[3][ROUNDS];
    char text[ROUNDS + 1];
    (void)state;
    own("a", 1, 1, 2000);
    peer("p", 1, 1, 2000);
    race(2000);
    t.harness.rounds = ROUNDS;
    for (size_t i = 0; i < 3; i++) {
        t.harness.seed = i < 2 ? 5 : 6;
        run();
        assert_int_equal(samples(taken), 3 * ROUNDS);
        for (size_t r = 0; r < ROUNDS; r++) orders[i][r] = order_of(&taken[3 * r]);
    }
    for (size_t r = 0; r < ROUNDS; r++) text[r] = (char)('0' + orders[0][r]);
    text[ROUNDS] = '\0';
    assert_string_equal(text, "2250150221141032014453353441344");
    assert_memory_equal(orders[0], orders[1], sizeof orders[0]);
    assert_memory_not_equal(orders[0], orders[2], sizeof orders[0]);
}

/* After the first 6 none starts that late. A round takes 4000 ns: two of 2000, for the cell is its own twin. */
static void rounds_end_with_the_time(void **state) {
    static const struct {
        size_t most;
        double budget;
        size_t rounds;
    } cases[] = {{31, 1e15, 31}, {31, 40000, 10}, {31, 40001, 11}, {31, 39999, 10}, {31, 1, 6},
                 {31, 24000, 6}, {31, 24001, 7},  {9, 1e15, 9},    {9, 36000, 9},   {9, 32000, 8}};
    (void)state;
    own("a", 1, 1, 2000);
    t.harness.caches.l3 = 1;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        t.harness.rounds = cases[i].most;
        t.harness.budget_ns = cases[i].budget;
        run();
        assert_int_equal(t.outcome.rounds, cases[i].rounds);
        assert_timed(0, cases[i].rounds);
        assert_int_equal(samples_of(&script.cells[0]), 2 * cases[i].rounds);
    }
}

/* Costs go between 2000 and as much more as `wide` says: of six rounds the first and the last enclose the median, of 10 the
 * second and the ninth, and so on. Widths are looked at after 6, 7, 8, 10, 12, 15, 18 and 22. The other cell is ten times as
 * fast, which ends nothing. */
static void rounds_end_with_narrow_intervals(void **state) {
    enum { MOST = 23 };
    static const struct {
        double wide, precision;
        size_t slow, rounds; /* slow: rounds, at the start */
    } cases[] = {{40, 0, 0, MOST}, {40, 0.00991, 0, 6}, {40, 0.0099, 0, MOST}, {0, 1e-9, 0, 6},  {0, 0, 0, MOST},
                 {0, 0.01, 1, 10}, {0, 0.01, 2, 12},    {0, 0.01, 3, 15},      {0, 0.01, 4, 18}, {0, 0.01, 5, 22}};
    double costs[MOST];
    (void)state;
    own("a", 1, 1, 2000);
    own("b", 1, 1, 200);
    t.harness.rounds = MOST;
    for (size_t which = 0; which < 2; which++)
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            for (size_t r = 0; r < MOST; r++) costs[r] = r < cases[i].slow ? 4000 : 2000 + (r % 2 ? cases[i].wide : 0);
            script.cells[which].in_round = costs;
            script.cells[!which].in_round = NULL;
            t.harness.precision = cases[i].precision;
            run();
            assert_int_equal(t.outcome.rounds, cases[i].rounds);
        }
}

/* One that fails in its rounds is waited for no more. */
static void who_fails_needs_no_narrow_interval(void **state) {
    static const double costs[] = {2000, 4000, 2000, 4000, 2000, 4000, 2000, 4000, 2000, 4000, 2000, 4000};
    (void)state;
    own("a", 1, 1, 2000);
    peer("p", 1, 1, 2000)->in_round = costs;
    race(2000);
    t.harness.rounds = 12;
    t.harness.precision = 0.01;
    run();
    assert_int_equal(t.outcome.rounds, 12);
    script.cells[1].fails_in = SCRIPT_END;
    script.cells[1].fails_at = 5 + script.cells[1].asked[SCRIPT_END] - 12;
    run();
    assert_int_equal(measure(1)->state, GB_STATE_GONE);
    assert_int_equal(t.outcome.rounds, 6);
}

/* In a disturbed round all takes ten times as long. Those that are dropped count in no time and no ratio, and others follow in
 * their place, up to as many; where fewer than 6 would be left, none is dropped. A round takes 4000 ns, or 40000. */
static void disturbed_rounds_are_dropped(void **state) {
    static const struct {
        const char *letters;
        double budget;
        size_t most, rounds, disturbed[GB_CAUSES];
        bool dropped;
        bool free, race; /* not bound; calls in other processes */
    } cases[] = {
        {"", 1e15, 9, 9, {9, 0, 0, 0}, true, false, false},
        {"s", 1e15, 9, 9, {9, 1, 0, 0}, true, false, false},
        {"..w..s.m", 1e15, 9, 9, {9, 1, 1, 0}, true, false, false},
        {"..w..s.m", 1e15, 9, 9, {9, 1, 1, 1}, true, true, false},
        {"..w..s.m", 1e15, 9, 9, {9, 1, 0, 0}, true, true, true},
        {"sssssssss", 1e15, 9, 9, {9, 9, 0, 0}, true, false, false},
        {"ssssssssss", 1e15, 9, 8, {8, 10, 0, 0}, true, false, false},
        {"ssssssssssss", 1e15, 9, 6, {6, 12, 0, 0}, true, false, false},
        {"sssssssssssss", 1e15, 9, 18, {5, 13, 0, 0}, false, false, false},
        {"wwwwwwwwwwwwwwwwwwww", 1e15, 9, 18, {0, 0, 18, 0}, false, false, false},
        {"ww.......", 1, 9, 6, {4, 0, 2, 0}, false, false, false},
        {"ww.......", 100001, 9, 6, {6, 0, 2, 0}, true, false, false},
        {"wwwwwwwwwwww", 240001, 9, 7, {0, 0, 7, 0}, false, false, false},
    };
    (void)state;
    own("a", 1, 1, 2000);
    own("b", 1, 1, 100);
    t.plan.n_variants = t.plan.n_own = 1;
    t.harness.caches.l3 = 1;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        t.harness.rounds = cases[i].most;
        t.harness.budget_ns = cases[i].budget;
        t.harness.binding = cases[i].free ? NULL : script_binding;
        script.free = cases[i].free;
        t.harness.judge = cases[i].race ? script.ref : NULL;
        script.disturbed = cases[i].letters;
        script.disturbed_cost = 10;
        run();
        assert_int_equal(t.outcome.rounds, cases[i].rounds);
        assert_memory_equal(t.outcome.disturbed, cases[i].disturbed, sizeof cases[i].disturbed);
        assert_int_equal(t.outcome.dropped, cases[i].dropped);
        assert_timed(0, cases[i].rounds);
        const size_t *const by_cause = cases[i].disturbed, bad = by_cause[1] + by_cause[2] + by_cause[3];
        size_t slow = cases[i].dropped ? bad : 0; /* samples too many, or not there */
        for (size_t r = 0; r < by_cause[0] + bad && cases[i].letters[r]; r++) slow -= cases[i].letters[r] != '.';
        for (size_t r = 0; r < cases[i].rounds; r++) slow += measure(0)->samples[r] == 20000;
        assert_int_equal(slow, 0);
        assert_true(t.outcome.null_pair.count == cases[i].rounds && t.outcome.noise == 0); /* still of one round */
    }
}

/* Up to 1 % of the ticks, and one switch in 20 ms, are no disturbance. */
static void causes(void **state) {
    static const struct {
        double ns, all, stolen, switches;
        int moved;
        bool here, free;
        enum gb_cause cause;
    } cases[] = {
        {1e6, 0, 0, 0, 0, true, true, GB_CAUSE_NONE},       {1e6, 100, 1, 0, 0, true, true, GB_CAUSE_NONE},
        {1e6, 100, 2, 0, 0, true, true, GB_CAUSE_STEAL},    {1e6, 0, 1, 0, 0, false, false, GB_CAUSE_STEAL},
        {1e6, 100, 2, 9, 3, true, true, GB_CAUSE_STEAL},    {19e6, 9, 0, 1, 0, true, false, GB_CAUSE_SWITCHES},
        {20e6, 9, 0, 1, 0, true, false, GB_CAUSE_NONE},     {20e6, 9, 0, 2, 1, true, true, GB_CAUSE_SWITCHES},
        {1e6, 9, 0, 9, 0, false, true, GB_CAUSE_NONE},      {1e6, 9, 0, 0, 1, true, true, GB_CAUSE_MIGRATION},
        {1e6, 9, 0, 0, -1, true, true, GB_CAUSE_MIGRATION}, {1e6, 9, 0, 0, 1, true, false, GB_CAUSE_NONE},
        {1e6, 9, 0, 0, 1, false, true, GB_CAUSE_NONE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct gb_signs before = {1e9, {.all = 500, .stolen = 50}, 70, 5};
        const struct gb_signs after = {before.ns + cases[i].ns,
                                       {.all = 500 + cases[i].all, .stolen = 50 + cases[i].stolen},
                                       70 + cases[i].switches,
                                       5 + cases[i].moved};
        assert_int_equal(gb_cause_between(&before, &after, cases[i].here, cases[i].free), cases[i].cause);
    }
    const struct gb_signs first = gb_signs_read(), second = gb_signs_read();
    assert_true(second.ns > first.ns && second.switches >= first.switches && second.ticks.stolen >= first.ticks.stolen);
    assert_true(first.processor >= 0 && first.ticks.all > 0);
}

/* Four times the cache, of copies that are half operands, and one more: here 3. Verification is as ever, of the problem itself.
 * What is faster than memory was not cold. */
static void cold_calls_take_copies_in_turn(void **state) {
    enum { COPIES = 3 };
    const struct gb_problem *seen[COPIES] = {NULL};
    size_t calls = 0;
    (void)state;
    own("a", 1, 1, 100);
    own("b", 1, 3, 100);
    t.plan.cold = gb_problem_bytes(&usual) / 2;
    struct gb_problem_spec shifted = usual;
    shifted.shift = 4095;
    assert_true(gb_copies_needed(&shifted, t.plan.cold) == COPIES);
    for (size_t fast = 0; fast < 2; fast++) {
        const double gbps = fast ? 1e-9 : 1e3;
        for (size_t i = 0; i < 2; i++)
            for (int level = 0; level < GB_LEVEL_COUNT; level++)
                t.roofs.bandwidth[i][level] = (struct gb_bandwidth){gbps, gbps, gbps, gbps, gbps};
        run();
        assert_int_equal(t.outcome.copies, COPIES);
        for (size_t v = 0; v < 2; v++) assert_timed(v, GB_ROUNDS_MIN);
        for (size_t v = 0; v < 2; v++) assert_int_equal(measure(v)->not_cold, fast);
        assert_true(measure(0)->iterations == 10);
        assert_true(script.looks[0].work.footprint == COPIES * t.outcome.work.footprint);
    }
    for (size_t i = 0, verified = 0; i < script.n_events; i++) {
        const struct script_event *const e = &script.events[i];
        if (!e->problem || ++verified <= 2) continue;
        assert_int_equal(e->count, 1);
        if (calls >= COPIES) assert_ptr_equal(e->problem, seen[calls % COPIES]);
        for (size_t k = 0; k < COPIES && calls < COPIES; k++) assert_ptr_not_equal(e->problem, seen[k]);
        seen[calls++ % COPIES] = e->problem;
    }
    assert_true(calls > (size_t)GB_ROUNDS_MIN * 3 * 10);
    t.plan.cold = 0;
    run();
    assert_int_equal(t.outcome.copies, 0);
    assert_false(measure(0)->not_cold);
}

/* One after the other in one mapping, where pages are asked for. */
static void copies_lie_where_asked(void **state) {
    static const struct gb_placing placings[] = {{GB_HUGE_AUTO, 0}, {GB_HUGE_ON, 0}, {GB_HUGE_OFF, 0}, {GB_HUGE_AUTO, 2}};
    const size_t each = gb_problem_storage(&usual);
    (void)state;
    for (size_t i = 0; i < sizeof placings / sizeof *placings; i++) {
        struct gb_copies copies;
        assert_true(gb_copies_create(&copies, &usual, 3, &placings[i]));
        assert_int_equal(copies.count, 3);
        assert_int_equal(copies.pages.start != NULL, i > 0);
        for (size_t k = 0; k < 3 && i > 0; k++)
            assert_ptr_equal(copies.list[k].operands[0].base, copies.pages.start + k * each);
        for (size_t k = 0; k < 3; k++) assert_int_equal(copies.list[k].touching, placings[i].threads);
        gb_copies_destroy(&copies);
        assert_false(gb_copies_create(&copies, &usual, (size_t)1 << 60, &placings[i]));
        assert_true(!copies.list && !copies.pages.start && copies.count == 0);
    }
}

/* Before operands are made, and before copies are, the threads that will touch them are where they stay. */
static void who_touches_is_bound(void **state) {
    (void)state;
    own("a", 1, 1, 100);
    own("b", 1, 3, 100);
    for (int cold = 0; cold < 2; cold++) {
        t.plan.cold = cold ? gb_problem_bytes(&usual) / 2 : 0;
        t.harness.placing.threads = 2;
        run();
        size_t binds = 0;
        for (size_t i = 0; i < script.n_events; i++)
            binds += script.events[i].what == SCRIPT_BIND && script.events[i].count == 2;
        assert_true(script.events[0].what == SCRIPT_BIND && script.events[0].count == 2);
        assert_int_equal(binds, 1 + cold);
    }
}

/* Of nine rounds the second and the eighth in size enclose the median. */
static void medians_by_hand(void **state) {
    static const double a[] = {310, 305, 390, 302, 308, 301, 307, 350, 304}, b[] = {9, 1, 8, 2, 7, 3, 6, 4, 5};
    (void)state;
    own("a", 1, 1, 300);
    own("b", 1, 1, 300);
    script.cells[0].in_round = a;
    script.cells[1].in_round = b;
    t.harness.rounds = 9;
    run();
    const struct gb_measure *const m = measure(0), *const n = measure(1);
    assert_int_equal(t.outcome.rounds, 9);
    assert_int_equal(m->iterations, 4);
    assert_memory_equal(m->samples, a, sizeof a);
    assert_memory_equal(n->samples, b, sizeof b);
    assert_true(m->summary.count == 9 && m->summary.median == 307 && m->summary.min == 301);
    assert_true(m->summary.low == 302 && m->summary.high == 350);
    assert_true(n->summary.count == 9 && n->summary.median == 5 && n->summary.min == 1);
    assert_true(n->summary.low == 2 && n->summary.high == 8);
    assert_true(m->call_ns == 304 && n->call_ns == 5); /* in the last */
    assert_true(t.outcome.null_pair.ratio == 1 && t.outcome.noise == 0);
}

/* A sample has a hundredth of a nanosecond at least. */
static void a_time_is_never_nothing(void **state) {
    static const double costs[] = {0, 0.001, 0.01, 0.02, 1, 2, 3};
    (void)state;
    peer("p", 1, 1, 300);
    t.harness.judge = script.ref;
    script.cells[0].in_round = costs;
    t.harness.rounds = 7;
    run();
    const double expected[] = {0.01, 0.01, 0.01, 0.02, 1, 2, 3};
    for (size_t i = 0; i < 7; i++) assert_true(measure(0)->samples[i] == expected[i]);
}

/* The noise */

static void assert_near(double got, double want) { assert_true(fabs(got - want) <= 1e-12 * want); }

/* The last of ours with a time, a second time by its twin, round by round. */
static void the_last_of_ours_is_timed_twice(void **state) {
    static const double once[] = {100, 200, 100, 400, 100, 500, 100}, again[] = {110, 220, 121, 400, 100, 550, 90};
    (void)state;
    own("a", 1, 1, 100);
    own("b", 1, 3, 100);
    peer("p", 1, 3, 100);
    struct script_cell *const twin = race(100);
    script.cells[1].in_round = once;
    twin->in_round = again;
    t.harness.rounds = 7;
    run();
    assert_int_equal(t.outcome.null_variant, 1);
    assert_int_equal(samples_of(twin), 7);
    assert_int_equal(samples_of(&script.cells[1]), 7);
    assert_memory_equal(measure(1)->samples, once, sizeof once);
    /* 0.9, 1, 1, 1.1, 1.1, 1.1, 1.21: of seven the extremes enclose the median */
    assert_int_equal(t.outcome.null_pair.count, 7);
    assert_near(t.outcome.null_pair.ratio, 1.1);
    assert_near(t.outcome.null_pair.low, 0.9);
    assert_near(t.outcome.null_pair.high, 1.21);
    assert_near(t.outcome.noise, 1.21 - 1);
    assert_true(malloc_usable_size(t.outcome.storage) >= (3 + 2) * 7 * sizeof(double));
}

/* By itself where the twin is not up, or belongs to another one. */
static void the_twin_is_not_always_there(void **state) {
    (void)state;
    own("a", 1, 1, 100);
    own("b", 1, 3, 100);
    peer("p", 1, 3, 100);
    struct script_cell *const twin = race(100);
    for (size_t i = 0; i < 5; i++) {
        twin->unfit = i == 0 ? "no" : NULL;
        twin->fails_in = i == 1 ? SCRIPT_PREPARE : i == 2 ? SCRIPT_END : SCRIPT_NEVER;
        twin->fails_at = 1;
        script.cells[1].wrong = i == 3 ? SCRIPT_WRONG_ELEMENT : SCRIPT_RIGHT;
        script.cells[1].operand = "dx";
        if (i == 4) t.plan.twin.contender = NULL;
        const size_t twice = i == 3 ? 0 : 1;
        run();
        assert_int_equal(twin->asked[SCRIPT_PREPARE], i < 4);
        assert_int_equal(twin->asked[SCRIPT_RUN], 0);
        assert_int_equal(t.outcome.null_variant, twice);
        for (size_t v = 0; v < 3; v++)
            assert_int_equal(samples_of(&script.cells[v]), v == twice ? 12 : v == 1 ? 0 : GB_ROUNDS_MIN);
        assert_int_equal(t.outcome.null_pair.count, GB_ROUNDS_MIN);
        assert_true(t.outcome.null_pair.ratio == 1 && t.outcome.noise == 0);
        if (i > 0 && i < 3) { /* who is gone is not asked again */
            run_again();
            assert_int_equal(twin->asked[SCRIPT_PREPARE], 1);
        }
    }
}

/* Where none of ours has a time nobody is timed twice; where the pair broke there is no noise. */
static void no_pair_no_noise(void **state) {
    (void)state;
    own("a", 1, 1, 100);
    peer("p", 1, 3, 100);
    struct script_cell *const twin = race(100);
    script.cells[0].wrong = SCRIPT_WRONG_ELEMENT, script.cells[0].operand = "dx";
    run();
    assert_int_equal(t.outcome.null_variant, 2);
    assert_int_equal(t.outcome.null_pair.count, 0);
    assert_true(t.outcome.noise == 0);
    assert_int_equal(samples_of(&script.cells[1]), GB_ROUNDS_MIN);
    assert_int_equal(samples_of(twin), 0);
    script.cells[0].wrong = SCRIPT_RIGHT;
    twin->fails_in = SCRIPT_RUN, twin->fails_at = 9;
    twin->warm_cost = 1;
    run();
    assert_int_equal(measure(0)->state, GB_STATE_FAILED); /* it is ours that crashed */
    assert_string_equal(measure(0)->failure, "twin died");
    assert_int_equal(t.outcome.null_variant, 0);
    assert_int_equal(t.outcome.null_pair.count, 0);
    assert_true(t.outcome.noise == 0);
    assert_timed(1, GB_ROUNDS_MIN);
}

/* Contenders that go */

/* At each request, whoever it is: the others have all their rounds, and it is asked for nothing any more. */
static void one_that_is_gone_stops_nobody(void **state) {
    static const enum script_what requests[] = {SCRIPT_PREPARE, SCRIPT_RUN, SCRIPT_RESULT, SCRIPT_END};
    char text[40];
    (void)state;
    own("a", 1, 1, 100);
    own("b", 1, 1, 100);
    peer("p", 1, 1, 100);
    race(100);
    for (size_t w = 0; w < 3; w++)
        for (size_t k = 0; k < 4; k++)
            for (size_t at = 1; at <= 12; at++) {
                struct script_cell *const cell = &script.cells[w];
                if (at > 1 && (requests[k] == SCRIPT_PREPARE || requests[k] == SCRIPT_RESULT)) continue;
                if (at > 10 && requests[k] == SCRIPT_END) continue; /* 2 to verify, 2 to calibrate, 6 rounds */
                cell->fails_in = requests[k];
                cell->fails_at = at;
                run();
                const enum gb_state expected = w == 2 ? GB_STATE_GONE : GB_STATE_FAILED;
                snprintf(text, sizeof text, "%s died", cell->name);
                assert_int_equal(measure(w)->state, expected);
                assert_string_equal(measure(w)->failure, text);
                assert_int_equal(measure(w)->summary.count, 0);
                assert_int_equal(measure(w)->iterations, 0);
                assert_int_equal(cell->asked[requests[k]], at);
                assert_int_equal(cell->asked[SCRIPT_BEGIN], cell->asked[SCRIPT_END]);
                for (size_t v = 0; v < 3; v++)
                    if (v != w) assert_timed(v, GB_ROUNDS_MIN);
                const size_t turns = cell->asked[SCRIPT_BEGIN];
                run_again(); /* the next problem */
                assert_int_equal(measure(w)->state, expected);
                assert_string_equal(measure(w)->failure, "");
                assert_int_equal(cell->asked[SCRIPT_BEGIN], turns);
                cell->fails_in = SCRIPT_NEVER;
            }
}

static void one_that_is_unfit_is_told_of_the_next(void **state) {
    (void)state;
    own("a", 1, 1, 100);
    own("b", 1, 1, 100);
    peer("p", 1, 1, 100);
    race(100);
    for (size_t w = 0; w < 3; w++) {
        script.cells[w].unfit = "not these";
        run();
        assert_int_equal(measure(w)->state, w == 2 ? GB_STATE_UNFIT : GB_STATE_FAILED);
        assert_string_equal(measure(w)->failure, "not these");
        assert_string_equal(measure(w)->note, "");
        assert_int_equal(script.cells[w].asked[SCRIPT_RUN] + script.cells[w].asked[SCRIPT_RESULT], 0);
        for (size_t v = 0; v < 3; v++)
            if (v != w) assert_timed(v, GB_ROUNDS_MIN);
        script.cells[w].unfit = NULL;
        run_again();
        assert_timed(w, GB_ROUNDS_MIN);
    }
}

/* A signal */

static size_t whole_rounds(size_t entries) {
    static struct taken taken[SAMPLES_MAX];
    return samples(taken) / entries;
}

/* At every event: the turn that is on ends, and nothing begins any more. What is left are whole rounds. */
static void a_signal_leaves_whole_rounds(void **state) {
    (void)state;
    for (size_t in_process = 0; in_process < 2; in_process++) {
        reopen(&usual);
        own("ref", 0, 1, 500);
        own("a", 1, 1, 100);
        peer("p", 1, 1, 300);
        if (in_process) t.harness.judge = script.ref;
        else race(100);
        t.harness.rounds = 7;
        for (size_t i = 0; i < 2; i++) t.roofs.fma[i][GK_F32][0] = 10;
        run();
        const size_t all = script.n_events;
        for (size_t at = 1; at <= all; at++) {
            script.stop_at = at;
            run();
            for (size_t i = at; i < script.n_events; i++) {
                const enum script_what what = script.events[i].what;
                const struct script_cell *const cell = script.events[i].cell;
                assert_true(what != SCRIPT_BIND && what != SCRIPT_LOOK);
                if (what != SCRIPT_BEGIN) continue; /* but for its one call, who is prepared already */
                assert_ptr_equal(cell, script.events[at - 1].cell);
                assert_true(cell->asked[SCRIPT_BEGIN] == 2 && script.round == SCRIPT_BEFORE);
            }
            const size_t rounds = whole_rounds(4);
            assert_int_equal(t.outcome.rounds, rounds);
            for (size_t v = 0; v < 3; v++) {
                assert_int_equal(measure(v)->state, rounds ? GB_STATE_TIMED : GB_STATE_SKIPPED);
                assert_int_equal(measure(v)->summary.count, rounds);
                assert_int_equal(measure(v)->verified == GB_VERIFIED_FULL, measure(v)->call_ns > 0);
                assert_true(rounds == 0 || measure(v)->share.fraction > 0);
            }
            assert_int_equal(t.outcome.null_pair.count, rounds);
        }
        script.stop_at = 0;
    }
}

static void a_signal_hides_no_failure(void **state) {
    (void)state;
    own("a", 1, 1, 500);
    own("b", 1, 1, 100);
    script.cells[0].wrong = SCRIPT_WRONG_ELEMENT, script.cells[0].operand = "dx";
    script.stop_at = 7;
    run();
    assert_int_equal(measure(0)->state, GB_STATE_FAILED);
    assert_int_equal(measure(1)->state, GB_STATE_SKIPPED);
}

/* Roofs and progress */

/* Each that is timed is held against the roof of those threads that ran, or where there is none of those that it has. 120 FLOPs
 * take 240 ns at the roof. */
static void roofs_are_looked_at_again(void **state) {
    static const double costs[] = {400, 300, 500, 300, 400, 700, 600};
    const struct {
        size_t isa, threads;
        double ns, fraction;
    } expected[] = {{0, 1, 400, 240 / 400.0}, {1, 3, 500, 240 / 500.0}, {1, 1, 600, 240 / 600.0}, {1, 3, 700, 240 / 700.0}};
    struct gb_problem_spec spec = usual;
    (void)state;
    spec.dtype = GK_F64;
    reopen(&spec);
    own("ref", 0, 1, 300);
    own("a", 1, 3, 500); /* its context has one thread */
    peer("p", 1, 3, 600)->contender.ran = 1;
    peer("q", 1, 3, 700)->contender.ran = 2;
    peer("r", 1, 3, 700)->wrong = SCRIPT_WRONG_PADDING;
    script.cells[4].operand = "dx";
    script.cells[0].in_round = costs;
    t.harness.judge = script.ref;
    t.harness.rounds = 7;
    script.empty_ns = 25;
    t.plan.variants[1].contender = &script.cells[1].contender;
    run();
    assert_int_equal(script.n_looks, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(script.looks[i].isa, expected[i].isa);
        assert_int_equal(script.looks[i].threads, expected[i].threads);
        assert_int_equal(script.looks[i].dtype, GK_F64);
        assert_true(script.looks[i].ns == expected[i].ns);
        /* a peer does not sum in our order, and its calls are its own */
        assert_int_equal(script.looks[i].work.terms[GB_STEP_FMA], i < 2 ? 5 : 0);
        assert_true(script.looks[i].work.call_ns == (i < 2 ? 25 : 0) && script.looks[i].work.flops == 120);
        assert_near(measure(i)->share.fraction, expected[i].fraction);
        assert_string_equal(measure(i)->share.limit, "fma");
    }
    assert_null(measure(4)->share.limit);
}

/* What has nothing to do takes no longer than what has: else it is timed again, five times at most. */
static void an_empty_call_is_no_slower(void **state) {
    static const struct {
        double first, step, least;
    } cases[] = {{100, 10, 100}, {101, 10, 91}, {130, 12, 94}, {130, 1, 125}, {130, -1, 130}};
    (void)state;
    own("a", 1, 1, 100);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        script.empty_ns = cases[i].first, script.empty_step = cases[i].step;
        run();
        assert_true(measure(0)->empty_ns == cases[i].least);
    }
}

static void shares_are_those_of_who_ran(void **state) {
    (void)state;
    own("a", 1, 3, 500);
    own("b", 2, 3, 500);
    run();
    t.roofs.fma[1][GK_F32][1] = 1, t.roofs.fma[2][GK_F32][1] = 0.6;
    const struct {
        size_t used;
        double fraction;
    } cases[] = {{3, 120 / 500.0}, {1, 240 / 500.0}, {2, 120 / 500.0}, {0, 120 / 500.0}};
    for (size_t i = 0; i < 4; i++) {
        t.outcome.measures[0].threads_used = cases[i].used;
        t.outcome.measures[1].threads_used = 3;
        gb_outcome_share(&t.outcome, &t.plan, &t.roofs);
        assert_near(measure(0)->share.fraction, cases[i].fraction);
        assert_near(measure(1)->share.fraction, 200 / 500.0);
    }
    t.outcome.measures[0].state = GB_STATE_NOT_TIMED;
    t.outcome.measures[0].threads_used = 1;
    gb_outcome_share(&t.outcome, &t.plan, &t.roofs);
    assert_near(measure(0)->share.fraction, 120 / 500.0);
}

static void progress_is_told(void **state) {
    static const struct script_progress expected[] = {
        {"prepare", 0, 2}, {"reference", 0, 2}, {"verify", 0, 2}, {"verify", 1, 2}, {"round", 0, 6},
        {"round", 1, 6},   {"round", 2, 6},     {"round", 3, 6},  {"round", 4, 6},  {"round", 5, 6}};
    (void)state;
    own("a", 1, 1, 500);
    own("b", 1, 1, 500);
    run();
    assert_int_equal(script.n_progress, 10);
    for (size_t i = 0; i < 10; i++) {
        assert_string_equal(script.progress[i].what, expected[i].what);
        assert_int_equal(script.progress[i].done, expected[i].done);
        assert_int_equal(script.progress[i].of, expected[i].of);
    }
    script_rewind();
    script.round = 0; /* nobody says so now */
    t.harness.progress = NULL;
    run_again();
    assert_timed(1, GB_ROUNDS_MIN);
    assert_int_equal(script.n_progress, 0);
}

/* What a call does */

static const struct work_case {
    struct gb_problem_spec spec;
    double flops, read, written, bytes;
    bool products, plain_copy;
} work_cases[] = {
    /* reads x 2x3, w 3x5, b 5; writes y 2x5 */
    {{.kernel = GK_KERNEL_affine_forward, .n = 2, .d = 3, .m = 5}, 60, 104, 40, 144, true, false},
    {{.kernel = GK_KERNEL_affine_forward, .dtype = GK_F64, .n = 2, .d = 3, .m = 5, .bare = true},
     60,
     168,
     80,
     248,
     true,
     false},
    /* dy 2x5, w 3x5; dx 2x3 is read where it is added to, and then its bytes count twice */
    {{.kernel = GK_KERNEL_affine_dx, .n = 2, .d = 3, .m = 5, .ld_pad = 9}, 60, 100, 24, 124, true, false},
    {{.kernel = GK_KERNEL_affine_dx, .n = 2, .d = 3, .m = 5, .accumulate = true}, 60, 124, 24, 148, true, false},
    {{.kernel = GK_KERNEL_affine_db, .n = 2, .m = 5}, 10, 40, 20, 60, false, false},
    /* y 2x70 over x, and 2 words a row for the mask */
    {{.kernel = GK_KERNEL_relu_forward, .n = 2, .d = 70}, 140, 560, 592, 1152, false, false},
    {{.kernel = GK_KERNEL_relu_forward, .n = 2, .d = 70, .in_place = true}, 140, 560, 592, 1152, false, false},
    {{.kernel = GK_KERNEL_relu_backward, .n = 2, .d = 70}, 140, 592, 560, 1152, false, false},
    /* x 2x6 and labels; p 2x6, two losses and their mean: 4 FLOPs an element, 5 where p is wanted */
    {{.kernel = GK_KERNEL_softmax_xent_forward, .n = 2, .c = 6}, 60, 56, 60, 116, false, true},
    {{.kernel = GK_KERNEL_softmax_xent_backward, .n = 2, .c = 6, .wide_labels = true}, 24, 64, 48, 112, false, true},
};

static void work_by_hand(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof work_cases / sizeof *work_cases; i++) {
        const struct work_case *const c = &work_cases[i];
        reopen(&c->spec);
        own("a", 1, 1, 500);
        run();
        const struct gb_work *const w = &t.outcome.work;
        assert_true(w->flops == c->flops && w->read == c->read && w->written == c->written && t.outcome.bytes == c->bytes);
        const bool twice = c->spec.accumulate; /* once in the footprint */
        assert_true(w->footprint == w->read + w->written - (twice ? w->written : 0));
        assert_int_equal(w->products, c->products);
        assert_int_equal(w->plain_copy, c->plain_copy);
        assert_ptr_equal(t.outcome.task, &t.task);
        assert_ptr_equal(t.outcome.kernel, gk_kernel_get(c->spec.kernel));
    }
}

/* Of products along what the output sums over, of elements for db; of what is wanted, and where there is an element. */
static void sums_by_hand(void **state) {
    static const struct {
        struct gb_problem_spec spec;
        size_t terms[GB_STEP_COUNT];
    } cases[] = {
        {{.kernel = GK_KERNEL_affine_forward, .n = 3, .d = 4, .m = 5}, {4, 0}},
        {{.kernel = GK_KERNEL_affine_dx, .n = 3, .d = 4, .m = 5, .dtype = GK_F64}, {5, 0}},
        {{.kernel = GK_KERNEL_affine_dw, .n = 3, .d = 4, .m = 5, .layout = GK_OUT_IN}, {3, 0}},
        {{.kernel = GK_KERNEL_affine_dw, .n = 3, .d = 0, .m = 5}, {0, 0}},
        {{.kernel = GK_KERNEL_affine_db, .n = 3, .m = 5}, {0, 3}},
        {{.kernel = GK_KERNEL_affine_db, .n = 3, .m = 0}, {0, 0}},
        {{.kernel = GK_KERNEL_affine_backward, .n = 3, .d = 4, .m = 5}, {5, 3}},
        {{.kernel = GK_KERNEL_affine_backward, .n = 6, .d = 4, .m = 5}, {6, 6}},
        {{.kernel = GK_KERNEL_affine_backward, .n = 6, .d = 4, .m = 5, .bare = true}, {0, 6}},
        {{.kernel = GK_KERNEL_relu_forward, .n = 1, .d = 64}, {0, 0}},
        {{.kernel = GK_KERNEL_softmax_xent_forward, .n = 1, .c = 64}, {0, 0}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t terms[GB_STEP_COUNT];
        struct gb_problem problem;
        assert_true(gb_problem_create(&problem, &cases[i].spec));
        gb_sums_of(&problem, terms);
        for (int step = 0; step < GB_STEP_COUNT; step++) assert_int_equal(terms[step], cases[i].terms[step]);
        gb_problem_destroy(&problem);
    }
}

/* A clock that goes on by so much at each look, of which there are two a sample. */
static double read_uneven(void *self) {
    static const double steps[] = {7, 3200, 1, 1600, 9, 2400};
    static size_t at;
    return *(double *)self += steps[at++ % 6];
}

/* The least of the samples, each of 32 calls, of any kernel of the list. */
static void an_empty_call(void **state) {
    (void)state;
    double now = 0;
    const struct gb_clock clock = {read_uneven, &now};
    for (int id = 0; id < GK_KERNEL_COUNT; id++)
        for (int dtype = 0; dtype < GK_DTYPE_COUNT; dtype++)
            assert_true(gb_empty_call_ns(&clock, script.ref, (enum gk_kernel_id)id, (enum gk_dtype)dtype) == 50);
}

/* Memory */

enum { OFTEN = 12 }; /* after so many times malloc has kept for itself what it keeps */

static int next_file(void) {
    const int fd = dup(STDIN_FILENO);
    assert_true(fd >= 0);
    close(fd);
    return fd;
}

/* Runs the problem again and again: each time leaves what the one before left. */
static void assert_nothing_is_left(bool good) {
    size_t heap = 0;
    int file = 0;
    gb_outcome_free(&t.outcome);
    for (size_t i = 0; i < OFTEN; i++) {
        script_rewind();
        assert_int_equal(gb_harness_run(&t.harness, &t.task, &t.outcome), good);
        gb_outcome_free(&t.outcome);
        assert_true(!t.outcome.measures && !t.outcome.storage && !t.outcome.task);
        script_rewind();
        if (i == OFTEN - 1) assert_true(gb_heap_in_use() == heap && next_file() == file);
        heap = gb_heap_in_use(), file = next_file();
    }
}

static void nothing_is_left_of_a_problem(void **state) {
    (void)state;
    own("a", 1, 1, 500);
    peer("p", 1, 1, 500);
    race(500);
    for (size_t i = 0; i < 4; i++) {
        script.cells[i % 2].wrong = i < 2 ? SCRIPT_WRONG_ELEMENT : SCRIPT_RIGHT;
        script.cells[i % 2].operand = "dx";
        script.stop_at = i == 3 ? 20 : 0;
        assert_nothing_is_left(true);
    }
}

/* A problem whose bytes overflow, one that the reference refuses, and more rounds than there is memory for. */
static void without_memory_nothing_is_left(void **state) {
    (void)state;
    own("a", 1, 1, 500);
    for (size_t i = 0; i < (GB_SANITIZER ? 2 : 3); i++) { /* a sanitizer takes the last for a mistake */
        t.task.spec.n = i == 0 ? SIZE_MAX / 2 : usual.n;
        t.plan.ref = i == 1 ? NULL : script.ref;
        t.harness.rounds = i == 2 ? SIZE_MAX / 64 : GB_ROUNDS_MIN;
        script_rewind();
        assert_false(gb_harness_run(&t.harness, &t.task, &t.outcome));
        assert_int_equal(measure(0)->state, GB_STATE_SKIPPED);
        assert_int_equal(script.cells[0].asked[SCRIPT_CALLS], i == 2);
        assert_nothing_is_left(false);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(a_wrong_cell_has_no_time),
        TEST(a_wrong_contender_has_no_time),
        TEST(builds_are_compared_bit_by_bit),
        TEST(a_wrong_cell_is_seen_on_a_sample),
        TEST(each_is_verified_once_from_the_start),
        TEST(who_is_asked_and_who_ran),
        TEST(slow_ones_are_not_timed),
        TEST(slow_ref_is_not_called_again),
        TEST(calls_grow_until_a_sample_is_long),
        TEST(samples_are_counted),
        TEST(ours_make_equal_numbers_of_calls),
        TEST(who_fails_in_calibration_does_not_count),
        TEST(a_warm_up_where_it_tells),
        TEST(warm_ups_are_not_counted),
        TEST(limits_of_contenders),
        TEST(each_round_has_each_once_in_an_order_of_its_own),
        TEST(orders_come_from_the_seed),
        TEST(rounds_end_with_the_time),
        TEST(rounds_end_with_narrow_intervals),
        TEST(who_fails_needs_no_narrow_interval),
        TEST(disturbed_rounds_are_dropped),
        TEST(causes),
        TEST(cold_calls_take_copies_in_turn),
        TEST(copies_lie_where_asked),
        TEST(who_touches_is_bound),
        TEST(medians_by_hand),
        TEST(a_time_is_never_nothing),
        TEST(the_last_of_ours_is_timed_twice),
        TEST(the_twin_is_not_always_there),
        TEST(no_pair_no_noise),
        TEST(one_that_is_gone_stops_nobody),
        TEST(one_that_is_unfit_is_told_of_the_next),
        TEST(a_signal_leaves_whole_rounds),
        TEST(a_signal_hides_no_failure),
        TEST(roofs_are_looked_at_again),
        TEST(an_empty_call_is_no_slower),
        TEST(shares_are_those_of_who_ran),
        TEST(progress_is_told),
        TEST(work_by_hand),
        TEST(sums_by_hand),
        TEST(an_empty_call),
        TEST(nothing_is_left_of_a_problem),
        TEST(without_memory_nothing_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
