"""Rules of our own in Redis: one JSON object a key, in the form of the file's entries, with the same meaning."""

import json
import os

import pytest

from harness.api import Api
from harness.gateway import from_redis, merge
from harness.procs import wait_until
from harness.tokens import SECRET
from test_conditions import CASES, ROUTES


def put(store, kind, name, value):
    store.db.set(f"yett:{kind}:{name}", value if isinstance(value, (str, bytes)) else json.dumps(value))


def routes(gw):
    return {r["id"]: r for r in gw.admin("/routes").json()["routes"]}


def refused(gw):
    return {r["key"]: r["reason"] for r in gw.status()["rules"]["refused"]}


def name(gw, path="/", host="a.test", **how):
    r = gw.ask(path, host=host, **how)
    return r.json()["name"] if r.status == 200 else r.why


@pytest.fixture
def two(serve):
    return serve(name="one"), serve(name="two")


def test_the_same_rules_in_file_and_redis(gateway, store, serve):
    """The table of test_conditions, from Redis."""
    put(store, "upstream", "u", {"endpoints": [serve().address]})
    for rule in ROUTES:
        put(store, "route", rule["name"], {k: v for k, v in rule.items() if k != "name"} | {"upstream": "u"})
    gw = gateway(from_redis(store))
    with gw.connect() as c:
        for method, host, target, fields, _ in CASES:
            c.ask(target, method=method, host=host, headers=list(fields.items()))
    wait_until(lambda: len(gw.access_log()) == len(CASES), 5)
    got = [line["route"] for line in gw.access_log()]
    assert [(case, route) for case, route in zip(CASES, got) if route != "rule:" + case[4]] == []


def test_changes_are_seen(gateway, store, two):
    gw = gateway(from_redis(store))
    assert name(gw) == "no_route"
    put(store, "upstream", "u", {"endpoints": [two[0].address]})
    put(store, "route", "r", {"host": "a.test", "upstream": "u"})
    wait_until(lambda: name(gw) == "one", 5)
    put(store, "upstream", "u", {"endpoints": [{"address": two[1].address, "weight": 2}]})
    wait_until(lambda: name(gw) == "two", 5)
    put(store, "route", "r", {"host": "a.test", "target": two[0].address, "add_prefix": "/x"})
    wait_until(lambda: name(gw) == "one", 5)
    assert gw.ask("/y", host="a.test").json()["target"] == "/x/y"
    store.db.delete("yett:route:r", "yett:upstream:u")
    store.rule("kept", two[0].address)
    wait_until(lambda: name(gw) == "no_route", 5)


def test_upstreams_of_others(gateway, store, two):
    """A rule's upstream is a rule's, else one of the file; a backend of redx is named so."""
    store.rule("other.test", two[1].address, "b")
    for path, upstream in (("/file", "f"), ("/redx", "backend:b"), ("/none", "x")):
        put(store, "route", path[1:], {"path": path, "upstream": upstream})
    gw = gateway(merge(from_redis(store), {"upstreams": {"f": {"endpoints": [two[0].address]}}}))
    assert (name(gw, "/file"), name(gw, "/redx"), name(gw, "/none")) == ("one", "two", "no_endpoint")
    put(store, "upstream", "f", {"endpoints": [two[1].address]})
    wait_until(lambda: name(gw, "/file") == "two", 5)
    assert routes(gw)["rule:none"]["reason"] == "the upstream does not exist"


def test_file_then_rule_then_redx(gateway, store, two):
    store.rule("a.test", two[0].address)
    put(store, "route", "r", {"host": "a.test", "target": two[1].address})
    gw = gateway(from_redis(store))
    assert name(gw) == "two"
    assert "rule:r" in routes(gw)["redis:a.test"]["reason"]
    gw.reload(merge(from_redis(store), {"routes": [{"host": "a.test", "name": "f", "target": two[0].address}]}))
    assert name(gw) == "one" and routes(gw)["rule:r"]["state"] == "shadowed"


@pytest.mark.parametrize("value, reason", [
    ("{", "it is no JSON"), ('{"path": "/a", "path": "/b"}', "it is no JSON"), ("[" * 100, "it is no JSON"),
    ("[]", "a mapping belongs here, not a list"), ({"upstream": "u", "pth": "/"}, 'pth: unknown key; did you mean "path"?'),
    ({}, "the route leads nowhere"), ({"upstream": "u", "target": "h"}, "upstream: the route has an upstream and a target"),
    ({"upstream": "u", "methods": ["GETT"]}, 'methods: "GETT" is not known here'),
    ({"upstream": "u", "headers": [{"name": "a", "regex": "(?=x)"}]}, 'headers[0].regex: "(?=x)" is no pattern, at character 1'),
    ({"upstream": "u", "name": "x"}, "name: a rule is named by its key"),
    ({"upstream": "u", "path": "a" * 70000}, "it has more than 64 KiB"),
])
def test_refused(gateway, store, two, value, reason):
    store.rule("a.test", two[0].address)
    put(store, "route", "bad", value)
    gw = gateway(from_redis(store))
    wait_until(lambda: refused(gw).get("yett:route:bad", "").startswith(reason), 5, what=lambda: refused(gw))
    put(store, "route", "bad", {"host": "a.test", "path": "/x", "target": two[1].address})
    wait_until(lambda: name(gw, "/x") == "two" and not refused(gw), 5)


