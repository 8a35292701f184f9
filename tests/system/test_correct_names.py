# SPDX-License-Identifier: Apache-2.0
"""Every function of real programs, compared with what independent readers say of them.

readelf lists all symbols, llvm-symbolizer and `go tool nm` look up addresses their own way. What they
may differ in is stated here; every other difference fails. Needs no container.
"""

import bisect
import collections
import os
import pathlib
import random
import re
import shutil
import struct
import subprocess

import pytest

LOOKUPS = 1500  # addresses of each file that llvm-symbolizer is asked for
SHOWN = 10

# What is there is compared; twenty at least have to be.
FILES = """
    /usr/lib/postgresql/15/bin/postgres /usr/lib/postgresql/15/bin/psql /usr/sbin/nginx /usr/bin/redis-server
    /usr/bin/python3.11 /usr/bin/perl /usr/bin/git /bin/bash /usr/bin/node /usr/bin/openssl /usr/lib/systemd/systemd
    /usr/lib/x86_64-linux-gnu/libc.so.6 /usr/lib/x86_64-linux-gnu/libm.so.6 /usr/lib/x86_64-linux-gnu/libstdc++.so.6
    /usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2 /usr/lib/x86_64-linux-gnu/libcrypto.so.3
    /usr/lib/x86_64-linux-gnu/libssl.so.3 /usr/lib/x86_64-linux-gnu/libglib-2.0.so.0
    /usr/lib/x86_64-linux-gnu/libsystemd.so.0 /usr/lib/x86_64-linux-gnu/libsqlite3.so.0
    /usr/lib/x86_64-linux-gnu/libxml2.so.2 /usr/lib/x86_64-linux-gnu/libz.so.1 /usr/lib/x86_64-linux-gnu/libcurl.so.4
    /usr/lib/x86_64-linux-gnu/libelf.so.1 /usr/lib/x86_64-linux-gnu/libgcc_s.so.1
    /usr/lib/jvm/java-17-openjdk-amd64/lib/server/libjvm.so
""".split()
FILES_MIN = 20

BUILD = pathlib.Path(os.environ.get("BUILD", "build")).resolve()
WORKER = BUILD / "daemon/elf/profilerd-elf"
SOURCE = pathlib.Path(__file__).resolve().parents[2]

HEADER = struct.Struct("<QIIQ32s64sIHHII")
SECTIONS = 16
SECTION_FUNCTIONS, SECTION_NAMES = 1, 2
FUNCTION = struct.Struct("<QIIII")

Function = collections.namedtuple("Function", "address size name system_name")
Symbol = collections.namedtuple("Symbol", "address size kind name")


def need(program):
    path = shutil.which(program)
    if not path:
        pytest.skip(f"needs {program}")
    return path


class Index:
    """Read here once more, from the description of its format."""

    def __init__(self, path):
        data = pathlib.Path(path).read_bytes()
        sections = [struct.unpack_from("<QQ", data, HEADER.size + 16 * i) for i in range(SECTIONS)]
        offset, size = sections[SECTION_NAMES]
        names = data[offset:offset + size]
        offset, size = sections[SECTION_FUNCTIONS]

        def name(at):
            return names[at:names.index(b"\0", at)].decode()

        self.functions = [Function(address, n, name(a), name(b)) for address, n, a, b, _ in
                          FUNCTION.iter_unpack(data[offset:offset + size])]
        self.starts = [function.address for function in self.functions]

    def find(self, address):
        i = bisect.bisect_right(self.starts, address) - 1
        if i < 0 or address >= self.starts[i] + self.functions[i].size:
            return None
        return self.functions[i]


def index_of(tmp_path, path, debug=None):
    output = tmp_path / "index"
    command = [WORKER, path, "-o", output] + ([f"--debug={debug}"] if debug else [])
    subprocess.run(command, check=True)
    return Index(output)


def symbols_of(path):
    """Functions and labels in code, by readelf."""
    text = subprocess.run(["readelf", "--wide", "--sections", "--syms", path], capture_output=True, text=True,
                          errors="surrogateescape", check=False).stdout
    code, symbols = {}, []
    for line in text.splitlines():
        words = line.replace("[ ", "[").split()
        if line.lstrip().startswith("[") and len(words) > 8 and words[0][1:-1].isdigit():
            # "[14] .text PROGBITS address offset size entry flags …"
            if "X" in words[7]:
                code[words[0][1:-1]] = int(words[3], 16), int(words[3], 16) + int(words[5], 16)
        elif len(words) >= 8 and words[0].endswith(":") and words[3] in ("FUNC", "IFUNC", "NOTYPE"):
            name = " ".join(words[7:]).split("@")[0]
            if words[6] in code and name and not name.startswith("$"):
                start, end = code[words[6]]
                address, size = int(words[1], 16), int(words[2], 0)
                if start <= address < end:
                    symbols.append(Symbol(address, min(size, end - address), words[3], name))
    return symbols


