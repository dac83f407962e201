"""A hub: what NaaVRE's page sends gets the answers of NaaVRE's communicator, and what it says does not change who asks."""

import hashlib
import json

import pytest

from harness import client
from harness.hub import BASE, WHO, Page, config, error, wrapped
from harness.tokens import basic, bearer, token
from harness.upstream import echo


@pytest.fixture(scope="module")
def shared(lasting_gateway, lasting_serve):
    """A hub before an upstream."""
    up = lasting_serve()
    page = Page(lasting_gateway(config([up.address], {"gate": {"sources": ["bearer", "basic", "api_key"]}, "api_keys": {
        "jo": {"sha256": hashlib.sha256(b"k" * 40).hexdigest()}}})), up.port)
    page.up = up
    return page


@pytest.fixture
def hub(shared):
    """The same, as if it were new: the upstream echoes."""
    shared.up.handler = echo
    shared.up.requests.clear()
    shared.headers = bearer(shared.token)
    return shared


# ---- the words of NaaVRE ----

@pytest.mark.parametrize("body, message", [
    (b"", "No query in payload"),
    (b"{}", "No query in payload"),
    (b"[]", "No query in payload"),
    (b'{"Query":{}}', "No query in payload"),
    (b'{"query":{}}', "No method in query"),
    (b'{"query":null}', "No method in query"),
    (b'{"query":{"url":"x"}}', "No method in query"),
    (b'{"query":{"method":"GET"}}', "No url in query"),
    (b'{"query":{"method":"GET","url":"https://other.example/"}}', "Domain is not allowed"),
    (b'{"query":{"method":"NO","url":7,"headers":7}}', "Domain is not allowed"),
    (b'{"query":', "Invalid JSON in body of request"),
    (b'{"query":{}} x', "Invalid JSON in body of request"),
    (b'{"query":{"method":"GET","method":"GET"}}', "A name is there twice in query"),
])
def test_order_of_mistakes(hub, body, message):
    r = hub.send(body)
    assert r.status == 400 and r.body == error(message) and r.header("Content-Type") == "application/json"
    assert r.why == ("hub_domain" if message.startswith("Domain") else "hub_query") and not hub.up.requests
    assert hub.gw.ask("/user/jo/naavre-communicator/me", headers=hub.headers).status == 200


@pytest.mark.parametrize("query, message", [
    ({"method": "CONNECT"}, "Method is not allowed"), ({"method": "TRACE"}, "Method is not allowed"),
    ({"method": 7}, "Method is not allowed"), ({"method": "GET / HTTP/1.1\r\nX: y"}, "Method is not allowed"),
    ({"headers": []}, "Headers are not well-formed"), ({"headers": {"X": 1}}, "Headers are not well-formed"),
    ({"headers": {"X": "a\r\nY: b"}}, "Headers are not well-formed"), ({"headers": {"X: y\r\nZ": "a"}}, "Headers are not well-formed"),
    ({"headers": {"": "a"}}, "Headers are not well-formed"), ({"headers": {"X Y": "a"}}, "Headers are not well-formed"),
    ({"headers": {"X": "a\nb"}}, "Headers are not well-formed"),
])
def test_what_would_break_the_request(hub, query, message):
    r = hub.query(**query)
    assert r.status == 400 and r.body == error(message) and not hub.up.requests


def test_reply_byte_for_byte(hub):
    body = '{"a":"\u00e4\u20ac\U0001f600\\"\x7f"}'.encode()

    def answer(r, c):
        c.reply(201, [("Content-Type", "application/json"), ("X-Two", "a"), ("x-two", "b"), ("X-Empty", "")], body, "Very Good")

    hub.up.handler = answer
    answered = hub.gw.metrics()["yett_hub_answered_total"]
    r = hub.query("/made?x=1")
    assert r.status == 200 and r.header("Content-Type") == "application/json"
    assert r.body == json.dumps({
        "status_code": 201, "reason": "Very Good",
        "headers": {"content-type": "application/json", "x-two": "a, b", "x-empty": "", "content-length": str(len(body))},
        "content": body.decode()}).encode()
    assert hub.gw.metrics()["yett_hub_answered_total"] == answered + 1


