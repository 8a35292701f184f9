/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Configuration
 *
 * profilerd.conf with its drop-ins and units.d/, as one immutable object: a reload makes a new one
 * and swaps it in, or keeps the old. What is wrong with a line is said as systemd says it, with
 * file and line, and costs that line only.
 */

#include "basic/time-util.h"
#include "store/store.h"
#include "window-type.h"

enum {
        CONFIG_FREQUENCY_MIN_HZ = 1,
        CONFIG_FREQUENCY_MAX_HZ = 1000,
        CONFIG_FREQUENCY_DEFAULT_HZ = 99,
        CONFIG_UNITS_MAX = 4096, /* patterns of Units= */
        CONFIG_SESSIONS_MAX = 64,

        CONFIG_OFF_CPU_FREQUENCY_MIN_HZ = 1,
        CONFIG_OFF_CPU_FREQUENCY_MAX_HZ = 10000,
        CONFIG_OFF_CPU_FREQUENCY_DEFAULT_HZ = 200,
};
#define CONFIG_INTERVAL_MIN_USEC (1 * USEC_PER_SEC)
#define CONFIG_INTERVAL_MAX_USEC (1 * USEC_PER_DAY)
/* A type of profile in a set of them, which is an unsigned. */
#define CONFIG_TYPE(type)       (1U << (type))
#define CONFIG_SESSION_MAX_USEC (1 * USEC_PER_HOUR)

/* A label that goes to every sample of a profile. */
typedef struct ConfigLabel {
        char *key, *value;
} ConfigLabel;

/* One file of units.d/: what differs for the units that match. */
typedef struct ConfigUnit {
        char *path;      /* of the file */
        char **patterns; /* [Match] Unit= */
        bool has_enable, enable;
        unsigned frequency_hz; /* 0: as the daemon */
        usec_t interval_usec;  /* 0: as the daemon */
        unsigned types;        /* 0: as the daemon */
        ConfigLabel *labels;
        size_t n_labels;
} ConfigUnit;

/* What sessions may be. */
typedef struct SessionLimits {
        unsigned max, max_per_user;
        unsigned max_frequency_hz;
        usec_t max_duration_usec;
        usec_t result_retention_usec; /* USEC_INFINITY: as long as there is room */
} SessionLimits;

typedef struct Config {
        char **units; /* [Profilerd] Units= */
        unsigned frequency_hz;
        usec_t interval_usec;
        unsigned types; /* of profiles, never empty */
        usec_t off_cpu_threshold_usec;
        unsigned off_cpu_frequency_hz;
        double sampling_ratio; /* 0..1, share of the matching targets that is profiled */
        bool lines;            /* source lines and inlined functions */
        uint64_t unwind_memory_max_bytes;
        StoreLimits storage;
        SessionLimits sessions;
        usec_t compact_after_usec; /* USEC_INFINITY: never */
        ConfigUnit *unit_files;    /* in the order of their names; the first that matches wins */
        size_t n_unit_files;
} Config;

/* How one unit is to be profiled; borrowed from the configuration. */
typedef struct UnitSettings {
        bool enabled; /* matched by Units= or by a [Match], chosen by SamplingRatio=, not Enable=no
                       */
        unsigned frequency_hz;
        usec_t interval_usec;
        unsigned types; /* of profiles, never empty */
        const ConfigLabel *labels;
        size_t n_labels;
} UnitSettings;

/* A complaint about one line: "/etc/profilerd/profilerd.conf:3: Unknown key 'Foo' …, ignoring.";
 * line 0: about the file as a whole. */
typedef void (*ConfigComplaint)(const char *file,
                                unsigned line,
                                const char *sentence,
                                void *userdata);

/*
 * Reads the tree below root (NULL: "/"): {/etc,/run,/usr/local/lib,/usr/lib}/profilerd. Unknown
 * keys and bad values are complained about and survive; -EBADMSG: a file is broken as a whole (not
 * INI, an over-long line, NUL bytes), after a complaint that says so; other errors are those of
 * reading.
 */
int config_load(Config **ret, const char *root, ConfigComplaint complaint, void *userdata);
/* The same from one file alone, without drop-ins: profilerd --config=FILE. */
int config_load_file(Config **ret, const char *path, ConfigComplaint complaint, void *userdata);

/* What would stand in a file. */
typedef struct ConfigText {
        const char *path; /* for complaints, and of the settings of units */
        const char *text;
        size_t size;
        bool of_unit; /* of units.d */
} ConfigText;

/* The same from memory: for tests and fuzzers. */
int config_load_texts(Config **ret,
                      const ConfigText *texts,
                      size_t n_texts,
                      ConfigComplaint complaint,
                      void *userdata);
Config *config_free(Config *c);
DEFINE_CLEANUP(Config *, config_free);
void config_unit_done(ConfigUnit *u);
void config_labels_free(ConfigLabel *labels, size_t n);

/* Patterns of all units to follow: Units= and every [Match] that enables or disables, for what is
 * disabled must not count for a slice above it. Borrowed parts, to be freed with free() only. NULL:
 * out of memory. */
const char **config_get_patterns(const Config *c);

/* names: the unit's primary name first, then aliases, NULL-terminated. */
void config_get_unit_settings(const Config *c, const char *const *names, UnitSettings *ret);

/* Some unit may want profiles of the type. */
bool config_wants_type(const Config *c, WindowType type);

/* The section of the key that the line "Key=Value" is about, in profilerd.conf or in files of
 * units.d (of_unit; but for [Match]); NULL: there is no such key. */
const char *config_find_section(const char *line, bool of_unit);
/* The settings of the file of units.d that is in force for the unit, as lines; "": there is none.
 */
int config_format_unit(const Config *c, const char *unit, char **ret);

/* The whole configuration as text, one "Key=Value" a line under its section, for --check-config. */
int config_format(const Config *c, char **ret);
