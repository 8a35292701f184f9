/* SPDX-License-Identifier: Apache-2.0 */
/* Loading of the Configuration */

#include <ctype.h>
#include <sys/statvfs.h>

#include "basic/array.h"
#include "basic/parse.h"
#include "basic/string-util.h"
#include "basic/unit-name.h"
#include "config-file.h"
#include "config.h"
#include "paths.h"

#define DEFAULT_UNITS               "*.service"
#define DEFAULT_INTERVAL_USEC       USEC_PER_MINUTE
#define DEFAULT_TYPES               CONFIG_TYPE(WINDOW_CPU)
#define DEFAULT_OFF_CPU_USEC        ((usec_t) 100)
#define OFF_CPU_THRESHOLD_MAX_USEC  USEC_PER_HOUR
#define DEFAULT_UNWIND_MEMORY_BYTES (UINT64_C(64) << 20)
#define DEFAULT_COMPACT_AFTER_USEC  USEC_PER_DAY
#define DEFAULT_MAX_USE_BYTES       (UINT64_C(1) << 30)
#define DEFAULT_KEEP_FREE_RATIO     0.15
#define DEFAULT_SESSIONS                                           \
        ((SessionLimits){ .max = 10,                               \
                          .max_per_user = 4,                       \
                          .max_frequency_hz = 1000,                \
                          .max_duration_usec = 300 * USEC_PER_SEC, \
                          .result_retention_usec = 10 * USEC_PER_MINUTE })
#define DEFAULT_KEEP_FREE_MAX (UINT64_C(4) << 30)

enum {
        LABELS_MAX = 32,
        LABEL_KEY_MAX = 64,     /* bytes */
        LABEL_VALUE_MAX = 1024, /* bytes */
};

/* A configuration in the making. */
typedef struct Loader {
        const char *root;        /* NULL: "/" */
        const char *path;        /* the only file; NULL: the tree below root */
        const ConfigText *texts; /* in place of files */
        size_t n_texts;
        ConfigReader reader;
        Config *config;
        ConfigUnit *unit; /* the units.d file that is read; NULL: profilerd.conf */
        bool has_units;   /* Units= was assigned, be it to nothing */
        bool is_in_use;   /* the file that is read assigns something */
        size_t capacity;  /* of config->unit_files */
} Loader;

typedef struct Key {
        const char *section, *name;
        /* -EINVAL and -ERANGE cost the line only; "" as value: back to the default. */
        int (*parse)(Loader *l, const ConfigAssignment *a);
} Key;

#define complain(l, a, ...) config_complain(&(l)->reader, (a)->file, (a)->line, __VA_ARGS__)

/* ---- values ---- */

/* A list is taken as a whole or not at all: a quote without its end may swallow any word. */
static int check_words(const char *value, int (*extract)(const char **state, char **ret)) {
        int r;

        do {
                _cleanup_free_ char *word = NULL;

                r = extract(&value, &word);
        } while (r > 0);
        return r;
}

static int parse_patterns(Loader *l, const ConfigAssignment *a, char ***patterns) {
        const char *state = a->value;
        int r;

        if (isempty(a->value)) {
                *patterns = strv_free(*patterns);
                return 0;
        }
        r = check_words(a->value, unit_name_extract);
        if (r < 0)
                return r;

        for (;;) {
                _cleanup_free_ char *word = NULL, *pattern = NULL;

                r = unit_name_extract(&state, &word);
                if (r <= 0)
                        return r;
                r = unit_pattern_complete(word, &pattern);
                if (r == -ENOMEM)
                        return r;
                if (r < 0) {
                        complain(l, a, "Invalid unit name '%s' in %s=, ignoring.", word, a->key);
                        continue;
                }
                if (strv_contains(*patterns, pattern))
                        continue;
                if (strv_length(*patterns) >= CONFIG_UNITS_MAX) {
                        complain(l, a, "Too many unit names in %s=, ignoring the rest.", a->key);
                        return 0;
                }
                r = strv_extend(patterns, pattern);
                if (r < 0)
                        return r;
        }
}

static int parse_frequency(const char *value, unsigned min_hz, unsigned max_hz, unsigned *ret) {
        _cleanup_free_ char *number = NULL;

        number = strdup(value);
        if (!number)
                return -ENOMEM;
        if (endswith(number, "Hz"))
                number[strlen(number) - strlen("Hz")] = '\0';
        return parse_unsigned(number, min_hz, max_hz, ret);
}

