/* SPDX-License-Identifier: Apache-2.0 */
/* Process Status */

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "process/process-status.h"

enum {
        STATUS_SIZE_MAX = 64 << 10,
        PROC_PATH_MAX = 64,
};

/* Number n of a line, counted from 0; LAST: the last one. -EBADMSG: no such line or number. */
enum { LAST = -1 };

static int find_number(const char *text, const char *key, int n, unsigned *ret) {
        const char *line = strstr(text, key), *p;
        unsigned long value = 0;
        int found = 0;

        if (!line)
                return -EBADMSG;
        for (p = line + strlen(key); *p != '\0' && *p != '\n';) {
                char *end;

                p += strspn(p, " \t");
                if (*p < '0' || *p > '9')
                        break;
                errno = 0;
                value = strtoul(p, &end, 10);
                if (errno != 0 || value > UINT_MAX)
                        return -EBADMSG;
                p = end;
                if (found++ == n)
                        break;
        }
        if (found == 0 || (n != LAST && found <= n))
                return -EBADMSG;
        *ret = (unsigned) value;
        return 0;
}

int process_status_parse(const char *text, ProcessStatus *ret) {
        unsigned uid, pid;
        int r;

        r = find_number(text, "\nUid:", 1, &uid);
        if (r < 0)
                return r;
        r = find_number(text, "\nNSpid:", LAST, &pid);
        if (r < 0)
                return r;
        if (pid == 0 || pid > INT_MAX)
                return -EBADMSG;
        *ret = (ProcessStatus){ .uid = uid, .inner_pid = (pid_t) pid };
        return 0;
}

bool process_has_our_user_namespace(pid_t pid) {
        char path[PROC_PATH_MAX];
        struct stat ours, theirs;

        snprintf(path, sizeof(path), "/proc/%d/ns/user", (int) pid);
        return stat("/proc/self/ns/user", &ours) >= 0 && stat(path, &theirs) >= 0 &&
               ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

int process_status_read(pid_t pid, ProcessStatus *ret) {
        _cleanup_free_ char *text = NULL;
        char path[PROC_PATH_MAX];
        size_t size;
        int r;

        snprintf(path, sizeof(path), "/proc/%d/status", (int) pid);
        r = read_full_file_at(AT_FDCWD, path, STATUS_SIZE_MAX, &text, &size);
        if (r < 0)
                return r;
        if (!process_has_our_user_namespace(pid))
                return -EPERM;
        return process_status_parse(text, ret);
}

int process_open_directory(pid_t pid, const char *path) {
        _cleanup_close_ int root_fd = -EBADF;
        char root[PROC_PATH_MAX];

        snprintf(root, sizeof(root), "/proc/%d/root", (int) pid);
        root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (root_fd < 0)
                return -errno;
        return open_in_root(root_fd, path);
}
