/* SPDX-License-Identifier: Apache-2.0 */
/* Processes of a Cgroup */

#include <dirent.h>
#include <fcntl.h>

#include "basic/cgroup-util.h"
#include "basic/file-util.h"
#include "process/cgroup-processes.h"

enum { CGROUP_PROCS_TEXT_MAX = 1 << 20 };

typedef struct Walk {
        void (*callback)(pid_t pid, void *userdata);
        void *userdata;
        int n;
} Walk;

static void closedirp(DIR **d) {
        if (*d)
                closedir(*d);
}

static void read_processes(Walk *w, int dir_fd) {
        _cleanup_free_ char *text = NULL;
        char *p, *end;

        if (read_full_file_at(dir_fd, "cgroup.procs", CGROUP_PROCS_TEXT_MAX, &text, NULL) < 0)
                return;
        for (p = text; w->n < CGROUP_PROCESSES_MAX; p = end) {
                long pid = strtol(p, &end, 10);

                if (end == p)
                        return;
                if (pid <= 0) /* 0: outside of our pid namespace */
                        continue;
                w->callback((pid_t) pid, w->userdata);
                w->n++;
        }
}

static void walk(Walk *w, int dir_fd, unsigned depth) {
        _cleanup_(closedirp) DIR *dir = NULL;
        struct dirent *entry;

        read_processes(w, dir_fd);
        dir = fdopendir(dir_fd);
        if (!dir) {
                safe_close(dir_fd);
                return;
        }
        while (depth < CGROUP_PROCESSES_DEPTH_MAX && (entry = readdir(dir))) {
                int fd;

                if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
                        continue;
                fd = openat(dirfd(dir), entry->d_name,
                            O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
                if (fd >= 0)
                        walk(w, fd, depth + 1);
        }
}

int cgroup_processes(const char *control_group,
                     void (*callback)(pid_t pid, void *userdata),
                     void *userdata) {
        Walk w = { .callback = callback, .userdata = userdata };
        _cleanup_free_ char *path = NULL;
        const char *mount;
        int fd, r;

        r = cgroup_mount_path(&mount);
        if (r < 0)
                return r;
        if (asprintf(&path, "%s%s", mount, control_group) < 0)
                return -ENOMEM;
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        walk(&w, fd, 0);
        return w.n;
}
