# SPDX-License-Identifier: Apache-2.0
"""Debian roots and packages of any suite, kept in a cache: for tools/package-check, systemd-check and
vm-check.

Nothing of this host is changed: other suites come through an apt configuration of their own.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import time

CACHE = pathlib.Path(os.environ.get("CACHE") or
                     pathlib.Path(os.environ.get("XDG_CACHE_HOME") or "/var/cache") / "profilerd-vm")
# Suites move: what is older is made anew.
MAX_AGE_SECONDS = 7 * 24 * 3600
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
APT_OPTIONS = {"Acquire::Languages": "none", "Acquire::Check-Valid-Until": "false", "Acquire::Retries": "3",
               "APT::Sandbox::User": "root"}
TOOLS = pathlib.Path(__file__).resolve().parent


class RootError(Exception):
    pass


def run(command, **options):
    """As check_output() with text, but an error says what the command said."""
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                            stdin=subprocess.DEVNULL, **options)
    if result.returncode != 0:
        words = " ".join(str(word) for word in command)
        raise RootError(f"{words}: status {result.returncode}\n{(result.stdout + result.stderr)[-4000:]}")
    return result.stdout


def install_packages(*purposes):
    """Packages of this host, see tools/packages."""
    subprocess.run(["bash", "-c", 'set -e; . "$0"; install_packages "$@"', TOOLS / "packages", *purposes],
                   check=True)


def mirror():
    sources = [*pathlib.Path("/etc/apt/sources.list.d").glob("*.sources"), pathlib.Path("/etc/apt/sources.list")]
    for source in sources:
        if source.exists() and (match := re.search(r"^(?:URIs:|deb(?: \[.*?\])?)\s+(\S+debian/?)(?:\s|$)",
                                                   source.read_text(), re.MULTILINE)):
            return match[1]
    return "http://deb.debian.org/debian"


# ---- what is in the cache ----

@contextlib.contextmanager
def locked(name):
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / f".{name}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def is_fresh(path):
    return path.exists() and time.time() - path.stat().st_mtime < MAX_AGE_SECONDS


def keep(name, make):
    """CACHE/NAME, made by make(directory) where it is missing or too old. Appears complete or not at all."""
    path = CACHE / name
    with locked(name):
        if is_fresh(path):
            return path
        draft = path.with_name(path.name + ".draft")
        for old in (draft, path):
            if old.exists():
                shutil.rmtree(old)
        draft.mkdir(parents=True)
        make(draft)
        draft.rename(path)
        os.utime(path)
    return path


def key_of(*parts):
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:12]


# ---- packages and roots ----

def apt_environment(suite):
    """For apt of this host to work on the suite."""
    def make(directory):
        for part in ("etc/sources.list.d", "etc/preferences.d", "etc/apt.conf.d", "state/lists/partial",
                     "cache/archives/partial"):
            (directory / part).mkdir(parents=True)
        final = CACHE / f"apt-{suite}"
        (directory / "etc/sources.list").write_text(f"deb [signed-by={KEYRING}] {mirror()} {suite} main\n")
        (directory / "state/status").touch()
        options = {**APT_OPTIONS, "Dir::Etc": final / "etc", "Dir::State": final / "state",
                   "Dir::State::status": final / "state/status", "Dir::Cache": final / "cache"}
        (directory / "apt.conf").write_text("".join(f'{name} "{value}";\n' for name, value in options.items()))

    directory = keep(f"apt-{suite}", make)
    environment = {**os.environ, "APT_CONFIG": str(directory / "apt.conf")}
    if not any((directory / "state/lists").glob("*Packages*")):
        run(["apt-get", "-q", "update"], env=environment)
    return environment


def _package_of(library):
    """Debian's package of a file of this host, which may have been installed before /usr was merged."""
    for path in (library, f"/usr{library}", library.removeprefix("/usr")):
        found = subprocess.run(["dpkg", "-S", path], capture_output=True, text=True, check=False).stdout
        if found:
            return found.split(":")[0]
    raise RootError(f"{library} is of no package")


def libraries(suite, programs):
    """The suite's packages of what the programs are linked with, which were built on this host."""
    environment = apt_environment(suite)
    packages = set()
    for program in programs:
        needed = re.findall(r"NEEDED\)\s.*\[(.*)\]", run(["readelf", "-dW", program]))
        found = dict(re.findall(r"^\s*(\S+) => (/\S+)", run(["ldd", program]), re.MULTILINE))
        packages |= {_package_of(found[name]) for name in needed if name in found}

    def exists(package):
        # What others only provide has no candidate.
        return re.search(r"Candidate: [^(]", run(["apt-cache", "policy", package], env=environment))

    # From Debian 13 on some names tell the size of time_t.
    return [name if exists(name) else re.sub(r"(?<=[a-z])(\d+)(?=-|$)", r"\1t64", name) for name in sorted(packages)]


def installed_programs(build):
    """What a build directory of Meson installs in the way of programs."""
    plan = json.loads(run(["meson", "introspect", "--installed", build]))
    return [built for built, installed in plan.items() if re.match(r"/usr/(bin|libexec)/", installed)]


def make_root(suite, packages, variant="minbase", hooks=(), options=()):
    """A directory with the suite's packages in it; not to be written to. hooks: as mmdebstrap's --customize-hook."""
    def make(directory):
        run(["mmdebstrap", "--quiet", f"--variant={variant}", "--mode=root", f"--include={','.join(packages)}",
             *(f'--aptopt={name} "{value}"' for name, value in APT_OPTIONS.items()),
             *(f"--customize-hook={hook}" for hook in hooks), *options,
             suite, directory / "root", f"deb {mirror()} {suite} main"])

    name = f"root-{suite}-{key_of(variant, packages, hooks, options)}"
    return keep(name, make) / "root"
