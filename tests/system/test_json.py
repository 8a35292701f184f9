# SPDX-License-Identifier: Apache-2.0
"""--json= of every verb: one document, the same in both forms, with keys that stay.

Keys may be added; one that stands here may go no more, as scripts of others read it.
"""

import json
import os
import pathlib
import re
import subprocess
import time

import pytest

MANUAL = pathlib.Path(__file__).resolve().parents[2] / "man/profilerctl.1.rst"

FILE = "path format size profiles unreadable start_usec end_usec"
REPORT = """unit type value_unit start_usec end_usec covered_usec profiles unreadable samples total
    load[].start_usec load[].duration_usec load[].value quality.frames quality.frames_named quality.lost_samples
    quality.stacks_complete quality.stacks_truncated quality.stacks_broken quality.stacks_none
    heaviest_path.value heaviest_path.functions by n_rows rows[].name rows[].binary rows[].kernel rows[].file
    rows[].line rows[].self rows[].cumulative"""
SIDE = "start_usec end_usec covered_usec profiles unreadable total"


def below(prefix, words):
    return " ".join(prefix + word for word in words.split())


# Arguments -> paths of keys, [] for the elements of an array.
KEYS = {
    "list": below("profiles[].", """unit type start_usec duration_usec samples cpu_nsec size state boot_id id path"""),
    "info unit0 -1": below("profiles[].", """path size start_usec duration_usec period values[].type values[].unit
        values[].total stacks locations functions frames frames_named binaries[].path binaries[].build_id comments"""),
    "report unit0": below("reports[].", REPORT),
    "report unit0 --by=line": below("reports[].", REPORT),
    "report unit0 --by=binary": below("reports[].", REPORT),
    "report unit0 --by=thread": below("reports[].", REPORT),
    "report unit0 --by=pid": below("reports[].", REPORT),
    "report unit0 --peek=lock_page": below("reports[].", """unit start_usec end_usec total n_functions functions[].name
        functions[].binary functions[].kernel functions[].self functions[].cumulative functions[].callers[].value
        functions[].callees[].value functions[].callees[].name"""),
    "diff unit0 unit1 --all": f"""title type value_unit {below('before.', SIDE)} {below('after.', SIDE)} rows[].name
        rows[].binary rows[].kernel rows[].before rows[].after rows[].change""",
    "diff unit0 unit1 -o OUT.svg": FILE,
    "flame unit0 -o OUT.html": FILE,
    "export unit0 -o OUT.pb.gz": FILE,
    "export unit0 --format=folded -o OUT.txt": FILE,
    "merge unit0 -o OUT.pb.gz": FILE,
    "verify": "files[].path files[].size files[].violations files[].n_violations n_files n_broken n_unreadable",
    "disk-usage": "path profiles size " + below("units[].", """unit profiles size size_per_day oldest_usec
        newest_usec"""),
    "disk-usage --by=day": "path profiles size " + below("days[].", "unit day_usec profiles size"),
    "compact": "replaced replaced_bytes written written_bytes removed removed_bytes failed",
    "vacuum --files=100": "removed removed_bytes",
    "status": "daemon " + below("store.", "path readable use_bytes profiles units oldest_usec newest_usec") + " units",
    "doctor": "findings[].level findings[].text findings[].fix warnings failures",
}
MAY_FAIL = {"status": 3, "doctor": 3}

