/* Arrays in an .npz: written, read again, and what is said of each file that is not as it should be. */
#include <math.h>
#include <sys/stat.h>
#include <zlib.h>

#include "npz.h"
#include "random.h"
#include "support.h"
#include "support_digits.h"
#include "support_file.h"
#include "support_said.h"
#include "support_tree.h"

static struct gb_said said;
static float w1[6], b1[2], w2[2], b2[1];
static struct gb_npz_array arrays[] = {{"w1", 2, {3, 2}, w1}, {"b1", 1, {2}, b1}, {"w2", 2, {2, 1}, w2}, {"b2", 1, {1}, b2}};
enum { ARRAYS = 4 };

static void fill(uint64_t seed) {
    for (int i = 0; i < 6; i++) w1[i] = (float)(gb_next_random(&seed) >> 40) - 5e6f;
    b1[0] = -0.0f, b1[1] = 1e-40f, w2[0] = 3, w2[1] = -7, b2[0] = 0.1f;
}

static void forget(void) {
    for (int i = 0; i < 6; i++) w1[i] = 99;
    b1[0] = b1[1] = w2[0] = w2[1] = b2[0] = 99;
}

static int read_file(void *path) { return gb_npz_read(path, arrays, ARRAYS); }

static void refuses(const char *path, const char *words) {
    char copy[100];
    snprintf(copy, sizeof copy, "%s", path);
    gb_hear(&said, read_file, copy);
    if (said.code != 3 || !strstr(said.err, words) || gb_count_in(said.err, "\n") != 1)
        fail_msg("'%s': ended with %d and said %s", words, said.code, said.err);
}

static void is_read_again(const char *path) {
    float was[6], b[2];
    char copy[100];
    fill(5);
    memcpy(was, w1, sizeof was);
    memcpy(b, b1, sizeof b);
    forget();
    snprintf(copy, sizeof copy, "%s", path);
    gb_hear(&said, read_file, copy);
    if (said.code != 0) fail_msg("%s: %s", path, said.err);
    assert_memory_equal(w1, was, sizeof was);
    assert_memory_equal(b1, b, sizeof b);
    assert_true(w2[0] == 3 && w2[1] == -7 && b2[0] == 0.1f);
}

static char *written(size_t *size) {
    fill(5);
    char *const bytes = gb_npz_write(arrays, ARRAYS, size);
    assert_non_null(bytes);
    return bytes;
}

static void what_is_written_is_read(void **state) {
    size_t size, again;
    (void)state;
    char *const bytes = written(&size), *const other = written(&again);
    assert_int_equal(size, again);
    assert_memory_equal(bytes, other, size);
    support_write("file.npz", bytes, size);
    is_read_again("file.npz");
    free(bytes);
    free(other);
}

static void values_that_are_no_numbers(void **state) {
    static const float values[] = {NAN, INFINITY, -INFINITY};
    (void)state;
    for (int i = 0; i < 3; i++) {
        size_t size;
        fill(5);
        w1[4] = values[i];
        char *const bytes = gb_npz_write(arrays, ARRAYS, &size);
        assert_non_null(bytes);
        support_write("file.npz", bytes, size);
        refuses("file.npz", "file.npz has a value in w1 that is no number (element 4)");
        free(bytes);
    }
}

static void cut_off_at_each_byte(void **state) {
    size_t size;
    (void)state;
    char *const bytes = written(&size);
    for (size_t left = size; left-- > 0;) {
        support_write("file.npz", bytes, left);
        refuses("file.npz", "file.npz is no .npz file, or ends early");
    }
    free(bytes);
}

/* No change of a byte is taken for good where it changes what is read; none is a crash. */
static void changed_at_each_byte(void **state) {
    size_t size;
    float was[6];
    (void)state;
    char *const bytes = written(&size);
    memcpy(was, w1, sizeof was);
    for (size_t i = 0; i < size; i++)
        for (int change = 0; change < 3; change++) {
            const char right = bytes[i];
            bytes[i] = (char)(change == 0 ? right ^ 1 : change == 1 ? right ^ 0x80 : 0xff);
            support_write("file.npz", bytes, size);
            bytes[i] = right;
            forget();
            gb_hear(&said, read_file, (char[]){"file.npz"});
            const bool good = memcmp(w1, was, sizeof was) == 0 && w2[0] == 3 && w2[1] == -7 && b2[0] == 0.1f;
            if (said.code == 0 ? !good : said.code != 3 || gb_count_in(said.err, "\n") != 1)
                fail_msg("byte %zu: ended with %d and said '%s'", i, said.code, said.err);
        }
    free(bytes);
}

