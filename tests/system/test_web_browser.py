# SPDX-License-Identifier: Apache-2.0
"""The pages of profilerd-web, as a person uses them in a browser."""

import gzip
import os
import pathlib
import re
import subprocess
import time

import pytest
from machine import wait_until
from profile import Profile

pytestmark = pytest.mark.seconds(120)

UNIT = "shown.service"
SERVER = "/usr/libexec/profilerd-web"
DRAWN_MS = 1000  # of CPU for 10 000 frames: others may run here, too
STACKS, DEPTH = 250, 40
TRIES = 3


# ---- a server ----

class Site:
    def __init__(self, command, stderr):
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True)
        self.entry = self.process.stdout.readline().strip()
        assert self.entry, "profilerd-web did not start"
        self.base = re.match(r"http://[^/]*", self.entry)[0]

    def close(self):
        self.process.terminate()
        self.process.wait(10)


@pytest.fixture(scope="session")
def has_script():
    """Whether this build has what the script is made of."""
    table = (pathlib.Path(os.environ.get("BUILD", "")) / "daemon/web/assets/web-assets.c").read_text()
    if '"page.js"' not in table:
        pytest.skip("needs packages of npm: npm --prefix daemon/web/assets ci --ignore-scripts")


@pytest.fixture(scope="module")
def site(shared_machine, tmp_path_factory):
    """Three profiles of shown.service, and one more after a restart; the server runs where they are."""
    machine = shared_machine
    machine.systemctl("restart", "profilerd")
    for windows in (3, 1):
        machine.start("shown", machine.program("split"), 3)
        for _ in range(windows):
            machine.let_run("shown")
            machine.flush("shown")
            time.sleep(1)
        if windows > 1:
            machine.stop("shown")
    with open(tmp_path_factory.mktemp("web") / "log", "w") as log:
        found = Site(["nsenter", "-t", str(machine.container.leader), "-m", "--", SERVER, "--private"], log)
        yield found
        found.close()
    machine.stop("shown")


@pytest.fixture
def visit(browser, site):
    """visit(path): the page, once its script is done; all that it asks for is of this server."""
    asked = []

    def go(path, ready=True):
        browser.open(site.base + path)
        if ready:
            browser.wait("[...document.querySelectorAll('[data-tree], [data-strip]')].every((e) => e.dataset.state)")
            browser.wait("[...document.querySelectorAll('[data-tree]')].every((e) => !e.view || e.dataset.named)")
        asked.extend(browser.requests())
        return browser

    browser.driver.get(site.entry)
    yield go
    assert browser.console() == []
    asked.extend(browser.requests())
    assert [url for url in asked if not url.startswith(site.base) and not url.startswith("data:")] == []


@pytest.fixture
def unit_page(has_script, visit):
    return visit(f"/unit/{UNIT}?from=-1h")


def frames(page):
    """Names of the frames that are drawn, from the root on."""
    return page.js("return [...document.querySelectorAll('#graph g.frame')].map((g) => g.__data__.data.n)")


def click_frame(page, name):
    page.js("const g = [...document.querySelectorAll('#graph g.frame')].find((g) => g.__data__.data.n === arguments[0]);"
            "g.dispatchEvent(new MouseEvent('click', { bubbles: true }))", name)


def here(page):
    return page.js("return location.pathname + location.search + location.hash")


def n_profiles(page):
    return int(re.search(r"\((\d+) of \d+ profiles?\)", page.text(".summary"))[1])


def zoomed(page):
    return page.text("#crumbs [aria-current]")


# ---- a unit ----

def test_units_lead_to_their_graphs(has_script, visit, tmp_path):
    page = visit("/")
    row = next(row for row in page.all("#units tbody tr") if UNIT in row.text)
    page.screenshot("units-light", tmp_path)
    row.find_element("css selector", "a").click()
    page.wait("document.getElementById('flame')?.dataset.state === 'ready'")
    assert page.text("h1") == UNIT
    assert {"main", "spend_half", "spend_third", "spend_fifth"} <= set(frames(page))


def test_search_marks_frames_and_says_their_share(unit_page):
    page = unit_page
    page.type("#search", "SPEND_half")  # with capitals: as it is written
    page.wait("document.getElementById('matched').textContent === '0% matched in 0 frames'")
    page.type("#search", "spend_HALF$".lower())
    page.wait("document.querySelectorAll('#graph rect.hit').length > 0")
    share = float(re.match(r"([\d.]+)% matched in \d+ frame", page.text("#matched"))[1])
    assert 35 < share < 65
    assert "search=spend_half" in here(page)
    page.driver.refresh()
    page.wait("document.getElementById('flame')?.dataset.state === 'ready'")
    assert page.all("#graph rect.hit") and page.text("#matched").startswith(f"{share}".rstrip("0").rstrip("."))


