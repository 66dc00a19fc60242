#include "problem.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pages.h"
#include "random.h"

enum {
    ALIGNMENT = 64, /* what misalign counts from */
    GUARD = 64,     /* bytes of padding before and after an operand */
    LINE = 64,      /* bytes that shift counts */
    CHUNK = 512,    /* elements made at a time when contents are compared */
};

/* Where the contents of one operand come from. */
struct source {
    enum gk_element element;
    enum gk_dtype dtype;
    enum gb_data data;
    uint64_t key;
    size_t cols;          /* columns, of masks in bits */
    size_t classes;       /* labels are below this */
    bool ignore, weights; /* weights: of classes */
    int walsh;            /* GB_DATA_CANCEL: which sign pattern */
};

static inline uint64_t bits_at(uint64_t key, size_t row, size_t col) {
    return gb_mix(gb_mix(key + row * 0xd1342543de82ef95u) + (col + 1) * 0x9e3779b97f4a7c15u);
}

/* Sum of four uniform 16-bit numbers, scaled to variance 1: close to normal, within +-3.47, the same on every machine. The
 * factor (sqrt(3) / 65536) fills the mantissa, so that products of these numbers do round. */
static inline double normal(uint64_t bits) {
    const int32_t sum = (int32_t)((bits & 0xffff) + (bits >> 16 & 0xffff) + (bits >> 32 & 0xffff) + (bits >> 48)) - 2 * 65535;
    return (sum + 0.5) * 0x1.bb67ae8584caap-16;
}

static inline double with_sign(uint64_t bits, double magnitude) { return bits & 1 ? -magnitude : magnitude; }

/* In [1, 2), all 52 bits random. */
static inline double one_to_two(uint64_t bits) { return 1 + (double)(bits >> 12) * 0x1p-52; }

static inline double wide(uint64_t bits) {
    const int exponent = (int)((bits >> 1 & 0x3ff) % 80) - 40;
    return with_sign(bits, ldexp(one_to_two(bits), exponent));
}

/* One in two subnormal or next to the smallest normal number, the others near the square root of that number, so that products
 * are subnormal too. */
static inline double tiny(uint64_t bits, enum gk_dtype dtype) {
    const int digits = dtype == GK_F64 ? 52 : 23, smallest = dtype == GK_F64 ? -1074 : -149;
    const uint64_t normal_units = (uint64_t)1 << digits, random = bits >> 8;
    if (bits & 2) return with_sign(bits, ldexp(one_to_two(bits), (smallest + digits) / 2 - 4 + (int)(bits >> 2 & 7)));
    const uint64_t units = bits & 4 ? normal_units - 8 + random % 17 : random % (2 * normal_units);
    return with_sign(bits, ldexp((double)units, smallest));
}

static inline double special(uint64_t bits, enum gk_dtype dtype) {
    static const double values[GK_DTYPE_COUNT][12] = {
        {NAN, INFINITY, -INFINITY, 0.0, -0.0, 0.0, -0.0, 0x1p-149, -0x1p-130, FLT_MIN, FLT_MAX, -FLT_MAX},
        {NAN, INFINITY, -INFINITY, 0.0, -0.0, 0.0, -0.0, 0x1p-1074, -0x1p-1030, DBL_MIN, DBL_MAX, -DBL_MAX},
    };
    const uint64_t choice = gb_mix(bits);
    return choice % 24 ? normal(bits) : values[dtype][choice / 24 % 12];
}

/* Squares of 4 x 4 elements share one large magnitude (one square in two), with signs that cancel over any 4 in a row, alone
 * and in products with an operand of another pattern; a small value is added to each. */
static inline double cancel(const struct source *s, size_t row, size_t col) {
    static const signed char signs[3][4] = {{1, -1, 1, -1}, {1, 1, -1, -1}, {1, -1, -1, 1}};
    const uint64_t square = bits_at(~s->key, row / 4, col / 4);
    const double small = normal(bits_at(s->key, row, col));
    if (square & 1) return small;
    const double large = ldexp(one_to_two(square), 8 + (int)(square >> 1 & 7));
    return small + signs[s->walsh][row % 4] * signs[s->walsh][col % 4] * large;
}

