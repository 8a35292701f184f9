# SPDX-License-Identifier: Apache-2.0
"""Names that lie beside the program: separate debug files, and what runtimes tell of code that they make."""

import os
import pathlib
import shutil
import subprocess

import pytest
from machine import wait_until

DEPTH = 10
LEAVES = {"spend_half", "spend_third", "spend_fifth"}


def objcopy(*arguments):
    if not shutil.which("objcopy"):
        pytest.skip("needs objcopy: apt-get install binutils")
    subprocess.run(["objcopy", *map(str, arguments)], check=True)


def build_id(path):
    notes = subprocess.run(["readelf", "-n", path], capture_output=True, text=True, check=True).stdout
    return notes.split("Build ID:")[1].split()[0]


@pytest.fixture
def split(shared_machine, tmp_path):
    """The program stripped of its names as /opt/NAME, and what was stripped off."""
    machine = shared_machine
    program = machine.path(machine.program("split"))

    def make(name, *options):
        debug, stripped = tmp_path / f"{name}.debug", tmp_path / name
        objcopy("--only-keep-debug", *options, program, debug)
        objcopy("--strip-all", *options, f"--add-gnu-debuglink={debug}", program, stripped)
        shutil.copy(stripped, machine.path("/opt") / name)
        return debug

    yield make
    for path in "/usr/lib/debug", "/usr/local/lib/debug":
        shutil.rmtree(machine.path(path), ignore_errors=True)


def install(machine, debug, path):
    target = machine.path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(debug, target)


def names_of_run(machine, unit):
    machine.let_run(unit)
    machine.flush(unit)
    return machine.profile(f"{unit}.service").names


def test_a_debug_file_is_found_by_build_id_also_when_installed_later(shared_machine, split):
    machine = shared_machine
    debug = split("by-id")
    machine.start("by-id", "/opt/by-id", DEPTH)
    assert not LEAVES & names_of_run(machine, "by-id")

    name = build_id(debug)
    install(machine, debug, f"/usr/lib/debug/.build-id/{name[:2]}/{name[2:]}.debug")
    machine.ctl("reload")
    names_of_run(machine, "by-id")  # asks for it
    assert LEAVES <= names_of_run(machine, "by-id")
    machine.stop("by-id")


def test_a_debug_file_is_found_by_the_link_in_its_file(shared_machine, split):
    machine = shared_machine
    debug = split("by-link", "--remove-section=.note.gnu.build-id")
    install(machine, debug, "/usr/lib/debug/opt/by-link.debug")
    machine.start("by-link", "/opt/by-link", DEPTH)
    assert LEAVES <= names_of_run(machine, "by-link")
    machine.stop("by-link")


def test_a_debug_file_with_another_crc_is_refused(shared_machine, split):
    machine = shared_machine
    debug = split("by-crc", "--remove-section=.note.gnu.build-id")
    with open(debug, "ab") as file:
        file.write(b"\n")
    install(machine, debug, "/usr/lib/debug/opt/by-crc.debug")
    machine.start("by-crc", "/opt/by-crc", DEPTH)
    names_of_run(machine, "by-crc")
    assert not LEAVES & names_of_run(machine, "by-crc")
    machine.stop("by-crc")


def test_the_debug_file_of_a_process_with_its_own_root_is_its_own(shared_machine, split):
    machine = shared_machine
    debug = split("inside")
    name = build_id(debug)
    root = machine.path("/opt/root")
    for directory in "usr/lib", "lib64", "lib", "opt":
        (root / directory).mkdir(parents=True, exist_ok=True)
    shutil.move(machine.path("/opt/inside"), root / "opt/inside")
    needed = subprocess.run(["ldd", root / "opt/inside"], capture_output=True, text=True, check=True).stdout
    for word in needed.split():
        if word.startswith("/") and os.path.exists(word):
            target = root / word.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(word, target)
    install(machine, debug, f"/opt/root/usr/lib/debug/.build-id/{name[:2]}/{name[2:]}.debug")
    machine.start("inside", "/opt/inside", DEPTH, RootDirectory="/opt/root")
    assert LEAVES <= names_of_run(machine, "inside")
    machine.stop("inside")


# ---- code made at run time ----

HOT_JS = """
function innerWork(n) { let s = 0; for (let i = 0; i < n; i++) s += Math.sqrt(i) ^ i; return s; }
function outerWork(n) { let s = 0; for (let i = 0; i < 100; i++) s += innerWork(n); return s; }
for (;;) outerWork(20000);
"""

HOT_JAVA = """
public class Hot {
    static double innerWork(int n) { double s = 0; for (int i = 0; i < n; i++) s += Math.sin(i) * i; return s; }
    static double outerWork(int n) { double s = 0; for (int i = 0; i < 100; i++) s += innerWork(n); return s; }
    public static void main(String[] a) { double s = 0; for (;;) s += outerWork(20000); }
}
"""


def need(program):
    path = shutil.which(program)
    if not path:
        pytest.skip(f"needs {program}")
    return path


def test_node_names_its_functions_in_a_perf_map_in_its_private_tmp(shared_machine):
    machine = shared_machine
    node = need("node")
    machine.write("/opt/hot.js", HOT_JS)
    machine.start("hot-js", node, "--perf-basic-prof", "/opt/hot.js", PrivateTmp="yes")
    names_of_run(machine, "hot-js")
    names = names_of_run(machine, "hot-js")
    machine.stop("hot-js")
    assert any("outerWork" in name for name in names), sorted(names)


