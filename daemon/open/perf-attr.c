/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attributes of Perf Events
 *
 * The events are enabled from the start: a sampling event without a program does nothing, and the
 * records before the ring is mapped are made up for by reading /proc.
 */

#include <time.h>

#include "open/perf-attr.h"

static bool is_sampling(uint32_t kind) {
        return kind == OPEN_CPU_CLOCK || kind == OPEN_CYCLES || kind == OPEN_SESSION;
}

int open_request_check(const OpenRequest *request) {
        if (request->magic != OPEN_MAGIC)
                return -EBADMSG;
        if (request->kind >= _OPEN_KIND_MAX || request->cpu >= OPEN_CPU_MAX ||
            request->frequency_hz > OPEN_FREQUENCY_MAX_HZ)
                return -EINVAL;
        return is_sampling(request->kind) && request->frequency_hz == 0 ? -EINVAL : 0;
}

/* A BPF program takes the sample, so the event itself has nothing to write and nobody to wake. */
static void fill_sampling(const OpenRequest *request, struct perf_event_attr *ret) {
        ret->type = request->kind == OPEN_CYCLES ? PERF_TYPE_HARDWARE : PERF_TYPE_SOFTWARE;
        ret->config = request->kind == OPEN_CYCLES ? (uint64_t) PERF_COUNT_HW_CPU_CYCLES
                                                   : (uint64_t) PERF_COUNT_SW_CPU_CLOCK;
        ret->freq = 1;
        ret->sample_freq = request->frequency_hz;
        ret->wakeup_events = UINT32_MAX;
}

/* The period tells the BPF program which event it is, so it must not be the kernel's to choose. */
static void fill_session(const OpenRequest *request, struct perf_event_attr *ret) {
        ret->type = PERF_TYPE_SOFTWARE;
        ret->config = PERF_COUNT_SW_CPU_CLOCK;
        ret->sample_period = perf_session_period(request->frequency_hz);
        ret->exclude_idle = 1;
        ret->wakeup_events = UINT32_MAX;
}

/* mmap_data stays off: it adds the mappings that cannot be executed. */
static void fill_records(struct perf_event_attr *ret) {
        ret->type = PERF_TYPE_SOFTWARE;
        ret->config = PERF_COUNT_SW_DUMMY;
        ret->mmap = 1;
        ret->mmap2 = 1;
        ret->comm = 1;
        ret->comm_exec = 1;
        ret->task = 1;
        ret->sample_id_all = 1;
        ret->sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_CPU;
        ret->watermark = 1;
        ret->wakeup_watermark = PERF_RECORDS_WATERMARK;
}

void perf_attr_fill(const OpenRequest *request, struct perf_event_attr *ret) {
        assert(open_request_check(request) >= 0 && request->kind != OPEN_KALLSYMS);

        memset(ret, 0, sizeof(*ret));
        ret->size = sizeof(*ret);
        ret->use_clockid = 1;
        ret->clockid = CLOCK_MONOTONIC;

        if (request->kind == OPEN_SESSION)
                fill_session(request, ret);
        else if (is_sampling(request->kind))
                fill_sampling(request, ret);
        else
                fill_records(ret);
}
