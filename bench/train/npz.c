#include "npz.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "input_file.h"
#include "message.h"

/* Of a zip file: how its records begin, their sizes without names, and what is used of them. */
enum {
    LOCAL = 0x04034b50,
    LOCAL_SIZE = 30,
    CENTRAL = 0x02014b50,
    CENTRAL_SIZE = 46,
    END = 0x06054b50,
    END_SIZE = 22,
    COMMENT_MAX = 65535,
    VERSION = 20,
    STORED = 0,
    DEFLATED = 8,
    ENCRYPTED = 1,
    FIRST_OF_JANUARY_1980 = 0x21, /* the first date that there is */
};
/* Of an .npy: magic and version, then the size of a text that says what follows. */
enum { NPY_MAGIC = 8, NPY_ALIGNED = 64, NPY_TEXT_MAX = 4096, NPY_VERSION_MAX = 3, NAME_MAX_BYTES = 32 };

static size_t count_of(const struct gb_npz_array *a) { return a->rank == 2 ? a->sizes[0] * a->sizes[1] : a->sizes[0]; }

static const char *shape_text(const struct gb_npz_array *a, char text[64]) {
    if (a->rank == 2) snprintf(text, 64, "(%zu, %zu)", a->sizes[0], a->sizes[1]);
    else snprintf(text, 64, "(%zu,)", a->sizes[0]);
    return text;
}

/* --- writing */

static char *put(char *p, unsigned long value, int bytes) {
    for (int i = 0; i < bytes; i++) *p++ = (char)(value >> 8 * i & 0xff);
    return p;
}

/* The head of the array's .npy; returns its size. */
static size_t npy_head(const struct gb_npz_array *a, char head[2 * NPY_ALIGNED]) {
    char shape[64], text[2 * NPY_ALIGNED];
    const int length =
        snprintf(text, sizeof text, "{'descr': '<f4', 'fortran_order': False, 'shape': %s, }", shape_text(a, shape));
    const size_t size = (NPY_MAGIC + 2 + (size_t)length + 1 + NPY_ALIGNED - 1) / NPY_ALIGNED * NPY_ALIGNED;
    memset(head, ' ', size);
    memcpy(head, "\x93NUMPY\x01", NPY_MAGIC);
    put(head + NPY_MAGIC, size - NPY_MAGIC - 2, 2);
    memcpy(head + NPY_MAGIC + 2, text, (size_t)length);
    head[size - 1] = '\n';
    return size;
}

/* What the two records of a file have in common: from the version that is needed to the sizes. */
static char *put_common(char *p, uLong crc, size_t size, size_t name) {
    p = put(put(put(p, VERSION, 2), 0, 2), STORED, 2);
    p = put(put(p, 0, 2), FIRST_OF_JANUARY_1980, 2);
    p = put(put(put(p, crc, 4), size, 4), size, 4);
    return put(put(p, name, 2), 0, 2);
}

static char *put_local(char *p, const struct gb_npz_array *a, const char *head, size_t head_size, uLong crc) {
    const size_t bytes = count_of(a) * sizeof *a->values, name = strlen(a->name) + 4;
    p = put_common(put(p, LOCAL, 4), crc, head_size + bytes, name);
    p += sprintf(p, "%s.npy", a->name);
    p = (char *)memcpy(p, head, head_size) + head_size;
    return (char *)memcpy(p, a->values, bytes) + bytes;
}

static char *put_central(char *p, const struct gb_npz_array *a, size_t size, uLong crc, size_t offset) {
    p = put_common(put(put(p, CENTRAL, 4), VERSION, 2), crc, size, strlen(a->name) + 4);
    p = put(put(put(put(p, 0, 2), 0, 2), 0, 2), 0, 4);
    return put(p, offset, 4) + sprintf(p + 4, "%s.npy", a->name);
}

