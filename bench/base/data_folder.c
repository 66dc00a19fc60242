#include "data_folder.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_directory(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static bool beside_program(const char *installed, char path[GB_PATH_MAX]) {
    char program[GB_PATH_MAX / 2];
    const ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    if (length <= 0) return false;
    program[length] = '\0';
    char *const slash = strrchr(program, '/');
    if (!slash) return false;
    *slash = '\0';
    snprintf(path, GB_PATH_MAX, "%s/%s", program, installed);
    return is_directory(path);
}

bool gb_data_folder(const char *installed, const char *source, char path[GB_PATH_MAX]) {
    if (beside_program(installed, path)) return true;
    snprintf(path, GB_PATH_MAX, "%s", source);
    return is_directory(path);
}
