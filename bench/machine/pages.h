/* Memory of its own mapping: of huge pages or not, and touched first by those who use it. */
#ifndef GB_PAGES_H
#define GB_PAGES_H

#include <stdbool.h>
#include <stddef.h>

/* auto: as the system does it. */
enum gb_huge_pages { GB_HUGE_AUTO, GB_HUGE_ON, GB_HUGE_OFF, GB_HUGE_COUNT };

/* "auto", "on", "off"; ends with NULL. */
extern const char *const gb_huge_pages_words[GB_HUGE_COUNT + 1];

#define GB_HUGE_PAGES_FILE "/sys/kernel/mm/transparent_hugepage/enabled"

/* Does the system make no huge pages, whoever asks for them? Also where it does not say. root: as of gb_system. */
bool gb_huge_pages_never(const char *root);

struct gb_pages {
    char *start; /* where a huge page may start; NULL: none */
    size_t bytes;
};

/* False: no memory; pages->start is then NULL. */
bool gb_pages_map(struct gb_pages *pages, size_t bytes, enum gb_huge_pages huge);
void gb_pages_unmap(struct gb_pages *pages);

/* The share of them that is in huge pages now; NaN: the system does not say. */
double gb_pages_huge_share(const struct gb_pages *pages);

/* A system with several NUMA nodes puts a page where the thread runs that touches it first: each thread of a team of so many
 * touches its share, in the order of the addresses, as one of a user's program would. Overwrites a byte a page. */
void gb_pages_touch(char *start, size_t bytes, size_t threads);

#endif
