#include "support.h"

#include <dirent.h>
#include <errno.h>
#include <malloc.h>
#include <sys/resource.h>
#include <sys/wait.h>

void gb_wait_passively(char **argv) {
    if (getenv("OMP_WAIT_POLICY")) return;
    setenv("OMP_WAIT_POLICY", "passive", 1);
    execv("/proc/self/exe", argv); /* without /proc the test goes on, slower */
}

size_t gb_heap_in_use(void) {
    const struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static size_t count_files(void) {
    size_t count = 0;
    DIR *const folder = opendir("/proc/self/fd");
    assert_non_null(folder);
    while (readdir(folder)) count++;
    closedir(folder);
    return count;
}

void gb_assert_keeps_nothing(void (*body)(void)) {
    enum { FIRST = 20, CALLS = 200, SMALLEST = 24 }; /* at first malloc's lists of free pieces grow */
    for (int i = 0; i < FIRST; i++) body();
    const size_t files = count_files(), before = gb_heap_in_use();
    for (int i = 0; i < CALLS; i++) body();
    assert_true(gb_heap_in_use() < before + CALLS * SMALLEST);
    assert_int_equal(count_files(), files);
}

int gb_exit_code(pid_t child) {
    int status = 0;
    assert_true(child > 0 && waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 100 + WTERMSIG(status);
}

int gb_child_run(int (*body)(const void *argument), const void *argument, char *text, size_t size) {
    int ends[2];
    size_t used = 0;
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        _exit(body(argument));
    }
    close(ends[1]);
    for (ssize_t got; used + 1 < size && (got = read(ends[0], text + used, size - 1 - used)) > 0;) used += (size_t)got;
    text[used] = '\0';
    close(ends[0]);
    return gb_exit_code(child);
}

void gb_limit_memory(size_t bytes) {
    mallopt(M_MMAP_THRESHOLD, 1 << 17); /* what is large never comes from what was freed */
    malloc_trim(0);
    FILE *const file = fopen("/proc/self/statm", "r");
    struct rlimit limit;
    size_t pages = 0;
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%zu", &pages), 1);
    fclose(file);
    assert_int_equal(getrlimit(RLIMIT_AS, &limit), 0);
    limit.rlim_cur = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + bytes;
    assert_int_equal(setrlimit(RLIMIT_AS, &limit), 0);
}

int gb_start_again(const char *argument, const char *name, const char *value) {
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        if (name) setenv(name, value, 1);
        execl("/proc/self/exe", program_invocation_name, argument, (char *)NULL);
        _exit(127);
    }
    return gb_exit_code(child);
}
