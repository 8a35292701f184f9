/* SPDX-License-Identifier: Apache-2.0 */
/* Compacting History */

#include "ctl/ctl-compact.h"
#include "basic/array.h"
#include "basic/string-util.h"
#include "profile/pprof-reader.h"
#include "profile/pprof.h"
#include "profile/profile-counts.h"
#include "profile/profile-quality.h"

typedef struct Compactor {
        Store *store;
        const CompactRequest *request;
        PprofReader *reader;
        StoreEntry *entries; /* by unit, type, boot, start */
        size_t n;
        bool *settled;        /* by entry: not to be looked at again */
        bool *pinned;         /* by entry: to be left as it is */
        uint64_t grown_bytes; /* by new files whose parts are still there */
        CompactResult result;
} Compactor;

/* A file that could become part of another. */
typedef struct Candidate {
        size_t entry;
        char invocation[SD_ID128_STRING_MAX]; /* "": of several, or unknown */
        uint64_t n_windows;
        size_t run; /* files of one run become one */
} Candidate;

/* The file that is being put together. */
typedef struct Group {
        Profile *profile; /* NULL: nothing yet */
        ProfileCounts counts;
        StoreEntry *parts; /* borrowed strings */
        size_t n_parts, capacity;
        usec_t end_usec;
        uint64_t input_bytes;
        bool is_news; /* one at least is of a lower level than the group will be */
} Group;

static void compactor_done(Compactor *c) {
        store_entries_free(c->entries, c->n);
        pprof_reader_free(c->reader);
        free(c->settled);
        free(c->pinned);
}

static void group_reset(Group *g) {
        profile_free(g->profile);
        free(g->parts);
        *g = (Group){};
}

static void problem(Compactor *c, size_t i, int error, const char *reason) {
        c->settled[i] = true;
        c->result.n_failed++;
        if (c->request->on_problem)
                c->request->on_problem(c->entries[i].path, error, reason ?: strerror(-error));
}

/* ---- writing a group ---- */

static int remove_file(Compactor *c, const StoreEntry *e) {
        int r;

        r = store_remove(c->store, e);
        if (r < 0)
                return r;
        c->result.n_removed++;
        c->result.bytes_removed += e->size_bytes;
        return 0;
}

/* Of a group that was written. */
static int remove_parts(Compactor *c, const Group *g, uint64_t written_bytes) {
        for (size_t i = 0; i < g->n_parts; i++) {
                int r;

                r = remove_file(c, &g->parts[i]);
                if (r < 0)
                        return r;
        }
        c->grown_bytes -= written_bytes;
        return 0;
}

static int write_group(Compactor *c, Group *g, StoreLevel level) {
        _cleanup_free_ uint8_t *data = NULL;
        StoreEntry entry;
        size_t size;
        int r;

        if (!g->profile || !g->is_news)
                return 0;
        entry = g->parts[0];
        entry.level = level;
        entry.duration_usec = g->end_usec - entry.start_usec;
        r = profile_counts_apply(&g->counts, g->profile);
        if (r < 0)
                return r;
        r = profile_set_span_usec(g->profile, entry.duration_usec);
        if (r < 0)
                return r;
        r = pprof_encode(g->profile, &data, &size);
        if (r < 0)
                return r;
        r = store_replace(c->store, &entry, g->parts, g->n_parts, data, size, NULL);
        if (r < 0)
                return r;

        c->result.n_written++;
        c->result.n_replaced += g->n_parts;
        c->result.bytes_written += size;
        c->result.bytes_replaced += g->input_bytes;
        c->grown_bytes += size;
        return c->grown_bytes > c->request->room_bytes ? remove_parts(c, g, size) : 0;
}

static int finish_group(Compactor *c, Group *g, StoreLevel level) {
        int r;

        r = write_group(c, g, level);
        group_reset(g);
        return r;
}

/* ---- filling a group ---- */

static int append_part(Group *g, const StoreEntry *e, const Profile *p, StoreLevel level) {
        int r;

        r = ARRAY_RESERVE(g->parts, g->capacity, g->n_parts + 1);
        if (r < 0)
                return r;
        profile_counts_add(&g->counts, p);
        if (!profile_get_note(p, "windows"))
                profile_counts_add_value(&g->counts, "windows", 1);
        g->parts[g->n_parts++] = *e;
        g->end_usec = MAX(g->end_usec, e->start_usec + e->duration_usec);
        g->input_bytes += e->size_bytes;
        g->is_news = g->is_news || e->level < level;
        return 0;
}

