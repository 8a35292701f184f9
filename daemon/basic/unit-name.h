/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Unit Names
 *
 * Names of units and patterns (fnmatch) for them, as an administrator writes them. A backslash is a
 * part of the name: systemd escapes with it.
 */

#include "basic/util.h"

enum {
        UNIT_NAME_MAX = 255, /* bytes */
};

/*
 * Takes the next word off a list of names; quotes may stand around a word, backslashes stay. *state
 * walks through the text. 1: a word in *ret (to be freed), 0: the end, -EINVAL: an unterminated
 * quote, -ENOMEM.
 */
int unit_name_extract(const char **state, char **ret);

/*
 * Completes what is short: "nginx" is nginx.service, "web@.service" all instances web@*.service;
 * "nginx*" stays and matches units of every type. -EINVAL: no unit can have such a name, -ENOMEM.
 */
int unit_pattern_complete(const char *word, char **ret);

/* One of the patterns matches one of the names; both NULL-terminated, patterns may be NULL. */
bool unit_patterns_match(const char *const *patterns, const char *const *names);
