/* Strict numbers, and words picked from a list. */
#ifndef GB_TEXT_H
#define GB_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GB_NAMES_MAX = 128, GB_PATH_MAX = 4096 };

struct gb_names {
    const char *list[GB_NAMES_MAX];
    size_t count;
};

/* Digits only, from low to high. */
bool gb_text_count(const char *text, uint64_t low, uint64_t high, uint64_t *value);

/* A decimal number from low to high, such as 3, 0.5 or 1e-3. */
bool gb_text_real(const char *text, double low, double high, double *value);

/* "1 thread", "2 threads" in text, which is also returned. */
const char *gb_count_text(size_t count, const char *noun, char *text, size_t size);

/* "12.3 GiB" in text, which is also returned. */
const char *gb_bytes_text(double bytes, char *text, size_t size);

/* Adds to a text of `size` bytes at most. False: some of it did not fit and was cut off. */
bool gb_text_append(char *text, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The same of one word of the shell, in single quotes. */
bool gb_text_quote(char *text, size_t size, const char *word);

/* Adds a name that is not there yet. */
void gb_names_add(struct gb_names *names, const char *name);
bool gb_names_hold(const struct gb_names *names, const char *name);

/* "a, b, c" in text, which is also returned. */
const char *gb_names_join(const struct gb_names *names, char *text, size_t size);

/* The name that a mistyped word most likely stands for, or NULL. */
const char *gb_names_nearest(const struct gb_names *names, const char *word);

/* "unknown <kind> 'word' (did you mean 'x'? allowed: a, b, c)" in text, which is also returned. */
const char *gb_names_refuse(const struct gb_names *names, const char *kind, const char *word, char *text, size_t size);

/* Copies the next item of a list separated by commas, "" for an empty one, and moves *list on. False: no item left, or
 * (*too_long) one that does not fit. */
bool gb_text_item(const char **list, char *item, size_t size, bool *too_long);

/* Of the library. */
struct gb_names gb_family_names(void);
struct gb_names gb_kernel_names(void);
struct gb_names gb_isa_names(void);

#endif
