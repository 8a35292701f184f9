# SPDX-License-Identifier: Apache-2.0
"""Units are followed whatever systemd does with them."""

import collections
import time

import pytest
from machine import wait_until

# Samples that show that a unit which used 0.3 s of CPU was profiled.
SOME = 5


def burn(machine, unit, seconds=1000, **properties):
    machine.start(unit, machine.program("split"), 3, seconds, **properties)


def samples_of(machine, unit):
    machine.flush()
    return sum(profile.count for profile in machine.profiles(unit))


def heaviest_pid(profile):
    counts = collections.Counter()
    for sample in profile.samples:
        counts[sample.labels["pid"]] += sample.count
    return counts.most_common(1)[0][0]


def test_unit_started_after_the_daemon_is_profiled(machine, cleanup):
    cleanup("late")
    burn(machine, "late")
    machine.let_run("late")
    assert samples_of(machine, "late.service") > SOME
    assert machine.unit("late.service", "State") == "profiled"


def test_unit_that_runs_already_is_profiled_when_the_daemon_starts(machine, cleanup):
    cleanup("early")
    machine.systemctl("stop", "profilerd")
    burn(machine, "early")
    machine.start_daemon()
    machine.let_run("early")
    assert samples_of(machine, "early.service") > SOME
    assert "spend_half" in machine.profile("early.service").names


def test_control_group_id_is_that_of_the_directory(machine, cleanup):
    cleanup("ids")
    burn(machine, "ids")
    machine.wait_for_state("ids.service", "profiled")
    group = machine.show("ids", "ControlGroup")
    inode = int(machine.output("stat", "-c", "%i", f"/sys/fs/cgroup{group}"))
    assert machine.unit("ids.service", "ControlGroup") == group
    assert machine.unit("ids.service", "ControlGroupId") == inode
    assert machine.unit("ids.service", "MainPID") == int(machine.show("ids", "MainPID"))


@pytest.mark.parametrize("pattern", ["*.service", "stopping.service"])
def test_stopped_unit_leaves_its_last_profile_without_a_flush(machine, configure, cleanup, pattern):
    cleanup("stopping")
    configure(f"[Profilerd]\nUnits=\nUnits={pattern}\n")
    before = len(machine.files("stopping.service"))
    burn(machine, "stopping")
    machine.let_run("stopping")
    machine.systemctl("stop", "stopping")
    wait_until(lambda: len(machine.files("stopping.service")) > before, 3, "its profile")
    assert machine.profile("stopping.service").count > SOME


def test_restarted_unit_has_a_profile_for_each_invocation(machine, cleanup):
    cleanup("restarting")
    machine.write_unit("restarting.service", f"[Service]\nExecStart={machine.program('split')} 3\n"
                       "[Unit]\nStartLimitIntervalSec=0\n")
    invocations = []
    for _ in range(20):
        machine.systemctl("restart", "restarting")
        invocations.append(machine.show("restarting", "InvocationID"))
        machine.let_run("restarting", seconds=0.1)
    group = machine.show("restarting", "ControlGroup")
    inode = int(machine.output("stat", "-c", "%i", f"/sys/fs/cgroup{group}"))
    wait_until(lambda: machine.unit("restarting.service", "ControlGroupId") == inode, 1, "the new id")
    machine.flush()
    assert [p.comments["invocation-id"] for p in machine.profiles("restarting.service")] == invocations
    pids = [heaviest_pid(p) for p in machine.profiles("restarting.service")]
    assert len(set(pids)) == len(pids)
    assert pids[-1] == int(machine.show("restarting", "MainPID"))


def test_crashed_unit_is_profiled_again_when_systemd_restarts_it(machine, cleanup):
    cleanup("crashing")
    burn(machine, "crashing", Restart="always", RestartSec="100ms")
    machine.wait_for_state("crashing.service", "profiled")
    before = machine.show("crashing", "MainPID")
    machine.let_run("crashing")
    machine.systemctl("kill", "-s", "KILL", "crashing")
    wait_until(lambda: machine.show("crashing", "MainPID") not in (before, "0"), 5, "the restart")
    machine.let_run("crashing")
    machine.flush()
    profiles = machine.profiles("crashing.service")
    assert len({p.comments["invocation-id"] for p in profiles}) == 2
    assert "spend_half" in profiles[-1].names
    assert profiles[-1].pids == {int(machine.show("crashing", "MainPID"))}


