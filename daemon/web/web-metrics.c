/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Metrics
 *
 * The daemon and its units in the text format of Prometheus, 0.0.4: for each metric its help, its
 * type, then all of its samples.
 */

#include <inttypes.h>

#include "basic/string-util.h"
#include "web/web-app.h"

typedef struct Metric {
        const char *name, *type, *help;
        size_t offset;
        bool nsec; /* shown as seconds */
} Metric;

/* clang-format off */
static const Metric daemon_metrics[] = {
        { "profilerd_samples_total",          "counter", "Samples taken.",                              offsetof(DaemonStatus, samples),           false },
        { "profilerd_cpu_profiled_seconds_total", "counter", "CPU time that was sampled.",              offsetof(DaemonStatus, cpu_profiled_nsec), true },
        { "profilerd_profiles_total",         "counter", "Profiles stored.",                            offsetof(DaemonStatus, profiles),          false },
        { "profilerd_profiles_dropped_total", "counter", "Profiles that could not be stored.",          offsetof(DaemonStatus, profiles_dropped),  false },
        { "profilerd_profile_bytes_total",    "counter", "Bytes of the profiles stored.",               offsetof(DaemonStatus, profile_bytes),     false },
        { "profilerd_store_removed_total",    "counter", "Profiles removed to keep the store's limits.", offsetof(DaemonStatus, store_removed),    false },
        { "profilerd_store_bytes",            "gauge",   "What the store occupies on the disk.",        offsetof(DaemonStatus, store_use_bytes),   false },
        { "profilerd_memory_bytes",           "gauge",   "Memory of the daemon.",                       offsetof(DaemonStatus, memory_bytes),      false },
        { "profilerd_bpf_memory_bytes",       "gauge",   "Memory of its BPF maps.",                     offsetof(DaemonStatus, bpf_memory_bytes),  false },
        { "profilerd_cpu_seconds_total",      "counter", "CPU time that the daemon itself has used.",   offsetof(DaemonStatus, cpu_usage_nsec),    true },
        { "profilerd_open_descriptors",       "gauge",   "Open file descriptors of the daemon.",        offsetof(DaemonStatus, descriptors),       false },
        { "profilerd_processes",              "gauge",   "Processes that are known.",                   offsetof(DaemonStatus, processes),         false },
        { "profilerd_files",                  "gauge",   "Binaries that are known.",                    offsetof(DaemonStatus, files),             false },
        { "profilerd_files_queued",           "gauge",   "Binaries that wait to be indexed.",           offsetof(DaemonStatus, files_queued),      false },
};

static const Metric unit_metrics[] = {
        { "profilerd_unit_samples_total",     "counter", "Samples of the unit.",                        offsetof(UnitStatus, samples),             false },
        { "profilerd_unit_samples_lost_total", "counter", "Samples of the unit that were lost.",        offsetof(UnitStatus, lost),                false },
        { "profilerd_unit_cpu_profiled_seconds_total", "counter", "CPU time of the unit that was sampled.", offsetof(UnitStatus, cpu_profiled_nsec), true },
        { "profilerd_unit_frames_total",      "counter", "Frames of the unit's stacks.",                offsetof(UnitStatus, frames),              false },
        { "profilerd_unit_frames_named_total", "counter", "Frames that have a name.",                   offsetof(UnitStatus, frames_named),        false },
        { "profilerd_unit_profiles_total",    "counter", "Profiles of the unit that were stored.",      offsetof(UnitStatus, profiles),            false },
        { "profilerd_unit_profile_bytes_total", "counter", "Bytes of the unit's profiles.",             offsetof(UnitStatus, profile_bytes),       false },
};

/* By how a stack ended. */
static const struct {
        const char *end;
        size_t offset;
} stack_ends[] = {
        { "complete",  offsetof(UnitStatus, stacks_complete)  },
        { "truncated", offsetof(UnitStatus, stacks_truncated) },
        { "broken",    offsetof(UnitStatus, stacks_broken)    },
        { "none",      offsetof(UnitStatus, stacks_none)      },
};
/* clang-format on */

