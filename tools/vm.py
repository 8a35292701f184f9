# SPDX-License-Identifier: Apache-2.0
"""Boots a stock kernel of a Debian suite under an emulator, with the systemd of a suite as PID 1.

No hardware virtualization is needed. A machine runs one script of a payload, and is gone with it: its disk
takes no change.
"""

import os
import pathlib
import re
import shutil
import struct
import subprocess
import tarfile
import tempfile
import time

import rootfs
from rootfs import RootError, run

QEMU = "qemu-system-x86_64"
MEMORY_MB = 1024
DISK_BYTES = 2 << 30
# What the kernel has to load before it sees the disk.
MODULES = ["virtio_pci", "virtio_blk", "ext4", "crc32c_generic"]
# Magic of a compressed kernel, what unpacks it.
UNPACKERS = {b"\xfd7zX": ["xz", "-dc", "--single-stream"], b"\x28\xb5\x2f\xfd": ["zstd", "-qdc"],
             b"\x02\x21\x4c\x18": ["lz4", "-dc"], b"\x1f\x8b": ["gzip", "-dc"]}

# The kernel patches its own code, which makes emulated CPUs stumble where each has a thread.
ACCELERATOR = "tcg,thread=single"
COMMAND_LINE = ("console=ttyS0 no_timer_check quiet loglevel=4 panic=-1 mitigations=off nokaslr audit=0 cryptomgr.notests "
                "random.trust_cpu=on rw systemd.show_status=no systemd.log_target=kmsg cgroup_no_v1=all "
                "systemd.unified_cgroup_hierarchy=1")

INIT = """#!/bin/busybox sh
b=/bin/busybox
$b mount -t devtmpfs dev /dev
$b mount -t proc proc /proc
for module in /modules/*; do
    $b insmod $module || echo "$module was not loaded"
done
n=0
while [ ! -b /dev/vdb ] && [ $n -lt 100 ]; do
    $b usleep 100000
    n=$((n + 1))
done
$b mount -t ext4 -o noatime /dev/vda /root && $b tar -C /root -xf /dev/vdb || $b poweroff -f
$b mount --move /proc /root/proc
$b mount --move /dev /root/dev
exec $b switch_root /root /sbin/init
"""

# Of no use in a machine that lives for a minute.
MASKED = """
    getty@tty1.service serial-getty@ttyS0.service getty-static.service getty.target systemd-firstboot.service
    apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer fstrim.timer e2scrub_all.timer
    e2scrub_reap.service systemd-pstore.service systemd-update-utmp.service systemd-hwdb-update.service
    systemd-boot-random-seed.service systemd-tpm2-setup.service systemd-tpm2-setup-early.service
    systemd-pcrlock.socket systemd-timesyncd.service systemd-networkd-wait-online.service
    systemd-tmpfiles-clean.timer
""".split()

UNIT = """[Unit]
After=multi-user.target dbus.service
[Service]
Type=oneshot
Environment=LC_ALL=C.UTF-8 TERM=dumb
ExecStart=/bin/bash -c 'stty -F /dev/ttyS1 raw; exec >/dev/ttyS1 2>&1; {script}; echo "status $$?"; sync'
ExecStopPost=systemctl poweroff -ff
TimeoutStartSec=infinity
"""
STATUS = re.compile(r"^status (\d+)$", re.MULTILINE)


class VmError(Exception):
    pass


# ---- kernel ----

def kernel(suite):
    """A directory with vmlinux, initrd and version."""
    return rootfs.keep(f"kernel-{suite}", lambda directory: _make_kernel(directory, suite))


def _make_kernel(directory, suite):
    with tempfile.TemporaryDirectory(dir=directory) as work:
        work = pathlib.Path(work)
        _unpack_kernel(suite, work)
        modules = next(path for path in (work / "lib/modules", work / "usr/lib/modules") if path.exists())
        if modules.parent.parent.name == "usr":
            (work / "lib").mkdir(exist_ok=True)
            modules = modules.rename(work / "lib/modules")
        version = next(modules.iterdir()).name
        image = next(path for path in (work / f"boot/vmlinuz-{version}", modules / version / "vmlinuz")
                     if path.exists())
        # Unpacked here, and not by the machine, which takes its time.
        (directory / "vmlinux").write_bytes(_payload(image))
        (directory / "version").write_text(version)
        _make_initrd(work, version, directory / "initrd")


