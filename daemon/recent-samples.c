/* SPDX-License-Identifier: Apache-2.0 */
/* Recent Samples */

#include <uthash.h>
#include <utlist.h>

#include "recent-samples.h"

enum { BLOCK_BYTES = 32 }; /* what a block has beside its size, and an entry its bucket */

/* A process as samples have seen it, shared by them. */
typedef struct Seen {
        struct SeenKey {
                uint64_t pid;
                MappingSet *mappings;
                CodeMap *code;
        } key;
        Process process;
        size_t bytes, n_samples;
        UT_hash_handle hh;
} Seen;

typedef struct Sample {
        Seen *seen; /* NULL: the process was not known */
        nsec_t weight_nsec;
        size_t bytes;
        struct Sample *prev, *next;
        struct sample_record record;
        uint64_t frames[];
} Sample;

/* What is kept of one unit. */
typedef struct Recent {
        uint32_t slot;
        nsec_t keep_nsec;
        nsec_t complete_nsec; /* nothing is missing since then */
        Sample *samples;      /* in the order they came, which is nearly that of their times */
        Seen *seen;
        size_t bytes;
        UT_hash_handle hh;
} Recent;

struct RecentSamples {
        Recent *units;
        size_t bytes;
};

static size_t n_frames(const struct sample_record *record) {
        return (size_t) record->n_kernel + record->n_user;
}

static void count_bytes(RecentSamples *r, Recent *u, size_t added, size_t removed) {
        u->bytes += added - removed;
        r->bytes += added - removed;
}

/* ---- processes ---- */

static void put_seen(RecentSamples *r, Recent *u, Seen *s) {
        if (!s || --s->n_samples > 0)
                return;
        HASH_DEL(u->seen, s);
        count_bytes(r, u, 0, s->bytes);
        mapping_set_unref(s->process.mappings);
        code_map_unref(s->process.code);
        free(s->process.exe);
        free(s);
}

/* NULL: out of memory. */
static Seen *get_seen(RecentSamples *r, Recent *u, const Process *process) {
        struct SeenKey key = { (uint64_t) process->pid, process->mappings, process->code };
        Seen *s;

        HASH_FIND(hh, u->seen, &key, sizeof(key), s);
        if (!s) {
                s = calloc(1, sizeof(*s));
                if (!s)
                        return NULL;
                s->key = key;
                s->process = *process;
                s->process.exe = process->exe ? strdup(process->exe) : NULL;
                s->process.mappings = process->mappings ? mapping_set_ref(process->mappings) : NULL;
                s->process.code = process->code ? code_map_ref(process->code) : NULL;
                s->bytes = sizeof(*s) + 2 * BLOCK_BYTES;
                s->bytes += s->process.exe ? strlen(s->process.exe) + BLOCK_BYTES : 0;
                s->bytes += process->mappings ? mapping_set_get_bytes(process->mappings) : 0;
                count_bytes(r, u, s->bytes, 0);
                HASH_ADD(hh, u->seen, key, sizeof(s->key), s);
        }
        s->n_samples++;
        return s;
}

/* ---- samples ---- */

static void drop_sample(RecentSamples *r, Recent *u, Sample *s) {
        DL_DELETE(u->samples, s);
        count_bytes(r, u, 0, s->bytes);
        put_seen(r, u, s->seen);
        free(s);
}

/* One that would still be wanted. */
static void lose_oldest(RecentSamples *r, Recent *u) {
        u->complete_nsec = MAX(u->complete_nsec, u->samples->record.time_ns + 1);
        drop_sample(r, u, u->samples);
}

static Recent *find_largest(RecentSamples *r) {
        Recent *largest = r->units;

        for (Recent *u = r->units; u; u = u->hh.next)
                if (u->bytes > largest->bytes)
                        largest = u;
        return largest;
}

static void trim(RecentSamples *r, Recent *u, nsec_t now) {
        while (u->samples && u->samples->record.time_ns + u->keep_nsec < now)
                drop_sample(r, u, u->samples);
        while (u->samples && u->bytes > RECENT_UNIT_BYTES_MAX)
                lose_oldest(r, u);
        while (r->bytes > RECENT_BYTES_MAX)
                lose_oldest(r, find_largest(r));
}

