/* Files of images and labels: what is read, and what is said of each that is not as it should be. */
#include <sys/stat.h>

#include "dataset.h"
#include "idx.h"
#include "support.h"
#include "support_digits.h"
#include "support_said.h"
#include "support_tree.h"

enum { COUNT = 7, SIDE = 3 };

static struct gb_said said;

struct reading {
    const char *path;
    unsigned magic;
    struct gb_idx idx;
};

static int read_it(void *data) {
    struct reading *const r = data;
    return gb_idx_read(&r->idx, r->path, r->magic);
}

/* Refused, in one line that has these words. */
static void refuses(const char *path, unsigned magic, const char *words) {
    struct reading r = {.path = path, .magic = magic};
    gb_hear(&said, read_it, &r);
    if (said.code != 3 || !strstr(said.err, words) || gb_count_in(said.err, "\n") != 1 || r.idx.bytes)
        fail_msg("'%s' ended with %d and said %s", words, said.code, said.err);
}

static void both_kinds_plain_and_packed(void **state) {
    static const unsigned magics[] = {GB_IDX_IMAGES, GB_IDX_LABELS};
    (void)state;
    for (int packed = 0; packed < 2; packed++)
        for (size_t i = 0; i < 2; i++) {
            size_t size;
            unsigned char *const bytes = support_idx(magics[i], COUNT, SIDE, 4, &size);
            (packed ? support_write_packed : support_write)("file", bytes, size);
            struct reading r = {.path = "file", .magic = magics[i]};
            gb_hear(&said, read_it, &r);
            assert_int_equal(said.code, 0);
            assert_int_equal(r.idx.count, COUNT);
            assert_int_equal(r.idx.size, i == 0 ? SIDE * SIDE : 1);
            assert_memory_equal(r.idx.bytes, bytes + size - r.idx.count * r.idx.size, r.idx.count * r.idx.size);
            gb_idx_free(&r.idx);
            free(bytes);
        }
}

static void cut_off_at_each_byte(void **state) {
    struct stat status;
    (void)state;
    for (int packed = 0; packed < 2; packed++) {
        size_t size;
        unsigned char *const bytes = support_idx(GB_IDX_IMAGES, COUNT, SIDE, 4, &size);
        (packed ? support_write_packed : support_write)("file", bytes, size);
        assert_int_equal(stat("file", &status), 0);
        for (off_t left = status.st_size; left-- > 0;) {
            assert_int_equal(truncate("file", left), 0);
            refuses("file", GB_IDX_IMAGES, packed && left == 1 ? "ends early: within its head" : "file ends early: ");
        }
        free(bytes);
    }
}