def test_node_names_its_functions_in_a_jitdump(shared_machine):
    machine = shared_machine
    node = need("node")
    # It writes its last megabytes at its end.
    machine.write("/opt/dump.js", HOT_JS.replace("for (;;)", "for (const end = Date.now() + 2500; Date.now() < end;)"))
    machine.start("dump-js", node, "--perf-prof", "/opt/dump.js", WorkingDirectory="/opt", RemainAfterExit="yes")
    machine.shell("while [ $(systemctl show -P SubState dump-js) = running ]; do sleep 0.1; done")
    machine.flush()
    names = {name for profile in machine.profiles("dump-js.service") for name in profile.names}
    machine.stop("dump-js")
    assert any("outerWork" in name for name in names), sorted(names)


def test_java_names_its_methods_when_it_is_asked(shared_machine):
    machine = shared_machine
    java = need("java")
    need("jcmd")
    machine.write("/opt/Hot.java", HOT_JAVA)
    machine.start("hot-java", java, "-XX:+PreserveFramePointer", "/opt/Hot.java")
    machine.let_run("hot-java", seconds=2)
    machine.shell("jcmd $(systemctl show -P MainPID hot-java) Compiler.perfmap")
    names = names_of_run(machine, "hot-java")
    machine.stop("hot-java")
    assert any("Hot.innerWork" in name or "Hot::innerWork" in name for name in names), sorted(names)


@pytest.mark.parametrize("trick", [
    "mkfifo /tmp/perf-$$.map",
    "ln -s /etc/shadow /tmp/perf-$$.map",
    "mkdir /tmp/perf-$$.map",
    "head -c 3000000 /dev/urandom > /tmp/perf-$$.map",
    "truncate -s 1T /tmp/perf-$$.map",
])
def test_a_hostile_map_costs_only_its_own_names(shared_machine, trick):
    machine = shared_machine
    node = need("node")
    machine.write("/opt/hot.js", HOT_JS)
    machine.start("hostile", "/bin/bash", "-c", f"{trick}; exec {node} /opt/hot.js", PrivateTmp="yes")
    names_of_run(machine, "hostile")
    assert machine.profile("hostile.service").count > 10
    machine.stop("hostile")
    assert machine.show("profilerd.service", "NRestarts") == "0"


# ---- what is missing, and where to get it ----

def files_of(machine, *names):
    return {pathlib.Path(row["file"] or "").name: row for row in machine.ctl_json("symbols", *names)["files"]}


def test_symbols_tells_what_lacks_names_and_what_to_do(shared_machine, split):
    machine = shared_machine
    debug = split("nameless")
    machine.start("nameless", "/opt/nameless", DEPTH)
    names_of_run(machine, "nameless")
    machine.stop("nameless")
    row = files_of(machine, "nameless")["nameless"]
    assert row["build_id"] == build_id(debug)
    assert row["frames_named"] < row["frames"] and row["self"] > 0
    assert f"/usr/lib/debug/.build-id/{build_id(debug)[:2]}/" in row["fix"]
    text = machine.ctl("symbols", "nameless").stdout
    assert "nameless" in text and "Fix:" in text and "profilerctl symbols fetch nameless.service" in text


def test_symbols_tells_how_a_runtime_names_its_code(shared_machine):
    machine = shared_machine
    node = need("node")
    machine.write("/opt/hot.js", HOT_JS)
    machine.start("quiet-js", node, "/opt/hot.js")
    names_of_run(machine, "quiet-js")
    machine.stop("quiet-js")
    assert "--perf-basic-prof" in files_of(machine, "quiet-js")["anon"]["fix"]


def test_symbols_are_fetched_from_a_server_when_somebody_wants_it(shared_machine, split):
    machine = shared_machine
    need("debuginfod")
    debug = split("fetched")
    install(machine, debug, "/opt/served/fetched.debug")
    machine.start("debuginfod", "/usr/bin/debuginfod", "-p", "8002", "-d", "/tmp/debuginfod.sqlite", "-F", "/opt/served")
    machine.start("fetched", "/opt/fetched", DEPTH)
    assert not LEAVES & names_of_run(machine, "fetched")

    fetch = ["symbols", "fetch", "fetched"]
    none = machine.run("env", "DEBUGINFOD_URLS=", "profilerctl", *fetch, check=False)
    assert none.returncode == 1 and "DEBUGINFOD_URLS" in none.stderr
    assert machine.as_nobody("profilerctl", *fetch).returncode == 5

    def fetched():
        # A file that was not there is remembered for a while: as somebody else each time.
        cache = machine.output("mktemp", "-d")
        return machine.run("env", "DEBUGINFOD_URLS=http://127.0.0.1:8002", f"DEBUGINFOD_CACHE_PATH={cache}",
                           "profilerctl", *fetch, check=False).returncode == 0

    wait_until(fetched, 20, "the server to know the file")
    name = build_id(debug)
    assert machine.path(f"/usr/local/lib/debug/.build-id/{name[:2]}/{name[2:]}.debug").stat().st_size > 0
    machine.ctl("reload")
    names_of_run(machine, "fetched")  # asks for it
    assert LEAVES <= names_of_run(machine, "fetched")
    assert "debug-file" in files_of(machine, "fetched", "-1")["fetched"]["source"]
    machine.stop("fetched", "debuginfod")
