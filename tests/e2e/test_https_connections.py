"""Connections to upstreams over TLS: kept, resumed, kept apart, cut off; what a failed handshake leads to."""

import hashlib
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time

import pytest

from harness import client, procs
from harness.authority import Authority, replace
from harness.gateway import LONG, merge
from harness.procs import free_port, wait_until
from harness.tls_upstream import TlsUpstream, to

HOST = "127.0.0.1"
UPGRADE = {"Connection": "Upgrade", "Upgrade": "chat"}


def last_version(up, version):
    up.context.maximum_version = version
    return up


def closing(r, c):
    """Answers, and closes."""
    c.read_body(r)
    c.close = True
    c.reply(headers={"Connection": "close"}, body=b"done")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
@pytest.mark.parametrize("name", [HOST, "localhost"])
def test_sessions_are_resumed(gateway, secure, authority, roots, version, name):
    """A new connection to an endpoint costs no full handshake; a renewed certificate of it troubles nobody."""
    up = last_version(secure(authority.issue(name), closing, host_name=name), version)
    gw = gateway(to(up, ca=roots))
    assert [gw.ask("/").body for _ in range(20)] == [b"done"] * 20
    assert up.sessions == [False] + [True] * 19
    up.show(authority.issue(name))
    assert [gw.ask("/").body for _ in range(3)] == [b"done"] * 3 and not up.failed


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def test_old_verdicts_end(gateway, secure, authority, roots, version):
    """A session is not resumed when the certificate that was looked at has ended, nor, like a connection, by other roots."""
    short = last_version(secure(authority.issue(HOST, ends=3), closing), version)
    gw = gateway(to(short, ca=roots))
    assert [gw.ask("/").status for _ in range(3)] == [200] * 3 and short.sessions[1:] == [True, True]
    kept = last_version(secure(authority.issue(HOST)), version)
    other = gateway(to(kept, ca=roots))
    assert [other.ask("/").status for _ in range(3)] == [200] * 3 and kept.used == {0}
    replace(roots, Authority().pem)
    wait_until(lambda: other.ask("/").header("X-Yett-Reason") == "upstream_certificate_refused")
    wait_until(lambda: gw.ask("/").header("X-Yett-Reason") == "upstream_certificate_refused")


def test_kept_connections(gateway, secure, authority, roots):
    """Requests share a connection; one that the endpoint closes while it waits is not used again."""
    up = secure(authority.issue(HOST))
    gw = gateway(to(up, ca=roots))
    with gw.connect() as c:
        assert {c.ask("/").json()["connection"] for _ in range(20)} == {0}
    for _ in range(3):
        last = up.connections[-1]
        last.sock.shutdown(socket.SHUT_RDWR)
        assert last.gone.wait(5)
        time.sleep(0.1)
        answers = [gw.ask("/", "POST", body=b"x") for _ in range(3)]
        assert [a.status for a in answers] == [200] * 3


def test_pools_are_apart(gateway, secure, authority, roots):
    """The same address by other settings: other connections, and what one may do the other may not."""
    up = secure(authority.issue(HOST))
    config = {"upstreams": {"good": {"endpoints": [up.address], "tls": {"ca": roots}},
                            "same": {"endpoints": [up.address], "tls": {"ca": roots}},
                            "named": {"endpoints": [up.address], "tls": {"ca": roots, "server_name": "other.example"}},
                            "blind": {"endpoints": [up.address], "tls": {"insecure_skip_verify": True}}},
              "routes": [{"path": f"/{u}", "upstream": u} for u in ("good", "same", "named", "blind")],
              "health": {"enabled": False}, "workers": 1}
    gw = gateway(config)
    with gw.connect() as c:
        used = {path: [c.ask(path) for _ in range(3)] for path in ("/good", "/named", "/blind", "/same", "/good")}
    numbers = {path: {a.json()["connection"] for a in answers if a.status == 200} for path, answers in used.items()}
    assert numbers["/good"] == numbers["/same"] == {0} and numbers["/named"] == set()
    assert len(numbers["/blind"]) == 1 and numbers["/blind"] != {0}
    assert {a.header("X-Yett-Reason") for a in used["/named"]} == {"upstream_certificate_refused"}


def test_another_endpoint_is_tried(gateway, secure, serve, authority, roots):
    """As after a refused connection, also for POST; and bad ones are ejected."""
    good, bad = secure(authority.issue(HOST)), secure(authority.issue("127.0.0.9"))
    deaf = serve(raw=lambda c: c.reply(body=b"plain"))
    config = merge(to(good, ca=roots), {"ejection": {"failures": 2}})
    config["upstreams"]["u"]["endpoints"] += [bad.address, f"https://{deaf.address}"]
    gw = gateway(config)
    assert {gw.ask("/", "POST", body=b"x").json()["body"] for _ in range(12)} == {"x"}
    assert not bad.requests and bad.failed
    wait_until(lambda: any(e["ejections"] for e in gw.status()["upstreams"][0]["endpoints"]))


