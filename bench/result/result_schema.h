/* The members of a result file, and of other files for programs, as tables from which it is written and read. */
#ifndef GB_RESULT_SCHEMA_H
#define GB_RESULT_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>

enum gb_member_kind {
    GB_MEMBER_CONSTANT, /* the one word, kept nowhere */
    GB_MEMBER_FLAG,     /* bool */
    GB_MEMBER_TEXT,     /* const char * */
    GB_MEMBER_WORD,     /* const char *, one of words */
    GB_MEMBER_VALUE,    /* that of a struct gb_result_option */
    GB_MEMBER_STATE,    /* enum gb_state, words by its values */
    GB_MEMBER_COUNT,    /* size_t */
    GB_MEMBER_NUMBER,   /* double */
    GB_MEMBER_INTERVAL, /* two doubles, one after the other */
    GB_MEMBER_TEXTS,    /* array of const char * */
    GB_MEMBER_NUMBERS,  /* array of double */
    GB_MEMBER_COUNTS,   /* array of size_t */
    GB_MEMBER_LIST,     /* array of structs */
    GB_MEMBER_MAP,      /* object; its members are an array of structs, whose first member is the name, the others the value */
    GB_MEMBER_STRUCT,   /* a struct within */
    GB_MEMBER_POINTER,  /* a struct elsewhere */
};

struct gb_member {
    const char *key;
    enum gb_member_kind kind;
    size_t at;     /* where it is in its struct; of an array the pointer */
    bool optional; /* left out where it is NULL, NaN, 0 or false */
    size_t count_at;
    const char *const *words; /* ends with NULL, but for states */
    const struct gb_members *members;
};

struct gb_members {
    const struct gb_member *list;
    size_t count, size;                /* size: of the struct */
    bool (*is_kept)(const void *item); /* those of a list that are for a file; NULL: all */
};

extern const struct gb_members gb_result_members, gb_comparison_members, gb_info_members;

/* Writes a struct as gb_result_write does a result. exhausted: some of it could not be had. */
int gb_members_write(const struct gb_members *members, const void *base, bool exhausted, const char *path, bool last);

#endif