/* Not of every kind: a mean divides by a sum of them, whose inverse must be finite. */
static inline double class_weight(uint64_t bits) { return bits & 7 ? one_to_two(bits) : 0; }

static inline double value(const struct source *s, size_t row, size_t col) {
    const uint64_t bits = bits_at(s->key, row, col);
    if (s->weights && s->data != GB_DATA_SPECIAL) return class_weight(bits);
    switch (s->data) {
    case GB_DATA_INTEGER: return with_sign(bits, 1 + (double)(bits >> 1 & 7));
    case GB_DATA_WIDE: return wide(bits);
    case GB_DATA_POSITIVE: return one_to_two(bits);
    case GB_DATA_CANCEL: return cancel(s, row, col);
    case GB_DATA_TINY: return tiny(bits, s->dtype);
    case GB_DATA_SPECIAL: return special(bits, s->dtype);
    default: return normal(bits);
    }
}

static inline int32_t label(const struct source *s, size_t row, size_t col) {
    const uint64_t bits = bits_at(s->key, row, col);
    if (s->ignore && bits >> 62 == 0) return -1;
    return s->classes ? (int32_t)((bits & 0xffffffff) % s->classes) : 0;
}

static inline uint64_t mask_word(const struct source *s, size_t row, size_t word) {
    const uint64_t bits = bits_at(s->key, row, word);
    const size_t left = s->cols - word * 64;
    return left >= 64 ? bits : bits & (((uint64_t)1 << left) - 1);
}

/* `count` storage elements of a row, from `first` on. */
static void make(const struct source *s, size_t row, size_t first, size_t count, void *out) {
    if (s->element == GK_ELEMENT_LABEL)
        for (size_t j = 0; j < count; j++) ((int32_t *)out)[j] = label(s, row, first + j);
    else if (s->element == GK_ELEMENT_LABEL64)
        for (size_t j = 0; j < count; j++) ((int64_t *)out)[j] = label(s, row, first + j);
    else if (s->element == GK_ELEMENT_BITS)
        for (size_t j = 0; j < count; j++) ((uint64_t *)out)[j] = mask_word(s, row, first + j);
    else if (s->dtype == GK_F64)
        for (size_t j = 0; j < count; j++) ((double *)out)[j] = value(s, row, first + j);
    else
        for (size_t j = 0; j < count; j++) ((float *)out)[j] = (float)value(s, row, first + j);
}

static uint64_t name_hash(const char *name, uint64_t base) {
    uint64_t hash = 0;
    for (const char *p = name; *p; p++) hash = hash * base + (unsigned char)*p;
    return hash;
}

/* Labels are below the number of columns that soft ones have. */
static size_t classes_of(const struct gb_problem *problem) {
    for (size_t i = 0; i < problem->kernel->n_fields; i++) {
        const struct gk_field *const f = &problem->kernel->fields[i];
        if (f->flags & GK_FLAG_LABELS && f->element == GK_ELEMENT_REAL) return gk_size_at(problem->args, f->cols);
    }
    return 0;
}

static struct source source_of(const struct gb_problem *problem, const struct gk_field *field) {
    const struct gb_problem_spec *const spec = &problem->spec;
    const char *const named = field->element == GK_ELEMENT_LABEL64 ? "labels" : field->name; /* both types hold the same */
    const uint64_t name = gb_mix(name_hash(named, 257) + ((uint64_t)spec->data << 56));
    return (struct source){
        .element = field->element,
        .dtype = spec->dtype,
        .data = spec->data,
        .key = gb_mix(spec->seed ^ name),
        .cols = gk_field_cols(field, problem->args),
        .classes = classes_of(problem),
        .ignore = spec->ignore,
        .weights = field->flags & GK_FLAG_CLASS_WEIGHTS,
        .walsh = (int)(name_hash(field->name, 3) % 3), /* base 3: x, w and dy get three different patterns */
    };
}

/* A scalar of the whole batch is there only with a reduction. */
static bool computed(const struct gb_problem_spec *spec, const struct gk_field *field) {
    return field->kind != GK_FIELD_OUT || field->cols != GK_NOWHERE || spec->reduction != GK_NONE;
}

