"""The management API of redx: every verb and path, with Redis and without."""

import json

import pytest
from harness import client
from harness.api import OPEN, Api, port_config
from harness.gateway import from_redis


@pytest.fixture
def gw(gateway, kept):
    return gateway(kept)


@pytest.fixture
def api(gw):
    return Api(gw.socket)


def named(things, key):
    return {t[key]: t for t in things}


def test_frontends(gw, api, serve):
    up = serve()
    api.done("POST", "backends", "b", up.address)
    assert api.data("frontends") == []
    for method, backend in ("POST", "a"), ("PUT", "b"):
        reply = api.done(method, "frontends", "shop.test", backend)
        assert reply["revision"] and reply["version"]
        assert api.data("frontends", "shop.test") == backend
    assert api.data("frontends") == [{"url": "shop.test", "backend_name": "b"}]
    assert gw.ask(host="shop.test").status == 200  # the answer came when every worker had it
    api.done("DELETE", "frontends", "shop.test")
    assert gw.ask(host="shop.test").why == "no_route"
    api.done("DELETE", "frontends", "shop.test", "whatever")  # 200 even if absent
    r = api.ask("GET", "frontends", "shop.test")
    assert (r.status, r.json()["message"]) == (404, "Entry does not exist")


def test_backends(api):
    assert api.data("backends") == []
    api.done("POST", "backends", "b", "10.0.0.1:80")
    api.done("POST", "backends", "b", "10.0.0.2:80")
    api.done("PUT", "backends", "b", "10.0.0.2:80", "score", "2.5")
    assert api.data("backends", "b") == {"servers": ["10.0.0.1:80", "10.0.0.2:80"], "config": {}}
    api.done("PUT", "backends", "b", "config", "limit", "5")
    assert api.data("backends", "b", "config", "limit") == "5"
    assert api.data("backends") == [{"name": "b", "servers": ["10.0.0.1:80", "10.0.0.2:80"], "config": {"limit": "5"}}]
    api.done("DELETE", "backends", "b", "config", "limit")
    assert api.ask("GET", "backends", "b", "config", "limit").status == 404
    api.done("DELETE", "backends", "b", "10.0.0.1:80")
    assert api.data("backends", "b")["servers"] == ["10.0.0.2:80"]
    api.done("PUT", "backends", "b", "config", "x", "y")
    api.done("PUT", "backends", "b", "10.0.0.3:80")  # the whole backend, its settings too
    assert api.data("backends", "b") == {"servers": ["10.0.0.3:80"], "config": {}}
    api.done("DELETE", "backends", "b")
    api.done("DELETE", "backends", "b")
    assert api.ask("GET", "backends", "b").status == 404
    api.done("PUT", "backends", "made", "config", "limit", "1")  # of the setting alone
    assert api.data("backends", "made") == {"servers": [], "config": {"limit": "1"}}
    api.done("DELETE", "backends", "made", "config", "limit")
    assert api.ask("GET", "backends", "made").status == 404  # a hash without fields is none


def test_names_keep_every_byte(api):
    for url in ("h.test/a/b", "h.test:8080/x", "h.test/a b", "h.test/caf\u00e9", "h.test/100%25", "h.test/a+b&c=d"):
        api.done("POST", "frontends", url, "back: end/\u00fc")
        assert api.data("frontends", url) == "back: end/\u00fc"
        assert url in named(api.data("frontends"), "url")
    api.done("POST", "backends", "back: end/\u00fc", "http://10.0.0.1:80/base")
    assert named(api.data("backends"), "name")["back: end/\u00fc"]["servers"] == ["http://10.0.0.1:80/base"]


