# SPDX-License-Identifier: Apache-2.0
"""Triggers: a unit that spikes is recorded by itself, and what comes of it says why."""

import re

import pytest
from machine import BUS, MANAGER, ROOT, wait_until
from profile import Profile
from rawbus import RawBus
from test_bus_api import DENIED, NOBODY
from test_sessions import no_sessions_left, sessions  # noqa: F401

DIRECTORY = "/etc/profilerd/triggers.d"
PAUSE = "until [ -e /run/spike ]; do sleep 0.2; done; rm /run/spike; exec"


@pytest.fixture
def rule(machine):
    """rule(name, text): puts a trigger in force, and takes all away in the end."""
    def put(name, text):
        machine.write(f"{DIRECTORY}/{name}.conf", text)
        machine.systemctl("reload", "profilerd")

    yield put
    for path in machine.path(DIRECTORY).glob("*.conf"):
        path.unlink()
    machine.path("/run/spike").unlink(missing_ok=True)
    machine.systemctl("reload", "profilerd", check=False)


def triggered(machine, after=0):
    return [entry for entry in machine.journal("-u", "profilerd", after=after) if "PROFILERD_TRIGGER" in entry]


@pytest.mark.seconds(90)
def test_a_unit_that_spikes_is_recorded(machine, cleanup, rule):
    cleanup("spiky")
    rule("spike", "[Trigger]\nUnit=spiky\nCPUUsage=20%\nWindowSec=2s\nFrequency=499\nDurationSec=2s\n")
    begin = machine.journal_end()
    machine.start("spiky", "sh", "-c", f"{PAUSE} {machine.program('split')} 3")
    machine.wait_for_state("spiky.service", "profiled")
    with RawBus(machine) as bus:
        bus.call("org.freedesktop.DBus", "/", "org.freedesktop.DBus", "AddMatch", "s",
                 f"type='signal',interface='{MANAGER}',member='Triggered'")
        assert not triggered(machine, begin)
        machine.path("/run/spike").touch()
        signal = wait_until(lambda: (m := bus.receive(1)) and m.member == "Triggered" and m, 30, "the signal")
    assert signal.text == "spiky.service"
    entry, = triggered(machine, begin)
    assert entry["UNIT"] == "spiky.service" and entry["PROFILERD_TRIGGER"] == "spike"
    assert "cpu-usage" in entry["MESSAGE"]
    file = wait_until(lambda: [f for f in machine.files("spiky.service") if f.name.startswith("cpu-session.")], 30)[0]
    profile = Profile(file)
    assert re.fullmatch(r"spike: cpu-usage \d+\.\d\d, limit 0\.20, over 2s", profile.comments["trigger"])
    assert profile.period == 1_000_000_000 // 499
    assert profile.count_of("spend_half") > 20
    # It goes on spiking, and is not recorded again: it cools down.
    machine.let_run("spiky", seconds=1)
    assert len(triggered(machine, begin)) == 1


def test_a_start_is_recorded_and_the_daemons_own_is_none(machine, cleanup, rule):
    cleanup("starter")
    machine.start("starter", machine.program("split"), 3)
    machine.wait_for_state("starter.service", "profiled")
    begin = machine.journal_end()
    rule("begin", "[Trigger]\nUnit=starter\nOnStart=yes\nDurationSec=1s\nCooldownSec=0\nMaxPerHour=2\n")
    assert not triggered(machine, begin)
    for n in (1, 2, 2):  # the third is beyond MaxPerHour=
        machine.stop("starter")
        machine.start("starter", machine.program("split"), 3)
        machine.wait_for_state("starter.service", "profiled")
        wait_until(lambda: len(triggered(machine, begin)) == n, 10, "the trigger")
    assert triggered(machine, begin)[0]["MESSAGE"].endswith("start; recording.")


def test_it_can_be_set_off_by_hand(machine, cleanup, rule):
    cleanup("handy")
    machine.start("handy", machine.program("split"), 3)
    machine.wait_for_state("handy.service", "profiled")
    rule("hand", "[Trigger]\nUnit=handy\nDurationSec=1s\n")
    with RawBus(machine, NOBODY) as bus:
        machine.systemctl("mask", "--runtime", "polkit", check=False)
        machine.systemctl("stop", "polkit", check=False)
        assert bus.call(BUS, ROOT, MANAGER, "Trigger", "ss", "hand", "handy.service").error == DENIED
        machine.systemctl("unmask", "--runtime", "polkit", check=False)
    assert "Recording handy.service" in machine.ctl("trigger", "hand", "handy").stderr
    assert sessions(machine)[-1][1] == "unit:handy.service"
    again = machine.ctl("trigger", "hand", "handy", check=False)
    assert again.returncode == 1 and "short while ago" in again.stderr
    other = machine.ctl("trigger", "nonsense", "handy", check=False)
    assert other.returncode == 4 and "triggers.d" in other.stderr
