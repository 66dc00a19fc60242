/* IDX files, as MNIST comes in: a magic number, the sizes, one byte an element; plain or through gzip. */
#ifndef GB_IDX_H
#define GB_IDX_H

#include <stddef.h>

enum {
    GB_IDX_LABELS = 0x801, /* magic of bytes in one dimension */
    GB_IDX_IMAGES = 0x803, /* in three: images, rows, columns */
    GB_IDX_BYTES_MAX = 1 << 30,
};

struct gb_idx {
    size_t count, size;   /* elements of the first dimension, bytes of each */
    unsigned char *bytes; /* count * size of them */
};

/* Reads the file with that magic. What is unpacked is never more than its first bytes say and GB_IDX_BYTES_MAX allows. Prints
 * what is wrong and returns the exit code; nothing is then to be freed. */
int gb_idx_read(struct gb_idx *idx, const char *path, unsigned magic);
void gb_idx_free(struct gb_idx *idx);

#endif
