#include "support_peer.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>

#include "support.h"

enum { LINE_MAX_BYTES = 8192 };

/* Of what is done now. */
static bool stays;

static void put(int fd, const char *text, size_t length) {
    while (length > 0) {
        const ssize_t put = write(fd, text, length);
        if (put <= 0) _exit(90);
        text += put;
        length -= (size_t)put;
    }
}

static void put_text(int fd, const char *text, bool line) {
    char copy[LINE_MAX_BYTES];
    size_t length = 0;
    for (; text[length]; length++)
        copy[length] = (char)(text[length] == '~' ? '\n' : text[length] == '^' ? '\0' : text[length]);
    if (line) copy[length++] = '\n';
    put(fd, copy, length);
}

static void put_letters(int fd, size_t count) {
    char *const letters = malloc(count + 1);
    if (!letters) _exit(91);
    memset(letters, 'x', count);
    letters[count] = '\n';
    put(fd, letters, count + (fd == STDOUT_FILENO));
    free(letters);
}

static _Noreturn void hang(void) {
    for (;;) pause();
}

static int open_descriptors(void) {
    int count = -1; /* the folder's own */
    DIR *const folder = opendir("/proc/self/fd");
    for (const struct dirent *entry; folder && (entry = readdir(folder));) count += entry->d_name[0] != '.';
    if (folder) closedir(folder);
    return count;
}

static const char *variable(const char *name) {
    const char *const value = getenv(name);
    return value ? value : "-";
}

static void put_about(void) {
    char text[400];
    cpu_set_t cores;
    sigset_t blocked;
    struct sigaction interrupt;
    sched_getaffinity(0, sizeof cores, &cores);
    sigprocmask(SIG_SETMASK, NULL, &blocked);
    sigaction(SIGINT, NULL, &interrupt);
    snprintf(text, sizeof text, "peer 1 threads %s,%s,%s,%s bound %s,%s cores %d files %d leads %d ignores %d blocks %d",
             variable("OMP_NUM_THREADS"), variable("OPENBLAS_NUM_THREADS"), variable("BLIS_NUM_THREADS"),
             variable("MKL_NUM_THREADS"), variable("OMP_PROC_BIND"), variable("OMP_PLACES"), CPU_COUNT(&cores),
             open_descriptors(), getpgrp() == getpid(), interrupt.sa_handler == SIG_IGN, sigismember(&blocked, SIGTERM));
    put_text(STDOUT_FILENO, text, true);
}

static void put_fork(void) {
    char text[80];
    const pid_t child = fork();
    if (child == 0) hang();
    snprintf(text, sizeof text, "peer 1 %ld", (long)child);
    put_text(STDOUT_FILENO, text, true);
}

/* A child of vfork: until it ends, its parent neither goes on nor stops. */
static void put_in_vfork(void) {
    const pid_t child = vfork();
    if (child == 0) {
        if (write(STDOUT_FILENO, "peer 1 x\n", 9) != 9) _exit(1);
        poll(NULL, 0, 50);
        _exit(0);
    }
}

/* The next line, whose length is not 0 at the end of the input only. */
static void read_line(char line[LINE_MAX_BYTES]) {
    size_t length = 0;
    while (length < LINE_MAX_BYTES - 1 && read(STDIN_FILENO, line + length, 1) == 1)
        if (line[length++] == '\n') break;
    line[length ? length - 1 : 0] = '\0';
    if (length && strcmp(line, "quit") != 0) return;
    const char *const mark = getenv("TEST_SCRIPT_MARK");
    const int file = mark ? open(mark, O_WRONLY | O_APPEND) : -1;
    if (file >= 0) put(file, length ? "q" : "e", 1);
    if (stays) hang();
    _exit(0);
}

/* False: the next part follows at once. */
static bool act(const char *part, const char *line) {
    char text[sizeof "error " + LINE_MAX_BYTES];
    const size_t length = strcspn(part, " ");
    const char *const rest = part + length + (part[length] == ' ');
    const char *const name = strndup(part, length);
    const bool is_word = part[0] == '@';
    if (!name) _exit(92);
    if (strcmp(name, "@exit") == 0) _exit(atoi(rest));
    if (strcmp(name, "@kill") == 0) raise(atoi(rest));
    if (strcmp(name, "@close") == 0) close(STDOUT_FILENO);
    if (strcmp(name, "@hang") == 0 || strcmp(name, "@close") == 0) hang();
    if (strcmp(name, "@stay") == 0) stays = true;
    else if (strcmp(name, "@now") == 0) put_text(STDOUT_FILENO, rest, false);
    else if (strcmp(name, "@err") == 0) put_text(STDERR_FILENO, rest, false);
    else if (strcmp(name, "@errs") == 0) put_letters(STDERR_FILENO, (size_t)atol(rest));
    else if (!is_word) put_text(STDOUT_FILENO, part, true);
    else {
        snprintf(text, sizeof text, "error %s", line);
        if (strcmp(name, "@many") == 0) put_letters(STDOUT_FILENO, (size_t)atol(rest));
        else if (strcmp(name, "@echo") == 0) put_text(STDOUT_FILENO, text, true);
        else if (strcmp(name, "@about") == 0) put_about();
        else if (strcmp(name, "@fork") == 0) put_fork();
        else if (strcmp(name, "@vfork") == 0) put_in_vfork();
        else _exit(93);
        return true;
    }
    return !is_word;
}

void gb_script_main(int argc, char **argv) {
    char line[LINE_MAX_BYTES] = "";
    if (argc != 3 || strcmp(argv[1], "script") != 0) return;
    for (char *part = strsep(&argv[2], "|"); part; part = strsep(&argv[2], "|"))
        if (act(part, line)) read_line(line);
    for (;;) read_line(line);
}

const char *gb_script_command(const char *script, char *text, size_t size) {
    const int length = snprintf(text, size, "/proc/%ld/exe script '%s'", (long)getpid(), script);
    assert_true(length > 0 && (size_t)length < size);
    return text;
}
