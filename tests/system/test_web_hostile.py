# SPDX-License-Identifier: Apache-2.0
"""profilerd-web against clients that mean harm, are slow, or are many."""

import concurrent.futures
import contextlib
import itertools
import os
import pathlib
import socket
import time

import pytest
from machine import wait_until
from offline import CORPUS
from webserver import NEWEST, MINUTE, WebServer, make_store, profile_id

CONNECTIONS_MAX = 256  # of each socket
CLIENTS = 200
MEMORY_MAX = 256 << 20


@pytest.fixture
def web(tmp_path):
    program = pathlib.Path(os.environ.get("BUILD", "")) / "daemon/web/profilerd-web"
    if not program.exists():
        pytest.fail("BUILD must name a build directory of Meson.", pytrace=False)
    store = make_store(tmp_path / "store", minutes=60)
    server = WebServer(str(program), store, tmp_path)
    yield server
    assert server.process.poll() is None, "it has crashed"
    server.close()


def status_of(answer):
    return int(answer.split()[1]) if answer else 0


# ---- who may ask ----

@pytest.mark.parametrize("headers, path, status", [
    ({"Host": "evil.example"}, "/", 421),
    ({"Host": "evil.example:80"}, "/debug/pprof/profile?unit=nginx&seconds=0", 421),
    ({"Host": "localhost"}, "/", 200),
    ({"Host": "[::1]:7071"}, "/", 200),
    ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, "/debug/pprof/profile?unit=nginx&seconds=0", 403),
    ({"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"}, "/api/v1/status", 403),
    ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, "/", 200),
    ({"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}, "/api/v1/status", 200),
])
def test_only_our_own_pages_are_answered(web, headers, path, status):
    assert web.get(path, headers).status == status


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT", "BREW"])
def test_nothing_can_be_changed(web, method):
    answer = web.get("/api/v1/status", method=method)
    assert answer.status == 405 and answer.headers["Allow"] == "GET, HEAD"


def test_every_answer_has_the_headers_that_protect(web):
    for path in ("/", "/api/v1/status", "/nope", "/assets/page.css", "/debug/pprof/", "/api/0/services", "/metrics",
                 "/api/v1/tree?unit=none", "/flame.svg?unit=nginx"):
        headers = web.get(path, {"Origin": "http://evil.example"}).headers
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "unsafe-inline" not in headers["Content-Security-Policy"].split("script-src")[1].split(";")[0]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert not [name for name in headers if name.lower().startswith("access-control")]


def test_head_is_get_without_a_body(web):
    assert web.get("/", method="HEAD").body == b""
    assert web.get("/", method="HEAD").status == 200


# ---- bytes ----

