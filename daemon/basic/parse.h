/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Value Parsers
 *
 * What people write in configuration files and on command lines, in the grammar that systemd taught
 * them. Independent of the locale. All return 0 or: -EINVAL: not of the grammar, -ERANGE: a number
 * outside of what the type or the given limits hold. White space around numbers is allowed.
 */

#include "basic/time-util.h"

/* yes, true, on, y, t, 1 and their opposites, in any case. 1, 0, or -EINVAL. */
int parse_boolean(const char *s);

/* Decimal digits only, min <= *ret <= max. */
int parse_unsigned(const char *s, unsigned min, unsigned max, unsigned *ret);

/*
 * "90" (seconds), "1h 30min", "1.5h", "2w", "infinity". What is below a microsecond is cut off.
 * A month has 30.4375 days, a year 365.25.
 */
int parse_timespan(const char *s, usec_t *ret);

/* The shortest text that parse_timespan() reads back as t: "1h 30min". NULL: out of memory. */
char *timespan_format(usec_t t);

/* Bytes: "4096", "1.5G", "infinity" (UINT64_MAX); the suffixes B K M G T P E have base 1024. */
int parse_size(const char *s, uint64_t *ret);

/* The shortest text that parse_size() reads back as bytes: "512M". NULL: out of memory. */
char *size_format(uint64_t bytes);

/* A share of the whole: "0.25" or "25%"; 0 <= *ret <= 1. */
int parse_ratio(const char *s, double *ret);

/* True: s is written as a percentage. */
bool is_percentage(const char *s);
