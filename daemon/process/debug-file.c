/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Separate Debug File
 *
 * A process may have a root directory of its own, in which links lead where it likes: paths are
 * resolved inside of it. Whoever has a user namespace of his own can mount what never answers, and
 * we would wait for it: there only the host's directories are looked at.
 */

#include <fcntl.h>
#include <limits.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "process/debug-file.h"
#include "process/process-status.h"

enum {
        BUILD_ID_MIN = 4, /* digits: a directory and a name */
        PROC_PATH_MAX = 64,
};

static const char *const debug_directories[] = { "usr/lib/debug", "usr/local/lib/debug" };

static int open_by_build_id(int root_fd, const char *directory, const char *build_id) {
        char path[PATH_MAX];

        if (strlen(build_id) < BUILD_ID_MIN)
                return -ENOENT;
        if (snprintf(path, sizeof(path), "%s/.build-id/%.2s/%s.debug", directory, build_id,
                     build_id + 2) >= (int) sizeof(path))
                return -ENOENT;
        return open_regular_in_root(root_fd, path);
}

/* "/usr/lib/debug/usr/bin/NAME" for /usr/bin/program. */
static int open_by_link(int root_fd, const char *directory, const char *file, const char *link) {
        const char *slash = strrchr(file, '/');
        char path[PATH_MAX];

        if (isempty(link) || file[0] != '/')
                return -ENOENT;
        if (snprintf(path, sizeof(path), "%s%.*s/%s", directory, (int) (slash - file), file,
                     link) >= (int) sizeof(path))
                return -ENOENT;
        return open_regular_in_root(root_fd, path);
}

int debug_file_open_below(const char *root, const DebugFileQuery *query) {
        _cleanup_close_ int root_fd = -EBADF;

        root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (root_fd < 0)
                return -errno;
        for (size_t i = 0; i < ELEMENTSOF(debug_directories); i++) {
                int fd = open_by_build_id(root_fd, debug_directories[i], query->build_id);

                if (fd < 0)
                        fd = open_by_link(root_fd, debug_directories[i], query->path, query->link);
                if (fd >= 0)
                        return fd;
        }
        return -ENOENT;
}

int debug_file_open(const DebugFileQuery *query) {
        static const char *const roots[] = { "/proc/1/root", "/" };
        char root[PROC_PATH_MAX];
        int fd;

        if (query->pid > 0 && process_has_our_user_namespace(query->pid)) {
                snprintf(root, sizeof(root), "/proc/%d/root", (int) query->pid);
                fd = debug_file_open_below(root, query);
                if (fd >= 0)
                        return fd;
        }
        for (size_t i = 0; i < ELEMENTSOF(roots); i++) {
                fd = debug_file_open_below(roots[i], query);
                if (fd >= 0)
                        return fd;
        }
        return -ENOENT;
}
