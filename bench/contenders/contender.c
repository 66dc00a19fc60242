#include "contender.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ERRORS_MAX  (1 << 20) /* bytes of its standard error that are kept between two turns */
#define FAREWELL_NS 0.2e9

/* As much of the text as fits, printable: it ends up in a table on a terminal. */
static void copy_text(char out[GB_CONTENDER_TEXT_MAX], const char *text) {
    size_t i = 0;
    for (; text[i] && i < GB_CONTENDER_TEXT_MAX - 1; i++) out[i] = (char)(iscntrl((unsigned char)text[i]) ? ' ' : text[i]);
    out[i] = '\0';
}

/* The last line that it wrote to its standard error, or "". */
static void last_words(const struct gb_contender *c, char *text, size_t size) {
    char tail[160];
    struct stat info;
    text[0] = '\0';
    if (c->errors < 0 || fstat(c->errors, &info) != 0) return;
    const off_t from = info.st_size > (off_t)sizeof tail - 1 ? info.st_size - (off_t)sizeof tail + 1 : 0;
    ssize_t got = pread(c->errors, tail, sizeof tail - 1, from);
    while (got > 0 && isspace((unsigned char)tail[got - 1])) got--;
    if (got <= 0) return;
    tail[got] = '\0';
    const char *const line = strrchr(tail, '\n');
    snprintf(text, size, "%s", line ? line + 1 : tail);
}

static void close_one(int *fd) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

/* Whatever it started is in its group, and goes with it. */
static void bury(struct gb_contender *c) {
    if (c->pid) {
        kill(-c->pid, SIGKILL);
        while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR) continue;
    }
    c->pid = 0;
    close_one(&c->to);
    close_one(&c->from);
    close_one(&c->errors);
}

static bool give_up(struct gb_contender *c, const char *why) {
    char words[160], text[sizeof words + 256];
    last_words(c, words, sizeof words);
    snprintf(text, sizeof text, "%s%s%s", why, words[0] ? ": " : "", words);
    copy_text(c->reason, text);
    c->state = GB_CONTENDER_GONE;
    bury(c);
    return false;
}

