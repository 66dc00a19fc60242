/* SHA-256 (FIPS 180-4) of a stream of bytes. */
#ifndef GB_SHA256_H
#define GB_SHA256_H

#include <stddef.h>
#include <stdint.h>

struct gb_sha256 {
    uint32_t state[8];
    uint64_t bytes;
    unsigned char block[64];
};

void gb_sha256_init(struct gb_sha256 *sha);
void gb_sha256_update(struct gb_sha256 *sha, const void *data, size_t size);
/* Ends the stream and writes 64 hexadecimal digits and a 0. */
void gb_sha256_hex(struct gb_sha256 *sha, char hex[65]);

#endif
