/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Index Cache
 *
 * Finds the index of an ELF file in the cache directory, or has profilerd-elf make it: one worker
 * process for each file, without privileges, two at a time. A file is known by device, inode, size,
 * mtime and ctime (a symbolic link by that name leads to the index), an index by build id and
 * content hash. A worker run of its own, which does not parse, copies the file and computes the
 * hash of the copy, and the index is made from the copy: no file can claim the index of another,
 * whatever it shows to whom. A file together with its separate debug file is known by both of them.
 */

#include <systemd/sd-event.h>

#include "basic/time-util.h"
#include "index/index-file.h"

enum {
        INDEX_CACHE_WORKERS_MAX = 2,
        INDEX_CACHE_QUEUE_MAX = 4096, /* files that wait; more are refused with -EBUSY */
        INDEX_CACHE_WORKER_USEC = 120 * 1000 * 1000, /* what profilerd gives a worker */
};

typedef struct IndexCache IndexCache;

typedef struct IndexCacheStatistics {
        uint64_t hits, built, failed;
        uint64_t unreadable; /* of failed: those that are no fault of the worker */
        int last_error;      /* of the others; 0: none yet */
        size_t n_queued, n_running;
} IndexCacheStatistics;

/*
 * error 0: index is the file's (borrowed); -EBADMSG: profilerd-elf could not read the file; -ETIME,
 * -EIO, …: the worker failed. Never called before index_cache_load() has returned. It may load, but
 * not free the cache.
 */
typedef void (*IndexCacheCallback)(IndexFile *index, int error, void *userdata);

/*
 * worker: path of the profilerd-elf program, which may run for worker_usec, once for the copy and
 * once for the index. The directory is made if its parent exists.
 */
int index_cache_new(IndexCache **ret,
                    sd_event *event,
                    const char *directory,
                    const char *worker,
                    usec_t worker_usec);
/* Kills the workers; callbacks that are still due are not made. */
IndexCache *index_cache_free(IndexCache *c);
DEFINE_CLEANUP(IndexCache *, index_cache_free);

/* Whether indexes are to have source lines, as they do at first. One without is made anew then. */
void index_cache_set_lines(IndexCache *c, bool lines);

/*
 * Takes fd, in every case. 1: *ret_index is known already (a reference for the caller), no callback
 * will come; 0: the callback will come; < 0: neither. The errors of the callback are remembered and
 * returned here: -EBADMSG for ever, others for a while.
 */
int index_cache_load(
        IndexCache *c, int fd, IndexCacheCallback callback, void *userdata, IndexFile **ret_index);

/*
 * The same, and takes debug_fd too: the separate debug file, which the index is to be made with.
 * -EBADMSG also if it belongs to another file.
 */
int index_cache_load_with_debug(IndexCache *c,
                                int fd,
                                int debug_fd,
                                IndexCacheCallback callback,
                                void *userdata,
                                IndexFile **ret_index);

/* Nothing is queued or running. */
bool index_cache_is_idle(const IndexCache *c);
void index_cache_get_statistics(const IndexCache *c, IndexCacheStatistics *ret);

/* Removes the least recently used until the directory holds at most max bytes. */
int index_cache_trim(IndexCache *c, uint64_t max);
