/* Binds the threads of the library's team, each to a place of its own. The library itself leaves affinity alone. */
#ifndef GB_BIND_H
#define GB_BIND_H

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>

/* What a place is. Hardware threads come so that every core has one before the first has two. */
enum gb_bind { GB_BIND_NONE, GB_BIND_CORE, GB_BIND_PU, GB_BIND_COUNT };

/* "none", "core", "pu"; ends with NULL. */
extern const char *const gb_bind_words[GB_BIND_COUNT + 1];

struct gb_binding;
struct hwloc_topology;
struct hwloc_bitmap_s;

/* The hardware threads of a set that are places, one after the other, in list, which has room for all of the machine. Returns
 * how many there are. */
size_t gb_places_find(struct hwloc_topology *topology, const struct hwloc_bitmap_s *usable, enum gb_bind where, unsigned *list);

/* NULL: where is none, hwloc fails, or there is no memory. */
struct gb_binding *gb_binding_create(enum gb_bind where);
/* Also lets the calling thread run where it could before. */
void gb_binding_destroy(struct gb_binding *binding);

/* Wakes a team of so many threads, so that the next call does not pay for it, and binds each to a place of its own; where there
 * are fewer places than threads all are left free. binding NULL: wakes only. Returns how many threads there were: fewer where
 * the system or OpenMP's settings have no more. */
size_t gb_binding_apply(struct gb_binding *binding, size_t threads);

/* One hardware thread of each of the first so many places that this process may use. False: there are fewer, or hwloc fails. */
bool gb_first_places(enum gb_bind where, size_t threads, cpu_set_t *set);

/* False: a thread could not be bound. */
bool gb_binding_works(const struct gb_binding *binding);

#endif
