# SPDX-License-Identifier: Apache-2.0
"""profilerd-web: pages, JSON, pprof, profefe and metrics on a store of files."""

import gzip
import html.parser
import os
import pathlib
import subprocess
import urllib.parse

import pytest
from profile import Profile
from webserver import MINUTE, NEWEST, UNIT, WebServer, make_store, profile_id

ALL = "from=2026-11-01T00:00:00Z"


@pytest.fixture(scope="session")
def program():
    path = pathlib.Path(os.environ.get("BUILD", "")) / "daemon/web/profilerd-web"
    if not path.exists():
        pytest.fail("BUILD must name a build directory of Meson.", pytrace=False)
    return str(path)


@pytest.fixture(scope="module")
def web(program, tmp_path_factory):
    directory = tmp_path_factory.mktemp("web")
    store = make_store(directory / "store")
    make_store(store, minutes=2, unit="hostile@a\\x2db.service", source="hostile-names.pb.gz")
    server = WebServer(program, store, directory)
    yield server
    server.close()


class Reader(html.parser.HTMLParser):
    """Checks that what is opened is closed, and collects links."""

    VOID = {"meta", "link", "img", "input", "br", "rect"}

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.stack, self.links, self.text = [], [], ""
        self.feed(text)
        assert not self.stack, f"open: {self.stack}"

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.links += [found[key] for key in ("href", "src", "data-tree", "data-strip") if found.get(key)]
        assert not any(key.startswith("on") for key in found), "a script in an attribute"
        if tag not in self.VOID:
            self.stack.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.stack.pop() == tag

    def handle_data(self, data):
        self.text += data


def page(web, path):
    answer = web.get(path)
    assert answer.status == 200, answer.text
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    return Reader(answer.text)


# ---- pages ----

def test_every_link_of_the_pages_leads_somewhere(web):
    # What the daemon would have to answer for, and what is not for this build.
    seen, todo = set(), ["/"]
    while todo and len(seen) < 150:
        path = todo.pop().split("#")[0]
        if path in seen or not path.startswith("/") or "now=1" in path or "seconds=10" in path:
            continue
        seen.add(path)
        answer = web.get(path)
        # Yesterday, or another start: there need not be a profile.
        assert answer.status in (200, 404), f"{path}: {answer.status}"
        if answer.status == 404:
            assert "from=" in path or "restart=" in path or path.startswith("/speedscope"), path
        elif not path.startswith("/speedscope") and answer.headers["Content-Type"].startswith("text/html") and "attachment" not in answer.headers.get(
                "Content-Disposition", ""):
            todo += Reader(answer.text).links
    assert len(seen) > 40


def test_the_units_are_listed_without_a_daemon(web):
    text = page(web, "/").text
    assert UNIT in text and "profilerd is not running" in text


def test_names_from_a_profile_cannot_become_markup(web):
    unit = urllib.parse.quote("hostile@a\\x2db.service")
    answer = web.get(f"/unit/{unit}?{ALL}")
    assert answer.status == 200
    Reader(answer.text)
    assert "<script>alert" not in answer.text


def test_a_page_says_in_three_parts_what_is_wrong(web):
    answer = web.get("/unit/none")
    assert answer.status == 404
    assert "No profile of none.service in this range." in Reader(answer.text).text


def test_the_callers_of_a_function_are_a_page(web):
    row = web.api("top", unit="nginx").json["rows"][0]
    text = page(web, "/unit/nginx?" + urllib.parse.urlencode({"function": row["name"]})).text
    assert "Callers" in text and "Callees" in text


# ---- JSON ----

def walk(node):
    yield node
    for child in node["c"]:
        yield from walk(child)


def test_a_tree_adds_up(web):
    tree = web.api("tree", unit="nginx").json
    assert tree["unit"] == UNIT and tree["unit_of_value"] == "nanoseconds" and tree["profiles"] == 10
    assert tree["root"]["v"] == tree["total"] > 0
    for node in walk(tree["root"]):
        assert sum(child["v"] for child in node["c"]) <= node["v"]
    assert sum(1 for _ in walk(tree["root"])) == tree["nodes"]


def test_small_frames_are_left_out_and_counted(web):
    whole = web.api("tree", unit="nginx", min=0).json
    part = web.api("tree", unit="nginx", min=0.2).json
    assert whole["folded_nodes"] == 0 and whole["folded"] == 0
    assert part["nodes"] + part["folded_nodes"] == whole["nodes"]
    assert 0 < part["folded"] <= 1
    assert all(node["v"] >= 0.2 * part["total"] for node in walk(part["root"]))


