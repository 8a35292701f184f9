/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Window
 *
 * Two levels of interning. The outer key stands for the raw stack with its thread and the mapping
 * set it was taken under: a shared mapping set never changes, and the window keeps a reference, so
 * equal keys mean equal places. It is a 128-bit digest of all that; that two of at most 2^17 stacks
 * share one by chance is out of the question, and a process that contrived it would mix up its own
 * stacks only. The inner table makes places unique.
 */

#include <uthash.h>

#include "basic/array.h"
#include "basic/hash.h"
#include "window.h"

typedef struct StackKey {
        uint64_t digest[2];
} StackKey;

typedef struct StackEntry {
        WindowStack stack; /* first: a WindowStack is its entry */
        StackKey key;
        UT_hash_handle hh;
} StackEntry;

typedef struct PlaceEntry {
        Place place;
        uint32_t index;
        UT_hash_handle hh;
} PlaceEntry;

/* A mapping set that keys refer to; held so that its address is not used again. */
typedef struct HeldMappings {
        MappingSet *mappings;
        UT_hash_handle hh;
} HeldMappings;

typedef struct HeldFile {
        File *file;
        UT_hash_handle hh;
} HeldFile;

typedef struct HeldCode {
        CodeMap *code;
        UT_hash_handle hh;
} HeldCode;

typedef struct ProcessWeight {
        pid_t pid;
        nsec_t weight_nsec;
        char *exe; /* NULL: unknown */
        UT_hash_handle hh;
} ProcessWeight;

struct Window {
        WindowType type;
        bool mixed;
        usec_t start_usec;
        WindowFileCallback on_file;
        void *userdata;
        WindowTotals totals;
        size_t n_bytes, bytes_max; /* estimated */

        StackEntry *stacks;
        uint32_t *stack_places;
        size_t n_stack_places, stack_places_capacity;

        PlaceEntry *place_table;
        PlaceEntry **places; /* by index */
        size_t n_places, places_capacity;

        HeldMappings *held_mappings;
        HeldFile *held_files;
        HeldCode *held_code;
        ProcessWeight *processes;
};

int window_new(Window **ret,
               WindowType type,
               usec_t start_usec,
               WindowFileCallback on_file,
               void *userdata) {
        Window *w = calloc(1, sizeof(*w));

        if (!w)
                return -ENOMEM;
        w->type = type;
        w->start_usec = start_usec;
        w->bytes_max = SIZE_MAX;
        w->on_file = on_file;
        w->userdata = userdata;
        *ret = w;
        return 0;
}

static void free_holds(Window *w) {
        HeldMappings *mappings, *next_mappings;
        ProcessWeight *process, *next_process;
        HeldFile *file, *next_file;
        HeldCode *code, *next_code;

        HASH_ITER (hh, w->held_mappings, mappings, next_mappings) {
                HASH_DEL(w->held_mappings, mappings);
                mapping_set_unref(mappings->mappings);
                free(mappings);
        }
        HASH_ITER (hh, w->held_files, file, next_file) {
                HASH_DEL(w->held_files, file);
                file_unref(file->file);
                free(file);
        }
        HASH_ITER (hh, w->held_code, code, next_code) {
                HASH_DEL(w->held_code, code);
                code_map_unref(code->code);
                free(code);
        }
        HASH_ITER (hh, w->processes, process, next_process) {
                HASH_DEL(w->processes, process);
                free(process->exe);
                free(process);
        }
}

Window *window_free(Window *w) {
        StackEntry *stack, *next_stack;
        PlaceEntry *place, *next_place;

        if (!w)
                return NULL;

        HASH_ITER (hh, w->stacks, stack, next_stack) {
                HASH_DEL(w->stacks, stack);
                free(stack);
        }
        HASH_ITER (hh, w->place_table, place, next_place) {
                HASH_DEL(w->place_table, place);
                free(place);
        }
        free_holds(w);
        free(w->places);
        free(w->stack_places);
        free(w);
        return NULL;
}

/* Beside its size a block has a header, and an entry a bucket. */
enum {
        BLOCK_BYTES = 32,
        FILE_BYTES = 512, /* with its path */
};

