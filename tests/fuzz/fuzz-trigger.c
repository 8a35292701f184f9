/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Triggers, fuzzed
 *
 * The input is a file of triggers.d. Whatever it says: there is one rule within all limits, or none
 * and a complaint.
 */

#include "basic/string-util.h"
#include "basic/unit-name.h"
#include "trigger-rule.h"

#define PATH "/etc/profilerd/triggers.d/fuzz.conf"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok) {
        if (!ok)
                abort();
}

static void on_complaint(const char *file, unsigned line, const char *sentence, void *userdata) {
        unsigned *n = userdata;

        check(streq(file, PATH) && line < UINT32_MAX && utf8_is_valid(sentence, strlen(sentence)));
        (*n)++;
}

static void check_rule(const TriggerRule *r) {
        check(streq(r->name, "fuzz") && strv_length(r->units) > 0 &&
              strv_length(r->units) <= CONFIG_UNITS_MAX);
        for (char **u = r->units; *u; u++)
                check(strlen(*u) <= UNIT_NAME_MAX && !strchr(*u, '/'));
        for (TriggerMeasure m = 0; m < _TRIGGER_MEASURE_MAX; m++) {
                double most = m == TRIGGER_CPU_USAGE ? 1000 : 1;

                check(r->limits[m] >= 0 && r->limits[m] <= most);
        }
        check(r->window_usec >= USEC_PER_SEC && r->window_usec <= USEC_PER_HOUR);
        check(r->frequency_hz >= CONFIG_FREQUENCY_MIN_HZ &&
              r->frequency_hz <= CONFIG_FREQUENCY_MAX_HZ);
        check(r->before_usec <= 5 * USEC_PER_MINUTE);
        check(r->duration_usec >= USEC_PER_SEC && r->duration_usec <= CONFIG_SESSION_MAX_USEC);
        check(r->cooldown_usec < USEC_INFINITY);
        check(r->max_per_hour >= 1 && r->max_per_hour <= 60);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(trigger_rules_done) TriggerRules rules = {};
        unsigned n_complaints = 0;

        check(trigger_rules_parse(&rules, PATH, (const char *) data, size, on_complaint,
                                  &n_complaints) == 0);
        check(rules.n <= 1);
        if (rules.n == 0)
                check(n_complaints > 0);
        else
                check_rule(&rules.rules[0]);
        return 0;
}