class Expected:
    """What the symbols say of an address: the names that are right for it."""

    def __init__(self, symbols):
        self.aliases = collections.defaultdict(set)
        self.sizes = collections.defaultdict(int)
        for symbol in symbols:
            self.aliases[symbol.address].add(symbol.name)
            if symbol.kind != "NOTYPE" or symbol.size:
                self.sizes[symbol.address] = max(self.sizes[symbol.address], symbol.size)
        self.starts = sorted(address for address, size in self.sizes.items() if size)

    def owner(self, address):
        """Start of the symbol with a size that covers the address and starts last; None: none does."""
        i = bisect.bisect_right(self.starts, address) - 1
        for start in reversed(self.starts[max(0, i - 64):i + 1]):
            if address < start + self.sizes[start]:
                return start
        return None


def differences(index, symbols):
    """(what, address, is, should be)"""
    expected = Expected(symbols)
    found = []
    for start in expected.starts:
        for address in (start, start + expected.sizes[start] // 2, start + expected.sizes[start] - 1):
            owner = expected.owner(address)
            function = index.find(address)
            if not function:
                found.append(("nameless", address, None, expected.aliases[owner]))
            elif function.system_name not in expected.aliases[owner] and not is_label(function, expected):
                found.append(("other name", address, function.system_name, expected.aliases[owner]))
    for function in index.functions:
        names = expected.aliases.get(function.address)
        if not names:
            if not function.system_name.endswith("@plt"):
                found.append(("made up", function.address, function.system_name, None))
        elif function.system_name in names and 0 < expected.sizes[function.address] < function.size:
            found.append(("stretched", function.address, function.size, expected.sizes[function.address]))
    return found


def is_label(function, expected):
    """A symbol without a size that is no local one ends the code before it, as assembly has it."""
    return function.address in expected.aliases and expected.sizes[function.address] == 0


def assert_same(index, symbols, n_min=0):
    found = differences(index, symbols)
    assert len({symbol.address for symbol in symbols if symbol.size}) >= n_min
    assert not found, f"{len(found)} differences: {found[:SHOWN]}"


def debug_file_of(path):
    notes = subprocess.run(["readelf", "-n", path], capture_output=True, text=True, check=True).stdout
    name = notes.split("Build ID:")[1].split()[0] if "Build ID:" in notes else ""
    debug = pathlib.Path(f"/usr/lib/debug/.build-id/{name[:2]}/{name[2:]}.debug")
    return debug if name and debug.exists() else None


def present():
    return [path for path in FILES if os.path.exists(path)]


def test_there_is_enough_to_compare():
    assert len(present()) >= FILES_MIN, "see tools/packages"


@pytest.mark.parametrize("path", present())
def test_all_functions_have_the_names_that_readelf_tells(tmp_path, path):
    assert_same(index_of(tmp_path, path), symbols_of(path))


@pytest.mark.parametrize("path", [path for path in present() if debug_file_of(path)])
def test_with_a_debug_package_all_of_its_functions_have_names(tmp_path, path):
    debug = debug_file_of(path)
    symbols = symbols_of(debug)
    assert_same(index_of(tmp_path, path, debug), symbols + symbols_of(path), 20)


def split(tmp_path, path, *options):
    debug, stripped = tmp_path / "split.debug", tmp_path / "split"
    subprocess.run(["objcopy", "--only-keep-debug", *options, path, debug], check=True)
    subprocess.run(["objcopy", "--strip-all", path, stripped], check=True)
    return stripped, debug


@pytest.mark.parametrize("options", [[], ["--compress-debug-sections=zlib"]])
def test_split_by_objcopy_the_names_are_those_of_the_whole(tmp_path, options):
    whole = BUILD / "daemon/profilerd"
    stripped, debug = split(tmp_path, whole, *options)
    index = index_of(tmp_path, stripped, debug)
    assert_same(index, symbols_of(whole), 500)
    assert index.functions == index_of(tmp_path, whole).functions


def ask_symbolizer(path, addresses):
    text = "".join(f"{address:#x}\n" for address in addresses)
    output = subprocess.run([need("llvm-symbolizer"), f"--obj={path}", "--functions=linkage", "--no-inlines",
                             "--no-demangle"], input=text, capture_output=True, text=True, check=True).stdout
    # For each address a name, a place and an empty line.
    return [block.split("\n")[0] for block in output.strip("\n").split("\n\n")]


@pytest.mark.parametrize("path", [BUILD / "daemon/profilerd", "/usr/bin/node", "/usr/lib/postgresql/15/bin/postgres",
                                  "/usr/bin/redis-server"])
def test_addresses_inside_of_functions_have_the_names_that_llvm_tells(tmp_path, path):
    if not os.path.exists(path):
        pytest.skip(f"needs {path}")
    index = index_of(tmp_path, path)
    expected = Expected(symbols_of(path))
    functions = [f for f in index.functions if expected.sizes.get(f.address)]
    chosen = random.Random(1).sample(functions, min(LOOKUPS, len(functions)))
    answers = ask_symbolizer(path, [f.address + f.size // 2 for f in chosen])
    assert len(answers) == len(chosen)
    wrong = [(hex(f.address), f.system_name, answer) for f, answer in zip(chosen, answers)
             if answer.split("@")[0] not in expected.aliases[f.address]]
    assert not wrong, f"{len(wrong)} differences: {wrong[:SHOWN]}"


GO = """
package main
import ("fmt"; "net/http"; "sort")
func main() { s := []int{3, 1, 2}; sort.Ints(s); fmt.Println(s, http.StatusText(404)) }
"""

GO_FLAGS = ["", "-s -w"]


def go_normal(name):
    """Go's own table leaves out by which convention a function is called and the length of an array, and
    has a dot of its own where the linker's symbols have the usual one."""
    return re.sub(r"\[\d+\]", "[...]", name).replace("·", ".").removesuffix(".abi0")


def go_names(program):
    text = subprocess.run(["go", "tool", "nm", "-size", program], capture_output=True, text=True, check=True).stdout
    names = {}
    for line in text.splitlines():
        words = line.split(None, 3)
        if len(words) == 4 and words[2] in "tT" and int(words[1]) > 0:
            names.setdefault(int(words[0], 16), set()).add(words[3])
    return names


@pytest.mark.seconds(300)
@pytest.mark.parametrize("flags", GO_FLAGS)
def test_go_has_its_names(tmp_path, flags):
    need("go")
    (tmp_path / "main.go").write_text(GO)
    environment = dict(os.environ, CGO_ENABLED="0", GO111MODULE="off", GOFLAGS="")
    for name, options in ("whole", ""), ("program", flags):
        subprocess.run(["go", "build", "-ldflags", options, "-o", name, "main.go"], cwd=tmp_path, env=environment, check=True)
    expected = go_names(tmp_path / "whole")
    assert len(expected) > 2000
    index = index_of(tmp_path, tmp_path / "program")
    wrong = []
    for address, names in expected.items():
        # What the linker makes to mark parts of the text is no function to Go.
        if names & {"runtime.text", "runtime.etext", "go:buildid", "go.buildid"}:
            continue
        function = index.find(address)
        if not function or go_normal(function.system_name) not in {go_normal(name) for name in names}:
            wrong.append((hex(address), names, function))
    assert not wrong, f"{len(wrong)} of {len(expected)} differ: {wrong[:SHOWN]}"


RUST = """
use std::collections::HashMap;
fn main() { let mut m = HashMap::new(); for i in 0..10 { m.insert(i, format!("{}", i)); } println!("{:?}", m.get(&3)); }
"""


@pytest.mark.parametrize("mangling", ["legacy", "v0"])
def test_rust_has_its_names(tmp_path, mangling):
    rustc = need("rustc")
    (tmp_path / "main.rs").write_text(RUST)
    options = [] if mangling == "legacy" else ["-C", "symbol-mangling-version=v0"]
    subprocess.run([rustc, "-g", *options, "-o", "program", "main.rs"], cwd=tmp_path, check=True, capture_output=True)
    index = index_of(tmp_path, tmp_path / "program")
    assert_same(index, symbols_of(tmp_path / "program"), 300)
    assert any(function.name == "main::main" for function in index.functions)
