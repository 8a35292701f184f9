# SPDX-License-Identifier: Apache-2.0
"""Sessions: who may look at what, what comes of it, and callers who mean no good."""

import fcntl
import gzip
import json
import os
import re
import time

import pytest
from machine import BUS, MANAGER, ROOT, SESSION, STORE, wait_until
from profile import Profile
from rawbus import INTERACTIVE, NO_START, RawBus
from test_bus_api import BUSY, DENIED, INVALID, NOBODY, NOT_INTERACTIVE, RULE, polkit  # noqa: F401

NO_TARGET = "org.profilerd1.Error.NoSuchTarget"
TOO_MANY = "org.profilerd1.Error.TooManySessions"
LIMIT = "org.profilerd1.Error.LimitExceeded"
NO_RESULT = "org.profilerd1.Error.NoResult"
SEALS = 0xf
SECOND = 1_000_000


@pytest.fixture
def busy(machine, cleanup):
    """A service of root that spends half of its time in spend_half()."""
    cleanup("busy")
    machine.start("busy", machine.program("split"), 3)
    machine.let_run("busy", seconds=0.1)
    return "busy.service"


@pytest.fixture
def nobodys(machine, cleanup):
    """The same of user nobody."""
    cleanup("nobodys")
    machine.start("nobodys", machine.program("split"), 3, User="nobody")
    machine.let_run("nobodys", seconds=0.1)
    return machine.show("nobodys", "MainPID")


@pytest.fixture(autouse=True)
def no_sessions_left(machine):
    yield
    for number, *_ in sessions(machine):
        machine.run("busctl", "call", BUS, number, SESSION, "Cancel", check=False)


def sessions(machine):
    text = machine.output("busctl", "--json=short", "call", BUS, ROOT, MANAGER, "ListSessions")
    return json.loads(text)["data"][0]


def start(bus, target, hz=99, usec=10 * SECOND, flags=NO_START, options=()):
    return bus.call(BUS, ROOT, MANAGER, "StartSession", "sutA", target, hz, usec, options, flags=flags)


def wait_for_end(machine, path):
    return wait_until(lambda: (s := machine.session(path, "State")) not in ("running", "finishing") and s, 20, path)


def result(machine, path, form="folded", uid=0):
    with RawBus(machine, uid) as bus:
        bus.send(BUS, path, SESSION, "GetResult", "s", form)
        fd = bus.receive_fd()
    try:
        assert fcntl.fcntl(fd, fcntl.F_GET_SEALS) & SEALS == SEALS
        data = b""
        while piece := os.read(fd, 1 << 20):
            data += piece
        return data
    finally:
        os.close(fd)


# ---- what comes of it ----

def test_a_unit_is_recorded_in_every_format(machine, busy):
    path = machine.start_session("unit:busy", hz=199, seconds=2, Store=True)
    assert machine.session(path, "Unit") == busy
    assert wait_for_end(machine, path) == "finished"
    samples = machine.session(path, "Samples")
    assert samples > 50
    folded = result(machine, path).decode()
    assert sum(int(line.rsplit(" ", 1)[1]) for line in folded.splitlines()) == samples
    assert "spend_half" in folded
    assert json.loads(result(machine, path, "json"))
    stored = machine.session(path, "StoredPath")
    assert stored.startswith(f"{STORE}/{busy}/cpu-session.")
    assert gzip.decompress(result(machine, path, "pprof")) == gzip.decompress(machine.path(stored).read_bytes())
    assert Profile(machine.path(stored)).comments["target"] == "unit:busy"


def test_a_unit_that_is_not_profiled_is_found_all_the_same(machine, cleanup):
    cleanup("strange.scope")
    machine.run("systemd-run", "--quiet", "--scope", "--unit=strange", "sh", "-c",
                f"{machine.program('split')} 3 >/dev/null 2>&1 </dev/null &")
    path = machine.start_session("unit:strange.scope", hz=199, seconds=1)
    assert wait_for_end(machine, path) == "finished"
    assert machine.session(path, "Samples") > 10


