# SPDX-License-Identifier: Apache-2.0
"""Flame graphs in a real browser, from the disk."""

import re

import pytest
from offline import CORPUS, ctl

HOSTILE = CORPUS / "hostile-names.pb.gz"


@pytest.fixture(params=["html", "svg"])
def graph(request, profilerctl, tmp_path):
    path = tmp_path / f"graph.{request.param}"
    ctl(profilerctl, "flame", HOSTILE, "-o", path)
    return path


@pytest.fixture
def show(browser):
    """show(path, state=""): the page of that file."""
    def open_page(path, state=""):
        browser.open("about:blank")
        browser.open(f"file://{path}#{state}")
        assert browser.console() == []
        return browser

    yield open_page
    assert browser.console() == []


SHOWN = "[...document.querySelectorAll('g.f')].filter((g) => g.style.display !== 'none')"


def n_shown(page):
    return page.js(f"return {SHOWN}.length")


def crumbs(page):
    return [button.text for button in page.all("#crumbs button")]


def focused(page):
    return page.js("return document.activeElement.querySelector('title').textContent.split('\\n')[0]")


def click_frame(page, index):
    """Where it is wide enough to be hit."""
    page.js("const g = document.querySelectorAll('g.f')[arguments[0]]; "
            "g.dispatchEvent(new MouseEvent('click', { bubbles: true }))", index)


@pytest.mark.seconds(120)
def test_all_frames_are_shown_at_first(show, graph):
    page = show(graph)
    assert n_shown(page) == graph.read_text().count('<g class="f ')
    assert crumbs(page) == ["all"]
    assert page.text("#matched") == ""


@pytest.mark.seconds(120)
def test_search_says_which_share_matches(show, graph):
    page = show(graph, "search=%5Emain%24")
    assert page.text("#matched") == "Matched: 100.0% in 1 frame"
    assert len(page.all("g.hit")) == 1
    assert show(graph, "search=no+such+function").text("#matched") == "Matched: 0.0% in 0 frames"
    assert show(graph, "search=(").text("#matched").startswith("Matched:")  # no expression: as it stands


@pytest.mark.seconds(120)
def test_zoom_shows_a_frame_its_callers_and_callees(show, graph):
    everything = n_shown(show(graph))
    page = show(graph, "zoom=5")
    assert 5 < n_shown(page) < everything
    assert crumbs(page)[0] == "all" and len(crumbs(page)) == 6


@pytest.mark.seconds(120)
def test_a_wrong_state_is_the_whole_graph(show, graph):
    assert crumbs(show(graph, "zoom=999999")) == ["all"]
    assert crumbs(show(graph, "zoom=-1&flip=maybe")) == ["all"]


@pytest.mark.seconds(120)
def test_a_click_zooms_and_back_comes_back(show, graph):
    page = show(graph)
    everything = n_shown(page)
    click_frame(page, 5)
    page.wait("location.hash === '#zoom=5'")
    assert n_shown(page) < everything
    page.driver.back()
    page.wait("location.hash === ''")
    page.wait(f"{SHOWN}.length === {everything}")
    click_frame(page, 5)
    page.click("#reset")
    assert n_shown(page) == everything


@pytest.mark.seconds(120)
def test_it_is_used_without_a_mouse(show, graph):
    from selenium.webdriver.common.keys import Keys

    page = show(graph)
    everything = n_shown(page)
    page.press("/")
    assert page.js("return document.activeElement.id") == "search"
    page.press("main")
    assert page.text("#matched").startswith("Matched:") and page.all("g.hit")
    page.press(Keys.ESCAPE)
    assert page.text("#matched") == ""
    page.press(Keys.ARROW_DOWN, Keys.ARROW_DOWN)
    below = focused(page)
    page.press(Keys.ARROW_UP)
    assert focused(page) != below
    page.press(Keys.ARROW_DOWN, Keys.ENTER)
    assert crumbs(page)[-1] == below
    page.press(Keys.BACKSPACE)
    assert crumbs(page)[-1] != below
    page.press(Keys.ESCAPE)
    assert n_shown(page) == everything and crumbs(page) == ["all"]


@pytest.mark.seconds(120)
def test_flip_puts_the_root_below(show, graph):
    page = show(graph)
    top = page.js("return document.querySelector('g.f rect').getBoundingClientRect().top")
    page.click("#flip")
    assert page.js("return document.querySelector('g.f rect').getBoundingClientRect().top") > top
    assert "flip=1" in page.js("return location.hash")


@pytest.mark.seconds(120)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_read_it(show, browser, graph, scheme, tmp_path):
    browser.with_scheme(scheme)
    page = show(graph)
    assert page.audit() == []
    page.screenshot(f"flame-{graph.suffix[1:]}-{scheme}", tmp_path)


@pytest.mark.seconds(120)
def test_names_make_no_elements(show, graph):
    page = show(graph)
    assert len(page.all("script")) == 1 and not page.all("b")
    assert "alert(1)" in page.js("return document.documentElement.textContent")  # as text


@pytest.mark.seconds(120)
def test_a_difference_opens_too(show, profilerctl, tmp_path):
    path = tmp_path / "difference.html"
    ctl(profilerctl, "diff", CORPUS / "go-cpu.pb", HOSTILE, "-o", path)
    page = show(path)
    assert page.all("g.f.new") and "★" in page.text("#legend")


def test_the_file_asks_for_nothing(graph):
    text = graph.read_text()
    assert not re.search(r'(src|href)="(?!#)', text)
    assert "url(" not in text and "@import" not in text and "fetch(" not in text
