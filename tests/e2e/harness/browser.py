"""Chromium without a window, with a home of its own, driven by node/browser.js. It verifies as it does for its users: what it
trusts beyond its own roots stands in its home's database."""

import json
import os
import re
import select
import shutil
import signal
import tempfile

from . import node, procs

PACKAGE = "playwright-core"
OPTIONS = ["--disable-gpu", "--disable-sync", "--explicitly-allowed-ports=10080"]


class Refused(Exception):
    """By the browser, for this net error."""


class Browser:
    """Names below .example have their ports 80 and 443 at `plain` and `secure`, no other name but localhost has an address. `root`: file of a
    certificate to trust. `seconds`: for each thing that is waited for."""

    installed = shutil.which("chromium") and shutil.which("certutil") and not node.missing(PACKAGE)

    def __init__(self, root, plain, secure, seconds=30):
        self.seconds, self.tabs, self.groups = seconds, 1, []
        self.home = tempfile.mkdtemp(prefix="chromium-")
        self.trust(root)
        rules = f"MAP *.example:80 127.0.0.1:{plain},MAP *.example:443 127.0.0.1:{secure},MAP * ~NOTFOUND,EXCLUDE localhost"
        # Without the sandbox, which root cannot have, and not everybody else: the pages are the tests' own.
        options = {"executablePath": shutil.which("chromium"), "chromiumSandbox": False, "timeout": seconds * 1000,
                   "args": [*OPTIONS, f"--host-resolver-rules={rules}"]}
        with open(os.path.join(self.home, "log"), "wb") as log:
            self.driver = node.Node("browser.js", json.dumps(options), stderr=log,
                                    HOME=self.home, TMPDIR=self.home, DEBUG="pw:browser")
        try:
            self.answer()
        except BaseException:
            self.finish()
            raise

    def tab(self):
        """Another one, which is looked at from here on; its number, for `look`. The first one is 0."""
        self.ask("tab")
        self.tabs += 1
        return self.tabs - 1

    def look(self, tab):
        self.ask("look", tab)

    def until(self, script, what=None):
        """Waits until this is true of the page, whichever it has come to."""
        def holds():
            try:
                return self.run(script)
            except AssertionError:  # it is on its way to another one
                return False
        return procs.wait_until(holds, self.seconds, what=lambda: what or f"{script} at {self.run('location.href')}")

    def shot(self, name):
        """A picture of the page, where the environment names a folder for it."""
        if os.environ.get("YETT_SCREENSHOTS"):
            self.ask("shot", os.path.join(os.path.abspath(os.environ["YETT_SCREENSHOTS"]), name + ".png"))

    def complaints(self):
        """What the console says of errors of pages since it was asked the last time."""
        return self.ask("complaints")

    def screen(self, width, height, dark=False):
        """A narrow one is a phone's."""
        self.ask("screen", width, height, dark)

    def go(self, url):
        """Loads a page: the answer that it came with, a Response of the DevTools protocol's domain Network, with its text as `text`."""
        return self.ask("go", url)

    def run(self, script):
        """The value of an expression of JavaScript in the page, or what its promise gives."""
        return self.ask("run", script)

    def fill(self, where, text):
        """An input, by its selector, once it is there; so is `click`."""
        self.ask("fill", where, text)

    def click(self, where):
        self.ask("click", where)

    def trust(self, root):
        database = os.path.join(self.home, ".pki", "nssdb")
        os.makedirs(database)
        for command in ["-N", "--empty-password"], ["-A", "-n", "root", "-t", "C,,", "-i", root]:
            p = procs.run(["certutil", *command, "-d", f"sql:{database}"])
            assert p.returncode == 0, p

    def log(self):
        with open(os.path.join(self.home, "log"), errors="replace") as f:
            return f.read()

    def ask(self, *action):
        """What an action of node/browser.js gives."""
        self.driver.tell(json.dumps(action))
        return self.answer()

    def answer(self):
        ready, _, _ = select.select([self.driver.process.stdout], [], [], self.seconds + 5)  # its own limit is nearer
        line = ready and self.driver.line()
        assert line, f"the browser {'has ended' if ready else 'says nothing'}; its log:\n{self.log()}"
        told = json.loads(line)
        if refused := re.search(r"net::(\w+)", told.get("error", "")):
            raise Refused(refused[1])
        assert "error" not in told, f"{told['error']}\nthe browser's log:\n{self.log()}"
        return told.get("result")

    def finish(self):
        """With all of its processes, which are of a group of their own."""
        groups = procs.children(self.driver.process.pid)
        self.driver.kill()
        for group in groups:
            os.killpg(group, signal.SIGKILL)
        procs.wait_until(lambda: not any(map(self.is_there, groups)), what="the end of the browser")
        shutil.rmtree(self.home)

    @staticmethod
    def is_there(group):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return False
        return True
