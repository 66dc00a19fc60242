/* gradbench run --repeat: the same run by several processes, one after the other, whose operands lie elsewhere. */
#ifndef GB_RUN_REPEAT_H
#define GB_RUN_REPEAT_H

#include "command_run.h"
#include "race.h"
#include "result.h"

/* The command line of the processes: room for what each is told, then argv, which options were read from, without what is said
 * to this process alone. To be freed; NULL: no memory. */
const char **gb_repeat_words(struct gb_run_options *options, int argc, char **argv);

/* What all processes found that came to their end goes into an empty result, joined; *done is their number. Returns the exit
 * code: GB_EXIT_CHECK where one found something wrong, that of one that did not end well, who has said why. A caught signal
 * ends it, and is no error. */
int gb_repeat_run(const struct gb_run_options *options, int (*again)(const char *const *words), struct gb_result *result,
                  size_t *done);

/* The peers as they were in these processes, and their variants in the plan; none is started. */
void gb_repeat_recall(struct gb_race *race, struct gb_plan *plan, const struct gb_result_context *context);

#endif
