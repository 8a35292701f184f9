# SPDX-License-Identifier: Apache-2.0
"""Completion as it is typed: a shell on a terminal, Tab, and what it makes of the line."""

import os
import pathlib
import pty
import re
import select
import shutil
import subprocess
import time

import pytest

CONF = pathlib.Path(__file__).resolve().parents[2] / "conf/completion"
# As busctl prints the answer of ListUnits; the second name has a backslash.
UNITS = ('a(ssstso) 2 "nginx.service" "profiled" "active" 12 "/x.pb.gz" "/org/profilerd1/unit/a" '
         r'"dev-by\\x2did.service" "inactive" "inactive" 0 "" "/org/profilerd1/unit/b"')


class Shell:
    def __init__(self, *command, env):
        self.fd, theirs = pty.openpty()
        self.process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=env,
                                        start_new_session=True)
        os.close(theirs)
        self.seen = ""

    def type(self, text):
        os.write(self.fd, text.encode())

    def read_until(self, text, seconds=15):
        end = time.monotonic() + seconds
        while text not in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x07", "", self.seen):
            if not select.select([self.fd], [], [], max(0, end - time.monotonic()))[0]:
                raise AssertionError(f"{text!r} did not come:\n{self.seen!r}")
            self.seen += os.read(self.fd, 65536).decode(errors="replace")

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.fd)


@pytest.fixture
def environment(tmp_path):
    """A busctl that knows two units, before the real one."""
    busctl = tmp_path / "busctl"
    busctl.write_text(f"#!/bin/sh\ncat <<'EOF'\n{UNITS}\nEOF\n")
    busctl.chmod(0o755)
    (tmp_path / "zsh").mkdir()
    shutil.copy(CONF / "_profilerctl", tmp_path / "zsh")
    return {"PATH": f"{tmp_path}:/usr/bin:/bin", "TERM": "dumb", "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"}


@pytest.fixture(params=["bash", "zsh"])
def shell(request, environment, tmp_path):
    if not shutil.which(request.param, path="/usr/bin:/bin"):
        pytest.skip(f"{request.param} is missing")
    command = ["bash", "--norc", "--noprofile", "-i"] if request.param == "bash" else ["zsh", "-f", "-i"]
    shell = Shell(*command, env=environment)
    if request.param == "bash":
        shell.type(f"PS1='$ '; bind 'set bell-style none'; . {CONF}/profilerctl.bash; echo rea''dy\n")
    else:
        shell.type(f"PS1='$ '; unsetopt zle_bracketed_paste; fpath=({tmp_path}/zsh $fpath); "
                   "autoload -U compinit; compinit -u -D; echo rea''dy\n")
    shell.read_until("\nready" if request.param == "zsh" else "ready\r\n")
    time.sleep(0.3)
    shell.seen = ""
    yield shell
    shell.close()


@pytest.mark.parametrize("typed, completed", [
    ("profilerctl disk", "profilerctl disk-usage"),
    ("profilerctl comp", "profilerctl compact"),
    ("profilerctl report ngi", "profilerctl report nginx.service"),
    ("profilerctl top dev", r"profilerctl top dev-by\\x2did.service"),
    ("profilerctl report nginx --no-pa", "profilerctl report nginx --no-pager"),
    ("profilerctl top --sort=c", "profilerctl top --sort=cum"),
    ("profilerctl export --format=spee", "profilerctl export --format=speedscope"),
])
def test_tab_completes(shell, typed, completed):
    shell.type(typed + "\t")
    shell.read_until(completed)


def test_every_verb_and_option_is_known_to_both(profilerctl):
    text = subprocess.run([profilerctl, "--help"], capture_output=True, text=True, check=True).stdout
    verbs = re.findall(r"^  ([a-z][a-z-]+) ", text, re.MULTILINE)
    options = re.findall(r"^ +(?:-\w )?(--[a-z-]+)", text, re.MULTILINE)
    assert len(verbs) > 15 and len(options) > 25
    bash, zsh = (CONF / "profilerctl.bash").read_text(), (CONF / "_profilerctl").read_text()
    for verb in verbs:
        assert re.search(rf"[' \n]{verb}[' \n]", bash), f"bash does not know {verb}"
        assert f"'{verb}:" in zsh, f"zsh does not know {verb}"
    for option in options:
        assert re.search(rf"{option}[= '\n]", bash), f"bash does not know {option}"
        assert re.search(rf"{option}[\[=',}}]", zsh), f"zsh does not know {option}"
