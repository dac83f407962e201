"""Bodies that a route translates between a client's JSON and a backend's, in both directions."""

import gzip
import json
import threading

import pytest

from harness import client
from harness.gateway import BINARY, from_redis, merge, proxy_to
from harness.procs import run, wait_until

JSON = {"Content-Type": "application/json"}
PROJECT = {"max": "64k",
           "request": [{"drop": "/debug"}, {"rename": "/name", "to": "/title"}, {"default": "/visibility", "value": "private"},
                       {"wrap": "/project"}],
           "response": [{"flatten": "/data"}, {"pick": ["/id", "/title", "/items/*/name"]},
                        {"rename": "/title", "to": "/name", "optional": True}]}


def post(to, body, path="/", headers=JSON, **how):
    return to.ask(path, "POST", headers=headers, body=body if isinstance(body, bytes) else json.dumps(body).encode(), **how)


def store(r, c):
    """A backend that knows projects; its path says what is odd about it."""
    c.read_body(r)
    body = b'{"data": {"id": 9007199254740993, "title": "t", "secret": 1}, "items": [{"name": "a", "x": 1}, {"x": 2}], "x": 1e400}'
    fields = list(JSON.items()) + [("ETag", '"1"'), ("Content-MD5", "x"), ("Digest", "y"), ("Accept-Ranges", "bytes"), ("X-Kept", "k")]
    if r.path == "/chunked":
        c.send(b"HTTP/1.1 200 Fine\r\nContent-Type: application/problem+json; charset=utf-8\r\nTransfer-Encoding: chunked\r\n"
               b"Trailer: X-T\r\n\r\n")
        for i in range(len(body)):
            c.chunk(body[i:i + 1])
        c.send(b"0\r\nX-T: 1\r\n\r\n")
    elif r.path == "/close":
        c.send(b"HTTP/1.1 200 Fine\r\nContent-Type: application/json\r\n\r\n" + body)
        c.close = True
    elif r.path == "/gzip":
        c.reply(200, JSON | {"Content-Encoding": "gzip"}, gzip.compress(body))
    elif r.path == "/malformed":
        c.reply(200, JSON, body[:-1])
    elif r.path == "/short":
        c.send(b"HTTP/1.1 200 Fine\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
        c.close = True
    elif r.path == "/missing":
        c.reply(200, JSON, b'{"secret": 1}')
    elif r.path == "/large":
        c.reply(200, JSON, b'"' + b"x" * 65536 + b'"')
    elif r.path == "/large-chunked":
        c.send(b"HTTP/1.1 200 Fine\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(9):
            c.chunk(b" " * 8192)
        c.send(b"0\r\n\r\n")
    elif r.path == "/part":
        c.reply(206, JSON | {"Content-Range": "bytes 0-1/9"}, b"{}")
    elif r.path == "/text":
        c.reply(200, {"Content-Type": "text/plain", "ETag": '"1"'}, b"{not JSON")
    elif r.path == "/error":
        c.reply(404, JSON | {"ETag": '"1"'}, b'{"data": 1 }')
    elif r.path == "/none":
        c.reply(204, {"ETag": '"1"'}, length=False)
    elif r.method == "HEAD":
        c.send(b"HTTP/1.1 200 Fine\r\nContent-Type: application/json\r\nContent-Length: %d\r\nETag: \"1\"\r\n\r\n" % len(body))
    else:
        c.reply(200, fields, body)


@pytest.fixture
def backend(serve):
    return serve(store)


@pytest.fixture
def gw(gateway, backend):
    return gateway(proxy_to(backend, translate=PROJECT))


WANTED = b'{"items":[{"name":"a"},{}],"id":9007199254740993,"name":"t"}'


def test_both_ways(gw, backend):
    headers = JSON | {"Accept-Encoding": "gzip", "Range": "bytes=0-1", "If-Range": "x", "Content-MD5": "z", "Digest": "d", "X-Kept": "k"}
    r = post(gw, b'{"name": "\\u00e4", "size": 9007199254740993, "debug": {"a": 1}}', headers=headers)
    assert (r.status, r.framing, r.body) == (200, "length", WANTED)
    assert r.header("X-Kept") == "k" and not any(map(r.all, ("ETag", "Content-MD5", "Digest", "Accept-Ranges")))
    got = backend.requests[-1]
    assert got.body == '{"project":{"size":9007199254740993,"title":"ä","visibility":"private"}}'.encode().replace(
        b'"size":9007199254740993,"title":"\xc3\xa4"', b'"title":"\xc3\xa4","size":9007199254740993')
    assert got.header("Content-Length") == str(len(got.body)) and got.header("Accept-Encoding") == "identity"
    assert not any(map(got.all, ("Range", "If-Range", "Content-MD5", "Digest", "Transfer-Encoding"))) and got.header("X-Kept") == "k"


def test_an_answer_in_any_framing(gw):
    with gw.connect() as c:
        for path in ("/", "/chunked", "/close") * 2:  # the connection goes on
            r = c.ask(path)
            assert (r.status, r.framing, r.body, r.trailers) == (200, "length", WANTED, [])
        c.send(client.request("/", version="HTTP/1.0", headers={"Connection": "keep-alive"}))
        assert c.read().body == WANTED


def test_what_is_not_translated(gw, backend):
    with gw.connect() as c:
        for path, status, body in (("/text", 200, b"{not JSON"), ("/error", 404, b'{"data": 1 }'), ("/none", 204, b"")):
            r = c.ask(path)
            assert (r.status, r.body, r.header("ETag")) == (status, body, '"1"')
        r = c.ask("/", "HEAD")
        assert r.status == 200 and int(r.header("Content-Length")) > len(WANTED)
        assert post(c, b"name=x&debug", headers={"Content-Type": "application/x-www-form-urlencoded"}).body == WANTED
        assert backend.requests[-1].body == b"name=x&debug"
        assert post(c, b"").body == WANTED and backend.requests[-1].body == b""


def test_an_answer_that_cannot_be_translated(gw):
    with gw.connect() as c:
        for path, field in (("/gzip", "Content-Encoding"), ("/malformed", "body"), ("/missing", "/data"), ("/large", "translate.max"),
                            ("/large-chunked", "translate.max"), ("/part", "Content-Range")):
            r = c.ask(path)
            assert (r.status, r.why, r.json()["field"]) == (502, "translation_response", field) and b"secret" not in r.body
            assert c.ask("/").body == WANTED
            assert gw.logged(reason="translation_response", path=path)["field"] == field
        r = c.ask("/short")
        assert (r.status, r.why) == (502, "upstream_closed")


def test_a_request_that_cannot_be_translated(gw, backend):
    with gw.connect() as c:
        for i, (body, field) in enumerate((
                (b"{", "body"), (b'{"a":1,"a":2}', "body"), (b"[" * 100 + b"]" * 100, "body"), (b'{"a":1}', "/name"),
                (b'{"name":1,"title":"secret"}', "/title"), (b"[]", "/name"), (b'"secret"', "/name"))):
            r = post(c, body, f"/{i}")
            assert (r.status, r.why, r.json()["field"]) == (400, "translation_request", field) and b"secret" not in r.body
            assert gw.logged(reason="translation_request", path=f"/{i}")["field"] == field
        assert not backend.requests
        assert post(c, {"name": "x"}).body == WANTED


def test_requests_of_other_kinds(gateway, backend):
    gw = gateway(proxy_to(backend, translate=PROJECT | {"required": True}))
    with gw.connect() as c:
        for headers, field in ((JSON | {"Content-Encoding": "gzip"}, "Content-Encoding"), ({"Content-Type": "text/plain"}, "Content-Type"),
                               ({}, "Content-Type")):
            r = gw.ask("/", "POST", headers=headers, body=b"{}")
            assert (r.status, r.why, r.json()["field"]) == (415, "translation_type", field)
        assert not backend.requests
        assert c.ask("/").body == WANTED
        assert c.ask("/error").status == 404 and c.ask("/none").status == 204
        r = c.ask("/text")
        assert (r.status, r.why, r.json()["field"]) == (502, "translation_response", "Content-Type")


def test_too_large_a_request(gw, backend):
    with gw.connect() as c:
        c.send(client.request("/", "POST", headers=JSON | {"Content-Length": "65537", "Expect": "100-continue"}))
        r = c.read()
        assert (r.status, r.why, r.json()["limit"], r.interim) == (413, "body_too_large", "routes[].translate.max", [])
    with gw.connect() as c:
        c.send(client.request("/", "POST", headers=JSON | {"Transfer-Encoding": "chunked"}))
        for _ in range(9):
            c.send(b"2000\r\n" + b" " * 8192 + b"\r\n")
        r = c.read()
        assert (r.status, r.why, r.json()["limit"]) == (413, "body_too_large", "routes[].translate.max")
    body = b'{"name": "' + b"x" * 60000 + b'"}'
    assert post(gw, body).body == WANTED and len(backend.requests[-1].body) > 60000 and len(backend.requests) == 1


def test_a_body_that_comes_slowly(gw, backend):
    """The client is asked for it, and no endpoint waits meanwhile."""
    body = b'{"name": "x"}'
    with gw.connect() as c:
        for _ in range(2):
            c.send(client.request("/", "POST", headers=JSON | {"Content-Length": str(len(body)), "Expect": "100-continue"}))
            assert c.read_head().status == 100
            before = len(backend.requests)
            for i in range(len(body)):
                c.send(body[i:i + 1])
                if i == 5:
                    wait_until(lambda: gw.status()["workers"], 5)
                    assert len(backend.requests) == before
            assert c.read().body == WANTED
            got = backend.requests[-1]
            assert got.body == b'{"project":{"title":"x","visibility":"private"}}' and not got.all("Expect")
        c.send(client.request("/", "POST", headers=JSON | {"Transfer-Encoding": "chunked"}))
        for i in range(len(body)):
            c.send(b"1\r\n" + body[i:i + 1] + b"\r\n")
        c.send(b"0\r\nX-T: 1\r\n\r\n" + client.request("/?next"))
        assert c.read().body == WANTED and c.read().body == WANTED
        assert backend.requests[-2].header("Content-Length") and backend.requests[-1].target == "/?next"


def test_a_client_that_stops(gateway, backend):
    gw = gateway(proxy_to(backend, translate=PROJECT, timeouts={"client_body": "300ms"}))
    with gw.connect() as c:
        c.send(client.request("/", "POST", headers=JSON | {"Content-Length": "10"}) + b"{")
        r = c.read()
        assert (r.status, r.why) == (408, "client_body_timeout")
    with gw.connect() as c:
        c.send(client.request("/", "POST", headers=JSON | {"Content-Length": "10"}) + b"{")
    assert gw.logged(reason="client_gone") and not backend.requests
    assert post(gw, {"name": "x"}).body == WANTED


def test_an_upstream_that_stops(gateway, serve):
    def answer(r, c):
        c.send(b"HTTP/1.1 200 Fine\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{")
        c.stay()
    gw = gateway(proxy_to(serve(answer), translate=PROJECT, timeouts={"idle": "300ms", "first_byte": "5s"}))
    r = gw.ask()
    assert (r.status, r.why) == (504, "upstream_stalled")


def test_an_answer_before_the_request_is_whole(gateway, serve):
    """Only the answer is translated; the rest of the request is nobody's."""
    def answer(r, c):
        c.reply(200, JSON, b'{"a": 1}')
        c.close = True
    gw = gateway(proxy_to(serve(answer), translate={"response": [{"wrap": "/w"}]}))
    assert gw.ask().body == b'{"w":{"a":1}}'
    with gw.connect() as c:
        c.send(client.request("/", "POST", headers={"Content-Length": "10"}) + b"abc")
        r = c.read()
        assert r.body == b'{"w":{"a":1}}' and r.header("Connection") == "close"


def test_what_is_sent_again_is_the_translated(gateway, serve):
    seen, lock = [], threading.Lock()

    def answer(r, c):
        c.read_body(r)
        with lock:
            seen.append(r.body)
            first = len(seen) == 1
        c.reply(503 if first else 200, JSON, b'{"data": {}}')
    copies = serve()
    one, two = serve(answer), serve(answer)
    gw = gateway(merge(proxy_to(one, two, translate=PROJECT, retry_on=["503"], mirror={"upstream": "copies"}),
                       {"upstreams": {"copies": {"endpoints": [copies.address]}}}))
    r = gw.ask("/", "PUT", headers=JSON, body=b'{"name": "x"}')
    sent = b'{"project":{"title":"x","visibility":"private"}}'
    assert r.body == b"{}" and seen == [sent, sent]
    wait_until(lambda: [q.body for q in copies.requests] == [sent], 5)


def test_where_nobody_listens(gateway, serve):
    """A body that was translated goes to the endpoint that is there."""
    dead, up = serve(store), serve(store)
    dead.stop()
    gw = gateway(proxy_to(dead, up, translate=PROJECT))
    for _ in range(4):
        assert post(gw, {"name": "x"}).body == WANTED
    assert [q.body for q in up.requests] == [b'{"project":{"title":"x","visibility":"private"}}'] * 4


def test_a_rule_of_redis(gateway, store, serve):
    up = serve()
    store.db.set("yett:route:r", json.dumps({
        "path": "/", "target": up.address,
        "translate": {"request": [{"default": "/n", "value": 9007199254740993}], "response": [{"pick": "/body"}]}}))
    store.db.set("yett:route:bad", json.dumps({"path": "/bad", "target": up.address, "translate": {"request": [{"drop": "x"}]}}))
    gw = gateway(from_redis(store))
    wait_until(lambda: post(gw, {}).status == 200, 5)
    assert post(gw, {}).json() == {"body": '{"n":9007199254740993}'}
    assert gw.ask("/bad").why == "rule_refused"
    why = {r["key"]: r["reason"] for r in gw.status()["rules"]["refused"]}
    assert why["yett:route:bad"].startswith('translate.request[0].drop: "x" does not begin with /')


def test_it_is_explained(gw):
    told = gw.cli("explain", "POST", "http://test/", "-H", "Content-Type: application/json").stdout
    assert "request and answer translated" in told, told
    told = json.loads(gw.cli("explain", "GET", "http://test/", "--json").stdout)
    assert told["translation"] == {"request": 4, "response": 3, "max": 65536, "required": False}


MISTAKES = [
    ({"drop": "a"}, '.drop: "a" does not begin with /; write a JSON Pointer'), ({"drop": ""}, ".drop: it is the whole body"),
    ({"pick": ["/a", "/~2"]}, '.pick: "/~2" has a ~ that is neither'), ({}, ": there is nothing to do; give pick"),
    ({"drop": "/a", "wrap": "/b"}, ": these are several operations"), ({"rename": "/a"}, ": rename needs a place to go to"),
    ({"rename": "/a", "to": "/a"}, ".to: it is where it stands already"), ({"rename": "/*/a", "to": "/b"}, ".to: with a *"),
    ({"rename": "/a/*", "to": "/a/b"}, ".rename: it ends with *"), ({"rename": "/l/*/a", "to": ""}, ".to: with a *"),
    ({"wrap": "/a/*/b"}, ".wrap: there is one place"), ({"default": "/a"}, ": default needs a value"),
    ({"drop": "/a", "value": None}, ".value: there is no default"), ({"drop": "/a", "to": "/b"}, ".to: nothing is renamed"),
    ({"wrap": "/a" * 33}, '.wrap: "' + "/a" * 33 + '" has more than 32 parts'), ({"unwrap": "/a"}, ".unwrap: unknown key")]


def test_mistakes(tmp_path):
    file = tmp_path / "yett.yaml"
    file.write_text(json.dumps({"routes": [{"respond": {"status": 404}, "translate": {"response": [m[0] for m in MISTAKES]}}]}))
    r = run([BINARY, "check", "-c", str(file)])
    assert r.returncode != 0
    assert [why for i, (_, why) in enumerate(MISTAKES) if f"routes[0].translate.response[{i}]{why}" not in r.stdout + r.stderr] == [], r
    assert "routes[0].translate: the gateway answers itself" in r.stdout + r.stderr, r