def test_batch(api):
    batch = {"frontends": [{"url": "a", "backend_name": "x"}, {"url": "b/c", "backend_name": "y"}],
             "backends": [{"name": "x", "servers": ["10.0.0.1:1", ["10.0.0.2:1", 5]], "config": {"k": "v", "n": 1.5}},
                          {"name": "y", "servers": "10.0.0.3:1"}]}
    api.done("POST", "batch", body=batch)
    assert named(api.data("frontends"), "url")["b/c"]["backend_name"] == "y"
    assert api.data("backends", "x") == {"servers": ["10.0.0.1:1", "10.0.0.2:1"], "config": {"k": "v", "n": "1.5"}}
    api.done("POST", "batch", body={"backends": [{"name": "x", "servers": ["10.0.0.9:1"]}]})
    assert len(api.data("backends", "x")["servers"]) == 3
    api.done("PUT", "batch", body={"backends": [{"name": "x", "servers": ["10.0.0.9:1"]}]})
    assert api.data("backends", "x") == {"servers": ["10.0.0.9:1"], "config": {}}
    api.done("POST", "batch", body=batch)
    api.done("DELETE", "batch", body={"backends": [{"name": "x", "servers": ["10.0.0.9:1", ["10.0.0.2:1", 5]],
                                                    "config": {"k": "v"}}, {"name": "y"}], "frontends": [{"url": "a"}]})
    assert api.data("backends") == [{"name": "x", "servers": ["10.0.0.1:1"], "config": {"n": "1.5"}}]
    assert api.data("frontends") == [{"url": "b/c", "backend_name": "y"}]
    for method in ("POST", "PUT", "DELETE"):
        api.done(method, "batch", body={})


def test_batch_is_all_or_nothing(api):
    r = api.ask("POST", "batch", body={"frontends": [{"url": "a", "backend_name": "x"}],
                                       "backends": [{"name": "x", "servers": ["10.0.0.1:80", "host:80/path"]}]})
    assert r.status == 400 and "backend:x" in r.json()["message"] and "host:80/path" in r.json()["message"]
    assert api.data("frontends") == api.data("backends") == []
    for bad in ({"frontends": [{"url": "a"}]}, {"frontends": "a"}, {"backends": [{"servers": []}]},
                {"backends": [{"name": "x", "servers": [["s", 1, 2]]}]}, {"backends": [{"name": "x", "config": [1]}]}):
        assert api.ask("POST", "batch", body=bad).status == 400, bad
    for body in (b"", b"{", b"[]", b"frontends=1", b'{"a":1,"a":2}', b"[" * 100000):
        r = api.ask("POST", "batch", body=body)
        assert (r.status, r.json()["message"]) == (400, "Missing json body"), body[:20]


def test_batch_takes_json_of_any_type_and_size(api):
    body = {"backends": [{"name": f"b&={i}", "servers": [f"10.0.{i % 256}.{i // 256}:80"], "config": {"x": "%41+" * 20}}
                         for i in range(2000)]}
    for kind in ("application/x-www-form-urlencoded", "text/plain"):
        api.done("PUT", "batch", body=json.dumps(body).encode(), headers=[("Content-Type", kind)])
    assert len(api.data("backends")) == 2000 and api.data("backends", "b&=7")["config"]["x"] == "%41+" * 20


def test_orphans_and_flush(api):
    api.done("DELETE", "orphans")
    assert api.data("orphans") == {"frontends": [], "backends": []}
    api.done("POST", "batch", body={"frontends": [{"url": "a", "backend_name": "gone"}, {"url": "b", "backend_name": "x"}],
                                    "backends": [{"name": "x", "servers": ["10.0.0.1:80"]},
                                                 {"name": "lonely", "servers": ["10.0.0.1:80"]}]})
    assert api.data("orphans") == {"frontends": [{"url": "a"}], "backends": [{"name": "lonely"}]}
    api.done("DELETE", "orphans")
    assert api.data("frontends") == [{"url": "b", "backend_name": "x"}] and len(api.data("backends")) == 1
    api.done("POST", "batch", body={"frontends": [{"url": str(i), "backend_name": "x"} for i in range(20)]})
    api.done("DELETE", "flush")  # all at once, and nothing is withheld
    assert api.data("frontends") == api.data("backends") == []


