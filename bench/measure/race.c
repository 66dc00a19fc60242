#include "race.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "message.h"
#include "text.h"

static struct gb_racer *find(struct gb_race *race, const char *name) {
    for (size_t i = 0; i < race->count; i++)
        if (strcmp(race->list[i].entry.name, name) == 0) return &race->list[i];
    return NULL;
}

_Static_assert((int)GB_PEERS_MAX <= (int)GB_RACED_MAX, "a list, which comes before the commands, always fits");

/* Who is there already is so by one more word. */
static void add(struct gb_race *race, const struct gb_peer_entry *entry, bool named, bool news) {
    struct gb_racer *const known = find(race, entry->name);
    if (known) {
        known->named = known->named || named;
        known->news = known->news || news;
    } else race->list[race->count++] = (struct gb_racer){.entry = *entry, .named = named, .news = news};
}

static int refuse_name(const struct gb_peer_entry *catalog, size_t count, const char *name) {
    struct gb_names names = {.count = 0};
    char text[1200];
    for (size_t i = 0; i < count; i++) gb_names_add(&names, catalog[i].name);
    gb_names_add(&names, "none");
    gb_names_add(&names, "auto");
    gb_names_add(&names, "all");
    return gb_fail(GB_EXIT_USAGE, "%s", gb_names_refuse(&names, "peer", name, text, sizeof text));
}

static int choose_listed(struct gb_race *race, const char *list) {
    struct gb_peer_entry catalog[GB_PEERS_MAX];
    const size_t count = gb_peer_catalog(catalog);
    const char *const whole = list;
    char item[sizeof catalog->name];
    bool too_long;
    while (gb_text_item(&list, item, sizeof item, &too_long)) {
        const bool all = strcmp(item, "all") == 0, named = !all && strcmp(item, "auto") != 0;
        bool known = !named;
        if (strcmp(item, "none") == 0) return gb_fail(GB_EXIT_USAGE, "none stands alone in --peers (got '%.80s')", whole);
        for (size_t i = 0; i < count; i++) {
            if (named && strcmp(catalog[i].name, item) != 0) continue;
            known = true;
            add(race, &catalog[i], named, named || all);
        }
        if (!known) return refuse_name(catalog, count, item);
    }
    return too_long ? gb_fail(GB_EXIT_USAGE, "a word of --peers is too long") : GB_EXIT_OK;
}

static bool good_name(const char *name, size_t length) {
    if (length == 0 || length >= sizeof(struct gb_peer_entry){0}.name) return false;
    for (size_t i = 0; i < length; i++)
        if (!isalnum((unsigned char)name[i]) && !strchr("._@+-", name[i])) return false;
    return true;
}

/* NAME=COMMAND */
static int choose_command(struct gb_race *race, const char *text) {
    struct gb_peer_entry entry = {.advice = ""};
    const char *const equals = strchr(text, '=');
    const size_t length = equals ? (size_t)(equals - text) : 0;
    if (!equals || !good_name(text, length))
        return gb_fail(GB_EXIT_USAGE, "--peer takes NAME=COMMAND, the name of 1 to %zu letters, digits, ._@+- (got '%.80s')",
                       sizeof entry.name - 1, text);
    if (!equals[1] || strlen(equals + 1) >= sizeof entry.command || strpbrk(equals + 1, "\r\n"))
        return gb_fail(GB_EXIT_USAGE, "the command of --peer %.*s must be one line of 1 to %zu bytes", (int)length, text,
                       sizeof entry.command - 1);
    memcpy(entry.name, text, length);
    strcpy(entry.command, equals + 1);
    if (gk_isa_find(entry.name) >= 0) return gb_fail(GB_EXIT_USAGE, "--peer: %s is gradkern's own name", entry.name);
    if (find(race, entry.name)) return gb_fail(GB_EXIT_USAGE, "two peers are named %s", entry.name);
    if (race->count == GB_RACED_MAX) return gb_fail(GB_EXIT_USAGE, "at most %d peers race in one run", GB_RACED_MAX);
    add(race, &entry, true, true);
    return GB_EXIT_OK;
}

