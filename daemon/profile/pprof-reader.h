/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Reading pprof Files
 *
 * One after the other, straight into a profile that they are merged into: what a file repeats of
 * those before costs a look-up. A file that is not right is found out before anything is merged.
 */

#include "profile/profile.h"

typedef struct PprofReader PprofReader;

int pprof_reader_new(PprofReader **ret);
PprofReader *pprof_reader_free(PprofReader *p);
DEFINE_CLEANUP(PprofReader *, pprof_reader_free);

/* What pprof_read_file() and pprof_decode() say. On success the functions below speak of this file,
 * until the next is opened. */
int pprof_reader_open_file(PprofReader *p, int dir_fd, const char *path, const char **ret_reason);

/* All that the file says but its samples: value types, header, comments. Borrowed. */
const Profile *pprof_reader_get_head(const PprofReader *p);
/* Sum over all samples, saturating. */
int64_t pprof_reader_total(const PprofReader *p, size_t value_type);

/* A profile of everything in the file. */
int pprof_reader_decode(PprofReader *p, Profile **ret);
/*
 * As profile_merge() of what pprof_reader_decode() gives, of the samples that have this string
 * label; value NULL: that do not have it; key NULL: of all. Adds what each value of these samples
 * sums up to to totals, which may be NULL.
 */
int pprof_reader_merge(
        PprofReader *p, Profile *to, const char *key, const char *value, int64_t *totals);
