#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Files of the page as a table of C that is linked into profilerd-web.

    bundle.py --output FILE.c [--depfile FILE.d] [--esbuild PROGRAM] STYLE...

The styles become page.css. With esbuild and the packages of package-lock.json beside this file, the
script, speedscope and the licences of what is bundled are added. Bytes are written into the source
itself, and every file that was read is named in the depfile: an object that takes a file in by .incbin
would not be made again when the file changes.
"""

import argparse
import gzip
import hashlib
import json
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
PACKAGES = HERE / "node_modules"
SPEEDSCOPE = PACKAGES / "speedscope/dist/release"
# Of its files, not served are a sample profile, the schema of a format, an importer of Java's own
# recordings, and scripts that only name an icon.
SERVED = ("index.html", "speedscope-*.css", "speedscope-*.js", "favicon-*.ico", "favicon-*.png", "*.woff2")
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".woff2": "font/woff2",
}
LINE_BYTES = 64


def script(esbuild):
    """The script, and the files it was made of."""
    with tempfile.TemporaryDirectory() as directory:
        output, meta = pathlib.Path(directory, "page.js"), pathlib.Path(directory, "meta.json")
        # The style of the graph is in page.css: it follows the colours of the page.
        subprocess.run([esbuild, "page.js", "--bundle", "--minify", "--format=esm", "--target=es2020",
                        "--loader:.css=empty", "--log-level=warning", f"--metafile={meta}",
                        f"--outfile={output}"], cwd=HERE, check=True)
        inputs = [HERE / name for name in json.loads(meta.read_text())["inputs"]]
        return output.read_bytes(), inputs


def packages_of(paths):
    return {PACKAGES / path.relative_to(PACKAGES).parts[0] for path in paths if path.is_relative_to(PACKAGES)}


def licences(packages):
    """One text, and the files it was made of. A package without a licence is not bundled."""
    parts, read = [], []
    for package in sorted(packages):
        about = json.loads((package / "package.json").read_text())
        path = next(iter(sorted(package.glob("LICEN[CS]E*"))), None)
        if path is None:
            sys.exit(f"bundle.py: {package.name} has no file LICENSE")
        read.append(path)
        parts.append(f"{about['name']} {about['version']} ({about['license']})\n\n{path.read_text()}")
    font = SPEEDSCOPE / "source-code-pro.LICENSE.md"
    read.append(font)
    parts.append(f"Source Code Pro, the font of speedscope (OFL-1.1)\n\n{font.read_text()}")
    return ("\n" + "-" * 80 + "\n\n").join(parts).encode(), read


def assets(arguments):
    """Name and content of each, and the files they were made of."""
    read = list(arguments.styles)
    icon = HERE / "icon.svg"
    read.append(icon)
    found = {"page.css": b"".join(path.read_bytes() for path in arguments.styles), "icon.svg": icon.read_bytes()}
    if not arguments.esbuild:
        return found, read
    found["page.js"], inputs = script(arguments.esbuild)
    read += inputs
    found["licences.txt"], texts = licences(packages_of(inputs) | {PACKAGES / "speedscope"})
    read += texts
    for path in sorted(path for pattern in SERVED for path in SPEEDSCOPE.glob(pattern)):
        found[f"speedscope/{path.name}"] = path.read_bytes()
        read.append(path)
    return found, read


def literal(data):
    """A string of C; three octal digits each, so that no byte runs into the next."""
    lines = [data[i:i + LINE_BYTES] for i in range(0, len(data), LINE_BYTES)]
    return "\n".join('        "' + "".join(f"\\{byte:03o}" for byte in line) + '"' for line in lines)


def table(found):
    yield '/* Generated. */\n#include "web/assets-table.h"\n'
    rows = []
    for i, (name, data) in enumerate(sorted(found.items())):
        etag = hashlib.sha256(data).hexdigest()[:16]
        packed = gzip.compress(data, 9, mtime=0)
        smaller = len(packed) < len(data)
        data = packed if smaller else data
        yield f"static const char data{i}[] =\n{literal(data)};\n"
        rows.append(f'        {{ "{name}", "{TYPES[pathlib.Path(name).suffix]}", "\\"{etag}\\"", '
                    f'(const uint8_t *) data{i}, {len(data)}, {str(smaller).lower()} }},')
    yield "const WebAsset web_assets[] = {\n" + "\n".join(rows) + "\n};\n"
    yield f"const size_t n_web_assets = {len(rows)};"


parser = argparse.ArgumentParser()
parser.add_argument("--output", type=pathlib.Path, required=True)
parser.add_argument("--depfile", type=pathlib.Path)
parser.add_argument("--esbuild")
parser.add_argument("styles", nargs="+", type=pathlib.Path)
arguments = parser.parse_args()
found, read = assets(arguments)
arguments.output.write_text("\n".join(table(found)) + "\n")
if arguments.depfile:
    names = (str(path).replace(" ", "\\ ") for path in read)
    arguments.depfile.write_text(f"{arguments.output}: {' '.join(names)}\n")
