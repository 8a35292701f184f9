# SPDX-License-Identifier: Apache-2.0
"""org.profilerd1 is as its files and its manual page say, is for whom it should be, and bears abuse.

The interface files in conf/ are what the running daemon says of itself; to write them anew:

    UPDATE_INTERFACES=1 BUILD=DIR /usr/bin/python3 -m pytest tests/system/test_bus_api.py -k introspection
"""

import fcntl
import os
import pathlib
import re
import time
import xml.etree.ElementTree as ElementTree

import pytest
from machine import BUS, MANAGER, ROOT, SESSION, UNIT, wait_until
from rawbus import ERROR, INTERACTIVE, NO_REPLY, NO_START, RETURN, RawBus

TREE = pathlib.Path(__file__).resolve().parents[2]
INTERFACES = "/usr/share/dbus-1/interfaces"
LOG_CONTROL = "/org/freedesktop/LogControl1"
PROPERTIES = "org.freedesktop.DBus.Properties"
NOBODY = 65534
WAITERS_MAX = 64  # BUS_MANAGER_CALLS_MAX
WAITING_MAX, WAITING_PER_USER_MAX = 64, 8  # bus-auth.h
DENIED = "org.freedesktop.DBus.Error.AccessDenied"
NOT_INTERACTIVE = "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired"
INVALID = "org.freedesktop.DBus.Error.InvalidArgs"
BUSY = "org.profilerd1.Error.Busy"
NO_UNIT = "org.profilerd1.Error.NoSuchUnit"
SEALS = 0xf  # SEAL, SHRINK, GROW, WRITE
RULE = "/etc/polkit-1/rules.d/10-test.rules"


# ---- the interface ----

def introspect(machine, path):
    text = machine.output("busctl", "introspect", "--xml-interface", BUS, path)
    return {interface.get("name"): interface for interface in ElementTree.fromstring(text).iter("interface")}


def plain(element):
    """What it says, whatever the order of attributes and the white space."""
    return element.tag, sorted(element.items()), [plain(child) for child in element]


def write_interface(interface):
    for element in interface.iter():
        element.text = None
    node = ElementTree.Element("node")
    node.append(interface)
    ElementTree.indent(node)
    text = ElementTree.tostring(node, encoding="unicode")
    (TREE / f"conf/{interface.get('name')}.xml").write_text(
        '<?xml version="1.0" encoding="UTF-8"?>\n<!-- SPDX-License-Identifier: Apache-2.0 -->\n'
        '<!DOCTYPE node PUBLIC "-//freedesktop//DTD D-BUS Object Introspection 1.0//EN"\n'
        f' "http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd">\n{text}\n')


def shipped(machine, name):
    return ElementTree.fromstring(machine.path(f"{INTERFACES}/{name}.xml").read_text()).find("interface")


@pytest.mark.parametrize("name, path", [(MANAGER, ROOT), (UNIT, f"{ROOT}/unit/dbus_2eservice"), (SESSION, None)])
def test_introspection_is_that_of_the_installed_file(machine, name, path):
    path = path or machine.start_session("host")
    running = introspect(machine, path)[name]
    if os.environ.get("UPDATE_INTERFACES"):
        write_interface(running)
        pytest.skip("written anew")
    assert plain(running) == plain(shipped(machine, name))


def test_every_object_has_its_interfaces(machine):
    assert {MANAGER, "org.freedesktop.DBus.ObjectManager"} < introspect(machine, ROOT).keys()
    assert "org.freedesktop.LogControl1" in introspect(machine, LOG_CONTROL)
    assert "/org/profilerd1/unit/dbus_2eservice" in machine.output("busctl", "--list", "tree", BUS)


def entries_of_manual(title):
    """Signatures of one interface: "Reload()", "GetUnit(s name) → o unit", "State (s)"."""
    text = (TREE / "man/org.profilerd1.5.rst").read_text()
    part = re.search(rf"^{title}\n=+\n(.*?)(?=^[A-Z ]+\n=+\n)", text, re.M | re.S)[1]
    calls = re.findall(r"^``(\w+\(.*)``$", part, re.M)
    names = re.findall(r"^``\w+`` \(.*$", part, re.M)
    properties = [" ".join(found) for line in names for found in re.findall(r"``(\w+)`` (\(\S+?\))(?:,|$)", line)]
    return sorted(calls + properties)


