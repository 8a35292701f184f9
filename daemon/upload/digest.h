/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* SHA-256 and HMAC, for ids and signatures. */

#include "basic/util.h"

enum {
        DIGEST_SIZE = 32,
        DIGEST_HEX_SIZE = 2 * DIGEST_SIZE + 1,
};

void digest_sha256(const void *data, size_t size, uint8_t ret[static DIGEST_SIZE]);
/* Lower-case hex, terminated. */
void digest_sha256_hex(const void *data, size_t size, char ret[static DIGEST_HEX_SIZE]);
void digest_hmac(const void *key,
                 size_t key_size,
                 const void *data,
                 size_t size,
                 uint8_t ret[static DIGEST_SIZE]);
void digest_to_hex(const uint8_t digest[static DIGEST_SIZE], char ret[static DIGEST_HEX_SIZE]);