/* Replaces the whole set; an unknown word costs the line. */
static int parse_types(const char *value, unsigned *ret) {
        unsigned types = 0;
        int r;

        for (;;) {
                _cleanup_free_ char *word = NULL;

                r = extract_word(&value, &word);
                if (r < 0)
                        return r;
                if (r == 0)
                        break;
                r = window_type_from_string(word);
                if (r < 0)
                        return r;
                types |= CONFIG_TYPE(r);
        }
        if (types == 0)
                return -EINVAL;
        *ret = types;
        return 0;
}

static int parse_interval(const char *value, usec_t *ret) {
        usec_t usec;
        int r;

        r = parse_timespan(value, &usec);
        if (r < 0)
                return r;
        if (usec < CONFIG_INTERVAL_MIN_USEC || usec > CONFIG_INTERVAL_MAX_USEC)
                return -ERANGE;
        *ret = usec;
        return 0;
}

/* Size of the file system that the store is on, or will be: that of the first directory above it
 * that exists. */
static int store_size_bytes(const Loader *l, uint64_t *ret) {
        _cleanup_free_ char *path = NULL;
        struct statvfs fs;
        uint64_t bytes;

        if (asprintf(&path, "%s%s", l->root ?: "", STATE_DIR) < 0) {
                path = NULL; /* undefined after a failure */
                return -ENOMEM;
        }
        while (statvfs(path, &fs) < 0) {
                char *slash = strrchr(path, '/');

                if (errno != ENOENT || !slash)
                        return negative_errno();
                slash[slash == path ? 1 : 0] = '\0';
        }
        if (__builtin_mul_overflow((uint64_t) fs.f_blocks, (uint64_t) fs.f_frsize, &bytes))
                return -EOVERFLOW;
        *ret = bytes;
        return 0;
}

static int parse_store_size(Loader *l, const char *value, uint64_t *ret) {
        uint64_t whole;
        double ratio;
        int r;

        if (!is_percentage(value))
                return parse_size(value, ret);

        r = parse_ratio(value, &ratio);
        if (r < 0)
                return r;
        r = store_size_bytes(l, &whole);
        if (r < 0)
                return r;
        *ret = (uint64_t) ((double) whole * ratio);
        return 0;
}

static uint64_t default_keep_free(const Loader *l) {
        uint64_t whole;

        if (store_size_bytes(l, &whole) < 0)
                return DEFAULT_KEEP_FREE_MAX;
        return MIN((uint64_t) ((double) whole * DEFAULT_KEEP_FREE_RATIO), DEFAULT_KEEP_FREE_MAX);
}

/* ---- labels ---- */

/* Names that the profiles give a meaning of their own are not to be had. */
static bool label_key_is_valid(const char *key, size_t n) {
        static const char *const reserved[] = { "thread", "pid", "tid", "stack_end", "state" };

        if (n == 0 || n > LABEL_KEY_MAX || isdigit((unsigned char) key[0]))
                return false;
        for (size_t i = 0; i < n; i++)
                if (!isascii(key[i]) || (!isalnum((unsigned char) key[i]) && key[i] != '_'))
                        return false;
        for (size_t i = 0; i < ELEMENTSOF(reserved); i++)
                if (strlen(reserved[i]) == n && memcmp(key, reserved[i], n) == 0)
                        return false;
        return true;
}

/* A later value of the same key replaces the earlier one. word is "KEY=VALUE". */
static int label_add(ConfigUnit *u, const char *word) {
        const char *equals = strchr(word, '=');
        _cleanup_free_ char *key = NULL, *value = NULL;
        ConfigLabel *longer;

        if (!equals || !label_key_is_valid(word, (size_t) (equals - word)) || equals[1] == '\0' ||
            strlen(equals + 1) > LABEL_VALUE_MAX)
                return -EINVAL;

        key = strndup(word, (size_t) (equals - word));
        value = strdup(equals + 1);
        if (!key || !value)
                return -ENOMEM;

        for (size_t i = 0; i < u->n_labels; i++)
                if (streq(u->labels[i].key, key)) {
                        free(u->labels[i].value);
                        u->labels[i].value = TAKE_PTR(value);
                        return 0;
                }

        if (u->n_labels >= LABELS_MAX)
                return -E2BIG;
        longer = reallocarray(u->labels, u->n_labels + 1, sizeof(ConfigLabel));
        if (!longer)
                return -ENOMEM;
        u->labels = longer;
        u->labels[u->n_labels++] = (ConfigLabel){ TAKE_PTR(key), TAKE_PTR(value) };
        return 0;
}

