/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Profile
 *
 * What is known about where CPU time went, in the terms of pprof: samples are stacks of locations
 * (leaf first) with values and labels; a location is an address in a mapping, named by zero or more
 * lines (innermost inlined function first); a line points to a function. Everything is interned:
 * equal things exist once, and adding an equal sample adds its values. All strings are valid UTF-8
 * or are made so on entry.
 *
 * Tables are dense arrays; an index is valid for the life of the profile.
 */

#include "basic/util.h"

enum {
        PROFILE_NONE = UINT32_MAX, /* "no mapping", "no string": the index that is none */

        /* What one profile may hold; a hostile file meets these limits, not our memory. */
        PROFILE_STRINGS_MAX = 1 << 22,
        PROFILE_MAPPINGS_MAX = 1 << 20,
        PROFILE_FUNCTIONS_MAX = 1 << 22,
        PROFILE_LOCATIONS_MAX = 1 << 22,
        PROFILE_SAMPLES_MAX = 1 << 23,
        PROFILE_STACK_MAX = 1 << 12, /* locations of one sample */
        PROFILE_LINES_MAX = 1 << 8,  /* lines of one location */
        PROFILE_LABELS_MAX = 1 << 6, /* labels of one sample */
        PROFILE_VALUE_TYPES_MAX = 1 << 4,
        PROFILE_COMMENTS_MAX = 1 << 10,
        PROFILE_STRING_MAX = 1 << 16, /* bytes of one string; a longer one is cut */
};

/* Label of a sample whose stack was not followed to its end: the reason. */
#define PROFILE_STACK_END_LABEL "stack_end"

typedef struct Profile Profile;

/* Strings are borrowed from the profile's string table on the way out, and copied on the way in.
 * NULL is "". */

typedef struct ProfileValueType {
        const char *type; /* "cpu" */
        const char *unit; /* "nanoseconds" */
} ProfileValueType;

/* Address range of one segment, in the file's own (ELF) virtual addresses. */
typedef struct ProfileMapping {
        uint64_t start, limit; /* [start, limit) */
        uint64_t offset;       /* of start, in the file, bytes */
        const char *filename;
        const char *build_id; /* lower-case hex, "" if unknown */
        bool has_functions, has_filenames, has_line_numbers, has_inline_frames;
} ProfileMapping;

typedef struct ProfileFunction {
        const char *name;        /* demangled */
        const char *system_name; /* as in the symbol table */
        const char *filename;
        int64_t start_line;
} ProfileFunction;

typedef struct ProfileLine {
        uint32_t function;
        int64_t line; /* 0: unknown */
} ProfileLine;

typedef struct ProfileLocation {
        uint32_t mapping; /* PROFILE_NONE: none */
        uint64_t address;
        const ProfileLine *lines; /* innermost first; none: the address has no name */
        size_t n_lines;
        bool folded;
} ProfileLocation;

/* A string label (string not NULL; "" says nothing and is dropped), or a number with its unit. A
 * number without one gets its key as unit, as pprof's readers do: else a 0 would vanish. */
typedef struct ProfileLabel {
        const char *key;
        const char *string;
        int64_t number;
        const char *unit;
} ProfileLabel;

typedef struct ProfileSample {
        const uint32_t *locations; /* leaf first */
        size_t n_locations;
        const int64_t *values; /* one for each value type */
        const ProfileLabel *labels;
        size_t n_labels;
} ProfileSample;

typedef struct ProfileHeader {
        int64_t time_nsec;     /* CLOCK_REALTIME of its start; 0: unknown */
        int64_t duration_nsec; /* wall-clock length */
        ProfileValueType period_type;
        int64_t period;
        const char *default_sample_type; /* "" or one of the types */
        const char *drop_frames, *keep_frames, *doc_url;
} ProfileHeader;

int profile_new(Profile **ret, const ProfileValueType *types, size_t n_types);
Profile *profile_free(Profile *p);
DEFINE_CLEANUP(Profile *, profile_free);