def test_rules_are_judged_beside_the_configuration(gateway, store, two):
    """A rule that is good by itself may pose as the gate, or balance by a claim that it does not read."""
    config = merge(from_redis(store), {"gate": {"secret": SECRET, "claims": {"sub": "X-User"}},
                                       "upstreams": {"u": {"endpoints": [two[0].address]}}})
    put(store, "route", "forge", {"path": "/forge", "upstream": "u", "request_headers": {"set": {"X_User": "admin"}}})
    put(store, "upstream", "claim", {"endpoints": [two[0].address], "balance": "hash", "hash_by": "claim:nope"})
    put(store, "route", "claim", {"path": "/claim", "upstream": "claim"})
    put(store, "route", "good", {"path": "/", "upstream": "u", "request_headers": {"set": {"X-Other": "1"}}})
    gw = gateway(config)
    wait_until(lambda: name(gw) == "one", 5)
    assert name(gw, "/forge") == name(gw, "/claim") == "rule_refused" and all(r.path == "/" for r in two[0].requests)
    why = refused(gw)
    assert "the gateway's own" in why["yett:route:forge"] and "gate.claims" in why["yett:upstream:claim"]
    for kind, rule in (("route", {"path": "/f", "upstream": "u", "request_headers": {"add": {"x-user": "admin"}}}),
                       ("upstream", {"endpoints": ["h"], "balance": "hash", "hash_by": "claim:nope"})):
        r = Api(gw.socket).ask("PUT", "rules", kind, "x", body=rule)
        assert r.status == 400 and f"yett:{kind}:x: " in r.json()["message"]
    gw.reload(merge(config, {"gate": {"claims": {"nope": "X-Nope"}}}))
    wait_until(lambda: name(gw, "/claim") == "one" and name(gw, "/forge") == "rule_refused", 5)


def test_names_of_nothing_are_told(gateway, store, two):
    """A split or a fallback that is not whole is refused until it is; what leads nowhere is told."""
    put(store, "upstream", "u", {"endpoints": [two[0].address]})
    put(store, "upstream", "v", {"endpoints": [two[0].address], "fallback": "typo"})
    half = {"split": [{"upstream": "u"}, {"upstream": "typo"}]}
    for path, rule in (("split", half), ("fallback", {"upstream": "u", "fallback": "typo"}), ("of", {"upstream": "v"}),
                       ("arm", {"split": [{"upstream": "u"}, {"upstream": "v"}]}),
                       ("mirror", {"upstream": "u", "mirror": {"upstream": "typo"}}), ("none", {"upstream": "typo"})):
        put(store, "route", path, rule | {"path": f"/{path}"})
    gw = gateway(from_redis(store))
    wait_until(lambda: name(gw, "/mirror") == "one", 5)
    assert [name(gw, f"/{p}") for p in ("split", "fallback", "of", "arm")] == ["rule_refused"] * 4
    why = {"split": "split: there is no upstream typo"} | dict.fromkeys(("fallback", "of", "arm"), "fallback: there is no upstream typo")
    assert refused(gw) == {f"yett:route:{k}": v for k, v in why.items()}
    told = why | {"mirror": "mirror: there is no upstream typo", "none": "the upstream does not exist"}
    assert {k: routes(gw)[f"rule:{k}"]["reason"] for k in told} == told
    put(store, "upstream", "typo", {"endpoints": [two[0].address]})
    wait_until(lambda: [name(gw, f"/{p}") for p in (*told,)] == ["one"] * 6 and refused(gw) == {}, 5)


def test_whatever_names_an_upstream_may_name_a_backend(gateway, store, two):
    store.db.hset("backend:b", two[1].address, 0)
    put(store, "upstream", "dead", {"endpoints": ["nowhere.invalid:80"], "fallback": "backend:b"})
    for path, rule in (("led", {"upstream": "backend:b"}), ("split", {"split": [{"upstream": "backend:b"}]}),
                       ("fell", {"upstream": "typo", "fallback": "backend:b"}), ("of", {"upstream": "dead"})):
        put(store, "route", path, rule | {"path": f"/{path}"})
    gw = gateway(from_redis(store) | {"timeouts": {"start_wait": "100ms"}})
    wait_until(lambda: name(gw, "/led") == "two", 5)
    assert [name(gw, f"/{p}") for p in ("split", "fell", "of")] == ["two"] * 3


