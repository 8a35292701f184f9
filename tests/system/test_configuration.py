# SPDX-License-Identifier: Apache-2.0
"""The configuration comes from the files that systemd's rules say, and works as documented."""

import re
import time

import pytest
from machine import DROP_IN, INTERVAL, INTERVAL_TEXT, wait_until

EXIT_CONFIG = 78
BROKEN = "[Profilerd\nFrequency=50\n"


@pytest.fixture
def scratch(machine, configure):
    """scratch(path, text): files that go away in the end."""
    paths = []

    def put(path, text):
        paths.append(path)
        machine.write(path, text)

    yield put
    for path in paths:
        machine.path(path).unlink(missing_ok=True)


@pytest.fixture
def as_shipped(machine, configure):
    machine.path(INTERVAL).unlink()
    yield
    machine.write(INTERVAL, INTERVAL_TEXT)


def test_shipped_configuration_is_complete_and_profiles_every_service(machine, as_shipped, configure):
    configure()
    checked = machine.run("/usr/libexec/profilerd", "--check-config")
    assert "Units=*.service" in checked.stdout
    assert "Frequency=99" in checked.stdout
    assert machine.manager("Units") == ["*.service"]
    assert machine.manager("FrequencyHz") == 99
    assert machine.manager("IntervalUSec") == 60_000_000


def test_drop_ins_are_read_in_the_order_of_names_over_all_directories(machine, configure, scratch):
    scratch("/run/profilerd/profilerd.conf.d/60-later.conf", "[Profilerd]\nFrequency=31\n")
    scratch("/usr/lib/profilerd/profilerd.conf.d/40-earlier.conf", "[Profilerd]\nFrequency=29\nInterval=7s\n")
    configure("[Profilerd]\nFrequency=37\n")
    assert machine.manager("FrequencyHz") == 31
    assert machine.manager("IntervalUSec") == 7_000_000


def test_drop_in_in_etc_replaces_one_of_the_same_name(machine, configure, scratch):
    scratch("/usr/lib/profilerd/profilerd.conf.d/50-test.conf", "[Profilerd]\nInterval=9s\n")
    configure("[Profilerd]\nFrequency=41\n")
    assert machine.manager("FrequencyHz") == 41
    assert machine.manager("IntervalUSec") != 9_000_000


def test_main_file_in_etc_replaces_the_shipped_one(machine, configure, scratch):
    scratch("/etc/profilerd/profilerd.conf", "[Profilerd]\nUnits=only-this.service\n")
    configure()
    assert machine.manager("Units") == ["only-this.service"]


def test_cat_config_shows_the_files_that_are_read(machine, configure, scratch):
    scratch("/run/profilerd/profilerd.conf.d/60-later.conf", "[Profilerd]\nFrequency=31\n")
    configure("[Profilerd]\nFrequency=37\n")
    shown = machine.output("systemd-analyze", "cat-config", "profilerd/profilerd.conf")
    files = re.findall(r"^# (/\S+\.conf)$", shown, re.M)
    assert files == ["/usr/lib/profilerd/profilerd.conf", INTERVAL, DROP_IN,
                     "/run/profilerd/profilerd.conf.d/60-later.conf"]


def test_reload_is_in_effect_when_the_command_returns(machine, configure, cleanup):
    cleanup("fresh")
    configure("[Profilerd]\nUnits=\nUnits=nothing-yet.service\n")
    machine.start("fresh", machine.program("split"), 3)
    assert machine.unit_path("fresh.service") is None
    configure("[Profilerd]\nUnits=\nUnits=fresh.service\nFrequency=47\n")
    assert machine.unit("fresh.service", "State") == "profiled"
    assert machine.manager("FrequencyHz") == 47


