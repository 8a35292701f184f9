# SPDX-License-Identifier: Apache-2.0
"""Type=offcpu: where the threads of a unit wait."""

import shutil

import pytest

import profile as pprof

SECONDS = 4
SLEEPER = f"""
import threading, time
def sleeper():
    end = time.monotonic() + {SECONDS}
    while time.monotonic() < end:
        time.sleep(0.05)
threads = [threading.Thread(target=sleeper) for _ in range(2)]
[t.start() for t in threads]
[t.join() for t in threads]
"""
UNIT_FILE = "[Match]\nUnit=waits.service\n[Profile]\nType=cpu offcpu\n"


@pytest.fixture
def waits(machine, configure):
    """Two threads that sleep, and the main thread that waits for them."""
    configure("", UNIT_FILE)
    machine.start("waits", shutil.which("python3", path="/usr/bin"), "-c", SLEEPER, RemainAfterExit="yes")
    machine.shell("while [ $(systemctl show -P SubState waits) = running ]; do sleep 0.1; done")
    machine.flush()
    yield machine
    machine.stop("waits")


def of_type(machine, kind):
    return [pprof.Profile(path) for path in machine.files("waits.service") if path.name.startswith(kind + ".")]


def waits_of(profiles):
    """The longest ones, for a test that fails."""
    samples = [sample for profile in profiles for sample in profile.samples]
    samples.sort(key=lambda sample: -sample.cpu_nsec)
    return [(sample.cpu_nsec / 1e9, sample.labels, sample.names[-6:]) for sample in samples[:12]]


def test_threads_that_sleep_are_seen_where_they_do(waits):
    profiles = of_type(waits, "offcpu")
    slept = sum(sample.cpu_nsec for profile in profiles for sample in profile.samples
                if any("nanosleep" in name for name in sample.names))
    assert 2 * SECONDS * 0.9 < slept / 1e9 < 2 * SECONDS * 1.1
    # The rest is one wait for two threads, and what the interpreter waits for at start.
    waited = sum(profile.cpu_nsec for profile in profiles)
    assert 3 * SECONDS * 0.9 < waited / 1e9 < 3 * SECONDS * 1.2, waits_of(profiles)
    assert {sample.labels["state"] for profile in profiles for sample in profile.samples} <= {"S", "D"}


def test_the_cpu_profile_is_another_and_has_none_of_it(waits):
    for profile in of_type(waits, "cpu"):
        assert [t["type"] for t in profile.raw["sample_types"]] == ["samples", "cpu"]
        assert all("state" not in sample.labels for sample in profile.samples)
    for profile in of_type(waits, "offcpu"):
        assert [t["type"] for t in profile.raw["sample_types"]] == ["samples", "offcpu"]


def test_the_report_tells_who_waits_for_what(waits):
    text = waits.ctl("report", "waits", "--type=offcpu").stdout
    assert "threads waiting" in text
    assert "nanosleep" in text
    assert "on_switch" not in text and "__schedule" not in text


def test_state_is_on_the_bus(waits):
    assert waits.unit("waits.service", "Types") == ["cpu", "offcpu"]
    assert waits.unit("waits.service", "Waits") > 50
    assert waits.unit("waits.service", "WaitsNSec") > 2 * SECONDS * 1e9


def test_go_reads_it(waits):
    if not pprof.have_go_pprof():
        pytest.skip("there is no go")
    path = next(p for p in waits.files("waits.service") if p.name.startswith("offcpu."))
    assert "Type: offcpu" in pprof.go_pprof("-top", path)


def test_a_unit_that_does_not_want_it_has_none(waits):
    assert waits.unit("dbus.service", "Types") == ["cpu"]
    assert not [path for path in waits.files("dbus.service") if path.name.startswith("offcpu.")]