static void heads_that_cannot_be(void **state) {
    static const struct {
        unsigned magic;
        const char *head;
        size_t size;
        const char *words;
    } table[] = {
        {GB_IDX_IMAGES, "\0\0\10\1\0\0\0\2\1\2", 10,
         "is no IDX file of images (its first bytes are 0x00000801, not 0x00000803)"},
        {GB_IDX_LABELS, "\0\0\10\3\0\0\0\1\0\0\0\1\0\0\0\1\1", 17, "is no IDX file of labels (its first bytes are 0x00000803"},
        {GB_IDX_LABELS, "\0\0\x0d\1\0\0\0\1\1\2\3\4", 12, "is no IDX file of labels"},
        {GB_IDX_LABELS, "\x89PNG\r\n\x1a\n", 8, "is no IDX file of labels"},
        {GB_IDX_LABELS, "\0\0\10\1\0\0\0\0", 8, "has sizes that cannot be (at least 1 each, and 1 GiB together)"},
        {GB_IDX_IMAGES, "\0\0\10\3\0\0\0\1\0\0\0\0\0\0\0\1", 16, "has sizes that cannot be"},
        {GB_IDX_IMAGES, "\0\0\10\3\0\0\0\1\0\0\0\1\0\0\0\0", 16, "has sizes that cannot be"},
        {GB_IDX_IMAGES, "\0\0\10\3\0\0\0\1\xff\xff\xff\xff\xff\xff\xff\xff", 16, "has sizes that cannot be"},
        {GB_IDX_IMAGES, "\0\0\10\3\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\2", 16, "has sizes that cannot be"},
        {GB_IDX_IMAGES, "\0\0\10\3\x40\0\0\1\0\0\0\1\0\0\0\1", 16, "has sizes that cannot be"},
        {GB_IDX_LABELS, "\0\0\10\1\x40\0\0\0", 8, "ends early: 0 of 1073741824 bytes follow its head"},
        {GB_IDX_LABELS, "\0\0\10\1\0\0\0\2\1\2\3", 11, "goes on after the 2 bytes of its head"},
        {GB_IDX_LABELS, "", 0, "ends early: within its head"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        for (int packed = 0; packed < 2; packed++) {
            (packed ? support_write_packed : support_write)("file", table[i].head, table[i].size);
            refuses("file", table[i].magic, table[i].words);
        }
}

static void what_is_packed_wrongly(void **state) {
    static unsigned char packed[2000];
    size_t size;
    (void)state;
    unsigned char *const bytes = support_idx(GB_IDX_IMAGES, COUNT, SIDE, 4, &size);
    support_write_packed("file", bytes, size);
    FILE *const file = fopen("file", "rb");
    const size_t count = fread(packed, 1, sizeof packed, file);
    fclose(file);
    packed[count - 6] ^= 1; /* of the check sum */
    support_write("file", packed, count);
    refuses("file", GB_IDX_IMAGES, "file cannot be unpacked: it is damaged");
    packed[count - 6] ^= 1;
    packed[10] = 7; /* no such kind of block */
    support_write("file", packed, count);
    refuses("file", GB_IDX_IMAGES, "file cannot be unpacked: it is damaged");
    free(bytes);
}

static int read_with_little_memory(void *data) {
    gb_limit_memory(16 << 20);
    return read_it(data);
}

/* A head that promises 1 GiB is not believed: no memory is asked for that the file cannot fill. */
static void a_head_that_promises_much(void **state) {
    (void)state;
    if (GB_SANITIZER) skip(); /* its memory is not to be limited */
    for (int packed = 0; packed < 2; packed++) {
        (packed ? support_write_packed : support_write)("file", "\0\0\10\1\x40\0\0\0\1\2", 10);
        struct reading r = {.path = "file", .magic = GB_IDX_LABELS};
        gb_hear_child(&said, read_with_little_memory, &r);
        assert_string_equal(said.err, "gradbench: error: file ends early: 2 of 1073741824 bytes follow its head\n");
        assert_int_equal(said.code, 3);
    }
}

/* 256 MiB behind a head of 4 bytes. */
static void a_bomb(void **state) {
    enum { MIB = 1 << 20 };
    static char zeros[MIB] = "\0\0\10\1\0\0\0\4";
    (void)state;
    FILE *const pipe = popen("gzip -c >bomb", "w");
    assert_non_null(pipe);
    for (int i = 0; i < 256; i++) {
        assert_int_equal(fwrite(zeros, 1, MIB, pipe), MIB);
        memset(zeros, 0, 8);
    }
    assert_int_equal(pclose(pipe), 0);
    struct reading r = {.path = "bomb", .magic = GB_IDX_LABELS};
    gb_hear_child(&said, GB_SANITIZER ? read_it : read_with_little_memory, &r);
    assert_int_equal(said.code, 3);
    assert_string_equal(said.err, "gradbench: error: bomb goes on after the 4 bytes of its head\n");
}

static void what_is_no_file(void **state) {
    (void)state;
    assert_int_equal(mkdir("directory", 0700), 0);
    assert_int_equal(mkfifo("fifo", 0600), 0);
    refuses("nothing", GB_IDX_LABELS, "cannot open nothing (No such file or directory)");
    refuses("directory", GB_IDX_LABELS, "directory is not a regular file");
    refuses("fifo", GB_IDX_LABELS, "fifo is not a regular file");
}

/* --- sets of four files */

struct set {
    int (*read)(struct gb_dataset *data, const char *folder);
    struct gb_dataset data;
};
static int read_set(void *data) {
    struct set *const s = data;
    return s->read(&s->data, "set");
}

/* Fresh files, of which a test changes some. */
static void write_set(void) {
    assert_int_equal(system("rm -rf set && mkdir set"), 0);
    support_write_digits("set", "train", true, 12, SIDE, 4);
    support_write_digits("set", "t10k", false, 11, SIDE, 4);
}

static void four_files(void **state) {
    struct set s = {.read = gb_dataset_read};
    (void)state;
    write_set();
    gb_hear(&said, read_set, &s);
    assert_int_equal(said.code, 0);
    assert_int_equal(s.data.train.count, 12);
    assert_int_equal(s.data.test.count, 11);
    for (size_t i = 0; i < 12; i++) {
        const unsigned char *const x = s.data.train.x + i * SIDE * SIDE;
        for (int j = 0; j < SIDE * SIDE; j++) assert_int_equal(x[j] >= 190, j % 4 == s.data.train.labels[i]);
    }
    gb_dataset_free(&s.data);
    support_write_digits("set", "train", false, 5, SIDE, 4); /* beside the packed ones: these count */
    gb_hear(&said, read_set, &s);
    assert_int_equal(said.code, 0);
    assert_int_equal(s.data.train.count, 5);
    gb_dataset_free(&s.data);
}

static void files_that_do_not_match(void **state) {
    static const struct {
        const char *command, *words;
        bool split;
    } table[] = {
        {"cp t10k-labels-idx1-ubyte train-labels-idx1-ubyte", "set: 12 images and 11 labels of train do not match", false},
        {"rm train-labels-idx1-ubyte.gz", "cannot open set/train-labels-idx1-ubyte.gz (No such file or directory)", false},
        {"rm t10k-images-idx3-ubyte", "cannot open set/t10k-images-idx3-ubyte.gz (No such file or directory)", false},
        {"rm t10k-images-idx3-ubyte", "cannot open set/t10k-images-idx3-ubyte.gz (No such file or directory)", true},
        {"cp t10k-labels-idx1-ubyte t10k-images-idx3-ubyte", "set/t10k-images-idx3-ubyte is no IDX file of images", false},
        {"printf '\\0\\0\\10\\3\\0\\0\\0\\13\\0\\0\\0\\1\\0\\0\\0\\2aaaaaaaaaaaaaaaaaaaaaa' >t10k-images-idx3-ubyte",
         "set: images for training have 9 pixels, those for testing 2", false},
        {"printf '\\0\\0\\10\\3\\0\\0\\0\\1\\0\\0\\0\\1\\0\\0\\0\\2aa' >t10k-images-idx3-ubyte; "
         "printf '\\0\\0\\10\\1\\0\\0\\0\\1\\1' >t10k-labels-idx1-ubyte",
         "set: too few images to be split", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct set s = {.read = table[i].split ? gb_dataset_read_split : gb_dataset_read};
        char command[400];
        write_set();
        snprintf(command, sizeof command, "cd set && %s", table[i].command);
        assert_int_equal(system(command), 0);
        gb_hear(&said, read_set, &s);
        if (said.code != 3 || !strstr(said.err, table[i].words) || gb_count_in(said.err, "\n") != 1)
            fail_msg("%s: ended with %d and said %s", table[i].command, said.code, said.err);
        assert_null(s.data.train.x);
        assert_null(s.data.test.x);
    }
}

static void every_fifth_to_test(void **state) {
    struct set all = {.read = gb_dataset_read}, s = {.read = gb_dataset_read_split};
    (void)state;
    write_set();
    gb_hear(&said, read_set, &all);
    gb_hear(&said, read_set, &s);
    assert_int_equal(said.code, 0);
    assert_int_equal(s.data.train.count, 9);
    assert_int_equal(s.data.test.count, 2);
    size_t train = 0, test = 0;
    for (size_t i = 0; i < 11; i++) {
        const struct gb_examples *const part = i % 5 == 4 ? &s.data.test : &s.data.train;
        const size_t at = i % 5 == 4 ? test++ : train++;
        assert_memory_equal(part->x + at * SIDE * SIDE, all.data.test.x + i * SIDE * SIDE, SIDE * SIDE);
        assert_int_equal(part->labels[at], all.data.test.labels[i]);
    }
    gb_dataset_free(&all.data);
    gb_dataset_free(&s.data);
}

static void rows_are_taken_as_quotients(void **state) {
    unsigned char pixels[256];
    int32_t all[] = {7, 8}, labels[3];
    float x[3 * 128];
    (void)state;
    for (int i = 0; i < 256; i++) pixels[i] = (unsigned char)i;
    const struct gb_examples examples = {.count = 2, .pixels = 128, .x = pixels, .labels = all};
    gb_examples_take(&examples, (uint32_t[]){1, 0, 1}, 3, x, labels);
    for (int j = 0; j < 128; j++) {
        assert_true(x[j] == (float)(128 + j) / 255 && x[2 * 128 + j] == x[j]);
        assert_true(x[128 + j] == (float)j / 255);
    }
    assert_int_equal(labels[0], 8);
    assert_int_equal(labels[1], 7);
    assert_int_equal(labels[2], 8);
}

/* The images that come with the program. */
static void the_shipped_images(void **state) {
    struct gb_dataset data;
    size_t counts[10] = {0};
    (void)state;
    assert_int_equal(gb_dataset_read_split(&data, TEST_MNIST), 0);
    assert_int_equal(data.train.count, 8000);
    assert_int_equal(data.test.count, 2000);
    assert_int_equal(data.train.pixels, 784);
    for (size_t i = 0; i < 8000; i++) counts[data.train.labels[i]]++;
    for (size_t i = 0; i < 2000; i++) counts[data.test.labels[i]]++;
    static const size_t known[] = {980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009};
    for (int i = 0; i < 10; i++) assert_int_equal(counts[i], known[i]);
    gb_dataset_free(&data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_kinds_plain_and_packed),
        cmocka_unit_test(cut_off_at_each_byte),
        cmocka_unit_test(heads_that_cannot_be),
        cmocka_unit_test(what_is_packed_wrongly),
        cmocka_unit_test(a_head_that_promises_much),
        cmocka_unit_test(a_bomb),
        cmocka_unit_test(what_is_no_file),
        cmocka_unit_test(four_files),
        cmocka_unit_test(files_that_do_not_match),
        cmocka_unit_test(every_fifth_to_test),
        cmocka_unit_test(rows_are_taken_as_quotients),
        cmocka_unit_test(the_shipped_images),
    };
    return cmocka_run_group_tests(tests, support_tree_enter, support_tree_leave);
}