char *gb_npz_write(const struct gb_npz_array *arrays, size_t count, size_t *size) {
    size_t most = END_SIZE, offsets[GB_NPZ_ARRAYS_MAX], sizes[GB_NPZ_ARRAYS_MAX];
    uLong crcs[GB_NPZ_ARRAYS_MAX];
    char head[2 * NPY_ALIGNED];
    for (size_t i = 0; i < count; i++)
        most += LOCAL_SIZE + CENTRAL_SIZE + 2 * NAME_MAX_BYTES + sizeof head + count_of(&arrays[i]) * sizeof(float);
    char *const bytes = most <= UINT32_MAX ? malloc(most) : NULL, *p = bytes;
    if (!bytes) return NULL;
    for (size_t i = 0; i < count; i++) {
        const size_t head_size = npy_head(&arrays[i], head), values = count_of(&arrays[i]) * sizeof(float);
        offsets[i] = (size_t)(p - bytes);
        sizes[i] = head_size + values;
        crcs[i] = crc32_z(crc32_z(0, (const Bytef *)head, head_size), (const Bytef *)arrays[i].values, values);
        p = put_local(p, &arrays[i], head, head_size, crcs[i]);
    }
    const size_t central = (size_t)(p - bytes);
    for (size_t i = 0; i < count; i++) p = put_central(p, &arrays[i], sizes[i], crcs[i], offsets[i]);
    const size_t after = (size_t)(p - bytes);
    p = put(put(put(p, END, 4), 0, 4), count, 2);
    *size = (size_t)(put(put(put(put(p, count, 2), after - central, 4), central, 4), 0, 2) - bytes);
    return bytes;
}

/* --- reading */

struct reader {
    const char *path;
    const unsigned char *bytes;
    size_t size;
};

