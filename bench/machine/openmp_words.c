/* libgomp reads the environment in its constructor, before main, and complains of each malformed variable in two lines. So
 * standard error goes to memory until main has begun, where there is a variable that it reads. */
#include "openmp_words.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "environment.h"
#include "message.h"

#define COMPLAINT "libgomp: "

static int memory = -1, standard_error;

/* Runs before the constructors of the libraries, and before a sanitizer and the C library's environ are ready. */
__attribute__((no_sanitize("address", "undefined", "thread"))) static void listen(int argc, char **argv, char **envp) {
    bool heard = false;
    (void)argc, (void)argv;
    for (; *envp && !heard; envp++) heard = strncmp(*envp, "OMP_", 4) == 0 || strncmp(*envp, "GOMP_", 5) == 0;
    if (!heard) return;
    standard_error = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    if (standard_error >= 0) memory = memfd_create("standard error before main", MFD_CLOEXEC);
    if (memory >= 0) dup2(memory, STDERR_FILENO);
}

__attribute__((section(".preinit_array"), used)) static void (*const before_libraries)(int, char **, char **) = listen;

static void say(const char *line) {
    const char *const what = line + strlen(COMPLAINT);
    if (strncmp(line, COMPLAINT, strlen(COMPLAINT)) != 0) fputs(line, stderr);
    else if (!strstr(what, " OMP_NUM_THREADS")) gb_note("warning: OpenMP: %.*s", (int)strcspn(what, "\n"), what);
}

/* libgomp puts an empty line before each complaint. libomp, which reads the environment later, aborts at an empty number. */
void gb_openmp_words(void) {
    char line[1024];
    if (!gb_environment_get("OMP_NUM_THREADS")) unsetenv("OMP_NUM_THREADS");
    if (memory < 0) return;
    dup2(standard_error, STDERR_FILENO);
    close(standard_error);
    lseek(memory, 0, SEEK_SET);
    FILE *const words = fdopen(memory, "r");
    while (words && fgets(line, sizeof line, words))
        if (strcmp(line, "\n") != 0) say(line);
    if (words) fclose(words);
}
