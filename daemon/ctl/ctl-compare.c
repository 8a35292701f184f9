/* SPDX-License-Identifier: Apache-2.0 */
/* Two Profiles to Compare */

#include "ctl/ctl-compare.h"
#include "basic/string-util.h"
#include "ctl/ctl-bus.h"
#include "ctl/ctl-collect.h"
#include "ctl/ctl-error.h"
#include "ctl/ctl-store.h"
#include "view/format.h"
#include "view/selection.h"

/* The newest so much of each boot. */
#define COMPARE_BOOT_RANGE (1 * USEC_PER_HOUR)

void comparison_done(Comparison *c) {
        report_data_done(&c->before);
        report_data_done(&c->after);
        free(c->title);
        *c = (Comparison){};
}

bool compare_is_wanted(const Ctl *c) {
        return c->base_since || c->base_until || c->restart > 0 || c->boot > 0;
}

/* ---- the sides ---- */

static int set_title(Comparison *k, const char *what, const char *how) {
        _cleanup_free_ char *text = NULL;

        if (asprintf(&text, "%s, %s", what, how) < 0) {
                text = NULL;
                return ctl_oom();
        }
        k->title = utf8_sanitize(text, strlen(text));
        return k->title ? EXIT_CODE_OK : ctl_oom();
}

static int collect_sides(
        const Ctl *c, char **before_names, const Ctl *base, char **after_names, Comparison *k) {
        int r, code;

        code = collect_names(base, before_names, &k->before, NULL);
        if (code != EXIT_CODE_OK && code != EXIT_CODE_GAPS)
                return code;
        r = collect_names(c, after_names, &k->after, NULL);
        if (r != EXIT_CODE_OK && r != EXIT_CODE_GAPS)
                return r;
        return MAX(code, r);
}

static int compare_two(const Ctl *c, char **names, Comparison *k) {
        _cleanup_free_ char *how = NULL;
        char *before[] = { names[0], NULL }, *after[] = { names[1], NULL };
        int r, code;

        code = collect_sides(c, before, c, after, k);
        if (code != EXIT_CODE_OK && code != EXIT_CODE_GAPS)
                return code;
        if (asprintf(&how, "compared with %s", names[0]) < 0) {
                how = NULL;
                return ctl_oom();
        }
        r = set_title(k, names[1], how);
        return r == EXIT_CODE_OK ? code : r;
}

static int compare_ranges(const Ctl *c, char **names, Comparison *k) {
        Ctl base = *c;
        char how[256];
        int r, code;

        base.since = c->base_since ?: "the beginning";
        base.since_usec = c->base_since_usec;
        base.until = c->base_until ?: c->since;
        base.until_usec = c->base_until ? c->base_until_usec
                          : c->since    ? c->since_usec
                                        : USEC_INFINITY;
        if (base.since_usec >= base.until_usec)
                return ctl_error(EXIT_CODE_USAGE,
                                 "The time of --base-since= must be before that of --base-until=, "
                                 "which is that of --since= if not given.",
                                 "Give both ends of both ranges.", "The base range is empty.");
        code = collect_sides(c, names, &base, names, k);
        if (code != EXIT_CODE_OK && code != EXIT_CODE_GAPS)
                return code;
        snprintf(how, sizeof(how), "%s - %s against %s - %s",
                 FORMAT_TIME(k->before.start_usec, FORMAT_TIME_MINUTE),
                 FORMAT_TIME(k->before.end_usec, FORMAT_TIME_MINUTE),
                 FORMAT_TIME(k->after.start_usec, FORMAT_TIME_MINUTE),
                 FORMAT_TIME(k->after.end_usec, FORMAT_TIME_MINUTE));
        r = set_title(k, names[0], how);
        return r == EXIT_CODE_OK ? code : r;
}

/* ---- around a start ---- */

/* All profiles of one unit, the oldest first. */
typedef struct History {
        Store *store;
        StoreEntry *entries;
        size_t n;
        const char *type;
} History;

