/* SPDX-License-Identifier: Apache-2.0 */
/* The Units at a Glance */

#include <inttypes.h>
#include <stdarg.h>

#include "basic/array.h"
#include "basic/string-util.h"
#include "view/format.h"
#include "web/web-status.h"

enum {
        POOR_PERCENT = 50, /* below this a word about it is due */
};

void web_status_done(WebStatus *s) {
        for (size_t i = 0; i < s->n_units; i++) {
                WebUnit *u = &s->units[i];

                free(u->name);
                free(u->state);
                free(u->active_state);
                free(u->last_id);
                for (size_t k = 0; k < u->n_warnings; k++)
                        free(u->warnings[k]);
        }
        free(s->units);
        *s = (WebStatus){};
}

static void add_warning(WebUnit *u, const char *format, ...) _printf_(2, 3);

static void add_warning(WebUnit *u, const char *format, ...) {
        va_list ap;

        if (u->n_warnings >= WEB_WARNINGS_MAX)
                return;
        va_start(ap, format);
        if (vasprintf(&u->warnings[u->n_warnings], format, ap) >= 0)
                u->n_warnings++;
        va_end(ap);
}

static int percent(uint64_t part, uint64_t whole) {
        return whole > 0 ? (int) (100.0 * (double) part / (double) whole) : -1;
}

static void add_warnings(WebUnit *u, const UnitStatus *s) {
        if (!isempty(s->error))
                add_warning(u, "%s", s->error);
        if (s->lost > 0)
                add_warning(u, "%s of %s samples were lost; 'profilerctl doctor' says why.",
                            FORMAT_COUNT(s->lost), FORMAT_COUNT(s->samples + s->lost));
        if (u->symbols_percent >= 0 && u->symbols_percent < POOR_PERCENT)
                add_warning(u,
                            "Only %d %% of its frames have a name: stripped binaries, or code "
                            "made at run time.",
                            u->symbols_percent);
        if (u->stacks_percent >= 0 && u->stacks_percent < POOR_PERCENT)
                add_warning(u, "Only %d %% of its stacks are complete: %s were broken, %s cut off.",
                            u->stacks_percent, FORMAT_COUNT(s->stacks_broken),
                            FORMAT_COUNT(s->stacks_truncated));
}

/* "UNIT/FILE" of an absolute path. */
static const char *id_of(const char *path) {
        const char *slash = path ? strrchr(path, '/') : NULL;

        while (slash && slash > path && slash[-1] != '/')
                slash--;
        return slash;
}

static int fill(WebUnit *u, const UnitStatus *s, usec_t now) {
        uint64_t stacks = unit_status_user_stacks(s);
        double span = (double) s->last_profile_duration_usec * (double) NSEC_PER_USEC;

        u->name = strdup(s->name);
        u->state = strdup(unit_status_display_state(s, now));
        u->active_state = strdup(s->active_state ?: "");
        if (!u->name || !u->state || !u->active_state)
                return -ENOMEM;
        u->samples = s->samples;
        u->lost = s->lost;
        u->cores = s->last_profile_usec == 0        ? -1
                   : !unit_status_is_recent(s, now) ? 0
                   : span > 0                       ? (double) s->last_profile_cpu_nsec / span
                                                    : -1;
        u->stacks_percent = percent(s->stacks_complete, stacks);
        u->symbols_percent = percent(s->frames_named, s->frames);
        u->last_usec = s->last_profile_usec;
        if (free_and_strdup(&u->last_id, id_of(s->last_profile_path)) < 0)
                return -ENOMEM;
        add_warnings(u, s);
        return 0;
}

static WebUnit *find(WebStatus *s, const char *name) {
        for (size_t i = 0; i < s->n_units; i++)
                if (streq(s->units[i].name, name))
                        return &s->units[i];
        return NULL;
}

/* A unit that is stored, but not known to a daemon. */
static int add_stored(WebStatus *s, size_t *capacity, const StoreEntry *e, WebUnit **ret) {
        WebUnit *u;
        int r;

        r = ARRAY_RESERVE(s->units, *capacity, s->n_units + 1);
        if (r < 0)
                return r;
        u = &s->units[s->n_units++];
        *u = (WebUnit){ .cores = -1, .stacks_percent = -1, .symbols_percent = -1 };
        u->name = strdup(e->unit);
        u->state = strdup("stored");
        u->active_state = strdup("");
        if (!u->name || !u->state || !u->active_state)
                return -ENOMEM;
        *ret = u;
        return 0;
}

static int add_entries(WebStatus *s, size_t *capacity, const StoreEntry *entries, size_t n) {
        for (size_t i = 0; i < n; i++) {
                usec_t end = entries[i].start_usec + entries[i].duration_usec;
                WebUnit *u = find(s, entries[i].unit);
                int r;

                if (!u) {
                        r = add_stored(s, capacity, &entries[i], &u);
                        if (r < 0)
                                return r;
                }
                if (end <= u->last_usec)
                        continue;
                u->last_usec = end;
                r = free_and_strdup(&u->last_id, entries[i].path);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int compare_units(const void *a, const void *b) {
        return strcmp(((const WebUnit *) a)->name, ((const WebUnit *) b)->name);
}

static bool is_shown(const UnitStatus *s) {
        return !streq(s->state, "inactive") || s->last_profile_usec > 0;
}

int web_status_collect(WebTask *t, WebStatus *ret) {
        _cleanup_(web_status_done) WebStatus s = {};
        StoreEntry *entries;
        size_t capacity = 0, n;
        Store *store;
        int r;

        for (size_t i = 0; i < t->daemon->n_units; i++) {
                const UnitStatus *unit = &t->daemon->units[i];

                if (!is_shown(unit))
                        continue;
                r = ARRAY_RESERVE(s.units, capacity, s.n_units + 1);
                if (r < 0)
                        return r;
                s.units[s.n_units] = (WebUnit){};
                r = fill(&s.units[s.n_units++], unit, t->now_usec);
                if (r < 0)
                        return r;
        }
        if (web_collector_get_store(t->collector, &store) >= 0) {
                r = store_list(store, NULL, NULL, 0, USEC_INFINITY, &entries, &n);
                if (r >= 0) {
                        r = add_entries(&s, &capacity, entries, n);
                        store_entries_free(entries, n);
                }
                if (r == -ENOMEM)
                        return r;
        }
        r = web_load_refresh(t->load, t->now_usec);
        if (r == -ENOMEM)
                return r;
        for (size_t i = 0; i < s.n_units; i++)
                if (web_load_get(t->load, s.units[i].name, t->now_usec, s.units[i].load))
                        s.units[i].n_load = WEB_LOAD_SLICES;
        if (s.n_units > 0)
                qsort(s.units, s.n_units, sizeof(*s.units), compare_units);
        *ret = s;
        s = (WebStatus){};
        return 0;
}
