# SPDX-License-Identifier: Apache-2.0
"""Flame graphs in a real browser, from the disk."""

import html
import re
import shutil
import subprocess

import pytest

from offline import CORPUS, ctl

HOSTILE = CORPUS / "hostile-names.pb.gz"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    program = shutil.which("chromium")
    if not program:
        pytest.skip("needs chromium: apt-get install chromium")
    home = tmp_path_factory.mktemp("browser")

    def open_page(path, state=""):
        """The document as it is after its script ran, and what it logged."""
        result = subprocess.run(
            [program, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={home}",
             "--enable-logging=stderr", "--virtual-time-budget=3000", "--dump-dom", f"file://{path}#{state}"],
            capture_output=True, text=True, timeout=50)
        assert result.returncode == 0, result.stderr
        console = [line for line in result.stderr.splitlines() if "CONSOLE" in line]
        assert not console, console
        return result.stdout

    return open_page


@pytest.fixture(params=["html", "svg"])
def graph(request, profilerctl, tmp_path):
    path = tmp_path / f"graph.{request.param}"
    ctl(profilerctl, "flame", HOSTILE, "-o", path)
    return path


def shown(dom):
    return [frame for frame in re.findall(r'<g class="f [^>]*>', dom) if "display: none" not in frame]


def matched(dom):
    return re.search(r'id="matched"[^>]*>([^<]*)<', dom)[1]


def crumbs(dom):
    box = re.search(r'id="crumbs"[^>]*>(.*?)</div>', dom, re.S)[1]
    return [html.unescape(name) for name in re.findall(r"<button[^>]*>([^<]*)<", box)]


@pytest.mark.seconds(120)
def test_all_frames_are_shown_at_first(browser, graph):
    dom = browser(graph)
    assert len(shown(dom)) == graph.read_text().count('<g class="f ')
    assert crumbs(dom) == ["all"]
    assert matched(dom) == ""


@pytest.mark.seconds(120)
def test_search_says_which_share_matches(browser, graph):
    dom = browser(graph, "search=%5Emain%24")
    assert matched(dom) == "Matched: 100.0% in 1 frame"
    assert len(re.findall(r'<g class="f [^"]*hit"', dom)) == 1
    assert matched(browser(graph, "search=no+such+function")) == "Matched: 0.0% in 0 frames"
    assert matched(browser(graph, "search=(")).startswith("Matched:")  # no expression: as it stands


@pytest.mark.seconds(120)
def test_zoom_shows_a_frame_its_callers_and_callees(browser, graph):
    everything, zoomed = browser(graph), browser(graph, "zoom=5")
    assert 5 < len(shown(zoomed)) < len(shown(everything))
    assert crumbs(zoomed)[0] == "all" and len(crumbs(zoomed)) == 6


@pytest.mark.seconds(120)
def test_a_wrong_state_is_the_whole_graph(browser, graph):
    assert crumbs(browser(graph, "zoom=999999")) == ["all"]
    assert crumbs(browser(graph, "zoom=-1&flip=maybe")) == ["all"]


@pytest.mark.seconds(120)
def test_names_make_no_elements(browser, graph):
    dom = browser(graph)
    assert dom.count("<script") == 1
    assert "alert(1)" in dom  # as text
    assert "<b>" not in dom


@pytest.mark.seconds(120)
def test_a_difference_opens_too(browser, profilerctl, tmp_path):
    path = tmp_path / "difference.html"
    ctl(profilerctl, "diff", CORPUS / "go-cpu.pb", HOSTILE, "-o", path)
    dom = browser(path)
    assert "★" in dom and 'class="f new"' in dom


def test_the_file_asks_for_nothing(graph):
    text = graph.read_text()
    assert not re.search(r'(src|href)="(?!#)', text)
    assert "url(" not in text and "@import" not in text and "fetch(" not in text
