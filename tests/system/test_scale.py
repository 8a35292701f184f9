# SPDX-License-Identifier: Apache-2.0
"""Many of everything: memory and descriptors stay bounded, and nothing is lost that is not counted."""

import pytest

from machine import wait_until

UNITS = 1000
RESTARTS = 1000
TEMPLATE = """
[Service]
ExecStart=/bin/sleep infinity
Slice=many.slice
"""
BUSY = """
[Unit]
StartLimitIntervalSec=0
[Service]
ExecStart=/bin/sh -c 'i=0; while [ $i -lt 300 ]; do i=$((i+1)); done; exec sleep infinity'
"""


def losses(machine):
    """But for who was gone before anybody could look at him."""
    return {reason: count for reason, _, count in machine.manager("Losses") if reason != "maps-unread"}


def count_profiled(machine):
    units = machine.ctl_json("status")["units"]
    return sum(unit["state"] == "profiled" for unit in units)


@pytest.fixture
def many(machine):
    before = {name: machine.manager(name) for name in ("Descriptors", "MemoryBytes", "BPFMemoryBytes")}
    machine.write_unit("many@.service", TEMPLATE)
    machine.systemctl("start", "--no-block", *(f"many@{i}.service" for i in range(UNITS)), timeout=120)
    yield machine, before
    machine.systemctl("stop", "many.slice", timeout=120)
    machine.shell("rm /etc/systemd/system/many@.service; systemctl daemon-reload")


@pytest.mark.seconds(240)
def test_a_thousand_units_cost_memory_but_no_descriptors(many):
    machine, before = many
    wait_until(lambda: count_profiled(machine) >= UNITS, 120, f"{UNITS} units to be profiled")
    assert machine.manager("Descriptors") < before["Descriptors"] + 50
    assert machine.manager("MemoryBytes") < before["MemoryBytes"] + 16 * 2**20
    assert machine.manager("BPFMemoryBytes") < before["BPFMemoryBytes"] + 16 * 2**20
    # The daemon still answers, and forgets what is gone.
    machine.systemctl("stop", "many.slice", timeout=120)
    wait_until(lambda: count_profiled(machine) < UNITS / 10, 60, "the units to be forgotten")
    assert machine.show("profilerd", "ActiveState") == "active"


@pytest.fixture
def restless(machine):
    machine.write_unit("restless.service", BUSY)
    machine.systemctl("restart", "restless")
    yield machine
    machine.stop("restless")
    machine.shell("rm /etc/systemd/system/restless.service; systemctl daemon-reload")


@pytest.mark.seconds(400)
def test_a_thousand_restarts_leave_nothing_behind(restless):
    machine = restless
    machine.shell("for i in $(seq 50); do systemctl restart restless; done", timeout=120)
    machine.flush()
    names = "Descriptors", "MemoryBytes", "BPFMemoryBytes"
    before = {name: machine.manager(name) for name in names}
    lost = losses(machine)
    machine.shell(f"for i in $(seq {RESTARTS - 50}); do systemctl restart restless; done", timeout=300)
    machine.flush()
    after = {name: machine.manager(name) for name in names}
    assert after["Descriptors"] < before["Descriptors"] + 20
    assert after["MemoryBytes"] < before["MemoryBytes"] + 8 * 2**20
    assert after["BPFMemoryBytes"] < before["BPFMemoryBytes"] + 2**20
    assert losses(machine) == lost
    # What runs now is what is profiled.
    assert machine.unit("restless.service", "State") == "profiled"
    current = bytes(machine.unit("restless.service", "InvocationID")).hex()
    assert current == machine.show("restless", "InvocationID")