static void history_done(History *h) {
        store_entries_free(h->entries, h->n);
        store_free(h->store);
}

static int history_open(const Ctl *c, char **names, History *h) {
        _cleanup_(strv_freep) char **patterns = NULL;
        Ctl all = *c;
        int r;

        if (names[1] || ctl_name_is_file(names[0]))
                return ctl_error(EXIT_CODE_USAGE, "A start is that of one unit.",
                                 "Name one unit; 'profilerctl diff FILE FILE' compares files.",
                                 "--restart and --boot need the name of a unit.");
        h->type = c->type ?: "cpu";
        r = ctl_complete_names(names, &patterns);
        if (r != 0)
                return r;
        r = ctl_store_open(c, &h->store);
        if (r != 0)
                return r;
        all.since = all.until = NULL;
        all.since_usec = 0;
        all.until_usec = USEC_INFINITY;
        all.n_newest = 0;
        r = ctl_store_list(&all, h->store, patterns, h->type, &h->entries, &h->n);
        if (r != 0)
                return r;
        for (size_t i = 1; i < h->n; i++)
                if (!streq(h->entries[i].unit, h->entries[0].unit))
                        return ctl_error(EXIT_CODE_USAGE, "A start is that of one unit.",
                                         "Name one of them in full.",
                                         "'%s' matches %s and %s, at least.", names[0],
                                         h->entries[0].unit, h->entries[i].unit);
        return 0;
}

/* What runs now may be younger than its first profile. */
static void warn_if_newer(const Ctl *c, const char *unit, const char *invocation) {
        _cleanup_(ctl_bus_freep) CtlBus *b = NULL;
        UnitStatus *units = NULL;
        size_t n = 0;

        if (c->directory || ctl_bus_new(&b) < 0 || ctl_bus_list_units(b, &units, &n) < 0)
                return;
        for (size_t i = 0; i < n; i++)
                if (streq(units[i].name, unit) && !isempty(units[i].invocation_id) &&
                    !streq(units[i].invocation_id, invocation))
                        ctl_warning("%s has been started again since; of that start there is no "
                                    "profile yet ('profilerctl flush' writes one).",
                                    unit);
        unit_statuses_free(units, n);
}

static int compare_restart(const Ctl *c, char **names, Comparison *k) {
        _cleanup_(history_done) History h = {};
        SelectionRestart x;
        char how[128];
        int r, code;

        r = history_open(c, names, &h);
        if (r != 0)
                return r;
        r = selection_find_restart(h.store, h.entries, h.n, c->restart, &x);
        if (r == -ENOENT)
                return ctl_error(EXIT_CODE_NO_MATCH,
                                 "All of its stored profiles are of the same start, or of fewer.",
                                 "'profilerctl list' shows what is kept; name two ranges with -S, "
                                 "-U, --base-since= and --base-until=.",
                                 "No profile of %s from before that start.", h.entries[0].unit);
        if (r < 0)
                return ctl_oom();
        if (c->restart == 1)
                warn_if_newer(c, h.entries[0].unit, x.after);

        code = collect_stored(c, h.store, h.entries + x.from, x.first - x.from, h.type, &k->before);
        if (code == EXIT_CODE_OK || code == EXIT_CODE_GAPS) {
                r = collect_stored(c, h.store, h.entries + x.first, x.to - x.first, h.type,
                                   &k->after);
                code = r == EXIT_CODE_OK || r == EXIT_CODE_GAPS ? MAX(code, r) : r;
        }
        if (code != EXIT_CODE_OK && code != EXIT_CODE_GAPS)
                return code;

        snprintf(how, sizeof(how), "%s %s, up to 30min before against up to 30min after",
                 c->restart == 1 ? "last start" : "start",
                 FORMAT_TIME(h.entries[x.first].start_usec, FORMAT_TIME_FULL));
        r = set_title(k, h.entries[0].unit, how);
        return r == EXIT_CODE_OK ? code : r;
}

