#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the programs accept, what they print as help and what the manual says is the same.

    options.py NAME=PROGRAM...      programs that are built; without, only the configuration is checked
"""

import re
import subprocess
import sys

import guard

TABLE = "daemon/config-load.c"
TRIGGERS_TABLE = "daemon/trigger-rule.c"
SAMPLE = "conf/profilerd.conf"
MANUAL = "man/profilerd.conf.5.rst"
# The sample is the main file: units.d/ has files of its own.
SAMPLE_TABLE = "main_keys"
UPLOAD_TABLE = "daemon/upload/target-load.c"
UPLOAD_MANUAL = "man/profilerd-upload.8.rst"
HELP_COLUMNS = 80
HELP_SECONDS = 20
UNKNOWN = "--no-such-option"

# Program, the file with its getopt table.
MAINS = {
    "profilerd": "daemon/profilerd.c",
    "profilerd-elf": "daemon/elf/elf-main.c",
    "profilerd-open": "daemon/open/open-main.c",
    "profilerd-web": "daemon/web/web-main.c",
    "profilerctl": "daemon/ctl/profilerctl.c",
    "profilerd-upload": "daemon/upload/upload-main.c",
}


# ---- configuration: table, sample, manual ----

def keys_of_table():
    """(section, key) -> (line, table)."""
    keys, table = {}, None
    for number, line in enumerate(guard.read(TABLE).splitlines() + guard.read(TRIGGERS_TABLE).splitlines(), 1):
        if match := re.match(r"static const Key (\w+)\[\] = \{", line):
            table = match[1]
        elif table and (match := re.match(r'\s+\{ "(\w+)", "(\w+)", \w+ \},', line)):
            keys[match[1], match[2]] = number, table
    return keys


def keys_of_sample():
    """(section, key) -> line, whether it stands there as a comment or not."""
    keys, section = {}, ""
    for number, line in enumerate(guard.read(SAMPLE).splitlines(), 1):
        if match := re.match(r"\[(\w+)\]$", line):
            section = match[1]
        elif match := re.match(r"#?([A-Z]\w*)=", line):
            keys[section, match[1]] = number
    return keys


def keys_of_manual(sections):
    """(section, key) -> line; headings are in capitals, entries stand alone on their line."""
    spelling = {section.upper(): section for section in sections}
    keys, section = {}, ""
    for number, line in enumerate(guard.read(MANUAL).splitlines(), 1):
        if match := re.match(r"\[([A-Z]+)\] SECTION$", line):
            section = spelling.get(match[1], match[1])
        elif re.fullmatch(r"``\w+=``(, ``\w+=``)*", line):
            for key in re.findall(r"``(\w+)=``", line):
                keys[section, key] = number
    return keys


def check_configuration():
    table = keys_of_table()
    if not table:
        guard.complain(TABLE, 0, "has no key that tests/check/options.py can read: they belong together")
    sample, manual = keys_of_sample(), keys_of_manual({section for section, _ in table})
    for (section, key), (line, name) in table.items():
        if name == SAMPLE_TABLE and (section, key) not in sample:
            guard.complain(TABLE, line, f"{key}= is missing in [{section}] of {SAMPLE}: add it")
        if (section, key) not in manual:
            guard.complain(TABLE, line, f"{key}= is missing in [{section}] of {MANUAL}: describe it")
    for path, keys in ((SAMPLE, sample), (MANUAL, manual)):
        for (section, key), line in keys.items():
            if (section, key) not in table:
                guard.complain(path, line, f"[{section}] {key}= is not in {TABLE}: remove it")


def check_uploads():
    """Keys of uploads.d/: those of the table are those of the manual."""
    table = set(re.findall(r'^\s+\{ "(\w+)", parse_\w+, \w+ \},', guard.read(UPLOAD_TABLE), re.MULTILINE))
    section = guard.read(UPLOAD_MANUAL).partition("[UPLOAD] SECTION\n")[2].partition("\nWORDS\n")[0]
    manual = {key for line in section.splitlines() if re.fullmatch(r"``\w+=``(, ``\w+=``)*", line)
              for key in re.findall(r"``(\w+)=``", line)}
    if not table:
        guard.complain(UPLOAD_TABLE, 0, "has no key that tests/check/options.py can read: they belong together")
    for key in table - manual:
        guard.complain(UPLOAD_TABLE, 0, f"{key}= is missing in [UPLOAD] of {UPLOAD_MANUAL}: describe it")
    for key in manual - table:
        guard.complain(UPLOAD_MANUAL, 0, f"{key}= is not in {UPLOAD_TABLE}: remove it")


# ---- programs: --help, getopt table, errors ----

def run(program, *arguments):
    return subprocess.run([program, *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                          timeout=HELP_SECONDS)


def check_program(name, program):
    path = MAINS[name]
    source = guard.read(path)
    long_help, short_help, wrong = run(program, "--help"), run(program, "-h"), run(program, UNKNOWN)

    for option, result in (("--help", long_help), ("-h", short_help)):
        if result.returncode != 0 or result.stderr or not result.stdout:
            guard.complain(path, 0, f"{name} {option} ends with {result.returncode} and writes "
                                    f"{len(result.stderr)} bytes to stderr: it is no error to ask")
    if long_help.stdout != short_help.stdout:
        guard.complain(path, 0, f"{name} --help and -h differ: print the same")
    for line in long_help.stdout.splitlines():
        if len(line) > HELP_COLUMNS:
            guard.complain(path, 0, f"{name} --help has {len(line)} columns, the limit is {HELP_COLUMNS}: "
                                    f"shorten '{line.strip()}'")
    if wrong.returncode == 0:
        guard.complain(path, 0, f"{name} {UNKNOWN} ends with 0: refuse it")
    if wrong.stdout or not wrong.stderr:
        guard.complain(path, 0, f"{name} {UNKNOWN} must complain on stderr, and on that only")

    table = re.search(r"struct option \w+\[\] = \{(.*?)\n\s*\};", source, re.DOTALL)
    accepted = set(re.findall(r'\{\s*"([\w-]+)"', table[1])) if table else set()
    told = set(re.findall(r"^\s+(?:-\w,? )?\s*--([\w-]+)", long_help.stdout, re.MULTILINE))
    for option in accepted - told:
        guard.complain(path, 0, f"{name} --help does not tell of --{option}")
    for option in told - accepted:
        guard.complain(path, 0, f"{name} --help tells of --{option}, which getopt does not know")


check_configuration()
check_uploads()
for argument in sys.argv[1:]:
    check_program(*argument.split("=", 1))
guard.finish()
