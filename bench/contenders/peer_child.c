#include "peer_child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "text.h"

enum { LINE_BYTES = 8192, REPLY_BYTES = 510, REASON_BYTES = 200, THREADS_MAX = 1 << 10, WORDS_MAX = 128 };
_Static_assert(GK_DIM_COUNT + GB_OPTION_COUNT + GK_OPERANDS_MAX + 4 <= WORDS_MAX, "kernel, threads, bytes and memory, too");

struct word {
    const char *key, *value;
    bool taken;
};

/* The words of a prepare line, and what they say. */
struct request {
    struct gb_peer_problem problem;
    struct word words[WORDS_MAX];
    size_t n_words;
    bool unsupported; /* the error is that it is not known here */
    char error[REASON_BYTES];
};

struct server {
    const struct gb_peer *peer;
    int out;
    bool ready;
    struct request request;
};

void *gb_peer_operand(const struct gb_peer_problem *problem, const char *name, size_t *ld) {
    const struct gk_field *const f = gk_kernel_operand(problem->kernel, name);
    void *start = NULL;
    if (f) memcpy(&start, (const char *)&problem->args + f->offset, sizeof start);
    if (start && ld) *ld = f->offset2 == GK_NOWHERE ? 0 : gk_size_at(&problem->args, f->offset2);
    return start;
}

const char *gb_peer_unknown_option(const struct gb_peer_problem *problem, uint64_t known) {
    for (enum gb_option o = 0; o < GB_OPTION_COUNT; o++)
        if (gb_option_is_for_peers(o) && gb_option_differs(o, &problem->spec, 0) && !(known >> o & 1)) return gb_option_name(o);
    return NULL;
}

static bool refuse(struct request *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool refuse(struct request *r, const char *format, ...) {
    va_list list;
    va_start(list, format);
    vsnprintf(r->error, sizeof r->error, format, list);
    va_end(list);
    return false;
}

static struct word *find_word(struct request *r, const char *key) {
    for (size_t i = 0; i < r->n_words; i++)
        if (strcmp(r->words[i].key, key) == 0) return &r->words[i];
    return NULL;
}

/* The value that is given to the key, NULL: none. */
static const char *take(struct request *r, const char *key) {
    struct word *const word = find_word(r, key);
    if (!word) return NULL;
    word->taken = true;
    return word->value;
}

static bool cut_words(struct request *r, char *text) {
    char *rest = NULL;
    for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        char *const equals = strchr(word, '=');
        if (!equals) return refuse(r, "not KEY=VALUE: '%.80s'", word);
        *equals = '\0';
        if (find_word(r, word)) return refuse(r, "%.80s is given twice", word);
        if (r->n_words == WORDS_MAX) return refuse(r, "more than %d words", WORDS_MAX);
        r->words[r->n_words++] = (struct word){.key = word, .value = equals + 1};
    }
    return true;
}

static bool take_count(struct request *r, const char *key, uint64_t low, uint64_t high, size_t *count) {
    const char *const value = take(r, key);
    if (!value) return refuse(r, "%s is missing", key);
    return gb_text_count(value, low, high, count) || refuse(r, "bad value of %s: '%.80s'", key, value);
}

static bool take_option(struct request *r, enum gb_option option) {
    const char *const value = take(r, gb_option_name(option));
    return !value || gb_option_read(option, value, &r->problem.spec) ||
           refuse(r, "bad value of %s: '%.80s'", gb_option_name(option), value);
}

static bool take_kernel(struct request *r) {
    const char *const name = take(r, "kernel");
    if (!name || !*name) return refuse(r, "kernel is missing");
    r->problem.kernel = gk_kernel_find(name);
    r->unsupported = !r->problem.kernel;
    if (r->unsupported) return refuse(r, "no kernel %.80s is known here", name);
    r->problem.spec.kernel = r->problem.kernel->id;
    return true;
}

/* All but the operands. */
static bool take_spec(struct request *r) {
    struct gb_peer_problem *const p = &r->problem;
    if (!take_kernel(r)) return false;
    if (!find_word(r, gb_option_name(GB_OPTION_DTYPE))) return refuse(r, "dtype is missing");
    for (enum gk_dim dim = 0; dim < GK_DIM_COUNT; dim++)
        if (gk_kernel_dim(p->kernel, dim) && !take_count(r, gk_dim_name(dim), 0, GB_DIMENSION_MAX, &p->spec.dims[dim]))
            return false;
    for (enum gb_option o = 0; o < GB_OPTION_COUNT; o++)
        if ((o == GB_OPTION_DTYPE || (gb_option_is_for_peers(o) && gb_kernel_has(p->spec.kernel, o))) && !take_option(r, o))
            return false;
    gb_spec_arguments(&p->spec, &p->args);
    return take_count(r, "threads", 1, THREADS_MAX, &p->threads) && take_count(r, "bytes", 1, PTRDIFF_MAX, &p->bytes);
}

