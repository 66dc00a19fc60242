#include "vocabulary.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "text.h"

enum { WORDS_MAX = GB_DATA_COUNT };

#define AT(f)   offsetof(struct gb_problem_spec, f)
#define KIND(k) (1u << GK_FIELD_##k)

/* How a value is kept in the spec. */
enum place {
    PLACE_ENUM,
    PLACE_BOOLS, /* one for each value but the first */
    PLACE_SIZE,
};
_Static_assert(sizeof(size_t) == sizeof(uint64_t), "the seed is kept like a size");

static const struct option {
    const char *name;
    enum place place;
    size_t at[2];
    const char *words[WORDS_MAX]; /* the default first; none: a number, 0 by default */
    uint64_t most;                /* of a number */
    /* The kernel has a field of these kinds (none: any kernel will do), with one of these flags, if there are any, and none of
     * those. */
    unsigned kinds, with, without;
    bool for_peers;
    const char *help;
} options[GB_OPTION_REAL] = {
    /* clang-format off */
    [GB_OPTION_DTYPE] =      {"dtype",      PLACE_ENUM,  {AT(dtype)},      {"f32", "f64"}, .help = "float or double"},
    [GB_OPTION_LAYOUT] =     {"layout",     PLACE_ENUM,  {AT(layout)},     {"in_out", "out_in"}, .kinds = KIND(LAYOUT),
                              .for_peers = true, .help = "of the weights: inputs x outputs, or outputs x inputs"},
    [GB_OPTION_REDUCTION] =  {"reduction",  PLACE_ENUM,  {AT(reduction)},  {"mean", "sum", "none"}, .kinds = KIND(REDUCTION),
                              .for_peers = true, .help = "of the rows' losses"},
    [GB_OPTION_LABELS] =     {"labels",     PLACE_BOOLS, {AT(wide_labels), AT(soft_labels)}, {"index", "index64", "dense"},
                              .kinds = KIND(IGNORE), .for_peers = true, .help = "a class a row, in 32 or 64 bits, or numbers"},
    [GB_OPTION_IGNORE] =     {"ignore",     PLACE_BOOLS, {AT(ignore)},     {"0", "1"}, .kinds = KIND(IGNORE),
                              .for_peers = true, .help = "1: rows of the label -1, one in four, do not count"},
    [GB_OPTION_ACCUMULATE] = {"accumulate", PLACE_BOOLS, {AT(accumulate)}, {"0", "1"}, .kinds = KIND(ACCUMULATE),
                              .for_peers = true, .help = "1: outputs are added to"},
    [GB_OPTION_DLOSS] =      {"dloss",      PLACE_BOOLS, {AT(dloss)},      {"0", "1"}, .kinds = KIND(IN), .with = GK_FLAG_DLOSS,
                              .help = "1: with an upstream gradient"},
    [GB_OPTION_CLASS_WEIGHTS] = {"class_weights", PLACE_BOOLS, {AT(class_weights)}, {"0", "1"}, .kinds = KIND(IN),
                              .with = GK_FLAG_CLASS_WEIGHTS, .help = "1: a class weighs from 1 to 2, one in eight 0"},
    [GB_OPTION_BARE] =       {"bare",       PLACE_BOOLS, {AT(bare)},       {"0", "1"}, .kinds = KIND(IN) | KIND(OUT),
                              .with = GK_FLAG_OPTIONAL,
                              .without = GK_FLAG_DLOSS | GK_FLAG_LABELS | GK_FLAG_CLASS_WEIGHTS | GK_FLAG_LSE,
                              .help = "1: without optional operands"},
    [GB_OPTION_IN_PLACE] =   {"in_place",   PLACE_BOOLS, {AT(in_place)},   {"0", "1"}, .kinds = KIND(IN_PLACE),
                              .for_peers = true, .help = "1: the output lies upon its input"},
    [GB_OPTION_LD_PAD] =     {"ld_pad",     PLACE_SIZE,  {AT(ld_pad)},     .most = 1 << 20,
                              .help = "elements added to leading dimensions"},
    [GB_OPTION_MISALIGN] =   {"misalign",   PLACE_SIZE,  {AT(misalign)},   .most = 4096,
                              .help = "elements from a boundary of 64 bytes to the operand"},
    [GB_OPTION_DATA] =       {"data",       PLACE_ENUM,  {AT(data)},
                              {"normal", "integer", "wide", "positive", "cancel", "tiny", "special"}, .help = "contents"},
    [GB_OPTION_SEED] =       {"seed",       PLACE_SIZE,  {AT(seed)},       .most = 1ull << 53, .help = "of the contents"},
    /* clang-format on */
};

