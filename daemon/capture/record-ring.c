/* SPDX-License-Identifier: Apache-2.0 */
/* Record Ring */

#include <linux/perf_event.h>
#include <sys/mman.h>

#include "capture/record-ring.h"

/* The kernel's limit for one record: header.size is 16 bits wide. */
enum { RECORD_SIZE_MAX = 1 << 16 };

struct RecordRing {
        int fd;
        struct perf_event_mmap_page *page; /* and the data behind it */
        size_t mapped_bytes, data_bytes;
        /* A record that wraps around the end of the ring is put together here. */
        uint64_t straight[RECORD_SIZE_MAX / sizeof(uint64_t)];
};

int record_ring_new(RecordRing **ret, int fd) {
        _cleanup_(record_ring_freep) RecordRing *r = NULL;
        size_t page_size = (size_t) sysconf(_SC_PAGESIZE);
        void *p;

        r = calloc(1, sizeof(*r));
        if (!r) {
                safe_close(fd);
                return -ENOMEM;
        }
        r->fd = fd;
        r->data_bytes = RECORD_RING_PAGES * page_size;
        r->mapped_bytes = r->data_bytes + page_size;
        p = mmap(NULL, r->mapped_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (p == MAP_FAILED)
                return -errno;
        r->page = p;
        *ret = TAKE_PTR(r);
        return 0;
}

RecordRing *record_ring_free(RecordRing *r) {
        if (!r)
                return NULL;
        if (r->page)
                munmap(r->page, r->mapped_bytes);
        safe_close(r->fd);
        free(r);
        return NULL;
}

int record_ring_get_fd(const RecordRing *r) {
        return r->fd;
}

static const struct perf_event_header *get_record(RecordRing *r, uint64_t at, size_t size) {
        const uint8_t *data = (const uint8_t *) r->page + (r->mapped_bytes - r->data_bytes);
        size_t offset = at & (r->data_bytes - 1), first = r->data_bytes - offset;

        if (size <= first)
                return (const void *) (data + offset);
        memcpy(r->straight, data + offset, first);
        memcpy((uint8_t *) r->straight + first, data, size - first);
        return (const void *) r->straight;
}

size_t record_ring_drain(RecordRing *r, RecordRingCallback callback, void *userdata) {
        uint64_t head = __atomic_load_n(&r->page->data_head, __ATOMIC_ACQUIRE);
        uint64_t tail = r->page->data_tail;
        size_t bad = 0;

        while (tail < head) {
                const struct perf_event_header *header = get_record(r, tail, sizeof(*header));
                size_t size = header->size;
                ProcessRecord record;
                int k;

                /* The kernel writes whole records; anything else means that the ring is not one. */
                if (size < sizeof(*header) || size > head - tail) {
                        bad++;
                        tail = head;
                        break;
                }
                k = process_record_decode(get_record(r, tail, size), size, &record);
                if (k > 0)
                        callback(&record, userdata);
                else if (k < 0)
                        bad++;
                tail += size;
        }

        __atomic_store_n(&r->page->data_tail, tail, __ATOMIC_RELEASE);
        return bad;
}
