/* SPDX-License-Identifier: Apache-2.0 */
/* Children of a Process */

#include <dirent.h>
#include <fcntl.h>

#include "basic/file-util.h"
#include "process/process-children.h"
#include "process/process-image.h"

enum {
        PID_LIMIT = 1 << 22, /* PID_MAX_LIMIT, include/linux/threads.h */
        STAT_MAX = 4096,
        PASSES_MAX = 16, /* a tree that grows faster than we look stays incomplete */
};

typedef struct Walk {
        uint8_t *family; /* a bit for each pid */
        int (*callback)(pid_t pid, uint64_t start_tick, void *userdata);
        void *userdata;
} Walk;

static void closedirp(DIR **d) {
        if (*d)
                closedir(*d);
}

static bool is_family(const Walk *w, pid_t pid) {
        return pid > 0 && pid < PID_LIMIT && (w->family[pid / 8] >> (pid % 8) & 1);
}

static pid_t parse_parent(const char *stat) {
        const char *p = strrchr(stat, ')'); /* the name before it may hold anything */
        int parent;

        return p && sscanf(p, ") %*c %d", &parent) == 1 && parent > 0 ? (pid_t) parent : 0;
}

/* 1: a new member. */
static int look_at(Walk *w, int proc_fd, pid_t pid) {
        _cleanup_free_ char *text = NULL;
        ProcessImage image = {};
        char path[32];

        if (pid <= 0 || pid >= PID_LIMIT || is_family(w, pid))
                return 0;
        snprintf(path, sizeof(path), "%d/stat", pid);
        if (read_full_file_at(proc_fd, path, STAT_MAX, &text, NULL) < 0 ||
            !is_family(w, parse_parent(text)) || process_image_parse_stat(text, &image) < 0)
                return 0;
        w->family[pid / 8] |= (uint8_t) (1U << (pid % 8));
        return w->callback(pid, image.start_tick, w->userdata);
}

static int pass(Walk *w) {
        _cleanup_(closedirp) DIR *dir = opendir("/proc");
        struct dirent *entry;
        bool found = false;
        int r;

        if (!dir)
                return -errno;
        while ((entry = readdir(dir))) {
                r = look_at(w, dirfd(dir), (pid_t) strtol(entry->d_name, NULL, 10));
                if (r < 0)
                        return r;
                found |= r > 0;
        }
        return found;
}

int process_children(pid_t pid,
                     int (*callback)(pid_t pid, uint64_t start_tick, void *userdata),
                     void *userdata) {
        _cleanup_free_ uint8_t *family = calloc(PID_LIMIT / 8, 1);
        Walk w = { family, callback, userdata };
        int r = 1;

        if (!family)
                return -ENOMEM;
        if (pid <= 0 || pid >= PID_LIMIT)
                return -ESRCH;
        family[pid / 8] |= (uint8_t) (1U << (pid % 8));
        for (int i = 0; i < PASSES_MAX && r > 0; i++)
                r = pass(&w);
        return r;
}
