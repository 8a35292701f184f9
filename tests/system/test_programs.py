# SPDX-License-Identifier: Apache-2.0
"""Real programs under load. What is not installed is left out."""

import os
import shutil

import pytest

LOOP = "def work(n):\n  return sum(i * i for i in range(n))\nwhile True: work(10000)\n"


def named_frames(profile, file):
    return [f for s in profile.samples for f in s.frames if f.name and f.file.rsplit("/", 1)[-1].startswith(file)]


def assert_is_profiled(profile, executable, file=None):
    assert profile.count > 5
    assert os.path.basename(profile.mappings[0]["file"]).startswith(executable), profile.mappings[0]
    assert profile.mappings[0]["build_id"]
    assert named_frames(profile, file or executable)


def need(program):
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed")


def sample(machine, unit):
    machine.flush()
    return machine.profile(f"{unit}.service")


def test_python(machine, cleanup):
    cleanup("real-python")
    machine.start("real-python", "/usr/bin/python3", "-c", LOOP)
    machine.let_run("real-python", seconds=0.5)
    assert_is_profiled(sample(machine, "real-python"), "python3")


def test_node(machine, cleanup):
    need("node")
    cleanup("real-node")
    machine.start("real-node", "node", "-e", "for (;;) JSON.parse(JSON.stringify(Array(1000).fill({a: 1})))")
    machine.let_run("real-node", seconds=1)
    assert_is_profiled(sample(machine, "real-node"), "node")


def test_redis(machine, cleanup):
    need("redis-server")
    cleanup("real-redis", "real-redis-load")
    machine.start("real-redis", "redis-server", "--port", "0", "--unixsocket", "/run/redis-test.sock", "--save", "")
    machine.shell("until [ -S /run/redis-test.sock ]; do sleep 0.1; done")
    machine.start("real-redis-load", "redis-benchmark", "-q", "-s", "/run/redis-test.sock", "-n", "1000000")
    machine.let_run("real-redis", seconds=0.5)
    profile = sample(machine, "real-redis")
    assert os.path.basename(profile.mappings[0]["file"]).startswith("redis")
    assert named_frames(profile, "redis")


def test_nginx(machine, cleanup):
    need("nginx")
    cleanup("real-nginx", "real-nginx-load")
    machine.write("/etc/test-nginx.conf", "daemon off; worker_processes 2; error_log stderr; pid /run/test-nginx.pid;\n"
                  "events {}\nhttp { access_log off; server { listen 127.0.0.1:8099; root /usr/share; "
                  "autoindex on; } }\n")
    machine.shell("ip link set lo up 2>/dev/null || true")
    machine.start("real-nginx", "nginx", "-c", "/etc/test-nginx.conf")
    machine.start("real-nginx-load", "/usr/bin/python3", "-c", "import urllib.request as u\n"
                  "while True:\n  u.urlopen('http://127.0.0.1:8099/doc/').read()\n")
    machine.let_run("real-nginx", seconds=1)
    profile = sample(machine, "real-nginx")
    assert_is_profiled(profile, "nginx")
    # The master only waits: these are the workers.
    assert profile.pids - {int(machine.show("real-nginx", "MainPID"))}


def test_postgresql(machine, cleanup):
    binaries = sorted(machine.path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not binaries:
        pytest.skip("postgresql is not installed")
    cleanup("real-postgresql", "real-pgbench")
    version = binaries[-1].parts[-3]
    directory, data = f"/usr/lib/postgresql/{version}/bin", "/var/tmp/pgdata"
    machine.shell(f"install -d -o postgres {data} /run/postgresql-test; "
                  f"runuser -u postgres -- {directory}/initdb --no-sync -A trust {data} >/dev/null", timeout=50)
    machine.start("real-postgresql", f"{directory}/postgres", "-D", data, "-k", "/run/postgresql-test", "-h", "",
                  "-c", "fsync=off", User="postgres")
    pgbench = f"runuser -u postgres -- {directory}/pgbench -h /run/postgresql-test"
    machine.shell(f"until {pgbench} -i -q postgres >/dev/null 2>&1; do sleep 0.2; done")
    machine.start("real-pgbench", f"{directory}/pgbench", "-h", "/run/postgresql-test", "-c", "4", "-T", "30", "-S",
                  "postgres", User="postgres")
    machine.let_run("real-postgresql", seconds=1)
    profile = sample(machine, "real-postgresql")
    assert_is_profiled(profile, "postgres")
    assert "PostgresMain" in profile.names
    assert len(profile.pids) >= 4
