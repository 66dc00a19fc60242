/* The control groups of this process, wherever they are mounted: version 1, version 2, or both side by side. */
#ifndef GK_CGROUP_H
#define GK_CGROUP_H

#include <stdbool.h>
#include <stddef.h>

/* A folder that holds the limits of a group, and the version of its files (1 or 2). */
typedef void gk_cgroup_visit(void *into, const char *folder, int version);

/* Visits the group of this process that a controller ("cpu", "memory") limits, and those above it as far as a mount shows them:
 * all of their limits hold. root stands before every path that is read: "", or a folder with a tree of files for a test. What
 * is missing or malformed is left out. */
void gk_cgroup_visit_all(const char *root, const char *controller, gk_cgroup_visit *visit, void *into);

/* The first line of a file in a folder; false: there is none, or no memory. */
bool gk_cgroup_read(const char *folder, const char *name, char *line, size_t size);

/* CPUs that this process may use by the tightest quota, 0: no limit. */
double gk_cgroup_cpu_quota(const char *root);

/* The quota that the text of a cpu.max stands for ("max 100000", "150000 100000"), 0: none or malformed. Pure. */
double gk_cpu_quota_parse(const char *cpu_max);

#endif
