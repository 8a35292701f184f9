#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Counts test cases, for tools/check.

    results.py [--no-skips] FILE...     logs of Meson (.json) and of pytest (.xml)

Writes `PASSED FAILED SKIPPED` to stdout, and what failed to stderr. With --no-skips a case that was
skipped has failed: what it needs is there.
"""

import json
import re
import sys
import xml.etree.ElementTree

EXIT_SKIP = 77
OUTPUT_MAX = 20000  # characters of a failure that are shown

PLAN = re.compile(r"^1\.\.(\d+)", re.MULTILINE)
CASE = re.compile(r"^(not )?ok\b\s*\d*\s*(?:-\s*)?([^#\n]*)(?:#\s*(SKIP|TODO)\b\s*([^\n]*))?",
                  re.MULTILINE | re.IGNORECASE)


class Tally:
    def __init__(self, no_skips):
        self.no_skips = no_skips
        self.passed = self.failed = self.skipped = 0

    def fail(self, name, output=""):
        self.failed += 1
        print(f"FAILED {name}", file=sys.stderr)
        output = output.strip()
        if len(output) > OUTPUT_MAX:
            output = "[…]\n" + output[-OUTPUT_MAX:]
        for line in output.splitlines():
            print(f"    {line}", file=sys.stderr)

    def skip(self, name, reason):
        if self.no_skips:
            self.fail(f"{name}: skipped, though this host has what it needs", reason)
        else:
            self.skipped += 1
            print(f"skipped {name}: {reason.strip()}", file=sys.stderr)

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
            self.skip(name, output)
        elif not planned:
            if result in ("OK", "EXPECTEDFAIL"):
                self.passed += 1
            else:
                self.fail(f"{name} ({result})", output)
        else:
            self.add_cases(name, result, CASE.findall(stdout), planned, output)

    def add_cases(self, name, result, cases, planned, output):
        before = self.failed
        n_passed = 0
        for not_ok, title, directive, reason in cases:
            # cmocka writes the title of a skipped test behind the directive.
            title = title.strip() or reason
            if directive.upper() == "SKIP":
                self.skip(f"{name}: {title}", "see its output in the log")
            elif not_ok:
                self.fail(f"{name}: {title}", output if self.failed == before else "")
            else:
                n_passed += 1
        self.passed += n_passed
        for _ in range(len(cases), planned):
            self.fail(f"{name}: a case that never ran ({result})", output if self.failed == before else "")
        # All cases are well, but the program is not: a leak, a crash at the end.
        if result not in ("OK", "EXPECTEDFAIL") and self.failed == before:
            self.fail(f"{name} ({result})", output)

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
    arguments = sys.argv[1:]
    tally = Tally(no_skips="--no-skips" in arguments)
    for path in (argument for argument in arguments if argument != "--no-skips"):
        if path.endswith(".json"):
            tally.add_meson(path)
        else:
            tally.add_pytest(path)
    print(tally.passed, tally.failed, tally.skipped)


if __name__ == "__main__":
    main()