/* ---- keys of profilerd.conf ---- */

static int config_parse_units(Loader *l, const ConfigAssignment *a) {
        l->has_units = true;
        return parse_patterns(l, a, &l->config->units);
}

static int config_parse_frequency(Loader *l, const ConfigAssignment *a) {
        if (isempty(a->value)) {
                l->config->frequency_hz = CONFIG_FREQUENCY_DEFAULT_HZ;
                return 0;
        }
        return parse_frequency(a->value, CONFIG_FREQUENCY_MIN_HZ, CONFIG_FREQUENCY_MAX_HZ,
                               &l->config->frequency_hz);
}

static int config_parse_interval(Loader *l, const ConfigAssignment *a) {
        if (isempty(a->value)) {
                l->config->interval_usec = DEFAULT_INTERVAL_USEC;
                return 0;
        }
        return parse_interval(a->value, &l->config->interval_usec);
}

static int config_parse_types(Loader *l, const ConfigAssignment *a) {
        if (isempty(a->value)) {
                l->config->types = DEFAULT_TYPES;
                return 0;
        }
        return parse_types(a->value, &l->config->types);
}

static int config_parse_off_cpu_threshold(Loader *l, const ConfigAssignment *a) {
        usec_t usec = DEFAULT_OFF_CPU_USEC;
        int r;

        if (!isempty(a->value)) {
                r = parse_timespan(a->value, &usec);
                if (r < 0)
                        return r;
                if (usec > OFF_CPU_THRESHOLD_MAX_USEC)
                        return -ERANGE;
        }
        l->config->off_cpu_threshold_usec = usec;
        return 0;
}

static int config_parse_off_cpu_frequency(Loader *l, const ConfigAssignment *a) {
        if (isempty(a->value)) {
                l->config->off_cpu_frequency_hz = CONFIG_OFF_CPU_FREQUENCY_DEFAULT_HZ;
                return 0;
        }
        return parse_frequency(a->value, CONFIG_OFF_CPU_FREQUENCY_MIN_HZ,
                               CONFIG_OFF_CPU_FREQUENCY_MAX_HZ, &l->config->off_cpu_frequency_hz);
}

static int config_parse_sampling_ratio(Loader *l, const ConfigAssignment *a) {
        if (isempty(a->value)) {
                l->config->sampling_ratio = 1;
                return 0;
        }
        return parse_ratio(a->value, &l->config->sampling_ratio);
}

static int config_parse_lines(Loader *l, const ConfigAssignment *a) {
        int r = isempty(a->value) ? true : parse_boolean(a->value);

        if (r < 0)
                return r;
        l->config->lines = r;
        return 0;
}

static int config_parse_unwind_memory_max(Loader *l, const ConfigAssignment *a) {
        uint64_t bytes = DEFAULT_UNWIND_MEMORY_BYTES;
        int r;

        if (!isempty(a->value)) {
                r = parse_size(a->value, &bytes);
                if (r < 0)
                        return r;
        }
        l->config->unwind_memory_max_bytes = bytes;
        return 0;
}

/* No room at all is no store: what is meant is most likely "infinity". */
static int config_parse_max_use(Loader *l, const ConfigAssignment *a) {
        uint64_t bytes = DEFAULT_MAX_USE_BYTES;
        int r;

        if (!isempty(a->value)) {
                r = parse_store_size(l, a->value, &bytes);
                if (r < 0)
                        return r;
                if (bytes == 0)
                        return -ERANGE;
        }
        l->config->storage.max_use_bytes = bytes;
        return 0;
}

/* An infinite amount can never be free. */
static int config_parse_keep_free(Loader *l, const ConfigAssignment *a) {
        uint64_t bytes;
        int r;

        if (isempty(a->value))
                bytes = default_keep_free(l);
        else {
                r = parse_store_size(l, a->value, &bytes);
                if (r < 0)
                        return r;
                if (bytes == UINT64_MAX)
                        return -ERANGE;
        }
        l->config->storage.keep_free_bytes = bytes;
        return 0;
}