/* --- a zip of one's own */

struct member {
    const char *name, *text; /* the head of an .npy */
    int method, version;
    size_t values, claimed; /* bytes of values; what the directory says of all, 0: the truth */
};

static char *put(char *p, unsigned long value, int bytes) {
    for (int i = 0; i < bytes; i++) *p++ = (char)(value >> 8 * i);
    return p;
}

static size_t member_bytes(const struct member *m, char *npy) {
    char *p = (char *)memcpy(npy, "\x93NUMPY", 6) + 6;
    p = put(put(put(p, (unsigned)m->version, 1), 0, 1), strlen(m->text), m->version == 1 ? 2 : 4);
    p = (char *)memcpy(p, m->text, strlen(m->text)) + strlen(m->text);
    memset(p, 0, m->values);
    return (size_t)(p - npy) + m->values;
}

static size_t pack(const struct member *m, const char *npy, size_t size, char *packed, size_t room) {
    z_stream z = {
        .next_in = (Bytef *)(uintptr_t)npy, .avail_in = (uInt)size, .next_out = (Bytef *)packed, .avail_out = (uInt)room};
    if (m->method != 8) return (size_t)((char *)memcpy(packed, npy, size) + size - packed);
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return z.total_out;
}

static void write_zip(const char *path, const struct member *members, size_t count) {
    static char npy[1 << 16], out[1 << 18], central[1 << 14];
    char *p = out, *c = central;
    for (size_t i = 0; i < count; i++) {
        const struct member *const m = &members[i];
        const size_t size = member_bytes(m, npy), name = strlen(m->name), offset = (size_t)(p - out);
        const unsigned long crc = crc32(0, (const Bytef *)npy, (uInt)size);
        p = put(put(put(put(p, 0x04034b50, 4), 20, 2), 8, 2), (unsigned)m->method, 2); /* sizes are in the directory alone */
        p = put(put(put(put(put(put(p, 0, 4), 0, 4), 0, 4), 0, 4), name, 2), 20, 2);
        p = (char *)memcpy(p, m->name, name) + name;
        memset(p, 7, 20);
        p += 20;
        const size_t packed = pack(m, npy, size, p, (size_t)(out + sizeof out - p));
        p += packed;
        c = put(put(put(put(put(c, 0x02014b50, 4), 20, 2), 20, 2), 8, 2), (unsigned)m->method, 2);
        c = put(put(put(put(put(c, 0, 4), crc, 4), packed, 4), m->claimed ? m->claimed : size, 4), name, 2);
        c = put(put(put(put(put(put(c, 3, 2), 2, 2), 0, 2), 0, 2), 0, 4), offset, 4);
        c = (char *)memcpy(c, m->name, name) + name;
        c = put(c, 0, 5);
    }
    const size_t start = (size_t)(p - out), size = (size_t)(c - central);
    p = (char *)memcpy(p, central, size) + size;
    p = put(put(put(put(put(put(put(p, 0x06054b50, 4), 0, 4), count, 2), count, 2), size, 4), start, 4), 4, 2);
    p = put(p, 0, 4);
    support_write(path, out, (size_t)(p - out));
}

#define HEAD(shape) "{'descr': '<f4', 'fortran_order': False, 'shape': " shape ", }\n"

static const struct member right[] = {{"w1.npy", HEAD("(3, 2)"), 0, 1, 24, 0},
                                      {"b1.npy", HEAD("(2,)"), 8, 1, 8, 0},
                                      {"w2.npy", HEAD("(2, 1)"), 8, 2, 8, 0},
                                      {"b2.npy", "{'shape':(1,),'fortran_order':True,'descr':'<f4'}", 0, 3, 4, 0}};

static void what_others_write(void **state) {
    (void)state;
    write_zip("other.npz", right, ARRAYS);
    forget();
    gb_hear(&said, read_file, (char[]){"other.npz"});
    if (said.code != 0) fail_msg("%s", said.err);
    assert_true(w1[0] == 0 && w1[5] == 0 && b1[1] == 0 && w2[1] == 0 && b2[0] == 0);
}

