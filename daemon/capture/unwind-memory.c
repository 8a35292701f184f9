/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unwind Memory
 *
 * Free runs are kept sorted and joined. What was released waits in quarantine until all programs
 * that may have seen it have ended. To wait for them takes some milliseconds, in which nobody looks
 * after samples: it is done when memory is short only, and for a bounded share of the time.
 */

#include <bpf/bpf.h>
#include <linux/membarrier.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "basic/array.h"
#include "basic/time-util.h"
#include "capture/unwind-memory.h"

#define SEGMENT_BYTES ((size_t) UNWIND_SEGMENT_CHUNKS * UNWIND_CHUNK_BYTES)

/* Waiting may take so much of the time, and so much at once. */
enum { WAIT_SHARE = 50 };
#define WAIT_BURST_USEC (2 * USEC_PER_SEC)

typedef struct Run {
        uint32_t first, n;
} Run;

typedef struct Runs {
        Run *runs;
        size_t n, capacity;
} Runs;

struct UnwindMemory {
        int segments_fd;
        uint64_t max_bytes;
        uint8_t *memory; /* address space for all segments there can be */
        uint32_t n_segments;
        uint32_t n_used; /* chunks */
        Runs free, quarantine;
        usec_t made_usec, waited_usec; /* CLOCK_MONOTONIC */
};

int unwind_memory_new(UnwindMemory **ret, int segments_fd, uint64_t max_bytes) {
        _cleanup_(unwind_memory_freep) UnwindMemory *m = NULL;
        void *p;

        m = calloc(1, sizeof(*m));
        if (!m)
                return -ENOMEM;
        m->segments_fd = segments_fd;
        m->max_bytes = max_bytes;
        m->made_usec = now_usec(CLOCK_MONOTONIC);

        p = mmap(NULL, SEGMENT_BYTES * UNWIND_SEGMENTS_MAX, PROT_NONE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (p == MAP_FAILED)
                return -errno;
        m->memory = p;
        *ret = TAKE_PTR(m);
        return 0;
}

UnwindMemory *unwind_memory_free(UnwindMemory *m) {
        if (!m)
                return NULL;
        if (m->memory)
                munmap(m->memory, SEGMENT_BYTES * UNWIND_SEGMENTS_MAX);
        free(m->free.runs);
        free(m->quarantine.runs);
        free(m);
        return NULL;
}

void unwind_memory_set_max(UnwindMemory *m, uint64_t max_bytes) {
        m->max_bytes = max_bytes;
}

/* ---- free runs ---- */

/* Keeps the order, and joins what touches. */
static int add_run(Runs *list, Run run) {
        size_t i = 0;
        int r;

        while (i < list->n && list->runs[i].first < run.first)
                i++;
        if (i > 0 && list->runs[i - 1].first + list->runs[i - 1].n == run.first) {
                list->runs[--i].n += run.n;
        } else {
                r = ARRAY_RESERVE(list->runs, list->capacity, list->n + 1);
                if (r < 0)
                        return r;
                memmove(&list->runs[i + 1], &list->runs[i], (list->n - i) * sizeof(Run));
                list->runs[i] = run;
                list->n++;
        }

        if (i + 1 < list->n && list->runs[i].first + list->runs[i].n == list->runs[i + 1].first) {
                list->runs[i].n += list->runs[i + 1].n;
                list->n--;
                memmove(&list->runs[i + 1], &list->runs[i + 2], (list->n - i - 1) * sizeof(Run));
        }
        return 0;
}

/* The smallest run that is large enough. */
static bool take_run(Runs *list, uint32_t n, uint32_t *ret_first) {
        size_t best = SIZE_MAX;

        for (size_t i = 0; i < list->n; i++)
                if (list->runs[i].n >= n &&
                    (best == SIZE_MAX || list->runs[i].n < list->runs[best].n))
                        best = i;
        if (best == SIZE_MAX)
                return false;

        *ret_first = list->runs[best].first;
        list->runs[best].first += n;
        list->runs[best].n -= n;
        if (list->runs[best].n == 0) {
                list->n--;
                memmove(&list->runs[best], &list->runs[best + 1], (list->n - best) * sizeof(Run));
        }
        return true;
}

static int make_segment(void) {
        LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE);
        int fd;

        fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "unwind_segment", sizeof(uint32_t),
                            UNWIND_CHUNK_BYTES, UNWIND_SEGMENT_CHUNKS, &options);
        return fd < 0 ? -errno : fd;
}

