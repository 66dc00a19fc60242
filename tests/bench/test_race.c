/* Who races: the lists and commands that say so, who is started for which threads, and what a run makes of who did not finish.
 */
#include <malloc.h>

#include "message.h"
#include "race.h"
#include "support.h"
#include "support_said.h"
#include "text.h"

enum { STARTS = 40 };

static struct gb_said said;
static struct gb_race race;
static struct gb_plan plan;
static struct gb_texts commands;

/* Contenders by a script: the command "gone 3" stands for one that is gone at its start for 3 threads, and up for others;
 * "absent 3" likewise. */
static struct {
    struct started {
        char command[160];
        size_t threads;
        enum gb_bind bind;
        double limit_ns;
        struct gb_contender *who;
    } list[STARTS];
    size_t count, ends[STARTS]; /* how often each was ended */
    size_t own_fails_at;        /* so many starts */
    size_t stop_at;             /* the start at which the signal comes */
    volatile sig_atomic_t stop;
} script;

static bool says(const char *command, const char *word, size_t threads) {
    char text[40];
    snprintf(text, sizeof text, "%s %zu", word, threads);
    return strcmp(command, text) == 0;
}

static bool start(struct gb_contender *contender, const char *command, size_t threads, enum gb_bind bind, double limit_ns) {
    struct started *const s = &script.list[script.count++];
    assert_true(script.count <= STARTS);
    *s = (struct started){.threads = threads, .bind = bind, .limit_ns = limit_ns, .who = contender};
    snprintf(s->command, sizeof s->command, "%s", command);
    *contender = (struct gb_contender){.threads = threads};
    if (says(command, "absent", threads)) contender->state = GB_CONTENDER_ABSENT;
    if (says(command, "gone", threads) || script.count == script.own_fails_at) contender->state = GB_CONTENDER_GONE;
    if (contender->state == GB_CONTENDER_UP)
        snprintf(contender->description, sizeof contender->description, "%.40s for %zu", command, threads);
    else snprintf(contender->reason, sizeof contender->reason, "no %.40s for %zu", command, threads);
    if (script.count == script.stop_at) script.stop = 1;
    return contender->state == GB_CONTENDER_UP;
}

static void end(struct gb_contender *contender) {
    size_t i = 0;
    while (i < script.count && script.list[i].who != contender) i++;
    assert_true(i < script.count);
    script.ends[i]++;
}

static const struct gb_effects effects = {.start = start, .end = end};

static int set_up(void **state) {
    (void)state;
    memset(&script, 0, sizeof script);
    memset(&race, 0, sizeof race);
    memset(&plan, 0, sizeof plan);
    memset(&commands, 0, sizeof commands);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    gb_race_free(&race);
    return 0;
}

/* --- who is asked for */

static int choose(void *list) { return gb_race_choose(&race, list, &commands); }

/* Of a race of nobody. */
static void hear_choice(const char *list) {
    memset(&race, 0, sizeof race);
    gb_hear(&said, choose, (void *)list);
    assert_string_equal(said.out, "");
}

static void is_taken(const char *list) {
    hear_choice(list);
    assert_string_equal(said.err, "");
    assert_int_equal(said.code, GB_EXIT_OK);
}

static void is_refused(const char *list, const char *message) {
    char line[1400];
    hear_choice(list);
    snprintf(line, sizeof line, "gradbench: error: %s\n", message);
    assert_string_equal(said.err, line);
    assert_int_equal(said.code, GB_EXIT_USAGE);
}

static void command(const char *text) {
    commands.count = 1;
    commands.list[0] = text;
}

static void assert_racer(size_t i, const char *name, bool named, bool news) {
    const struct gb_racer *const r = &race.list[i];
    assert_true(i < race.count);
    assert_string_equal(r->entry.name, name);
    assert_int_equal(r->named, named);
    assert_int_equal(r->news, news);
    assert_false(r->up);
    assert_string_equal(r->reason, "");
}

static void nobody_without_a_list(void **state) {
    (void)state;
    is_taken(NULL);
    assert_int_equal(race.count, 0);
    is_taken("none");
    assert_int_equal(race.count, 0);
    command("own=up");
    is_taken("none");
    assert_int_equal(race.count, 1);
    assert_int_equal(script.count, 0);
}

