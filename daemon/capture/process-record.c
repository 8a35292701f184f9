/* SPDX-License-Identifier: Apache-2.0 */
/* Process Record */

#include <linux/perf_event.h>
#include <sys/mman.h>

#include "capture/process-record.h"

/* Layouts as perf_event.h describes them, sample_id trailer apart. */
struct task_body {
        uint32_t pid, ppid, tid, ptid;
        uint64_t time;
};
struct comm_body {
        uint32_t pid, tid;
        char comm[];
};
struct mmap2_body {
        uint32_t pid, tid;
        uint64_t addr, len, pgoff;
        uint32_t maj, min;
        uint64_t ino, ino_generation;
        uint32_t prot, flags;
        char filename[];
};
struct lost_body {
        uint64_t id, lost;
};
/* PERF_SAMPLE_TID | TIME | CPU at the end of every record (sample_id_all). */
struct sample_id {
        uint32_t pid, tid;
        uint64_t time;
        uint32_t cpu, res;
};

/* Tasks that our pid namespace does not see are reported as 0 or -1. */
static bool is_visible(uint32_t pid) {
        return pid > 0 && pid <= INT32_MAX;
}

static int decode_task(const struct task_body *b, size_t size, uint32_t type, ProcessRecord *ret) {
        if (size < sizeof(*b))
                return -EBADMSG;
        if (!is_visible(b->pid))
                return 0;

        ret->pid = (pid_t) b->pid;
        if (type == PERF_RECORD_EXIT) {
                ret->kind = PROCESS_RECORD_EXIT;
                return b->pid == b->tid;
        }
        ret->kind = PROCESS_RECORD_FORK;
        ret->parent = is_visible(b->ppid) ? (pid_t) b->ppid : 0;
        return b->pid != b->ppid;
}

static int decode_comm(const struct comm_body *b, size_t size, bool exec, ProcessRecord *ret) {
        size_t n;

        if (size < sizeof(*b))
                return -EBADMSG;
        n = strnlen(b->comm, size - sizeof(*b));
        if (!is_visible(b->pid) || b->pid != b->tid)
                return 0;

        ret->kind = exec ? PROCESS_RECORD_EXEC : PROCESS_RECORD_COMM;
        ret->pid = (pid_t) b->pid;
        n = MIN(n, sizeof(ret->comm) - 1);
        memcpy(ret->comm, b->comm, n);
        memset(ret->comm + n, 0, sizeof(ret->comm) - n);
        return 1;
}

static int decode_mmap(const struct mmap2_body *b, size_t size, ProcessRecord *ret) {
        if (size < sizeof(*b) || strnlen(b->filename, size - sizeof(*b)) == size - sizeof(*b))
                return -EBADMSG;
        if (!is_visible(b->pid) || !(b->prot & PROT_EXEC))
                return 0;
        if (b->len == 0 || b->addr + b->len < b->addr)
                return -EBADMSG;

        ret->kind = PROCESS_RECORD_MMAP;
        ret->pid = (pid_t) b->pid;
        ret->start = b->addr;
        ret->end = b->addr + b->len;
        ret->offset = b->pgoff;
        ret->major = b->maj;
        ret->minor = b->min;
        ret->inode = b->ino;
        ret->path = b->filename;
        return 1;
}

int process_record_decode(const struct perf_event_header *header, size_t size, ProcessRecord *ret) {
        const void *body = header + 1;
        const struct sample_id *id;
        size_t n;

        if (size < sizeof(*header) + sizeof(*id) || header->size != size || size % 8 != 0)
                return -EBADMSG;
        n = size - sizeof(*header) - sizeof(*id);
        id = (const void *) ((const uint8_t *) header + size - sizeof(*id));
        *ret = (ProcessRecord){ .time_nsec = id->time, .path = "" };

        switch (header->type) {
        case PERF_RECORD_FORK:
        case PERF_RECORD_EXIT:
                return decode_task(body, n, header->type, ret);
        case PERF_RECORD_COMM:
                return decode_comm(body, n, header->misc & PERF_RECORD_MISC_COMM_EXEC, ret);
        case PERF_RECORD_MMAP2:
                return decode_mmap(body, n, ret);
        case PERF_RECORD_LOST:
                if (n < sizeof(struct lost_body))
                        return -EBADMSG;
                ret->kind = PROCESS_RECORD_LOST;
                ret->lost = ((const struct lost_body *) body)->lost;
                return 1;
        default:
                return 0;
        }
}