static Recent *find(const RecentSamples *r, uint32_t slot) {
        Recent *u;

        HASH_FIND(hh, r->units, &slot, sizeof(slot), u);
        return u;
}

void recent_samples_add(RecentSamples *r,
                        const Process *process,
                        const struct sample_record *record,
                        const uint64_t *frames,
                        nsec_t weight_nsec) {
        size_t size = n_frames(record) * sizeof(*frames);
        Recent *u = find(r, record->target);
        Sample *s;

        if (!u)
                return;
        s = malloc(sizeof(*s) + size);
        if (s)
                *s = (Sample){
                        .seen = process ? get_seen(r, u, process) : NULL,
                        .weight_nsec = weight_nsec,
                        .bytes = sizeof(*s) + size + BLOCK_BYTES,
                        .record = *record,
                };
        if (!s || (process && !s->seen)) {
                free(s);
                u->complete_nsec = MAX(u->complete_nsec, record->time_ns + 1);
                return;
        }
        memcpy(s->frames, frames, size);
        DL_APPEND(u->samples, s);
        count_bytes(r, u, s->bytes, 0);
        trim(r, u, record->time_ns);
}

usec_t recent_samples_reach_back(const RecentSamples *r, uint32_t slot, usec_t from, usec_t until) {
        const Recent *u = find(r, slot);

        if (!u)
                return until;
        return MIN(MAX(from, (u->complete_nsec + NSEC_PER_USEC - 1) / NSEC_PER_USEC), until);
}

void recent_samples_walk(const RecentSamples *r,
                         uint32_t slot,
                         usec_t from,
                         usec_t until,
                         RecentSample callback,
                         void *userdata) {
        const Recent *u = find(r, slot);

        for (const Sample *s = u ? u->samples : NULL; s; s = s->next)
                if (s->record.time_ns >= from * NSEC_PER_USEC &&
                    s->record.time_ns < until * NSEC_PER_USEC)
                        callback(s->seen ? &s->seen->process : NULL, &s->record, s->frames,
                                 s->weight_nsec, userdata);
}

/* ---- units ---- */

static void forget(RecentSamples *r, Recent *u) {
        while (u->samples)
                drop_sample(r, u, u->samples);
        HASH_DEL(r->units, u);
        free(u);
}

int recent_samples_keep(RecentSamples *r, uint32_t slot, usec_t keep_usec, usec_t now) {
        Recent *u = find(r, slot);

        if (u)
                forget(r, u);
        if (keep_usec == 0)
                return 0;
        u = calloc(1, sizeof(*u));
        if (!u)
                return -ENOMEM;
        *u = (Recent){
                .slot = slot,
                .keep_nsec = keep_usec * NSEC_PER_USEC,
                .complete_nsec = now * NSEC_PER_USEC,
        };
        HASH_ADD(hh, r->units, slot, sizeof(u->slot), u);
        return 0;
}

void recent_samples_restart(RecentSamples *r, usec_t now) {
        for (Recent *u = r->units; u; u = u->hh.next) {
                while (u->samples)
                        drop_sample(r, u, u->samples);
                u->complete_nsec = now * NSEC_PER_USEC;
        }
}

usec_t recent_samples_get_kept(const RecentSamples *r, uint32_t slot) {
        const Recent *u = find(r, slot);

        return u ? u->keep_nsec / NSEC_PER_USEC : 0;
}

/* ---- object ---- */

int recent_samples_new(RecentSamples **ret) {
        *ret = calloc(1, sizeof(**ret));
        return *ret ? 0 : -ENOMEM;
}

RecentSamples *recent_samples_free(RecentSamples *r) {
        if (!r)
                return NULL;
        while (r->units)
                forget(r, r->units);
        free(r);
        return NULL;
}

size_t recent_samples_get_bytes(const RecentSamples *r) {
        return r->bytes;
}
