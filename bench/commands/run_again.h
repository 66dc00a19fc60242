/* This program once more, as a process that is waited for. */
#ifndef GB_RUN_AGAIN_H
#define GB_RUN_AGAIN_H

/* words: of the command line, from the command on, and NULL. What it prints on standard output goes nowhere. The signal that
 * gb_caught says is sent on to it; it ends with this process, too. Its status, as waitpid has it; -1: there is no process. */
int gb_run_again(const char *const *words);

#endif