def test_the_stream_tells_what_the_result_tells(machine, busy):
    reader, writer = os.pipe()
    with RawBus(machine) as bus:
        answer = start(bus, "unit:busy", 199, 2 * SECOND,
                       options=(("Stream", "h", writer), ("StreamIntervalUSec", "t", 200_000)))
        path = answer.text
        os.close(writer)
        lines = os.fdopen(reader).read().splitlines()
        assert wait_for_end(machine, path) == "finished"
    assert sum(int(line.rsplit(" ", 1)[1]) for line in lines) == machine.session(path, "Samples")


def test_progress_and_end_are_signalled(machine, busy):
    with RawBus(machine) as bus:
        bus.call("org.freedesktop.DBus", "/", "org.freedesktop.DBus", "AddMatch", "s",
                 f"type='signal',interface='{SESSION}'")
        start(bus, "unit:busy", 199, SECOND)
        members = set()
        deadline = time.monotonic() + 10
        while "Finished" not in members and time.monotonic() < deadline:
            message = bus.receive(1)
            if message:
                members.add(message.member)
    assert {"Progress", "Finished"} <= members


# ---- refusals ----

@pytest.mark.parametrize("target, hz, usec, error", [
    ("unit:no-such-thing", 99, SECOND, NO_TARGET),
    ("pid:4194303", 99, SECOND, NO_TARGET),
    ("cgroup:/no/such", 99, SECOND, NO_TARGET),
    ("nonsense", 99, SECOND, INVALID),
    ("unit:../../etc", 99, SECOND, INVALID),
    ("cgroup:/../../etc", 99, SECOND, INVALID),
    ("host", 1001, SECOND, LIMIT),
    ("host", 99, SECOND - 1, LIMIT),
    ("host", 99, 301 * SECOND, LIMIT),
    ("host", 99, (1 << 64) - 1, LIMIT),
])
def test_each_refusal_has_its_name(machine, target, hz, usec, error):
    with RawBus(machine) as bus:
        assert start(bus, target, hz, usec).error == error


@pytest.mark.parametrize("option", [("Nonsense", "b", 1), ("Kernel", "u", 1), ("StreamFormat", "s", "json")])
def test_an_option_that_is_not_understood_is_not_ignored(machine, option):
    with RawBus(machine) as bus:
        assert start(bus, "host", options=(option,)).error == INVALID


def test_a_stream_into_a_file_is_refused(machine, tmp_path):
    with open(tmp_path / "file", "wb") as file, RawBus(machine) as bus:
        assert start(bus, "host", options=(("Stream", "h", file.fileno()),)).error == INVALID


def test_a_user_has_so_many_sessions_and_no_more(machine, nobodys):
    with RawBus(machine, NOBODY) as bus:
        for _ in range(4):
            assert start(bus, f"pid:{nobodys}").error is None
        assert start(bus, f"pid:{nobodys}").error == TOO_MANY


# ---- who may ----

def test_ones_own_process_needs_no_privilege_and_shows_no_kernel(machine, nobodys):
    with RawBus(machine, NOBODY) as bus:
        answer = start(bus, f"pid:{nobodys}", 499, SECOND)
        assert answer.error is None
        path = answer.text
        assert machine.session(path, "Restricted") and not machine.session(path, "Kernel")
        assert wait_for_end(machine, path) == "finished"
        text = result(machine, path, uid=NOBODY).decode()
    assert "spend_half" in text
    assert "_[k]" not in text
    profile = json.loads(result(machine, path, "json"))
    assert not re.search(r"kallsyms|0x?f{6}", json.dumps(profile))


def test_what_is_not_ones_own_is_denied_without_polkit(machine, busy):
    machine.systemctl("mask", "--runtime", "polkit", check=False)
    machine.systemctl("stop", "polkit", check=False)
    pid = machine.show("busy", "MainPID")
    with RawBus(machine, NOBODY) as bus:
        for target in (f"pid:{pid}", "unit:busy", "host", "slice:system", "cgroup:/system.slice", "pid:1"):
            assert start(bus, target).error == DENIED, target
    machine.systemctl("unmask", "--runtime", "polkit", check=False)
    assert not sessions(machine) or all(row[2] != "running" for row in sessions(machine))


def test_the_kernel_of_ones_own_process_is_not_ones_own(polkit, nobodys):  # noqa: F811
    with RawBus(polkit, NOBODY) as bus:
        assert start(bus, f"pid:{nobodys}", options=(("Kernel", "b", 1),)).error == NOT_INTERACTIVE


