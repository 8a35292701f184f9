# SPDX-License-Identifier: Apache-2.0
"""Pyroscope, Parca and the OpenTelemetry Collector as far as their documented rules on input go."""

import base64
import concurrent.futures
import gzip
import json
import re
import time

import otlp
import protobuf
from upload_peer import Answer, expect

LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


# ---- pprof, by the rules of its strictest readers ----

class Pprof:
    """Decodes and checks; a broken rule is a Refusal."""

    def __init__(self, data):
        expect(data[:2] == b"\x1f\x8b", "not gzipped")
        self.plain = gzip.decompress(data)
        raw = {}
        for number, value in protobuf.fields(self.plain):
            raw.setdefault(number, []).append(value)
        self.strings = [s.decode("utf-8") for s in raw.get(6, [])]  # an error here is one of the test
        expect(self.strings and self.strings[0] == "", "string 0 is not empty")
        self.types = [tuple(self._text(dict(protobuf.fields(v)), n) for n in (1, 2)) for v in raw.get(1, [])]
        self.time_nsec = raw.get(9, [0])[-1]
        self.duration_nsec = raw.get(10, [0])[-1]
        expect(11 in raw, "no period type")
        self.period_type = tuple(self._text(dict(protobuf.fields(raw[11][-1])), n) for n in (1, 2))
        for name, number in (("mapping", 3), ("location", 4), ("function", 5)):
            ids = [dict(protobuf.fields(v)).get(1, 0) for v in raw.get(number, [])]
            expect(ids == list(range(1, len(ids) + 1)), f"ids of {name} are not 1, 2, 3, …")
        self.n_locations = len(raw.get(4, []))
        self.samples = [self._sample(v) for v in raw.get(2, [])]
        expect(self.samples, "no samples")

    def _text(self, message, number):
        index = message.get(number, 0)
        expect(index < len(self.strings), "string index out of range")
        return self.strings[index]

    def _sample(self, data):
        locations, values, labels = [], [], {}
        for number, value in protobuf.fields(data):
            if number == 1:
                locations += protobuf.varints(value)
            elif number == 2:
                values += protobuf.varints(value)
            elif number == 3:
                label = dict(protobuf.fields(value))
                key = self._text(label, 1)
                expect(key, "a label without a key")
                labels[key] = self._text(label, 2) if label.get(2) else label.get(3, 0)
        expect(all(0 < i <= self.n_locations for i in locations), "location out of range")
        expect(len(values) == len(self.types), "values are not as many as types")
        return locations, values, labels

    def check_names(self):
        for word in [word for pair in [*self.types, self.period_type] for word in pair]:
            expect(WORD.fullmatch(word), f"'{word}' cannot be a part of a name")

    @property
    def totals(self):
        return [sum(values[i] for _, values, _ in self.samples) for i in range(len(self.types))]


def labels_of(messages):
    """Label pairs {name = 1, value = 2}, as both engines have them."""
    pairs = []
    for message in messages:
        found = dict(protobuf.fields(message))
        pairs.append((found[1].decode("utf-8"), found[2].decode("utf-8")))
    names = [name for name, _ in pairs]
    expect(len(set(names)) == len(names), "a label is there twice")
    expect(all(LABEL.fullmatch(name) for name in names), f"label names {names}")
    return dict(pairs)


# ---- Pyroscope: the Push API ----

