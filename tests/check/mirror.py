#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each module daemon/**/X.c has its proof tests/unit/test-X.c, and each test is built and run."""

import re

import guard

# Mains: arguments are the business of the guard "options", the rest is in modules.
MAINS = {
    "daemon/profilerd.c",
    "daemon/ctl/profilerctl.c",
    "daemon/open/open-main.c",
    "daemon/upload/upload-main.c",
    "daemon/web/web-main.c",
}

# Modules that another test proves better than one of their own would: what they do is seen only
# through the object that they are a part of, or only where a kernel or a systemd answers.
PROVEN_BY = {
    # Every other module stands on these.
    "daemon/basic/array.c": ["tests/unit/test-string-table.c"],
    "daemon/basic/time-util.c": ["tests/unit/test-store.c"],
    # Steps of encoding and decoding: a round trip shows each of them, a broken file the refusals.
    "daemon/profile/arena.c": ["tests/unit/test-string-table.c"],
    "daemon/profile/gzip.c": ["tests/unit/test-pprof.c", "tests/unit/test-pprof-check.c"],
    "daemon/profile/id-map.c": ["tests/unit/test-pprof.c", "tests/unit/test-pprof-check.c"],
    "daemon/profile/pprof-message.c": ["tests/unit/test-pprof.c", "tests/unit/test-pprof-check.c"],
    "daemon/profile/pprof-order.c": ["tests/unit/test-pprof.c"],
    "daemon/profile/pprof-tables.c": ["tests/unit/test-pprof.c", "tests/unit/test-pprof-reader.c", "tests/fuzz/fuzz-pprof.c"],
    "daemon/profile/protobuf-writer.c": ["tests/unit/test-pprof.c"],
    "daemon/profile/profile-merge.c": ["tests/unit/test-profile.c"],
    "daemon/profile/flame-graph.c": ["tests/unit/test-flame.c", "tests/system/test_flame.py"],
    "daemon/profile/frame-table.c": ["tests/unit/test-call-tree.c"],
    "daemon/profile/otlp-dictionary.c": ["tests/unit/test-otlp.c", "tests/system/test_export.py"],
    # Faces on the bus: a peer asks, and sees the answer.
    "daemon/bus/bus-dump.c": ["tests/unit/test-bus.c"],
    "daemon/bus/bus-log-control.c": ["tests/unit/test-bus.c"],
    "daemon/bus/bus-manager.c": ["tests/unit/test-bus.c"],
    "daemon/bus/bus-unit.c": ["tests/unit/test-bus.c"],
    "daemon/bus/bus-session.c": ["tests/system/test_sessions.py"],
    "daemon/bus/bus-session-start.c": ["tests/system/test_sessions.py"],
    "daemon/bus/unit-listing.c": ["tests/unit/test-unit-watch.c"],
    "daemon/bus/unit-query.c": ["tests/unit/test-unit-watch.c"],
    "daemon/bus/unit-table.c": ["tests/unit/test-unit-watch.c"],
    # Nothing to see without a kernel that runs the program.
    "daemon/capture/map-memory.c": ["tests/kernel/test-off-cpu.c"],
    "daemon/capture/off-cpu.c": ["tests/kernel/test-off-cpu.c"],
    "daemon/capture/sampler.c": ["tests/kernel/test-sampler.c"],
    "daemon/capture/session-events.c": ["tests/kernel/test-session-events.c"],
    "daemon/capture/session-waits.c": ["tests/kernel/test-session-waits.c"],
    "daemon/capture/unwind-loader.c": ["tests/kernel/test-unwind-loader.c"],
    "daemon/capture/unwind-memory.c": ["tests/kernel/test-unwind-memory.c"],
    # The root: from samples of a real program to its profile.
    "daemon/manager.c": ["tests/kernel/test-profiler.c", "tests/system/test_service.py"],
    "daemon/process/cgroup-processes.c": ["tests/kernel/test-profiler.c"],
    "daemon/kernel-names.c": ["tests/kernel/test-profiler.c", "tests/system/test_stacks.py"],
    "daemon/profiler.c": ["tests/kernel/test-profiler.c", "tests/system/test_ground_truth.py"],
    "daemon/triggers.c": ["tests/system/test_triggers.py"],
    "daemon/trigger-pressure.c": ["tests/system/test_triggers.py"],
    "daemon/trigger-watch.c": ["tests/system/test_triggers.py"],
    "daemon/session.c": ["tests/kernel/test-session-registry.c"],
    "daemon/session-format.c": ["tests/unit/test-session-result.c"],
    "daemon/session-profile.c": ["tests/kernel/test-session-registry.c"],
    "daemon/session-registry.c": ["tests/kernel/test-session-registry.c"],
    "daemon/basic/log.c": ["tests/system/test_service.py"],
    # A bus is asked, and what it says is printed.
    "daemon/view/daemon-status.c": ["tests/unit/test-ctl-bus.c"],
    # Requests and answers, protocol by protocol; then the program over real connections.
    "daemon/upload/digest.c": ["tests/unit/test-sigv4.c"],
    "daemon/upload/protocol-http.c": ["tests/unit/test-protocol.c"],
    "daemon/upload/protocol-otlp.c": ["tests/unit/test-protocol.c", "tests/system/test_upload_engines.py"],
    "daemon/upload/protocol-parca.c": ["tests/unit/test-protocol.c", "tests/system/test_upload_engines.py"],
    "daemon/upload/protocol-pyroscope.c": ["tests/unit/test-protocol.c",
                                           "tests/system/test_upload_engines.py"],
    "daemon/upload/protocol-profefe.c": ["tests/unit/test-protocol.c", "tests/system/test_upload.py"],
    "daemon/upload/protocol-s3.c": ["tests/unit/test-protocol.c", "tests/system/test_upload.py"],
    "daemon/upload/sender.c": ["tests/system/test_upload.py"],
    "daemon/upload/shipment.c": ["tests/system/test_upload.py"],
    "daemon/upload/shipper.c": ["tests/system/test_upload.py"],
    "daemon/upload/target.c": ["tests/unit/test-target-load.c"],
    "daemon/upload/upload-bus.c": ["tests/system/test_upload_service.py"],
    "daemon/upload/uploader.c": ["tests/system/test_upload.py"],
    "daemon/view/selection.c": ["tests/unit/test-ctl-compare.c"],
    # A client asks, and sees the answer.
    "daemon/web/page-diff.c": ["tests/system/test_web.py", "tests/system/test_web_browser.py"],
    "daemon/web/page-unit.c": ["tests/system/test_web.py"],
    "daemon/web/page-units.c": ["tests/system/test_web.py"],
    "daemon/web/page.c": ["tests/system/test_web.py"],
    "daemon/web/web-api.c": ["tests/system/test_web.py"],
    "daemon/web/web-app.c": ["tests/system/test_web.py"],
    "daemon/web/web-bus.c": ["tests/system/test_web.py"],
    "daemon/web/web-collector.c": ["tests/system/test_web.py"],
    "daemon/web/web-files.c": ["tests/system/test_web.py"],
    "daemon/web/web-load.c": ["tests/system/test_web_service.py"],
    "daemon/web/web-metrics.c": ["tests/system/test_web.py"],
    "daemon/web/web-pprof.c": ["tests/system/test_web.py"],
    "daemon/web/web-profefe.c": ["tests/system/test_web.py"],
    "daemon/web/web-server.c": ["tests/system/test_web.py"],
    "daemon/web/web-status.c": ["tests/system/test_web.py"],
    "daemon/web/web-tree.c": ["tests/system/test_web.py"],
    "daemon/web/web-wait.c": ["tests/system/test_web.py"],
    # What a command prints, with which status.
    "daemon/ctl/ctl-collect.c": ["tests/unit/test-export-format.c", "tests/unit/test-ctl-store.c"],
    "daemon/ctl/ctl-session.c": ["tests/system/test_sessions.py"],
    "daemon/ctl/verb-session.c": ["tests/system/test_sessions.py"],
    "daemon/ctl/ctl-flame.c": ["tests/unit/test-ctl-compare.c"],
    "daemon/ctl/ctl-output.c": ["tests/unit/test-export-format.c"],
    "daemon/ctl/report-peek.c": ["tests/unit/test-ctl-time.c"],
    "daemon/ctl/verb-diff.c": ["tests/unit/test-ctl-compare.c"],
    "daemon/ctl/verb-export.c": ["tests/unit/test-export-format.c"],
    "daemon/ctl/verb-flame.c": ["tests/unit/test-ctl-compare.c"],
    "daemon/ctl/verb-info.c": ["tests/unit/test-ctl-time.c"],
    "daemon/ctl/verb-monitor.c": ["tests/system/test_profilerctl.py"],
    "daemon/ctl/verb-disk-usage.c": ["tests/unit/test-ctl-time.c"],
    "daemon/ctl/verb-store.c": ["tests/unit/test-ctl-time.c"],
    "daemon/ctl/ctl-error.c": ["tests/system/test_profilerctl.py"],
    "daemon/ctl/ctl.c": ["tests/system/test_profilerctl.py"],
    "daemon/ctl/findings.c": ["tests/system/test_profilerctl.py"],
    "daemon/ctl/pager.c": ["tests/system/test_profilerctl.py"],
    "daemon/ctl/report-print.c": ["tests/system/test_profilerctl.py"],
    "daemon/ctl/status-unit.c": ["tests/system/test_profilerctl.py"],
    "daemon/ctl/table.c": ["tests/system/test_profilerctl.py"],
    "daemon/ctl/verb-compact.c": ["tests/system/test_compact.py"],
    "daemon/ctl/verb-daemon.c": ["tests/system/test_profilerctl.py"],
    "daemon/ctl/verb-doctor.c": ["tests/system/test_profilerctl.py"],
    "daemon/ctl/verb-list.c": ["tests/system/test_profilerctl.py"],
    "daemon/ctl/verb-report.c": ["tests/system/test_profilerctl.py"],
    "daemon/ctl/verb-status.c": ["tests/system/test_profilerctl.py"],
    "daemon/ctl/progress.c": ["tests/system/test_interrupt.py"],
    "daemon/ctl/screen.c": ["tests/system/test_runtime.py"],
    "daemon/ctl/verb-top.c": ["tests/system/test_runtime.py"],
    "daemon/ctl/verb-uploads.c": ["tests/system/test_upload_service.py"],
    "daemon/ctl/verb-web.c": ["tests/system/test_web.py"],
    "daemon/ctl/symbols-fetch.c": ["tests/system/test_names.py"],
    "daemon/ctl/verb-symbols.c": ["tests/system/test_names.py"],
    "daemon/ctl/verb-verify.c": ["tests/system/test_profilerctl.py"],
}

