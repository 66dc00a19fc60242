#include "cgroup.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct walk {
    const char *root, *controller;
    gk_cgroup_visit *visit;
    void *into;
};

/* Where a hierarchy is mounted: the group that the mount shows at its top, and the folder. */
struct mount {
    char *top, *folder;
    const char *type, *options;
};

static FILE *open_below(const char *folder, const char *name) {
    char *path;
    if (asprintf(&path, "%s/%s", folder, name) < 0) return NULL;
    FILE *const file = fopen(path, "re");
    free(path);
    return file;
}

bool gk_cgroup_read(const char *folder, const char *name, char *line, size_t size) {
    FILE *const file = open_below(folder, name);
    if (!file) return false;
    const bool read = fgets(line, (int)size, file) != NULL;
    fclose(file);
    if (read) line[strcspn(line, "\n")] = '\0';
    return read;
}

/* "cpu" in "rw,cpu,cpuacct". */
static bool listed(const char *list, const char *name) {
    const size_t length = strlen(name);
    for (const char *at = list; (at = strstr(at, name)); at += length)
        if ((at == list || at[-1] == ',') && (at[length] == ',' || at[length] == '\0')) return true;
    return false;
}

static bool octal(char c) { return c >= '0' && c <= '7'; }

/* mountinfo writes space, tab, newline and backslash as a backslash and three octal digits. */
static void unescape(char *text) {
    char *to = text;
    for (const char *from = text; *from; to++) {
        if (from[0] == '\\' && octal(from[1]) && octal(from[2]) && octal(from[3])) {
            *to = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
            from += 4;
        } else *to = *from++;
    }
    *to = '\0';
}

/* "id parent device top folder options [optional ...] - type source options" */
static bool parse_mount(char *line, struct mount *m) {
    char *fields[5];
    for (int i = 0; i < 5; i++)
        if (!(fields[i] = strsep(&line, " "))) return false;
    for (const char *field = ""; strcmp(field, "-") != 0;)
        if (!(field = strsep(&line, " "))) return false;
    const char *const type = strsep(&line, " "), *const source = strsep(&line, " ");
    *m = (struct mount){.top = fields[3], .folder = fields[4], .type = type, .options = strsep(&line, " \n")};
    if (!source || !m->options) return false;
    unescape(m->top);
    unescape(m->folder);
    return true;
}

static bool goes_up(const char *path) { return strncmp(path, "/..", 3) == 0 && (path[3] == '/' || path[3] == '\0'); }

/* What leads from a mount's top to a group, "" for the top itself. NULL: the mount does not show that group. */
static const char *path_below(const char *top, const char *group) {
    const size_t length = strcmp(top, "/") == 0 ? 0 : strlen(top);
    if (*group != '/') return NULL;
    if (strncmp(group, top, length) == 0 && (group[length] == '/' || group[length] == '\0')) {
        const char *const rest = group + length;
        return goes_up(rest) ? NULL : strcmp(rest, "/") == 0 ? "" : rest;
    }
    while (goes_up(top)) top += 3; /* above the root of the namespace, so above every group in it */
    return *top ? NULL : "";
}

static void visit_upwards(const struct walk *walk, int version, const char *folder, const char *rest) {
    char *path;
    const size_t shortest = strlen(walk->root) + strlen(folder);
    if (asprintf(&path, "%s%s%s", walk->root, folder, rest) < 0) return;
    for (;;) {
        walk->visit(walk->into, path, version);
        char *const last = strrchr(path, '/');
        if (!last || last < path + shortest) break;
        *last = '\0';
    }
    free(path);
}

static void visit_group(const struct walk *walk, int version, const char *group) {
    char *line = NULL;
    size_t size = 0;
    struct mount m;
    FILE *const file = open_below(walk->root, "proc/self/mountinfo");
    while (file && getline(&line, &size, file) > 0) {
        if (!parse_mount(line, &m) || strcmp(m.type, version == 2 ? "cgroup2" : "cgroup") != 0) continue;
        if (version == 1 && !listed(m.options, walk->controller)) continue;
        const char *const rest = path_below(m.top, group);
        if (rest) visit_upwards(walk, version, m.folder, rest);
    }
    free(line);
    if (file) fclose(file);
}

/* Lines of "id:controllers:group"; version 2 names no controllers. */
void gk_cgroup_visit_all(const char *root, const char *controller, gk_cgroup_visit *visit, void *into) {
    const struct walk walk = {root, controller, visit, into};
    char *line = NULL;
    size_t size = 0;
    FILE *const file = open_below(root, "proc/self/cgroup");
    while (file && getline(&line, &size, file) > 0) {
        char *group = line;
        group[strcspn(group, "\n")] = '\0';
        strsep(&group, ":");
        const char *const controllers = strsep(&group, ":");
        if (!group) continue;
        if (*controllers == '\0') visit_group(&walk, 2, group);
        else if (listed(controllers, controller)) visit_group(&walk, 1, group);
    }
    free(line);
    if (file) fclose(file);
}

double gk_cpu_quota_parse(const char *cpu_max) {
    char *end;
    if (!isdigit((unsigned char)cpu_max[0])) return 0;
    errno = 0;
    const unsigned long long quota = strtoull(cpu_max, &end, 10);
    if (errno || *end != ' ' || !isdigit((unsigned char)end[1])) return 0;
    const unsigned long long period = strtoull(end + 1, &end, 10);
    if (errno || (*end != '\0' && *end != '\n') || quota == 0 || period == 0) return 0;
    return (double)quota / (double)period;
}

/* Version 1 has the two numbers in a file each; a quota of -1 is none. */
static void take_quota(void *into, const char *folder, int version) {
    double *const tightest = into;
    char text[128], period[64];
    if (version == 2) {
        if (!gk_cgroup_read(folder, "cpu.max", text, sizeof text)) return;
    } else {
        if (!gk_cgroup_read(folder, "cpu.cfs_quota_us", text, 64)) return;
        if (!gk_cgroup_read(folder, "cpu.cfs_period_us", period, sizeof period)) return;
        strcat(strcat(text, " "), period);
    }
    const double quota = gk_cpu_quota_parse(text);
    if (quota > 0 && (*tightest == 0 || quota < *tightest)) *tightest = quota;
}

double gk_cgroup_cpu_quota(const char *root) {
    double tightest = 0;
    gk_cgroup_visit_all(root, "cpu", take_quota, &tightest);
    return tightest;
}