/* Until no program is running any more that runs now. */
static int wait_for_programs(UnwindMemory *m) {
        const uint32_t last = UNWIND_SEGMENTS_MAX - 1;
        _cleanup_close_ int fd = -EBADF;

        /* membarrier(2): GLOBAL is a grace period. It is refused where there are nohz_full CPUs. */
        if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) >= 0)
                return 0;
        if (m->n_segments > last)
                return -EOPNOTSUPP;
        /* So is a change of a map of maps: the kernel waits with its answer. */
        fd = make_segment();
        if (fd < 0)
                return fd;
        if (bpf_map_update_elem(m->segments_fd, &last, &fd, BPF_ANY) < 0)
                return -errno;
        (void) bpf_map_delete_elem(m->segments_fd, &last);
        return 0;
}

static bool may_wait(const UnwindMemory *m, usec_t now) {
        return m->waited_usec < WAIT_BURST_USEC + (now - m->made_usec) / WAIT_SHARE;
}

/* No program that has seen these runs is running any more. */
static void end_quarantine(UnwindMemory *m) {
        usec_t begin = now_usec(CLOCK_MONOTONIC);
        int r;

        if (m->quarantine.n == 0 || !may_wait(m, begin))
                return;
        r = wait_for_programs(m);
        m->waited_usec += now_usec(CLOCK_MONOTONIC) - begin;
        if (r < 0)
                return;
        while (m->quarantine.n > 0) {
                if (add_run(&m->free, m->quarantine.runs[m->quarantine.n - 1]) < 0)
                        return;
                m->quarantine.n--;
        }
}

/* ---- segments ---- */

static int add_segment(UnwindMemory *m) {
        uint8_t *at = m->memory + m->n_segments * SEGMENT_BYTES;
        Run run = { m->n_segments * UNWIND_SEGMENT_CHUNKS, UNWIND_SEGMENT_CHUNKS };
        _cleanup_close_ int fd = -EBADF;
        int r;

        if (m->n_segments >= UNWIND_SEGMENTS_MAX ||
            (m->n_segments + 1) * (uint64_t) SEGMENT_BYTES > m->max_bytes)
                return -ENOSPC;

        fd = make_segment();
        if (fd < 0)
                return fd;
        if (mmap(at, SEGMENT_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) ==
            MAP_FAILED)
                return -errno;
        r = bpf_map_update_elem(m->segments_fd, &m->n_segments, &fd, BPF_ANY);
        if (r < 0)
                return r;
        m->n_segments++;

        /* Chunk 0 stands for none. */
        if (run.first == 0) {
                run.first++;
                run.n--;
        }
        return add_run(&m->free, run);
}

/* ---- allocation ---- */

int unwind_memory_allocate(UnwindMemory *m, uint32_t n, uint32_t *ret_first) {
        int r;

        assert(n > 0);
        if (!take_run(&m->free, n, ret_first)) {
                end_quarantine(m);
                while (!take_run(&m->free, n, ret_first)) {
                        r = add_segment(m);
                        if (r < 0)
                                return r;
                }
        }
        m->n_used += n;
        memset(unwind_memory_get(m, *ret_first), 0, (size_t) n * UNWIND_CHUNK_BYTES);
        return 0;
}

void unwind_memory_release(UnwindMemory *m, uint32_t first, uint32_t n) {
        assert(n > 0 && m->n_used >= n);
        m->n_used -= n;
        /* Out of memory for the note about it, the run is lost to us; no more than that. */
        (void) add_run(&m->quarantine, (Run){ first, n });
}

void *unwind_memory_get(UnwindMemory *m, uint32_t first) {
        return m->memory + (size_t) first * UNWIND_CHUNK_BYTES;
}

uint64_t unwind_memory_get_used_bytes(const UnwindMemory *m) {
        return (uint64_t) m->n_used * UNWIND_CHUNK_BYTES;
}

uint64_t unwind_memory_get_mapped_bytes(const UnwindMemory *m) {
        return (uint64_t) m->n_segments * SEGMENT_BYTES;
}
