/* Copies of a problem that calls take in turn, so many that each call finds its operands in memory and in no cache.
 * One copy is a problem whose memory is chosen. */
#ifndef GB_COPIES_H
#define GB_COPIES_H

#include "pages.h"
#include "problem.h"

enum { GB_COPIES_MAX = 4096 };

/* Between two calls of one of so many copies the others move twice as many bytes as the cache holds. */
double gb_copies_needed(const struct gb_problem_spec *spec, size_t cache);

/* Where their operands lie. */
struct gb_placing {
    enum gb_huge_pages huge_pages;
    size_t threads; /* that touch them first, each its share; 0: the one that fills them */
};

struct gb_copies {
    struct gb_problem *list;
    struct gb_pages pages; /* where they are not malloc's */
    size_t count, next;
};

/* False: no memory; then there are none. */
bool gb_copies_create(struct gb_copies *copies, const struct gb_problem_spec *spec, size_t count,
                      const struct gb_placing *placing);
void gb_copies_destroy(struct gb_copies *copies);

const struct gb_problem *gb_copies_next(struct gb_copies *copies);

#endif
