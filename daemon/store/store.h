/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Store
 *
 * Complete profile files, a directory for each unit:
 *
 *     DIRECTORY/UNIT/TYPE.BOOTID.START_USEC.DURATION_USEC[.hour|.day].pb.gz
 *
 * The files are the index. A file gets its name when it is complete, so readers never see half of
 * one. Limits are kept by removing the oldest first, but never the only profile of a unit for the
 * sake of another's history.
 *
 * History is compacted: windows become hours, hours become days. A file that stands for others
 * carries their names in its header (store-parts.h), so that the one moment in which it gets its
 * own name takes theirs out of sight. They are removed later, when nobody reads them any more; and
 * come back into sight if it is the new file that goes first. So each sample is in one file at
 * every instant.
 */

#include <systemd/sd-id128.h>

#include "basic/time-util.h"

enum {
        STORE_ENTRIES_MAX = 1 << 20, /* files that one listing takes up */
        STORE_PARTS_MAX = 3800,      /* files that one stands for: a gzip header has 64 KiB */
};

typedef struct Store Store;

typedef struct StoreLimits {
        uint64_t max_use_bytes;    /* UINT64_MAX: none */
        uint64_t keep_free_bytes;  /* of the file system; 0: none */
        usec_t max_retention_usec; /* USEC_INFINITY: none */
} StoreLimits;

/* What a file stands for. */
typedef enum StoreLevel {
        STORE_WINDOW, /* one window, as the daemon writes it */
        STORE_HOUR,   /* the windows of an hour */
        STORE_DAY,    /* the hours of a day */
        _STORE_LEVEL_MAX,
} StoreLevel;

/* One stored profile; strings belong to the entry list. */
typedef struct StoreEntry {
        char *unit;
        char *type; /* "cpu" */
        sd_id128_t boot_id;
        usec_t start_usec, duration_usec; /* CLOCK_REALTIME */
        uint64_t size_bytes;
        StoreLevel level;
        usec_t replaced_usec; /* 0: it counts; else out of sight since, CLOCK_REALTIME */
        char *path;           /* relative to the store's directory */
} StoreEntry;

typedef struct StoreVacuum {
        uint64_t n_removed, bytes_removed;
} StoreVacuum;

/* For writing: makes the directory if its parent exists, removes what an earlier crash left. */
int store_open(Store **ret, const char *directory, const StoreLimits *limits);
/* For reading only: changes nothing. */
int store_open_reader(Store **ret, const char *directory);
Store *store_free(Store *s);
DEFINE_CLEANUP(Store *, store_free);

void store_set_limits(Store *s, const StoreLimits *limits);
/* A file of pins (see store-pins.h), read whenever it has changed; NULL: none. 0 or -ENOMEM. */
int store_set_pins(Store *s, const char *path);

/*
 * Stores data under the name that unit, type, boot id, start and duration make; a taken name moves
 * the start by microseconds until it is free. Vacuums before and after. *ret_path (may be NULL) is
 * the path relative to the directory. -ENOSPC, -EDQUOT, -EROFS: the disk, after removing what may
 * go; -ENOSPC also where KeepFree= cannot be had; -EFBIG: larger than MaxUse= allows; -EINVAL: the
 * entry has no name.
 */
int store_write(Store *s, const StoreEntry *entry, const void *data, size_t size, char **ret_path);

/* Keeps the limits. *ret (may be NULL) says what went. */
int store_vacuum(Store *s, StoreVacuum *ret);

/* What the files occupy on the disk; 0 for a reader. */
uint64_t store_get_use_bytes(const Store *s);
/* Removed since the store was opened. */
void store_get_vacuumed(const Store *s, StoreVacuum *ret);
int store_get_fd(const Store *s); /* the directory, for openat() */
const char *store_get_directory(const Store *s);

/* What is to go; all of it applies. */
typedef struct StoreTrim {
        uint64_t max_use_bytes; /* UINT64_MAX: any */
        usec_t before_usec;     /* windows that ended before; 0: none */
        size_t max_files;       /* of each unit; 0: any number */
} StoreTrim;

/* Removes what exceeds the limits, the oldest first, among the units that match. Also for a reader,
 * and safe while the daemon writes: it finds out by itself. ret counts what went, also on failure.
 */
int store_trim(Store *s, char *const *patterns, const StoreTrim *limits, StoreVacuum *ret);

/*
 * Compacting. parts are files of one unit, type and boot, all of them within the time of entry,
 * which is of a higher level: data (a gzip member) takes their place. Works for a reader, too, and
 * while the daemon writes. *ret_path as of store_write(). -E2BIG: too many parts; -EINVAL: entry or
 * parts do not fit.
 */
int store_replace(Store *s,
                  const StoreEntry *entry,
                  const StoreEntry *parts,
                  size_t n_parts,
                  const void *data,
                  size_t size,
                  char **ret_path);
/* Removes one file. */
int store_remove(Store *s, const StoreEntry *entry);
/* One at a time: a lock on the store that ends with s. -EBUSY: somebody else has it. */
int store_lock(Store *s);

/* Directory name of a unit: the unit name, with '/' and a leading '.' escaped as \xNN. */
char *store_unit_directory(const char *unit);
/* The parts of a file name; -EINVAL: not one of ours. unit and path stay NULL. */
int store_parse_name(const char *name, StoreEntry *ret);
char *store_format_name(const StoreEntry *entry);

/*
 * Entries whose unit matches one of patterns (fnmatch; NULL: all), whose type matches (NULL: all),
 * and that overlap [since, until); sorted by start, then unit. *ret is an array.
 */
int store_list(Store *s,
               char *const *patterns,
               const char *type,
               usec_t since,
               usec_t until,
               StoreEntry **ret,
               size_t *ret_n);
/* The same with those that are out of sight (replaced_usec). */
int store_list_all(Store *s,
                   char *const *patterns,
                   const char *type,
                   usec_t since,
                   usec_t until,
                   StoreEntry **ret,
                   size_t *ret_n);
/* Start of the oldest file that there is, of any unit: by names alone. -ENOENT: there is none. */
int store_find_oldest(Store *s, usec_t *ret);
/* Directories that the last listing had to leave out: they may not be read. */
size_t store_get_n_unreadable(const Store *s);
void store_set_n_unreadable(Store *s, size_t n); /* for listings */
void store_entries_free(StoreEntry *entries, size_t n);
void store_entry_done(StoreEntry *e);
