"""Headers that a route sets, adds and removes, in both directions; what frames a message or says who asks is the gateway's own."""

import pytest

from harness.client import Client
from harness.gateway import BINARY, proxy_to
from harness.procs import run


def sent(answer, name):
    return [v for n, v in answer.json()["headers"] if n.lower() == name.lower()]


def test_request(gateway, serve):
    gw = gateway(proxy_to(serve(), name="r", request_headers={
        "set": {"X-Client": "$remote_addr/$host/$scheme/$route", "X-Id": "$request_id", "User-Agent": "yett", "X-Price": "$$5"},
        "add": {"X-More": "b"}, "remove": ["Cookie", "X-Secret"]}))
    answer = gw.ask(host="Test:80", headers=[
        ("Cookie", "a=b"), ("X-Client", "forged"), ("x_client", "forged"), ("X-More", "a"), ("X-Secret", "1"), ("x.secret", "2"),
        ("X-Keep", "k"), ("X-Request-Id", "abc")])
    assert sent(answer, "X-Client") == ["127.0.0.1/test/http/file:r"]
    assert sent(answer, "X-Id") == ["abc"] and sent(answer, "X-Price") == ["$5"] and sent(answer, "User-Agent") == ["yett"]
    assert sent(answer, "X-More") == ["a", "b"] and sent(answer, "X-Keep") == ["k"]
    for gone in ("Cookie", "x_client", "X-Secret", "x.secret"):
        assert sent(answer, gone) == []


def test_what_fills_a_value_in_cannot_end_it(gateway, serve):
    gw = gateway(proxy_to(serve(), request_headers={"set": {"X-Id": "$request_id"}}))
    answer = gw.ask(headers={"X-Request-Id": "a\tb"})
    assert sent(answer, "X-Id") == sent(answer, "X-Request-Id") != ["a\tb"]
    assert gw.ask(host="a b").status == 400


def test_answer(gateway, serve):
    up = serve(lambda r, c: c.reply(200, [("Server", "up/1"), ("X-Powered-By", "x"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"),
                                          ("Cache-Control", "private")], b"hello"))
    gw = gateway(proxy_to(up, response_headers={
        "set": {"Cache-Control": "no-store", "X-Route": "$route"}, "add": {"Set-Cookie": "c=3"}, "remove": ["Server", "X-Powered-By"]}))
    with Client(gw.port) as c:
        for method in ("GET", "HEAD", "GET"):
            answer = c.ask(method=method)
            assert answer.header("Cache-Control") == "no-store" and answer.header("X-Route") == "file:/"
            assert answer.all("Set-Cookie") == ["a=1", "b=2", "c=3"]
            assert answer.header("Server") is None and answer.header("X-Powered-By") is None
            assert answer.body == (b"hello" if method == "GET" else b"")


def test_long_values(gateway, serve):
    """More than the room that a head takes in any case."""
    values = {f"X-{i}": f"{i}" * 4000 for i in range(9)}
    gw = gateway(proxy_to(serve(), request_headers={"set": values}, response_headers={"add": values}))
    answer = gw.ask()
    for name, value in values.items():
        assert sent(answer, name) == [value] and answer.header(name) == value


KEPT = ["Host", "Connection", "content_length", "Transfer-Encoding", "TE", "Trailer", "Upgrade", "Via", "X-Forwarded-For",
        "Forwarded", "x.real.ip", "X-Request-Id", "X-Yett-Reason", "Auth_Id", "X-User"]


def test_the_gateways_own(tmp_path):
    file = tmp_path / "yett.yaml"
    for change in ("set: {%s: x}", "add: {%s: x}", "remove: [%s]"):
        routes = [f"  - {{path: /{i}, target: h, request_headers: {{{change % name}}}}}\n" for i, name in enumerate(KEPT)]
        file.write_text("gate: {claims: {id: X-User}}\nroutes:\n" + "".join(routes))
        done = run([BINARY, "check", "-c", str(file)])
        assert done.returncode == 1
        for name in KEPT:
            assert f": {name} is the gateway's own" in done.stderr


@pytest.mark.parametrize("change, told", [
    ("request_headers: {set: {X-A: $nobody}}", "X-A has a variable that there is not"),
    ("request_headers: {set: {X-A: \"a\\nb\"}}", "control character"),
    ("request_headers: {set: {\"X A\": a}}", "is not the name of a header"),
    ("response_headers: {remove: [\"X A\"]}", "character that neither a header"),
    ("response_headers: {set: {Date: x}}", "the gateway's own"),
    ("response_headers: {set: {Access-Control-Allow-Origin: x}}, cors: {origins: [null]}", "is set by cors"),
])
def test_mistakes(tmp_path, change, told):
    file = tmp_path / "yett.yaml"
    file.write_text("routes: [{target: h, " + change + "}]\n")
    done = run([BINARY, "check", "-c", str(file)])
    assert done.returncode == 1 and told in done.stderr, done.stderr
