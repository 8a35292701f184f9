/* SPDX-License-Identifier: Apache-2.0 */
/* Spill */

#include <sys/mman.h>

#include "basic/array.h"
#include "basic/file-util.h"
#include "elf/spill.h"

enum { SPILL_BUFFER_SIZE = 240 << 10 }; /* a multiple of all sizes that elements have */

/* Elements [first, first + n) are from start on, up to end. */
typedef struct Run {
        uint32_t start, end;
        uint32_t first, n;
} Run;

struct Spill {
        int fd;
        uint64_t at;
        size_t element_size, max;
        uint8_t *buffer; /* NULL: nothing was ever in it */
        size_t buffer_size;
        size_t n_elements; /* also those in the buffer */
        Run *runs;
        size_t n_runs, runs_capacity;
        bool is_open; /* the last element of the open run is held back in pending */
        Run open;
        uint8_t pending[SPILL_ELEMENT_MAX];
        void *map;
        size_t map_size, map_offset;
};

Spill *spill_free(Spill *s) {
        if (!s)
                return NULL;
        if (s->map)
                (void) munmap(s->map, s->map_size);
        free(s->buffer);
        free(s->runs);
        free(s);
        return NULL;
}

int spill_new(Spill **ret, int fd, uint64_t at, size_t element_size, size_t max) {
        _cleanup_(spill_freep) Spill *s = NULL;

        assert(element_size >= sizeof(uint32_t) && element_size <= SPILL_ELEMENT_MAX);
        s = calloc(1, sizeof(*s));
        if (!s)
                return -ENOMEM;
        s->fd = fd;
        s->at = at;
        s->element_size = element_size;
        s->max = max;
        *ret = TAKE_PTR(s);
        return 0;
}

static int write_all_at(int fd, const uint8_t *data, size_t size, uint64_t at) {
        while (size > 0) {
                ssize_t n = pwrite(fd, data, size, (off_t) at);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return negative_errno();
                data += n;
                size -= (size_t) n;
                at += (uint64_t) n;
        }
        return 0;
}

static int spill_flush(Spill *s) {
        uint64_t end = s->n_elements * (uint64_t) s->element_size;
        int r;

        r = write_all_at(s->fd, s->buffer, s->buffer_size, s->at + end - s->buffer_size);
        if (r < 0)
                return r;
        s->buffer_size = 0;
        return 0;
}

int spill_append(Spill *s, const void *element) {
        int r;

        if (s->n_elements >= s->max)
                return -E2BIG;
        if (!s->buffer) {
                s->buffer = malloc(SPILL_BUFFER_SIZE);
                if (!s->buffer)
                        return -ENOMEM;
        }
        if (s->buffer_size + s->element_size > SPILL_BUFFER_SIZE) {
                r = spill_flush(s);
                if (r < 0)
                        return r;
        }
        memcpy(s->buffer + s->buffer_size, element, s->element_size);
        s->buffer_size += s->element_size;
        s->n_elements++;
        return 0;
}

static uint32_t offset_of(const void *element) {
        uint32_t offset;

        memcpy(&offset, element, sizeof(offset));
        return offset;
}

static bool says_the_same(const Spill *s, const void *a, const void *b) {
        return memcmp((const uint8_t *) a + sizeof(uint32_t),
                      (const uint8_t *) b + sizeof(uint32_t),
                      s->element_size - sizeof(uint32_t)) == 0;
}

int spill_add(Spill *s, const void *element) {
        uint32_t offset = offset_of(element);
        int r;

        if (!s->is_open) {
                s->is_open = true;
                s->open = (Run){ .start = offset, .first = (uint32_t) s->n_elements };
        } else if (offset < offset_of(s->pending))
                return 0;
        else if (offset > offset_of(s->pending)) {
                if (says_the_same(s, s->pending, element))
                        return 0;
                r = spill_append(s, s->pending);
                if (r < 0)
                        return r;
        }
        memcpy(s->pending, element, s->element_size);
        return 0;
}

int spill_end(Spill *s, uint32_t offset) {
        int r;

        if (!s->is_open)
                return 0;
        s->is_open = false;
        if (offset > offset_of(s->pending)) {
                r = spill_append(s, s->pending);
                if (r < 0)
                        return r;
        }
        s->open.n = (uint32_t) s->n_elements - s->open.first;
        s->open.end = offset;
        if (s->open.n == 0 || offset <= s->open.start)
                return 0;
        if (s->n_runs >= SPILL_RUNS_MAX)
                return -E2BIG;
        r = ARRAY_RESERVE(s->runs, s->runs_capacity, s->n_runs + 1);
        if (r < 0)
                return r;
        s->runs[s->n_runs++] = s->open;
        return 0;
}