static int take_bytes(Window *w, size_t bytes) {
        if (bytes > w->bytes_max || w->n_bytes > w->bytes_max - bytes)
                return -E2BIG;
        w->n_bytes += bytes;
        return 0;
}

void window_set_mixed(Window *w) {
        w->mixed = true;
}

bool window_is_mixed(const Window *w) {
        return w->mixed;
}

void window_set_bytes_max(Window *w, size_t bytes) {
        w->bytes_max = bytes;
}

/* ---- what the window keeps alive ---- */

static int hold_mappings(Window *w, MappingSet *mappings) {
        HeldMappings *held;
        int r;

        HASH_FIND_PTR(w->held_mappings, &mappings, held);
        if (held)
                return 0;
        /* Of a process that is gone it is the window's alone. */
        r = take_bytes(w, sizeof(*held) + 2 * BLOCK_BYTES + mapping_set_get_bytes(mappings));
        if (r < 0)
                return r;
        held = calloc(1, sizeof(*held));
        if (!held)
                return -ENOMEM;
        held->mappings = mapping_set_ref(mappings);
        HASH_ADD_PTR(w->held_mappings, mappings, held);
        return 0;
}

static int hold_file(Window *w, File *file) {
        HeldFile *held;
        int r;

        HASH_FIND_PTR(w->held_files, &file, held);
        if (held)
                return 0;
        r = take_bytes(w, sizeof(*held) + BLOCK_BYTES + FILE_BYTES);
        if (r < 0)
                return r;
        held = calloc(1, sizeof(*held));
        if (!held)
                return -ENOMEM;
        held->file = file_ref(file);
        HASH_ADD_PTR(w->held_files, file, held);
        return 0;
}

static int hold_code(Window *w, CodeMap *code) {
        HeldCode *held;

        HASH_FIND_PTR(w->held_code, &code, held);
        if (held)
                return 0;
        held = calloc(1, sizeof(*held));
        if (!held)
                return -ENOMEM;
        held->code = code_map_ref(code);
        HASH_ADD_PTR(w->held_code, code, held);
        return 0;
}

static int weigh_process(Window *w, const Process *process, nsec_t weight_nsec) {
        ProcessWeight *entry;

        HASH_FIND_INT(w->processes, &process->pid, entry);
        if (!entry) {
                /* The sample is kept; only what is said of the heaviest program may be wrong. */
                if (take_bytes(w, sizeof(*entry) + 2 * BLOCK_BYTES) < 0)
                        return 0;
                entry = calloc(1, sizeof(*entry));
                if (!entry)
                        return -ENOMEM;
                entry->pid = process->pid;
                HASH_ADD_INT(w->processes, pid, entry);
        }
        if (!entry->exe && process->exe) {
                entry->exe = strdup(process->exe);
                if (!entry->exe)
                        return -ENOMEM;
        }
        entry->weight_nsec += weight_nsec;
        return 0;
}

/* ---- places ---- */

static int intern_place(Window *w, const Place *place, uint32_t *ret_index) {
        unsigned hash = (unsigned) hash_words((const uint64_t *) place,
                                              sizeof(*place) / sizeof(uint64_t), 0);
        PlaceEntry *entry;
        int r;

        HASH_FIND_BYHASHVALUE(hh, w->place_table, place, sizeof(*place), hash, entry);
        if (!entry) {
                if (w->n_places >= WINDOW_PLACES_MAX)
                        return -E2BIG;
                r = take_bytes(w, sizeof(*entry) + sizeof(*w->places) + BLOCK_BYTES);
                if (r < 0)
                        return r;
                r = ARRAY_RESERVE(w->places, w->places_capacity, w->n_places + 1);
                if (r < 0)
                        return r;
                if (place->file) {
                        r = hold_file(w, place->file);
                        if (r < 0)
                                return r;
                }
                if (place->code) {
                        r = hold_code(w, place->code);
                        if (r < 0)
                                return r;
                }
                entry = calloc(1, sizeof(*entry));
                if (!entry)
                        return -ENOMEM;
                entry->place = *place;
                entry->index = (uint32_t) w->n_places;
                w->places[w->n_places++] = entry;
                HASH_ADD_BYHASHVALUE(hh, w->place_table, place, sizeof(*place), hash, entry);
        }
        *ret_index = entry->index;
        return 0;
}

