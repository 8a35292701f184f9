# SPDX-License-Identifier: Apache-2.0
"""User stacks reach the start of their thread: in real programs, and in those that have every shape of stack.

Each test prints the share, and where and why the other stacks ended. Code that a runtime made (a JIT) has no
table and is no part of what is promised: such stacks are told apart.
"""

import collections
import os
import pathlib
import shutil
import subprocess

import pytest

SHARE = 0.99
SECONDS = 3
PROGRAMS = pathlib.Path(__file__).resolve().parents[1] / "programs"
DIRECTORY = "/opt/completeness"


def is_made_at_run_time(frame):
    return frame.file.startswith(("//anon", "[anon", "/memfd:", "/dev/zero"))


class Stacks:
    """How the user stacks of some profiles ended; what has none (the kernel's own work) is left out."""

    def __init__(self, profiles):
        self.native = self.complete = self.all = 0
        self.ends = collections.Counter()
        for profile in profiles:
            for sample in profile.samples:
                user = [frame for frame in sample.frames if not frame.is_kernel]
                if user:
                    self._count(sample, user)

    def _count(self, sample, user):
        end = sample.labels.get("stack_end")
        self.all += sample.count
        if end is not None:
            self.ends[end, user[-1].file, user[-1].name, len(user)] += sample.count
        if end is None or not any(map(is_made_at_run_time, user)):
            self.native += sample.count
            self.complete += sample.count if end is None else 0

    @property
    def share(self):
        return self.complete / max(self.native, 1)

    def report(self, name):
        lines = [f"{name}: {100 * self.share:.2f} % of {self.native} native stacks are complete, {self.all} in all"]
        for (end, file, function, n), count in self.ends.most_common(10):
            lines.append(f"    {count} {end} in {file or '?'} ({function or '?'}), {n} frames")
        return "\n".join(lines)


def measure(machine, unit, seconds=SECONDS):
    machine.let_run(unit, seconds=seconds)
    machine.flush()
    machine.stop(unit)
    machine.flush()
    return Stacks(machine.profiles(f"{unit}.service"))


def check(stacks, name, share=SHARE, at_least=100):
    print(stacks.report(name))
    assert stacks.native >= at_least
    assert stacks.share >= share, stacks.report(name)


def need(*programs):
    for program in programs:
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed")


# ---- programs of our own ----

def build(machine, name, source, compiler, *flags):
    """The program's path in the machine."""
    need(compiler)
    target = machine.path(DIRECTORY)
    target.mkdir(exist_ok=True)
    result = subprocess.run([compiler, *flags, "-w", "-pthread", str(PROGRAMS / source), "-o", str(target / name)],
                            capture_output=True, text=True)
    if result.returncode != 0:
        pytest.skip(f"{compiler} {' '.join(flags)} cannot build here: {result.stderr[:200]}")
    return f"{DIRECTORY}/{name}"


WAYS = {
    "o2": ["-O2", "-fomit-frame-pointer"],
    "o3": ["-O3", "-fomit-frame-pointer", "-march=x86-64-v2"],
    "lto": ["-O3", "-flto", "-fomit-frame-pointer"],
    "realigned": ["-O2", "-mstackrealign"],
    "os": ["-Os", "-fcf-protection", "-no-pie"],
    "o0": ["-O0"],
    "static": ["-O2", "-static", "-fomit-frame-pointer"],
    "static-pie": ["-O2", "-static-pie", "-fomit-frame-pointer"],
    "debug-frame": ["-O2", "-g", "-fomit-frame-pointer", "-fno-asynchronous-unwind-tables", "-fno-unwind-tables"],
    "split-stack": ["-O2", "-fstack-protector-all", "-fstack-clash-protection"],
}


@pytest.mark.parametrize("way", WAYS)
def test_every_shape_of_stack(machine, cleanup, way):
    unit = f"shapes-{way}"
    program = build(machine, unit, "shapes.c", "gcc", *WAYS[way])
    cleanup(unit)
    machine.start(unit, program)
    check(measure(machine, unit), unit)


