# SPDX-License-Identifier: Apache-2.0
"""Black-box tests: the installed programs under a real systemd in a container.

    BUILD=DIR [PROFILERD_ROOT=DIR] /usr/bin/python3 -m pytest tests/system -q

BUILD is a build directory of Meson, PROFILERD_ROOT the root of another Debian to boot than that of the host. One container serves all tests that leave it as it was; a test
that breaks things asks for one of its own. Where the host cannot do it, tests are skipped, or fail if
PROFILERD_REQUIRE_KERNEL=1.
"""

import os
import pathlib
import shutil
import signal
import subprocess

import acceptance
import browser as browsers
import pytest
from machine import DROP_IN, UNIT_FILE, ContainerError, Machine, remove_orphans
from profile import have_go_pprof

TEST_SECONDS = 60
SETUP_SECONDS = 120
EXIT_CONFIG = 78


def refuse(reason):
    if os.environ.get("PROFILERD_REQUIRE_KERNEL") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


# ---- time limits ----

class TimeUp(Exception):
    pass


def limit(seconds):
    def on_alarm(number, frame):
        raise TimeUp(f"not done after {seconds} s")

    signal.signal(signal.SIGALRM, on_alarm)
    signal.alarm(seconds)


def pytest_configure(config):
    config.addinivalue_line("markers", "seconds(n): time limit of a test")
    config.addinivalue_line("markers", "acceptance: a test of acceptance.py")
    # Fixtures come down as for Ctrl-C.
    signal.signal(signal.SIGTERM, lambda number, frame: signal.raise_signal(signal.SIGINT))


def pytest_collection_modifyitems(items):
    for item in items:
        if f"{item.path.name}::{item.originalname}" in acceptance.TESTS:
            item.add_marker("acceptance")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_setup(item):
    limit(SETUP_SECONDS)
    yield
    signal.alarm(0)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    marker = item.get_closest_marker("seconds")
    limit(marker.args[0] if marker else TEST_SECONDS)
    yield
    signal.alarm(0)


# ---- machines ----

def missing_on_host():
    if os.geteuid() != 0:
        return "needs root"
    if not shutil.which("systemd-nspawn"):
        return "needs systemd-nspawn: apt-get install systemd-container"
    if not os.path.exists("/sys/kernel/btf/vmlinux"):
        return "needs a kernel with BTF"
    kind = subprocess.run(["stat", "-fc", "%T", "/sys/fs/cgroup", "/sys/fs/cgroup/unified"],
                          capture_output=True, text=True)
    if "cgroup2fs" not in kind.stdout.split():
        return "needs a cgroup v2 hierarchy"
    return None


@pytest.fixture(scope="session")
def build():
    reason = missing_on_host()
    if reason:
        refuse(reason)
    directory = os.environ.get("BUILD", "")
    if not (pathlib.Path(directory) / "build.ninja").exists():
        pytest.fail("BUILD must name a build directory of Meson.", pytrace=False)
    remove_orphans()
    return directory


def start_daemon(machine):
    try:
        machine.start_daemon()
    except ContainerError:
        messages = [entry.get("MESSAGE", "") for entry in machine.journal("-u", "profilerd.service")]
        if machine.show("profilerd", "ExecMainStatus") == str(EXIT_CONFIG):
            refuse("profilerd refuses this kernel: " + " / ".join(messages[-4:]))
        pytest.fail("profilerd does not start:\n" + "\n".join(messages), pytrace=False)


@pytest.fixture(scope="session")
def shared_machine(build):
    machine = Machine("shared", build)
    try:
        start_daemon(machine)
        yield machine
    finally:
        machine.down()


@pytest.fixture
def machine(shared_machine):
    """The container that all share, with the daemon running as shipped."""
    if shared_machine.show("profilerd", "ActiveState") != "active":
        shared_machine.systemctl("reset-failed", "profilerd", check=False)
        start_daemon(shared_machine)
    return shared_machine


@pytest.fixture
def own_machine(build):
    """A container for this test alone, with the daemon running."""
    machine = Machine("own", build)
    try:
        start_daemon(machine)
        yield machine
    finally:
        machine.down()


@pytest.fixture
def configure(machine):
    """configure(drop-in, file of units.d): puts them in force, and takes them away in the end."""
    def put(drop_in="", unit_file=None):
        machine.write(DROP_IN, drop_in)
        if unit_file is not None:
            machine.write(UNIT_FILE, unit_file)
        machine.systemctl("reload", "profilerd")

    yield put
    for path in (DROP_IN, UNIT_FILE):
        machine.path(path).unlink(missing_ok=True)
    machine.systemctl("reload", "profilerd", check=False)


@pytest.fixture
def cleanup(machine):
    """cleanup(unit...): stops them in the end, as they may have failed."""
    units = []
    yield lambda *names: units.extend(names)
    if units:
        machine.stop(*units)


@pytest.fixture(scope="session")
def profilerctl():
    """The program as built, for tests that need no daemon."""
    program = pathlib.Path(os.environ.get("BUILD", "")) / "daemon/ctl/profilerctl"
    if not program.exists():
        pytest.fail("BUILD must name a build directory of Meson.", pytrace=False)
    return str(program)


@pytest.fixture(scope="session")
def go():
    if not have_go_pprof():
        refuse("needs go tool pprof: apt-get install golang-go")


@pytest.fixture(scope="session")
def shared_browser():
    reason = browsers.missing()
    if reason:
        refuse(reason)
    found = browsers.Browser()
    yield found
    found.close()


@pytest.fixture
def browser(shared_browser):
    """As a person finds it: light, with scripts, the pointer in a corner."""
    shared_browser.with_scheme("light")
    shared_browser.with_script(True)
    shared_browser.open("about:blank")
    return shared_browser
