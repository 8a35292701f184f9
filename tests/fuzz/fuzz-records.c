/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of the Kernel, fuzzed
 *
 * The input is a row of records, each behind a word whose lowest bit says whether it is a sample of
 * the BPF program or one of perf's, and whose other bits are its size. Whatever they say, all parts
 * of what is handed on can be read, and it comes in the order of time.
 */

#include <linux/perf_event.h>

#include "capture/event-queue.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct Seen {
        uint64_t time;
        uint64_t sum; /* of all bytes: reading them is the test */
        size_t n;
} Seen;

static void check(bool ok) {
        if (!ok)
                abort();
}

static void read_bytes(Seen *seen, const void *data, size_t size) {
        for (size_t i = 0; i < size; i++)
                seen->sum += ((const uint8_t *) data)[i];
}

static void on_event(const struct sample_record *sample,
                     const ProcessRecord *record,
                     void *userdata) {
        Seen *seen = userdata;
        uint64_t time = sample ? sample->time_ns : record->time_nsec;

        check(time >= seen->time);
        seen->time = time;
        seen->n++;
        if (sample) {
                size_t size = (sample->n_kernel + sample->n_user) * sizeof(uint64_t);

                if (sample->n_copied > 0)
                        size += sizeof(struct sample_registers) + sample->n_copied;
                read_bytes(seen, sample + 1, size);
                return;
        }
        check(record->kind == PROCESS_RECORD_LOST || record->pid > 0);
        check(record->kind != PROCESS_RECORD_MMAP || record->start < record->end);
        read_bytes(seen, record->comm, strnlen(record->comm, sizeof(record->comm)) + 1);
        read_bytes(seen, record->path, strlen(record->path));
}

/* A block of just this size, as a sanitizer sees what is read behind it. */
static int add(EventQueue *q, bool is_sample, const uint8_t *data, size_t size) {
        _cleanup_free_ void *exact = malloc(MAX(size, 1U));
        ProcessRecord record;
        int r;

        check(exact);
        memcpy(exact, data, size);
        if (is_sample)
                return event_queue_add_sample(q, exact, size) == 0;
        r = process_record_decode(exact, size, &record);
        return r <= 0 ? 0 : event_queue_add_record(q, &record) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(event_queue_freep) EventQueue *q = NULL;
        Seen seen = {};
        size_t n = 0;

        check(event_queue_new(&q) >= 0);
        while (size >= sizeof(uint16_t)) {
                uint16_t word;
                size_t part;

                memcpy(&word, data, sizeof(word));
                data += sizeof(word);
                size -= sizeof(word);
                part = MIN((size_t) (word >> 1), size);
                n += (size_t) add(q, word & 1, data, part);
                data += part;
                size -= part;
        }
        event_queue_dispatch(q, on_event, &seen);
        check(seen.n == n);
        return 0;
}