@pytest.mark.parametrize("size", [10, 1 << 21])
def test_alert_behind_the_request(gateway, serve, secure, authority, roots, size):
    """In TLS 1.3 an endpoint refuses a certificate, or has another complaint, when the request is on its way: nobody else gets
    it, or a part of it."""
    def ask_for_one(context):
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(roots)

    spare = serve()
    config = merge(to(secure(authority.issue(HOST), configure=ask_for_one), ca=roots),
                   {"upstreams": {"spare": {"endpoints": [spare.address]}}, "limits": {"body": "1g"}})
    config["routes"][0]["fallback"] = "spare"
    gw = gateway(config)
    for _ in range(3):
        with gw.connect() as c:
            c.send(client.request("/", "POST", headers={"Content-Length": str(size)}) + b"x" * size)
            answer = c.read("POST")
        assert answer.status == 502 and not spare.requests
    assert gw.ask("/").status == 200 and [r.method for r in spare.requests] == ["GET"]


def test_key_update(gateway, authority, roots, tmp_path):
    """It ends the request, and the log says why."""
    port = free_port()
    authority.issue(HOST).write(str(tmp_path / "s.pem"))
    server = procs.spawn(["openssl", "s_server", "-accept", f"{HOST}:{port}", "-cert", str(tmp_path / "s.pem")],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        gw = gateway({"upstreams": {"u": {"endpoints": [f"https://{HOST}:{port}"], "tls": {"ca": roots}}},
                      "routes": [{"upstream": "u"}], "health": {"enabled": False}, "limits": {"retries": "off"}, "workers": 1})
        assert any(line.startswith(b"ACCEPT") for line in server.stdout)
        with gw.connect() as c:
            c.send(client.request("/"))
            assert any(line.startswith(b"GET /") for line in server.stdout)
            server.stdin.write(b"k\n")
            server.stdin.flush()
            assert c.read().header("X-Yett-Reason") == "upstream_closed"
        wait_until(lambda: "such as a KeyUpdate" in gw.log())
    finally:
        server.kill()
        server.wait()
        procs.forget(server)


def test_no_tls_there(gateway, serve):
    up = serve(raw=lambda c: c.reply(400, body=b"no TLS here"))
    gw = gateway({"upstreams": {"u": {"endpoints": [f"https://{up.address}"]}}, "routes": [{"upstream": "u"}],
                  "health": {"enabled": False}})
    answer = gw.ask("/")
    assert (answer.status, answer.header("X-Yett-Reason")) == (502, "upstream_tls_failed")


def test_timeout_of_the_handshake(gateway, serve):
    """timeouts.connect is for the handshake, too."""
    up = serve(raw=lambda c: c.stay())
    gw = gateway({"upstreams": {"u": {"endpoints": [f"https://{up.address}"]}}, "routes": [{"upstream": "u"}],
                  "health": {"enabled": False}, "timeouts": {"connect": "300ms"}, "limits": {"retries": "off"}})
    started = time.monotonic()
    answer = gw.ask("/")
    assert (answer.status, answer.header("X-Yett-Reason")) == (504, "upstream_connect_timeout")
    assert 0.25 < time.monotonic() - started < 3


def digest(pieces):
    h = hashlib.blake2b()
    for p in pieces:
        h.update(p)
    return h.hexdigest()


PIECE = bytes(range(256)) * 256
PIECES = 2048 if LONG else 256


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_large_bodies(gateway, secure, authority, roots, version, framing):
    """Each way, and whoever reads is slow at times."""
    def slowly(r, c):
        h = hashlib.blake2b()
        for n, piece in enumerate(c.body(r)):
            h.update(piece)
            if n % 100 == 0:
                time.sleep(0.02)
        r.body = h.hexdigest()
        if framing == "length":
            c.reply(headers={"Content-Length": str(PIECES * len(PIECE)), "X-Digest": r.body}, length=False)
        else:
            c.reply(headers={"Transfer-Encoding": "chunked", "X-Digest": r.body}, length=False)
        for _ in range(PIECES):
            c.chunk(PIECE) if framing == "chunked" else c.send(PIECE)
        if framing == "chunked":
            c.send(b"0\r\n\r\n")

    up = last_version(secure(authority.issue(HOST), slowly), version)
    gw = gateway(merge(to(up, ca=roots), {"limits": {"body": "1g"}}))
    want = digest([PIECE] * PIECES)
    with gw.connect(30) as c:
        head = client.request("/", "POST", headers={"Content-Length": str(PIECES * len(PIECE))})
        sender = threading.Thread(target=lambda: [c.send(head)] + [c.send(PIECE) for _ in range(PIECES)])
        sender.start()
        answer = c.read("POST")
        sender.join()
    assert answer.header("X-Digest") == want and digest([answer.body]) == want


@pytest.mark.parametrize("clean", [True, False])
def test_cut_off(gateway, secure, authority, roots, clean):
    """A body that ends with the connection is whole only if the endpoint said so: an end without close_notify may be anybody's,
    and the client has to see it."""
    def without_length(r, c):
        c.close = True
        c.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"x" * 10000)

    up = secure(authority.issue(HOST), without_length, clean=clean)
    gw = gateway(to(up, ca=roots))
    with gw.connect() as c:
        c.send(client.request("/"))
        if clean:
            assert c.read().body == b"x" * 10000
        else:
            with pytest.raises((EOFError, OSError, ValueError, AssertionError)):
                c.read()


