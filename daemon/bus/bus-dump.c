/* SPDX-License-Identifier: Apache-2.0 */
/* Dump on the Bus */

#include <fcntl.h>
#include <sys/mman.h>

#include "bus/bus-dump.h"
#include "manager-dump.h"

static int write_dump(int fd, Manager *m) {
        _cleanup_close_ int copy = -EBADF;
        _cleanup_fclose_ FILE *f = NULL;

        copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (copy < 0)
                return -errno;
        f = fdopen(copy, "we");
        if (!f)
                return -errno;
        (void) TAKE_FD(copy);
        return manager_dump(m, f);
}

static int make_dump(Manager *m) {
        _cleanup_close_ int fd = -EBADF;
        int r;

        fd = memfd_create("profilerd-state", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (fd < 0)
                return -errno;
        r = write_dump(fd, m);
        if (r < 0)
                return r;
        if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
                return -errno;
        return TAKE_FD(fd);
}

int bus_dump_open(BusDump *d, Manager *m) {
        usec_t now = now_usec(CLOCK_MONOTONIC);
        char path[sizeof("/proc/self/fd/") + 3 * sizeof(int)];
        int fd;

        if (d->fd < 0 || now >= d->made_usec + BUS_DUMP_KEEP_USEC) {
                fd = make_dump(m);
                if (fd < 0)
                        return fd;
                bus_dump_done(d);
                *d = (BusDump){ .fd = fd, .made_usec = now };
        }

        /* Not a duplicate: readers would share one position. */
        snprintf(path, sizeof(path), "/proc/self/fd/%d", d->fd);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

void bus_dump_done(BusDump *d) {
        d->fd = safe_close(d->fd);
}
