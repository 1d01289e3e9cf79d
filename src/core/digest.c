/* SHA-256 of a sequence of bytes, through libmd. */
#include "core/digest.h"

#include <stdint.h>

void digest_begin(Digest *digest) {
    SHA256Init(&digest->state);
}

void digest_update(Digest *digest, const void *bytes, size_t size) {
    if (size > 0) SHA256Update(&digest->state, bytes, size);
}

void digest_end(Digest *digest, char text[DIGEST_TEXT_SIZE]) {
    static const char digits[] = "0123456789abcdef";
    uint8_t sum[SHA256_DIGEST_LENGTH];
    SHA256Final(sum, &digest->state);
    for (size_t i = 0; i < sizeof(sum); i++) {
        text[2 * i] = digits[sum[i] >> 4];
        text[2 * i + 1] = digits[sum[i] & 15];
    }
    text[2 * sizeof(sum)] = '\0';
}