@pytest.mark.parametrize("type_, codec", [
    ("text/plain", "utf-8"), ("text/plain; charset=utf-8", "utf-8"), ("text/plain; charset=ISO-8859-1", "latin-1"),
    ('text/plain; x=y; charset="us-ascii"', "ascii"), ("text/html;charset=windows-1252", "cp1252"), ("text/plain; charset=none", "utf-8")])
def test_content_as_text(hub, type_, codec):
    body = bytes(range(256)) + b"\xe2\x82 \xf0\x9f\x98 \xed\xa0\x80 \xc0\xaf \xf4\x90\x80\x80 \xe2\x82\xac\xf0\x9f\x98\x80\xe2\x82"
    hub.up.handler = lambda r, c: c.reply(200, {"Content-Type": type_}, body)
    assert hub.query().json()["content"] == body.decode(codec, "replace")


@pytest.mark.parametrize("status", [200, 204, 301, 302, 304, 307, 400, 401, 403, 404, 500, 503])
def test_any_status_is_the_reply(hub, status):
    hub.up.handler = lambda r, c: c.reply(status, {"Location": "/elsewhere"}, reason="Said", length=status not in (204, 304))
    reply = wrapped(hub.query("/x"))
    assert (reply["status_code"], reply["reason"], reply["content"]) == (status, "Said", "")
    assert reply["headers"]["location"] == "/elsewhere" and len(hub.up.requests) == 1


@pytest.mark.parametrize("method, given, sent", [
    ("GET", {}, None), ("GET", {"data": {}}, None), ("GET", {"data": {"a": 1}}, b'{"a": 1}'), ("DELETE", {"data": {}}, None),
    ("POST", {}, b"{}"), ("POST", {"data": {}}, b"{}"), ("POST", {"data": None}, b""), ("PATCH", {"data": []}, b"[]"),
    ("PUT", {"data": "text"}, b'"text"'), ("POST", {"data": {"n": 12345678901234567890, "x": 1.0}}, b'{"n": 12345678901234567890, "x": 1.0}'),
    ("OPTIONS", {}, None), ("post", {"data": {"a": [{}]}}, b'{"a": [{}]}')])
def test_data(hub, method, given, sent):
    wrapped(hub.query("/d", method, **given))
    r = hub.up.requests[0]
    assert (r.method, r.target) == (method.upper(), "/d") and (r.body or b"") == (sent or b"")
    assert r.header("Content-Type") == ("application/json" if sent else None)
    assert r.header("Content-Length") == (None if sent is None else str(len(sent)))


