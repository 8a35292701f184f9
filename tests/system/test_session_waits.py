# SPDX-License-Identifier: Apache-2.0
"""Sessions of type offcpu: where the threads of a unit, a process or the host wait."""

import json
import os
import shutil

import pytest
from machine import wait_until
from profile import Profile
from rawbus import RawBus
from test_bus_api import INVALID
from test_sessions import NOBODY, SECOND, no_sessions_left, result, start, wait_for_end  # noqa: F401

NAPS = """
import threading, time
def nap_for_long():
    while True:
        time.sleep(0.05)
[threading.Thread(target=nap_for_long).start() for _ in range(2)]
"""
PYTHON = shutil.which("python3", path="/usr/bin")
UNIT_FILE = "[Match]\nUnit=sleepy.service\n[Profile]\nType=cpu offcpu\n"


@pytest.fixture
def sleepy(machine, cleanup):
    """Two threads that sleep, fifty milliseconds at a time, and one that waits for them."""
    cleanup("sleepy")
    machine.start("sleepy", PYTHON, "-c", NAPS)
    wait_until(lambda: len(os.listdir(machine.path(f"/proc/{pid_of(machine)}/task"))) == 3, 10, "threads")
    return machine


def pid_of(machine):
    return machine.show("sleepy", "MainPID")


def slept_in(profile, value="offcpu"):
    at = [t["type"] for t in profile.raw["sample_types"]].index(value)
    return sum(sample.values[at] for sample in profile.samples
               if any("nanosleep" in name for name in sample.names)) / 1e9


def record(machine, *arguments):
    machine.run("rm", "-f", "/root/w.pb.gz")
    said = machine.ctl("record", *arguments, "-o", "/root/w.pb.gz").stderr
    return Profile(machine.path("/root/w.pb.gz")), said


@pytest.mark.parametrize("by", ["unit", "pid", "cgroup"])
def test_a_sleeper_is_seen_where_it_sleeps(sleepy, by):
    target = {"unit": "sleepy", "pid": f"--pid={pid_of(sleepy)}", "cgroup": "--cgroup=/system.slice/sleepy.service"}
    profile, said = record(sleepy, target[by], "--type=offcpu", "--for=3s")
    assert [t["type"] for t in profile.raw["sample_types"]] == ["samples", "offcpu"]
    assert 2 * 3 * 0.8 < slept_in(profile) < 2 * 3 * 1.2
    assert {sample.labels["state"] for sample in profile.samples} <= {"S", "D"}
    assert "of waiting" in said and "Hz" not in said and "CPU" not in said
    assert "nanosleep" in sleepy.ctl("report", "/root/w.pb.gz").stdout


def test_both_types_are_values_of_one_profile(sleepy):
    profile, said = record(sleepy, "--host", "--type=cpu,offcpu", "--for=2s")
    assert [t["type"] for t in profile.raw["sample_types"]] == ["samples", "cpu", "offcpu"]
    assert slept_in(profile) > 2 and "of waiting" in said and "CPU" in said
    for sample in profile.samples:
        assert (sample.values[1] == 0) == ("state" in sample.labels)
    assert "nanosleep" in sleepy.ctl("report", "/root/w.pb.gz", "--type=offcpu").stdout
    refused = sleepy.ctl("record", "--host", "--type=cpu,offcpu", "--format=folded", "-o", "-", check=False)
    assert refused.returncode == 2 and "one type" in refused.stderr


def test_the_store_tells_them_from_what_is_profiled_anyway(sleepy):
    said = record(sleepy, "sleepy", "--type=offcpu", "--for=1s", "--store")[1]
    assert "/sleepy.service/offcpu-session." in said


def test_a_type_that_does_not_exist_is_refused(machine):
    with RawBus(machine) as bus:
        for types in ([], ["cpu", "cpu"], ["heap"]):
            assert start(bus, "host", options=(("Types", "as", types),)).error == INVALID
        assert start(bus, "host", options=(("Types", "s", "cpu"),)).error == INVALID
    refused = machine.ctl("record", "--host", "--type=heap", check=False)
    assert refused.returncode == 2 and "cpu,offcpu" in refused.stderr


def test_results_and_stream_are_nanoseconds(sleepy):
    reader, writer = os.pipe()
    with RawBus(sleepy) as bus:
        path = start(bus, "unit:sleepy", 99, 2 * SECOND,
                     options=(("Types", "as", ["offcpu"]), ("Stream", "h", writer),
                              ("StreamIntervalUSec", "t", 200_000))).text
        os.close(writer)
        lines = os.fdopen(reader).read().splitlines()
        assert wait_for_end(sleepy, path) == "finished"
        assert sleepy.session(path, "Types") == ["offcpu"]
        waited = sleepy.session(path, "WaitsNSec")
        assert 2 < waited / 1e9 < 12 and sleepy.session(path, "CPUNSec") == 0
        folded = result(sleepy, path).decode().splitlines()
        assert sum(int(line.rsplit(" ", 1)[1]) for line in lines) == waited
        assert sum(int(line.rsplit(" ", 1)[1]) for line in folded) == waited
        assert "offcpu" in json.dumps(json.loads(result(sleepy, path, "json")))


def test_ones_own_waits_need_no_privilege_and_show_no_kernel(machine, cleanup):
    cleanup("naps")
    machine.start("naps", PYTHON, "-c", NAPS, User="nobody")
    machine.let_run("naps", seconds=0.02)
    own = machine.show("naps", "MainPID")
    done = machine.as_nobody("profilerctl", "record", f"--pid={own}", "--type=offcpu", "--for=2s",
                             "--format=folded", "-o", "-")
    assert done.returncode == 0, done.stderr
    assert "nanosleep" in done.stdout and "_[k]" not in done.stdout
    with RawBus(machine, NOBODY) as bus:
        assert start(bus, "host", options=(("Types", "as", ["offcpu"]),)).error is not None


def test_the_units_own_profile_is_right_while_sessions_run(machine, configure, cleanup):
    configure("", UNIT_FILE)
    cleanup("sleepy")
    machine.start("sleepy", PYTHON, "-c", NAPS)
    wait_until(lambda: machine.unit("sleepy.service", "Types") == ["cpu", "offcpu"], 10, "the unit")
    machine.flush()
    before = sum(slept_in(p) for p in stored(machine))
    begin = machine.output("cut", "-d ", "-f1", "/proc/uptime")
    record(machine, "--host", "--type=cpu,offcpu", "--for=3s", "--frequency=1000")
    record(machine, f"--pid={pid_of(machine)}", "--type=offcpu", "--for=1s")
    machine.flush()
    elapsed = float(machine.output("cut", "-d ", "-f1", "/proc/uptime")) - float(begin)
    slept = sum(slept_in(p) for p in stored(machine)) - before
    assert 2 * elapsed * 0.85 < slept < 2 * elapsed * 1.15


def stored(machine):
    return [Profile(path) for path in machine.files("sleepy.service") if path.name.startswith("offcpu.")]
