/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Collecting Profiles
 *
 * From names and a range to profiles: which files of the store are meant, and all of them merged
 * into one, file by file. Functions that return an exit code have said what was wrong.
 */

#include "ctl/ctl.h"
#include "store/store.h"
#include "view/report-data.h"

/*
 * Files of the store that patterns, type and the options choose, sorted by unit, then start.
 * Without a range the newest hour, with -n the newest of each unit. OK; GAPS: one of the patterns
 * matches nothing, or the store begins later than the range; or another exit code.
 */
int collect_entries(
        const Ctl *c, Store *s, char **patterns, const char *type, StoreEntry **ret, size_t *ret_n);

/* Merges them. OK, GAPS: some could not be read; or another exit code. */
int collect_stored(const Ctl *c,
                   Store *s,
                   const StoreEntry *entries,
                   size_t n,
                   const char *type,
                   ReportData *d);

/*
 * Merges what all names mean, units of the store and files of pprof. *ret_title (may be NULL; to be
 * freed) says what it is, in a word or two. OK, GAPS, or another exit code.
 */
int collect_names(const Ctl *c, char **names, ReportData *d, char **ret_title);

/* Of files that could not be read, each with a warning. */
ExitCode collect_failure_code(const ReportData *d);
