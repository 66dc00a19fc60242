#include "workload.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "text.h"
#include "workload_sweep.h"

/* A line while it is read: cut in place into words. */
struct line {
    const char *label;
    size_t number;
    bool zeros; /* sizes may be 0 */
    char *text;
    struct gb_shape shape;
    struct gb_sweep sweeps[GK_DIM_COUNT]; /* count 0: not given */
    struct gb_names seen;                 /* keys */
    struct gb_parse_error *error;
};

static bool fail(struct line *line, const char *at, const char *format, ...) __attribute__((format(printf, 3, 4)));

static bool fail(struct line *line, const char *at, const char *format, ...) {
    va_list list;
    line->error->line = line->number;
    line->error->column = (size_t)(at - line->text) + 1;
    va_start(list, format);
    vsnprintf(line->error->text, sizeof line->error->text, format, list);
    va_end(list);
    return false;
}

static bool has_dimension(const struct gb_shape *shape, enum gk_dim dim) {
    for (int id = 0; id < GK_KERNEL_COUNT; id++)
        if (shape->kernels[id] && gk_kernel_dim(gk_kernel_get((enum gk_kernel_id)id), dim)) return true;
    return false;
}

static bool has_option(const struct gb_shape *shape, enum gb_option option) {
    for (int id = 0; id < GK_KERNEL_COUNT; id++)
        if (shape->kernels[id] && gb_kernel_has((enum gk_kernel_id)id, option)) return true;
    return false;
}

_Static_assert(GK_DIM_COUNT + GB_OPTION_COUNT + 1 <= GB_NAMES_MAX, "and the name of a line");

static struct gb_names allowed_keys(const struct gb_shape *shape) {
    struct gb_names names = {.count = 0};
    for (enum gk_dim dim = 0; dim < GK_DIM_COUNT; dim++)
        if (has_dimension(shape, dim)) gb_names_add(&names, gk_dim_name(dim));
    for (enum gb_option option = 0; option < GB_OPTION_COUNT; option++)
        if (has_option(shape, option)) gb_names_add(&names, gb_option_name(option));
    gb_names_add(&names, "name");
    return names;
}

static bool set_option(struct line *line, enum gb_option option, const char *value) {
    char allowed[100];
    line->shape.said |= (uint64_t)1 << option;
    return gb_option_read(option, value, &line->shape.spec) ||
           fail(line, value, "%s cannot be '%.80s' (allowed: %s)", gb_option_name(option), value,
                gb_option_allowed(option, allowed, sizeof allowed));
}

static bool set_name(struct line *line, const char *at, const char *value) {
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:._-+/";
    const size_t length = strlen(value);
    if (length == 0 || length >= GB_NAME_MAX || strspn(value, allowed) != length)
        return fail(line, at, "a name has 1 to %d letters, digits or : . _ - + / (got '%.80s')", GB_NAME_MAX - 1, value);
    memcpy(line->shape.name, value, length + 1);
    return true;
}

static bool set_sizes(struct line *line, enum gk_dim dim, const char *value) {
    const char *at;
    const char *const wrong = gb_sweep_parse(&line->sweeps[dim], value, line->zeros, &at);
    return !wrong || fail(line, at, "%s %s (got '%.80s')", gk_dim_name(dim), wrong, value);
}

/* Cuts KEY=VALUE, or finds what a word without a value is short for. False: nothing. */
static bool cut_word(char *word, const char **key, const char **value) {
    struct gb_problem_spec ignored;
    char *const equals = strchr(word, '=');
    const enum gb_option option = gb_option_find(word);
    *key = word;
    *value = equals ? equals + 1 : "1";
    if (equals) *equals = '\0';
    if (equals || (option < GB_OPTION_COUNT && gb_option_kind(option) == GB_OPTION_IS_FLAG)) return true;
    *key = gb_option_name(GB_OPTION_DTYPE);
    *value = word;
    return gb_option_read(GB_OPTION_DTYPE, word, &ignored);
}

static bool set_key(struct line *line, char *word) {
    char text[700];
    const char *key, *value;
    if (!cut_word(word, &key, &value)) return fail(line, word, "expected key=value (got '%.80s')", word);
    const struct gb_names keys = allowed_keys(&line->shape);
    if (!gb_names_hold(&keys, key)) return fail(line, word, "%s", gb_names_refuse(&keys, "key", key, text, sizeof text));
    if (gb_names_hold(&line->seen, key)) return fail(line, word, "%s is given twice", key);
    for (size_t i = 0; i < keys.count; i++)
        if (strcmp(keys.list[i], key) == 0) gb_names_add(&line->seen, keys.list[i]);
    if (strcmp(key, "name") == 0) return set_name(line, value, value);
    const enum gb_option option = gb_option_find(key);
    return option < GB_OPTION_COUNT ? set_option(line, option, value) : set_sizes(line, gk_dim_find(key), value);
}

