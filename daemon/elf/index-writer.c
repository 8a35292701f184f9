/* SPDX-License-Identifier: Apache-2.0 */
/* Index Writer: header | names | segments | functions, each 8-byte aligned */

#include "elf/index-writer.h"
#include "basic/array.h"
#include "basic/file-util.h"
#include "basic/string-util.h"

enum {
        WRITER_BUFFER_SIZE = 64 << 10,
        WRITER_SLOTS_MIN = 1 << 10,
};

/* Where a name is, and enough of its hash to rarely look there in vain. */
typedef struct NameSlot {
        uint32_t hash;
        uint32_t offset; /* in NAMES; 0: the slot is free */
} NameSlot;

struct IndexWriter {
        int fd;
        IndexSegment *segments;
        IndexFunction *functions;
        size_t n_segments, n_functions, segments_capacity, functions_capacity;

        char *buffer;           /* the end of NAMES, not written yet */
        size_t buffer_size;     /* bytes used of WRITER_BUFFER_SIZE */
        uint64_t names_written; /* bytes of NAMES in the file */

        /* Open addressing: a heap node for each of some million names would be most of the
         * memory. */
        NameSlot *slots;
        size_t n_slots, n_names;

        IndexUnwindTable unwind; /* borrowed */
        IndexDebugLink debug_link;
        struct {
                IndexSectionKind kind;
                IndexPart write;
                void *userdata;
        } parts[INDEX_PARTS_MAX];
        size_t n_parts;
};

IndexWriter *index_writer_free(IndexWriter *w) {
        if (!w)
                return NULL;

        free(w->segments);
        free(w->functions);
        free(w->buffer);
        free(w->slots);
        free(w);
        return NULL;
}

int index_writer_new(IndexWriter **ret, int fd) {
        static const IndexHeader empty;
        _cleanup_(index_writer_freep) IndexWriter *w = NULL;
        int r;

        w = calloc(1, sizeof(IndexWriter));
        if (!w)
                return -ENOMEM;
        w->fd = fd;
        w->buffer = malloc(WRITER_BUFFER_SIZE);
        w->n_slots = WRITER_SLOTS_MIN;
        w->slots = calloc(w->n_slots, sizeof(NameSlot));
        if (!w->buffer || !w->slots)
                return -ENOMEM;

        /* Names start with "", so that offset 0 is never that of a function's. */
        w->buffer[w->buffer_size++] = '\0';

        if (lseek(fd, 0, SEEK_SET) < 0)
                return -errno;
        r = write_all(fd, &empty, sizeof(empty));
        if (r < 0)
                return r;

        *ret = TAKE_PTR(w);
        return 0;
}

int index_writer_add_segment(IndexWriter *w, const IndexSegment *segment) {
        int r;

        if (segment->memory_size > UINT64_MAX - segment->address ||
            segment->memory_size > UINT64_MAX - segment->file_offset ||
            segment->file_size > segment->memory_size)
                return -EINVAL;
        if (w->n_segments >= INDEX_SEGMENTS_MAX)
                return -E2BIG;
        r = ARRAY_RESERVE(w->segments, w->segments_capacity, w->n_segments + 1);
        if (r < 0)
                return r;
        w->segments[w->n_segments++] = *segment;
        return 0;
}

static int index_writer_flush(IndexWriter *w) {
        int r;

        r = write_all(w->fd, w->buffer, w->buffer_size);
        if (r < 0)
                return r;
        w->names_written += w->buffer_size;
        w->buffer_size = 0;
        return 0;
}

/* 1: the name at offset is this one (size with its NUL), 0: it is not. */
static int index_writer_has_name_at(const IndexWriter *w,
                                    uint32_t offset,
                                    const char *name,
                                    size_t size) {
        char stored[INDEX_NAME_MAX + 1];
        ssize_t n;

        if (offset >= w->names_written) {
                size_t at = (size_t) (offset - w->names_written);

                return size <= w->buffer_size - at && memcmp(w->buffer + at, name, size) == 0;
        }

        /* The buffer is only ever written out between two names: the whole of it is in the file. */
        n = pread(w->fd, stored, size, (off_t) (sizeof(IndexHeader) + offset));
        if (n < 0)
                return -errno;
        return (size_t) n == size && memcmp(stored, name, size) == 0;
}

static int index_writer_grow_slots(IndexWriter *w) {
        size_t n_slots = w->n_slots * 2;
        NameSlot *slots;

        slots = calloc(n_slots, sizeof(NameSlot));
        if (!slots)
                return -ENOMEM;
        for (size_t i = 0; i < w->n_slots; i++) {
                size_t k = w->slots[i].hash & (n_slots - 1);

                if (w->slots[i].offset == 0)
                        continue;
                while (slots[k].offset != 0)
                        k = (k + 1) & (n_slots - 1);
                slots[k] = w->slots[i];
        }

        free(w->slots);
        w->slots = slots;
        w->n_slots = n_slots;
        return 0;
}

