#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""systemd finds nothing to complain about in the units, and their sandbox stays as tight as it is.

    units.py DIR        the configured units: units/ of the build directory
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import guard

# Service, the highest exposure that "systemd-analyze security" may find, of 10.
EXPOSURE = {
    "profilerd.service": 1.5,
    "profilerd-compact.service": 1.5,
    "profilerd-open.service": 2.0,
    "profilerd-upload.service": 1.5,
    "profilerd-web.service": 1.5,
}
# What the units refer to and somebody else ships.
STUBS = ["dbus.service", "dbus.socket", "network-online.target"]
SECONDS = 60


# systemd-analyze writes there, which only root can make, and nobody should where systemd does not run.
RUNTIME = pathlib.Path("/run/systemd")
WITH_OWN_RUNTIME = ["unshare", "--map-root-user", "--mount", "sh", "-ec",
                    'mount -t tmpfs tmpfs /run; exec "$@"', "sh"]


def analyze(*arguments):
    prefix = [] if RUNTIME.exists() else WITH_OWN_RUNTIME
    return subprocess.run([*prefix, "systemd-analyze", "--no-pager", *map(str, arguments)],
                          capture_output=True, text=True, timeout=SECONDS,
                          env={**os.environ, "LC_ALL": "C.UTF-8"})


def source_of(name):
    configured = f"units/{name}.in"
    return configured if (guard.ROOT / configured).exists() else f"units/{name}"


def prepare(root, units):
    """A root with the units, programs for their Exec lines, and nothing of this host."""
    directory = root / "usr/lib/systemd/system"
    directory.mkdir(parents=True)
    for unit in units:
        shutil.copy(unit, directory)
        for program in re.findall(r"^Exec\w+=[-@:+!]*(/\S+)", unit.read_text(), re.MULTILINE):
            path = root / program.lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("#!/bin/sh\n")
            path.chmod(0o755)
    for name in ["sysinit.target", "basic.target", "shutdown.target", "sockets.target", "system.slice",
                 "-.slice"]:
        (directory / name).write_text(f"[Unit]\nDescription={name}\nDefaultDependencies=no\n")
    for name in STUBS:
        section = {"socket": "[Socket]\nListenStream=/run/stub", "target": ""}.get(
            name.rsplit(".", 1)[1], "[Service]\nExecStart=/bin/true")
        (directory / name).write_text(f"[Unit]\nDescription={name}\nDefaultDependencies=no\n\n{section}\n")
    (root / "bin").mkdir(exist_ok=True)
    (root / "bin/true").write_text("#!/bin/sh\n")
    (root / "bin/true").chmod(0o755)


def check_syntax(root, units):
    result = analyze("verify", f"--root={root}", "--man=no", "--generators=no", "--recursive-errors=yes",
                     *(unit.name for unit in units))
    for line in filter(None, result.stderr.splitlines()):
        match = re.match(r"(?:.*/)?(profilerd[\w.-]*):(?:(\d+): )?\s*(.*)", line)
        if match and match[1] in {unit.name for unit in units}:
            guard.complain(source_of(match[1]), int(match[2] or 0), match[3])
        else:
            guard.complain("units", 0, line)
    if result.returncode != 0 and not result.stderr:
        guard.complain("units", 0, f"systemd-analyze verify ends with {result.returncode}")


def check_exposure(root, unit):
    result = analyze("security", "--offline=yes", f"--root={root}", unit.name)
    match = re.search(r"Overall exposure level for \S+: ([\d.]+)", result.stdout)
    if not match:
        guard.complain(source_of(unit.name), 0, f"systemd-analyze security failed: {result.stderr.strip()}")
        return
    exposure = float(match[1])
    print(f"{unit.name}: exposure {exposure}, at most {EXPOSURE[unit.name]}")
    if exposure > EXPOSURE[unit.name]:
        guard.complain(source_of(unit.name), 0, f"exposure {exposure} is above {EXPOSURE[unit.name]}: "
                                                "systemd-analyze security names what is open")


if not shutil.which("systemd-analyze"):
    guard.skip("systemd-analyze is missing")
if not RUNTIME.exists() and subprocess.run([*WITH_OWN_RUNTIME, "true"], capture_output=True).returncode:
    guard.skip(f"{RUNTIME} is missing, and this user may not have one of its own")
units = sorted(pathlib.Path(sys.argv[1]).glob("*.service")) + \
    sorted((guard.ROOT / "units").glob("*.socket"))
if not units:
    guard.complain("units", 0, f"no units in {sys.argv[1]}")
with tempfile.TemporaryDirectory() as directory:
    root = pathlib.Path(directory)
    prepare(root, units)
    check_syntax(root, units)
    for unit in units:
        if unit.suffix == ".service" and unit.name not in EXPOSURE:
            guard.complain(source_of(unit.name), 0, "has no ceiling: add it to tests/check/units.py")
        elif unit.suffix == ".service":
            check_exposure(root, unit)
guard.finish()
