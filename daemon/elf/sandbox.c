/* SPDX-License-Identifier: Apache-2.0 */
/* Sandbox */

#include <fcntl.h>
#include <linux/capability.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "elf/sandbox.h"

#define OOM_SCORE_ADJ_MAX "1000"

/*
 * The daemon shares its memory limit with us and must not be the one that is killed for reaching
 * it. Only an attempt: /proc may be missing.
 */
static void volunteer_as_oom_victim(void) {
        _cleanup_close_ int fd = -EBADF;

        fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
        if (fd >= 0)
                (void) !write(fd, OOM_SCORE_ADJ_MAX, strlen(OOM_SCORE_ADJ_MAX));
}

static int drop_capabilities(void) {
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};

        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return -errno;
        if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
                return -errno;
        if (syscall(SYS_capset, &header, none) < 0)
                return -errno;
        /* Neither ptrace nor /proc/PID/mem of another process of this user. */
        if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
                return -errno;
        return 0;
}

static int limit(__rlimit_resource_t resource, uint64_t value) {
        struct rlimit old, new = { .rlim_cur = value, .rlim_max = value };

        /* Only downwards: a lower limit from outside stays. */
        if (getrlimit(resource, &old) < 0)
                return -errno;
        new.rlim_max = MIN(new.rlim_max, old.rlim_max);
        new.rlim_cur = MIN(new.rlim_max, old.rlim_cur);
        return setrlimit(resource, &new) < 0 ? -errno : 0;
}

static int limit_resources(uint64_t mapped_bytes, uint64_t output_bytes) {
        const struct {
                __rlimit_resource_t resource;
                uint64_t value;
        } limits[] = {
                { RLIMIT_CPU, SANDBOX_CPU_SEC },
                { RLIMIT_FSIZE, output_bytes },
                { RLIMIT_STACK, SANDBOX_STACK_MAX },
                { RLIMIT_CORE, 0 },
                { RLIMIT_NOFILE, 0 },
                { RLIMIT_NPROC, 0 },
                { RLIMIT_MEMLOCK, 0 },
        };
        uint64_t addresses;
        int r;

        for (size_t i = 0; i < ELEMENTSOF(limits); i++) {
                r = limit(limits[i].resource, limits[i].value);
                if (r < 0)
                        return r;
        }

        if (!SANDBOX_LIMITS_MEMORY)
                return 0;
        r = limit(RLIMIT_DATA, SANDBOX_HEAP_MAX);
        if (r < 0)
                return r;
        /* A quarter more than the heap: the program itself, its libraries and its stack. */
        if (__builtin_add_overflow(mapped_bytes, SANDBOX_HEAP_MAX + SANDBOX_HEAP_MAX / 4,
                                   &addresses))
                return -EFBIG;
        return limit(RLIMIT_AS, addresses);
}

static int allow_system_calls(scmp_filter_ctx filter) {
        /* sysinfo: qsort() asks how much memory there is. */
        static const int always[] = {
                SCMP_SYS(brk),          SCMP_SYS(clock_gettime), SCMP_SYS(close),
                SCMP_SYS(exit),         SCMP_SYS(exit_group),    SCMP_SYS(fdatasync),
                SCMP_SYS(fstat),        SCMP_SYS(fstat64),       SCMP_SYS(ftruncate),
                SCMP_SYS(ftruncate64),  SCMP_SYS(futex),         SCMP_SYS(getrandom),
                SCMP_SYS(lseek),        SCMP_SYS(_llseek),       SCMP_SYS(madvise),
                SCMP_SYS(mremap),       SCMP_SYS(munmap),        SCMP_SYS(pread64),
                SCMP_SYS(pwrite64),     SCMP_SYS(read),          SCMP_SYS(restart_syscall),
                SCMP_SYS(rt_sigreturn), SCMP_SYS(sigreturn),     SCMP_SYS(sysinfo),
                SCMP_SYS(write),
        };
        int r;

        for (size_t i = 0; i < ELEMENTSOF(always); i++) {
                r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, always[i], 0);
                if (r < 0)
                        return r;
        }

        /* The sanitizer looks at the signal stack wherever a function does not return. */
        if (!SANDBOX_LIMITS_MEMORY) {
                r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(sigaltstack), 0);
                if (r < 0)
                        return r;
        }

        /* libdw asks for the path of what it reads, and can do without. */
        for (size_t i = 0; i < 2; i++) {
                const int calls[] = { SCMP_SYS(readlink), SCMP_SYS(readlinkat) };

                r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), calls[i], 0);
                if (r < 0)
                        return r;
        }

        /* Memory, but never memory that can be executed. */
        for (size_t i = 0; i < 3; i++) {
                const int calls[] = { SCMP_SYS(mmap), SCMP_SYS(mmap2), SCMP_SYS(mprotect) };

                r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 1,
                                     SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
                if (r < 0)
                        return r;
        }

        /* glibc's fstat(). A filter cannot read the path; without AT_EMPTY_PATH it would be one. */
        return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(newfstatat), 1,
                                SCMP_A3(SCMP_CMP_MASKED_EQ, AT_EMPTY_PATH, AT_EMPTY_PATH));
}

static int filter_system_calls(void) {
        scmp_filter_ctx filter;
        int r;

        filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
        if (!filter)
                return -ENOMEM;

        /* The 32-bit doors to the same kernel. */
        r = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
        if (r >= 0)
                r = allow_system_calls(filter);
        if (r >= 0)
                r = seccomp_load(filter);
        seccomp_release(filter);
        return r;
}

int sandbox_enter(unsigned n_descriptors, uint64_t mapped_bytes, uint64_t output_bytes) {
        int r;

        volunteer_as_oom_victim();
        if (syscall(SYS_close_range, n_descriptors, ~0U, 0) < 0)
                return -errno;
        if (setpriority(PRIO_PROCESS, 0, SANDBOX_NICE) < 0)
                return -errno;
        /* Beyond RLIMIT_FSIZE a write should fail, not kill. */
        if (signal(SIGXFSZ, SIG_IGN) == SIG_ERR)
                return -errno;

        r = drop_capabilities();
        if (r < 0)
                return r;
        r = limit_resources(mapped_bytes, output_bytes);
        if (r < 0)
                return r;
        return filter_system_calls();
}
