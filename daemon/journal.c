/* SPDX-License-Identifier: Apache-2.0 */
/* Journal */

#include <inttypes.h>
#include <stdarg.h>

#include "basic/log.h"
#include "basic/string-util.h"
#include "basic/unit-name.h"
#include "journal.h"
#include "messages.h"

/* A field of the journal, "NAME=value". */
typedef struct Field {
        char text[sizeof("PROFILERD_INVOCATION_ID=") + UNIT_NAME_MAX];
} Field;

static const char *field(Field *f, const char *format, ...) _printf_(2, 3);

static const char *field(Field *f, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(f->text, sizeof(f->text), format, ap);
        va_end(ap);
        return f->text;
}

static const char *field_count(Field *f, const char *name, uint64_t value) {
        return field(f, "%s=%" PRIu64, name, value);
}

static const char *field_unit(Field *f, const char *unit) {
        return field(f, "PROFILERD_UNIT=%s", unit);
}

/* NULL, which ends the fields, if there is none. */
static const char *field_invocation(Field *f, sd_id128_t id) {
        char text[SD_ID128_STRING_MAX];

        if (sd_id128_is_null(id))
                return NULL;
        return field(f, "PROFILERD_INVOCATION_ID=%s", sd_id128_to_string(id, text));
}

#define ID(id) "MESSAGE_ID=" id

/* Whether count, which has grown, is worth a line; *ret_added is what is new in it. */
static bool repeat_is_due(
        JournalRepeat *r, uint64_t count, usec_t now_usec, usec_t pause_usec, uint64_t *ret_added) {
        if (count <= r->told || (r->told_usec > 0 && now_usec < r->told_usec + pause_usec))
                return false;

        *ret_added = count - r->told;
        r->told = count;
        r->told_usec = MAX(now_usec, (usec_t) 1);
        return true;
}

/* ---- life ---- */

void journal_started(const char *event, unsigned frequency_hz) {
        Field e, hz;

        (void) log_full(LOG_NOTICE, 0,
                        LOG_FIELDS(ID(MESSAGE_STARTED), field(&e, "PROFILERD_EVENT=%s", event),
                                   field_count(&hz, "PROFILERD_FREQUENCY_HZ", frequency_hz)),
                        "Sampling %s at %u Hz.", event, frequency_hz);
}

void journal_paused(bool paused) {
        if (paused)
                (void) log_full(LOG_NOTICE, 0, LOG_FIELDS(ID(MESSAGE_PAUSED)),
                                "Sampling is paused; 'profilerctl resume' goes on.");
        else
                (void) log_full(LOG_NOTICE, 0, LOG_FIELDS(ID(MESSAGE_RESUMED)),
                                "Sampling goes on.");
}

void journal_triggered(
        const char *unit, const char *trigger, const char *reason, int error, const char *refusal) {
        Field name, rule;
        const char *const *fields = LOG_FIELDS(ID(MESSAGE_TRIGGERED), field(&name, "UNIT=%s", unit),
                                               field(&rule, "PROFILERD_TRIGGER=%s", trigger));

        if (error < 0)
                (void) log_full(LOG_WARNING, error, fields,
                                "Trigger %s: %s: %s; failed to start a session: %s", trigger, unit,
                                reason, refusal ?: strerror(-error));
        else
                (void) log_full(LOG_NOTICE, 0, fields, "Trigger %s: %s: %s; recording.", trigger,
                                unit, reason);
}

void journal_pressure_unwatched(int error) {
        const char *const *fields = LOG_FIELDS(ID(MESSAGE_PRESSURE_POLLED));

        if (error == -EOPNOTSUPP)
                (void) log_full(LOG_WARNING, 0, fields,
                                "The kernel counts no pressure, so triggers with CPUPressure=, "
                                "MemoryPressure= or IOPressure= will not fire by it: boot with "
                                "psi=1, or a kernel with CONFIG_PSI.");
        else
                (void) log_full(LOG_NOTICE, error, fields,
                                "The pressure of units is polled, as the kernel cannot be told to "
                                "watch it: %m. See to profilerd-open.socket.");
}

void journal_stopped(const ManagerStatistics *s) {
        Field samples, profiles, lost;

        (void) log_full(LOG_INFO, 0,
                        LOG_FIELDS(ID(MESSAGE_STOPPED),
                                   field_count(&samples, "PROFILERD_SAMPLES", s->samples),
                                   field_count(&profiles, "PROFILERD_PROFILES", s->profiles),
                                   field_count(&lost, "PROFILERD_LOST", s->lost)),
                        "Stopped: %" PRIu64 " samples, %" PRIu64 " lost, %" PRIu64
                        " profiles written.",
                        s->samples, s->lost, s->profiles);
}