void spill_drop(Spill *s) {
        s->is_open = false;
}

size_t spill_size(const Spill *s) {
        return s->n_elements;
}

size_t spill_bytes_max(const Spill *s) {
        return (s->n_elements + 2 * s->n_runs + 1) * s->element_size;
}

/* ---- writing ---- */

/* What has been spilled, mapped: page cache, no heap. */
static int spill_map(Spill *s, const uint8_t **ret) {
        size_t page = (size_t) sysconf(_SC_PAGESIZE);
        int r;

        r = spill_flush(s);
        if (r < 0)
                return r;
        s->map_offset = (size_t) (s->at % page);
        s->map_size = s->map_offset + s->n_elements * s->element_size;
        s->map = mmap(NULL, s->map_size, PROT_READ, MAP_SHARED, s->fd,
                      (off_t) (s->at - s->map_offset));
        if (s->map == MAP_FAILED) {
                s->map = NULL;
                return -errno;
        }
        *ret = (const uint8_t *) s->map + s->map_offset;
        return 0;
}

int spill_write(Spill *s, uint64_t *ret) {
        const uint8_t *elements;
        int r;

        *ret = 0;
        if (s->n_elements == 0)
                return 0;
        r = spill_map(s, &elements);
        if (r < 0)
                return r;
        *ret = s->n_elements * (uint64_t) s->element_size;
        return write_all(s->fd, elements, (size_t) *ret);
}

static int run_compare(const void *a, const void *b) {
        const Run *x = a, *y = b;

        if (x->start != y->start)
                return x->start < y->start ? -1 : 1;
        if (x->end != y->end)
                return x->end > y->end ? -1 : 1;
        return x->first < y->first ? -1 : x->first > y->first;
}

/* The way out: elements through the buffer, one that says what the last one said left out. */
typedef struct Output {
        Spill *spill;
        size_t buffer_size;
        uint64_t written;
        uint8_t last[SPILL_ELEMENT_MAX];
        bool has_last;
} Output;

static int output_flush(Output *o) {
        int r;

        r = write_all(o->spill->fd, o->spill->buffer, o->buffer_size);
        if (r < 0)
                return r;
        o->written += o->buffer_size;
        o->buffer_size = 0;
        return 0;
}

/* element, but at another offset */
static int output_put(Output *o, const uint8_t *element, uint32_t offset) {
        Spill *s = o->spill;
        uint8_t *to;
        int r;

        if (o->has_last && says_the_same(s, o->last, element))
                return 0;
        if (o->buffer_size + s->element_size > SPILL_BUFFER_SIZE) {
                r = output_flush(o);
                if (r < 0)
                        return r;
        }
        to = s->buffer + o->buffer_size;
        memcpy(to, element, s->element_size);
        memcpy(to, &offset, sizeof(offset));
        memcpy(o->last, to, s->element_size);
        o->has_last = true;
        o->buffer_size += s->element_size;
        return 0;
}

/* The part of a run that begins at start. */
static int output_run(Output *o, const uint8_t *elements, const Run *run, uint32_t start) {
        size_t size = o->spill->element_size;
        size_t i = 0;
        int r;

        elements += run->first * size;
        while (i + 1 < run->n && offset_of(elements + (i + 1) * size) <= start)
                i++;
        for (; i < run->n; i++) {
                const uint8_t *e = elements + i * size;

                r = output_put(o, e, MAX(offset_of(e), start));
                if (r < 0)
                        return r;
        }
        return 0;
}

int spill_write_in_order(Spill *s, uint64_t *ret) {
        static const uint8_t nothing[SPILL_ELEMENT_MAX];
        Output o = { .spill = s };
        const uint8_t *elements;
        uint32_t end = 0;
        int r;

        *ret = 0;
        if (s->n_runs == 0)
                return 0;
        r = spill_map(s, &elements);
        if (r < 0)
                return r;
        qsort(s->runs, s->n_runs, sizeof(Run), run_compare);

        for (size_t i = 0; i < s->n_runs; i++) {
                const Run *run = &s->runs[i];

                if (i > 0 && run->end <= end)
                        continue;
                if (i > 0 && run->start > end) {
                        r = output_put(&o, nothing, end);
                        if (r < 0)
                                return r;
                }
                r = output_run(&o, elements, run, MAX(run->start, end));
                if (r < 0)
                        return r;
                end = run->end;
        }
        r = output_put(&o, nothing, end);
        if (r < 0)
                return r;
        r = output_flush(&o);
        if (r < 0)
                return r;
        *ret = o.written;
        return 0;
}
