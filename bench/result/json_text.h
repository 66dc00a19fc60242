/* JSON as text, where memory may lack. */
#ifndef GB_JSON_TEXT_H
#define GB_JSON_TEXT_H

#include <jansson.h>
#include <stddef.h>

#define GB_JSON_DIGITS JSON_REAL_PRECISION(9)

/* The text of what make makes of data, with a newline at its end and, as in files, no zero byte; to be freed. NULL: no memory
 * for all of it. jansson goes on without what it has no memory for. */
char *gb_json_text(json_t *(*make)(const void *data), const void *data, size_t *size);

/* JSON has no infinity and no NaN: 0. */
json_t *gb_json_number(double value);

/* Text of others need not be UTF-8, which JSON is. */
json_t *gb_json_words(const char *text);

#endif