# The same of verbs that ask the daemon, about json.service.
DAEMON_KEYS = {
    "status": "daemon " + below("daemon.", """version state event started_usec frequency_hz interval_usec samples lost
        losses[].reason losses[].count cpu_profiled_nsec profiles profiles_dropped profile_bytes store_removed
        cpu_usage_nsec memory_bytes bpf_memory_bytes descriptors processes files files_queued""") + " " +
    below("store.", "path readable use_bytes profiles units oldest_usec newest_usec") + " " +
    below("units[].", """unit state active_state error control_group control_group_id invocation_id main_pid
        frequency_hz interval_usec samples lost cpu_nsec frames frames_named stacks_complete stacks_truncated
        stacks_broken stacks_none stacks_guessed profiles profile_bytes last_profile.end_usec
        last_profile.duration_usec last_profile.samples last_profile.cpu_nsec last_profile.path"""),
    "symbols json": "title total " + below("files[].", """file build_id kernel source frames frames_named self
        self_unnamed fix"""),
    "top -n 1": "time_usec duration_usec units[].unit units[].cpu_nsec units[].samples",
    "top json -n 1": "unit time_usec duration_usec by n_rows " + below("rows[].", """name binary kernel file line self
        cumulative"""),
    "record json --for=1s -o /tmp/json.pb.gz": FILE,
    "sessions": below("sessions[].", "object target state uid frequency_hz duration_usec elapsed_usec samples"),
    "flush json": "profiles",
    "pause": "state",
    "resume": "state",
    "set json Frequency=49": "unit",
    "set json Frequency=99": "unit",
    "reload": "reloaded",
    "doctor json": "findings[].level findings[].text findings[].fix warnings failures",
    "monitor json -n 1": "unit path samples start_usec duration_usec",
}


def paths(value, prefix=""):
    if isinstance(value, dict):
        found = set()
        for key, inner in value.items():
            found |= {prefix + key} | paths(inner, f"{prefix}{key}.")
        return found
    if isinstance(value, list):
        found = set()
        for inner in value:
            found |= paths(inner, f"{prefix[:-1]}[].")
        return found
    return set()


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    program = pathlib.Path(os.environ["BUILD"]) / "tests/bench/make-store"
    directory = tmp_path_factory.mktemp("json") / "store"
    subprocess.run([program, directory, "2", "4", str(int(time.time()) // 60 * 60)], check=True)
    return directory


def run(program, store, words, mode):
    environment = {**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent"}
    done = subprocess.run([program, "-D", store, *words, f"--json={mode}"], env=environment, text=True,
                          capture_output=True, check=False)
    assert done.returncode in (0, MAY_FAIL.get(words[0], 0)), done
    return done.stdout


@pytest.mark.parametrize("command", KEYS)
def test_keys_stay(profilerctl, store, tmp_path, command):
    words = command.replace("OUT", str(tmp_path / "out")).split()
    short = run(profilerctl, store, words, "short")
    assert short.count("\n") == 1
    found = paths(json.loads(short))
    for path in KEYS[command].split():
        assert path in found, f"{path} is missing from {sorted(found)}"
    pretty = run(profilerctl, store, words, "pretty")
    assert pretty.count("\n") > 2 and paths(json.loads(pretty)) == found


@pytest.fixture(scope="module")
def busy(shared_machine):
    m = shared_machine
    m.systemctl("restart", "profilerd")
    m.start("json", m.program("split"), 600)
    m.let_run("json")
    m.flush("json")
    yield m
    m.ctl("resume")
    m.stop("json")


@pytest.mark.parametrize("command", DAEMON_KEYS)
def test_keys_of_the_daemon_stay(busy, command):
    words = command.split()
    seen = []
    for mode in ("short", "pretty"):
        busy.let_run("json")
        if words[0] == "monitor":
            process = busy.popen("profilerctl", *words, f"--json={mode}", stdout=subprocess.PIPE, text=True)
            while process.poll() is None:
                busy.let_run("json", seconds=0.1)
                busy.flush("json")
            text = process.stdout.read()
        else:
            text = busy.ctl(*words, f"--json={mode}").stdout
        seen.append(paths(json.loads(text)))
    for path in DAEMON_KEYS[command].split():
        assert path in seen[0], f"{path} is missing from {sorted(seen[0])}"
    assert seen[0] == seen[1]


def test_keys_are_in_the_manual():
    text = MANUAL.read_text()
    words = set(re.findall(r"\b[a-z_]+\b", " ".join(re.findall(r"``([^`]+)``", text[text.index("\nJSON\n"):]))))
    for command, keys in (*KEYS.items(), *DAEMON_KEYS.items()):
        for path in keys.split():
            for key in path.replace("[]", "").split("."):
                assert key in words, f"{key} of '{command}' is not described"


def test_numbers_are_raw(profilerctl, store):
    row = json.loads(run(profilerctl, store, ["list", "-1"], "short"))["profiles"][0]
    assert row["duration_usec"] == 60000000 and isinstance(row["cpu_nsec"], int) and row["start_usec"] > 10**15
