/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Scanning the Store
 *
 * Reads the directories of a store. What is not a regular file with a name of ours, in a directory
 * below the store's, belongs to somebody else: it is left alone and not counted.
 */

#include "store/store-index.h"

/* A negative return value ends the scan, and is its result. */
typedef int (*StoreOnName)(const char *name, void *userdata);

/* All names of the directory but "." and "..", in no order. */
int store_scan_names(int dir_fd, StoreOnName on_name, void *userdata);

/*
 * -ENOENT, -ENOTDIR, -ELOOP: no directory; -EACCES where it is not the directory of a unit: not
 * ours. Else a descriptor.
 */
int store_open_unit(int dir_fd, const char *directory);

/*
 * The entry behind a name of a unit's directory, with its size and, in ret_use_bytes, what it
 * occupies on the disk; unit and path stay NULL. -EINVAL: not one of ours, -ENOENT: gone.
 */
int store_stat_entry(int unit_fd, const char *name, StoreEntry *ret, uint64_t *ret_use_bytes);

/*
 * Brings what the index holds of one unit up to date, if somebody else changed its directory, and
 * removes what a crash left behind. 1: there were changes, 0: none, -ENOENT: there is no such
 * directory, the index has forgotten it. *ret_unit (NULL on a negative return value) and *ret_fd
 * may be NULL.
 */
int store_refresh_unit(
        StoreIndex *x, int dir_fd, const char *directory, StoreUnit **ret_unit, int *ret_fd);
/* To be called after a change of our own, lest it be taken for somebody else's. */
void store_note_change(StoreUnit *u, int unit_fd);

/* The same for all directories. */
int store_refresh(StoreIndex *x, int dir_fd);

/* Removes the directory of a unit that has no file left, and forgets the unit; u may be NULL. */
void store_remove_empty(StoreIndex *x, int dir_fd, StoreUnit *u);
