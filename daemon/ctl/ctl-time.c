/* SPDX-License-Identifier: Apache-2.0 */
/* Times of the options */

#include "ctl/ctl-time.h"
#include "basic/string-util.h"
#include "basic/timestamp.h"
#include "ctl/ctl-bus.h"
#include "ctl/ctl-error.h"
#include "ctl/ctl-store.h"

/* The start of the host; in a store from elsewhere that of its newest boot, as far as it is known.
 */
static int find_boot(const Ctl *c, usec_t *ret) {
        _cleanup_(store_freep) Store *s = NULL;
        StoreEntry *entries = NULL;
        size_t n, i;
        int r;

        if (!c->directory) {
                *ret = now_usec(CLOCK_REALTIME) - now_usec(CLOCK_BOOTTIME);
                return 0;
        }
        r = ctl_store_open(c, &s);
        if (r != 0)
                return r;
        r = store_list(s, NULL, NULL, 0, USEC_INFINITY, &entries, &n);
        if (r < 0)
                return ctl_error_errno(r, NULL, "The store cannot be read.");
        for (i = n; i > 1 && sd_id128_equal(entries[i - 2].boot_id, entries[n - 1].boot_id);)
                i--;
        *ret = n > 0 ? entries[i - 1].start_usec : c->now_usec;
        store_entries_free(entries, n);
        return 0;
}

static int find_restart(char **names, usec_t *ret) {
        _cleanup_(ctl_bus_freep) CtlBus *b = NULL;
        _cleanup_(strv_freep) char **units = NULL;
        int r;

        if (strv_length(names) != 1 || ctl_name_is_file(names[0]) || strpbrk(names[0], "*?["))
                return ctl_error(EXIT_CODE_USAGE, "It is the time when one unit was started last.",
                                 "Name the unit in full, and no other.",
                                 "The time 'restart' needs the name of one unit.");
        r = ctl_complete_names(names, &units);
        if (r != 0)
                return r;
        if (ctl_bus_new(&b) < 0)
                return ctl_oom();
        r = ctl_bus_get_unit_start(b, units[0], ret);
        if (r < 0)
                return ctl_error(EXIT_CODE_FAILURE, ctl_bus_get_message(b) ?: strerror(-r),
                                 "Give the time itself; 'profilerctl list' shows what is kept.",
                                 "systemd does not say when %s was started.", units[0]);
        if (*ret == 0)
                return ctl_error(EXIT_CODE_NO_MATCH, NULL,
                                 "Give the time itself; 'profilerctl list' shows what is kept.",
                                 "%s has not been started since the host was.", units[0]);
        return 0;
}

static int resolve(const Ctl *c, char **names, const char *s, usec_t *ret) {
        int r;

        if (!s)
                return 0;
        if (streq(s, "boot"))
                return find_boot(c, ret);
        if (streq(s, "restart"))
                return find_restart(names, ret);
        r = timestamp_parse(s, c->now_usec, ret);
        if (r < 0)
                return ctl_error(EXIT_CODE_USAGE,
                                 r == -ERANGE ? "It is before 1970 or after 9999."
                                              : "It is no time as systemd.time(7) describes them.",
                                 "Write '-1h', '14:00', 'yesterday', '2026-11-20 14:00', "
                                 "'@1795183320', 'boot' or 'restart'.",
                                 "Invalid time '%s'.", s);
        return 0;
}

int ctl_resolve_times(Ctl *c, char **names) {
        const struct {
                const char *given;
                usec_t *time;
        } times[] = {
                { c->since, &c->since_usec },
                { c->until, &c->until_usec },
                { c->base_since, &c->base_since_usec },
                { c->base_until, &c->base_until_usec },
        };

        for (size_t i = 0; i < ELEMENTSOF(times); i++) {
                int r;

                r = resolve(c, names, times[i].given, times[i].time);
                if (r != 0)
                        return r;
        }
        if (c->since_usec >= c->until_usec)
                return ctl_error(EXIT_CODE_USAGE,
                                 "The time of --since= must be before that of --until=.",
                                 "Swap them, or leave one out.", "The range is empty.");
        return 0;
}
