# SPDX-License-Identifier: Apache-2.0
"""What the guards share: the files of the tree, C without its comments, and how to complain.

A guard is a script that prints one line for each violation, `file:line: what to do`, and exits with
1 if there was one, with 77 if it cannot run here.
"""

import dataclasses
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
SKIP = 77

_violations = []


def complain(path, line, sentence):
    """path: below ROOT or relative to it; line: 0 for the file as a whole."""
    path = pathlib.Path(path)
    if path.is_absolute() and path.is_relative_to(ROOT):
        path = path.relative_to(ROOT)
    _violations.append((str(path), line, sentence))


def finish():
    for path, line, sentence in sorted(set(_violations)):
        print(f"{path}:{line}: {sentence}" if line else f"{path}: {sentence}")
    sys.exit(1 if _violations else 0)


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(SKIP)


def files(*patterns):
    """Paths relative to ROOT that match one of the patterns, sorted; patterns begin with a folder."""
    return sorted({path.relative_to(ROOT) for pattern in patterns for path in ROOT.glob(pattern)
                   if path.is_file()})


def read(path):
    return (ROOT / path).read_text(encoding="utf-8")


# ---- C ----

_TOKEN = re.compile(r"""/\*.*?\*/ | //[^\n]* | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*'""",
                    re.DOTALL | re.VERBOSE)
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', re.MULTILINE)
_DEFINITION = re.compile(r"^(?P<head>[A-Za-z_][^;{}#=]*\))\s*\{", re.MULTILINE)
_CALL = re.compile(r"(\w+)\s*\(")
_ATTRIBUTE = re.compile(r"_\w+_|SEC")


def strip(text):
    """The text with comments and the insides of strings blanked; lines and columns stay."""
    return _TOKEN.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def includes(text):
    """(line, is_ours, name) of each #include."""
    for match in _INCLUDE.finditer(text):
        if "/*" not in text[text.rfind("\n", 0, match.start()) + 1:match.start()]:
            yield line_of(text, match.start()), match[1] == '"', match[2]


@dataclasses.dataclass
class Function:
    name: str
    is_static: bool
    start: int  # offset of the first character
    end: int  # offset behind the closing brace
    line: int
    n_lines: int


def functions(text):
    """The functions that stripped text defines. They begin and end in the first column, as
    clang-format puts them."""
    offset = 0
    while match := _DEFINITION.search(text, offset):
        end = text.find("\n}", match.end() - 1)
        if end < 0:
            return
        offset = end + 2
        yield Function(_name(match["head"]), re.search(r"\bstatic\b", match["head"]) is not None,
                       match.start(), offset, line_of(text, match.start()),
                       text.count("\n", match.start(), offset) + 1)


def _name(head):
    """The last word with parentheses behind it that is not inside of others, and no attribute."""
    name = ""
    for match in _CALL.finditer(head):
        before = head[:match.start()]
        if before.count("(") == before.count(")") and not _ATTRIBUTE.fullmatch(match[1]):
            name = match[1]
    return name
