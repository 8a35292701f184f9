/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Journal
 *
 * What the daemon tells the administrator: sentences, levels, message ids and fields. A line for
 * each change of state, nothing for what goes well time and again; what goes wrong time and again
 * is said at once, and then at most once in a while, with what has come together.
 */

#include "manager.h"
#include "profile-writer.h"
#include "profiler.h"
#include "symbol/index-cache.h"

enum {
        JOURNAL_LOSSES_MAX = 32,     /* reasons; samples lost for further ones are not named */
        JOURNAL_LOST_SHARE = 100,    /* from 1/100 of all samples on it is a warning */
        JOURNAL_WORKER_FAILURES = 5, /* in a row, before it is said */
};
#define JOURNAL_LOST_USEC        (1 * USEC_PER_HOUR)
#define JOURNAL_VACUUMED_USEC    (1 * USEC_PER_DAY)
#define JOURNAL_UNIT_FAILED_USEC (1 * USEC_PER_MINUTE)

/* What was said last of something that happens again and again. */
typedef struct JournalRepeat {
        uint64_t told;
        usec_t told_usec; /* CLOCK_MONOTONIC, 0: never */
} JournalRepeat;

/* What was said so far. All zero: nothing. */
typedef struct Journal {
        JournalRepeat lost, removed, unit_failed;
        uint64_t losses_told[JOURNAL_LOSSES_MAX], samples_told;
        uint64_t removed_bytes_told;
        uint64_t n_unit_failures;
        uint64_t worker_failures, built; /* when one went well last */
        bool store_failed, workers_failed, unwind_short;
} Journal;

/* life */
void journal_started(const char *event, unsigned frequency_hz);
void journal_paused(bool paused);
/* error: why no session could be started; refusal: a sentence about it, NULL: none. */
void journal_triggered(
        const char *unit, const char *trigger, const char *reason, int error, const char *refusal);
/* error: see TriggerWatchCallbacks. */
void journal_pressure_unwatched(int error);
void journal_stopped(const ManagerStatistics *s);
/* The host cannot do what is needed. step: what was refused, NULL: the remedy says it all. */
void journal_host_lacks(int error, const char *step, const char *remedy);

/* configuration */
void journal_config_line(const char *file, unsigned line, const char *text);
void journal_config_loaded(const Config *c);
/* reason: NULL, or the last complaint; has_old: another configuration stays in force. */
void journal_config_refused(int error, const char *reason, bool has_old);

/* units; now_usec: CLOCK_MONOTONIC */
void journal_unit_state(Journal *j, const Unit *u, UnitState before, usec_t now_usec);
void journal_unit_gone(const Unit *u);

/* profiles: written, dropped, or written again */
void journal_profile(Journal *j, const WrittenProfile *w);

/* To be told from time to time how counters stand; now_usec: CLOCK_MONOTONIC. */
void journal_losses(
        Journal *j, const ManagerLoss *losses, size_t n_losses, uint64_t samples, usec_t now_usec);
void journal_vacuumed(Journal *j, const StoreVacuum *total, usec_t now_usec);
void journal_unwind(Journal *j, const UnwindLoaderStatistics *s);
void journal_workers(Journal *j, const IndexCacheStatistics *s);
