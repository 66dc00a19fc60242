/* A contender as its parent sees it: what it is started with, when it runs, what becomes of each answer, of silence and of its
 * end, and that nothing of it is left. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "bind.h"
#include "contender.h"
#include "machine.h"
#include "support.h"
#include "support_peer.h"

enum { WAIT_MS = 60000 };
static const double long_ns = 60e9, short_ns = 0.05e9;

/* A clock that goes on by a step each time that it is read, after the first. */
struct script_clock {
    double now, step;
    size_t reads;
};

static double read_script(void *self) {
    struct script_clock *const s = self;
    if (s->reads++) s->now += s->step;
    return s->now;
}

#define CLOCK(name, by)                                                                                                        \
    struct script_clock name##_state = {.step = (by)};                                                                         \
    const struct gb_clock name = {read_script, &name##_state}

static bool start_on(struct gb_contender *c, const char *script, size_t threads, enum gb_bind bind, double limit_ns) {
    char command[4000];
    return gb_contender_start(c, gb_script_command(script, command, sizeof command), threads, bind, limit_ns);
}

static bool start(struct gb_contender *c, const char *script) { return start_on(c, script, 1, false, long_ns); }

/* The letter of its state, such as T for one that is stopped. */
static char state_of(pid_t pid) {
    char path[40], text[300];
    snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t got = file < 0 ? 0 : read(file, text, sizeof text - 1);
    if (file >= 0) close(file);
    text[got > 0 ? got : 0] = '\0';
    const char *const end = strrchr(text, ')');
    return end ? end[2] : '-';
}

/* Gone: why, in these words, and nothing of it is left. */
static void is_gone(const struct gb_contender *c, const char *reason) {
    assert_string_equal(c->reason, reason);
    assert_int_equal(c->state, GB_CONTENDER_GONE);
    assert_int_equal(c->pid, 0);
    assert_true(c->to == -1 && c->from == -1 && c->errors == -1);
}

static void goes_at_start(const char *script, enum gb_contender_state state, const char *reason) {
    struct gb_contender c;
    assert_false(start(&c, script));
    assert_string_equal(c.reason, reason);
    assert_int_equal(c.state, state);
    assert_int_equal(c.pid, 0);
    assert_true(c.to == -1 && c.from == -1 && c.errors == -1);
    gb_contender_end(&c);
    assert_string_equal(c.reason, reason);
}

/* A turn of which the request is the whole. */
static bool prepares(struct gb_contender *c, const char *line) {
    gb_contender_begin_turn(c);
    const bool ready = gb_contender_prepare(c, line, long_ns);
    gb_contender_end_turn(c);
    return ready;
}

static bool runs(struct gb_contender *c, uint64_t count, double *ns) {
    gb_contender_begin_turn(c);
    const bool ran = gb_contender_run(c, count, ns, long_ns);
    gb_contender_end_turn(c);
    return ran;
}

static bool has_result(struct gb_contender *c) {
    gb_contender_begin_turn(c);
    const bool done = gb_contender_result(c, long_ns);
    gb_contender_end_turn(c);
    return done;
}

/* --- its start */

static void a_good_start(void **state) {
    struct gb_contender c;
    (void)state;
    assert_true(start_on(&c, "peer 1 a\tlibrary 2.0", 3, false, long_ns));
    assert_int_equal(c.state, GB_CONTENDER_UP);
    assert_string_equal(c.description, "a library 2.0");
    assert_string_equal(c.reason, "");
    assert_string_equal(c.note, "");
    assert_int_equal(c.threads, 3);
    assert_int_equal(c.ran, 0);
    assert_true(c.stopped && c.pid > 0);
    assert_int_equal(state_of(c.pid), 'T');
    const pid_t pid = c.pid;
    gb_contender_end(&c);
    assert_int_equal(state_of(pid), '-');
    assert_int_equal(c.pid, 0);
    assert_true(c.to == -1 && c.from == -1 && c.errors == -1);
    assert_int_equal(c.state, GB_CONTENDER_UP); /* that it was ended says nothing against it */
    gb_contender_end(&c);
    assert_true(start(&c, "peer 1"));
    assert_string_equal(c.description, "");
    gb_contender_end(&c);
}

static void a_long_description_is_cut(void **state) {
    struct gb_contender c;
    char script[300] = "peer 1 ";
    (void)state;
    memset(script + 7, 'd', 250);
    assert_true(start(&c, script));
    assert_int_equal(strlen(c.description), 199);
    assert_int_equal(strspn(c.description, "d"), 199);
    gb_contender_end(&c);
}

static void a_bad_start(void **state) {
    (void)state;
    goes_at_start("absent no such library here", GB_CONTENDER_ABSENT, "no such library here");
    goes_at_start("absent", GB_CONTENDER_ABSENT, "");
    goes_at_start("absently", GB_CONTENDER_GONE, "answered its start with 'absently'");
    goes_at_start("hello", GB_CONTENDER_GONE, "answered its start with 'hello'");
    goes_at_start("", GB_CONTENDER_GONE, "answered its start with ''");
    goes_at_start("peer 0 too old", GB_CONTENDER_GONE, "answered its start with 'peer 0 too old'");
    goes_at_start("peer 12", GB_CONTENDER_GONE, "answered its start with 'peer 12'");
    goes_at_start("a^b\tc", GB_CONTENDER_GONE, "answered its start with 'a?b c'");
    goes_at_start("error out of luck", GB_CONTENDER_GONE, "its start failed: out of luck");
    goes_at_start("error", GB_CONTENDER_GONE, "its start failed: ");
    goes_at_start("errors", GB_CONTENDER_GONE, "answered its start with 'errors'");
    goes_at_start("12345678901234567890123456789012345678901234567890123456789012345", GB_CONTENDER_GONE,
                  "answered its start with '123456789012345678901234567890123456789012345678901234567890'");
    goes_at_start("@exit 3", GB_CONTENDER_GONE, "ended with code 3");
    goes_at_start("@exit 0", GB_CONTENDER_GONE, "ended with code 0");
    goes_at_start("@kill 9", GB_CONTENDER_GONE, "killed by signal 9 (Killed)");
    goes_at_start("@exit 127", GB_CONTENDER_ABSENT, "cannot be run");
    goes_at_start("@exit 126", GB_CONTENDER_ABSENT, "cannot be run");
    goes_at_start("@exit 125", GB_CONTENDER_GONE, "ended with code 125");
}

static void a_command_that_cannot_be_run(void **state) {
    static const char *const commands[] = {"/nonexistent/program --now", "/etc/passwd", "/"};
    (void)state;
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        struct gb_contender c;
        assert_false(gb_contender_start(&c, commands[i], 1, false, long_ns));
        assert_int_equal(c.state, GB_CONTENDER_ABSENT);
        assert_memory_equal(c.reason, "cannot be run: ", 15); /* and then the shell's words */
    }
}