int gb_race_choose(struct gb_race *race, const char *list, const struct gb_texts *commands) {
    int code = list && strcmp(list, "none") != 0 ? choose_listed(race, list) : GB_EXIT_OK;
    for (size_t i = 0; i < commands->count && code == GB_EXIT_OK; i++) code = choose_command(race, commands->list[i]);
    return code;
}

/* What a start needs beside who is started. */
struct start {
    struct gb_race *race;
    struct gb_plan *plan;
    enum gb_bind bind;
    double limit_ns;
    const volatile sig_atomic_t *stop;
    const char *new_build; /* said before a label of that one; "": there is one build */
};

/* One that is not up leaves no process. */
static struct gb_contender *start_one(const struct start *start, const char *command, size_t threads) {
    struct gb_contender *const contender = &start->race->contenders[start->race->n_contenders++];
    const struct gb_effects *const effects = start->race->effects;
    if (!effects->start(contender, command, threads, start->bind, start->limit_ns)) effects->end(contender);
    return contender;
}

/* One thread count after the other; who is absent for one is absent. */
static void start_racer(const struct start *start, struct gb_racer *racer) {
    for (size_t t = 0; t < start->plan->n_threads && !*start->stop; t++) {
        const size_t threads = start->plan->threads[t];
        struct gb_contender *const contender = start_one(start, racer->entry.command, threads);
        if (contender->state != GB_CONTENDER_UP) {
            racer->news = racer->news || contender->state != GB_CONTENDER_ABSENT;
            gb_peer_explain(&racer->entry, contender, racer->reason);
            return;
        }
        if (!racer->up) memcpy(racer->description, contender->description, sizeof racer->description);
        racer->up = true;
        gb_plan_add_peer(start->plan, racer->entry.name, threads)->contender = contender;
    }
}

/* program: as the shell takes it, but for these options. whose: see new_build. */
static int start_own(const struct start *start, const char *program, const char *whose, struct gb_variant *v) {
    char command[sizeof(struct gb_peer_entry){0}.command];
    snprintf(command, sizeof command, "%s --isa %s --threads %zu", program, v->name, v->threads);
    v->contender = start_one(start, command, v->threads);
    if (v->contender->state == GB_CONTENDER_UP) return GB_EXIT_OK;
    return gb_fail(GB_EXIT_RESOURCE, "cannot start %s%s as a contender: %s", whose, v->label, v->contender->reason);
}

static int start_all_own(const struct start *start, const char *program) {
    struct gb_plan *const plan = start->plan;
    int code = GB_EXIT_OK;
    for (size_t i = 0; i < plan->n_own && !*start->stop && code == GB_EXIT_OK; i++)
        code = start_own(start, program, start->new_build, &plan->variants[i]);
    if (*start->stop || code != GB_EXIT_OK) return code;
    plan->twin = plan->variants[plan->n_own - 1];
    return start_own(start, program, start->new_build, &plan->twin);
}

static int make_judge(struct gb_race *race) {
    if (gk_context_create(&race->judge, &(gk_options){.threads = 1}) == GK_OK) return GB_EXIT_OK;
    return gb_fail(GB_EXIT_RESOURCE, "no memory for the contenders");
}

int gb_race_start(struct gb_race *race, const struct gb_effects *effects, struct gb_plan *plan, enum gb_bind bind,
                  double limit_ns, const volatile sig_atomic_t *stop) {
    const struct start start = {race, plan, bind, limit_ns, stop, ""};
    race->effects = effects;
    if (race->count == 0) return GB_EXIT_OK;
    race->contenders = calloc(plan->n_own + 1 + race->count * plan->n_threads, sizeof *race->contenders);
    if (!race->contenders) return gb_fail(GB_EXIT_RESOURCE, "no memory for the contenders");
    for (size_t i = 0; i < race->count; i++) start_racer(&start, &race->list[i]);
    if (plan->n_variants == plan->n_own) return GB_EXIT_OK;
    char program[64]; /* this one, whatever became of its file since it was started */
    snprintf(program, sizeof program, "/proc/%ld/exe peer", (long)getpid());
    const int code = make_judge(race);
    return code == GB_EXIT_OK ? start_all_own(&start, program) : code;
}

