"""An endpoint that is new to a running upstream, or back, gets a small share at first."""

import pytest

from harness import procs
from harness.gateway import proxy_to


def share(gw, up, requests=200):
    before = len(up.requests)
    with gw.connect() as c:
        for _ in range(requests):
            assert c.ask().status in (200, 503)
    return (len(up.requests) - before) / requests


@pytest.mark.parametrize("slow_start, low, high", [("10m", 0.005, 0.2), ("off", 0.45, 0.55)])
def test_new_endpoint(gateway, serve, slow_start, low, high):
    old, new = serve(), serve()
    config = proxy_to(old) | {"slow_start": slow_start}
    gw = gateway(config)
    assert share(gw, old, 10) == 1  # there from the start
    config["upstreams"]["u"]["endpoints"].append(new.address)
    assert gw.reload(config).returncode == 0
    assert low <= share(gw, new) <= high


def test_all_of_it_in_the_end(gateway, serve):
    old, new = serve(), serve()
    config = proxy_to(old) | {"slow_start": "300ms"}
    gw = gateway(config)
    config["upstreams"]["u"]["endpoints"].append(new.address)
    assert gw.reload(config).returncode == 0
    procs.wait_until(lambda: share(gw, new, 20) == 0.5)


def test_those_of_the_start_have_theirs(gateway, serve):
    one, other = serve(), serve()
    gw = gateway(proxy_to(one, other) | {"slow_start": "10m"})
    assert 0.45 <= share(gw, other) <= 0.55


@pytest.mark.parametrize("balance", ["round_robin", "least_connections"])
def test_back_from_an_ejection(gateway, serve, balance):
    bad, good = serve(lambda r, c: c.reply(503)), serve()
    gw = gateway(proxy_to(bad, good) | {"slow_start": "10m", "ejection": {"failures": 3, "time": "500ms"},
                                        "balance": balance})

    def state():
        return gw.status()["upstreams"][0]["endpoints"][0]
    procs.wait_until(lambda: share(gw, bad, 5) >= 0 and state()["ejections"])
    bad.handler = good.handler
    procs.wait_until(lambda: state()["ejected_ms"] == 0)
    assert share(gw, bad) <= 0.2


def test_alive_again(gateway, serve):
    bad, good = serve(alive=None), serve()
    gw = gateway(proxy_to(bad, good) | {"slow_start": "10m", "health": {
        "enabled": True, "interval": "200ms", "timeout": "200ms"}})

    def state():
        return gw.status()["upstreams"][0]["endpoints"][0]["state"]
    procs.wait_until(lambda: state() == "dead")
    bad.alive = 200
    procs.wait_until(lambda: state() == "alive")
    assert share(gw, bad) <= 0.2