LISTS = {
    # folder: prefix, the list in its meson.build
    "tests/unit": ("test-", "unit_tests"),
    "tests/kernel": ("test-", "kernel_tests"),
    "tests/bench": ("bench-", "benchmarks"),
    "tests/fuzz": ("fuzz-", "fuzzers"),
}
HERE = "tests/check/mirror.py"


def words_of(folder, variable):
    """The words of the lists of that name, `NAME = [` and `NAME += [`, without comments."""
    path = guard.ROOT / folder / "meson.build"
    text = re.sub(r"#.*", "", path.read_text()) if path.exists() else ""
    lists = re.findall(rf"\b{variable}\s*\+?=\s*\[(.*?)\]", text, re.DOTALL)
    return {word for part in lists for word in re.findall(r"'([^']+)'", part)}


for path in map(str, guard.files("daemon/**/*.c")):
    name = path.rsplit("/", 1)[-1].removesuffix(".c")
    test = f"tests/unit/test-{name}.c"
    has_test = (guard.ROOT / test).exists()
    if path in MAINS:
        continue
    if path in PROVEN_BY:
        if has_test:
            guard.complain(HERE, 0, f"{path} has a test of its own: remove the entry")
        for proof in PROVEN_BY[path]:
            if not (guard.ROOT / proof).exists():
                guard.complain(path, 0, f"{proof}, which is said to prove it, does not exist")
    elif not has_test:
        guard.complain(path, 0, f"has no test: write {test}")

# Of another machine than the one that builds.
MACHINE = "-aarch64"
modules = {path.stem for path in guard.files("daemon/**/*.c")}
for path in guard.files("tests/unit/test-*.c"):
    if path.stem.removeprefix("test-").removesuffix(MACHINE) not in modules:
        guard.complain(path, 0, "proves no module of that name: name it after what it proves")

for path in (MAINS | PROVEN_BY.keys()) - set(map(str, guard.files("daemon/**/*.c"))):
    guard.complain(HERE, 0, f"{path} does not exist: remove the entry")

for folder, (prefix, variable) in LISTS.items():
    listed = words_of(folder, variable)
    for path in guard.files(f"{folder}/{prefix}*.c"):
        name = path.stem.removeprefix(prefix)
        if name not in listed:
            guard.complain(path, 0, f"is never built: add '{name}' to {variable} in {folder}/meson.build")
        if folder == "tests/fuzz" and not guard.files(f"{folder}/corpus/{name}/*"):
            guard.complain(path, 0, f"has no corpus: put inputs into {folder}/corpus/{name}/")
guard.finish()
