#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Boots a real systemd in a container over a throw-away overlay of a root directory.

For the system tests, and for tools/demo where systemd is not PID 1. Needs root, systemd-nspawn and a
cgroup v2 hierarchy. What the container writes lies in a tmpfs and is gone with it.

    tools/container.py up NAME [--build DIR] [--root DIR] [--network]
    tools/container.py run NAME -- COMMAND...       as a transient unit
    tools/container.py enter NAME -- COMMAND...     in the namespaces only
    tools/container.py down NAME
"""

import argparse
import json
import os
import pathlib
import shlex
import shutil
import signal
import subprocess
import sys
import time
import uuid

BASE = pathlib.Path(os.environ.get("PROFILERD_CONTAINERS", "/run/profilerd-containers"))
BOOT_SECONDS = 60
STOP_SECONDS = 20

# Of no use in a container that lives for minutes, or slow.
MASKED = """
    getty@.service console-getty.service container-getty@.service getty.target
    apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service
    fstrim.timer logrotate.timer man-db.timer systemd-tmpfiles-clean.timer
    systemd-timesyncd.service systemd-networkd.service systemd-networkd.socket systemd-resolved.service
    systemd-networkd-wait-online.service networking.service systemd-pstore.service
    systemd-firstboot.service systemd-update-utmp.service systemd-update-utmp-runlevel.service
    systemd-hwdb-update.service systemd-journal-catalog-update.service ldconfig.service
    dev-hugepages.mount sys-kernel-config.mount sys-kernel-debug.mount udisks2.service packagekit.service
