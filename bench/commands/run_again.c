#include "run_again.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "interrupt.h"
#include "message.h"

/* The child, from here on. /proc/self/exe is this program, whatever became of its file since it was started. */
static _Noreturn void become(const char *const *words, const sigset_t *signals, pid_t parent) {
    const int nowhere = open("/dev/null", O_WRONLY);
    sigprocmask(SIG_SETMASK, signals, NULL);
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || getppid() != parent) _exit(GB_EXIT_RESOURCE);
    if (nowhere >= 0 && dup2(nowhere, STDOUT_FILENO) >= 0) execv("/proc/self/exe", (char *const *)words);
    _exit(gb_fail(GB_EXIT_RESOURCE, "cannot start this program once more (%s)", strerror(errno)));
}

static void wake(int number) { (void)number; }

/* Signals are blocked but while it sleeps: none comes between a look and the sleep. */
static int wait_for(pid_t child, const sigset_t *asleep) {
    bool told = false;
    int status = -1;
    while (waitpid(child, &status, WNOHANG) == 0) {
        if (gb_caught && !told) told = kill(child, gb_caught) == 0;
        sigsuspend(asleep);
    }
    return status;
}

int gb_run_again(const char *const *words) {
    const int numbers[] = {SIGCHLD, SIGINT, SIGTERM, SIGHUP};
    const struct sigaction waking = {.sa_handler = wake};
    struct sigaction before_child;
    sigset_t blocked, before, asleep;
    sigemptyset(&blocked);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) sigaddset(&blocked, numbers[i]);
    sigprocmask(SIG_BLOCK, &blocked, &before);
    asleep = before;
    sigdelset(&asleep, SIGCHLD);
    sigaction(SIGCHLD, &waking, &before_child);
    const pid_t parent = getpid(), child = fork();
    if (child == 0) become(words, &before, parent);
    const int status = child > 0 ? wait_for(child, &asleep) : -1;
    sigaction(SIGCHLD, &before_child, NULL);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return status;
}