def test_shapes_by_clang(machine, cleanup):
    program = build(machine, "shapes-clang", "shapes.c", "clang", "-O2", "-fomit-frame-pointer")
    cleanup("shapes-clang")
    machine.start("shapes-clang", program)
    check(measure(machine, "shapes-clang"), "shapes-clang")


def test_shapes_by_musl(machine, cleanup):
    program = build(machine, "shapes-musl", "shapes.c", "musl-gcc", "-O2", "-fomit-frame-pointer", "-DWITHOUT_UCONTEXT")
    cleanup("shapes-musl")
    machine.start("shapes-musl", program)
    stacks = measure(machine, "shapes-musl")
    print(stacks.report("shapes-musl"))
    # Debian's musl has neither call frame information nor frame pointers: nothing leads out of it.
    assert stacks.share > 0.2
    elsewhere = sum(count for (_, file, _, _), count in stacks.ends.items() if "musl" not in file)
    assert elsewhere <= 0.01 * stacks.all, stacks.report("shapes-musl")


@pytest.mark.parametrize("way", ["o2", "o3", "static"])
def test_exceptions(machine, cleanup, way):
    unit = f"throw-{way}"
    program = build(machine, unit, "throw.cc", "g++", *WAYS[way])
    cleanup(unit)
    machine.start(unit, program)
    check(measure(machine, unit), unit)


GO = """package main
import ("fmt"; "sort"; "strings")
func work(n int) int {
    s := make([]string, n)
    for i := range s { s[i] = fmt.Sprint(n - i) }
    sort.Strings(s)
    return len(strings.Join(s, ","))
}
func deep(d int) int { if d == 0 { return work(300) }; return deep(d - 1) + 1 }
func main() {
    c := make(chan int)
    for i := 0; i < 2; i++ { go func() { for { c <- deep(20) } }() }
    t := 0
    for v := range c { t += v }
}
"""

RUST = """use std::collections::HashMap;
#[inline(never)] fn work(n: usize) -> usize {
    let mut m: HashMap<String, usize> = HashMap::new();
    for i in 0..n { *m.entry(format!("{}", i % 97)).or_insert(0) += i; }
    let mut v: Vec<_> = m.into_iter().collect();
    v.sort();
    v.len()
}
#[inline(never)] fn deep(d: usize) -> usize { if d == 0 { work(1000) } else { deep(d - 1) + 1 } }
fn main() {
    let t = std::thread::spawn(|| { let mut n = 0usize; loop { n = n.wrapping_add(deep(30)); if n == 1 { break } } });
    t.join().unwrap();
}
"""


@pytest.mark.parametrize("language, text, command", [
    pytest.param("go", GO, ["go", "build", "-o"], id="go"),
    pytest.param("rs", RUST, ["rustc", "-O", "-o"], id="rust"),
])
def test_compiled_languages(machine, cleanup, tmp_path, language, text, command):
    need(command[0])
    unit = f"real-{language}"
    source = tmp_path / f"load.{language}"
    source.write_text(text)
    machine.path(DIRECTORY).mkdir(exist_ok=True)
    environment = {"HOME": str(tmp_path), **os.environ, "GOCACHE": str(tmp_path / "cache")}
    subprocess.run([*command, str(machine.path(f"{DIRECTORY}/{unit}")), str(source)], check=True, cwd=tmp_path,
                   env=environment)
    cleanup(unit)
    machine.start(unit, f"{DIRECTORY}/{unit}")
    check(measure(machine, unit), unit)


# ---- programs of the distribution ----

