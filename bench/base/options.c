#include "options.h"

#include <stdio.h>
#include <string.h>

#include "message.h"
#include "text.h"

enum { HELP_COLUMN = 26, OPTIONS_MAX = 40 };

static void print_option(char letter, const char *name, const char *value, const char *help) {
    char left[80] = "";
    if (letter) snprintf(left, sizeof left, "-%c, ", letter);
    gb_text_append(left, sizeof left, "--%s%s%s", name, value ? " " : "", value ? value : "");
    printf("  %-*s%s%s\n", HELP_COLUMN, left, strlen(left) >= HELP_COLUMN ? " " : "", help);
}

static void print_help(const struct gb_syntax *syntax) {
    printf("usage: gradbench %s%s%s%s\n\n%s\n", syntax->command, syntax->n_options ? " [options]" : "",
           syntax->operand ? " " : "", syntax->operand ? syntax->operand : "", syntax->summary);
    printf("\noptions:\n");
    for (size_t i = 0; i < syntax->n_options; i++)
        print_option(syntax->options[i].letter, syntax->options[i].name, syntax->options[i].value, syntax->options[i].help);
    print_option('\0', "help", NULL, "print this");
    if (syntax->notes) printf("\n%s\n", syntax->notes);
}

static struct {
    void (*describe)(const struct gb_syntax *syntax, void *data);
    void *data;
} instead;

void gb_options_describe(void (*describe)(const struct gb_syntax *syntax, void *data), void *data) {
    instead.describe = describe;
    instead.data = data;
}

static const struct gb_flag *find(const struct gb_syntax *syntax, const char *name, size_t length) {
    for (size_t i = 0; i < syntax->n_options; i++)
        if (strlen(syntax->options[i].name) == length && memcmp(syntax->options[i].name, name, length) == 0)
            return &syntax->options[i];
    return NULL;
}

const char *gb_options_elsewhere(const char *option) {
    static const struct {
        const char *words, *command;
    } table[] = {
        {"list list-kernels kernels-list", "gradbench list"},
        {"plain", "gradbench list --plain WHAT"},
        {"markdown md", "gradbench list --markdown"},
        {"info cpu machine roofs no-roofs", "gradbench info"},
        {"check verify test validate correctness", "gradbench check"},
        {"csv json output out format save", "gradbench run --json FILE"},
        {"filter kernel benchmark_filter", "gradbench run --kernels LIST"},
        {"size sizes dims problem", "gradbench run --shape LINE"},
        {"iterations iters repetitions reps benchmark_repetitions", "gradbench run --rounds N"},
        {"repeat", "gradbench run --repeat P"},
        {"time min-time benchmark_min_time", "gradbench run --max-time SECONDS"},
        {"version v", "gradbench --version"},
    };
    const size_t length = strcspn(option, "=");
    for (size_t i = 0; length && i < sizeof table / sizeof *table; i++)
        for (const char *at = table[i].words; *at; at += strspn(at, " ")) {
            const size_t size = strcspn(at, " ");
            if (size == length && memcmp(at, option, size) == 0) return table[i].command;
            at += size;
        }
    return NULL;
}

static int refuse_option(const struct gb_syntax *syntax, const char *argument, size_t length) {
    char word[64];
    const char *const other = gb_options_elsewhere(argument);
    struct gb_names names = {.count = 0};
    for (size_t i = 0; i < syntax->n_options; i++) gb_names_add(&names, syntax->options[i].name);
    gb_names_add(&names, "help");
    snprintf(word, sizeof word, "%.*s", (int)(length < sizeof word ? length : sizeof word), argument);
    const char *const nearest = gb_names_nearest(&names, word);
    if (other) return gb_fail(GB_EXIT_USAGE, "%s has no option --%s (did you mean '%s'?)", syntax->command, word, other);
    if (nearest)
        return gb_fail(GB_EXIT_USAGE, "%s has no option --%s (did you mean --%s? see gradbench %s --help)", syntax->command,
                       word, nearest, syntax->command);
    return gb_fail(GB_EXIT_USAGE, "%s has no option --%s (see gradbench %s --help)", syntax->command, word, syntax->command);
}

static int set_word(const struct gb_flag *option, const char *value) {
    struct gb_names names = {.count = 0};
    char text[800], kind[80];
    for (const char *const *word = option->words; *word; word++) gb_names_add(&names, *word);
    for (size_t i = 0; i < names.count; i++) {
        if (strcmp(names.list[i], value) != 0) continue;
        *(const char **)option->target = names.list[i];
        return GB_EXIT_OK;
    }
    snprintf(kind, sizeof kind, "value of --%s", option->name);
    return gb_fail(GB_EXIT_USAGE, "%s", gb_names_refuse(&names, kind, value, text, sizeof text));
}

