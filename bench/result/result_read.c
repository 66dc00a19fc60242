#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "json_text.h"
#include "message.h"
#include "result.h"
#include "result_schema.h"
#include "text.h"

#define FILE_MOST   ((size_t)256 << 20)
#define MEMORY_MOST ((size_t)1 << 30)

struct reader {
    struct gb_result *result;
    const json_t *object; /* the first that is wrong; NULL: all is good so far */
    const char *key;      /* of the member that is; NULL: the whole */
    char problem[200];
};

static void refuse(struct reader *r, const json_t *object, const char *key, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static void refuse(struct reader *r, const json_t *object, const char *key, const char *format, ...) {
    va_list arguments;
    if (r->object) return;
    r->object = object;
    r->key = key;
    va_start(arguments, format);
    vsnprintf(r->problem, sizeof r->problem, format, arguments);
    va_end(arguments);
}

/* A member of an object under way. */
struct place {
    const struct gb_member *member;
    json_t *object;
    const char *key;
};

static bool is(struct reader *r, const struct place *p, bool right, const char *kind) {
    if (!right) refuse(r, p->object, p->key, "%s is not %s", p->key, kind);
    return right;
}

static const char *read_text(struct reader *r, const struct place *p, const json_t *value) {
    return is(r, p, json_is_string(value), "a text") ? gb_result_text(r->result, json_string_value(value)) : NULL;
}

static double read_number(struct reader *r, const struct place *p, const json_t *value) {
    return is(r, p, json_is_number(value) && json_number_value(value) >= 0, "a number from 0 on") ? json_number_value(value)
                                                                                                  : NAN;
}

static size_t read_count(struct reader *r, const struct place *p, const json_t *value) {
    return is(r, p, json_is_integer(value) && json_integer_value(value) >= 0, "a count") ? (size_t)json_integer_value(value)
                                                                                         : 0;
}

/* The index of a word that is one of so many; those that are NULL are none. */
static size_t read_word(struct reader *r, const struct place *p, const json_t *value, size_t words) {
    const char *const *const list = p->member->words;
    struct gb_names names = {.count = 0};
    char all[120];
    for (size_t i = 0; i < words; i++) {
        if (!list[i]) continue;
        if (json_is_string(value) && strcmp(list[i], json_string_value(value)) == 0) return i;
        gb_names_add(&names, list[i]);
    }
    refuse(r, p->object, p->key, "%s is none of: %s", p->key, gb_names_join(&names, all, sizeof all));
    return 0;
}

static size_t words_of(const struct gb_member *member) {
    size_t count = 0;
    while (member->words[count]) count++;
    return count;
}

static void read_members(struct reader *r, const struct gb_members *members, json_t *object, char *base);
static void read_value(struct reader *r, const struct place *p, json_t *value, char *base);

/* The members after the first, which is the name: an object, or the one as it is. */
static void read_named(struct reader *r, const struct place *p, json_t *value, char *base) {
    const struct gb_members *const m = p->member->members, rest = {.list = m->list + 1, .count = m->count - 1};
    *(const char **)(void *)(base + m->list->at) = gb_result_text(r->result, p->key);
    if (rest.count == 1) read_value(r, &(struct place){rest.list, p->object, p->key}, value, base);
    else if (is(r, p, json_is_object(value), "an object")) read_members(r, &rest, value, base);
}

static void read_map(struct reader *r, const struct gb_member *m, json_t *map, char *items) {
    const char *key;
    json_t *value;
    json_object_foreach(map, key, value) {
        read_named(r, &(struct place){m, map, key}, value, items);
        items += m->members->size;
    }
}

static void read_list(struct reader *r, const struct place *p, const json_t *array, void *items) {
    const struct gb_member *const m = p->member;
    size_t i;
    json_t *value;
    json_array_foreach(array, i, value) {
        if (r->object) return;
        if (m->kind == GB_MEMBER_TEXTS) ((const char **)items)[i] = read_text(r, p, value);
        else if (m->kind == GB_MEMBER_NUMBERS) ((double *)items)[i] = read_number(r, p, value);
        else if (m->kind == GB_MEMBER_COUNTS) ((size_t *)items)[i] = read_count(r, p, value);
        else if (is(r, p, json_is_object(value), "a list of objects"))
            read_members(r, m->members, value, (char *)items + i * m->members->size);
    }
}

/* An array of the schema: pointer and count, then what it holds. */
static void read_array(struct reader *r, const struct place *p, json_t *value, char *base) {
    const struct gb_member *const m = p->member;
    const bool map = m->kind == GB_MEMBER_MAP;
    if (!is(r, p, map ? json_is_object(value) : json_is_array(value), map ? "an object" : "a list")) return;
    const size_t count = map ? json_object_size(value) : json_array_size(value);
    const size_t size = m->kind == GB_MEMBER_TEXTS     ? sizeof(char *)
                        : m->kind == GB_MEMBER_NUMBERS ? sizeof(double)
                        : m->kind == GB_MEMBER_COUNTS  ? sizeof(size_t)
                                                       : m->members->size;
    void *const items = gb_result_alloc(r->result, count, size);
    if (!items) return;
    memcpy(base + m->at, &items, sizeof items);
    *(size_t *)(void *)(base + m->count_at) = count;
    if (map) read_map(r, m, value, items);
    else read_list(r, p, value, items);
}

static void read_interval(struct reader *r, const struct place *p, const json_t *value, double *at) {
    if (!is(r, p, json_array_size(value) == 2, "a list of two numbers")) return;
    for (size_t i = 0; i < 2; i++) at[i] = read_number(r, p, json_array_get(value, i));
}

static void read_pointer(struct reader *r, const struct place *p, json_t *value, void *at) {
    void *const target = gb_result_alloc(r->result, 1, p->member->members->size);
    if (!target) return;
    memcpy(at, &target, sizeof target);
    read_members(r, p->member->members, value, target);
}

static void read_option(struct reader *r, const struct place *p, const json_t *value, struct gb_result_option *option) {
    option->number = json_is_number(value);
    if (json_is_true(value)) return;
    if (!option->number) {
        option->value = read_text(r, p, value);
        return;
    }
    char *const text = json_dumps(value, JSON_ENCODE_ANY | GB_JSON_DIGITS);
    option->value = gb_result_text(r->result, text ? text : "");
    r->result->exhausted |= !text;
    free(text);
}

static void read_value(struct reader *r, const struct place *p, json_t *value, char *base) {
    const struct gb_member *const m = p->member;
    void *const at = base + m->at;
    const bool within = m->kind == GB_MEMBER_STRUCT || m->kind == GB_MEMBER_POINTER;
    if (within && !is(r, p, json_is_object(value), "an object")) return;
    switch (m->kind) {
    case GB_MEMBER_CONSTANT: read_word(r, p, value, 1); break;
    case GB_MEMBER_FLAG: *(bool *)at = is(r, p, json_is_boolean(value), "true or false") && json_is_true(value); break;
    case GB_MEMBER_TEXT: *(const char **)at = read_text(r, p, value); break;
    case GB_MEMBER_WORD: *(const char **)at = m->words[read_word(r, p, value, words_of(m))]; break;
    case GB_MEMBER_VALUE: read_option(r, p, value, (struct gb_result_option *)(void *)base); break;
    case GB_MEMBER_STATE: *(enum gb_state *)at = (enum gb_state)read_word(r, p, value, GB_STATE_COUNT); break;
    case GB_MEMBER_COUNT: *(size_t *)at = read_count(r, p, value); break;
    case GB_MEMBER_NUMBER: *(double *)at = read_number(r, p, value); break;
    case GB_MEMBER_INTERVAL: read_interval(r, p, value, at); break;
    case GB_MEMBER_STRUCT: read_members(r, m->members, value, at); break;
    case GB_MEMBER_POINTER: read_pointer(r, p, value, at); break;
    default: read_array(r, p, value, base);
    }
}

static void read_members(struct reader *r, const struct gb_members *members, json_t *object, char *base) {
    for (size_t i = 0; i < members->count && !r->object; i++) {
        const struct gb_member *const m = &members->list[i];
        json_t *const value = json_object_get(object, m->key);
        double *const real = (double *)(void *)(base + m->at);
        if (value) read_value(r, &(struct place){m, object, m->key}, value, base);
        else if (!m->optional) refuse(r, object, NULL, "%s is missing", m->key);
        else if (m->kind == GB_MEMBER_NUMBER) *real = NAN;
        else if (m->kind == GB_MEMBER_INTERVAL) real[0] = real[1] = NAN;
    }
}

/* All samples are of some process, and each process has some. */
static bool are_of_processes(const struct gb_result_row *row) {
    size_t left = row->n_samples;
    for (size_t i = 0; i < row->n_processes; i++) {
        if (row->processes[i] == 0 || row->processes[i] > left) return false;
        left -= row->processes[i];
    }
    return left == 0;
}

/* A row has a time or says why it has none. */
static void settle_row(struct reader *r, const json_t *object, struct gb_result_row *row) {
    const bool timed = !isnan(row->summary.median), whole = !isnan(row->summary.low + row->share.fraction) && row->share.limit;
    if (timed && !whole) refuse(r, object, NULL, "of median_ns, ci95_ns, bound and roof_fraction some are missing");
    if (timed == (row->state != GB_STATE_SKIPPED || row->failure))
        refuse(r, object, NULL, timed ? "there are median_ns and a failure" : "median_ns and failure are missing");
    if (!timed && row->best_peer) refuse(r, object, NULL, "there is best_peer, but no median_ns");
    if (row->processes && (row->n_processes > GB_PROCESSES_MAX || !are_of_processes(row)))
        refuse(r, object, NULL, "processes are not up to %d counts that add up to samples_ns", GB_PROCESSES_MAX);
    if (timed) row->state = GB_STATE_TIMED;
    else if (row->state == GB_STATE_SKIPPED) row->state = GB_STATE_FAILED;
}

static void read_document(struct reader *r, json_t *root) {
    struct gb_result *const result = r->result;
    read_members(r, &gb_result_members, root, (char *)result);
    for (size_t i = 0; i < result->n_rows; i++)
        settle_row(r, json_array_get(json_object_get(root, "results"), i), &result->rows[i]);
}

/* Goes through a text that is known to be good, and what was made of it, in the same order; never to the text's end, which has
 * no zero byte. */
struct search {
    const char *at;
    const json_t *object;
    const char *key;
};

static void skip_space(struct search *s) { s->at += strspn(s->at, " \t\r\n"); }

static void skip_string(struct search *s) {
    for (s->at++; *s->at != '"'; s->at++) s->at += *s->at == '\\';
    s->at++;
}

/* True: `at` is the place. A member that is missing is where its object is. */
static bool find(struct search *s, json_t *value) {
    const char *key;
    size_t i;
    json_t *inner;
    skip_space(s);
    const bool here = value == s->object;
    if (here && (!s->key || !json_object_get(value, s->key))) return true;
    if (json_is_string(value)) skip_string(s);
    else if (!json_is_object(value) && !json_is_array(value)) s->at += strcspn(s->at, ",]} \t\r\n");
    else s->at++;
    json_object_foreach(value, key, inner) {
        skip_space(s);
        skip_string(s);
        s->at += strcspn(s->at, ":") + 1;
        skip_space(s);
        if ((here && strcmp(key, s->key) == 0) || find(s, inner)) return true;
        skip_space(s);
        s->at += *s->at == ',';
    }
    json_array_foreach(value, i, inner) {
        if (find(s, inner)) return true;
        skip_space(s);
        s->at += *s->at == ',';
    }
    skip_space(s);
    s->at += json_is_object(value) || json_is_array(value);
    return false;
}

static int fail_in(const char *path, const char *text, const struct reader *r, json_t *root) {
    struct search s = {text, r->object, r->key};
    size_t line = 1, column = 1;
    find(&s, root);
    for (const char *c = text; c < s.at; c++) {
        column = *c == '\n' ? 1 : column + 1;
        line += *c == '\n';
    }
    return gb_fail_at(GB_EXIT_INPUT, path, line, column, r->problem);
}

/* What jansson may still take. It asks for more than it keeps, which is counted in full. */
static size_t memory_left;
static json_malloc_t memory;
static bool lacked;

static void *take(size_t size) {
    if (size > memory_left) {
        memory_left = 0;
        return NULL;
    }
    memory_left -= size;
    void *const taken = memory(size);
    lacked |= !taken;
    return taken;
}

/* NULL: *error says why, or memory_left is 0, or it lacked memory. */
static json_t *load(const char *text, size_t length, json_error_t *error) {
    json_free_t give_back;
    json_get_alloc_funcs(&memory, &give_back);
    json_set_alloc_funcs(take, give_back);
    memory_left = MEMORY_MOST;
    lacked = false;
    json_t *const root = json_loadb(text, length, JSON_REJECT_DUPLICATES, error);
    json_set_alloc_funcs(memory, give_back);
    return root;
}

static int fail_without_memory(const char *path) {
    return gb_fail(GB_EXIT_RESOURCE, "no memory for the results of %.400s", path);
}

/* An error before the first byte has no place of its own. */
static size_t at_least_1(int place) { return place < 1 ? 1 : (size_t)place; }

static int parse(struct gb_result *result, const char *path, const char *text, size_t length) {
    json_error_t error;
    json_t *const root = load(text, length, &error);
    if (!root && memory_left == 0) return gb_fail_at(GB_EXIT_INPUT, path, 1, 1, "what the file holds takes more than 1 GiB");
    if (!root && lacked) return fail_without_memory(path);
    if (!root) return gb_fail_at(GB_EXIT_INPUT, path, at_least_1(error.line), at_least_1(error.column), error.text);
    struct reader r = {.result = result};
    read_document(&r, root);
    const int code = result->exhausted ? fail_without_memory(path) : r.object ? fail_in(path, text, &r, root) : GB_EXIT_OK;
    json_decref(root);
    return code;
}

/* NULL: errno says why; EFBIG: it is too long. */
static char *read_file(FILE *file, size_t *length) {
    struct stat status;
    if (fstat(fileno(file), &status) != 0) return NULL;
    errno = S_ISDIR(status.st_mode) ? EISDIR : S_ISREG(status.st_mode) ? EFBIG : EINVAL;
    if (!S_ISREG(status.st_mode) || status.st_size > (off_t)FILE_MOST) return NULL;
    char *const text = malloc((size_t)status.st_size);
    *length = text ? fread(text, 1, (size_t)status.st_size, file) : 0;
    if (text && !ferror(file)) return text;
    free(text);
    return NULL;
}

int gb_result_read(struct gb_result *result, const char *path) {
    size_t length;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    FILE *const file = fd >= 0 ? fdopen(fd, "r") : NULL;
    if (!file) return gb_fail(GB_EXIT_INPUT, "cannot open %.400s (%s)", path, strerror(errno));
    char *const text = read_file(file, &length);
    int code = GB_EXIT_OK;
    if (text) code = parse(result, path, text, length);
    else if (errno == EFBIG) code = gb_fail_at(GB_EXIT_INPUT, path, 1, 1, "the file is larger than 256 MiB");
    else code = gb_fail(GB_EXIT_INPUT, "cannot read %.400s (%s)", path, strerror(errno));
    free(text);
    fclose(file);
    return code;
}
