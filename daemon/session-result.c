/* SPDX-License-Identifier: Apache-2.0 */
/* Session Result */

#include <fcntl.h>
#include <sys/mman.h>

#include "basic/file-util.h"
#include "profile/pprof.h"
#include "session-result.h"

void session_result_done(SessionResult *r) {
        for (int f = 0; f < _SESSION_FORMAT_MAX; f++)
                safe_close(r->fds[f]);
        *r = SESSION_RESULT_NONE;
}

static int make_sealed(const void *data, size_t size) {
        _cleanup_close_ int fd = -EBADF;
        int r;

        if (size > SESSION_RESULT_BYTES_MAX)
                return -EFBIG;
        fd = memfd_create("profilerd-session", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (fd < 0)
                return -errno;
        r = write_all(fd, data, size);
        if (r < 0)
                return r;
        if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
                return -errno;
        return TAKE_FD(fd);
}

int session_result_set(SessionResult *r, const void *pprof, size_t size) {
        int fd;

        fd = make_sealed(pprof, size);
        if (fd < 0)
                return fd;
        session_result_done(r);
        r->fds[SESSION_FORMAT_PPROF] = fd;
        r->size_bytes = size;
        return 0;
}

/* Not a duplicate: readers would share one position. */
static int reopen(int fd) {
        char path[sizeof("/proc/self/fd/") + 3 * sizeof(int)];
        int copy;

        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        copy = open(path, O_RDONLY | O_CLOEXEC);
        return copy < 0 ? -errno : copy;
}

static int convert(const SessionResult *r, SessionFormat format) {
        _cleanup_(profile_freep) Profile *profile = NULL;
        _cleanup_free_ void *data = NULL;
        _cleanup_close_ int fd = -EBADF;
        size_t size;
        int k;

        fd = reopen(r->fds[SESSION_FORMAT_PPROF]);
        if (fd < 0)
                return fd;
        k = read_full_fd(fd, SESSION_RESULT_BYTES_MAX, (char **) &data, &size);
        if (k < 0)
                return k;
        k = pprof_decode(data, size, &profile, NULL);
        if (k < 0)
                return k;
        free(data);
        data = NULL;
        k = session_format_encode(format, profile, &data, &size);
        if (k < 0)
                return k;
        return make_sealed(data, size);
}

int session_result_open(SessionResult *r, SessionFormat format) {
        assert(format >= 0 && format < _SESSION_FORMAT_MAX);

        if (r->fds[SESSION_FORMAT_PPROF] < 0)
                return -ENODATA;
        if (r->fds[format] < 0) {
                int fd = convert(r, format);

                if (fd < 0)
                        return fd;
                r->fds[format] = fd;
        }
        return reopen(r->fds[format]);
}