/* 0, or a failure that ends all work; one of the file is reported and leaves it as it is. */
static int add_to_group(Compactor *c, Group *g, size_t i, StoreLevel level) {
        const StoreEntry *e = &c->entries[i];
        const char *reason = NULL;
        int r;

        r = pprof_reader_open_file(c->reader, store_get_fd(c->store), e->path, &reason);
        if (r == -ENOMEM)
                return r;
        if (r < 0) {
                problem(c, i, r, reason);
                return 0;
        }
        if (g->profile &&
            (g->input_bytes + e->size_bytes > COMPACT_INPUT_MAX || g->n_parts >= STORE_PARTS_MAX)) {
                r = finish_group(c, g, level);
                if (r < 0)
                        return r;
        }

        r = g->profile ? pprof_reader_merge(c->reader, g->profile, NULL, NULL, NULL) : 0;
        if (r == -EPROTOTYPE) /* other values: they were configured anew */
                r = finish_group(c, g, level);
        if (r >= 0 && !g->profile)
                r = pprof_reader_decode(c->reader, &g->profile);
        return r < 0 ? r : append_part(g, e, pprof_reader_get_head(c->reader), level);
}

/* A profile that meets a limit holds half of a file, as one does in which labels turned out to be
 * the same: the run stays as it is. */
static int add_run(Compactor *c, const Candidate *candidates, size_t n, StoreLevel level) {
        _cleanup_(group_reset) Group g = {};
        int r;

        for (size_t i = 0; i < n; i++) {
                r = add_to_group(c, &g, candidates[i].entry, level);
                if (r == -E2BIG || r == -EBADMSG) {
                        problem(c, candidates[i].entry, r, NULL);
                        return 0;
                }
                if (r < 0)
                        return r;
        }
        return finish_group(c, &g, level);
}

/* ---- which files go together ---- */

static int read_candidate(Compactor *c, size_t i, Candidate *ret) {
        const char *reason = NULL, *id, *windows;
        const Profile *p;
        Candidate k = { .entry = i, .n_windows = 1 };
        int r;

        r = pprof_reader_open_file(c->reader, store_get_fd(c->store), c->entries[i].path, &reason);
        if (r == -ENOMEM)
                return r;
        if (r < 0) {
                /* Gone in the meantime is nothing to report. */
                if (r == -ENOENT)
                        c->settled[i] = true;
                else
                        problem(c, i, r, reason);
                return 0;
        }
        p = pprof_reader_get_head(c->reader);
        id = profile_get_note(p, "invocation-id");
        if (id)
                snprintf(k.invocation, sizeof(k.invocation), "%s", id);
        windows = profile_get_note(p, "windows");
        if (windows) {
                k.n_windows = strtoull(windows, NULL, 10);
                /* Those of several starts keep the name of each. */
                for (size_t n = 0, j = 0; j < profile_n_comments(p); j++) {
                        n += startswith(profile_get_comment(p, j), "invocation-id: ");
                        if (n > 1)
                                k.invocation[0] = '\0';
                }
        }
        *ret = k;
        return 1;
}

/* Numbers the runs: one start each if it has left enough, else with its short neighbours. */
static void number_runs(Candidate *k, size_t n) {
        bool was_short = false;
        size_t run = 0;

        for (size_t i = 0, end; i < n; i = end) {
                uint64_t n_windows = 0;
                bool is_short;

                for (end = i; end < n && streq(k[end].invocation, k[i].invocation); end++)
                        n_windows += k[end].n_windows;
                is_short = n_windows < COMPACT_RUN_MIN || k[i].invocation[0] == '\0';
                if (!(is_short && was_short))
                        run++;
                was_short = is_short;
                for (size_t j = i; j < end; j++)
                        k[j].run = run;
        }
}

static int compact_files(Compactor *c, Candidate *k, size_t n, StoreLevel level) {
        number_runs(k, n);
        for (size_t i = 0, end; i < n; i = end) {
                int r;

                for (end = i + 1; end < n && k[end].run == k[i].run; end++)
                        ;
                r = add_run(c, k + i, end - i, level);
                if (r < 0)
                        return r;
        }
        return 0;
}

static usec_t level_usec(StoreLevel level) {
        return level == STORE_HOUR ? USEC_PER_HOUR : USEC_PER_DAY;
}