def arguments(member, direction):
    return ", ".join(f"{arg.get('type')} {arg.get('name')}" for arg in member.findall("arg")
                     if arg.get("direction", "in") == direction)


def entry_of(member):
    name, result = member.get("name"), arguments(member, "out")
    if member.tag == "property":
        return f"{name} ({member.get('type')})"
    return f"{name}({arguments(member, 'in')})" + (f" → {result}" if result else "")


@pytest.mark.parametrize("title, name", [("MANAGER", MANAGER), ("UNIT", UNIT), ("SESSION", SESSION)])
def test_manual_has_every_signature_and_no_other(machine, title, name):
    members = [member for member in shipped(machine, name) if member.tag != "annotation"]
    assert sorted(map(entry_of, members)) == entries_of_manual(title)


def test_properties_cannot_be_set(machine):
    result = machine.run("busctl", "set-property", BUS, ROOT, MANAGER, "FrequencyHz", "u", 1, check=False)
    assert result.returncode != 0
    assert machine.manager("FrequencyHz") == 99


# ---- activation ----

@pytest.fixture
def stopped(machine):
    machine.systemctl("stop", "profilerd")
    yield machine
    machine.systemctl("disable", "profilerd")
    machine.start_daemon()


def test_call_starts_nothing_that_is_not_enabled(stopped):
    result = stopped.run("busctl", "get-property", BUS, ROOT, MANAGER, "State", check=False)
    assert result.returncode != 0
    assert "dbus-org.profilerd1.service not found" in result.stderr
    assert stopped.show("profilerd", "ActiveState") == "inactive"


def test_call_starts_the_daemon_where_it_is_enabled(stopped):
    stopped.systemctl("enable", "profilerd")
    assert stopped.manager("State") == "running"
    wait_until(lambda: stopped.show("profilerd", "ActiveState") == "active", 10, "READY")


@pytest.mark.parametrize("command", [("status",), ("flush",), ("sessions",)], ids=lambda command: command[0])
def test_profilerctl_starts_nothing(stopped, command):
    stopped.systemctl("enable", "profilerd")
    result = stopped.ctl(*command, check=False)
    assert "not running" in result.stdout + result.stderr
    assert stopped.show("profilerd", "ActiveState") == "inactive"


# ---- the dump ----

def dump(machine):
    """The descriptor that anybody gets."""
    with RawBus(machine, NOBODY) as bus:
        bus.send(BUS, ROOT, MANAGER, "DumpState")
        return bus.receive_fd()


def read_dump(machine):
    fd = dump(machine)
    try:
        return os.read(fd, 1 << 20).decode()
    finally:
        os.close(fd)


def test_state_is_dumped_to_everybody(machine, cleanup):
    cleanup("dumped")
    machine.start("dumped", machine.program("split"), 3)
    machine.let_run("dumped")
    machine.flush()
    # What was dumped in the last ten seconds is dumped again.
    text = wait_until(lambda: (t := read_dump(machine)) and "Unit dumped.service" in t and t, 15, "a fresh dump")
    unit = text.split("Unit dumped.service\n")[1].split("\n\n")[0]
    assert "State: profiled" in unit
    assert f"Last profile: /var/lib/profilerd/dumped.service/{machine.files('dumped.service')[-1].name}" in unit
    assert "ring-full: " in text
    assert "Frequency: 99" in text
    # Neither what profiles are about, nor where the kernel lies.
    assert "spend_half" not in text
    assert not re.search(r"\bf{4,}[0-9a-f]{8,}|0x[0-9a-f]", text)


def test_dump_is_sealed_and_each_reader_has_a_position_of_its_own(machine):
    first, second = dump(machine), dump(machine)
    try:
        assert fcntl.fcntl(first, fcntl.F_GET_SEALS) & SEALS == SEALS
        with pytest.raises(OSError):
            os.write(first, b"x")
        assert os.read(first, 1 << 20) == os.read(second, 1 << 20) != b""
    finally:
        os.close(first)
        os.close(second)


# ---- who may ----

def call(machine, *arguments, uid=NOBODY, flags=NO_START, seconds=10):
    with RawBus(machine, uid) as bus:
        return bus.call(BUS, ROOT, MANAGER, *arguments, flags=flags, seconds=seconds)