static int set(const struct gb_flag *option, const char *value) {
    struct gb_texts *texts;
    switch (option->kind) {
    case GB_FLAG_SWITCH: *(bool *)option->target = true; return GB_EXIT_OK;
    case GB_FLAG_WORD: return set_word(option, value);
    case GB_FLAG_COUNT:
        if (gb_text_count(value, (uint64_t)option->low, (uint64_t)option->high, option->target)) return GB_EXIT_OK;
        return gb_fail(GB_EXIT_USAGE, "--%s must be a whole number from %.0f to %.0f (got '%.80s')", option->name, option->low,
                       option->high, value);
    case GB_FLAG_REAL:
        if (gb_text_real(value, option->low, option->high, option->target)) return GB_EXIT_OK;
        return gb_fail(GB_EXIT_USAGE, "--%s must be a number from %g to %g (got '%.80s')", option->name, option->low,
                       option->high, value);
    case GB_FLAG_TEXTS:
    case GB_FLAG_TEXT: break;
    }
    if (!*value)
        return gb_fail(GB_EXIT_USAGE, "--%s needs a value (got an empty one, expected %s)", option->name, option->value);
    if (option->kind == GB_FLAG_TEXT) {
        *(const char **)option->target = value;
        return GB_EXIT_OK;
    }
    texts = option->target;
    if (texts->count == GB_TEXTS_MAX)
        return gb_fail(GB_EXIT_USAGE, "--%s is given too often (at most %d times; use a file)", option->name, GB_TEXTS_MAX);
    texts->list[texts->count++] = value;
    return GB_EXIT_OK;
}

static const struct gb_flag *find_letter(const struct gb_syntax *syntax, const char *argument) {
    for (size_t i = 0; i < syntax->n_options && argument[0] == '-' && strlen(argument) == 2; i++)
        if (syntax->options[i].letter == argument[1]) return &syntax->options[i];
    return NULL;
}

/* One option and its value. *next is the argument after those used. */
static int take_option(const struct gb_syntax *syntax, int argc, char **argv, int *next, bool *seen) {
    const char *const argument = argv[*next], *const equals = argument[1] == '-' ? strchr(argument, '=') : NULL;
    const size_t length = equals ? (size_t)(equals - argument) - 2 : strlen(argument) - 2;
    const struct gb_flag *const option =
        argument[1] == '-' ? find(syntax, argument + 2, length) : find_letter(syntax, argument);
    (*next)++;
    if (!option) return refuse_option(syntax, argument + 2, length);
    bool *const again = &seen[option - syntax->options];
    if (*again && option->kind != GB_FLAG_TEXTS) return gb_fail(GB_EXIT_USAGE, "--%s is given twice", option->name);
    *again = true;
    if (option->kind == GB_FLAG_SWITCH)
        return equals ? gb_fail(GB_EXIT_USAGE, "--%s takes no value (got '%.80s')", option->name, equals + 1)
                      : set(option, NULL);
    if (equals) return set(option, equals + 1);
    if (*next == argc) return gb_fail(GB_EXIT_USAGE, "--%s needs a value (%s)", option->name, option->value);
    return set(option, argv[(*next)++]);
}

size_t gb_options_without(const struct gb_syntax *syntax, int argc, char **argv, const char *const *names, const char **words) {
    size_t count = 0;
    for (int i = 0, size; i < argc; i += size) {
        const char *const equals = strchr(argv[i], '=');
        const size_t length = equals ? (size_t)(equals - argv[i]) : strlen(argv[i]);
        const struct gb_flag *const option = strncmp(argv[i], "--", 2) == 0 ? find(syntax, argv[i] + 2, length - 2) : NULL;
        const char *const *name = names;
        size = option && option->kind != GB_FLAG_SWITCH && !equals ? 2 : 1;
        while (*name && !(option && strcmp(*name, option->name) == 0)) name++;
        for (int k = 0; k < size && !*name; k++) words[count++] = argv[i + k];
    }
    return count;
}

bool gb_options_parse(const struct gb_syntax *syntax, int argc, char **argv, int *code) {
    bool seen[OPTIONS_MAX] = {false}, options_end = false, operand_seen = false;
    int next = 0;
    *code = GB_EXIT_OK;
    while (next < argc) {
        const char *const argument = argv[next];
        if (!options_end && (strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0)) {
            if (instead.describe) instead.describe(syntax, instead.data);
            else print_help(syntax);
            return false;
        }
        if (!options_end && strcmp(argument, "--") == 0) {
            options_end = true;
            if (syntax->split) *syntax->split = syntax->operands->count;
            next++;
        } else if (!options_end && (strncmp(argument, "--", 2) == 0 || find_letter(syntax, argument))) {
            *code = take_option(syntax, argc, argv, &next, seen);
        } else if (!options_end && argument[0] == '-' && argument[1]) {
            *code = gb_fail(GB_EXIT_USAGE, "options are written with two dashes (got '%.80s')", argument);
        } else if (syntax->operands && syntax->operands->count < GB_TEXTS_MAX) {
            syntax->operands->list[syntax->operands->count++] = argument;
            next++;
        } else if (!syntax->operand || operand_seen || syntax->operands) {
            *code = gb_fail(GB_EXIT_USAGE, "%s takes %s (got '%.80s')", syntax->command,
                            !syntax->operand   ? "options only"
                            : syntax->operands ? "no more operands"
                                               : "one operand",
                            argument);
        } else {
            *syntax->operand_target = argument;
            operand_seen = true;
            next++;
        }
        if (*code != GB_EXIT_OK) return false;
    }
    return true;
}
