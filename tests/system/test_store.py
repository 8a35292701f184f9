# SPDX-License-Identifier: Apache-2.0
"""The store holds complete files within its limits, whatever happens."""

import gzip
import json
import os
import re
import stat
import time

import pytest
from machine import STORE, start_of, wait_until

NAME = re.compile(r"(cpu|offcpu|(cpu-|offcpu-|cpu-offcpu-)session|cpu-before)\.[0-9a-f]{32}\.\d{16}\.\d+\.pb\.gz")
DROP_IN = "/etc/systemd/system/profilerd.service.d/50-store.conf"


def all_files(machine):
    return machine.files("*")


def test_files_are_named_after_unit_type_boot_start_and_duration(machine, cleanup):
    cleanup("named")
    machine.start("named", machine.program("split"), 3)
    machine.let_run("named", seconds=0.1)
    machine.flush()
    for path in all_files(machine):
        assert NAME.fullmatch(path.name)
    path, profile = machine.files("named.service")[-1], machine.profile("named.service")
    _, boot_id, start, duration = path.name.split(".")[:4]
    assert profile.comments["boot-id"] == boot_id
    assert profile.time_nsec == int(start) * 1000
    assert profile.duration_nsec == int(duration) * 1000


def test_modes_keep_others_out(machine, cleanup):
    cleanup("modes")
    machine.start("modes", machine.program("split"), 3)
    machine.let_run("modes", seconds=0.1)
    machine.flush()
    store = machine.path(STORE)
    uid = int(machine.output("id", "-u", "profilerd"))
    for path in [store, *store.iterdir()]:
        assert stat.S_IMODE(path.stat().st_mode) == 0o750, path
        assert path.stat().st_uid == uid
    for path in all_files(machine):
        assert stat.S_IMODE(path.stat().st_mode) == 0o640, path


def test_window_without_a_sample_writes_nothing(machine, cleanup):
    cleanup("asleep")
    machine.start("asleep", "sleep", "1000")
    machine.wait_for_state("asleep.service", "profiled")
    machine.flush()
    before = len(machine.files("asleep.service"))
    time.sleep(0.5)
    machine.flush()
    assert len(machine.files("asleep.service")) == before


def test_equal_windows_of_two_units_do_not_collide(machine, cleanup):
    cleanup("twin-a", "twin-b")
    for unit in ("twin-a", "twin-b"):
        machine.start(unit, machine.program("split"), 3)
    for _ in range(3):
        machine.let_run("twin-a", "twin-b", seconds=0.1)
        machine.flush()
    for unit in ("twin-a", "twin-b"):
        starts = [start_of(path) for path in machine.files(f"{unit}.service")]
        assert starts and len(set(starts)) == len(starts)


def test_unit_with_an_odd_name_has_its_directory(machine, cleanup):
    unit = r"odd\x2dname:with@dots.and.more.service"
    cleanup(unit)
    machine.start(unit, machine.program("split"), 3)
    machine.let_run(unit)
    machine.flush()
    assert machine.ctl_json("list", "odd*")["profiles"][0]["unit"] == unit


def test_oldest_files_go_first_when_the_limit_is_reached(machine, configure, cleanup):
    cleanup("limited")
    machine.systemctl("stop", "profilerd")
    machine.shell(f"rm -rf {STORE}/*")
    machine.start_daemon()
    machine.start("limited", machine.program("split"), 3)
    configure("[Profilerd]\nUnits=\nUnits=limited.service\n[Storage]\nMaxUse=24K\n")
    seen = []
    for _ in range(12):
        machine.let_run("limited", seconds=0.1)
        machine.flush()
        seen += [path.name for path in machine.files("limited.service") if path.name not in seen]
    kept = [path.name for path in machine.files("limited.service")]
    used = sum(path.stat().st_blocks * 512 for path in all_files(machine))
    assert used <= 24 << 10
    assert 1 <= len(kept) < len(seen)
    assert kept == seen[-len(kept):]
    assert machine.manager("StoreRemoved") > 0


def test_old_files_go_by_age(machine, configure, cleanup):
    cleanup("aged")
    machine.start("aged", machine.program("split"), 3)
    machine.let_run("aged", seconds=0.1)
    machine.flush()
    old = machine.files("aged.service")[0].name
    time.sleep(1.2)
    configure("[Storage]\nMaxRetentionSec=1s\n")
    time.sleep(0.2)
    machine.flush()
    assert old not in [path.name for path in machine.files("aged.service")]


# KILLS=100 for the long run of the test below.
N_KILLS = int(os.environ.get("KILLS", "30"))
# As soon as windows are stored, while they may be, or at any other moment, the start among them.
KILLS = """
RANDOM=1
for ((i = 0; i < $1; i++)); do
    pid=$(systemctl show -P MainPID profilerd)
    until [ "$pid" != 0 ] && { ((i % 4 == 3)) || [ "$(systemctl is-active profilerd)" = active ]; }; do
        sleep 0.01; pid=$(systemctl show -P MainPID profilerd)
    done
    sleep 0.$(printf %03d $((RANDOM % 250)))
    if ((i % 4 == 0)); then
        profilerctl flush >/dev/null 2>&1 || true
    elif ((i % 4 < 3)); then
        profilerctl flush >/dev/null 2>&1 &
        sleep 0.$(printf %03d $((RANDOM % 150)))
    fi
    kill -9 "$pid" 2>/dev/null && echo killed
    until [ "$(systemctl show -P MainPID profilerd)" != "$pid" ]; do sleep 0.01; done
done
wait
"""


