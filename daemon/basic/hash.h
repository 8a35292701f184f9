/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A fast hash of 64-bit words, for tables whose keys no adversary chooses at leisure. */

#include "basic/util.h"

static inline uint64_t hash_mix(uint64_t h, uint64_t word) {
        h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        return h ^ (h >> 32);
}

static inline uint64_t hash_words(const uint64_t *words, size_t n, uint64_t seed) {
        uint64_t h = hash_mix(seed, n);

        for (size_t i = 0; i < n; i++)
                h = hash_mix(h, words[i]);
        return h;
}
