"""`yett explain` says what would become of a request, and nothing comes of it."""

import json
import os
import signal
import time

import pytest

from harness import client, tokens
from harness.gateway import from_redis, merge, proxy_to
from harness.procs import wait_until

GATE = {"gate": {"protect": ["/api"], "except": [{"path": "/api/login", "methods": ["POST"]}], "secret": tokens.SECRET,
                 "claims": {"id": "auth_id"}}}


def explain(gw, url="http://a.test/", method="GET", headers=(), **more):
    question = {"method": method, "url": url, "headers": [{"name": n, "value": v} for n, v in dict(headers).items()]}
    r = client.ask(gw.socket, "/explain", "POST", body=json.dumps(question | more).encode())
    assert r.status == 200, r
    return r.json()


def picked(answer):
    return [e["address"] for e in answer["upstream"]["endpoints"] if e["picked"]]


def counted(gw):
    return {n: v for n, v in gw.metrics().items() if "total" in n and "worker" not in n and "bytes" not in n and "cpu" not in n}


def test_where_it_goes_and_what_is_near(gateway, serve):
    up = serve()
    gw = gateway(proxy_to(up, name="root") | {"routes": [
        {"name": "root", "upstream": "u"}, {"name": "x", "path": "/x", "upstream": "u", "strip_prefix": True},
        {"name": "alone", "path": "/x", "exact": True, "upstream": "u"},
        {"name": "host", "host": "a.test", "path": "/x/y", "upstream": "u"}]})
    e = explain(gw, "http://A.test:80/x/./y/z?q=1", **{"from": "192.0.2.7"})
    assert (e["outcome"], e["request"]["path"], e["request"]["host"]) == ("forwarded", "/x/y/z", "a.test")
    assert e["route"]["id"] == "file:host" and e["shadowed"] == []
    assert {n["id"]: n["clause"] for n in e["near"]} == {"file:alone": "path", "file:x": "host", "file:root": "host"}
    assert picked(e) == [up.address] and e["sent"]["line"] == "GET /x/y/z?q=1 HTTP/1.1"
    sent = {h["name"]: h["value"] for h in e["sent"]["headers"]}
    assert sent["X-Real-IP"] == "192.0.2.7" and sent["Host"] == "A.test:80"
    assert explain(gw, "http://b.test/x/y")["sent"]["line"] == "GET /y HTTP/1.1"
    for e in explain(gw, "http://a.test/x/y", headers={"Host": "b.test"}), explain(gw, "/x/y", headers={"Host": "a.test"}):
        assert (e["route"]["id"], e["request"]["host"]) == ("file:host", "a.test")
    assert not up.used


def test_conditions_that_failed(gateway, serve):
    gw = gateway(proxy_to(serve(), name="rest") | {"routes": [
        {"name": "rest", "upstream": "u"}, {"name": "post", "path": "/x", "methods": ["POST"], "upstream": "u"},
        {"name": "beta", "path": "/x", "headers": [{"name": "X-Beta", "value": "1"}], "upstream": "u"},
        {"name": "asked", "path": "/x", "query": [{"name": "q", "present": True}], "upstream": "u"}]})
    e = explain(gw, "http://a.test/x?p", headers={"X-Beta": "2"})
    assert e["route"]["id"] == "file:rest"
    near = {n["id"]: n for n in e["near"]}
    assert {i: n["clause"] for i, n in near.items()} == {"file:post": "method", "file:beta": "header", "file:asked": "query"}
    assert near["file:post"]["methods"] == ["POST"] and (near["file:beta"]["name"], near["file:beta"]["value"]) == ("X-Beta", "1")
    e = explain(gw, "http://a.test/x", headers={"X-Beta": "1"})
    assert e["route"]["id"] == "file:beta" and "file:rest" in {n["id"] for n in e["near"]}


REFUSED = [
    ("/x", {}, 400, "bad_host"), ("/x", {"Host": "a b"}, 400, "bad_host"), ("http://a.test/%zz", {}, 400, "bad_path"),
    ("http://a.test/a b", {}, 400, "bad_request"), ("http://a.test/api", {}, 401, "token_missing"),
    ("http://a.test/api", {"Authorization": "Bearer x"}, 401, "token_malformed"),
    ("http://a.test/api", tokens.bearer(tokens.token(exp=1)), 401, "token_expired"),
    ("http://a.test/", {"Content-Length": "99999999"}, 413, "body_too_large"),
    ("http://a.test/", {"Expect": "miracles"}, 417, "expectation_failed"),
    ("http://other.test/", {}, 404, "no_route"), ("http://dead.test/", {}, 502, "upstream_unresolved"),
]


@pytest.fixture
def explained(gateway, serve):
    up = serve()
    return gateway({"upstreams": {"u": {"endpoints": [up.address]}, "dead": {"endpoints": ["nowhere.invalid:80"]}},
                    "routes": [{"host": "a.test", "upstream": "u"}, {"host": "dead.test", "upstream": "dead"}],
                    "health": {"enabled": False}, "timeouts": {"start_wait": "100ms"}} | GATE), up