/* The slot of a name, or the free one where it belongs. */
static int index_writer_find_name(
        const IndexWriter *w, uint32_t hash, const char *name, size_t size, NameSlot **ret) {
        size_t k = hash & (w->n_slots - 1);
        int r;

        for (; w->slots[k].offset != 0; k = (k + 1) & (w->n_slots - 1)) {
                if (w->slots[k].hash != hash)
                        continue;
                r = index_writer_has_name_at(w, w->slots[k].offset, name, size);
                if (r < 0)
                        return r;
                if (r > 0)
                        break;
        }
        *ret = &w->slots[k];
        return 0;
}

int index_writer_add_name(IndexWriter *w, const char *raw, uint32_t *ret_offset) {
        _cleanup_free_ char *name = NULL;
        uint64_t offset;
        NameSlot *slot;
        uint32_t hash;
        size_t size;
        int r;

        name = utf8_sanitize(raw, INDEX_NAME_MAX);
        if (!name)
                return -ENOMEM;
        size = strlen(name) + 1;

        if (w->n_names * 4 >= w->n_slots * 3) {
                r = index_writer_grow_slots(w);
                if (r < 0)
                        return r;
        }
        hash = (uint32_t) hash_bytes(name, size, 0);
        r = index_writer_find_name(w, hash, name, size, &slot);
        if (r < 0)
                return r;
        if (slot->offset != 0) {
                *ret_offset = slot->offset;
                return 0;
        }

        if (size > WRITER_BUFFER_SIZE - w->buffer_size) {
                r = index_writer_flush(w);
                if (r < 0)
                        return r;
        }
        offset = w->names_written + w->buffer_size;
        if (offset + size > INDEX_NAMES_MAX)
                return -E2BIG;
        memcpy(w->buffer + w->buffer_size, name, size);
        w->buffer_size += size;

        *slot = (NameSlot){
                .hash = hash,
                .offset = (uint32_t) offset,
        };
        w->n_names++;
        *ret_offset = (uint32_t) offset;
        return 0;
}

int index_writer_add_function(IndexWriter *w,
                              uint64_t address,
                              uint64_t size,
                              const char *name,
                              const char *system_name) {
        IndexFunction f = {
                .address = address,
                .size = (uint32_t) MIN(size, (uint64_t) UINT32_MAX),
        };
        int r;

        assert(size > 0 && size <= UINT64_MAX - address);
        if (w->n_functions > 0) {
                const IndexFunction *last = &w->functions[w->n_functions - 1];

                assert(address >= last->address + last->size);
        }

        if (w->n_functions >= INDEX_FUNCTIONS_MAX)
                return -E2BIG;
        r = ARRAY_RESERVE(w->functions, w->functions_capacity, w->n_functions + 1);
        if (r < 0)
                return r;

        r = index_writer_add_name(w, system_name, &f.system_name);
        if (r < 0)
                return r;
        r = index_writer_add_name(w, name, &f.name);
        if (r < 0)
                return r;

        w->functions[w->n_functions++] = f;
        return 0;
}

static int segment_compare(const void *a, const void *b) {
        const IndexSegment *x = a, *y = b;

        if (x->file_offset != y->file_offset)
                return x->file_offset < y->file_offset ? -1 : 1;
        return memcmp(x, y, sizeof(IndexSegment));
}

static int index_writer_align(IndexWriter *w, uint64_t *at) {
        static const uint8_t zeros[8];
        uint64_t end = ROUND_UP(*at, sizeof(zeros));
        int r;

        r = write_all(w->fd, zeros, (size_t) (end - *at));
        *at = end;
        return r;
}

/* Appends a section at *at, and the zeros that align the next one. */
static int index_writer_append(
        IndexWriter *w, const void *data, uint64_t size, uint64_t *at, IndexSection *ret) {
        int r;

        *ret = (IndexSection){ .offset = size > 0 ? *at : 0, .size = size };
        if (data) {
                r = write_all(w->fd, data, (size_t) size);
                if (r < 0)
                        return r;
        }
        *at += size;
        return index_writer_align(w, at);
}