def test_the_store_and_the_daemons_time_are_not_ones_own(polkit, nobodys):  # noqa: F811
    reader, writer = os.pipe()
    with RawBus(polkit, NOBODY) as bus, open(reader), open(writer):
        assert start(bus, f"pid:{nobodys}", options=(("Store", "b", 1),)).error == NOT_INTERACTIVE
        assert start(bus, f"pid:{nobodys}", options=(("Stream", "h", writer),)).error == NOT_INTERACTIVE


def test_a_process_that_gained_privileges_is_not_ones_own(machine, cleanup):
    """Its user ids are nobody's, but it has capabilities: /proc says it is root's."""
    cleanup("strong")
    machine.start("strong", machine.program("split"), 3, User="nobody", AmbientCapabilities="CAP_SYS_ADMIN")
    machine.let_run("strong", seconds=0.1)
    pid = machine.show("strong", "MainPID")
    with RawBus(machine, NOBODY) as bus:
        answer = start(bus, f"pid:{pid}", 199, SECOND)
        owner = machine.output("stat", "-c", "%u", f"/proc/{pid}")
        assert (answer.error is None) == (owner == str(NOBODY))


def test_polkit_decides_about_everything_else(polkit, busy):  # noqa: F811
    with RawBus(polkit, NOBODY) as bus:
        assert start(bus, "unit:busy").error == NOT_INTERACTIVE
        assert start(bus, "unit:busy", flags=NO_START | INTERACTIVE).error == NOT_INTERACTIVE
    polkit.write(RULE, """polkit.addRule(function(action, subject) {
        if (action.id == "org.profilerd1.start-session" && subject.user == "nobody") return polkit.Result.YES;
    });""")
    polkit.systemctl("restart", "polkit")

    def try_it():
        with RawBus(polkit, NOBODY) as bus:
            answer = start(bus, "unit:busy", 199, SECOND, options=(("Keep", "b", 1),))
            return answer.error is None and answer.text
    path = wait_until(try_it, 10, "polkit to read its rules")
    assert not polkit.session(path, "Restricted")
    assert wait_for_end(polkit, path) == "finished"
    assert b"spend_half" in result(polkit, path, uid=NOBODY)


def test_what_is_anothers_is_neither_read_nor_ended(polkit, busy):  # noqa: F811
    path = polkit.start_session("unit:busy", seconds=20)
    with RawBus(polkit, NOBODY) as bus:
        for member in (("Stop",), ("Cancel",), ("GetResult", "s", "pprof")):
            assert bus.call(BUS, path, SESSION, *member).error == NOT_INTERACTIVE
    assert polkit.session(path, "State") == "running"
    with RawBus(polkit) as bus:
        assert bus.call(BUS, path, SESSION, "GetResult", "s", "pprof").error == NO_RESULT


# ---- callers who leave, and worse ----

def test_a_caller_who_leaves_ends_his_session(machine, busy):
    with RawBus(machine) as bus:
        path = start(bus, "unit:busy").text
        assert machine.session(path, "State") == "running"
    assert wait_until(lambda: machine.session(path, "State") == "cancelled")


def test_a_descriptor_decides_which_process_is_meant(machine, nobodys):
    """The number is root's, the descriptor one's own: and the other way round."""
    own = os.pidfd_open(int(machine.container.leader))
    with RawBus(machine, NOBODY) as bus:
        machine.systemctl("mask", "--runtime", "polkit", check=False)
        answer = start(bus, f"pid:{nobodys}", options=(("PIDFD", "h", own),))
        machine.systemctl("unmask", "--runtime", "polkit", check=False)
        assert answer.error in (DENIED, NO_TARGET)
    os.close(own)


def test_a_flood_of_starts_and_ends_leaves_the_daemon_well(machine, nobodys):
    before = machine.manager("Descriptors")
    for _ in range(20):
        bus = RawBus(machine, NOBODY)
        for _ in range(10):
            bus.send(BUS, ROOT, MANAGER, "StartSession", "sutA", f"pid:{nobodys}", 1000, 300 * SECOND, ())
        bus.close()
    wait_until(lambda: all(row[2] != "running" for row in sessions(machine)), 20, "all sessions to end")
    wait_until(lambda: machine.manager("Descriptors") <= before + 4, 10, "descriptors to be closed")
    assert len([row for row in sessions(machine) if row[3] == NOBODY]) <= 32
    assert machine.show("profilerd", "NRestarts") == "0"


