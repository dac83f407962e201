"""A 200 of the management API means that every worker routes by the change."""

import os
import signal
import time

from harness import client
from harness.api import Api


def test_a_200_is_in_force_everywhere(gateway, serve, kept):
    up = serve()
    gw = gateway(kept | {"workers": 3})
    api = Api(gw.socket)
    api.done("POST", "backends", "b", up.address)
    for i in range(20):
        reply = api.done("PUT", "frontends", f"h{i}", "b")
        assert gw.status()["table"]["acknowledged"] >= [reply["version"]] * 3
        assert {gw.ask(host=f"h{i}").status for _ in range(6)} == {200}  # connections of their own
        api.done("DELETE", "frontends", f"h{i}")
        assert {gw.ask(host=f"h{i}").why for _ in range(6)} == {"no_route"}


def test_who_lags_is_named(gateway, kept):
    gw = gateway(kept | {"timeouts": {"worker_hang": "30s"}})
    api = Api(gw.socket)
    stopped = gw.workers()[0]
    os.kill(stopped, signal.SIGSTOP)
    try:
        begin = time.monotonic()
        r = api.ask("PUT", "frontends", "a", "b")
        assert r.status == 202 and r.json()["message"] == "OK" and 1.5 < time.monotonic() - begin < 6
        assert [w["pid"] for w in r.json()["lagging"]] == [stopped] and r.json()["revision"]
        begin = time.monotonic()
        r = api.ask("PUT", "frontends", "b", "b", query="wait=0")
        assert r.status == 202 and r.json()["revision"] and time.monotonic() - begin < 1.5
        assert len(api.data("frontends")) == 2
    finally:
        os.kill(stopped, signal.SIGCONT)
    assert api.ask("PUT", "frontends", "c", "b", query="wait=1").status == 200


def test_a_200_is_in_force_on_connections_of_before(gateway, serve, kept):
    """Those of a killed master's workers: they get no table any more, and are waited for until they decide nothing."""
    up = serve()
    gw = gateway(kept)
    connections = [gw.connect() for _ in range(20)]
    assert {c.ask(host="h").why for c in connections} <= {"no_route", "rules_not_loaded"}
    api = Api(gw.socket)
    api.done("POST", "backends", "b", up.address)
    gw.kill()
    gw.start()
    r = api.ask("PUT", "frontends", "h", "b", query="wait=1")
    assert r.status == 200, r
    for c in connections:
        try:
            assert c.ask(host="h").status == 200
        except (EOFError, OSError):  # closed
            pass
        c.close()


def test_a_200_does_not_wait_for_what_is_decided(gateway, serve, kept):
    """A stream lives on in the worker of a killed master."""
    def answer(r, c):
        c.reply(headers={"Transfer-Encoding": "chunked"}, length=False)
        c.chunk(b"one")
        c.wait_gone(20)
    up = serve(answer)
    gw = gateway(kept)
    api = Api(gw.socket)
    api.done("POST", "backends", "b", up.address)
    api.done("PUT", "frontends", "h", "b")
    with gw.connect() as c:
        c.send(client.request(host="h"))
        c.read_head()
        assert c.read_chunk() == b"one"
        gw.kill()
        gw.start()
        api.done("PUT", "frontends", "other", "b", query="wait=1")
        assert not c.closed(0.1)


def test_many_at_once(gateway, kept):
    """Each is answered, and none is lost."""
    from concurrent.futures import ThreadPoolExecutor
    gw = gateway(kept)
    api = Api(gw.socket)
    with ThreadPoolExecutor(16) as pool:
        replies = list(pool.map(lambda i: api.done("PUT", "frontends", f"h{i}", "b"), range(60)))
    assert len({r["revision"] for r in replies}) == 60
    assert {f["url"] for f in api.data("frontends")} == {f"h{i}" for i in range(60)}
