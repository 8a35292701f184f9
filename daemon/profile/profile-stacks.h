/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Where Stacks Ended
 *
 * The daemon labels the samples whose user stack did not reach the start of its thread; the
 * outermost frame of such a sample is where the walk ended.
 */

#include "profile/profile.h"

enum { PROFILE_BROKEN_STACKS_MAX = 256 }; /* kinds that are told apart; further ones are left out */

/* Stacks that ended for one reason in one file. */
typedef struct ProfileBrokenStacks {
        const char *reason; /* borrowed from the profile */
        uint32_t mapping;   /* PROFILE_NONE: no file is known there */
        uint64_t stacks;
} ProfileBrokenStacks;

/* The most first. *ret is freed by the caller. *ret_all: all stacks of the profile. */
int profile_count_broken_stacks(Profile *p,
                                ProfileBrokenStacks **ret,
                                size_t *ret_n,
                                uint64_t *ret_all);