def test_reload_of_a_broken_file_fails_and_keeps_the_old_settings(machine, configure):
    configure("[Profilerd]\nFrequency=43\n")
    machine.write(DROP_IN, BROKEN)
    before = machine.journal_end()
    result = machine.systemctl("reload", "profilerd", check=False)
    assert result.returncode != 0
    assert machine.manager("FrequencyHz") == 43
    assert machine.show("profilerd", "ActiveState") == "active"
    messages = [e["MESSAGE"] for e in machine.journal("SYSLOG_IDENTIFIER=profilerd", after=before)]
    assert any(f"{DROP_IN}:1: " in message for message in messages), messages
    result = machine.ctl("reload", check=False)
    assert result.returncode == 1
    assert f"{DROP_IN}:1: " in result.stderr


def test_complaint_in_the_journal_carries_file_and_line(machine, as_shipped, configure):
    before = machine.journal_end()
    configure("[Profilerd]\nFrequency=53\nFoo=1\nInterval=long\n")
    entries = [e for e in machine.journal("SYSLOG_IDENTIFIER=profilerd", after=before) if "CONFIG_FILE" in e]
    assert [(e["CONFIG_FILE"], e["CONFIG_LINE"]) for e in entries] == [(DROP_IN, "3"), (DROP_IN, "4")]
    assert entries[0]["MESSAGE"].startswith(f"{DROP_IN}:3: ")
    # A bad line costs that line only.
    assert machine.manager("FrequencyHz") == 53
    assert machine.manager("IntervalUSec") == 60_000_000


def test_broken_file_at_start_is_exit_78_without_a_restart(machine, scratch):
    machine.systemctl("stop", "profilerd")
    scratch(DROP_IN, BROKEN)
    before = machine.journal_end()
    assert machine.systemctl("start", "profilerd", check=False).returncode != 0
    assert machine.show("profilerd", "ExecMainStatus") == str(EXIT_CONFIG)
    time.sleep(2.5)
    assert machine.show("profilerd", "ActiveState") == "failed"
    assert machine.show("profilerd", "NRestarts") == "0"
    messages = [e["MESSAGE"] for e in machine.journal("SYSLOG_IDENTIFIER=profilerd", after=before)]
    assert any(f"{DROP_IN}:1: " in message for message in messages), messages
    machine.path(DROP_IN).unlink()
    machine.systemctl("reset-failed", "profilerd")
    machine.start_daemon()


def test_check_config_tells_by_its_status(machine, configure, scratch):
    good = machine.run("/usr/libexec/profilerd", "--check-config", check=False)
    scratch(DROP_IN, "[Profilerd]\nFoo=1\n")
    doubtful = machine.run("/usr/libexec/profilerd", "--check-config", check=False)
    scratch(DROP_IN, BROKEN)
    broken = machine.run("/usr/libexec/profilerd", "--check-config", check=False)
    assert (good.returncode, doubtful.returncode, broken.returncode) == (0, EXIT_CONFIG, EXIT_CONFIG)
    assert f"{DROP_IN}:2: " in doubtful.stderr
    assert f"{DROP_IN}:1: " in broken.stderr


def test_check_config_accepts_the_file_it_was_given(machine, configure, scratch):
    scratch("/run/candidate.conf", "[Profilerd]\nFrequency=61\n")
    result = machine.run("/usr/libexec/profilerd", "--check-config", "--config=/run/candidate.conf", check=False)
    assert result.returncode == 0 and "Frequency=61" in result.stdout


def test_units_are_sampled_at_their_own_frequency(machine, configure, cleanup):
    cleanup("fast", "slow")
    configure("", "[Match]\nUnit=slow.service\n[Profile]\nFrequency=49\n")
    for unit in ("fast", "slow"):
        machine.start(unit, machine.program("split"), 3, 1000, CPUAffinity="0 1")
        machine.wait_for_state(f"{unit}.service", "profiled")
    machine.flush()
    before = {unit: machine.cpu_nsec(unit) for unit in ("fast", "slow")}
    machine.let_run("fast", "slow", seconds=3)
    used = {unit: machine.cpu_nsec(unit) - before[unit] for unit in ("fast", "slow")}
    machine.flush()
    fast, slow = machine.profile("fast.service"), machine.profile("slow.service")
    rates = {"fast": fast.count / used["fast"] * 1e9, "slow": slow.count / used["slow"] * 1e9}
    assert rates["slow"] / rates["fast"] == pytest.approx(49 / 99, rel=0.15)
    assert slow.period == pytest.approx(1e9 / 49, abs=1)
    assert fast.cpu_nsec == pytest.approx(used["fast"], rel=0.06)
    assert slow.cpu_nsec == pytest.approx(used["slow"], rel=0.15)


