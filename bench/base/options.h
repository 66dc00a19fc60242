/* Command lines from a table: one list a command makes the parser and its --help. */
#ifndef GB_OPTIONS_H
#define GB_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum gb_flag_kind {
    GB_FLAG_SWITCH, /* bool; takes no value */
    GB_FLAG_TEXT,   /* const char * */
    GB_FLAG_TEXTS,  /* struct gb_texts; may be repeated */
    GB_FLAG_COUNT,  /* uint64_t, from low to high */
    GB_FLAG_REAL,   /* double, from low to high */
    GB_FLAG_WORD,   /* const char *, one of words */
};

enum { GB_TEXTS_MAX = 256 };

struct gb_texts {
    const char *list[GB_TEXTS_MAX];
    size_t count;
};

struct gb_flag {
    const char *name; /* without the dashes */
    enum gb_flag_kind kind;
    void *target;
    const char *value; /* what --help calls the value */
    const char *help;
    double low, high;
    const char *const *words; /* ends with NULL */
    char letter;              /* 'o': -o VALUE is the same */
};

struct gb_syntax {
    const char *command, *summary;
    const char *operand; /* what --help calls the operand that may follow, NULL: none */
    const char **operand_target;
    struct gb_texts *operands; /* takes several instead */
    size_t *split;             /* of these: the number before --; left as it is where there is none. NULL: -- does not matter */
    const char *const *operand_words; /* that the first may be, for completions; ends with NULL. NULL: a file, or any word */
    const struct gb_flag *options;
    size_t n_options;
    const char *notes; /* printed after the options */
};

/* Reads argv[0 .. argc-1], the words after the command. True: go on. False: *code is the exit code (--help was printed, or an
 * error was). */
bool gb_options_parse(const struct gb_syntax *syntax, int argc, char **argv, int *code);

/* Copies argv, which was read without an error, to words, but for the options that are named (the list ends with NULL) and
 * their values. Returns the number of words. */
size_t gb_options_without(const struct gb_syntax *syntax, int argc, char **argv, const char *const *names, const char **words);

/* What is done for --help in the place of printing it, until NULL is set: manual pages and completions are made of the tables,
 * too. */
void gb_options_describe(void (*describe)(const struct gb_syntax *syntax, void *data), void *data);

/* The command that does what an option of other programs asks for, such as "gradbench list" for "list"; what follows a '=' does
 * not matter. NULL: none is known. */
const char *gb_options_elsewhere(const char *option);

#endif
