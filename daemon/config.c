/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration */

#include "config.h"
#include "basic/parse.h"
#include "basic/string-util.h"
#include "basic/unit-name.h"

#define SAMPLING_SEED UINT64_C(0x70726f66696c6572) /* fixed: the choice outlives us */

void config_labels_free(ConfigLabel *labels, size_t n) {
        for (size_t i = 0; i < n; i++) {
                free(labels[i].key);
                free(labels[i].value);
        }
        free(labels);
}

void config_unit_done(ConfigUnit *u) {
        free(u->path);
        strv_free(u->patterns);
        config_labels_free(u->labels, u->n_labels);
}

Config *config_free(Config *c) {
        if (!c)
                return NULL;

        strv_free(c->units);
        for (size_t i = 0; i < c->n_unit_files; i++)
                config_unit_done(c->unit_files + i);
        free(c->unit_files);
        free(c);
        return NULL;
}

/* ---- asking ---- */

const char **config_get_patterns(const Config *c) {
        size_t n = strv_length(c->units), i = 0;
        const char **patterns;

        for (size_t f = 0; f < c->n_unit_files; f++)
                if (c->unit_files[f].has_enable)
                        n += strv_length(c->unit_files[f].patterns);

        patterns = calloc(n + 1, sizeof(char *));
        if (!patterns)
                return NULL;

        for (char **p = c->units; p && *p; p++)
                patterns[i++] = *p;
        for (size_t f = 0; f < c->n_unit_files; f++)
                if (c->unit_files[f].has_enable)
                        for (char **p = c->unit_files[f].patterns; *p; p++)
                                patterns[i++] = *p;
        return patterns;
}

/* The hash is a fixed point in [0, 1): who is chosen at one ratio is chosen at every larger one. */
static bool is_chosen(const Config *c, const char *name) {
        uint64_t hash = hash_bytes(name, strlen(name), SAMPLING_SEED);

        return (double) (hash >> 11) / (double) (UINT64_C(1) << 53) < c->sampling_ratio;
}

static const ConfigUnit *find_unit_file(const Config *c, const char *const *names) {
        for (size_t i = 0; i < c->n_unit_files; i++) {
                const ConfigUnit *u = c->unit_files + i;

                if (unit_patterns_match((const char *const *) u->patterns, names))
                        return u;
        }
        return NULL;
}

void config_get_unit_settings(const Config *c, const char *const *names, UnitSettings *ret) {
        UnitSettings s = {
                .frequency_hz = c->frequency_hz,
                .interval_usec = c->interval_usec,
                .types = c->types,
        };
        const ConfigUnit *u = find_unit_file(c, names);

        if (u && u->has_enable)
                s.enabled = u->enable;
        else if (names[0])
                s.enabled = unit_patterns_match((const char *const *) c->units, names) &&
                            is_chosen(c, names[0]);

        if (u) {
                if (u->frequency_hz > 0)
                        s.frequency_hz = u->frequency_hz;
                if (u->interval_usec > 0)
                        s.interval_usec = u->interval_usec;
                if (u->types != 0)
                        s.types = u->types;
                s.labels = u->labels;
                s.n_labels = u->n_labels;
        }
        *ret = s;
}

bool config_wants_type(const Config *c, WindowType type) {
        unsigned types = c->types;

        for (size_t i = 0; i < c->n_unit_files; i++)
                types |= c->unit_files[i].types;
        return types & CONFIG_TYPE(type);
}

/* ---- as text ---- */

static void print_list(FILE *f, const char *key, char *const *words) {
        fprintf(f, "%s=", key);
        for (char *const *w = words; w && *w; w++)
                fprintf(f, "%s%s", w == words ? "" : " ", *w);
        fputc('\n', f);
}

static void print_types(FILE *f, unsigned types) {
        const char *separator = "";

        fputs("Type=", f);
        for (int type = 0; type < _WINDOW_TYPE_MAX; type++)
                if (types & CONFIG_TYPE(type)) {
                        fprintf(f, "%s%s", separator, window_type_to_string((WindowType) type));
                        separator = " ";
                }
        fputc('\n', f);
}

/* Without exponent and without zeros at the end. */
static void print_ratio(FILE *f, const char *key, double ratio) {
        char text[32];
        int n = snprintf(text, sizeof(text), "%.15f", ratio);

        while (n > 1 && text[n - 1] == '0')
                n--;
        if (n > 1 && text[n - 1] == '.')
                n--;
        fprintf(f, "%s=%.*s\n", key, n, text);
}

/* Takes text. */
static int print_owned(FILE *f, const char *key, char *text) {
        if (!text)
                return -ENOMEM;
        fprintf(f, "%s=%s\n", key, text);
        free(text);
        return 0;
}

