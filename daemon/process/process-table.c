/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Process Table
 *
 * A process is in one of two lists: the living, the one longest unused first, and the dead, the one
 * longest dead first. What is known of its mappings is complete (read from /proc, shared with the
 * parent by fork, or empty at exec, and every record since then) or "outdated": then they are read
 * at the next sample, and what is known until then is kept if that fails.
 */

#define HASH_NONFATAL_OOM 1
#include <signal.h>
#include <uthash.h>
#include <utlist.h>

#include "basic/string-util.h"
#include "process/maps.h"
#include "process/process-image.h"
#include "process/process-table.h"

typedef struct Entry {
        Process process; /* first: what callers borrow */
        uint64_t start_tick;
        bool start_tick_known;
        bool outdated;
        bool image_is_new; /* since exec nothing was mapped that could be the executable */
        usec_t dead_usec;
        struct Entry *prev, *next; /* in living or dead */
        UT_hash_handle hh;
} Entry;

enum { SIBLINGS_LOOKED_AT = 8 };

struct ProcessTable {
        FileTable *files;
        Entry *by_pid;
        Entry *living, *dead;
        usec_t now; /* as we were told last, 0: never */
        ProcessTableStatistics statistics;
};

_Static_assert(sizeof(((Process *) NULL)->comm) == PROCESS_COMM_SIZE, "names are TASK_COMM_LEN");

int process_table_new(ProcessTable **ret) {
        _cleanup_(process_table_freep) ProcessTable *t = NULL;
        int r;

        t = calloc(1, sizeof(ProcessTable));
        if (!t)
                return -ENOMEM;
        r = file_table_new(&t->files);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(t);
        return 0;
}

static Entry *entry_free(Entry *e) {
        if (!e)
                return NULL;
        free(e->process.exe);
        mapping_set_unref(e->process.mappings);
        code_map_unref(e->process.code);
        free(e);
        return NULL;
}
DEFINE_CLEANUP(Entry *, entry_free);

static Entry *entry_new(pid_t pid) {
        Entry *e = calloc(1, sizeof(Entry));

        if (!e)
                return NULL;
        e->process.pid = pid;
        e->process.owner = PROCESS_OWNER_UNKNOWN;
        e->outdated = true;
        return e;
}

static Entry *find(const ProcessTable *t, pid_t pid) {
        Entry *e;

        HASH_FIND(hh, t->by_pid, &pid, sizeof(pid), e);
        return e;
}

static void forget(ProcessTable *t, Entry *e) {
        HASH_DEL(t->by_pid, e);
        if (e->process.dead) {
                DL_DELETE(t->dead, e);
                t->statistics.n_dead--;
        } else
                DL_DELETE(t->living, e);
        entry_free(e);
}

ProcessTable *process_table_free(ProcessTable *t) {
        Entry *e, *next;

        if (!t)
                return NULL;
        HASH_ITER (hh, t->by_pid, e, next)
                forget(t, e);
        file_table_free(t->files);
        free(t);
        return NULL;
}

/* Takes *e, unless it fails. */
static int insert(ProcessTable *t, Entry **e) {
        Entry *new = *e;

        if (HASH_COUNT(t->by_pid) >= PROCESS_TABLE_MAX) {
                forget(t, t->dead ? t->dead : t->living);
                t->statistics.evicted++;
        }
        HASH_ADD(hh, t->by_pid, process.pid, sizeof(pid_t), new);
        if (!new->hh.tbl)
                return -ENOMEM;
        DL_APPEND(t->living, new);
        *e = NULL;
        return 0;
}

static void bury(ProcessTable *t, Entry *e) {
        if (e->process.dead)
                return;

        DL_DELETE(t->living, e);
        e->process.dead = true;
        e->dead_usec = t->now;
        DL_APPEND(t->dead, e);
        if (++t->statistics.n_dead > PROCESS_DEAD_MAX) {
                forget(t, t->dead);
                t->statistics.evicted++;
        }
}

static void touch(ProcessTable *t, Entry *e) {
        if (e->process.dead || !e->next)
                return;
        DL_DELETE(t->living, e);
        DL_APPEND(t->living, e);
}

static bool start_is_known(const Entry *e) {
        return e->process.start_nsec != 0 || e->start_tick_known;
}

/* Whoever asks without a start has seen the pid alive. */
static bool is_same_process(const Entry *e, nsec_t start_nsec) {
        if (start_nsec == 0)
                return !e->process.dead;
        if (e->process.start_nsec != 0)
                return e->process.start_nsec == start_nsec;
        return !e->start_tick_known ||
               process_image_same_tick(e->start_tick, process_image_tick(start_nsec));
}

