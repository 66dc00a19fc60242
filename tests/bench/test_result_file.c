/* Where a result goes, with a file system whose calls are recorded and fail in turn: there is the old file or the new one,
 * whole, and nothing else beside it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "message.h"
#include "result_file.h"
#include "support.h"
#include "support_file.h"
#include "text.h"

#define OLD "old\n"
#define NEW "new contents\n"

/* What the next calls do. */
static struct {
    char calls[40000]; /* all that were made, in their order */
    int until, error;  /* so many are good, the next fails; -1: none */
    const char *name;  /* every call of this name fails; NULL: none */
    const char *last;  /* every call of this name fails with EDOM, too */
    size_t most;       /* bytes that a write takes; 0: all */
    int nothing;       /* so many writes take nothing, first */
    int interrupted;   /* so many writes and fallocates are, first */
    uid_t other;       /* added to the owner of a file that has a name, */
    gid_t other_group; /* and to its group */
    bool mounted;
    const char *link; /* what the next link leads to; NULL: what it does */
} script;

static void begin(void) {
    memset(&script, 0, sizeof script);
    script.until = -1;
}

/* Records a call. True: it is to fail. */
static bool fails(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool fails(const char *name, const char *format, ...) {
    const size_t used = strlen(script.calls);
    va_list list;
    snprintf(script.calls + used, sizeof script.calls - used, "%s%s ", used ? ", " : "", name);
    const size_t end = strlen(script.calls);
    va_start(list, format);
    vsnprintf(script.calls + end, sizeof script.calls - end, format, list);
    va_end(list);
    const bool now = script.until == 0 || (script.name && strcmp(script.name, name) == 0);
    if (script.until >= 0) script.until--;
    if (now) errno = script.error;
    const bool then = script.last && strcmp(script.last, name) == 0;
    if (then) errno = EDOM;
    return now || then;
}

/* The name of a temporary file without its random end. */
static const char *known(const char *path) {
    static char text[PATH_MAX];
    snprintf(text, sizeof text, "%s", path);
    char *const dot = strrchr(text, '.');
    if (dot && strlen(dot) == 7) memset(dot + 1, '?', 6);
    return text;
}

static int file_access(const char *path, int mode) { return fails("access", "%s %d", path, mode) ? -1 : access(path, mode); }

static int file_close(int fd) {
    const bool now = fails("close", "."); /* it is closed in any case */
    const int reason = errno, result = close(fd);
    errno = reason;
    return now ? -1 : result;
}

static bool interrupted(void) {
    if (script.interrupted == 0) return false;
    script.interrupted--;
    errno = EINTR;
    return true;
}

static int file_fallocate(int fd, int mode, off_t start, off_t size) {
    if (fails("fallocate", "%d %ld %ld", mode, (long)start, (long)size) || interrupted()) return -1;
    return fallocate(fd, mode, start, size);
}

static int file_fchmod(int fd, mode_t mode) { return fails("fchmod", "%o", (unsigned)mode) ? -1 : fchmod(fd, mode); }

/* What only root can do is not done. */
static int file_fchown(int fd, uid_t user, gid_t group) {
    (void)fd;
    return fails("fchown", "+%d +%d", (int)(user - getuid()), (int)(group - getgid())) ? -1 : 0;
}

static int file_fstat(int fd, struct stat *status) { return fails("fstat", ".") ? -1 : fstat(fd, status); }
static int file_fsync(int fd) { return fails("fsync", ".") ? -1 : fsync(fd); }

static int file_ftruncate(int fd, off_t size) { return fails("ftruncate", "%ld", (long)size) ? -1 : ftruncate(fd, size); }

static bool file_is_mount(const char *path) {
    fails("is_mount", "%s", path);
    return script.mounted;
}

static int file_mkostemp(char *pattern, int flags) {
    assert_int_equal(flags, O_CLOEXEC);
    return fails("mkostemp", "%s", pattern) ? -1 : mkostemp(pattern, flags);
}

static int file_open(const char *path, int flags, ...) {
    assert_int_equal(flags, O_WRONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    return fails("open", "%s", path) ? -1 : open(path, flags);
}

static ssize_t file_readlink(const char *path, char *target, size_t size) {
    const char *const link = script.link;
    script.link = NULL;
    assert_int_equal(size, GB_PATH_MAX - 1);
    if (link) return (ssize_t)strlen(strcpy(target, link));
    return fails("readlink", "%s", path) ? -1 : readlink(path, target, size);
}

static int file_rename(const char *from, const char *to) {
    return fails("rename", "%s %s", known(from), to) ? -1 : rename(from, to);
}

static int file_stat(const char *path, struct stat *status) {
    if (fails("stat", "%s", path) || stat(path, status) != 0) return -1;
    status->st_uid += script.other;
    status->st_gid += script.other_group;
    return 0;
}

static int file_unlink(const char *path) {
    const bool now = fails("unlink", "%s", known(path)); /* it goes in any case */
    return unlink(path) != 0 || now ? -1 : 0;
}

static ssize_t file_write(int fd, const void *bytes, size_t size) {
    assert_int_equal(fcntl(fd, F_GETFL) & (O_NONBLOCK | O_APPEND), 0);
    if (fails("write", "%zu", size) || interrupted()) return -1;
    errno = EINTR; /* which a write that was good does not set, and nobody may ask for */
    if (script.nothing > 0 && script.nothing--) return 0;
    return write(fd, bytes, script.most && size > script.most ? script.most : size);
}

static const struct gb_files files = {file_access, file_close,     file_fallocate, file_fchmod,   file_fchown, file_fstat,
                                      file_fsync,  file_ftruncate, file_is_mount,  file_mkostemp, file_open,   file_readlink,
                                      file_rename, file_stat,      file_unlink,    file_write};

/* --- a folder of our own */

static size_t count_entries(const char *path) {
    size_t count = 0;
    DIR *const folder = opendir(path);
    assert_non_null(folder);
    while (readdir(folder)) count++;
    closedir(folder);
    return count;
}

static void put(const char *path, const char *text, mode_t mode) {
    FILE *const file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static bool holds(const char *path, const char *text) {
    size_t size;
    char *const bytes = support_file_read(path, &size);
    const bool same = bytes && size == strlen(text) && memcmp(bytes, text, size) == 0;
    free(bytes);
    return same;
}

static bool exists(const char *path) {
    struct stat status;
    return lstat(path, &status) == 0;
}

static unsigned mode_of(const char *path) {
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    return status.st_mode & 07777u;
}

/* What is there before. */
enum before { NOTHING, FILE_THERE, LINK, TWO_NAMES };

static void prepare(enum before before) {
    static bool first; /* the next file is descriptor 0, and is not, in turns */
    first = !first;
    if (first) close(STDIN_FILENO);
    else assert_int_equal(open("/dev/null", O_RDONLY), STDIN_FILENO);
    unlink("f");
    unlink("g");
    begin();
    if (before == FILE_THERE || before == TWO_NAMES) put("f", OLD, 0640);
    if (before == TWO_NAMES) assert_int_equal(link("f", "g"), 0);
    if (before == LINK) {
        put("g", OLD, 0604);
        assert_int_equal(symlink("g", "f"), 0);
    }
}

static int write_new(bool durable) { return gb_result_file_write(&files, "f", NEW, strlen(NEW), durable); }

static int try_f(void) { return gb_result_file_try(&files, "f"); }

/* --- writing */

/* A new file, one that is there, what a link leads to: by a temporary file beside it; one of two names: in place. */
static void test_calls(void **state) {
    (void)state;
#define BESIDE(name) "mkostemp " name ".XXXXXX, stat " name ", fstat ., "
    static const struct {
        enum before before;
        bool durable;
        unsigned mode;
        const char *calls;
    } table[] = {
        {NOTHING, true, 0644,
         "stat f, readlink f, mkostemp f.XXXXXX, stat f, fchmod 644, write 13, fsync ., close ., rename f.?????? f"},
        {NOTHING, false, 0644,
         "stat f, readlink f, mkostemp f.XXXXXX, stat f, fchmod 644, write 13, close ., rename f.?????? f"},
        {FILE_THERE, true, 0640,
         "stat f, readlink f, " BESIDE("f") "fchmod 640, write 13, fsync ., close ., rename f.?????? f"},
        {LINK, false, 0604, "stat f, readlink f, readlink g, " BESIDE("g") "fchmod 604, write 13, close ., rename g.?????? g"},
        {TWO_NAMES, true, 0640,
         "stat f, readlink f, mkostemp f.XXXXXX, stat f, close ., unlink f.??????, access f 0, open f, fstat ., fallocate 0 0 "
         "13, "
         "write 13, ftruncate 13, fsync ., close ."},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        prepare(table[i].before);
        const size_t entries = count_entries(".") + (table[i].before == NOTHING);
        assert_int_equal(write_new(table[i].durable), 0);
        assert_string_equal(script.calls, table[i].calls);
        assert_true(holds("f", NEW));
        assert_int_equal(mode_of("f"), table[i].mode);
        assert_int_equal(count_entries("."), entries);
        if (table[i].before == LINK) assert_true(readlink("f", (char[9]){0}, 8) == 1);
        if (table[i].before == TWO_NAMES) assert_true(holds("g", NEW));
    }
}

/* The mode of a new file is that of the user's mask, which stays. */
static void test_mask(void **state) {
    (void)state;
    const mode_t before = umask(077);
    prepare(NOTHING);
    assert_int_equal(write_new(false), 0);
    assert_int_equal(mode_of("f"), 0600);
    assert_int_equal(umask(before), 077);
    prepare(NOTHING);
    script.name = "fchmod", script.error = EPERM; /* there are file systems without modes */
    assert_int_equal(write_new(false), 0);
    prepare(FILE_THERE);
    assert_int_equal(chmod("f", 07751), 0);
    assert_int_equal(write_new(false), 0);
    assert_int_equal(mode_of("f") & 0777, 0751);
    assert_non_null(strstr(script.calls, "fchmod 7751"));
}

/* Owner and group stay; where they cannot, the file is written in place. */
static void test_owner(void **state) {
    (void)state;
    for (int which = 1; which < 4; which++) {
        char chown[40];
        prepare(FILE_THERE);
        script.other = which & 1 ? 3 : 0, script.other_group = which & 2 ? 5 : 0;
        snprintf(chown, sizeof chown, "fstat ., fchown +%d +%d, fchmod 640, ", which & 1 ? 3 : 0, which & 2 ? 5 : 0);
        assert_int_equal(write_new(false), 0);
        assert_non_null(strstr(script.calls, chown));
        assert_non_null(strstr(script.calls, "rename"));
        prepare(FILE_THERE);
        script.other = which & 1, script.other_group = which & 2 ? 1 : 0;
        script.name = "fchown", script.error = EINVAL;
        assert_int_equal(write_new(false), 0);
        assert_null(strstr(script.calls, "rename"));
        assert_non_null(strstr(script.calls, ", close ., unlink f.??????, access f 0, open f, "));
        assert_true(holds("f", NEW));
    }
}

/* Writes that take a part, and those that are interrupted, go on. */
static void test_short_writes(void **state) {
    (void)state;
    prepare(NOTHING);
    script.most = 5;
    script.interrupted = 2;
    assert_int_equal(write_new(false), 0);
    assert_non_null(strstr(script.calls, "write 13, write 13, write 13, write 8, write 3, close"));
    assert_true(holds("f", NEW));
    prepare(TWO_NAMES);
    script.most = 6;
    script.interrupted = 3;
    assert_int_equal(write_new(false), 0);
    assert_non_null(strstr(script.calls, "fallocate 0 0 13, fallocate 0 0 13, fallocate 0 0 13, fallocate 0 0 13, write 13, "
                                         "write 7, write 1, ftruncate 13, close ."));
    assert_true(holds("f", NEW));
}

/* Writes that take nothing are made again, whatever errno was. */
static void test_no_bytes(void **state) {
    (void)state;
    prepare(NOTHING);
    script.nothing = 2;
    script.most = 12;
    assert_int_equal(write_new(false), 0);
    assert_non_null(strstr(script.calls, "write 13, write 13, write 13, write 1, close"));
    assert_true(holds("f", NEW));
}

/* What is told is the first error, and nothing is done after it but to clean up. */
static void test_first_error(void **state) {
    (void)state;
    static const struct {
        enum before before;
        const char *last, *calls;
    } table[] = {{FILE_THERE, "close", "write 13, close ., unlink f.??????"},
                 {FILE_THERE, "unlink", "write 13, close ., unlink f.??????"},
                 {TWO_NAMES, "close", "write 13, ftruncate 4, close ."},
                 {TWO_NAMES, "ftruncate", "write 13, ftruncate 4, close ."}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        prepare(table[i].before);
        script.name = "write", script.error = ENOSPC, script.last = table[i].last;
        assert_int_equal(write_new(true), ENOSPC);
        assert_string_equal(strstr(script.calls, "write"), table[i].calls);
        assert_true(table[i].before == TWO_NAMES || holds("f", OLD));
    }
}

/* What says that only the file itself can be written, and what says no more than that it failed. */
static void test_in_place(void **state) {
    (void)state;
    static const int reasons[] = {EACCES, EPERM, EROFS, EBUSY, ENOSPC, EDQUOT, EIO, EMFILE, ENAMETOOLONG};
    static const char *const names[] = {"mkostemp", "rename"};
    for (size_t i = 0; i < 2; i++)
        for (size_t k = 0; k < sizeof reasons / sizeof *reasons; k++) {
            const bool in_place = k < 4;
            prepare(FILE_THERE);
            script.name = names[i], script.error = reasons[k];
            const size_t entries = count_entries(".");
            assert_int_equal(write_new(true), in_place ? 0 : reasons[k]);
            assert_true(holds("f", in_place ? NEW : OLD));
            assert_int_equal(strstr(script.calls, "open f") != NULL, in_place);
            assert_int_equal(count_entries("."), entries);
            prepare(NOTHING);
            script.name = names[i], script.error = reasons[k];
            assert_int_equal(write_new(true), reasons[k]);
            assert_false(exists("f"));
            assert_null(strstr(script.calls, "open"));
        }
}

/* A longer file is cut off; where a file system cannot reserve room, the file is written without. */
static void test_overwritten(void **state) {
    (void)state;
    prepare(TWO_NAMES);
    put("f", NEW NEW, 0640);
    assert_int_equal(write_new(false), 0);
    assert_true(holds("f", NEW));
    prepare(TWO_NAMES);
    script.name = "fallocate", script.error = EOPNOTSUPP;
    assert_int_equal(write_new(false), 0);
    assert_true(holds("f", NEW));
    prepare(TWO_NAMES);
    script.name = "fallocate", script.error = ENOSPC;
    assert_int_equal(write_new(false), ENOSPC);
    assert_true(holds("f", OLD));
    assert_null(strstr(script.calls, "write"));
    assert_non_null(strstr(script.calls, "fallocate 0 0 13, ftruncate 4, close ."));
}

/* Some file systems cannot sync. */
static void test_sync(void **state) {
    (void)state;
    static const int reasons[] = {EINVAL, EROFS, EIO, ENOSPC};
    for (size_t i = 0; i < 4; i++) {
        prepare(FILE_THERE);
        script.name = "fsync", script.error = reasons[i];
        assert_int_equal(write_new(true), i < 2 ? 0 : reasons[i]);
        assert_true(holds("f", i < 2 ? NEW : OLD));
    }
}

/* Whatever call fails, the file is the old or the new one, and the old one where an error is told, but for the end of writing
 * in place; nothing stays open or beside it. The first error is the one that is told. */
static void test_each_fails(void **state) {
    (void)state;
    for (enum before before = NOTHING; before <= TWO_NAMES; before++)
        for (int until = 0, reached = 1; reached; until++) {
            prepare(before);
            script.until = until, script.error = EIO;
            const size_t entries = count_entries("."), open_files = count_entries("/proc/self/fd");
            const int reason = write_new(true);
            const bool there = exists("f"), old = there && holds("f", OLD), new = there &&holds("f", NEW);
            reached = script.until < 0;
            if (reason != 0 && reason != EIO && reason != EPERM) fail_msg("%s: %s", strerror(reason), script.calls);
            if (reason == 0 && !new) fail_msg("not written: %s", script.calls);
            if (reason != 0 && before != TWO_NAMES && (before == NOTHING ? there : !old)) fail_msg("lost: %s", script.calls);
            if (reason != 0 && before == TWO_NAMES && !old && !new) fail_msg("neither: %s", script.calls);
            if (count_entries(".") != entries + (before == NOTHING && new)) fail_msg("left: %s", script.calls);
            assert_int_equal(count_entries("/proc/self/fd"), open_files);
        }
}

/* In place: a write that fails at once leaves the old file; the errors of each call by itself are told. */
static void test_each_fails_in_place(void **state) {
    (void)state;
    static const char *const names[] = {"open", "fallocate", "write", "ftruncate", "fsync", "close"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        prepare(TWO_NAMES);
        script.name = names[i], script.error = ENOSPC;
        const size_t open_files = count_entries("/proc/self/fd");
        assert_int_equal(write_new(true), ENOSPC);
        assert_true(holds("g", i < 3 ? OLD : NEW));
        assert_int_equal(count_entries("/proc/self/fd"), open_files);
    }
    prepare(FILE_THERE); /* as a folder that is not writable */
    script.name = "mkostemp", script.error = EACCES;
    assert_int_equal(unlink("f"), 0);
    assert_int_equal(write_new(true), EACCES);
    assert_non_null(strstr(script.calls, "mkostemp f.XXXXXX, access f 0"));
    assert_null(strstr(script.calls, "open"));
}

/* --- paths */

static void test_paths(void **state) {
    (void)state;
    char name[256], path[PATH_MAX], folder[PATH_MAX];
    prepare(NOTHING);
    assert_int_equal(mkdir("sub", 0700), 0);
    /* relative to the folder of the link, and absolute; what it leads to need not exist */
    assert_int_equal(symlink("t", "sub/l"), 0);
    assert_int_equal(symlink("sub/l", "f"), 0);
    assert_int_equal(write_new(false), 0);
    assert_true(holds("sub/t", NEW));
    assert_string_equal(script.calls, "stat f, readlink f, readlink sub/l, readlink sub/t, mkostemp sub/t.XXXXXX, stat sub/t, "
                                      "fchmod 644, write 13, close ., rename sub/t.?????? sub/t");
    assert_int_equal(unlink("f"), 0);
    assert_non_null(getcwd(folder, sizeof folder));
    snprintf(path, sizeof path, "%.4000s/sub/l", folder);
    assert_int_equal(symlink(path, "f"), 0);
    assert_int_equal(unlink("sub/t"), 0);
    assert_int_equal(write_new(false), 0);
    assert_true(holds("sub/t", NEW));
    assert_int_equal(unlink("sub/t") | unlink("sub/l") | rmdir("sub"), 0);
    /* a chain of 39 links is followed, one of 40 is not */
    prepare(NOTHING);
    for (int i = 0; i < 41; i++) {
        snprintf(name, sizeof name, "link%d", i);
        snprintf(path, sizeof path, i == 0 ? "f" : "link%d", i - 1);
        assert_int_equal(symlink(path, name), 0);
    }
    assert_int_equal(gb_result_file_write(&files, "link38", NEW, strlen(NEW), false), 0);
    assert_true(holds("f", NEW));
    assert_int_equal(gb_result_file_write(&files, "link39", NEW, strlen(NEW), false), ELOOP);
    for (int i = 0; i < 41; i++) {
        snprintf(name, sizeof name, "link%d", i);
        assert_int_equal(unlink(name), 0);
    }
    /* the longest name, whose temporary has a shorter one */
    begin();
    memset(name, 'n', 255);
    name[255] = '\0';
    assert_int_equal(gb_result_file_write(&files, name, NEW, strlen(NEW), false), 0);
    assert_true(holds(name, NEW));
    assert_int_equal(unlink(name), 0);
    snprintf(path, sizeof path, "mkostemp %.200s.XXXXXX,", name);
    assert_non_null(strstr(script.calls, path));
}

/* A path of `length` bytes to f. */
static const char *long_path(size_t length) {
    static char path[PATH_MAX + 10];
    for (size_t i = 0; i < length - 1; i++) path[i] = (length - 1 - i) % 2 ? '/' : '.';
    if (length % 2 == 0) path[0] = '.', path[1] = '/', path[2] = '/';
    path[length - 1] = 'f';
    path[length] = '\0';
    return path;
}

/* The longest paths, and those that are too long: by themselves, with the end of the temporary's name, after a link. */
static void test_long_paths(void **state) {
    (void)state;
    char link[PATH_MAX];
    prepare(NOTHING);
    assert_int_equal(gb_result_file_write(&files, long_path(GB_PATH_MAX - 8), NEW, 13, false), 0);
    assert_true(holds("f", NEW));
    prepare(NOTHING);
    assert_int_equal(gb_result_file_write(&files, long_path(GB_PATH_MAX - 7), NEW, 13, false), ENAMETOOLONG);
    assert_null(strstr(script.calls, "mkostemp"));
    prepare(NOTHING);
    assert_int_equal(gb_result_file_write(&files, long_path(GB_PATH_MAX), NEW, 13, false), ENAMETOOLONG);
    assert_null(strstr(script.calls, "readlink"));
    for (size_t more = 0; more < 2; more++) {
        prepare(NOTHING);
        snprintf(link, sizeof link, "%s", long_path(GB_PATH_MAX - 7 + more));
        link[0] = link[1] = '.'; /* any relative one */
        script.link = link;
        assert_int_equal(gb_result_file_write(&files, "sub/g/f", NEW, 13, false), ENAMETOOLONG);
        assert_int_equal(strstr(script.calls, "readlink sub/g/..") != NULL, more == 0);
        assert_null(strstr(script.calls, "mkostemp"));
    }
}

/* What is no file: a folder is an error, a device is written to once, a pipe must have a reader. */
static void test_devices(void **state) {
    (void)state;
    char got[40] = "";
    prepare(NOTHING);
    assert_int_equal(mkdir("f", 0700), 0);
    assert_true(gb_result_file_again(&files, "f"));
    assert_int_equal(write_new(true), EISDIR);
    assert_int_equal(count_entries("f"), 2);
    assert_int_equal(rmdir("f"), 0);
    assert_true(gb_result_file_again(&files, "f"));
    assert_false(gb_result_file_again(&files, "/dev/null"));
    begin();
    assert_int_equal(gb_result_file_write(&files, "/dev/null", NEW, 13, true), 0);
    assert_string_equal(script.calls, "stat /dev/null, open /dev/null, fstat ., write 13, fsync ., close .");
    assert_int_equal(gb_result_file_write(&files, "/dev/full", NEW, 13, true), ENOSPC);
    assert_int_equal(mkfifo("f", 0600), 0);
    assert_int_equal(write_new(false), ENXIO);
    const int reader = open("f", O_RDONLY | O_NONBLOCK);
    assert_int_equal(write_new(false), 0);
    assert_int_equal(read(reader, got, sizeof got), 13);
    assert_string_equal(got, NEW);
    close(reader);
    assert_int_equal(unlink("f"), 0);
}

/* --- trying */

/* Tries with standard error caught: the code, and what was said. */
static int tried(const void *path) { return gb_result_file_try(&files, path); }

static const char *told(const char *path, int code) {
    static char text[1000];
    assert_int_equal(gb_child_run(tried, path, text, sizeof text), code);
    return text;
}

/* As writing, but that nothing changes. */
static void test_try(void **state) {
    (void)state;
    static const struct {
        enum before before;
        const char *calls;
    } table[] = {
        {NOTHING, "stat f, readlink f, mkostemp f.XXXXXX, stat f, fchmod 644, write 16384, close ., unlink f.??????"},
        {FILE_THERE, "stat f, readlink f, " BESIDE("f") "fchmod 640, write 16384, close ., unlink f.??????, is_mount f"},
        {LINK, "stat f, readlink f, readlink g, " BESIDE("g") "fchmod 604, write 16384, close ., unlink g.??????, is_mount g"},
        {TWO_NAMES, "stat f, readlink f, mkostemp f.XXXXXX, stat f, close ., unlink f.??????, open f, close ."},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        prepare(table[i].before);
        const size_t entries = count_entries("."), open_files = count_entries("/proc/self/fd");
        assert_int_equal(try_f(), 0);
        assert_string_equal(script.calls, table[i].calls);
        assert_int_equal(count_entries("."), entries);
        assert_int_equal(count_entries("/proc/self/fd"), open_files);
        if (table[i].before != NOTHING) assert_true(holds("f", OLD));
    }
#undef BESIDE
    prepare(FILE_THERE);
    script.mounted = true;
    assert_int_equal(try_f(), 0);
    assert_non_null(strstr(script.calls, "unlink f.??????, is_mount f, open f, close ."));
}

/* What would fail later is told now, with the path and the reason. */
static void test_try_fails(void **state) {
    (void)state;
    static const struct {
        enum before before;
        const char *name;
        int error, code;
        const char *said;
    } table[] = {
        {NOTHING, "stat", EACCES, 4, "gradbench: error: cannot write f (Permission denied)\n"},
        {NOTHING, "mkostemp", EACCES, 4, "gradbench: error: cannot write f (Permission denied)\n"},
        {FILE_THERE, "mkostemp", EACCES, 0, ""},
        {FILE_THERE, "mkostemp", EROFS, 0, ""},
        {FILE_THERE, "mkostemp", ENOSPC, 4, "gradbench: error: cannot write f (No space left on device)\n"},
        {FILE_THERE, "open", EIO, 0, ""},
        {TWO_NAMES, "open", EROFS, 4, "gradbench: error: cannot write f (Read-only file system)\n"},
        {FILE_THERE, "write", ENOSPC, 4, "gradbench: error: cannot write f (No space left on device)\n"},
        {NOTHING, "write", ENOSPC, 4, "gradbench: error: cannot write f (No space left on device)\n"},
        {FILE_THERE, "fstat", EIO, 0, ""},
        {FILE_THERE, "fchmod", EIO, 0, ""},
        {NOTHING, "fchmod", EIO, 0, ""},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        prepare(table[i].before);
        script.name = table[i].name, script.error = table[i].error;
        const size_t entries = count_entries(".");
        assert_string_equal(told("f", table[i].code), table[i].said);
        assert_int_equal(count_entries("."), entries);
    }
    /* the same when it is written */
    prepare(NOTHING);
    assert_int_equal(symlink("f", "f"), 0);
    assert_string_equal(told("f", 4), "gradbench: error: cannot write f (Too many levels of symbolic links)\n");
    prepare(NOTHING);
    assert_string_equal(told("nowhere/f", 4), "gradbench: error: cannot write nowhere/f (No such file or directory)\n");
    assert_int_equal(mkdir("f", 0700), 0);
    assert_string_equal(told("f", 4), "gradbench: error: cannot write f (Is a directory)\n");
    assert_int_equal(rmdir("f"), 0);
}

/* A socket is none, a full device is full at once, a pipe stays open for its reader. */
static void test_try_devices(void **state) {
    (void)state;
    prepare(NOTHING);
    const int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "f"};
    assert_int_equal(bind(listener, (const struct sockaddr *)&address, sizeof address), 0);
    assert_string_equal(told("f", 4), "gradbench: error: cannot write f (No such device or address)\n");
    close(listener);
    assert_string_equal(told("/dev/full", 4), "gradbench: error: cannot write /dev/full (No space left on device)\n");
    begin();
    assert_int_equal(gb_result_file_try(&files, "/dev/null"), 0);
    assert_string_equal(script.calls, "stat /dev/null, open /dev/null, write 0, fstat ., close .");
    prepare(NOTHING);
    assert_int_equal(mkfifo("f", 0600), 0);
    assert_string_equal(told("f", 4), "gradbench: error: cannot write f (No such device or address)\n");
    const int reader = open("f", O_RDONLY | O_NONBLOCK);
    begin();
    assert_int_equal(try_f(), 0);
    assert_string_equal(script.calls, "stat f, open f, write 0, fstat .");
    assert_int_equal(read(reader, (char[4]){0}, 4), -1); /* not 0, the end */
    assert_int_equal(errno, EAGAIN);
    script.name = "write", script.error = EIO; /* nobody waits for the rest of it */
    assert_int_equal(try_f(), GB_EXIT_RESOURCE);
    assert_non_null(strstr(script.calls, "open f, write 0, close ."));
    close(reader);
    script.name = "fstat";
    const size_t open_files = count_entries("/proc/self/fd");
    assert_int_equal(gb_result_file_try(&files, "/dev/null"), 0);
    assert_int_equal(count_entries("/proc/self/fd"), open_files);
    assert_int_equal(unlink("f"), 0);
}

/* The real calls do what is asked of them. */
static void test_real(void **state) {
    (void)state;
    prepare(TWO_NAMES);
    assert_int_equal(gb_result_file_try(&gb_real_files, "f"), 0);
    assert_int_equal(gb_result_file_write(&gb_real_files, "f", NEW, 13, true), 0);
    assert_true(holds("g", NEW));
    prepare(LINK);
    assert_int_equal(gb_result_file_write(&gb_real_files, "f", NEW, 13, true), 0);
    assert_true(holds("g", NEW));
    assert_false(gb_real_files.is_mount("g"));
    assert_false(gb_real_files.is_mount("nowhere"));
    assert_true(gb_real_files.is_mount("/proc"));
}

int main(void) {
    char folder[] = "/tmp/gradbench-files-XXXXXX";
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls),        cmocka_unit_test(test_mask),        cmocka_unit_test(test_owner),
        cmocka_unit_test(test_short_writes), cmocka_unit_test(test_in_place),    cmocka_unit_test(test_overwritten),
        cmocka_unit_test(test_sync),         cmocka_unit_test(test_each_fails),  cmocka_unit_test(test_each_fails_in_place),
        cmocka_unit_test(test_paths),        cmocka_unit_test(test_no_bytes),    cmocka_unit_test(test_first_error),
        cmocka_unit_test(test_long_paths),   cmocka_unit_test(test_devices),     cmocka_unit_test(test_try),
        cmocka_unit_test(test_try_fails),    cmocka_unit_test(test_try_devices), cmocka_unit_test(test_real),
    };
    umask(022);
    if (!mkdtemp(folder) || chdir(folder) != 0) return 1;
    const int failures = cmocka_run_group_tests(tests, NULL, NULL);
    prepare(NOTHING);
    return rmdir(folder) == 0 || failures ? failures : 1;
}
