/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzer: pprof Files
 *
 * Whatever is accepted can be merged and written, and what is written reads back as the same bytes.
 * Read straight into a sum it makes the same sum.
 */

#include <fcntl.h>
#include <sys/mman.h>

#include "basic/file-util.h"
#include "profile/pprof-check.h"
#include "profile/pprof-reader.h"
#include "profile/pprof.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition) {
        if (!condition)
                abort();
}

static Profile *new_sum(const Profile *of) {
        ProfileValueType types[PROFILE_VALUE_TYPES_MAX];
        size_t n = profile_n_value_types(of);
        Profile *p;

        for (size_t i = 0; i < n; i++)
                profile_get_value_type(of, i, &types[i]);
        require(profile_new(&p, types, n) == 0);
        return p;
}

static Profile *read_into_sum(const uint8_t *data, size_t size) {
        _cleanup_(pprof_reader_freep) PprofReader *reader = NULL;
        _cleanup_close_ int fd = memfd_create("profile", MFD_CLOEXEC);
        Profile *sum;
        char path[32];

        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        require(fd >= 0 && write_all(fd, data, size) >= 0 && pprof_reader_new(&reader) == 0);
        require(pprof_reader_open_file(reader, AT_FDCWD, path, NULL) >= 0);
        sum = new_sum(pprof_reader_get_head(reader));
        for (unsigned i = 0; i < 2; i++)
                require(pprof_reader_merge(reader, sum, NULL, NULL, NULL) == 0);
        return sum;
}

static void merge_both_ways(Profile *from, const uint8_t *data, size_t size) {
        _cleanup_(profile_freep) Profile *p = new_sum(from), *q = NULL;
        _cleanup_free_ uint8_t *x = NULL, *y = NULL;
        size_t x_size, y_size;

        require(profile_merge(p, from) == 0);
        require(profile_merge(p, from) == 0);
        require(profile_n_samples(p) <= profile_n_samples(from));
        q = read_into_sum(data, size);
        require(pprof_encode(p, &x, &x_size) == 0);
        require(pprof_encode(q, &y, &y_size) == 0);
        require(x_size == y_size && memcmp(x, y, x_size) == 0);
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

        merge_both_ways(p, data, size);
        require(pprof_encode(p, &once, &once_size) == 0);
        require(pprof_decode(once, once_size, &q, NULL) == 0);
        require(pprof_encode(q, &twice, &twice_size) == 0);
        require(once_size == twice_size && memcmp(once, twice, once_size) == 0);
        return 0;
}
