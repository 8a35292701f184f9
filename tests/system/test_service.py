# SPDX-License-Identifier: Apache-2.0
"""profilerd behaves as a service of systemd should, with no more privilege than it says."""

import time

import pytest
from machine import BUS, MANAGER, ROOT, STORE, wait_until

# BPF, PERFMON, SYS_PTRACE, DAC_READ_SEARCH, CHECKPOINT_RESTORE.
CAPABILITIES = 1 << 39 | 1 << 38 | 1 << 19 | 1 << 2 | 1 << 40


def status_field(machine, name):
    pid = machine.show("profilerd", "MainPID")
    text = machine.output("cat", f"/proc/{pid}/status")
    return next(line.split(":", 1)[1].strip() for line in text.splitlines() if line.startswith(name + ":"))


def test_bus_answers_as_soon_as_the_start_command_returns(machine):
    machine.systemctl("stop", "profilerd")
    text = machine.shell(f"systemctl start profilerd && busctl get-property {BUS} {ROOT} {MANAGER} State")
    assert text == 's "running"'


def test_units_are_known_when_the_start_command_returns(machine, cleanup):
    cleanup("known")
    machine.start("known", machine.program("split"), 3)
    machine.systemctl("stop", "profilerd")
    text = machine.shell(f"systemctl start profilerd && busctl call {BUS} {ROOT} {MANAGER} ListUnits")
    assert '"known.service" "profiled"' in text


def test_main_process_has_the_five_capabilities_and_no_more(machine):
    for kind in ("CapEff", "CapPrm", "CapBnd", "CapAmb"):
        assert int(status_field(machine, kind), 16) == CAPABILITIES, kind
    assert status_field(machine, "NoNewPrivs") == "1"
    user = machine.output("id", "-u", "profilerd")
    assert set(status_field(machine, "Uid").split()) == {user}


def test_daemon_has_no_network(machine):
    pid = machine.show("profilerd", "MainPID")
    links = machine.output("nsenter", "-t", pid, "-n", "ip", "-o", "link") if machine.path("/usr/bin/ip").exists() \
        else machine.output("cat", f"/proc/{pid}/net/dev")
    assert "eth" not in links and "host0" not in links
    assert machine.show("profilerd", "PrivateNetwork") == "yes"
    assert machine.show("profilerd", "RestrictAddressFamilies") == "AF_UNIX"
    sockets = machine.output("nsenter", "-t", pid, "-n", "cat", "/proc/net/tcp", "/proc/net/udp")
    assert len(sockets.splitlines()) == 2  # headings


def test_status_text_says_what_it_does(machine):
    text = wait_until(lambda: machine.show("profilerd", "StatusText"), 12, "the status line")
    assert "99 Hz" in text


def test_stop_stores_the_open_windows_and_is_quick(machine, cleanup):
    cleanup("unfinished")
    machine.start("unfinished", machine.program("split"), 3)
    machine.let_run("unfinished")
    assert not machine.files("unfinished.service")
    start = time.monotonic()
    machine.systemctl("stop", "profilerd")
    assert time.monotonic() - start < 5
    assert machine.show("profilerd", "Result") == "success"
    assert machine.profile("unfinished.service").count > 5
    assert "spend_half" in machine.profile("unfinished.service").names


def test_restart_goes_on_where_it_left_off(machine, cleanup):
    cleanup("lasting")
    machine.start("lasting", machine.program("split"), 3)
    machine.wait_for_state("lasting.service", "profiled")
    machine.let_run("lasting")
    machine.systemctl("restart", "profilerd")
    machine.let_run("lasting")
    machine.flush()
    profiles = machine.profiles("lasting.service")
    assert len(profiles) == 2
    assert profiles[1].time_nsec - profiles[0].end_nsec < 1.5e9
    assert "spend_half" in profiles[1].names


def test_written_profiles_are_signalled(machine, cleanup):
    cleanup("signalled")
    machine.start("signalled", machine.program("split"), 3)
    machine.let_run("signalled")
    machine.shell("timeout 3 busctl monitor --json=short --match=\"type='signal',member='ProfileWritten'\" "
                  ">/tmp/written 2>/dev/null & sleep 0.7; profilerctl flush signalled; wait || true")
    text = machine.output("cat", "/tmp/written")
    assert '"signalled.service"' in text
    assert machine.files("signalled.service")[-1].name in text


def test_state_changes_of_a_unit_are_signalled(machine, cleanup):
    cleanup("changing")
    machine.write_unit("changing.service", f"[Service]\nExecStart={machine.program('split')} 3\n")
    machine.shell("timeout 3 busctl monitor --json=short --match=\"type='signal',sender='org.profilerd1'\" "
                  ">/tmp/changes 2>/dev/null & sleep 0.7; systemctl start changing; sleep 0.7; systemctl stop changing;"
                  " wait || true")
    text = machine.output("cat", "/tmp/changes")
    assert '"member":"InterfacesAdded"' in text or '"member":"PropertiesChanged"' in text
    assert "changing_2eservice" in text


