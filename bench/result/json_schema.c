#include "json_schema.h"

#include <stdlib.h>

#include "json_text.h"
#include "message.h"
#include "speed.h"

static json_t *schema_of(const struct gb_member *member);

static json_t *type(const char *name) { return json_pack("{s:s}", "type", name); }

static json_t *from_0(const char *name) { return json_pack("{s:s, s:i}", "type", name, "minimum", 0); }

static json_t *list_of(json_t *item) { return json_pack("{s:s, s:o}", "type", "array", "items", item); }

/* Readers of today pass over what later files have beside these. */
static json_t *object_of(const struct gb_member *list, size_t count) {
    json_t *const properties = json_object(), *const required = json_array();
    for (size_t i = 0; i < count; i++) {
        json_object_set_new(properties, list[i].key, schema_of(&list[i]));
        if (!list[i].optional) json_array_append_new(required, json_string(list[i].key));
    }
    return json_pack("{s:s, s:o, s:o}", "type", "object", "required", required, "properties", properties);
}

/* What is a member of the map's object: the struct's first member is its key, and one that is left alone stands for itself. */
static json_t *map_of(const struct gb_members *members) {
    const struct gb_member *const rest = members->list + 1;
    json_t *const value = members->count == 2 ? schema_of(rest) : object_of(rest, members->count - 1);
    return json_pack("{s:s, s:o}", "type", "object", "additionalProperties", value);
}

/* States are as many as they are, and those that are not in files have no word. */
static json_t *one_of(const struct gb_member *member, size_t count) {
    json_t *const words = json_array();
    for (size_t i = 0; count ? i < count : member->words[i] != NULL; i++)
        if (member->words[i]) json_array_append_new(words, json_string(member->words[i]));
    return json_pack("{s:o}", "enum", words);
}

static json_t *schema_of(const struct gb_member *m) {
    switch (m->kind) {
    case GB_MEMBER_CONSTANT: return json_pack("{s:s}", "const", *m->words);
    case GB_MEMBER_FLAG: return type("boolean");
    case GB_MEMBER_TEXT: return type("string");
    case GB_MEMBER_WORD: return one_of(m, 0);
    case GB_MEMBER_VALUE:
        return json_pack("{s:[{s:b}, {s:s}, {s:s}]}", "anyOf", "const", 1, "type", "string", "type", "number");
    case GB_MEMBER_STATE: return one_of(m, GB_STATE_COUNT);
    case GB_MEMBER_COUNT: return from_0("integer");
    case GB_MEMBER_NUMBER: return from_0("number");
    case GB_MEMBER_INTERVAL:
        return json_pack("{s:s, s:o, s:i, s:i}", "type", "array", "items", from_0("number"), "minItems", 2, "maxItems", 2);
    case GB_MEMBER_TEXTS: return list_of(type("string"));
    case GB_MEMBER_NUMBERS: return list_of(from_0("number"));
    case GB_MEMBER_COUNTS: return list_of(from_0("integer"));
    case GB_MEMBER_LIST: return list_of(object_of(m->members->list, m->members->count));
    case GB_MEMBER_MAP: return map_of(m->members);
    case GB_MEMBER_STRUCT:
    case GB_MEMBER_POINTER: break;
    }
    return object_of(m->members->list, m->members->count);
}

static const char *title_of(const struct gb_members *members) {
    if (members == &gb_info_members) return "What gradbench info --json prints";
    return members == &gb_result_members ? "A result file of gradbench run --json" : "A comparison of gradbench compare --json";
}

static json_t *document(const void *data) {
    const struct gb_members *const members = data;
    json_t *const schema =
        json_pack("{s:s, s:s}", "$schema", "https://json-schema.org/draft/2020-12/schema", "title", title_of(members));
    json_t *const object = object_of(members->list, members->count);
    json_object_update(schema, object);
    json_decref(object);
    return schema;
}

int gb_json_schema(FILE *out, const struct gb_members *members) {
    size_t size;
    char *const text = gb_json_text(document, members, &size);
    if (!text) return gb_fail(GB_EXIT_RESOURCE, "no memory for the schema");
    fwrite(text, 1, size, out);
    free(text);
    return GB_EXIT_OK;
}