/* Where every output is optional, the bare problem keeps the last one that there can be. */
static const struct gk_field *kept_output(const struct gb_problem_spec *spec, const struct gk_kernel *kernel) {
    const struct gk_field *last = NULL;
    for (size_t i = 0; i < kernel->n_fields; i++) {
        const struct gk_field *const f = &kernel->fields[i];
        if (f->kind != GK_FIELD_OUT) continue;
        if (!(f->flags & GK_FLAG_OPTIONAL)) return NULL;
        if (computed(spec, f) && !(f->flags & GK_FLAG_LSE)) last = f;
    }
    return last;
}

bool gb_problem_has(const struct gb_problem_spec *spec, const struct gk_field *f) {
    const struct gk_kernel *const kernel = gk_kernel_get(spec->kernel);
    if (!(f->flags & GK_FLAG_OPTIONAL)) return true;
    if (f->flags & GK_FLAG_DLOSS) return spec->dloss;
    if (f->flags & GK_FLAG_CLASS_WEIGHTS) return spec->class_weights;
    if (f->flags & GK_FLAG_LSE && gb_option_value(gb_option_find("z_loss"), spec) == 0) return false;
    if (f->flags & GK_FLAG_LSE && f->kind == GK_FIELD_IN) return true;
    if (f->element == GK_ELEMENT_LABEL) return !spec->soft_labels && !spec->wide_labels;
    if (f->element == GK_ELEMENT_LABEL64) return !spec->soft_labels && spec->wide_labels;
    if (f->flags & GK_FLAG_LABELS) return spec->soft_labels;
    return computed(spec, f) && (!spec->bare || f == kept_output(spec, kernel));
}

/* The operand that an output lies upon, or NULL. */
static struct gb_operand *shared_with(struct gb_problem *problem, const struct gb_operand *operand) {
    if (!problem->spec.in_place) return NULL;
    for (size_t i = 0; i < problem->kernel->n_fields; i++) {
        const struct gk_field *const f = &problem->kernel->fields[i];
        if (f->kind != GK_FIELD_IN_PLACE || f->offset != operand->field->offset) continue;
        for (size_t j = 0; j < problem->n_operands; j++)
            if (problem->operands[j].field->offset == f->offset2) return &problem->operands[j];
    }
    return NULL;
}

/* Fills in everything but pointers. args has room for the kernel's arguments. False: a size overflows. */
static bool lay_out(struct gb_problem *problem, const struct gb_problem_spec *spec, void *args) {
    const struct gk_kernel *const kernel = gk_kernel_get(spec->kernel);
    *problem = (struct gb_problem){.spec = *spec, .kernel = kernel, .args = args};
    gb_spec_arguments(spec, args);
    for (size_t i = 0; i < kernel->n_fields; i++) {
        const struct gk_field *const f = &kernel->fields[i];
        if (!gk_is_operand(f) || !gb_problem_has(spec, f)) continue;
        struct gb_operand *const operand = &problem->operands[problem->n_operands++];
        operand->field = f;
        operand->output = f->kind == GK_FIELD_OUT;
        operand->rows = gk_field_rows(f, args);
        operand->row_elements = gk_field_row_elements(f, args);
        operand->element_size = gk_element_size(f->element, spec->dtype);
        operand->ld = operand->row_elements;
        if (__builtin_mul_overflow(spec->misalign, operand->element_size, &operand->lead)) return false;
        if (__builtin_add_overflow(operand->lead, GUARD + problem->n_operands * spec->shift * LINE, &operand->lead))
            return false;
        if (f->offset2 == GK_NOWHERE || spec->ld_pad == 0) continue;
        if (__builtin_add_overflow(operand->ld, spec->ld_pad, &operand->ld)) return false;
        gk_set_size(args, f->offset2, operand->ld);
    }
    return true;
}

