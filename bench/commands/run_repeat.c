#include "run_repeat.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "environment.h"
#include "interrupt.h"
#include "message.h"
#include "result_join.h"
#include "terminal.h"
#include "text.h"

/* Odd, so that all processes begin their operands at other lines of a page, which has 64. */
enum { LINES_APART = 37, SHIFTS = 4096, OWN_WORDS = 6 };

const char **gb_repeat_words(struct gb_run_options *options, int argc, char **argv) {
    static const char *const own[] = {"repeat", "shift", "json", "vs", NULL};
    struct gb_flag flags[GB_RUN_FLAGS_MAX];
    const struct gb_syntax syntax = {.options = flags, .n_options = gb_run_flags(options, flags)};
    const char **const words = calloc((size_t)argc + OWN_WORDS + 1, sizeof *words);
    if (words) gb_options_without(&syntax, argc, argv, own, words + OWN_WORDS);
    return words;
}

struct repeat {
    const struct gb_run_options *options;
    int (*again)(const char *const *words);
    char path[GB_PATH_MAX]; /* of the file that a process writes */
    struct gb_result parts[GB_PROCESSES_MAX];
    size_t count;
};

static const char *temporary_folder(void) {
    const char *const chosen = gb_environment_get("TMPDIR");
    return chosen ? chosen : "/tmp";
}

/* Empty. False: errno says why. */
static bool make_file(char path[GB_PATH_MAX]) {
    const int length = snprintf(path, GB_PATH_MAX, "%s/gradbench-XXXXXX", temporary_folder());
    errno = ENAMETOOLONG;
    const int fd = length < GB_PATH_MAX ? mkstemp(path) : -1;
    if (fd >= 0) close(fd);
    return fd >= 0;
}

static int start(const struct repeat *r) {
    const char **const words = r->options->words;
    char shift[24], json[GB_PATH_MAX] = "";
    for (const char *c = r->path; *c; c++) gb_text_append(json, sizeof json, *c == '%' ? "%%%%" : "%c", *c);
    snprintf(shift, sizeof shift, "%zu", ((size_t)r->options->plan.shift + LINES_APART * r->count) % SHIFTS);
    memcpy(words, (const char *[OWN_WORDS]){"gradbench", "run", "--shift", shift, "--json", json}, OWN_WORDS * sizeof *words);
    return r->again(words);
}

/* The exit code of a process, from its status. */
static int code_of(const struct repeat *r, int status) {
    if (status == -1) return gb_fail(GB_EXIT_RESOURCE, "there can be no other process");
    if (WIFEXITED(status)) return WEXITSTATUS(status);
    if (gb_caught) return GB_EXIT_OK;
    return gb_fail(GB_EXIT_RESOURCE, "process %zu of %ju was killed by signal %d (%s)", r->count + 1,
                   (uintmax_t)r->options->repeat, WTERMSIG(status), strsignal(WTERMSIG(status)));
}

/* One more process. What a signal cut off does not count. */
static int run_one(struct repeat *r) {
    if (!make_file(r->path))
        return gb_fail(GB_EXIT_RESOURCE, "cannot make a file in %.400s (%s)", temporary_folder(), strerror(errno));
    if (gb_is_terminal(STDERR_FILENO)) gb_note("process %zu of %ju", r->count + 1, (uintmax_t)r->options->repeat);
    const int status = start(r);
    int code = code_of(r, status);
    if (code <= GB_EXIT_CHECK && WIFEXITED(status)) {
        const int read = gb_result_read(&r->parts[r->count++], r->path);
        if (read != GB_EXIT_OK) code = read;
    }
    unlink(r->path);
    return code;
}

static int run_all(struct repeat *r) {
    int code = GB_EXIT_OK;
    while (r->count < r->options->repeat && !gb_caught && code <= GB_EXIT_CHECK) {
        const int one = run_one(r);
        if (one != GB_EXIT_OK) code = one;
    }
    return code;
}

int gb_repeat_run(const struct gb_run_options *options, int (*again)(const char *const *words), struct gb_result *result,
                  size_t *done) {
    struct repeat *const r = calloc(1, sizeof *r);
    if (!r) return gb_fail(GB_EXIT_RESOURCE, "no memory");
    r->options = options;
    r->again = again;
    int code = run_all(r);
    *done = r->count;
    if (code <= GB_EXIT_CHECK && r->count && !gb_result_join(result, r->parts, r->count))
        code = gb_fail(GB_EXIT_RESOURCE, "no memory for the results");
    for (size_t i = 0; i < GB_PROCESSES_MAX; i++) gb_result_free(&r->parts[i]);
    free(r);
    return code;
}

static void recall(struct gb_racer *racer, struct gb_plan *plan, const struct gb_result_peer *peer) {
    racer->up = peer->description != NULL;
    snprintf(racer->description, sizeof racer->description, "%s", racer->up ? peer->description : "");
    snprintf(racer->reason, sizeof racer->reason, "%s", peer->reason ? peer->reason : "");
    for (size_t t = 0; t < plan->n_threads && racer->up; t++) gb_plan_add_peer(plan, racer->entry.name, plan->threads[t]);
}

void gb_repeat_recall(struct gb_race *race, struct gb_plan *plan, const struct gb_result_context *context) {
    for (size_t i = 0; i < race->count; i++)
        for (size_t k = 0; k < context->n_peers; k++)
            if (strcmp(race->list[i].entry.name, context->peers[k].name) == 0) recall(&race->list[i], plan, &context->peers[k]);
}
