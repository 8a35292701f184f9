# SPDX-License-Identifier: Apache-2.0
"""Processes and files are found wherever they are, and for as long as it takes."""

import time

import pytest
from machine import wait_until

SPENDS = {"spend_half", "spend_third", "spend_fifth"}


def assert_named(profile, share=0.9):
    named = sum(s.count for s in profile.samples if SPENDS & set(s.names))
    assert profile.count > 5
    assert named > share * profile.count - 2  # the process' first moments


def sample(machine, unit, seconds=0.3):
    machine.let_run(unit, seconds=seconds)
    machine.flush()
    return machine.profile(f"{unit}.service")


@pytest.fixture(scope="module")
def storm(shared_machine):
    """Half a thousand processes a second that live for a millisecond, in one profile."""
    m = shared_machine
    m.systemctl("restart", "profilerd")
    m.start("storm", m.program("fork-storm"), 4)
    m.shell("while systemctl is-active -q storm; do sleep 0.2; done")
    m.flush()
    lost = m.losses()
    profiles = m.profiles("storm.service")
    m.stop("storm")
    return profiles, lost


def test_processes_that_are_gone_keep_their_unit(storm):
    profiles, _ = storm
    pids = {s.labels["pid"] for p in profiles for s in p.samples}
    assert sum(p.count for p in profiles) > 50
    assert len(pids) > 20


def test_processes_that_are_gone_have_kernel_frames(storm):
    profiles, _ = storm
    samples = [s for p in profiles for s in p.samples]
    in_kernel = [s for s in samples if any(f.is_kernel and f.name for f in s.frames)]
    assert sum(s.count for s in in_kernel) > 0.3 * sum(s.count for s in samples)


def test_processes_that_are_gone_have_the_names_of_libc_and_of_the_loader(storm):
    profiles, _ = storm
    frames = [f for p in profiles for s in p.samples for f in s.frames if not f.is_kernel]
    files = {f.file.rsplit("/", 1)[-1] for f in frames}
    assert any(name.startswith("ld-linux") for name in files), files
    assert any(name.startswith("libc.so") for name in files), files
    user = [f for f in frames if f.file.rsplit("/", 1)[-1].startswith(("ld-linux", "libc.so"))]
    assert any(f.name for f in user)


def test_threads_that_are_gone_are_called_by_their_names(storm):
    profiles, _ = storm
    assert {"true", "fork-storm"} <= {s.labels["thread"] for p in profiles for s in p.samples}


def test_fork_storm_loses_no_sample(storm):
    profiles, lost = storm
    for reason in ("ring-full", "queue-full", "malformed", "unit-gone", "window-full", "not-stored"):
        assert lost[reason] == 0, lost
    # The kernel takes away the number of a task shortly before it takes it off the processor.
    assert lost["no-pid"] < 0.02 * sum(p.count for p in profiles)


def test_first_mapping_is_the_main_process_though_its_child_does_more(machine, cleanup):
    cleanup("parent")
    machine.start("parent", "bash", "-c", f"{machine.program('split')} 3 1000 3 & while :; do :; done")
    profile = sample(machine, "parent", 1.5)
    main_pid = int(machine.show("parent", "MainPID"))
    assert sum(s.count for s in profile.samples if s.labels["pid"] != main_pid) > 0.5 * profile.count
    assert profile.mappings[0]["file"].endswith("/bash")


def test_deleted_executable_keeps_its_names(machine, cleanup):
    cleanup("deleted")
    machine.shell(f"cp {machine.program('split')} /usr/local/bin/deleted-split")
    machine.start("deleted", "/usr/local/bin/deleted-split", 3)
    machine.shell("rm /usr/local/bin/deleted-split")
    profile = sample(machine, "deleted")
    assert_named(profile)
    assert profile.mappings[0]["file"].startswith("/usr/local/bin/deleted-split")
    assert profile.mappings[0]["build_id"]


def test_replaced_executable_keeps_the_names_of_the_old_one(machine, cleanup):
    cleanup("replaced")
    machine.shell(f"cp {machine.program('split')} /usr/local/bin/replaced-split")
    machine.start("replaced", "/usr/local/bin/replaced-split", 3)
    machine.shell("cp /bin/true /usr/local/bin/fresh && mv /usr/local/bin/fresh /usr/local/bin/replaced-split")
    assert_named(sample(machine, "replaced"))


def test_copies_of_one_executable_are_told_apart_by_path(machine, cleanup):
    cleanup("copy-a", "copy-b")
    for name in ("copy-a", "copy-b"):
        machine.shell(f"cp {machine.program('split')} /usr/local/bin/{name}")
        machine.start(name, f"/usr/local/bin/{name}", 3)
    machine.let_run("copy-a", "copy-b")
    machine.flush()
    for name in ("copy-a", "copy-b"):
        profile = machine.profile(f"{name}.service")
        assert profile.mappings[0]["file"] == f"/usr/local/bin/{name}"
        assert_named(profile)


def test_executable_in_a_private_home_and_a_private_tmp_has_names(machine, cleanup):
    cleanup("homely")
    machine.shell("id homely >/dev/null 2>&1 || useradd --create-home --home-dir /home/homely homely; "
                  f"install -m 0700 -o homely {machine.program('split')} /home/homely/split; chmod 0700 /home/homely")
    machine.start("homely", "bash", "-c", "cp /home/homely/split /tmp/hidden-split; exec /tmp/hidden-split 3",
                  User="homely", PrivateTmp="yes")
    time.sleep(0.2)
    machine.shell("chmod 0700 /home/homely")
    profile = sample(machine, "homely")
    assert_named(profile)
    assert profile.mappings[0]["file"] == "/tmp/hidden-split"


