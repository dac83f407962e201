"""A request is sent again only where that is safe: before any byte of an answer, when its body is still there, and when it may
be repeated or its first reader has read nothing."""

import os
import signal
import socket
import threading

import pytest

from harness import client
from harness.gateway import proxy_to
from harness.procs import wait_until

KEPT = 16384  # bytes of a body that are kept for another try


def reset(c):
    c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    c.close = True


def hang_up(c):
    c.close = True


LOST = [  # on a pooled connection that ends when it has been read
    ("GET", None, 200, 2), ("DELETE", None, 200, 2), ("PUT", b"", 200, 2), ("PUT", b"abc", 200, 2), ("PUT", b"x" * KEPT, 200, 2),
    ("PUT", b"x" * (KEPT + 1), 502, 1),  # too much to keep
    ("POST", None, 502, 1), ("POST", b"", 502, 1), ("PATCH", b"abc", 502, 1)]  # it may have had its effect


@pytest.mark.parametrize("end", [hang_up, reset])
def test_pooled_connection_that_ends_under_the_request(gateway, serve, end):
    """Each in front of an upstream of its own, since what it does is learnt."""
    def answer(r, c):
        c.read_body(r)
        if r.path.endswith("/second") and c.server.requests[-2].connection is c:
            end(c)
        else:
            c.reply(body=b"ok")
    ups = [serve(answer) for _ in LOST]
    gw = gateway(proxy_to(ups[0]) | {"workers": 1, "limits": {"retries": 0}, "upstreams": {},
                                     "routes": [{"path": f"/{i}", "target": up.address} for i, up in enumerate(ups)]})
    for i, (method, body, status, seen) in enumerate(LOST):
        with gw.connect() as c:
            assert c.ask(f"/{i}/first").status == 200
            assert c.ask(f"/{i}/second", method, body=body).status == status
        tries = [r for r in ups[i].requests if r.path.endswith("/second")]
        assert len(tries) == seen and all(r.body == (body or b"") for r in tries)
        failures = gw.metrics()[f'yett_upstream_failures_total{{upstream="{ups[i].address}",endpoint="{ups[i].address}"}}']
        assert failures == (status == 502)


def test_pooled_connection_that_ended_unseen(gateway, serve):
    """The end waits in the socket when the request is sent: whatever the method, no application reads it twice."""
    up = serve()
    gw = gateway(proxy_to(up) | {"workers": 1})
    pid = gw.workers()[0]
    for method, body in [("POST", b"abc"), ("GET", None), ("POST", None), ("PUT", b"abc")]:
        with gw.connect() as c:
            assert c.ask("/first").status == 200
            os.kill(pid, signal.SIGSTOP)
            c.send(client.request("/" + method, method, body=body))
            up.requests[-1].connection.sock.shutdown(socket.SHUT_RDWR)
            os.kill(pid, signal.SIGCONT)
            assert c.read().status == 200
    assert [r.method for r in up.requests if r.path != "/first"] == ["POST", "GET", "POST", "PUT"]


@pytest.mark.parametrize("body", [None, b"x" * KEPT])
def test_connection_that_ended_before_it_was_written_to(gateway, serve, body):
    """Written, and answered by a reset: nothing of it was read, so that another endpoint gets it."""
    other = serve()
    with socket.socket() as full, socket.socket() as queued:  # a connection to it stands only when we say so
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        queued.connect(full.getsockname())
        full.settimeout(8)
        address = "127.0.0.1:%d" % full.getsockname()[1]
        gw = gateway(proxy_to(address, other) | {"workers": 1})
        pid = gw.workers()[0]
        waiting = f'yett_upstream_requests_in_flight{{upstream="u",endpoint="{address}"}}'
        with gw.connect() as c:
            for i in (1, 2):  # one of them has its turn at the full one
                c.send(client.request("/x", "POST", body=body))
                wait_until(lambda: gw.metrics()[waiting] or len(other.requests) == i)
                if gw.metrics()[waiting]:
                    break
                assert c.read().status == 200
            os.kill(pid, signal.SIGSTOP)
            try:
                for _ in range(2):
                    full.accept()[0].close()
            finally:
                os.kill(pid, signal.SIGCONT)
            assert c.read().status == 200
        assert [r.body for r in other.requests] == [body or b""] * i
        assert gw.metrics()["yett_retries_total"] == 1


def test_body_that_comes_during_the_retry(gateway, serve):
    """In order, whether it came before, between or after the tries."""
    parts = [b"one-", b"two-", b"three-", b"four"]

    def die(r, c):
        next(c.body(r))
        c.close = True
    bad, good = serve(die), serve()
    gw = gateway(proxy_to(bad, good) | {"workers": 1})
    for path in ("/length", "/chunked"):
        chunked = path == "/chunked"
        fields = {"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": str(len(b"".join(parts)))}
        for _ in range(2):  # one of them begins with the bad one
            with gw.connect() as c:
                c.send(client.request(path, "PUT", headers=fields))
                for part in parts:
                    c.send(b"%x\r\n%s\r\n" % (len(part), part) if chunked else part)
                    wait_until(lambda: [r for r in bad.requests + good.requests if r.path == path])
                if chunked:
                    c.send(b"0\r\n\r\n")
                assert c.read().json()["body"] == b"".join(parts).decode()
    assert len(bad.requests) >= 2


