/* SPDX-License-Identifier: Apache-2.0 */
/* Opening Directly */

#include <fcntl.h>
#include <sys/syscall.h>

#include "open/open-direct.h"
#include "open/perf-attr.h"

int open_direct(const OpenRequest *request) {
        struct perf_event_attr attr;
        long fd;

        if (request->kind == OPEN_KALLSYMS)
                fd = open("/proc/kallsyms", O_RDONLY | O_CLOEXEC);
        else {
                perf_attr_fill(request, &attr);
                fd = syscall(SYS_perf_event_open, &attr, -1, (int) request->cpu, -1,
                             (unsigned long) PERF_FLAG_FD_CLOEXEC);
        }
        return fd < 0 ? negative_errno() : (int) fd;
}
