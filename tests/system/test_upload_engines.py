# SPDX-License-Identifier: Apache-2.0
"""Profiles reach Pyroscope, Parca and a Collector by the rules of each.

PYROSCOPE_URL, PARCA_URL and OTLP_URL name real servers to be tried, too.
"""

import os
import pathlib
import time
import urllib.request

import pytest
from machine import wait_until
from test_upload import RETRY_SECONDS, certificates, count, upload  # noqa: F401 (fixtures)
from upload_engines import Collector, GrpcServer, Parca, Pyroscope
from upload_peer import Answer, Peer

pytest.importorskip("grpc", reason="needs grpc: apt-get install python3-grpcio")


def target(protocol, peer, more=""):
    return f"Protocol={protocol}\nURL=http://127.0.0.1:{peer.port}\n{more}"


def many(n):
    """A profile with n different stacks."""
    return {"n_samples": n}


# ---- Pyroscope ----

def test_pyroscope_gets_a_series_with_its_labels(upload):  # noqa: F811
    engine = Pyroscope()
    with Peer(judge=engine) as peer:
        upload.target("pyroscope", target("pyroscope", peer, "Labels=stage=test when={invocation_id}\n"
                                                             "Header=X-Scope-OrgID: team"))
        upload.add(unit="user@1000.service")
        upload.start()
        count(peer, 1)
        assert not peer.violations
        labels, profile, _ = engine.series[0]
        assert labels["__name__"] == "process_cpu" and labels["service_name"] == "user@1000"
        assert labels["unit"] == "user@1000.service" and labels["slice"] == "system.slice"
        assert labels["stage"] == "test" and labels["when"] == "ab" * 16
        assert ("cpu", "nanoseconds") in profile.types
        assert peer.accepted[0].headers["X-Scope-OrgID"] == "team"


def test_pyroscope_makes_no_series_of_threads(upload):  # noqa: F811
    engine = Pyroscope()
    with Peer(judge=engine) as peer:
        upload.target("pyroscope", target("pyroscope", peer))
        upload.add()
        upload.start()
        count(peer, 1)
        for _, _, labels in engine.series[0][1].samples:
            assert not any(isinstance(value, str) for value in labels.values())


def test_pyroscope_gets_large_profiles_in_parts_that_add_up(upload):  # noqa: F811
    engine = Pyroscope()
    with Peer(judge=engine) as peer:
        upload.target("pyroscope", target("pyroscope", peer))
        path = upload.add(n_samples=40000)
        upload.start()
        wait_until(lambda: f"sent web.service/{path.name}" in upload.ledger("pyroscope"), 20, "all parts")
        assert not peer.violations
        assert len(engine.series) == 3
        assert sum(profile.totals[0] for _, profile, _ in engine.series) == 40000
        assert len({identity for _, _, identity in engine.series}) == 3


def test_a_limit_that_only_the_server_knows_is_found_by_splitting(upload):  # noqa: F811
    engine = Pyroscope()
    engine.max_samples = 100
    with Peer(judge=engine) as peer:
        upload.target("pyroscope", target("pyroscope", peer))
        path = upload.add(n_samples=350)
        upload.start()
        wait_until(lambda: f"sent web.service/{path.name}" in upload.ledger("pyroscope"), 20, "all parts")
        assert sum(profile.totals[0] for _, profile, _ in engine.series) == 350


def test_parts_go_on_after_a_kill(upload):  # noqa: F811
    engine = Pyroscope()
    with Peer(judge=engine) as peer:
        upload.target("pyroscope", target("pyroscope", peer))
        path = upload.add(n_samples=60000)
        peer.always = lambda request: Answer(503) if len(engine.series) == 2 else None
        upload.start()
        wait_until(lambda: len(peer.requests) >= 3, 20, "three requests")
        upload.kill()
        peer.always = None
        upload.start()
        wait_until(lambda: f"sent web.service/{path.name}" in upload.ledger("pyroscope"), RETRY_SECONDS, "the rest")
        assert len(engine.series) == 4
        assert sum(profile.totals[0] for _, profile, _ in engine.series) == 60000


def test_413_is_answered_with_halves(upload):  # noqa: F811
    engine = Pyroscope()
    with Peer(judge=engine) as peer:
        peer.faults = [Answer(413)]
        upload.target("pyroscope", target("pyroscope", peer))
        upload.add(n_samples=10)
        upload.start()
        count(peer, 2)
        assert [len(profile.samples) for _, profile, _ in engine.series] == [5, 5]


