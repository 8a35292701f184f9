# SPDX-License-Identifier: Apache-2.0
"""profilerctl as built, on files, without a container."""

import pathlib
import subprocess

CORPUS = pathlib.Path(__file__).resolve().parents[1] / "fuzz/corpus/export"


def ctl(program, *arguments, check=True):
    return subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, check=check, timeout=30)
