# SPDX-License-Identifier: Apache-2.0
"""The journal has a line for each change of state, found by id and explained by the catalog, and no other."""

import pathlib
import re
import time

import pytest
from machine import DROP_IN, STORE, wait_until

TREE = pathlib.Path(__file__).resolve().parents[2]
WARNING, NOTICE, INFO, DEBUG = "4", "5", "6", "7"
UNIT_DROP_IN = "/etc/systemd/system/profilerd.service.d/50-test.conf"
TICK = 10  # seconds between two looks at the counters


def message_ids():
    """Name -> id, as the program has them."""
    text = (TREE / "daemon/messages.h").read_text()
    return dict(re.findall(r"#define MESSAGE_(\w+)\s+\"([0-9a-f]{32})\"", text))


def catalog():
    """Id -> text."""
    text = (TREE / "conf/profilerd.catalog").read_text()
    return dict(re.findall(r"^-- ([0-9a-f]{32})\n(.*?)(?=^-- |\Z)", text, re.M | re.S))


IDS = message_ids()


def entries(machine, name, after=0):
    return machine.journal("SYSLOG_IDENTIFIER=profilerd", f"MESSAGE_ID={IDS[name]}", after=after)


def lines(machine, after, level=INFO):
    """What is said at this level or above."""
    return [e["MESSAGE"] for e in machine.journal("SYSLOG_IDENTIFIER=profilerd", after=after) if e["PRIORITY"] <= level]


# ---- the catalog ----

def test_every_message_has_its_text_and_no_text_is_for_none():
    assert sorted(IDS.values()) == sorted(catalog())
    assert len(set(IDS.values())) == len(IDS)


@pytest.mark.parametrize("name", IDS)
def test_text_says_what_is_known(name):
    text = catalog()[IDS[name]]
    head, _, body = text.partition("\n\n")
    keys = re.findall(r"^(\w[\w-]*): ", head, re.M)
    assert keys == ["Subject", "Defined-By", "Documentation"]
    assert len(body.split()) > 5
    code = "".join(path.read_text() for path in (TREE / "daemon").rglob("*.c"))
    for field in re.findall(r"@(\w+)@", text):
        assert f'"{field}' in code, field
    assert all(len(line) <= 80 for line in text.splitlines())


def test_every_field_is_in_the_manual():
    code, manual = (TREE / "daemon/journal.c").read_text(), (TREE / "man/profilerd.8.rst").read_text()
    fields = set(re.findall(r'"(PROFILERD_[A-Z_]+)', code))
    assert fields
    for field in fields:
        assert re.search(rf"^(\w+, )*{field}(, \w+)*$", manual, re.M), field


def test_journalctl_explains_the_start(machine):
    machine.run("journalctl", "--update-catalog")
    text = machine.output("journalctl", "-x", "--no-pager", "-n1", f"MESSAGE_ID={IDS['STARTED']}")
    assert "Subject: The profiler has started" in text
    assert "99 times" in text and "man:profilerd(8)" in text


def test_journalctl_explains_what_was_said_of_a_unit(machine, cleanup):
    cleanup("explained")
    machine.run("journalctl", "--update-catalog")
    machine.systemctl("service-log-level", "profilerd", "debug")
    try:
        machine.start("explained", machine.program("split"), 3)
        machine.let_run("explained")
        machine.flush()
        invocation = machine.show("explained", "InvocationID")
        machine.stop("explained")
        wait_until(lambda: entries(machine, "UNIT_DETACHED"), 5, "the end of the unit")
    finally:
        machine.systemctl("service-log-level", "profilerd", "info")
    text = machine.output("journalctl", "-x", "--no-pager", "PROFILERD_UNIT=explained.service")
    path = machine.files("explained.service")[0].name
    assert "Subject: Unit explained.service is profiled" in text
    assert "Subject: A profile of explained.service was stored" in text
    assert f"{STORE}/explained.service/{path}" in text
    assert "Subject: Unit explained.service is no longer profiled" in text
    for name in ("UNIT_ATTACHED", "PROFILE_WRITTEN", "UNIT_DETACHED"):
        found = [e for e in entries(machine, name) if e["PROFILERD_UNIT"] == "explained.service"]
        assert (found[0]["PROFILERD_INVOCATION_ID"], found[0]["PRIORITY"]) == (invocation, DEBUG), name