/* Both have the same contexts: what is asked of these is the same for both. */
int gb_race_start_builds(struct gb_race *race, const struct gb_effects *effects, struct gb_plan *plan, const char *old_command,
                         const char *new_command, enum gb_bind bind, double limit_ns, const volatile sig_atomic_t *stop) {
    const struct start start = {race, plan, bind, limit_ns, stop, "new "};
    race->effects = effects;
    race->contenders = calloc(2 * plan->n_own + 1, sizeof *race->contenders);
    if (!race->contenders) return gb_fail(GB_EXIT_RESOURCE, "no memory for the contenders");
    plan->n_variants = 2 * plan->n_own;
    for (size_t i = 0; i < plan->n_own; i++) {
        plan->variants[i].build = true;
        plan->variants[plan->n_own + i] = plan->variants[i];
        snprintf(plan->variants[plan->n_own + i].label, sizeof plan->variants->label, "old %.58s", plan->variants[i].label);
    }
    int code = make_judge(race);
    if (code == GB_EXIT_OK) code = start_all_own(&start, new_command);
    for (size_t i = plan->n_own; i < plan->n_variants && !*stop && code == GB_EXIT_OK; i++)
        code = start_own(&start, old_command, "", &plan->variants[i]);
    return code;
}

/* The first measure of a peer that is a failure, and how many there are. */
static const struct gb_measure *failed_measure(const struct gb_racer *racer, const struct gb_plan *plan,
                                               const struct gb_outcome *outcomes, size_t count, size_t *failures) {
    const struct gb_measure *first = NULL;
    *failures = 0;
    for (size_t k = 0; k < count; k++)
        for (size_t i = plan->n_own; i < plan->n_variants; i++) {
            const struct gb_measure *const m = &outcomes[k].measures[i];
            if (strcmp(plan->variants[i].name, racer->entry.name) != 0) continue;
            if (m->state != GB_STATE_FAILED && m->state != GB_STATE_GONE) continue;
            if (!first) first = m;
            ++*failures;
        }
    return first;
}

/* Why a peer did none of the problems: its last reason; NULL: it did one, or was asked for none. */
static const char *idle_reason(const struct gb_racer *racer, const struct gb_plan *plan, const struct gb_outcome *outcomes,
                               size_t count) {
    const char *reason = NULL;
    for (size_t k = 0; k < count; k++)
        for (size_t i = plan->n_own; i < plan->n_variants; i++) {
            const struct gb_measure *const m = &outcomes[k].measures[i];
            if (strcmp(plan->variants[i].name, racer->entry.name) != 0) continue;
            if (m->state != GB_STATE_UNFIT) return NULL;
            reason = m->failure;
        }
    return reason;
}

int gb_race_judge(const struct gb_race *race, const struct gb_plan *plan, const struct gb_outcome *outcomes, size_t count) {
    int code = GB_EXIT_OK;
    for (size_t i = 0; i < race->count; i++) {
        const struct gb_racer *const r = &race->list[i];
        size_t failures;
        if (!r->named) continue;
        const struct gb_measure *const first = failed_measure(r, plan, outcomes, count, &failures);
        const char *const idle = idle_reason(r, plan, outcomes, count);
        if (idle) code = gb_fail(GB_EXIT_CHECK, "peer %s did none of the problems (%s)", r->entry.name, idle);
        if (r->reason[0]) code = gb_fail(GB_EXIT_CHECK, "peer %s is not in the race: %s", r->entry.name, r->reason);
        if (first)
            code = gb_fail(GB_EXIT_CHECK, "peer %s %s (%s), %zu cell%s without a time", r->entry.name,
                           first->state == GB_STATE_GONE ? "is gone" : "gave a wrong result", first->failure, failures,
                           failures == 1 ? "" : "s");
    }
    return code;
}

void gb_race_end(struct gb_race *race) {
    for (size_t i = 0; i < race->n_contenders; i++) race->effects->end(&race->contenders[i]);
}

void gb_race_free(struct gb_race *race) {
    gb_race_end(race);
    free(race->contenders);
    gk_context_destroy(race->judge);
    *race = (struct gb_race){.count = 0};
}
