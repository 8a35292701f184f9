# SPDX-License-Identifier: Apache-2.0
"""profilerd-web as built, on a store of files, without a container."""

import contextlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time
import urllib.parse

from offline import CORPUS

BOOT = "0123456789abcdef0123456789abcdef"
UNIT = "nginx.service"
MINUTE = 60 * 1000 * 1000  # microseconds
NEWEST = 1795183200 * 1000 * 1000  # Fri 2026-11-20 14:00 UTC
START_SECONDS = 10


def profile_id(start, unit=UNIT, kind="cpu"):
    return f"{unit}/{kind}.{BOOT}.{start}.{MINUTE}.pb.gz"


def make_store(root, minutes=10, unit=UNIT, source="written-cpu.pb.gz"):
    """So many windows of a minute, the newest of which starts at NEWEST."""
    (root / unit).mkdir(parents=True, exist_ok=True)
    for i in range(minutes):
        shutil.copy(CORPUS / source, root / profile_id(NEWEST - i * MINUTE, unit))
    return root


class Answer:
    def __init__(self, response, body):
        self.status, self.headers, self.body = response.status, response.headers, body

    @property
    def text(self):
        return self.body.decode()

    @property
    def json(self):
        return json.loads(self.body)


class WebServer:
    """Listens on loopback and on a unix socket, as the unit does with its drop-in."""

    def __init__(self, program, store, directory, *options):
        self.tcp = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.tcp.getsockname()[1]
        self.path = str(directory / "web.socket")
        self.unix = socket.socket(socket.AF_UNIX)
        self.unix.bind(self.path)
        self.unix.listen(128)
        first, second = self.tcp.fileno(), self.unix.fileno()

        def pass_sockets():
            high = [os.dup2(fd, 60 + i) for i, fd in enumerate((first, second))]
            for i, fd in enumerate(high):
                os.dup2(fd, 3 + i)

        # What the sanitizer keeps of freed memory would count against the limits on memory.
        asan = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=16"
        self.process = subprocess.Popen(
            ["sh", "-c", 'LISTEN_PID=$$ LISTEN_FDS=2 exec "$@"', "sh", program, f"--directory={store}", *options],
            preexec_fn=pass_sockets, close_fds=False,
            env={**os.environ, "ASAN_OPTIONS": asan, "TZ": "UTC",
                 "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={directory}/no-bus"})
        self.wait()

    def wait(self):
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            with contextlib.suppress(OSError, http.client.HTTPException):
                if self.get("/healthz").status == 200:
                    return
            time.sleep(0.05)
        raise RuntimeError("profilerd-web does not answer")

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def get(self, path, headers=None, method="GET", timeout=30):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, headers={"Connection": "close", **(headers or {})})
            response = connection.getresponse()
            return Answer(response, response.read())
        finally:
            connection.close()

    def api(self, name, **parameters):
        return self.get(f"/api/v1/{name}?" + urllib.parse.urlencode(parameters))

    def raw(self, data, timeout=30):
        """What the server answers to these bytes, until it closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as s:
            with contextlib.suppress(ConnectionError):
                s.sendall(data)
            answer = b""
            with contextlib.suppress(ConnectionError, TimeoutError):
                while part := s.recv(65536):
                    answer += part
            return answer

    @property
    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def memory_bytes(self):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise RuntimeError("no VmRSS")

    @property
    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    @contextlib.contextmanager
    def stopped(self):
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def close(self):
        self.process.terminate()
        self.process.wait(timeout=10)
        self.tcp.close()
        self.unix.close()