def test_a_click_zooms_and_back_comes_back(unit_page):
    page = unit_page
    everything = frames(page)
    click_frame(page, "spend_half")
    page.wait("location.hash.includes('zoom=')")
    assert zoomed(page) == "spend_half"
    assert "spend_third" not in frames(page) and frames(page)[0] == "all"
    page.driver.back()
    page.wait("!location.hash.includes('zoom=')")
    assert zoomed(page) == "all" and frames(page) == everything
    page.driver.forward()
    page.wait("location.hash.includes('zoom=')")
    assert zoomed(page) == "spend_half"
    page.click("#reset")
    assert zoomed(page) == "all"


def test_a_zoom_can_be_passed_on(unit_page, visit):
    click_frame(unit_page, "spend_third")
    address = here(unit_page)
    page = visit(address)
    assert zoomed(page) == "spend_third"
    assert zoomed(visit(f"/unit/{UNIT}#zoom=nothing&flip=maybe")) == "all"


def test_the_graph_is_used_without_a_mouse(unit_page):
    from selenium.webdriver.common.keys import Keys

    page = unit_page
    page.press("/")
    assert page.js("return document.activeElement.id") == "search"
    page.press("spend_fifth", Keys.ENTER)
    page.wait("document.querySelectorAll('#graph rect.hit').length > 0")
    assert page.text("#detail").startswith("spend_fifth")
    page.press(Keys.ESCAPE)
    assert page.text("#matched") == "" and page.js("return document.activeElement.getAttribute('role')") == "tree"
    page.press(Keys.HOME, Keys.ARROW_DOWN, Keys.ARROW_DOWN)
    said = page.js("return document.getElementById(document.activeElement.getAttribute('aria-activedescendant'))"
                   ".getAttribute('aria-label')")
    assert page.text("#detail").replace(" · ", ", ") == said
    page.press(Keys.ENTER)
    name = zoomed(page)
    assert name != "all" and said.startswith(name)
    page.press(Keys.BACKSPACE)
    assert zoomed(page) != name
    page.press(Keys.ESCAPE)
    assert zoomed(page) == "all"


def test_the_root_may_be_below(unit_page):
    page = unit_page
    top = "return document.querySelector('#graph g.frame rect').getBoundingClientRect().top"
    before = page.js(top)
    page.click("#flip")
    assert page.js(top) > before
    assert page.js("return document.getElementById('flip').getAttribute('aria-pressed')") == "true"


def test_the_tree_can_be_read_as_text(unit_page):
    page = unit_page
    page.click(".call-tree > summary")
    page.wait("document.querySelector('.call-tree').innerText.includes('main')")


def test_a_function_shows_its_callers_and_callees(unit_page):
    page = unit_page
    link = next(link for link in page.all("#top td.name a") if link.text.endswith("spend_half"))
    link.click()
    page.wait("document.querySelector('tr.peek h3')")
    assert "descend" in page.text("tr.peek") and "itself" in page.text("tr.peek")
    link.click()
    assert not page.all("tr.peek")


def test_tables_are_sorted_and_filtered(unit_page):
    page = unit_page
    names = "return [...document.querySelectorAll('#top tbody tr')].filter((r) => !r.hidden).map((r) => r.cells[2].innerText.trim())"
    page.all("#top thead button")[2].click()
    assert page.js(names) == sorted(page.js(names), key=str.lower)
    assert page.all("#top th")[2].get_attribute("aria-sort") == "ascending"
    page.all("#top thead button")[0].click()
    shares = page.js("return [...document.querySelectorAll('#top tbody tr')].map((r) => parseFloat(r.cells[0].innerText))")
    assert shares == sorted(shares, reverse=True)


def test_a_stretch_of_the_strip_becomes_the_range(unit_page):
    page = unit_page
    everything = n_profiles(page)
    page.drag("#strip svg", 0.02, 0.2)
    page.wait("location.search.includes('to=%40')")
    page.wait("document.getElementById('flame')?.dataset.state === 'ready'")
    assert 1 <= n_profiles(page) < everything


def test_the_strip_is_used_without_a_mouse(unit_page):
    from selenium.webdriver.common.keys import Keys

    page = unit_page
    page.js("document.querySelector('#strip svg').focus()")
    page.press(Keys.ARROW_RIGHT)
    page.press(Keys.ENTER)
    page.wait("location.search.includes('to=%40')")
    page.wait("document.getElementById('flame')?.dataset.state === 'ready'")
    assert n_profiles(page) == 1


