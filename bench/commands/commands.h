/* The commands of gradbench. argv are the words after the command; the exit code is returned. */
#ifndef GB_COMMANDS_H
#define GB_COMMANDS_H

#include <stdbool.h>
#include <stddef.h>

struct gb_command {
    const char *name, *summary;
    int (*run)(int argc, char **argv);
};

int gb_command_run(int argc, char **argv);
int gb_command_check(int argc, char **argv);
int gb_command_list(int argc, char **argv);
int gb_command_info(int argc, char **argv);
int gb_command_compare(int argc, char **argv);
int gb_command_baseline(int argc, char **argv);
int gb_command_export(int argc, char **argv);
int gb_command_report(int argc, char **argv);
int gb_command_peer(int argc, char **argv);
int gb_command_graph(int argc, char **argv);
int gb_command_gradcheck(int argc, char **argv);
int gb_command_train(int argc, char **argv);

/* gradbench help, of these commands. */
int gb_command_help(const struct gb_command *commands, size_t count, int argc, char **argv);

/* Would gradbench run take these words? If not prints what is wrong, or its help, which may be among them, and sets the exit
 * code. */
bool gb_run_takes(int argc, char **argv, int *code);

#endif
