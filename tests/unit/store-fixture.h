/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Store Fixture
 *
 * A directory of its own for each test, and files in it that a store could have written.
 */

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "basic/file-util.h"
#include "remove-tree.h"
#include "store/store.h"
#include "unit-test.h"

#define BOOT "0123456789abcdef0123456789abcdef"

static inline int make_directory(void **state) {
        const char *where = getenv("TMPDIR");
        char *path;

        if (asprintf(&path, "%s/test-store-XXXXXX", where ? where : "/tmp") < 0)
                return -1;
        *state = path;
        return mkdtemp(path) ? 0 : -1;
}

/* Root may read everything: not so from here to the end of the test. */
static inline void be_nobody(void) {
        if (geteuid() == 0)
                assert_return_code(seteuid(65534), errno);
}

static inline int remove_directory(void **state) {
        int r = seteuid(getuid());

        if (r >= 0)
                r = remove_tree(*state);
        free(*state);
        return r;
}

/* A file of any name, of so many zero bytes, behind the store's back. */
static inline void put_file(const char *root, const char *unit, const char *name, size_t size) {
        _cleanup_free_ char *path = NULL, *data = calloc(1, size + 1);
        _cleanup_close_ int fd = -EBADF;

        assert_non_null(data);
        assert_true(asprintf(&path, "%s/%s", root, unit) > 0);
        assert_true(mkdir(path, 0750) >= 0 || errno == EEXIST);
        free(path);
        assert_true(asprintf(&path, "%s/%s/%s", root, unit, name) > 0);
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
        assert_true(fd >= 0);
        assert_return_code(write_all(fd, data, size), 0);
}

/* The name of a profile that starts then. */
static inline const char *profile_name(usec_t start, char buffer[static 128]) {
        snprintf(buffer, 128, "cpu." BOOT ".%llu.10.pb.gz", (unsigned long long) start);
        return buffer;
}

static inline void put_profile(const char *root, const char *unit, usec_t start, size_t size) {
        char name[128];

        put_file(root, unit, profile_name(start, name), size);
}

/* "": the store itself. */
static inline void set_mode(const char *root, const char *unit, mode_t mode) {
        _cleanup_free_ char *path = NULL;

        assert_true(asprintf(&path, "%s/%s", root, unit) > 0);
        assert_return_code(chmod(path, mode), errno);
}

static inline bool has_file(const char *root, const char *unit, const char *name) {
        _cleanup_free_ char *path = NULL;
        struct stat st;

        assert_true(asprintf(&path, "%s/%s/%s", root, unit, name) > 0);
        return lstat(path, &st) >= 0;
}

static inline bool has_profile(const char *root, const char *unit, usec_t start) {
        char name[128];

        return has_file(root, unit, profile_name(start, name));
}

/* Names in a directory but "." and "..", -1: there is none. */
static inline int count_names(const char *root, const char *unit) {
        _cleanup_free_ char *path = NULL;
        DIR *d;
        int n = 0;

        assert_true(asprintf(&path, "%s/%s", root, unit) > 0);
        d = opendir(path);
        if (!d)
                return -1;
        while (readdir(d))
                n++;
        closedir(d);
        return n - 2;
}
