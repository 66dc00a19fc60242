/* The commands of gradbench. argv are the words after the command; the exit code is returned. */
#ifndef GB_COMMANDS_H
#define GB_COMMANDS_H

int gb_command_run(int argc, char **argv);
int gb_command_check(int argc, char **argv);
int gb_command_list(int argc, char **argv);
int gb_command_info(int argc, char **argv);
int gb_command_peer(int argc, char **argv);

#endif
