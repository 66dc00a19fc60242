/* Results that are kept by name, in GRADBENCH_BASELINES or the user's data folder. */
#ifndef GB_BASELINES_H
#define GB_BASELINES_H

#include "result.h"
#include "text.h"

/* The folder, which need not be there. Prints what is wrong and returns the exit code. */
int gb_baseline_folder(char path[GB_PATH_MAX]);

/* The file of a baseline, which need not be there. Prints what is wrong and returns the exit code. */
int gb_baseline_path(const char *name, char path[GB_PATH_MAX]);

/* Reads a baseline into an empty result. Prints what is wrong and returns the exit code. */
int gb_baseline_read(struct gb_result *result, const char *name);

#endif