def test_after_an_interim_answer(gateway, serve):
    def promise(r, c):
        c.send(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        c.close = True
    for method, status in [("GET", 200), ("POST", 502)]:
        bad, good = serve(promise), serve()
        gw = gateway(proxy_to(bad, good) | {"workers": 1})
        answers = [gw.ask("/", method).status for _ in range(2)]
        assert sorted(answers) == [200, status]


def test_not_when_an_answer_began_to_come(gateway, serve):
    def begin(r, c):
        c.send(b"HTTP/1.1 200 OK\r\nContent-")
        c.close = True
    ups = [serve(begin), serve(begin)]
    assert gateway(proxy_to(*ups)).ask().why == "upstream_closed"
    assert sum(len(u.requests) for u in ups) == 1


@pytest.mark.parametrize("budget", [0, 100])
def test_budget(gateway, serve, budget):
    """Over both workers at most three retries are under way, or as many as there are requests."""
    def die(r, c):
        c.close = True
    go = threading.Event()

    def hold(r, c):
        go.wait(10)
        c.reply(body=b"ok")
    bad, good = serve(die), serve(hold)
    gw = gateway(proxy_to(bad, good) | {"workers": 2, "limits": {"retry_budget": budget}, "ejection": {"failures": "off"}})
    clients = []

    def retrying():
        return sum(v for n, v in gw.metrics().items() if n.startswith("yett_upstream_requests_retrying"))
    for i in range(1, 21):  # one after the other, so that each decision sees the ones before it
        clients.append(gw.connect())
        clients[-1].send(client.request("/"))
        wait_until(lambda: len(good.requests) + gw.metrics()["yett_retries_refused_total"] == i)
    at_once, refused = retrying(), gw.metrics()["yett_retries_refused_total"]
    go.set()
    answers = [c.read() for c in clients]
    for c in clients:
        c.close()
    assert len([r for r in answers if r.why == "upstream_closed"]) == refused
    assert at_once + refused == len(bad.requests) >= 8
    assert (at_once, refused > 0) == (3, True) if budget == 0 else refused == 0
    wait_until(lambda: retrying() == 0)


def test_no_more_often_than_allowed(gateway, serve):
    def die(r, c):
        c.close = True
    ups = [serve(die) for _ in range(6)]
    gw = gateway(proxy_to(*ups) | {"limits": {"retries": 2}})
    assert gw.ask().why == "upstream_closed"
    assert sum(len(u.requests) for u in ups) == 3
    assert gw.logged(reason="upstream_closed")["tries"] == 3


def test_not_after_the_answer_began(gateway, serve):
    def half(r, c):
        c.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
        c.close = True
    ups = [serve(half), serve(half)]
    with gateway(proxy_to(*ups)).connect() as c:
        c.send(client.request())
        with pytest.raises((EOFError, ConnectionResetError)):
            c.read()
    assert sum(len(u.requests) for u in ups) == 1


def test_off(gateway, serve):
    def die(r, c):
        c.close = True
    ups = [serve(die), serve(die)]
    assert gateway(proxy_to(*ups) | {"limits": {"retries": 0}}).ask().status == 502
    assert sum(len(u.requests) for u in ups) == 1


def fail_with(status):
    def answer(r, c):
        c.read_body(r)
        c.reply(status, body=b"x" * 100000)
    return answer


def test_answers_that_the_route_tries_elsewhere(gateway, serve):
    bad, good = serve(fail_with(503)), serve()
    gw = gateway(proxy_to(bad, good, retry_on=["connect", "503"]) | {"ejection": {"failures": "off"}})
    with gw.connect() as c:
        for method, body in (("GET", None), ("PUT", b"abc"), ("HEAD", None)) * 2:
            answer = c.ask(method=method, body=body)
            assert answer.status == 200 and (method == "HEAD" or answer.json()["body"] == (body or b"").decode())
    assert 0 < len(bad.requests) <= 6 and len(good.requests) == 6
    before = len(bad.requests) + len(good.requests)
    posts = [gw.ask(method="POST", body=b"a").status for _ in range(8)]  # they may have had their effect
    assert 503 in posts and 200 in posts and len(bad.requests) + len(good.requests) == before + 8


def test_answers_when_there_is_nobody_else(gateway, serve):
    ups = [serve(fail_with(503)), serve(fail_with(503))]
    answer = gateway(proxy_to(*ups, retry_on=["503"])).ask()
    assert (answer.status, answer.why, len(answer.body)) == (503, None, 100000)
    assert sum(len(u.requests) for u in ups) == 2
    one = serve(fail_with(502))
    assert gateway(proxy_to(one, retry_on=["502"])).ask().why is None and len(one.requests) == 1


def test_other_statuses_pass(gateway, serve):
    ups = [serve(fail_with(504)), serve(fail_with(504))]
    assert gateway(proxy_to(*ups, retry_on=["502", "503"])).ask().status == 504
    assert sum(len(u.requests) for u in ups) == 1


def test_of_the_route(gateway, serve):
    def die(r, c):
        c.close = True
    ups = [serve(die) for _ in range(6)]
    routes = [{"path": "/once", "upstream": "u", "retries": 1}, {"path": "/off", "upstream": "u", "retries": "off"},
              {"path": "/connect", "upstream": "u", "retry_on": ["connect"]}]
    gw = gateway(proxy_to(*ups) | {"routes": routes})
    for path, times in (("/once", 2), ("/off", 1), ("/connect", 1)):
        before = sum(len(u.requests) for u in ups)
        assert gw.ask(path).why == "upstream_closed"
        assert sum(len(u.requests) for u in ups) - before == times, path
