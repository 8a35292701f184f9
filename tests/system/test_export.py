# SPDX-License-Identifier: Apache-2.0
"""Every export opens in what it is made for, or in an independent reader of its format."""

import json
import subprocess

import otlp
import pytest
from profile import Profile, go_pprof

from offline import CORPUS, ctl

UNITS = {"none", "nanoseconds", "microseconds", "milliseconds", "seconds", "bytes"}
FILES = ["go-cpu.pb", "go-heap.pb.gz", "written-cpu.pb.gz", "hostile-names.pb.gz"]


def export(profilerctl, file, name, tmp_path):
    path = tmp_path / f"out.{name}"
    ctl(profilerctl, "export", CORPUS / file, f"--format={name}", "-o", path)
    return path


@pytest.fixture(params=FILES)
def file(request):
    return request.param


@pytest.fixture
def original(profilerctl, file, tmp_path):
    """The profile as our other reader sees it."""
    return Profile(export(profilerctl, file, "pprof", tmp_path))


def of_original(*arguments):
    """What pprof says of a file from elsewhere, whose control characters we replace."""
    return go_pprof(*arguments).replace("c;d\n", "c;d?")


def test_pprof_shows_the_same_before_and_after(profilerctl, file, tmp_path, go):
    path = export(profilerctl, file, "pprof", tmp_path)
    assert go_pprof("-top", path) == of_original("-top", CORPUS / file)
    assert sorted(go_pprof("-traces", path).split()) == sorted(of_original("-traces", CORPUS / file).split())


def test_merge_gives_what_pprof_makes_of_the_files(profilerctl, tmp_path, go):
    path = tmp_path / "both.pb.gz"
    ctl(profilerctl, "merge", CORPUS / "go-cpu.pb", CORPUS / "hostile-names.pb.gz", "-o", path)
    both = of_original("-top", CORPUS / "go-cpu.pb", CORPUS / "hostile-names.pb.gz")
    assert go_pprof("-top", path) == both


def test_folded_text_is_stacks_and_counts(profilerctl, file, original, tmp_path):
    total = 0
    for line in export(profilerctl, file, "folded", tmp_path).read_text().split("\n")[:-1]:
        stack, _, count = line.rpartition(" ")
        assert stack and all(stack.split(";"))
        assert count.isdigit()
        assert line.isprintable()
        total += int(count)
    assert total == sum(sample.values[-1] for sample in original.samples)


def test_speedscope_follows_its_schema(profilerctl, file, original, tmp_path):
    document = json.loads(export(profilerctl, file, "speedscope", tmp_path).read_text())
    assert document["$schema"] == "https://www.speedscope.app/file-format-schema.json"
    frames = document["shared"]["frames"]
    assert all(isinstance(frame["name"], str) for frame in frames)
    assert 0 <= document["activeProfileIndex"] < len(document["profiles"])
    for i, profile in enumerate(document["profiles"]):
        assert profile["type"] == "sampled" and profile["unit"] in UNITS
        assert len(profile["samples"]) == len(profile["weights"])
        assert all(0 <= index < len(frames) for stack in profile["samples"] for index in stack)
        assert sum(profile["weights"]) == profile["endValue"] == sum(s.values[i] for s in original.samples)


def test_firefox_tables_point_into_each_other(profilerctl, file, original, tmp_path):
    document = json.loads(export(profilerctl, file, "firefox", tmp_path).read_text())
    thread = document["threads"][0]
    stacks, frames, funcs = thread["stackTable"], thread["frameTable"], thread["funcTable"]
    for name in ("samples", "stackTable", "frameTable", "funcTable", "resourceTable", "nativeSymbols", "markers"):
        table = thread[name]
        assert all(len(column) == table["length"] for column in table.values() if isinstance(column, list)), name
    assert all(prefix is None or prefix < i for i, prefix in enumerate(stacks["prefix"]))
    assert all(frame < frames["length"] for frame in stacks["frame"])
    assert all(func < funcs["length"] for func in frames["func"])
    assert all(name < len(thread["stringArray"]) for name in funcs["name"])
    assert all(0 <= category < len(document["meta"]["categories"]) for category in frames["category"])
    assert thread["samples"]["weightType"] == "samples"
    assert thread["samples"]["time"] == sorted(thread["samples"]["time"])


def test_json_has_every_sample(profilerctl, file, original, tmp_path):
    document = json.loads(export(profilerctl, file, "json", tmp_path).read_text())
    assert sorted(s["values"] for s in document["samples"]) == sorted(s.values for s in original.samples)


def referenced(data):
    """Indices of each table that anything points to."""
    tables = data["dictionary"]
    seen = {name: {0} for name in tables}
    for profile in data["resource_profiles"][0]["scope_profiles"][0]["profiles"]:
        for value_type in filter(None, (profile["sample_type"], profile["period_type"])):
            seen["strings"] |= {value_type["type"], value_type["unit"]}
        seen["attributes"] |= set(profile["attributes"])
        for sample in profile["samples"]:
            seen["stacks"].add(sample["stack"])
            seen["attributes"] |= set(sample["attributes"])
    for stack in tables["stacks"]:
        seen["locations"] |= set(stack["locations"])
    for location in tables["locations"]:
        seen["mappings"].add(location["mapping"])
        seen["attributes"] |= set(location["attributes"])
        seen["functions"] |= {line["function"] for line in location["lines"]}
    for function in tables["functions"]:
        seen["strings"] |= {function["name"], function["system_name"], function["filename"]}
    for mapping in tables["mappings"]:
        seen["strings"].add(mapping["filename"])
        seen["attributes"] |= set(mapping["attributes"])
    for attribute in tables["attributes"]:
        seen["strings"] |= {attribute["key"], attribute["unit"]}
    return seen


def test_otlp_decodes_and_obeys_the_rules_of_the_dictionary(profilerctl, file, original, tmp_path):
    raw = export(profilerctl, file, "otlp", tmp_path).read_bytes()
    data = otlp.decode(raw)
    tables = data["dictionary"]
    for name, table in tables.items():
        assert table[0] == ("" if name == "strings" else otlp.decode(b"", otlp.SCHEMA["Dictionary"][
            next(n for n, (field, _) in otlp.SCHEMA["Dictionary"].items() if field == name)][1][0])), name
        assert len({repr(entry) for entry in table}) == len(table), f"{name} has an entry twice"
    for name, indices in referenced(data).items():
        assert indices == set(range(len(tables[name]))), f"{name}: unused entries, or references to none"

    profiles = data["resource_profiles"][0]["scope_profiles"][0]["profiles"]
    for i, profile in enumerate(profiles):
        assert all(len(sample["values"]) == 1 for sample in profile["samples"])
        assert sum(s["values"][0] for s in profile["samples"]) == sum(s.values[i] for s in original.samples)
        identities = [(s["stack"], tuple(sorted(s["attributes"]))) for s in profile["samples"]]
        assert len(set(identities)) == len(identities)


def test_a_pipe_gets_binary_and_stays_clean(profilerctl):
    result = subprocess.run([profilerctl, "export", str(CORPUS / "go-cpu.pb")], capture_output=True, check=True)
    assert result.stdout[:2] == b"\x1f\x8b"
    assert result.stderr == b""
