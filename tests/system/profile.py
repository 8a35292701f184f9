# SPDX-License-Identifier: Apache-2.0
"""Reads pprof files, independently of the code under test; and asks the real pprof."""

import gzip
import os
import shutil
import subprocess

import protobuf

# Fields of perftools.profiles.Profile and its parts that the tests look at: number -> (name, kind).
# Kinds: "int", "str" (index of a string), "ints" (packed), a dictionary (message); a list repeats.
VALUE_TYPE = {1: ("type", "str"), 2: ("unit", "str")}
LABEL = {1: ("key", "str"), 2: ("text", "str"), 3: ("number", "int"), 4: ("unit", "str")}
SAMPLE = {1: ("locations", "ints"), 2: ("values", "ints"), 3: ("labels", [LABEL])}
MAPPING = {1: ("id", "int"), 2: ("start", "int"), 3: ("limit", "int"), 4: ("offset", "int"),
           5: ("file", "str"), 6: ("build_id", "str"), 7: ("has_functions", "int")}
LINE = {1: ("function", "int")}
LOCATION = {1: ("id", "int"), 2: ("mapping", "int"), 3: ("address", "int"), 4: ("lines", [LINE])}
FUNCTION = {1: ("id", "int"), 2: ("name", "str"), 3: ("system_name", "str")}
PROFILE = {1: ("sample_types", [VALUE_TYPE]), 2: ("samples", [SAMPLE]), 3: ("mappings", [MAPPING]),
           4: ("locations", [LOCATION]), 5: ("functions", [FUNCTION]), 9: ("time_nanos", "int"),
           10: ("duration_nanos", "int"), 11: ("period_type", VALUE_TYPE), 12: ("period", "int"),
           13: ("comments", "strs"), 14: ("default_sample_type", "str")}


def _decode(data, fields, strings):
    message = {}
    for name, kind in fields.values():
        plain = {"int": 0, "str": ""}
        message[name] = plain[kind] if isinstance(kind, str) and kind in plain else [] if kind != VALUE_TYPE else None
    for number, value in protobuf.fields(data):
        if number not in fields:
            continue
        name, kind = fields[number]
        if kind == "int":
            message[name] = value
        elif kind == "str":
            message[name] = strings[value]
        elif kind in ("ints", "strs"):
            values = [value] if isinstance(value, int) else protobuf.varints(value)
            message[name] += [strings[v] for v in values] if kind == "strs" else values
        elif isinstance(kind, list):
            message[name].append(_decode(value, kind[0], strings))
        else:
            message[name] = _decode(value, kind, strings)
    return message


class Frame:
    def __init__(self, location, mapping, function):
        self.address = location["address"]
        self.file = mapping["file"] if mapping else ""
        self.name = function["name"] if function else ""

    @property
    def is_kernel(self):
        return self.file.startswith("[kernel.kallsyms]")


class Sample:
    def __init__(self, frames, values, labels):
        self.frames = frames  # leaf first
        self.values = values
        self.count, self.cpu_nsec = values[0], values[-1]
        self.labels = labels

    @property
    def names(self):
        return [frame.name for frame in self.frames]

    @property
    def is_in_kernel(self):
        return bool(self.frames) and self.frames[0].is_kernel


class Profile:
    def __init__(self, path):
        self.path = path
        with gzip.open(path) as file:
            data = file.read()
        strings = [value.decode() for number, value in protobuf.fields(data) if number == 6]
        raw = _decode(data, PROFILE, strings)
        self.raw = raw
        self.mappings = raw["mappings"]
        self.time_nsec, self.duration_nsec = raw["time_nanos"], raw["duration_nanos"]
        self.period = raw["period"]
        self.comments = dict(comment.split(": ", 1) for comment in raw["comments"] if ": " in comment)
        self.samples = self._samples(raw)

    @staticmethod
    def _samples(raw):
        mappings = {m["id"]: m for m in raw["mappings"]}
        functions = {f["id"]: f for f in raw["functions"]}
        frames = {}
        for location in raw["locations"]:
            lines = location["lines"]
            frames[location["id"]] = Frame(location, mappings.get(location["mapping"]),
                                           functions[lines[0]["function"]] if lines else None)
        return [Sample([frames[i] for i in s["locations"]], s["values"],
                       {label["key"]: label["text"] or label["number"] for label in s["labels"]})
                for s in raw["samples"]]

    @property
    def count(self):
        return sum(sample.count for sample in self.samples)

    @property
    def cpu_nsec(self):
        return sum(sample.cpu_nsec for sample in self.samples)

    @property
    def end_nsec(self):
        return self.time_nsec + self.duration_nsec

    def count_of(self, name):
        """Samples with that function anywhere in the stack."""
        return sum(sample.count for sample in self.samples if name in sample.names)

    @property
    def names(self):
        return {frame.name for sample in self.samples for frame in sample.frames if frame.name}

    @property
    def pids(self):
        return {sample.labels["pid"] for sample in self.samples}


def go_pprof(*arguments):
    """Output of the real pprof, which must be able to name everything from the file alone."""
    environment = {**os.environ, "PPROF_TMPDIR": "/nonexistent", "HOME": "/nonexistent"}
    result = subprocess.run(["go", "tool", "pprof", "-symbolize=none", *map(str, arguments)],
                            capture_output=True, text=True, timeout=60, env=environment)
    assert result.returncode == 0, result.stderr
    return result.stdout


def have_go_pprof():
    return shutil.which("go") is not None
