/* SPDX-License-Identifier: Apache-2.0 */
/* Trigger Rules */

#include <ctype.h>

#include "basic/array.h"
#include "basic/parse.h"
#include "basic/string-util.h"
#include "basic/unit-name.h"
#include "config-file.h"
#include "trigger-rule.h"

#define DEFAULT_WINDOW_USEC   (10 * USEC_PER_SEC)
#define DEFAULT_DURATION_USEC (30 * USEC_PER_SEC)
#define DEFAULT_COOLDOWN_USEC (10 * USEC_PER_MINUTE)
#define DEFAULT_BEFORE_USEC   (10 * USEC_PER_SEC)
#define BEFORE_MAX_USEC       (5 * USEC_PER_MINUTE)
#define WINDOW_MIN_USEC       USEC_PER_SEC
#define WINDOW_MAX_USEC       USEC_PER_HOUR
enum {
        DEFAULT_FREQUENCY_HZ = 199,
        DEFAULT_MAX_PER_HOUR = 4,
        MAX_PER_HOUR = 60,
        CPU_PERCENT_MAX = 1000 * 100, /* a thousand CPUs */
};

typedef struct Loader {
        ConfigReader reader;
        TriggerRules *rules;
        size_t capacity;
        TriggerRule *rule; /* whose file is read */
} Loader;

static const char *const measure_names[_TRIGGER_MEASURE_MAX] = {
        [TRIGGER_CPU_USAGE] = "cpu-usage",       [TRIGGER_THROTTLED] = "throttled",
        [TRIGGER_CPU_PRESSURE] = "cpu-pressure", [TRIGGER_MEMORY_PRESSURE] = "memory-pressure",
        [TRIGGER_IO_PRESSURE] = "io-pressure",
};

const char *trigger_measure_to_string(TriggerMeasure m) {
        assert(m < _TRIGGER_MEASURE_MAX);
        return measure_names[m];
}

static void rule_done(TriggerRule *r) {
        free(r->name);
        strv_free(r->units);
        *r = (TriggerRule){};
}

void trigger_rules_done(TriggerRules *r) {
        for (size_t i = 0; i < r->n; i++)
                rule_done(&r->rules[i]);
        free(r->rules);
        *r = (TriggerRules){};
}

/* ---- values: "" goes back to the default ---- */

/* Of all CPUs together, so it may be more than 100%. */
static int parse_cpu_usage(TriggerRule *r, const char *value) {
        size_t n = strlen(value);
        char number[16];
        unsigned percent = 0;
        int k;

        if (n > 0) {
                if (n >= sizeof(number) || value[n - 1] != '%')
                        return -EINVAL;
                memcpy(number, value, n - 1);
                number[n - 1] = '\0';
                k = parse_unsigned(number, 1, CPU_PERCENT_MAX, &percent);
                if (k < 0)
                        return k;
        }
        r->limits[TRIGGER_CPU_USAGE] = percent / 100.0;
        return 0;
}

static int parse_share(TriggerRule *r, const char *value, TriggerMeasure m) {
        r->limits[m] = 0;
        return isempty(value) ? 0 : parse_ratio(value, &r->limits[m]);
}

static int parse_throttled(TriggerRule *r, const char *value) {
        return parse_share(r, value, TRIGGER_THROTTLED);
}

static int parse_cpu_pressure(TriggerRule *r, const char *value) {
        return parse_share(r, value, TRIGGER_CPU_PRESSURE);
}

static int parse_memory_pressure(TriggerRule *r, const char *value) {
        return parse_share(r, value, TRIGGER_MEMORY_PRESSURE);
}

static int parse_io_pressure(TriggerRule *r, const char *value) {
        return parse_share(r, value, TRIGGER_IO_PRESSURE);
}

static int parse_on_start(TriggerRule *r, const char *value) {
        int k = isempty(value) ? 0 : parse_boolean(value);

        if (k < 0)
                return k;
        r->on_start = k;
        return 0;
}

