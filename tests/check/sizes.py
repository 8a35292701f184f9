#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Files and functions stay small enough to be read at once."""

import fnmatch

import guard

# Kind of file, most lines. The first that matches counts. A header is a contract; those of the
# kernel's side hold code.
LIMITS = {
    "*.bpf.[ch]": 400,
    "*.h": 200,
    "*.c": 800,
}
FUNCTION_LIMIT = 120

# File or "file:function", its own limit, the reason.
EXCEPTIONS = {
}

found = set()


def check(path, line, name, n_lines, limit):
    key = f"{path}:{name}" if name else str(path)
    if key in EXCEPTIONS:
        found.add(key)
        if n_lines <= limit:
            guard.complain("tests/check/sizes.py", 0, f"{key} is small enough: remove the exception")
        limit = EXCEPTIONS[key][0]
    if n_lines > limit:
        guard.complain(path, line, f"{name + '() ' if name else ''}has {n_lines} lines, the limit is "
                                   f"{limit}: look for the seam")


for path in guard.files("bpf/**/*.[ch]", "daemon/**/*.[ch]", "tests/**/*.[ch]"):
    text = guard.read(path)
    limit = next(limit for kind, limit in LIMITS.items() if fnmatch.fnmatchcase(str(path), kind))
    check(path, 0, "", text.count("\n"), limit)
    for function in guard.functions(guard.strip(text)):
        check(path, function.line, function.name, function.n_lines, FUNCTION_LIMIT)

for key in EXCEPTIONS.keys() - found:
    guard.complain("tests/check/sizes.py", 0, f"{key} does not exist: remove the exception")
guard.finish()
