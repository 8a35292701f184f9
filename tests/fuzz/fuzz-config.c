/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configuration, fuzzed
 *
 * The input is profilerd.conf and, behind a line "%%", a file of units.d. Whatever they say: what
 * is in force is within its limits, and its text is read back without a complaint as the same
 * configuration.
 */

#include <sys/stat.h>

#include "basic/string-util.h"
#include "basic/unit-name.h"
#include "config.h"

#define SEPARATOR "\n%%\n"
#define MAIN      "/etc/profilerd/profilerd.conf"
#define UNIT      "/etc/profilerd/units.d/50-fuzz.conf"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char root[64];

static void check(bool ok) {
        if (!ok)
                abort();
}

static const char *in_root(char path[static 128], const char *name) {
        snprintf(path, 128, "%s%s", root, name);
        return path;
}

static void remove_root(void) {
        static const char *const names[] = { UNIT,   "/etc/profilerd/units.d",
                                             MAIN,   "/etc/profilerd",
                                             "/etc", "" };
        char path[128];

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                remove(in_root(path, names[i]));
}

static void make_root(void) {
        char path[128];

        strcpy(root, "/tmp/fuzz-config-XXXXXX");
        check(mkdtemp(root));
        atexit(remove_root);
        check(mkdir(in_root(path, "/etc"), 0700) == 0);
        check(mkdir(in_root(path, "/etc/profilerd"), 0700) == 0);
        check(mkdir(in_root(path, "/etc/profilerd/units.d"), 0700) == 0);
}

static void put(const char *name, const void *data, size_t size) {
        char path[128];
        FILE *f = fopen(in_root(path, name), "we");

        check(f && fwrite(data, 1, size, f) == size && fclose(f) == 0);
}

static void on_complaint(const char *file, unsigned line, const char *sentence, void *userdata) {
        unsigned *n = userdata;

        check(startswith(file, root) && line < UINT32_MAX &&
              utf8_is_valid(sentence, strlen(sentence)));
        (*n)++;
}

static void check_frequency(unsigned hz) {
        check(hz >= CONFIG_FREQUENCY_MIN_HZ && hz <= CONFIG_FREQUENCY_MAX_HZ);
}

static void check_interval(usec_t usec) {
        check(usec >= CONFIG_INTERVAL_MIN_USEC && usec <= CONFIG_INTERVAL_MAX_USEC);
}

static void check_config(const Config *c) {
        _cleanup_free_ const char **patterns = config_get_patterns(c);

        check(patterns);
        check_frequency(c->frequency_hz);
        check_interval(c->interval_usec);
        check(c->sampling_ratio >= 0 && c->sampling_ratio <= 1);
        check(c->storage.max_use_bytes > 0 && c->storage.max_retention_usec > 0);

        for (size_t i = 0; patterns[i]; i++) {
                const char *const names[] = { patterns[i], "nginx.service", NULL };
                UnitSettings s;

                check(strlen(patterns[i]) <= UNIT_NAME_MAX && !strchr(patterns[i], '/'));
                config_get_unit_settings(c, names, &s);
                check_frequency(s.frequency_hz);
                check_interval(s.interval_usec);
                for (size_t k = 0; k < s.n_labels; k++)
                        check(!isempty(s.labels[k].key) && !isempty(s.labels[k].value));
        }
}

/* The part of profilerd.conf ends where the comment with the path of the units.d file begins. */
static void check_read_back(char *text) {
        _cleanup_(config_freep) Config *again = NULL;
        _cleanup_free_ char *text_again = NULL;
        char *units = strstr(text, "\n# ");
        unsigned n_complaints = 0;

        if (units)
                units[1] = '\0';
        put(MAIN, text, strlen(text));
        put(UNIT, units ? units + 2 : "", units ? strlen(units + 2) : 0);
        if (units)
                units[1] = '#';
        check(config_load(&again, root, on_complaint, &n_complaints) >= 0);
        check(config_format(again, &text_again) >= 0);
        check(streq(text, text_again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const uint8_t *separator = memmem(data, size, SEPARATOR, strlen(SEPARATOR));
        _cleanup_(config_freep) Config *c = NULL;
        _cleanup_free_ char *text = NULL;
        size_t n = separator ? (size_t) (separator - data) : size;
        unsigned n_complaints = 0;
        int r;

        if (root[0] == '\0')
                make_root();
        put(MAIN, data, n);
        n += separator ? strlen(SEPARATOR) : 0;
        put(UNIT, data + n, size - n);

        r = config_load(&c, root, on_complaint, &n_complaints);
        if (r < 0) {
                check(r == -EBADMSG && n_complaints > 0 && !c);
                return 0;
        }
        check_config(c);
        check(config_format(c, &text) >= 0);
        check_read_back(text);
        return 0;
}
