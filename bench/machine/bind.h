/* Binds the threads of the library's team, one to a core. The library itself leaves affinity alone. */
#ifndef GB_BIND_H
#define GB_BIND_H

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>

struct gb_binding;

/* NULL: hwloc fails, or there is no memory. */
struct gb_binding *gb_binding_create(void);
/* Also gives the calling thread back the cores that it had. */
void gb_binding_destroy(struct gb_binding *binding);

/* Wakes a team of so many threads, so that the next call does not pay for it, and binds each to a core of its own; where there
 * are fewer cores than threads all are left free. binding NULL: wakes only. Returns how many threads there were: fewer where
 * the system or OpenMP's settings have no more. */
size_t gb_binding_apply(struct gb_binding *binding, size_t threads);

/* One hardware thread of each of the first so many cores that this process may use. False: there are fewer, or hwloc fails. */
bool gb_first_cores(size_t threads, cpu_set_t *set);

/* False: a thread could not be bound. */
bool gb_binding_works(const struct gb_binding *binding);

#endif
