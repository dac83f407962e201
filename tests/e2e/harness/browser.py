"""Chromium without a window, with a home of its own; driven by the DevTools protocol over a pair of pipes
(https://chromedevtools.github.io/devtools-protocol). It verifies as it does for its users: what it trusts beyond its own
roots stands in its home's database."""

import base64
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time

from . import procs

# Without the sandbox, which root cannot have, and not everybody else: the pages are the tests' own.
OPTIONS = ["--headless=new", "--no-sandbox", "--remote-debugging-pipe", "--no-first-run", "--disable-gpu", "--disable-sync",
           "--disable-component-update", "--disable-background-networking", "--explicitly-allowed-ports=10080"]
# The protocol is spoken on descriptors 3 and 4.
ON_PIPES = ["sh", "-c", 'exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null']


class Refused(Exception):
    """By the browser, for this net error."""


class Browser:
    """Names below .example have their ports 80 and 443 at `plain` and `secure`, no other name but localhost has an address. `root`: file of a
    certificate to trust. `seconds`: for each thing that is waited for."""

    installed = shutil.which("chromium") and shutil.which("certutil")

    def __init__(self, root, plain, secure, seconds=30):
        self.seconds, self.last, self.rest = seconds, 0, b""
        self.events = []
        self.home = tempfile.mkdtemp(prefix="chromium-")
        self.trust(root)
        rules = f"MAP *.example:80 127.0.0.1:{plain},MAP *.example:443 127.0.0.1:{secure},MAP * ~NOTFOUND,EXCLUDE localhost"
        options = [*OPTIONS, f"--user-data-dir={self.home}/profile", f"--host-resolver-rules={rules}"]
        with open(os.path.join(self.home, "log"), "wb") as log:
            self.process = procs.spawn([*ON_PIPES, "chromium", *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       stderr=log, env=os.environ | {"HOME": self.home}, start_new_session=True)
        try:
            self.tab()
        except BaseException:
            self.finish()
            raise

    def tab(self):
        """Another one, which is looked at from here on; for `look`."""
        self.session = None
        page = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        self.ask("Page.enable")
        self.ask("Network.enable", maxPostDataSize=1)  # what is sent is not told
        self.ask("Page.setLifecycleEventsEnabled", enabled=True)
        return self.session

    def look(self, tab):
        self.session = tab
        self.ask("Page.bringToFront")

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
            data = self.ask("Page.captureScreenshot", format="png")["data"]
            with open(os.path.join(os.environ["YETT_SCREENSHOTS"], name + ".png"), "wb") as f:
                f.write(base64.b64decode(data))

    def screen(self, width, height, dark=False):
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def trust(self, root):
        database = os.path.join(self.home, ".pki", "nssdb")
        os.makedirs(database)
        for command in ["-N", "--empty-password"], ["-A", "-n", "root", "-t", "C,,", "-i", root]:
            p = procs.run(["certutil", *command, "-d", f"sql:{database}"])
            assert p.returncode == 0, p

    def log(self):
        with open(os.path.join(self.home, "log"), errors="replace") as f:
            return f.read()

    def receive(self, end):
        """The next message."""
        pipe = self.process.stdout.fileno()
        while b"\0" not in self.rest:
            if not select.select([pipe], [], [], max(0, end - time.monotonic()))[0]:
                raise AssertionError(f"the browser says nothing; its log:\n{self.log()}")
            data = os.read(pipe, 1 << 20)
            assert data, f"the browser has ended; its log:\n{self.log()}"
            self.rest += data
        message, _, self.rest = self.rest.partition(b"\0")
        return json.loads(message)

    def ask(self, method, **parameters):
        """The result of a method of the protocol."""
        self.last += 1
        message = {"id": self.last, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        self.process.stdin.write(json.dumps(message).encode() + b"\0")
        self.process.stdin.flush()
        end = time.monotonic() + self.seconds
        while (m := self.receive(end)).get("id") != self.last:
            self.events.append(m)
        assert "result" in m, m
        return m["result"]

    def event(self, method, **what):
        """The parameters of the first event with these members since the last visit began, which is waited for."""
        end, seen = time.monotonic() + self.seconds, 0
        while True:
            for m in self.events[seen:]:
                if m["method"] == method and what.items() <= m["params"].items():
                    return m["params"]
            seen = len(self.events)
            self.events.append(self.receive(end))

    def go(self, url):
        """Loads a page: the answer that it came with, a Response of the protocol's domain Network, with its text as `text`."""
        self.events.clear()
        got = self.ask("Page.navigate", url=url)
        if got.get("errorText"):
            raise Refused(got["errorText"])
        r = self.event("Network.responseReceived", loaderId=got["loaderId"], type="Document")["response"]
        self.event("Page.lifecycleEvent", loaderId=got["loaderId"], name="load")
        return r | {"text": self.run("document.documentElement.innerText")}

    def run(self, script):
        """The value of an expression of JavaScript in the page, or what its promise gives."""
        got = self.ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in got, got
        return got["result"].get("value")

    def finish(self):
        """With all of its processes, which are of one group."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()
        procs.forget(self.process)
        procs.wait_until(self.is_gone, what="the end of the browser")
        shutil.rmtree(self.home)

    def is_gone(self):
        try:
            os.killpg(self.process.pid, 0)
        except ProcessLookupError:
            return True
        return False
