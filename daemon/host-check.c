/* SPDX-License-Identifier: Apache-2.0 */
/* Host Check */

#include <fcntl.h>

#include "basic/cgroup-util.h"
#include "basic/file-util.h"
#include "host-check.h"

enum { PROC_TEXT_MAX = 4096 };

static bool lockdown_is_confidentiality(void) {
        _cleanup_free_ char *text = NULL;

        return read_full_file_at(AT_FDCWD, "/sys/kernel/security/lockdown", PROC_TEXT_MAX, &text,
                                 NULL) >= 0 &&
               strstr(text, "[confidentiality]");
}

const char *host_check(void) {
        const char *mount;

        if (access("/sys/kernel/btf/vmlinux", R_OK) < 0)
                return "The kernel has no BTF (/sys/kernel/btf/vmlinux): it is built without "
                       "CONFIG_DEBUG_INFO_BTF, or older than 5.10. Boot a distribution kernel from "
                       "5.10 on.";
        if (cgroup_mount_path(&mount) < 0)
                return "There is no cgroup v2 hierarchy. Boot with "
                       "systemd.unified_cgroup_hierarchy=1.";
        if (lockdown_is_confidentiality())
                return "The kernel is locked down to confidentiality, where BPF may not read "
                       "stacks. "
                       "Boot with lockdown=integrity or without lockdown.";
        return NULL;
}

static int perf_event_paranoid(void) {
        _cleanup_free_ char *text = NULL;

        if (read_full_file_at(AT_FDCWD, "/proc/sys/kernel/perf_event_paranoid", PROC_TEXT_MAX,
                              &text, NULL) < 0)
                return 0;
        return atoi(text);
}

const char *host_explain(const char *step, int error) {
        bool refused = error == -EPERM || error == -EACCES;

        if (refused && strstr(step, "perf") && perf_event_paranoid() > 2)
                return "kernel.perf_event_paranoid is above 2 and profilerd-open could not help. "
                       "Check "
                       "'systemctl status profilerd-open.socket', or set the sysctl to 2.";
        if (refused && strstr(step, "perf"))
                return "perf_event_open was refused: it needs CAP_PERFMON, and a system call "
                       "filter or "
                       "a container manager must let it through.";
        if (refused)
                return "The kernel refused BPF: it needs CAP_BPF and CAP_PERFMON, and a system "
                       "call "
                       "filter or a container manager must let bpf through.";
        if (error == -EINVAL || error == -ESRCH || error == -ENOENT || error == -EOPNOTSUPP)
                return "The kernel lacks something that the BPF program needs. Linux 5.10 with BTF "
                       "is "
                       "the oldest that works; 'PROFILERD_LOG_LEVEL=debug' shows the verifier's "
                       "words.";
        return "Run with PROFILERD_LOG_LEVEL=debug to see what was tried.";
}
