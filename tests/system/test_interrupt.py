# SPDX-License-Identifier: Apache-2.0
"""Long work: a bar for people, and Ctrl-C that keeps what there is."""

import os
import pathlib
import pty
import select
import signal
import subprocess
import time

import pytest

from offline import ctl

GAPS = 6
MINUTES, COPIES = 20, 150
FILES = MINUTES * COPIES


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    program = pathlib.Path(os.environ["BUILD"]) / "tests/bench/make-store"
    directory = tmp_path_factory.mktemp("long") / "root/var/lib/profilerd"
    directory.parent.mkdir(parents=True)
    subprocess.run([program, directory, "1", str(MINUTES), str(int(time.time()) // 60 * 60)], check=True)
    for path in list((directory / "unit0.service").iterdir()):
        kind, boot, start, rest = path.name.split(".", 3)
        for copy in range(1, COPIES):
            os.link(path, path.with_name(f"{kind}.{boot}.{int(start) - copy * 1000000000}.{rest}"))
    return directory


@pytest.mark.seconds(200)
def test_ctrl_c_keeps_what_was_merged(profilerctl, store, tmp_path):
    path = tmp_path / "all.pb.gz"
    process = subprocess.Popen([profilerctl, "-D", store, "merge", "unit*", "-S", "@0", "-o", path],
                               stderr=subprocess.PIPE, text=True)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == GAPS, errors
    assert "Interrupted" in errors and f"of {FILES} " in errors
    assert ctl(profilerctl, "verify", path).returncode == 0


@pytest.mark.seconds(200)
def test_a_bar_on_a_terminal_and_none_elsewhere(profilerctl, store, tmp_path):
    ours, theirs = pty.openpty()
    process = subprocess.Popen([profilerctl, "-D", store, "merge", "unit0", "-S", "@0", "-o", tmp_path / "x.pb.gz"],
                               stderr=theirs, stdout=subprocess.PIPE, env={**os.environ, "LC_ALL": "C.UTF-8"})
    os.close(theirs)
    seen = b""
    while process.poll() is None or select.select([ours], [], [], 0)[0]:
        try:
            if select.select([ours], [], [], 0.1)[0]:
                seen += os.read(ours, 65536)
        except OSError:
            break
    os.close(ours)
    assert "█".encode() in seen and b"Ctrl-C" in seen
    # The bar is gone in the end.
    assert seen.rindex(b"\r\x1b[K") > seen.rindex("░".encode())
    assert b"\x1b" not in subprocess.run([profilerctl, "-D", store, "merge", "unit0", "-n", "200", "-o",
                                          tmp_path / "y.pb.gz"], capture_output=True, check=True).stderr


def test_the_store_of_another_root(profilerctl, store):
    root = store.parents[2]
    assert "unit0.service" in ctl(profilerctl, "--root", root, "list", "-n", "3").stdout
    assert ctl(profilerctl, "--root", "/nonexistent", "list", check=False).returncode == 4