@pytest.mark.parametrize("target", [
    "/../../etc/passwd", "/assets/../../etc/passwd", "/assets/%2e%2e/%2e%2e/etc/passwd", "/unit/..%2f..%2fetc",
    "/unit/%00", "/unit/%ff%fe", "/unit/" + "a" * 300, "/?unit=%0d%0aSet-Cookie:x", "/api/0/profiles/%2e%2e/x",
    "/unit/nginx?from=" + "9" * 400, "/unit/nginx?type=../../etc", "/download?unit=nginx&format=../x",
    "/api/v1/tree?unit=nginx&min=nan", "/api/v1/tree?unit=nginx&min=-1", "/api/v1/tree?unit=nginx&min=1e999",
    "/api/v1/top?unit=nginx&limit=-1", "/api/v1/diff?unit=nginx&restart=99999999999", "//evil.example/",
    "/unit/nginx?thread=" + "%F0%9F%94%A5" * 300, "/speedscope/../x", "/?" + "a=b&" * 100,
], ids=itertools.count())
def test_no_target_leads_out_or_breaks_it(web, target):
    answer = web.raw(f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    assert status_of(answer) in (200, 400, 404, 414), answer[:200]
    assert b"root:" not in answer
    assert b"\r\nSet-Cookie" not in answer


@pytest.mark.parametrize("data", [
    b"\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET  HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00",
    b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.0\r\n\r\n", b"A" * 100000,
    b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 20000 + b"\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 200000 + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
    b"POST /symbolz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n" + b"x" * (3 << 20),
    b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n" + b"x" * (1 << 20),
    b"GET / HTTP/1.1\r\nHost: localhost\r\nCookie: " + b"profilerd_=;" * 1000 + b"\r\nConnection: close\r\n\r\n",
    # More parameters than the library has room for.
    b"GET /?" + b"&" * 4000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
], ids=itertools.count())
@pytest.mark.seconds(90)
def test_no_request_breaks_it(web, data):
    answer = web.raw(data, timeout=3)
    assert status_of(answer) in (0, 200, 400, 404, 405, 413, 414, 421, 431, 501, 505), answer[:200]
    assert web.get("/healthz").status == 200
    assert web.memory_bytes < MEMORY_MAX


def test_a_flood_of_queries_is_bounded(web):
    for i in range(300):
        web.get(f"/api/v1/tree?unit=nginx&from=@{NEWEST // 1000000 - 60 * (i % 50)}")
    assert web.memory_bytes < MEMORY_MAX


# ---- many and slow ----

@pytest.mark.seconds(120)
def test_many_clients_at_once_are_all_answered(web):
    paths = ["/", "/api/v1/status", "/unit/nginx", "/api/v1/tree?unit=nginx", "/flame.svg?unit=nginx", "/healthz",
             "/metrics", "/api/v1/top?unit=nginx", "/debug/pprof/profile?unit=nginx&seconds=0", "/profiles"]
    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        answers = list(pool.map(lambda i: web.get(paths[i % len(paths)], timeout=60).status, range(2 * CLIENTS)))
    assert set(answers) == {200}
    assert web.memory_bytes < MEMORY_MAX


def test_who_sends_nothing_does_not_hurt_others(web):
    with contextlib.ExitStack() as stack:
        for _ in range(CLIENTS):
            s = stack.enter_context(socket.create_connection(("127.0.0.1", web.port)))
            s.sendall(b"GET /unit/nginx HTTP/1.1\r\nHost: loc")
        begin = time.monotonic()
        assert web.get("/healthz").status == 200
        assert time.monotonic() - begin < 2


@pytest.mark.seconds(90)
def test_who_drips_is_sent_away(web):
    """One byte now and then keeps a connection from being idle, but not for ever."""
    with socket.create_connection(("127.0.0.1", web.port), timeout=60) as s:
        begin = time.monotonic()
        with contextlib.suppress(ConnectionError):
            while time.monotonic() - begin < 60:
                s.sendall(b"G" if time.monotonic() == begin else b"a")
                time.sleep(1)
                s.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    if s.recv(1) == b"":
                        break
                s.setblocking(True)
        assert time.monotonic() - begin < 40


@pytest.mark.seconds(90)
def test_who_does_not_read_does_not_hurt_others(web):
    with contextlib.ExitStack() as stack:
        for _ in range(50):
            s = stack.enter_context(socket.create_connection(("127.0.0.1", web.port)))
            s.sendall(b"GET /download?unit=nginx&format=json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 3)
        begin = time.monotonic()
        assert web.get("/api/v1/tree?unit=nginx").status == 200
        assert time.monotonic() - begin < 15
        assert web.memory_bytes < 2 * MEMORY_MAX


def test_full_is_not_stuck(web):
    clients = [socket.create_connection(("127.0.0.1", web.port)) for _ in range(CONNECTIONS_MAX + 20)]
    wait_until(lambda: web.descriptors > CONNECTIONS_MAX, 10, "the last connection")
    # The unix socket has room of its own.
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(10)
        s.connect(web.path)
        s.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert b" 200 " in s.recv(4096)
    # It learns of all in one turn, after which nothing more comes.
    with web.stopped():
        for client in clients:
            client.close()
    assert web.get("/healthz", timeout=10).status == 200


def test_at_rest_it_uses_no_cpu(web):
    web.get("/unit/nginx")
    with socket.create_connection(("127.0.0.1", web.port)):
        before = web.cpu_seconds
        time.sleep(3)
        assert web.cpu_seconds - before < 0.1


# ---- the store ----

def test_broken_files_are_left_out_and_said(web, tmp_path):
    path = tmp_path / "store" / profile_id(NEWEST + MINUTE)
    path.write_bytes(b"\x1f\x8b" + b"\0" * 50)
    tree = web.api("tree", unit="nginx").json
    assert tree["profiles_found"] == tree["profiles"] + 1
    assert "1 could not be read" in web.get("/unit/nginx").text


def test_links_of_the_store_are_not_followed(web, tmp_path):
    (tmp_path / "store" / "evil.service").symlink_to("/etc")
    (tmp_path / "store" / "nginx.service" / profile_id(NEWEST + 5 * MINUTE).split("/")[1]).symlink_to("/etc/passwd")
    assert "evil.service" not in web.get("/").text
    assert web.get("/api/0/profiles/" + profile_id(NEWEST + 5 * MINUTE)).status != 200


def test_a_profile_that_comes_is_seen(web, tmp_path):
    n = len(web.api("profiles", unit="nginx").json["profiles"])
    total = web.api("tree", unit="nginx").json["total"]
    os.link(CORPUS / "written-cpu.pb.gz", tmp_path / "store" / profile_id(NEWEST + MINUTE))
    assert len(web.api("profiles", unit="nginx").json["profiles"]) == n + 1
    assert web.api("tree", unit="nginx").json["total"] >= total
