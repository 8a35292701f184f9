# SPDX-License-Identifier: Apache-2.0
"""What a known program spends where comes out of the profile."""

import json
import math
import pathlib
import re

import pytest
from profile import go_pprof

SECONDS = 10
DEPTH = 12
SHARES = {"spend_half": 0.5, "spend_third": 0.3, "spend_fifth": 0.2}


class Run:
    """One run of split from its start to its end, beside dd, which is in the kernel most of the time."""

    def __init__(self, machine):
        self.machine = machine
        machine.start("truth", machine.program("split"), DEPTH, SECONDS, 2, RemainAfterExit="yes")
        self.main_pid = int(machine.show("truth", "MainPID"))
        machine.start("kernelwork", "dd", "if=/dev/zero", "of=/dev/null", "bs=1M")
        machine.shell("while [ $(systemctl show -P SubState truth) = running ]; do sleep 0.1; done")
        machine.stop("kernelwork")
        self.cpu_nsec = int(machine.show("truth", "CPUUsageNSec"))
        machine.flush()
        self.profiles = machine.profiles("truth.service")
        self.files = machine.files("truth.service")
        self.kernel = machine.profiles("kernelwork.service")[-1]
        self.samples = [sample for profile in self.profiles for sample in profile.samples]
        self.count = sum(sample.count for sample in self.samples)


@pytest.fixture(scope="module")
def run(shared_machine):
    run = Run(shared_machine)
    yield run
    shared_machine.stop("truth")


def tolerance(share, n):
    """Four standard deviations of a share among n samples."""
    return 4 * math.sqrt(share * (1 - share) / n)


def test_shares_of_functions_are_right_within_sampling_error(run):
    assert run.count > 100
    for name, share in SHARES.items():
        measured = sum(p.count_of(name) for p in run.profiles) / run.count
        assert measured == pytest.approx(share, abs=tolerance(share, run.count)), name


def test_total_is_the_cpu_time_that_the_cgroup_used(run):
    total = sum(profile.cpu_nsec for profile in run.profiles)
    assert total == pytest.approx(run.cpu_nsec, rel=max(0.03, 1 / math.sqrt(run.count)))


def test_count_times_period_is_the_time(run):
    for profile in run.profiles:
        assert profile.period == pytest.approx(1e9 / 99, abs=1)
        assert profile.cpu_nsec == pytest.approx(profile.count * profile.period, rel=0.01)


def test_stacks_name_every_caller_in_order(run):
    in_order = 0
    for sample in run.samples:
        user = [frame.name for frame in sample.frames if not frame.is_kernel]
        expected = ["descend"] * (DEPTH + 1) + ["work"]
        if user and user[0] in SHARES and user[1:DEPTH + 3] == expected:
            in_order += sample.count
    # What is left was interrupted before a function had set up its frame.
    assert in_order / run.count > 0.97


def test_main_thread_is_called_from_main(run):
    mine = [s for s in run.samples if s.labels["tid"] == run.main_pid and "work" in s.names]
    assert mine
    for sample in mine:
        assert sample.names[sample.names.index("work") + 1] == "main"


def test_samples_are_labelled_with_thread_and_ids_of_the_container(run):
    assert {s.labels["pid"] for s in run.samples} == {run.main_pid}
    assert {s.labels["thread"] for s in run.samples} == {"split"}
    tids = {s.labels["tid"] for s in run.samples}
    assert run.main_pid in tids and len(tids) == 2


def test_first_mapping_is_the_main_executable_with_its_build_id(run):
    program = run.machine.program("split")
    notes = run.machine.output("readelf", "-n", program)
    build_id = re.search(r"Build ID: ([0-9a-f]+)", notes)[1]
    for profile in run.profiles:
        assert profile.mappings[0]["file"] == program
        assert profile.mappings[0]["build_id"] == build_id


def test_addresses_are_those_of_the_elf_file(run):
    symbols = run.machine.output("readelf", "-sW", run.machine.program("split"))
    row = next(line.split() for line in symbols.splitlines() if line.endswith(" spend_half"))
    start, size = int(row[1], 16), int(row[2], 0)
    frames = [s.frames[0] for s in run.samples if s.frames and s.frames[0].name == "spend_half"]
    assert frames
    assert all(start <= frame.address < start + size for frame in frames)


def test_kernel_frames_are_named_under_the_hardened_unit(run):
    frames = [f for s in run.kernel.samples for f in s.frames if f.is_kernel]
    assert frames
    assert sum(bool(frame.name) for frame in frames) / len(frames) > 0.99
    assert any("read" in name for name in {frame.name for frame in frames})


def test_kernel_work_ends_in_kernel_frames_above_user_frames(run):
    in_kernel = sum(s.count for s in run.kernel.samples if s.is_in_kernel)
    assert in_kernel / run.kernel.count > 0.5
    assert run.kernel.mappings[0]["file"].endswith("/dd")
    assert [m["file"] for m in run.kernel.mappings].count("[kernel.kallsyms]") == 1


def test_comments_tell_unit_invocation_host_and_boot(run):
    comments = run.profiles[0].comments
    assert comments["unit"] == "truth.service"
    assert comments["host"] == run.machine.output("hostname")
    # nspawn shows an id of its own, but not in the fresh /proc of a service with ProtectProc=.
    boot_ids = {run.machine.output("cat", "/proc/sys/kernel/random/boot_id"),
                pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip()}
    assert comments["boot-id"] in {boot_id.replace("-", "") for boot_id in boot_ids}
    assert comments["invocation-id"] == run.machine.show("truth", "InvocationID")
    assert comments["lost-samples"] == "0"


def test_half_of_the_stacks_reach_the_start_of_their_thread(run):
    # Debian's libc has no frame pointer below main(), but the second thread's start is seen.
    complete = sum(int(p.comments["stacks-complete"]) for p in run.profiles)
    assert complete / run.count > 0.4


def test_go_pprof_reads_the_shares(run, go):
    top = go_pprof("-top", *run.files)
    for name, share in SHARES.items():
        flat = re.search(rf"([\d.]+)%\s+[\d.]+%\s+\S+\s+[\d.]+%\s+{name}$", top, re.M)
        assert float(flat[1]) / 100 == pytest.approx(share, abs=tolerance(share, run.count) + 0.02)
    assert "File: split" in top
    assert "Type: cpu" in top


def test_go_pprof_shows_the_same_raw_numbers(run, go):
    raw = go_pprof("-raw", run.files[0])
    counts = [int(line.split()[0]) for line in raw.splitlines() if re.match(r"\s+\d+\s+\d+: ", line)]
    assert sum(counts) == run.profiles[0].count
    assert "samples/count cpu/nanoseconds[dflt]" in raw
    assert "PeriodType: cpu nanoseconds" in raw


def test_report_shows_the_shares(run):
    report = json.loads(run.machine.ctl("report", "truth", "--json=short").stdout)["reports"][0]
    for name, share in SHARES.items():
        row = next(row for row in report["rows"] if row["name"] == name)
        assert row["self"] / report["total"] == pytest.approx(share, abs=tolerance(share, run.count) + 0.02)
    assert report["samples"] == run.count


def test_written_files_keep_every_rule(run):
    assert run.machine.ctl("verify", *(f"/var/lib/profilerd/truth.service/{p.name}" for p in run.files)).returncode == 0
