/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Counts of a Profile
 *
 * Comments of the form "KEY: NUMBER" count something. A merge keeps each comment, which is right
 * for people and would make nonsense of counts: it leaves those out, and here they are added up by
 * key.
 */

#include "profile/profile.h"

enum {
        PROFILE_COUNTS_MAX = 64, /* keys; those beyond stay as they are */
        PROFILE_COUNT_KEY_MAX = 48,
};

typedef struct ProfileCount {
        char key[PROFILE_COUNT_KEY_MAX];
        uint64_t value;
} ProfileCount;

typedef struct ProfileCounts {
        ProfileCount counts[PROFILE_COUNTS_MAX];
        size_t n;
} ProfileCounts;

bool profile_comment_counts(const char *comment);

/* Adds those of p. */
void profile_counts_add(ProfileCounts *c, const Profile *p);
/* To the count of this key. */
void profile_counts_add_value(ProfileCounts *c, const char *key, uint64_t value);
/* Replaces the comments of p that are counts; others stay, in their order, before them. */
int profile_counts_apply(const ProfileCounts *c, Profile *p);

/* Replaces the notes of p on the time that it spans, see profile_get_span_usec(). */
int profile_set_span_usec(Profile *p, uint64_t usec);
