/* SPDX-License-Identifier: Apache-2.0 */
/* Session Request */

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "basic/cgroup-util.h"
#include "basic/file-util.h"
#include "basic/parse.h"
#include "basic/string-util.h"
#include "basic/unit-name.h"
#include "process/process-image.h"
#include "session-request.h"

enum { PROC_TEXT_MAX = 1 << 16 };

void session_request_done(SessionRequest *r) {
        free(r->target);
        free(r->unit);
        free(r->control_group);
        free(r->reason);
        safe_close(r->pidfd);
        safe_close(r->stream_fd);
        *r = SESSION_REQUEST_NONE;
}

/* ---- units and cgroups ---- */

static bool is_unit_name(const char *name, size_t n) {
        static const char *const suffixes[] = { ".service", ".scope", ".slice",
                                                ".socket",  ".mount", ".swap" };

        for (size_t i = 0; i < ELEMENTSOF(suffixes); i++) {
                size_t suffix = strlen(suffixes[i]);

                if (n > suffix && n <= UNIT_NAME_MAX &&
                    memcmp(name + n - suffix, suffixes[i], suffix) == 0)
                        return true;
        }
        return false;
}

/* The deepest part that is a unit's name: what is below belongs to it (Delegate=). */
static char *unit_of_cgroup(const char *control_group) {
        const char *end = control_group + strlen(control_group);

        while (end > control_group) {
                const char *start = end;

                while (start > control_group && start[-1] != '/')
                        start--;
                if (is_unit_name(start, (size_t) (end - start)))
                        return strndup(start, (size_t) (end - start));
                end = start > control_group ? start - 1 : start;
        }
        return strdup(SESSION_HOST_UNIT);
}

/* "a-b.slice" is /a.slice/a-b.slice (systemd.slice(5)). */
static int cgroup_of_slice(const char *name, char **ret) {
        size_t size = strlen(name) * (strlen(name) + 2) + 1;
        const char *dash = name, *suffix = strrchr(name, '.');
        _cleanup_free_ char *path = NULL;
        char *p;

        path = p = malloc(size);
        if (!path)
                return -ENOMEM;
        while ((dash = strchr(dash, '-'))) {
                if (dash == name || dash[-1] == '-' || dash[1] == '.')
                        return -EINVAL;
                p += sprintf(p, "/%.*s%s", (int) (dash - name), name, suffix);
                dash++;
        }
        sprintf(p, "/%s", name);
        *ret = TAKE_PTR(path);
        return 0;
}

static int parse_unit(SessionRequest *r, const char *name, const char *suffix) {
        _cleanup_free_ char *longer = NULL;
        int k;

        if (!endswith(name, suffix) && asprintf(&longer, "%s%s", name, suffix) < 0)
                return -ENOMEM;
        k = unit_pattern_complete(streq(suffix, ".slice") && longer ? longer : name, &r->unit);
        if (k < 0)
                return k;
        if (strpbrk(r->unit, "*?[") || !is_unit_name(r->unit, strlen(r->unit)))
                return -EINVAL;

        if (streq(r->unit, SESSION_HOST_UNIT)) {
                r->scope = SESSION_SCOPE_HOST;
                return 0;
        }
        r->scope = SESSION_SCOPE_CGROUPS;
        return endswith(r->unit, ".slice") ? cgroup_of_slice(r->unit, &r->control_group) : 0;
}

static int parse_cgroup(SessionRequest *r, const char *path) {
        uint64_t id;
        int k;

        k = cgroup_get_id(path, &id);
        if (k < 0)
                return k;
        r->scope = streq(path, "/") ? SESSION_SCOPE_HOST : SESSION_SCOPE_CGROUPS;
        r->control_group = strdup(path);
        r->unit = unit_of_cgroup(path);
        return r->control_group && r->unit ? 0 : -ENOMEM;
}

/* ---- processes ---- */

static int read_proc(pid_t pid, const char *name, char **ret) {
        char path[128];

        snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
        return read_full_file_at(AT_FDCWD, path, PROC_TEXT_MAX, ret, NULL);
}

/* The number that our pid namespace has for it (proc_pid_fdinfo(5)). */
static int pid_of_pidfd(int pidfd, pid_t *ret) {
        _cleanup_free_ char *text = NULL;
        const char *line;
        char name[64];
        int r;

        snprintf(name, sizeof(name), "fdinfo/%d", pidfd);
        r = read_proc(getpid(), name, &text);
        if (r < 0)
                return r;
        line = strstr(text, "\nPid:");
        if (!line)
                return -EINVAL;
        *ret = (pid_t) strtol(line + strlen("\nPid:"), NULL, 10);
        return *ret > 0 ? 0 : -ESRCH;
}

static int unit_of_process(pid_t pid, char **ret) {
        _cleanup_free_ char *text = NULL;
        char *line = NULL;
        int r;

        r = read_proc(pid, "cgroup", &text);
        if (r < 0)
                return r;
        for (char *p = text; p && !line; p = strchr(p, '\n'), p = p ? p + 1 : NULL)
                if (startswith(p, "0::"))
                        line = p + strlen("0::");
        if (!line)
                return -ENOENT;
        line[strcspn(line, "\n")] = '\0';
        *ret = unit_of_cgroup(line);
        return *ret ? 0 : -ENOMEM;
}

