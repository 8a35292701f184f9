/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 and HMAC */

#include <nettle/hmac.h>
#include <nettle/sha2.h>

#include "upload/digest.h"

_Static_assert(DIGEST_SIZE == SHA256_DIGEST_SIZE, "the size is that of SHA-256");

void digest_sha256(const void *data, size_t size, uint8_t ret[static DIGEST_SIZE]) {
        struct sha256_ctx c;

        sha256_init(&c);
        sha256_update(&c, size, data);
        sha256_digest(&c, DIGEST_SIZE, ret);
}

void digest_to_hex(const uint8_t digest[static DIGEST_SIZE], char ret[static DIGEST_HEX_SIZE]) {
        for (size_t i = 0; i < DIGEST_SIZE; i++)
                (void) snprintf(ret + 2 * i, 3, "%02x", digest[i]);
}

void digest_sha256_hex(const void *data, size_t size, char ret[static DIGEST_HEX_SIZE]) {
        uint8_t digest[DIGEST_SIZE];

        digest_sha256(data, size, digest);
        digest_to_hex(digest, ret);
}

void digest_hmac(const void *key,
                 size_t key_size,
                 const void *data,
                 size_t size,
                 uint8_t ret[static DIGEST_SIZE]) {
        struct hmac_sha256_ctx c;

        hmac_sha256_set_key(&c, key_size, key);
        hmac_sha256_update(&c, size, data);
        hmac_sha256_digest(&c, DIGEST_SIZE, ret);
        explicit_bzero(&c, sizeof(c));
}
