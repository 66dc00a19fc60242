/* Small files of /proc and /sys, below a root that tests choose: "" is this system's. */
#ifndef GB_SYSTEM_FILE_H
#define GB_SYSTEM_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* NULL: it cannot be read, errno says why. */
FILE *gb_system_open(const char *root, const char *path);

/* The first line of a file, in text; false, and "", where there is none. */
bool gb_system_text(const char *root, const char *path, char *text, size_t size);

/* The word in brackets of a file such as "always [madvise] never"; false: there is none. */
bool gb_system_choice(const char *root, const char *path, char *word, size_t size);

/* The number after a key at the start of a line, such as "MemAvailable:"; -1: not found. */
double gb_system_number(const char *root, const char *path, const char *key);

#endif
