"""Each phase of a request has its own time and its own reason; who goes on slowly, or was paused, is not cut. What is set here
is set for the route, and far from the defaults."""

import concurrent.futures
import socket
import time

import pytest

from harness import client
from harness.gateway import proxy_to

HEAD = b"HTTP/1.1 200 OK\r\n"
SWITCH = HEAD.replace(b"200 OK", b"101 Switching Protocols") + b"Connection: Upgrade\r\nUpgrade: chat\r\n\r\n"
BIG = 16 << 20


def silent(c):
    c.read_request()
    c.stay()


def says(data):
    def serve(c):
        c.read_request()
        c.send(data)
        c.stay()
    return serve


def floods(c):
    c.read_request()
    c.send(HEAD + b"Content-Length: %d\r\n\r\n" % BIG + b"x" * BIG)


def trickles(c):
    c.read_request()
    c.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    while True:
        c.chunk(b"x")
        time.sleep(0.05)


def upload(size, sent):
    return client.request("/", "POST", headers={"Content-Length": str(size)}) + b"x" * sent


GET = client.request("/")
UPGRADE = client.request(headers={"Connection": "Upgrade", "Upgrade": "chat"})
# phase: what the upstream does, what the client sends, the one time that is short; status (None: cut within the answer), reason.
PHASES = {
    "before the answer": (silent, GET, "first_byte", 504, "upstream_first_byte_timeout"),
    "within its head": (says(HEAD + b"A: b\r\n"), GET, "first_byte", 504, "upstream_first_byte_timeout"),
    "behind an interim answer": (says(b"HTTP/1.1 103 Early Hints\r\n\r\n"), GET, "first_byte", 504, "upstream_first_byte_timeout"),
    "within the answer": (says(HEAD + b"Content-Length: 9\r\n\r\nabc"), GET, "idle", None, "upstream_stalled"),
    "upstream does not read": (silent, upload(BIG, BIG), "idle", 504, "upstream_send_timeout"),
    "upstream reads no more behind its head": (says(HEAD + b"\r\n"), upload(BIG, BIG), "idle", None, "upstream_send_timeout"),
    "client does not read": (floods, GET, "idle", None, "client_stalled"),
    "client sends no body": (silent, upload(9, 0), "client_body", 408, "client_body_timeout"),
    "client stops within the body": (silent, upload(99999, 70000), "client_body", 408, "client_body_timeout"),
    "the same behind the answer's head": (says(HEAD + b"\r\n"), upload(9, 1), "client_body", None, "client_body_timeout"),
    "in all, before the answer": (silent, GET, "total", 504, "request_timeout"),
    "in all, within the body": (silent, upload(9, 1), "total", 408, "client_body_timeout"),
    "in all, within the answer": (trickles, GET, "total", None, "request_timeout"),
    "tunnel": (says(SWITCH), UPGRADE, "tunnel_idle", None, "tunnel_idle"),
}


def only(setting, short="300ms"):
    return {"timeouts": {"first_byte": "30s", "idle": "30s", "client_body": "30s"} | {setting: short}, "body_limit": "100m"}


def check_phase(gw, path, data, status, why):
    with gw.connect(5) as c:
        begin = time.monotonic()
        try:
            c.send(data.replace(b" / ", b" %s " % path.encode()))
        except OSError:  # it was cut while we sent
            pass
        if status:
            r = c.read()
            assert (r.status, r.why, r.json()["reason"]) == (status, why, why)
            assert 0.2 < time.monotonic() - begin < 3
        elif why != "client_stalled":
            with pytest.raises((EOFError, ConnectionResetError)):
                c.read()
                c.read_exactly(1)  # of the tunnel
        line = gw.logged(path=path)
        assert (line["reason"], line["status"]) == (why, status or (101 if why == "tunnel_idle" else 200))


