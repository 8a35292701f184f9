# SPDX-License-Identifier: Apache-2.0
"""Triggers: a unit that spikes is recorded by itself, and what comes of it says why."""

import re
import time

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


SOCKET = "profilerd-open.socket"
TOO_MANY = "org.profilerd1.Error.TooManySessions"
BUSY = "org.profilerd1.Error.Busy"


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


def busy_loops(machine, name, n=4):
    """A unit with more to do than there are CPUs, once /run/spike is there; at every start."""
    loops = "; ".join([f"{machine.program('split')} 30 &"] * n)
    machine.write_unit(f"{name}.service", f"""[Service]
ExecStart=/bin/sh -c 'until [ -e /run/spike ]; do sleep 0.2; done; {loops.replace("&;", "&")} wait'
""")
    machine.systemctl("daemon-reload")
    machine.systemctl("start", name)
    machine.wait_for_state(f"{name}.service", "profiled")


def watched(machine):
    """The pressure files that the daemon has open."""
    pid = machine.show("profilerd", "MainPID")
    return machine.shell(f"ls -l /proc/{pid}/fd").count(".pressure")


@pytest.mark.seconds(120)
def test_the_kernel_watches_pressure(machine, cleanup, rule):
    cleanup("pressed")
    busy_loops(machine, "pressed")
    begin = machine.journal_end()
    rule("squeeze", "[Trigger]\nUnit=pressed\nCPUPressure=30%\nMemoryPressure=90%\nWindowSec=2s\nCooldownSec=1s\n"
                    "DurationSec=1s\n")
    wait_until(lambda: watched(machine) == 2, 5, "the triggers of the kernel")
    # They live on without the one who made them; and another one is asked for the next cgroup.
    machine.systemctl("stop", "profilerd-open.service")
    machine.systemctl("restart", SOCKET)
    machine.path("/run/spike").touch()
    entry = wait_until(lambda: triggered(machine, begin), 20, "the trigger")[0]
    assert re.search(r"cpu-pressure reached its limit 0\.30 over 2s, avg10 \d\.\d\d; recording", entry["MESSAGE"])
    file = wait_until(lambda: [f for f in machine.files("pressed.service") if "session" in f.name], 30)[0]
    assert Profile(file).comments["trigger"].startswith("squeeze: cpu-pressure reached its limit 0.30")

    machine.path("/run/spike").unlink()
    machine.systemctl("restart", "pressed")
    wait_until(lambda: watched(machine) == 2, 5, "the triggers of the kernel")
    again = machine.journal_end()
    machine.path("/run/spike").touch()
    wait_until(lambda: triggered(machine, again), 20, "the trigger")
    machine.stop("pressed")
    wait_until(lambda: watched(machine) == 0, 5, "the end of the triggers")
    # Nobody was refused on the way, and nothing had to be polled.
    assert not [e for e in machine.journal("-u", "profilerd", after=begin) if "polled" in e["MESSAGE"]]


@pytest.mark.seconds(120)
def test_pressure_is_polled_where_the_kernel_does_not_watch(machine, cleanup, rule):
    cleanup("unwatched")
    busy_loops(machine, "unwatched")
    begin = machine.journal_end()
    try:
        machine.systemctl("stop", SOCKET)
        rule("poll", "[Trigger]\nUnit=unwatched\nCPUPressure=30%\nIOPressure=99%\nWindowSec=2s\nDurationSec=1s\n")
        polled = wait_until(lambda: [e for e in machine.journal("-u", "profilerd", after=begin)
                                     if "polled" in e["MESSAGE"]], 5, "the word about it")
        assert len(polled) == 1 and SOCKET in polled[0]["MESSAGE"] and polled[0]["MESSAGE_ID"]
        assert watched(machine) == 0
        machine.path("/run/spike").touch()
        entry = wait_until(lambda: triggered(machine, begin), 20, "the trigger")[0]
        assert re.search(r"cpu-pressure \d\.\d\d, limit 0\.30, over 2s", entry["MESSAGE"])
    finally:
        machine.systemctl("start", SOCKET)


def test_nobody_but_the_daemon_has_the_kernel_watch(machine):
    asked = machine.as_nobody("python3", "-c", "import socket as s; "
                              "s.socket(s.AF_UNIX, s.SOCK_SEQPACKET).connect('/run/profilerd-open.socket')")
    assert asked.returncode != 0 and "PermissionError" in asked.stderr