# ---- quiet ----

def test_units_and_profiles_leave_no_line_at_the_default_level(machine, cleanup):
    units = [f"quiet-{i}" for i in range(5)]
    cleanup(*units)
    before = machine.journal_end()
    for unit in units:
        machine.start(unit, machine.program("split"), 3)
    machine.let_run(*units, seconds=0.1)
    machine.flush()
    machine.systemctl("restart", *units)
    machine.stop(*units)
    assert len(machine.files("quiet-*")) >= 5
    assert lines(machine, before) == []


def test_life_and_reload_are_a_line_each(machine, configure):
    before = machine.journal_end()
    machine.systemctl("restart", "profilerd")
    machine.systemctl("reload", "profilerd")
    said = [(e.get("MESSAGE_ID"), e["PRIORITY"]) for e in machine.journal("SYSLOG_IDENTIFIER=profilerd", after=before)]
    assert said == [(IDS["STOPPED"], INFO), (IDS["STARTED"], NOTICE), (IDS["CONFIG_LOADED"], INFO)]


def test_refused_configuration_names_file_and_line(machine, configure):
    before = machine.journal_end()
    machine.write(DROP_IN, "[Profilerd\n")
    assert machine.systemctl("reload", "profilerd", check=False).returncode != 0
    entry, = entries(machine, "CONFIG_REFUSED", before)
    assert f"keeping the old one: {DROP_IN}:1: " in entry["MESSAGE"]
    assert entry["PRIORITY"] == "3"
    machine.write(DROP_IN, "[Profilerd]\nFoo=1\n")
    machine.systemctl("reload", "profilerd")
    entry, = [e for e in entries(machine, "CONFIG_LINE", before) if "Foo" in e["MESSAGE"]]
    assert (entry["CONFIG_FILE"], entry["CONFIG_LINE"], entry["PRIORITY"]) == (DROP_IN, "2", WARNING)


# ---- what goes wrong ----

def test_host_that_lacks_something_is_told_the_remedy(own_machine):
    m = own_machine
    m.write(UNIT_DROP_IN, "[Service]\nSystemCallFilter=~bpf\n")
    m.systemctl("daemon-reload")
    before = m.journal_end()
    assert m.systemctl("restart", "profilerd", check=False).returncode != 0
    entry, = entries(m, "HOST_LACKS", before)
    assert entry["PRIORITY"] == "3"
    assert "CAP_BPF" in entry["MESSAGE"]


@pytest.mark.seconds(120)
def test_lost_samples_are_said_once_and_not_again_for_an_hour(machine, configure, cleanup):
    cleanup("losing-a", "losing-b")
    configure("[Profilerd]\nFrequency=1000\n")
    # The start of the daemon begins a new hour.
    machine.systemctl("restart", "profilerd")
    for unit in ("losing-a", "losing-b"):
        machine.start(unit, machine.program("split"), 3)
        machine.wait_for_state(f"{unit}.service", "profiled")
    before, pid = machine.journal_end(), machine.show("profilerd", "MainPID")

    def stall():
        lost = machine.manager("SamplesLost")
        machine.run("kill", "-STOP", pid)
        machine.let_run("losing-a", "losing-b", seconds=4)
        machine.run("kill", "-CONT", pid)
        wait_until(lambda: machine.manager("SamplesLost") > lost, 5, "samples to be lost")

    stall()
    entry, = wait_until(lambda: entries(machine, "SAMPLES_LOST", before), TICK + 5, "the line")
    assert "ring-full" in entry["MESSAGE"]
    assert (entry["PROFILERD_REASON"], entry["PRIORITY"]) == ("ring-full", WARNING)
    assert 0 < int(entry["PROFILERD_LOST"]) <= machine.manager("SamplesLost")
    stall()
    time.sleep(TICK + 2)
    assert len(entries(machine, "SAMPLES_LOST", before)) == 1


