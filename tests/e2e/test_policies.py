"""Policies: what needs a token, by name, in the file and in Redis. The file is a floor: what stands in Redis closes where it
will, and opens what Redis closed itself, or what the file has left to it."""

import json

import pytest

from harness.api import Api
from harness.gateway import from_redis, merge, proxy_to
from harness.procs import wait_until

SECRET = "0123456789abcdef0123456789abcdef"


def put(store, name, value):
    store.db.set(f"yett:policy:{name}", value if isinstance(value, str) else json.dumps(value))


def closed(gw, path, method="GET"):
    r = gw.ask(path, method=method)
    assert r.status == 200 or r.why == "token_missing", r
    return r.status != 200


@pytest.fixture
def gated(gateway, store, serve):
    def start(gate=None, policies=None):
        store.rule("test", serve().address)
        return gateway(merge(from_redis(store), {"gate": {"secret": SECRET} | (gate or {}), "policies": policies or {}}))
    return start


def seen(gw, path, want, method="GET"):
    wait_until(lambda: closed(gw, path, method) == want, 5, what=f"{path} {'closed' if want else 'open'}")


def test_of_the_file(gateway, serve):
    gw = gateway(proxy_to(serve()) | {"gate": {"secret": SECRET, "protect": ["/a"]}, "policies": {
        "more": {"protect": ["/b", {"path": "/c", "methods": ["PUT"]}], "except": ["/a/open", "/b/x"]}}})
    got = [closed(gw, p) for p in ("/a", "/a/open", "/b/1", "/b/x", "/b/x/y", "/c", "/d")]
    assert got == [True, False, True, False, True, False, False] and closed(gw, "/c", "PUT")
    done = gw.reload(proxy_to(serve()) | {"policies": {"p": {"protect": ["/a"]}}})
    assert done.returncode != 0 and "there is no secret to verify tokens with" in done.stdout + done.stderr


def test_redis_closes_and_opens_its_own(gated, store):
    gw = gated({"protect": ["/file"], "except": ["/file/open"]})
    put(store, "p", {"protect": ["/redis", "/file/open"], "except": ["/redis/open"]})
    seen(gw, "/redis", True)
    assert not closed(gw, "/redis/open") and closed(gw, "/file/open") and not closed(gw, "/other")
    put(store, "q", {"except": [{"path": "/redis/more", "prefix": True}]})
    seen(gw, "/redis/more/x", False)
    for name in "pq":
        assert Api(gw.socket).ask("DELETE", "rules", "policy", name).status == 200
    seen(gw, "/redis", False)
    assert closed(gw, "/file") and not closed(gw, "/file/open")


def test_the_file_is_a_floor(gated, store):
    gw = gated({"protect": ["/file", "/shared/deep"], "delegate": ["/shared"]}, {"p": {"protect": ["/policy", "/shared"]}})
    put(store, "p", {"except": ["/file", "/file/x", "/policy", "/shared/a", "/shared/deep/b", "/"], "protect": ["/mark"]})
    seen(gw, "/mark", True)
    assert [closed(gw, p) for p in ("/file", "/file/x", "/policy", "/shared", "/shared/b")] == [True] * 5
    assert [closed(gw, p) for p in ("/shared/a", "/shared/deep/b", "/elsewhere")] == [False] * 3


def test_refused_keeps_its_last_good_version(gated, store):
    gw = gated({"protect": ["/file"]})
    put(store, "p", {"protect": ["/p"], "except": ["/p/open"]})
    seen(gw, "/p", True)
    put(store, "p", {"protect": ["/q"], "excpt": ["/p"]})
    wait_until(lambda: gw.status()["rules"]["refused"], 5)
    assert closed(gw, "/p") and not closed(gw, "/p/open") and not closed(gw, "/q") and closed(gw, "/file")


def test_refused_without_one_still_closes(gated, store):
    """As far as it can be read; its exceptions count for nothing. Where it cannot, nothing of the store is open."""
    store.db.xadd("yett:revisions", {"delta": '"of a gateway that was here before"'})
    put(store, "p", {"protect": ["/p", {"path": "/q", "methods": ["PUTT"]}], "except": ["/p/open"], "x": 1})
    put(store, "q", "{")
    gw = gated({"protect": ["/file"]})
    wait_until(lambda: len(gw.status()["rules"]["refused"]) == 2, 5)
    assert {gw.ask(p).why for p in ("/p", "/other")} == {"token_missing"}
    store.db.delete("yett:policy:q")
    wait_until(lambda: gw.ask("/other").status == 200, 5)
    assert [closed(gw, p) for p in ("/p", "/p/open", "/q/x", "/file")] == [True] * 4
