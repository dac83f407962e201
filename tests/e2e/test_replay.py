"""Other rules are tried on the last requests: how many would go elsewhere, and which."""

import json

import pytest

from harness.api import Api
from harness.gateway import from_redis
from harness.procs import wait_until


def revision(gw):
    return (gw.status()["rules"]["revision"] or {}).get("revision")


@pytest.fixture
def moved(gateway, store, serve):
    """a.test leads to another backend than it did in the revision before, c.test is new."""
    for host in ("a.test", "b.test", "c.test"):
        store.db.hset(f"backend:to-{host}", serve().address, 0)
    for host in ("a.test", "b.test"):
        store.db.set(f"frontend:{host}", "to-b.test")
    config = from_redis(store)
    gw = gateway(config)
    before = wait_until(lambda: revision(gw), 5)
    store.db.mset({"frontend:a.test": "to-a.test", "frontend:c.test": "to-c.test"})
    wait_until(lambda: revision(gw) not in (None, before), 5)
    return gw, config


def replay(gw):
    r = gw.admin("/replay?to=previous")
    assert r.status == 200, r
    return r.json()["data"]


def ask(gw, host, count):
    with gw.connect() as c:
        for i in range(count):
            assert c.ask(f"/x/{i % 3}?secret", host=host).status in (200, 404)


def test_who_would_go_elsewhere(moved):
    gw, _ = moved
    assert replay(gw)["keys"] == 0
    for host, count in (("a.test", 30), ("b.test", 12), ("c.test", 7), ("nowhere.test", 3)):
        ask(gw, host, count)
    wait_until(lambda: replay(gw)["keys"] == 52, 5)
    told = replay(gw)
    assert (told["elsewhere"], told["groups_count"]) == (37, 2)
    a, c = told["groups"]
    assert (a["count"], a["before"]["route"], a["before"]["upstream"], a["after"]["upstream"]) == (
        30, "redis:a.test", "to-a.test", "to-b.test")
    assert a["example"]["host"] == "a.test" and a["example"]["path"].startswith("/x/") and "secret" not in json.dumps(told)
    assert (c["count"], c["before"]["upstream"], c["after"]["outcome"]) == (7, "to-c.test", "no_route")
    assert gw.ask(host="a.test").status == 200  # nothing was changed


def test_no_more_than_the_last_of_them(moved):
    gw, config = moved
    assert gw.reload(config | {"replay_keys": 20}).returncode == 0
    ask(gw, "a.test", 15)
    ask(gw, "b.test", 15)
    wait_until(lambda: replay(gw)["keys"] == 20, 5)


def test_switched_off_nothing_is_kept(moved):
    gw, config = moved
    ask(gw, "a.test", 5)
    wait_until(lambda: replay(gw)["keys"] == 5, 5)
    assert gw.reload(config | {"replay_keys": "off"}).returncode == 0
    assert gw.admin("/replay?to=previous").status == 409
    ask(gw, "a.test", 5)
    assert gw.reload(config).returncode == 0
    assert replay(gw)["keys"] == 0


def test_unknown_revision(moved):
    assert moved[0].admin("/replay?to=9-9").status == 404


def test_the_sides_of_the_gate_and_what_is_assumed(gateway, serve, tmp_path):
    gw = gateway({"upstreams": {"u": {"endpoints": [serve().address]}}, "gate": {"secret": "s" * 32}, "health": {"enabled": False},
                  "routes": [{"path": "/floor", "auth": "required", "upstream": "u"}, {"upstream": "u"}]})
    for name, rule in {"r": {"path": "/floor/x"}, "q": {"path": "/closed", "auth": "required"},
                       "c": {"path": "/asks", "headers": [{"name": "X-A", "present": True}]}}.items():
        Api(gw.socket).done("PUT", "rules", "route", name, body=rule | {"upstream": "u"})
    for path, count in ("/floor/x", 5), ("/closed", 3), ("/asks", 2):
        assert [gw.ask(path).why for _ in range(count)] == [None if path == "/asks" else "token_missing"] * count
    file = tmp_path / "rules.yaml"
    file.write_text("routes: {}\n")
    wait_until(lambda: replay(gw)["keys"] == 10, 5)
    told = json.loads(gw.cli("diff", "--replay", "--json", str(file)).stdout)["data"]
    assert (told["elsewhere"], told["groups_count"], told["assumed"]) == (3, 1, 2)
    assert [told["groups"][0][side]["protected"] for side in ("before", "after")] == [True, False]
    assert "For 2 of these a condition on headers, the query or the client's certificate was taken to hold" in gw.cli("diff", "--replay", str(file)).stdout