static void silence_at_the_start(void **state) {
    struct gb_contender c;
    (void)state;
    assert_false(start_on(&c, "@hang", 1, false, short_ns));
    is_gone(&c, "no answer to its start within 0.05 s");
    assert_false(start_on(&c, "@now peer", 1, false, short_ns)); /* half a line is none */
    is_gone(&c, "no answer to its start within 0.05 s");
    goes_at_start("@close", GB_CONTENDER_GONE, "closed its output");
}

/* The last line of its standard error, or as much of it as fits, follows. */
static void last_words(void **state) {
    char script[500], want[200];
    (void)state;
    goes_at_start("@err first~second line~ ~|@exit 3", GB_CONTENDER_GONE, "ended with code 3: second line");
    goes_at_start("@err only|@exit 3", GB_CONTENDER_GONE, "ended with code 3: only");
    goes_at_start("@err ~~ ~|@exit 3", GB_CONTENDER_GONE, "ended with code 3");
    goes_at_start("@err a\033[31mb|hello", GB_CONTENDER_GONE, "answered its start with 'hello': a [31mb");
    goes_at_start("@err gone|absent not here", GB_CONTENDER_ABSENT, "not here");
    for (int length = 158; length <= 161; length++) {
        snprintf(script, sizeof script, "@errs %d|@exit 3", length);
        snprintf(
            want, sizeof want, "ended with code 3: %.*s", length < 159 ? length : 159,
            "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
            "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
        goes_at_start(script, GB_CONTENDER_GONE, want);
    }
}

/* --- what it is given */

static void threads_and_binding(void **state) {
    struct gb_contender c;
    cpu_set_t all, one;
    char want[300];
    (void)state;
    unsetenv("OMP_PROC_BIND");
    unsetenv("OMP_PLACES");
    setenv("OMP_NUM_THREADS", "7", 1);
    sched_getaffinity(0, sizeof all, &all);
    assert_true(start_on(&c, "@about", 3, GB_BIND_NONE, long_ns));
    snprintf(want, sizeof want, "threads 3,3,3,3 bound -,- cores %d files 3 leads 1 ignores 0 blocks 0", CPU_COUNT(&all));
    assert_string_equal(c.description, want);
    gb_contender_end(&c);
    const bool known = gb_first_places(GB_BIND_CORE, 1, &one);
    assert_true(start_on(&c, "@about", 1, GB_BIND_CORE, long_ns));
    snprintf(want, sizeof want, "threads 1,1,1,1 bound true,cores cores %d files 3 leads 1 ignores 0 blocks 0",
             known ? 1 : CPU_COUNT(&all));
    assert_string_equal(c.description, want);
    if (known) {
        cpu_set_t its;
        sched_getaffinity(c.pid, sizeof its, &its);
        assert_true(CPU_EQUAL(&its, &one));
    }
    gb_contender_end(&c);
    assert_true(start_on(&c, "@about", 1, GB_BIND_PU, long_ns));
    snprintf(want, sizeof want, "threads 1,1,1,1 bound true,threads cores %d files 3 leads 1 ignores 0 blocks 0",
             known ? 1 : CPU_COUNT(&all));
    assert_string_equal(c.description, want);
    gb_contender_end(&c);
    setenv("OMP_PROC_BIND", "false", 1);
    setenv("OMP_PLACES", "threads", 1);
    assert_true(start_on(&c, "@about", 1024, GB_BIND_CORE, long_ns)); /* more than there are cores: it keeps all */
    snprintf(want, sizeof want, "threads 1024,1024,1024,1024 bound false,threads cores %d files 3 leads 1 ignores 0 blocks 0",
             CPU_COUNT(&all));
    if (gb_machine_get()->cores < 1024) assert_string_equal(c.description, want);
    gb_contender_end(&c);
    unsetenv("OMP_PROC_BIND");
    unsetenv("OMP_PLACES");
    unsetenv("OMP_NUM_THREADS");
}

/* Signals are as for any program, whatever they are here. */
static void signals_are_its_own(void **state) {
    struct gb_contender c;
    sigset_t set, before;
    (void)state;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, &before);
    signal(SIGINT, SIG_IGN);
    assert_true(start(&c, "@about"));
    signal(SIGINT, SIG_DFL);
    sigprocmask(SIG_SETMASK, &before, NULL);
    assert_non_null(strstr(c.description, "ignores 0 blocks 0"));
    gb_contender_end(&c);
}

