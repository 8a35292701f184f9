/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unwind Loader
 *
 * Order is what keeps the kernel side safe: a run of chunks is complete before its number is
 * written anywhere, and every number is gone before the run is released. A mapping's file is one
 * aligned word, so a table that comes late is written into place under running programs.
 */

#include <bpf/bpf.h>
#include <uthash.h>

#include "basic/log.h"
#include "capture/unwind-loader.h"

/* A file's table. */
typedef struct LoadedFile {
        File *file;
        uint32_t first, n_chunks; /* first 0: refused, or the file has no table */
        bool refused;
        size_t n_references; /* address spaces */
        UT_hash_handle hh;
} LoadedFile;

/* One address space. */
typedef struct LoadedSpace {
        MappingSet *mappings;
        uint32_t first, n_chunks;
        LoadedFile **files;  /* of each mapping; NULL: its file has no index yet */
        size_t n_references; /* processes */
        UT_hash_handle hh;
} LoadedSpace;

typedef struct LoadedProcess {
        pid_t pid;
        LoadedSpace *space;
        UT_hash_handle hh;
} LoadedProcess;

struct UnwindLoader {
        int processes_fd;
        UnwindMemory *memory;
        LoadedFile *files;
        LoadedSpace *spaces;
        LoadedProcess *processes;
        uint64_t refused_files, refused_processes;
        size_t n_refused;   /* files that are refused now */
        bool released;      /* there may be room for them */
        bool refused_space; /* since the last unwind_loader_retry() */
        bool is_short;
        uint64_t max_bytes;
};

static uint32_t chunks_for(size_t n, size_t per_chunk) {
        return (uint32_t) ((n + per_chunk - 1) / per_chunk);
}

static void release(UnwindLoader *l, uint32_t first, uint32_t n) {
        unwind_memory_release(l->memory, first, n);
        l->released = true;
}

/* ---- files ---- */

_Static_assert(sizeof(IndexUnwindPage) == sizeof(struct unwind_page),
               "pages are copied as they are");
_Static_assert(sizeof(IndexUnwindRow) == sizeof(struct unwind_row), "rows are copied as they are");

/* Elements of an array never straddle chunks, so an array whose elements do not fill a chunk has
 * gaps. */
static void copy_elements(
        uint8_t *chunks, const void *elements, size_t n, size_t size, size_t per_chunk) {
        for (size_t i = 0; i < n; i += per_chunk)
                memcpy(chunks + i / per_chunk * UNWIND_CHUNK_BYTES,
                       (const uint8_t *) elements + i * size, MIN(per_chunk, n - i) * size);
}

static int load_table(UnwindLoader *l, LoadedFile *f, const IndexUnwindTable *t) {
        uint32_t n_pages = chunks_for(t->n_pages, UNWIND_PAGES_PER_CHUNK);
        uint32_t n_rows = chunks_for(t->n_rows, UNWIND_ROWS_PER_CHUNK);
        uint32_t n_rules = chunks_for(t->n_rules, UNWIND_RULES_PER_CHUNK);
        uint32_t first, n = 1 + n_pages + n_rows + n_rules;
        struct unwind_file *header;
        int r;

        r = unwind_memory_allocate(l->memory, n, &first);
        if (r < 0)
                return r;

        header = unwind_memory_get(l->memory, first);
        *header = (struct unwind_file){
                .start = t->info->start,
                .n_pages = (uint32_t) t->n_pages,
                .pages = first + 1,
                .rows = first + 1 + n_pages,
                .rules = first + 1 + n_pages + n_rows,
                .n_rules = (uint32_t) t->n_rules,
        };
        copy_elements(unwind_memory_get(l->memory, header->pages), t->pages, t->n_pages,
                      sizeof(struct unwind_page), UNWIND_PAGES_PER_CHUNK);
        copy_elements(unwind_memory_get(l->memory, header->rows), t->rows, t->n_rows,
                      sizeof(struct unwind_row), UNWIND_ROWS_PER_CHUNK);
        copy_elements(unwind_memory_get(l->memory, header->rules), t->rules, t->n_rules,
                      sizeof(struct unwind_rule), UNWIND_RULES_PER_CHUNK);
        f->first = first;
        f->n_chunks = n;
        return 0;
}

/* NULL: the file has no index (yet), or no memory. */
static LoadedFile *ref_file(UnwindLoader *l, File *file) {
        const IndexUnwindTable *table;
        LoadedFile *f;

        if (!file_get_index(file))
                return NULL;
        HASH_FIND_PTR(l->files, &file, f);
        if (!f) {
                f = calloc(1, sizeof(*f));
                if (!f)
                        return NULL;
                f->file = file_ref(file);
                HASH_ADD_PTR(l->files, file, f);
                table = index_file_get_unwind(file_get_index(file));
                if (table->n_pages > 0 && load_table(l, f, table) < 0) {
                        l->refused_files++;
                        l->n_refused++;
                        f->refused = true;
                        log_debug("No memory for the unwind table of %s.", file_get_path(file));
                }
        }
        f->n_references++;
        return f;
}

