#include "json_text.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

static json_malloc_t memory;
static bool lacked;

static void *take(size_t size) {
    void *const taken = memory(size);
    lacked |= !taken;
    return taken;
}

char *gb_json_text(json_t *(*make)(const void *data), const void *data, size_t *size) {
    json_free_t give_back;
    json_get_alloc_funcs(&memory, &give_back);
    json_set_alloc_funcs(take, give_back);
    lacked = false;
    json_t *const json = make(data);
    char *const text = lacked ? NULL : json_dumps(json, JSON_INDENT(1) | GB_JSON_DIGITS);
    json_decref(json);
    json_set_alloc_funcs(memory, give_back);
    if (!text) return NULL;
    *size = strlen(text) + 1;
    text[*size - 1] = '\n';
    return text;
}

json_t *gb_json_number(double value) { return json_real(isfinite(value) ? value : 0); }

json_t *gb_json_words(const char *text) {
    json_t *const string = json_string(text);
    return string ? string : json_string("(not UTF-8)");
}