/* --- requests */

static void requests_and_answers(void **state) {
    struct gb_contender c;
    double ns = 0;
    (void)state;
    assert_true(start(&c, "peer 1 x|ready the fast\tway|ran 1|done|ready|unsupported not today|ready again|ran 2 5|ran 3"));
    assert_true(prepares(&c, "prepare a=b"));
    assert_string_equal(c.note, "the fast way");
    assert_int_equal(state_of(c.pid), 'T');
    assert_true(runs(&c, 7, &ns));
    assert_true(ns == 1 && c.ran == 0);
    assert_true(has_result(&c));
    assert_int_equal(state_of(c.pid), 'T');
    assert_true(prepares(&c, "prepare a=b"));
    assert_string_equal(c.note, "");
    assert_false(prepares(&c, "prepare a=b"));
    assert_int_equal(c.state, GB_CONTENDER_UNFIT);
    assert_string_equal(c.reason, "not today");
    assert_string_equal(c.note, "");
    assert_true(prepares(&c, "prepare a=b")); /* another problem may go */
    assert_int_equal(c.state, GB_CONTENDER_UP);
    assert_string_equal(c.reason, "");
    assert_string_equal(c.note, "again");
    assert_true(runs(&c, 7, &ns));
    assert_true(ns == 2 && c.ran == 5);
    assert_true(runs(&c, 7, &ns));
    assert_true(ns == 3 && c.ran == 0);
    gb_contender_end(&c);
}

