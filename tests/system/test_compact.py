# SPDX-License-Identifier: Apache-2.0
"""History in fewer files: nothing is lost or counted twice, whatever happens on the way."""

import json
import os
import pathlib
import random
import shutil
import subprocess
import time

import pytest

from offline import ctl

DAY = 86400
HOUR = 3600
UNITS = 2
MINUTES = 150
ROUNDS = 12
GAPS = 6
GRACE = 11 * 60


@pytest.fixture
def make_store(profilerctl, tmp_path):
    """make_store(age in seconds of its end): a store, and its path."""
    program = pathlib.Path(os.environ["BUILD"]) / "tests/bench/make-store"

    def make(age, minutes=MINUTES):
        end = (int(time.time()) - age) // DAY * DAY
        subprocess.run([program, tmp_path / "store", str(UNITS), str(minutes), str(end)], check=True)
        return tmp_path / "store"

    return make


def samples(profilerctl, store):
    """What readers see of each unit: samples and CPU time."""
    done = ctl(profilerctl, "-D", store, "report", "unit*", "-S", "@0", "--lines=0", "--json=short", check=False)
    assert done.returncode == GAPS, done.stderr
    assert "left out" not in done.stderr, done.stderr
    return [(report["unit"], report["samples"], report["total"], report["covered_usec"], report["rows"])
            for report in json.loads(done.stdout)["reports"]]


def compact(profilerctl, store, *arguments):
    return json.loads(ctl(profilerctl, "-D", store, "compact", "--json=short", *arguments).stdout)


def age_files(store, seconds):
    for path in store.glob("*/*"):
        os.utime(path, (time.time() - seconds,) * 2)


def names(store):
    return sorted(path.name for path in store.glob("*/*.pb.gz"))


@pytest.mark.seconds(300)
def test_hours_then_days_and_the_same_report(profilerctl, make_store):
    store = make_store(10 * DAY)
    before = samples(profilerctl, store)

    first = compact(profilerctl, store)
    assert first["replaced"] == UNITS * MINUTES and first["written"] < UNITS * 6
    assert samples(profilerctl, store) == before
    # Whoever has listed the old files may still read them.
    assert len(names(store)) == UNITS * MINUTES + first["written"]

    age_files(store, GRACE)
    second = compact(profilerctl, store)
    assert second["removed"] == UNITS * MINUTES
    assert not [name for name in names(store) if ".hour." not in name and ".day." not in name]
    assert second["written"] == UNITS and samples(profilerctl, store) == before

    age_files(store, GRACE)
    third = compact(profilerctl, store)
    assert third["written"] == 0 and all(".day." in name for name in names(store))
    assert samples(profilerctl, store) == before
    assert compact(profilerctl, store)["removed"] == 0


def test_young_profiles_stay(profilerctl, make_store):
    store = make_store(0)
    assert compact(profilerctl, store, "--time=10d")["written"] == 0
    assert compact(profilerctl, store, "--time=1h")["written"] > 0


def test_a_late_window_is_not_lost(profilerctl, make_store):
    """A clock that was set back writes into a time that was compacted before."""
    store = make_store(3 * DAY)
    compact(profilerctl, store)
    age_files(store, GRACE)
    unit = store / "unit0.service"
    late = unit / min(name for name in os.listdir(unit) if ".hour." not in name)
    copy = late.with_name(late.name.replace(".60000000.", ".59000000."))
    shutil.copy(late, copy)
    with_late = samples(profilerctl, store)
    for path in unit.iterdir():
        os.utime(path, (time.time() - GRACE,) * 2)
    assert compact(profilerctl, store)["written"] == 1
    assert samples(profilerctl, store) == with_late
    age_files(store, GRACE)
    compact(profilerctl, store)
    assert not copy.exists() and samples(profilerctl, store) == with_late


def test_a_broken_file_stays_and_is_named(profilerctl, make_store):
    store = make_store(3 * DAY)
    broken = store / "unit0.service" / min(os.listdir(store / "unit0.service"))
    broken.write_bytes(b"no profile")
    done = ctl(profilerctl, "-D", store, "compact", "--json=short", check=False)
    assert done.returncode == GAPS and broken.name in done.stderr
    assert json.loads(done.stdout)["failed"] == 1
    age_files(store, GRACE)
    ctl(profilerctl, "-D", store, "compact", check=False)
    assert broken.exists() and len([n for n in names(store) if ".hour." not in n]) == 1


