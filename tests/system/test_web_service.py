# SPDX-License-Identifier: Apache-2.0
"""profilerd-web as a service of systemd: its socket, its sandbox, and the running window."""

import json
import os
import re
import subprocess

import pytest
from machine import STORE, wait_until
from profile import Profile

SOCKET = "/run/profilerd-web.socket"
TCP_DROP_IN = "/etc/systemd/system/profilerd-web.socket.d/50-tcp.conf"
PORT = 7071


class Client:
    def __init__(self, machine):
        self.machine = machine

    def curl(self, path, *options, tcp=False, check=True):
        where = [f"http://127.0.0.1:{PORT}{path}"] if tcp \
            else ["--unix-socket", SOCKET, f"http://localhost{path}"]
        return self.machine.run("curl", "-s", "--max-time", "50", *options, *where, check=check, text=False)

    def get(self, path, *options, **more):
        return self.curl(path, "--fail-with-body", *options, **more).stdout

    def json(self, path, **more):
        return json.loads(self.get(path, **more))

    def status(self, path, *options, **more):
        return int(self.curl(path, "-o", "/dev/null", "-w", "%{http_code}", *options, **more).stdout)


@pytest.fixture
def web(machine):
    machine.shell("ip link set lo up || true")
    machine.write(TCP_DROP_IN, f"[Socket]\nListenStream=127.0.0.1:{PORT}\n")
    machine.systemctl("daemon-reload")
    machine.systemctl("start", "profilerd-web.socket")
    machine.start("web-busy", machine.program("split"))
    machine.let_run("web-busy")
    yield Client(machine)
    machine.stop("web-busy", "profilerd-web.socket", "profilerd-web.service")
    machine.path(TCP_DROP_IN).unlink()
    machine.systemctl("daemon-reload")


def test_the_units_are_those_of_the_daemon(web):
    status = web.json("/api/v1/status")
    assert status["running"] and status["daemon"]["state"] == "running"
    units = {unit["name"]: unit for unit in status["units"]}
    assert units["web-busy.service"]["state"] == "active"
    assert web.json("/api/v1/status", tcp=True)["running"]
    assert b"sampling since" in web.get("/")


def test_the_load_of_the_last_hour_is_shown(web):
    web.machine.flush("web-busy.service")

    def load():
        units = {unit["name"]: unit for unit in web.json("/api/v1/status")["units"]}
        return units["web-busy.service"]["load"]

    slices = wait_until(load, seconds=15, what="the load")
    assert len(slices) == 60 and max(slices) > 0 and max(slices[:-3]) == 0
    assert b"Load of the last hour" in web.get("/")


def test_it_runs_without_privilege_and_ends_with_its_socket(web):
    web.get("/healthz")
    pid = web.machine.show("profilerd-web", "MainPID")
    status = web.machine.output("cat", f"/proc/{pid}/status")
    assert re.search(r"^CapPrm:\s+0+$", status, re.M) and re.search(r"^CapBnd:\s+0+$", status, re.M)
    assert re.search(r"^NoNewPrivs:\s+1$", status, re.M) and re.search(r"^Seccomp:\s+2$", status, re.M)
    assert web.machine.output("stat", "-c", "%U", f"/proc/{pid}").strip() == "profilerd-web"
    # No network but the sockets that were handed in.
    assert web.machine.output("cat", f"/proc/{pid}/net/dev").count(":") == 1


def test_only_the_group_may_connect(web):
    assert web.machine.output("stat", "-c", "%A %G", SOCKET).split() == ["srw-rw----", "adm"]
    result = web.machine.run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "curl", "-s",
                             "--unix-socket", SOCKET, "http://localhost/healthz", check=False)
    assert result.returncode != 0


def test_the_running_window_is_shown(web):
    answer = web.curl("/unit/web-busy?now=1", "-D", "-", "-o", "/dev/null").stdout.decode()
    assert " 303 " in answer.splitlines()[0], answer
    location = re.search(r"^Location: (\S+)", answer, re.M)[1]
    assert re.fullmatch(r"/unit/web-busy.service\?from=@\d+\.\d{6}&to=@\d+\.\d{6}", location)
    page = web.get(location).decode()
    assert "(1 of 1 profile)" in page and "split" in page


def test_pprof_gets_the_next_seconds(web, tmp_path):
    machine = web.machine
    before = len(machine.files("web-busy.service"))
    data = web.get("/debug/pprof/profile?unit=web-busy&seconds=3", tcp=True)
    path = tmp_path / "x.pb.gz"
    path.write_bytes(data)
    profile = Profile(path)
    assert 2.5e9 < profile.duration_nsec < 6e9
    assert profile.count > 0
    # Its window was ended before and after.
    assert len(machine.files("web-busy.service")) - before in (1, 2)


