#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "baselines.h"
#include "commands.h"
#include "message.h"
#include "options.h"
#include "report_markdown.h"

/* Those that the file is in. */
static int make_folders(char path[GB_PATH_MAX]) {
    bool good = true;
    int reason = 0;
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        good = mkdir(path, 0777) == 0 || errno == EEXIST;
        reason = errno;
        *slash = '/';
    }
    return good ? GB_EXIT_OK : gb_fail(GB_EXIT_RESOURCE, "cannot make the folder of %.400s (%s)", path, strerror(reason));
}

static int save(const char *name, const char *file, bool force) {
    char path[GB_PATH_MAX];
    struct gb_result result = {.complete = false};
    int code = gb_baseline_path(name, path);
    if (code == GB_EXIT_OK && !force && access(path, F_OK) == 0)
        code = gb_fail(GB_EXIT_INPUT, "there is a baseline %s already (--force replaces it)", name);
    if (code == GB_EXIT_OK) code = gb_result_read(&result, file);
    if (code == GB_EXIT_OK) code = make_folders(path);
    if (code == GB_EXIT_OK) code = gb_result_write(&result, path, true);
    gb_result_free(&result);
    return code;
}

static int is_baseline(const struct dirent *entry) {
    const size_t length = strlen(entry->d_name);
    return length > 5 && strcmp(entry->d_name + length - 5, ".json") == 0 && entry->d_name[0] != '.';
}

static int list(void) {
    char folder[GB_PATH_MAX];
    struct dirent **entries;
    const int code = gb_baseline_folder(folder);
    if (code != GB_EXIT_OK) return code;
    const int count = scandir(folder, &entries, is_baseline, alphasort);
    if (count < 0 && errno == ENOENT) return GB_EXIT_OK;
    if (count < 0) return gb_fail(GB_EXIT_RESOURCE, "cannot read %.400s (%s)", folder, strerror(errno));
    for (int i = 0; i < count; i++) {
        printf("%.*s\n", (int)strlen(entries[i]->d_name) - 5, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return GB_EXIT_OK;
}

static int show(const char *name) {
    char path[GB_PATH_MAX];
    struct gb_result result = {.complete = false};
    int code = gb_baseline_read(&result, name);
    if (code == GB_EXIT_OK) code = gb_baseline_path(name, path);
    if (code == GB_EXIT_OK) {
        printf("%s\n\n", path);
        code = gb_report_markdown(stdout, &result, 1, false);
    }
    gb_result_free(&result);
    return code;
}

static int forget(const char *name) {
    char path[GB_PATH_MAX];
    const int code = gb_baseline_path(name, path);
    if (code != GB_EXIT_OK || unlink(path) == 0) return code;
    if (errno == ENOENT) return gb_fail(GB_EXIT_INPUT, "there is no baseline %s (%.400s is not there)", name, path);
    return gb_fail(GB_EXIT_RESOURCE, "cannot remove %.400s (%s)", path, strerror(errno));
}

int gb_command_baseline(int argc, char **argv) {
    bool force = false;
    struct gb_texts words = {.count = 0};
    const struct gb_names actions = {.list = {"save", "list", "show", "rm"}, .count = 4};
    static const size_t operands[] = {3, 1, 2, 2};
    const struct gb_flag options[] = {
        {"force", GB_FLAG_SWITCH, &force, .help = "save replaces a baseline of that name"},
    };
    const struct gb_syntax syntax = {
        .command = "baseline",
        .options = options,
        .n_options = sizeof options / sizeof *options,
        .operand = "save NAME FILE, or list, or show NAME, or rm NAME",
        .operands = &words,
        .summary = "Keeps results (of gradbench run --json) by name: gradbench run --vs NAME ends with a comparison.",
        .notes = "They are in the folder that GRADBENCH_BASELINES names, else in gradbench/baselines of XDG_DATA_HOME or of\n"
                 "~/.local/share."};
    int code;
    char text[200];
    size_t action = 0;
    if (!gb_options_parse(&syntax, argc, argv, &code)) return code;
    while (words.count && action < actions.count && strcmp(words.list[0], actions.list[action]) != 0) action++;
    if (words.count && action == actions.count)
        return gb_fail(GB_EXIT_USAGE, "%s", gb_names_refuse(&actions, "word", words.list[0], text, sizeof text));
    if (words.count == 0 || words.count != operands[action])
        return gb_fail(GB_EXIT_USAGE, "baseline takes %s (see gradbench baseline --help)", syntax.operand);
    switch (action) {
    case 0: return save(words.list[1], words.list[2], force);
    case 1: return list();
    case 2: return show(words.list[1]);
    default: return forget(words.list[1]);
    }
}
