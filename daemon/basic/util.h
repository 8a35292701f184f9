/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Language Helpers
 *
 * What C leaves out: destructors at the end of a scope, ownership that moves visibly, and sizes
 * that cannot wrap.
 */

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define _cleanup_(f)   __attribute__((__cleanup__(f)))
#define _printf_(f, a) __attribute__((__format__(__printf__, f, a)))
#define _unused_       __attribute__((__unused__))
#define _must_check_   __attribute__((__warn_unused_result__))

#define ELEMENTSOF(x)   (sizeof(x) / sizeof((x)[0]))
#define MIN(a, b)       ((a) < (b) ? (a) : (b))
#define MAX(a, b)       ((a) > (b) ? (a) : (b))
#define streq(a, b)     (strcmp((a), (b)) == 0)
#define ROUND_UP(x, to) ((((x) + (to) -1) / (to)) * (to))

/* Moves ownership out of a variable that a _cleanup_ watches. */
#define TAKE_PTR(p)                         \
        ({                                  \
                __typeof__(p) _taken = (p); \
                (p) = NULL;                 \
                _taken;                     \
        })
#define TAKE_FD(fd)                \
        ({                         \
                int _taken = (fd); \
                (fd) = -EBADF;     \
                _taken;            \
        })

/* object_freep() for _cleanup_(object_freep), from an object_free() that accepts NULL. */
#define DEFINE_CLEANUP(type, function)            \
        static inline void function##p(type *p) { \
                if (*p)                           \
                        function(*p);             \
        }                                         \
        struct _cleanup_needs_a_semicolon_

static inline void freep(void *p) {
        free(*(void **) p);
}

static inline int safe_close(int fd) {
        int saved = errno;

        if (fd >= 0)
                close(fd);
        errno = saved;
        return -EBADF;
}

static inline void closep(int *fd) {
        safe_close(*fd);
}

static inline void fclosep(FILE **f) {
        if (*f)
                fclose(*f);
}

#define _cleanup_free_   _cleanup_(freep)
#define _cleanup_close_  _cleanup_(closep)
#define _cleanup_fclose_ _cleanup_(fclosep)

/* errno of a call that has just failed, never 0. */
static inline int negative_errno(void) {
        return errno > 0 ? -errno : -EIO;
}
