#include "text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORD_MAX = 48 };

bool gb_text_count(const char *text, uint64_t low, uint64_t high, uint64_t *value) {
    uint64_t sum = 0;
    if (!*text) return false;
    for (const char *p = text; *p; p++) {
        if (*p < '0' || *p > '9') return false;
        if (__builtin_mul_overflow(sum, 10u, &sum) || __builtin_add_overflow(sum, (uint64_t)(*p - '0'), &sum)) return false;
    }
    if (sum < low || sum > high) return false;
    *value = sum;
    return true;
}

bool gb_text_real(const char *text, double low, double high, double *value) {
    char *end;
    const size_t length = strlen(text);
    if (length == 0 || length > WORD_MAX || strspn(text, "0123456789.eE+-") != length) return false;
    if (*text == '+' || *text == '-') return false;
    errno = 0;
    const double number = strtod(text, &end);
    if (*end || errno || !(number >= low && number <= high)) return false;
    *value = number;
    return true;
}

bool gb_names_hold(const struct gb_names *names, const char *name) {
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->list[i], name) == 0) return true;
    return false;
}

void gb_names_add(struct gb_names *names, const char *name) {
    if (names->count < GB_NAMES_MAX && !gb_names_hold(names, name)) names->list[names->count++] = name;
}

const char *gb_names_join(const struct gb_names *names, char *text, size_t size) {
    text[0] = '\0';
    for (size_t i = 0; i < names->count; i++) gb_text_append(text, size, "%s%s", i ? ", " : "", names->list[i]);
    return text;
}

/* Levenshtein distance of words that are at most WORD_MAX long. */
static size_t distance(const char *a, const char *b) {
    size_t row[WORD_MAX + 1];
    const size_t columns = strlen(b);
    for (size_t j = 0; j <= columns; j++) row[j] = j;
    for (size_t i = 0; a[i]; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; b[j]; j++) {
            const size_t above = row[j + 1], changed = diagonal + (a[i] != b[j]);
            const size_t shifted = (above < row[j] ? above : row[j]) + 1;
            diagonal = above;
            row[j + 1] = changed < shifted ? changed : shifted;
        }
    }
    return row[columns];
}

const char *gb_names_nearest(const struct gb_names *names, const char *word) {
    const char *nearest = NULL;
    const size_t length = strlen(word);
    size_t least = length / 3 + 1;
    if (length > WORD_MAX) return NULL;
    for (size_t i = 0; i < names->count; i++) {
        if (strlen(names->list[i]) > WORD_MAX) continue;
        const size_t d = distance(word, names->list[i]);
        if (d > least || d >= length || (nearest && d == least)) continue; /* at `length` no letter is left of it */
        nearest = names->list[i];
        least = d;
    }
    return nearest;
}

const char *gb_names_refuse(const struct gb_names *names, const char *kind, const char *word, char *text, size_t size) {
    char all[600], guess[sizeof "did you mean ''? " + WORD_MAX] = "";
    const char *const nearest = gb_names_nearest(names, word);
    if (nearest) snprintf(guess, sizeof guess, "did you mean '%s'? ", nearest);
    snprintf(text, size, "unknown %s '%.80s' (%sallowed: %s)", kind, word, guess, gb_names_join(names, all, sizeof all));
    return text;
}

const char *gb_count_text(size_t count, const char *noun, char *text, size_t size) {
    snprintf(text, size, "%zu %s%s", count, noun, count == 1 ? "" : "s");
    return text;
}

const char *gb_bytes_text(double bytes, char *text, size_t size) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    size_t unit = 0;
    while (bytes >= 1024 && unit + 1 < sizeof units / sizeof *units) {
        bytes /= 1024;
        unit++;
    }
    snprintf(text, size, unit && bytes < 100 ? "%.1f %s" : "%.0f %s", bytes, units[unit]);
    return text;
}

bool gb_text_append(char *text, size_t size, const char *format, ...) {
    const size_t used = strlen(text);
    va_list list;
    va_start(list, format);
    const int length = vsnprintf(text + used, size - used, format, list);
    va_end(list);
    return length >= 0 && (size_t)length < size - used;
}

bool gb_text_quote(char *text, size_t size, const char *word) {
    bool fits = gb_text_append(text, size, "'");
    for (; *word && fits; word++) fits = gb_text_append(text, size, *word == '\'' ? "'\\''" : "%c", *word);
    return fits && gb_text_append(text, size, "'");
}

bool gb_text_item(const char **list, char *item, size_t size, bool *too_long) {
    *too_long = false;
    if (!*list) return false;
    const char *const comma = strchr(*list, ',');
    const size_t length = comma ? (size_t)(comma - *list) : strlen(*list);
    *too_long = length >= size;
    if (*too_long) return false;
    memcpy(item, *list, length);
    item[length] = '\0';
    *list = comma ? comma + 1 : NULL;
    return true;
}