static int config_parse_max_retention(Loader *l, const ConfigAssignment *a) {
        usec_t usec = 0;
        int r;

        if (!isempty(a->value)) {
                r = parse_timespan(a->value, &usec);
                if (r < 0)
                        return r;
        }
        l->config->storage.max_retention_usec = usec > 0 ? usec : USEC_INFINITY;
        return 0;
}

/* 0 would make hours of what is being written. */
static int config_parse_compact_after(Loader *l, const ConfigAssignment *a) {
        usec_t usec = DEFAULT_COMPACT_AFTER_USEC;
        int r;

        if (!isempty(a->value)) {
                r = parse_timespan(a->value, &usec);
                if (r < 0)
                        return r;
        }
        l->config->compact_after_usec = usec > 0 ? usec : USEC_INFINITY;
        return 0;
}

static int parse_sessions(const char *value, unsigned fallback, unsigned *ret) {
        if (isempty(value)) {
                *ret = fallback;
                return 0;
        }
        return parse_unsigned(value, 0, CONFIG_SESSIONS_MAX, ret);
}

static int config_parse_max_sessions(Loader *l, const ConfigAssignment *a) {
        return parse_sessions(a->value, DEFAULT_SESSIONS.max, &l->config->sessions.max);
}

static int config_parse_max_sessions_per_user(Loader *l, const ConfigAssignment *a) {
        return parse_sessions(a->value, DEFAULT_SESSIONS.max_per_user,
                              &l->config->sessions.max_per_user);
}

static int config_parse_max_session_frequency(Loader *l, const ConfigAssignment *a) {
        if (isempty(a->value)) {
                l->config->sessions.max_frequency_hz = DEFAULT_SESSIONS.max_frequency_hz;
                return 0;
        }
        return parse_frequency(a->value, CONFIG_FREQUENCY_MIN_HZ, CONFIG_FREQUENCY_MAX_HZ,
                               &l->config->sessions.max_frequency_hz);
}

static int config_parse_max_session_duration(Loader *l, const ConfigAssignment *a) {
        usec_t usec = DEFAULT_SESSIONS.max_duration_usec;
        int r;

        if (!isempty(a->value)) {
                r = parse_timespan(a->value, &usec);
                if (r < 0)
                        return r;
                if (usec < USEC_PER_SEC || usec > CONFIG_SESSION_MAX_USEC)
                        return -ERANGE;
        }
        l->config->sessions.max_duration_usec = usec;
        return 0;
}

static int config_parse_result_retention(Loader *l, const ConfigAssignment *a) {
        if (isempty(a->value)) {
                l->config->sessions.result_retention_usec = DEFAULT_SESSIONS.result_retention_usec;
                return 0;
        }
        return parse_timespan(a->value, &l->config->sessions.result_retention_usec);
}

/* ---- keys of units.d ---- */

static int config_parse_match(Loader *l, const ConfigAssignment *a) {
        return parse_patterns(l, a, &l->unit->patterns);
}

static int config_parse_enable(Loader *l, const ConfigAssignment *a) {
        int r = 0;

        if (!isempty(a->value)) {
                r = parse_boolean(a->value);
                if (r < 0)
                        return r;
        }
        l->unit->has_enable = !isempty(a->value);
        l->unit->enable = r > 0;
        return 0;
}

static int config_parse_unit_frequency(Loader *l, const ConfigAssignment *a) {
        if (isempty(a->value)) {
                l->unit->frequency_hz = 0;
                return 0;
        }
        return parse_frequency(a->value, CONFIG_FREQUENCY_MIN_HZ, CONFIG_FREQUENCY_MAX_HZ,
                               &l->unit->frequency_hz);
}

static int config_parse_unit_interval(Loader *l, const ConfigAssignment *a) {
        if (isempty(a->value)) {
                l->unit->interval_usec = 0;
                return 0;
        }
        return parse_interval(a->value, &l->unit->interval_usec);
}

static int config_parse_unit_types(Loader *l, const ConfigAssignment *a) {
        if (isempty(a->value)) {
                l->unit->types = 0;
                return 0;
        }
        return parse_types(a->value, &l->unit->types);
}