def test_go_tool_pprof_profiles_a_unit(web, go):
    result = web.machine.run("go", "tool", "pprof", "-top", f"http://127.0.0.1:{PORT}/debug/pprof/profile?unit=web-busy&seconds=2",
                             check=False)
    assert result.returncode == 0, result.stderr
    assert "Type: cpu" in result.stdout


def test_what_is_not_profiled_is_said(web):
    answer = web.curl("/debug/pprof/profile?unit=none&seconds=1").stdout.decode()
    assert answer.startswith("none.service is not profiled.")


def test_without_the_right_windows_are_not_ended(web):
    rules = web.machine.path("/usr/share/polkit-1/rules.d/profilerd-web.rules")
    text = rules.read_text()
    rules.unlink()
    try:
        web.machine.systemctl("restart", "polkit", check=False)
        answer = web.curl("/unit/web-busy?now=1", "-w", "%{http_code}").stdout.decode()
        assert answer.endswith("403") and "polkit does not let" in answer
        answer = web.curl("/debug/pprof/profile?unit=web-busy&seconds=1").stdout.decode()
        assert answer.startswith("What web-busy.service has done since is not stored yet.")
    finally:
        rules.write_text(text)
        web.machine.systemctl("restart", "polkit", check=False)


def test_metrics_count_what_the_daemon_counts(web):
    text = web.get("/metrics").decode()
    metrics = parse_metrics(text)
    assert metrics["profilerd_up"][()] == 1
    key = (("unit", "web-busy.service"),)
    assert metrics["profilerd_unit_samples_total"][key] > 0
    assert metrics["profilerd_samples_total"][()] >= metrics["profilerd_unit_samples_total"][key]
    ends = {dict(k)["end"] for k in metrics["profilerd_unit_stacks_total"] if dict(k)["unit"] == "web-busy.service"}
    assert ends == {"complete", "truncated", "broken", "none"}


def parse_metrics(text):
    """The text format 0.0.4, strictly: help and type before the samples, no sample twice, one group each."""
    sample = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\n"])*",?)*)\})? (-?[0-9.]+)')
    found, types, current = {}, {}, None
    assert text.endswith("\n")
    for line in text.splitlines():
        if match := re.fullmatch(r"# HELP (\S+) .+", line):
            current = match[1]
            assert current not in types, f"{current} twice"
        elif match := re.fullmatch(r"# TYPE (\S+) (counter|gauge)", line):
            assert match[1] == current
            types[current] = match[2]
            assert match[2] == "gauge" or current.endswith("_total"), current
        else:
            match = sample.fullmatch(line)
            assert match and match[1] == current, line
            labels = tuple(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', match[2] or ""))
            assert labels not in found.setdefault(current, {}), line
            found[current][labels] = float(match[3])
    return found


def test_the_daemon_may_be_gone(web):
    web.machine.flush("web-busy.service")
    web.machine.systemctl("stop", "profilerd")
    try:
        wait_until(lambda: not web.json("/api/v1/status")["running"], what="the end of the daemon")
        assert b"profilerd is not running" in web.get("/")
        assert web.status("/unit/web-busy") == 200
        assert web.curl("/debug/pprof/profile?unit=web-busy&seconds=1").stdout.startswith(b"profilerd is not running.")
        assert parse_metrics(web.get("/metrics").decode())["profilerd_up"][()] == 0
    finally:
        web.machine.start_daemon()


def test_profilerctl_web_serves_its_caller(machine):
    process = machine.popen("profilerctl", "web", "profilerd", stdout=subprocess.PIPE, text=True)
    try:
        url = process.stdout.readline().strip()
        assert re.fullmatch(r"http://127(\.\d+){3}:\d+/unit/profilerd\.service\?token=[0-9a-f]{32}", url)
        base = url.split("/unit")[0]
        assert machine.output("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", f"{base}/").strip() == "403"
        cookies = f"/tmp/cookies-{os.getpid()}"
        assert machine.output("curl", "-s", "-L", "-c", cookies, "-o", "/dev/null", "-w", "%{http_code} %{url_effective}",
                              f"{base}/?token={url[-32:]}").strip() == f"200 {base}/"
        assert machine.output("curl", "-s", "-b", cookies, f"{base}/healthz").strip() == "ok"
    finally:
        process.terminate()
        process.wait(timeout=10)
    assert STORE
