#include <stdio.h>
#include <string.h>

#include "problem.h"
#include "text.h"

enum { WORD_MAX = 64, DIMENSION_MAX = 1 << 24, PAD_MAX = 1 << 20, SHIFT_MAX = 4096 };

struct parser {
    struct gb_problem_spec *spec;
    const struct gk_kernel *kernel;
    unsigned seen;       /* bit i: word i of words below; one more for each dimension */
    unsigned dimensions; /* bit i: the i-th field of the kernel */
    const char *error;
};

static char message[200];

static bool refuse(struct parser *p, const char *what, const char *word, const char *allowed) {
    snprintf(message, sizeof message, "%s '%.60s'%s%s%s", what, word, allowed ? " (allowed: " : "", allowed ? allowed : "",
             allowed ? ")" : "");
    for (char *c = message; *c; c++)
        if ((unsigned char)*c < ' ') *c = '?';
    p->error = message;
    return false;
}

static bool read_count(struct parser *p, const char *word, const char *value, uint64_t high, size_t *out) {
    uint64_t number;
    char allowed[48];
    snprintf(allowed, sizeof allowed, "0..%llu", (unsigned long long)high);
    if (!gb_text_count(value, 0, high, &number)) return refuse(p, "bad number in", word, allowed);
    *out = (size_t)number;
    return true;
}

static int index_of(const char *value, const char *const *names, int count) {
    for (int i = 0; i < count; i++)
        if (strcmp(value, names[i]) == 0) return i;
    return -1;
}

static bool read_layout(struct parser *p, const char *word, const char *value) {
    static const char *const names[] = {"in_out", "out_in"};
    const int index = index_of(value, names, 2);
    if (index < 0) return refuse(p, "bad value in", word, "in_out, out_in");
    p->spec->layout = (gk_layout)index;
    return true;
}

static bool read_reduction(struct parser *p, const char *word, const char *value) {
    static const char *const names[] = {"mean", "sum", "none"};
    const int index = index_of(value, names, 3);
    if (index < 0) return refuse(p, "bad value in", word, "mean, sum, none");
    p->spec->reduction = (gk_reduction)index;
    return true;
}

static bool read_labels(struct parser *p, const char *word, const char *value) {
    static const char *const names[] = {"index", "index64", "dense"};
    const int index = index_of(value, names, 3);
    if (index < 0) return refuse(p, "bad value in", word, "index, index64, dense");
    p->spec->wide_labels = index == 1;
    p->spec->soft_labels = index == 2;
    return true;
}

static bool read_data(struct parser *p, const char *word, const char *value) {
    for (int data = 0; data < GB_DATA_COUNT; data++) {
        if (strcmp(value, gb_data_name((enum gb_data)data)) != 0) continue;
        p->spec->data = (enum gb_data)data;
        return true;
    }
    return refuse(p, "bad value in", word, "normal, integer, wide, positive, cancel, tiny, special");
}

static bool read_seed(struct parser *p, const char *word, const char *value) {
    return gb_text_count(value, 0, UINT64_MAX, &p->spec->seed) || refuse(p, "bad number in", word, NULL);
}

static bool read_pad(struct parser *p, const char *word, const char *value) {
    return read_count(p, word, value, PAD_MAX, &p->spec->ld_pad);
}

static bool read_shift(struct parser *p, const char *word, const char *value) {
    return read_count(p, word, value, SHIFT_MAX, &p->spec->misalign);
}

