"""What the gateway says itself: a page or problem+json by Accept, with one reason code everywhere and nothing internal."""

import pytest

from harness import client
from harness.gateway import proxy_to
from harness.procs import free_port


@pytest.fixture
def down(gateway):
    port = free_port()
    gw = gateway(proxy_to(f"127.0.0.1:{port}"))
    gw.upstream_port = port
    return gw


@pytest.mark.parametrize("accept, html", [
    (None, False), ("*/*", False), ("application/json", False), ("text/html", True), ("text/html,application/json;q=0.9", True),
    ("application/json, text/html;q=0.5", False), ("text/html;q=0, */*", False), ("text/plain", False),
    ("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8", True)])
def test_form_by_accept(down, accept, html):
    r = down.ask(headers={"Accept": accept} if accept else {})
    assert r.status == 502
    assert r.header("Content-Type") == ("text/html; charset=utf-8" if html else "application/problem+json")
    if html:
        assert r.body.startswith(b"<!DOCTYPE html>") and b"upstream_connect_refused" in r.body
    else:
        problem = r.json()
        assert problem["status"] == 502 and problem["title"] == "Bad Gateway" and problem["type"] and problem["detail"]


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_reason_is_the_same_everywhere(down, accept):
    r = down.ask("/same", headers={"Accept": accept})
    line = down.logged(path="/same", id=r.header("X-Request-Id"))
    assert r.why == "upstream_connect_refused" == line["reason"] and r.why.encode() in r.body
    assert r.header("X-Request-Id").encode() in r.body
    assert down.metrics()['yett_refusals_total{reason="upstream_connect_refused"}'] == 1


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_no_internal_address(down, accept):
    r = down.ask(headers={"Accept": accept})
    text = str(r.headers).encode() + r.body
    assert str(down.upstream_port).encode() not in text and b"127.0.0.1" not in text


def test_operators_page(gateway, tmp_path):
    page = tmp_path / "502.html"
    page.write_text("<h1>Back soon</h1>")
    gw = gateway(proxy_to(f"127.0.0.1:{free_port()}") | {"error_pages": {502: str(page)}})
    r = gw.ask(headers={"Accept": "text/html"})
    assert r.status == 502 and r.body == b"<h1>Back soon</h1>" and r.header("Content-Type").startswith("text/html")
    assert gw.ask().json()["reason"] == "upstream_connect_refused"
    page.write_text("<h1>Later</h1>")
    assert gw.reload().returncode == 0
    assert gw.ask(headers={"Accept": "text/html"}).body == b"<h1>Later</h1>"


def test_nothing_of_the_request_becomes_html(gateway):
    r = gateway({}).ask("/%3Cscript%3E", host="a.test", headers={"Accept": "text/html", "X-Request-Id": "<script>"})
    assert r.status == 404 and b"<script" not in r.body.lower()


def test_head_has_no_body(down):
    r = down.ask("/", "HEAD")
    assert r.status == 502 and r.body == b"" and int(r.header("Content-Length")) > 0


def test_connection_goes_on_after_a_refusal(gateway):
    with gateway({}).connect() as c:
        assert [c.ask("/", "POST", body=b"abc").status for _ in range(3)] == [404] * 3


def test_refusal_of_a_large_body_still_arrives(gateway):
    with gateway({}).connect() as c:
        c.send(client.request("/", "POST", headers={"Content-Length": "900000"}))
        try:
            for _ in range(9):
                c.send(b"x" * 100000)
        except OSError:
            pass
        assert c.read().status == 404


def test_table_header(gateway, serve):
    """With each answer: the upstream's, a refusal, and what a route says itself."""
    gw = gateway(proxy_to(serve()) | {"table_header": True, "routes": [
        {"path": "/up", "upstream": "u", "methods": ["GET"], "cors": {"origins": ["*"]}}, {"path": "/said", "respond": {"status": 200}},
        {"path": "/moved", "redirect": {"to": "/up"}}]})
    answers = [gw.ask(path) for path in ("/up", "/none", "/said", "/moved")]
    answers.append(gw.ask("/up", "OPTIONS", headers={"Origin": "http://a", "Access-Control-Request-Method": "GET"}))
    assert [r.status for r in answers] == [200, 404, 200, 302, 204]
    assert {r.header("X-Yett-Table") for r in answers} == {str(gw.status()["table"]["version"])}
    assert gw.admin("/status").header("X-Yett-Table") is None