def test_executable_in_a_private_home_deleted_while_it_runs_has_names(machine, cleanup):
    cleanup("homeless")
    machine.shell("id homely >/dev/null 2>&1 || useradd --create-home --home-dir /home/homely homely; "
                  f"install -m 0700 -o homely {machine.program('split')} /home/homely/split2; chmod 0700 /home/homely")
    machine.start("homeless", "/home/homely/split2", 3, User="homely", PrivateTmp="yes")
    machine.shell("rm /home/homely/split2")
    assert_named(sample(machine, "homeless"))


def test_executable_below_a_root_directory_has_names(machine, cleanup):
    cleanup("rooted")
    machine.shell(f"mkdir -p /srv/root/proc /srv/root/dev /srv/root/sys; cp {machine.program('split-static')} "
                  "/srv/root/split-static")
    machine.start("rooted", "/split-static", 3, RootDirectory="/srv/root")
    profile = sample(machine, "rooted")
    assert_named(profile)
    assert profile.mappings[0]["file"] == "/split-static"


def test_program_without_a_section_of_symbols_keeps_addresses_and_build_id(machine, cleanup):
    cleanup("stripped")
    machine.shell(f"strip -o /usr/local/bin/stripped-split {machine.program('split')}")
    machine.start("stripped", "/usr/local/bin/stripped-split", 3)
    profile = sample(machine, "stripped")
    frames = [f for s in profile.samples for f in s.frames if f.file.endswith("/stripped-split")]
    assert frames and not any(f.name for f in frames)
    assert all(f.address for f in frames)
    assert profile.mappings[0]["build_id"] and not profile.mappings[0]["has_functions"]


def test_executable_that_is_no_longer_elf_is_survived(machine, cleanup):
    """The file is overwritten in place, which is refused only while it runs."""
    cleanup("damaged")
    machine.shell(f"cp {machine.program('split')} /usr/local/bin/damaged-split")
    machine.start("damaged", "/usr/local/bin/damaged-split", 3, 0.3)
    machine.shell("while systemctl is-active -q damaged; do sleep 0.1; done; "
                  "head -c 100000 /dev/urandom >/usr/local/bin/damaged-split")
    machine.flush()
    assert machine.manager("State") == "running"
    assert machine.profile("damaged.service").count > 0


def test_thread_names_follow_prctl(machine, cleanup):
    cleanup("renamed")
    machine.start("renamed", "python3", "-c",
                  "import ctypes; ctypes.CDLL(None).prctl(15, b'given-name')\nwhile True: pass")
    profile = sample(machine, "renamed")
    assert "given-name" in {s.labels["thread"] for s in profile.samples}


def test_exec_replaces_the_program_of_a_process(machine, cleanup):
    cleanup("changing-program")
    machine.start("changing-program", "bash", "-c",
                  f"i=0; while ((i++ < 100000)); do :; done; exec {machine.program('split')} 3")
    profile = sample(machine, "changing-program", 1.5)
    assert len(profile.pids) == 1
    assert {"bash", "split"} <= {s.labels["thread"] for s in profile.samples}
    assert_named(profile, 0.2)
    wrong = [s for s in profile.samples if s.labels["thread"] == "split" and any("bash" in f.file for f in s.frames)]
    assert not wrong


def test_samples_never_count_for_a_unit_that_came_later(machine, configure, cleanup):
    cleanup("one-after-another")
    configure("[Profilerd]\nUnits=\nUnits=one-after-another.service other.service\n")
    for _ in range(8):
        machine.start("one-after-another", machine.program("split"), 3, 1000, 8)
        main_pid = int(machine.show("one-after-another", "MainPID"))
        machine.let_run("one-after-another", seconds=0.1)
        machine.flush()
        assert machine.profile("one-after-another.service").pids == {main_pid}
        # Its last samples lie in the ring when the next one starts.
        machine.stop("one-after-another")


def test_processes_with_many_threads_are_told_apart(machine, cleanup):
    cleanup("threaded")
    machine.start("threaded", machine.program("split"), 3, 1000, 8)
    profile = sample(machine, "threaded", 1.5)
    tasks = machine.output("ls", f"/proc/{machine.show('threaded', 'MainPID')}/task").split()
    assert {s.labels["tid"] for s in profile.samples} == set(map(int, tasks))
    assert len(profile.pids) == 1 and len(tasks) == 8


@pytest.mark.seconds(90)
def test_nothing_grows_over_five_hundred_short_lived_units(machine, cleanup):
    machine.write_unit("short@.service", "[Service]\nType=oneshot\nExecStart=/bin/true\n")
    machine.systemctl("restart", "profilerd")

    def wave(first):
        machine.shell(f"systemctl start short@{{{first}..{first + 99}}}")
        machine.flush()

    def figures():
        return {name: machine.manager(name) for name in ("MemoryBytes", "Descriptors", "Processes", "Files")}

    wave(1)
    before = figures()
    for first in range(101, 501, 100):
        wave(first)
    wait_until(lambda: not any(u["unit"].startswith("short@") for u in machine.ctl_json("status", "--all")["units"]),
               10, "the units to be forgotten")
    after = figures()
    assert after["Descriptors"] <= before["Descriptors"] + 8, (before, after)
    assert after["MemoryBytes"] <= before["MemoryBytes"] + (8 << 20), (before, after)
    assert after["Files"] <= before["Files"] + 20, (before, after)
    assert after["Processes"] <= before["Processes"] + 250, (before, after)
