"""`yett tail`: the access log as it comes, where there is none, too, of those requests that are asked for."""

import json
import os
import signal
import subprocess

from harness.gateway import proxy_to
from harness.procs import wait_until


class Tail:
    def __init__(self, gw, *words):
        self.out = os.path.join(gw.dir, "tail.out")
        with open(self.out, "wb") as out, open(self.out + ".err", "wb") as err:
            self.process = subprocess.Popen([gw.binary, "tail", *words, "-c", gw.file], stdout=out, stderr=err)

    def text(self):
        with open(self.out) as f:
            return f.read()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(5)


def test_lines_as_they_come(gateway, serve):
    """Of both workers; the log itself is off."""
    up = serve(lambda r, c: c.reply(404 if r.path.startswith("/none") else 200))
    gw = gateway(proxy_to(up, name="main") | {"workers": 2, "access_log": "off"})
    gw.ask("/before")
    with Tail(gw, "--json") as tail:
        def begun():
            gw.ask("/begin?token=geheim")
            return "/begin" in tail.text()

        wait_until(begun, 10)
        for i in range(20):
            gw.ask(f"/n/{i}")
        wait_until(lambda: all(f'"/n/{i}"' in tail.text() for i in range(20)), 5)
        lines = [json.loads(line) for line in tail.text().splitlines()]
        assert all(e["route"] == "file:main" and e["upstream"] == up.address for e in lines)
        assert "geheim" not in tail.text() and "/before" not in tail.text()
    with Tail(gw, "status=4xx", "path=/none", "route=file:main") as tail:
        def one():
            gw.ask("/fine")
            gw.ask("/none/x")
            return tail.text()

        wait_until(one, 10)
        assert "GET test/none/x route=file:main" in tail.text() and "/fine" not in tail.text()


def test_what_is_no_filter(gateway, serve):
    gw = gateway(proxy_to(serve()))
    for word, told in (("stauts=404", "is no filter"), ("status=4040", "is no status"), ("min=x", "is no duration"), ("path", "is no filter")):
        done = gw.cli("tail", word)
        assert done.returncode == 2 and told in done.stderr, done
