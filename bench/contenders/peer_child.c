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

#include "clock.h"
#include "message.h"

enum { LINE_BYTES = 8192, REPLY_BYTES = 510, REASON_BYTES = 200, THREADS_MAX = 1 << 10, DIMENSION_MAX = 1 << 24 };

/* What kernels.def says of operands, without the library: a peer does not link what it races against. */
enum shape_kind { SHAPE_KERNEL, SHAPE_DIM, SHAPE_IN, SHAPE_OUT };
enum shape_element { ELEMENT_REAL, ELEMENT_LABEL, ELEMENT_LABEL64, ELEMENT_BITS };
enum shape_flag { FLAG_REQUIRED = 0, FLAG_OPTIONAL = 1, FLAG_WEIGHT = 2, FLAG_OPTIONAL_WEIGHT = 3, FLAG_DLOSS = 4 };

struct shape {
    enum shape_kind kind;
    const char *name, *rows, *cols; /* names of dimensions; NULL: none */
    enum shape_element element;
    unsigned flags;
};

/* clang-format off */
static const struct shape shapes[] = {
#define GK_KERNEL(id, family, doc)       {.kind = SHAPE_KERNEL, .name = #id},
#define GK_DIM(f)                        {.kind = SHAPE_DIM, .name = #f},
#define GK_MATRIX_IN(f, rows, cols, fl)  {SHAPE_IN, #f, #rows, #cols, ELEMENT_REAL, FLAG_##fl},
#define GK_MATRIX_OUT(f, rows, cols, fl) {SHAPE_OUT, #f, #rows, #cols, ELEMENT_REAL, FLAG_##fl},
#define GK_VECTOR_IN(f, len, fl)         {SHAPE_IN, #f, NULL, #len, ELEMENT_REAL, FLAG_##fl},
#define GK_VECTOR_OUT(f, len, fl)        {SHAPE_OUT, #f, NULL, #len, ELEMENT_REAL, FLAG_##fl},
#define GK_SCALAR_OUT(f, fl)             {SHAPE_OUT, #f, NULL, NULL, ELEMENT_REAL, FLAG_##fl},
#define GK_BITS_IN(f, rows, cols, fl)    {SHAPE_IN, #f, #rows, #cols, ELEMENT_BITS, FLAG_##fl},
#define GK_BITS_OUT(f, rows, cols, fl)   {SHAPE_OUT, #f, #rows, #cols, ELEMENT_BITS, FLAG_##fl},
#define GK_LABELS(n, c)                                                                                                    \
    {SHAPE_IN, "labels", NULL, #n, ELEMENT_LABEL, FLAG_OPTIONAL},                                                          \
    {SHAPE_IN, "labels64", NULL, #n, ELEMENT_LABEL64, FLAG_OPTIONAL},                                                      \
    {SHAPE_IN, "t", #n, #c, ELEMENT_REAL, FLAG_OPTIONAL},
#define GK_DLOSS(n)                      {SHAPE_IN, "dloss", NULL, #n, ELEMENT_REAL, FLAG_OPTIONAL | FLAG_DLOSS},
#include "../../kernels/kernels.def"
};
/* clang-format on */
enum { SHAPES = sizeof shapes / sizeof *shapes };

/* The words of a prepare line, before they are believed. */
struct request {
    struct gb_peer_problem problem;
    const char *dtype, *memory;
    size_t offsets[GB_PEER_OPERANDS_MAX];
    unsigned seen; /* bit i: keys[i] */
    char error[REASON_BYTES];
};

struct server {
    const struct gb_peer *peer;
    int out;
    bool ready;
    struct request request;
};

void *gb_peer_operand(const struct gb_peer_problem *problem, const char *name, size_t *ld) {
    for (size_t i = 0; i < problem->n_operands; i++) {
        if (strcmp(problem->operands[i].name, name) != 0) continue;
        if (ld) *ld = problem->operands[i].ld;
        return problem->operands[i].start;
    }
    return NULL;
}

const char *gb_peer_option(const struct gb_peer_problem *problem, const char *key) {
    for (size_t i = 0; i < problem->n_options; i++)
        if (strcmp(problem->options[i].key, key) == 0) return problem->options[i].value;
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

/* Digits, up to *end. */
static bool read_digits(const char *text, const char **end, uint64_t *value) {
    uint64_t sum = 0;
    const char *p = text;
    for (; *p >= '0' && *p <= '9'; p++) {
        if (__builtin_mul_overflow(sum, 10u, &sum) || __builtin_add_overflow(sum, (uint64_t)(*p - '0'), &sum)) return false;
    }
    *value = sum;
    *end = p;
    return p != text;
}

static bool read_count(const char *text, uint64_t low, uint64_t high, size_t *value) {
    const char *end;
    uint64_t number;
    if (!read_digits(text, &end, &number) || *end || number < low || number > high) return false;
    *value = (size_t)number;
    return true;
}

static bool copy_text(char *to, size_t size, const char *from) {
    const size_t length = strlen(from);
    if (length == 0 || length >= size) return false;
    memcpy(to, from, length + 1);
    return true;
}

enum key_kind { KEY_KERNEL, KEY_DTYPE, KEY_MEMORY, KEY_COUNT };

static const struct {
    const char *name;
    enum key_kind kind;
    size_t offset; /* KEY_COUNT: in the problem */
    uint64_t low, high;
    bool required;
} keys[] = {
    {"kernel", KEY_KERNEL, 0, 0, 0, true},
    {"dtype", KEY_DTYPE, 0, 0, 0, true},
    {"threads", KEY_COUNT, offsetof(struct gb_peer_problem, threads), 1, THREADS_MAX, true},
    {"memory", KEY_MEMORY, 0, 0, 0, true},
    {"bytes", KEY_COUNT, offsetof(struct gb_peer_problem, bytes), 1, PTRDIFF_MAX, true},
#define GK_DIMENSION(f, doc) {#f, KEY_COUNT, offsetof(struct gb_peer_problem, f), 0, DIMENSION_MAX, false},
#include "../../kernels/kernels.def"
};
enum { KEYS = sizeof keys / sizeof *keys };

static int key_index(const char *name) {
    for (int i = 0; i < KEYS; i++)
        if (strcmp(keys[i].name, name) == 0) return i;
    return -1;
}

static bool take_key(struct request *r, int index, const char *value) {
    bool good = true;
    if (r->seen & 1u << index) return refuse(r, "%s is given twice", keys[index].name);
    r->seen |= 1u << index;
    switch (keys[index].kind) {
    case KEY_KERNEL: good = copy_text(r->problem.kernel, sizeof r->problem.kernel, value); break;
    case KEY_DTYPE:
        r->problem.f64 = strcmp(value, "f64") == 0;
        good = r->problem.f64 || strcmp(value, "f32") == 0;
        break;
    case KEY_MEMORY: r->memory = value; break;
    case KEY_COUNT:
        good = read_count(value, keys[index].low, keys[index].high, (size_t *)((char *)&r->problem + keys[index].offset));
    }
    return good || refuse(r, "bad value of %s: '%.80s'", keys[index].name, value);
}

static bool take_operand(struct request *r, const char *name, const char *value, bool output) {
    struct gb_peer_problem *const p = &r->problem;
    struct gb_peer_operand operand = {.output = output};
    uint64_t offset;
    const char *end;
    if (p->n_operands == GB_PEER_OPERANDS_MAX) return refuse(r, "more than %d operands", GB_PEER_OPERANDS_MAX);
    if (!copy_text(operand.name, sizeof operand.name, name)) return refuse(r, "no name of an operand: '%.80s'", name);
    for (size_t i = 0; i < p->n_operands; i++)
        if (strcmp(p->operands[i].name, name) == 0) return refuse(r, "operand %s is given twice", name);
    if (!read_digits(value, &end, &offset) || *end != ',' || !read_count(end + 1, 0, PTRDIFF_MAX, &operand.ld))
        return refuse(r, "operand %s needs OFFSET,LD (got '%.80s')", name, value);
    r->offsets[p->n_operands] = (size_t)offset;
    p->operands[p->n_operands++] = operand;
    return true;
}

static bool take_option(struct request *r, const char *key, const char *value) {
    struct gb_peer_problem *const p = &r->problem;
    if (gb_peer_option(p, key)) return refuse(r, "option %s is given twice", key);
    if (p->n_options == GB_PEER_OPTIONS_MAX) return refuse(r, "more than %d options", GB_PEER_OPTIONS_MAX);
    if (!copy_text(p->options[p->n_options].key, sizeof p->options->key, key) ||
        !copy_text(p->options[p->n_options].value, sizeof p->options->value, value))
        return refuse(r, "an option is empty or too long: '%.80s=%.80s'", key, value);
    p->n_options++;
    return true;
}

static bool take_word(struct request *r, char *word) {
    char *const equals = strchr(word, '=');
    if (!equals) return refuse(r, "not KEY=VALUE: '%.80s'", word);
    *equals = '\0';
    const int index = key_index(word);
    if (index >= 0) return take_key(r, index, equals + 1);
    if (strncmp(word, "in.", 3) == 0) return take_operand(r, word + 3, equals + 1, false);
    if (strncmp(word, "out.", 4) == 0) return take_operand(r, word + 4, equals + 1, true);
    return take_option(r, word, equals + 1);
}

/* The entry of the kernel in shapes, or NULL. */
static const struct shape *find_kernel(const char *name) {
    for (size_t i = 0; i < SHAPES; i++)
        if (shapes[i].kind == SHAPE_KERNEL && strcmp(shapes[i].name, name) == 0) return &shapes[i];
    return NULL;
}

static size_t dimension(const struct gb_peer_problem *p, const char *name) { return name ? p->dims[gk_dim_find(name)] : 1; }

static bool option_is(const struct gb_peer_problem *p, const char *key, const char *value) {
    const char *const got = gb_peer_option(p, key);
    return got && strcmp(got, value) == 0;
}

/* False: the operand has elements outside the memory, or its rows overlap. */
static bool fits(struct request *r, const struct shape *shape, struct gb_peer_operand *operand, size_t offset) {
    const struct gb_peer_problem *const p = &r->problem;
    const size_t sizes[] = {p->f64 ? sizeof(double) : sizeof(float), sizeof(int32_t), sizeof(int64_t), sizeof(uint64_t)};
    const bool turned = shape->flags & FLAG_WEIGHT && option_is(p, "layout", "out_in");
    const bool single = shape->flags & FLAG_DLOSS && !option_is(p, "reduction", "none");
    const size_t size = sizes[shape->element], rows = dimension(p, turned ? shape->cols : shape->rows);
    size_t row = single ? 1 : dimension(p, turned ? shape->rows : shape->cols), end = 0;
    if (shape->element == ELEMENT_BITS) row = row / 64 + (row % 64 != 0);
    if (!shape->rows) operand->ld = 0;
    if (offset > p->bytes) return refuse(r, "operand %s starts outside the memory", shape->name);
    if (offset % size) return refuse(r, "operand %s is not aligned to its elements", shape->name);
    if (rows == 0 || row == 0) return true;
    if (shape->rows && operand->ld < row)
        return refuse(r, "operand %s has a leading dimension of %zu, below its row of %zu", shape->name, operand->ld, row);
    if (__builtin_mul_overflow(rows - 1, operand->ld, &end) || __builtin_add_overflow(end, row, &end) ||
        __builtin_mul_overflow(end, size, &end) || end > p->bytes - offset)
        return refuse(r, "operand %s does not fit in the memory", shape->name);
    return true;
}

/* The operand of that shape, if it is given, must suit it. */
static bool check_shape(struct request *r, const struct shape *shape, size_t *matched) {
    struct gb_peer_problem *const p = &r->problem;
    for (size_t i = 0; i < p->n_operands; i++) {
        if (strcmp(p->operands[i].name, shape->name) != 0) continue;
        if (p->operands[i].output != (shape->kind == SHAPE_OUT))
            return refuse(r, "%s is no %s operand", shape->name, p->operands[i].output ? "output" : "input");
        ++*matched;
        return fits(r, shape, &p->operands[i], r->offsets[i]);
    }
    return shape->flags & FLAG_OPTIONAL || refuse(r, "operand %s is missing", shape->name);
}

static bool check_operands(struct request *r, const struct shape *kernel) {
    size_t matched = 0;
    for (const struct shape *s = kernel + 1; s < shapes + SHAPES && s->kind != SHAPE_KERNEL; s++) {
        if (s->kind == SHAPE_DIM) {
            if (!(r->seen & 1u << key_index(s->name))) return refuse(r, "dimension %s is missing", s->name);
        } else if (!check_shape(r, s, &matched)) {
            return false;
        }
    }
    return matched == r->problem.n_operands || refuse(r, "an operand that %s does not have", kernel->name);
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
    const int fd = open(r->memory, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) return refuse(r, "memory cannot be opened: %s", strerror(errno));
    const bool mapped = map_descriptor(r, fd);
    close(fd);
    for (size_t i = 0; mapped && i < r->problem.n_operands; i++)
        r->problem.operands[i].start = (char *)r->problem.memory + r->offsets[i];
    return mapped;
}

static bool read_words(struct request *r, char *words) {
    char *rest = NULL;
    for (char *word = strtok_r(words, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
        if (!take_word(r, word)) return false;
    for (int i = 0; i < KEYS; i++)
        if (keys[i].required && !(r->seen & 1u << i)) return refuse(r, "%s is missing", keys[i].name);
    return true;
}

static bool write_all(int fd, const char *bytes, size_t count) {
    while (count > 0) {
        const ssize_t written = write(fd, bytes, count);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        bytes += written;
        count -= (size_t)written;
    }
    return true;
}

static bool say(int fd, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* One line, whatever is in the text. */
static bool say(int fd, const char *format, ...) {
    char line[REPLY_BYTES];
    va_list list;
    va_start(list, format);
    vsnprintf(line, sizeof line - 1, format, list);
    va_end(list);
    size_t length = strlen(line);
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)line[i] < ' ') line[i] = '?';
    line[length++] = '\n';
    return write_all(fd, line, length);
}

static void forget(struct server *s) {
    if (s->request.problem.memory) munmap(s->request.problem.memory, s->request.problem.bytes);
    s->request = (struct request){.seen = 0};
    s->ready = false;
}

static bool serve_prepare(struct server *s, char *words) {
    struct request *const r = &s->request;
    char note[GB_PEER_NOTE_MAX] = "";
    forget(s);
    if (!read_words(r, words)) return say(s->out, "error %s", r->error);
    const struct shape *const kernel = find_kernel(r->problem.kernel);
    if (!kernel) return say(s->out, "unsupported no kernel %s is known here", r->problem.kernel);
    if (!check_operands(r, kernel) || !map_memory(r)) return say(s->out, "error %s", r->error);
    s->ready = s->peer->prepare(s->peer->data, &r->problem, note);
    note[sizeof note - 1] = '\0';
    return say(s->out, "%s%s%s", s->ready ? "ready" : "unsupported", note[0] ? " " : "", note);
}

static bool serve_run(const struct server *s, const char *text) {
    size_t count;
    if (!read_count(text, 1, PTRDIFF_MAX, &count)) return say(s->out, "error run needs a count of at least 1");
    if (!s->ready) return say(s->out, "error nothing is prepared");
    const double start = gb_clock_ns();
    for (size_t i = 0; i < count; i++) s->peer->call(s->peer->data);
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
    const int nowhere = open("/dev/null", O_WRONLY);
    if (nowhere >= 0) dup2(nowhere, STDOUT_FILENO);
    if (nowhere > STDERR_FILENO) close(nowhere);
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