/* Lines of the list, several of which may have a name. */
static const struct {
    const char *name, *help;
} reals[GB_REALS_MAX] = {
#define GK_REAL_OPTION(f, usual, doc) {#f, doc},
#include "../../kernels/kernels.def"
};

const char *gb_option_name(enum gb_option option) {
    return option < GB_OPTION_REAL ? options[option].name : reals[option - GB_OPTION_REAL].name;
}

enum gb_option gb_option_find(const char *name) {
    enum gb_option option = 0;
    while (option < GB_OPTION_COUNT && strcmp(gb_option_name(option), name) != 0) option++;
    return option;
}

static size_t count_words(const struct option *o) {
    size_t count = 0;
    while (count < WORDS_MAX && o->words[count]) count++;
    return count;
}

enum gb_option_kind gb_option_kind(enum gb_option option) {
    if (option >= GB_OPTION_REAL) return GB_OPTION_IS_REAL;
    if (options[option].place == PLACE_SIZE) return GB_OPTION_IS_COUNT;
    return strcmp(options[option].words[0], "0") == 0 ? GB_OPTION_IS_FLAG : GB_OPTION_IS_WORD;
}

/* The kernel's field that a real option is; NULL: it has none, or the option is not the first of its name. */
static const struct gk_field *real_field(enum gk_kernel_id kernel, enum gb_option option) {
    const char *const name = gb_option_name(option);
    return gb_option_find(name) == option ? gk_kernel_field(gk_kernel_get(kernel), GK_FIELD_REAL, name) : NULL;
}

bool gb_kernel_has(enum gk_kernel_id kernel, enum gb_option option) {
    if (option >= GB_OPTION_REAL) return real_field(kernel, option) != NULL;
    const struct gk_kernel *const k = gk_kernel_get(kernel);
    const struct option *const o = &options[option];
    for (size_t i = 0; o->kinds && i < k->n_fields; i++) {
        const struct gk_field *const f = &k->fields[i];
        if (o->kinds & 1u << f->kind && (!o->with || f->flags & o->with) && !(f->flags & o->without)) return true;
    }
    return !o->kinds;
}

bool gb_option_is_for_peers(enum gb_option option) { return option >= GB_OPTION_REAL || options[option].for_peers; }

static void put(const struct option *o, uint64_t value, struct gb_problem_spec *spec) {
    char *const start = (char *)spec;
    const int index = (int)value;
    if (o->place == PLACE_SIZE) memcpy(start + o->at[0], &value, sizeof value);
    else if (o->place == PLACE_ENUM) memcpy(start + o->at[0], &index, sizeof index);
    else
        for (size_t i = 1; i < count_words(o); i++) *(bool *)(start + o->at[i - 1]) = i == value;
}

static bool read_real(const char *text, double *value) {
    const bool negative = text[0] == '-';
    if (!gb_text_real(text + negative, 0, DBL_MAX, value)) return false;
    if (negative) *value = -*value;
    return true;
}