static int config_parse_labels(Loader *l, const ConfigAssignment *a) {
        const char *state = a->value;
        int r;

        if (isempty(a->value)) {
                config_labels_free(l->unit->labels, l->unit->n_labels);
                l->unit->labels = NULL;
                l->unit->n_labels = 0;
                return 0;
        }
        r = check_words(a->value, extract_word);
        if (r < 0)
                return r;

        for (;;) {
                _cleanup_free_ char *word = NULL;

                r = extract_word(&state, &word);
                if (r <= 0)
                        return r;
                r = label_add(l->unit, word);
                if (r == -ENOMEM)
                        return r;
                if (r == -E2BIG)
                        complain(l, a, "Too many labels, ignoring '%s'.", word);
                else if (r < 0)
                        complain(l, a, "Invalid label '%s', ignoring.", word);
        }
}

static const Key main_keys[] = {
        { "Profilerd", "Units", config_parse_units },
        { "Profilerd", "Frequency", config_parse_frequency },
        { "Profilerd", "Interval", config_parse_interval },
        { "Profilerd", "Type", config_parse_types },
        { "Profilerd", "OffCPUThresholdSec", config_parse_off_cpu_threshold },
        { "Profilerd", "OffCPUFrequency", config_parse_off_cpu_frequency },
        { "Profilerd", "SamplingRatio", config_parse_sampling_ratio },
        { "Profilerd", "Lines", config_parse_lines },
        { "Profilerd", "UnwindMemoryMax", config_parse_unwind_memory_max },
        { "Sessions", "MaxSessions", config_parse_max_sessions },
        { "Sessions", "MaxSessionsPerUser", config_parse_max_sessions_per_user },
        { "Sessions", "MaxSessionFrequency", config_parse_max_session_frequency },
        { "Sessions", "MaxSessionDurationSec", config_parse_max_session_duration },
        { "Sessions", "SessionResultRetentionSec", config_parse_result_retention },
        { "Storage", "MaxUse", config_parse_max_use },
        { "Storage", "KeepFree", config_parse_keep_free },
        { "Storage", "MaxRetentionSec", config_parse_max_retention },
        { "Storage", "CompactAfter", config_parse_compact_after },
        {},
};
static const char *const main_sections[] = { "Profilerd", "Sessions", "Storage", NULL };

static const Key unit_keys[] = {
        { "Match", "Unit", config_parse_match },
        { "Profile", "Enable", config_parse_enable },
        { "Profile", "Frequency", config_parse_unit_frequency },
        { "Profile", "Interval", config_parse_unit_interval },
        { "Profile", "Type", config_parse_unit_types },
        { "Profile", "Labels", config_parse_labels },
        {},
};
static const char *const unit_sections[] = { "Match", "Profile", NULL };

const char *config_find_section(const char *line, bool of_unit) {
        size_t n = strcspn(line, "=");

        for (const Key *k = of_unit ? unit_keys : main_keys; k->name; k++)
                if (line[n] == '=' && strlen(k->name) == n && strncmp(k->name, line, n) == 0 &&
                    !streq(k->section, "Match"))
                        return k->section;
        return NULL;
}

/* ---- loading ---- */

static int on_assignment(const ConfigAssignment *a, void *userdata) {
        Loader *l = userdata;
        int r;

        l->is_in_use = true;
        for (const Key *k = l->unit ? unit_keys : main_keys; k->name; k++) {
                if (!streq(k->section, a->section) || !streq(k->name, a->key))
                        continue;
                r = k->parse(l, a);
                if (r == -ENOMEM)
                        return r;
                if (r < 0)
                        complain(l, a, "Failed to parse %s=%s, ignoring: %s", a->key, a->value,
                                 strerror(-r));
                return 0;
        }

        complain(l, a, "Unknown key '%s' in section [%s], ignoring.", a->key, a->section);
        return 0;
}

/* A drop-in that leads nowhere masks others and is read as empty. */
static bool leads_nowhere(const char *path) {
        return access(path, F_OK) < 0 && errno == ENOENT;
}

static int read_file(Loader *l, const char *path) {
        for (size_t i = 0; i < l->n_texts; i++)
                if (streq(l->texts[i].path, path))
                        return config_file_parse(path, l->texts[i].text, l->texts[i].size,
                                                 &l->reader);
        return config_file_read(path, &l->reader);
}

static int read_main_file(Loader *l, const char *path) {
        l->unit = NULL;
        l->reader.sections = main_sections;
        return read_file(l, path);
}