def test_what_pyroscope_refuses_for_its_age_is_not_even_sent(upload):  # noqa: F811
    engine = Pyroscope()
    with Peer(judge=engine) as peer:
        upload.target("pyroscope", target("pyroscope", peer))
        upload.add(age=2 * 3600)
        upload.add(age=60)
        upload.start()
        count(peer, 1)
        time.sleep(0.3)
        assert not peer.violations and len(peer.requests) == 1


def test_connect_codes_are_understood(upload):  # noqa: F811
    engine = Pyroscope()
    with Peer(judge=engine) as peer:
        peer.faults = [Answer(500, '{"code":"unavailable","message":"ingester is starting"}'),
                       Answer(429, '{"code":"resource_exhausted","message":"rate limit"}', {"Retry-After": "1"})]
        upload.target("pyroscope", target("pyroscope", peer))
        upload.add()
        upload.start()
        count(peer, 1, RETRY_SECONDS)
        assert "ingester is starting" in upload.messages()


# ---- Parca ----

def test_parca_gets_a_series_by_grpc(upload):  # noqa: F811
    engine = Parca()
    with GrpcServer(Parca.METHOD, engine.write) as server:
        token = upload.secret("token", "t0k3n")
        upload.target("parca", target("parca", server, f"BearerTokenFile={token}\nInsecure=yes"))
        for i in range(5):
            upload.add(age=100 - i)
        upload.start()
        wait_until(lambda: len(engine.series) == 5, 10, "five profiles")
        assert not server.violations
        labels, profile = engine.series[0]
        assert labels["__name__"] == "profilerd_cpu" and labels["unit"] == "web.service"
        assert labels["node"] == labels["host"]
        assert profile.totals == [3, 30_000_000]
        assert server.metadata[0]["authorization"] == "Bearer t0k3n"
        assert len(upload.ledger("parca")) == 5


def test_parca_gets_a_series_by_its_gateway(upload):  # noqa: F811
    engine = Parca()
    with Peer(judge=engine) as peer:
        upload.target("parca", target("parca", peer, "Transport=http\nLabels='odd=\"quoted\" <x>'"))
        upload.add()
        upload.start()
        count(peer, 1)
        assert not peer.violations
        assert engine.series[0][0]["odd"] == '"quoted" <x>'


def test_grpc_over_tls_needs_the_right_certificate(upload, certificates):  # noqa: F811
    import grpc

    engine = Parca()
    pair = [((certificates / "right.key").read_bytes(), (certificates / "right.pem").read_bytes())]
    with GrpcServer(Parca.METHOD, engine.write, credentials=grpc.ssl_server_credentials(pair)) as server:
        upload.target("parca", target("parca", server, f"CAFile={certificates}/ca.pem").replace("http:", "https:"))
        upload.target("other", target("parca", server).replace("http:", "https:"))
        for i in range(3):
            upload.add(age=100 - i)
        upload.start()
        wait_until(lambda: len(engine.series) == 3, 10, "three profiles")
        wait_until(lambda: "other:" in upload.messages() and "certificate" in upload.messages(), 5, "the refusal")
        assert not upload.ledger("other")


def test_grpc_statuses_are_understood(upload):  # noqa: F811
    engine = Parca()
    with GrpcServer(Parca.METHOD, engine.write) as server:
        server.faults = [("UNAVAILABLE", "starting, 50% done"), ("INVALID_ARGUMENT", "odd profile")]
        upload.target("parca", target("parca", server))
        first = upload.add(age=100)
        second = upload.add(age=50)
        upload.start()
        wait_until(lambda: f"sent web.service/{second.name}" in upload.ledger("parca"), RETRY_SECONDS, "the second")
        assert f"rejected web.service/{first.name}" in upload.ledger("parca")
        assert "UNAVAILABLE: starting, 50% done" in upload.messages()


def test_a_message_that_is_too_large_for_the_server_is_split(upload):  # noqa: F811
    engine = Parca()
    with GrpcServer(Parca.METHOD, engine.write, max_bytes=100_000) as server:
        upload.target("parca", target("parca", server))
        path = upload.add(n_samples=60000)
        upload.start()
        wait_until(lambda: f"sent web.service/{path.name}" in upload.ledger("parca"), RETRY_SECONDS, "all parts")
        assert len(engine.series) > 1
        assert sum(profile.totals[0] for _, profile in engine.series) == 60000


def test_a_server_without_grpc_is_found_out(upload):  # noqa: F811
    with Peer(judge=lambda request: Answer(200)) as peer:
        upload.target("parca", target("parca", peer))
        upload.add()
        upload.start()
        wait_until(lambda: "parca:" in upload.messages().replace("parca: sending", ""), 10, "a reason")
        assert not upload.ledger("parca")


