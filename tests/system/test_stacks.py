# SPDX-License-Identifier: Apache-2.0
"""Stacks are complete and right, also where no frame pointer leads up them."""

import pytest

from machine import wait_until

SECONDS = 6
DEPTH = 40
FIRST = 8
LEAVES = {"spend_half", "spend_third", "spend_fifth"}


@pytest.fixture(scope="module")
def bare(shared_machine):
    """A program without frame pointers, two threads of it."""
    machine = shared_machine
    # Its index is made while it runs for the first time; what is measured is a program that is known.
    machine.start("first", machine.program("split-bare"), DEPTH)
    machine.let_run("first", seconds=0.5)
    machine.stop("first")
    machine.flush()
    machine.start("bare", machine.program("split-bare"), DEPTH, SECONDS, 2, RemainAfterExit="yes")
    machine.shell("while [ $(systemctl show -P SubState bare) = running ]; do sleep 0.1; done")
    machine.flush()
    yield machine.profiles("bare.service")
    machine.stop("bare")


def samples_of(profiles):
    return [sample for profile in profiles for sample in profile.samples]


def note(profiles, key):
    return sum(int(profile.comments[key]) for profile in profiles)


def test_stacks_without_frame_pointers_reach_the_start_of_their_thread(bare):
    n = note(bare, "samples")
    assert n > 100
    # The first samples come before the tables of a new process are loaded.
    assert note(bare, "stacks-complete") >= n - FIRST


def test_every_caller_is_named_in_order_and_none_is_wrong(bare):
    expected = ["descend"] * (DEPTH + 1) + ["work"]
    right = n = 0
    for sample in samples_of(bare):
        user = [frame.name for frame in sample.frames if not frame.is_kernel]
        if user and user[0] in LEAVES:
            n += sample.count
            right += sample.count * (user[1:DEPTH + 3] == expected)
            known = user[1:DEPTH + 3]
            assert known == expected[:len(known)]
    assert n > 100
    assert right >= n - FIRST


def test_the_main_thread_begins_at_the_start_of_the_program(bare):
    threads = {True: 0, False: 0}
    for sample in samples_of(bare):
        names = sample.names
        if "work" in names:
            threads["main" in names] += sample.count
            if "main" in names:
                assert names[-1] == "_start"
    assert threads[True] > 20 and threads[False] > 20


@pytest.mark.parametrize("command", [
    ["/usr/bin/python3", "-c", "while True: sorted(str(i) for i in range(1000))"],
    ["/usr/bin/perl", "-e", "while (1) { my %h = map { $_ => 1 } 1 .. 1000 }"],
    ["/bin/bash", "-c", "while :; do x=${x:0:9}y; done"],
])
def test_interpreters_of_the_distribution_have_complete_stacks(shared_machine, command):
    machine = shared_machine
    machine.start("interpreter", *command)
    machine.let_run("interpreter", seconds=2)
    machine.flush()
    machine.stop("interpreter")
    profiles = machine.profiles("interpreter.service")
    # The first samples come before the tables of a new process are loaded.
    assert note(profiles, "stacks-complete") >= 0.9 * note(profiles, "samples")


def test_without_memory_for_tables_profiling_goes_on(shared_machine):
    machine = shared_machine
    machine.write("/etc/profilerd/profilerd.conf.d/50-unwind.conf", "[Profilerd]\nUnwindMemoryMax=0\n")
    machine.run("systemctl", "reload", "profilerd")
    try:
        machine.start("poor", machine.program("split-bare"), DEPTH)
        machine.let_run("poor", seconds=1)
        machine.flush()
        machine.stop("poor")
        profiles = machine.profiles("poor.service")
        assert note(profiles, "samples") > 20
        assert any(sample.names[0] in LEAVES for sample in samples_of(profiles))
    finally:
        machine.path("/etc/profilerd/profilerd.conf.d/50-unwind.conf").unlink()
        machine.run("systemctl", "reload", "profilerd")


BIG = ("import hashlib, sqlite3, ssl, unicodedata, lzma, decimal\n"
       "while True: sqlite3.connect(':memory:').execute('select ' + '+'.join(map(str, range(500)))).fetchall()")


def test_a_budget_that_is_too_small_is_told_and_lasts_no_longer_than_it_is(shared_machine):
    machine = shared_machine
    conf = "/etc/profilerd/profilerd.conf.d/50-unwind.conf"
    before = machine.journal_end()
    machine.write(conf, "[Profilerd]\nUnwindMemoryMax=1M\n")
    # What is loaded already is not taken back.
    machine.systemctl("restart", "profilerd")
    try:
        machine.start("big", "/usr/bin/python3", "-c", BIG)
        machine.let_run("big", seconds=2)

        def said():
            return [entry["MESSAGE"] for entry in machine.journal("-u", "profilerd", after=before)
                    if "unwind table" in entry["MESSAGE"]]

        wait_until(said, 20, "the journal to say it")
        assert "UnwindMemoryMax= is too small" in said()[0]
        assert machine.losses()["tables-refused"] > 0
        assert "raise UnwindMemoryMax=" in machine.ctl("doctor", check=False).stdout
        machine.flush()
        profiles = machine.profiles("big.service")
        assert note(profiles, "samples") > 100
        assert dict(machine.unit("big.service", "StackEnds"))["no-budget"] > 0
        doctor = machine.ctl("doctor", "big", check=False).stdout
        assert "there was no memory for its unwind table" in doctor, doctor

        machine.path(conf).unlink()
        machine.run("systemctl", "reload", "profilerd")
        wait_until(lambda: len(said()) > 1, 20, "the journal to say that it is over")
        assert said()[1] == "All unwind tables are loaded."
        refused = dict(machine.unit("big.service", "StackEnds"))["no-budget"]
        machine.let_run("big", seconds=1)
        machine.flush()
        assert dict(machine.unit("big.service", "StackEnds"))["no-budget"] == refused
        assert note(machine.profiles("big.service")[-1:], "stacks-complete") > 50
        assert len(said()) == 2
    finally:
        machine.stop("big")
        machine.path(conf).unlink(missing_ok=True)
        machine.systemctl("restart", "profilerd")
