#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Counts test cases, for tools/check.

    results.py [--no-skips [--may-skip TEXT]...] FILE...   logs of Meson (.json) and of pytest (.xml)

Writes `PASSED FAILED SKIPPED` to stdout, and what failed to stderr. With --no-skips a case that was
skipped has failed: what it needs is there. But for a reason that contains TEXT.
"""

import argparse
import collections
import json
import re
import sys
import xml.etree.ElementTree

EXIT_SKIP = 77
OUTPUT_MAX = 20000  # characters of a failure that are shown

PLAN = re.compile(r"^1\.\.(\d+)", re.MULTILINE)
SKIP_ALL = re.compile(r"^1\.\.0 # SKIP (.*)", re.MULTILINE)
CASE = re.compile(r"^(not )?ok\b\s*\d*\s*(?:-\s*)?([^#\n]*)(?:#\s*(SKIP|TODO)\b\s*([^\n]*))?",
                  re.MULTILINE | re.IGNORECASE)


class Tally:
    def __init__(self, no_skips, may_skip=()):
        self.no_skips, self.may_skip = no_skips, may_skip
        self.passed = self.failed = self.skipped = 0
        self.reasons = collections.Counter()
        self.shown = set()

    def fail(self, name, output=""):
        self.failed += 1
        print(f"FAILED {name}", file=sys.stderr)
        output = output.strip()
        if output and output in self.shown:
            output = "(as above)"
        self.shown.add(output)
        if len(output) > OUTPUT_MAX:
            output = "[…]\n" + output[-OUTPUT_MAX:]
        for line in output.splitlines():
            print(f"    {line}", file=sys.stderr)

    def skip(self, name, reason):
        if self.no_skips and not any(text in reason for text in self.may_skip):
            self.fail(f"{name}: skipped, though this host has what it needs", reason)
        else:
            self.skipped += 1
            self.reasons[reason.strip()] += 1

    def print_reasons(self):
        for reason, count in self.reasons.items():
            print(f"skipped {count}: {reason}", file=sys.stderr)

    # ---- Meson ----

    def add_meson(self, path):
        """One line for each program; a program that speaks TAP has a case for each of its tests."""
        with open(path, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                self.add_program(json.loads(line))

    def add_program(self, test):
        name, result = test["name"], test["result"]
        stdout = test.get("stdout") or ""
        output = stdout + (test.get("stderr") or "")
        planned = sum(int(count) for count in PLAN.findall(stdout))
        if result == "SKIP" or test.get("returncode") == EXIT_SKIP:
            why = SKIP_ALL.search(stdout)
            self.skip(name, why[1] if why else output)
        elif not planned:
            if result in ("OK", "EXPECTEDFAIL"):
                self.passed += 1
            else:
                self.fail(f"{name} ({result})", output)
        else:
            bad = self.add_cases(name, CASE.findall(stdout), planned)
            # All cases are well, but the program is not: a leak, a crash at the end. With status 0 it
            # is only Meson, for which the "not ok 1 # SKIP" of cmocka is a failure.
            if not bad and result not in ("OK", "EXPECTEDFAIL") and test.get("returncode") != 0:
                bad = [f"{name} ended with {result}, status {test.get('returncode')}"]
            for title in bad:
                self.fail(title, output if title == bad[-1] else "")

    def add_cases(self, name, cases, planned):
        """Returns those that failed."""
        bad = []
        for not_ok, title, directive, reason in cases:
            # cmocka writes the title of a skipped test behind the directive.
            title = f"{name}: {title.strip() or reason}"
            if directive.upper() == "SKIP":
                self.skip(title, f"{name} lacks something")
            elif not_ok:
                bad.append(title)
            else:
                self.passed += 1
        return bad + [f"{name}: a case that never ran"] * (planned - len(cases))

    # ---- pytest ----

    def add_pytest(self, path):
        for case in xml.etree.ElementTree.parse(path).iter("testcase"):
            name = f"{case.get('classname')}.{case.get('name')}"
            bad = [part for kind in ("failure", "error") for part in case.findall(kind)]
            skipped = case.find("skipped")
            if bad:
                self.fail(name, "\n".join(part.text or part.get("message", "") for part in bad))
            elif skipped is not None:
                self.skip(name, skipped.get("message", ""))
            else:
                self.passed += 1


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--no-skips", action="store_true")
    parser.add_argument("--may-skip", metavar="TEXT", action="append", default=[])
    parser.add_argument("files", nargs="+")
    arguments = parser.parse_args()
    tally = Tally(arguments.no_skips, arguments.may_skip)
    for path in arguments.files:
        if path.endswith(".json"):
            tally.add_meson(path)
        else:
            tally.add_pytest(path)
    tally.print_reasons()
    print(tally.passed, tally.failed, tally.skipped)


if __name__ == "__main__":
    main()
