#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Files as strings of C: embed.py OUTPUT FILE...; "flame.js" becomes flame_js."""

import pathlib
import re
import sys

lines = ["/* Generated. */", "#pragma once", ""]
for name in sys.argv[2:]:
    path = pathlib.Path(name)
    lines.append(f"static const char {re.sub(r'[^a-z]', '_', path.name)}[] =")
    for line in path.read_text().splitlines():
        line = line.replace("\\", "\\\\").replace('"', '\\"').replace("?", "\\?")
        lines.append(f'        "{line}\\n"')
    lines[-1] += ";"
pathlib.Path(sys.argv[1]).write_text("\n".join(lines) + "\n")
