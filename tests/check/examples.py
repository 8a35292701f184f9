#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the manual shows as output of profilerctl is what it prints.

    examples.py [--update] PROFILERCTL

Runs the commands of the section EXAMPLES, each block of them on a fresh store of example_store.py, and
compares. --update writes the output into the page instead. A command that needs the daemon is not run
and has no output there.
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

MANUAL = "man/profilerctl.1.rst"
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
    """(first, end) of each literal block of the section that begins with a command."""
    first = lines.index("EXAMPLES") + 2
    end = lines.index("SEE ALSO", first)
    while first < end:
        if lines[first].startswith(" " * INDENT + PROMPT):
            start = first
            while first < end and (not lines[first] or lines[first].startswith(" " * INDENT)):
                first += 1
            last = first
            while not lines[last - 1]:
                last -= 1
            yield start, last
        first += 1


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
    lines = [line.rstrip() for line in output.replace(f"{directory}/store", STORE).splitlines()]
    return lines, process.returncode


def prepare(directory, program):
    """profilerctl is found on the PATH, and its store is the made-up one."""
    for name in ("bin", "home"):
        (directory / name).mkdir()
    wrapper = directory / "bin/profilerctl"
    wrapper.write_text(f'#!/bin/sh\nexec {shlex.quote(program)} -D {directory}/store "$@"\n')
    wrapper.chmod(0o755)
    example_store.make(directory / "store")


def needs_daemon(command):
    return any(words[:1] != ["profilerctl"] or words[1:2] and words[1] in DAEMON_VERBS
               for words in (shlex.split(part) for part in re.split(r"&&|;", command)))


def run_block(lines, number, program):
    """What the block should be; lines: with the prompt, number: of the first line."""
    result = []
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        prepare(directory, program)
        for i, line in enumerate(lines):
            if not line.startswith(PROMPT):
                continue
            result.append(line)
            if needs_daemon(line.removeprefix(PROMPT)):
                continue
            output, code = run(line.removeprefix(PROMPT), directory)
            if code != 0:
                guard.complain(MANUAL, number + i, f"'{line}' ends with {code}: {' '.join(output)}")
            result += output
    return result


def same(a, b):
    return VARIABLE.sub("", "\n".join(a)) == VARIABLE.sub("", "\n".join(b))


def main(program, update):
    lines = guard.read(MANUAL).splitlines()
    blocks = list(find_blocks(lines))
    if not blocks:
        guard.complain(MANUAL, 0, "has no examples that tests/check/examples.py can read: they belong together")
    for first, end in reversed(blocks):  # from the end, so that line numbers stay
        shown = [line[INDENT:] for line in lines[first:end]]
        printed = run_block(shown, first + 1, program)
        if same(shown, printed):
            continue
        if update:
            lines[first:end] = [(" " * INDENT + line).rstrip() for line in printed]
            continue
        at = next((i for i, (a, b) in enumerate(zip(shown, printed)) if not same([a], [b])),
                  min(len(shown), len(printed)))
        guard.complain(MANUAL, first + 1 + at, f"the example does not show what '{shown[0].removeprefix(PROMPT)}' prints, "
                       f"which is '{printed[at] if at < len(printed) else ''}': see it with tests/check/examples.py "
                       f"--update {program} and git diff")
    if update:
        (guard.ROOT / MANUAL).write_text("\n".join(lines) + "\n", encoding="utf-8")
    guard.finish()


arguments = [argument for argument in sys.argv[1:] if argument != "--update"]
if len(arguments) != 1:
    sys.exit(__doc__)
main(os.path.abspath(arguments[0]), "--update" in sys.argv[1:])