def test_a_search_is_answered_with_its_share(web):
    tree = web.api("tree", unit="nginx", min=0).json
    name = next(node["n"] for node in walk(tree["root"]) if node["k"] == "user")
    assert 0 < web.api("tree", unit="nginx", search=name.lower()).json["matched"] <= tree["total"]
    assert web.api("tree", unit="nginx", search="NoSuchName").json["matched"] == 0


def test_a_difference_with_itself_is_noise(web):
    tree = web.api("diff", unit="nginx", **{"from": "@1795182600", "base_from": "@1795182600", "base_to": "now"}).json
    assert tree["base_total"] == tree["total"]
    assert {node["d"] for node in walk(tree["root"])} == {"noise"}


def test_a_range_takes_the_profiles_that_overlap_it(web):
    strip = web.api("strip", unit="nginx", **{"from": f"@{NEWEST // 1000000 - 119}", "to": f"@{NEWEST // 1000000}"})
    # Each has the time in itself, not in its name.
    assert len(strip.json["strip"]) == 2


def test_errors_have_three_parts(web):
    answer = web.api("tree", unit="nginx", **{"from": "yesteryear"})
    assert answer.status == 400
    error = answer.json["error"]
    assert "from" in error["what"] and error["why"] and error["do"]
    for bad in ("tree", "tree?unit=*", "tree?unit=../etc", "diff?unit=nginx&restart=0", "top?unit=nginx&by=x",
                "peek?unit=nginx"):
        assert web.get(f"/api/v1/{bad}").status == 400, bad
    assert web.get("/api/v1/nope").status == 404


def test_stored_profiles_are_listed(web):
    profiles = web.api("profiles", unit="nginx").json["profiles"]
    assert [p["t"] for p in profiles] == [NEWEST - i * MINUTE for i in range(9, -1, -1)]
    assert profiles[-1]["id"] == profile_id(NEWEST)


# ---- downloads ----

@pytest.mark.parametrize("kind", ["pprof", "folded", "speedscope", "firefox", "json", "otlp", "svg", "html"])
def test_a_download_is_what_is_shown(web, kind, tmp_path):
    answer = web.get(f"/download?unit=nginx&format={kind}")
    assert answer.status == 200 and answer.body
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="nginx.service-2')
    if kind == "pprof":
        path = tmp_path / "x.pb.gz"
        path.write_bytes(answer.body)
        assert Profile(path).cpu_nsec == web.api("tree", unit="nginx").json["total"]


def test_one_thread_can_be_taken_alone(web, tmp_path):
    threads = web.api("threads", unit="nginx").json["rows"]
    for row in threads:
        if row["name"]:
            assert web.api("tree", unit="nginx", thread=row["name"]).json["total"] == row["self"]


# ---- tools ----

def pprof(url):
    return subprocess.run(["go", "tool", "pprof", "-raw", url], capture_output=True, text=True, timeout=50,
                          env={**os.environ, "PPROF_TMPDIR": "/tmp"})


@pytest.mark.parametrize("path", [
    "/debug/pprof/profile?unit=nginx&seconds=0",
    f"/debug/pprof/profile?unit=nginx&{ALL}",
    f"/api/0/profiles/merge?service=nginx&type=cpu&{ALL}",
    "/api/0/profiles/merge?service=nginx.service&type=cpu&from=2026-11-01T00:00:00&to=2027-01-01T00:00:00"
    "&labels=unit%3Dnginx.service",
    "/api/0/profiles/" + profile_id(NEWEST),
    "/api/0/profiles/" + profile_id(NEWEST) + "+" + profile_id(NEWEST - MINUTE),
    "/download?unit=nginx",
])
def test_go_tool_pprof_reads_it(go, web, path):
    result = pprof(web.url + path)
    assert result.returncode == 0, result.stderr
    assert "PeriodType: cpu nanoseconds" in result.stdout


def test_go_tool_pprof_prints_why_not(go, web):
    result = pprof(web.url + "/debug/pprof/profile?unit=none&seconds=0")
    assert result.returncode != 0
    assert "No profile of none.service" in result.stderr
    result = pprof(web.url + "/api/0/profiles/merge?service=none&type=cpu&from=2026-11-01T00:00:00")
    assert "nothing found" in result.stderr