static void what_is_asked(void **state) {
    struct gb_contender c;
    double ns;
    (void)state;
    assert_true(start(&c, "peer 1 x|@echo"));
    assert_false(prepares(&c, "prepare a=b c=d"));
    is_gone(&c, "prepare failed: prepare a=b c=d");
    assert_true(start(&c, "peer 1 x|@echo"));
    assert_false(runs(&c, 12345678901234567890u, &ns));
    is_gone(&c, "run failed: run 12345678901234567890");
    assert_true(start(&c, "peer 1 x|@echo"));
    assert_false(has_result(&c));
    is_gone(&c, "result failed: result");
    assert_false(prepares(&c, "prepare a=b") || runs(&c, 1, &ns) || has_result(&c));
    is_gone(&c, "result failed: result"); /* it stays gone, for the first reason */
}

static void bad_answers(void **state) {
    static const struct {
        const char *answer, *reason;
    } to_prepare[] = {{"readyish", "answered prepare with 'readyish'"},
                      {"done", "answered prepare with 'done'"},
                      {"unsupportedly", "answered prepare with 'unsupportedly'"},
                      {"rea^dy", "answered prepare with 'rea?dy'"},
                      {"error no", "prepare failed: no"},
                      {"@exit 127", "cannot be run"},
                      {"@kill 15", "killed by signal 15 (Terminated)"}},
      to_result[] = {{"doner", "answered result with 'doner'"}, {"ready", "answered result with 'ready'"}},
      to_run[] = {{"ran", "answered run with 'ran'"},
                  {"ran 0", "answered run with 'ran 0'"},
                  {"ran -5", "answered run with 'ran -5'"},
                  {"ran nan", "answered run with 'ran nan'"},
                  {"ran inf", "answered run with 'ran inf'"},
                  {"ran  5", "answered run with 'ran  5'"},
                  {"ran 5x", "answered run with 'ran 5x'"},
                  {"ran 5 3x", "answered run with 'ran 5 3x'"},
                  {"ran 5 3 1", "answered run with 'ran 5 3 1'"},
                  {"done", "answered run with 'done'"},
                  {"ran 1e300", "answered run with 'ran 1e300'"},
                  {"error x", "run failed: x"}};
    struct gb_contender c;
    char script[80];
    double ns;
    (void)state;
    for (size_t i = 0; i < sizeof to_prepare / sizeof *to_prepare; i++) {
        snprintf(script, sizeof script, "peer 1 x|%s", to_prepare[i].answer);
        assert_true(start(&c, script));
        assert_false(prepares(&c, "prepare a=b"));
        is_gone(&c, to_prepare[i].reason);
    }
    for (size_t i = 0; i < sizeof to_run / sizeof *to_run; i++) {
        snprintf(script, sizeof script, "peer 1 x|%s", to_run[i].answer);
        assert_true(start(&c, script));
        assert_false(runs(&c, 1, &ns));
        is_gone(&c, to_run[i].reason);
    }
    for (size_t i = 0; i < sizeof to_result / sizeof *to_result; i++) {
        snprintf(script, sizeof script, "peer 1 x|%s", to_result[i].answer);
        assert_true(start(&c, script));
        assert_false(has_result(&c));
        is_gone(&c, to_result[i].reason);
    }
}

/* It may say what passed here, a thousandth and a microsecond more for clocks that differ, and nothing beyond. */
static void what_it_may_claim(void **state) {
    static const struct {
        const char *script;
        bool good;
    } claims[] = {
        {"peer 1 x|ran 1", true}, {"peer 1 x|ran 3003999", true}, {"peer 1 x|ran 3004001", false}, {"peer 1 x|ran 0.5", true}};
    struct gb_contender c;
    double ns = 0;
    (void)state;
    for (size_t i = 0; i < sizeof claims / sizeof *claims; i++) {
        CLOCK(clock, 0);
        assert_true(start(&c, claims[i].script));
        clock_state = (struct script_clock){.step = 1e6};
        c.clock = &clock;
        /* read at the start, for the end of the limit, before the answer is waited for, and after it */
        if (runs(&c, 1, &ns) != claims[i].good) fail_msg("%s: %s", claims[i].script, c.reason);
        assert_int_equal(clock_state.reads, 4);
        gb_contender_end(&c);
    }
}

static void silence(void **state) {
    struct gb_contender c;
    double ns;
    (void)state;
    assert_true(start(&c, "peer 1 x|@hang"));
    gb_contender_begin_turn(&c);
    assert_false(gb_contender_prepare(&c, "prepare a=b", short_ns));
    is_gone(&c, "no answer to prepare within 0.05 s");
    assert_true(start(&c, "peer 1 x|@hang"));
    gb_contender_begin_turn(&c);
    assert_false(gb_contender_run(&c, 1, &ns, 0.01e9));
    is_gone(&c, "no answer to run within 0.01 s");
    assert_true(start(&c, "peer 1 x|@err still at it~|@now do|@hang"));
    gb_contender_begin_turn(&c);
    assert_false(gb_contender_result(&c, 0.025e9));
    is_gone(&c, "no answer to result within 0.025 s: still at it");
}