def test_managed_objects_list_the_targets(machine, cleanup):
    cleanup("managed")
    machine.start("managed", machine.program("split"), 3)
    machine.wait_for_state("managed.service", "profiled")
    text = machine.output("busctl", "--json=short", "call", BUS, ROOT, "org.freedesktop.DBus.ObjectManager",
                          "GetManagedObjects")
    group = machine.show("managed", "ControlGroup")
    assert "managed_2eservice" in text
    assert machine.output("stat", "-c", "%i", f"/sys/fs/cgroup{group}") in text


def test_unprivileged_caller_may_read_the_state(machine):
    result = machine.as_nobody("busctl", "get-property", BUS, ROOT, MANAGER, "State")
    assert result.returncode == 0 and "running" in result.stdout
    assert machine.as_nobody("profilerctl", "status").returncode == 0


@pytest.mark.parametrize("call", [("Reload",), ("Flush", "s", "")])
def test_unprivileged_caller_may_not(machine, call):
    result = machine.as_nobody("busctl", "call", BUS, ROOT, MANAGER, *call)
    assert result.returncode != 0
    assert "Access denied" in result.stderr


def test_unprivileged_caller_cannot_read_the_store(machine, cleanup):
    cleanup("private")
    machine.start("private", machine.program("split"), 3)
    machine.let_run("private")
    machine.flush()
    path = f"{STORE}/private.service/{machine.files('private.service')[-1].name}"
    assert machine.as_nobody("ls", STORE).returncode != 0
    assert machine.as_nobody("cat", path).returncode != 0
    assert machine.as_nobody("profilerctl", "report", "private").returncode in (1, 5)
    assert machine.as_nobody("profilerctl", "flush").returncode == 5


def test_members_of_adm_may_read_the_store(machine, cleanup):
    cleanup("shared-read")
    machine.start("shared-read", machine.program("split"), 3)
    machine.let_run("shared-read")
    machine.flush()
    path = f"{STORE}/shared-read.service/{machine.files('shared-read.service')[-1].name}"
    result = machine.run("setpriv", "--reuid=nobody", "--regid=nogroup", "--groups=adm", "cat", path,
                         check=False, text=False)
    assert result.returncode == 0


def test_journal_has_our_fields_for_a_written_profile(machine, cleanup):
    cleanup("logged")
    machine.systemctl("service-log-level", "profilerd", "debug")
    try:
        assert machine.output("systemctl", "service-log-level", "profilerd") == "debug"
        machine.start("logged", machine.program("split"), 3)
        machine.let_run("logged")
        machine.flush()
        entries = [e for e in machine.journal("PROFILERD_UNIT=logged.service") if "PROFILERD_PATH" in e]
    finally:
        machine.systemctl("service-log-level", "profilerd", "info")
    assert entries[-1]["PROFILERD_PATH"].endswith(machine.files("logged.service")[-1].name)
    assert int(entries[-1]["PROFILERD_SAMPLES"]) == machine.profile("logged.service").count
    assert entries[-1]["PROFILERD_LOST"] == "0"


def test_kernel_that_refuses_events_ends_in_exit_78_with_the_remedy(machine):
    drop_in = "/etc/systemd/system/profilerd.service.d/50-test.conf"
    machine.systemctl("stop", "profilerd")
    machine.write(drop_in, "[Service]\nSystemCallFilter=~bpf\n")
    machine.systemctl("daemon-reload")
    before = machine.journal_end()
    try:
        assert machine.systemctl("start", "profilerd", check=False).returncode != 0
        time.sleep(2.5)
        assert machine.show("profilerd", "ExecMainStatus") == "78"
        assert machine.show("profilerd", "NRestarts") == "0"
        messages = [e["MESSAGE"] for e in machine.journal("SYSLOG_IDENTIFIER=profilerd", after=before)]
        assert len(messages) == 1 and "bpf" in messages[0].lower(), messages
    finally:
        machine.path(drop_in).unlink()
        machine.systemctl("daemon-reload")
        machine.systemctl("reset-failed", "profilerd", check=False)
        machine.start_daemon()


def test_unit_files_are_free_of_complaints(machine):
    result = machine.run("systemd-analyze", "verify", "--man=no", "/lib/systemd/system/profilerd.service",
                         "/lib/systemd/system/profilerd-open.socket", check=False)
    ours = [line for line in (result.stdout + result.stderr).splitlines() if "profilerd" in line]
    assert not ours


def test_exposure_score_is_low(machine):
    result = machine.run("systemd-analyze", "security", "--offline=true", "--threshold=22",
                         "/lib/systemd/system/profilerd.service", check=False)
    assert result.returncode == 0, result.stdout[-400:]


def test_hung_daemon_is_ended_by_the_watchdog(own_machine):
    m = own_machine
    m.write("/etc/systemd/system/profilerd.service.d/50-test.conf", "[Service]\nWatchdogSec=2s\nRestartSec=100ms\n")
    m.systemctl("daemon-reload")
    m.systemctl("restart", "profilerd")
    before = m.show("profilerd", "MainPID")
    m.shell(f"kill -STOP {before}")
    wait_until(lambda: m.show("profilerd", "MainPID") not in (before, "0")
               and m.show("profilerd", "ActiveState") == "active", 15, "the restart")
    assert any("atchdog" in e["MESSAGE"] for e in m.journal("-u", "profilerd"))