def test_template_matches_its_instances(machine, configure, cleanup):
    cleanup("foo@1", "foo@2", "other")
    machine.write_unit("foo@.service", f"[Service]\nExecStart={machine.program('split')} 3\n")
    configure("[Profilerd]\nUnits=\nUnits=foo@.service\n")
    machine.systemctl("start", "foo@1", "foo@2")
    burn(machine, "other")
    machine.let_run("foo@1", "foo@2", "other")
    machine.flush()
    assert machine.profile("foo@1.service").count > SOME
    assert machine.profile("foo@2.service").count > SOME
    assert not machine.files("other.service")
    assert machine.unit_path("other.service") is None


def test_alias_names_the_unit_it_stands_for(machine, configure, cleanup):
    cleanup("aliased")
    machine.write("/etc/systemd/system/aliased.service", f"[Service]\nExecStart={machine.program('split')} 3\n"
                  "[Install]\nAlias=other-name.service\n")
    machine.systemctl("enable", "aliased.service")
    machine.systemctl("daemon-reload")
    configure("[Profilerd]\nUnits=\nUnits=other-name.service\n")
    machine.systemctl("start", "aliased")
    machine.let_run("aliased")
    machine.flush()
    assert machine.profile("aliased.service").count > SOME
    assert not machine.files("other-name.service")


def test_glob_takes_up_transient_units_without_a_reload(machine, configure, cleanup):
    cleanup("web-7")
    configure("[Profilerd]\nUnits=\nUnits=web-*.service\n")
    burn(machine, "web-7")
    machine.wait_for_state("web-7.service", "profiled", 2)
    machine.systemctl("stop", "web-7")
    wait_until(lambda: machine.unit_path("web-7.service") is None, 3, "it to be forgotten")


def test_slice_stands_for_all_below_it(machine, configure, cleanup):
    cleanup("inner-a", "inner-b", "whole.slice")
    configure("[Profilerd]\nUnits=\nUnits=whole.slice\n")
    burn(machine, "inner-a", Slice="whole.slice")
    burn(machine, "inner-b", Slice="whole-part.slice")
    machine.let_run("inner-a", "inner-b")
    machine.flush()
    pids = {int(machine.show(unit, "MainPID")) for unit in ("inner-a", "inner-b")}
    assert machine.profile("whole.slice").pids == pids
    assert not machine.files("inner-a.service")


def test_deepest_target_wins(machine, configure, cleanup):
    cleanup("deep", "shallow", "nested.slice")
    configure("[Profilerd]\nUnits=\nUnits=nested.slice deep.service\n")
    burn(machine, "deep", Slice="nested.slice")
    burn(machine, "shallow", Slice="nested.slice")
    machine.let_run("deep", "shallow")
    machine.flush()
    assert machine.profile("deep.service").pids == {int(machine.show("deep", "MainPID"))}
    assert machine.profile("nested.slice").pids == {int(machine.show("shallow", "MainPID"))}


def test_excluded_unit_does_not_count_for_its_slice(machine, configure, cleanup):
    cleanup("quiet", "loud", "mixed.slice")
    configure("[Profilerd]\nUnits=\nUnits=mixed.slice\n", "[Match]\nUnit=quiet.service\n[Profile]\nEnable=no\n")
    burn(machine, "quiet", Slice="mixed.slice")
    burn(machine, "loud", Slice="mixed.slice")
    machine.let_run("quiet", "loud")
    machine.flush()
    profile, quiet = machine.profile("mixed.slice"), int(machine.show("quiet", "MainPID"))
    # Until systemd has told of a new cgroup, it counts for the one above.
    assert sum(s.count for s in profile.samples if s.labels["pid"] == quiet) < 0.1 * profile.count
    assert not machine.files("quiet.service")


def test_scope_is_profiled(machine, configure):
    configure("[Profilerd]\nUnits=\nUnits=thing.scope\n")
    machine.run("systemd-run", "--quiet", "--scope", "--unit=thing", machine.program("split"), 3, 1.5)
    wait_until(lambda: machine.files("thing.scope"), 3, "its profile")
    assert "spend_half" in machine.profile("thing.scope").names


def test_delegated_cgroups_belong_to_their_unit(machine, cleanup):
    cleanup("delegated")
    # systemd makes $ of $$.
    machine.start("delegated", "bash", "-c", "d=/sys/fs/cgroup/system.slice/delegated.service/a/b; mkdir -p $$d; "
                  f"echo $$$$ > $$d/cgroup.procs; exec {machine.program('split')} 3", Delegate="yes")
    wait_until(lambda: machine.path("/sys/fs/cgroup/system.slice/delegated.service/a/b").exists())
    machine.let_run("delegated")
    group = machine.output("cat", f"/proc/{machine.show('delegated', 'MainPID')}/cgroup")
    assert group.endswith("/delegated.service/a/b")
    assert samples_of(machine, "delegated.service") > SOME


