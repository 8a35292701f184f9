/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Process Table, measured
 *
 * What a thousand processes cost that map the same forty files: memory at rest, and time to learn
 * them from the kernel's records, to find a frame's mapping, and to read one from /proc.
 */

#include <malloc.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "figures.h"
#include "process/process-table.h"

enum {
        PROCESSES = 1000,
        MAPPINGS = 40,
        LOOKUPS = 1000 * 1000,
        READS = 200,
        FIRST_PID = 5000000, /* no process has it */

        /* The budgets. */
        MEMORY_MB_MAX = 3,
        RECORD_NSEC_MAX = 5000,
        READ_USEC_MAX = 250,
};

static size_t used_bytes(void) {
        struct mallinfo2 info = mallinfo2();

        return info.uordblks + info.hblkhd;
}

static nsec_t cpu_nsec(void) {
        return now_nsec(CLOCK_PROCESS_CPUTIME_ID);
}

/* Every process has its own layout, as with address space randomisation. */
static uint64_t address_of(pid_t pid, unsigned i) {
        uint64_t base = hash_bytes(&pid, sizeof(pid), 0) % (UINT64_C(1) << 24);

        return UINT64_C(0x7f0000000000) + (base << 12) + ((uint64_t) i << 22);
}

static int learn(ProcessTable *t, pid_t pid) {
        int r;

        r = process_table_fork(t, pid, getpid());
        if (r < 0)
                return r;
        r = process_table_exec(t, pid, "worker");
        for (unsigned i = 0; r >= 0 && i < MAPPINGS; i++) {
                uint64_t start = address_of(pid, i);
                FileId id = { 8, 1, 1000 + i };
                char path[64];

                snprintf(path, sizeof(path), "/usr/lib/x86_64-linux-gnu/libnumber%u.so.1", i);
                r = process_table_mmap(t, pid, start, start + (1 << 20), 4096, &id, path);
        }
        return r;
}

static double measure_find(ProcessTable *t) {
        nsec_t begin = cpu_nsec();
        size_t found = 0;

        for (uint64_t i = 0; i < LOOKUPS; i++) {
                uint64_t random = hash_bytes(&i, sizeof(i), 0);
                pid_t pid = FIRST_PID + (pid_t) (random % PROCESSES);
                const Process *p = process_table_get(t, pid, 1);
                uint64_t address = address_of(pid, (random >> 32) % MAPPINGS) + 99;

                found += p && mapping_set_find(p->mappings, address);
        }
        return found == LOOKUPS ? (double) (cpu_nsec() - begin) / LOOKUPS : 0;
}

/* As when a unit starts: first sight of a living process. */
static double measure_read(void) {
        nsec_t begin = cpu_nsec();

        for (size_t i = 0; i < READS; i++) {
                _cleanup_(process_table_freep) ProcessTable *t = NULL;
                const Process *p;

                if (process_table_new(&t) < 0)
                        return 0;
                p = process_table_get(t, getpid(), 0);
                if (!p || !p->mappings)
                        return 0;
        }
        return (double) (cpu_nsec() - begin) / READS / (double) NSEC_PER_USEC;
}

int main(void) {
        _cleanup_(process_table_freep) ProcessTable *t = NULL;
        double record_nsec, find_nsec, read_usec;
        size_t used = used_bytes(), forked;
        bool failed = false;
        nsec_t begin;

        if (process_table_new(&t) < 0 || !process_table_get(t, getpid(), 0))
                return EXIT_FAILURE;

        begin = cpu_nsec();
        for (pid_t i = 0; i < PROCESSES; i++)
                if (learn(t, FIRST_PID + i) < 0)
                        return EXIT_FAILURE;
        record_nsec = (double) (cpu_nsec() - begin) / PROCESSES / (MAPPINGS + 2);
        used = used_bytes() - used;

        forked = used_bytes();
        for (pid_t i = 0; i < PROCESSES; i++)
                if (process_table_fork(t, FIRST_PID + PROCESSES + i, FIRST_PID) < 0)
                        return EXIT_FAILURE;
        forked = used_bytes() - forked;

        find_nsec = measure_find(t);
        read_usec = measure_read();
        if (find_nsec == 0 || read_usec == 0)
                return EXIT_FAILURE;
        failed |= figure_at_most("processes-memory-of-1000-with-40-mappings", (double) used / 1e6,
                                 "MB", MEMORY_MB_MAX);
        figure("processes-memory-of-1000-forked", (double) forked / 1e6, "MB");
        failed |= figure_at_most("processes-record", record_nsec, "ns", RECORD_NSEC_MAX);
        figure("processes-mapping-of-a-frame", find_nsec, "ns");
        failed |= figure_at_most("processes-read-from-proc", read_usec, "us", READ_USEC_MAX);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
