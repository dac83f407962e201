"""A client that goes away ends the upstream's work."""

import threading

import pytest

from harness import client
from harness.gateway import proxy_to
from harness.procs import wait_until


@pytest.mark.parametrize("leave", ["close", "reset", "finish_sending"])
@pytest.mark.parametrize("when", ["before the answer", "within the answer"])
def test_upstream_sees_it(proxy, serve, leave, when):
    begun, result = threading.Event(), []

    def answer(r, c):
        if when == "within the answer":
            c.reply(headers={"Content-Length": "1000000"}, length=False)
        begun.set()
        result.append(c.wait_gone())
    up = serve(answer)
    with proxy(up).connect() as c:
        c.send(client.request())
        assert begun.wait(5)
        if when == "within the answer":
            c.read_head()
        getattr(c, leave)()
        assert up.connections[-1].gone.wait(2) and result == [True]  # while it still computes


def test_within_the_upload(proxy, serve):
    ended = []

    def answer(r, c):
        try:
            c.read_body(r)
        except EOFError:
            ended.append("cut")
    up = serve(answer)
    with proxy(up).connect() as c:
        c.send(client.request("/", "POST", headers={"Content-Length": "900000"}) + b"x" * 1000)
        wait_until(lambda: up.requests)
        c.close()
    assert up.connections[-1].gone.wait(5) and ended == ["cut"]


def test_it_is_logged(gateway, serve):
    begun = threading.Event()

    def answer(r, c):
        begun.set()
        c.wait_gone()
    gw = gateway(proxy_to(serve(answer)))
    with gw.connect() as c:
        c.send(client.request("/left"))
        assert begun.wait(5)
    assert gw.logged(path="/left")["reason"] == "client_gone"


def test_it_is_no_failure_of_the_endpoint(gateway, serve):
    begun = threading.Event()

    def answer(r, c):
        if r.path == "/slow":
            begun.set()
            c.wait_gone()
        else:
            c.reply()
    gw = gateway(proxy_to(serve(answer)))
    with gw.connect() as c:
        c.send(client.request("/slow"))
        assert begun.wait(5)
    assert [gw.ask().status for _ in range(5)] == [200] * 5
