# SPDX-License-Identifier: Apache-2.0
"""profilerctl shows what is there, and tells by its exit status how it went."""

import json

import pytest
from machine import STORE

OK, FAILURE, USAGE, NOT_RUNNING, NO_MATCH, DENIED, GAPS = range(7)


@pytest.fixture(scope="module")
def sampled(shared_machine):
    """A machine with three profiles of shown.service, a second apart."""
    m = shared_machine
    m.systemctl("restart", "profilerd")
    m.start("shown", m.program("split"), 3)
    for _ in range(3):
        m.let_run("shown")
        m.flush("shown")
    yield m
    m.stop("shown")


def status(machine, *arguments):
    return machine.ctl(*arguments, check=False).returncode


def test_bare_command_shows_the_daemon_and_its_units(sampled):
    text = sampled.ctl().stdout
    assert "profilerd" in text and "99 Hz" in text
    assert "shown.service" in text


def test_status_of_a_unit_names_its_top_functions(sampled):
    text = sampled.ctl("status", "shown").stdout
    assert sampled.show("shown", "InvocationID") in text
    assert "spend_half" in text


def test_status_as_json_has_the_same_numbers_as_the_bus(sampled):
    unit = next(u for u in sampled.ctl_json("status")["units"] if u["unit"] == "shown.service")
    assert unit["control_group_id"] == sampled.unit("shown.service", "ControlGroupId")
    assert unit["profiles"] == 3
    assert unit["lost"] == 0


def test_list_has_a_row_for_each_file(sampled):
    rows = sampled.ctl_json("list", "shown")["profiles"]
    assert [row["path"].rsplit("/", 1)[1] for row in rows] == [p.name for p in sampled.files("shown.service")]
    assert sum(row["samples"] for row in rows) == sum(p.count for p in sampled.profiles("shown.service"))
    assert len(sampled.ctl("list", "shown", "--no-legend").stdout.splitlines()) == 3


def test_list_obeys_its_options(sampled):
    starts = [row["start_usec"] for row in sampled.ctl_json("list", "shown")["profiles"]]
    newest_first = [row["start_usec"] for row in sampled.ctl_json("list", "shown", "-r")["profiles"]]
    newest = [row["start_usec"] for row in sampled.ctl_json("list", "shown", "-1")["profiles"]]
    assert newest_first == starts[::-1]
    assert newest == starts[-1:]


def test_report_covers_the_time_that_was_asked_for(sampled):
    profiles = sampled.profiles("shown.service")
    middle = (profiles[1].time_nsec + profiles[1].end_nsec) // 2000 / 1e6
    for option, expected in (("-S", profiles[1:]), ("-U", profiles[:2])):
        report = sampled.ctl_json("report", "shown", option, f"@{middle}")["reports"][0]
        assert report["profiles"] == 2
        assert report["samples"] == sum(p.count for p in expected)


def test_report_reads_a_file(sampled):
    path = f"{STORE}/shown.service/{sampled.files('shown.service')[0].name}"
    assert "spend_half" in sampled.ctl("report", path).stdout


def test_report_can_be_grouped(sampled):
    for by, name in (("binary", "split"), ("thread", "split"), ("pid", sampled.show("shown", "MainPID"))):
        assert name in sampled.ctl("report", "shown", f"--by={by}", "--no-legend").stdout


def test_list_works_without_the_daemon(sampled):
    sampled.systemctl("stop", "profilerd")
    try:
        assert len(sampled.ctl_json("list", "shown")["profiles"]) >= 3
        assert "spend_half" in sampled.ctl("report", "shown").stdout
        assert status(sampled, "status") == NOT_RUNNING
        assert status(sampled, "flush") == NOT_RUNNING
        assert status(sampled, "reload") == NOT_RUNNING
    finally:
        sampled.start_daemon()


@pytest.mark.parametrize("arguments,expected", [
    (("list",), OK),
    (("verify",), OK),
    (("--version",), OK),
    (("--help",), OK),
    (("reload",), OK),
    (("flush", "shown"), OK),
    (("nonsense",), USAGE),
    (("report",), USAGE),
    (("list", "--json=nonsense"), USAGE),
    (("list", "-S", "nonsense"), USAGE),
    (("report", "no-such-unit"), NO_MATCH),
    (("list", "no-such-unit"), NO_MATCH),
    (("flush", "no-such-unit"), NO_MATCH),
    (("report", "shown", "-U", "2001-01-01"), NO_MATCH),
])
def test_exit_status_of(sampled, arguments, expected):
    result = sampled.ctl(*arguments, check=False)
    assert result.returncode == expected, result.stdout + result.stderr


def test_verify_finds_a_damaged_file(sampled):
    file = sampled.files("shown.service")[0]
    for name, data in (("cut.pb.gz", file.read_bytes()[:-20]), ("wrong.pb.gz", b"\x1f\x8b nonsense")):
        sampled.path(f"/var/tmp/{name}").write_bytes(data)
        assert status(sampled, "verify", f"/var/tmp/{name}") == FAILURE
    rows = json.loads(sampled.ctl("verify", "/var/tmp/cut.pb.gz", "--json=short", check=False).stdout)
    assert rows


def test_doctor_finds_nothing_broken_here(sampled):
    result = sampled.ctl("doctor", check=False)
    assert result.returncode in (OK, GAPS)
    assert "fail" not in [line.split()[0] for line in result.stdout.splitlines() if line]


def test_doctor_as_json_is_json(sampled):
    assert json.loads(sampled.ctl("doctor", "--json=short", check=False).stdout)


def test_monitor_prints_a_line_for_each_profile(sampled):
    script = "timeout 20 profilerctl monitor shown -n 1 --json=short & sleep 1; profilerctl flush shown; wait"
    row = json.loads(next(line for line in sampled.shell(script).splitlines() if line.startswith("{")))
    assert row["unit"] == "shown.service"
    assert row["path"].endswith(sampled.files("shown.service")[-1].name)
    assert row["samples"] > 0 and row["duration_usec"] > 0


def test_since_restart_is_the_start_of_the_unit(sampled):
    assert sampled.ctl_json("list", "shown", "-S", "restart")["profiles"]
    assert status(sampled, "list", "-S", "restart") == USAGE
    assert status(sampled, "list", "-S", "boot") == OK


def test_diff_around_a_restart(sampled):
    assert status(sampled, "diff", "shown", "--restart") == NO_MATCH
    sampled.systemctl("restart", "shown.service", check=False)
    sampled.stop("shown")
    sampled.start("shown", sampled.program("split"), 3)
    sampled.let_run("shown")
    sampled.flush("shown")
    difference = sampled.ctl_json("diff", "shown", "--restart", "--all")
    assert difference["before"]["total"] > 0 and difference["after"]["total"] > 0
    assert "spend_half" in [row["name"] for row in difference["rows"]]


def test_vacuum_beside_the_running_daemon(sampled):
    sampled.flush("shown")
    assert sampled.ctl_json("vacuum", "shown", "--files=1")["removed"] > 0
    assert len(sampled.files("shown.service")) == 1
    sampled.let_run("shown")
    sampled.flush("shown")
    assert len(sampled.files("shown.service")) == 2
    assert sampled.manager("ProfilesDropped") == 0


def test_output_into_a_pipe_has_no_colour_and_no_pager(sampled):
    for verb in ("status", "list", "doctor"):
        assert "\x1b" not in sampled.ctl(verb, check=False).stdout