/* It is no more, and this is its status. A command that the shell does not find is absent rather than broken. */
static bool gone_ended(struct gb_contender *c, int status) {
    char why[80];
    kill(-c->pid, SIGKILL);
    c->pid = 0;
    if (WIFSIGNALED(status))
        snprintf(why, sizeof why, "killed by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
    else snprintf(why, sizeof why, "ended with code %d", WEXITSTATUS(status));
    const bool missing = WIFEXITED(status) && (WEXITSTATUS(status) == 127 || WEXITSTATUS(status) == 126);
    give_up(c, missing ? "cannot be run" : why);
    if (missing && !c->description[0]) c->state = GB_CONTENDER_ABSENT;
    return false;
}

/* Its output has ended; it may need a moment to do so itself. */
static bool gone_silent(struct gb_contender *c) {
    const double end = gb_clock_read(c->clock) + FAREWELL_NS;
    int status;
    do {
        if (waitpid(c->pid, &status, WNOHANG) == c->pid) return gone_ended(c, status);
        poll(NULL, 0, 1);
    } while (gb_clock_read(c->clock) < end);
    return give_up(c, "closed its output");
}

static bool send_line(struct gb_contender *c, const char *line) {
    char text[4200];
    const int length = snprintf(text, sizeof text, "%s\n", line);
    if (length < 0 || (size_t)length >= sizeof text) return false;
    for (size_t sent = 0; sent < (size_t)length;) {
        const ssize_t now = send(c->to, text + sent, (size_t)length - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (now < 0 && errno != EINTR) return false;
        if (now > 0) sent += (size_t)now;
    }
    return true;
}

/* Takes the first line out of what is held. */
static bool take_line(struct gb_contender *c, char answer[sizeof c->line]) {
    char *const end = memchr(c->line, '\n', c->held);
    if (!end) return false;
    const size_t length = (size_t)(end - c->line);
    for (size_t i = 0; i < length; i++) answer[i] = (char)(c->line[i] ? c->line[i] : '?');
    answer[length] = '\0';
    c->held -= length + 1;
    memmove(c->line, end + 1, c->held);
    return true;
}

static bool receive(struct gb_contender *c, const char *request, double limit_ns, char answer[sizeof c->line]) {
    const double end = gb_clock_read(c->clock) + limit_ns;
    while (!take_line(c, answer)) {
        const double left = end - gb_clock_read(c->clock);
        struct pollfd wait = {.fd = c->from, .events = POLLIN};
        char why[120];
        if (c->held == sizeof c->line) return give_up(c, "its answer is too long");
        const int ready = left > 0 ? poll(&wait, 1, (int)fmin(ceil(left / 1e6), 1e6)) : 0;
        if (ready < 0 && errno == EINTR) continue;
        snprintf(why, sizeof why, "no answer to %s within %.3g s", request, limit_ns / 1e9);
        if (ready <= 0 && gb_clock_read(c->clock) >= end) return give_up(c, why);
        const ssize_t got = ready > 0 ? read(c->from, c->line + c->held, sizeof c->line - c->held) : 0;
        if (ready > 0 && got <= 0) return gone_silent(c);
        c->held += (size_t)got;
    }
    return true;
}

/* The rest of the answer if it starts with the word, or NULL. */
static const char *after(const char *answer, const char *word) {
    const size_t length = strlen(word);
    if (strncmp(answer, word, length) != 0 || (answer[length] && answer[length] != ' ')) return NULL;
    return answer + length + (answer[length] == ' ');
}

static bool gone_confused(struct gb_contender *c, const char *request, const char *answer) {
    char why[160];
    const char *const error = after(answer, "error");
    if (error) snprintf(why, sizeof why, "%s failed: %.100s", request, error);
    else snprintf(why, sizeof why, "answered %s with '%.60s'", request, answer);
    return give_up(c, why);
}

/* An answer that nobody asked for would be taken for that to the next request. */
static bool ask(struct gb_contender *c, const char *line, const char *request, double limit_ns, char answer[sizeof c->line]) {
    struct pollfd early = {.fd = c->from, .events = POLLIN};
    if (c->state == GB_CONTENDER_GONE || c->state == GB_CONTENDER_ABSENT || !c->pid) return false;
    const int pending = poll(&early, 1, 0);
    if (c->held > 0 || (pending > 0 && early.revents & POLLIN)) return give_up(c, "spoke out of turn");
    if (pending > 0 || !send_line(c, line)) return gone_silent(c);
    return receive(c, request, limit_ns, answer);
}

static void set_environment(size_t threads, enum gb_bind bind) {
    static const char *const counts[] = {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "BLIS_NUM_THREADS", "MKL_NUM_THREADS"};
    char text[24];
    snprintf(text, sizeof text, "%zu", threads);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) setenv(counts[i], text, 1);
    if (bind == GB_BIND_NONE) return;
    setenv("OMP_PROC_BIND", "true", 0);
    setenv("OMP_PLACES", bind == GB_BIND_PU ? "threads" : "cores", 0);
}

static void set_signals(void) {
    sigset_t none;
    for (int i = 1; i < NSIG; i++) signal(i, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The child, from here on. places: NULL leaves it where it is. */
static _Noreturn void become(const char *command, const struct gb_contender *c, int in, int out, const cpu_set_t *places,
                             enum gb_bind bind, pid_t parent) {
    char text[1280];
    setpgid(0, 0);
    set_signals();
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent) _exit(1);
    if (places) sched_setaffinity(0, sizeof *places, places);
    set_environment(c->threads, bind);
    snprintf(text, sizeof text, "exec %s", command);
    if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(c->errors, 2) < 0) _exit(1);
    execl("/bin/sh", "sh", "-c", text, (char *)NULL);
    _exit(127);
}

static bool launch(struct gb_contender *c, const char *command, enum gb_bind bind) {
    int in[2] = {-1, -1}, out[2] = {-1, -1};
    cpu_set_t places;
    const bool have_places = gb_first_places(bind, c->threads, &places);
    const pid_t parent = getpid();
    c->errors = memfd_create("stderr of a contender", MFD_CLOEXEC);
    const bool made = c->errors >= 0 && fcntl(c->errors, F_SETFL, O_APPEND) == 0 &&
                      socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, in) == 0 && pipe2(out, O_CLOEXEC) == 0;
    const pid_t pid = made ? fork() : -1;
    if (pid == 0) become(command, c, in[1], out[1], have_places ? &places : NULL, bind, parent);
    close_one(&in[1]);
    close_one(&out[1]);
    c->to = in[0], c->from = out[0];
    if (pid < 0) return give_up(c, "no process");
    setpgid(pid, pid); /* whichever of the two comes first */
    c->pid = pid;
    return true;
}

