#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_text.h"
#include "message.h"
#include "result.h"
#include "result_file.h"
#include "result_schema.h"

static const void *pointer_at(const void *at) {
    const void *pointer;
    memcpy(&pointer, at, sizeof pointer);
    return pointer;
}

static json_t *value_of(const struct gb_member *member, const char *base);

static json_t *object_of(const struct gb_members *members, const char *base) {
    json_t *const object = json_object();
    for (size_t i = 0; i < members->count; i++) {
        json_t *const value = value_of(&members->list[i], base);
        if (value) json_object_set_new(object, members->list[i].key, value);
    }
    return object;
}

/* The members of a struct after the first, its name: one stands for itself. */
static void set_named(json_t *object, const struct gb_members *members, const char *base) {
    const struct gb_members rest = {.list = members->list + 1, .count = members->count - 1};
    json_t *const value = rest.count == 1 ? value_of(rest.list, base) : object_of(&rest, base);
    json_t *const name = gb_json_words(pointer_at(base + members->list->at));
    json_object_set_new(object, json_string_value(name), value);
    json_decref(name);
}

static json_t *element_of(const struct gb_member *m, const void *items, size_t i) {
    if (m->kind == GB_MEMBER_TEXTS) return gb_json_words(((const char *const *)items)[i]);
    if (m->kind == GB_MEMBER_NUMBERS) return gb_json_number(((const double *)items)[i]);
    if (m->kind == GB_MEMBER_COUNTS) return json_integer((json_int_t)((const size_t *)items)[i]);
    return object_of(m->members, (const char *)items + i * m->members->size);
}

static json_t *array_of(const struct gb_member *m, const void *items, size_t count) {
    json_t *const array = m->kind == GB_MEMBER_MAP ? json_object() : json_array();
    for (size_t i = 0; i < count; i++) {
        const char *const item = m->members ? (const char *)items + i * m->members->size : NULL;
        if (m->kind == GB_MEMBER_MAP) set_named(array, m->members, item);
        else if (!item || !m->members->is_kept || m->members->is_kept(item))
            json_array_append_new(array, element_of(m, items, i));
    }
    return array;
}

static json_t *numbers_of(const struct gb_member *m, const double *at) {
    if (m->optional && isnan(*at)) return NULL;
    return m->kind == GB_MEMBER_NUMBER ? gb_json_number(*at)
                                       : json_pack("[o, o]", gb_json_number(at[0]), gb_json_number(at[1]));
}

static json_t *count_of(const struct gb_member *m, size_t count) {
    return m->optional && count == 0 ? NULL : json_integer((json_int_t)count);
}

static json_t *pointed_of(const struct gb_member *m, const void *pointer, const char *base) {
    const bool one = m->kind == GB_MEMBER_TEXT || m->kind == GB_MEMBER_WORD || m->kind == GB_MEMBER_POINTER;
    if (!pointer && (one || m->optional)) return NULL; /* else it is an empty list */
    if (m->kind == GB_MEMBER_TEXT || m->kind == GB_MEMBER_WORD) return gb_json_words(pointer);
    if (m->kind == GB_MEMBER_POINTER) return object_of(m->members, pointer);
    return array_of(m, pointer, *(const size_t *)(const void *)(base + m->count_at));
}

static json_t *option_of(const struct gb_result_option *option) {
    if (!option->value) return json_true();
    return option->number ? json_loads(option->value, JSON_DECODE_ANY, NULL) : gb_json_words(option->value);
}

/* NULL: it is absent. */
static json_t *value_of(const struct gb_member *m, const char *base) {
    const void *const at = base + m->at;
    switch (m->kind) {
    case GB_MEMBER_CONSTANT: return gb_json_words(*m->words);
    case GB_MEMBER_FLAG: return m->optional && !*(const bool *)at ? NULL : json_boolean(*(const bool *)at);
    case GB_MEMBER_STATE: {
        const char *const word = m->words[*(const enum gb_state *)at];
        return word ? gb_json_words(word) : NULL;
    }
    case GB_MEMBER_COUNT: return count_of(m, *(const size_t *)at);
    case GB_MEMBER_NUMBER:
    case GB_MEMBER_INTERVAL: return numbers_of(m, at);
    case GB_MEMBER_STRUCT: return object_of(m->members, at);
    case GB_MEMBER_VALUE: return option_of((const struct gb_result_option *)(const void *)base);
    default: return pointed_of(m, pointer_at(at), base);
    }
}

struct written {
    const struct gb_members *members;
    const void *base;
};

static json_t *json_of(const void *data) {
    const struct written *const written = data;
    return object_of(written->members, written->base);
}

int gb_members_write(const struct gb_members *members, const void *base, bool exhausted, const char *path, bool last) {
    size_t size;
    char *const text = exhausted ? NULL : gb_json_text(json_of, &(struct written){members, base}, &size);
    int code = GB_EXIT_OK;
    if (!text) return gb_fail(GB_EXIT_RESOURCE, "no memory for the result file");
    if (strcmp(path, "-") == 0) {
        fwrite(text, 1, size, stdout);
    } else {
        const int reason = gb_result_file_write(&gb_real_files, path, text, size, last);
        if (reason != 0) code = gb_fail(GB_EXIT_RESOURCE, "cannot write %.400s (%s)", path, strerror(reason));
    }
    free(text);
    return code;
}

int gb_result_write(const struct gb_result *result, const char *path, bool last) {
    return gb_members_write(&gb_result_members, result, result->exhausted, path, last);
}
