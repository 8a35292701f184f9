/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * uthash, as the Tables of a Profile want it
 *
 * An allocation that fails is an error of the call (the handle's tbl is NULL), not the end of the
 * process. Keys are hashed by words: they are whole stacks, and are looked up for each sample.
 */

#include "basic/util.h"

static inline uint64_t table_hash_mix(uint64_t hash, const void *p, size_t n) {
        const uint64_t prime =
                UINT64_C(0x9e3779b97f4a7c15); /* 2^64 / golden ratio: odd, no pattern */
        uint64_t word = 0;

        memcpy(&word, p, n);
        hash = (hash ^ word) * prime;
        return hash ^ hash >> 32;
}

static inline unsigned table_hash(const void *key, size_t n) {
        const uint8_t *p = key;
        uint64_t a = n, b = 0;

        /* Two chains, since each step waits for the multiplication before it. */
        for (; n >= 16; n -= 16, p += 16) {
                a = table_hash_mix(a, p, 8);
                b = table_hash_mix(b, p + 8, 8);
        }
        if (n >= 8) {
                a = table_hash_mix(a, p, 8);
                n -= 8;
                p += 8;
        }
        if (n >= 4) {
                b = table_hash_mix(b, p, 4);
                n -= 4;
                p += 4;
        }
        for (; n > 0; n--)
                b = table_hash_mix(b, p++, 1);
        return table_hash_mix(a, &b, sizeof(b));
}

#define HASH_NONFATAL_OOM               1
#define HASH_FUNCTION(key, n, ret_hash) ((ret_hash) = table_hash((key), (n)))
#include <uthash.h>
