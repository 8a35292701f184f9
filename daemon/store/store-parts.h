/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Parts of a Compacted File
 *
 * What a file of the store stands for beside itself: the names of those that it replaces, in an
 * extra field of its gzip header, which readers of gzip skip. The list is as old as the file, so
 * there is no moment in which one is known without the other.
 */

#include "store/store.h"

typedef struct StorePart {
        usec_t start_usec, duration_usec;
        StoreLevel level;
} StorePart;

/*
 * The header that takes the place of the first GZIP_MEMBER_HEADER bytes of data, a gzip member
 * with nothing optional in its header (-EINVAL: it is none). -E2BIG: STORE_PARTS_MAX.
 */
enum { GZIP_MEMBER_HEADER = 10 };
int store_parts_encode(const void *data,
                       size_t size,
                       const StoreEntry *parts,
                       size_t n_parts,
                       uint8_t **ret,
                       size_t *ret_size);

/* From the start of a file; 0 parts where it has no list. -EBADMSG: the list is broken. */
int store_parts_decode(const void *data, size_t size, StorePart **ret, size_t *ret_n);
/* Sets replaced_usec of the entries, which are all of one unit, in any order, and are sorted by it.
 */
int store_parts_mark(int dir_fd, StoreEntry *entries, size_t n);