/* False: the operand has elements outside the memory, or its rows overlap. */
static bool fits(struct request *r, const struct gk_field *field, size_t offset, size_t ld) {
    const struct gb_peer_problem *const p = &r->problem;
    const size_t size = gk_element_size(field->element, p->spec.dtype), rows = gk_field_rows(field, &p->args),
                 row = gk_field_row_elements(field, &p->args);
    size_t end = 0;
    if (offset > p->bytes) return refuse(r, "operand %s starts outside the memory", field->name);
    if (offset % size) return refuse(r, "operand %s is not aligned to its elements", field->name);
    if (rows == 0 || row == 0) return true;
    if (field->offset2 != GK_NOWHERE && ld < row)
        return refuse(r, "operand %s has a leading dimension of %zu, below its row of %zu", field->name, ld, row);
    if (__builtin_mul_overflow(rows - 1, ld, &end) || __builtin_add_overflow(end, row, &end) ||
        __builtin_mul_overflow(end, size, &end) || end > p->bytes - offset)
        return refuse(r, "operand %s does not fit in the memory", field->name);
    return true;
}

static bool take_operand(struct request *r, const struct gk_field *field) {
    struct gb_peer_problem *const p = &r->problem;
    char key[80], offset_text[24];
    size_t offset, ld;
    bool too_long;
    snprintf(key, sizeof key, "%s.%s", field->kind == GK_FIELD_OUT ? "out" : "in", field->name);
    const char *const value = take(r, key), *rest = value;
    if (!value) return field->flags & GK_FLAG_OPTIONAL || refuse(r, "operand %s is missing", field->name);
    if (!gb_text_item(&rest, offset_text, sizeof offset_text, &too_long) || !rest ||
        !gb_text_count(offset_text, 0, SIZE_MAX, &offset) || !gb_text_count(rest, 0, PTRDIFF_MAX, &ld))
        return refuse(r, "operand %s needs OFFSET,LD (got '%.80s')", field->name, value);
    if (!fits(r, field, offset, ld)) return false;
    void *const start = (char *)p->memory + offset;
    memcpy((char *)&p->args + field->offset, &start, sizeof start);
    if (field->offset2 != GK_NOWHERE) memcpy((char *)&p->args + field->offset2, &ld, sizeof ld);
    p->n_operands++;
    return true;
}

static bool take_operands(struct request *r) {
    const struct gk_kernel *const kernel = r->problem.kernel;
    for (size_t i = 0; i < kernel->n_fields; i++) {
        const struct gk_field *const f = &kernel->fields[i];
        if (gk_is_operand(f) && !take_operand(r, f)) return false;
    }
    return true;
}

/* Nothing is left: an operand would be a mistake, any other word may be of a later gradbench. */
static bool all_taken(struct request *r) {
    for (size_t i = 0; i < r->n_words; i++) {
        const char *const key = r->words[i].key;
        if (r->words[i].taken) continue;
        r->unsupported = strncmp(key, "in.", 3) != 0 && strncmp(key, "out.", 4) != 0;
        return refuse(r, "%s has no %.80s", r->problem.kernel->name, key);
    }
    return true;
}

/* A file that is shorter than it is said to be would end the process at a touch of what it lacks. */
static bool map_descriptor(struct request *r, int fd) {
    struct stat about;
    if (fstat(fd, &about) != 0 || !S_ISREG(about.st_mode)) return refuse(r, "memory is no regular file");
    if (about.st_size < 0 || (uint64_t)about.st_size < r->problem.bytes)
        return refuse(r, "memory has %lld bytes, not %zu", (long long)about.st_size, r->problem.bytes);
    void *const memory = mmap(NULL, r->problem.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) return refuse(r, "memory cannot be mapped: %s", strerror(errno));
    r->problem.memory = memory;
    return true;
}

static bool map_memory(struct request *r) {
    const char *const path = take(r, "memory");
    if (!path) return refuse(r, "memory is missing");
    const int fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) return refuse(r, "memory cannot be opened: %s", strerror(errno));
    const bool mapped = map_descriptor(r, fd);
    close(fd);
    return mapped;
}

static bool say(int fd, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* One line, whatever is in the text. So short a one goes into a pipe as a whole or not at all. */
static bool say(int fd, const char *format, ...) {
    char line[REPLY_BYTES];
    ssize_t written;
    va_list list;
    va_start(list, format);
    vsnprintf(line, sizeof line - 1, format, list);
    va_end(list);
    size_t length = strlen(line);
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)line[i] < ' ') line[i] = '?';
    line[length++] = '\n';
    while ((written = write(fd, line, length)) < 0 && errno == EINTR) continue;
    return written == (ssize_t)length;
}

