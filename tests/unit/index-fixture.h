/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Index Fixture
 *
 * A directory of its own for each test, files in it, and small indexes that are valid.
 */

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "index/index-file.h"
#include "remove-tree.h"
#include "unit-test.h"

static inline char *make_directory(void) {
        const char *where = getenv("TMPDIR");
        char *path;

        assert_true(asprintf(&path, "%s/test-index-XXXXXX", where ? where : "/tmp") > 0);
        assert_non_null(mkdtemp(path));
        return path;
}

static inline void remove_directory(char *path) {
        assert_return_code(remove_tree(path), 0);
        free(path);
}

/* Replaces what is there; the mode is for programs. */
static inline void put_file(const char *directory,
                            const char *name,
                            const void *data,
                            size_t size) {
        _cleanup_free_ char *path = NULL;
        _cleanup_close_ int fd = -EBADF;

        assert_true(asprintf(&path, "%s/%s", directory, name) > 0);
        (void) unlink(path);
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
        assert_return_code(fd, errno);
        assert_return_code(write_all(fd, data, size), 0);
}

static inline void put_text(const char *directory, const char *name, const char *text) {
        put_file(directory, name, text, strlen(text));
}

static inline int open_in(const char *directory, const char *name) {
        _cleanup_free_ char *path = NULL;
        int fd;

        assert_true(asprintf(&path, "%s/%s", directory, name) > 0);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        assert_return_code(fd, errno);
        return fd;
}

/* How many names with this end a directory has. */
static inline size_t count_names(const char *directory, const char *end) {
        struct dirent *entry;
        size_t n = 0;
        DIR *dir;

        dir = opendir(directory);
        assert_non_null(dir);
        while ((entry = readdir(dir)))
                n += entry->d_name[0] != '.' && endswith(entry->d_name, end);
        closedir(dir);
        return n;
}

static inline size_t count_links(const char *directory) {
        _cleanup_free_ char *path = NULL;

        assert_true(asprintf(&path, "%s/by-inode", directory) > 0);
        return count_names(path, "");
}

/* A hash that is told from others by its first byte. */
static inline void make_hash(uint8_t first, uint8_t ret[static INDEX_CONTENT_HASH_SIZE]) {
        memset(ret, 0xa5, INDEX_CONTENT_HASH_SIZE);
        ret[0] = first;
}

/* One function "main" at address 0x1000; build id "abcd" or none. */
typedef struct TestIndex {
        IndexHeader header;
        IndexFunction function;
        char names[8];
} TestIndex;

static inline TestIndex make_index(uint8_t first, bool has_build_id) {
        TestIndex i = {
                .header = {
                        .magic = INDEX_MAGIC,
                        .version = INDEX_VERSION,
                        .header_size = sizeof(IndexHeader),
                        .file_size = sizeof(TestIndex),
                        .build_id = { 0xab, 0xcd },
                        .build_id_size = has_build_id ? 2 : 0,
                        .sections[INDEX_SECTION_FUNCTIONS] = { offsetof(TestIndex, function),
                                                               sizeof(IndexFunction) },
                        .sections[INDEX_SECTION_NAMES] = { offsetof(TestIndex, names), 8 },
                },
                .function = { .address = 0x1000, .size = 16, .name = 1, .system_name = 1 },
                .names = "\0main\0",
        };

        make_hash(first, i.header.content_hash);
        return i;
}