def test_upgrade(gateway, secure, authority, roots):
    def switching(r, c):
        c.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\nhello\n")
        c.close = True
        while line := c.file.readline():
            c.send(line.upper())

    with gateway(to(secure(authority.issue(HOST), switching), ca=roots)).connect() as c:
        c.send(client.request(headers=UPGRADE) + b"early\n")
        assert c.read().status == 101
        assert c.read_until(b"\n") == b"hello" and c.read_until(b"\n") == b"EARLY"
        for n in range(20):
            c.send(b"x" * 70000 + b"%d\n" % n)
            assert c.read_until(b"\n") == b"X" * 70000 + b"%d" % n


def test_mirror(gateway, serve, secure, authority, roots):
    shadow, up = secure(authority.issue(HOST)), serve()
    config = {"upstreams": {"u": {"endpoints": [up.address]}, "shadow": {"endpoints": [shadow.address], "tls": {"ca": roots}}},
              "routes": [{"upstream": "u", "mirror": {"upstream": "shadow"}}], "health": {"enabled": False}}
    assert gateway(config).ask("/", "POST", body=b"abc").status == 200
    wait_until(lambda: [(r.method, r.body) for r in shadow.requests] == [("POST", b"abc")])


class Proxied(TlsUpstream):
    """Takes a line of the PROXY protocol before the handshake."""

    def _run(self, c):
        c.lines = b""
        while not c.lines.endswith(b"\r\n"):
            c.lines += c.sock.recv(1)
        super()._run(c)


def test_proxy_header_is_in_clear(gateway, authority, roots, tmp_path):
    up = Proxied(authority.issue(HOST), str(tmp_path))
    gw = gateway(merge(to(up, health=True, ca=roots), {"upstreams": {"u": {"proxy_protocol": "v1"}}}))
    assert gw.ask("/").status == 200
    wait_until(lambda: gw.status()["upstreams"][0]["endpoints"][0]["state"] == "alive")
    assert up.requests[0].connection.lines.startswith(b"PROXY TCP4 127.0.0.1 ")
    up.stop()


@pytest.mark.skipif(not shutil.which("nginx"), reason="no nginx")
def test_nginx(gateway, authority, roots, tmp_path):
    """Behind nginx: kept connections, HTTP/1.1 by ALPN, its own order of suites."""
    port, pair = free_port(), authority.issue("localhost", kind="rsa")
    pair.write(str(tmp_path / "n.pem"), str(tmp_path / "n.key"))
    (tmp_path / "nginx.conf").write_text(f"""
daemon off; master_process off; pid {tmp_path}/pid; error_log {tmp_path}/error.log;
events {{}}
http {{ access_log off; server {{ listen 127.0.0.1:{port} ssl http2; ssl_protocols TLSv1.2 TLSv1.3;
ssl_certificate {tmp_path}/n.pem;
ssl_certificate_key {tmp_path}/n.key; client_body_temp_path {tmp_path}; proxy_temp_path {tmp_path};
fastcgi_temp_path {tmp_path}; uwsgi_temp_path {tmp_path}; scgi_temp_path {tmp_path};
location / {{ return 200 "$server_protocol $ssl_protocol $connection $ssl_session_reused\\n"; }} }} }}
""")
    nginx = procs.spawn(["nginx", "-c", str(tmp_path / "nginx.conf")], stderr=subprocess.DEVNULL)
    try:
        gw = gateway({"upstreams": {"u": {"endpoints": [f"https://localhost:{port}"], "tls": {"ca": roots}}},
                      "routes": [{"upstream": "u"}], "health": {"enabled": False}, "workers": 1})
        wait_until(lambda: gw.ask("/").status == 200)
        said = [gw.ask("/").body.decode().split() for _ in range(10)]
        assert {s[0] for s in said} == {"HTTP/1.1"} and {s[1] for s in said} == {"TLSv1.3"}
        assert len({s[2] for s in said}) == 1
    finally:
        nginx.terminate()
        nginx.wait(10)
        assert os.path.exists(tmp_path / "error.log")
