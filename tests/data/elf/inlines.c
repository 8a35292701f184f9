/* SPDX-License-Identifier: Apache-2.0 */
/* Functions that are inlined into each other, into more than one place, and into parts that the
 * compiler moves away. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline __attribute__((always_inline)) int innermost(const char *s, int n) {
        int sum = 0;

        for (int i = 0; i < n; i++)
                sum += s[i] * (i + 1);
        return sum;
}

static inline __attribute__((always_inline)) int middle(const char *s, int n) {
        if (n > 1000)
                abort();
        return innermost(s, n) + innermost(s + 1, n - 1);
}

static inline __attribute__((always_inline, cold)) void complain(const char *s) {
        fprintf(stderr, "bad: %s\n", s);
        exit(1);
}

__attribute__((noinline)) int outer(const char *s) {
        int n = (int) strlen(s);

        if (n == 7)
                complain(s);
        return middle(s, n) * middle(s + 1, n - 1);
}

int main(int argc, char *argv[]) {
        int sum = 0;

        for (int i = 0; i < argc; i++)
                sum += outer(argv[i]) + middle(argv[i], (int) strlen(argv[i]));
        printf("%d\n", sum);
        return 0;
}