@pytest.mark.seconds(60)
def test_what_is_refused_has_a_name_and_costs_nothing(machine, cleanup, rule):
    cleanup("full")
    machine.start("full", machine.program("split"), 30)
    machine.wait_for_state("full.service", "profiled")
    rule("once", "[Trigger]\nUnit=full\nDurationSec=1s\nMaxPerHour=2\nCooldownSec=2s\n")

    def fire(bus, trigger="once"):
        return bus.call(BUS, ROOT, MANAGER, "Trigger", "ss", trigger, "full.service").error

    limits = "/etc/profilerd/profilerd.conf.d/60-few.conf"
    try:
        machine.write(limits, "[Sessions]\nMaxSessions=1\n")
        machine.systemctl("reload", "profilerd")
        path = machine.start_session("unit:full.service", seconds=3)
        with RawBus(machine) as bus:
            for _ in range(3):  # more often than MaxPerHour=
                assert fire(bus) == TOO_MANY
            assert fire(bus, "none") == "org.profilerd1.Error.NoSuchTarget"
            wait_until(lambda: machine.session(path, "State") == "finished", 15, "the end of the session")
            assert not fire(bus)
            assert fire(bus) == BUSY
            wait_until(lambda: not fire(bus), 10, "the end of CooldownSec=")
            wait_until(lambda: "MaxPerHour=" in machine.ctl("trigger", "once", "full", check=False).stderr, 10)
    finally:
        machine.path(limits).unlink(missing_ok=True)
        machine.systemctl("reload", "profilerd")


def before(machine, unit):
    return [Profile(f) for f in machine.files(unit) if f.name.startswith("cpu-before.")]


@pytest.mark.seconds(60)
def test_the_seconds_before_are_exactly_those(machine, cleanup, rule):
    cleanup("phased")
    rule("look-back", "[Trigger]\nUnit=phased\nBeforeSec=3s\nDurationSec=1s\n")
    machine.start("phased", machine.program("phases"), 2)
    machine.wait_for_state("phased.service", "profiled")
    started = int(machine.show("phased", "ExecMainStartTimestampMonotonic")) / 1e6
    while time.monotonic() < started + 7.5:
        time.sleep(0.05)
    machine.ctl("trigger", "look-back", "phased")
    fired = time.monotonic()
    profile = wait_until(lambda: before(machine, "phased.service"), 10, "the seconds before")[0]
    assert profile.comments["trigger"] == "look-back: asked for" and profile.comments["before"] == "3s"
    assert profile.period == 1_000_000_000 // 99

    begin = profile.time_nsec / 1e9 - (time.time() - time.monotonic()) - started
    assert profile.duration_nsec == 3_000_000_000 and fired - 1 < started + begin + 3 <= fired
    near = {f"phase_{int(at / 2) % 8}" for at in (begin - 0.2, begin + 1, begin + 2, begin + 3.2)}
    sure = {f"phase_{int(at / 2) % 8}" for at in (begin + 0.3, begin + 2.7)}
    assert "phase_3" in machine.ctl("report", "--type=cpu-before", "phased").stdout
    names = {name for name in profile.names if name.startswith("phase_")}
    assert sure <= names <= near
    assert profile.count <= 3.1 * 99

    # The ordinary profile goes on as if nothing had happened: one file, and all the time in it.
    wait_until(lambda: any(f.name.startswith("cpu-session.") for f in machine.files("phased.service")), 15)
    assert not [f for f in machine.files("phased.service") if f.name.startswith("cpu.")]
    machine.stop("phased")
    machine.flush()
    whole, = [Profile(f) for f in machine.files("phased.service") if f.name.startswith("cpu.")]
    assert {f"phase_{n}" for n in range(4)} <= whole.names and whole.count > profile.count


@pytest.mark.seconds(60)
def test_it_says_how_far_it_reaches_back(machine, cleanup, rule):
    cleanup("young")
    rule("early", "[Trigger]\nUnit=young\nBeforeSec=1min\nDurationSec=1s\n")
    rule("never", "[Trigger]\nUnit=young\nBeforeSec=0\nDurationSec=1s\n")
    machine.start("young", machine.program("phases"), 1)
    machine.wait_for_state("young.service", "profiled")
    machine.let_run("young", seconds=0.5)
    machine.ctl("trigger", "never", "young")
    machine.ctl("trigger", "early", "young")
    profile = wait_until(lambda: before(machine, "young.service"), 10, "the seconds before")[0]
    held = re.fullmatch(r"(\d+\.\d)s of 1min", profile.comments["before"])
    assert held and abs(float(held[1]) - profile.duration_nsec / 1e9) < 0.1 and 0.4 < float(held[1]) < 30
    wait_until(lambda: len([f for f in machine.files("young.service") if "session" in f.name]) == 2, 15)
    assert len(before(machine, "young.service")) == 1
