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

/* The profiles of one invocation follow each other: the first of those that end at i, found by
 * halving. One that does not say counts as being of it. Its id in ret_id, "" if none of them says.
 */
static int find_start(Store *s,
                      const StoreEntry *entries,
                      size_t i,
                      size_t *ret_first,
                      char ret_id[static SD_ID128_STRING_MAX]) {
        char id[SD_ID128_STRING_MAX];
        size_t low = 0, high;
        int r;

        ret_id[0] = '\0';
        for (high = i + 1; high > 0 && isempty(ret_id); high--) {
                r = read_invocation(s, &entries[high - 1], ret_id);
                if (r < 0)
                        return r;
        }
        while (low < high) {
                size_t middle = low + (high - low) / 2;

                r = read_invocation(s, &entries[middle], id);
                if (r < 0)
                        return r;
                if (isempty(id) || streq(id, ret_id))
                        high = middle;
                else
                        low = middle + 1;
        }
        *ret_first = low;
        return 0;
}

int selection_find_restart(
        Store *s, const StoreEntry *entries, size_t n, unsigned nth, SelectionRestart *ret) {
        char id[SD_ID128_STRING_MAX];
        SelectionRestart x = {};
        size_t end = n;
        usec_t start;
        int r;

        if (n == 0)
                return -ENOENT;
        r = find_start(s, entries, n - 1, &x.first, x.after);
        for (; r >= 0 && x.first > 0; nth--) {
                r = find_start(s, entries, x.first - 1, &x.from, id);
                if (r < 0 || isempty(id) || nth <= 1)
                        break;
                end = x.first;
                x.first = x.from;
                memcpy(x.after, id, sizeof(id));
        }
        if (r < 0)
                return r;
        if (x.first == 0 || nth > 1 || isempty(id) || isempty(x.after))
                return -ENOENT;

        start = entries[x.first].start_usec;
        /* After a long time without a profile there still is a last one before. */
        while (x.from + 1 < x.first && end_of(&entries[x.from]) + SELECTION_RESTART_RANGE <= start)
                x.from++;
        for (x.to = x.first;
             x.to < end && entries[x.to].start_usec < start + SELECTION_RESTART_RANGE;)
                x.to++;
        *ret = x;
        return 0;
}
