/* Arrays of float in an .npz file, NumPy's own: a zip of one .npy an array. */
#ifndef GB_NPZ_H
#define GB_NPZ_H

#include <stddef.h>

enum { GB_NPZ_ARRAYS_MAX = 64 };

struct gb_npz_array {
    char name[24];
    size_t rank, sizes[2]; /* 1 or 2 dimensions, row-major */
    float *values;         /* the caller's */
};

/* The file's bytes, to be freed; they depend on nothing else. NULL: no memory, or it would be larger than 4 GiB. */
char *gb_npz_write(const struct gb_npz_array *arrays, size_t count, size_t *size);

/* Fills the values from a file that has these arrays and no others, stored or deflated. Prints what is wrong and returns the
 * exit code; some values may then have been changed. */
int gb_npz_read(const char *path, const struct gb_npz_array *arrays, size_t count);

#endif
