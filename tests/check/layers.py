#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Folders include downward only, and a library is spoken to by one file.

The tables say what is allowed beside the own folder and basic/. They are as narrow as the tree is:
an entry that nothing needs any more is a violation, too.
"""

import fnmatch
import posixpath

import guard

# Folder of daemon/ ("": its root), the names that its files include. Lower folders come first.
LAYERS = {
    "basic": {},
    "proto": {},
    "index": {"bpf/unwind-rule.h": "index-format.h"},
    "open": {"paths.h": "open-main.c"},
    "elf": {"bpf/unwind-rule.h": "*.h", "index/index-format.h": "*", "index/index-line-format.h": "*", "paths.h": "elf-main.c"},
    "process": {"index/index-file.h": "file.h"},
    "symbol": {
        "elf/elf-copy.h": "elf-worker.c",
        "index/index-file.h": "index-*.h",
        "process/code-map.h": "*.h",
    },
    "profile": {"profile/flame-assets.h": "flame.c", "proto/pprof.pb-c.h": "pprof-message.h"},
    "store": {},
    "unwind": {"bpf/unwind-*.h": "*", "index/index-file.h": "*.h"},
    "capture": {
        "bpf/*.h": "*.h",
        "offcpu.skel.h": "off-cpu.c",
        "oncpu.skel.h": "sampler.c",
        "open/opener.h": "s*.c",
        "open/perf-attr.h": "session-events.c",
        "process/process-table.h": "unwind-loader.h",
    },
    "": {
        "bpf/sample.h": "*",
        "bus/bus.h": "profilerd.c",
        "capture/off-cpu.h": "profiler.h",
        "capture/sampler.h": "profiler.h",
        "capture/session-events.h": "session*.h",
        "capture/session-waits.h": "profiler.c",
        "capture/unwind-loader.h": "profiler.h",
        "capture/wait-table.h": "profiler.c",
        "open/open-protocol.h": "manager.c",
        "open/opener.h": "[kt]*-*.c",
        "paths.h": "*.c",
        "process/*": "*",
        "profile/profile.h": "*.h",
        "profile/folded.h": "session-format.c",
        "profile/pprof.h": "*.c",
        "profile/profile-json.h": "session-format.c",
        "profile/text-writer.h": "session-*.c",
        "profile/profile-symbols.h": "window-profile.c",
        "store/store-pins.h": "manager.c",
        "store/store.h": "*",
        "symbol/*": "*",
        "unwind/unwinder.h": "late-stacks.c",
    },
    "bus": {"manager-dump.h": "bus-dump.c", "manager.h": "*.h",
            "session-registry.h": "bus-session-start.h", "paths.h": "bus-manager.c"},
    "view": {
        "bus/bus-names.h": "daemon-status.c",
        "profile/*": "*",
        "store/store.h": "selection.h",
    },
    "web": {
        "bus/bus-names.h": "web-bus.c",
        "paths.h": "*.c",
        "profile/*": "*",
        "store/store.h": "web-collector.h",
        "view/*": "*",
    },
    "upload": {
        "bus/bus-log-control.h": "upload-bus.c",
        "bus/bus-names.h": "upload-bus.c",
        "config-file.h": "target.h",
        "messages.h": "uploader.c",
        "paths.h": "*.c",
        "profile/*": "*",
        "store/*": "*",
    },
    "ctl": {
        "bus/bus-names.h": "ctl-*.c",
        "paths.h": "*.c",
        "profile/*": "*",
        "store/store-pins.h": "ctl-compact.h",
        "store/store.h": "*",
        "view/*": "*",
    },
}

# Headers of libraries, the files below daemon/ that may include them.
LIBRARIES = {
    "bpf/*": ["capture/*"],
    "curl/*": ["upload/sender.c"],
    "ini.h": ["config-file.c"],
    "lzma.h": ["elf/unpack.c"],
    "zstd.h": ["elf/unpack.c"],
    "jansson.h": ["view/json-output.c"],
    "dwarf.h": ["elf/dwarf-*"],
    "elfutils/libdw.h": ["elf/dwarf-file.h"],
    "gelf.h": ["elf/dwarf-file.c", "elf/elf-file.c"],
    "libelf.h": ["elf/dwarf-file.c", "elf/elf-file.c"],
    "libiberty/demangle.h": ["elf/demangle.c"],
    "libsmartcols.h": ["ctl/table.c"],
    "microhttpd.h": ["web/web-server.c"],
    "nettle/*": ["elf/elf-copy.c", "upload/digest.c"],
    "seccomp.h": ["elf/sandbox.c", "open/open-filter.c"],
    "systemd/sd-bus.h": ["bus/*", "ctl/ctl-bus-call.h", "upload/upload-bus.c", "view/daemon-status.h"],
    "systemd/sd-daemon.h": ["manager.c", "profilerd.c", "open/open-main.c", "upload/upload-main.c",
                            "upload/uploader.c", "web/web-main.c"],
    "systemd/sd-event.h": ["*", "bus/bus.h", "capture/sampler.h", "symbol/elf-worker.h",
                           "symbol/index-cache.h", "upload/sender.h", "upload/shipper.h",
                           "ctl/ctl-session.c", "web/*"],
    "systemd/sd-id128.h": ["*", "basic/cgroup-util.h", "store/store.h", "view/daemon-status.c"],
    "systemd/sd-journal.h": ["basic/log.c"],
    "uthash.h": ["**"],
    "utlist.h": ["**"],
    "libdeflate.h": ["profile/gzip.c"],
    "zlib.h": ["elf/elf-debug.c", "elf/unpack.c", "profile/gzip.c"],
    # Of the C library, but for programs only.
    "getopt.h": ["profilerd.c", "ctl/profilerctl.c", "elf/elf-main.c", "open/open-main.c",
                 "upload/upload-main.c", "web/web-main.c"],
}

# The C library and the kernel; everything else is a library.
C_FOLDERS = {"arpa", "asm", "linux", "net", "netinet", "sys"}
C_HEADERS = set("""
    assert ctype dirent dlfcn elf endian err errno fcntl fenv float fnmatch ftw glob grp inttypes iso646
    langinfo libgen limits link locale malloc math mntent netdb poll pthread pwd regex sched search
    semaphore setjmp signal spawn stdalign stdarg stdatomic stdbool stddef stdint stdio stdio_ext stdlib
    stdnoreturn string strings sysexits syslog termios time uchar ucontext unistd utime utmp wait wchar
    wctype