def test_what_is_shown_is_what_is_downloaded(unit_page, tmp_path):
    page = unit_page
    page.keep_downloads(tmp_path)
    page.click("a[href^='/download'][href*='format=pprof']")
    path = wait_until(lambda: next((p for p in tmp_path.iterdir() if p.suffix == ".gz"), None), 20, "a download")
    total = page.js("return document.getElementById('flame').view.tree.total")
    assert Profile(path).cpu_nsec == total


def test_the_command_line_can_be_copied(unit_page):
    page = unit_page
    assert page.text("code.command").startswith(f"profilerctl report {UNIT}")
    page.click("button.copy")
    page.wait("document.querySelector('.copy').nextElementSibling.textContent")


def test_speedscope_opens_the_same_profile(unit_page, browser, site):
    page = unit_page
    address = page.js("return document.querySelector('a[href^=\"/speedscope/\"]').getAttribute('href')")
    page.driver.get(page.js("return location.origin") + address)
    page.wait(f"document.title.includes({UNIT!r})", 30)
    foreign = [url for url in page.requests() if not url.startswith((site.base, "data:", "blob:"))]
    assert foreign == []
    # An importer of another format that it has on board is refused by the policy of the page.
    assert [line for line in page.console() if "Uncaught" in line and "WebAssembly" not in line] == []


# ---- waits ----

SLEEPERS = """
import threading, time
def sleeper():
    end = time.monotonic() + 3
    while time.monotonic() < end:
        time.sleep(0.05)
threads = [threading.Thread(target=sleeper) for _ in range(2)]
[t.start() for t in threads]
[t.join() for t in threads]
"""


def test_waits_are_counted_in_threads(machine, configure, browser, tmp_path):
    configure("", "[Match]\nUnit=waits.service\n[Profile]\nType=cpu offcpu\n")
    machine.start("waits", "/usr/bin/python3", "-c", SLEEPERS, RemainAfterExit="yes")
    machine.shell("while [ $(systemctl show -P SubState waits) = running ]; do sleep 0.1; done")
    machine.flush()
    with open(tmp_path / "log", "w") as log:
        site = Site(["nsenter", "-t", str(machine.container.leader), "-m", "--", SERVER, "--private"], log)
    try:
        browser.driver.get(site.entry)
        browser.open(f"{site.base}/unit/waits.service?type=offcpu&from=-1h")
        browser.wait("[...document.querySelectorAll('[data-tree], [data-strip]')].every((e) => e.dataset.state)"
                     " || !document.querySelector('script')")
        said = browser.text("main")
        assert "threads waiting" in browser.text(".summary") and "nanosleep" in said
        assert " cores" not in said
        assert browser.console() == []
    finally:
        site.close()
        machine.stop("waits")


# ---- two ranges ----

def test_two_starts_are_compared(has_script, visit, tmp_path):
    page = visit(f"/unit/{UNIT}?from=-1h")
    page.click("a[href^='/diff?restart=1']")
    page.wait("document.getElementById('flame')?.dataset.state === 'ready'")
    assert "▲ more" in page.text("#legend") and "★ new" in page.text("#legend")
    classes = page.js("return [...document.querySelectorAll('#graph g.frame > rect:first-child')].map((r) => r.classList[0])")
    assert set(classes) <= {"call", "same", "new", "more1", "more2", "more3", "less1", "less2", "less3"}
    assert page.audit() == []
    page.screenshot("diff-light", tmp_path)


def test_a_range_does_not_differ_from_itself(has_script, visit):
    page = visit(f"/diff?unit={UNIT}&from=-1h&base_from=-1h&base_to=now")
    classes = page.js("return [...document.querySelectorAll('#graph g.frame > rect:first-child')].map((r) => r.classList[0])")
    assert set(classes) == {"call", "same"}


def test_shares_may_be_compared_instead(has_script, visit):
    page = visit(f"/diff?unit={UNIT}&from=-1h&base_from=-1h&base_to=now")
    page.click("nav[aria-label=Measure] a:not([aria-current])")
    page.wait("document.getElementById('flame')?.dataset.state === 'ready' && location.search.includes('normalize=1')")
    assert "in percent of each total" in page.text("#changes caption")
    assert page.text("code.command").endswith("--normalize")
    page.click("nav[aria-label=Measure] a:not([aria-current])")
    page.wait("document.getElementById('flame')?.dataset.state === 'ready' && !location.search.includes('normalize')")