def test_refused_as_it_would_be(explained):
    for url, headers, status, reason in REFUSED:
        e = explain(explained[0], url, headers=headers)
        assert (e["outcome"], e["status"], e["reason"], e["sent"]) == ("refused", status, reason, None), (url, e)


def test_gate(explained):
    gw, _ = explained
    e = explain(gw, "http://a.test/api/x", headers=tokens.bearer(tokens.token(id="secret-identity")))
    assert e["gate"]["protected"] and e["gate"]["token"] == "good"
    assert e["gate"]["by"] == {"entry": "protect", "host": "", "path": "/api", "exact": False, "methods": []}
    assert {"name": "auth_id", "value": "<redacted-15-chars>"} in e["sent"]["headers"]
    text = json.dumps(e)
    assert "secret-identity" not in text and tokens.SECRET not in text and "Bearer ey" not in text
    e = explain(gw, "http://a.test/api/login", "POST")
    assert not e["gate"]["protected"] and e["gate"]["by"]["entry"] == "except" and e["outcome"] == "forwarded"
    assert explain(gw)["gate"]["by"] is None


def test_who_asks_for_a_token(gateway, store, serve):
    up = serve()
    store.db.set("yett:route:floor", json.dumps({"host": "a.test", "path": "/own/x", "upstream": "u", "priority": 9}))
    store.db.set("yett:route:open", json.dumps({"host": "a.test", "path": "/left", "upstream": "u", "auth": "none"}))
    gw = gateway(merge(from_redis(store), GATE) | {
        "gate": GATE["gate"] | {"protect": ["/left"], "delegate": ["/left"]}, "upstreams": {"u": {"endpoints": [up.address]}},
        "routes": [{"name": "own", "host": "a.test", "path": "/own", "methods": ["GET"], "upstream": "u", "auth": "required"}]})
    gate = explain(gw, "http://a.test/own/y")["gate"]
    assert gate["protected"] and (gate["by"]["entry"], gate["by"]["id"], gate["token"]) == ("route", "file:own", "token_missing")
    gate = explain(gw, "http://a.test/own/x/y")["gate"]
    assert gate["protected"] and gate["by"] == {"entry": "floor", "host": "a.test", "path": "/own", "exact": False, "methods": ["GET", "HEAD"]}
    assert "protected, by floor /own; token: token_missing" in gw.cli("explain", "GET", "http://a.test/own/x").stdout
    gate = explain(gw, "http://a.test/left")["gate"]
    assert not gate["protected"] and (gate["by"]["entry"], gate["by"]["id"]) == ("route", "rule:open")
    assert "not protected, by route rule:open" in gw.cli("explain", "GET", "http://a.test/left").stdout


def test_preflights_are_told_by_what_they_ask(gateway, serve):
    gw = gateway(merge(proxy_to(serve()), GATE) | {"routes": [
        {"name": "get", "path": "/api", "upstream": "u", "methods": ["GET"], "cors": {"origins": ["https://a.test"]}},
        {"name": "put", "path": "/api", "upstream": "u", "methods": ["PUT"]}]})
    e = explain(gw, "http://a.test/api", "OPTIONS", {"Origin": "https://a.test", "Access-Control-Request-Method": "GET"})
    assert (e["outcome"], e["status"], e["route"]["id"]) == ("answered", 204, "file:get")
    assert {n["id"]: n["clause"] for n in e["near"]} == {"file:put": "method"}
    assert e["gate"]["protected"] and e["gate"]["token"] is None  # nobody looked at one


def test_nothing_comes_of_it(gateway, serve):
    ups = [serve(name=str(i)) for i in range(3)]
    gw = gateway(merge(proxy_to(*ups), GATE) | {"workers": 1})
    good = tokens.bearer(tokens.token())
    before = counted(gw)
    for _ in range(5):
        told = picked(explain(gw, "http://a.test/api", headers=good))
        assert told == picked(explain(gw, "http://a.test/api", headers=good))
    assert counted(gw) == before and not any(u.used for u in ups)
    for _ in range(7):
        told, name = picked(explain(gw)), gw.ask().json()["name"]
        assert told == [u.address for u in ups if u.name == name]


def test_what_the_gateway_answers_itself(gateway):
    gw = gateway({"routes": [{"path": "/old", "redirect": {"to": "https://$host/new$rest", "status": 308}}], "workers": 1})
    e = explain(gw, "http://a.test/old/x")
    assert (e["outcome"], e["status"], e["upstream"], e["sent"]) == ("answered", 308, None, None)
    assert {"name": "Location", "value": "https://a.test/new/x"} in e["answer"]["headers"]
    assert "answered with 308" in gw.cli("explain", "GET", "http://a.test/old/x").stdout