/* What is read of the pid is of the pidfd's process if that still lives afterwards. */
static int describe_process(SessionRequest *r) {
        struct pollfd alive = { .fd = r->pidfd, .events = POLLIN };
        _cleanup_free_ char *text = NULL;
        ProcessImage image = {};
        int k;

        k = read_proc(r->pid, "stat", &text);
        if (k < 0)
                return k == -ENOENT ? -ESRCH : k;
        k = process_image_parse_stat(text, &image);
        if (k < 0)
                return k;
        r->start_tick = image.start_tick;
        k = unit_of_process(r->pid, &r->unit);
        if (k < 0)
                return k == -ENOENT ? -ESRCH : k;
        return poll(&alive, 1, 0) != 0 ? -ESRCH : 0;
}

static int parse_process(SessionRequest *r, const char *number, int pidfd) {
        unsigned pid;
        pid_t named;
        int k;

        k = parse_unsigned(number, 1, INT32_MAX, &pid);
        if (k < 0)
                return -EINVAL;
        if (pidfd >= 0) {
                r->pidfd = fcntl(pidfd, F_DUPFD_CLOEXEC, 3);
                if (r->pidfd < 0)
                        return -errno;
                /* The number is the caller's own, who may be in another pid namespace. */
                k = pid_of_pidfd(r->pidfd, &named);
                if (k < 0)
                        return k;
                pid = (unsigned) named;
        } else {
                r->pidfd = (int) syscall(SYS_pidfd_open, (pid_t) pid, 0);
                if (r->pidfd < 0) { /* of a thread that is not the first: EINVAL, ENOENT */
                        k = negative_errno();
                        r->pidfd = -EBADF;
                        return k == -EINVAL || k == -ENOENT ? -ESRCH : k;
                }
        }
        r->scope = SESSION_SCOPE_PROCESSES;
        r->pid = (pid_t) pid;
        return describe_process(r);
}

/* ---- targets ---- */

static int parse_target(SessionRequest *r, const char *text, int pidfd, const char **ret_reason) {
        int k;

        if (streq(text, "host")) {
                r->scope = SESSION_SCOPE_HOST;
                r->unit = strdup(SESSION_HOST_UNIT);
                return r->unit ? 0 : -ENOMEM;
        }
        if (startswith(text, "unit:")) {
                *ret_reason = "No unit can have such a name.";
                return parse_unit(r, text + strlen("unit:"), ".service");
        }
        if (startswith(text, "slice:")) {
                *ret_reason = "No slice can have such a name.";
                return parse_unit(r, text + strlen("slice:"), ".slice");
        }
        if (startswith(text, "cgroup:")) {
                k = parse_cgroup(r, text + strlen("cgroup:"));
                *ret_reason = k == -ENOENT ? "There is no such control group."
                                           : "Not the absolute path of a control group.";
                return k;
        }
        if (startswith(text, "pid:")) {
                k = parse_process(r, text + strlen("pid:"), pidfd);
                *ret_reason = k == -ESRCH ? "There is no such process." : "Not a process id.";
                return k;
        }
        *ret_reason = "A target is unit:NAME, slice:NAME, cgroup:/PATH, pid:NUMBER or host.";
        return -EINVAL;
}

int session_request_parse_target(SessionRequest *r,
                                 const char *text,
                                 int pidfd,
                                 const char **ret_reason) {
        *ret_reason = "The target is too long.";
        if (strlen(text) > SESSION_TARGET_MAX)
                return -EINVAL;
        r->target = strdup(text);
        if (!r->target)
                return -ENOMEM;
        return parse_target(r, text, pidfd, ret_reason);
}

/* ---- whose it is ---- */

static int owner_of(const char *path, uid_t *ret) {
        struct stat st;

        if (stat(path, &st) < 0)
                return -errno;
        *ret = st.st_uid;
        return 0;
}

/* systemd.special(7) */
static bool is_below_slice_of_user(const char *control_group, uid_t uid) {
        char slice[64];

        snprintf(slice, sizeof(slice), "/user.slice/user-%u.slice/", (unsigned) uid);
        return startswith(control_group, slice);
}

/* /proc/PID is root's if the process has gained privileges (proc(5)). A cgroup is its user's if
 * systemd has delegated it to him, or he has logged in there. */
int session_request_is_own(const SessionRequest *r, uid_t uid) {
        _cleanup_free_ char *path = NULL;
        const char *mount;
        uid_t owner = (uid_t) -1;

        switch (r->scope) {
        case SESSION_SCOPE_PROCESSES:
                if (asprintf(&path, "/proc/%d", r->pid) < 0)
                        return -ENOMEM;
                break;
        case SESSION_SCOPE_CGROUPS:
                if (!r->control_group || cgroup_mount_path(&mount) < 0)
                        return 0;
                if (is_below_slice_of_user(r->control_group, uid))
                        return 1;
                if (asprintf(&path, "%s%s", mount, r->control_group) < 0)
                        return -ENOMEM;
                break;
        case SESSION_SCOPE_HOST:
                return 0;
        }
        return owner_of(path, &owner) >= 0 && owner == uid;
}
