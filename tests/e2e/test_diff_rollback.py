"""What differs between revisions, and the way back."""

import json

from harness.gateway import from_redis
from harness.procs import wait_until
from test_revisions import in_force, redis


def entry(store, gw, revision, delta):
    """A revision that this gateway takes for the one of its rules."""
    redis(store, "XADD", "yett:revisions", revision, "who", "me", "why", "x", "digest", gw.status()["rules"]["digest"],
          "delta", json.dumps(delta))
    wait_until(lambda: (in_force(gw) or {}).get("revision") == revision)


def data(gw, path, status=200):
    r = gw.admin(path)
    assert r.status == status, r
    return r.json()["data"] if status == 200 else r.json()["message"]


def test_reading(gateway, serve, store):
    u = serve()
    gw = gateway(from_redis(store))
    redis(store, "HSET", "backend:web", u.address, "0")
    gw.rules_in_force(lambda r: r["backends"] == 1)
    entry(store, gw, "9000000000000-0", "it is the first")
    redis(store, "HSET", "backend:web", "_x", "1")
    redis(store, "SET", "frontend:a.test", "web")
    gw.rules_in_force(lambda r: r["frontends"] == 1)
    entry(store, gw, "9000000000000-1", [
        {"key": "backend:web", "before": {u.address: "0"}, "after": {u.address: "0", "_x": "1"}},
        {"key": "frontend:a.test", "before": None, "after": "web"}])
    listed = data(gw, "/revisions")
    assert [(r["revision"], r["keys"]) for r in listed["revisions"]] == [("9000000000000-1", 2), ("9000000000000-0", None)]
    difference = {
        "added": [{"kind": "frontend", "name": "a.test", "value": "web"}], "removed": [],
        "changed": [{"kind": "backend", "name": "web", "changes": [{"key": "_x", "before": None, "after": "1"}]}]}
    assert data(gw, "/revisions/9000000000000-1")["diff"] == difference
    assert data(gw, "/diff") == {"from": "9000000000000-0", "to": "9000000000000-1", "diff": difference}
    back = data(gw, "/diff?from=9000000000000-1&to=previous")["diff"]
    assert back["removed"] == difference["added"] and back["added"] == []
    assert "There is no revision 1-1" in data(gw, "/diff?from=1-1", 404)
    assert "There is no revision x" in data(gw, "/revisions/x", 404)
