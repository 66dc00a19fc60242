#include "support_digits.h"

#include <zlib.h>

#include "idx.h"
#include "random.h"
#include "support.h"

static int label_of(size_t i, int classes) { return (int)(gb_mix(i) % (unsigned)classes); }

static unsigned char *put(unsigned char *p, size_t value) {
    for (int i = 0; i < 4; i++) p[i] = (unsigned char)(value >> (24 - 8 * i));
    return p + 4;
}

unsigned char *support_idx(unsigned magic, size_t count, size_t side, int classes, size_t *size) {
    const bool images = magic == GB_IDX_IMAGES;
    const size_t pixels = images ? side * side : 1;
    unsigned char *const bytes = malloc(16 + count * pixels), *p = put(put(bytes, magic), count);
    if (images) p = put(put(p, side), side);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < pixels; j++) {
            const int label = label_of(i, classes);
            *p++ = (unsigned char)(images ? gb_mix(i * pixels + j) % 64 + (j % (size_t)classes == (size_t)label ? 190 : 0)
                                          : (unsigned)label);
        }
    *size = (size_t)(p - bytes);
    return bytes;
}

void support_write(const char *path, const void *bytes, size_t size) {
    FILE *const file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

void support_write_packed(const char *path, const void *bytes, size_t size) {
    gzFile file = gzopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(gzwrite(file, bytes, (unsigned)size), size);
    assert_int_equal(gzclose(file), Z_OK);
}

void support_write_digits(const char *folder, const char *set, bool packed, size_t count, size_t side, int classes) {
    static const struct {
        unsigned magic;
        const char *name;
    } parts[] = {{GB_IDX_IMAGES, "images-idx3"}, {GB_IDX_LABELS, "labels-idx1"}};
    for (size_t i = 0; i < 2; i++) {
        char path[300];
        size_t size;
        unsigned char *const bytes = support_idx(parts[i].magic, count, side, classes, &size);
        snprintf(path, sizeof path, "%s/%s-%s-ubyte%s", folder, set, parts[i].name, packed ? ".gz" : "");
        (packed ? support_write_packed : support_write)(path, bytes, size);
        free(bytes);
    }
}