/* auto and all are the whole catalog; who is absent is told of all only. */
static void lists_take_the_catalog(void **state) {
    static struct gb_peer_entry catalog[GB_PEERS_MAX];
    const size_t count = gb_peer_catalog(catalog);
    (void)state;
    assert_true(count >= 3);
    for (size_t all = 0; all < 2; all++) {
        is_taken(all ? "all" : "auto");
        assert_int_equal(race.count, count);
        for (size_t i = 0; i < count; i++) {
            assert_racer(i, catalog[i].name, false, all);
            assert_string_equal(race.list[i].entry.command, catalog[i].command);
            assert_string_equal(race.list[i].entry.advice, catalog[i].advice);
        }
    }
}

/* In the order of the list, each once, with all that was said of it, whichever came first. */
static void names_are_added_up(void **state) {
    static struct gb_peer_entry catalog[GB_PEERS_MAX];
    const size_t count = gb_peer_catalog(catalog);
    char list[200];
    (void)state;
    snprintf(list, sizeof list, "%s,%s,%s", catalog[2].name, catalog[0].name, catalog[2].name);
    is_taken(list);
    assert_int_equal(race.count, 2);
    assert_racer(0, catalog[2].name, true, true);
    assert_racer(1, catalog[0].name, true, true);
    assert_string_equal(race.list[0].entry.command, catalog[2].command);
    static const char *const formats[] = {"auto,%s", "%s,auto", "auto,all", "all,auto", "all,%s,auto"};
    for (size_t k = 0; k < sizeof formats / sizeof *formats; k++) {
        const bool named = strchr(formats[k], '%'), first = formats[k][0] == '%', all = strstr(formats[k], "all");
        snprintf(list, sizeof list, formats[k], catalog[1].name);
        is_taken(list);
        assert_int_equal(race.count, count);
        for (size_t i = 0; i < count; i++) {
            const size_t entry = !first ? i : i == 0 ? 1 : i == 1 ? 0 : i;
            assert_racer(i, catalog[entry].name, named && entry == 1, all || (named && entry == 1));
        }
    }
}

static void lists_that_are_refused(void **state) {
    static struct gb_peer_entry catalog[GB_PEERS_MAX];
    const size_t count = gb_peer_catalog(catalog);
    char names[800] = "", message[1200], word[60];
    (void)state;
    for (size_t i = 0; i < count; i++) assert_true(gb_text_append(names, sizeof names, "%s, ", catalog[i].name));
    assert_true(gb_text_append(names, sizeof names, "none, auto, all"));
    static const char *const unknown[][3] = {{"nobody", "nobody", ""},
                                             {"auto,nobody", "nobody", ""},
                                             {"nobody,none", "nobody", ""},
                                             {"", "", ""},
                                             {"naive,", "", ""},
                                             {"naiv", "naiv", "did you mean 'naive'? "},
                                             {"autp", "autp", "did you mean 'auto'? "},
                                             {"alll", "alll", "did you mean 'all'? "},
                                             {"nonee", "nonee", "did you mean 'none'? "}};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        snprintf(message, sizeof message, "unknown peer '%s' (%sallowed: %s)", unknown[i][1], unknown[i][2], names);
        is_refused(unknown[i][0], message);
    }
    is_refused("none,auto", "none stands alone in --peers (got 'none,auto')");
    is_refused("naive,none", "none stands alone in --peers (got 'naive,none')");
    memset(word, 'x', sizeof word);
    word[39] = '\0'; /* the longest name */
    snprintf(message, sizeof message, "unknown peer '%s' (allowed: %s)", word, names);
    is_refused(word, message);
    word[39] = 'x', word[40] = '\0';
    is_refused(word, "a word of --peers is too long");
}

/* --- commands */