/* One that is not continued cannot answer: so it is stopped outside its turn. */
static void it_is_stopped_outside_its_turn(void **state) {
    struct gb_contender c;
    (void)state;
    assert_true(start(&c, "peer 1 x|done|done"));
    gb_contender_begin_turn(&c);
    assert_false(c.stopped);
    assert_true(gb_contender_result(&c, long_ns));
    assert_true(state_of(c.pid) != 'T');
    gb_contender_end_turn(&c);
    assert_true(c.stopped);
    assert_int_equal(state_of(c.pid), 'T');
    gb_contender_end_turn(&c); /* nothing to do: it is stopped */
    assert_int_equal(state_of(c.pid), 'T');
    assert_false(gb_contender_result(&c, short_ns));
    is_gone(&c, "no answer to result within 0.05 s");
    gb_contender_begin_turn(&c);
    gb_contender_end_turn(&c);
    is_gone(&c, "no answer to result within 0.05 s");
}

static void waits_for_output(const struct gb_contender *c) {
    struct pollfd ready = {.fd = c->from, .events = POLLIN};
    assert_int_equal(poll(&ready, 1, WAIT_MS), 1);
}

static void out_of_turn(void **state) {
    struct gb_contender c;
    (void)state;
    assert_true(start(&c, "peer 1 x~and more"));
    assert_int_equal(c.held, 9);
    assert_false(prepares(&c, "prepare a=b"));
    is_gone(&c, "spoke out of turn");
    assert_true(start(&c, "peer 1 x|@now ready~|hello"));
    gb_contender_begin_turn(&c);
    assert_true(gb_contender_prepare(&c, "prepare a=b", long_ns));
    if (c.held == 0) waits_for_output(&c);
    gb_contender_end_turn(&c);
    assert_false(has_result(&c));
    is_gone(&c, "spoke out of turn");
    assert_true(start(&c, "peer 1 x|@now ready~do|ne")); /* half a line, too */
    gb_contender_begin_turn(&c);
    assert_true(gb_contender_prepare(&c, "prepare a=b", long_ns));
    assert_false(gb_contender_result(&c, long_ns));
    is_gone(&c, "spoke out of turn");
}

static void long_answers(void **state) {
    struct gb_contender c;
    char script[600] = "peer 1 x|ready ";
    (void)state;
    memset(script + 15, 'n', 505);
    assert_true(start(&c, script)); /* a line of 511 letters */
    assert_true(prepares(&c, "prepare a=b"));
    assert_int_equal(strspn(c.note, "n"), 199);
    gb_contender_end(&c);
    assert_true(start(&c, "peer 1 x|@many 512"));
    assert_false(prepares(&c, "prepare a=b"));
    is_gone(&c, "its answer is too long");
    assert_true(start(&c, "peer 1 x|@many 100000"));
    assert_false(prepares(&c, "prepare a=b"));
    is_gone(&c, "its answer is too long");
}

static void long_requests(void **state) {
    struct gb_contender c;
    char line[4201];
    (void)state;
    memset(line, 'a', 4198);
    line[4198] = '\0';
    assert_true(start(&c, "peer 1 x|ready"));
    assert_true(prepares(&c, line));
    gb_contender_end(&c);
    CLOCK(clock, 0.1e9);
    line[4198] = 'a', line[4199] = '\0';
    assert_true(start(&c, "peer 1 x|ready"));
    c.clock = &clock;
    assert_false(prepares(&c, line));
    is_gone(&c, "closed its output");
}

/* --- its end */