def test_phases(gateway, serve):
    """All at once, each on a route of its own."""
    paths = {phase: "/" + phase.replace(" ", "-").replace("'", "").replace(",", "") for phase in PHASES}
    gw = gateway({"upstreams": {p[1:]: {"endpoints": [serve(raw=PHASES[phase][0]).address]} for phase, p in paths.items()},
                  "routes": [{"path": p, "upstream": p[1:]} | only(PHASES[phase][2]) for phase, p in paths.items()],
                  "health": {"enabled": False}})
    with concurrent.futures.ThreadPoolExecutor(len(PHASES)) as pool:
        running = {phase: pool.submit(check_phase, gw, p, PHASES[phase][1], *PHASES[phase][3:]) for phase, p in paths.items()}
        failed = {phase: repr(f.exception()) for phase, f in running.items() if f.exception()}
    assert not failed


@pytest.fixture
def full():
    """The address of a listener whose queue is full: nothing more connects."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        queue = [socket.socket() for _ in range(4)]
        for s in queue:
            s.setblocking(False)
            s.connect_ex(listener.getsockname())
        yield "127.0.0.1:%d" % listener.getsockname()[1]
        for s in queue:
            s.close()


def test_connecting(gateway, full):
    r = gateway(proxy_to(full, **only("connect"))).ask()
    assert (r.status, r.why) == (504, "upstream_connect_timeout")


def test_in_all_while_connecting(gateway, full):
    """Nobody takes the body yet: that it is not whole is no fault of the client."""
    with gateway(proxy_to(full, **only("total"))).connect() as c:
        c.send(upload(9, 1))
        r = c.read()
    assert (r.status, r.why) == (504, "request_timeout")


def test_last_of_the_body_waits_before_the_upstream(gateway, serve, tmp_path):
    """The client is done, and so is its time; a Unix socket takes little."""
    up = serve(raw=silent, path=str(tmp_path / "s"))
    r = gateway(proxy_to(up, **only("idle"))).ask("/", "POST", body=b"x" * 330_000)
    assert (r.status, r.why, r.json()["limit"]) == (504, "upstream_send_timeout", "timeouts.idle")


def test_slow_progress_is_not_cut(gateway, serve):
    """Both directions dribble for four times what each may be silent."""
    def echo_slowly(r, c):
        c.reply(headers={"Content-Length": "16"}, length=False)
        for piece in c.body(r):
            c.send(piece)
        for _ in range(8):
            time.sleep(0.1)
            c.send(b"y")
    gw = gateway(proxy_to(serve(echo_slowly), timeouts={"idle": "400ms", "client_body": "400ms", "first_byte": "400ms"}))
    with gw.connect() as c:
        c.send(upload(8, 0))
        for _ in range(8):
            time.sleep(0.1)
            c.send(b"x")
        assert c.read().body == b"x" * 8 + b"y" * 8


def test_client_paused_by_a_slow_upstream_is_not_blamed(gateway, serve, tmp_path):
    def read_slowly(r, c):
        left = int(r.header("Content-Length"))
        while left:
            left -= len(c.file.read1(min(left, 1 << 16)))
            time.sleep(0.02)
        r.body = b""
        c.reply(body=b"all")
    up = serve(read_slowly, path=str(tmp_path / "s"))
    gw = gateway(proxy_to(up, timeouts={"client_body": "100ms", "idle": "1s", "first_byte": "1s"}, body_limit="100m"))
    begin = time.monotonic()
    assert gw.ask("/", "POST", body=b"x" * (6 << 20), timeout=20).body == b"all"
    assert time.monotonic() - begin > 1.5


def test_upstream_paused_by_a_slow_client_is_not_blamed(gateway, serve):
    gw = gateway(proxy_to(serve(raw=floods), timeouts={"idle": "1s"}))
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    s.settimeout(5)
    s.connect(("127.0.0.1", gw.port))
    s.sendall(GET)
    got, begin = 0, time.monotonic()
    while time.monotonic() - begin < 2.5:
        got += len(s.recv(16384))
        time.sleep(0.02)
    while got < BIG and (data := s.recv(1 << 20)):
        got += len(data)
    s.close()
    assert got > BIG