static void a_command_is_a_peer(void **state) {
    static const char *const names[] = {"a", "A.b_c@d+e-9", "0", "z12345678901234567890123456789012345678"};
    char text[100];
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        snprintf(text, sizeof text, "%s=run it=there '%zu'", names[i], i);
        command(text);
        is_taken(NULL);
        assert_int_equal(race.count, 1);
        assert_racer(0, names[i], true, true);
        snprintf(text, sizeof text, "run it=there '%zu'", i);
        assert_string_equal(race.list[0].entry.command, text);
        assert_string_equal(race.list[0].entry.advice, "");
    }
    command("a=up");
    is_taken("naive"); /* after the list's */
    assert_racer(0, "naive", true, true);
    assert_racer(1, "a", true, true);
    assert_int_equal(race.count, 2);
}

static void commands_that_are_refused(void **state) {
    static const char *const names[] = {"program",
                                        "=program",
                                        "a b=program",
                                        "/a=program",
                                        "a,b=program",
                                        "\xc3\xa4=program",
                                        "a123456789012345678901234567890123456789=program"};
    char text[1400], message[200];
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(message, sizeof message, "--peer takes NAME=COMMAND, the name of 1 to 39 letters, digits, ._@+- (got '%s')",
                 names[i]);
        command(names[i]);
        is_refused(NULL, message);
    }
    static const char *const lines[] = {"ab=", "ab=one\ntwo", "ab=one\rtwo", "ab=one\n"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        command(lines[i]);
        is_refused(NULL, "the command of --peer ab must be one line of 1 to 1199 bytes");
    }
    memset(text, 'x', sizeof text);
    memcpy(text, "ab=", 3);
    for (size_t length = 1199; length <= 1200; length++) {
        text[3 + length - 1] = 'x', text[3 + length] = '\0';
        command(text);
        if (length == 1199) {
            is_taken(NULL);
            assert_string_equal(race.list[0].entry.command, text + 3);
        } else is_refused(NULL, "the command of --peer ab must be one line of 1 to 1199 bytes");
    }
    for (size_t i = 0; i < GK_ISA_COUNT; i++) {
        const char *const isa = gk_isa_get(i, GK_F32)->name;
        snprintf(text, sizeof text, "%s=program", isa);
        snprintf(message, sizeof message, "--peer: %s is gradkern's own name", isa);
        command(text);
        is_refused(NULL, message);
    }
    command("ab=one");
    commands.list[commands.count++] = "ac=two";
    commands.list[commands.count++] = "ab=one";
    is_refused(NULL, "two peers are named ab");
    assert_int_equal(race.count, 2);
    command("naive=one");
    is_refused("auto", "two peers are named naive");
    command("ab=one");
    is_refused("none,auto", "none stands alone in --peers (got 'none,auto')"); /* one line, and no more is looked at */
    assert_int_equal(race.count, 0);
}

static void so_many_race(void **state) {
    static char texts[GB_RACED_MAX + 1][16];
    static struct gb_peer_entry catalog[GB_PEERS_MAX];
    const size_t count = gb_peer_catalog(catalog);
    (void)state;
    for (size_t i = 0; i <= GB_RACED_MAX; i++) {
        snprintf(texts[i], sizeof texts[i], "p%zu=up", i);
        commands.list[i] = texts[i];
    }
    commands.list[GB_RACED_MAX] = "@=up";
    for (size_t listed = 0; listed <= count; listed += count) {
        commands.count = 64 - listed;
        is_taken(listed ? "auto" : NULL);
        assert_int_equal(race.count, 64);
        commands.count++;
        is_refused(listed ? "auto" : NULL, "at most 64 peers race in one run");
        assert_int_equal(race.count, 64);
    }
}

/* --- who is started */

static void add_own(const char *name, size_t isa, size_t threads) {
    struct gb_variant *const v = &plan.variants[plan.n_variants++];
    *v = (struct gb_variant){.isa = isa, .threads = threads, .name = name};
    snprintf(v->label, sizeof v->label, "%s, %zu threads", name, threads);
    plan.n_own++;
}

static void plan_of_two(void) {
    plan.n_threads = 2;
    plan.threads[0] = 2, plan.threads[1] = 3;
    for (size_t isa = 0; isa < 2; isa++)
        for (size_t t = 0; t < 2; t++) add_own(isa ? "wide" : "ref", isa, plan.threads[t]);
}

static int start_all(void *limit_ns) {
    return gb_race_start(&race, &effects, &plan, *(double *)limit_ns > 1e9, *(double *)limit_ns, &script.stop);
}

