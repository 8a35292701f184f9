/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The Rules of pprof's Readers
 *
 * Checks the bytes of a file against everything that pprof, Parca, Pyroscope and profefe demand,
 * without building a profile: ids exactly 1..n, references that resolve, string 0 empty, UTF-8, one
 * value for each type, unique label keys, one gzip member, sample types without '-', and so on. How
 * large and how old a profile may be is a setting of each server, and no rule of the file.
 */

#include "basic/util.h"

enum {
        PPROF_VIOLATIONS_MAX = 1000, /* the check ends at the first after so many */
};

/* Called for each broken rule with one sentence; entries are counted from 1, strings from 0. */
typedef void (*PprofViolation)(const char *sentence, void *userdata);

/* The number of broken rules, 0: the file is right. -ENOMEM. violation may be NULL. */
int pprof_check(const void *data, size_t size, PprofViolation violation, void *userdata);
