# SPDX-License-Identifier: Apache-2.0
"""Reads OpenTelemetry profiles (v1development), independently of the code under test."""

import protobuf

# Fields by message: number -> (name, kind). Kinds: "int", "text", "bytes", "fixed64", "ints" (packed), another
# message; a list repeats.
SCHEMA = {
    "ProfilesData": {1: ("resource_profiles", ["ResourceProfiles"]), 2: ("dictionary", "Dictionary")},
    "ResourceProfiles": {1: ("resource", "Resource"), 2: ("scope_profiles", ["ScopeProfiles"])},
    "Resource": {1: ("attributes", ["KeyValue"])},
    "KeyValue": {1: ("key", "text"), 2: ("value", "AnyValue")},
    "AnyValue": {1: ("string", "text"), 2: ("boolean", "int"), 3: ("integer", "int"), 5: ("array", "ArrayValue")},
    "ArrayValue": {1: ("values", ["AnyValue"])},
    "ScopeProfiles": {1: ("scope", "Scope"), 2: ("profiles", ["Profile"])},
    "Scope": {1: ("name", "text")},
    "Profile": {1: ("sample_type", "ValueType"), 2: ("samples", ["Sample"]), 3: ("time", "fixed64"),
                4: ("duration", "int"), 5: ("period_type", "ValueType"), 6: ("period", "int"),
                11: ("attributes", "ints")},
    "ValueType": {1: ("type", "int"), 2: ("unit", "int")},
    "Sample": {1: ("stack", "int"), 2: ("attributes", "ints"), 3: ("link", "int"), 4: ("values", "ints")},
    "Dictionary": {1: ("mappings", ["Mapping"]), 2: ("locations", ["Location"]), 3: ("functions", ["Function"]),
                   4: ("links", ["Link"]), 5: ("strings", ["text"]), 6: ("attributes", ["Attribute"]),
                   7: ("stacks", ["Stack"])},
    "Mapping": {1: ("start", "int"), 2: ("limit", "int"), 3: ("offset", "int"), 4: ("filename", "int"),
                5: ("attributes", "ints")},
    "Location": {1: ("mapping", "int"), 2: ("address", "int"), 3: ("lines", ["Line"]), 4: ("attributes", "ints")},
    "Line": {1: ("function", "int"), 2: ("line", "int")},
    "Function": {1: ("name", "int"), 2: ("system_name", "int"), 3: ("filename", "int"), 4: ("start_line", "int")},
    "Link": {1: ("trace", "bytes"), 2: ("span", "bytes")},
    "Attribute": {1: ("key", "int"), 2: ("value", "AnyValue"), 3: ("unit", "int")},
    "Stack": {1: ("locations", "ints")},
}
EMPTY = {"int": 0, "fixed64": 0, "text": "", "bytes": b""}


def one(kind, value):
    if kind == "text":
        return value.decode()
    return value if kind in EMPTY else decode(value, kind)


def decode(data, message="ProfilesData"):
    schema = SCHEMA[message]
    result = {name: [] if kind == "ints" or isinstance(kind, list) else EMPTY.get(kind) for name, kind in schema.values()}
    for number, value in protobuf.fields(data):
        name, kind = schema[number]  # a field that is not in the schema is an error here
        if kind == "ints":
            result[name] += protobuf.varints(value)
        elif isinstance(kind, list):
            result[name].append(one(kind[0], value))
        else:
            result[name] = one(kind, value)
    return result
