"""How long a connection to an endpoint waits for its next request: by what is configured, what the endpoint says and what it
was seen to do. A request that may not be repeated takes only one that is known to be open."""

import os
import signal
import socket
import time

import pytest

from harness import client
from harness.gateway import proxy_to
from harness.procs import wait_until


def saying(keep_alive):
    def answer(r, c):
        c.read_body(r)
        c.reply(headers={"Keep-Alive": keep_alive}, body=b"ok")
    return answer


def one_worker(gateway, up, **timeouts):
    return gateway(proxy_to(up) | {"workers": 1, "timeouts": timeouts})


def idled(up):
    """How long the newest connection waited until the gateway closed it."""
    begin = time.monotonic()
    assert up.connections[-1].gone.wait(10)
    return time.monotonic() - begin


def test_post_takes_a_fresh_one(gateway, serve):
    up = serve()
    gw = one_worker(gateway, up, upstream_idle="10s")
    gw.ask()
    gw.ask("/", "POST", body=b"x")
    assert len(up.used) == 1  # it was put back just now
    time.sleep(1.2)
    gw.ask("/", "POST", body=b"x")
    assert len(up.used) == 2
    time.sleep(1.2)
    gw.ask()
    assert len(up.used) == 2  # may be sent again, so that any will do


@pytest.mark.parametrize("method, body", [("POST", b"x"), ("PUT", b"x" * 20000)], ids=["POST", "PUT"])
def test_what_cannot_be_repeated_takes_none_that_ended(gateway, serve, method, body):
    up = serve()
    gw = one_worker(gateway, up)
    pid = gw.workers()[0]
    with gw.connect() as c:
        c.ask()
        os.kill(pid, signal.SIGSTOP)
        c.send(client.request("/", method, body=body))  # is seen before the end of the connection
        up.requests[0].connection.sock.shutdown(socket.SHUT_WR)
        os.kill(pid, signal.SIGCONT)
        assert c.read().status == 200
    assert len(up.used) == 2 and gw.metrics()["yett_retries_total"] == 0


def test_endpoint_says_shorter(gateway, serve):
    up = serve(saying("timeout=1"))
    one_worker(gateway, up, upstream_idle="30s").ask()
    assert idled(up) < 5


def test_endpoint_says_longer(gateway, serve):
    up = serve(saying("timeout=60"))
    gw = one_worker(gateway, up, upstream_idle="100ms")
    gw.ask()
    assert not up.connections[0].gone.wait(1)
    gw.ask()
    assert len(up.used) == 1


@pytest.mark.parametrize("said, used", [("timeout=60, max=2", 2), ("max=0", 6)])
def test_endpoint_says_how_many(gateway, serve, said, used):
    up = serve(saying(said))
    gw = one_worker(gateway, up)
    for _ in range(6):
        assert gw.ask().status == 200
    assert len(up.used) == used


def test_off_stays_off(gateway, serve):
    up = serve(saying("timeout=60"))
    gw = one_worker(gateway, up, upstream_idle="off")
    for _ in range(3):
        assert gw.ask().status == 200
    assert len(up.used) == 3


def test_endpoint_is_seen_to_close_early(gateway, serve):
    """It closes after a second without a word: the next connection is given up before that."""
    closed = []

    def answer(r, c):
        c.reply(body=b"ok")
        c.sock.settimeout(1)
        try:
            closed.append("gateway" if c.sock.recv(1) == b"" else "bytes")
        except TimeoutError:
            closed.append("upstream")
        c.close = True
    gw = one_worker(gateway, serve(answer), upstream_idle="30s")
    for i in range(3):
        assert gw.ask().status == 200
        wait_until(lambda: len(closed) > i)
    assert closed == ["upstream", "gateway", "gateway"]
