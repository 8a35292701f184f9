# SPDX-License-Identifier: Apache-2.0
"""Names that lie beside the program: separate debug files."""

import os
import shutil
import subprocess

import pytest

DEPTH = 10
LEAVES = {"spend_half", "spend_third", "spend_fifth"}


def objcopy(*arguments):
    if not shutil.which("objcopy"):
        pytest.skip("needs objcopy: apt-get install binutils")
    subprocess.run(["objcopy", *map(str, arguments)], check=True)


def build_id(path):
    notes = subprocess.run(["readelf", "-n", path], capture_output=True, text=True, check=True).stdout
    return notes.split("Build ID:")[1].split()[0]


@pytest.fixture
def split(shared_machine, tmp_path):
    """The program stripped of its names as /opt/NAME, and what was stripped off."""
    machine = shared_machine
    program = machine.path(machine.program("split"))

    def make(name, *options):
        debug, stripped = tmp_path / f"{name}.debug", tmp_path / name
        objcopy("--only-keep-debug", *options, program, debug)
        objcopy("--strip-all", *options, f"--add-gnu-debuglink={debug}", program, stripped)
        shutil.copy(stripped, machine.path("/opt") / name)
        return debug

    yield make
    for path in "/usr/lib/debug", "/usr/local/lib/debug":
        shutil.rmtree(machine.path(path), ignore_errors=True)


def install(machine, debug, path):
    target = machine.path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(debug, target)


def names_of_run(machine, unit):
    machine.let_run(unit)
    machine.flush(unit)
    return machine.profile(f"{unit}.service").names


def test_a_debug_file_is_found_by_build_id_also_when_installed_later(shared_machine, split):
    machine = shared_machine
    debug = split("by-id")
    machine.start("by-id", "/opt/by-id", DEPTH)
    assert not LEAVES & names_of_run(machine, "by-id")

    name = build_id(debug)
    install(machine, debug, f"/usr/lib/debug/.build-id/{name[:2]}/{name[2:]}.debug")
    machine.ctl("reload")
    names_of_run(machine, "by-id")  # asks for it
    assert LEAVES <= names_of_run(machine, "by-id")
    machine.stop("by-id")


def test_a_debug_file_is_found_by_the_link_in_its_file(shared_machine, split):
    machine = shared_machine
    debug = split("by-link", "--remove-section=.note.gnu.build-id")
    install(machine, debug, "/usr/lib/debug/opt/by-link.debug")
    machine.start("by-link", "/opt/by-link", DEPTH)
    assert LEAVES <= names_of_run(machine, "by-link")
    machine.stop("by-link")


def test_a_debug_file_with_another_crc_is_refused(shared_machine, split):
    machine = shared_machine
    debug = split("by-crc", "--remove-section=.note.gnu.build-id")
    with open(debug, "ab") as file:
        file.write(b"\n")
    install(machine, debug, "/usr/lib/debug/opt/by-crc.debug")
    machine.start("by-crc", "/opt/by-crc", DEPTH)
    names_of_run(machine, "by-crc")
    assert not LEAVES & names_of_run(machine, "by-crc")
    machine.stop("by-crc")


def test_the_debug_file_of_a_process_with_its_own_root_is_its_own(shared_machine, split):
    machine = shared_machine
    debug = split("inside")
    name = build_id(debug)
    root = machine.path("/opt/root")
    for directory in "usr/lib", "lib64", "lib", "opt":
        (root / directory).mkdir(parents=True, exist_ok=True)
    shutil.move(machine.path("/opt/inside"), root / "opt/inside")
    needed = subprocess.run(["ldd", root / "opt/inside"], capture_output=True, text=True, check=True).stdout
    for word in needed.split():
        if word.startswith("/") and os.path.exists(word):
            target = root / word.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(word, target)
    install(machine, debug, f"/opt/root/usr/lib/debug/.build-id/{name[:2]}/{name[2:]}.debug")
    machine.start("inside", "/opt/inside", DEPTH, RootDirectory="/opt/root")
    assert LEAVES <= names_of_run(machine, "inside")
    machine.stop("inside")