static Place find_user_place(Window *w, const Process *process, uint64_t address, nsec_t time) {
        const Mapping *m = NULL;
        uint64_t offset;

        if (process && process->mappings)
                m = mapping_set_find(process->mappings, address);
        if (!m)
                return (Place){ .kind = PLACE_UNMAPPED, .address = address };

        if (w->on_file)
                w->on_file(m->file, process->pid, m->start, m->end, w->userdata);
        if (file_is_memory(m->file))
                return (Place){
                        .kind = PLACE_MEMORY,
                        .file = m->file,
                        .address = address,
                        .code = process->code,
                        .epoch = process->code ? code_map_get_epoch(process->code, time) : 0,
                };

        offset = address - m->start + m->offset;
        return (Place){ .kind = PLACE_FILE, .file = m->file, .address = offset };
}

/* ---- stacks ---- */

static StackKey make_key(const Process *process,
                         const struct sample_record *record,
                         const uint64_t *frames) {
        size_t n = (size_t) record->n_kernel + record->n_user;
        const CodeMap *code = process ? process->code : NULL;
        uint64_t thread[] = {
                process ? (uintptr_t) process->mappings : 0,
                (uintptr_t) code,
                code ? code_map_get_epoch(code, record->time_ns) : 0,
                record->start_ns,
                (uint64_t) record->pid << 32 | record->tid,
                (uint64_t) record->n_kernel << 32 | (uint32_t) record->stack_end << 8 |
                        (record->flags &
                         (SAMPLE_IN_USER | SAMPLE_OFF_CPU | SAMPLE_UNINTERRUPTIBLE)),
                0,
                0,
        };

        memcpy(&thread[ELEMENTSOF(thread) - 2], record->comm, sizeof(record->comm));
        return (StackKey){ {
                hash_words(frames, n, hash_words(thread, ELEMENTSOF(thread), 1)),
                hash_words(frames, n, hash_words(thread, ELEMENTSOF(thread), 2)),
        } };
}

/* The leaf is the instruction that was about to run; every other frame is a return address. */
static uint64_t frame_address(const struct sample_record *record,
                              const uint64_t *frames,
                              size_t i) {
        return i == 0 || i == record->n_kernel ? frames[i] : frames[i] - 1;
}

static int resolve_frames(Window *w,
                          const Process *process,
                          const struct sample_record *record,
                          const uint64_t *frames) {
        size_t n = (size_t) record->n_kernel + record->n_user;
        int r;

        if (w->n_stack_places + n > WINDOW_STACK_PLACES_MAX)
                return -E2BIG;
        r = ARRAY_RESERVE(w->stack_places, w->stack_places_capacity, w->n_stack_places + n);
        if (r < 0)
                return r;

        for (size_t i = 0; i < n; i++) {
                uint64_t address = frame_address(record, frames, i);
                Place place = { .kind = PLACE_KERNEL, .address = address };

                if (i >= record->n_kernel)
                        place = find_user_place(w, process, address, record->time_ns);
                r = intern_place(w, &place, &w->stack_places[w->n_stack_places + i]);
                if (r < 0)
                        return r;
        }
        w->n_stack_places += n;
        return 0;
}

static char thread_state(const struct sample_record *record) {
        if (!(record->flags & SAMPLE_OFF_CPU))
                return 0;
        return record->flags & SAMPLE_UNINTERRUPTIBLE ? 'D' : 'S';
}

