/* Where workload files are found. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data_folder.h"
#include "environment.h"
#include "message.h"
#include "text.h"
#include "workload.h"

enum { LISTED_MAX = GB_NAMES_MAX - 2 }; /* beside a path and standard input */

bool gb_workload_directory(char path[GB_PATH_MAX]) {
    const char *const chosen = gb_environment_get("GRADBENCH_WORKLOADS");
    errno = ENAMETOOLONG;
    if (chosen) return snprintf(path, GB_PATH_MAX, "%s", chosen) < GB_PATH_MAX;
    return gb_data_folder(GB_WORKLOADS_INSTALLED, GB_WORKLOADS_SOURCE, path);
}

static int is_workload(const struct dirent *entry) {
    const size_t length = strlen(entry->d_name);
    return length > 4 && strcmp(entry->d_name + length - 4, ".txt") == 0 && entry->d_name[0] != '.';
}

char **gb_workload_list(void) {
    char path[GB_PATH_MAX];
    struct dirent **entries;
    if (!gb_workload_directory(path)) return NULL;
    const int found = scandir(path, &entries, is_workload, alphasort);
    if (found < 0) return NULL;
    const size_t count = found < LISTED_MAX ? (size_t)found : LISTED_MAX;
    size_t bytes = (count + 1) * sizeof(char *);
    for (size_t i = 0; i < count; i++) bytes += strlen(entries[i]->d_name) + 1;
    char **const list = malloc(bytes);
    char *text = list ? (char *)(list + count + 1) : NULL;
    for (size_t i = 0; i < count && list; i++) {
        const size_t length = strlen(entries[i]->d_name) - 4;
        list[i] = memcpy(text, entries[i]->d_name, length);
        text[length] = '\0';
        text += length + 1;
    }
    if (list) list[count] = NULL;
    for (int i = 0; i < found; i++) free(entries[i]);
    free(entries);
    return list;
}

int gb_workload_list_failed(void) {
    const int reason = errno;
    const char *const chosen = gb_environment_get("GRADBENCH_WORKLOADS");
    return chosen ? gb_fail(GB_EXIT_RESOURCE, "GRADBENCH_WORKLOADS is %.400s: %s", chosen, strerror(reason))
                  : gb_fail(GB_EXIT_RESOURCE, "found no folder of workloads (set GRADBENCH_WORKLOADS to one)");
}

static int refuse_workload(const char *word) {
    char text[900];
    struct gb_names names = {.count = 0};
    char **const list = gb_workload_list();
    if (!list) return gb_workload_list_failed();
    for (size_t i = 0; list[i]; i++) gb_names_add(&names, list[i]);
    gb_names_add(&names, "a path with a '/'");
    gb_names_add(&names, "- for standard input");
    gb_fail(GB_EXIT_USAGE, "%s", gb_names_refuse(&names, "workload", word, text, sizeof text));
    free(list);
    return GB_EXIT_USAGE;
}

int gb_workload_find(const char *word, char path[GB_PATH_MAX]) {
    char directory[GB_PATH_MAX];
    const size_t length = strlen(word);
    if (length >= GB_PATH_MAX) return gb_fail(GB_EXIT_USAGE, "the workload's path is longer than %d bytes", GB_PATH_MAX - 1);
    if (strcmp(word, "-") == 0 || strchr(word, '/') || (length > 4 && strcmp(word + length - 4, ".txt") == 0)) {
        memcpy(path, word, length + 1);
        return GB_EXIT_OK;
    }
    if (!gb_workload_directory(directory)) return refuse_workload(word);
    if (snprintf(path, GB_PATH_MAX, "%s/%s.txt", directory, word) >= GB_PATH_MAX || access(path, F_OK) != 0)
        return refuse_workload(word);
    return GB_EXIT_OK;
}