def test_a_full_queue_and_a_dead_endpoint_are_told(gateway, serve):
    def slow(r, c):
        time.sleep(1)
        c.reply()
    gw = gateway({"upstreams": {"u": {"endpoints": [serve(slow).address], "max_connections": 1}},
                  "routes": [{"upstream": "u"}], "health": {"enabled": False}, "workers": 1})
    with gw.connect() as c:
        c.send(client.request())
        wait_until(lambda: explain(gw)["upstream"]["endpoints"][0]["in_flight"] == 1, 5)
        assert explain(gw)["outcome"] in ("queued", "refused")
        assert c.read().status == 200
    assert explain(gw)["outcome"] == "forwarded"


def test_rules_of_redis(gateway, store, serve):
    store.rule("a.test", serve().address, "b")
    store.db.set("frontend:a.test/bad", "\0")
    up = serve()
    store.rule("file.test/x", up.address, "b")
    gw = gateway(from_redis(store) | {"upstreams": {"u": {"endpoints": [up.address]}},
                                      "routes": [{"name": "own", "host": "file.test", "path": "/x", "upstream": "u"}]})
    assert explain(gw, "http://a.test/x")["route"]["id"] == "redis:a.test"
    e = explain(gw, "http://file.test/x")
    assert e["route"]["id"] == "file:own" and e["shadowed"] == ["redis:file.test/x"]
    e = explain(gw, "http://a.test/bad/x")
    assert (e["status"], e["reason"], e["route"]["id"]) == (503, "rule_refused", "redis:a.test/bad")


def test_command(explained):
    gw, up = explained
    done = gw.cli("explain", "GET", "http://a.test/api/x", "-H", "Authorization: Bearer " + tokens.token(), "--from", "192.0.2.1")
    assert done.returncode == 0, done
    for words in ("forwarded", "file:a.test/", "protected, by protect /api; token: good", up.address, "picked",
                  "GET /api/x HTTP/1.1", "X-Real-IP: 192.0.2.1", "auth_id: <redacted-2-chars>"):
        assert words in done.stdout, (words, done.stdout)
    done = gw.cli("explain", "GET", "/nowhere")
    assert "refused with 400, bad_host" in done.stdout
    assert json.loads(gw.cli("explain", "--json", "GET", "http://a.test/").stdout)["outcome"] == "forwarded"
    assert gw.cli("explain", "GET").returncode == 2 and gw.cli("explain", "GET", "/", "-H", "nonsense").returncode == 2


def test_no_question(explained):
    for body in (b"", b"{", b"[]", b"{}", b'{"url":"/","method":"A\\r\\nB"}', b'{"url":"/","headers":[{"name":"a"}]}',
                 b'{"url":"/","headers":[{"name":"a","value":"b\\nc"}]}', b'{"url":"/","from":"nobody"}'):
        assert client.ask(explained[0].socket, "/explain", "POST", body=body).status == 400, body


def test_workers_that_do_not_answer(gateway, serve):
    gw = gateway(proxy_to(serve()))
    for pid in gw.workers():
        os.kill(pid, signal.SIGSTOP)
    r = client.ask(gw.socket, "/explain", "POST", body=b'{"url":"http://a.test/"}')
    for pid in gw.workers():
        os.kill(pid, signal.SIGCONT)
    assert r.status == 503
    wait_until(lambda: client.ask(gw.socket, "/explain", "POST", body=b'{"url":"http://a.test/"}').status == 200, 5)


def test_what_a_route_does(gateway, serve):
    ups = {n: serve(name=n) for n in "ab"}
    gw = gateway(GATE | {"upstreams": {n: {"endpoints": [u.address]} for n, u in ups.items()}, "health": {"enabled": False}, "routes": [
        {"path": "/old", "redirect": {"to": "/new", "status": 308}}, {"path": "/gone", "respond": {"status": 410}},
        {"path": "/files", "upstream": "a", "auth": "required"},
        {"path": "/split", "split": [{"upstream": n} for n in "ab"], "split_by": "header:X-User", "mirror": {"upstream": "a"},
         "cors": {"origins": ["https://a.test"]}}]})
    assert [(e["outcome"], e["status"]) for e in (explain(gw, "http://a.test/old"), explain(gw, "http://a.test/gone"))] == [
        ("answered", 308), ("answered", 410)]
    e = explain(gw, "http://a.test/files")
    assert e["reason"] == "token_missing" and e["gate"]["protected"] and e["gate"]["token"] == "token_missing"
    for user in range(20):
        headers = {"X-User": str(user)}
        assert explain(gw, "http://a.test/split", headers=headers)["upstream"]["name"] == gw.ask("/split", headers=headers).json()["name"]
    e = explain(gw, "http://a.test/split", "OPTIONS", {"Origin": "https://a.test", "Access-Control-Request-Method": "GET"})
    assert (e["outcome"], e["status"]) == ("answered", 204)
    wait_until(lambda: gw.metrics()["yett_mirrored_total"] == 20)  # of the real ones alone
