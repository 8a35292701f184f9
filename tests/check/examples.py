#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the manual shows as output is what is printed.

    examples.py [--update] NAME=PROGRAM...

Runs the commands of the sections EXAMPLES, each block of them on a fresh store of example_store.py and
with the configuration that the page shows, and compares. --update writes the output into the pages
instead. A command that needs the daemon is not run and has no output there.
"""

import os
import pathlib
import pty
import re
import shlex
import subprocess
import sys
import tempfile

import example_store
import guard

PAGES = "man/*.rst"
MUST_HAVE = {"man/profilerctl.1.rst", "man/profilerd.conf.5.rst", "man/profilerd-upload.8.rst"}
CTL = "profilerctl"
LIBEXEC = "/usr/libexec/"
STORE = "/var/lib/profilerd"  # as which the made-up store is shown
COLUMNS = 80
RUN_SECONDS = 30
PROMPT = "$ "
INDENT = 4
# They ask the daemon, the network or the host.
DAEMON_VERBS = {"doctor", "flush", "monitor", "pause", "record", "reload", "resume", "sessions", "set", "status", "top",
                "trigger", "uploads", "web"}
# How old something is depends on today; how large, on the compressor and on what else is in a page.
VARIABLE = re.compile(r"\([^()]+ ago\)|(?<=^Wrote )(\S+) \([\d.]+[BKM],", re.MULTILINE)


def find_blocks(lines):
    """(first, end) of each literal block of the section."""
    if "EXAMPLES" not in lines:
        return
    first = lines.index("EXAMPLES") + 2
    end = next((i - 1 for i in range(first, len(lines)) if re.fullmatch("=+", lines[i])), len(lines))
    while first < end:
        start = first
        while first < end and (not lines[first] or lines[first].startswith(" " * INDENT)):
            first += 1
        last = first
        while last > start and not lines[last - 1]:
            last -= 1
        while start < last and not lines[start]:
            start += 1
        if start < last:
            yield start, last
        first += 1


def find_files(blocks):
    """Path -> text of the blocks that begin with the name of a file."""
    return {block[0].removeprefix("# "): "\n".join(block[1:]) + "\n" for block in blocks if block[0].startswith("# /")}


def read_terminal(fd):
    output = b""
    while True:
        try:
            data = os.read(fd, 1 << 16)
        except OSError:  # nobody has the other end open any more
            return output.decode().replace("\r\n", "\n")
        if not data:
            return output.decode()
        output += data


def run(command, directory):
    """What a terminal shows; what is said on stderr, where no progress is drawn, behind it."""
    environment = {"PATH": f"{directory}/bin:/usr/bin:/bin", "TZ": "UTC", "LC_ALL": "C.UTF-8", "COLUMNS": str(COLUMNS),
                   "TERM": "dumb", "SYSTEMD_PAGER": "", "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent"}
    ours, theirs = pty.openpty()
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(["timeout", str(RUN_SECONDS), "sh", "-c", command], stdin=subprocess.DEVNULL,
                                   stdout=theirs, stderr=errors, cwd=f"{directory}/home", env=environment)
        os.close(theirs)
        output = read_terminal(ours)
        os.close(ours)
        process.wait()
        errors.seek(0)
        output += errors.read().decode()
    output = output.replace(f"{directory}/store", STORE).replace(f"{directory}/root", "").expandtabs()
    lines = [line.rstrip() for line in output.splitlines()]
    return lines, process.returncode


def prepare(directory, programs, files):
    """The programs are found on the PATH; their store is the made-up one, their configuration that of the page."""
    for name in ("bin", "home", "root"):
        (directory / name).mkdir()
    for name, program in programs.items():
        place = f"-D {directory}/store" if name == CTL else f"--root={directory}/root"
        wrapper = directory / "bin" / name
        wrapper.write_text(f'#!/bin/sh\nexec {shlex.quote(program)} {place} "$@"\n')
        wrapper.chmod(0o755)
    for path, text in files.items():
        path = directory / "root" / path.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    example_store.make(directory / "store")


def can_run(command):
    """All of the commands of the line work without the daemon."""
    for part in re.split(r"&&|;", command):
        name, verb = (shlex.split(part) + ["", ""])[:2]
        if verb in DAEMON_VERBS if name == CTL else verb != "--check-config":
            return False
    return True


def run_block(page, lines, number, programs, files):
    """What the block should be; lines: with the prompt, number: of the first line."""
    result = []
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        prepare(directory, programs, files)
        for i, line in enumerate(lines):
            if not line.startswith(PROMPT):
                continue
            result.append(line)
            command = line.removeprefix(PROMPT).replace(LIBEXEC, "")
            if not can_run(command):
                continue
            output, code = run(command, directory)
            if code != 0:
                guard.complain(page, number + i, f"'{command}' ends with {code}: {output[-1] if output else ''}")
            result += output
    return result


def same(a, b):
    return VARIABLE.sub("", "\n".join(a)) == VARIABLE.sub("", "\n".join(b))


def check_page(page, programs, update):
    """The number of blocks that were run."""
    lines = guard.read(page).splitlines()
    places = list(find_blocks(lines))
    blocks = [[line[INDENT:] for line in lines[first:end]] for first, end in places]
    files = find_files(blocks)
    n_run = 0
    for (first, end), shown in reversed(list(zip(places, blocks))):  # from the end, so that line numbers stay
        if not shown[0].startswith(PROMPT):
            continue
        n_run += 1
        printed = run_block(page, shown, first + 1, programs, files)
        if same(shown, printed):
            continue
        if update:
            lines[first:end] = [(" " * INDENT + line).rstrip() for line in printed]
            continue
        at = next((i for i, (a, b) in enumerate(zip(shown, printed)) if not same([a], [b])),
                  min(len(shown), len(printed)))
        wanted = f"it prints '{printed[at]}' here" if at < len(printed) else "it prints no more"
        guard.complain(page, first + 1 + at, f"{wanted}, '{shown[0].removeprefix(PROMPT)}': run "
                       "tests/check/examples.py with --update, and look at the difference")
    if update and n_run > 0:
        (guard.ROOT / page).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return n_run


def main(programs, update):
    for page in guard.files(PAGES):
        if check_page(page, programs, update) == 0 and str(page) in MUST_HAVE:
            guard.complain(page, 0, "has no examples that tests/check/examples.py can read: they belong together")
    guard.finish()


arguments = [argument for argument in sys.argv[1:] if argument != "--update"]
if not arguments:
    sys.exit(__doc__)
main({name: os.path.abspath(path) for name, path in (argument.split("=", 1) for argument in arguments)},
     "--update" in sys.argv[1:])