/* In double quotes, as extract_word() reads it. */
static void print_label(FILE *f, const ConfigLabel *label) {
        fprintf(f, "\"%s=", label->key);
        for (const char *p = label->value; *p; p++)
                fprintf(f, "%s%c", *p == '"' || *p == '\\' ? "\\" : "", *p);
        fputc('"', f);
}

static int print_unit_settings(FILE *f, const ConfigUnit *u) {
        int r;

        if (u->has_enable)
                fprintf(f, "Enable=%s\n", u->enable ? "yes" : "no");
        if (u->frequency_hz > 0)
                fprintf(f, "Frequency=%u\n", u->frequency_hz);
        if (u->interval_usec > 0) {
                r = print_owned(f, "Interval", timespan_format(u->interval_usec));
                if (r < 0)
                        return r;
        }
        if (u->types != 0)
                print_types(f, u->types);
        if (u->n_labels > 0) {
                fputs("Labels=", f);
                for (size_t i = 0; i < u->n_labels; i++) {
                        fputs(i > 0 ? " " : "", f);
                        print_label(f, u->labels + i);
                }
                fputc('\n', f);
        }
        return 0;
}

static int print_unit(FILE *f, const ConfigUnit *u) {
        fprintf(f, "\n# %s\n[Match]\n", u->path);
        print_list(f, "Unit", u->patterns);
        fputs("[Profile]\n", f);
        return print_unit_settings(f, u);
}

int config_format_unit(const Config *c, const char *unit, char **ret) {
        const ConfigUnit *u = find_unit_file(c, (const char *const[]){ unit, NULL });
        _cleanup_free_ char *text = NULL;
        size_t size;
        FILE *f;
        int r;

        f = open_memstream(&text, &size);
        if (!f)
                return negative_errno();
        r = u ? print_unit_settings(f, u) : 0;
        if (fclose(f) < 0 && r >= 0)
                r = negative_errno();
        if (r < 0)
                return r;
        *ret = TAKE_PTR(text);
        return 0;
}

static int print_sessions(FILE *f, const SessionLimits *s) {
        int r;

        fputs("\n[Sessions]\n", f);
        fprintf(f, "MaxSessions=%u\nMaxSessionsPerUser=%u\nMaxSessionFrequency=%u\n", s->max,
                s->max_per_user, s->max_frequency_hz);
        r = print_owned(f, "MaxSessionDurationSec", timespan_format(s->max_duration_usec));
        if (r < 0)
                return r;
        return print_owned(f, "SessionResultRetentionSec",
                           timespan_format(s->result_retention_usec));
}

static int print_config(FILE *f, const Config *c) {
        usec_t retention_usec = c->storage.max_retention_usec;
        int r;

        fputs("[Profilerd]\n", f);
        print_list(f, "Units", c->units);
        fprintf(f, "Frequency=%u\n", c->frequency_hz);
        r = print_owned(f, "Interval", timespan_format(c->interval_usec));
        if (r < 0)
                return r;
        print_types(f, c->types);
        r = print_owned(f, "OffCPUThresholdSec", timespan_format(c->off_cpu_threshold_usec));
        if (r < 0)
                return r;
        fprintf(f, "OffCPUFrequency=%u\n", c->off_cpu_frequency_hz);
        print_ratio(f, "SamplingRatio", c->sampling_ratio);
        fprintf(f, "Lines=%s\n", c->lines ? "yes" : "no");
        r = print_owned(f, "UnwindMemoryMax", size_format(c->unwind_memory_max_bytes));
        if (r < 0)
                return r;

        r = print_sessions(f, &c->sessions);
        if (r < 0)
                return r;

        fputs("\n[Storage]\n", f);
        r = print_owned(f, "MaxUse", size_format(c->storage.max_use_bytes));
        if (r < 0)
                return r;
        r = print_owned(f, "KeepFree", size_format(c->storage.keep_free_bytes));
        if (r < 0)
                return r;
        r = print_owned(f, "MaxRetentionSec", timespan_format(retention_usec));
        if (r < 0)
                return r;

        r = print_owned(f, "CompactAfter", timespan_format(c->compact_after_usec));
        if (r < 0)
                return r;

        for (size_t i = 0; i < c->n_unit_files; i++) {
                r = print_unit(f, c->unit_files + i);
                if (r < 0)
                        return r;
        }
        return 0;
}

int config_format(const Config *c, char **ret) {
        _cleanup_free_ char *text = NULL;
        size_t size;
        FILE *f;
        int r;

        f = open_memstream(&text, &size);
        if (!f)
                return negative_errno();
        r = print_config(f, c);
        if (r >= 0 && ferror(f))
                r = -ENOMEM;
        if (fclose(f) < 0 && r >= 0)
                r = negative_errno();
        if (r < 0)
                return r;

        *ret = TAKE_PTR(text);
        return 0;
}