def test_last_good_version_stays(gateway, store, two):
    put(store, "upstream", "u", {"endpoints": [two[0].address]})
    put(store, "route", "r", {"host": "a.test", "upstream": "u"})
    gw = gateway(from_redis(store))
    assert name(gw) == "one"
    put(store, "route", "r", {"host": "a.test", "upstream": 5, "nope": 1})
    put(store, "upstream", "u", {"endpoints": []})
    wait_until(lambda: len(refused(gw)) == 2, 5)
    assert name(gw) == "one" and "stays" in routes(gw)["rule:r"]["reason"]


def test_refused_answers_503_where_it_would_match(gateway, store, two):
    """Also after a restart without Redis."""
    store.rule("a.test", two[0].address)
    deny = {"host": "a.test", "path": "/closed", "methods": ["PUT"], "headers": [{"name": "X", "regex": "("}], "target": "h"}
    put(store, "route", "deny", deny)
    put(store, "upstream", "bad", {"endpoints": [":::"]})
    put(store, "route", "leads", {"host": "a.test", "path": "/leads", "upstream": "bad"})
    gw = gateway(from_redis(store, timeout="1s"))

    def check():
        assert name(gw, "/closed/x", method="PUT") == "rule_refused" and name(gw, "/closed/x") == "one"
        assert name(gw, "/leads") == "rule_refused" and name(gw, "/other") == "one"

    check()
    rules = os.path.join(gw.state_dir, "rules.json")
    wait_until(lambda: os.path.exists(rules) and "yett:route:deny" in open(rules).read(), 10)
    gw.stop()
    store.kill()
    gw.start()
    check()


def test_other_types_and_names(gateway, store, two):
    store.rule("a.test", two[0].address)
    gw = gateway(from_redis(store))
    store.db.hset("yett:route:hash", "a", "b")
    put(store, "route", "big", b"x" * (10 << 20))
    put(store, "route", "a b", {"path": "/"})
    put(store, "routes", "x", {})
    wait_until(lambda: len(refused(gw)) == 3, 10, what=lambda: refused(gw))
    why = refused(gw)
    assert why["yett:route:hash"] == "it is no string; write it with SET" and "64 KiB" in why["yett:route:big"]
    assert "letters, digits" in why["yett:route:a b"] and name(gw) == "one"


def test_mass_loss_is_withheld(gateway, store, two):
    for i in range(8):
        put(store, "route", f"r{i}", {"host": f"h{i}.test", "target": two[0].address})
    gw = gateway(from_redis(store))
    assert name(gw, host="h7.test") == "one"
    store.db.delete(*[f"yett:route:r{i}" for i in range(1, 8)])
    wait_until(lambda: gw.status()["rules"]["withheld"] == 7, 10)
    assert name(gw, host="h7.test") == "one"
    assert gw.admin("/reload?wait=1&force=1", "POST").status == 200
    wait_until(lambda: name(gw, host="h7.test") == "no_route", 10)


def test_what_a_rule_does(gateway, store, two):
    """Splits and mirrors find the upstreams of rules first; what a route of the file can do a rule can."""
    put(store, "upstream", "one", {"endpoints": [two[0].address]})
    store.rule("other.test", two[1].address, "b")
    put(store, "route", "split", {"path": "/split", "split": [{"upstream": "one", "weight": 0}, {"upstream": "backend:b"}],
                                  "replace_prefix": "/x", "response_headers": {"set": {"X-Rule": "$route"}}})
    put(store, "route", "mirror", {"path": "/mirror", "upstream": "backend:b", "mirror": {"upstream": "one"}})
    put(store, "route", "old", {"path": "/old", "redirect": {"to": "https://$host/new$rest", "status": 308}})
    put(store, "route", "bad", {"path": "/bad", "redirect": {"to": "//evil.org"}})
    gw = gateway(merge(from_redis(store), {"upstreams": {"one": {"endpoints": ["127.0.0.1:1"]}}, "routes": [
        {"path": "/file", "upstream": "one"}]}))
    wait_until(lambda: gw.ask("/old/x", host="a.test").header("Location") == "https://a.test/new/x", 5)
    answer = gw.ask("/split/y", host="a.test")
    assert (answer.json()["name"], answer.json()["target"], answer.header("X-Rule")) == ("two", "/x/y", "rule:split")
    assert name(gw, "/mirror") == "two"
    wait_until(lambda: [r.target for r in two[0].requests] == ["/mirror"], 5)
    assert name(gw, "/bad") == "rule_refused" and "another host" in refused(gw)["yett:route:bad"]
