/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configuration, fuzzed
 *
 * The input is profilerd.conf and, behind a line "%%", a file of units.d. Whatever they say: what
 * is in force is within its limits, and its text is read back without a complaint as the same
 * configuration.
 */

#include "basic/string-util.h"
#include "basic/unit-name.h"
#include "config.h"

#define SEPARATOR "\n%%\n"
#define MAIN      "/etc/profilerd/profilerd.conf"
#define UNIT      "/etc/profilerd/units.d/50-fuzz.conf"
#define UNIT_MARK "\n# " UNIT "\n"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok) {
        if (!ok)
                abort();
}

static void on_complaint(const char *file, unsigned line, const char *sentence, void *userdata) {
        unsigned *n = userdata;

        check((streq(file, MAIN) || streq(file, UNIT)) && line < UINT32_MAX &&
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

static int load(
        const char *main, size_t main_size, const char *unit, size_t unit_size, Config **ret) {
        const ConfigText texts[] = {
                { .path = MAIN, .text = main, .size = main_size },
                { .path = UNIT, .text = unit, .size = unit_size, .of_unit = true },
        };
        unsigned n_complaints = 0;
        int r;

        r = config_load_texts(ret, texts, ELEMENTSOF(texts), on_complaint, &n_complaints);
        check(r >= 0 || (r == -EBADMSG && n_complaints > 0));
        return r;
}

/* The part of profilerd.conf ends where the comment with the path of the units.d file begins. */
static void check_read_back(const char *text) {
        _cleanup_(config_freep) Config *again = NULL;
        _cleanup_free_ char *text_again = NULL;
        const char *unit = strstr(text, UNIT_MARK) ?: text + strlen(text);

        check(load(text, (size_t) (unit - text), unit, strlen(unit), &again) >= 0);
        check(config_format(again, &text_again) >= 0);
        check(streq(text, text_again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const char *text = (const char *) data;
        const char *separator = memmem(data, size, SEPARATOR, strlen(SEPARATOR));
        const char *unit = separator ? separator + strlen(SEPARATOR) : text + size;
        _cleanup_(config_freep) Config *c = NULL;
        _cleanup_free_ char *formatted = NULL;

        if (load(text, (size_t) ((separator ?: unit) - text), unit, (size_t) (text + size - unit),
                 &c) < 0)
                return 0;
        check_config(c);
        check(config_format(c, &formatted) >= 0);
        check_read_back(formatted);
        return 0;
}