static void arrays_that_are_others(void **state) {
    static const struct {
        size_t at;
        struct member member;
        const char *words;
    } table[] = {
        {0, {"w1.npy", HEAD("(2, 3)"), 0, 1, 24, 0}, "has w1 of the shape (2, 3), the net has (3, 2)"},
        {0, {"w1.npy", HEAD("(3, 20)"), 8, 1, 240, 0}, "has w1 of the shape (3, 20), the net has (3, 2)"},
        {0, {"w1.npy", HEAD("(6,)"), 0, 1, 24, 0}, "has w1 of the shape (6,), the net has (3, 2)"},
        {1, {"b1.npy", HEAD("(2, 1)"), 0, 1, 8, 0}, "has b1 of the shape (2, 1), the net has (2,)"},
        {1, {"b1.npy", HEAD("()"), 0, 1, 4, 0}, "has b1 of the shape (), the net has (2,)"},
        {1,
         {"b1.npy", "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }", 0, 1, 16, 0},
         "has b1 as '<f8', not as '<f4' (float32)"},
        {0, {"w1.npy", "{'descr': '<f4', 'fortran_order': True, 'shape': (3, 2), }", 0, 1, 24, 0}, "has w1 by columns"},
        {1, {"b1.npy", "{'descr': '<f4', 'fortran_order': False}", 0, 1, 8, 0}, "the head of b1 does not say what it holds"},
        {1, {"b1.npy", HEAD("(2,)"), 0, 1, 4, 0}, "b1 has 4 bytes of values, not 8"},
        {1, {"b1.npy", HEAD("(2,)"), 8, 1, 12, 0}, "b1 has 12 bytes of values, not 8"},
        {1, {"b1.npy", HEAD("(2,)"), 8, 1, 5000, 0}, "bytes in b1, too many for the shape (2,)"},
        {1, {"b1.npy", HEAD("(2,)"), 8, 1, 8, 50}, "b1 cannot be unpacked, or its check sum differs"},
        {1, {"b1.npy", HEAD("(2,)"), 8, 1, 5000, 66}, "b1 cannot be unpacked, or its check sum differs"},
        {1, {"b1.npy", HEAD("(2,)"), 12, 1, 8, 0}, "has b1.npy in a way that is neither stored nor deflated"},
        {1, {"b1.npy", HEAD("(2,)"), 0, 1, 8, 50}, "has b1.npy in a way that is neither stored nor deflated"},
        {1, {"b3.npy", HEAD("(2,)"), 0, 1, 8, 0}, "has b3.npy, which the net does not have"},
        {1, {"w1.npy", HEAD("(3, 2)"), 0, 1, 24, 0}, "has w1.npy, which the net does not have, or has it twice"},
        {1, {"b1.npy", HEAD("(2,)"), 0, 4, 8, 0}, "has no array of NumPy's in b1"},
        {1, {"b1.npy", HEAD("(2,)"), 0, 0, 8, 0}, "has no array of NumPy's in b1"},
        {1, {"b1.txt", HEAD("(2,)"), 0, 1, 8, 0}, "has b1.txt, which the net does not have"},
        {1, {"../b1.npy", HEAD("(2,)"), 0, 1, 8, 0}, "has ../b1.npy, which the net does not have"},
        {ARRAYS, {"b1.npy", "", 0, 1, 0, 0}, "has no b2, which the net has"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct member members[ARRAYS];
        memcpy(members, right, sizeof right);
        if (table[i].at < ARRAYS) members[table[i].at] = table[i].member;
        write_zip("file.npz", members, table[i].at < ARRAYS ? ARRAYS : ARRAYS - 1);
        refuses("file.npz", table[i].words);
    }
}

static void what_is_no_npz(void **state) {
    (void)state;
    assert_int_equal(mkdir("directory", 0700), 0);
    refuses("nothing", "cannot open nothing (No such file or directory)");
    refuses("directory", "directory is not a regular file");
    support_write("text", "these are no arrays, but words that are longer than its end", 60);
    refuses("text", "text is no .npz file, or ends early");
    support_write("empty", "", 0);
    refuses("empty", "empty is no .npz file, or ends early");
    assert_int_equal(truncate("empty", 1 << 20), 0);
    refuses("empty", "empty is larger than a file of such a net can be");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),    cmocka_unit_test(cut_off_at_each_byte),
        cmocka_unit_test(changed_at_each_byte),       cmocka_unit_test(what_others_write),
        cmocka_unit_test(arrays_that_are_others),     cmocka_unit_test(what_is_no_npz),
        cmocka_unit_test(values_that_are_no_numbers),
    };
    return cmocka_run_group_tests(tests, support_tree_enter, support_tree_leave);
}