class Pyroscope:
    def __init__(self):
        self.series = []  # (labels, Pprof, id)
        self.max_bytes, self.max_samples = 4 << 20, 16000
        self.max_age_sec = 3600

    def __call__(self, request):
        if request.path != "/push.v1.PusherService/Push":
            return Answer(404, '{"code":"unimplemented","message":"404 Not Found"}')
        expect(request.method == "POST", "only POST", 405)
        expect(request.headers["Content-Type"] == "application/proto", "content type", 415)
        expect(request.headers["Connect-Protocol-Version"] == "1", "not Connect")
        for number, value in protobuf.fields(request.body):
            expect(number == 1, f"field {number} of PushRequest")
            self._series(value)
        return Answer(200, b"", {"Content-Type": "application/proto"})

    def _series(self, data):
        found = {}
        for number, value in protobuf.fields(data):
            found.setdefault(number, []).append(value)
        labels = labels_of(found[1])
        expect(labels.get("__name__"), "no __name__")
        expect(labels.get("service_name"), "no service_name")
        expect(len(labels) <= 30, "too many label names")
        for sample in found[2]:
            message = dict(protobuf.fields(sample))
            profile = Pprof(message[1])
            profile.check_names()
            expect(len(profile.plain) <= self.max_bytes, "the profile with labels exceeds the size limit "
                                                        "(max_profile_size_byte)")
            expect(len(profile.samples) <= self.max_samples, "the profile with labels exceeds the samples count "
                                                             "limit")
            expect(time.time() - profile.time_nsec / 1e9 < self.max_age_sec, "profile is too old", 422)
            expect(re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", message[2].decode()), "no UUID")
            self.series.append((labels, profile, message[2].decode()))


# ---- Parca ----

class Parca:
    METHOD = "/parca.profilestore.v1alpha1.ProfileStoreService/WriteRaw"

    def __init__(self):
        self.series = []  # (labels, Pprof)

    def _add(self, labels, profile):
        expect(labels.get("__name__"), "missing __name__ label")
        profile.check_names()
        expect(WORD.fullmatch(labels["__name__"]), "__name__ cannot be a part of a name")
        self.series.append((labels, profile))

    def write(self, message):
        for number, value in protobuf.fields(message):
            expect(number == 2, f"field {number} of WriteRawRequest")
            found = {}
            for n, v in protobuf.fields(value):
                found.setdefault(n, []).append(v)
            labels = labels_of(v for n, v in protobuf.fields(found[1][0]) if n == 1)
            for sample in found[2]:
                self._add(labels, Pprof(dict(protobuf.fields(sample))[1]))
        return b""

    def __call__(self, request):
        """The gateway."""
        if request.path != "/api/profiles/writeraw":
            return Answer(404, '{"code":5,"message":"Not Found","details":[]}')
        expect(request.headers["Content-Type"] == "application/json", "content type", 415)
        for series in json.loads(request.body)["series"]:
            labels = {label["name"]: label["value"] for label in series["labels"]["labels"]}
            expect(len(labels) == len(series["labels"]["labels"]), "a label is there twice")
            for sample in series["samples"]:
                self._add(labels, Pprof(base64.b64decode(sample["rawProfile"], validate=True)))
        return Answer(200, "{}", {"Content-Type": "application/json"})


# ---- OpenTelemetry Collector ----

class Collector:
    METHOD = "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export"

    def __init__(self):
        self.resources = []  # (attributes, profiles, dictionary)
        self.response = b""

    def export(self, message):
        data = otlp.decode(message)
        dictionary = data["dictionary"]
        expect(dictionary, "no dictionary")
        for name, table in dictionary.items():
            expect(table, f"the table of {name} has no entry 0")
        expect(dictionary["strings"][0] == "", "string 0 is not empty")
        expect(len(set(dictionary["strings"])) == len(dictionary["strings"]), "a string is there twice")
        for resource in data["resource_profiles"]:
            attributes = {a["key"]: a["value"]["string"] for a in resource["resource"]["attributes"]}
            expect(len(attributes) == len(resource["resource"]["attributes"]), "an attribute is there twice")
            expect(attributes.get("service.name"), "no service.name")
            profiles = [profile for scope in resource["scope_profiles"] for profile in scope["profiles"]]
            for profile in profiles:
                self._check(profile, dictionary)
            self.resources.append((attributes, profiles, dictionary))
        return self.response

    @staticmethod
    def _check(profile, dictionary):
        expect(profile["sample_type"]["type"] > 0, "a profile without a type")
        expect(profile["samples"], "a profile without samples")
        for sample in profile["samples"]:
            expect(len(sample["values"]) == 1, "one value and no timestamp")
            expect(0 < sample["stack"] < len(dictionary["stacks"]), "stack out of range")

    def __call__(self, request):
        if request.path != "/v1development/profiles":
            return Answer(404, "404 page not found")
        expect(request.headers["Content-Type"] == "application/x-protobuf", "content type", 415)
        expect(request.headers["Content-Encoding"] == "gzip", "not gzipped")
        self.version = request.headers["OTLP-Profiles-Development-Version"]
        return Answer(200, self.export(gzip.decompress(request.body)), {"Content-Type": "application/x-protobuf"})


# ---- gRPC, by its own library ----

class GrpcServer:
    """One method; `faults` are (status, message) answered first."""

    def __init__(self, method, handle, port=0, credentials=None, max_bytes=4 << 20):
        import grpc

        self.grpc, self.method, self.handle = grpc, method, handle
        self.metadata, self.violations, self.faults = [], [], []
        self.n_calls = 0
        server = self

        class Handler(grpc.GenericRpcHandler):
            def service(self, details):
                if details.method != server.method:
                    return None
                server.metadata.append(dict(details.invocation_metadata))
                return grpc.unary_unary_rpc_method_handler(server.call)

        self.server = grpc.server(concurrent.futures.ThreadPoolExecutor(2), handlers=[Handler()],
                                  options=[("grpc.max_receive_message_length", max_bytes)])
        address = f"127.0.0.1:{port}"
        self.port = self.server.add_secure_port(address, credentials) if credentials else \
            self.server.add_insecure_port(address)
        self.server.start()

    def call(self, message, context):
        self.n_calls += 1
        if self.faults:
            status, text = self.faults.pop(0)
            context.abort(getattr(self.grpc.StatusCode, status), text)
        try:
            return self.handle(message)
        except Exception as refusal:
            self.violations.append(str(refusal))
            context.abort(self.grpc.StatusCode.INVALID_ARGUMENT, str(refusal))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.stop(0).wait()