def test_head(hub):
    hub.up.handler = lambda r, c: c.send(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\nContent-Encoding: gzip\r\n\r\n")
    reply = wrapped(hub.query(method="HEAD"))
    assert reply["content"] == "" and reply["headers"]["content-length"] == "99"


def test_me(hub):
    def me(claims, **how):
        return hub.gw.ask(BASE + "/me", headers=bearer(token(**claims)), **how)

    r = me(WHO)
    assert r.status == 200 and r.header("Content-Type") == "application/json"
    assert r.body == json.dumps({n: WHO[n] for n in ("sub", "preferred_username", "name")}).encode()
    assert me({"sub": "x", "name": {"a": 1}}).body == b'{"sub": "x", "preferred_username": null, "name": null}'
    assert hub.gw.ask(BASE + "/me").status == 401
    for path, method, status, why in [("/me", "POST", 405, "method_not_allowed"), ("/external-service", "GET", 405, "method_not_allowed"),
                                      ("/other", "GET", 404, "hub_path"), ("", "GET", 404, "hub_path"), ("/me/", "GET", 404, "hub_path")]:
        r = hub.gw.ask(BASE + path, method, headers=hub.headers)
        assert (r.status, r.why) == (status, why) and r.json()["reason"] is None


# ---- what goes along ----

def test_headers_that_pass(hub):
    hub.headers |= {"Cookie": "a=b", "X-Of-Page": "1", "User-Agent": "browser"}
    wrapped(hub.query(headers={"Accept": "text/x", "X-Own": "\u00e4", "user-agent": "lab", "Content-Type": "application/merge-patch+json"},
                      data={"a": 1}))
    r = hub.up.requests[0]
    assert (r.header("Accept"), r.header("User-Agent"), r.header("Content-Type")) == ("text/x", "lab", "application/merge-patch+json")
    assert r.header("X-Own").encode("latin-1").decode() == "\u00e4"
    assert r.header("Authorization") == "Bearer " + hub.token and r.header("Host") == f"127.0.0.1:{hub.port}"
    assert r.header("X-Of-Page") is None and r.header("Cookie") is None and r.header("Accept-Encoding") == "identity"


@pytest.mark.parametrize("name", [
    "Authorization", "authorization", "Host", "Cookie", "Connection", "Keep-Alive", "Proxy-Authorization", "Proxy-Connection", "TE",
    "Trailer", "Transfer-Encoding", "Upgrade", "Content-Length", "Expect", "Via", "Forwarded", "X-Forwarded-For", "X_Forwarded.Host",
    "X-Real-IP", "X-Request-Id", "X-Yett-Mirrored", "auth_id", "Auth.Id", "HTTP2-Settings", "Max-Forwards", "Accept-Encoding"])
def test_headers_that_do_not(hub, name):
    wrapped(hub.query(headers={name: "evil", "X-Good": "1"}, method="POST", data={"a": 1}))
    r = hub.up.requests[0]
    assert r.header("X-Good") == "1" and r.body == b'{"a": 1}' and all(v != "evil" for _, v in r.headers)


def test_token_of_basic(hub):
    hub.headers = basic("jo", hub.token)
    wrapped(hub.query())
    assert hub.up.requests[0].header("Authorization") == "Bearer " + hub.token


def test_who_has_no_token(hub):
    """An API key says who asks, and there is nothing to send."""
    hub.headers = {"X-Api-Key": "k" * 40}
    r = hub.query()
    assert (r.status, r.body, r.why) == (401, error("Could not decode JWT"), "hub_token") and not hub.up.requests
    assert hub.gw.ask(BASE + "/me", headers=hub.headers).json()["sub"] == "jo"


def test_who_is_nobody(hub):
    hub.headers = {}
    assert hub.query().why == "token_missing"
    hub.headers = bearer(token(secret="another secret of thirty-two bytes", **WHO))
    assert hub.query().why == "token_signature" and not hub.up.requests


# ---- the rest ----

def test_slow_body_and_continue(hub):
    body = json.dumps({"query": {"method": "POST", "url": f"http://127.0.0.1:{hub.port}/s", "data": "x" * 100000}}).encode()
    head = (f"POST {BASE}/external-service HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {hub.token}\r\nExpect: 100-continue\r\n"
            f"Content-Length: {len(body)}\r\n\r\n").encode()
    with client.Client(hub.gw.port) as c:
        c.send(head)
        assert c.read_until(b"\r\n\r\n").startswith(b"HTTP/1.1 100")
        for at in range(0, len(body), 40000):
            c.send(body[at:at + 40000])
        assert wrapped(c.read())["status_code"] == 200
        c.send(head.replace(b"Expect: 100-continue\r\n", b"") + body)  # the connection goes on
        assert wrapped(c.read())["status_code"] == 200
    assert hub.up.requests[0].body == json.dumps("x" * 100000).encode()


def test_explain_and_effective(hub):
    explained = hub.gw.cli("explain", "POST", "http://test" + BASE + "/external-service", "-H", "Authorization: Bearer " + hub.token).stdout
    assert f"127.0.0.1:{hub.port}" in explained and hub.token not in explained
    effective = hub.gw.cli("check", "--effective").stdout
    assert "routes[0].hub.allow" in effective and "(hub)" not in effective
