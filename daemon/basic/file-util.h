/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Files: whole reads with a limit, writes that appear complete or not at all. */

#include "basic/util.h"

/*
 * Reads a whole file into a heap block with a 0 byte behind it. dir_fd as in openat().
 * -E2BIG: larger than max bytes.
 */
int read_full_file_at(int dir_fd, const char *path, size_t max, char **ret, size_t *ret_size);
int read_full_fd(int fd, size_t max, char **ret, size_t *ret_size);

/*
 * A descriptor of a path below a root directory that is not ours: only to look at (O_PATH). Links
 * lead where they lead in that root, never out of it. Where the system has no openat2(), as in some
 * containers, links are refused (-ELOOP).
 */
int open_in_root(int root_fd, const char *path);

/* What open_in_root() has found, for reading, if it is a regular file (else -ENOENT). Never blocks
 * on a FIFO or a lease. */
int open_regular_in_root(int root_fd, const char *path);

/* The file that an O_PATH descriptor shows. A lease on it makes this fail with -EAGAIN, and does
 * not block. */
int reopen_for_reading(int path_fd);

int write_all(int fd, const void *data, size_t size);

/*
 * A file without a name in the directory dir_fd, for link_tmpfile(). Where the file system has no
 * O_TMPFILE the file gets a name that starts with ".#"; *ret_name is it, or NULL.
 */
int open_tmpfile(int dir_fd, mode_t mode, char **ret_name);

/* Gives the file of open_tmpfile() its name, atomically. tmp_name as it returned. Never replaces:
 * -EEXIST: the name is taken. */
int link_tmpfile(int fd, int dir_fd, const char *tmp_name, const char *name);

/* open_tmpfile(), write_all(), fsync() the data, link_tmpfile(), fsync() the directory. */
int write_file_atomic(int dir_fd, const char *name, const void *data, size_t size, mode_t mode);

/* The same, but a file of that name is replaced. */
int replace_file(int dir_fd, const char *name, const void *data, size_t size, mode_t mode);

/* mkdir() that is content with an existing directory, then opens it. */
int mkdir_open(int dir_fd, const char *name, mode_t mode);