static bool set_kernels(struct line *line, const char *word) {
    bool known = false;
    char text[700];
    for (int id = 0; id < GK_KERNEL_COUNT; id++) {
        const struct gk_kernel *const kernel = gk_kernel_get((enum gk_kernel_id)id);
        line->shape.kernels[id] = strcmp(kernel->family, word) == 0 || strcmp(kernel->name, word) == 0;
        known = known || line->shape.kernels[id];
    }
    if (known) return true;
    struct gb_names names = gb_family_names();
    const struct gb_names kernels = gb_kernel_names();
    for (size_t i = 0; i < kernels.count; i++) gb_names_add(&names, kernels.list[i]);
    return fail(line, word, "%s", gb_names_refuse(&names, "kernel or family", word, text, sizeof text));
}

static bool complete(struct line *line, const char *end) {
    struct gb_shape *const shape = &line->shape;
    for (enum gk_dim dim = 0; dim < GK_DIM_COUNT; dim++)
        if (has_dimension(shape, dim) && line->sweeps[dim].count == 0)
            return fail(line, end, "%s is missing (expected %s=%d to %d)", gk_dim_name(dim), gk_dim_name(dim), !line->zeros,
                        GB_DIMENSION_MAX);
    if (shape->name[0] == '\0') snprintf(shape->name, sizeof shape->name, "%.40s:%zu", line->label, line->number);
    return true;
}

/* No operand's size overflows. */
static bool fits(struct line *line) {
    const struct gb_shape *const shape = &line->shape;
    for (int id = 0; id < GK_KERNEL_COUNT; id++) {
        const struct gb_problem_spec spec = gb_shape_problem(shape, (enum gk_kernel_id)id, GK_F64, 0);
        if (shape->kernels[id] && gb_problem_bytes(&spec) == 0)
            return fail(line, line->text, "the operands of %s are larger than any memory", gk_kernel_get(spec.kernel)->name);
    }
    return true;
}

static bool add_shape(struct gb_workload *workload, struct line *line) {
    if (workload->count == GB_WORKLOAD_SHAPES_MAX)
        return fail(line, line->text, "more than %d problems", GB_WORKLOAD_SHAPES_MAX);
    if (workload->count == workload->capacity) {
        const size_t capacity = workload->capacity ? 2 * workload->capacity : 32;
        struct gb_shape *const grown = realloc(workload->shapes, capacity * sizeof *grown);
        if (!grown) {
            line->number = 0;
            return fail(line, line->text, "no memory");
        }
        workload->shapes = grown;
        workload->capacity = capacity;
    }
    workload->shapes[workload->count++] = line->shape;
    return true;
}

/* Tells the problems of one line apart: "fc/64x10". Of a name that is too long, the sizes stay. */
static void add_to_name(struct line *line, const char *name) {
    char sizes[GK_DIM_COUNT * sizeof "/16777216"] = "";
    size_t used = 0;
    for (size_t i = 0; i < GK_DIM_COUNT; i++)
        if (line->sweeps[i].count > 1)
            used += (size_t)snprintf(sizes + used, sizeof sizes - used, "%c%zu", used ? 'x' : '/', line->shape.spec.dims[i]);
    _Static_assert(sizeof sizes < GB_NAME_MAX, "there is room for a part of the name");
    snprintf(line->shape.name, GB_NAME_MAX, "%.*s%s", (int)(GB_NAME_MAX - 1 - used), name, sizes);
}

/* One for each combination of the sizes, the last dimension's running fastest. */
static bool add_shapes(struct gb_workload *workload, struct line *line) {
    size_t at[GK_DIM_COUNT] = {0}, i;
    char name[GB_NAME_MAX];
    memcpy(name, line->shape.name, sizeof name);
    do {
        for (i = 0; i < GK_DIM_COUNT; i++)
            if (line->sweeps[i].count) line->shape.spec.dims[i] = line->sweeps[i].sizes[at[i]];
        add_to_name(line, name);
        if (!fits(line) || !add_shape(workload, line)) return false;
        while (i > 0 && ++at[i - 1] >= line->sweeps[i - 1].count) at[--i] = 0;
    } while (i > 0);
    return true;
}