@pytest.fixture
def polkit(machine):
    """The real one, running."""
    if not machine.path("/usr/lib/polkit-1/polkitd").exists():
        pytest.skip("needs polkit: apt-get install polkitd")
    machine.systemctl("unmask", "--runtime", "polkit")
    machine.systemctl("restart", "polkit")
    yield machine
    machine.path(RULE).unlink(missing_ok=True)
    machine.systemctl("unmask", "--runtime", "polkit")
    machine.systemctl("stop", "polkit")


@pytest.mark.parametrize("member", [("Reload",), ("Flush", "s", "")])
def test_polkit_denies_by_default(polkit, member):
    assert call(polkit, *member).error == NOT_INTERACTIVE
    # Allowed to ask, but there is nobody to be asked.
    assert call(polkit, *member, flags=NO_START | INTERACTIVE).error == NOT_INTERACTIVE


def test_polkit_knows_our_actions_and_their_owner(polkit):
    for action in ("reload", "flush", "start-session", "manage-sessions", "read-profiles"):
        text = polkit.output("pkaction", "--verbose", "--action-id", f"org.profilerd1.{action}")
        assert "org.freedesktop.policykit.owner -> unix-user:profilerd" in text
        assert re.search(r"implicit active:\s+auth_admin_keep", text)


def test_a_rule_of_the_administrator_allows_one_action(polkit):
    polkit.write(RULE, 'polkit.addRule(function(action, subject) {\n'
                       '    if (action.id == "org.profilerd1.reload" && subject.user == "nobody")\n'
                       '        return polkit.Result.YES;\n});\n')
    wait_until(lambda: call(polkit, "Reload").kind == RETURN, 10, "polkit to read the rule")
    assert call(polkit, "Flush", "s", "").error == NOT_INTERACTIVE


def test_a_rule_may_deny_for_good(polkit):
    polkit.write(RULE, 'polkit.addRule(function(action, subject) {\n'
                       '    if (action.id == "org.profilerd1.reload") return polkit.Result.NO;\n});\n')
    wait_until(lambda: call(polkit, "Reload").error == DENIED, 10, "polkit to read the rule")
    assert call(polkit, "Reload", uid=0).kind == RETURN


def test_without_polkit_only_root_may(polkit):
    polkit.systemctl("mask", "--runtime", "--now", "polkit")
    for flags in (0, NO_START, INTERACTIVE):
        answer = call(polkit, "Reload", flags=flags)
        assert (answer.error, "polkit" in answer.text) == (DENIED, True)
    assert call(polkit, "Reload", uid=0).kind == RETURN
    assert call(polkit, "Flush", "s", "", uid=0).kind == RETURN
    assert call(polkit, "ListUnits").kind == RETURN


@pytest.mark.seconds(90)
def test_polkit_that_hangs_is_not_waited_for(polkit):
    pid = polkit.show("polkit", "MainPID")
    polkit.run("kill", "-STOP", pid)
    try:
        with RawBus(polkit, NOBODY) as crowd:
            serials = [crowd.send(BUS, ROOT, MANAGER, "Reload") for _ in range(WAITERS_MAX)]
            refused = crowd.answers(serials, 1)
            assert sorted(refused) == serials[WAITING_PER_USER_MAX:]
            assert {answer.error for answer in refused.values()} == {BUSY}
            # Root does not stand in that queue, nor who only reads, and others find places.
            assert call(polkit, "Reload", uid=0).kind == RETURN
            assert call(polkit, "ListUnits").kind == RETURN
            with RawBus(polkit, 1) as bus:
                assert bus.answer(bus.send(BUS, ROOT, MANAGER, "Reload"), 0.5) is None
                assert bus.answer(bus.send(BUS, ROOT, MANAGER, "StartSession", "sutA", "host", 99, 1_000_000, ()),
                                  0.5) is None
        # Who has left makes room.
        with RawBus(polkit, NOBODY) as bus:
            start = time.monotonic()
            serial = bus.send(BUS, ROOT, MANAGER, "Reload")
            assert bus.answer(serial, 0.5) is None
            assert bus.answer(serial, 40).error == DENIED
            assert time.monotonic() - start > 20
    finally:
        polkit.run("kill", "-CONT", pid)