/* With 2 s each is bound. */
static void hear_start(double limit_ns) {
    gb_hear(&said, start_all, &limit_ns);
    assert_string_equal(said.out, "");
}

static void starts(double limit_ns) {
    hear_start(limit_ns);
    assert_string_equal(said.err, "");
    assert_int_equal(said.code, GB_EXIT_OK);
}

static void assert_started(size_t i, const char *text, size_t threads, double limit_ns) {
    const struct started *const s = &script.list[i];
    assert_true(i < script.count);
    assert_string_equal(s->command, text);
    assert_int_equal(s->threads, threads);
    assert_int_equal(s->bind, limit_ns > 1e9);
    assert_true(s->limit_ns == limit_ns);
}

static void assert_own_started(size_t first, const char *const names[], const size_t threads[], size_t count, double limit_ns) {
    char text[160];
    for (size_t i = 0; i < count; i++) {
        snprintf(text, sizeof text, "/proc/%ld/exe peer --isa %s --threads %zu", (long)getpid(), names[i], threads[i]);
        assert_started(first + i, text, threads[i], limit_ns);
    }
}

static void choose_commands(const char *first, const char *second, const char *third) {
    const char *const texts[] = {first, second, third};
    for (commands.count = 0; commands.count < 3 && texts[commands.count]; commands.count++)
        commands.list[commands.count] = texts[commands.count];
    assert_int_equal(gb_race_choose(&race, NULL, &commands), GB_EXIT_OK);
}

static void assert_peer(size_t variant, size_t racer, size_t threads, size_t started) {
    const struct gb_variant *const v = &plan.variants[variant];
    assert_true(variant < plan.n_variants);
    assert_true(v->peer);
    assert_ptr_equal(v->name, race.list[racer].entry.name);
    assert_int_equal(v->threads, threads);
    assert_int_equal(v->isa, 1);
    assert_null(v->ctx);
    assert_ptr_equal(v->contender, script.list[started].who);
}

/* Peers first, one after the other, each for every thread count; then ours, and the last of ours a second time. */
static void each_is_started_in_its_turn(void **state) {
    static const char *const names[] = {"ref", "ref", "wide", "wide", "wide"};
    static const size_t threads[] = {2, 3, 2, 3, 3};
    struct gk_context_info info;
    (void)state;
    for (size_t bound = 0; bound < 2; bound++) {
        const double limit_ns = bound ? 2e9 : 5e8;
        tear_down(NULL);
        set_up(NULL);
        plan_of_two();
        choose_commands("a=one", "b=two", NULL);
        starts(limit_ns);
        assert_int_equal(script.count, 9);
        assert_started(0, "one", 2, limit_ns);
        assert_started(1, "one", 3, limit_ns);
        assert_started(2, "two", 2, limit_ns);
        assert_started(3, "two", 3, limit_ns);
        assert_own_started(4, names, threads, 5, limit_ns);
        assert_int_equal(plan.n_own, 4);
        assert_int_equal(plan.n_variants, 8);
        for (size_t i = 0; i < 4; i++) {
            assert_peer(4 + i, i / 2, 2 + i % 2, i);
            assert_ptr_equal(plan.variants[i].contender, script.list[4 + i].who);
        }
        assert_ptr_equal(plan.twin.contender, script.list[8].who);
        assert_string_equal(plan.twin.name, "wide");
        assert_int_equal(plan.twin.threads, 3);
        for (size_t i = 0; i < 2; i++) {
            assert_true(race.list[i].up);
            assert_string_equal(race.list[i].description, i ? "two for 2" : "one for 2");
            assert_string_equal(race.list[i].reason, "");
        }
        for (size_t i = 0; i < script.count; i++) {
            assert_int_equal(script.ends[i], 0);
            assert_true(script.list[i].who == race.contenders + i);
        }
        assert_true(malloc_usable_size(race.contenders) >= 9 * sizeof *race.contenders);
        gk_context_inspect(race.judge, &info);
        assert_int_equal(info.threads, 1);
    }
}

