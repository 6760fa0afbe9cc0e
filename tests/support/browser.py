"""A real browser (Chromium without a window) for scenarios: pages are opened, elements waited for."""
import contextlib

from support.wire import TIMEOUT

CHROMIUM = "/usr/bin/chromium"
DRIVER = "/usr/bin/chromedriver"  # Debian's: nothing is looked for elsewhere, let alone downloaded

QUIET = ["--headless=new", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
         "--disable-default-apps", "--disable-extensions", "--disable-sync", "--disable-features=Translate,OptimizationHints",
         "--no-proxy-server", "--disable-background-timer-throttling", "--disable-backgrounding-occluded-windows",
         "--disable-renderer-backgrounding"]
IN_CONTAINERS = ["--no-sandbox", "--disable-dev-shm-usage"]  # as root, and with the small /dev/shm that containers have


class Browser:
    """`driver` is Selenium's. Waiting means asking the page again until it says what is expected."""

    def __init__(self, profile, arguments=()):
        from selenium import webdriver
        from selenium.webdriver.chrome.options import Options
        from selenium.webdriver.chrome.service import Service
        options = Options()
        options.binary_location = CHROMIUM
        for argument in [*QUIET, *IN_CONTAINERS, f"--user-data-dir={profile}", *arguments]:
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(service=Service(DRIVER, log_path=f"{profile}.log"), options=options)
        self.driver.set_page_load_timeout(TIMEOUT)
        self.driver.set_script_timeout(TIMEOUT)

    def open(self, url):
        self.driver.get(url)
        return self

    def new_tab(self, url):
        """Opens a page in a tab of its own, which is the current one then; returns its handle."""
        self.driver.switch_to.new_window("tab")
        self.driver.get(url)
        return self.driver.current_window_handle

    def tab(self, handle):
        self.driver.switch_to.window(handle)
        return self

    def close_tab(self):
        """Closes the current tab; a blank one stays, so that the browser does."""
        closing = self.driver.current_window_handle
        blank = self.new_tab("about:blank")
        self.tab(closing).driver.close()
        return self.tab(blank)

    def forget(self):
        """Leaves a blank page alone: no other page, no cookie, nothing in the console. Ports are new in each scenario, so what pages
        keep by origin is never met again."""
        left = self.driver.window_handles
        blank = self.new_tab("about:blank")
        for page in left:
            self.tab(page).driver.close()
        self.tab(blank).driver.execute_cdp_cmd("Network.clearBrowserCookies", {})
        self.console()

    def find(self, selector):
        return self.driver.find_element("css selector", selector)

    def text(self, selector):
        return self.find(selector).text

    def type(self, selector, text, submit=False):
        element = self.find(selector)
        element.clear()
        element.send_keys(text + ("\n" if submit else ""))

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def run_async(self, script, *arguments):
        """A script that calls its last argument with the result; a promise's value with `await` in an async function."""
        return self.driver.execute_async_script(script, *arguments)

    def wait(self, condition, what):
        """Until condition(self) holds; elements that are not there (any more) count as no. Returns what it gave."""
        from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException, TimeoutException
        from selenium.webdriver.support.ui import WebDriverWait
        gone = [NoSuchElementException, StaleElementReferenceException]
        try:
            return WebDriverWait(self.driver, TIMEOUT, 0.05, gone).until(lambda _: condition(self))
        except TimeoutException:
            raise AssertionError(f"waited in vain for {what}; the page says:\n{self.text('body')}\n{self.console()}") from None

    def wait_text(self, selector, text):
        return self.wait(lambda b: text in b.text(selector), f"{text!r} in {selector}")

    def console(self):
        return "\n".join(entry["message"] for entry in self.driver.get_log("browser"))


@contextlib.contextmanager
def browsing(profile, arguments=()):
    browser = Browser(profile, arguments)
    try:
        yield browser
    finally:
        browser.driver.quit()