/* Copies the strings. 0, -ENOMEM. */
int profile_set_header(Profile *p, const ProfileHeader *header);
void profile_get_header(const Profile *p, ProfileHeader *ret);

/* A human-readable line, once; a repeated comment is dropped. -E2BIG: there are too many. */
int profile_add_comment(Profile *p, const char *comment);
void profile_clear_comments(Profile *p);
size_t profile_n_comments(const Profile *p);
const char *profile_get_comment(const Profile *p, size_t i);

/*
 * Intern; the index of an equal entry is returned again. The first mapping added is mapping 0, the
 * main binary. Errors: -E2BIG (a limit above), -EINVAL (an index that does not exist, more than
 * one value for a label key, limit < start), -ENOMEM.
 */
int profile_add_mapping(Profile *p, const ProfileMapping *m, uint32_t *ret_index);
int profile_add_function(Profile *p, const ProfileFunction *f, uint32_t *ret_index);
int profile_add_location(Profile *p, const ProfileLocation *l, uint32_t *ret_index);

/*
 * As profile_add_mapping(), but finds a mapping that may lie elsewhere, as pprof's merge does: size
 * in pages of 4 KiB, offset, and build id or else file name decide. The found one grows to the
 * larger size, and keeps a has_… flag only where both have it.
 */
int profile_merge_mapping(Profile *p, const ProfileMapping *m, uint32_t *ret_index);

/* Labels in any order. 1: a new sample, 0: its values were added to an equal one. Values stop at
 * the ends of int64_t instead of wrapping. */
int profile_add_sample(Profile *p, const ProfileSample *s);

/* has_… of a mapping are known only when all its locations are. */
void profile_set_mapping_flags(Profile *p,
                               uint32_t mapping,
                               bool functions,
                               bool filenames,
                               bool line_numbers,
                               bool inline_frames);

/* Of every value its negative: what is then merged is subtracted. */
void profile_negate(Profile *p);

/* The same, for strings that are interned already: profile_intern() makes an index of any, and
 * profile_get_string() gives what a label may hold. */
int profile_intern(Profile *p, const char *s, uint32_t *ret_index);
const char *profile_get_string(const Profile *p, uint32_t index);
int profile_add_interned_function(Profile *p,
                                  uint32_t name,
                                  uint32_t system_name,
                                  uint32_t filename,
                                  int64_t start_line,
                                  uint32_t *ret_index);
int profile_add_interned_sample(Profile *p, const ProfileSample *s);

size_t profile_n_strings(const Profile *p);
size_t profile_n_value_types(const Profile *p);
size_t profile_n_mappings(const Profile *p);
size_t profile_n_functions(const Profile *p);
size_t profile_n_locations(const Profile *p);
size_t profile_n_samples(const Profile *p);
void profile_get_value_type(const Profile *p, size_t i, ProfileValueType *ret);
void profile_get_mapping(const Profile *p, uint32_t i, ProfileMapping *ret);
void profile_get_function(const Profile *p, uint32_t i, ProfileFunction *ret);
void profile_get_location(const Profile *p, uint32_t i, ProfileLocation *ret);
/* Borrowed views, valid until the next call of this function or change of the profile. */
void profile_get_sample(Profile *p, size_t i, ProfileSample *ret);

/* Index of the value type with this name ("cpu"), or -ENOENT. */
int profile_find_value_type(const Profile *p, const char *type);

/*
 * Adds all of from, which is another profile, to p as `go tool pprof` merges: time = the earliest
 * that is known, duration = the sum, period = the larger, comments = the union, without those
 * that count something (see profile-counts.h); samples of zeros only are dropped. A p without a
 * header takes that of from. -EPROTOTYPE: their value types or period types differ, and p is as it
 * was; after any other error p holds a part of from.
 */
int profile_merge(Profile *p, Profile *from);
/* All of this but the samples. */
int profile_merge_head(Profile *p, const Profile *from);