@pytest.mark.parametrize("name, command", [
    ("python", ["/usr/bin/python3", "-c", "while True: sorted(str(i * i) for i in range(1000))"]),
    ("perl", ["/usr/bin/perl", "-e", "while (1) { my %h = map { $_ => 1 } 1 .. 1000 }"]),
    ("bash", ["/bin/bash", "-c", "while :; do x=${x:0:9}y; done"]),
    ("openssl", ["/bin/sh", "-c", "while :; do openssl speed -seconds 1 sha256 rsa2048 ecdsap256; done"]),
    ("xz", ["/bin/sh", "-c", "while :; do xz -9c /usr/bin/python3 >/dev/null; done"]),
    ("node", ["node", "-e", "for (;;) JSON.parse(JSON.stringify(Array(1000).fill({a: 1})))"]),
])
def test_programs_that_need_nothing(machine, cleanup, name, command):
    need(command[0])
    unit = f"whole-{name}"
    cleanup(unit)
    machine.start(unit, *command)
    check(measure(machine, unit), unit)


JAVA = """import java.util.*;
public class Load {
    public static void main(String[] a) {
        List<byte[]> keep = new ArrayList<>();
        for (long x = 0;;) {
            Map<Integer, String> m = new HashMap<>();
            for (int i = 0; i < 2000; i++) m.put(i, "v" + i);
            x += m.hashCode();
            keep.add(new byte[1000]);
            if (keep.size() > 20000) keep.clear();
        }
    }
}
"""


def test_native_threads_of_a_java_virtual_machine(machine, cleanup, tmp_path):
    need("java", "javac")
    (tmp_path / "Load.java").write_text(JAVA)
    machine.path(DIRECTORY).mkdir(exist_ok=True)
    subprocess.run(["javac", "-d", str(machine.path(DIRECTORY)), str(tmp_path / "Load.java")], check=True)
    cleanup("whole-java")
    machine.start("whole-java", "java", "-Xmx128m", "-XX:+UseParallelGC", "-cp", DIRECTORY, "Load")
    check(measure(machine, "whole-java", 5), "whole-java", at_least=20)


def test_chromium(machine, cleanup):
    need("chromium")
    machine.shell("ip link set lo up 2>/dev/null || true")
    page = ("data:text/html,<script>setInterval(()=>{for(let i=0;i<3000;i++){let e=document.createElement('p');"
            "e.textContent=i;document.body.appendChild(e)};document.body.innerText.length;"
            "document.body.innerHTML=''},1)</script>")
    cleanup("whole-chromium")
    machine.start("whole-chromium", "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0",
                  "--user-data-dir=/tmp/chromium", page, Environment="HOME=/tmp")
    check(measure(machine, "whole-chromium", 5), "whole-chromium")


def test_redis(machine, cleanup):
    need("redis-server")
    cleanup("whole-redis", "whole-redis-load")
    machine.start("whole-redis", "redis-server", "--port", "0", "--unixsocket", "/run/whole-redis.sock", "--save", "")
    machine.shell("until [ -S /run/whole-redis.sock ]; do sleep 0.1; done")
    machine.start("whole-redis-load", "redis-benchmark", "-q", "-s", "/run/whole-redis.sock", "-l")
    check(measure(machine, "whole-redis"), "whole-redis")


def test_nginx(machine, cleanup):
    need("nginx")
    cleanup("whole-nginx", "whole-nginx-load")
    machine.write("/etc/whole-nginx.conf", "daemon off; worker_processes 2; error_log stderr; pid /run/whole-nginx.pid;\n"
                  "events {}\nhttp { access_log off; server { listen 127.0.0.1:8098; root /usr/share; gzip on; "
                  "gzip_types *; autoindex on; } }\n")
    machine.shell("ip link set lo up 2>/dev/null || true")
    machine.start("whole-nginx", "nginx", "-c", "/etc/whole-nginx.conf")
    machine.start("whole-nginx-load", "/usr/bin/python3", "-c", "import urllib.request as u\n"
                  "r = u.Request('http://127.0.0.1:8098/doc/', headers={'Accept-Encoding': 'gzip'})\n"
                  "while True: u.urlopen(r).read()\n")
    check(measure(machine, "whole-nginx"), "whole-nginx")


