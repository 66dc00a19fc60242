/* The system that this process runs on, its variables, and how much memory there is. */
#ifndef GB_ENVIRONMENT_H
#define GB_ENVIRONMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "clock.h"
#include "counters.h"
#include "machine.h"

enum { GB_WARNINGS_MAX = 24, GB_WARNING_MAX = 200 };

struct gb_warnings {
    char list[GB_WARNINGS_MAX][GB_WARNING_MAX];
    size_t count;
};

void gb_warn(struct gb_warnings *warnings, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* If it is not there already. */
void gb_warn_once(struct gb_warnings *warnings, const char *text);

/* What functions with gb_system in their name ask; the others ask this one. Tests have a folder of known files. */
struct gb_system {
    const char *root; /* stands before the path of every file that is read: "" here */
    const struct gb_machine *machine;
    size_t online;                /* hardware threads of the whole machine */
    double address_space;         /* bytes, the limit of ulimit -v; more than there can be: none */
    const struct gb_clock *clock; /* NULL: not read */
    const struct gb_perf *perf;   /* NULL: not asked */
};
struct gb_system gb_this_system(void);

/* Ticks of all CPUs since the machine started. stolen: the hypervisor ran something else; idle: also while waiting for a disk.
 */
struct gb_ticks {
    double all, stolen, idle;
};
struct gb_ticks gb_system_ticks(const struct gb_system *system);

/* Bytes that this process may still allocate, and which limit says so. */
struct gb_memory {
    double bytes;
    const char *rule;
};
struct gb_memory gb_memory_available(void);
struct gb_memory gb_system_memory(const struct gb_system *system);

/* The value of a variable; NULL: it is not set, or empty. */
const char *gb_environment_get(const char *name);

/* All variables that the library, gradbench and the scripts read. */
enum { GB_VARIABLES = 7 };
struct gb_variable {
    const char *name, *help;
};
extern const struct gb_variable gb_variables[GB_VARIABLES];

/* Warns of variables of our names that nobody reads. Prints and returns GB_EXIT_ISA or GB_EXIT_USAGE if GRADKERN_ISA or
 * OMP_NUM_THREADS makes no sense, else GB_EXIT_OK. */
int gb_environment_check(void);

#endif
