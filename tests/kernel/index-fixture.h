/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Indexes for Tests
 *
 * Made by the real profilerd-elf, which PROFILERD_ELF names.
 */

#include <fcntl.h>

#include "process/file.h"
#include "tests/unit/unit-test.h"

/* A file without an index is walked by its frame pointers. */
static inline void give_index(File *file) {
        char out[] = "/tmp/profilerd-index-XXXXXX", command[1024];
        _cleanup_(index_file_unrefp) IndexFile *index = NULL;
        _cleanup_close_ int fd = mkstemp(out);

        assert_true(fd >= 0);
        snprintf(command, sizeof(command), "%s %s -o %s 2>/dev/null", getenv("PROFILERD_ELF") ?: "",
                 file_get_path(file), out);
        if (file_get_path(file)[0] == '/' && system(command) == 0) {
                close(fd);
                fd = open(out, O_RDONLY | O_CLOEXEC);
                assert_int_equal(index_file_open(&index, fd, NULL), 0);
                file_set_index(file, index);
        }
        unlink(out);
}