static const struct {
    const char *name;
    unsigned option;                                                     /* the kernel must have it; 0: any kernel */
    bool (*read)(struct parser *p, const char *word, const char *value); /* NULL: a flag */
    size_t flag;                                                         /* offset of its bool */
} words[] = {
    {"layout", GB_OPTION_LAYOUT, read_layout, 0},
    {"reduction", GB_OPTION_REDUCTION, read_reduction, 0},
    {"labels", GB_OPTION_LABELS, read_labels, 0},
    {"data", 0, read_data, 0},
    {"seed", 0, read_seed, 0},
    {"ld_pad", 0, read_pad, 0},
    {"misalign", 0, read_shift, 0},
    {"accumulate", GB_OPTION_ACCUMULATE, NULL, offsetof(struct gb_problem_spec, accumulate)},
    {"ignore", GB_OPTION_LABELS, NULL, offsetof(struct gb_problem_spec, ignore)},
    {"dloss", GB_OPTION_DLOSS, NULL, offsetof(struct gb_problem_spec, dloss)},
    {"bare", GB_OPTION_BARE, NULL, offsetof(struct gb_problem_spec, bare)},
    {"in_place", GB_OPTION_IN_PLACE, NULL, offsetof(struct gb_problem_spec, in_place)},
};
enum { WORDS = sizeof words / sizeof *words };

static bool read_option(struct parser *p, const char *word, const char *name, const char *value) {
    for (unsigned i = 0; i < WORDS; i++) {
        if (strcmp(words[i].name, name) != 0 || (words[i].read != NULL) != (value != NULL)) continue;
        if (words[i].option && !(gb_kernel_options(p->spec->kernel) & words[i].option))
            return refuse(p, "the kernel has no option", word, NULL);
        if (p->seen & 1u << i) return refuse(p, "twice:", word, NULL);
        p->seen |= 1u << i;
        if (words[i].read) return words[i].read(p, word, value);
        *(bool *)((char *)p->spec + words[i].flag) = true;
        return true;
    }
    return refuse(p, "not understood:", word, NULL);
}

static bool read_word(struct parser *p, const char *word) {
    char name[WORD_MAX];
    const char *const equals = strchr(word, '=');
    snprintf(name, sizeof name, "%.*s", equals ? (int)(equals - word) : WORD_MAX - 1, word);
    for (size_t i = 0; equals && i < p->kernel->n_fields; i++) {
        const struct gk_field *const f = &p->kernel->fields[i];
        if (f->kind != GK_FIELD_DIM || strcmp(f->name, name) != 0) continue;
        if (p->dimensions & 1u << i) return refuse(p, "twice:", word, NULL);
        p->dimensions |= 1u << i;
        return read_count(p, word, equals + 1, DIMENSION_MAX, &p->spec->dims[f->dim]);
    }
    return read_option(p, word, name, equals ? equals + 1 : NULL);
}

static bool all_dimensions(struct parser *p) {
    for (size_t i = 0; i < p->kernel->n_fields; i++)
        if (p->kernel->fields[i].kind == GK_FIELD_DIM && !(p->dimensions & 1u << i))
            return refuse(p, "missing dimension", p->kernel->fields[i].name, NULL);
    return true;
}

/* The next word, "" at the end; false: too long for any that means something. */
static bool next_word(const char **text, char word[WORD_MAX]) {
    *text += strspn(*text, " \t");
    const size_t length = strcspn(*text, " \t");
    if (length >= WORD_MAX) return false;
    memcpy(word, *text, length);
    word[length] = '\0';
    *text += length;
    return true;
}

bool gb_problem_parse(const char *text, struct gb_problem_spec *spec, const char **error) {
    struct parser p = {.spec = spec, .error = message};
    char word[WORD_MAX] = "";
    static char unknown[600];
    *spec = (struct gb_problem_spec){.seed = 0};
    *error = message;
    if (!next_word(&text, word) || !(p.kernel = gk_kernel_find(word))) {
        const struct gb_names names = gb_kernel_names();
        *error = gb_names_refuse(&names, "kernel", word, unknown, sizeof unknown);
        return false;
    }
    while (gk_kernel_get(spec->kernel) != p.kernel) spec->kernel++;
    for (bool first = true;; first = false) {
        if (!next_word(&text, word)) return refuse(&p, "too long:", text, NULL);
        if (word[0] == '\0') return all_dimensions(&p);
        const bool f64 = strcmp(word, gk_dtype_name(GK_F64)) == 0;
        if (first && (f64 || strcmp(word, gk_dtype_name(GK_F32)) == 0)) spec->dtype = f64 ? GK_F64 : GK_F32;
        else if (!read_word(&p, word)) return false;
    }
}
