#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each of the acceptance checks is a test that there is."""

import re
import sys

import guard

TABLE = "tests/system/acceptance.py"
CHECKS = 15

sys.path.insert(0, str(guard.ROOT / "tests/system"))
import acceptance  # noqa: E402

if len(acceptance.CHECKS) != CHECKS:
    guard.complain(TABLE, 0, f"there are {len(acceptance.CHECKS)} checks, not {CHECKS}")
for check, tests in acceptance.CHECKS.items():
    if not tests:
        guard.complain(TABLE, 0, f'no test is "{check}"')
    for test in tests:
        file, name = test.split("::")
        path = guard.ROOT / "tests/system" / file
        if not path.exists() or not re.search(rf"^def {name}\(", path.read_text(encoding="utf-8"), re.MULTILINE):
            guard.complain(TABLE, 0, f"there is no test {test}")
guard.finish()
