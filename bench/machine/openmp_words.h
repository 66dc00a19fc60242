/* What the OpenMP runtime has to say of the environment, in gradbench's own words. */
#ifndef GB_OPENMP_WORDS_H
#define GB_OPENMP_WORDS_H

/* First in main: standard error is itself again, and what was written to it before main is said: a complaint of the runtime as
 * a warning of one line, but for OMP_NUM_THREADS, which gb_environment_check judges; all else as it is.
 * An empty OMP_NUM_THREADS is unset. */
void gb_openmp_words(void);

#endif