/* It answered, and ended by itself before its turn did. */
static void an_end_within_its_turn(void **state) {
    struct gb_contender c;
    siginfo_t info;
    (void)state;
    assert_true(start(&c, "peer 1 x|@now done~|@exit 3"));
    gb_contender_begin_turn(&c);
    assert_true(gb_contender_result(&c, long_ns));
    assert_int_equal(waitid(P_PID, (id_t)c.pid, &info, WEXITED | WNOWAIT), 0);
    gb_contender_end_turn(&c);
    is_gone(&c, "ended with code 3");
    assert_true(start(&c, "peer 1 x|@now done~|@exit 127"));
    gb_contender_begin_turn(&c);
    assert_true(gb_contender_result(&c, long_ns));
    assert_int_equal(waitid(P_PID, (id_t)c.pid, &info, WEXITED | WNOWAIT), 0);
    assert_false(gb_contender_result(&c, long_ns)); /* or is asked once more */
    is_gone(&c, "cannot be run");
}

/* A fifth of a second for one that closes its output. */
static void a_moment_after_its_output_has_ended(void **state) {
    struct gb_contender c;
    CLOCK(clock, 0.01e9);
    (void)state;
    assert_true(start(&c, "peer 1 x|@close"));
    gb_contender_begin_turn(&c);
    c.clock = &clock;
    assert_false(gb_contender_result(&c, long_ns));
    is_gone(&c, "closed its output");
    assert_int_equal(clock_state.reads, 2 + 1 + 20); /* in wait of the answer; then the end of the moment, and until there */
}

/* The file that scripts write to at their end. */
static int mark_file(void) {
    char path[60];
    const int file = memfd_create("mark", MFD_CLOEXEC);
    assert_true(file >= 0);
    snprintf(path, sizeof path, "/proc/%ld/fd/%d", (long)getpid(), file);
    setenv("TEST_SCRIPT_MARK", path, 1);
    return file;
}

static void has_marks(int file, const char *want) {
    char text[20];
    const ssize_t got = pread(file, text, sizeof text - 1, 0);
    assert_true(got >= 0);
    text[got] = '\0';
    assert_string_equal(text, want);
    close(file);
    unsetenv("TEST_SCRIPT_MARK");
}

static void a_moment_to_end_by_itself(void **state) {
    struct gb_contender c;
    CLOCK(patient, 0);
    int file = mark_file();
    (void)state;
    assert_true(start(&c, "peer 1 x"));
    c.clock = &patient;
    gb_contender_end(&c);
    has_marks(file, "q");
    CLOCK(clock, 0.01e9);
    file = mark_file();
    assert_true(start(&c, "@stay|peer 1 x"));
    c.clock = &clock;
    const pid_t pid = c.pid;
    gb_contender_end(&c);
    assert_int_equal(state_of(pid), '-');
    assert_int_equal(clock_state.reads, 1 + 20);
    close(file);
    unsetenv("TEST_SCRIPT_MARK");
    CLOCK(unread, 0.01e9);
    assert_true(start(&c, "peer 1 x|hello"));
    assert_false(prepares(&c, "prepare a=b"));
    c.clock = &unread;
    gb_contender_end(&c); /* one that is gone has no moment */
    assert_int_equal(unread_state.reads, 1);
    is_gone(&c, "answered prepare with 'hello'");
}

/* Whatever it started ends with it: by its number in the description. */
static void whatever_it_started_ends(void (*end)(struct gb_contender *), const char *script) {
    struct gb_contender c;
    int status = 0;
    assert_true(start(&c, script));
    const pid_t other = (pid_t)atol(c.description);
    assert_true(other > 0 && other != c.pid && kill(other, 0) == 0);
    for (int i = 0; i < WAIT_MS / 10 && state_of(other) != 'T'; i++) poll(NULL, 0, 10);
    assert_int_equal(state_of(other), 'T'); /* it is stopped outside the turn, too */
    end(&c);
    for (int i = 0; i < WAIT_MS / 10 && waitpid(other, &status, WNOHANG) != other; i++) poll(NULL, 0, 10);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void ends_in_order(struct gb_contender *c) { gb_contender_end(c); }
static void asks(struct gb_contender *c) {
    assert_false(prepares(c, "prepare a=b"));
    assert_int_equal(c->state, GB_CONTENDER_GONE);
}

static void sees_it_end(struct gb_contender *c) {
    siginfo_t info;
    gb_contender_begin_turn(c);
    assert_true(gb_contender_result(c, long_ns));
    assert_int_equal(waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOWAIT), 0);
    gb_contender_end_turn(c);
    is_gone(c, "ended with code 3");
}

static void the_whole_group_ends(void **state) {
    (void)state;
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    whatever_it_started_ends(ends_in_order, "@fork");
    whatever_it_started_ends(asks, "@fork|hello");
    whatever_it_started_ends(sees_it_end, "@fork|@now done~|@exit 3");
    prctl(PR_SET_CHILD_SUBREAPER, 0);
}

