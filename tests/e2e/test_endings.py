"""Who ended a request and in which phase, as HAProxy's termination states tell: every way in which one can end, by itself."""

import socket
import time

import pytest

from harness import client
from harness.gateway import proxy_to
from harness.procs import free_port, wait_until

OK = b"HTTP/1.1 200 OK\r\n"
LARGE = OK + b"Content-Length: 100000000\r\n\r\n"


def trickle(r, c):
    c.send(LARGE)
    while not c.gone.wait(0.05):
        c.send(b"x")


def flood(r, c):
    c.send(LARGE + b"x" * 50_000_000)


def websocket(r, c):
    c.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
    c.wait_gone()


def then_closed(data):
    def answer(r, c):
        c.send(data)
        c.close = True
    return answer


def then_mute(data=b""):
    def answer(r, c):
        c.send(data)
        c.wait_gone()
    return answer


# The path is the name: what the upstream does, what is seen in the end.
UPSTREAM = {
    "closed": (then_closed(b""), "upstream_closed", "upstream", "first_byte"),
    "closed_in_head": (then_closed(OK + b"X-A: b\r\n"), "upstream_closed", "upstream", "response_head"),
    "no_http": (then_closed(b"nonsense\r\n\r\n"), "upstream_malformed", "upstream", "response_head"),
    "bad_field": (then_closed(OK + b"X A: b\r\n\r\n"), "upstream_malformed", "upstream", "response_head"),
    "closed_in_body": (then_closed(OK + b"Content-Length: 9\r\n\r\nabc"), "upstream_aborted", "upstream", "response_body"),
    "mute": (then_mute(), "upstream_first_byte_timeout", "upstream", "first_byte"),
    "mute_in_head": (then_mute(OK), "upstream_first_byte_timeout", "upstream", "response_head"),
    "mute_in_body": (then_mute(OK + b"Content-Length: 9\r\n\r\nabc"), "upstream_stalled", "upstream", "response_body"),
    "too_long": (trickle, "request_timeout", "gateway", "response_body"),
}


def answer(r, c):
    what = r.path.strip("/").split("/")[0]
    if what in UPSTREAM:
        UPSTREAM[what][0](r, c)
    elif what in ("flood", "websocket"):
        {"flood": flood, "websocket": websocket}[what](r, c)
    elif what == "body":
        then_mute(LARGE + b"abc")(r, c)
    elif r.header("Content-Length"):
        for _ in c.body(r):
            pass
        c.wait_gone()
    else:
        c.wait_gone()


@pytest.fixture(scope="module")
def site(lasting_gateway, lasting_serve):
    config = proxy_to(lasting_serve(answer))
    config["timeouts"] = {"client_head": "300ms", "client_body": "300ms", "first_byte": "300ms", "idle": "400ms", "total": "1500ms",
                          "connect": "200ms", "tunnel_idle": "300ms", "queue": "200ms", "drain": "1s"}
    full = socket.socket()  # whose queue is full
    full.bind(("127.0.0.1", 0))
    full.listen(0)
    waiting = [socket.create_connection(full.getsockname())]
    config["upstreams"]["full"] = {"endpoints": ["127.0.0.1:%d" % full.getsockname()[1]]}
    config["upstreams"]["absent"] = {"endpoints": [f"127.0.0.1:{free_port()}"]}
    config["upstreams"]["one"] = {"endpoints": [config["upstreams"]["u"]["endpoints"][0]], "max_connections": 1, "queue": 10}
    config["routes"] += [{"path": f"/{name}", "upstream": name} for name in ("full", "absent", "one")]
    gw = lasting_gateway(config | {"workers": 1})
    gw.kept = full, waiting
    return gw


def ends(gw, path, reason, by, phase):
    e = gw.logged(path=path)
    assert (e["reason"], e["ended_by"], e["phase"]) == (reason, by, phase), e
    return e


@pytest.mark.parametrize("name", UPSTREAM)
def test_upstream(site, name):
    _, reason, by, phase = UPSTREAM[name]
    with site.connect() as c:
        c.send(client.request(f"/{name}"))
        try:
            c.read()
        except EOFError:
            pass
    ends(site, f"/{name}", reason, by, phase)


@pytest.mark.parametrize("name, reason", [("full", "upstream_connect_timeout"), ("absent", "upstream_connect_refused")])
def test_connect(site, name, reason):
    assert site.ask(f"/{name}").status in (502, 504)
    ends(site, f"/{name}", reason, "upstream", "connect")


def test_queue(site):
    with site.connect() as c:
        c.send(client.request("/one/a"))
        wait_until(lambda: site.status()["workers"][0]["in_flight"], 5)
        assert site.ask("/one/b").status == 503
    e = ends(site, "/one/b", "queue_timeout", "gateway", "queue")
    assert e["queue_us"] >= 100000


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("name, data, phase", [
    ("head", b"GET /head HTTP/1.1\r\nHost: t\r\nX", "head"),
    ("upload", client.request("/upload", "POST", headers={"Content-Length": "10"}) + b"abc", "request_body"),
    ("wait", client.request("/wait"), "first_byte"),
    ("body", client.request("/body"), "response_body")])
def test_client_that_goes(site, name, data, phase, how):
    before = len(site.access_log())
    c = site.connect()
    c.send(data.replace(b"/" + name.encode(), f"/{name}/{how}".encode()))
    if name == "body":
        c.read_until(b"abc")
    else:
        wait_until(lambda: site.status()["workers"][0]["in_flight"] or name == "head", 5)
        time.sleep(0.05)
    getattr(c, how)()
    e = wait_until(lambda: [e for e in site.access_log()[before:] if e["path"] == ("" if name == "head" else f"/{name}/{how}")], 5)[0]
    assert (e["reason"], e["ended_by"], e["phase"]) == ("client_gone", "client", phase), e


@pytest.mark.parametrize("data, reason, phase", [
    (b"GET / HTTP/1.1\r\nHost: t\r\nX", "client_head_timeout", "head"),
    (client.request("/late", "POST", headers={"Content-Length": "10"}) + b"abc", "client_body_timeout", "request_body")])
def test_client_that_is_slow(site, data, reason, phase):
    before = len(site.access_log())
    with site.connect() as c:
        c.send(data)
        assert c.read().status == 408
    e = wait_until(lambda: [e for e in site.access_log()[before:] if e.get("reason") == reason], 5)[0]
    assert (e["ended_by"], e["phase"]) == ("client", phase)


def test_client_that_does_not_read(site):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.connect(("127.0.0.1", site.port))
        s.sendall(client.request("/flood"))
        ends(site, "/flood", "client_stalled", "client", "response_body")


def test_tunnel_that_is_idle(site):
    with site.connect() as c:
        c.send(client.request("/websocket", headers={"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
                                                     "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}))
        c.read_until(b"\r\n\r\n")
        ends(site, "/websocket", "tunnel_idle", "gateway", "tunnel")


def test_drain(gateway, serve):
    gw = gateway(proxy_to(serve(answer)) | {"timeouts": {"drain": "500ms"}, "workers": 1})
    with gw.connect() as c, gw.connect() as d:
        c.send(client.request("/body"))
        d.send(client.request("/wait"))
        c.read_until(b"abc")
        wait_until(lambda: gw.status()["workers"][0]["in_flight"] == 2, 5)
        gw.stop()
    ends(gw, "/body", "draining", "gateway", "response_body")
    ends(gw, "/wait", "draining", "gateway", "first_byte")
