/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unwind Tables, measured
 *
 * What it costs to make the tables of the big files that this host has, how large they are, and
 * how long a look-up takes; the same of a library with three million rows, which is made here.
 */

#include <fcntl.h>
#include <sys/mman.h>

#include "basic/hash.h"
#include "basic/time-util.h"
#include "elf/elf-index.h"
#include "elf/elf-unwind.h"
#include "index/index-file.h"

enum {
        REPEATS = 3,
        LOOKUPS = 1000 * 1000,

        /* The budgets, with room for a busy machine: the aim is 45 ns. */
        ROW_NSEC_MAX = 150,
        INDEX_MSEC_MAX = 1000,
        BYTES_PER_MIB_MAX = 130 << 10, /* of text */
};

/* Functions with three rows each, in bytes as few as can be. */
#define MANY_ROWS                                                                                \
        ".text\n.rept 1000000\n.cfi_startproc\npush %rbx\n.cfi_adjust_cfa_offset 8\npush %rcx\n" \
        ".cfi_adjust_cfa_offset 8\nret\n.cfi_endproc\n.endr\n"
#define MANY_ROWS_MIN (3 * 1000 * 1000)

static const char *const paths[] = {
        "/lib/x86_64-linux-gnu/libc.so.6",
        "/lib/x86_64-linux-gnu/libstdc++.so.6",
        "/lib/x86_64-linux-gnu/libcrypto.so.3",
        "/usr/bin/python3.11",
        "/usr/lib/postgresql/15/bin/postgres",
        "/usr/lib/jvm/java-17-openjdk-amd64/lib/server/libjvm.so",
        "/usr/bin/node",
};

static double cpu_msec(nsec_t since) {
        return (double) (now_nsec(CLOCK_PROCESS_CPUTIME_ID) - since) / 1e6;
}

/* The fastest of some runs; the table of the last one. */
static double measure_table(const ElfFile *elf, UnwindTable **ret, IndexUnwind *ret_info) {
        double best = 0;

        *ret = NULL;
        for (int i = 0; i < REPEATS; i++) {
                nsec_t begin = now_nsec(CLOCK_PROCESS_CPUTIME_ID);
                double msec;

                *ret = unwind_table_free(*ret);
                if (elf_unwind_read(elf, ret, ret_info) < 0 || !*ret)
                        return 0;
                msec = cpu_msec(begin);
                if (i == 0 || msec < best)
                        best = msec;
        }
        return best;
}

static double measure_find(const IndexFile *f) {
        const IndexUnwindTable *t = index_file_get_unwind(f);
        uint64_t size = t->n_pages * (uint64_t) INDEX_UNWIND_PAGE_SIZE;
        nsec_t begin = now_nsec(CLOCK_PROCESS_CPUTIME_ID);
        size_t found = 0;

        for (uint64_t i = 0; i < LOOKUPS; i++)
                found += index_file_find_rule(f, t->info->start + hash_mix(1, i) % size) != NULL;
        return found > LOOKUPS / 2 ? cpu_msec(begin) * 1e6 / LOOKUPS : 0;
}

/* > 0: measured, 0: not here, < 0: beyond a budget. *ret_bytes: of the table. */
static int measure(const char *path, size_t *ret_n_rows, double *ret_bytes) {
        static const uint8_t hash[INDEX_CONTENT_HASH_SIZE] = { 1 };
        _cleanup_(unwind_table_freep) UnwindTable *t = NULL;
        _cleanup_(index_file_unrefp) IndexFile *index = NULL;
        _cleanup_(elf_file_freep) ElfFile *elf = NULL;
        _cleanup_close_ int in = -EBADF, out = -EBADF;
        double table_msec, index_msec, find_nsec, mib, bytes;
        size_t n_pages, n_rows, n_rules;
        IndexUnwind info;
        nsec_t begin;

        in = open(path, O_RDONLY | O_CLOEXEC);
        if (in < 0)
                return 0;
        out = memfd_create("index", MFD_CLOEXEC);
        if (elf_file_open(&elf, in) < 0)
                return -1;
        table_msec = measure_table(elf, &t, &info);
        if (!t)
                return -1;
        begin = now_nsec(CLOCK_PROCESS_CPUTIME_ID);
        if (elf_index_write(&(ElfIndexInput){ .file = elf, .hash = hash }, out) < 0 ||
            index_file_open(&index, out, hash) < 0)
                return -1;
        index_msec = cpu_msec(begin);
        find_nsec = measure_find(index);

        (void) unwind_table_get_pages(t, &n_pages);
        (void) unwind_table_get_rows(t, &n_rows);
        (void) unwind_table_get_rules(t, &n_rules);
        mib = (double) info.code_bytes / (1 << 20);
        bytes = (double) (n_pages * sizeof(IndexUnwindPage) + n_rows * sizeof(IndexUnwindRow) +
                          n_rules * sizeof(struct unwind_rule));
        printf("%s: %.2f MiB of code, %.1f%% covered, %zu rows, %zu rules; %.1f ms, %.0f ns a row; "
               "%.0f KB, %.0f KB a MiB; whole index %.0f ms; look-up %.0f ns\n",
               path, mib, 100.0 * (double) info.covered_bytes / (double) info.code_bytes, n_rows,
               n_rules, table_msec, table_msec * 1e6 / (double) n_rows, bytes / 1024,
               bytes / 1024 / mib, index_msec, find_nsec);
        *ret_n_rows = n_rows;
        *ret_bytes = bytes;
        return table_msec * 1e6 / (double) n_rows > ROW_NSEC_MAX || find_nsec == 0 ||
                               (n_rows < MANY_ROWS_MIN &&
                                (index_msec > INDEX_MSEC_MAX || bytes / mib > BYTES_PER_MIB_MAX))
                       ? -1
                       : 1;
}

/* false: beyond a budget. Without a compiler it is left out. */
static bool measure_many_rows(void) {
        char path[] = "/tmp/profilerd-bench-XXXXXX", command[256];
        double bytes;
        size_t n;
        int r, fd;
        FILE *f;

        fd = mkstemp(path);
        if (fd < 0)
                return true;
        close(fd);
        snprintf(command, sizeof(command), "cc -shared -nostdlib -x assembler - -o %s 2>/dev/null",
                 path);
        f = popen(command, "we");
        if (f)
                fputs(MANY_ROWS, f);
        r = f && pclose(f) == 0 ? measure(path, &n, &bytes) : 0;
        unlink(path);
        return r == 0 || (r > 0 && n >= MANY_ROWS_MIN);
}

int main(void) {
        bool failed = false;
        double sum = 0;

        for (size_t i = 0; i < ELEMENTSOF(paths); i++) {
                double bytes = 0;
                size_t n;

                if (measure(paths[i], &n, &bytes) < 0) {
                        printf("FAILED: %s: more than %d ns a row, %d ms or %d KB a MiB\n",
                               paths[i], ROW_NSEC_MAX, INDEX_MSEC_MAX, BYTES_PER_MIB_MAX >> 10);
                        failed = true;
                }
                sum += bytes;
        }
        printf("all of them together: %.1f MB in the kernel\n", sum / 1e6);
        if (!measure_many_rows()) {
                printf("FAILED: a library with %d rows\n", MANY_ROWS_MIN);
                failed = true;
        }
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