/* Who is absent for one thread count has no more, and those that it has. Its process is ended at once. */
static void who_is_not_up_is_not_in_the_plan(void **state) {
    (void)state;
    plan_of_two();
    choose_commands("a=absent 2", "b=gone 3", "c=up");
    race.list[0].news = race.list[1].news = race.list[2].news = false;
    snprintf(race.list[0].entry.advice, sizeof race.list[0].entry.advice, "buy it");
    starts(1e9);
    assert_int_equal(script.count, 10);
    assert_started(0, "absent 2", 2, 1e9);
    assert_started(1, "gone 3", 2, 1e9);
    assert_started(2, "gone 3", 3, 1e9);
    assert_started(3, "up", 2, 1e9);
    for (size_t i = 0; i < script.count; i++) assert_int_equal(script.ends[i], i == 0 || i == 2);
    assert_int_equal(plan.n_variants, 7);
    assert_peer(4, 1, 2, 1);
    assert_peer(5, 2, 2, 3);
    assert_peer(6, 2, 3, 4);
    static const char *const reasons[] = {"no absent 2 for 2 (buy it)", "no gone 3 for 3", ""};
    static const char *const descriptions[] = {"", "gone 3 for 2", "up for 2"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(race.list[i].up, i > 0);
        assert_int_equal(race.list[i].news, i == 1); /* absent is none, unless it is asked for */
        assert_string_equal(race.list[i].reason, reasons[i]);
        assert_string_equal(race.list[i].description, descriptions[i]);
    }
}

static void news_stay_news(void **state) {
    (void)state;
    plan_of_two();
    choose_commands("a=absent 3", "b=up", NULL);
    starts(1e9);
    assert_true(race.list[0].news && race.list[1].news);
}

static void without_peers_nobody_starts(void **state) {
    (void)state;
    plan_of_two();
    starts(1e9);
    assert_int_equal(script.count, 0);
    assert_null(race.contenders);
    choose_commands("a=absent 2", "b=gone 2", NULL);
    starts(1e9);
    assert_int_equal(script.count, 2);
    assert_null(race.judge);
    assert_null(plan.twin.contender);
    assert_int_equal(plan.n_variants, 4);
}

/* Ours are needed: the first that is not up ends the run. */
static void ours_must_start(void **state) {
    (void)state;
    for (size_t at = 3; at <= 7; at++) {
        const size_t v = at == 7 ? 3 : at - 3;
        char line[400];
        tear_down(NULL);
        set_up(NULL);
        plan_of_two();
        choose_commands("a=up", NULL, NULL);
        script.own_fails_at = at;
        hear_start(1e9);
        assert_int_equal(said.code, GB_EXIT_RESOURCE);
        snprintf(line, sizeof line, "gradbench: error: cannot start %s as a contender: %s\n", plan.variants[v].label,
                 script.list[at - 1].who->reason);
        assert_string_equal(said.err, line);
        assert_int_equal(script.count, at);
        for (size_t i = 0; i < at; i++) assert_int_equal(script.ends[i], i == at - 1);
    }
}

/* At each start: none comes after it. */
static void a_signal_starts_no_more(void **state) {
    (void)state;
    for (size_t at = 1; at <= 9; at++) {
        tear_down(NULL);
        set_up(NULL);
        plan_of_two();
        choose_commands("a=one", "b=two", NULL);
        script.stop_at = at;
        starts(1e9);
        assert_int_equal(script.count, at);
        assert_int_equal(plan.n_variants, 4 + (at < 4 ? at : 4));
        assert_int_equal(plan.twin.contender != NULL, at == 9);
    }
}

/* Each that was started, as often as asked. */
static void all_are_ended(void **state) {
    (void)state;
    plan_of_two();
    choose_commands("a=gone 3", NULL, NULL);
    starts(1e9);
    assert_int_equal(script.count, 7);
    gb_race_end(&race);
    for (size_t i = 0; i < 7; i++) assert_int_equal(script.ends[i], i == 1 ? 2 : 1);
    assert_true(race.list[0].up);
    assert_string_equal(race.contenders[0].description, "gone 3 for 2");
    gb_race_free(&race);
    for (size_t i = 0; i < 7; i++) assert_int_equal(script.ends[i], i == 1 ? 3 : 2);
    assert_true(!race.contenders && !race.judge && race.count == 0 && race.n_contenders == 0);
}

