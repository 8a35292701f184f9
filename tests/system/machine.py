# SPDX-License-Identifier: Apache-2.0
"""A booted systemd with the installed build in it."""

import json
import os
import pathlib
import shutil
import sys
import time

from profile import Profile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))
from container import BASE, Container, ContainerError  # noqa: E402

BUS = "org.profilerd1"
ROOT = "/org/profilerd1"
MANAGER = "org.profilerd1.Manager"
UNIT = "org.profilerd1.Unit"
SESSION = "org.profilerd1.Session"
STORE = "/var/lib/profilerd"
PROGRAMS = "/usr/local/lib/profilerd-tests"
DROP_IN = "/etc/profilerd/profilerd.conf.d/50-test.conf"
# No window ends by itself in a test that does not ask for it.
INTERVAL = "/etc/profilerd/profilerd.conf.d/00-interval.conf"
INTERVAL_TEXT = "[Profilerd]\nInterval=1d\n"
UNIT_FILE = "/etc/profilerd/units.d/50-test.conf"
PREFIX = "system-tests-"


def wait_until(condition, seconds=5, what="it"):
    """The first true value of condition(); called again and again."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(0.05)


class Machine:
    def __init__(self, name, build):
        self.build = build
        self.container = Container(f"{PREFIX}{os.getpid()}-{name}")
        self.container.up(os.environ.get("PROFILERD_ROOT", "/"), build)
        try:
            self._install_programs()
            self.write(INTERVAL, INTERVAL_TEXT)
        except BaseException:
            self.down()
            raise

    def _install_programs(self):
        directory = self.path(PROGRAMS)
        directory.mkdir(parents=True)
        for program in (pathlib.Path(self.build) / "tests/programs").iterdir():
            if program.is_file() and os.access(program, os.X_OK):
                shutil.copy(program, directory / program.name)

    def down(self):
        self.container.down()

    def path(self, inside):
        """Where a path of the container, with all that is mounted there, lies on the host."""
        return pathlib.Path(f"/proc/{self.container.leader}/root") / str(inside).lstrip("/")

    # ---- commands ----

    def run(self, *command, check=True, **options):
        return self.container.enter(command, check=check, **options)

    def popen(self, *command, **options):
        return self.container.popen(command, **options)

    def output(self, *command, **options):
        return self.run(*command, **options).stdout.strip()

    def shell(self, script, **options):
        return self.run("bash", "-ec", script, **options).stdout.strip()

    def as_nobody(self, *command):
        return self.run("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", *command, check=False)

    # ---- units ----

    def systemctl(self, *arguments, **options):
        return self.run("systemctl", *arguments, **options)

    def show(self, unit, prop):
        return self.output("systemctl", "show", "-P", prop, unit)

    def start(self, name, *command, **properties):
        """A transient service; a property that is a list is given several times."""
        options = []
        for key, value in properties.items():
            options += [f"--property={key}={v}" for v in (value if isinstance(value, list) else [value])]
        self.run("systemd-run", "--quiet", f"--unit={name}", "--service-type=exec", *options, "--", *command)

    def program(self, name):
        return f"{PROGRAMS}/{name}"

    def write_unit(self, name, text):
        self.write(f"/etc/systemd/system/{name}", text)
        self.systemctl("daemon-reload")

    def stop(self, *names):
        self.systemctl("stop", *names, check=False)
        self.systemctl("reset-failed", *names, check=False)

    def cpu_nsec(self, unit):
        """What the kernel has counted for the unit's cgroup."""
        file = self.path(f"/sys/fs/cgroup{self.show(unit, 'ControlGroup')}/cpu.stat")
        return int(dict(line.split() for line in file.read_text().splitlines())["usage_usec"]) * 1000

    def let_run(self, *units, seconds=0.3):
        """Until each has used so much CPU from now on: however busy the host is, that many samples come."""
        ends = {unit: self.cpu_nsec(unit) + seconds * 1e9 for unit in units}
        for unit, end in ends.items():
            wait_until(lambda: self.cpu_nsec(unit) >= end, 30, f"{unit} to use {seconds} s of CPU")

    # ---- profilerd ----

    def start_daemon(self):
        self.systemctl("start", "profilerd.service")

    def ctl(self, *arguments, **options):
        return self.run("profilerctl", *arguments, **options)

    def ctl_json(self, *arguments, **options):
        return json.loads(self.ctl(*arguments, "--json=short", **options).stdout)

    def flush(self, *units):
        self.ctl("flush", *units)

    def _get(self, path, interface, name):
        text = self.output("busctl", "--json=short", "get-property", BUS, path, interface, name)
        return json.loads(text)["data"]

    def manager(self, name):
        return self._get(ROOT, MANAGER, name)

    def unit_path(self, unit):
        """None: profilerd does not know the unit."""
        result = self.run("busctl", "--json=short", "call", BUS, ROOT, MANAGER, "GetUnit", "s", unit, check=False)
        return json.loads(result.stdout)["data"][0] if result.returncode == 0 else None

    def unit(self, unit, name):
        path = self.unit_path(unit)
        return self._get(path, UNIT, name) if path else None

    def wait_for_state(self, unit, state, seconds=5):
        wait_until(lambda: self.unit(unit, "State") == state, seconds, f"{unit} to be {state}")

    def start_session(self, target, hz=99, seconds=1, **options):
        """As root; the object. Options are those of StartSession(), booleans all of them."""
        words = [word for key, value in options.items() for word in (key, "b", str(value).lower())]
        text = self.output("busctl", "--json=short", "call", BUS, ROOT, MANAGER, "StartSession", "suta{sv}", target,
                           hz, int(seconds * 1e6), len(options) + 1, "Keep", "b", "true", *words)
        return json.loads(text)["data"][0]

    def session(self, path, name):
        return self._get(path, SESSION, name)

    def losses(self):
        return {reason: count for reason, _, count in self.manager("Losses")}

    def write(self, path, text, mode=0o644):
        file = self.path(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)

    def journal(self, *matches, after=0):
        # Not by --after-cursor: with matches it leaves out one entry too many.
        text = self.output("journalctl", "--output=json", "--no-pager", "--all", *matches)
        entries = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
        return [entry for entry in entries if int(entry["__REALTIME_TIMESTAMP"]) > after]

    def journal_end(self):
        """For journal(after=): what is logged from now on."""
        self.run("journalctl", "--sync")
        return int(json.loads(self.output("journalctl", "--output=json", "--lines=1"))["__REALTIME_TIMESTAMP"])

    # ---- the store ----

    def files(self, unit="*"):
        return sorted(self.path(STORE).glob(f"{unit}/*.pb.gz"), key=lambda path: (path.parent, start_of(path)))

    def profiles(self, unit):
        return [Profile(path) for path in self.files(unit)]

    def profile(self, unit):
        """The newest one."""
        return Profile(self.files(unit)[-1])


def start_of(path):
    return int(path.name.split(".")[2])


def remove_orphans():
    """Containers of test runs that were killed."""
    for directory in BASE.glob(f"{PREFIX}*"):
        owner = directory.name[len(PREFIX):].split("-")[0]
        if not os.path.exists(f"/proc/{owner}"):
            Container(directory.name).down()


__all__ = ["Machine", "ContainerError", "remove_orphans", "wait_until"]