bool gb_contender_start(struct gb_contender *c, const char *command, size_t threads, enum gb_bind bind, double limit_ns) {
    char answer[sizeof c->line];
    *c = (struct gb_contender){.threads = threads, .to = -1, .from = -1, .errors = -1, .clock = &gb_real_clock};
    if (access("/proc/self/fd", X_OK) != 0) {
        copy_text(c->reason, "there is no /proc, by which a peer reaches the operands");
        c->state = GB_CONTENDER_ABSENT;
        return false;
    }
    if (!launch(c, command, bind) || !receive(c, "its start", limit_ns, answer)) return false;
    const char *const description = after(answer, "peer 1"), *const absent = after(answer, "absent");
    if (absent) {
        copy_text(c->reason, absent);
        c->state = GB_CONTENDER_ABSENT;
        bury(c);
        return false;
    }
    if (!description) return gone_confused(c, "its start", answer);
    copy_text(c->description, description);
    gb_contender_end_turn(c);
    return c->state == GB_CONTENDER_UP;
}

void gb_contender_begin_turn(struct gb_contender *c) {
    if (!c->pid) return;
    kill(-c->pid, SIGCONT);
    c->stopped = false;
}

/* First itself, then what it started: in vfork it stops only once its child goes on. */
void gb_contender_end_turn(struct gb_contender *c) {
    struct stat info;
    int status;
    if (!c->pid || c->stopped) return;
    kill(c->pid, SIGSTOP);
    pid_t seen;
    while ((seen = waitpid(c->pid, &status, WUNTRACED)) < 0 && errno == EINTR) continue;
    if (seen != c->pid) give_up(c, "cannot be waited for");
    else if (!WIFSTOPPED(status)) gone_ended(c, status);
    else c->stopped = kill(-c->pid, SIGSTOP) == 0;
    if (c->errors >= 0 && fstat(c->errors, &info) == 0 && info.st_size > ERRORS_MAX && ftruncate(c->errors, 0) != 0)
        give_up(c, "its standard error cannot be emptied");
}

bool gb_contender_prepare(struct gb_contender *c, const char *line, double limit_ns) {
    char answer[sizeof c->line];
    if (c->state == GB_CONTENDER_UNFIT) c->state = GB_CONTENDER_UP;
    if (c->state == GB_CONTENDER_UP) c->note[0] = c->reason[0] = '\0';
    if (!ask(c, line, "prepare", limit_ns, answer)) return false;
    const char *const note = after(answer, "ready"), *const unfit = after(answer, "unsupported");
    if (!note && !unfit) return gone_confused(c, "prepare", answer);
    copy_text(note ? c->note : c->reason, note ? note : unfit);
    c->state = note ? GB_CONTENDER_UP : GB_CONTENDER_UNFIT;
    return note;
}

bool gb_contender_run(struct gb_contender *c, uint64_t count, double *ns, double limit_ns) {
    char line[40], answer[sizeof c->line], *end;
    snprintf(line, sizeof line, "run %" PRIu64, count);
    const double start = gb_clock_read(c->clock);
    if (!ask(c, line, "run", limit_ns, answer)) return false;
    const double passed = gb_clock_read(c->clock) - start;
    const char *const text = after(answer, "ran");
    if (!text || !isdigit((unsigned char)*text)) return gone_confused(c, "run", answer);
    *ns = strtod(text, &end);
    c->ran = isspace((unsigned char)*end) ? strtoul(end, &end, 10) : 0;
    if (*end || !(*ns > 0) || !(*ns <= 1.001 * passed + 1000)) return gone_confused(c, "run", answer);
    return true;
}

bool gb_contender_result(struct gb_contender *c, double limit_ns) {
    char answer[sizeof c->line];
    if (!ask(c, "result", "result", limit_ns, answer)) return false;
    return after(answer, "done") ? true : gone_confused(c, "result", answer);
}

void gb_contender_end(struct gb_contender *c) {
    const double end = gb_clock_read(c->clock) + FAREWELL_NS;
    bool gone = !c->pid || c->state == GB_CONTENDER_GONE || !send_line(c, "quit");
    if (!gone) kill(-c->pid, SIGCONT);
    while (!gone && gb_clock_read(c->clock) < end) {
        siginfo_t info = {.si_pid = 0};
        gone = waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == c->pid;
        if (!gone) poll(NULL, 0, 1);
    }
    bury(c);
}
