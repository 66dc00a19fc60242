/* Images that are no digits, but can be learned: files as those of MNIST. */
#ifndef SUPPORT_DIGITS_H
#define SUPPORT_DIGITS_H

#include <stdbool.h>
#include <stddef.h>

/* A file of that magic with these sizes; the images of each class are light at places of their own. To be freed. */
unsigned char *support_idx(unsigned magic, size_t count, size_t side, int classes, size_t *size);

void support_write(const char *path, const void *bytes, size_t size);
void support_write_packed(const char *path, const void *bytes, size_t size);

/* <set>-images-idx3-ubyte and <set>-labels-idx1-ubyte, packed ones with .gz. */
void support_write_digits(const char *folder, const char *set, bool packed, size_t count, size_t side, int classes);

#endif
