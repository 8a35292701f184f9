/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Store Index
 *
 * What lies in a store, held in memory so that keeping its limits takes no look at the disk: for
 * each unit its files in the order of their start. It follows the files and never leads them: what
 * is on the disk is right.
 */

#include <time.h>

#include "store/store-pins.h"
#include "store/store.h"

typedef struct StoreIndex StoreIndex;
typedef struct StoreUnit StoreUnit; /* a directory of the store */

int store_index_new(StoreIndex **ret);
StoreIndex *store_index_free(StoreIndex *x);
DEFINE_CLEANUP(StoreIndex *, store_index_free);

/* Of all units. */
uint64_t store_index_get_use_bytes(const StoreIndex *x);
size_t store_index_get_n_files(const StoreIndex *x);

/* ---- units; borrowed until they are removed ---- */
StoreUnit *store_index_find(const StoreIndex *x, const char *directory); /* NULL: not known */
/* Finds it or makes it, without a file. */
int store_index_put(StoreIndex *x, const char *directory, StoreUnit **ret);
/* Forgets the unit and its files; u may be NULL. */
void store_index_remove(StoreIndex *x, StoreUnit *u);
/* Forgets its files. */
void store_index_clear(StoreIndex *x, StoreUnit *u);
/* The unit after u, NULL is before the first. u must not be removed in between. */
StoreUnit *store_index_next(const StoreIndex *x, const StoreUnit *u);

const char *store_index_get_directory(const StoreUnit *u);
/* A mark for the owner: time of the directory's last change that the index knows of. */
struct timespec store_index_get_mtime(const StoreUnit *u);
void store_index_set_mtime(StoreUnit *u, struct timespec mtime);
size_t store_index_n_files(const StoreUnit *u);

/* ---- files ---- */
/* Copies what it needs of entry. use_bytes: what the file occupies. */
int store_index_add(StoreIndex *x, StoreUnit *u, const StoreEntry *entry, uint64_t use_bytes);
/* Of the unit's oldest file, which exists. */
char *store_index_oldest_name(const StoreIndex *x, const StoreUnit *u); /* NULL: out of memory */
usec_t store_index_oldest_end(const StoreUnit *u);
bool store_index_oldest_is_pinned(const StoreUnit *u, const StorePins *pins, usec_t now_usec);
/* Forgets the unit's oldest file; returns what it occupied. */
uint64_t store_index_pop(StoreIndex *x, StoreUnit *u);

/*
 * The unit whose oldest file goes next: the oldest of all among the units that have more than one,
 * and only if there is none such among all. growing (may be NULL) is about to get one more, and so
 * counts as having it. spare: units are to keep their last file. What is pinned (pins may be NULL)
 * goes when there is nothing else. NULL: nothing may go.
 */
StoreUnit *store_index_find_victim(const StoreIndex *x,
                                   const StoreUnit *growing,
                                   bool spare,
                                   const StorePins *pins,
                                   usec_t now_usec);