static void add_head(TextWriter *w, const char *name, const char *type, const char *help) {
        text_addf(w, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* A backslash, a quote and a new line have escapes. */
static void add_label(TextWriter *w, const char *key, const char *value) {
        text_addf(w, "%s=\"", key);
        for (; *value != '\0'; value++)
                if (*value == '\n')
                        text_add(w, "\\n");
                else if (*value == '\\' || *value == '"')
                        text_addf(w, "\\%c", *value);
                else
                        text_add_bytes(w, value, 1);
        text_add(w, "\"");
}

static uint64_t value_at(const void *object, size_t offset) {
        uint64_t value;

        memcpy(&value, (const uint8_t *) object + offset, sizeof(value));
        return value;
}

static void add_value(TextWriter *w, uint64_t value, bool nsec) {
        if (nsec)
                text_addf(w, " %" PRIu64 ".%09" PRIu64 "\n", value / NSEC_PER_SEC,
                          value % NSEC_PER_SEC);
        else
                text_addf(w, " %" PRIu64 "\n", value);
}

static void add_daemon(TextWriter *w, const DaemonStatus *d) {
        for (size_t i = 0; i < ELEMENTSOF(daemon_metrics); i++) {
                const Metric *m = &daemon_metrics[i];

                add_head(w, m->name, m->type, m->help);
                text_add(w, m->name);
                add_value(w, value_at(d, m->offset), m->nsec);
        }
        add_head(w, "profilerd_samples_lost_total", "counter", "Samples lost, by reason.");
        for (size_t i = 0; i < d->n_losses; i++) {
                text_add(w, "profilerd_samples_lost_total{");
                add_label(w, "reason", d->losses[i].reason);
                text_add(w, "}");
                add_value(w, d->losses[i].count, false);
        }
        add_head(w, "profilerd_start_time_seconds", "gauge", "When the daemon was started.");
        text_add(w, "profilerd_start_time_seconds");
        add_value(w, d->started_usec * NSEC_PER_USEC, true);
        add_head(w, "profilerd_info", "gauge", "Version and event of the daemon.");
        text_add(w, "profilerd_info{");
        add_label(w, "version", d->version ?: "");
        text_add(w, ",");
        add_label(w, "event", d->event ?: "");
        text_add(w, "} 1\n");
}

static void add_units(TextWriter *w, const WebDaemon *d) {
        for (size_t i = 0; i < ELEMENTSOF(unit_metrics); i++) {
                const Metric *m = &unit_metrics[i];

                add_head(w, m->name, m->type, m->help);
                for (size_t k = 0; k < d->n_units; k++) {
                        text_addf(w, "%s{", m->name);
                        add_label(w, "unit", d->units[k].name);
                        text_add(w, "}");
                        add_value(w, value_at(&d->units[k], m->offset), m->nsec);
                }
        }
        add_head(w, "profilerd_unit_stacks_total", "counter",
                 "Stacks of the unit, by how they ended.");
        for (size_t k = 0; k < d->n_units; k++)
                for (size_t i = 0; i < ELEMENTSOF(stack_ends); i++) {
                        text_add(w, "profilerd_unit_stacks_total{");
                        add_label(w, "unit", d->units[k].name);
                        text_addf(w, ",end=\"%s\"}", stack_ends[i].end);
                        add_value(w, value_at(&d->units[k], stack_ends[i].offset), false);
                }
}

int respond_metrics(WebTask *t) {
        _cleanup_(text_writer_done) TextWriter w = {};

        add_head(&w, "profilerd_up", "gauge", "Whether the daemon answers.");
        text_addf(&w, "profilerd_up %d\n", t->daemon->is_running);
        if (t->daemon->is_running) {
                add_daemon(&w, &t->daemon->status);
                add_units(&w, t->daemon);
        }
        return web_respond_text(t->response, 200, "text/plain; version=0.0.4; charset=utf-8", &w);
}
