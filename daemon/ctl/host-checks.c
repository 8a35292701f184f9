/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of the Host */

#include <fcntl.h>
#include <limits.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "ctl/host-checks.h"

enum {
        KERNEL_MAJOR_MIN = 5,
        KERNEL_MINOR_MIN = 10,
        SYSCTL_MAX = 64, /* bytes of a number in /proc/sys */
};

static bool exists_below(const char *root, const char *path) {
        char full[PATH_MAX];

        snprintf(full, sizeof(full), "%s%s", root, path);
        return access(full, F_OK) >= 0;
}

static int read_sysctl(const char *root, const char *path, int *ret) {
        _cleanup_free_ char *text = NULL;
        char full[PATH_MAX], *end;
        long value;
        size_t size;
        int r;

        snprintf(full, sizeof(full), "%s%s", root, path);
        r = read_full_file_at(AT_FDCWD, full, SYSCTL_MAX, &text, &size);
        if (r < 0)
                return r;

        errno = 0;
        value = strtol(text, &end, 10);
        if (errno != 0 || end == text || value < INT_MIN || value > INT_MAX)
                return -EBADMSG;
        *ret = (int) value;
        return 0;
}

void host_check_kernel(Findings *f, const char *root, const char *release) {
        unsigned major = 0, minor = 0;

        if (sscanf(release, "%u.%u", &major, &minor) != 2)
                findings_add(f, FINDING_WARN, NULL, "kernel '%s' has an unknown version", release);
        else if (major < KERNEL_MAJOR_MIN ||
                 (major == KERNEL_MAJOR_MIN && minor < KERNEL_MINOR_MIN))
                findings_add(f, FINDING_FAIL, "boot a kernel of version 5.10 or later.",
                             "kernel %s is too old", release);
        else
                findings_add(f, FINDING_OK, NULL, "kernel %s", release);

        if (exists_below(root, "/sys/kernel/btf/vmlinux"))
                findings_add(f, FINDING_OK, NULL, "BTF of the kernel is present");
        else
                findings_add(
                        f, FINDING_FAIL,
                        "boot a kernel built with CONFIG_DEBUG_INFO_BTF=y, as distributions do.",
                        "/sys/kernel/btf/vmlinux is missing: BPF programs cannot be loaded");
}

void host_check_cgroups(Findings *f, const char *root) {
        if (exists_below(root, "/sys/fs/cgroup/cgroup.controllers"))
                findings_add(f, FINDING_OK, NULL, "cgroup v2 (unified)");
        else if (exists_below(root, "/sys/fs/cgroup/unified/cgroup.procs"))
                findings_add(f, FINDING_OK, NULL, "cgroup v2 (hybrid)");
        else
                findings_add(f, FINDING_FAIL, "boot with systemd.unified_cgroup_hierarchy=1.",
                             "cgroup v2 is not mounted: units cannot be told apart");
}

void host_check_kernel_names(Findings *f, const char *root) {
        int value, r;

        r = read_sysctl(root, "/proc/sys/kernel/kptr_restrict", &value);
        if (r < 0)
                findings_add(f, FINDING_WARN, NULL, "kernel.kptr_restrict cannot be read: %s",
                             strerror(-r));
        else if (value >= 2)
                findings_add(f, FINDING_WARN,
                             "sysctl kernel.kptr_restrict=1 (and a file in /etc/sysctl.d).",
                             "kernel.kptr_restrict=%d: kernel frames have no names", value);
        else
                findings_add(f, FINDING_OK, NULL, "kernel.kptr_restrict=%d", value);
}

int host_read_paranoid(const char *root, int *ret) {
        return read_sysctl(root, "/proc/sys/kernel/perf_event_paranoid", ret);
}