def test_frequency_above_that_of_the_daemon_is_reached(machine, configure, cleanup):
    cleanup("faster")
    configure("", "[Match]\nUnit=faster.service\n[Profile]\nFrequency=499\n")
    machine.start("faster", machine.program("split"), 3)
    machine.wait_for_state("faster.service", "profiled")
    machine.flush()
    before = machine.cpu_nsec("faster")
    machine.let_run("faster", seconds=2)
    used = machine.cpu_nsec("faster") - before
    machine.flush()
    profile = machine.profile("faster.service")
    assert profile.count / (used / 1e9) == pytest.approx(499, rel=0.1)
    assert profile.cpu_nsec == pytest.approx(used, rel=0.06)


def test_labels_are_on_every_sample(machine, configure, cleanup):
    cleanup("labelled")
    configure("", '[Match]\nUnit=labelled\n[Profile]\nLabels=team=data "site=Berlin 2"\n')
    machine.start("labelled", machine.program("split"), 3)
    machine.let_run("labelled")
    machine.flush()
    profile = machine.profile("labelled.service")
    assert profile.samples
    for sample in profile.samples:
        assert sample.labels["team"] == "data" and sample.labels["site"] == "Berlin 2"


def test_windows_follow_each_other_without_a_gap(machine, configure, cleanup):
    cleanup("steady")
    configure("[Profilerd]\nInterval=2s\n")
    machine.start("steady", machine.program("split"), 3)
    wait_until(lambda: len(machine.files("steady.service")) >= 3, 10, "three windows")
    profiles = machine.profiles("steady.service")
    for before, after in zip(profiles, profiles[1:]):
        assert before.end_nsec == after.time_nsec
    for profile in profiles[1:]:
        assert profile.duration_nsec == 2e9
        assert profile.time_nsec % 2_000_000_000 == 0


def test_unit_file_has_an_interval_of_its_own(machine, configure, cleanup):
    cleanup("hasty")
    configure("", "[Match]\nUnit=hasty.service\n[Profile]\nInterval=1s\n")
    machine.start("hasty", machine.program("split"), 3)
    wait_until(lambda: len(machine.files("hasty.service")) >= 2, 5, "two windows")


def test_sampling_ratio_keeps_the_same_units_and_a_larger_one_adds_to_them(machine, configure, cleanup):
    units = [f"ratio-{i}.service" for i in range(12)]
    cleanup(*units)
    for unit in units:
        machine.start(unit, "sleep", "1000")

    def chosen(ratio):
        configure(f"[Profilerd]\nUnits=\nUnits=ratio-*.service\nSamplingRatio={ratio}\n")
        listed = machine.ctl_json("status", "--all")["units"]
        assert {u["state"] for u in listed} <= {"profiled", "excluded"}
        return {u["unit"] for u in listed if u["state"] == "profiled"}

    half = chosen(0.5)
    assert 1 < len(half) < 11
    assert chosen(0) == set()
    assert chosen(0.5) == half
    assert chosen("80%") >= half
    assert chosen(1) == set(units)


def test_enabled_unit_file_adds_a_unit_that_units_does_not_name(machine, configure, cleanup):
    cleanup("extra")
    configure("[Profilerd]\nUnits=\nUnits=something-else.service\n",
              "[Match]\nUnit=extra.service\n[Profile]\nEnable=yes\n")
    machine.start("extra", machine.program("split"), 3)
    machine.wait_for_state("extra.service", "profiled")
