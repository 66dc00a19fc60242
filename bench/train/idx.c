#include "idx.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "input_file.h"
#include "message.h"

enum { RANK_MAX = 3, DEFLATE_MOST = 1032 /* bytes that one byte can stand for: 258 in two bits */ };

static int open_file(const char *path, gzFile *file, size_t *size) {
    int fd;
    const int code = gb_input_open(path, &fd, size);
    if (code != GB_EXIT_OK || (*file = gzdopen(fd, "rb"))) return code;
    close(fd);
    return gb_fail(GB_EXIT_RESOURCE, "no memory to read %.400s", path);
}

/* *got bytes, fewer than size at the end of the file. */
static int take(gzFile file, const char *path, void *bytes, size_t size, size_t *got) {
    int now = 1, error = Z_OK;
    for (*got = 0; *got < size && now > 0; *got += now > 0 ? (size_t)now : 0) {
        now = gzread(file, (char *)bytes + *got, (unsigned)(size - *got));
        gzerror(file, &error);
        if (error == Z_BUF_ERROR) return gb_fail(GB_EXIT_INPUT, "%.400s ends early: what is packed is cut off", path);
        if (now < 0 || error != Z_OK) return gb_fail(GB_EXIT_INPUT, "%.400s cannot be unpacked: it is damaged", path);
    }
    return GB_EXIT_OK;
}

static uint32_t number(const unsigned char *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The head, which says how much follows. */
static int read_head(struct gb_idx *idx, const char *path, gzFile file, unsigned magic) {
    unsigned char head[4 * (RANK_MAX + 1)];
    const size_t rank = magic & 0xff;
    size_t got;
    const int code = take(file, path, head, 4 * (rank + 1), &got);
    if (code != GB_EXIT_OK) return code;
    if (got >= 4 && number(head) != magic)
        return gb_fail(GB_EXIT_INPUT, "%.400s is no IDX file of %s (its first bytes are 0x%08x, not 0x%08x)", path,
                       magic == GB_IDX_LABELS ? "labels" : "images", (unsigned)number(head), magic);
    if (got < 4 * (rank + 1)) return gb_fail(GB_EXIT_INPUT, "%.400s ends early: within its head", path);
    idx->count = number(head + 4);
    idx->size = 1;
    bool fits = idx->count > 0;
    for (size_t i = 1; i < rank && fits; i++) {
        const size_t side = number(head + 4 * (i + 1));
        fits = side > 0 && side <= GB_IDX_BYTES_MAX / idx->size;
        if (fits) idx->size *= side;
    }
    if (fits && idx->count <= GB_IDX_BYTES_MAX / idx->size) return GB_EXIT_OK;
    return gb_fail(GB_EXIT_INPUT, "%.400s has sizes that cannot be (at least 1 each, and 1 GiB together)", path);
}

/* One byte more than there should be is asked for: so the end is seen, and with it the check sum of what was packed. There is
 * room for no more than can follow: a file's bytes, or what deflate makes of them. */
static int read_body(struct gb_idx *idx, const char *path, gzFile file, size_t in_file) {
    const size_t size = idx->count * idx->size, most = gzdirect(file) ? in_file : DEFLATE_MOST * in_file;
    const size_t room = size < most ? size : most;
    idx->bytes = malloc(room + 1);
    if (!idx->bytes) return gb_fail(GB_EXIT_RESOURCE, "no memory for %.400s", path);
    size_t got;
    const int code = take(file, path, idx->bytes, room + 1, &got);
    if (code != GB_EXIT_OK) return code;
    if (got < size) return gb_fail(GB_EXIT_INPUT, "%.400s ends early: %zu of %zu bytes follow its head", path, got, size);
    if (got > size) return gb_fail(GB_EXIT_INPUT, "%.400s goes on after the %zu bytes of its head", path, size);
    return GB_EXIT_OK;
}

int gb_idx_read(struct gb_idx *idx, const char *path, unsigned magic) {
    gzFile file = NULL;
    size_t in_file;
    *idx = (struct gb_idx){0};
    int code = open_file(path, &file, &in_file);
    if (code != GB_EXIT_OK) return code;
    code = read_head(idx, path, file, magic);
    if (code == GB_EXIT_OK) code = read_body(idx, path, file, in_file);
    gzclose_r(file);
    if (code != GB_EXIT_OK) gb_idx_free(idx);
    return code;
}

void gb_idx_free(struct gb_idx *idx) {
    free(idx->bytes);
    *idx = (struct gb_idx){0};
}
