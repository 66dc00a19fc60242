/* Paths that are another for each process of many. */
#ifndef GB_PROCESS_PATH_H
#define GB_PROCESS_PATH_H

#include "text.h"

/* Replaces %h by the host's name, %p by the process's rank, of MPI or Slurm, else its number, %% by a percent sign. Prints what
 * is wrong with the value of an option, and returns the exit code. */
int gb_process_path(const char *option, const char *pattern, char path[GB_PATH_MAX]);

/* "localhost" where it has none; in text, which is also returned. */
const char *gb_host_name(char *text, size_t size);

#endif
