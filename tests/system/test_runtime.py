# SPDX-License-Identifier: Apache-2.0
"""What can be done to the running daemon, and seen of it: pause, resume, top."""

import io
import json
import os
import pty
import re
import select
import time

import pytest
from machine import wait_until

DENIED, NO_MATCH = 5, 4
TICK = 2  # samples that were on their way


@pytest.fixture(scope="module")
def busy(shared_machine):
    """A machine with a unit that always runs."""
    m = shared_machine
    m.systemctl("restart", "profilerd")
    m.start("busy", m.program("split"), 600)
    m.let_run("busy")
    yield m
    m.ctl("resume")
    m.stop("busy")


def samples(machine):
    return machine.manager("SamplesTotal")


def test_pause_takes_no_sample_and_resume_goes_on(busy):
    files = len(busy.files("busy.service"))
    busy.ctl("pause")
    assert busy.manager("State") == "paused" and "paused" in busy.ctl("status").stdout
    assert "Paused" in busy.show("profilerd", "StatusText")
    # What was open is stored.
    wait_until(lambda: len(busy.files("busy.service")) > files)
    before = samples(busy)
    busy.let_run("busy", seconds=1)
    assert samples(busy) <= before + TICK

    busy.ctl("pause")  # again is nothing
    busy.ctl("resume")
    assert busy.manager("State") == "running" and "sampling" in busy.ctl("status").stdout
    before = samples(busy)
    busy.let_run("busy", seconds=0.5)
    assert samples(busy) > before + 20


def test_a_reload_does_not_resume(busy, configure):
    busy.ctl("pause")
    configure("[Profilerd]\nFrequency=77\n")
    assert busy.manager("State") == "paused" and busy.manager("FrequencyHz") == 77
    before = samples(busy)
    busy.let_run("busy", seconds=0.5)
    assert samples(busy) <= before + TICK
    busy.ctl("resume")
    before = samples(busy)
    busy.let_run("busy", seconds=0.5)
    assert samples(busy) > before + 15


def test_pausing_is_in_the_journal(busy):
    end = busy.journal_end()
    busy.ctl("pause")
    busy.ctl("resume")
    wait_until(lambda: len([e for e in busy.journal("-u", "profilerd.service", after=end)
                            if e.get("MESSAGE_ID") in ("5d0c8c54b1f74a0b8e7e6f2a9c3d4b61",
                                                       "9f4b2e7713c64b7ba0d21c8a5be6f03d")]) == 2)


def test_not_everybody_may(busy):
    for verb in (["pause"], ["resume"], ["top", "busy"]):
        done = busy.as_nobody("profilerctl", *verb)
        assert done.returncode == DENIED, (verb, done.stderr)
    assert busy.manager("State") == "running"


def test_what_is_set_holds_over_a_restart_and_goes(busy):
    busy.ctl("set", "busy", "Frequency=49", "Labels=who=me")
    try:
        assert busy.unit("busy.service", "FrequencyHz") == 49
        busy.ctl("set", "busy", "Interval=30s")
        assert busy.unit("busy.service", "FrequencyHz") == 49
        assert busy.unit("busy.service", "IntervalUSec") == 30000000
        assert busy.unit("busy.service", "Labels") == {"who": "me"}
        busy.systemctl("restart", "profilerd")
        wait_until(lambda: busy.unit("busy.service", "FrequencyHz") == 49)
        busy.ctl("set", "busy", "Frequency=")
        assert busy.unit("busy.service", "FrequencyHz") == 99
        assert busy.unit("busy.service", "IntervalUSec") == 30000000
    finally:
        busy.ctl("set", "busy")
    assert busy.unit("busy.service", "IntervalUSec") != 30000000


def test_what_is_set_wrong_changes_nothing(busy):
    for words in (["busy", "Frequency=many"], ["Frequency=0"], ["Frequencies=7"], ["busy", "MaxUse=1G"],
                  ["busy", "Labels=a"], ["Frequency=7\nUnits="]):
        done = busy.ctl("set", *words, check=False)
        assert done.returncode == 2 and "Nothing was changed" in done.stderr, (words, done)
    assert busy.manager("FrequencyHz") == 99
    assert busy.as_nobody("profilerctl", "set", "Frequency=7").returncode == DENIED
    busy.ctl("set", "Frequency=77", "MaxUse=500M")
    try:
        assert busy.manager("FrequencyHz") == 77 and busy.manager("StoreMaxUseBytes") == 500 << 20
    finally:
        busy.ctl("set", "Frequency=", "MaxUse=")
    assert busy.manager("FrequencyHz") == 99


def test_top_names_what_runs_now(busy):
    lines = busy.ctl("top", "busy", "-d", "500ms", "-n", "2", "--json=short").stdout.splitlines()
    assert len(lines) == 2
    for line in lines:
        picture = json.loads(line)
        assert picture["unit"] == "busy.service"
        names = [row["name"] for row in picture["rows"]]
        assert "spend_half" in names[:3]
        # One thread: no more than passed.
        assert sum(row["self"] for row in picture["rows"]) <= 2.5 * picture["duration_usec"] * 1000


def test_top_of_all_units_on_a_pipe(busy):
    text = busy.ctl("top", "-d", "500ms", "-n", "1").stdout
    assert re.search(r"busy\.service", text) and "\x1b" not in text
    units = json.loads(busy.ctl("top", "-d", "500ms", "-n", "1", "--json=short").stdout)["units"]
    assert units[0]["unit"] == "busy.service" and units[0]["samples"] > 10


def test_top_of_an_unknown_unit(busy):
    done = busy.ctl("top", "nope", check=False)
    assert done.returncode == NO_MATCH and "nope.service" in done.stderr


def read_until(fd, text, seconds=10):
    seen, end = io.StringIO(), time.monotonic() + seconds
    while text not in seen.getvalue():
        if not select.select([fd], [], [], max(0, end - time.monotonic()))[0]:
            raise AssertionError(f"{text!r} did not come:\n{seen.getvalue()}")
        seen.write(os.read(fd, 65536).decode())
    return seen.getvalue()


def test_top_on_a_terminal_obeys_keys_and_leaves_it_as_it_was(busy):
    ours, theirs = pty.openpty()
    process = busy.popen("env", "TERM=xterm", "LC_ALL=C.UTF-8", "profilerctl", "top", "busy", "-d", "300ms",
                         stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    try:
        read_until(ours, "spend_half")
        os.write(ours, b"p")
        read_until(ours, "frozen")
        os.write(ours, b"p")
        os.write(ours, b"c")
        read_until(ours, "100.0%")
        os.write(ours, b"q")
        assert "\x1b[?1049l" in read_until(ours, "\x1b[?1049l")
        assert process.wait(10) == 0
    finally:
        process.kill()
        os.close(ours)
