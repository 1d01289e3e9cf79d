/* SHA-256 of a sequence of bytes, in hexadecimal. */
#ifndef CORE_DIGEST_H
#define CORE_DIGEST_H

#include <stddef.h>

#include <sha2.h>

enum { DIGEST_TEXT_SIZE = 65 }; /* 64 characters and the terminating zero */

typedef struct Digest {
    SHA2_CTX state;
} Digest;

void digest_begin(Digest *digest);

/* Appends `size` bytes; `bytes` may be NULL when `size` is 0. */
void digest_update(Digest *digest, const void *bytes, size_t size);

/* Writes the digest in lower case; digest_begin starts the next one. */
void digest_end(Digest *digest, char text[DIGEST_TEXT_SIZE]);

#endif
