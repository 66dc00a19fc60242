#include "dataset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "idx.h"
#include "message.h"
#include "text.h"

enum { ONE_IN = 5 }; /* of a set that is split, for testing */

/* The plain file where there is one, else the packed one. */
static int read_part(struct gb_idx *idx, const char *folder, const char *name, unsigned magic) {
    char path[GB_PATH_MAX];
    if (snprintf(path, sizeof path, "%s/%s.gz", folder, name) >= (int)sizeof path)
        return gb_fail(GB_EXIT_USAGE, "the path of the data is longer than %d bytes", GB_PATH_MAX - 1);
    const size_t plain = strlen(path) - 3;
    path[plain] = '\0';
    if (access(path, F_OK) != 0) path[plain] = '.';
    return gb_idx_read(idx, path, magic);
}

static void free_examples(struct gb_examples *examples) {
    free(examples->x);
    free(examples->labels);
    *examples = (struct gb_examples){0};
}

static int read_examples(struct gb_examples *examples, const char *folder, const char *set) {
    char images_name[40], labels_name[40];
    struct gb_idx images, labels;
    snprintf(images_name, sizeof images_name, "%s-images-idx3-ubyte", set);
    snprintf(labels_name, sizeof labels_name, "%s-labels-idx1-ubyte", set);
    int code = read_part(&images, folder, images_name, GB_IDX_IMAGES);
    if (code != GB_EXIT_OK) return code;
    *examples = (struct gb_examples){.count = images.count, .pixels = images.size, .x = images.bytes};
    code = read_part(&labels, folder, labels_name, GB_IDX_LABELS);
    if (code == GB_EXIT_OK && labels.count != images.count)
        code = gb_fail(GB_EXIT_INPUT, "%.400s: %zu images and %zu labels of %s do not match", folder, images.count,
                       labels.count, set);
    if (code == GB_EXIT_OK && !(examples->labels = malloc(images.count * sizeof *examples->labels)))
        code = gb_fail(GB_EXIT_RESOURCE, "no memory for the labels of %.400s", folder);
    for (size_t i = 0; code == GB_EXIT_OK && i < images.count; i++) examples->labels[i] = labels.bytes[i];
    gb_idx_free(&labels);
    if (code != GB_EXIT_OK) free_examples(examples);
    return code;
}

int gb_dataset_read(struct gb_dataset *data, const char *folder) {
    *data = (struct gb_dataset){0};
    int code = read_examples(&data->train, folder, "train");
    if (code == GB_EXIT_OK) code = read_examples(&data->test, folder, "t10k");
    if (code == GB_EXIT_OK && data->train.pixels != data->test.pixels)
        code = gb_fail(GB_EXIT_INPUT, "%.400s: images for training have %zu pixels, those for testing %zu", folder,
                       data->train.pixels, data->test.pixels);
    if (code != GB_EXIT_OK) gb_dataset_free(data);
    return code;
}

static bool allocate(struct gb_examples *examples, size_t count, size_t pixels) {
    *examples =
        (struct gb_examples){.pixels = pixels, .x = malloc(count * pixels), .labels = malloc(count * sizeof *examples->labels)};
    return examples->x && examples->labels;
}

int gb_dataset_read_split(struct gb_dataset *data, const char *folder) {
    struct gb_examples all;
    *data = (struct gb_dataset){0};
    int code = read_examples(&all, folder, "t10k");
    if (code != GB_EXIT_OK) return code;
    const size_t tests = all.count / ONE_IN;
    if (tests == 0) code = gb_fail(GB_EXIT_INPUT, "%.400s: too few images to be split", folder);
    else if (!allocate(&data->train, all.count - tests, all.pixels) || !allocate(&data->test, tests, all.pixels))
        code = gb_fail(GB_EXIT_RESOURCE, "no memory for the images of %.400s", folder);
    for (size_t i = 0; code == GB_EXIT_OK && i < all.count; i++) {
        struct gb_examples *const part = i % ONE_IN == ONE_IN - 1 ? &data->test : &data->train;
        memcpy(part->x + part->count * all.pixels, all.x + i * all.pixels, all.pixels);
        part->labels[part->count++] = all.labels[i];
    }
    free_examples(&all);
    if (code != GB_EXIT_OK) gb_dataset_free(data);
    return code;
}

void gb_dataset_free(struct gb_dataset *data) {
    free_examples(&data->train);
    free_examples(&data->test);
}

/* The images of a batch lie anywhere in memory: to ask for them before they are needed halves the time. */
static void ask_for(const unsigned char *image, size_t pixels) {
    enum { LINE = 64 };
    for (size_t j = 0; j < pixels; j += LINE) __builtin_prefetch(image + j);
}

void gb_examples_take(const struct gb_examples *examples, const uint32_t *rows, size_t n, float *x, int32_t *labels) {
    enum { AHEAD = 4 };
    const size_t pixels = examples->pixels;
    for (size_t i = 0; i < n; i++) {
        const unsigned char *const image = examples->x + rows[i] * pixels;
        float *const restrict to = x + i * pixels;
        if (i + AHEAD < n) ask_for(examples->x + rows[i + AHEAD] * pixels, pixels);
        for (size_t j = 0; j < pixels; j++)
            to[j] = (float)image[j] / 255; /* a table of 256 is slower than vectors of quotients */
        labels[i] = examples->labels[rows[i]];
    }
}