# ---- OpenTelemetry ----

def test_a_collector_gets_profiles_by_http(upload):  # noqa: F811
    engine = Collector()
    with Peer(judge=engine) as peer:
        upload.target("otlp", target("otlp", peer, "DevelopmentVersion=1\nLabels=stage=test"))
        upload.add(unit="web.service")
        upload.start()
        count(peer, 1)
        assert not peer.violations
        attributes, profiles, _ = engine.resources[0]
        assert attributes["service.name"] == "web" and attributes["systemd.slice"] == "system.slice"
        assert attributes["stage"] == "test" and attributes["service.instance.id"] == "ab" * 16
        assert len(profiles) == 2
        assert engine.version == "1"


def test_a_collector_gets_profiles_by_grpc(upload):  # noqa: F811
    engine = Collector()
    with GrpcServer(Collector.METHOD, engine.export) as server:
        upload.target("otlp", target("otlp", server, "Transport=grpc"))
        upload.add()
        upload.start()
        wait_until(lambda: engine.resources, 10, "a profile")
        assert not server.violations
        wait_until(lambda: upload.ledger("otlp"), 5)


def test_what_otlp_says_must_not_be_tried_again_is_not(upload):  # noqa: F811
    engine = Collector()
    with Peer(judge=engine) as peer:
        peer.faults = [Answer(500, "broken"), Answer(503, headers={"Retry-After": "1"})]
        upload.target("otlp", target("otlp", peer))
        first = upload.add(age=100)
        upload.add(age=50)
        upload.start()
        count(peer, 1)
        assert upload.ledger("otlp")[0] == f"rejected web.service/{first.name}"


def test_a_partial_success_is_no_success(upload):  # noqa: F811
    engine = Collector()
    # partial_success { rejected_profiles: 2, error_message: "too odd" }
    engine.response = b"\x0a\x0b\x08\x02\x12\x07too odd"
    with Peer(judge=engine) as peer:
        upload.target("otlp", target("otlp", peer))
        path = upload.add()
        upload.start()
        wait_until(lambda: upload.ledger("otlp") == [f"rejected web.service/{path.name}"], 5, "the line")
        assert "too odd" in upload.messages()


# ---- real servers ----

def real(name):
    url = os.environ.get(name)
    if not url:
        pytest.skip(f"{name} names no server")
    return url.rstrip("/")


def send_to_real(upload, protocol, url, more=""):  # noqa: F811
    upload.target("real", f"Protocol={protocol}\nURL={url}\n{more}")
    paths = [upload.add(unit="profilerd-test.service", age=60 - 20 * i) for i in range(2)]
    upload.start()
    lines = [f"sent profilerd-test.service/{path.name}" for path in paths]
    wait_until(lambda: upload.ledger("real") == lines, 30, f"both profiles: {upload.messages()}")


def test_a_real_pyroscope_takes_them(upload):  # noqa: F811
    url = real("PYROSCOPE_URL")
    send_to_real(upload, "pyroscope", url)
    query = urllib.request.Request(f"{url}/querier.v1.QuerierService/LabelValues", b'{"name":"service_name"}',
                                   {"Content-Type": "application/json"})

    def known():
        with urllib.request.urlopen(query, timeout=10) as answer:
            return b"profilerd-test" in answer.read()

    wait_until(known, 30, "the service")


@pytest.mark.parametrize("transport", ["grpc", "http"])
def test_a_real_parca_takes_them(upload, transport):  # noqa: F811
    send_to_real(upload, "parca", real("PARCA_URL"), f"Transport={transport}")


@pytest.mark.parametrize("transport", ["grpc", "http"])
def test_a_real_collector_takes_them(upload, transport):  # noqa: F811
    url = real("OTLP_URL" if transport == "http" else "OTLP_GRPC_URL")
    send_to_real(upload, "otlp", url, f"Transport={transport}")


def test_the_examples_are_targets(upload):  # noqa: F811
    examples = pathlib.Path(__file__).resolve().parents[2] / "conf/uploads.d"
    names = sorted(path.name.split(".")[0] for path in examples.glob("*.conf.example"))
    assert names == ["http", "otlp", "parca", "profefe", "pyroscope", "s3"]
    for path in examples.glob("*.conf.example"):
        upload.target(path.name.split(".")[0], "")
        (upload.root / f"etc/profilerd/uploads.d/{path.name.removesuffix('.example')}").write_text(path.read_text())
    result = upload.check()
    assert result.returncode == 0, result.stderr
    assert len(result.stdout.splitlines()) == len(names)
