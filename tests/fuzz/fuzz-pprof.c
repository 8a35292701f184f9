/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzer: pprof Files
 *
 * Whatever is accepted can be merged and written, and what is written reads back as the same bytes.
 */

#include "profile/pprof-check.h"
#include "profile/pprof.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition) {
        if (!condition)
                abort();
}

static void merge_into_nothing(Profile *from) {
        ProfileValueType types[PROFILE_VALUE_TYPES_MAX];
        _cleanup_(profile_freep) Profile *p = NULL;
        size_t n = profile_n_value_types(from);

        for (size_t i = 0; i < n; i++)
                profile_get_value_type(from, i, &types[i]);
        if (profile_new(&p, types, n) < 0)
                return;
        require(profile_merge(p, from) == 0);
        require(profile_merge(p, from) == 0);
        require(profile_n_samples(p) <= profile_n_samples(from));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(profile_freep) Profile *p = NULL, *q = NULL;
        _cleanup_free_ uint8_t *once = NULL, *twice = NULL;
        size_t once_size, twice_size;
        const char *reason = NULL;
        int r;

        require(pprof_check(data, size, NULL, NULL) >= 0);

        r = pprof_decode(data, size, &p, &reason);
        require(r >= 0 || reason);
        if (r < 0)
                return 0;

        merge_into_nothing(p);
        require(pprof_encode(p, &once, &once_size) == 0);
        require(pprof_decode(once, once_size, &q, NULL) == 0);
        require(pprof_encode(q, &twice, &twice_size) == 0);
        require(once_size == twice_size && memcmp(once, twice, once_size) == 0);
        return 0;
}