static void forget(struct server *s) {
    if (s->request.problem.memory) munmap(s->request.problem.memory, s->request.problem.bytes);
    s->request = (struct request){.n_words = 0};
    s->ready = false;
}

static bool serve_prepare(struct server *s, char *words) {
    struct request *const r = &s->request;
    char note[GB_PEER_NOTE_MAX] = "";
    forget(s);
    if (!cut_words(r, words) || !take_spec(r) || !map_memory(r) || !take_operands(r) || !all_taken(r))
        return say(s->out, "%s %s", r->unsupported ? "unsupported" : "error", r->error);
    s->ready = s->peer->prepare(s->peer->data, &r->problem, note);
    note[sizeof note - 1] = '\0';
    return say(s->out, "%s%s%s", s->ready ? "ready" : "unsupported", note[0] ? " " : "", note);
}

static bool serve_run(const struct server *s, const char *text) {
    uint64_t count;
    if (!gb_text_count(text, 1, PTRDIFF_MAX, &count)) return say(s->out, "error run needs a count of at least 1");
    if (!s->ready) return say(s->out, "error nothing is prepared");
    const double start = gb_clock_ns();
    for (uint64_t i = 0; i < count; i++) s->peer->call(s->peer->data);
    const double ns = gb_clock_ns() - start;
    if (!s->peer->threads) return say(s->out, "ran %.0f", ns > 1 ? ns : 1);
    return say(s->out, "ran %.0f %zu", ns > 1 ? ns : 1, s->peer->threads(s->peer->data));
}

static bool serve_result(const struct server *s) {
    if (!s->ready) return say(s->out, "error nothing is prepared");
    if (s->peer->result) s->peer->result(s->peer->data);
    return say(s->out, "done");
}

/* False: the end. */
static bool serve_line(struct server *s, char *line, bool *written) {
    if (strcmp(line, "quit") == 0) return false;
    if (strncmp(line, "prepare ", 8) == 0) *written = serve_prepare(s, line + 8);
    else if (strncmp(line, "run ", 4) == 0) *written = serve_run(s, line + 4);
    else if (strcmp(line, "result") == 0) *written = serve_result(s);
    else *written = say(s->out, "error unknown request '%.80s'", line);
    return *written;
}

struct reader {
    char bytes[LINE_BYTES];
    size_t begin, end;
};

/* The next line, without its end; its length. -1: the input has ended. A line that is too long is cut. */
static ssize_t read_line(struct reader *reader, char line[LINE_BYTES], bool *cut) {
    size_t length = 0;
    *cut = false;
    for (;;) {
        if (reader->begin == reader->end) {
            const ssize_t got = read(STDIN_FILENO, reader->bytes, sizeof reader->bytes);
            if (got < 0 && errno == EINTR) continue;
            if (got <= 0) return -1;
            reader->begin = 0;
            reader->end = (size_t)got;
        }
        const char c = reader->bytes[reader->begin++];
        if (c == '\n') break;
        if (length + 1 < LINE_BYTES) line[length++] = c;
        else *cut = true;
    }
    line[length] = '\0';
    return (ssize_t)length;
}

static int serve(struct server *s) {
    struct reader reader = {.begin = 0};
    char line[LINE_BYTES];
    bool cut, written = say(s->out, "peer 1 %.*s", GB_PEER_NOTE_MAX, s->peer->description);
    while (written) {
        const ssize_t length = read_line(&reader, line, &cut);
        if (length < 0) break;
        if (cut) written = say(s->out, "error a line is longer than %d bytes", LINE_BYTES - 1);
        else if (strlen(line) != (size_t)length) written = say(s->out, "error a line holds a zero byte");
        else if (!serve_line(s, line, &written)) break;
    }
    forget(s);
    return written ? GB_EXIT_OK : GB_EXIT_RESOURCE;
}

/* What a library prints goes to standard error; only answers go where standard output went. -1: there is none. */
static int move_output(void) {
    const int out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (out < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) >= 0) return out;
    dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
    return out;
}

int gb_peer_serve(const struct gb_peer *peer) {
    struct server server = {.peer = peer, .out = move_output()};
    if (server.out < 0) return GB_EXIT_RESOURCE;
    signal(SIGPIPE, SIG_IGN); /* nobody listens any more: an error of a write */
    const int code = serve(&server);
    close(server.out);
    return code;
}

int gb_peer_absent(const char *reason) {
    return say(STDOUT_FILENO, "absent %.*s", GB_PEER_NOTE_MAX, reason) ? GB_EXIT_ISA : GB_EXIT_RESOURCE;
}
