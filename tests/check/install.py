#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What an installation leaves is what tests/check/install.list says: modes and paths.

    install.py BUILD [--update]     BUILD: a build directory with --prefix=/usr; --update: write the list
"""

import json
import pathlib
import stat
import subprocess
import sys
import tempfile

import guard

LIST = pathlib.Path("tests/check/install.list")
SECONDS = 120


def option_of(build, name):
    options = json.loads((build / "meson-info/intro-buildoptions.json").read_text())
    return next(option["value"] for option in options if option["name"] == name)


def installed(build):
    """A line for each file and each directory that is empty."""
    # Whoever installed last, root perhaps, owns the log; it is rewritten each time.
    (build / "meson-logs/install-log.txt").unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as directory:
        result = subprocess.run(["meson", "install", "-C", build, "--no-rebuild", "--destdir", directory],
                                capture_output=True, text=True, timeout=SECONDS)
        if result.returncode != 0:
            guard.complain("meson.build", 0, f"meson install failed: {result.stderr.strip()}")
            guard.finish()
        root = pathlib.Path(directory)
        return {line(root, path) for path in root.rglob("*")
                if not path.is_dir() or not any(path.iterdir())}


def line(root, path):
    mode = path.lstat().st_mode
    name = path.relative_to(root)
    # Where /usr is merged, systemd.pc names either of two paths to the same directory.
    if name.parts[0] == "lib":
        name = "usr" / name
    return f"{stat.S_IMODE(mode):04o} /{name}" + ("/" if stat.S_ISDIR(mode) else "")


build = pathlib.Path(sys.argv[1])
if option_of(build, "prefix") != "/usr":
    guard.skip("the build has another prefix than /usr")
found = installed(build)
if not any("/usr/share/man/" in entry for entry in found):
    guard.skip("the build has no manual pages")
if "--update" in sys.argv[2:]:
    (guard.ROOT / LIST).write_text("".join(f"{entry}\n" for entry in sorted(found, key=lambda e: e.split()[1])))
listed = {entry: number for number, entry in enumerate(guard.read(LIST).splitlines(), 1)}
for entry in found - listed.keys():
    guard.complain(LIST, 0, f"{entry} is installed, but not listed: run {LIST.with_suffix('.py')} "
                            "BUILD --update, and read the difference")
for entry in listed.keys() - found:
    guard.complain(LIST, listed[entry], f"{entry} is listed, but not installed")
guard.finish()