static int read_unit_file(Loader *l, const char *path) {
        _cleanup_(config_unit_done) ConfigUnit u = {};
        Config *c = l->config;
        int r;

        u.path = strdup(path);
        if (!u.path)
                return -ENOMEM;

        l->unit = &u;
        l->is_in_use = false;
        l->reader.sections = unit_sections;
        r = read_file(l, path);
        if (r < 0)
                return r;
        if (strv_length(u.patterns) == 0) {
                if (l->is_in_use)
                        config_complain(&l->reader, path, 0,
                                        "No Unit= in section [Match], ignoring file.");
                return 0;
        }

        r = ARRAY_RESERVE(c->unit_files, l->capacity, c->n_unit_files + 1);
        if (r < 0)
                return r;
        c->unit_files[c->n_unit_files++] = u;
        u = (ConfigUnit){};
        return 0;
}

static int read_files(Loader *l, const char *directory, int (*read)(Loader *, const char *)) {
        _cleanup_(strv_freep) char **paths = NULL;
        int r;

        r = config_file_list(l->root, directory, &paths);
        if (r < 0) {
                config_complain(&l->reader, directory, 0,
                                "Failed to list the configuration files: %s", strerror(-r));
                return r;
        }

        for (char **path = paths; *path; path++) {
                if (leads_nowhere(*path))
                        continue;
                r = read(l, *path);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int read_texts(Loader *l) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < l->n_texts; i++)
                r = l->texts[i].of_unit ? read_unit_file(l, l->texts[i].path)
                                        : read_main_file(l, l->texts[i].path);
        return r;
}

static int read_tree(Loader *l) {
        _cleanup_free_ char *path = NULL;
        int r;

        r = config_file_find(l->root, "profilerd.conf", &path);
        if (r < 0 && r != -ENOENT) {
                config_complain(&l->reader, "profilerd.conf", 0,
                                "Failed to find the configuration file: %s", strerror(-r));
                return r;
        }
        if (path) {
                r = read_main_file(l, path);
                if (r < 0)
                        return r;
        }

        r = read_files(l, "profilerd.conf.d", read_main_file);
        if (r < 0)
                return r;
        return read_files(l, "units.d", read_unit_file);
}

static int load(Config **ret, Loader *l, ConfigComplaint complaint, void *userdata) {
        _cleanup_(config_freep) Config *c = NULL;
        int r;

        l->reader = (ConfigReader){ .on_assignment = on_assignment,
                                    .userdata = l,
                                    .complaint = complaint,
                                    .complaint_userdata = userdata };
        c = calloc(1, sizeof(Config));
        if (!c)
                return -ENOMEM;
        c->frequency_hz = CONFIG_FREQUENCY_DEFAULT_HZ;
        c->interval_usec = DEFAULT_INTERVAL_USEC;
        c->types = DEFAULT_TYPES;
        c->off_cpu_threshold_usec = DEFAULT_OFF_CPU_USEC;
        c->off_cpu_frequency_hz = CONFIG_OFF_CPU_FREQUENCY_DEFAULT_HZ;
        c->sampling_ratio = 1;
        c->lines = true;
        c->unwind_memory_max_bytes = DEFAULT_UNWIND_MEMORY_BYTES;
        c->sessions = DEFAULT_SESSIONS;
        c->storage.max_use_bytes = DEFAULT_MAX_USE_BYTES;
        c->storage.keep_free_bytes = default_keep_free(l);
        c->storage.max_retention_usec = USEC_INFINITY;
        c->compact_after_usec = DEFAULT_COMPACT_AFTER_USEC;

        l->config = c;
        r = l->texts ? read_texts(l) : l->path ? read_main_file(l, l->path) : read_tree(l);
        if (r < 0)
                return r;

        /* Lists add up, so the default must not be there before. */
        if (!l->has_units) {
                r = strv_extend(&c->units, DEFAULT_UNITS);
                if (r < 0)
                        return r;
        }

        *ret = TAKE_PTR(c);
        return 0;
}

int config_load(Config **ret, const char *root, ConfigComplaint complaint, void *userdata) {
        return load(ret, &(Loader){ .root = root }, complaint, userdata);
}

int config_load_file(Config **ret, const char *path, ConfigComplaint complaint, void *userdata) {
        return load(ret, &(Loader){ .path = path }, complaint, userdata);
}

int config_load_texts(Config **ret,
                      const ConfigText *texts,
                      size_t n_texts,
                      ConfigComplaint complaint,
                      void *userdata) {
        return load(ret, &(Loader){ .texts = texts, .n_texts = n_texts }, complaint, userdata);
}