static void unref_file(UnwindLoader *l, LoadedFile *f) {
        if (!f || --f->n_references > 0)
                return;
        if (f->first != 0)
                release(l, f->first, f->n_chunks);
        l->n_refused -= f->refused;
        HASH_DEL(l->files, f);
        file_unref(f->file);
        free(f);
}

/* ---- address spaces ---- */

/* Address in the process less ELF address. false: the file's segments do not have the mapping. */
static bool find_bias(const Mapping *m, uint64_t *ret) {
        const IndexSegment *s;

        if (!index_file_find_code(file_get_index(m->file), m->offset, m->end - m->start, &s))
                return false;
        *ret = m->start - (s->address + m->offset - s->file_offset);
        return true;
}

static enum unwind_absence find_absence(const Mapping *m, const LoadedFile *f) {
        if (f)
                return f->refused ? UNWIND_REFUSED_TABLE : UNWIND_WITHOUT_TABLE;
        return file_get_state(m->file) == FILE_NEW || file_get_state(m->file) == FILE_PENDING
                       ? UNWIND_AWAITED
                       : UNWIND_WITHOUT_TABLE;
}

static void link_file(struct unwind_mapping *at, const Mapping *m, const LoadedFile *f) {
        uint64_t bias;

        at->absence = find_absence(m, f);
        if (!f || f->first == 0 || !find_bias(m, &bias))
                return;
        at->bias = bias;
        __atomic_store_n(&at->file, f->first, __ATOMIC_RELEASE);
}

static struct unwind_mapping *get_mapping(UnwindLoader *l, const LoadedSpace *s, size_t i) {
        uint8_t *chunk =
                unwind_memory_get(l->memory, s->first + (uint32_t) (i / UNWIND_MAPPINGS_PER_CHUNK));

        return (struct unwind_mapping *) chunk + i % UNWIND_MAPPINGS_PER_CHUNK;
}

static void free_space(UnwindLoader *l, LoadedSpace *s) {
        if (s->files)
                for (size_t i = 0; i < mapping_set_size(s->mappings); i++)
                        unref_file(l, s->files[i]);
        if (s->first != 0)
                release(l, s->first, s->n_chunks);
        mapping_set_unref(s->mappings);
        free(s->files);
        free(s);
}

static int make_space(UnwindLoader *l, MappingSet *mappings, LoadedSpace **ret) {
        size_t n = mapping_set_size(mappings);
        LoadedSpace *s;
        int r;

        s = calloc(1, sizeof(*s));
        if (!s)
                return -ENOMEM;
        s->mappings = mapping_set_ref(mappings);
        s->n_chunks = chunks_for(n, UNWIND_MAPPINGS_PER_CHUNK);
        s->files = calloc(n, sizeof(*s->files));
        r = s->files ? unwind_memory_allocate(l->memory, s->n_chunks, &s->first) : -ENOMEM;
        if (r < 0) {
                free_space(l, s);
                return r;
        }

        for (size_t i = 0; i < n; i++) {
                const Mapping *m = mapping_set_get(mappings, i);
                struct unwind_mapping *at = get_mapping(l, s, i);

                at->start = m->start;
                at->end = m->end;
                s->files[i] = ref_file(l, m->file);
                link_file(at, m, s->files[i]);
        }
        HASH_ADD_PTR(l->spaces, mappings, s);
        *ret = s;
        return 0;
}

static int ref_space(UnwindLoader *l, MappingSet *mappings, LoadedSpace **ret) {
        LoadedSpace *s;
        int r;

        HASH_FIND_PTR(l->spaces, &mappings, s);
        if (!s) {
                r = make_space(l, mappings, &s);
                if (r < 0)
                        return r;
        }
        s->n_references++;
        *ret = s;
        return 0;
}

static void unref_space(UnwindLoader *l, LoadedSpace *s) {
        if (!s || --s->n_references > 0)
                return;
        HASH_DEL(l->spaces, s);
        free_space(l, s);
}

void unwind_loader_add_file(UnwindLoader *l, File *file) {
        for (LoadedSpace *s = l->spaces; s; s = s->hh.next)
                for (size_t i = 0; i < mapping_set_size(s->mappings); i++) {
                        const Mapping *m = mapping_set_get(s->mappings, i);

                        if (m->file != file || s->files[i])
                                continue;
                        s->files[i] = ref_file(l, file);
                        link_file(get_mapping(l, s, i), m, s->files[i]);
                }
}

/* ---- what was refused ---- */

