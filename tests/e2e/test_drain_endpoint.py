"""yett drain ENDPOINT: it gets no new requests, those under way finish, until it is taken back."""

import json
import threading

import pytest

from harness import client
from harness.gateway import proxy_to
from harness.procs import wait_until


def two(serve):
    def named(name):
        return lambda r, c: c.reply(body=name.encode())
    return serve(named("a")), serve(named("b"))


def bodies(gw, n=12, headers=()):
    return {gw.ask(headers=headers).body.decode() for _ in range(n)}


def state(gw, up):
    return next(e for u in gw.status()["upstreams"] for e in u["endpoints"] if e["address"] == up.address)


@pytest.mark.parametrize("balance", ["round_robin", "least_connections", "random", "power_of_two", "hash"])
def test_gets_no_new_requests(gateway, serve, balance):
    both = dict(zip("ab", two(serve)))
    config = proxy_to(*both.values())
    config["upstreams"]["u"]["balance"] = balance
    gw = gateway(config)
    out = gw.ask().body.decode()  # with hash it is always this one
    address = both.pop(out).address
    r = gw.cli("drain", address)
    assert (r.returncode, r.stdout) == (0, f"{address} gets no new requests; 0 under way\n"), r
    assert bodies(gw) == set(both)
    assert gw.reload(config | {"log_level": "debug"}).returncode == 0
    assert bodies(gw) == set(both)
    assert gw.cli("drain", address, "--undo").stdout == f"{address} is in service\n"
    assert out in bodies(gw, 40)


def test_shown_and_refused(gateway, serve):
    a, b = two(serve)
    gw = gateway(proxy_to(a, b))
    assert gw.cli("drain").stdout == "no endpoint is drained\n"
    for arguments in (["127.0.0.1:1"], [a.address, "--undo"]):
        r = gw.cli("drain", *arguments)
        assert r.returncode == 1 and arguments[0] in r.stderr
    assert gw.cli("drain", "--wait").returncode == 2
    assert json.loads(gw.cli("drain", a.address, "--json").stdout)["drained"][0]["endpoint"] == a.address
    assert a.address in gw.cli("drain").stdout and "drained" in gw.cli("status").stdout
    assert gw.admin("/drained/x?stikcy=1", "PUT").status == 400
    assert gw.cli("drain", b.address).returncode == 0
    r = gw.ask()
    assert r.status == 503 and r.header("X-Yett-Reason") == "no_endpoint"
    explained = json.loads(gw.cli("explain", "GET", "http://test/", "--json").stdout)
    assert '"drained": true' in json.dumps(explained)


def test_what_is_under_way_finishes(gateway, serve):
    go = threading.Event()
    up = serve(lambda r, c: (go.wait(10), c.reply(body=b"done")))
    gw = gateway(proxy_to(up))
    with gw.connect() as c:
        c.send(client.request())
        wait_until(lambda: up.requests)
        r = gw.cli("drain", up.address, "--wait", "--timeout", "100ms")
        assert r.returncode == 3 and "1 under way" in r.stdout
        go.set()
        assert gw.cli("drain", up.address, "--wait").returncode == 0
        assert c.read().body == b"done"


def test_outlives_the_gateway(gateway, serve):
    a, b = two(serve)
    gw = gateway(proxy_to(a, b))
    assert gw.cli("drain", a.address).returncode == 0
    gw.kill()
    gw.start()
    assert bodies(gw) == {"b"}
    gw.stop()
    gw.start()
    assert bodies(gw) == {"b"} and state(gw, a)["drained"]
    gw.cli("drain", a.address, "--undo")
    gw.stop()
    gw.start()
    assert bodies(gw) == {"a", "b"}


@pytest.mark.parametrize("sticky", [True, False])
def test_sticky_sessions(gateway, serve, sticky):
    a, b = two(serve)
    config = proxy_to(a, b)
    config["upstreams"]["u"]["sticky"] = {"cookie": "s"}
    gw = gateway(config)
    cookies = {}
    while len(cookies) < 2:
        r = gw.ask()
        cookies[r.body.decode()] = r.header("Set-Cookie").partition(";")[0]
    assert gw.cli("drain", a.address, *["--sticky"] * sticky).returncode == 0
    assert bodies(gw, 5, {"Cookie": cookies["a"]}) == ({"a"} if sticky else {"b"})
    assert bodies(gw, 5) == {"b"}
