#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A function that is not static is declared in a header and used outside of its file.

A test counts as a user of what the module itself uses, too: that is a seam. What only tests use is
listed here.
"""

import collections
import re

import guard

# Functions that only tests call, each with the reason.
FOR_TESTS = {
    "config_load_texts": "a configuration without files",
    "file_get_error": "why a file was lost or refused",
    "index_cache_is_idle": "that nothing is left under way",
    "index_file_get_size": "what the writer wrote",
    "index_file_n_functions": "what the writer wrote",
    "index_file_new_from_memory": "bytes that no file has",
    "kallsyms_parse": "bytes that no kernel shows",
    "off_cpu_get_program_fd": "the run time that the kernel counts",
    "process_table_get_files": "that files go with their processes",
    "profile_writer_n_queued": "that the queue ends at its limit",
    "trigger_rules_parse": "a trigger without a file",
    "recent_samples_get_bytes": "that what is kept is limited, and goes",
    "sampler_get_program_fd": "the run time that the kernel counts",
    "wait_table_size": "that what has ended is forgotten",
}

WORD = re.compile(r"[A-Za-z_]\w*")
PROTOTYPE = re.compile(r"^(?!#)[A-Za-z_][^;{}]*\)[^;{}()]*;", re.MULTILINE)
# Expands to NAMEp(), the use of which is a use of NAME().
CLEANUP = re.compile(r"\bDEFINE_CLEANUP\([^)]*\);?")


def words(text):
    return set(WORD.findall(text))


declared = set()
users = collections.defaultdict(set)  # word -> files that use it
for path in guard.files("daemon/**/*.[ch]", "tests/**/*.[ch]"):
    text = guard.strip(guard.read(path))
    if path.suffix == ".h":
        if path.parts[0] == "daemon":
            declared |= {word for prototype in PROTOTYPE.findall(text) for word in words(prototype)}
        text = CLEANUP.sub("", PROTOTYPE.sub("", text))
    for word in words(text):
        users[word].add(path)

tested = set()
for path in guard.files("daemon/**/*.[ch]"):
    text = guard.strip(guard.read(path))
    inline = path.suffix == ".h"
    for function in guard.functions(text):
        name = function.name
        if name == "main" or name.isupper() or function.is_static and not inline:
            continue
        if not inline and name not in declared:
            guard.complain(path, function.line, f"{name}() is in no header: declare it, or make it static")
        by_itself = len(re.findall(rf"\b{name}\b", text)) > 1
        others = {user for word in (name, name + "p") for user in users[word] if user != path}
        if any(user.parts[0] == "daemon" for user in others) or by_itself and (others or inline):
            continue
        if name in FOR_TESTS and others:
            tested.add(name)
        elif others:
            guard.complain(path, function.line, f"{name}() is used by tests only: remove it, or give the "
                                                "reason in FOR_TESTS of tests/check/exports.py")
        elif by_itself:
            guard.complain(path, function.line, f"{name}() is not used outside of its file: make it static")
        else:
            guard.complain(path, function.line, f"{name}() is not used: remove it")

for name in FOR_TESTS.keys() - tested:
    guard.complain("tests/check/exports.py", 0, f"{name}() is no longer for tests only: remove the entry")
guard.finish()