def test_missing_unit_is_shown_and_taken_up_when_it_appears(machine, configure, cleanup):
    cleanup("nowhere")
    configure("[Profilerd]\nUnits=\nUnits=nowhere.service\n")
    machine.wait_for_state("nowhere.service", "not-found")
    assert "nowhere.service" in machine.ctl("status").stdout
    machine.write_unit("nowhere.service", f"[Service]\nExecStart={machine.program('split')} 3\n")
    machine.systemctl("start", "nowhere")
    machine.wait_for_state("nowhere.service", "profiled")
    machine.let_run("nowhere")
    assert samples_of(machine, "nowhere.service") > SOME


def test_unconfigured_units_are_left_alone(machine, configure, cleanup):
    cleanup("unwanted", "wanted")
    configure("[Profilerd]\nUnits=\nUnits=wanted.service\n")
    burn(machine, "unwanted")
    burn(machine, "wanted")
    machine.let_run("unwanted", "wanted")
    assert samples_of(machine, "wanted.service") > SOME
    assert not machine.files("unwanted.service")
    assert [unit["unit"] for unit in machine.ctl_json("status")["units"]] == ["wanted.service"]


def assert_no_gap(profiles, start, end):
    """Windows follow each other, and there are samples in each, from start to end."""
    for before, after in zip(profiles, profiles[1:]):
        assert after.time_nsec == pytest.approx(before.end_nsec, abs=0.02e9)
    assert profiles[0].time_nsec <= start + 0.5e9
    assert profiles[-1].end_nsec >= end - 0.5e9
    for profile in profiles:
        if profile.duration_nsec > 0.5e9:
            assert profile.count > 0


@pytest.mark.parametrize("verb", ["daemon-reload", "daemon-reexec"])
def test_sampling_has_no_gap_over_a(machine, configure, cleanup, verb):
    unit = f"through-{verb}"
    cleanup(unit)
    configure("[Profilerd]\nInterval=1s\n")
    burn(machine, unit)
    machine.wait_for_state(f"{unit}.service", "profiled")
    start = time.time_ns()
    time.sleep(1)
    machine.systemctl(verb)
    time.sleep(1)
    cleanup(f"after-{verb}")
    burn(machine, f"after-{verb}")
    machine.let_run(f"after-{verb}")
    end = time.time_ns()
    machine.flush()
    assert_no_gap(machine.profiles(f"{unit}.service"), start, end)
    assert machine.files(f"after-{verb}.service")


def test_sampling_has_no_gap_over_a_restart_of_the_bus(own_machine):
    m = own_machine
    m.write("/etc/profilerd/profilerd.conf.d/50-test.conf", "[Profilerd]\nInterval=1s\n")
    m.systemctl("reload", "profilerd")
    burn(m, "through")
    m.wait_for_state("through.service", "profiled")
    pid, start = m.show("profilerd", "MainPID"), time.time_ns()
    time.sleep(1)
    m.systemctl("restart", "dbus")
    wait_until(lambda: m.run("busctl", "status", "org.profilerd1", check=False).returncode == 0, 10, "the name")
    time.sleep(1)
    burn(m, "after")
    m.let_run("after")
    end = time.time_ns()
    m.flush()
    assert m.show("profilerd", "MainPID") == pid
    assert_no_gap(m.profiles("through.service"), start, end)
    assert m.profile("after.service").count > SOME


def test_stopping_units_does_not_make_systemd_load_them_again(machine, configure, cleanup):
    configure("[Profilerd]\nUnits=\nUnits=storm-1.service storm-2.service storm-*.service\n")
    cleanup("storm-1", "storm-2")
    for unit in ("storm-1", "storm-2"):
        burn(machine, unit)
        machine.wait_for_state(f"{unit}.service", "profiled")
    # Without systemctl, which asks for units that are gone and so has them loaded itself.
    stop = "busctl call org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager StopUnit"
    machine.shell("timeout 3 busctl monitor --json=short --match=\"type='signal',member='UnitNew'\" "
                  f">/run/unit-new 2>/dev/null & sleep 0.7; {stop} ss storm-1.service replace; "
                  f"{stop} ss storm-2.service replace; wait || true")
    wait_until(lambda: machine.unit("storm-1.service", "State") in ("inactive", "not-found"), 3, "the stop")
    assert machine.output("cat", "/run/unit-new").count("storm-") <= 2
