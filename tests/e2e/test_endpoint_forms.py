"""Endpoints by name, by IPv6 address, by Unix socket; several of them in turn."""

import os
import socket

import pytest

from harness import client
from harness.gateway import from_redis, proxy_to
from harness.procs import free_port, wait_until


def test_ipv6(gateway, serve):
    assert gateway(proxy_to(serve(family=socket.AF_INET6))).ask("/six").json()["target"] == "/six"


def test_unix_socket(gateway, serve, tmp_path):
    up = serve(path=os.path.join("/tmp", f"yett-upstream-{os.getpid()}.sock"))
    try:
        assert gateway(proxy_to(up)).ask("/unix").json()["target"] == "/unix"
    finally:
        os.unlink(up.path)


@pytest.mark.skipif(not os.path.exists("/etc/hosts") or "localhost" not in open("/etc/hosts").read(),
                    reason="the system's file of names has no localhost")
def test_name_of_the_system(gateway, serve):
    up = serve()
    assert gateway(proxy_to(f"localhost:{up.port}")).ask("/name").json()["target"] == "/name"


def test_target_of_a_route(gateway, serve):
    up = serve()
    gw = gateway({"routes": [{"path": "/", "target": f"http://{up.address}"}]})
    assert gw.ask("/t").json()["target"] == "/t"


def test_round_robin(gateway, serve):
    ups = [serve(name=n) for n in "abc"]
    gw = gateway(proxy_to(*ups) | {"workers": 1})
    with gw.connect() as c:
        names = [c.ask().json()["name"] for _ in range(30)]
    assert {n: names.count(n) for n in "abc"} == {"a": 10, "b": 10, "c": 10}


def test_weight(gateway, serve):
    ups = [serve(name=n) for n in "ab"]
    config = {"upstreams": {"u": {"endpoints": [{"address": ups[0].address, "weight": 3}, ups[1].address]}},
              "routes": [{"upstream": "u"}], "workers": 1, "health": {"enabled": False}}
    with gateway(config).connect() as c:
        names = [c.ask().json()["name"] for _ in range(40)]
    assert names.count("a") == 30


def test_own_listener_is_no_endpoint(gateway):
    gw = gateway({})
    done = gw.reload(proxy_to(f"127.0.0.1:{gw.port}"))
    assert done.returncode == 1 and "is a listener of this gateway" in done.stderr, done
    assert gw.ask().status == 404


def test_own_listener_from_redis_is_left_out(gateway, store, serve):
    up = serve()
    gw = gateway(from_redis(store))
    store.rule("test/", up.address, "b")
    store.rule("test/", f"127.0.0.1:{gw.port}", "b")
    gw.rules_in_force(lambda r: r["frontends"] == 1)
    wait_until(lambda: gw.status()["upstreams"][0]["left_out"])
    assert {gw.ask().json()["name"] for _ in range(4)} == {up.name}
    left, = gw.status()["upstreams"][0]["left_out"]
    assert left["address"] == f"127.0.0.1:{gw.port}" and "listener of this gateway" in left["reason"]
    for command in "status", "routes":
        assert f"127.0.0.1:{gw.port}" in gw.cli(command).stdout


def test_listener_on_ipv6_and_unix_socket(gateway, serve):
    up, port = serve(), free_port(socket.AF_INET6)
    path = f"/tmp/yett-listener-{os.getpid()}.sock"
    gw = gateway(proxy_to(up) | {"listeners": [f"[::1]:{port}", {"address": f"unix:{path}"}]})
    assert client.ask(("::1", port)).json()["headers"] and client.ask(path).status == 200
    gw.stop()
    assert not os.path.exists(path)