/* Are the entries [first, end), all of one bucket, to become of this level now? */
static bool bucket_is_due(const Compactor *c, size_t first, size_t end, StoreLevel level) {
        usec_t after = c->request->after_usec, bucket, age;
        bool found = false;

        bucket = c->entries[first].start_usec / level_usec(level) * level_usec(level);
        if (__builtin_mul_overflow(after, level == STORE_DAY ? COMPACT_DAY_FACTOR : 1, &after))
                return false;
        age = c->request->now_usec > bucket + level_usec(level)
                      ? c->request->now_usec - bucket - level_usec(level)
                      : 0;
        if (age == 0 || age < after)
                return false;

        for (size_t i = first; i < end; i++) {
                if (c->pinned[i]) {
                        if (level == STORE_DAY && c->entries[i].replaced_usec > 0)
                                return false;
                        continue;
                }
                if (c->settled[i])
                        continue;
                /* What was replaced must be gone before that which replaced it is: else it would
                 * come back into sight beside the day. */
                if (level == STORE_DAY &&
                    (c->entries[i].replaced_usec > 0 || c->entries[i].level == STORE_WINDOW))
                        return false;
                if (c->entries[i].replaced_usec == 0)
                        found = found || c->entries[i].level < level;
        }
        return found;
}

static int compact_bucket(Compactor *c, size_t first, size_t end, StoreLevel level) {
        _cleanup_free_ Candidate *candidates = NULL;
        size_t n = 0;

        if (!bucket_is_due(c, first, end, level))
                return 0;
        candidates = calloc(end - first, sizeof(*candidates));
        if (!candidates)
                return -ENOMEM;
        for (size_t i = first; i < end; i++) {
                int r;

                if (c->request->on_progress &&
                    !c->request->on_progress(i, c->n, c->request->userdata))
                        return -EINTR;
                if (c->pinned[i] || c->settled[i] || c->entries[i].replaced_usec > 0 ||
                    c->entries[i].level > level)
                        continue;
                r = read_candidate(c, i, &candidates[n]);
                if (r < 0)
                        return r;
                n += (size_t) r;
        }
        return compact_files(c, candidates, n, level);
}

/* ---- the store ---- */

static bool is_same_series(const StoreEntry *a, const StoreEntry *b) {
        return streq(a->unit, b->unit) && streq(a->type, b->type) &&
               sd_id128_equal(a->boot_id, b->boot_id);
}

static int compare_entries(const void *a, const void *b) {
        const StoreEntry *x = a, *y = b;
        int r;

        r = strcmp(x->unit, y->unit);
        if (r == 0)
                r = strcmp(x->type, y->type);
        if (r == 0)
                r = memcmp(&x->boot_id, &y->boot_id, sizeof(x->boot_id));
        if (r == 0)
                r = x->start_usec < y->start_usec ? -1 : x->start_usec > y->start_usec;
        return r;
}

static int compact_level(Compactor *c, StoreLevel level) {
        for (size_t i = 0, end; i < c->n; i = end) {
                usec_t bucket = c->entries[i].start_usec / level_usec(level);
                int r;

                for (end = i + 1; end < c->n && is_same_series(&c->entries[i], &c->entries[end]) &&
                                  c->entries[end].start_usec / level_usec(level) == bucket;)
                        end++;
                r = compact_bucket(c, i, end, level);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int remove_replaced(Compactor *c) {
        for (size_t i = 0; i < c->n; i++) {
                const StoreEntry *e = &c->entries[i];
                int r;

                if (c->pinned[i] || e->replaced_usec == 0 ||
                    e->replaced_usec + COMPACT_GRACE_USEC > c->request->now_usec)
                        continue;
                r = remove_file(c, e);
                if (r < 0)
                        return r;
                c->settled[i] = true;
        }
        return 0;
}

/* They stay in the list: one that was replaced holds up the day. */
static void mark_pinned(Compactor *c) {
        for (size_t i = 0; i < c->n; i++)
                c->pinned[i] = store_pins_has(c->request->pins, c->entries[i].unit,
                                              c->entries[i].start_usec, c->request->now_usec);
}

static int run(Compactor *c, char *const *patterns) {
        int r;

        r = store_lock(c->store);
        if (r < 0)
                return r;
        r = store_list_all(c->store, patterns, NULL, 0, USEC_INFINITY, &c->entries, &c->n);
        if (r < 0)
                return r;
        c->settled = calloc(c->n + 1, sizeof(*c->settled));
        c->pinned = calloc(c->n + 1, sizeof(*c->pinned));
        if (!c->settled || !c->pinned)
                return -ENOMEM;
        if (c->n > 0)
                qsort(c->entries, c->n, sizeof(*c->entries), compare_entries);
        mark_pinned(c);

        r = remove_replaced(c);
        if (r < 0)
                return r;
        r = compact_level(c, STORE_HOUR);
        if (r < 0)
                return r;
        return compact_level(c, STORE_DAY);
}

int compact_store(Store *s, char *const *patterns, const CompactRequest *q, CompactResult *ret) {
        _cleanup_(compactor_done) Compactor c = { .store = s, .request = q };
        int r;

        r = pprof_reader_new(&c.reader);
        if (r >= 0)
                r = run(&c, patterns);
        *ret = c.result;
        return r;
}
