"""What was answered arrives whole, however slowly it is read and whatever ends meanwhile; and what a client or an upstream does
out of turn costs neither memory nor the next request."""

import os
import signal
import socket
import time

import pytest

from harness import client
from harness.gateway import proxy_to, is_sanitized
from harness.procs import wait_until


def slow_client(gw):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.connect(("127.0.0.1", gw.port))
    s.settimeout(20)
    s.sendall(client.request("/"))
    return s


def read_all(s, size):
    data, body = b"", b""
    while len(body) < size:
        part = s.recv(65536)
        if not part:
            break
        data += part
        body = data.partition(b"\r\n\r\n")[2]
    return body


def test_queued_answer_is_not_cut(gateway, serve, tmp_path):
    """Neither where the client would be let go, nor where the gateway ends, nor where the upstream closes behind it."""
    size = 3_000_000

    def reply(r, c):
        c.reply(body=b"x" * size)
        c.close = c.server is closing
    closing = serve(reply, family=socket.AF_UNIX, path=str(tmp_path / "u.sock"))
    times = {"timeouts": {"keepalive": "1s", "drain": "20s"}}
    gws = [gateway(proxy_to(up) | times) for up in (serve(reply), serve(reply), "unix:" + str(tmp_path / "u.sock"))]
    slow = [slow_client(gw) for gw in gws]
    time.sleep(0.5)
    gws[1].signal(signal.SIGTERM)
    time.sleep(3)
    for s in slow:
        assert len(read_all(s, size)) == size
        s.close()
    assert closing.requests


def test_pipelined_refusals_cost_no_memory(gateway):
    gw = gateway({"routes": [{"host": "elsewhere", "path": "/", "target": "127.0.0.1:9"}], "workers": 1,
                  "health": {"enabled": False}, "limits": {"keepalive_requests": 100000}})
    pid = gw.workers()[0]
    request = b"GET / HTTP/1.1\r\nHost:a\r\n\r\n"
    count = 60000 // len(request)
    clients = []
    os.kill(pid, signal.SIGSTOP)
    for _ in range(20):
        s = socket.create_connection(("127.0.0.1", gw.port))
        s.sendall(request * count)
        clients.append(s)
    os.kill(pid, signal.SIGCONT)
    for s in clients:
        s.settimeout(20)
        seen, tail = 0, b""
        while seen < count:
            part = s.recv(65536)
            assert part, f"{seen} of {count} answers"
            tail += part
            seen += tail.count(b"HTTP/1.1 404 ")
            tail = tail[-12:] if b"HTTP/1.1 404 " not in tail[-12:] else b""
        s.close()
    if not is_sanitized():
        with open(f"/proc/{pid}/status") as f:
            peak = next(int(line.split()[1]) for line in f if line.startswith("VmHWM"))
        assert peak < 40 * 1024


def test_head_request_with_interim_answer(gateway, serve):
    def early_hints(r, c):
        c.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
    with gateway(proxy_to(serve(early_hints))).connect() as c:
        c.send(client.request("/", "HEAD"))
        assert b" 103 " in c.read_until(b"\r\n\r\n")
        assert b" 200 " in c.read_until(b"\r\n\r\n")


def test_early_answer_announces_the_close(gateway, serve):
    gw = gateway(proxy_to(serve(lambda r, c: c.reply(401))))
    with gw.connect() as c:
        c.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\nabc")
        head = c.read_until(b"\r\n\r\n")
    assert b" 401 " in head and b"\r\nconnection: close" in head.lower()


@pytest.mark.parametrize("fields", [
    [("Upgrade", "h2c"), ("Upgrade", "websocket")], [("Upgrade", "h2c/1")], [("Upgrade", "websocket, h2c;x")], [("Upgrade", "HTTP/2.0")]])
def test_other_http_is_no_upgrade(gateway_to_echo, fields):
    up = gateway_to_echo.upstream
    assert gateway_to_echo.ask("/", headers=fields + [("Connection", "Upgrade")]).status == 200
    wait_until(lambda: up.requests)
    assert not up.requests[0].all("Upgrade")


@pytest.mark.parametrize("coding", ["gzip", "gzip, chunked"])
def test_answer_in_an_unknown_coding(gateway, serve, coding):
    gw = gateway(proxy_to(serve(lambda r, c: c.send(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: " + coding.encode() + b"\r\n\r\n3\r\nabc\r\n0\r\n\r\n"))))
    assert gw.ask().why == "upstream_malformed"


def test_encoded_ends_do_not_open_the_gate(gateway, serve):
    gw = gateway(proxy_to(serve()) | {"gate": {"protect": ["/api"], "secret": "s" * 32}})
    for path in "/api%2f..%23%2f..%2fv1", "/x%23%2f..%2fapi%2fv1", "/x%3f/..%2fapi", "/x%3f%5c..%5capi":
        assert gw.ask(path).why == "bad_path", path


@pytest.mark.parametrize("name", ["id", "User-Agent", "Origin", "Referer"])
def test_claim_under_a_known_name(gateway, serve, name):
    up = serve()
    gw = gateway(proxy_to(up) | {"gate": {"protect": ["/api"], "secret": "s" * 32, "claims": {"id": name}}})
    gw.ask("/open", headers=[(name, "forged")])
    assert up.requests[-1].all(name) == []
