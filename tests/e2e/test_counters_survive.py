"""Counters go on over kill -9 of the master: of all, of each route, of each endpoint. None falls, and in the end they
say exactly what was asked."""

import re
import threading
import time

from harness import client
from harness.procs import wait_until

COUNTER = re.compile(r"yett_[a-z_]+_(total|count|sum|bucket)\b")


class Clients:
    """Some threads that ask for the paths in turn, each over a new connection; what was answered 200."""

    def __init__(self, port, paths, threads=4):
        self.port, self.ok, self.failures, self.go = port, dict.fromkeys(paths, 0), [], True
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.run) for _ in range(threads)]

    def run(self):
        while self.go:
            for path in self.ok:
                try:
                    assert client.ask(self.port, path).status == 200
                    with self.lock:
                        self.ok[path] += 1
                except (OSError, EOFError, AssertionError) as e:
                    self.failures.append(repr(e))

    def __enter__(self):
        for t in self.threads:
            t.start()
        return self

    def __exit__(self, *_):
        self.go = False
        for t in self.threads:
            t.join()


class Watch:
    """Reads /metrics again and again: counters that fell, or went."""

    def __init__(self, gw):
        self.last, self.fallen, self.looks = {}, [], 0
        self.gw, self.go = gw, True
        self.thread = threading.Thread(target=self.run)

    def look(self):
        try:
            now = {n: v for n, v in self.gw.metrics().items() if COUNTER.match(n)}
        except (OSError, EOFError, AssertionError, ValueError):  # between two masters
            return
        if now:
            self.fallen += [(n, v, now.get(n)) for n, v in self.last.items() if now.get(n, 0) < v]
            self.last, self.looks = now, self.looks + 1

    def run(self):
        while self.go:
            self.look()
            time.sleep(0.01)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.go = False
        self.thread.join()


def configuration(ups, order):
    return {"workers": 2, "health": {"enabled": False}, "timeouts": {"drain": "20s"},
            "upstreams": {name: {"endpoints": [ups[name].address]} for name in order},
            "routes": [{"name": name, "path": f"/{name}", "upstream": name} for name in order]}


def test_of_routes_and_endpoints(gateway, serve):
    """Other masters have other rules, too, so that slots would be given to others; and a worker of the first one lives
    to see the third."""
    held = threading.Event()
    ups = {name: serve() for name in ("one", "two", "new")}
    ups["slow"] = serve(lambda r, c: (held.wait(20), c.reply(body=b"done")))
    gw = gateway(configuration(ups, ["one", "two", "slow"]))
    with Watch(gw) as watch:
        with Clients(gw.port, ["/one", "/two"]) as clients:
            time.sleep(0.3)
            waiting = gw.connect()
            waiting.send(client.request("/slow"))
            wait_until(lambda: ups["slow"].requests)
            for order in (["new", "slow", "two", "one"], ["two", "one", "new", "slow"]):
                gw.kill()
                time.sleep(0.2)  # its workers serve on
                gw.configure(configuration(ups, order))
                gw.start()
                time.sleep(0.3)
            held.set()
            assert waiting.read().body == b"done"
            wait_until(lambda: gw.log().count("state=ended") >= 3, 10, what="the end of the first workers")
            time.sleep(0.2)
        assert clients.failures == [] and min(clients.ok.values()) > 20
        for _ in range(3):
            assert gw.ask("/new").status == 200
        waiting.close()
        expected = {"one": clients.ok["/one"], "two": clients.ok["/two"], "slow": 1, "new": 3}

        def counted(m):
            return {name: (m.get(f'yett_route_requests_total{{route="file:{name}",class="2xx"}}'),
                           m.get(f'yett_upstream_requests_total{{upstream="{name}",endpoint="{ups[name].address}"}}'))
                    for name in expected}
        wait_until(lambda: counted(gw.metrics()) == {name: (n, n) for name, n in expected.items()}, 3,
                   what=lambda: f"{expected}; {counted(gw.metrics())}")
        assert gw.metrics()['yett_requests_total{code="200",method="GET"}'] == sum(expected.values())
    assert watch.fallen == [] and watch.looks > 20
    assert {name: len(up.requests) for name, up in ups.items()} == expected
