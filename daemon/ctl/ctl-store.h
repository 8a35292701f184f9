/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The Store as profilerctl Sees It
 *
 * Works without the daemon. Functions that return an exit code have said what was wrong.
 */

#include "ctl/ctl.h"
#include "profile/profile.h"
#include "store/store.h"

enum {
        CTL_FILE_MAX = 64 << 20, /* bytes of a profile, as stored */
};

typedef struct StoreSummary {
        uint64_t use_bytes;
        size_t n_profiles, n_units;
        usec_t oldest_usec, newest_usec; /* start of the first, end of the last; 0: none */
} StoreSummary;

/* The given one, else (NULL or "") as installed. */
const char *ctl_store_directory(const char *directory);
/* --directory= or as installed. 0 or an exit code. */
int ctl_store_open(const Ctl *c, Store **ret);
/* -errno. patterns NULL: all units. */
int ctl_store_summarize(Store *s, char **patterns, const char *type, StoreSummary *ret);
/* Says what the last listing had to leave out; false: nothing. */
bool ctl_warn_unreadable(const Store *s);

/* Completes names of units: "nginx" is nginx.service. 0 or an exit code. */
int ctl_complete_names(char **names, char ***ret);
/* The word is meant as a file: it has a '/', or ends as profiles do. */
bool ctl_name_is_file(const char *name);

/*
 * Entries that the options choose, the newest n of them, oldest first. None is
 * EXIT_CODE_NO_MATCH, after a message that says what there is. 0 or an exit code.
 */
int ctl_store_list(
        const Ctl *c, Store *s, char **patterns, const char *type, StoreEntry **ret, size_t *ret_n);
/* Warns of patterns that match none of the entries, and returns their number. */
size_t ctl_warn_unmatched(char **patterns, const StoreEntry *entries, size_t n);