static int add_stack(Window *w,
                     const Process *process,
                     const struct sample_record *record,
                     const uint64_t *frames,
                     const StackKey *key,
                     StackEntry **ret) {
        uint32_t first = (uint32_t) w->n_stack_places;
        _cleanup_free_ StackEntry *entry = NULL;
        int r;

        if (HASH_COUNT(w->stacks) >= WINDOW_STACKS_MAX)
                return -E2BIG;
        r = take_bytes(w, sizeof(*entry) + BLOCK_BYTES +
                                  ((size_t) record->n_kernel + record->n_user) *
                                          sizeof(*w->stack_places));
        if (r < 0)
                return r;
        entry = calloc(1, sizeof(*entry));
        if (!entry)
                return -ENOMEM;
        if (process && process->mappings) {
                r = hold_mappings(w, process->mappings);
                if (r < 0)
                        return r;
        }
        r = resolve_frames(w, process, record, frames);
        if (r < 0)
                return r;

        entry->stack = (WindowStack){
                .first = first,
                .n_places = (uint32_t) (w->n_stack_places - first),
                .pid = (pid_t) record->pid,
                .tid = (pid_t) record->tid,
                .state = thread_state(record),
                .stack_end = record->stack_end,
        };
        memcpy(entry->stack.comm, record->comm, sizeof(entry->stack.comm));
        entry->key = *key;
        HASH_ADD_BYHASHVALUE(hh, w->stacks, key, sizeof(entry->key), (unsigned) key->digest[0],
                             entry);
        *ret = TAKE_PTR(entry);
        return 0;
}

static int add_sample(Window *w,
                      const Process *process,
                      const struct sample_record *record,
                      const uint64_t *frames,
                      nsec_t weight_nsec) {
        StackKey key = make_key(process, record, frames);
        StackEntry *entry;
        int r;

        HASH_FIND_BYHASHVALUE(hh, w->stacks, &key, sizeof(key), (unsigned) key.digest[0], entry);
        if (!entry) {
                r = add_stack(w, process, record, frames, &key, &entry);
                if (r < 0)
                        return r;
        }
        entry->stack.count++;
        entry->stack.weight_nsec += weight_nsec;
        return process ? weigh_process(w, process, weight_nsec) : 0;
}

int window_add(Window *w,
               const Process *process,
               const struct sample_record *record,
               const uint64_t *frames,
               nsec_t weight_nsec) {
        int r;

        r = add_sample(w, process, record, frames, weight_nsec);
        if (r < 0) {
                w->totals.lost++;
                return r;
        }
        w->totals.samples++;
        w->totals.weight_nsec += weight_nsec;
        if (record->stack_end < ELEMENTSOF(w->totals.stack_ends))
                w->totals.stack_ends[record->stack_end]++;
        w->totals.guessed += !!(record->flags & SAMPLE_GUESSED);
        return 0;
}

/* ---- reading ---- */

WindowType window_get_type(const Window *w) {
        return w->type;
}

usec_t window_get_start(const Window *w) {
        return w->start_usec;
}

void window_get_totals(const Window *w, WindowTotals *ret) {
        *ret = w->totals;
}

const WindowStack *window_next_stack(const Window *w, const WindowStack *previous) {
        const StackEntry *entry = (const StackEntry *) previous;

        entry = entry ? entry->hh.next : w->stacks;
        return entry ? &entry->stack : NULL;
}

uint32_t window_get_stack_place(const Window *w, const WindowStack *s, uint32_t i) {
        assert(i < s->n_places);
        return w->stack_places[s->first + i];
}

size_t window_n_places(const Window *w) {
        return w->n_places;
}

const Place *window_get_place(const Window *w, uint32_t index) {
        assert(index < w->n_places);
        return &w->places[index]->place;
}

const char *window_get_heaviest_exe(const Window *w) {
        const ProcessWeight *heaviest = NULL;

        for (const ProcessWeight *p = w->processes; p; p = p->hh.next)
                if (p->exe && (!heaviest || p->weight_nsec > heaviest->weight_nsec))
                        heaviest = p;
        return heaviest ? heaviest->exe : "";
}

File *window_find_file(const Window *w, const char *path) {
        for (const HeldFile *f = w->held_files; f; f = f->hh.next)
                if (streq(file_get_path(f->file), path))
                        return f->file;
        return NULL;
}

bool window_is_pending(const Window *w) {
        for (const HeldFile *f = w->held_files; f; f = f->hh.next)
                if (file_is_waiting(f->file))
                        return true;
        return false;
}
