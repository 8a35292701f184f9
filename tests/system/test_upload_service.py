# SPDX-License-Identifier: Apache-2.0
"""profilerd-upload as a service of systemd: with its user, its sandbox, and its name on the bus."""

import json
import time

import pytest
from machine import STORE, wait_until

TARGETS = "/etc/profilerd/uploads.d"
STATE = "/var/lib/profilerd-upload"
UNIT = "profilerd-upload.service"

# Python is in the container, and the network of the container ends at its loopback.
SERVER = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_PUT(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        print(self.path, flush=True)
        self.send_response(int(open("/tmp/status").read()))
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *arguments):
        pass
http.server.ThreadingHTTPServer(("127.0.0.1", 8090), Handler).serve_forever()
"""
TARGET = "[Upload]\nProtocol=http\nURL=http://127.0.0.1:8090/{host}/{unit}/{start}\nDelaySec=0\n"


@pytest.fixture
def server(machine):
    machine.shell("ip link set lo up || true")
    machine.write("/tmp/server.py", SERVER)
    machine.write("/tmp/status", "201")
    machine.start("upload-server", "/usr/bin/python3", "/tmp/server.py", StandardOutput="file:/tmp/received")
    yield machine
    machine.stop("upload-server", UNIT)
    machine.shell(f"rm -rf {TARGETS}/* {STATE}/*")


def start(machine, target=TARGET):
    machine.write(f"{TARGETS}/dav.conf", target)
    machine.systemctl("start", UNIT)
    assert machine.show(UNIT, "ActiveState") == "active"


def sample(machine):
    machine.start("shipped", machine.program("split"), 3)
    machine.let_run("shipped", seconds=0.2)
    machine.flush()
    machine.stop("shipped")
    return machine.files("shipped.service")[-1]


def uploads(machine):
    return machine.ctl_json("uploads")["uploads"]


def test_nothing_runs_without_a_target(machine):
    machine.systemctl("start", UNIT)
    assert machine.show(UNIT, "ActiveState") == "inactive"
    assert machine.show(UNIT, "ConditionResult") == "no"
    result = machine.ctl("uploads", check=False)
    assert result.returncode == 3 and "uploads.d" in result.stderr


def test_a_stored_profile_is_sent_and_shown(server):
    start(server)
    path = sample(server)
    wait_until(lambda: f"shipped.service/{path.name.split('.')[2]}" in server.output("cat", "/tmp/received"), 15,
               "the profile")
    wait_until(lambda: uploads(server)[0]["sent"] > 0, 5)
    (target,) = uploads(server)
    assert (target["name"], target["protocol"], target["state"]) == ("dav", "http", "idle")
    assert target["pending"] == 0 and target["sent_bytes"] > 0
    text = server.ctl("uploads").stdout
    assert "TARGET" in text and "dav" in text and "idle" in text
    assert server.ctl("uploads", "nonsense", check=False).returncode == 4


def test_a_server_that_is_down_is_shown_with_its_error(server):
    server.write("/tmp/status", "503")
    start(server)
    sample(server)
    wait_until(lambda: uploads(server)[0]["state"] == "down", 15, "the state")
    (target,) = uploads(server)
    assert target["pending"] > 0 and target["oldest_pending_usec"] > 0
    assert "503" in target["last_error"]
    assert "503" in server.ctl("uploads").stdout
    pins = server.path(f"{STATE}/pins")
    wait_until(lambda: pins.exists() and "shipped.service" in pins.read_text(), 10, "the pins")
    server.write("/tmp/status", "201")
    server.run("busctl", "call", "org.profilerd1.Upload", "/org/profilerd1/upload", "org.profilerd1.Upload", "Retry",
               "s", "dav")
    wait_until(lambda: uploads(server)[0]["pending"] == 0, 20, "the backlog")
    wait_until(lambda: "shipped.service" not in pins.read_text(), 10, "the pins")


def test_it_has_no_capability_and_cannot_write_the_store(server):
    start(server)
    pid = server.show(UNIT, "MainPID")
    status = dict(line.split(":\t", 1) for line in server.output("cat", f"/proc/{pid}/status").splitlines()
                  if ":\t" in line)
    for kind in ("CapEff", "CapPrm", "CapBnd", "CapAmb"):
        assert int(status[kind], 16) == 0, kind
    assert status["NoNewPrivs"] == "1"
    user = server.output("id", "-u", "profilerd-upload")
    assert set(status["Uid"].split()) == {user}
    result = server.run("setpriv", f"--reuid={user}", "--regid=profilerd-upload", "--init-groups", "touch",
                        f"{STORE}/x", check=False)
    assert result.returncode != 0


def test_everybody_may_look_and_only_root_may_retry(server):
    start(server)
    call = ["busctl", "call", "org.profilerd1.Upload", "/org/profilerd1/upload", "org.profilerd1.Upload"]
    assert server.as_nobody(*call, "ListTargets").returncode == 0
    assert "denied" in server.as_nobody(*call, "Retry", "s", "").stderr
    assert "NoSuchTarget" in server.run(*call, "Retry", "s", "none", check=False).stderr or \
        "No target" in server.run(*call, "Retry", "s", "none", check=False).stderr


def test_the_interface_is_that_of_the_xml_file(server):
    start(server)
    text = server.output("busctl", "introspect", "--xml-interface", "org.profilerd1.Upload", "/org/profilerd1/upload")
    installed = server.path("/usr/share/dbus-1/interfaces/org.profilerd1.Upload.xml").read_text()
    for name in ("ListTargets", "Retry", "TargetChanged", "Version"):
        assert f'name="{name}"' in text and f'name="{name}"' in installed


def test_a_credential_of_systemd_reaches_the_program(server):
    drop_in = f"/etc/systemd/system/{UNIT}.d/50-test.conf"
    server.write("/root/token", "s3cr3t", mode=0o600)
    server.write(drop_in, "[Service]\nLoadCredential=token:/root/token\n")
    server.systemctl("daemon-reload")
    try:
        start(server, TARGET + "BearerTokenCredential=token\nInsecure=yes\n")
        sample(server)
        wait_until(lambda: uploads(server)[0]["sent"] > 0, 15, "the profile")
        text = server.output("journalctl", "-u", UNIT, "--no-pager")
        assert "s3cr3t" not in text and "s3cr3t" not in json.dumps(uploads(server))
    finally:
        server.path(drop_in).unlink()
        server.systemctl("daemon-reload")


def test_nothing_is_left_in_the_store_that_the_uploader_made(server):
    start(server)
    sample(server)
    wait_until(lambda: uploads(server)[0]["sent"] > 0, 15)
    before = time.monotonic()
    server.systemctl("stop", UNIT)
    assert time.monotonic() - before < 10 and server.show(UNIT, "Result") == "success"
    owners = server.output("find", STORE, "-user", "profilerd-upload")
    assert not owners