static bool parse_line(struct gb_workload *workload, struct line *line, size_t length) {
    line->text[length] = '\0';
    for (size_t i = 0; i < length && line->text[i] != '#'; i++)
        if (line->text[i] != '\t' && ((unsigned char)line->text[i] < ' ' || (unsigned char)line->text[i] > '~'))
            return fail(line, line->text + i, "a byte that is no printable ASCII (got 0x%02x)", (unsigned char)line->text[i]);
    line->text[strcspn(line->text, "#")] = '\0';
    char *rest = line->text, *end = line->text;
    for (size_t i = 0;; i++) {
        char *const word = rest + strspn(rest, " \t");
        if (*word == '\0') break;
        rest = word + strcspn(word, " \t");
        end = rest;
        if (*rest) *rest++ = '\0';
        if (!(i == 0 ? set_kernels(line, word) : set_key(line, word))) return false;
    }
    return end == line->text || (complete(line, end) && add_shapes(workload, line));
}

bool gb_workload_parse(struct gb_workload *workload, const char *label, const char *text, size_t size,
                       struct gb_parse_error *error) {
    static const char mark[] = "\xef\xbb\xbf";
    char copy[GB_WORKLOAD_LINE_MAX + 1];
    size_t at = size >= 3 && memcmp(text, mark, 3) == 0 ? 3 : 0;
    for (size_t number = 1; at < size; number++) {
        const char *const newline = memchr(text + at, '\n', size - at);
        size_t length = newline ? (size_t)(newline - text) - at : size - at;
        struct line line = {.label = label, .number = number, .zeros = workload->zeros, .text = copy, .error = error};
        const size_t next = at + length + 1;
        if (length && text[at + length - 1] == '\r') length--;
        if (length > GB_WORKLOAD_LINE_MAX)
            return fail(&line, copy + GB_WORKLOAD_LINE_MAX, "a line of more than %d bytes", GB_WORKLOAD_LINE_MAX);
        memcpy(copy, text + at, length);
        if (!parse_line(workload, &line, length)) return false;
        at = next;
    }
    return true;
}

int gb_workload_read_line(struct gb_workload *workload, const char *what, const char *label, const char *text) {
    struct gb_parse_error error;
    const size_t before = workload->count;
    if (strpbrk(text, "\r\n")) return gb_fail(GB_EXIT_USAGE, "%s takes one line", what);
    if (!gb_workload_parse(workload, label, text, strlen(text), &error))
        return error.line ? gb_fail(GB_EXIT_USAGE, "%s, column %zu: %s", what, error.column, error.text)
                          : gb_fail(GB_EXIT_RESOURCE, "no memory");
    if (workload->count == before) return gb_fail(GB_EXIT_USAGE, "%s holds no problem (got '%.80s')", what, text);
    return GB_EXIT_OK;
}

bool gb_shape_says(const struct gb_shape *shape, enum gb_option option) { return shape->said >> option & 1; }

struct gb_problem_spec gb_shape_problem(const struct gb_shape *shape, enum gk_kernel_id kernel, enum gk_dtype dtype,
                                        uint64_t seed) {
    struct gb_problem_spec spec = shape->spec;
    spec.kernel = kernel;
    if (!gb_shape_says(shape, GB_OPTION_DTYPE)) spec.dtype = dtype;
    if (!gb_shape_says(shape, GB_OPTION_SEED)) spec.seed = seed;
    return spec;
}

void gb_workload_free(struct gb_workload *workload) {
    free(workload->shapes);
    *workload = (struct gb_workload){0};
}

/* The file's name without folders and extension. */
static void label_of(const char *path, char *label, size_t size) {
    const char *const slash = strrchr(path, '/'), *const base = slash ? slash + 1 : path;
    snprintf(label, size, "%.*s", (int)strcspn(base, "."), base);
    for (char *p = label; *p; p++)
        if ((unsigned char)*p <= ' ' || (unsigned char)*p > '~') *p = '_';
    if (*label == '\0') snprintf(label, size, "workload");
}

int gb_workload_read(struct gb_workload *workload, const char *path) {
    char label[41], *bytes;
    size_t size;
    struct gb_parse_error error;
    const size_t before = workload->count;
    int code = gb_input_read("workload", path, &bytes, &size);
    if (code != GB_EXIT_OK) return code;
    label_of(gb_input_name(path), label, sizeof label);
    if (!gb_workload_parse(workload, label, bytes, size, &error)) code = gb_input_fail("problems", path, &error);
    else if (workload->count == before)
        code = gb_fail_at(GB_EXIT_INPUT, gb_input_name(path), 1, 1, "the file holds no problem");
    free(bytes);
    return code;
}
