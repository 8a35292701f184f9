/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Strings */

#include "basic/util.h"

static inline bool startswith(const char *s, const char *prefix) {
        return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool endswith(const char *s, const char *suffix);

/* True for "" and NULL. */
static inline bool isempty(const char *s) {
        return !s || s[0] == '\0';
}

/* Replaces *p by a copy of s (NULL: by NULL). 0 or -ENOMEM. */
int free_and_strdup(char **p, const char *s);

/* Removes white space at both ends, in place; returns the new start inside s. */
char *strstrip(char *s);

/*
 * Splits at white space into words; "double" and 'single' quotes group, backslash escapes one
 * character outside single quotes. *state walks through the text and starts at its beginning.
 * 1: a word in *ret (to be freed), 0: the end, -EINVAL: an unterminated quote, -ENOMEM.
 */
int extract_word(const char **state, char **ret);

/* A copy of s (at most max bytes) in which every byte that is not part of valid UTF-8, and every
 * control character, is '?'. NULL: out of memory. */
char *utf8_sanitize(const char *s, size_t max);

bool utf8_is_valid(const char *s, size_t n);

/* String lists: NULL-terminated arrays that own their strings. */
char **strv_free(char **l);
DEFINE_CLEANUP(char **, strv_free);
size_t strv_length(char *const *l);
bool strv_contains(char *const *l, const char *s);
/* Appends a copy of s to *l. 0 or -ENOMEM. */
int strv_extend(char ***l, const char *s);
char **strv_copy(char *const *l);

/* FNV-1a, for tables and stable choices; not for adversaries. */
uint64_t hash_bytes(const void *data, size_t n, uint64_t seed);
