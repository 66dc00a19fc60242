/* A folder with files of known contents, as a root that stands for "/". */
#ifndef SUPPORT_TREE_H
#define SUPPORT_TREE_H

#include <stddef.h>

enum { SUPPORT_ROOT_MAX = 32 };

/* Makes an empty folder, and writes its name to root. */
void support_tree_make(char root[SUPPORT_ROOT_MAX]);

/* Writes a file, "/proc/loadavg", and the folders that it is in. */
void support_tree_write(const char *root, const char *path, const void *bytes, size_t size);

/* The folder goes with all that is in it. */
void support_tree_remove(const char *root);

/* Of a group of tests that writes files: its first and its last step. The current folder is an empty one meanwhile. */
int support_tree_enter(void **state);
int support_tree_leave(void **state);

#endif