static int parse_span(const char *value, usec_t fallback, usec_t min, usec_t max, usec_t *ret) {
        usec_t usec = fallback;
        int k = isempty(value) ? 0 : parse_timespan(value, &usec);

        if (k < 0)
                return k;
        if (usec < min || usec > max)
                return -ERANGE;
        *ret = usec;
        return 0;
}

static int parse_window(TriggerRule *r, const char *value) {
        return parse_span(value, DEFAULT_WINDOW_USEC, WINDOW_MIN_USEC, WINDOW_MAX_USEC,
                          &r->window_usec);
}

static int parse_before(TriggerRule *r, const char *value) {
        return parse_span(value, DEFAULT_BEFORE_USEC, 0, BEFORE_MAX_USEC, &r->before_usec);
}

static int parse_duration(TriggerRule *r, const char *value) {
        return parse_span(value, DEFAULT_DURATION_USEC, USEC_PER_SEC, CONFIG_SESSION_MAX_USEC,
                          &r->duration_usec);
}

static int parse_cooldown(TriggerRule *r, const char *value) {
        return parse_span(value, DEFAULT_COOLDOWN_USEC, 0, USEC_INFINITY - 1, &r->cooldown_usec);
}

static int parse_rule_frequency(TriggerRule *r, const char *value) {
        r->frequency_hz = DEFAULT_FREQUENCY_HZ;
        return isempty(value) ? 0
                              : parse_unsigned(value, CONFIG_FREQUENCY_MIN_HZ,
                                               CONFIG_FREQUENCY_MAX_HZ, &r->frequency_hz);
}

static int parse_max_per_hour(TriggerRule *r, const char *value) {
        r->max_per_hour = DEFAULT_MAX_PER_HOUR;
        return isempty(value) ? 0 : parse_unsigned(value, 1, MAX_PER_HOUR, &r->max_per_hour);
}

static int parse_units(TriggerRule *r, const char *value) {
        const char *state = value;

        if (isempty(value)) {
                r->units = strv_free(r->units);
                return 0;
        }
        for (;;) {
                _cleanup_free_ char *word = NULL, *pattern = NULL;
                int k;

                k = unit_name_extract(&state, &word);
                if (k > 0)
                        k = unit_pattern_complete(word, &pattern);
                else
                        return k;
                if (k < 0)
                        return k;
                if (strv_length(r->units) >= CONFIG_UNITS_MAX)
                        return -ERANGE;
                k = strv_extend(&r->units, pattern);
                if (k < 0)
                        return k;
        }
}

typedef struct Key {
        const char *section, *name;
        int (*parse)(TriggerRule *r, const char *value);
} Key;

static const Key trigger_keys[] = {
        { "Trigger", "Unit", parse_units },
        { "Trigger", "CPUUsage", parse_cpu_usage },
        { "Trigger", "Throttled", parse_throttled },
        { "Trigger", "CPUPressure", parse_cpu_pressure },
        { "Trigger", "MemoryPressure", parse_memory_pressure },
        { "Trigger", "IOPressure", parse_io_pressure },
        { "Trigger", "OnStart", parse_on_start },
        { "Trigger", "WindowSec", parse_window },
        { "Trigger", "Frequency", parse_rule_frequency },
        { "Trigger", "BeforeSec", parse_before },
        { "Trigger", "DurationSec", parse_duration },
        { "Trigger", "CooldownSec", parse_cooldown },
        { "Trigger", "MaxPerHour", parse_max_per_hour },
};

/* ---- files ---- */

static int on_assignment(const ConfigAssignment *a, void *userdata) {
        Loader *l = userdata;
        int r;

        for (size_t i = 0; i < ELEMENTSOF(trigger_keys); i++) {
                if (!streq(trigger_keys[i].name, a->key))
                        continue;
                r = trigger_keys[i].parse(l->rule, a->value);
                if (r == -ENOMEM)
                        return r;
                if (r < 0)
                        config_complain(&l->reader, a->file, a->line,
                                        "Failed to parse %s=%s, ignoring: %s", a->key, a->value,
                                        strerror(-r));
                return 0;
        }
        config_complain(&l->reader, a->file, a->line, "Unknown key '%s' in section [%s], ignoring.",
                        a->key, a->section);
        return 0;
}