def test_postgresql(machine, cleanup):
    binaries = sorted(machine.path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not binaries:
        pytest.skip("postgresql is not installed")
    cleanup("whole-postgresql", "whole-pgbench")
    directory, data = f"/usr/lib/postgresql/{binaries[-1].parts[-3]}/bin", "/var/tmp/whole-pgdata"
    machine.shell(f"install -d -o postgres {data} /run/whole-postgresql; "
                  f"runuser -u postgres -- {directory}/initdb --no-sync -A trust {data} >/dev/null", timeout=50)
    machine.start("whole-postgresql", f"{directory}/postgres", "-D", data, "-k", "/run/whole-postgresql", "-h", "",
                  "-c", "fsync=off", User="postgres")
    pgbench = f"runuser -u postgres -- {directory}/pgbench -h /run/whole-postgresql"
    machine.shell(f"until {pgbench} -i -q postgres >/dev/null 2>&1; do sleep 0.2; done")
    machine.start("whole-pgbench", f"{directory}/pgbench", "-h", "/run/whole-postgresql", "-c", "4", "-T", "60",
                  "postgres", User="postgres")
    check(measure(machine, "whole-postgresql"), "whole-postgresql")


# ---- what comes late, goes, or is much ----

def test_the_first_stacks_of_programs_never_seen_are_complete(own_machine):
    """No index of any file is there: the samples wait for them."""
    machine = own_machine
    machine.shell("systemctl stop profilerd; rm -rf /var/cache/profilerd/*; systemctl start profilerd")
    machine.start("cold", "/usr/bin/python3", "-c", "while True: sorted(str(i * i) for i in range(1000))")
    check(measure(machine, "cold", 1), "cold", at_least=50)


def test_a_library_that_is_loaded_late(machine, cleanup):
    cleanup("late")
    machine.start("late", "/usr/bin/python3", "-c", "import time\nend = time.time() + 0.5\n"
                  "while time.time() < end: pass\nimport sqlite3\nc = sqlite3.connect(':memory:')\n"
                  "while True: c.execute('with recursive c(x) as (select 1 union all select x+1 from c limit 9999) "
                  "select sum(x) from c').fetchall()")
    check(measure(machine, "late", 2), "late")


def test_a_program_that_is_replaced_while_it_runs(machine, cleanup):
    program = build(machine, "replaced", "shapes.c", "gcc", "-O2", "-fomit-frame-pointer")
    other = build(machine, "replaced-by", "shapes.c", "gcc", "-O3", "-fomit-frame-pointer")
    cleanup("replaced", "replacing")
    machine.start("replaced", program)
    machine.let_run("replaced", seconds=0.5)
    machine.shell(f"mv {other} {program}")
    machine.start("replacing", program)
    machine.let_run("replacing", seconds=1)
    check(measure(machine, "replaced", 1), "replaced")
    check(measure(machine, "replacing", 1), "replacing")


def test_ten_thousand_mappings(machine, cleanup):
    cleanup("many")
    machine.start("many", machine.program("many-mappings"), "10000")
    check(measure(machine, "many", 2), "many")


def test_a_thousand_processes(machine, cleanup):
    cleanup("crowd")
    program = build(machine, "crowd", "shapes.c", "gcc", "-O2", "-fomit-frame-pointer")
    machine.start("crowd", "/bin/sh", "-c", f"for i in $(seq 1000); do {program} & done; wait")
    check(measure(machine, "crowd", 5), "crowd", share=0.98)


# ---- what is over before anybody can look ----

def test_short_lived_processes(machine, cleanup):
    """A compiler driver: each program lives for some milliseconds."""
    need("gcc")
    cleanup("whole-gcc")
    machine.start("whole-gcc", "/bin/bash", "-c", "while :; do echo 'int main(void){return 0;}' | "
                  "gcc -O2 -x c - -o /tmp/whole-gcc; done")
    check(measure(machine, "whole-gcc"), "whole-gcc", share=0.95)
