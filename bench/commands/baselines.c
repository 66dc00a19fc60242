#include "baselines.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "environment.h"
#include "message.h"

enum { NAME_MOST = 64 };

int gb_baseline_folder(char path[GB_PATH_MAX]) {
    const char *const chosen = gb_environment_get("GRADBENCH_BASELINES"), *const data = gb_environment_get("XDG_DATA_HOME"),
                      *const home = gb_environment_get("HOME");
    int length;
    if (chosen) length = snprintf(path, GB_PATH_MAX, "%s", chosen);
    else if (data && data[0] == '/') length = snprintf(path, GB_PATH_MAX, "%s/gradbench/baselines", data);
    else if (home) length = snprintf(path, GB_PATH_MAX, "%s/.local/share/gradbench/baselines", home);
    else return gb_fail(GB_EXIT_RESOURCE, "there is no folder for baselines (set GRADBENCH_BASELINES to one)");
    return length < GB_PATH_MAX - NAME_MOST - 8 ? GB_EXIT_OK
                                                : gb_fail(GB_EXIT_RESOURCE, "the path of the folder of baselines is too long");
}

static bool is_name(const char *name) {
    const size_t length = strlen(name);
    if (length == 0 || length > NAME_MOST || name[0] == '.' || name[0] == '-') return false;
    for (const char *p = name; *p; p++)
        if (!isalnum((unsigned char)*p) && !strchr("._+-", *p)) return false;
    return true;
}

int gb_baseline_path(const char *name, char path[GB_PATH_MAX]) {
    if (!is_name(name))
        return gb_fail(GB_EXIT_USAGE,
                       "a baseline's name has 1 to %d letters, digits and ._+-, the first no . and no - (got '%.80s')",
                       NAME_MOST, name);
    const int code = gb_baseline_folder(path);
    if (code == GB_EXIT_OK) sprintf(path + strlen(path), "/%s.json", name);
    return code;
}

int gb_baseline_read(struct gb_result *result, const char *name) {
    char path[GB_PATH_MAX];
    const int code = gb_baseline_path(name, path);
    if (code != GB_EXIT_OK) return code;
    if (access(path, F_OK) != 0) return gb_fail(GB_EXIT_INPUT, "there is no baseline %s (%.400s is not there)", name, path);
    return gb_result_read(result, path);
}