""".split())

used = set()


def matches(pattern, path):
    """Folder by folder: "*" is what lies in the root, "**" everything."""
    return pattern == "**" or (posixpath.dirname(pattern) == posixpath.dirname(path) and
                               fnmatch.fnmatchcase(posixpath.basename(path), posixpath.basename(pattern)))


def check_ours(path, folder, line, name):
    is_source = (guard.ROOT / "daemon" / name).exists()
    if posixpath.dirname(name) in (folder, "basic") and is_source:
        return
    for allowed, who in LAYERS.get(folder, {}).items():
        if matches(allowed, name):
            used.add((folder, allowed))
            if fnmatch.fnmatchcase(path.name, who):
                return
            guard.complain(path, line, f'"{name}" is for {who} only: go through that')
            return
    guard.complain(path, line, f'{path.parent} may not include "{name}": move what it needs down, or '
                               "hand it in by a callback")


def check_library(path, line, name):
    if name.split("/")[0] in C_FOLDERS and "/" in name:
        return
    for header, who in LIBRARIES.items():
        if matches(header, name):
            below = path.relative_to("daemon").as_posix()
            for allowed in who:
                if matches(allowed, below):
                    used.add((header, allowed))
                    return
            guard.complain(path, line, f"<{name}> is for {', '.join(who)} only: use what that offers")
            return
    if name.removesuffix(".h") not in C_HEADERS:
        guard.complain(path, line, f"<{name}> is not known: give the library one file in LIBRARIES, or "
                                   "add a header of the C library to C_HEADERS")


def check_order(path, found):
    """<…> before "…"; but uthash.h takes what is defined before it."""
    ours = False
    for line, is_ours, name in found:
        if ours and not is_ours and name != "uthash.h":
            guard.complain(path, line, f'<{name}> comes after an include of ours: <…> first, then "…"')
        ours = ours or is_ours


for path in guard.files("daemon/**/*.[ch]"):
    folder = "/".join(path.parts[1:-1])
    found = list(guard.includes(guard.read(path)))
    if folder not in LAYERS:
        guard.complain(path, 0, f"daemon/{folder} is no layer: give it a row in tests/check/layers.py")
        continue
    for line, is_ours, name in found:
        if is_ours:
            check_ours(path, folder, line, name)
        else:
            check_library(path, line, name)
    check_order(path, found)

# The kernel's side knows nothing of the daemon; what is profiled knows nothing of us.
for path in guard.files("bpf/*.[ch]", "tests/programs/*.[ch]"):
    found = list(guard.includes(guard.read(path)))
    for line, is_ours, name in found:
        if is_ours and not (path.parts[0] == "bpf" and name.startswith("bpf/")):
            guard.complain(path, line, f'"{name}" is of the daemon: {path.parent} stands alone')
    check_order(path, found)

table = "tests/check/layers.py"
for folder, row in LAYERS.items():
    for name in row:
        if (folder, name) not in used:
            guard.complain(table, 0, f'nothing in daemon/{folder or "*"} includes "{name}": remove the entry')
for header, who in LIBRARIES.items():
    for allowed in who:
        if (header, allowed) not in used:
            guard.complain(table, 0, f"nothing in {allowed} includes <{header}>: remove the entry")
guard.finish()
