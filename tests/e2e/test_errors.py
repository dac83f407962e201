"""`yett errors`: what was refused for its form, with the byte to blame, and nothing secret."""

import json

from harness import client
from harness.gateway import proxy_to
from harness.procs import free_port, wait_until
from harness.tokens import SECRET


def test_malformed_requests(gateway, serve):
    gw = gateway(proxy_to(serve()))
    assert "no request was refused" in gw.cli("errors").stdout
    bad = b"GET /a?token=geheim HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer geheim\r\nCookie: s=geheim\r\nContent-Length: 5\x01\r\n\r\n"
    assert client.exchange(gw.port, bad).status == 400
    assert client.exchange(gw.port, b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n").status == 400
    assert client.exchange(gw.port, b"\x16\x03\x01 nonsense\r\n\r\n").status == 400
    gw.ask("/fine")
    shown = gw.cli("errors").stdout
    told = json.loads(gw.cli("errors", "--json").stdout)["errors"]
    assert len(told) == 3 and "geheim" not in shown + json.dumps(told) and "/fine" not in shown
    by_reason = {e["reason"]: e for e in told if "\\x16" not in e["bytes"]}
    host = by_reason.pop("bad_host")
    (first,) = by_reason.values()
    assert host["client"] == "127.0.0.1" and host["at"] == 31  # the second one
    assert first["at"] == bad.index(b"\x01") and first["field"] == "Content-Length"
    assert "/a?token=****** HTTP/1.1\\r\\n" in first["bytes"] and "Content-Length: 5\\x01" in first["bytes"]
    lines = shown.splitlines()
    at = next(i for i, line in enumerate(lines) if "5\\x01" in line)
    assert lines[at + 1].index("^") == lines[at].index("\\x01")


def test_requests_that_a_policy_refuses(gateway, serve):
    """They have a place of their own: many of them leave those that were no HTTP where they are."""
    gw = gateway(proxy_to(serve(), path="/in") | {"gate": {"protect": ["/in"], "secret": SECRET}, "workers": 1})
    client.exchange(gw.port, b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n")
    for _ in range(100):
        assert gw.ask("/in?x=geheim", headers={"Authorization": "Bearer geheim"}).status == 401

    def noted():  # of a flood the first ones of each second are
        assert gw.ask("/elsewhere;a=geheim", headers={"Cookie": "a=geheim", "User-Agent": "curl"}).status == 404
        return "no_route" in gw.cli("errors").stdout

    wait_until(noted, 5)
    shown, told = gw.cli("errors").stdout, json.loads(gw.cli("errors", "--json").stdout)
    assert [e["reason"] for e in told["errors"]] == ["bad_host"] and len(told["refused"]) == 64
    assert "geheim" not in shown + json.dumps(told)
    assert {e["reason"] for e in told["refused"]} >= {"no_route"} and any("/elsewhere;a=******" in e["bytes"] and "User-Agent: curl" in e["bytes"] for e in told["refused"])
    assert shown.index("bad_host") < shown.index("REFUSED BY A ROUTE") < shown.index("no_route")


def test_role(gateway, serve):
    """For the admin role alone: the read-only listener has none of it, nor of the lines of the log."""
    port = free_port()
    gateway(proxy_to(serve()) | {"admin": {"listen": f"127.0.0.1:{port}"}})
    assert client.ask(port, "/status", host=f"127.0.0.1:{port}").status == 200
    for path in ("/errors", "/log"):
        assert client.ask(port, path, host=f"127.0.0.1:{port}").status == 403