def test_the_page_of_units_keeps_itself_fresh(has_script, visit):
    page = visit("/")
    page.all("#units thead button")[0].click()
    page.js("document.activeElement.blur(); document.querySelector('#units').dataset.old = '1'")
    page.wait("document.querySelector('#units') && !document.querySelector('#units').dataset.old", 30)
    assert page.all("#units th")[0].get_attribute("aria-sort") == "ascending"


# ---- everybody ----

PAGES = {"units": "/", "unit": f"/unit/{UNIT}?from=-1h", "function": f"/unit/{UNIT}?from=-1h&function=spend_half",
         "diff": f"/diff?unit={UNIT}&from=-1h&base_from=-1h&base_to=now", "profiles": "/profiles",
         "pprof": "/debug/pprof/"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_everybody_can_read_it(visit, browser, name, scheme, tmp_path):
    browser.with_scheme(scheme)
    page = visit(PAGES[name])
    page.screenshot(f"{name}-{scheme}", tmp_path)
    assert page.audit() == []


@pytest.mark.parametrize("name", PAGES)
def test_it_is_of_use_without_a_script(visit, browser, name, tmp_path):
    browser.with_script(False)
    page = visit(PAGES[name], ready=False)
    page.screenshot(f"{name}-without-script", tmp_path)
    for picture in page.all("main img"):
        assert int(picture.get_property("naturalWidth")) > 0
    if name == "unit":
        assert len(page.all("main img")) == 2
        assert "spend_half" in page.text("#top")
        next(link for link in page.all("#top td.name a") if link.text == "spend_half").click()
        assert "descend" in page.text("#peek")


def test_a_narrow_screen_does_not_scroll_sideways(visit, browser, tmp_path):
    browser.send("Emulation.setDeviceMetricsOverride", width=400, height=800, deviceScaleFactor=1, mobile=True)
    try:
        page = visit(PAGES["unit"])
        page.screenshot("unit-narrow", tmp_path)
        assert page.js("return document.documentElement.scrollWidth") <= 400
    finally:
        browser.send("Emulation.clearDeviceMetricsOverride")


# ---- many frames ----

def varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out) + bytes([n])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def wide_profile(start_usec):
    """STACKS stacks of DEPTH frames, none of which is met twice: as pprof, by hand."""
    strings = ["", "samples", "count", "cpu", "nanoseconds"]
    out = bytearray()
    for name, unit in ((1, 2), (3, 4)):
        out += field(1, field(1, name) + field(2, unit))
    for stack in range(STACKS):
        ids = range(stack * DEPTH + 1, (stack + 1) * DEPTH + 1)
        out += field(2, field(1, b"".join(map(varint, reversed(ids)))) + field(2, varint(10) + varint(10 * 10101010)))
        for i in ids:
            strings.append(f"some::name_space::Class<{stack}>::method_{i % DEPTH}(std::string const&)")
            out += field(4, field(1, i) + field(4, field(1, i)))
            out += field(5, field(1, i) + field(2, len(strings) - 1))
    for string in strings:
        out += field(6, string)
    out += field(9, start_usec * 1000) + field(10, 60 * 10**9) + field(11, field(1, 3) + field(2, 4)) + field(12, 10101010)
    return gzip.compress(bytes(out))


def test_ten_thousand_frames_are_drawn_in_a_second(has_script, build, browser, tmp_path):
    start = int((time.time() - 120) * 1e6)
    directory = tmp_path / "store/wide.service"
    directory.mkdir(parents=True)
    (directory / f"cpu.{'0' * 31}1.{start}.60000000.pb.gz").write_bytes(wide_profile(start))
    with open(tmp_path / "log", "w") as log:
        site = Site([str(pathlib.Path(build) / "daemon/web/profilerd-web"), "--private", "-D", str(tmp_path / "store")], log)
    try:
        browser.driver.get(site.entry)
        times = []
        for _ in range(TRIES):
            browser.open(f"{site.base}/unit/wide.service?from=-1h")
            browser.wait("performance.getEntriesByName('flame').length > 0")
            times.append((browser.busy_ms(), browser.js("return performance.getEntriesByName('flame')[0].duration")))
            assert browser.js("return document.querySelectorAll('#graph g.frame').length") == STACKS * DEPTH + 1
        print("CPU of the whole page, and time until the graph was drawn:", times, "ms")
        assert min(busy for busy, drawn in times) < DRAWN_MS, times
    finally:
        site.close()
