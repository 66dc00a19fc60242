#include "process_path.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "environment.h"
#include "message.h"

const char *gb_host_name(char *text, size_t size) {
    if (gethostname(text, size) != 0) snprintf(text, size, "localhost");
    text[size - 1] = '\0';
    return text;
}

/* mpirun tells its own first: started by Slurm as one of its tasks, it has many. */
static const char *rank(char *text, size_t size) {
    static const char *const ranks[] = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"};
    uint64_t number;
    for (size_t i = 0; i < sizeof ranks / sizeof *ranks; i++) {
        const char *const value = gb_environment_get(ranks[i]);
        if (value && gb_text_count(value, 0, UINT32_MAX, &number)) return value;
    }
    snprintf(text, size, "%ld", (long)getpid());
    return text;
}

int gb_process_path(const char *option, const char *pattern, char path[GB_PATH_MAX]) {
    char text[256];
    bool fits = true;
    path[0] = '\0';
    for (const char *at = pattern; *at && fits; at++) {
        if (*at != '%') fits = gb_text_append(path, GB_PATH_MAX, "%c", *at);
        else if (*++at == 'h') fits = gb_text_append(path, GB_PATH_MAX, "%s", gb_host_name(text, sizeof text));
        else if (*at == 'p') fits = gb_text_append(path, GB_PATH_MAX, "%s", rank(text, sizeof text));
        else if (*at == '%') fits = gb_text_append(path, GB_PATH_MAX, "%%");
        else
            return gb_fail(GB_EXIT_USAGE, "unknown %%%.1s in --%s (allowed: %%h, the host, %%p, the process, %%%%)", at,
                           option);
    }
    return fits ? GB_EXIT_OK : gb_fail(GB_EXIT_RESOURCE, "cannot write %.400s (%s)", pattern, strerror(ENAMETOOLONG));
}