bool gb_option_read(enum gb_option option, const char *value, struct gb_problem_spec *spec) {
    uint64_t number = 0;
    double real;
    if (option >= GB_OPTION_REAL) {
        if (!read_real(value, &real)) return false;
        spec->reals[option - GB_OPTION_REAL].set = true;
        spec->reals[option - GB_OPTION_REAL].value = real;
        return true;
    }
    const struct option *const o = &options[option];
    if (o->place == PLACE_SIZE && !gb_text_count(value, 0, o->most, &number)) return false;
    while (o->place != PLACE_SIZE && strcmp(o->words[number], value) != 0)
        if (++number == count_words(o)) return false;
    put(o, number, spec);
    return true;
}

/* Of a word: its index. */
static uint64_t fixed_value(enum gb_option option, const struct gb_problem_spec *spec) {
    const struct option *const o = &options[option];
    const char *const start = (const char *)spec;
    uint64_t value = 0;
    int index = 0;
    if (option == GB_OPTION_IGNORE && spec->soft_labels) return 0;
    if (o->place == PLACE_SIZE) memcpy(&value, start + o->at[0], sizeof value);
    if (o->place == PLACE_SIZE) return value;
    if (o->place == PLACE_ENUM) memcpy(&index, start + o->at[0], sizeof index);
    for (int i = 1; o->place == PLACE_BOOLS && i < (int)count_words(o); i++)
        if (*(const bool *)(start + o->at[i - 1])) index = i;
    return (uint64_t)index;
}

/* The kernel's usual value of a real option; of one that it has not, no number, which differs from any. */
static double usual_value(enum gb_option option, const struct gb_problem_spec *spec) {
    const struct gk_field *const field = real_field(spec->kernel, option);
    return field ? field->count : NAN;
}

double gb_option_value(enum gb_option option, const struct gb_problem_spec *spec) {
    if (option < GB_OPTION_REAL) return (double)fixed_value(option, spec);
    return spec->reals[option - GB_OPTION_REAL].set ? spec->reals[option - GB_OPTION_REAL].value : usual_value(option, spec);
}

const char *gb_option_text(enum gb_option option, const struct gb_problem_spec *spec, char text[GB_VALUE_MAX]) {
    const double value = gb_option_value(option, spec);
    if (option < GB_OPTION_REAL && options[option].place != PLACE_SIZE)
        snprintf(text, GB_VALUE_MAX, "%s", options[option].words[(int)value]);
    else if (option < GB_OPTION_REAL) snprintf(text, GB_VALUE_MAX, "%.0f", value);
    else /* the fewest digits that are read back as the same number */
        for (int digits = 6; digits <= 17; digits++)
            if (snprintf(text, GB_VALUE_MAX, "%.*g", digits, value) > 0 && strtod(text, NULL) == value) break;
    return text;
}

bool gb_option_differs(enum gb_option option, const struct gb_problem_spec *spec, uint64_t seed) {
    if (option < GB_OPTION_REAL) return fixed_value(option, spec) != (option == GB_OPTION_SEED ? seed : 0);
    return spec->reals[option - GB_OPTION_REAL].set && gb_option_value(option, spec) != usual_value(option, spec);
}

static void append_values(enum gb_option option, const char *between, char *text, size_t size) {
    if (option >= GB_OPTION_REAL) {
        gb_text_append(text, size, "a number such as 0.5 or -1e-3");
        return;
    }
    const struct option *const o = &options[option];
    if (o->place == PLACE_SIZE) gb_text_append(text, size, "0..%ju", (uintmax_t)o->most);
    for (size_t i = 0; i < count_words(o); i++) gb_text_append(text, size, "%s%s", i ? between : "", o->words[i]);
}

const char *gb_option_allowed(enum gb_option option, char *text, size_t size) {
    text[0] = '\0';
    append_values(option, ", ", text, size);
    return text;
}