@pytest.mark.seconds(90)
def test_all_users_together_leave_root_its_place(polkit):
    pid = polkit.show("polkit", "MainPID")
    polkit.run("kill", "-STOP", pid)
    try:
        users = [RawBus(polkit, uid) for uid in range(1, 2 + WAITING_MAX // WAITING_PER_USER_MAX)]
        for number, bus in enumerate(users):
            serials = [bus.send(BUS, ROOT, MANAGER, "Reload") for _ in range(WAITING_PER_USER_MAX)]
            answers = bus.answers(serials, 0.3)
            is_last = number == len(users) - 1
            assert {answer.error for answer in answers.values()} == ({BUSY} if is_last else set())
        assert call(polkit, "Reload", uid=0).kind == RETURN
        for bus in users:
            bus.close()
    finally:
        polkit.run("kill", "-CONT", pid)


# ---- abuse ----

def resident(machine):
    return int(machine.manager("MemoryBytes"))


@pytest.fixture
def unharmed(machine, cleanup):
    """A unit is profiled; in the end the daemon is the same, serves, and is not much larger."""
    cleanup("bystander")
    machine.start("bystander", machine.program("split"), 3)
    machine.wait_for_state("bystander.service", "profiled")
    machine.let_run("bystander")
    machine.flush()
    before, pid = resident(machine), machine.show("profilerd", "MainPID")
    yield machine
    machine.let_run("bystander")
    machine.flush("bystander")
    assert "spend_half" in machine.profile("bystander.service").names
    assert machine.show("profilerd", "MainPID") == pid
    wait_until(lambda: resident(machine) < before + (16 << 20), 10, "the memory to be given back")


def test_flood_of_flushes_is_answered_or_refused(unharmed):
    buses = [RawBus(unharmed) for _ in range(20)]
    try:
        serials = [[bus.send(BUS, ROOT, MANAGER, "Flush", "s", "") for _ in range(100)] for bus in buses]
        answers = [answer for bus, sent in zip(buses, serials) for answer in bus.answers(sent).values()]
    finally:
        for bus in buses:
            bus.close()
    assert len(answers) == 2000
    assert {answer.error for answer in answers} <= {None, BUSY}
    assert any(answer.error is None for answer in answers)


def test_flood_of_calls_that_want_no_answer_is_survived(unharmed):
    with RawBus(unharmed) as bus:
        for _ in range(2000):
            bus.send(BUS, ROOT, MANAGER, "Flush", "s", "", flags=NO_REPLY | NO_START)
    wait_until(lambda: call(unharmed, "Flush", "s", "bystander.service", uid=0).error is None, 20, "an empty queue")


def test_flood_of_reloads_is_bounded(unharmed):
    with RawBus(unharmed) as bus:
        serials = [bus.send(BUS, ROOT, MANAGER, "Reload") for _ in range(120)]
        answers = bus.answers(serials)
    assert len(answers) == 120
    assert {answer.error for answer in answers.values()} <= {None, BUSY}


def test_unprivileged_flood_whose_answers_nobody_reads_is_survived(unharmed):
    with RawBus(unharmed, NOBODY) as bus:
        for _ in range(100):
            bus.send(BUS, ROOT, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects")
            bus.send(BUS, ROOT, MANAGER, "DumpState")
        assert call(unharmed, "ListUnits", seconds=20).kind == RETURN


def test_dumps_that_are_kept_share_their_memory(unharmed):
    kept = [dump(unharmed) for _ in range(50)]
    try:
        assert len({os.fstat(fd).st_ino for fd in kept}) <= 3
    finally:
        for fd in kept:
            os.close(fd)


@pytest.mark.parametrize("member, error", [("GetUnit", NO_UNIT), ("Flush", INVALID)])
@pytest.mark.parametrize("text", ["x" * (1 << 20), "*" * (1 << 20), "[" * (8 << 20)], ids=["x", "stars", "brackets"])
def test_huge_argument_is_refused_at_once(unharmed, member, error, text):
    start = time.monotonic()
    answer = call(unharmed, member, "s", text, uid=0)
    assert answer.error == error
    assert len(answer.text) < 200
    assert time.monotonic() - start < 5


@pytest.mark.parametrize("arguments, error", [
    (("GetUnit", "s", ""), NO_UNIT),
    (("GetUnit", "s", "../../etc/passwd"), NO_UNIT),
    (("GetUnit", "s", "%s%n%s%n"), NO_UNIT),
    (("GetUnit", "u", 7), INVALID),
    (("GetUnit",), INVALID),
    (("ListUnits", "s", "x"), INVALID),
    (("Flush", "t", 1), INVALID),
    (("Flush", "s", "[[[[["), NO_UNIT),
    (("Flush", "s", "*?" * 127), NO_UNIT),
    (("NoSuchMethod",), "org.freedesktop.DBus.Error.UnknownMethod"),
])
def test_malformed_call_is_an_error_with_a_name(unharmed, arguments, error):
    answer = call(unharmed, *arguments, uid=0)
    assert (answer.kind, answer.error) == (ERROR, error)


@pytest.mark.parametrize("path", [f"{ROOT}/unit/_", f"{ROOT}/unit/x_2", f"{ROOT}/unit/" + "a" * 4096,
                                  f"{ROOT}/unit/dbus_2eservice/below", f"{ROOT}/nothing"])
def test_object_that_is_none_is_an_error(unharmed, path):
    with RawBus(unharmed, NOBODY) as bus:
        answer = bus.call(BUS, path, PROPERTIES, "GetAll", "s", UNIT)
    assert answer.error in ("org.freedesktop.DBus.Error.UnknownObject", "org.freedesktop.DBus.Error.UnknownInterface",
                            "org.freedesktop.DBus.Error.UnknownMethod")


def test_callers_that_vanish_leave_nothing_behind(unharmed):
    for uid in (0, NOBODY):
        for _ in range(100):
            with RawBus(unharmed, uid) as bus:
                bus.send(BUS, ROOT, MANAGER, "Flush", "s", "")
                bus.send(BUS, ROOT, MANAGER, "Reload")
    wait_until(lambda: call(unharmed, "Flush", "s", "", uid=0, seconds=30).kind == RETURN, 30, "room for a call")


# ---- log control ----

@pytest.fixture
def log_control(machine):
    yield machine
    machine.systemctl("service-log-level", "profilerd", "info")
    machine.systemctl("service-log-target", "profilerd", "auto")


def set_log(machine, name, value, uid=0):
    with RawBus(machine, uid) as bus:
        return bus.call(BUS, LOG_CONTROL, PROPERTIES, "Set", "ssv", "org.freedesktop.LogControl1", name, value)


def test_systemctl_sets_the_log_level(log_control):
    for level in ("debug", "err", "emerg", "info"):
        log_control.systemctl("service-log-level", "profilerd", level)
        assert log_control.output("systemctl", "service-log-level", "profilerd") == level


def test_systemctl_sets_the_log_target(log_control):
    assert log_control.output("systemctl", "service-log-target", "profilerd") == "journal"
    before = log_control.journal_end()
    for target in ("console", "null", "auto"):
        log_control.systemctl("service-log-target", "profilerd", target)
        log_control.systemctl("reload", "profilerd")
    assert log_control.output("systemctl", "service-log-target", "profilerd") == "journal"
    said = [e for e in log_control.journal("-u", "profilerd", after=before) if e["MESSAGE"] == "Configuration loaded."]
    # Through stderr without our fields, but with the level; not at all; with all.
    assert [("MESSAGE_ID" in e, e["PRIORITY"], e["_TRANSPORT"]) for e in said] == \
        [(False, "6", "stdout"), (True, "6", "journal")]


def test_identifier_is_the_name_of_the_program(machine):
    text = machine.output("busctl", "get-property", BUS, LOG_CONTROL, "org.freedesktop.LogControl1", "SyslogIdentifier")
    assert text == 's "profilerd"'


def test_log_control_is_for_root(log_control):
    for name, value in (("LogLevel", "debug"), ("LogTarget", "null")):
        answer = set_log(log_control, name, value, NOBODY)
        assert answer.error == DENIED
    assert log_control.output("systemctl", "service-log-level", "profilerd") == "info"
    assert log_control.as_nobody("systemctl", "service-log-level", "profilerd", "debug").returncode != 0


def test_log_control_refuses_what_is_none(log_control):
    for name in ("LogLevel", "LogTarget"):
        for value in ("", "loud", "9", "x" * (1 << 20)):
            assert set_log(log_control, name, value).error == INVALID
