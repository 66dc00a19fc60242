#include "support_shares.h"

#include <sched.h>

#include "support.h"

enum { SHARES_MAX = 16 };

size_t gb_processors(size_t most) {
    cpu_set_t set;
    const size_t count = sched_getaffinity(0, sizeof set, &set) == 0 ? (size_t)CPU_COUNT(&set) : 1;
    return count < most ? count : most;
}

bool gb_quick(void) {
    const char *const quick = getenv("GK_QUICK");
    return quick && strcmp(quick, "1") == 0;
}

bool gb_share_begin(int argc, char **argv, struct gb_share *share, int *code) {
    const size_t count = gb_processors(SHARES_MAX);
    pid_t children[SHARES_MAX];
    *share = (struct gb_share){.count = 1};
    if (argc == 4 && strcmp(argv[1], "share") == 0) {
        *share = (struct gb_share){strtoul(argv[2], NULL, 10), strtoul(argv[3], NULL, 10)};
        return true;
    }
    if (count == 1) return true;
    fflush(NULL);
    for (size_t i = 0; i < count; i++) {
        char index[24], all[24];
        snprintf(index, sizeof index, "%zu", i);
        snprintf(all, sizeof all, "%zu", count);
        children[i] = fork();
        if (children[i] != 0) continue;
        execl("/proc/self/exe", argv[0], "share", index, all, (char *)NULL);
        _exit(127);
    }
    *code = 0;
    for (size_t i = 0; i < count; i++) *code += gb_exit_code(children[i]) != 0;
    return false;
}

bool gb_share_has(const struct gb_share *share, uint64_t number, uint64_t quick) {
    const uint64_t mixed = (number * 0x9e3779b97f4a7c15u) >> 32;
    return (!gb_quick() || mixed % quick == 0) && mixed / quick % share->count == share->index;
}