def _unpack_kernel(suite, work):
    environment = rootfs.apt_environment(suite)
    depends = run(["apt-cache", "depends", "--recurse", "--no-recommends", "--no-suggests", "--no-conflicts",
                   "--no-breaks", "--no-replaces", "--no-enhances", "linux-image-cloud-amd64"], env=environment)
    packages = sorted(set(re.findall(r"^linux-(?:image|binary|modules)-[0-9]\S*amd64$", depends, re.MULTILINE)))
    if not packages:
        raise RootError(f"{suite} has no kernel package")
    run(["apt-get", "-q", "download", *packages], env=environment, cwd=work)
    for package in work.glob("*.deb"):
        run(["dpkg-deb", "--extract", package, work])


def _payload(image):
    """The ELF file in a compressed kernel: Linux, Documentation/arch/x86/boot.rst."""
    data = image.read_bytes()
    sectors = data[0x1F1] or 4
    offset, length = struct.unpack_from("<II", data, 0x248)
    offset += (sectors + 1) * 512
    packed = data[offset:offset + length]
    unpacker = next((command for magic, command in UNPACKERS.items() if packed.startswith(magic)), None)
    if not unpacker:
        raise RootError(f"{image.name} is packed in an unknown way")
    # The last four bytes are its size: unpackers complain of them, having done their work.
    result = subprocess.run(unpacker, input=packed[:-4], capture_output=True, check=False)
    if not result.stdout.startswith(b"\x7fELF"):
        raise RootError(f"{image.name} was not unpacked: {result.stderr.decode(errors='replace')}")
    return result.stdout


def _make_initrd(work, version, path):
    modules = work / "lib/modules" / version
    for packed in modules.rglob("*.ko.xz"):
        run(["xz", "-d", packed])
    run(["depmod", "-b", work, version])
    root = work / "initrd"
    for part in ("bin", "dev", "proc", "root", "modules"):
        (root / part).mkdir(parents=True)
    wanted = []
    for name in MODULES:
        # A module that the kernel has built in has no line.
        lines = subprocess.run(["modprobe", "-d", work, "-S", version, "--show-depends", name],
                               capture_output=True, text=True, check=False).stdout.splitlines()
        wanted += [line.split()[1] for line in lines if line.startswith("insmod ")]
    for number, module in enumerate(dict.fromkeys(wanted)):
        shutil.copy(module, root / "modules" / f"{number:02}-{pathlib.Path(module).name}")
    shutil.copy(shutil.which("busybox"), root / "bin/busybox")
    (root / "init").write_text(INIT)
    (root / "init").chmod(0o755)
    names = run(["find", ".", "-mindepth", "1"], cwd=root)
    with open(path, "wb") as file:
        subprocess.run(["cpio", "-o", "-H", "newc", "--quiet"], input=names.encode(), stdout=file, cwd=root,
                       check=True)


# ---- userland ----

def disk(suite, packages):
    """An ext4 image with the suite's packages."""
    root = rootfs.make_root(suite, ["systemd-sysv", "dbus", *packages],
                            options=[f"--dpkgopt=path-exclude=/usr/share/{part}/*" for part in
                                     ("doc", "man", "locale")])

    def make(directory):
        image = directory / "image"
        with open(image, "wb") as file:
            file.truncate(DISK_BYTES)
        run(["mkfs.ext4", "-q", "-F", "-O", "^has_journal", "-m", "0", "-d", root, image])

    return rootfs.keep(f"disk-{rootfs.key_of(root, root.stat().st_mtime)}", make) / "image"


# ---- payload ----

