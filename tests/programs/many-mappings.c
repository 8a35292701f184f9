/* SPDX-License-Identifier: Apache-2.0 */
/* Has so many executable mappings, which cannot be joined, and spends its time: many-mappings N */

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static volatile unsigned sink;

__attribute__((noinline)) static void descend(unsigned n) {
        if (n > 0)
                descend(n - 1);
        else
                for (unsigned i = 0; i < 1000000; i++)
                        sink += i;
        sink++;
}

int main(int argc, char *argv[]) {
        long n = argc > 1 ? atol(argv[1]) : 100;

        for (long i = 0; i < n; i++) {
                char *p = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

                if (p == MAP_FAILED || mprotect(p, 4096, PROT_READ | PROT_EXEC) < 0)
                        return EXIT_FAILURE;
        }
        for (;;)
                descend(20);
}