def test_symbols_are_never_missing(web):
    for path in ("/symbolz", "/api/0/profiles/symbolz", "/debug/pprof/symbol"):
        answer = web.get(path, method="POST")
        assert answer.status == 200 and answer.text.startswith("num_symbols: ")


def test_profefe_lists_what_is_stored(web):
    answer = web.get("/api/0/profiles?service=nginx&from=2026-11-20T13:00:00&to=2026-11-20T14:00:00").json
    assert answer["code"] == 200 and len(answer["body"]) == 10
    first = answer["body"][0]
    assert first["id"] == profile_id(NEWEST - 9 * MINUTE) and first["type"] == "cpu" and first["service"] == UNIT
    assert first["created_at"] == "2026-11-20T13:51:00Z"
    assert {"key": "unit", "value": UNIT} in first["labels"]
    assert UNIT in web.get("/api/0/services").json["body"]
    assert web.get("/api/0/version").json["body"]["version"].startswith("profilerd ")


@pytest.mark.parametrize("query, status", [
    ("profiles?service=nginx", 400),
    ("profiles?service=nginx&from=2026-11-20", 200),
    ("profiles?service=nginx&from=2026-11-20T13:00:00&to=2026-11-19T13:00:00", 400),
    ("profiles?service=nginx&from=2026-11-20T13:00:00&to=2026-11-20T14:00:00&labels=unit%3Dother", 404),
    ("profiles?service=nginx&from=2026-11-20T13:00:00&labels=unit%3Dnginx.service%2Cboot_id%3D1", 404),
    ("profiles?service=nginx&from=2026-11-20T13:00:00&limit=2", 200),
    ("profiles?service=nginx&from=2026-11-20T13:00:00&type=nonsense", 200),
    ("profiles?service=nginx&from=2026-11-20T13:00:00&type=heap", 404),
    ("profiles/merge?service=nginx&from=2026-11-20T13:00:00", 400),
    ("profiles/merge?service=nginx&from=2026-11-20T13:00:00&type=trace", 405),
    ("profiles/merge?service=nginx&from=2026-11-20T13:00:00&type=nonsense", 405),
    ("profiles/nope", 404),
    ("profiles/..%2F..%2Fetc%2Fpasswd", 404),
    ("profiles/nginx.service%2F..%2F..%2Fetc%2Fpasswd", 404),
])
def test_profefe_answers_by_its_rules(web, query, status):
    answer = web.get(f"/api/0/{query}")
    assert answer.status == status, answer.text
    assert answer.json["code"] == status
    if status != 200:
        assert answer.json["error"] and answer.headers["X-Go-Pprof"] == "1"
        assert answer.headers["Content-Type"].startswith("text/plain")


def test_a_single_profile_is_what_is_stored(web):
    from offline import CORPUS
    assert web.get("/api/0/profiles/" + profile_id(NEWEST)).body == (CORPUS / "written-cpu.pb.gz").read_bytes()


def test_profiles_are_merged_by_id_as_the_first_request(program, tmp_path):
    ids = [profile_id(NEWEST - i * MINUTE) for i in range(3)]
    server = WebServer(program, make_store(tmp_path / "store"), tmp_path)
    try:
        all_three = server.get("/api/0/profiles/" + "+".join(ids))
        assert all_three.status == 200 and all_three.body
        # The same ends and the same number, but one between them that is gone.
        again = server.get("/api/0/profiles/" + "+".join([ids[0], profile_id(NEWEST + MINUTE), ids[2]]))
        assert again.status == 200 and again.body != all_three.body
    finally:
        server.close()


def test_assets_are_packed_and_kept(web):
    answer = web.get("/assets/page.css", {"Accept-Encoding": "br, gzip"})
    assert answer.headers["Content-Encoding"] == "gzip" and gzip.decompress(answer.body)
    again = web.get("/assets/page.css", {"If-None-Match": answer.headers["ETag"]})
    assert again.status == 304 and not again.body
    assert web.get("/assets/../page.css").status == 404


def test_who_does_not_take_gzip_gets_none(web):
    packed, plain, refused = (web.get("/assets/page.css", headers) for headers in (
        {"Accept-Encoding": "gzip"}, {}, {"Accept-Encoding": "gzip;q=0"}))
    for answer in plain, refused:
        assert "Content-Encoding" not in answer.headers and answer.headers["Vary"] == "Accept-Encoding"
        assert answer.body == gzip.decompress(packed.body)
