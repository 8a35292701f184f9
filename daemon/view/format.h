/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Figures for People
 *
 * Each function fills the buffer it is given and returns it; the macros bring a buffer that lives
 * to the end of the innermost block or branch.
 */

#include "basic/time-util.h"

enum {
        FORMAT_MAX = 64,          /* bytes of a buffer */
        FORMAT_NAME_COLUMNS = 72, /* of a function: C++ knows longer ones */
};
#define FORMAT_BUFFER ((char[FORMAT_MAX]){})

typedef enum FormatTime {
        FORMAT_TIME_FULL,   /* Fri 2026-11-20 14:00:00 */
        FORMAT_TIME_ZONE,   /* Fri 2026-11-20 14:00:00 UTC */
        FORMAT_TIME_MINUTE, /* Fri 2026-11-20 14:00 */
        FORMAT_TIME_CLOCK,  /* 14:00:00 */
        FORMAT_TIME_SHORT,  /* 14:00 */
        _FORMAT_TIME_MAX,
} FormatTime;

/* Local time; "-" for 0. */
const char *format_time(char *buffer, usec_t t, FormatTime style);
/* "38s ago", "6h ago", "3 days ago"; "just now" for the future, whose clock was set back. */
const char *format_ago(char *buffer, usec_t now, usec_t t);
/* "60s", "10min", "1h 30min", "250ms". */
const char *format_span(char *buffer, usec_t t);
/* "18.9K", "2.0G"; base 1024. */
const char *format_bytes(char *buffer, uint64_t bytes);
/* "20 980". */
const char *format_count(char *buffer, uint64_t n);
/* "97%", rounded down, so that 100% is all; "-" for a share of nothing. */
const char *format_share(char *buffer, uint64_t part, uint64_t whole);
/* "11.8%"; "-" for a share of nothing. */
const char *format_share_fine(char *buffer, int64_t part, int64_t whole);
/* "0.41": CPU time for each second; "-" where no time has passed. */
const char *format_cores(char *buffer, uint64_t cpu_nsec, usec_t duration_usec);

#define FORMAT_TIME(t, style)            format_time(FORMAT_BUFFER, t, style)
#define FORMAT_AGO(now, t)               format_ago(FORMAT_BUFFER, now, t)
#define FORMAT_SPAN(t)                   format_span(FORMAT_BUFFER, t)
#define FORMAT_BYTES(n)                  format_bytes(FORMAT_BUFFER, n)
#define FORMAT_COUNT(n)                  format_count(FORMAT_BUFFER, n)
#define FORMAT_SHARE(part, whole)        format_share(FORMAT_BUFFER, part, whole)
#define FORMAT_SHARE_FINE(part, whole)   format_share_fine(FORMAT_BUFFER, part, whole)
#define FORMAT_CORES(cpu_nsec, duration) format_cores(FORMAT_BUFFER, cpu_nsec, duration)

/* One bar for each value, from nothing (a blank) to the largest. NULL: out of memory. */
char *format_strip(const double *values, size_t n, bool utf8);

/* Columns of a UTF-8 string, wide and combining characters left aside. */
size_t text_columns(const char *s);
/* A copy without control characters, cut to max columns (0: whole). NULL: out of memory. */
char *format_text(const char *s, size_t max, bool utf8);
