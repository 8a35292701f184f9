/* SPDX-License-Identifier: Apache-2.0 */
/* System Calls of profilerd-open */

#include <fcntl.h>
#include <linux/perf_event.h>
#include <seccomp.h>
#include <sys/mman.h>

#include "open/open-filter.h"
#include "open/open-pressure.h"

static const int allowed[] = {
        SCMP_SYS(poll),         SCMP_SYS(ppoll),          SCMP_SYS(accept4),
        SCMP_SYS(getsockopt),   SCMP_SYS(setsockopt),     SCMP_SYS(recvfrom),
        SCMP_SYS(recvmsg),      SCMP_SYS(sendmsg),        SCMP_SYS(close),
        SCMP_SYS(write),        SCMP_SYS(writev),         SCMP_SYS(brk),
        SCMP_SYS(munmap),       SCMP_SYS(fstat),          SCMP_SYS(newfstatat),
        SCMP_SYS(getpid),       SCMP_SYS(clock_gettime),  SCMP_SYS(rt_sigreturn),
        SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(restart_syscall),
        SCMP_SYS(exit),         SCMP_SYS(exit_group),     SCMP_SYS(statfs),
        SCMP_SYS(fstatfs),
};

/* Of an int the kernel takes the lower half; the upper one has the sign, or not, as the C library
 * likes. */
#define INT_IS(value) SCMP_CMP_MASKED_EQ, UINT32_MAX, (uint32_t) (value)

static void releasep(scmp_filter_ctx *filter) {
        if (*filter)
                seccomp_release(*filter);
}

#define IS_DESCRIPTOR SCMP_CMP_MASKED_EQ, UINT32_C(1) << 31, 0

/* The C library adds O_LARGEFILE where it has a meaning. */
#define ALL_FLAGS (UINT32_MAX & ~(uint32_t) O_LARGEFILE)

/* By their path files for reading only; below a directory also what open_pressure() needs. */
static int allow_open(scmp_filter_ctx filter) {
        static const int below[] = { OPEN_DIRECTORY_FLAGS, OPEN_PRESSURE_FLAGS };
        int r;

        r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 2, SCMP_A0(INT_IS(AT_FDCWD)),
                             SCMP_A2_32(SCMP_CMP_MASKED_EQ,
                                        (uint32_t) (O_ACCMODE | O_CREAT | O_TRUNC | O_PATH),
                                        O_RDONLY));
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(below); i++)
                r = seccomp_rule_add(
                        filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 2, SCMP_A0(IS_DESCRIPTOR),
                        SCMP_A2_32(SCMP_CMP_MASKED_EQ, ALL_FLAGS, (uint32_t) below[i]));
        return r;
}

/* Events of a whole CPU in no group only, memory that is not executed. */
static int allow_with_arguments(scmp_filter_ctx filter) {
        int r;

        r = allow_open(filter);
        if (r < 0)
                return r;

        r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(perf_event_open), 3,
                             SCMP_A1(INT_IS(-1)), SCMP_A3(INT_IS(-1)),
                             SCMP_A4(SCMP_CMP_EQ, PERF_FLAG_FD_CLOEXEC, 0));
        if (r < 0)
                return r;

        return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
                                SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
}

int open_filter_install(void) {
        _cleanup_(releasep) scmp_filter_ctx filter = NULL;
        int r;

        filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
        if (!filter)
                return -ENOMEM;

        for (size_t i = 0; i < ELEMENTSOF(allowed); i++) {
                r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
                if (r < 0)
                        return r;
        }
        r = allow_with_arguments(filter);
        if (r < 0)
                return r;
        return seccomp_load(filter);
}