""".split()


class ContainerError(Exception):
    pass


def find_cgroup2():
    for path in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified"):
        kind = subprocess.run(["stat", "-fc", "%T", path], capture_output=True, text=True)
        if kind.stdout.strip() == "cgroup2fs":
            return pathlib.Path(path)
    raise ContainerError("No cgroup v2 hierarchy is mounted on /sys/fs/cgroup.")


class Container:
    def __init__(self, name):
        self.name = name
        self.dir = BASE / name
        self.root = self.dir / "root"
        self.state = self.dir / "state.json"

    # ---- up ----

    def up(self, root="/", build=None, network=False):
        if self.dir.exists():
            raise ContainerError(f"Container {self.name} exists already. Take it down first.")
        if not shutil.which("systemd-nspawn"):
            raise ContainerError("systemd-nspawn is missing: apt-get install systemd-container")
        self.dir.mkdir(parents=True)
        try:
            self._mount(root)
            self._prepare()
            if build:
                self._install(build)
            self._boot(network)
        except BaseException:
            self.down()
            raise
        return self

    def _mount(self, root):
        subprocess.check_call(["mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", self.dir])
        for part in ("upper", "work", "root"):
            (self.dir / part).mkdir(mode=0o755)
        options = f"lowerdir={root},upperdir={self.dir}/upper,workdir={self.dir}/work"
        subprocess.check_call(["mount", "-t", "overlay", "-o", options, "overlay", self.root])

    def _prepare(self):
        etc = self.root / "etc"
        for name, text in (("machine-id", uuid.uuid4().hex + "\n"), ("fstab", "")):
            (etc / name).unlink(missing_ok=True)
            (etc / name).write_text(text)
        # Users and directories of what gets installed are made at boot only where this says so.
        for stamp in ("etc/.updated", "var/.updated"):
            (self.root / stamp).unlink(missing_ok=True)
        units = etc / "systemd/system"
        units.mkdir(parents=True, exist_ok=True)
        # Services of the host have no business here; a test starts what it wants.
        for wants in units.glob("*.wants"):
            for link in wants.iterdir():
                if link.suffix == ".service" and not link.name.startswith("dbus"):
                    link.unlink()
        for start in self.root.glob("etc/rc[2345].d/S*"):
            start.unlink()
        for name in MASKED:
            (units / name).unlink(missing_ok=True)
            (units / name).symlink_to("/dev/null")
        journal = etc / "systemd/journald.conf.d"
        journal.mkdir(parents=True, exist_ok=True)
        (journal / "container.conf").write_text("[Journal]\nStorage=volatile\nRateLimitBurst=0\n")

    def _install(self, build):
        result = subprocess.run(["meson", "install", "-C", build, "--no-rebuild", "--destdir", self.root],
                                capture_output=True, text=True)
        if result.returncode != 0:
            raise ContainerError(f"Installing {build} failed:\n{result.stdout}{result.stderr}")

    def _boot(self, network):
        # A cgroup of its own: containers that share one would share the names of their units.
        cgroup = find_cgroup2() / f"profilerd-container-{self.name}"
        cgroup.mkdir(exist_ok=True)
        command = [
            "systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit",
            f"--machine=profilerd-{self.name}", f"--directory={self.root}", "--console=pipe",
            "--capability=all", "--system-call-filter=bpf perf_event_open",
            "--kill-signal=SIGRTMIN+3",
        ]
        if not network:
            command.append("--private-network")
        with open(self.dir / "console", "wb") as console:
            nspawn = subprocess.Popen(
                ["sh", "-c", 'echo $$ >"$0"/cgroup.procs && exec "$@"', str(cgroup), *command],
                stdin=subprocess.DEVNULL, stdout=console, stderr=console, start_new_session=True,
                env={**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
            )
        self._save({"nspawn": nspawn.pid, "leader": None, "cgroup": str(cgroup)})
        deadline = time.monotonic() + BOOT_SECONDS
        leader = None
        while time.monotonic() < deadline:
            if nspawn.poll() is not None:
                raise ContainerError("systemd-nspawn ended:\n" + self.console())
            leader = leader or self._find_leader(nspawn.pid)
            if leader:
                self._save({"nspawn": nspawn.pid, "leader": leader, "cgroup": str(cgroup)})
                state = self.enter(["systemctl", "is-system-running"], check=False).stdout.strip()
                if state in ("running", "degraded"):
                    return
            time.sleep(0.1)
        raise ContainerError("systemd did not come up:\n" + self.console())

    @staticmethod
    def _find_leader(nspawn):
        for children in pathlib.Path(f"/proc/{nspawn}/task").glob("*/children"):
            try:
                for pid in children.read_text().split():
                    if os.path.basename(os.readlink(f"/proc/{pid}/exe")) == "systemd":
                        return int(pid)
            except OSError:
                continue
        return None

    def console(self):
        try:
            return (self.dir / "console").read_text(errors="replace")
        except OSError:
            return ""

    def _save(self, state):
        self.state.write_text(json.dumps(state))

    def _load(self):
        try:
            return json.loads(self.state.read_text())
        except OSError:
            raise ContainerError(f"There is no container {self.name}.") from None

    # ---- commands ----

    def _enter_command(self):
        return ["nsenter", "-t", str(self.leader), "-m", "-u", "-i", "-n", "-p", "-C", "--"]

    def enter(self, command, check=True, timeout=60, **options):
        """Runs in the container's namespaces, outside of its cgroups: for questions, not for load."""
        options.setdefault("capture_output", True)
        options.setdefault("text", True)
        environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                       "LANG": "C.UTF-8", "HOME": "/root", "TERM": os.environ.get("TERM", "dumb")}
        result = subprocess.run([*self._enter_command(), *map(str, command)], timeout=timeout,
                                stdin=subprocess.DEVNULL, env=environment, **options)
        if check and result.returncode != 0:
            raise ContainerError(f"{shlex.join(map(str, command))}: status {result.returncode}\n"
                                 f"{result.stdout or ''}{result.stderr or ''}")
        return result

    def popen(self, command, **options):
        """The same while it runs, with the streams of the caller."""
        environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"}
        return subprocess.Popen([*self._enter_command(), *map(str, command)], env=environment, **options)

    def run(self, command, properties=(), **options):
        """Runs as a transient unit and waits for it."""
        return self.enter(["systemd-run", "--quiet", "--wait", "--pipe", "--collect",
                           "--service-type=exec", *(f"--property={p}" for p in properties), "--",
                           *command], **options)

    @property
    def leader(self):
        """The container's PID 1, as the host counts."""
        return self._load()["leader"]

    def path(self, inside):
        """Where a path of the container's root lies on the host (what is mounted inside is not there)."""
        return self.root / str(inside).lstrip("/")

    # ---- down ----

    def down(self):
        try:
            state = self._load()
        except ContainerError:
            state = {}
        leader, nspawn = state.get("leader"), state.get("nspawn")
        if leader:
            self._kill(leader, signal.SIGRTMIN + 4)  # poweroff
        if nspawn and not self._gone(nspawn, STOP_SECONDS if leader else 0):
            if leader:
                self._kill(leader, signal.SIGKILL)
            self._kill(nspawn, signal.SIGKILL)
            self._gone(nspawn, 5)
        for mount in (self.root, self.dir):
            if os.path.ismount(mount):
                subprocess.run(["umount", "-l", mount], check=False)
        if self.dir.exists():
            shutil.rmtree(self.dir, ignore_errors=True)
        if state.get("cgroup"):
            self._remove_cgroups(pathlib.Path(state["cgroup"]))

    @staticmethod
    def _kill(pid, number):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass

    @staticmethod
    def _gone(pid, seconds):
        deadline = time.monotonic() + seconds
        while True:
            try:
                os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                pass
            if not os.path.exists(f"/proc/{pid}"):
                return True
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.05)

    @staticmethod
    def _remove_cgroups(cgroup):
        for path, _, _ in os.walk(cgroup, topdown=False):
            try:
                os.rmdir(path)
            except OSError:
                pass


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    up = verbs.add_parser("up")
    up.add_argument("--build", help="build directory of Meson to install before booting")
    up.add_argument("--root", default="/")
    up.add_argument("--network", action="store_true", help="share the host's network")
    for verb in (up, verbs.add_parser("run"), verbs.add_parser("enter"), verbs.add_parser("down")):
        verb.add_argument("name")
        if verb.prog.endswith((" run", " enter")):
            verb.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    container = Container(arguments.name)
    try:
        if arguments.verb == "up":
            container.up(arguments.root, arguments.build, arguments.network)
        elif arguments.verb == "down":
            container.down()
        else:
            command = arguments.command[1:] if arguments.command[:1] == ["--"] else arguments.command
            verb = container.run if arguments.verb == "run" else container.enter
            return verb(command, check=False, capture_output=False, timeout=None).returncode
    except ContainerError as error:
        print(f"container: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
