"""A mirror gets a copy of requests, nobody sees its answers, and the original neither waits for it nor fails with it."""

import threading
import time

from harness import client
from harness.gateway import BINARY
from harness.procs import run, wait_until


def config(up, shadow, percent=100, **route):
    return {"upstreams": {"u": {"endpoints": [up.address]}, "shadow": {"endpoints": [shadow if isinstance(shadow, str) else shadow.address]}},
            "health": {"enabled": False}, "limits": {"body": "1m"},
            "routes": [{"upstream": "u", "mirror": {"upstream": "shadow", "percent": percent}} | route]}


class Seen:
    """What a mirror was sent: (method, target, body), and the requests."""

    def __init__(self, answer=lambda r, c: c.reply(500, body=b"nobody sees this")):
        self.got, self.requests, self.answer = [], [], answer

    def __call__(self, r, c):
        self.got.append((r.method, r.target, c.read_body(r)))
        self.requests.append(r)
        self.answer(r, c)


def counted(gw, name):
    return sum(v for n, v in gw.metrics().items() if n.split("{")[0] == f"yett_{name}_total")


def test_copies(gateway, serve):
    seen = Seen()
    up, shadow = serve(), serve(seen)
    gw = gateway(config(up, shadow, strip_prefix=True, path="/api", request_headers={"set": {"X-Set": "1"}}))
    want = [("GET", "/a?b", b""), ("HEAD", "/a", b""), ("POST", "/a", b"abc"), ("PUT", "/a", b""), ("POST", "/a", b"x" * 65536)]
    with gw.connect() as c:
        for method, target, body in want:
            assert c.ask("/api" + target, method, body=body if method[0] == "P" else None).status == 200
        c.send(b"POST /api/chunked HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        time.sleep(0.1)
        c.send(b"2\r\nde\r\n0\r\n\r\n")
        assert c.read().json()["body"] == "abcde"
    want.append(("POST", "/chunked", b"abcde"))
    wait_until(lambda: sorted(seen.got) == sorted(want), what=lambda: seen.got)
    for r in seen.requests:
        assert r.header("X-Yett-Mirrored") == "1" and r.header("X-Set") == "1" and r.header("X-Forwarded-For") == "127.0.0.1"
        assert r.header("Host") == "test" and r.header("Connection") == "close"
    assert not any(r.header("X-Yett-Mirrored") for r in up.requests)
    wait_until(lambda: counted(gw, "mirrored") == len(want))
    assert counted(gw, "mirrors_dropped") == counted(gw, "mirrors_failed") == 0


def test_slow_body(gateway, serve):
    """One that comes in pieces, of a client that would have waited for a 100."""
    seen = Seen()
    gw = gateway(config(serve(), serve(seen)))
    with gw.connect() as c:
        c.send(client.request("/", "POST", headers={"Content-Length": "6", "Expect": "100-continue"}) + b"abc")
        time.sleep(0.1)
        c.send(b"def")
        assert c.read("POST").json()["body"] == "abcdef"
    wait_until(lambda: seen.got == [("POST", "/", b"abcdef")])
    assert seen.requests[0].header("Expect") is None


def test_too_large(gateway, serve):
    seen = Seen()
    gw = gateway(config(serve(lambda r, c: c.reply(body=str(len(c.read_body(r))).encode())), serve(seen)))
    assert gw.ask("/", "POST", body=b"x" * 65537).body == b"65537"
    with gw.connect() as c:
        c.send(b"POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n20000\r\n" + b"x" * 0x20000 + b"\r\n0\r\n\r\n")
        assert c.read("POST").body == b"131072"
    wait_until(lambda: counted(gw, "mirrors_dropped") == 2)
    assert seen.got == []


def test_a_client_that_gives_up(gateway, serve):
    seen = Seen()
    gw = gateway(config(serve(), serve(seen)))
    with gw.connect() as c:
        c.send(client.request("/", "POST", headers={"Content-Length": "6"}) + b"abc")
        time.sleep(0.1)
    wait_until(lambda: counted(gw, "mirrors_dropped") == 1)
    assert seen.got == []


def test_a_mirror_that_hangs_or_is_gone(gateway, serve):
    """More copies than may be under way: the rest is dropped, and no request is slower for it."""
    stop = threading.Event()
    gw = gateway(config(serve(), serve(lambda r, c: stop.wait(20))) | {"workers": 1})
    with gw.connect() as c:
        begin = time.monotonic()
        for _ in range(120):
            assert c.ask().status == 200
        assert time.monotonic() - begin < 5
    wait_until(lambda: (counted(gw, "mirrored"), counted(gw, "mirrors_dropped")) == (100, 20))
    stop.set()
    gw = gateway(config(serve(), "127.0.0.1:1"))
    assert [gw.ask().status for _ in range(5)] == [200] * 5
    wait_until(lambda: counted(gw, "mirrors_failed") == 5)


def test_strange_answers(gateway, serve):
    """A large body, rubbish, an early end: none of it matters."""
    shadow = serve(raw=lambda c: c.send({0: b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 3000000, 1: b"rubbish\r\n\r\n", 2: b""}[c.number % 3]))
    gw = gateway(config(serve(), shadow))
    assert [gw.ask("/", "HEAD").status for _ in range(6)] + [gw.ask().status for _ in range(6)] == [200] * 12
    wait_until(lambda: counted(gw, "mirrored") == 12)


def test_not_again_and_percent(gateway, serve):
    """Two gateways in a row both mirror: what is a copy already is not copied."""
    last, shadow = Seen(lambda r, c: c.reply()), Seen()
    second = gateway(config(serve(last), serve(shadow)))
    first = gateway(config(serve(), f"127.0.0.1:{second.port}"))
    first.ask("/copied")
    wait_until(lambda: last.got == [("GET", "/copied", b"")])
    second.ask("/asked")
    wait_until(lambda: [t for _, t, _ in shadow.got] == ["/asked"])
    none = Seen()
    gw = gateway(config(serve(), serve(none), percent=0))
    gw.ask()
    assert counted(gw, "mirrored") == counted(gw, "mirrors_dropped") == 0 and none.got == []


def test_mistakes(tmp_path):
    file = tmp_path / "yett.yaml"
    for mirror, told in (("{upstream: nobody}", 'mirror.upstream: there is no upstream "nobody"'), ("{percent: 5}", "upstream is missing"),
                         ("{upstream: u, percent: 101}", "out of range")):
        file.write_text("upstreams: {u: {endpoints: [h]}}\nroutes: [{upstream: u, mirror: " + mirror + "}]\n")
        done = run([BINARY, "check", "-c", str(file)])
        assert done.returncode == 1 and told in done.stderr, done.stderr
