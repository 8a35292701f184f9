# SPDX-License-Identifier: Apache-2.0
"""Profiles reach the servers: each once, whatever happens on the way."""

import contextlib
import hashlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

import pytest
from machine import wait_until
from upload_peer import S3, Answer, Peer, Profefe, tls_context
from upload_run import Upload, make_profile

RETRY_SECONDS = 25  # full jitter: a retry is late now and then


@pytest.fixture
def upload(tmp_path):
    directory = os.environ.get("BUILD", "")
    if not (pathlib.Path(directory) / "daemon/upload/profilerd-upload").exists():
        pytest.fail("BUILD must name a build directory of Meson.", pytrace=False)
    u = Upload(tmp_path, directory)
    yield u
    u.stop()


@pytest.fixture
def peer():
    with Peer() as p:
        yield p


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def fill(path):
    """Until the file system has no byte left."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT)
    with contextlib.suppress(OSError):
        while os.write(fd, b"x" * 4096):
            pass
    os.close(fd)


def put(peer_or_port, more=""):
    port = getattr(peer_or_port, "port", peer_or_port)
    return f"Protocol=http\nURL=http://127.0.0.1:{port}/p/{{unit}}/{{type}}-{{start}}.pb.gz\n{more}"


def count(peer, n, seconds=10):
    wait_until(lambda: len(peer.accepted) >= n, seconds, f"{n} profiles, has {len(peer.accepted)}")


# ---- plain HTTP ----

def test_files_arrive_as_they_are_and_the_oldest_first(upload, peer):
    upload.target("dav", put(peer))
    paths = [upload.add(age=age) for age in (300, 200, 100)]
    upload.start()
    count(peer, 3)
    assert [r.body for r in peer.accepted] == [path.read_bytes() for path in paths]
    assert peer.accepted[0].method == "PUT"
    assert peer.accepted[0].path == f"/p/web.service/cpu-{paths[0].name.split('.')[2]}.pb.gz"
    assert peer.accepted[0].headers["Idempotency-Key"] == hashlib.sha256(paths[0].read_bytes()).hexdigest()
    assert peer.accepted[0].headers["Content-Type"] == "application/octet-stream"
    assert "Expect" not in peer.accepted[0].headers


def test_new_profiles_follow_while_it_runs(upload, peer):
    upload.target("dav", put(peer))
    upload.add()
    upload.start()
    count(peer, 1)
    upload.add(age=30)
    count(peer, 2)
    upload.add(unit="new.service", age=20)
    count(peer, 3)


def test_names_of_units_are_one_segment_of_the_url(upload, peer):
    upload.target("dav", put(peer))
    upload.add(unit=r"odd\x2d name@a:b.service")
    upload.start()
    count(peer, 1)
    assert peer.accepted[0].path.startswith("/p/odd%5Cx2d%20name%40a%3Ab.service/cpu-")


def test_only_the_units_that_are_asked_for_are_sent(upload, peer):
    upload.target("dav", put(peer, "Units=web db*"))
    for unit in ("web.service", "db1.service", "other.service"):
        upload.add(unit=unit)
    upload.start()
    count(peer, 2)
    time.sleep(0.5)
    assert {r.path.split("/")[2] for r in peer.accepted} == {"web.service", "db1.service"}


def test_what_was_sent_is_not_sent_again_after_a_restart(upload, peer):
    upload.target("dav", put(peer))
    upload.add(age=100)
    upload.start()
    count(peer, 1)
    wait_until(lambda: upload.ledger("dav"))
    assert upload.stop() == 0
    upload.add(age=50)
    upload.start()
    count(peer, 2)
    time.sleep(0.3)
    assert len(peer.requests) == 2


def test_killed_in_the_middle_it_goes_on_where_it_was(upload, peer):
    upload.target("dav", put(peer))
    paths = [upload.add(age=600 - i) for i in range(200)]
    peer.always = lambda request: time.sleep(0.003)
    for n in (20, 60, 120):
        upload.start()
        count(peer, n, 20)
        upload.kill()
    upload.start()
    wait_until(lambda: len({r.path for r in peer.accepted}) == len(paths), 30, "all of them")
    # At most the one that was under way when it was killed arrives twice.
    assert len(peer.accepted) <= len(paths) + 3


def test_a_dead_server_holds_up_no_other(upload, peer):
    upload.target("dead", put(free_port()))
    upload.target("dav", put(peer))
    for i in range(5):
        upload.add(age=100 - i)
    upload.start()
    count(peer, 5, 5)


def test_nginx_takes_them_by_webdav(upload, tmp_path):
    if not shutil.which("nginx"):
        pytest.skip("needs nginx: apt-get install nginx-light")
    port, data = free_port(), tmp_path / "dav"
    data.mkdir(mode=0o777)
    data.chmod(0o777)
    config = tmp_path / "nginx.conf"
    config.write_text(f"""
        daemon off; pid {tmp_path}/nginx.pid; error_log stderr; user root;
        events {{ }}
        http {{ access_log off; client_body_temp_path {tmp_path}/body;
            server {{ listen 127.0.0.1:{port}; root {data}; client_max_body_size 1m;
                location / {{ dav_methods PUT; create_full_put_path on; dav_access user:rw; }} }} }}
    """)
    nginx = subprocess.Popen(["nginx", "-c", config], stderr=subprocess.DEVNULL)
    try:
        upload.target("dav", put(port))
        path = upload.add()
        upload.start()
        stored = data / f"p/web.service/cpu-{path.name.split('.')[2]}.pb.gz"
        wait_until(stored.exists, RETRY_SECONDS, "the file")
        wait_until(lambda: upload.ledger("dav"))
        assert stored.read_bytes() == path.read_bytes()
        # Larger than the server allows: said once, and in nobody's way.
        upload.add(age=40, pad=3 << 20)
        good = upload.add(age=30)
        wait_until((data / f"p/web.service/cpu-{good.name.split('.')[2]}.pb.gz").exists, RETRY_SECONDS, "the next")
        assert any(line.startswith("rejected ") for line in upload.ledger("dav"))
    finally:
        nginx.send_signal(signal.SIGQUIT)
        nginx.wait(10)


# ---- profefe ----

def test_profefe_gets_service_type_and_labels(upload):
    profefe = Profefe()
    with Peer(judge=profefe) as peer:
        upload.target("profefe", f"Protocol=profefe\nURL=http://127.0.0.1:{peer.port}/\nLabels='team=a,b=c & d' zone=x%y+z")
        upload.add(unit="user@1000.service")
        upload.start()
        count(peer, 1)
        assert not peer.violations
        service, kind, labels = profefe.profiles[0]
        assert (service, kind) == ("user@1000", "cpu")
        assert labels["team"] == "a,b=c & d" and labels["zone"] == "x%y+z"
        assert labels["unit"] == "user@1000.service" and labels["slice"] == "system.slice"


def test_another_server_than_profefe_is_found_out(upload, peer):
    peer.judge = lambda request: Answer(200)
    upload.target("profefe", f"Protocol=profefe\nURL=http://127.0.0.1:{peer.port}")
    upload.add()
    upload.start()
    wait_until(lambda: "is this profefe?" in upload.messages(), 5, "the warning")
    assert not upload.ledger("profefe")


# ---- S3 ----

def s3(peer, secret, more=""):
    return (f"Protocol=s3\nURL=http://127.0.0.1:{peer.port}/bucket/{{host}}/{{unit}}/{{start}}-{{id}}.pb.gz\n"
            f"Region=eu-test-1\nInsecure=yes\nPasswordFile={secret}\n{more}")


def test_s3_objects_are_signed_and_named_by_their_content(upload):
    server = S3("AKIDTEST", "secret/with+odd=bytes", "eu-test-1")
    with Peer(judge=server) as peer:
        key = upload.secret("key", "AKIDTEST:secret/with+odd=bytes\n")
        upload.target("s3", s3(peer, key))
        path = upload.add(unit=r"odd\x2d@a:b~c+d.service")
        upload.start()
        count(peer, 1)
        assert not peer.violations
        (name, body), = server.objects.items()
        assert body == path.read_bytes()
        assert hashlib.sha256(body).hexdigest() in name and r"odd\x2d@a:b~c+d.service" in name


def test_s3_keys_and_session_are_replaced_while_it_runs(upload):
    server = S3("OLD", "old", "eu-test-1")
    server.token = "session-1"
    with Peer(judge=server) as peer:
        key, token = upload.secret("key", "OLD:old"), upload.secret("token", "session-1")
        upload.target("s3", s3(peer, key, f"SessionTokenFile={token}"))
        upload.add(age=100)
        upload.start()
        count(peer, 1)
        server.key_id, server.secret, server.token = "NEW", "new", "session-2"
        key.write_text("NEW:new")
        token.write_text("session-2")
        upload.add(age=50)
        count(peer, 2)
    assert "old" not in upload.messages() and "session" not in upload.messages()


# ---- faults ----

def test_refused_connections_are_tried_again(upload):
    port = free_port()
    upload.target("dav", put(port))
    upload.add()
    upload.start()
    wait_until(lambda: "dav:" in upload.messages() and "connect" in upload.messages().lower(), 5, "the warning")
    with Peer(port) as peer:
        count(peer, 1, RETRY_SECONDS)
        wait_until(lambda: "takes profiles again" in upload.messages(), 5, "the good news")


def test_a_name_that_vanishes_is_tried_again(upload):
    upload.target("dav", "Protocol=http\nURL=http://no-such-host.invalid/{unit}/{start}")
    upload.add()
    upload.start()
    wait_until(lambda: "resolve" in upload.messages().lower(), 20, "the warning")
    assert not upload.ledger("dav")


def test_429_waits_as_long_as_the_server_says(upload, peer):
    upload.target("dav", put(peer))
    peer.faults = [Answer(429, headers={"Retry-After": "3"})]
    upload.add()
    upload.start()
    count(peer, 1)
    assert 2.9 <= peer.requests[1].time - peer.requests[0].time < 6


def test_a_storm_of_500_is_weathered_without_loss(upload, peer):
    upload.target("dav", put(peer))
    peer.faults = [Answer(500) for _ in range(4)]
    for i in range(3):
        upload.add(age=100 - i)
    upload.start()
    count(peer, 3, 45)
    assert len({r.path for r in peer.accepted}) == 3


def test_a_server_that_cuts_off_in_the_body_is_tried_again(upload, peer):
    upload.target("dav", put(peer))
    peer.faults = [Answer(0, cut=True)]
    upload.add(pad=2 << 20)
    upload.start()
    count(peer, 1, RETRY_SECONDS)


def test_a_slow_server_is_given_up_and_tried_again(upload, peer):
    upload.target("dav", put(peer, "TimeoutSec=1"))
    peer.faults = [Answer(200, delay=3)]
    upload.add()
    upload.start()
    wait_until(lambda: "imed out" in upload.messages() or "imeout" in upload.messages(), 6, "the timeout")
    count(peer, 1, RETRY_SECONDS)


def test_422_is_never_tried_again_and_holds_nothing_up(upload, peer):
    upload.target("dav", put(peer))
    bad = upload.add(age=100)
    good = upload.add(age=50)
    peer.always = lambda r: Answer(422, '{"message":"profile is too odd"}') if bad.name.split(".")[2] in r.path else None
    upload.start()
    count(peer, 1)
    assert good.name.split(".")[2] in peer.accepted[0].path
    assert f"rejected web.service/{bad.name}" in upload.ledger("dav")
    assert "profile is too odd" in upload.messages()
    upload.stop()
    upload.start()
    time.sleep(1)
    assert len(peer.requests) == 2


@pytest.mark.seconds(120)
def test_a_poisonous_profile_is_put_aside_once_others_pass(upload, peer):
    upload.target("dav", put(peer))
    bad = upload.add(age=100)
    for i in range(4):
        upload.add(age=50 - i)
    peer.always = lambda r: Answer(503) if bad.name.split(".")[2] in r.path else None
    upload.start()
    count(peer, 4, 100)
    wait_until(lambda: f"rejected web.service/{bad.name}" in upload.ledger("dav"), 60, "quarantine")


@pytest.mark.seconds(120)
def test_a_profile_that_may_not_be_read_is_put_aside_once_others_pass(upload, peer):
    upload.target("dav", put(peer))
    bad = upload.add(age=100)
    bad.chmod(0)
    for i in range(4):
        upload.add(age=50 - i)
    upload.prefix = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]  # root reads everything
    upload.start()
    count(peer, 4, 100)
    wait_until(lambda: f"rejected web.service/{bad.name}" in upload.ledger("dav"), 60, "quarantine")
    assert "the profile may not be read" in upload.messages()


def test_an_expired_token_is_read_again_from_its_file(upload, peer):
    token = upload.secret("token", "old-secret\n")
    upload.target("dav", put(peer, f"BearerTokenFile={token}\nInsecure=yes"))
    peer.always = lambda r: None if r.headers["Authorization"] == "Bearer new-secret" else Answer(401)
    upload.add()
    upload.start()
    wait_until(lambda: peer.requests, 5)
    token.write_text("new-secret\n")
    count(peer, 1, 15)
    assert "secret" not in upload.messages()


def test_a_credential_of_systemd_is_a_secret_too(upload, peer, tmp_path):
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials/profiles").write_text("from-systemd")
    upload.environment["CREDENTIALS_DIRECTORY"] = str(tmp_path / "credentials")
    upload.target("dav", put(peer, "User=me\nPasswordCredential=profiles\nInsecure=yes"))
    upload.add()
    upload.start()
    count(peer, 1)
    assert peer.accepted[0].headers["Authorization"] == "Basic bWU6ZnJvbS1zeXN0ZW1k"
    arguments = pathlib.Path(f"/proc/{upload.process.pid}/cmdline").read_bytes()
    assert b"from-systemd" not in arguments


def test_a_full_disk_costs_no_profile(upload, peer, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("needs root: it mounts a file system")
    upload.state.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64K", "small", upload.state], check=True)
    try:
        upload.target("dav", put(peer))
        upload.start()
        wait_until(lambda: (upload.state / "dav.ledger").exists())
        fill(upload.state / "ballast")
        for i in range(120):
            upload.add(age=300 - i)
        count(peer, 120, 20)
        (upload.state / "ballast").unlink()
        upload.add(age=10)
        wait_until(lambda: len(upload.ledger("dav")) == 121, 10, "the notes")
        assert len(peer.accepted) == 121
    finally:
        upload.stop()
        subprocess.run(["umount", upload.state], check=True)


def test_profiles_that_are_too_old_are_dropped_and_counted(upload, peer):
    upload.target("dav", put(peer, "MaxAgeSec=10min"))
    upload.add(age=1200)
    upload.add(age=60)
    upload.start()
    count(peer, 1)
    time.sleep(0.5)
    assert len(peer.requests) == 1


def test_catching_up_keeps_to_the_bandwidth(upload, peer):
    upload.target("dav", put(peer, "BandwidthMax=64K"))
    total = sum(upload.add(age=3600 - i, pad=60 << 10).stat().st_size for i in range(6))
    start = time.monotonic()
    upload.start()
    count(peer, 6, 40)
    assert time.monotonic() - start > 0.8 * (total - total / 6) / (64 << 10)


@pytest.mark.seconds(120)
def test_a_day_of_downtime_is_caught_up_cheaply(upload, peer):
    upload.target("dav", put(peer))
    for i in range(1440):
        upload.add(age=86400 - 60 * i)
    upload.start()
    count(peer, 1440, 90)
    times = pathlib.Path(f"/proc/{upload.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    cpu = (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")
    status = pathlib.Path(f"/proc/{upload.process.pid}/status").read_text()
    peak = int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])
    print(f"1440 profiles: {cpu:.2f} s of CPU, {peak} KiB at most")
    assert cpu < 10 and peak < 64 << 10


# ---- TLS ----

@pytest.fixture
def certificates(tmp_path):
    """ca, and a server certificate for another name as well as one for this."""
    def openssl(*arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)

    directory = tmp_path / "tls"
    directory.mkdir()
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
            "/CN=test-ca", "-keyout", directory / "ca.key", "-out", directory / "ca.pem")
    for name, alternative in (("right", "IP:127.0.0.1"), ("wrong", "DNS:elsewhere.example")):
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                "-keyout", directory / f"{name}.key", "-out", directory / f"{name}.csr")
        (directory / "extensions").write_text(f"subjectAltName={alternative}\n")
        openssl("x509", "-req", "-in", directory / f"{name}.csr", "-CA", directory / "ca.pem", "-CAkey",
                directory / "ca.key", "-CAcreateserial", "-days", "2", "-extfile", directory / "extensions", "-out",
                directory / f"{name}.pem")
    return directory


def put_tls(peer, more):
    return put(peer, more).replace("http://", "https://")


def test_tls_with_a_ca_and_a_client_certificate(upload, certificates):
    context = tls_context(certificates / "right.pem", certificates / "right.key", certificates / "ca.pem")
    with Peer(tls=context) as peer:
        upload.target("dav", put_tls(peer, f"CAFile={certificates}/ca.pem\n"
                                     f"ClientCertificateFile={certificates}/wrong.pem\n"
                                     f"ClientKeyFile={certificates}/wrong.key"))
        upload.add()
        upload.start()
        count(peer, 1)


@pytest.mark.parametrize("name, ca", [("wrong", True), ("right", False)])
def test_a_wrong_certificate_is_refused(upload, certificates, name, ca):
    with Peer(tls=tls_context(certificates / f"{name}.pem", certificates / f"{name}.key")) as peer:
        upload.target("dav", put_tls(peer, f"CAFile={certificates}/ca.pem" if ca else ""))
        upload.add()
        upload.start()
        wait_until(lambda: "certificate" in upload.messages(), 8, "the reason")
        assert not peer.requests and not upload.ledger("dav")


def test_a_certificate_is_not_asked_for_where_that_is_said(upload, certificates):
    with Peer(tls=tls_context(certificates / "wrong.pem", certificates / "wrong.key")) as peer:
        upload.target("dav", put_tls(peer, "VerifyPeer=no"))
        upload.add()
        upload.start()
        count(peer, 1)
        assert "VerifyPeer=no" in upload.messages()


# ---- configuration ----

@pytest.mark.parametrize("text, complaint", [
    ("URL=https://host/{unit}", "Protocol= is missing"),
    ("Protocol=ftp\nURL=https://host/", "Protocol=ftp"),
    ("Protocol=http\nURL=https://user:secret@host/{unit}", "Failed to parse URL"),
    ("Protocol=http\nURL=https://host/{uint}", "not known"),
    ("Protocol=http\nURL=https://{host}/x", "Failed to parse URL"),
    ("Protocol=http\nURL=http://host/{unit}\nBearerTokenFile=/etc/token", "in the clear"),
    ("Protocol=profefe\nURL=https://host/\nTransport=grpc", "Transport=grpc"),
    ("Protocol=s3\nURL=https://host/b/{unit}", "secret key"),
    ("Protocol=http\nURL=https://host/{unit}\nVerifyPeer=nope", "VerifyPeer=nope"),
])
def test_a_target_that_is_not_safe_to_guess_is_left_out(upload, text, complaint):
    upload.target("bad", text)
    result = upload.check()
    assert result.returncode == 78 and complaint in result.stderr, result.stderr
    assert not result.stdout


def test_without_a_target_it_ends_with_78(upload):
    upload.start()
    assert upload.process.wait(10) == 78
    assert "uploads.d" in upload.messages()


def test_a_new_configuration_is_taken_up_without_a_restart(upload, peer):
    upload.target("dav", put(peer))
    upload.add(age=100)
    upload.start()
    count(peer, 1)
    with Peer() as second:
        upload.target("other", put(second))
        upload.process.send_signal(signal.SIGHUP)
        count(second, 1)
        time.sleep(0.3)
        assert len(peer.requests) == 1
        assert upload.stop() == 0


def test_a_stop_does_not_wait_for_a_server_that_is_stuck(upload, peer):
    upload.target("dav", put(peer))
    peer.faults = [Answer(201, delay=20)]
    upload.add()
    upload.start()
    wait_until(lambda: peer.requests, 5)
    start = time.monotonic()
    assert upload.stop() == 0
    assert time.monotonic() - start < 12
    assert not upload.ledger("dav")


def test_a_stop_lets_an_answer_come_in_that_is_on_its_way(upload, peer):
    upload.target("dav", put(peer))
    peer.faults = [Answer(201, delay=2)]
    upload.add()
    upload.start()
    wait_until(lambda: peer.requests, 5)
    assert upload.stop() == 0
    assert len(upload.ledger("dav")) == 1


def test_profiles_that_cannot_be_read_as_such_are_put_aside(upload):
    with Peer(judge=Profefe()) as peer:
        upload.target("profefe", f"Protocol=profefe\nURL=http://127.0.0.1:{peer.port}")
        bad = upload.add(age=100, data=b"\x1f\x8b" + bytes(100))
        upload.add(age=50, data=make_profile(int(time.time() * 1e6)))
        upload.start()
        count(peer, 1)
        assert f"rejected web.service/{bad.name}" in upload.ledger("profefe")
