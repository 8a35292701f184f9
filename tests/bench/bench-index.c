/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Indexes, measured
 *
 * What it costs to index the big files that this host has, with names, lines and inlined functions,
 * how large the index is, and how many addresses a second it names. The memory is that of the
 * worker with the largest of them.
 */

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "basic/hash.h"
#include "elf/elf-index.h"
#include "figures.h"
#include "index/index-file.h"

#define BIG "/usr/bin/node"

enum {
        LOOKUPS = 1000 * 1000,

        /* The budgets of a file with symbols: seconds for 100 MB. */
        MSEC_PER_MB_MAX = 40,
        FIND_NSEC_MAX = 200, /* 5 million addresses a second */
        FRAMES_NSEC_MAX = 500,
        WORKER_MB_MAX = 128,
};

static const char *const paths[] = {
        "/lib/x86_64-linux-gnu/libc.so.6",
        "/lib/x86_64-linux-gnu/libstdc++.so.6",
        "/usr/bin/python3.11",
        "/usr/lib/postgresql/15/bin/postgres",
        "/usr/lib/jvm/java-17-openjdk-amd64/lib/server/libjvm.so",
        BIG,                       /* 100 MB, with symbols */
        "/usr/lib/go-1.19/bin/go", /* Go */
        "/proc/self/exe",          /* DWARF */
};

static double cpu_nsec(nsec_t since) {
        return (double) (now_nsec(CLOCK_PROCESS_CPUTIME_ID) - since);
}

static uint64_t code_bytes(const IndexFile *f, uint64_t *ret_start) {
        const IndexUnwind *u = index_file_get_unwind(f)->info;

        *ret_start = u->start;
        return MAX(u->code_bytes, (uint64_t) 1);
}

static double measure_names(const IndexFile *f) {
        uint64_t start, size = code_bytes(f, &start);
        nsec_t begin = now_nsec(CLOCK_PROCESS_CPUTIME_ID);
        size_t found = 0;
        IndexName name;

        for (uint64_t i = 0; i < LOOKUPS; i++)
                found += index_file_find_name(f, start + hash_mix(1, i) % size, &name);
        return found > 0 ? cpu_nsec(begin) / LOOKUPS : 0;
}

static double measure_frames(const IndexFile *f) {
        uint64_t start, size = code_bytes(f, &start);
        nsec_t begin = now_nsec(CLOCK_PROCESS_CPUTIME_ID);
        IndexFrame frames[INDEX_FRAMES_MAX];
        size_t found = 0;

        for (uint64_t i = 0; i < LOOKUPS; i++)
                found += index_file_find_frames(f, start + hash_mix(1, i) % size, frames);
        return found > 0 ? cpu_nsec(begin) / LOOKUPS : 0;
}

static void named(const char *path, const char *what, double value, const char *unit) {
        char name[256];
        const char *base = strrchr(path, '/') + 1;

        snprintf(name, sizeof(name), "%s-%s", strcmp(base, "exe") == 0 ? "debug" : base, what);
        figure(name, value, unit);
}

/* True: beyond a budget. */
static bool measure(const char *path) {
        static const uint8_t hash[INDEX_CONTENT_HASH_SIZE] = { 1 };
        _cleanup_(index_file_unrefp) IndexFile *index = NULL;
        _cleanup_(elf_file_freep) ElfFile *elf = NULL;
        _cleanup_close_ int in = -EBADF, out = -EBADF;
        double msec, mb, find, frames;
        struct stat st;
        nsec_t begin;

        in = open(path, O_RDONLY | O_CLOEXEC);
        if (in < 0 || fstat(in, &st) < 0)
                return false;
        out = memfd_create("index", MFD_CLOEXEC);
        if (elf_file_open(&elf, in) < 0)
                return true;
        begin = now_nsec(CLOCK_PROCESS_CPUTIME_ID);
        if (elf_index_write(&(ElfIndexInput){ .file = elf, .lines = true, .hash = hash }, out) < 0)
                return true;
        msec = cpu_nsec(begin) / 1e6;
        begin = now_nsec(CLOCK_PROCESS_CPUTIME_ID);
        if (index_file_open(&index, out, hash) < 0)
                return true;
        named(path, "open", cpu_nsec(begin) / 1e6, "ms");

        mb = (double) st.st_size / 1e6;
        find = measure_names(index);
        frames = measure_frames(index);
        named(path, "size", mb, "MB");
        named(path, "build", msec, "ms");
        named(path, "build-per-MB", msec / mb, "ms");
        named(path, "index-per-MB", (double) index_file_get_size(index) / 1e3 / mb, "kB");
        named(path, "functions", (double) index_file_n_functions(index), "functions");
        named(path, "names", 1e3 / find, "million/s");
        named(path, "frames", 1e3 / frames, "million/s");
        return find > FIND_NSEC_MAX * CLEARLY || frames > FRAMES_NSEC_MAX * CLEARLY ||
               (mb > 10 && msec / mb > MSEC_PER_MB_MAX * CLEARLY);
}

/* The worker with the largest of them: its heap, and what it has mapped of the files. */
static bool measure_worker(void) {
        const char *worker = getenv("PROFILERD_ELF");
        char command[512];
        struct rusage usage;

        if (!worker || access(BIG, R_OK) < 0)
                return false;
        /* The file that it writes to is mapped, too: it has to be one. */
        snprintf(command, sizeof(command),
                 "t=$(mktemp) && '%s' '%s' -o \"$t\"; s=$?; rm \"$t\"; exit $s", worker, BIG);
        if (system(command) != 0 || getrusage(RUSAGE_CHILDREN, &usage) < 0)
                return true;
        return figure_at_most("worker-memory", (double) usage.ru_maxrss / 1e3, "MB", WORKER_MB_MAX);
}

int main(void) {
        bool failed = measure_worker();

        for (size_t i = 0; i < ELEMENTSOF(paths); i++)
                if (measure(paths[i])) {
                        printf("FAILED: %s\n", paths[i]);
                        failed = true;
                }
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
