/* Builds of gradkern that are raced against each other: a program, which is a gradbench, or a library. */
#ifndef GB_BUILD_COMMAND_H
#define GB_BUILD_COMMAND_H

enum { GB_BUILD_COMMAND_MAX = 1100 };

/* What starts the build at that path as a contender, but for its options, --isa and --threads. What the file is decides, not
 * its name. Prints what is wrong and returns the exit code. */
int gb_build_command(const char *path, char command[GB_BUILD_COMMAND_MAX]);

#endif