/* The newest range of one boot among entries[0..*n); *n becomes the number of those before it. */
static int collect_boot(const Ctl *c, History *h, size_t *n, ReportData *d, usec_t *ret_end) {
        size_t last = *n - 1, first = last;
        sd_id128_t boot = h->entries[last].boot_id;
        usec_t end = h->entries[last].start_usec + h->entries[last].duration_usec;
        int r = EXIT_CODE_OK;

        while (first > 0 && sd_id128_equal(h->entries[first - 1].boot_id, boot))
                first--;
        *n = first;
        *ret_end = end;
        if (!d)
                return r;
        while (h->entries[first].start_usec + COMPARE_BOOT_RANGE < end && first < last)
                first++;
        return collect_stored(c, h->store, h->entries + first, last + 1 - first, h->type, d);
}

static int compare_boot(const Ctl *c, char **names, Comparison *k) {
        _cleanup_(history_done) History h = {};
        usec_t end, base_end = 0;
        int r, code;
        char how[128];
        size_t n;

        r = history_open(c, names, &h);
        if (r != 0)
                return r;
        n = h.n;
        code = collect_boot(c, &h, &n, &k->after, &end);
        for (unsigned i = 1; i <= c->boot && n > 0; i++) {
                r = collect_boot(c, &h, &n, i == c->boot ? &k->before : NULL, &base_end);
                if (r != EXIT_CODE_OK && r != EXIT_CODE_GAPS)
                        return r;
                code = MAX(code, r);
        }
        if (!k->before.profile && k->before.n_failed == 0)
                return ctl_error(EXIT_CODE_NO_MATCH, "Profiles are kept for a limited time.",
                                 "'profilerctl list' shows what is kept.",
                                 "No profile of %s from that boot.", h.entries[0].unit);
        snprintf(how, sizeof(how), "boot that was up at %s against that up at %s",
                 FORMAT_TIME(base_end, FORMAT_TIME_MINUTE), FORMAT_TIME(end, FORMAT_TIME_MINUTE));
        r = set_title(k, h.entries[0].unit, how);
        return r == EXIT_CODE_OK ? code : r;
}

/* ---- the rule ---- */

static int make_rule(const Ctl *c, Comparison *k) {
        ProfileValueType x, y;

        if (report_compare(&k->before, &k->after, c->normalize, c->all, &k->rule, &k->cores) >= 0)
                return 0;
        profile_get_value_type(k->before.profile, k->before.value_type, &x);
        profile_get_value_type(k->after.profile, k->after.value_type, &y);
        return ctl_error(EXIT_CODE_USAGE, "The units of their values differ.",
                         "Choose what to compare with --type=.",
                         "%s in %s cannot be compared with %s in %s.", x.type, x.unit, y.type,
                         y.unit);
}

int compare_collect(const Ctl *c, char **names, Comparison *ret) {
        int r, code;

        if ((c->restart > 0) + (c->boot > 0) + (c->base_since || c->base_until) > 1)
                return ctl_error(EXIT_CODE_USAGE, "Each of them says what to compare with.",
                                 "Choose one of --restart, --boot and --base-since=.",
                                 "There is more than one base.");
        if (c->restart > 0)
                code = compare_restart(c, names, ret);
        else if (c->boot > 0)
                code = compare_boot(c, names, ret);
        else if (c->base_since || c->base_until)
                code = compare_ranges(c, names, ret);
        else if (strv_length(names) == 2)
                code = compare_two(c, names, ret);
        else
                return ctl_error(EXIT_CODE_USAGE, "A comparison needs two sides.",
                                 "Name two units or files, or add --base-since=, --restart or "
                                 "--boot.",
                                 "There is nothing to compare with.");
        if (code != EXIT_CODE_OK && code != EXIT_CODE_GAPS)
                return code;
        if (!ret->before.profile || !ret->after.profile)
                return ctl_error(
                        collect_failure_code(ret->before.profile ? &ret->after : &ret->before),
                        NULL, "'profilerctl verify' says more about the files.",
                        "No profile of the one side could be read.");
        r = make_rule(c, ret);
        return r != 0 ? r : code;
}
