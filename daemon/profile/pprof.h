/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The pprof Format
 *
 * profile.proto (perftools.profiles.Profile) as gzip, written deterministically: equal profiles
 * give equal bytes. Ids are dense from 1 in table order, samples are sorted, no time stamp is in
 * the gzip header.
 */

#include "profile/profile.h"

enum {
        PPROF_ENCODED_MAX = 64 << 20, /* bytes after decompression that a reader accepts */
};

/* *ret is a heap block with the gzipped profile. */
int pprof_encode(Profile *p, uint8_t **ret, size_t *ret_size);

/*
 * Accepts gzip and plain protobuf from anyone. *ret_reason (may be NULL; static text) says what is
 * wrong on -EBADMSG. -E2BIG: one of the limits.
 */
int pprof_decode(const void *data, size_t size, Profile **ret, const char **ret_reason);

/* Reads a whole file and decodes it. Also the errors of open() and read(). */
int pprof_read_file(int dir_fd, const char *path, Profile **ret, const char **ret_reason);