static int index_writer_append_parts(IndexWriter *w, uint64_t *at, IndexSection *sections) {
        int r;

        for (size_t i = 0; i < w->n_parts; i++) {
                IndexSection *s = &sections[w->parts[i].kind];
                uint64_t size;

                r = w->parts[i].write(w->fd, w->parts[i].userdata, &size);
                if (r < 0)
                        return r;
                *s = (IndexSection){ .offset = size > 0 ? *at : 0, .size = size };
                *at += size;
                r = index_writer_align(w, at);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int index_writer_append_unwind(IndexWriter *w, uint64_t *at, IndexSection *sections) {
        const IndexUnwindTable *u = &w->unwind;
        const struct {
                IndexSectionKind kind;
                const void *data;
                size_t size;
        } parts[] = {
                { INDEX_SECTION_UNWIND, u->info, u->info ? sizeof(IndexUnwind) : 0 },
                { INDEX_SECTION_UNWIND_PAGES, u->pages, u->n_pages * sizeof(IndexUnwindPage) },
                { INDEX_SECTION_UNWIND_ROWS, u->rows, u->n_rows * sizeof(IndexUnwindRow) },
                { INDEX_SECTION_UNWIND_RULES, u->rules, u->n_rules * sizeof(struct unwind_rule) },
        };
        int r;

        for (size_t i = 0; i < ELEMENTSOF(parts); i++) {
                r = index_writer_append(w, parts[i].data, parts[i].size, at,
                                        &sections[parts[i].kind]);
                if (r < 0)
                        return r;
        }
        return 0;
}

void index_writer_add_part(IndexWriter *w, IndexSectionKind kind, IndexPart write, void *userdata) {
        assert(w->n_parts < INDEX_PARTS_MAX);
        w->parts[w->n_parts].kind = kind;
        w->parts[w->n_parts].write = write;
        w->parts[w->n_parts++].userdata = userdata;
}

uint64_t index_writer_size(const IndexWriter *w) {
        const IndexUnwindTable *u = &w->unwind;

        /* Each section may be aligned. */
        return sizeof(IndexHeader) + 8 * _INDEX_SECTION_MAX + w->names_written + w->buffer_size +
               w->n_segments * sizeof(IndexSegment) + w->n_functions * sizeof(IndexFunction) +
               sizeof(IndexUnwind) + u->n_pages * sizeof(IndexUnwindPage) +
               u->n_rows * sizeof(IndexUnwindRow) + u->n_rules * sizeof(struct unwind_rule);
}

void index_writer_set_unwind(IndexWriter *w, const IndexUnwindTable *unwind) {
        w->unwind = *unwind;
}

void index_writer_set_debug_link(IndexWriter *w, const IndexDebugLink *link) {
        w->debug_link = *link;
}

int index_writer_finish(IndexWriter *w, const IndexIdentity *identity) {
        IndexHeader h = {
                .magic = INDEX_MAGIC,
                .version = INDEX_VERSION,
                .header_size = sizeof(IndexHeader),
                .build_id_size = (uint32_t) identity->build_id_size,
                .machine = identity->machine,
                .type = identity->type,
                .sources = identity->sources,
        };
        uint64_t at = sizeof(IndexHeader);
        int r;

        assert(identity->build_id_size <= INDEX_BUILD_ID_MAX);
        memcpy(h.content_hash, identity->content_hash, sizeof(h.content_hash));
        memcpy(h.build_id, identity->build_id, identity->build_id_size);

        if (w->n_segments > 0)
                qsort(w->segments, w->n_segments, sizeof(IndexSegment), segment_compare);

        r = index_writer_flush(w);
        if (r < 0)
                return r;
        r = index_writer_append(w, NULL, w->names_written, &at, &h.sections[INDEX_SECTION_NAMES]);
        if (r < 0)
                return r;
        r = index_writer_append(w, w->segments, w->n_segments * sizeof(IndexSegment), &at,
                                &h.sections[INDEX_SECTION_SEGMENTS]);
        if (r < 0)
                return r;
        r = index_writer_append(w, w->functions, w->n_functions * sizeof(IndexFunction), &at,
                                &h.sections[INDEX_SECTION_FUNCTIONS]);
        if (r < 0)
                return r;
        r = index_writer_append_unwind(w, &at, h.sections);
        if (r < 0)
                return r;
        r = index_writer_append(w, &w->debug_link,
                                w->debug_link.name[0] != '\0' ? sizeof(w->debug_link) : 0, &at,
                                &h.sections[INDEX_SECTION_DEBUG_LINK]);
        if (r < 0)
                return r;
        r = index_writer_append_parts(w, &at, h.sections);
        if (r < 0)
                return r;
        if (at > INDEX_SIZE_MAX)
                return -E2BIG;
        h.file_size = at;
        if (ftruncate(w->fd, (off_t) at) < 0)
                return -errno;

        if (lseek(w->fd, 0, SEEK_SET) < 0)
                return -errno;
        return write_all(w->fd, &h, sizeof(h));
}