@pytest.mark.seconds(90)
def test_full_store_is_said_once_and_so_is_its_recovery(own_machine):
    m = own_machine
    m.systemctl("stop", "profilerd")
    m.shell(f"rm -rf {STORE}/*; mount -t tmpfs -o size=64K,mode=0750,uid=profilerd,gid=profilerd small {STORE}")
    m.write(DROP_IN, "[Profilerd]\nUnits=\nUnits=full.service\n[Storage]\nKeepFree=0\n")
    m.start("full", m.program("split"), 3)
    m.start_daemon()
    m.shell(f"dd if=/dev/zero of={STORE}/ballast bs=4K 2>/dev/null || true")
    before = m.journal_end()
    for _ in range(3):
        m.let_run("full", seconds=0.1)
        m.run("profilerctl", "flush", check=False)
    entry, = entries(m, "STORE_FAILED", before)
    assert (entry["PROFILERD_UNIT"], entry["PRIORITY"]) == ("full.service", WARNING)
    assert "No space left" in entry["MESSAGE"]
    m.shell(f"rm {STORE}/ballast")
    for _ in range(3):
        m.let_run("full", seconds=0.1)
        m.flush()
    entry, = entries(m, "STORE_RECOVERED", before)
    assert entry["PRIORITY"] == NOTICE
    # The oldest made room for the newest.
    m.write(DROP_IN, "[Profilerd]\nUnits=\nUnits=full.service\n[Storage]\nKeepFree=0\nMaxUse=12K\n")
    m.systemctl("reload", "profilerd")
    for _ in range(8):
        m.let_run("full", seconds=0.05)
        m.flush()
    wait_until(lambda: entries(m, "STORE_VACUUMED", before), TICK + 5, "the line")
    for _ in range(8):
        m.let_run("full", seconds=0.05)
        m.flush()
    time.sleep(TICK + 2)
    entry, = entries(m, "STORE_VACUUMED", before)
    assert int(entry["PROFILERD_REMOVED"]) > 0
    assert int(entry["PROFILERD_REMOVED_BYTES"]) > 0
    assert entry["PRIORITY"] == INFO


@pytest.mark.seconds(90)
def test_worker_that_fails_time_and_again_is_said_once(own_machine):
    m = own_machine
    worker = "/usr/libexec/profilerd-elf"
    m.shell(f"mv {worker} /usr/libexec/kept; rm -rf /var/cache/profilerd/*")
    m.write(worker, "#!/bin/sh\nkill -9 $$\n", mode=0o755)
    before = m.journal_end()
    m.systemctl("restart", "profilerd")
    for i in range(6):
        m.shell(f"cp {m.program('split')} /usr/local/bin/copy-{i}; echo {i} >>/usr/local/bin/copy-{i}")
        m.start(f"copy-{i}", f"/usr/local/bin/copy-{i}", 3)
    m.let_run(*(f"copy-{i}" for i in range(6)), seconds=0.1)
    entry, = wait_until(lambda: entries(m, "ELF_FAILED", before), TICK + 10, "the line")
    assert int(entry["PROFILERD_FAILURES"]) >= 5
    assert entry["PRIORITY"] == WARNING
    m.shell(f"mv /usr/libexec/kept {worker}; cp /usr/bin/yes /usr/local/bin/fresh; echo >>/usr/local/bin/fresh")
    m.start("fresh", "sh", "-c", "exec /usr/local/bin/fresh >/dev/null")
    wait_until(lambda: entries(m, "ELF_RECOVERED", before), TICK + 15, "the line")
    assert len(entries(m, "ELF_FAILED", before)) == 1


# ---- without a journal ----

def test_lines_on_a_terminal_are_for_people(machine):
    command = "timeout -s INT 2 /usr/libexec/profilerd --store=/tmp/scratch/store --cache=/tmp/scratch/cache"
    text = machine.shell(f"mkdir -p /tmp/scratch/store /tmp/scratch/cache; script -qec '{command}' /dev/null || true")
    assert re.search(r"^\x1b\[1mSampling .* at 99 Hz\.\x1b\[0m\r?$", text, re.M), text
    assert re.search(r"^Stopped: \d+ samples, ", text, re.M), text
    assert "MESSAGE_ID" not in text
