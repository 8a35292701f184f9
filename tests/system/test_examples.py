# SPDX-License-Identifier: Apache-2.0
"""The guard of the manual's examples sees what differs, and repairs it; the programs read below a root."""

import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

TREE = pathlib.Path(__file__).resolve().parents[2]
PAGES = ["profilerctl.1.rst", "profilerd.conf.5.rst", "profilerd-upload.8.rst"]
PROGRAMS = {"profilerctl": "daemon/ctl/profilerctl", "profilerd": "daemon/profilerd",
            "profilerd-upload": "daemon/upload/profilerd-upload"}
EXIT_CONFIG = 78


@pytest.fixture
def tree(tmp_path):
    """What the guard needs, to be spoiled."""
    for path in ["man", "tests/check"]:
        (tmp_path / path).mkdir(parents=True)
    for page in PAGES:
        shutil.copy(TREE / "man" / page, tmp_path / "man")
    for script in ["examples.py", "example_store.py", "guard.py"]:
        shutil.copy(TREE / "tests/check" / script, tmp_path / "tests/check")
    return tmp_path


def program(name):
    return pathlib.Path(os.environ.get("BUILD", "")).resolve() / PROGRAMS[name]


def examples(tree, *arguments):
    return subprocess.run([sys.executable, tree / "tests/check/examples.py", *arguments,
                           *(f"{name}={program(name)}" for name in PROGRAMS)],
                          capture_output=True, text=True, timeout=60)


def without_sizes(text):
    """The guard does not look at them: they depend on the compressor."""
    return re.sub(r"(Wrote \S+) \([^,]+,", r"\1 (", text)


@pytest.mark.parametrize("page, shown, other", [
    ("profilerctl.1.rst", "longest_match  ", "longest_watch  "),
    ("profilerctl.1.rst", "    45 profiles of 3 units take", "    46 profiles of 3 units take"),
    ("profilerctl.1.rst", "    1 file, 0 broken.\n", ""),
    ("profilerctl.1.rst", "    1 file, 0 broken.\n", "    1 file, 0 broken.\n    And more.\n"),
    ("profilerd.conf.5.rst", "    SamplingRatio=1\n", "    SamplingRatio=2\n"),
    ("profilerd-upload.8.rst", "    pyroscope       pyroscope", "    pyroscope       parca"),
])
def test_a_block_that_differs_is_named_and_repaired(tree, page, shown, other):
    path = tree / "man" / page
    right = path.read_text()
    assert shown in right
    path.write_text(right.replace(shown, other))
    result = examples(tree)
    assert result.returncode == 1 and result.stdout.startswith(f"man/{page}:")
    assert examples(tree, "--update").returncode == 0
    assert without_sizes(path.read_text()) == without_sizes(right)
    assert examples(tree).returncode == 0


def test_a_command_that_fails_is_no_example(tree):
    path = tree / "man/profilerctl.1.rst"
    path.write_text(path.read_text().replace("$ profilerctl symbols shop-prices", "$ profilerctl symbols shop-price"))
    result = examples(tree, "--update")
    assert result.returncode == 1 and "ends with 4" in result.stdout


def test_a_configuration_that_is_shown_has_no_mistake(tree):
    path = tree / "man/profilerd.conf.5.rst"
    path.write_text(path.read_text().replace("    CPUUsage=150%\n    Frequency", "    CPUUsing=150%\n    Frequency"))
    result = examples(tree)
    assert result.returncode == 1 and "Unknown key 'CPUUsing'" in result.stdout


def test_check_config_reads_triggers_below_a_root(tmp_path):
    command = [program("profilerd"), "--check-config", f"--root={tmp_path}"]
    path = tmp_path / "etc/profilerd/triggers.d/busy.conf"
    path.parent.mkdir(parents=True)
    path.write_text("[Trigger]\nUnit=nginx\nCPUUsage=150%\n")
    assert subprocess.run(command, capture_output=True).returncode == 0
    path.write_text("[Trigger]\nUnit=nginx\nCPUUsage=much\n")
    wrong = subprocess.run(command, capture_output=True, text=True)
    assert wrong.returncode == EXIT_CONFIG and f"{path}:3: " in wrong.stderr
