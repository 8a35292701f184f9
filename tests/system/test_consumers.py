# SPDX-License-Identifier: Apache-2.0
"""Exports are opened by the programs that they are for, and show the names and the totals that they should.

speedscope and the engine of the Firefox Profiler come from npm; without them their tests are skipped:

    npm --prefix daemon/web/assets ci --ignore-scripts
    npm --prefix tests/system/consumers ci --ignore-scripts
"""

import collections
import functools
import http.server
import importlib.util
import json
import os
import pathlib
import shutil
import subprocess
import threading
import time

import pytest
from offline import CORPUS, ctl
from profile import Profile

HERE = pathlib.Path(__file__).resolve().parent / "consumers"
SPEEDSCOPE = HERE.parents[2] / "daemon/web/assets/node_modules/speedscope/dist/release"
FIREFOX = HERE / "node_modules/@firefox-devtools/profiler-cli/dist/profiler-cli.js"
FILES = ["go-cpu.pb", "written-cpu.pb.gz"]
NS_PER = {"ns": 1, "µs": 1e3, "ms": 1e6, "s": 1e9}


def needs(path, directory):
    if not path.exists():
        pytest.skip(f"needs packages of npm: npm --prefix {directory} ci --ignore-scripts")


@pytest.fixture(params=FILES)
def source(request):
    return CORPUS / request.param


@pytest.fixture
def export(profilerctl, source, tmp_path):
    def run(name):
        path = tmp_path / f"out.{name}"
        ctl(profilerctl, "export", source, f"--format={name}", "-o", path)
        return path

    return run


@pytest.fixture
def expected(profilerctl, source):
    """(self, cumulative) of each name, and the total, as the report has them."""
    report = json.loads(ctl(profilerctl, "report", source, "--lines=0", "--json=short").stdout)["reports"][0]
    self, cumulative = collections.Counter(), collections.Counter()
    for row in report["rows"]:
        self[row["name"]] += row["self"]
        cumulative[row["name"]] += row["cumulative"]
    return self, cumulative, report["total"]


# ---- speedscope ----

@pytest.fixture
def serve(tmp_path):
    """serve(file): the address of speedscope opening it."""
    needs(SPEEDSCOPE, "daemon/web/assets")
    root = tmp_path / "site"
    shutil.copytree(SPEEDSCOPE, root)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=root))
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def address(path):
        shutil.copy(path, root / "profile.json")
        return f"http://127.0.0.1:{server.server_port}/index.html#profileURL=/profile.json&title=shown"

    yield address
    server.shutdown()
    server.server_close()


def nanoseconds(cell):
    """'560.00ms (100%)' as speedscope rounds it."""
    text = cell.split()[0]
    unit = text.lstrip("0123456789.")
    return float(text[:len(text) - len(unit)]) * NS_PER[unit]


@pytest.mark.seconds(120)
def test_speedscope_shows_each_function_with_its_time(browser, serve, export, expected):
    self, cumulative, total = expected
    page = browser
    page.open(serve(export("speedscope")))
    page.wait("document.body.innerText.includes('Sandwich')", 60)
    page.press("3")
    rows = page.wait("(() => { const r = [...document.querySelectorAll('tr')].map((r) => [...r.cells].map((c) => "
                     "c.innerText)); const i = r.findIndex((c) => c[2] === 'Symbol Name'); "
                     "return i >= 0 && r.length > i + 1 ? r.slice(i + 1) : null })()")
    shown = {name: (nanoseconds(with_callees), nanoseconds(alone)) for with_callees, alone, name in rows}
    assert set(shown) == set(cumulative)
    for name, (with_callees, alone) in shown.items():
        assert with_callees == pytest.approx(cumulative[name], rel=0.01)
        assert alone == pytest.approx(self[name], rel=0.01)
    assert sum(alone for _, alone in shown.values()) == pytest.approx(total, rel=0.01)
    page.press("1")
    assert n_colors(page, page.driver.get_screenshot_as_base64()) > 3


# ---- Firefox Profiler ----

class FirefoxProfiler:
    """Its own code for reading profiles, as a server that its command line talks to."""

    def __init__(self, home):
        self.environment = {**os.environ, "HOME": str(home), "PROFILER_CLI_LOAD_TIMEOUT_MS": "60000"}

    def ask(self, *words, check=True):
        done = subprocess.run(["node", FIREFOX, *map(str, words)], env=self.environment, capture_output=True,
                              text=True, timeout=60, check=False)
        assert done.returncode == 0 or not check, done.stdout + done.stderr
        return done.stdout

    def load(self, path):
        """Its server takes longer to start on a busy host than it waits for it."""
        self.ask("load", path, check=False)
        end = time.monotonic() + 60
        while "t-0" not in self.ask("thread", "list", check=False):
            assert time.monotonic() < end, self.ask("load", path)
            time.sleep(0.5)