def test_flush_touches_rules_only(gateway, store):
    for key in ("session:1", "42"):  # as somebody who is suspended by a raw key
        store.db.set(key, "x")
    store.rule("a", "10.0.0.1:80")
    api = Api(gateway(from_redis(store)).socket)
    api.done("DELETE", "flush")
    assert sorted(k for k in store.db.keys() if not k.startswith(b"yett:gateway")) == [b"42", b"session:1", b"yett:revisions"]


def test_what_is_refused_is_not_stored(api):
    for method, *path in (("PUT", "backends", "b", "10.0.0.1:80", "score", "high"), ("POST", "backends", "b", "h:80/x"),
                          ("POST", "frontends", "x\r\ny", "b"), ("POST", "frontends", "a" * 1025, "b")):
        r = api.ask(method, *path)
        assert r.status == 400 and r.json()["message"], r
    assert api.data("frontends") == api.data("backends") == []


def test_other_paths(gw, api):
    for method, path, status in (("GET", "/things/x", 400), ("POST", "/things/x/y", 400), ("GET", "/nothing", 404),
                                 ("GET", "/", 404), ("PATCH", "/frontends/x", 405), ("POST", "/frontends", 405),
                                 ("GET", "/batch", 405), ("GET", "/backends/a/b/c/d/e/f", 404)):
        r = gw.admin(path, method)
        assert r.status == status and r.json()["message"] and r.header("Content-Type") == "application/json", (path, r)
    assert gw.admin("/things/x").json()["message"] == 'Bad asset type. Must be "frontends" or "backends"'
    assert gw.admin("/frontends/x", "PATCH").header("Allow") == "GET, DELETE"
    assert gw.admin("/frontends/").json()["data"] == []  # no redirect
    assert gw.admin("/test").body == b"" and gw.admin("/test").status == 200
    assert gw.admin("/health").json()["message"] == "OK"


def test_body_limit(gateway):
    api = Api(gateway({"admin": {"body_limit": "4k"}}).socket)
    r = api.ask("POST", "batch", body=b" " * 5000)
    assert r.status == 413 and r.json()["limit"] == "admin.body_limit" and r.json()["message"]
    for accept in "*/*", "text/html":  # as all answers there
        r = api.ask("POST", "batch", body=b" " * 5000, headers=[("Accept", accept)])
        assert r.header("Content-Type") == "application/json" and r.json()["message"]
    chunked = b"POST /batch HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + b"800\r\n" + b" " * 2048 + b"\r\n"
    with client.Client(api.to) as c:
        c.send(chunked + b"c00\r\n" + b" " * 3072)
        r = c.read("POST")
        assert r.status == 413 and r.json()["message"]
    body = b'{"frontends":[]}' + b" " * 2000
    with client.Client(api.to) as c:  # in pieces, and asked for
        c.send(b"POST /batch HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body))
        assert c.read_head().status == 100
        for i in range(0, len(body), 500):
            c.send(body[i:i + 500])
        assert c.read("POST").status == 200
        c.send(b"GET /test HTTP/1.1\r\nHost: x\r\n\r\n")
        assert c.read().status == 200


def test_raw_writes_are_seen(gateway, store, serve):
    api = Api(gateway(from_redis(store)).socket)
    store.db.hset("backend:x", "10.0.0.1:80", 1)
    api.done("POST", "backends", "x", "10.0.0.2:80")
    assert api.data("backends", "x")["servers"] == ["10.0.0.1:80", "10.0.0.2:80"]
    store.db.set("backend:bad", "no hash")
    r = api.ask("POST", "backends", "bad", "10.0.0.2:80")
    assert r.status == 400 and "backend:bad" in r.json()["message"]
    assert "no hash" in named(api.data("backends"), "name")["bad"]["refused"]
    api.done("PUT", "backends", "bad", "10.0.0.2:80")
    assert api.data("backends", "bad")["servers"] == ["10.0.0.2:80"]


def test_tcp(gateway):
    port, config = port_config(**OPEN)
    api = Api(gateway(config).socket)
    tcp = Api(port)
    api.done("POST", "frontends", "a", "b")
    assert tcp.data("frontends", "a") == "b"