@pytest.mark.seconds(30 + 5 * N_KILLS)
def test_files_are_whole_and_no_complete_window_is_lost_after_any_number_of_kills(own_machine):
    m = own_machine
    m.write("/etc/profilerd/profilerd.conf.d/50-test.conf", "[Profilerd]\nInterval=1s\n")
    m.write("/etc/systemd/system/profilerd.service.d/50-test.conf",
            "[Unit]\nStartLimitIntervalSec=0\n[Service]\nRestartSec=20ms\n")
    m.systemctl("daemon-reload")
    m.systemctl("restart", "profilerd")
    for i in range(4):
        m.start(f"victim-{i}", m.program("split"), 20 * i + 3)
    m.shell("systemd-run --quiet --unit=listener bash -c 'exec busctl monitor --json=short --match=\""
            "type=signal,interface=org.profilerd1.Manager,member=ProfileWritten\" >/run/written'")
    wait_until(lambda: m.path("/run/written").exists(), 5, "the listener")
    killed = m.output("bash", "-ec", KILLS, "kills", N_KILLS, timeout=5 * N_KILLS).split()
    assert len(killed) >= 0.9 * N_KILLS
    wait_until(lambda: m.show("profilerd", "ActiveState") == "active", 10, "the last restart")
    m.flush()

    lines = m.path("/run/written").read_text().splitlines()
    announced = {json.loads(line)["payload"]["data"][1] for line in lines if "ProfileWritten" in line}
    paths = all_files(m)
    assert len(paths) >= len(announced) > N_KILLS / 4
    for path in announced:
        assert m.path(path).exists(), path
    for path in paths:
        gzip.decompress(path.read_bytes())
    assert m.ctl("verify", check=False).returncode == 0
    assert not list(m.path(STORE).glob("**/.#*"))
    assert set(m.path(STORE).glob("*/*")) == set(paths)


def start_on(m, options):
    """The daemon, with a store on a file system of its own."""
    m.systemctl("stop", "profilerd")
    m.shell(f"rm -rf {STORE}/*; mount -t tmpfs -o mode=0750,uid=profilerd,gid=profilerd,{options} small {STORE}")
    m.write("/etc/profilerd/profilerd.conf.d/50-test.conf", "[Profilerd]\nUnits=\nUnits=full.service\n"
            "[Storage]\nKeepFree=0\n")
    m.start("full", m.program("split"), 3)
    m.start_daemon()


@pytest.mark.seconds(60)
def test_full_disk_is_survived_counted_and_recovered_from(own_machine):
    m = own_machine
    start_on(m, "size=256K")
    m.shell(f"dd if=/dev/zero of={STORE}/ballast bs=4K 2>/dev/null || true")
    before = m.journal_end()
    for _ in range(3):
        m.let_run("full", seconds=0.1)
        m.run("profilerctl", "flush", check=False)
    assert m.show("profilerd", "ActiveState") == "active"
    assert m.show("profilerd", "NRestarts") == "0"
    assert m.manager("ProfilesDropped") >= 3
    assert m.losses()["not-stored"] > 0
    assert not all_files(m)
    # Once, not for each.
    said = [e for e in m.journal("SYSLOG_IDENTIFIER=profilerd", after=before) if "ailed to store" in e["MESSAGE"]]
    assert len(said) == 1
    m.shell(f"rm {STORE}/ballast")
    m.let_run("full", seconds=0.1)
    m.flush()
    assert m.profile("full.service").count > 0
    assert m.ctl("verify").returncode == 0


def test_read_only_disk_is_survived_counted_and_recovered_from(own_machine):
    m = own_machine
    start_on(m, "size=256K")
    m.let_run("full", seconds=0.1)
    m.flush()
    kept = all_files(m)
    before = m.journal_end()
    m.shell(f"mount -o remount,ro {STORE}")
    for _ in range(3):
        m.let_run("full", seconds=0.1)
        m.run("profilerctl", "flush", check=False)
    assert m.show("profilerd", "ActiveState") == "active"
    assert m.show("profilerd", "NRestarts") == "0"
    assert m.manager("ProfilesDropped") >= 3
    assert m.losses()["not-stored"] > 0
    assert all_files(m) == kept
    said = [e for e in m.journal("SYSLOG_IDENTIFIER=profilerd", after=before) if "ailed to store" in e["MESSAGE"]]
    assert len(said) == 1 and "Read-only" in said[0]["MESSAGE"]
    m.shell(f"mount -o remount,rw {STORE}")
    m.let_run("full", seconds=0.1)
    m.flush()
    assert len(all_files(m)) > len(kept)
    assert m.ctl("verify").returncode == 0


def test_old_profiles_make_room_on_a_full_disk(own_machine):
    m = own_machine
    start_on(m, "size=256K")
    for _ in range(4):
        m.let_run("full", seconds=0.1)
        m.flush()
    old = [path.name for path in m.files("full.service")]
    m.shell(f"dd if=/dev/zero of={STORE}/ballast bs=4K 2>/dev/null || true")
    m.let_run("full", seconds=0.1)
    m.flush()
    kept = [path.name for path in m.files("full.service")]
    assert kept[-1] not in old
    assert old[0] not in kept
    assert m.manager("ProfilesDropped") == 0