void journal_host_lacks(int error, const char *step, const char *remedy) {
        const char *const *fields = LOG_FIELDS(ID(MESSAGE_HOST_LACKS));

        if (step)
                (void) log_full(LOG_ERR, error, fields, "Failed while %s: %m. %s", step, remedy);
        else
                (void) log_full(LOG_ERR, error, fields, "%s", remedy);
}

/* ---- configuration ---- */

/* The names of the fields are those of systemd. */
void journal_config_line(const char *file, unsigned line, const char *text) {
        _cleanup_free_ char *path = NULL;
        Field number;

        if (asprintf(&path, "CONFIG_FILE=%s", file) < 0)
                path = NULL;
        (void) log_full(LOG_WARNING, 0,
                        LOG_FIELDS(ID(MESSAGE_CONFIG_LINE),
                                   field_count(&number, "CONFIG_LINE", line), path),
                        "%s", text);
}

void journal_config_loaded(const Config *c) {
        Field hz;

        (void) log_full(LOG_INFO, 0,
                        LOG_FIELDS(ID(MESSAGE_CONFIG_LOADED),
                                   field_count(&hz, "PROFILERD_FREQUENCY_HZ", c->frequency_hz)),
                        "Configuration loaded.");
}

void journal_config_refused(int error, const char *reason, bool has_old) {
        (void) log_full(LOG_ERR, error, LOG_FIELDS(ID(MESSAGE_CONFIG_REFUSED)),
                        "Failed to load the configuration%s: %s",
                        has_old ? ", keeping the old one" : "",
                        reason ?: strerrordesc_np(-error) ?: "unknown error");
}

/* ---- units ---- */

static void log_unit_failed(Journal *j, const Unit *u, usec_t now_usec) {
        Field unit, invocation;
        uint64_t n;
        int level;

        /* A limit of the kernel may be hit by each of a thousand units. */
        level = repeat_is_due(&j->unit_failed, ++j->n_unit_failures, now_usec,
                              JOURNAL_UNIT_FAILED_USEC, &n)
                        ? LOG_WARNING
                        : LOG_DEBUG;
        (void) log_full(level, u->error,
                        LOG_FIELDS(ID(MESSAGE_UNIT_FAILED), field_unit(&unit, u->name),
                                   field_invocation(&invocation, u->invocation_id)),
                        "Failed to profile unit %s: %m", u->name);
}

static void log_unit_detached(const Unit *u, const char *what) {
        Field unit, invocation;

        (void) log_full(LOG_DEBUG, 0,
                        LOG_FIELDS(ID(MESSAGE_UNIT_DETACHED), field_unit(&unit, u->name),
                                   field_invocation(&invocation, u->invocation_id)),
                        "%s is no longer profiled: %s.", u->name, what);
}

void journal_unit_state(Journal *j, const Unit *u, UnitState before, usec_t now_usec) {
        Field unit, invocation;

        if (u->state == before)
                return;

        if (u->state == UNIT_FAILED)
                log_unit_failed(j, u, now_usec);
        else if (u->state == UNIT_PROFILED)
                (void) log_full(LOG_DEBUG, 0,
                                LOG_FIELDS(ID(MESSAGE_UNIT_ATTACHED), field_unit(&unit, u->name),
                                           field_invocation(&invocation, u->invocation_id)),
                                "%s is profiled.", u->name);
        else if (before == UNIT_PROFILED)
                log_unit_detached(u, unit_state_to_string(u->state));
}

void journal_unit_gone(const Unit *u) {
        if (u->state == UNIT_PROFILED)
                log_unit_detached(u, "gone");
}

/* ---- profiles ---- */

static void log_written(const WrittenProfile *w) {
        Field unit, samples, lost, invocation;
        _cleanup_free_ char *path = NULL;

        if (asprintf(&path, "PROFILERD_PATH=%s", w->path) < 0)
                return;
        (void) log_full(LOG_DEBUG, 0,
                        LOG_FIELDS(ID(MESSAGE_PROFILE_WRITTEN), path,
                                   field_unit(&unit, w->closed->unit),
                                   field_count(&samples, "PROFILERD_SAMPLES", w->totals.samples),
                                   field_count(&lost, "PROFILERD_LOST", w->totals.lost),
                                   field_invocation(&invocation, w->closed->invocation_id)),
                        "Wrote %s: %" PRIu64 " samples.", w->path, w->totals.samples);
}

void journal_profile(Journal *j, const WrittenProfile *w) {
        Field unit;

        if (w->error < 0) {
                if (!j->store_failed)
                        (void) log_full(LOG_WARNING, w->error,
                                        LOG_FIELDS(ID(MESSAGE_STORE_FAILED),
                                                   field_unit(&unit, w->closed->unit)),
                                        "Failed to store a profile of %s, dropping profiles until "
                                        "it works again: %m",
                                        w->closed->unit);
                j->store_failed = true;
                return;
        }

        if (j->store_failed)
                (void) log_full(LOG_NOTICE, 0, LOG_FIELDS(ID(MESSAGE_STORE_RECOVERED)),
                                "Profiles are stored again.");
        j->store_failed = false;
        log_written(w);
}

