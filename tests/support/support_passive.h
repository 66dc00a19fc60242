/* Tests that use more threads than there are cores. */
#ifndef GB_SUPPORT_PASSIVE_H
#define GB_SUPPORT_PASSIVE_H

/* Starts the program again with OMP_WAIT_POLICY=passive unless the variable is set: the runtime reads it before main, and
 * threads that spin while others need their core make such tests several times slower. */
void gb_wait_passively(char **argv);

#endif