def test_who_may(gateway, serve, tmp_path):
    """A rule that asks for other scopes changes what becomes of its requests, and one that is only written elsewhere does not."""
    gw = gateway({"upstreams": {"u": {"endpoints": [serve().address]}}, "gate": {"secret": "s" * 32}, "routes": [{"upstream": "u"}]})
    rules = {"a": {"path": "/a", "authorize": {"scopes": ["x"]}}, "b": {"path": "/b", "authorize": {"any": [{"scopes": "x"}, {"groups": "g"}]}}}
    for name, rule in rules.items():
        Api(gw.socket).done("PUT", "rules", "route", name, body=rule | {"upstream": "u"})
        assert gw.ask("/" + name).why == "token_missing"
    wait_until(lambda: replay(gw)["keys"] == 2, 5)
    file = tmp_path / "rules.yaml"
    file.write_text("routes: {c: {path: /0, upstream: u, authorize: {roles: r}}, a: {path: /a, upstream: u, authorize: {scopes: [x, y]}}, "
                    "b: {path: /b, upstream: u, authorize: {any: [{scopes: x}, {groups: [g]}]}}}\n")
    told = json.loads(gw.cli("diff", "--replay", "--json", str(file)).stdout)["data"]
    assert told["elsewhere"] == 1 and [told["groups"][0][s]["authorize"] for s in ("before", "after")] == ["scopes: x", "scopes: x, y"]
    assert ", asks scopes: x, y" in gw.cli("diff", "--replay", str(file)).stdout


def test_the_fallback_of_all(gateway, store, serve, tmp_path):
    up = serve()
    store.rule("a.test", up.address, "b")
    gw = gateway(from_redis(store) | {"upstreams": {"f": {"endpoints": [up.address]}}, "fallback": "f"})
    ask(gw, "a.test", 4)
    file = tmp_path / "rules.yaml"
    file.write_text("frontends: {}\n")
    wait_until(lambda: json.loads(gw.cli("diff", "--replay", "--json", str(file)).stdout)["data"]["keys"] == 4, 5)
    group = json.loads(gw.cli("diff", "--replay", "--json", str(file)).stdout)["data"]["groups"][0]
    assert (group["count"], group["after"]["outcome"], group["after"]["upstream"]) == (4, "routed", "f")


def test_command(moved, tmp_path):
    gw, _ = moved
    for host, count in (("a.test", 30), ("b.test", 12), ("c.test", 7)):
        ask(gw, host, count)
    wait_until(lambda: replay(gw)["keys"] == 49, 5)
    shown = gw.cli("diff", "--replay").stdout
    assert shown.startswith("37 of the last 49 requests would go elsewhere\n")
    assert "redis:a.test to to-a.test" in shown and "redis:a.test to to-b.test" in shown and "no_route" in shown
    file = tmp_path / "rules.yaml"
    file.write_text("frontends: {a.test: to-a.test, b.test: to-a.test, c.test: to-c.test}\n")
    told = json.loads(gw.cli("diff", "--replay", "--json", str(file)).stdout)["data"]
    assert (told["elsewhere"], told["groups"][0]["before"]["upstream"], told["groups"][0]["after"]["upstream"]) == (
        12, "to-b.test", "to-a.test")
    file.write_text("nonsense: {}\n")
    assert gw.cli("diff", "--replay", str(file)).returncode == 1
    assert gw.cli("diff", "--replay", "9-9").returncode == 1
    assert gw.admin("/replay", "POST").status == 400
