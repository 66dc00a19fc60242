/* A peer that does what its script says: this program, started again as a contender.
 *
 * A script is what the peer does at its start and after each line that it reads, one part after the other, cut by '|'. A part
 * is an answer ('~' in it stands for a newline, '^' for a zero byte), or one of
 *   @hang, @exit N, @kill N  it is silent from now on; it ends
 *   @close                   closes its output, and is silent from now on
 *   @stay                    neither quit nor the end of its input ends it, from here on
 *   @now TEXT, @err TEXT     says the text, or writes it to standard error, and takes the next part without reading a line
 *   @errs N                  the same of N letters
 *   @many N                  answers with a line of N letters
 *   @echo                    answers "error", a space, and the line that it read
 *   @about                   answers "peer 1" and what it was started with
 *   @fork                    answers "peer 1" and the number of a process that it started
 *   @vfork                   a process that it waits for in vfork answers "peer 1 x", and ends a moment later
 * When all is done it takes lines without an answer. At quit and at the end of its input it writes a letter to the file that
 * TEST_SCRIPT_MARK names, if it does. */
#ifndef GB_SUPPORT_PEER_H
#define GB_SUPPORT_PEER_H

#include <stddef.h>

/* For main: does not return if the program is to be such a peer. */
void gb_script_main(int argc, char **argv);

/* The command that starts it, in text, which is also returned. */
const char *gb_script_command(const char *script, char *text, size_t size);

#endif