/* It stands in profiles, in the journal and on command lines. */
static char *name_of(const char *path) {
        const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
        char *copy = strndup(name, strlen(name) - strlen(".conf"));

        for (char *p = copy; p && *p; p++)
                if (!isalnum((unsigned char) *p) && !strchr("-_.@", *p))
                        *p = '_';
        return copy;
}

/* text: NULL: what is in the file. */
static int read_rule(Loader *l, const char *path, const char *text, size_t size) {
        _cleanup_(rule_done) TriggerRule rule = {
                .window_usec = DEFAULT_WINDOW_USEC,
                .frequency_hz = DEFAULT_FREQUENCY_HZ,
                .before_usec = DEFAULT_BEFORE_USEC,
                .duration_usec = DEFAULT_DURATION_USEC,
                .cooldown_usec = DEFAULT_COOLDOWN_USEC,
                .max_per_hour = DEFAULT_MAX_PER_HOUR,
        };
        int r;

        rule.name = name_of(path);
        if (!rule.name)
                return -ENOMEM;
        l->rule = &rule;
        r = text ? config_file_parse(path, text, size, &l->reader)
                 : config_file_read(path, &l->reader);
        if (r == -ENOMEM)
                return r;
        if (r < 0) /* it has been complained about; the other triggers are none the worse */
                return 0;
        if (strv_length(rule.units) == 0) {
                config_complain(&l->reader, path, 0,
                                "No Unit= in section [Trigger], ignoring file.");
                return 0;
        }
        if (l->rules->n >= TRIGGER_RULES_MAX) {
                config_complain(&l->reader, path, 0, "Too many triggers, ignoring file.");
                return 0;
        }
        r = ARRAY_RESERVE(l->rules->rules, l->capacity, l->rules->n + 1);
        if (r < 0)
                return r;
        l->rules->rules[l->rules->n++] = rule;
        rule = (TriggerRule){};
        return 0;
}

static Loader loader_for(TriggerRules *rules, ConfigComplaint complaint, void *userdata) {
        static const char *const sections[] = { "Trigger", NULL };

        return (Loader){
                .rules = rules,
                .reader = { .sections = sections,
                            .on_assignment = on_assignment,
                            .complaint = complaint,
                            .complaint_userdata = userdata },
        };
}

int trigger_rules_parse(TriggerRules *ret,
                        const char *path,
                        const char *text,
                        size_t size,
                        ConfigComplaint complaint,
                        void *userdata) {
        _cleanup_(trigger_rules_done) TriggerRules rules = {};
        Loader l = loader_for(&rules, complaint, userdata);
        int r;

        l.reader.userdata = &l;
        r = read_rule(&l, path, text, size);
        if (r < 0)
                return r;
        *ret = rules;
        rules = (TriggerRules){};
        return 0;
}

int trigger_rules_load(TriggerRules *ret,
                       const char *root,
                       ConfigComplaint complaint,
                       void *userdata) {
        _cleanup_(trigger_rules_done) TriggerRules rules = {};
        Loader l = loader_for(&rules, complaint, userdata);
        _cleanup_(strv_freep) char **paths = NULL;
        int r;

        l.reader.userdata = &l;
        r = config_file_list(root, "triggers.d", &paths);
        if (r < 0)
                return r;
        for (char **path = paths; *path; path++) {
                if (access(*path, F_OK) < 0 && errno == ENOENT) /* it masks others */
                        continue;
                r = read_rule(&l, *path, NULL, 0);
                if (r < 0)
                        return r;
        }
        *ret = rules;
        rules = (TriggerRules){};
        return 0;
}
