# SPDX-License-Identifier: Apache-2.0
"""Stopped threads of real programs: every frame is the one that libdw finds (eu-stack of elfutils)."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

import pytest
from test_completeness import PROGRAMS, WAYS

STOPS = 12
FRAMES_MAX = 4096
FRAME = re.compile(r"^#\d+\s+(0x[0-9a-f]+)", re.MULTILINE)


def need(*programs):
    for program in programs:
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed")


@pytest.fixture(scope="module")
def walker():
    if os.geteuid() != 0:
        pytest.skip("needs root")
    need("eu-stack")
    program = pathlib.Path(os.environ.get("BUILD", "")) / "tests/kernel/walk-process"
    if not program.exists():
        pytest.fail("BUILD must name a build directory of Meson.", pytrace=False)
    return str(program)


def split(text):
    """Thread -> what is said of it."""
    parts = re.split(r"^TID (\d+):\n", text, flags=re.MULTILINE)
    return dict(zip(map(int, parts[1::2]), parts[2::2]))


def by_libdw(pid):
    text = subprocess.run(["eu-stack", "-q", "-n", str(FRAMES_MAX), "-p", str(pid)], capture_output=True, text=True).stdout
    return {tid: [int(address, 16) for address in FRAME.findall(part)] for tid, part in split(text).items()}


def by_profilerd(walker, pid):
    text = subprocess.run([walker, str(pid)], capture_output=True, text=True, check=True).stdout
    stacks = {}
    for tid, part in split(text).items():
        *frames, end = part.split("\n")[:-1]
        stacks[tid] = [int(frame, 16) for frame in frames], end
    return stacks


def stop(process):
    process.send_signal(signal.SIGSTOP)
    for _ in range(1000):
        states = [path.read_text().rsplit(")", 1)[1].split()[0]
                  for path in pathlib.Path(f"/proc/{process.pid}/task").glob("*/stat")]
        if all(state in "TtZ" for state in states):
            return
        time.sleep(0.005)
    pytest.fail("the process does not stop")


def is_jit(pid, frames):
    """libdw has no way through code without call frame information."""
    ranges = []
    for line in pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines():
        fields = line.split()
        if "x" in fields[1] and (len(fields) < 6 or not fields[5].startswith(("/", "[vdso]"))):
            ranges.append([int(x, 16) for x in fields[0].split("-")])
    return any(start <= frame < end for frame in frames for start, end in ranges)


def compare(walker, pid, contexts):
    """Numbers of stacks that are equal, and of those that could be compared; what differs. From where a stack of
    makecontext() has ended, see code_is_context_start(), libdw goes on: that address is added to contexts."""
    ours, theirs = by_profilerd(walker, pid), by_libdw(pid)
    equal, n, different = 0, 0, []
    for tid, (frames, end) in ours.items():
        other = theirs.get(tid, [])
        if not other or "complete, 0 guessed" != end or is_jit(pid, frames):
            # Where either ends early, what both have is the same all the same.
            known = min(len(frames), len(other))
            if "0 guessed" in end and frames[:known] != other[:known]:
                different.append((frames, other, end))
            continue
        n += 1
        if frames != other and frames == other[:len(frames)]:
            contexts.add(frames[-1])
        if frames == other[:len(frames)]:
            equal += 1
        else:
            different.append((frames, other, end))
    return equal, n, different


def build(directory, source, compiler, *flags):
    need(compiler)
    program = str(directory / "program")
    result = subprocess.run([compiler, *flags, "-w", "-pthread", str(PROGRAMS / source), "-o", program], capture_output=True,
                            text=True)
    if result.returncode != 0:
        pytest.skip(f"{compiler} {' '.join(flags)} cannot build here: {result.stderr[:200]}")
    return program


def check(walker, command, tmp_path, at_least=STOPS, environment=None, contexts_max=0):
    need(command[0])
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
                               cwd=tmp_path, env={**os.environ, **(environment or {})})
    equal = n = 0
    contexts = set()
    try:
        time.sleep(1)
        for _ in range(STOPS):
            stop(process)
            e, m, different = compare(walker, process.pid, contexts)
            assert not different, "\n".join(f"{end}\n  ours   {' '.join(map(hex, a))}\n  libdw  {' '.join(map(hex, b))}"
                                            for a, b, end in different)
            equal, n = equal + e, n + m
            process.send_signal(signal.SIGCONT)
            time.sleep(0.05)
    finally:
        process.kill()
        process.wait()
    print(f"{command[0]}: {equal} of {n} stacks are equal")
    assert n >= at_least
    assert len(contexts) <= contexts_max


@pytest.mark.parametrize("command", [
    ["/usr/bin/python3", "-c", "import re, json, zlib, hashlib\nwhile True:\n  x = json.dumps(list(range(500)))\n"
     "  re.findall('[0-9]+', x); zlib.compress(x.encode()); hashlib.sha256(x.encode()); sorted(x)"],
    ["/usr/bin/perl", "-e", "while (1) { my %h = map { $_ => 1 } 1 .. 1000; my @s = sort keys %h }"],
    ["/bin/bash", "-c", "while :; do x=${x:0:9}y; y=$(echo $x); done"],
    ["openssl", "speed", "-seconds", "5", "rsa2048", "sha256"],
    ["xz", "-T2", "-9kc", "/usr/bin/python3.11"],
    ["gzip", "-9cf", "/dev/zero"],
    ["redis-server", "--port", "0", "--unixsocket", "socket", "--save", ""],
    ["sqlite3", ":memory:", "with recursive c(x) as (select 1 union all select x+1 from c) select sum(x) from c"],
], ids=lambda command: command[0].rsplit("/", 1)[-1])
def test_every_frame_is_the_one_of_libdw(walker, tmp_path, command):
    check(walker, command, tmp_path, at_least=2)


@pytest.mark.parametrize("way", WAYS)
def test_every_shape_of_stack_is_that_of_libdw(walker, tmp_path, way):
    check(walker, [build(tmp_path, "shapes.c", "gcc", *WAYS[way])], tmp_path, contexts_max=1)


@pytest.mark.parametrize("way", ["o2", "o3", "static"])
def test_exceptions_have_the_stacks_of_libdw(walker, tmp_path, way):
    check(walker, [build(tmp_path, "throw.cc", "g++", *WAYS[way])], tmp_path)


@pytest.mark.parametrize("change", ["deleted", "replaced"])
def test_a_program_whose_file_is_gone(walker, tmp_path, change):
    """libdw finds no file and ends early; profilerd reads the one that is mapped."""
    program = build(tmp_path, "throw.cc", "g++", *WAYS["o2"])
    process = subprocess.Popen([program])
    try:
        time.sleep(0.3)
        os.unlink(program)
        if change == "replaced":
            shutil.copy("/bin/true", program)
        stop(process)
        (frames, end), = by_profilerd(walker, process.pid).values()
        assert end == "complete, 0 guessed"
        assert len(frames) > 3
    finally:
        process.kill()
        process.wait()


def test_native_threads_of_node(walker, tmp_path):
    check(walker, ["node", "-e", "for (;;) JSON.parse(JSON.stringify(Array(1000).fill({a: 1})))"], tmp_path)


def test_native_threads_of_a_java_virtual_machine(walker, tmp_path):
    need("java")
    (tmp_path / "Load.java").write_text("public class Load { public static void main(String[] a) { java.util.List<byte[]> "
                                        "k = new java.util.ArrayList<>(); for (;;) { k.add(new byte[1000]); "
                                        "if (k.size() > 9999) k.clear(); } } }")
    check(walker, ["java", "-Xmx64m", "-XX:+UseParallelGC", "Load.java"], tmp_path, at_least=50)