/* At the end of its turn it waits in vfork: its child must go on before it can stop. */
static void it_stops_in_vfork(void **state) {
    struct gb_contender c;
    (void)state;
    alarm(30); /* a mistake here waits for ever */
    assert_true(start(&c, "@vfork|ready"));
    assert_int_equal(state_of(c.pid), 'T');
    assert_true(prepares(&c, "prepare a=b"));
    gb_contender_begin_turn(&c);
    errno = EINTR; /* of a call before */
    gb_contender_end_turn(&c);
    assert_int_equal(state_of(c.pid), 'T');
    gb_contender_end(&c);
    alarm(0);
}

/* Its input has no reader any more: that is no signal to who writes there. */
static void killed_between_its_turns(void **state) {
    struct gb_contender c;
    siginfo_t info;
    (void)state;
    signal(SIGPIPE, SIG_DFL);
    assert_true(start(&c, "peer 1 x"));
    kill(c.pid, SIGKILL);
    assert_int_equal(waitid(P_PID, (id_t)c.pid, &info, WEXITED | WNOWAIT), 0);
    gb_contender_end(&c);
    assert_int_equal(c.pid, 0);
}

/* Who started it was killed: so is it, although it is stopped. */
static void it_does_not_outlive_its_parent(void **state) {
    int ends[2], status = 0;
    pid_t pid = 0;
    (void)state;
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    assert_int_equal(pipe(ends), 0);
    const pid_t middle = fork();
    if (middle == 0) {
        struct gb_contender c;
        if (!start(&c, "@stay|peer 1 x") || write(ends[1], &c.pid, sizeof c.pid) != sizeof c.pid) _exit(1);
        raise(SIGKILL);
    }
    assert_int_equal(gb_exit_code(middle), 100 + SIGKILL);
    assert_int_equal(read(ends[0], &pid, sizeof pid), sizeof pid);
    for (int i = 0; i < WAIT_MS / 10 && waitpid(pid, &status, WNOHANG) != pid; i++) poll(NULL, 0, 10);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    close(ends[0]);
    close(ends[1]);
    prctl(PR_SET_CHILD_SUBREAPER, 0);
}

/* Of its standard error a MiB is kept between two turns; of more, nothing. */
static void a_lot_of_errors(void **state) {
    static const struct {
        const char *script;
        off_t kept;
    } cases[] = {{"peer 1 x|@errs 1048576|done", 1048576}, {"peer 1 x|@errs 1048577|done", 0}};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct gb_contender c;
        struct stat info;
        assert_true(start(&c, cases[i].script));
        assert_true(has_result(&c));
        assert_int_equal(fstat(c.errors, &info), 0);
        assert_int_equal(info.st_size, cases[i].kept);
        gb_contender_end(&c);
    }
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_start),
        cmocka_unit_test(a_long_description_is_cut),
        cmocka_unit_test(a_bad_start),
        cmocka_unit_test(a_command_that_cannot_be_run),
        cmocka_unit_test(silence_at_the_start),
        cmocka_unit_test(last_words),
        cmocka_unit_test(threads_and_binding),
        cmocka_unit_test(signals_are_its_own),
        cmocka_unit_test(requests_and_answers),
        cmocka_unit_test(what_is_asked),
        cmocka_unit_test(bad_answers),
        cmocka_unit_test(what_it_may_claim),
        cmocka_unit_test(silence),
        cmocka_unit_test(it_is_stopped_outside_its_turn),
        cmocka_unit_test(out_of_turn),
        cmocka_unit_test(long_answers),
        cmocka_unit_test(long_requests),
        cmocka_unit_test(an_end_within_its_turn),
        cmocka_unit_test(a_moment_after_its_output_has_ended),
        cmocka_unit_test(a_moment_to_end_by_itself),
        cmocka_unit_test(the_whole_group_ends),
        cmocka_unit_test(it_stops_in_vfork),
        cmocka_unit_test(killed_between_its_turns),
        cmocka_unit_test(it_does_not_outlive_its_parent),
        cmocka_unit_test(a_lot_of_errors),
    };
    gb_script_main(argc, argv);
    for (int fd = 3; fd < 1024; fd++) fcntl(fd, F_SETFD, FD_CLOEXEC); /* of whoever started this */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
