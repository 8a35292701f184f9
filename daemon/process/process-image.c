/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Process Image
 *
 * The directory /proc/PID is opened once and everything is read through it: it belongs to this
 * process for good, so that a pid that is used again in between makes the reads fail instead of
 * lending us another process.
 */

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "process/maps.h"
#include "process/process-image.h"

enum {
        STAT_SIZE_MAX = 4096,
        STAT_FIELD_STATE = 3, /* the first one behind the name */
        STAT_FIELD_START = 22,
};

void process_image_done(ProcessImage *image) {
        free(image->exe);
        mapping_set_unref(image->mappings);
        *image = (ProcessImage){};
}

uint64_t process_image_tick(nsec_t start_nsec) {
        return start_nsec / (NSEC_PER_SEC / (nsec_t) sysconf(_SC_CLK_TCK));
}

int process_image_parse_stat(const char *text, ProcessImage *ret) {
        const char *open = strchr(text, '('), *close = strrchr(text, ')'), *p;
        char *end;
        size_t n;

        /* A name may contain both. */
        if (!open || !close || close < open || close[1] != ' ')
                return -EBADMSG;
        p = close + 2;
        if (*p == 'Z' || *p == 'X')
                return -ESRCH;
        for (int field = STAT_FIELD_STATE; field < STAT_FIELD_START; field++) {
                p = strchr(p, ' ');
                if (!p)
                        return -EBADMSG;
                p++;
        }
        if (*p < '0' || *p > '9')
                return -EBADMSG;
        errno = 0;
        ret->start_tick = strtoull(p, &end, 10);
        if (errno != 0 || *end != ' ')
                return -EBADMSG;

        n = MIN((size_t) (close - open - 1), sizeof(ret->comm) - 1);
        memcpy(ret->comm, open + 1, n);
        ret->comm[n] = '\0';
        return 0;
}

static int read_exe(int process_fd, char **ret) {
        static const char deleted[] = " (deleted)";
        char path[PATH_MAX];
        ssize_t n;

        n = readlinkat(process_fd, "exe", path, sizeof(path) - 1);
        if (n < 0)
                return -errno;
        path[n] = '\0';
        if (endswith(path, deleted))
                path[n - (ssize_t) strlen(deleted)] = '\0';
        return free_and_strdup(ret, path);
}

/* Of the file, not of the directory: that one is the user's even if the process gained privileges.
 * Asked after the mappings were read: a program that gained privileges and is still there shows. */
static int read_owner(int process_fd, uid_t *ret) {
        struct stat st;

        if (fstatat(process_fd, "maps", &st, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        *ret = st.st_uid;
        return 0;
}

static int read_image(int process_fd,
                      const uint64_t *start_tick,
                      FileTable *files,
                      ProcessImage *image) {
        _cleanup_free_ char *text = NULL;
        int r;

        r = read_full_file_at(process_fd, "stat", STAT_SIZE_MAX, &text, NULL);
        if (r < 0)
                return r;
        r = process_image_parse_stat(text, image);
        if (r < 0)
                return r;
        if (start_tick && !process_image_same_tick(*start_tick, image->start_tick))
                return -ESRCH;

        r = maps_read(process_fd, files, &image->mappings, &image->n_refused);
        if (r < 0)
                return r;

        r = read_owner(process_fd, &image->owner);
        if (r < 0)
                return r;

        /* The name of the program is worth having, the mappings are what counts. */
        r = read_exe(process_fd, &image->exe);
        return r == -ENOMEM ? r : 0;
}

int process_image_read(pid_t pid, const uint64_t *start_tick, FileTable *files, ProcessImage *ret) {
        char path[sizeof("/proc/") + 3 * sizeof(pid_t)];
        _cleanup_close_ int process_fd = -EBADF;
        ProcessImage image = {};
        int r;

        snprintf(path, sizeof(path), "/proc/%d", (int) pid);
        process_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (process_fd < 0)
                return -errno;

        r = read_image(process_fd, start_tick, files, &image);
        if (r < 0) {
                process_image_done(&image);
                return r;
        }
        *ret = image;
        return 0;
}