class Payload:
    """What is laid over the disk before systemd starts: files of a directory, and a script to run."""

    def __init__(self, directory):
        self.root = pathlib.Path(directory)

    def write(self, path, text):
        path = self.root / path.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def finish(self, script, archive):
        """script: what to run, as a shell would."""
        self.write("/etc/machine-id", "70726f66696c657264202d2063686563\n")
        self.write("/etc/fstab", "")
        # Else the first boot makes caches for a minute.
        self.write("/etc/.updated", "")
        self.write("/var/.updated", "")
        self.write("/etc/systemd/system/vm-script.service", UNIT.format(script=script))
        wants = self.root / "etc/systemd/system/multi-user.target.wants"
        wants.mkdir()
        (wants / "vm-script.service").symlink_to("../vm-script.service")
        for name in MASKED:
            (wants.parent / name).symlink_to("/dev/null")
        # Where /usr is merged, a directory must not take the place of a link.
        if (self.root / "lib").is_dir():
            shutil.copytree(self.root / "lib", self.root / "usr/lib", dirs_exist_ok=True, symlinks=True)
            shutil.rmtree(self.root / "lib")

        now = int(time.time())

        def owned_by_root(member):
            member.mtime = now  # nothing is newer than .updated
            member.uid = member.gid = 0
            member.uname = member.gname = "root"
            return member

        with tarfile.open(archive, "w", format=tarfile.GNU_FORMAT) as tar:
            for path in sorted(self.root.iterdir()):
                tar.add(path, path.name, filter=owned_by_root)


# ---- machine ----

def _cpu(version):
    """qemu 7's cmpxchg16b leaves wrong flags behind, of which kernels up to 6.12 die; newer ones cannot
    do without the instruction."""
    old_kernel = tuple(map(int, re.match(r"(\d+)\.(\d+)", version).groups())) <= (6, 12)
    old_qemu = re.search(r"version [0-7]\.", run([QEMU, "--version"]))
    return "Nehalem,-cx16" if old_kernel and old_qemu else "Nehalem"


def boot(kernel_directory, image, archive, seconds, arguments=""):
    """Runs the payload's script; arguments: further ones of the kernel. Its output and status."""
    version = (kernel_directory / "version").read_text()
    with tempfile.TemporaryDirectory() as work:
        output, console = pathlib.Path(work) / "output", pathlib.Path(work) / "console"
        command = [
            QEMU, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-M", "pc", "-accel", ACCELERATOR,
            "-cpu", _cpu(version), "-smp", "2", "-m", str(MEMORY_MB),
            "-kernel", kernel_directory / "vmlinux", "-initrd", kernel_directory / "initrd", "-append",
            f"{COMMAND_LINE} {arguments}",
            "-serial", f"file:{console}", "-serial", f"file:{output}",
            "-drive", f"file={image},format=raw,if=none,id=disk,snapshot=on", "-device", "virtio-blk-pci,drive=disk",
            "-drive", f"file={archive},format=raw,if=none,id=payload,readonly=on",
            "-device", "virtio-blk-pci,drive=payload",
            "-object", "rng-random,id=random,filename=/dev/urandom", "-device", "virtio-rng-pci,rng=random",
        ]
        with open(pathlib.Path(work) / "errors", "w+", encoding="utf-8") as errors:
            with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors,
                                  env={**os.environ, "TMPDIR": work}) as machine:
                try:
                    text = _follow(machine, output, seconds)
                finally:
                    machine.kill()
            errors.seek(0)
            if machine.returncode != 0:
                raise VmError(f"no end after {seconds} s, status {machine.returncode} {errors.read()}\n{_tail(console)}")
        status = STATUS.search(text)
        if not status:
            raise VmError(f"it died before it reported\n{_tail(console)}")
        return STATUS.sub("", text), int(status[1])


def _follow(machine, output, seconds):
    """Shows what the machine writes until it ends."""
    deadline = time.monotonic() + seconds
    text = ""
    while True:
        is_over = machine.poll() is not None
        if output.exists():
            written = output.read_text(errors="replace").replace("\r", "")
            # Only whole lines: the last one may not be complete yet.
            written = written[:written.rfind("\n") + 1]
            print(STATUS.sub("", written[len(text):]), end="", flush=True)
            text = written
        if is_over or time.monotonic() >= deadline:
            return text
        time.sleep(0.5)


def _tail(path):
    return path.read_text(errors="replace")[-4000:] if path.exists() else ""