def test_two_at_once_is_one(profilerctl, make_store):
    store = make_store(3 * DAY)
    lock = subprocess.Popen(["flock", store, "sleep", "60"])
    try:
        time.sleep(0.3)
        done = ctl(profilerctl, "-D", store, "compact", check=False)
        assert done.returncode == 1 and "already" in done.stderr
    finally:
        lock.kill()
        lock.wait()


@pytest.mark.seconds(600)
def test_killed_at_any_moment(profilerctl, make_store):
    """Readers see each sample once, while it runs, after it was killed, and when the rest is done."""
    store = make_store(10 * DAY)
    before = samples(profilerctl, store)
    for round_ in range(ROUNDS):
        process = subprocess.Popen([profilerctl, "-D", store, "compact"],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(random.random() * 0.6)
        process.kill()
        process.wait()
        assert samples(profilerctl, store) == before
        if round_ % 3 == 2:
            age_files(store, GRACE)
    assert not list(store.glob("*/.*"))

    process = subprocess.Popen([profilerctl, "-D", store, "compact"], stdout=subprocess.DEVNULL)
    while process.poll() is None:
        assert samples(profilerctl, store) == before
    for _ in range(3):
        age_files(store, GRACE)
        compact(profilerctl, store)
    assert samples(profilerctl, store) == before
    assert all(".day." in name for name in names(store))


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small file system")
def test_a_full_disk_loses_nothing(profilerctl, make_store, tmp_path):
    store = make_store(3 * DAY, minutes=60)
    before = samples(profilerctl, store)
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64M", "tmpfs", small], check=True)
    try:
        shutil.copytree(store, small / "store")
        with open(small / "fill", "wb") as fill, pytest.raises(OSError):
            while True:
                fill.write(b"x" * 65536)
                fill.flush()
        done = ctl(profilerctl, "-D", small / "store", "compact", check=False)
        assert done.returncode == 1 and "disk is full" in done.stderr and "nothing is lost" in done.stderr
        assert samples(profilerctl, small / "store") == before
        assert not [name for name in names(small / "store") if ".hour." in name]
        (small / "fill").unlink()
        assert compact(profilerctl, small / "store")["written"] > 0
        assert samples(profilerctl, small / "store") == before
    finally:
        subprocess.run(["umount", small], check=True)


def test_a_range_that_cuts_an_hour_takes_all_of_it(profilerctl, make_store):
    store = make_store(3 * DAY, minutes=120)
    end = max(int(name.split(".")[2]) for name in names(store)) // 1000000 + 60
    compact(profilerctl, store)
    done = ctl(profilerctl, "-D", store, "report", "unit0", "-S", f"@{end - 30 * 60}", "--json=short")
    assert "kept by the hour" in done.stderr
    assert json.loads(done.stdout)["reports"][0]["start_usec"] == (end - HOUR) * 1000000
    done = ctl(profilerctl, "-D", store, "report", "unit0", "-S", f"@{end - HOUR}", "--json=short")
    assert not done.stderr


def test_the_unit_of_the_timer_does_it_in_its_sandbox(machine, make_store, profilerctl):
    store = make_store(3 * DAY, minutes=20)
    before = samples(profilerctl, store)
    inside = machine.path("/var/lib/profilerd/unit0.service")
    try:
        shutil.copytree(store / "unit0.service", inside)
        machine.run("chown", "-R", "profilerd:profilerd", "/var/lib/profilerd/unit0.service")
        assert machine.show("profilerd-compact.timer", "ActiveState") == "active"
        machine.systemctl("start", "profilerd-compact")
        assert machine.show("profilerd-compact", "Result") == "success"
        hours = [name for name in os.listdir(inside) if ".hour." in name]
        assert hours and samples(profilerctl, inside.parent)[0] == before[0]
    finally:
        machine.run("rm", "-rf", "/var/lib/profilerd/unit0.service")