static int refuse(const struct reader *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int refuse(const struct reader *r, const char *format, ...) {
    char text[300];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    return gb_fail(GB_EXIT_INPUT, "%.400s %s", r->path, text);
}

static size_t get(const unsigned char *p, int bytes) {
    size_t value = 0;
    for (int i = bytes; i-- > 0;) value = value << 8 | p[i];
    return value;
}

/* Where `size` bytes begin at that offset; NULL: they are not all there. */
static const unsigned char *at(const struct reader *r, size_t offset, size_t size) {
    return offset <= r->size && size <= r->size - offset ? r->bytes + offset : NULL;
}

/* The record at the end of the file, behind which only a comment may be. */
static const unsigned char *find_end(const struct reader *r) {
    for (size_t back = END_SIZE; back <= r->size && back <= END_SIZE + COMMENT_MAX; back++) {
        const unsigned char *const p = r->bytes + r->size - back;
        if (get(p, 4) == END && get(p + 20, 2) == back - END_SIZE) return p;
    }
    return NULL;
}

/* A file of the zip, as the central directory has it: sizes there are always those of the data. */
struct entry {
    char name[NAME_MAX_BYTES];
    size_t method, packed, size, crc;
    const unsigned char *data; /* packed */
};

/* Reads the record at *p and moves on to the next. */
static int read_entry(const struct reader *r, size_t *p, struct entry *e) {
    const unsigned char *const central = at(r, *p, CENTRAL_SIZE);
    if (!central || get(central, 4) != CENTRAL) return refuse(r, "is damaged: its directory is cut off");
    const size_t name = get(central + 28, 2), flags = get(central + 8, 2);
    const unsigned char *const text = at(r, *p + CENTRAL_SIZE, name);
    const unsigned char *const local = at(r, get(central + 42, 4), LOCAL_SIZE);
    if (!text || !local || get(local, 4) != LOCAL) return refuse(r, "is damaged: its directory points elsewhere");
    snprintf(e->name, sizeof e->name, "%.*s", (int)(name < sizeof e->name ? name : sizeof e->name), (const char *)text);
    e->method = get(central + 10, 2);
    e->crc = get(central + 16, 4);
    e->packed = get(central + 20, 4);
    e->size = get(central + 24, 4);
    e->data = at(r, get(central + 42, 4) + LOCAL_SIZE + get(local + 26, 2) + get(local + 28, 2), e->packed);
    if (!e->data) return refuse(r, "is damaged: %s is cut off", e->name);
    if (flags & ENCRYPTED || (e->method != STORED && e->method != DEFLATED) || (e->method == STORED && e->packed != e->size))
        return refuse(r, "has %s in a way that is neither stored nor deflated", e->name);
    *p += CENTRAL_SIZE + name + get(central + 30, 2) + get(central + 32, 2);
    return GB_EXIT_OK;
}

static bool unpack(const struct entry *e, unsigned char *to) {
    z_stream z = {
        .next_in = (Bytef *)(uintptr_t)e->data, .avail_in = (uInt)e->packed, .next_out = to, .avail_out = (uInt)e->size};
    if (e->method == STORED) {
        memcpy(to, e->data, e->size);
        return true;
    }
    if (inflateInit2(&z, -MAX_WBITS) != Z_OK) return false;
    const bool good = inflate(&z, Z_FINISH) == Z_STREAM_END && z.total_out == e->size;
    inflateEnd(&z);
    return good;
}

/* What stands behind a key of the text, which begins and ends with a brace; NULL: it is not there. */
static const char *value_of(const char *text, const char *key) {
    const char *const found = strstr(text, key);
    return found ? found + strlen(key) + strspn(found + strlen(key), " :") : NULL;
}

/* Compares the head of an .npy with what is wanted. *start: where its values begin. */
static int check_npy(const struct reader *r, const struct gb_npz_array *a, const unsigned char *npy, size_t size,
                     size_t *start) {
    char text[NPY_TEXT_MAX + 1], shape[64];
    const int wide = size > NPY_MAGIC && npy[6] > 1 ? 4 : 2; /* bytes of its size: from version 2 on 4 */
    if (size < NPY_MAGIC + 4 || memcmp(npy, "\x93NUMPY", 6) != 0 || npy[6] < 1 || npy[6] > NPY_VERSION_MAX)
        return refuse(r, "has no array of NumPy's in %s", a->name);
    const size_t length = get(npy + NPY_MAGIC, wide);
    *start = NPY_MAGIC + (size_t)wide + length;
    if (length > NPY_TEXT_MAX || *start > size) return refuse(r, "is damaged: the head of %s is cut off", a->name);
    snprintf(text, sizeof text, "%.*s", (int)length, (const char *)npy + NPY_MAGIC + wide);
    const char *const type = value_of(text, "'descr'"), *const order = value_of(text, "'fortran_order'");
    const char *const sizes = value_of(text, "'shape'");
    if (!type || !order || !sizes) return refuse(r, "is damaged: the head of %s does not say what it holds", a->name);
    if (strncmp(type, "'<f4'", 5) != 0)
        return refuse(r, "has %s as %.*s, not as '<f4' (float32)", a->name, (int)strcspn(type, ",}"), type);
    shape_text(a, shape);
    if (strncmp(sizes, shape, strlen(shape)) != 0)
        return refuse(r, "has %s of the shape %.*s, the net has %s", a->name, (int)strcspn(sizes, ")") + 1, sizes, shape);
    if (a->rank == 2 && strncmp(order, "False", 5) != 0)
        return refuse(r, "has %s by columns (fortran_order), not by rows", a->name);
    if (size - *start != count_of(a) * sizeof(float))
        return refuse(r, "is damaged: %s has %zu bytes of values, not %zu", a->name, size - *start,
                      count_of(a) * sizeof(float));
    return GB_EXIT_OK;
}

/* An entry has no more bytes than its array needs: nothing else is unpacked. */
static int read_array(const struct reader *r, const struct gb_npz_array *a, const struct entry *e) {
    const size_t bytes = count_of(a) * sizeof(float);
    size_t start;
    if (e->size > bytes + NPY_TEXT_MAX) {
        char shape[64];
        return refuse(r, "has %zu bytes in %s, too many for the shape %s", e->size, a->name, shape_text(a, shape));
    }
    unsigned char *const npy = malloc(e->size + 1);
    if (!npy) return gb_fail(GB_EXIT_RESOURCE, "no memory to read %.400s", r->path);
    int code = GB_EXIT_OK;
    if (!unpack(e, npy) || crc32_z(0, npy, e->size) != e->crc)
        code = refuse(r, "is damaged: %s cannot be unpacked, or its check sum differs", a->name);
    if (code == GB_EXIT_OK) code = check_npy(r, a, npy, e->size, &start);
    if (code == GB_EXIT_OK) memcpy(a->values, npy + start, bytes);
    free(npy);
    for (size_t i = 0; code == GB_EXIT_OK && i < count_of(a); i++)
        if (!isfinite(a->values[i])) code = refuse(r, "has a value in %s that is no number (element %zu)", a->name, i);
    return code;
}

static const struct gb_npz_array *find(const struct gb_npz_array *arrays, size_t count, const char *name, bool *seen) {
    const size_t length = strlen(name);
    for (size_t i = 0; i < count; i++) {
        if (length != strlen(arrays[i].name) + 4 || strncmp(name, arrays[i].name, length - 4) != 0 ||
            strcmp(name + length - 4, ".npy") != 0 || seen[i])
            continue;
        seen[i] = true;
        return &arrays[i];
    }
    return NULL;
}

static int read_zip(const struct reader *r, const struct gb_npz_array *arrays, size_t count) {
    bool seen[GB_NPZ_ARRAYS_MAX] = {false};
    const unsigned char *const end = find_end(r);
    if (!end) return refuse(r, "is no .npz file, or ends early");
    const size_t entries = get(end + 10, 2);
    size_t p = get(end + 16, 4);
    for (size_t i = 0; i < entries; i++) {
        struct entry e;
        int code = read_entry(r, &p, &e);
        if (code != GB_EXIT_OK) return code;
        const struct gb_npz_array *const a = find(arrays, count, e.name, seen);
        if (!a) return refuse(r, "has %s, which the net does not have, or has it twice", e.name);
        code = read_array(r, a, &e);
        if (code != GB_EXIT_OK) return code;
    }
    for (size_t i = 0; i < count; i++)
        if (!seen[i]) return refuse(r, "has no %s, which the net has", arrays[i].name);
    return GB_EXIT_OK;
}

/* All of an open file. NULL: reason says why. */
static unsigned char *read_all(int fd, size_t size, int *reason) {
    unsigned char *const bytes = malloc(size + 1);
    size_t got = 0;
    *reason = ENOMEM;
    while (bytes && got < size) {
        const ssize_t now = read(fd, bytes + got, size - got);
        if (now > 0) got += (size_t)now;
        else if (now == 0 || errno != EINTR) {
            *reason = now == 0 ? EIO : errno;
            free(bytes);
            return NULL;
        }
    }
    return bytes;
}

/* A file that can hold these arrays, deflated or not, is not larger than this. */
static size_t largest(const struct gb_npz_array *arrays, size_t count) {
    size_t bytes = COMMENT_MAX + END_SIZE;
    for (size_t i = 0; i < count; i++) bytes += count_of(&arrays[i]) * sizeof(float) * 2 + 4 * NPY_TEXT_MAX;
    return bytes;
}

int gb_npz_read(const char *path, const struct gb_npz_array *arrays, size_t count) {
    struct reader r = {.path = path};
    int fd, reason, code = gb_input_open(path, &fd, &r.size);
    if (code != GB_EXIT_OK) return code;
    if (r.size > largest(arrays, count)) code = refuse(&r, "is larger than a file of such a net can be");
    else if (!(r.bytes = read_all(fd, r.size, &reason)))
        code = gb_fail(GB_EXIT_RESOURCE, "cannot read %.400s (%s)", path, strerror(reason));
    close(fd);
    if (code == GB_EXIT_OK) code = read_zip(&r, arrays, count);
    free((void *)(uintptr_t)r.bytes);
    return code;
}