def test_a_flood_of_questions_about_units_keeps_nobody_else_out(machine):
    machine.systemctl("mask", "--runtime", "polkit", check=False)
    with RawBus(machine, NOBODY) as crowd, RawBus(machine, 1) as other:
        serials = [crowd.send(BUS, ROOT, MANAGER, "StartSession", "sutA", f"unit:no-{i}", 99, SECOND, ())
                   for i in range(40)]
        assert start(other, "unit:no-such-thing").error == NO_TARGET
        errors = [answer.error for answer in crowd.answers(serials, 20).values()]
    machine.systemctl("unmask", "--runtime", "polkit", check=False)
    assert len(errors) == 40 and {NO_TARGET, BUSY} == set(errors)


def test_a_pipe_made_blocking_and_full_holds_nobody_up(machine, busy):
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    with RawBus(machine) as bus:
        path = start(bus, "host", 1000, 3 * SECOND,
                     options=(("Stream", "h", writer), ("StreamIntervalUSec", "t", 100_000))).text
        os.set_blocking(writer, False)
        try:
            while True:
                os.write(writer, b"x" * 4096)
        except BlockingIOError:
            pass
        os.set_blocking(writer, True)
        begin = time.monotonic()
        assert wait_for_end(machine, path) == "finished"
        assert time.monotonic() - begin < 8
    os.close(reader)
    os.close(writer)


# ---- profilerctl ----

def test_record_writes_a_profile(machine, busy):
    machine.run("rm", "-f", "/root/r.pb.gz")
    result_ = machine.ctl("record", "busy", "--for=2s", "--frequency=199", "-o", "/root/r.pb.gz")
    assert re.search(r"unit:busy: \d+ samples in 2s at 199 Hz", result_.stderr)
    profile = Profile(machine.path("/root/r.pb.gz"))
    assert profile.comments["target"] == "unit:busy" and profile.period == 1_000_000_000 // 199
    assert "spend_half" in machine.ctl("report", "/root/r.pb.gz").stdout
    text = machine.ctl("record", "--host", "--for=1s", "--format=folded", "-o", "-").stdout
    assert "spend_half" in text


def test_ctrl_c_saves_what_there_is(machine, busy):
    machine.run("rm", "-f", "/root/c.pb.gz")
    script = "profilerctl record busy --for=60s -o /root/c.pb.gz & sleep 2; kill -INT $!; wait $!"
    begin = time.monotonic()
    machine.run("setsid", "bash", "-mc", script)
    assert time.monotonic() - begin < 20
    assert Profile(machine.path("/root/c.pb.gz")).count > 20


def test_record_of_a_process_of_ones_own(machine, nobodys):
    result_ = machine.as_nobody("profilerctl", "record", f"--pid={nobodys}", "--for=1s", "--format=folded", "-o", "-")
    assert result_.returncode == 0, result_.stderr
    assert "spend_half" in result_.stdout
    assert "_[k]" not in result_.stdout


@pytest.mark.parametrize("arguments, status, word", [
    (("no-such-unit",), 4, "no-such-unit"),
    (("--pid=4194303",), 4, "no such process"),
    ((), 2, "one target"),
    (("busy", "--host"), 2, "one target"),
    (("--host", "--for=1h"), 2, "MaxSessionDurationSec="),
    (("--host", "--frequency=2000"), 2, "1 to 1000"),
    (("--host", "--for=soon"), 2, "soon"),
])
def test_record_says_what_is_wrong(machine, arguments, status, word):
    result_ = machine.ctl("record", *arguments, check=False)
    assert result_.returncode == status, result_.stderr
    assert word in result_.stderr
    assert len(result_.stderr.strip().splitlines()) >= 2


def test_sessions_are_listed(machine, busy):
    machine.start_session("unit:busy", hz=49, seconds=30)
    assert re.search(r"unit:busy +running +root +49 ", machine.ctl("sessions").stdout)
    rows = machine.ctl_json("sessions")["sessions"]
    assert rows[-1]["target"] == "unit:busy" and rows[-1]["uid"] == 0
