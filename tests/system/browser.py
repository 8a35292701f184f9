# SPDX-License-Identifier: Apache-2.0
"""A headless Chromium that is looked at from outside: what it shows, says, asks for and complains of.

    SCREENSHOTS=DIR     keeps the pictures that tests take
"""

import base64
import json
import os
import pathlib
import shutil
import time

WAIT_SECONDS = 20
AUDIT = pathlib.Path(__file__).with_name("audit.js").read_text()


def missing():
    """Why there is no browser here; None: there is one."""
    if not shutil.which("chromium") or not shutil.which("chromedriver"):
        return "needs a browser: apt-get install chromium chromium-driver"
    try:
        import selenium  # noqa: F401
    except ImportError:
        return "needs Selenium: apt-get install python3-selenium"
    return None


class Browser:
    def __init__(self, width=1400, height=1000):
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service

        options = webdriver.ChromeOptions()
        for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                         "--disable-background-networking", f"--window-size={width},{height}"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(service=Service(shutil.which("chromedriver")), options=options)
        self.send("Performance.enable", timeDomain="threadTicks")

    def close(self):
        self.driver.quit()

    # ---- going somewhere ----

    def open(self, url):
        """Forgets what was said before."""
        self.console()
        self.requests()
        self.driver.get(url)

    def send(self, command, **arguments):
        return self.driver.execute_cdp_cmd(command, arguments)

    def with_scheme(self, scheme):
        self.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def with_script(self, enabled):
        self.send("Emulation.setScriptExecutionDisabled", value=not enabled)

    def keep_downloads(self, directory):
        self.send("Page.setDownloadBehavior", behavior="allow", downloadPath=str(directory))

    # ---- looking ----

    def js(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def find(self, selector):
        return self.driver.find_element("css selector", selector)

    def all(self, selector):
        return self.driver.find_elements("css selector", selector)

    def text(self, selector):
        return self.find(selector).text

    def wait(self, script, seconds=WAIT_SECONDS):
        """Until the expression is true; returns it."""
        end = time.monotonic() + seconds
        while True:
            value = self.js(f"return {script}")
            if value:
                return value
            assert time.monotonic() < end, f"not true after {seconds} s: {script}\n{self.console()}"
            time.sleep(0.05)

    def console(self):
        """What was logged since the last time, without what a page may say to itself."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self):
        """Addresses asked for since the last time."""
        messages = (json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance"))
        return [message["params"]["request"]["url"] for message in messages
                if message["method"] == "Network.requestWillBeSent"]

    def busy_ms(self):
        """CPU time of the page since it was asked for: scripts, layout and style."""
        metrics = {m["name"]: m["value"] for m in self.send("Performance.getMetrics")["metrics"]}
        return metrics["TaskDuration"] * 1000

    def audit(self):
        """What keeps people from using the page, one line for each: see audit.js."""
        return self.js(AUDIT)

    def screenshot(self, name, fallback):
        directory = pathlib.Path(os.environ.get("SCREENSHOTS") or fallback)
        directory.mkdir(parents=True, exist_ok=True)
        size = self.js("const e = document.documentElement; return [e.clientWidth, e.scrollHeight]")
        picture = self.send("Page.captureScreenshot", captureBeyondViewport=True,
                            clip={"x": 0, "y": 0, "width": size[0], "height": min(size[1], 3000), "scale": 1})
        path = directory / f"{name}.png"
        path.write_bytes(base64.b64decode(picture["data"]))
        return path

    # ---- doing ----

    def click(self, selector):
        self.find(selector).click()

    def press(self, *keys):
        """Keys go to what has the focus."""
        from selenium.webdriver.common.action_chains import ActionChains

        ActionChains(self.driver).send_keys(*keys).perform()

    def type(self, selector, text):
        field = self.find(selector)
        field.clear()
        field.send_keys(text)

    def drag(self, selector, start, end):
        """Between two shares of the width."""
        from selenium.webdriver.common.action_chains import ActionChains

        element = self.find(selector)
        self.js("arguments[0].scrollIntoView({block: 'center'})", element)
        width = element.rect["width"]
        ActionChains(self.driver).move_to_element_with_offset(element, int(width * (start - 0.5)), 0) \
            .click_and_hold().move_by_offset(int(width * (end - start)), 0).release().perform()
