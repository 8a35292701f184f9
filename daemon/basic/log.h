/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Logging
 *
 * To the journal with structured fields where stderr is the journal's stream, to the terminal as
 * readable lines otherwise. Only the programs' root objects log above debug level.
 */

#include <syslog.h>

#include "basic/util.h"

/* Debug level, as everything, can be changed at run time (org.freedesktop.LogControl1). */
void log_set_max_level(int level);
int log_get_max_level(void);
/* "debug".."emerg" or 0..7; -EINVAL. */
int log_level_from_string(const char *s);
const char *log_level_to_string(int level);

/* "journal", "console" (stderr), "null" (nowhere) or "auto" (as decided at start). 0, -EINVAL. */
int log_set_target(const char *s);
const char *log_get_target(void);

/* Decides the target from $JOURNAL_STREAM and takes the level from $PROFILERD_LOG_LEVEL. */
void log_setup(void);

/*
 * Writes one line. error: 0, or a negative errno that %m in format stands for. fields: further
 * journal fields ("NAME=value"), NULL-terminated, may be NULL. Returns error, so that a failure is
 * logged and handed on in one statement.
 */
int log_full(int level, int error, const char *const *fields, const char *format, ...)
        _printf_(4, 5);

#define log_debug(...)            ((void) log_full(LOG_DEBUG, 0, NULL, __VA_ARGS__))
#define log_info(...)             ((void) log_full(LOG_INFO, 0, NULL, __VA_ARGS__))
#define log_notice(...)           ((void) log_full(LOG_NOTICE, 0, NULL, __VA_ARGS__))
#define log_warning(...)          ((void) log_full(LOG_WARNING, 0, NULL, __VA_ARGS__))
#define log_error(...)            ((void) log_full(LOG_ERR, 0, NULL, __VA_ARGS__))
#define log_debug_errno(e, ...)   log_full(LOG_DEBUG, (e), NULL, __VA_ARGS__)
#define log_info_errno(e, ...)    log_full(LOG_INFO, (e), NULL, __VA_ARGS__)
#define log_warning_errno(e, ...) log_full(LOG_WARNING, (e), NULL, __VA_ARGS__)
#define log_error_errno(e, ...)   log_full(LOG_ERR, (e), NULL, __VA_ARGS__)
#define log_oom()                 log_full(LOG_ERR, -ENOMEM, NULL, "Out of memory.")

/* One line with fields: LOG_FIELDS("PROFILERD_UNIT=…", …). */
#define LOG_FIELDS(...)           \
        (const char *const[]) {   \
                __VA_ARGS__, NULL \
        }