/* Bytes of the allocation, a multiple of ALIGNMENT; 0: overflow. */
static size_t storage_bytes(const struct gb_operand *operand) {
    size_t elements, bytes;
    if (__builtin_mul_overflow(operand->rows, operand->ld, &elements)) return 0;
    if (__builtin_mul_overflow(elements, operand->element_size, &bytes)) return 0;
    if (__builtin_add_overflow(bytes, operand->lead, &bytes)) return 0;
    if (bytes > PTRDIFF_MAX - GUARD - ALIGNMENT) return 0;
    return (bytes + GUARD + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static size_t row_bytes(const struct gb_operand *operand) { return operand->row_elements * operand->element_size; }

static size_t tight_bytes(const struct gb_operand *operand) { return operand->rows * row_bytes(operand); }

static char *row_of(const struct gb_operand *operand, size_t row) {
    return (char *)operand->start + row * operand->ld * operand->element_size;
}

size_t gb_problem_bytes(const struct gb_problem_spec *spec) {
    union gk_any_args args = {0};
    struct gb_problem problem;
    size_t total = 0;
    if (!lay_out(&problem, spec, &args)) return 0;
    for (size_t i = 0; i < problem.n_operands; i++) {
        const struct gb_operand *const operand = &problem.operands[i];
        const size_t storage = storage_bytes(operand);
        const size_t own = shared_with(&problem, operand) ? 0 : storage;
        const size_t initial = operand->output ? tight_bytes(operand) : 0;
        if (storage == 0 || __builtin_add_overflow(total, own, &total)) return 0;
        if (__builtin_add_overflow(total, initial, &total)) return 0;
    }
    return total;
}

void gb_problem_work(const struct gb_problem_spec *spec, double *flops, double *bytes) {
    static char there; /* what has an address is computed, and nobody reads what is there */
    const void *const address = &there;
    union gk_any_args args = {0};
    struct gb_problem problem;
    lay_out(&problem, spec, &args);
    for (size_t i = 0; i < problem.n_operands; i++)
        memcpy((char *)&args + problem.operands[i].field->offset, &address, sizeof address);
    *flops = gk_kernel_flops(problem.kernel, &args);
    *bytes = gk_kernel_bytes(problem.kernel, spec->dtype, &args);
}

size_t gb_problem_storage(const struct gb_problem_spec *spec) {
    union gk_any_args args = {0};
    struct gb_problem problem;
    size_t total = 0;
    if (gb_problem_bytes(spec) == 0) return 0;
    lay_out(&problem, spec, &args);
    for (size_t i = 0; i < problem.n_operands; i++)
        if (!shared_with(&problem, &problem.operands[i])) total += storage_bytes(&problem.operands[i]);
    return total;
}

/* Paddings: a signalling NaN as a real, far out of range as a label. */
static uint64_t padding(size_t element_size) {
    return element_size == sizeof(double) ? 0x7ff4a5a5a5a5a5a5u : 0x7fa5a5a57fa5a5a5u;
}

static void pad(char *begin, const char *end, size_t element_size) {
    const uint64_t pattern = padding(element_size);
    for (char *p = begin; p < end; p += element_size) memcpy(p, &pattern, element_size);
}

static bool padded(const char *begin, const char *end, size_t element_size) {
    const uint64_t pattern = padding(element_size);
    for (const char *p = begin; p < end; p += element_size)
        if (memcmp(p, &pattern, element_size) != 0) return false;
    return true;
}

static void fill_nan(void *out, size_t count, const struct gb_operand *operand) {
    const bool mask = operand->field->element == GK_ELEMENT_BITS;
    const uint64_t pattern = mask ? UINT64_MAX : operand->element_size == sizeof(double) ? 0x7ff8000000000000u : 0x7fc00000u;
    for (size_t i = 0; i < count; i++) memcpy((char *)out + i * operand->element_size, &pattern, operand->element_size);
}

static void fill(const struct gb_problem *problem, const struct gb_operand *operand) {
    const struct source source = source_of(problem, operand->field);
    const bool unset = !gk_reads(problem->kernel, operand->field, problem->args);
    for (size_t i = 0; i < operand->rows; i++) {
        char *const row = row_of(operand, i);
        if (unset) fill_nan(row, operand->row_elements, operand);
        else make(&source, i, 0, operand->row_elements, row);
        pad(row + row_bytes(operand), row + operand->ld * operand->element_size, operand->element_size);
    }
}

static void *take_memory(struct gb_problem *problem, size_t bytes) {
    if (bytes == 0) return NULL;
    if (!problem->shared.start) return aligned_alloc(ALIGNMENT, bytes);
    void *const start = problem->shared.start + problem->shared_used;
    problem->shared_used += bytes;
    return start;
}

static bool allocate(struct gb_problem *problem, struct gb_operand *operand) {
    const struct gb_operand *const owner = shared_with(problem, operand);
    if (owner) {
        operand->start = owner->start;
        return true;
    }
    const size_t bytes = storage_bytes(operand);
    operand->base = take_memory(problem, bytes);
    if (!operand->base) return false;
    char *const base = operand->base;
    if (problem->touching) gb_pages_touch(base, bytes, problem->touching);
    operand->start = base + operand->lead;
    const size_t used = operand->rows * operand->ld * operand->element_size;
    pad(base, operand->start, operand->element_size);
    pad((char *)operand->start + used, base + bytes, operand->element_size);
    fill(problem, operand);
    return true;
}

static bool keep_initial(struct gb_problem *problem, struct gb_operand *operand) {
    if (!operand->output) return true;
    operand->initial = malloc(tight_bytes(operand) + 1);
    if (!operand->initial) return false;
    for (size_t i = 0; i < operand->rows && row_bytes(operand); i++)
        memcpy((char *)operand->initial + i * row_bytes(operand), row_of(operand, i), row_bytes(operand));
    struct gb_operand *const owner = shared_with(problem, operand);
    if (owner) owner->initial = operand->initial;
    return true;
}

/* Inputs first: an output may share their memory. */
static bool allocate_all(struct gb_problem *problem) {
    for (int outputs = 0; outputs < 2; outputs++)
        for (size_t i = 0; i < problem->n_operands; i++) {
            struct gb_operand *const operand = &problem->operands[i];
            if (operand->output != outputs) continue;
            if (!allocate(problem, operand) || !keep_initial(problem, operand)) return false;
            memcpy((char *)problem->args + operand->field->offset, &operand->start, sizeof operand->start);
        }
    return true;
}

static bool create(struct gb_problem *problem, const struct gb_problem_spec *spec, bool shared, char *memory, size_t threads) {
    *problem = (struct gb_problem){.spec = *spec, .kernel = gk_kernel_get(spec->kernel)};
    const size_t bytes = gb_problem_storage(spec);
    void *const args = bytes ? calloc(1, problem->kernel->args_size) : NULL;
    if (!args) return false;
    lay_out(problem, spec, args);
    problem->shared.start = memory;
    problem->touching = threads;
    if ((!shared || gb_shared_create(&problem->shared, bytes)) && allocate_all(problem)) return true;
    gb_problem_destroy(problem);
    return false;
}

bool gb_problem_create(struct gb_problem *problem, const struct gb_problem_spec *spec) {
    return create(problem, spec, false, NULL, 0);
}

bool gb_problem_create_shared(struct gb_problem *problem, const struct gb_problem_spec *spec) {
    return create(problem, spec, true, NULL, 0);
}

bool gb_problem_create_in(struct gb_problem *problem, const struct gb_problem_spec *spec, char *memory, size_t threads) {
    return create(problem, spec, false, memory, threads);
}

void gb_problem_destroy(struct gb_problem *problem) {
    for (size_t i = 0; i < problem->n_operands; i++) {
        if (!problem->shared.start) free(problem->operands[i].base);
        if (problem->operands[i].output) free(problem->operands[i].initial);
    }
    if (problem->shared.bytes) gb_shared_destroy(&problem->shared);
    free(problem->args);
    *problem = (struct gb_problem){0};
}

void gb_problem_reset(struct gb_problem *problem) {
    for (size_t i = 0; i < problem->n_operands; i++) {
        const struct gb_operand *const operand = &problem->operands[i];
        if (!operand->output) continue;
        for (size_t row = 0; row < operand->rows && row_bytes(operand); row++)
            memcpy(row_of(operand, row), (const char *)operand->initial + row * row_bytes(operand), row_bytes(operand));
    }
}

gk_status gb_problem_call(const struct gb_problem *problem, gk_context *ctx) {
    return gk_call(ctx, problem->spec.kernel, problem->spec.dtype, problem->args);
}

static bool same_contents(const struct source *source, const struct gb_operand *operand, size_t row) {
    uint64_t expected[CHUNK];
    for (size_t j = 0; j < operand->row_elements; j += CHUNK) {
        const size_t count = operand->row_elements - j < CHUNK ? operand->row_elements - j : CHUNK;
        make(source, row, j, count, expected);
        if (memcmp(expected, row_of(operand, row) + j * operand->element_size, count * operand->element_size) != 0)
            return false;
    }
    return true;
}

static bool operand_intact(const struct gb_problem *problem, const struct gb_operand *operand) {
    const size_t size = operand->element_size, used = operand->rows * operand->ld * size;
    const char *const base = operand->base, *const start = operand->start;
    if (!padded(base, start, size)) return false;
    if (!padded(start + used, base + storage_bytes(operand), size)) return false;
    const struct source source = source_of(problem, operand->field);
    const bool written = operand->initial != NULL;
    for (size_t i = 0; i < operand->rows; i++) {
        const char *const row = row_of(operand, i);
        if (!padded(row + row_bytes(operand), row + operand->ld * size, size)) return false;
        if (!written && !same_contents(&source, operand, i)) return false;
    }
    return true;
}

bool gb_problem_intact(const struct gb_problem *problem, const char **what) {
    for (size_t i = 0; i < problem->n_operands; i++) {
        const struct gb_operand *const operand = &problem->operands[i];
        if (!operand->base || operand_intact(problem, operand)) continue;
        *what = operand->field->name;
        return false;
    }
    return true;
}

uint64_t gb_operand_bits(const struct gb_operand *operand, size_t row, size_t element) {
    uint64_t bits = 0;
    memcpy(&bits, row_of(operand, row) + element * operand->element_size, operand->element_size);
    if (operand->field->element != GK_ELEMENT_REAL) return bits;
    if (operand->element_size == sizeof(double)) return (bits & INT64_MAX) > 0x7ff0000000000000u ? 0x7ff8000000000000u : bits;
    return (bits & INT32_MAX) > 0x7f800000u ? 0x7fc00000u : bits;
}

size_t gb_problem_output_bytes(const struct gb_problem *problem) {
    size_t bytes = 0;
    for (size_t i = 0; i < problem->n_operands; i++)
        if (problem->operands[i].output) bytes += tight_bytes(&problem->operands[i]);
    return bytes;
}

void gb_problem_output(const struct gb_problem *problem, void *bytes) {
    char *out = bytes;
    for (size_t i = 0; i < problem->n_operands; i++) {
        const struct gb_operand *const operand = &problem->operands[i];
        if (!operand->output) continue;
        for (size_t row = 0; row < operand->rows; row++)
            for (size_t j = 0; j < operand->row_elements; j++, out += operand->element_size) {
                const uint64_t bits = gb_operand_bits(operand, row, j);
                memcpy(out, &bits, operand->element_size);
            }
    }
}

double gb_operand_value(const struct gb_operand *operand, uint64_t bits) {
    float single;
    double real;
    if (operand->field->element != GK_ELEMENT_REAL) return (double)bits;
    memcpy(&single, &bits, sizeof single);
    memcpy(&real, &bits, sizeof real);
    return operand->element_size == sizeof real ? real : single;
}

bool gb_problem_equal(const struct gb_problem *got, const struct gb_problem *want, struct gb_difference *first) {
    for (size_t i = 0; i < got->n_operands; i++) {
        const struct gb_operand *const g = &got->operands[i], *const w = &want->operands[i];
        if (!g->output) continue;
        for (size_t row = 0; row < g->rows; row++) {
            if (row_bytes(g) && memcmp(row_of(g, row), row_of(w, row), row_bytes(g)) == 0) continue;
            for (size_t j = 0; j < g->row_elements; j++) {
                const uint64_t a = gb_operand_bits(g, row, j);
                const uint64_t b = gb_operand_bits(w, row, j);
                if (a == b) continue;
                *first = (struct gb_difference){g->field->name, row, j, gb_operand_value(g, a), gb_operand_value(w, b)};
                return false;
            }
        }
    }
    return true;
}
