#include "disturbance.h"

#include <sched.h>
#include <sys/resource.h>

#include "clock.h"

struct gb_signs gb_signs_read(void) {
    const struct gb_system here = gb_this_system();
    struct rusage usage = {.ru_nivcsw = 0};
    getrusage(RUSAGE_SELF, &usage);
    return (struct gb_signs){gb_clock_ns(), gb_system_ticks(&here), (double)usage.ru_nivcsw, sched_getcpu()};
}

enum gb_cause gb_cause_between(const struct gb_signs *before, const struct gb_signs *after, bool here, bool free) {
    const double stolen = after->ticks.stolen - before->ticks.stolen, ticks = after->ticks.all - before->ticks.all;
    if (stolen > GB_STEAL_SHARE * ticks) return GB_CAUSE_STEAL;
    if (here && after->switches - before->switches > (after->ns - before->ns) / GB_SWITCH_EVERY) return GB_CAUSE_SWITCHES;
    return here && free && after->processor != before->processor ? GB_CAUSE_MIGRATION : GB_CAUSE_NONE;
}