static int start_builds(void *old_command) {
    return gb_race_start_builds(&race, &effects, &plan, old_command, "'new build/gradbench' peer", true, 1e9, &script.stop);
}

/* The new one takes the place of each variant, the twin is one more of it, the old ones come after all variants. */
static void two_builds_are_started(void **state) {
    static char old_command[] = "loads 'a library'";
    char text[200];
    (void)state;
    plan_of_two();
    assert_int_equal(start_builds(old_command), GB_EXIT_OK);
    assert_true(script.count == 9 && plan.n_own == 4 && plan.n_variants == 8 && race.judge);
    for (size_t i = 0; i < 9; i++) {
        const struct gb_variant *const v = i == 4 ? &plan.twin : &plan.variants[i < 4 ? i : i - 1];
        snprintf(text, sizeof text, "%s --isa %s --threads %zu", i < 5 ? "'new build/gradbench' peer" : old_command, v->name,
                 v->threads);
        assert_string_equal(script.list[i].command, text);
        assert_true(script.list[i].bind && script.list[i].threads == v->threads && v->contender == script.list[i].who);
        assert_true(v->build && !v->peer);
    }
    assert_string_equal(plan.variants[4].label, "old ref, 2 threads");
}

static void nothing_is_left_of_a_race(void **state) {
    enum { OFTEN = 12 };
    size_t before = 0, now = 0;
    (void)state;
    for (size_t i = 0; i < OFTEN; i++) {
        set_up(NULL);
        plan_of_two();
        choose_commands("a=up", NULL, NULL);
        assert_int_equal(start_all(&(double){1e9}), GB_EXIT_OK);
        gb_race_free(&race);
        before = now, now = gb_heap_in_use();
    }
    assert_int_equal(now, before);
}

static void the_real_ones(void **state) {
    (void)state;
    const struct gb_effects *const e = &gb_real_effects;
    assert_true(e->clock == &gb_real_clock && e->bind == gb_binding_apply && e->look_again == gb_roofs_look_again);
    assert_true(e->start == gb_contender_start && e->begin_turn == gb_contender_begin_turn);
    assert_true(e->prepare == gb_contender_prepare && e->run == gb_contender_run && e->result == gb_contender_result);
    assert_true(e->end_turn == gb_contender_end_turn && e->end == gb_contender_end);
}

/* --- who did not finish */

enum { PROBLEMS = 3 };

static struct gb_measure measures[PROBLEMS][8];
static struct gb_outcome outcomes[PROBLEMS];

/* Of ours one fails in each problem: that is no business of the race. */
static void race_of_two(void) {
    plan_of_two();
    choose_commands("a=up", "b=up", NULL);
    starts(1e9);
    memset(measures, 0, sizeof measures);
    for (size_t k = 0; k < PROBLEMS; k++) {
        outcomes[k] = (struct gb_outcome){.measures = measures[k]};
        for (size_t v = 0; v < 8; v++) measures[k][v].state = v == 3 ? GB_STATE_FAILED : GB_STATE_TIMED;
        snprintf(measures[k][3].failure, sizeof measures[k][3].failure, "of ours");
    }
}

static void becomes(size_t problem, size_t variant, enum gb_state state, const char *failure) {
    measures[problem][variant].state = state;
    snprintf(measures[problem][variant].failure, sizeof measures[problem][variant].failure, "%s", failure);
}

static int judge(void *count) { return gb_race_judge(&race, &plan, outcomes, *(size_t *)count); }

static void judged(size_t count, int code, const char *lines) {
    gb_hear(&said, judge, &count);
    assert_string_equal(said.out, "");
    assert_string_equal(said.err, lines);
    assert_int_equal(said.code, code);
}

static void who_finished_is_good(void **state) {
    (void)state;
    race_of_two();
    becomes(0, 4, GB_STATE_UNFIT, "not this");
    becomes(1, 5, GB_STATE_NOT_TIMED, "");
    becomes(2, 6, GB_STATE_SKIPPED, "");
    race.list[2] = (struct gb_racer){.named = true, .reason = "nobody asked for it"};
    for (size_t count = 0; count <= PROBLEMS; count++) judged(count, GB_EXIT_OK, "");
}

