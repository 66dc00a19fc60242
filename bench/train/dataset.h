/* Images with their labels: some to train on, others to test what was learned. */
#ifndef GB_DATASET_H
#define GB_DATASET_H

#include <stddef.h>
#include <stdint.h>

struct gb_examples {
    size_t count, pixels;
    unsigned char *x; /* [count][pixels], 0 to 255 */
    int32_t *labels;  /* [count] */
};

struct gb_dataset {
    struct gb_examples train, test;
};

/* The four files of MNIST in a folder, each plain or with .gz behind its name. Prints what is wrong and returns the exit code;
 * nothing is then to be freed. */
int gb_dataset_read(struct gb_dataset *data, const char *folder);

/* The two files t10k-... alone: every fifth image is for testing, so that both parts are alike. */
int gb_dataset_read_split(struct gb_dataset *data, const char *folder);

void gb_dataset_free(struct gb_dataset *data);

/* One of rows[0 .. n-1] in each row of x: pixels from 0 to 1, each the quotient by 255. */
void gb_examples_take(const struct gb_examples *examples, const uint32_t *rows, size_t n, float *x, int32_t *labels);

#endif
