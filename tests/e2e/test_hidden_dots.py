"""A ".." that only some readers see (behind %2F, a backslash, or before a semicolon) leads out of nothing that the gateway puts before a
path: such a path is refused. An encoded slash alone passes, whatever stands before it."""

import pytest

from harness.tokens import SECRET

HIDDEN = ["..%2fprivate/x", "..%2Fprivate/x", "a/..%2f..%2fprivate/x", "a%2f..%2fb", "..;/private", "..;v=1/private", "a/..;", "..%3b/private",
          "..%5cprivate", "a%5c..", "%2e%2e%2fprivate", ".%2e;/private", "..%3f", "..%23x", ";/..;/private", "a%2f%2f..%2fb"]
PLAIN = ["a%2Fb", "..a%2Fb", "a%2F...", "a;v=1/b", "a%5Cb", "https%3A%2F%2Fh%2Fx"]


@pytest.fixture
def hosts(gateway, serve):
    """Four ways to put something before a path or to take something off it, and the plain one."""
    up = serve()
    to = {"target": f"http://{up.address}"}
    base = {"target": f"http://{up.address}/base"}
    return up, gateway({
        "gate": {"protect": ["/v2/private"], "secret": SECRET}, "health": {"enabled": False},
        "routes": [to | {"path": "/v2"}, to | {"path": "/", "add_prefix": "/v2/pub"}, to | {"host": "plain", "path": "/"},
                   base | {"host": "base", "path": "/"}, base | {"host": "strip", "path": "/pub", "strip_prefix": True},
                   to | {"host": "replace", "path": "/pub", "replace_prefix": "/v4"}]})


WAYS = {"t": ("/", "/v2/pub/"), "plain": ("/", "/"), "base": ("/", "/base/"), "strip": ("/pub/", "/base/"), "replace": ("/pub/", "/v4/")}


def test_refused(hosts):
    up, gw = hosts
    for host, (before, _) in WAYS.items():
        for path in HIDDEN + ["..;/pub/x", "..%2fpub/x"]:
            r = gw.ask(before + path, host=host)
            assert (r.status, r.why) == (400, "bad_path"), (host, path)
    assert not up.requests


def test_passed(hosts):
    up, gw = hosts
    for host, (before, seen) in WAYS.items():
        for path in PLAIN:
            assert gw.ask(before + path, host=host).json()["target"] == seen + path