static bool mappings_are_full(const ProcessTable *t) {
        return file_table_n_references(t->files) >= PROCESS_MAPPINGS_MAX;
}

/* Children that were forked before we came have the mappings of their parent and siblings. The last
 * that were looked at are such. */
static void share_mappings(const ProcessTable *t, Entry *e) {
        const Entry *o = t->living ? t->living->prev : NULL;

        for (unsigned i = 0; o && i < SIBLINGS_LOOKED_AT; i++, o = o->prev) {
                MappingSet *s = o->process.mappings;

                if (s && s != e->process.mappings && mapping_set_equal(s, e->process.mappings)) {
                        mapping_set_unref(e->process.mappings);
                        e->process.mappings = mapping_set_ref(s);
                        return;
                }
                if (o == t->living)
                        return;
        }
}

static int read_image(ProcessTable *t, Entry *e) {
        uint64_t start_tick = e->start_tick;
        ProcessImage image;
        int r;

        if (e->process.start_nsec != 0)
                start_tick = process_image_tick(e->process.start_nsec);
        r = process_image_read(e->process.pid, start_is_known(e) ? &start_tick : NULL, t->files,
                               &image);
        if (r < 0)
                return r;

        free(e->process.exe);
        mapping_set_unref(e->process.mappings);
        e->process.exe = image.exe;
        e->process.mappings = image.mappings;
        e->process.owner = image.owner;
        share_mappings(t, e);
        memcpy(e->process.comm, image.comm, sizeof(e->process.comm));
        e->start_tick = image.start_tick;
        e->start_tick_known = true;
        e->image_is_new = false;
        t->statistics.mappings_refused += image.n_refused;
        return 0;
}

/* A failure is not tried again before the next invalidation, a process must not cost a read for
 * each of its samples. */
static void refresh(ProcessTable *t, Entry *e) {
        int r;

        e->outdated = false;
        r = mappings_are_full(t) ? -E2BIG : read_image(t, e);
        if (r >= 0) {
                t->statistics.maps_read++;
                return;
        }
        t->statistics.maps_failed++;
        if (r == -E2BIG)
                t->statistics.mappings_refused++;
        if (r == -ESRCH || r == -ENOENT)
                bury(t, e);
}

Process *process_table_get(ProcessTable *t, pid_t pid, nsec_t start_nsec) {
        Entry *e = find(t, pid);

        if (e && !is_same_process(e, start_nsec)) {
                forget(t, e);
                e = NULL;
        }
        if (!e) {
                _cleanup_(entry_freep) Entry *new = entry_new(pid);

                e = new;
                if (!new || insert(t, &new) < 0)
                        return NULL;
        }
        if (start_nsec != 0)
                e->process.start_nsec = start_nsec;
        if (e->outdated && !e->process.dead)
                refresh(t, e);
        touch(t, e);
        return &e->process;
}

Process *process_table_find(ProcessTable *t, pid_t pid) {
        Entry *e = find(t, pid);

        return e ? &e->process : NULL;
}

static int make_child(pid_t pid, const Entry *parent, Entry **ret) {
        _cleanup_(entry_freep) Entry *e = NULL;
        int r;

        e = entry_new(pid);
        if (!e)
                return -ENOMEM;
        r = free_and_strdup(&e->process.exe, parent->process.exe);
        if (r < 0)
                return r;
        if (parent->process.mappings)
                e->process.mappings = mapping_set_ref(parent->process.mappings);
        e->process.owner = parent->process.owner;
        memcpy(e->process.comm, parent->process.comm, sizeof(e->process.comm));
        e->outdated = parent->outdated || !parent->process.mappings;
        *ret = TAKE_PTR(e);
        return 0;
}

int process_table_fork(ProcessTable *t, pid_t pid, pid_t parent) {
        _cleanup_(entry_freep) Entry *child = NULL;
        Entry *e = find(t, pid), *p = find(t, parent);
        int r;

        /* Read from /proc before the record of its fork arrived, so more is known than the record
         * says; should it be another process after all, its next sample tells by the start. */
        if (e && !e->process.dead && start_is_known(e))
                return 0;

        if (p) {
                r = make_child(pid, p, &child);
                if (r < 0)
                        return r;
        }
        if (e)
                forget(t, e);
        return child ? insert(t, &child) : 0;
}

