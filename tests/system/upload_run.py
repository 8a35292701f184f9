# SPDX-License-Identifier: Apache-2.0
"""profilerd-upload as built, on a store of its own, without a container."""

import gzip
import os
import pathlib
import signal
import subprocess
import time

BOOT = "0123456789abcdef0123456789abcdef"
SECOND = 1_000_000


# ---- profiles ----

def varint(value):
    data = bytearray()
    while value >= 0x80:
        data.append(value & 0x7F | 0x80)
        value >>= 7
    data.append(value)
    return bytes(data)


def number(field, value):
    return varint(field << 3) + varint(value)


def block(field, data):
    return varint(field << 3 | 2) + varint(len(data)) + data


def make_profile(start_usec, unit="web.service", n_samples=3, slice_name="system.slice", pad=0):
    """A gzipped pprof as the daemon writes it: dense ids, count and cpu, comments."""
    strings = {"": 0}

    def text(s):
        return strings.setdefault(s, len(strings))

    out = bytearray()
    for kind, what in (("samples", "count"), ("cpu", "nanoseconds")):
        out += block(1, number(1, text(kind)) + number(2, text(what)))
    labels = block(3, number(1, text("thread")) + number(2, text("main")))
    values = block(2, varint(1) + varint(10_000_000))
    for i in range(n_samples):
        out += block(2, block(1, varint(i + 1)) + values + labels)
    out += block(3, number(1, 1) + number(2, 0x1000) + number(3, 0x2000000) + number(5, text("/usr/bin/web"))
                 + number(6, text("aabbcc")) + number(7, 1))
    name = text("work")
    for i in range(n_samples):
        out += block(4, number(1, i + 1) + number(2, 1) + number(3, 0x1000 + i) + block(4, number(1, 1)))
    out += block(5, number(1, 1) + number(2, name) + number(3, name))
    comments = [text(f"unit: {unit}"), text("invocation-id: " + "ab" * 16), text("host: test"),
                text(f"slice: {slice_name}"), text("pad: " + os.urandom(pad // 2).hex())]
    tail = number(9, start_usec * 1000) + number(10, 10 * 10**9)
    tail += block(11, number(1, text("cpu")) + number(2, text("nanoseconds"))) + number(12, 10_000_000)
    tail += b"".join(number(13, c) for c in comments) + number(14, text("cpu"))
    for s in strings:
        out += block(6, s.encode())
    return gzip.compress(bytes(out) + tail, compresslevel=1, mtime=0)


# ---- the program ----

class Upload:
    """A store, a configuration, and the program over both."""

    def __init__(self, directory, build):
        self.directory = pathlib.Path(directory)
        self.program = pathlib.Path(build) / "daemon/upload/profilerd-upload"
        self.store, self.state = self.directory / "store", self.directory / "state"
        self.root, self.log = self.directory / "root", self.directory / "log"
        self.store.mkdir()
        (self.root / "etc/profilerd/uploads.d").mkdir(parents=True)
        self.process = None
        self.environment = {}
        self.prefix = []  # words before the program's own

    def target(self, name, text):
        (self.root / f"etc/profilerd/uploads.d/{name}.conf").write_text(f"[Upload]\nDelaySec=0\n{text}\n")

    def secret(self, name, text):
        path = self.directory / name
        path.write_text(text)
        return path

    def add(self, unit="web.service", age=60, data=None, **options):
        """A profile that started age seconds ago; its path in the store."""
        start = int((time.time() - age) * SECOND)
        directory = self.store / unit
        directory.mkdir(exist_ok=True)
        path = directory / f"cpu.{BOOT}.{start}.{10 * SECOND}.pb.gz"
        new = directory / ".#new"
        new.write_bytes(data if data is not None else make_profile(start, unit, **options))
        new.rename(path)
        return path

    def start(self):
        arguments = [*self.prefix, self.program, f"--store={self.store}", f"--state={self.state}", f"--root={self.root}",
                     "--log-level=debug"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={
                **os.environ, "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent", "no_proxy": "*",
                **self.environment})
        return self

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.kill()
                raise
        return self.process.returncode if self.process else None

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def check(self):
        return subprocess.run([self.program, f"--root={self.root}", "--check-config"], capture_output=True, text=True,
                              timeout=30)

    def ledger(self, name):
        path = self.state / f"{name}.ledger"
        return path.read_text().splitlines() if path.exists() else []

    def messages(self):
        return self.log.read_text(errors="replace")