const char *gb_options_help(bool peers) {
    static char text[1500 + 200 * GB_REALS_MAX];
    text[0] = '\0';
    for (enum gb_option option = 0; option < GB_OPTION_COUNT; option++) {
        const bool real = option >= GB_OPTION_REAL, again = gb_option_find(gb_option_name(option)) != option;
        char values[100] = "";
        if (again || (peers && !gb_option_is_for_peers(option))) continue;
        gb_text_append(values, sizeof values, "%s=", gb_option_name(option));
        if (real) gb_text_append(values, sizeof values, "NUMBER");
        else append_values(option, "|", values, sizeof values);
        gb_text_append(text, sizeof text, "  %-32s  %s\n", values,
                       real ? reals[option - GB_OPTION_REAL].help : options[option].help);
    }
    return text;
}

enum { ALWAYS_DTYPE = 1u << GB_OPTION_DTYPE, ALWAYS_ALL = ALWAYS_DTYPE | 1u << GB_OPTION_DATA | 1u << GB_OPTION_SEED };

/* always: bits of the options that are said at their default, too; 0: it is for the whole family, of any type. */
static void describe(const struct gb_problem_spec *spec, uint64_t always, uint64_t seed, char *text, size_t size) {
    const struct gk_kernel *const kernel = gk_kernel_get(spec->kernel);
    const bool family = always == 0;
    char value[GB_VALUE_MAX];
    if (size == 0) return;
    text[0] = '\0';
    gb_text_append(text, size, "%s", family ? kernel->family : kernel->name);
    for (enum gk_dim dim = 0; dim < GK_DIM_COUNT; dim++)
        if (family ? spec->dims[dim] > 0 : gk_kernel_dim(kernel, dim) != NULL)
            gb_text_append(text, size, " %s=%zu", gk_dim_name(dim), spec->dims[dim]);
    for (enum gb_option option = 0; option < GB_OPTION_COUNT; option++) {
        const bool has = family ? option != GB_OPTION_DTYPE : gb_kernel_has(spec->kernel, option);
        if (has && (always >> option & 1 || gb_option_differs(option, spec, seed)))
            gb_text_append(text, size, " %s=%s", gb_option_name(option), gb_option_text(option, spec, value));
    }
}

void gb_problem_describe(const struct gb_problem_spec *spec, char *text, size_t size) {
    describe(spec, ALWAYS_ALL, 0, text, size);
}

void gb_problem_title(const struct gb_problem_spec *spec, uint64_t seed, char *text, size_t size) {
    describe(spec, ALWAYS_DTYPE, seed, text, size);
}

void gb_family_title(const struct gb_problem_spec *spec, uint64_t seed, char *text, size_t size) {
    describe(spec, 0, seed, text, size);
}

void gb_spec_arguments(const struct gb_problem_spec *spec, void *args) {
    const struct gk_kernel *const kernel = gk_kernel_get(spec->kernel);
    const bool ignore = fixed_value(GB_OPTION_IGNORE, spec);
    const int64_t ignore_index = -1;
    for (size_t i = 0; i < kernel->n_fields; i++) {
        const struct gk_field *const f = &kernel->fields[i];
        char *const at = (char *)args + f->offset;
        if (f->kind == GK_FIELD_DIM) memcpy(at, &spec->dims[f->dim], sizeof spec->dims[f->dim]);
        if (f->kind == GK_FIELD_ACCUMULATE) memcpy(at, &spec->accumulate, sizeof spec->accumulate);
        if (f->kind == GK_FIELD_LAYOUT) memcpy(at, &spec->layout, sizeof spec->layout);
        if (f->kind == GK_FIELD_REDUCTION) memcpy(at, &spec->reduction, sizeof spec->reduction);
        if (f->kind == GK_FIELD_REAL) {
            const double value = gb_option_value(gb_option_find(f->name), spec);
            memcpy(at, &value, sizeof value);
        }
        if (f->kind != GK_FIELD_IGNORE) continue;
        memcpy(at, &ignore, sizeof ignore);
        memcpy((char *)args + f->offset2, &ignore_index, sizeof ignore_index);
    }
}
