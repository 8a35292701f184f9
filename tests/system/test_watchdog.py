# SPDX-License-Identifier: Apache-2.0
"""A daemon that hangs is ended and started again; one that is stopped or reloaded loses nothing."""

import gzip
import signal
import time

import pytest
from machine import DROP_IN, STORE, wait_until

UNIT_DROP_IN = "/etc/systemd/system/profilerd.service.d/50-test.conf"
UNITS = 40


def check_files(machine):
    """None is half, and there is nothing else."""
    for path in machine.files():
        gzip.decompress(path.read_bytes())
    assert {path.name for path in machine.path(STORE).glob("*/*")} == {path.name for path in machine.files()}
    assert machine.ctl("verify", check=False).returncode == 0


@pytest.fixture
def watched(own_machine):
    """Two seconds of patience, and time to see why it was ended."""
    own_machine.write(UNIT_DROP_IN, "[Service]\nWatchdogSec=2s\nRestartSec=2s\n")
    own_machine.write(DROP_IN, "[Profilerd]\nInterval=1s\n")
    own_machine.systemctl("daemon-reload")
    own_machine.systemctl("restart", "profilerd")
    return own_machine


@pytest.mark.seconds(90)
def test_hung_daemon_is_ended_and_started_again(watched):
    m = watched
    m.start("watched", m.program("split"), 3)
    m.let_run("watched", seconds=2)
    wait_until(lambda: m.files("watched.service"), 10, "a profile")
    before = m.show("profilerd", "MainPID")
    start = time.monotonic()
    m.run("kill", "-STOP", before)
    wait_until(lambda: m.show("profilerd", "Result") == "watchdog", 10, "the watchdog")
    wait_until(lambda: m.show("profilerd", "MainPID") not in (before, "0")
               and m.show("profilerd", "ActiveState") == "active", 15, "the restart")
    assert time.monotonic() - start < 15
    assert m.show("profilerd", "NRestarts") == "1"
    assert any("atchdog timeout" in e["MESSAGE"] for e in m.journal("-u", "profilerd"))
    check_files(m)
    # It goes on where it was.
    kept = len(m.files("watched.service"))
    m.let_run("watched")
    m.flush()
    assert len(m.files("watched.service")) > kept
    assert "spend_half" in m.profile("watched.service").names


@pytest.mark.seconds(90)
def test_daemon_that_works_is_left_alone(watched):
    m = watched
    for i in range(4):
        m.start(f"load-{i}", m.program("split"), 3)
    pid = m.show("profilerd", "MainPID")
    end = time.monotonic() + 8
    while time.monotonic() < end:
        m.flush()
        m.systemctl("reload", "profilerd")
    assert m.show("profilerd", "MainPID") == pid
    assert m.show("profilerd", "NRestarts") == "0"


# ---- reload by signal ----

def test_reload_by_signal_says_in_the_journal_what_came_of_it(machine, configure):
    pid = machine.show("profilerd", "MainPID")

    def reload(text):
        before = machine.journal_end()
        machine.write(DROP_IN, text)
        machine.run("kill", f"-{signal.SIGHUP}", pid)
        return wait_until(lambda: [e for e in machine.journal("SYSLOG_IDENTIFIER=profilerd", after=before)
                                   if "onfiguration" in e["MESSAGE"]], 5, "the line")[-1]

    assert reload("[Profilerd]\nFrequency=61\n")["MESSAGE"] == "Configuration loaded."
    assert machine.manager("FrequencyHz") == 61
    entry = reload("[Profilerd\n")
    assert "keeping the old one" in entry["MESSAGE"] and f"{DROP_IN}:1: " in entry["MESSAGE"]
    assert machine.manager("FrequencyHz") == 61
    assert machine.show("profilerd", "ActiveState") == "active"
    assert machine.show("profilerd", "MainPID") == pid


# ---- status and stop ----

def test_status_is_there_when_the_start_command_returns(machine):
    machine.systemctl("stop", "profilerd")
    text = machine.shell("systemctl start profilerd && systemctl show -P StatusText profilerd")
    assert text.startswith("Profiling ") and text.endswith(" at 99 Hz")
    wait_until(lambda: "samples/min, 0 lost" in machine.show("profilerd", "StatusText"), 15, "rate and losses")


@pytest.mark.seconds(90)
def test_stop_takes_no_second_and_stores_every_open_window(own_machine):
    m = own_machine
    units = [f"open-{i}" for i in range(UNITS)]
    for unit in units:
        m.start(unit, m.program("split"), 3)
    m.let_run(*units, seconds=0.1)
    assert not m.files("open-*")
    # Time on a host that is busy with them is another matter: its load goes first.
    m.systemctl("freeze", *units)
    start = time.monotonic()
    m.systemctl("stop", "profilerd")
    assert time.monotonic() - start < 1
    m.systemctl("thaw", *units)
    assert m.show("profilerd", "Result") == "success"
    assert {path.parent.name for path in m.files("open-*")} == {f"{unit}.service" for unit in units}
    check_files(m)