static void set_comm(Entry *e, const char *comm) {
        size_t n = strnlen(comm, sizeof(e->process.comm) - 1);

        memset(e->process.comm, 0, sizeof(e->process.comm));
        memcpy(e->process.comm, comm, n);
}

int process_table_exec(ProcessTable *t, pid_t pid, const char *comm) {
        Entry *e = find(t, pid);
        MappingSet *empty;
        int r;

        if (!e)
                return 0;
        r = mapping_set_new(&empty);
        if (r < 0)
                return r;

        mapping_set_unref(e->process.mappings);
        e->process.mappings = empty;
        e->process.owner = PROCESS_OWNER_UNKNOWN;
        e->process.code = code_map_unref(e->process.code);
        free(e->process.exe);
        e->process.exe = NULL;
        e->image_is_new = true;
        e->outdated = false;
        set_comm(e, comm);
        return 0;
}

int process_table_comm(ProcessTable *t, pid_t pid, const char *comm) {
        Entry *e = find(t, pid);

        if (e)
                set_comm(e, comm);
        return 0;
}

/* ld-linux-x86-64.so.2, ld-musl-x86_64.so.1, ld.so */
static bool is_dynamic_loader(const char *path) {
        const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

        return startswith(name, "ld-") || startswith(name, "ld.so") || startswith(name, "ld64.so");
}

/* The kernel maps the executable before its loader, and both before anything else. */
static int learn_exe(Entry *e, uint64_t address) {
        const Mapping *m = mapping_set_find(e->process.mappings, address);
        const char *path;

        if (!m || file_get_id(m->file)->inode == 0)
                return 0;
        path = file_get_path(m->file);
        if (path[0] != '/' || is_dynamic_loader(path))
                return 0;
        e->image_is_new = false;
        return free_and_strdup(&e->process.exe, path);
}

int process_table_mmap(ProcessTable *t,
                       pid_t pid,
                       uint64_t start,
                       uint64_t end,
                       uint64_t offset,
                       const FileId *id,
                       const char *path) {
        Entry *e = find(t, pid);
        MapsEntry entry = {
                .start = start,
                .end = end,
                .offset = offset,
                .id = *id,
                .executable = true,
                .path = path,
        };
        int r;

        if (!e)
                return 0;
        if (!e->process.mappings) {
                r = mapping_set_new(&e->process.mappings);
                if (r < 0)
                        return r;
        }

        r = mappings_are_full(t) ? -E2BIG : maps_add_entry(&entry, t->files, &e->process.mappings);
        if (r == -E2BIG || r == -EINVAL) {
                t->statistics.mappings_refused++;
                return 0;
        }
        if (r < 0)
                return r;
        return e->image_is_new ? learn_exe(e, start) : 0;
}

void process_table_set_code(ProcessTable *t, pid_t pid, CodeMap *code) {
        Entry *e = find(t, pid);

        if (!e)
                return;
        code_map_unref(e->process.code);
        e->process.code = code_map_ref(code);
}

/* Whoever was found dead before we knew the time died now. */
static void set_now(ProcessTable *t, usec_t now) {
        Entry *e;

        if (t->now == 0)
                DL_FOREACH (t->dead, e)
                        e->dead_usec = now;
        t->now = now;
}

void process_table_exit(ProcessTable *t, pid_t pid, usec_t now) {
        Entry *e = find(t, pid);

        set_now(t, now);
        if (e)
                bury(t, e);
}

void process_table_invalidate(ProcessTable *t) {
        Entry *e;

        DL_FOREACH (t->living, e)
                e->outdated = true;
}

void process_table_collect(ProcessTable *t, usec_t now) {
        size_t n = MIN((size_t) HASH_COUNT(t->by_pid) - t->statistics.n_dead,
                       (size_t) PROCESS_CHECKS_MAX);

        set_now(t, now);
        while (t->dead && t->dead->dead_usec + PROCESS_LINGER_USEC <= now)
                forget(t, t->dead);

        /* Only a look: signal 0 is none, and EPERM is an answer too. */
        for (size_t i = 0; i < n; i++) {
                Entry *e = t->living;

                touch(t, e);
                if (e->process.pid <= 0 || (kill(e->process.pid, 0) < 0 && errno == ESRCH))
                        bury(t, e);
        }
}

FileTable *process_table_get_files(ProcessTable *t) {
        return t->files;
}

void process_table_get_statistics(const ProcessTable *t, ProcessTableStatistics *ret) {
        *ret = t->statistics;
        ret->n_processes = HASH_COUNT(t->by_pid);
        ret->n_files = file_table_size(t->files);
}
