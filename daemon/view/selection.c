/* SPDX-License-Identifier: Apache-2.0 */
/* Selection */

#include "view/selection.h"
#include "basic/string-util.h"
#include "profile/pprof.h"
#include "profile/profile-quality.h"

static usec_t end_of(const StoreEntry *e) {
        return e->start_usec + e->duration_usec;
}

size_t selection_find_newest(const StoreEntry *entries, size_t n) {
        usec_t newest = 0;
        size_t first = 0;

        if (n == 0)
                return 0;
        for (size_t i = 0; i < n; i++)
                newest = MAX(newest, end_of(&entries[i]));
        while (first < n && entries[first].start_usec + SELECTION_RANGE_DEFAULT < newest)
                first++;
        return MIN(first, n - 1);
}

/* "" if the profile does not say, or cannot be read. */
static int read_invocation(Store *s,
                           const StoreEntry *entry,
                           char ret[static SD_ID128_STRING_MAX]) {
        _cleanup_(profile_freep) Profile *p = NULL;
        const char *id;
        int r;

        ret[0] = '\0';
        r = pprof_read_file(store_get_fd(s), entry->path, &p, NULL);
        if (r == -ENOMEM)
                return r;
        id = r < 0 ? NULL : profile_get_note(p, "invocation-id");
        if (id)
                snprintf(ret, SD_ID128_STRING_MAX, "%s", id);
        return 0;
}

int selection_is_of_invocation(Store *s, const StoreEntry *entry, const char *invocation) {
        char id[SD_ID128_STRING_MAX];
        int r;

        r = read_invocation(s, entry, id);
        return r < 0 ? r : isempty(id) || streq(id, invocation);
}

static void find_range(const StoreEntry *entries, size_t n, SelectionRestart *x) {
        usec_t start = entries[x->first].start_usec;

        for (x->from = x->first;
             x->from > 0 && end_of(&entries[x->from - 1]) + SELECTION_RESTART_RANGE > start;)
                x->from--;
        /* After a long time without a profile there still is a last one before. */
        if (x->from == x->first && x->first > 0)
                x->from = x->first - 1;
        for (x->to = x->first;
             x->to < n && entries[x->to].start_usec < start + SELECTION_RESTART_RANGE;)
                x->to++;
}

int selection_find_restart(
        Store *s, const StoreEntry *entries, size_t n, unsigned nth, SelectionRestart *ret) {
        char later[SD_ID128_STRING_MAX] = "";
        SelectionRestart x = { .first = n };

        for (size_t i = n; i-- > 0;) {
                char id[SD_ID128_STRING_MAX];
                int r;

                r = read_invocation(s, &entries[i], id);
                if (r < 0)
                        return r;
                if (isempty(id))
                        continue;
                if (!isempty(later) && !streq(id, later) && --nth == 0) {
                        memcpy(x.before, id, sizeof(id));
                        memcpy(x.after, later, sizeof(later));
                        find_range(entries, n, &x);
                        *ret = x;
                        return 0;
                }
                memcpy(later, id, sizeof(later));
                x.first = i;
        }
        return -ENOENT;
}