/* ---- counters ---- */

/* Samples lost since they were last spoken of, "ring-full 12, unit-gone 3". Returns the reason for
 * most of them. */
static const char *describe_losses(
        Journal *j, const ManagerLoss *losses, size_t n, char *text, size_t size) {
        const char *worst = "";
        uint64_t most = 0;
        size_t used = 0;

        text[0] = '\0';
        for (size_t i = 0; i < MIN(n, (size_t) JOURNAL_LOSSES_MAX); i++) {
                uint64_t added = losses[i].count - j->losses_told[i];

                if (!losses[i].samples || added == 0)
                        continue;
                j->losses_told[i] = losses[i].count;
                if (added > most)
                        worst = losses[i].reason;
                most = MAX(most, added);
                if (used < size)
                        used += (size_t) snprintf(text + used, size - used, "%s%s %" PRIu64,
                                                  used > 0 ? ", " : "", losses[i].reason, added);
        }
        return worst;
}

void journal_losses(
        Journal *j, const ManagerLoss *losses, size_t n_losses, uint64_t samples, usec_t now_usec) {
        uint64_t total = 0, lost, taken = samples - j->samples_told;
        Field fields[3];
        const char *worst;
        char text[512];
        int level;

        for (size_t i = 0; i < n_losses; i++)
                total += losses[i].samples ? losses[i].count : 0;
        if (!repeat_is_due(&j->lost, total, now_usec, JOURNAL_LOST_USEC, &lost))
                return;

        j->samples_told = samples;
        worst = describe_losses(j, losses, n_losses, text, sizeof(text));
        level = lost * JOURNAL_LOST_SHARE >= taken + lost ? LOG_WARNING : LOG_INFO;
        (void) log_full(level, 0,
                        LOG_FIELDS(ID(MESSAGE_SAMPLES_LOST),
                                   field_count(&fields[0], "PROFILERD_LOST", lost),
                                   field_count(&fields[1], "PROFILERD_SAMPLES", taken),
                                   field(&fields[2], "PROFILERD_REASON=%s", worst)),
                        "Lost %" PRIu64 " of %" PRIu64 " samples (%s).", lost, taken + lost, text);
}

void journal_vacuumed(Journal *j, const StoreVacuum *total, usec_t now_usec) {
        Field removed, removed_bytes;
        uint64_t n, bytes;

        if (!repeat_is_due(&j->removed, total->n_removed, now_usec, JOURNAL_VACUUMED_USEC, &n))
                return;

        bytes = total->bytes_removed - j->removed_bytes_told;
        j->removed_bytes_told = total->bytes_removed;
        (void) log_full(LOG_INFO, 0,
                        LOG_FIELDS(ID(MESSAGE_STORE_VACUUMED),
                                   field_count(&removed, "PROFILERD_REMOVED", n),
                                   field_count(&removed_bytes, "PROFILERD_REMOVED_BYTES", bytes)),
                        "Removed the %" PRIu64
                        " oldest profiles (%.1fM) to keep the store's limits.",
                        n, (double) bytes / (1 << 20));
}

void journal_unwind(Journal *j, const UnwindLoaderStatistics *s) {
        Field files;

        if (s->is_short == j->unwind_short)
                return;
        j->unwind_short = s->is_short;
        if (!s->is_short) {
                (void) log_full(LOG_NOTICE, 0, LOG_FIELDS(ID(MESSAGE_UNWIND_ENOUGH)),
                                "All unwind tables are loaded.");
                return;
        }
        (void) log_full(LOG_WARNING, 0,
                        LOG_FIELDS(ID(MESSAGE_UNWIND_SHORT),
                                   field_count(&files, "PROFILERD_FILES", s->n_refused_files)),
                        "UnwindMemoryMax= is too small: %zu files have no unwind table, stacks "
                        "through them may end early.",
                        s->n_refused_files);
}

void journal_workers(Journal *j, const IndexCacheStatistics *s) {
        uint64_t failures = s->failed - s->unreadable;
        Field field_failures;

        if (s->built != j->built) {
                if (j->workers_failed)
                        (void) log_full(LOG_INFO, 0, LOG_FIELDS(ID(MESSAGE_ELF_RECOVERED)),
                                        "profilerd-elf works again.");
                j->workers_failed = false;
                j->built = s->built;
                j->worker_failures = failures;
                return;
        }

        failures -= j->worker_failures;
        if (j->workers_failed || failures < JOURNAL_WORKER_FAILURES)
                return;
        j->workers_failed = true;
        (void) log_full(LOG_WARNING, s->last_error,
                        LOG_FIELDS(ID(MESSAGE_ELF_FAILED),
                                   field_count(&field_failures, "PROFILERD_FAILURES", failures)),
                        "profilerd-elf failed %" PRIu64
                        " times in a row, new files go without names until it works again: %m",
                        failures);
}
