/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kernel Symbols, measured
 *
 * How long the event loop stands still while the kernel's symbols are read, and what a name costs.
 * The text is made up, as long as that of a distribution's kernel; where the real one may be read
 * it is measured too, which includes the kernel's work of writing it.
 */

#include <fcntl.h>
#include <malloc.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "figures.h"
#include "symbol/kallsyms.h"

enum {
        SYMBOLS = 122 * 1000,
        MODULES = 100,
        REPETITIONS = 5,
        LOOKUPS = 1000 * 1000,
        LOAD_MSEC_MAX = 50, /* the budget */
};

static char *make_text(size_t *ret_size) {
        size_t size = 0;
        char *text;
        FILE *f;

        f = open_memstream(&text, &size);
        if (!f)
                return NULL;
        fprintf(f, "ffffffff81000000 T _text\n");
        for (uint64_t i = 0; i < SYMBOLS; i++) {
                uint64_t address = UINT64_C(0xffffffff81000000) + i * 192, module = i * 2 / SYMBOLS;

                fprintf(f, "%016llx %c %sa_function_of_the_kernel_%llx",
                        (unsigned long long) address, i % 3 ? 't' : 'T', i % 2 ? "" : "__pfx_",
                        (unsigned long long) hash_bytes(&i, sizeof(i), 0) % SYMBOLS);
                if (module > 0)
                        fprintf(f, "\t[module_%u]", (unsigned) (i % SYMBOLS * MODULES / SYMBOLS));
                fputc('\n', f);
        }
        if (fclose(f) != 0)
                return NULL;
        *ret_size = size;
        return text;
}

static int compare(const void *a, const void *b) {
        nsec_t x = *(const nsec_t *) a, y = *(const nsec_t *) b;

        return x < y ? -1 : x > y;
}

/* The median; text NULL: from fd. 0: failed. */
static nsec_t measure_load(Kallsyms *k, const char *text, size_t size, int fd) {
        nsec_t times[REPETITIONS];

        for (size_t i = 0; i < REPETITIONS; i++) {
                nsec_t start = now_nsec(CLOCK_PROCESS_CPUTIME_ID);
                int r = text ? kallsyms_parse(k, text, size) : kallsyms_load(k, fd);

                if (r < 0)
                        return 0;
                times[i] = now_nsec(CLOCK_PROCESS_CPUTIME_ID) - start;
        }
        qsort(times, REPETITIONS, sizeof(nsec_t), compare);
        return times[REPETITIONS / 2];
}

static double measure_find(const Kallsyms *k, uint64_t start, uint64_t end) {
        nsec_t begin = now_nsec(CLOCK_PROCESS_CPUTIME_ID);
        size_t found = 0;
        KernelSymbol s;

        for (uint64_t i = 0; i < LOOKUPS; i++)
                found += kallsyms_find(k, start + hash_bytes(&i, 8, 0) % (end - start), &s);
        if (found == 0)
                return 0;
        return (double) (now_nsec(CLOCK_PROCESS_CPUTIME_ID) - begin) / LOOKUPS;
}

int main(void) {
        _cleanup_(kallsyms_freep) Kallsyms *k = NULL;
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ char *text = NULL;
        nsec_t made_up, real = 0;
        size_t size, used;
        bool failed;

        text = make_text(&size);
        if (!text || kallsyms_new(&k) < 0)
                return EXIT_FAILURE;

        used = mallinfo2().uordblks + mallinfo2().hblkhd;
        made_up = measure_load(k, text, size, -EBADF);
        used = mallinfo2().uordblks + mallinfo2().hblkhd - used;
        if (made_up == 0)
                return EXIT_FAILURE;
        failed = figure_at_most("kallsyms-load-122000-symbols", (double) made_up / 1e6, "ms",
                                LOAD_MSEC_MAX);
        figure("kallsyms-memory", (double) used / 1e6, "MB");
        figure("kallsyms-name",
               measure_find(k, kallsyms_get_text(k), kallsyms_get_text(k) + SYMBOLS * 192), "ns");

        fd = open("/proc/kallsyms", O_RDONLY | O_CLOEXEC);
        if (fd >= 0)
                real = measure_load(k, NULL, 0, fd);
        if (real > 0) /* else they are hidden */
                figure("kallsyms-load-this-kernel", (double) real / 1e6, "ms");
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
