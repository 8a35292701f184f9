/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Profile Quality
 *
 * How much a profile holds, and how good it is: totals, frames with and without names, what the
 * daemon noted about stacks and losses, and names of files as people say them.
 */

#include "profile/profile.h"

#define PROFILE_UNKNOWN_NAME  "[unknown]" /* a frame without a name, a sample without the label */
#define PROFILE_KERNEL_BINARY "kernel"    /* display name of [kernel.kallsyms] */

enum { PROFILE_UNKNOWN_MAX = 320 }; /* bytes of profile_unknown_name() */

/* a + b, saturating. */
int64_t profile_add_values(int64_t a, int64_t b);

/* Sum over all samples, saturating. */
int64_t profile_total(Profile *p, size_t value_type);

/* The value type to look at when none is asked for: the default sample type, else the last. */
size_t profile_default_value_type(const Profile *p);

/* Frames of all samples, each as often as it was sampled. */
typedef struct ProfileFrames {
        uint64_t frames, named;
} ProfileFrames;

void profile_count_frames(Profile *p, ProfileFrames *ret);

/* The mapping with the most frames without a name. -ENOENT: every frame has one. */
int profile_worst_mapping(Profile *p, uint32_t *ret_mapping, ProfileFrames *ret);

enum {
        PROFILE_REASONS_MAX = 16, /* for which stacks are broken; further ones are left out */
        PROFILE_REASON_SIZE = 32, /* of a name, with its NUL; longer ones are left out */
};

typedef struct ProfileReason {
        char name[PROFILE_REASON_SIZE]; /* as of the label stack_end */
        uint64_t stacks;
} ProfileReason;

/* Why stacks are broken, the most frequent reason first. */
typedef struct ProfileReasons {
        ProfileReason items[PROFILE_REASONS_MAX];
        size_t n;
} ProfileReasons;

/* What is no reason ("complete", "truncated", "none") is left out. */
void profile_reasons_add(ProfileReasons *r, const char *name, uint64_t stacks);

/* What the daemon notes in a profile's comments, added up over profiles. */
typedef struct ProfileNotes {
        uint64_t samples, lost_samples;
        uint64_t stacks_complete, stacks_truncated, stacks_broken, stacks_none, stacks_guessed;
        ProfileReasons broken;
        bool found; /* one profile at least had notes */
} ProfileNotes;

/* Time from the start of the first window to the end of the last, where the windows of p leave gaps
 * ("span: N us"); 0: it is its duration. */
uint64_t profile_get_span_usec(const Profile *p);

/* Adds the notes of p; lines of other form are human text and skipped. */
void profile_notes_add(ProfileNotes *notes, const Profile *p);
/* Value of the comment "KEY: VALUE", borrowed; NULL: there is none. */
const char *profile_get_note(const Profile *p, const char *key);

bool profile_mapping_is_kernel(const ProfileMapping *m);
/* Base name for people: "postgres", "kernel", "[vdso]", "" for no file. Borrowed from m. */
const char *profile_mapping_display_name(const ProfileMapping *m);
/*
 * What to call code that has no name: "[postgres]", "[anon]", PROFILE_UNKNOWN_NAME without a file.
 * address not 0: of code in a file with its page, "[postgres+0x1f000]", which is the same in every
 * process, and in the same build on every host. Returns the buffer.
 */
const char *profile_unknown_name(const ProfileMapping *m,
                                 uint64_t address,
                                 char buffer[static PROFILE_UNKNOWN_MAX]);
/* The name, else the system name, else "". Borrowed. */
const char *profile_function_display_name(const Profile *p, uint32_t function);