static void link_everywhere(UnwindLoader *l, const LoadedFile *f) {
        for (LoadedSpace *s = l->spaces; s; s = s->hh.next)
                for (size_t i = 0; i < mapping_set_size(s->mappings); i++)
                        if (s->files[i] == f)
                                link_file(get_mapping(l, s, i), mapping_set_get(s->mappings, i), f);
}

void unwind_loader_retry(UnwindLoader *l) {
        if (l->released)
                for (LoadedFile *f = l->files; f && l->n_refused > 0; f = f->hh.next) {
                        if (!f->refused ||
                            load_table(l, f, index_file_get_unwind(file_get_index(f->file))) < 0)
                                continue;
                        f->refused = false;
                        l->n_refused--;
                        link_everywhere(l, f);
                }
        l->is_short = l->max_bytes > 0 && (l->n_refused > 0 || l->refused_space);
        l->released = l->refused_space = false;
}

/* ---- processes ---- */

static int publish(UnwindLoader *l, pid_t pid, const LoadedSpace *s) {
        struct unwind_process value = {
                .mappings = s->first,
                .n_mappings = (uint32_t) mapping_set_size(s->mappings),
        };
        uint32_t key = (uint32_t) pid;

        return bpf_map_update_elem(l->processes_fd, &key, &value, BPF_ANY) < 0 ? -errno : 0;
}

static int add_process(UnwindLoader *l, pid_t pid, LoadedProcess **ret) {
        LoadedProcess *p;

        p = calloc(1, sizeof(*p));
        if (!p)
                return -ENOMEM;
        p->pid = pid;
        HASH_ADD_INT(l->processes, pid, p);
        *ret = p;
        return 0;
}

static int set_process(UnwindLoader *l, LoadedProcess *p, MappingSet *mappings) {
        LoadedSpace *before = p->space, *s;
        int r;

        r = ref_space(l, mappings, &s);
        if (r < 0)
                return r;
        r = publish(l, p->pid, s);
        if (r < 0) {
                unref_space(l, s);
                return r;
        }
        p->space = s;
        unref_space(l, before);
        return 0;
}

int unwind_loader_set_process(UnwindLoader *l, pid_t pid, MappingSet *mappings) {
        LoadedProcess *p;
        int r;

        HASH_FIND_INT(l->processes, &pid, p);
        if (p && p->space->mappings == mappings)
                return 0;
        if (mapping_set_size(mappings) == 0) {
                unwind_loader_remove_process(l, pid);
                return 0;
        }
        if (!p) {
                r = add_process(l, pid, &p);
                if (r < 0)
                        return r;
        }
        r = set_process(l, p, mappings);
        if (r < 0) {
                l->refused_processes++;
                l->refused_space |= r == -ENOSPC;
                unwind_loader_remove_process(l, pid); /* old mappings are worse than none */
                return r;
        }
        return 1;
}

void unwind_loader_remove_process(UnwindLoader *l, pid_t pid) {
        uint32_t key = (uint32_t) pid;
        LoadedProcess *p;

        HASH_FIND_INT(l->processes, &pid, p);
        if (!p)
                return;
        (void) bpf_map_delete_elem(l->processes_fd, &key);
        HASH_DEL(l->processes, p);
        unref_space(l, p->space);
        free(p);
}

/* ---- life and state ---- */

int unwind_loader_new(UnwindLoader **ret, int segments_fd, int processes_fd, uint64_t max_bytes) {
        _cleanup_(unwind_loader_freep) UnwindLoader *l = NULL;
        int r;

        l = calloc(1, sizeof(*l));
        if (!l)
                return -ENOMEM;
        l->processes_fd = processes_fd;
        l->max_bytes = max_bytes;
        r = unwind_memory_new(&l->memory, segments_fd, max_bytes);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(l);
        return 0;
}

UnwindLoader *unwind_loader_free(UnwindLoader *l) {
        if (!l)
                return NULL;
        while (l->processes)
                unwind_loader_remove_process(l, l->processes->pid);
        unwind_memory_free(l->memory);
        free(l);
        return NULL;
}

void unwind_loader_set_max(UnwindLoader *l, uint64_t max_bytes) {
        unwind_memory_set_max(l->memory, max_bytes);
        l->released |= max_bytes > l->max_bytes;
        l->max_bytes = max_bytes;
}

void unwind_loader_get_statistics(const UnwindLoader *l, UnwindLoaderStatistics *ret) {
        *ret = (UnwindLoaderStatistics){
                .n_processes = HASH_COUNT(l->processes),
                .n_address_spaces = HASH_COUNT(l->spaces),
                .n_files = HASH_COUNT(l->files),
                .used_bytes = unwind_memory_get_used_bytes(l->memory),
                .mapped_bytes = unwind_memory_get_mapped_bytes(l->memory),
                .refused_files = l->refused_files,
                .refused_processes = l->refused_processes,
                .n_refused_files = l->n_refused,
                .is_short = l->is_short,
        };
}