/* Cells of all its thread counts; the first says why. */
static void who_is_gone_or_wrong_is_told(void **state) {
    (void)state;
    race_of_two();
    becomes(1, 5, GB_STATE_GONE, "killed");
    judged(1, GB_EXIT_OK, "");
    judged(3, GB_EXIT_CHECK, "gradbench: error: peer a is gone (killed), 1 cell without a time\n");
    becomes(1, 4, GB_STATE_FAILED, "dx is wrong");
    judged(3, GB_EXIT_CHECK, "gradbench: error: peer a gave a wrong result (dx is wrong), 2 cells without a time\n");
    becomes(2, 4, GB_STATE_GONE, "");
    becomes(2, 7, GB_STATE_FAILED, "db is wrong");
    judged(2, GB_EXIT_CHECK, "gradbench: error: peer a gave a wrong result (dx is wrong), 2 cells without a time\n");
    judged(3, GB_EXIT_CHECK,
           "gradbench: error: peer a gave a wrong result (dx is wrong), 3 cells without a time\n"
           "gradbench: error: peer b gave a wrong result (db is wrong), 1 cell without a time\n");
    race.list[0].named = false;
    judged(3, GB_EXIT_CHECK, "gradbench: error: peer b gave a wrong result (db is wrong), 1 cell without a time\n");
    race.list[1].named = false;
    judged(3, GB_EXIT_OK, "");
}

/* Idle is who could do none; the last reason stands for all. */
static void who_is_idle_is_told(void **state) {
    (void)state;
    race_of_two();
    for (size_t k = 0; k < PROBLEMS; k++)
        for (size_t v = 4; v < 6; v++) becomes(k, v, GB_STATE_UNFIT, k == 2 && v == 5 ? "the last" : "before");
    judged(3, GB_EXIT_CHECK, "gradbench: error: peer a did none of the problems (the last)\n");
    judged(1, GB_EXIT_CHECK, "gradbench: error: peer a did none of the problems (before)\n");
    judged(0, GB_EXIT_OK, "");
    race.list[0].named = false;
    judged(3, GB_EXIT_OK, "");
    race.list[0].named = true;
    static const size_t places[][2] = {{0, 4}, {1, 4}, {2, 5}};
    for (size_t i = 0; i < 3; i++) {
        becomes(places[i][0], places[i][1], GB_STATE_NOT_TIMED, "");
        judged(3, GB_EXIT_OK, "");
        becomes(places[i][0], places[i][1], GB_STATE_UNFIT, "the last");
    }
}

static void who_is_absent_is_told(void **state) {
    (void)state;
    race_of_two();
    snprintf(race.list[1].reason, sizeof race.list[1].reason, "no b here");
    judged(3, GB_EXIT_CHECK, "gradbench: error: peer b is not in the race: no b here\n");
    judged(0, GB_EXIT_CHECK, "gradbench: error: peer b is not in the race: no b here\n");
    becomes(0, 6, GB_STATE_GONE, "killed");
    judged(3, GB_EXIT_CHECK,
           "gradbench: error: peer b is not in the race: no b here\n"
           "gradbench: error: peer b is gone (killed), 1 cell without a time\n");
    race.list[1].named = false;
    judged(3, GB_EXIT_OK, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(nobody_without_a_list),
        TEST(lists_take_the_catalog),
        TEST(names_are_added_up),
        TEST(lists_that_are_refused),
        TEST(a_command_is_a_peer),
        TEST(commands_that_are_refused),
        TEST(so_many_race),
        TEST(each_is_started_in_its_turn),
        TEST(who_is_not_up_is_not_in_the_plan),
        TEST(news_stay_news),
        TEST(without_peers_nobody_starts),
        TEST(ours_must_start),
        TEST(a_signal_starts_no_more),
        TEST(all_are_ended),
        TEST(two_builds_are_started),
        TEST(nothing_is_left_of_a_race),
        TEST(the_real_ones),
        TEST(who_finished_is_good),
        TEST(who_is_gone_or_wrong_is_told),
        TEST(who_is_idle_is_told),
        TEST(who_is_absent_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