@pytest.fixture
def firefox(tmp_path):
    needs(FIREFOX, "tests/system/consumers")
    if not shutil.which("node"):
        pytest.skip("needs packages of npm, and node to run them: apt-get install nodejs")
    program = FirefoxProfiler(tmp_path)
    yield program
    program.ask("stop", "--all", check=False)


@pytest.mark.seconds(180)
def test_firefox_profiler_counts_the_same_samples(firefox, export):
    firefox.load(export("firefox"))
    found = json.loads(firefox.ask("thread", "functions", "--json", "--include-idle"))
    assert found["weightType"] == "samples"

    self, total = collections.Counter(), collections.Counter()
    for sample in Profile(export("pprof")).samples:
        names = [frame.name for frame in sample.frames]
        self[names[0]] += sample.values[0]
        total.update({name: sample.values[0] for name in set(names)})
    assert {f["name"]: f["selfSamples"] for f in found["functions"]} == {name: self[name] for name in total}
    assert {f["name"]: f["totalSamples"] for f in found["functions"]} == dict(total)


# ---- OpenTelemetry ----

@pytest.fixture(scope="session")
def otlp(tmp_path_factory):
    """The messages, compiled by protoc."""
    if not shutil.which("protoc"):
        pytest.skip("needs protoc: apt-get install protobuf-compiler")
    directory = tmp_path_factory.mktemp("otlp")
    subprocess.run(["protoc", f"-I{HERE}", f"--python_out={directory}", HERE / "profiles.proto"], check=True)
    spec = importlib.util.spec_from_file_location("profiles_pb2", directory / "profiles_pb2.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def messages(message):
    """The message and all within."""
    yield message
    for field, value in message.ListFields():
        if field.message_type:
            for inner in value if field.label == field.LABEL_REPEATED else [value]:
                yield from messages(inner)


def test_protobuf_knows_every_field_of_otlp(otlp, export):
    data = export("otlp").read_bytes()
    decoded = otlp.ProfilesData.FromString(data)
    sizes = decoded.ByteSize()
    for message in messages(decoded):
        message.DiscardUnknownFields()
    assert decoded.ByteSize() == sizes
    assert otlp.ProfilesData.FromString(decoded.SerializeToString(deterministic=True)) == decoded


def test_otlp_has_the_names_and_times_of_the_report(otlp, export, expected):
    decoded = otlp.ProfilesData.FromString(export("otlp").read_bytes())
    tables = decoded.dictionary
    profile = decoded.resource_profiles[0].scope_profiles[0].profiles[-1]
    self, cumulative = collections.Counter(), collections.Counter()
    for sample in profile.samples:
        stack = [tables.location_table[i] for i in tables.stack_table[sample.stack_index].location_indices]
        names = [tables.string_table[tables.function_table[line.function_index].name_strindex]
                 for location in stack for line in location.lines]
        self[names[0]] += sample.values[0]
        cumulative.update({name: sample.values[0] for name in set(names)})
    assert dict(cumulative) == dict(expected[1])
    assert {name: self[name] for name in cumulative} == dict(expected[0])


# ---- pictures ----

def n_colors(page, picture):
    """An empty picture has a single color. On a page of its own: that of a graph takes in nothing."""
    page.open("about:blank")
    return page.driver.execute_async_script("""
        const [data, done] = arguments;
        const image = new Image();
        image.onload = () => {
            const canvas = document.createElement('canvas');
            canvas.width = image.width; canvas.height = image.height;
            const context = canvas.getContext('2d');
            context.drawImage(image, 0, 0);
            const seen = new Set(new Uint32Array(context.getImageData(0, 0, image.width, image.height).data.buffer));
            done(seen.size);
        };
        image.onerror = () => done(0);
        image.src = 'data:image/png;base64,' + data;""", picture)


@pytest.mark.seconds(120)
@pytest.mark.parametrize("suffix", ["html", "svg"])
def test_a_flame_graph_can_be_seen_searched_and_zoomed(browser, profilerctl, source, suffix, tmp_path, expected):
    path = tmp_path / f"flame.{suffix}"
    ctl(profilerctl, "flame", source, "-o", path)
    page = browser
    page.open("about:blank")
    page.open(f"file://{path}")
    titles = page.js("return [...document.querySelectorAll('g.f title')].map((t) => t.textContent.split('\\n')[0])")
    assert set(expected[1]) <= {title.rpartition(" (")[0] or title for title in titles} | set(titles)
    plain = page.driver.get_screenshot_as_base64()

    hot = max(expected[0], key=expected[0].get)
    page.open("about:blank")
    page.open(f"file://{path}#search={hot.replace('.', '%5C.').replace(' ', '%20')}")
    assert page.all("g.hit")
    found = page.driver.get_screenshot_as_base64()
    page.open("about:blank")
    page.open(f"file://{path}#zoom=2")
    zoomed = page.driver.get_screenshot_as_base64()
    assert page.console() == []
    assert len({plain, found, zoomed}) == 3
    assert n_colors(page, plain) > 3
