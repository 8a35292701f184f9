#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""clang-format has nothing to say."""

import re
import shutil
import subprocess

import guard

if not shutil.which("clang-format"):
    guard.skip("clang-format is missing")

sources = [path for path in guard.files("bpf/**/*.[ch]", "daemon/**/*.[ch]", "tests/**/*.[ch]")
           if "corpus" not in path.parts]
result = subprocess.run(["clang-format", "--dry-run", *map(str, sources)], cwd=guard.ROOT,
                        capture_output=True, text=True)
for path, line in re.findall(r"^([^:\n]+):(\d+):\d+: warning: ", result.stderr, re.MULTILINE):
    guard.complain(path, int(line), f"not formatted: run clang-format -i {path}")
if result.returncode != 0:
    guard.complain(".clang-format", 0, f"clang-format failed: {result.stderr.strip()}")
guard.finish()
