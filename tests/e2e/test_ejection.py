"""An endpoint that fails often in a row, whichever workers saw it, gets no requests for a while: never more than half of the
endpoints, never the last one."""

import os
import signal
import time

import pytest

from harness import procs
from harness.gateway import proxy_to


def fails(r, c):
    c.read_body(r)
    c.reply(503, body=b"no")


def configured(*ups, time="30s", **more):
    return proxy_to(*ups) | {"workers": 4, "ejection": {"failures": 5, "time": time} | more}


def endpoint(gw, up):
    return next(e for u in gw.status()["upstreams"] for e in u["endpoints"] if e["address"] == up.address)


def is_out(gw, up):
    return endpoint(gw, up)["ejected_ms"] > 0


def ask_until(gw, condition, timeout=10):
    """Each request on a connection of its own, so that all workers take part."""
    def once():
        gw.ask()
        return condition()
    procs.wait_until(once, timeout, every=0, what="the condition under requests")


def test_out_and_back(gateway, serve):
    bad, good = serve(fails), serve()
    gw = gateway(configured(bad, good, time="1s"))
    ask_until(gw, lambda: is_out(gw, bad))
    assert 5 <= len(bad.requests) <= 20
    metrics = gw.metrics()
    assert metrics[f'yett_upstream_ejected{{upstream="u",endpoint="{bad.address}"}}'] == 1
    assert metrics[f'yett_upstream_ejected{{upstream="u",endpoint="{good.address}"}}'] == 0
    assert metrics[f'yett_upstream_ejections_total{{upstream="u",endpoint="{bad.address}"}}'] == 1
    assert "ejected 1 s" in gw.cli("status").stdout
    before = len(bad.requests)
    assert all(gw.ask().status == 200 for _ in range(20))
    assert len(bad.requests) == before
    bad.handler = good.handler
    procs.wait_until(lambda: not is_out(gw, bad), 5)
    assert [gw.ask().json() for _ in range(20)] and len(bad.requests) > before
    assert "state=ejected for_ms=1000 count=1" in gw.log()
    procs.wait_until(lambda: "state=returned" in gw.log())
    bad.handler = fails
    ask_until(gw, lambda: is_out(gw, bad))
    assert "state=ejected for_ms=2000 count=2" in gw.log()


def refuse(up):
    up.stop()


def close(up):
    up.handler = lambda r, c: setattr(c, "close", True)


def garbage(up):
    up.handler = lambda r, c: c.send(b"SSH-2.0-x\r\n\r\n")


def silent(up):
    up.handler = lambda r, c: c.wait_gone()


@pytest.mark.parametrize("how", [refuse, close, garbage, silent])
def test_kinds_of_failure(gateway, serve, how):
    bad, good = serve(), serve()
    gw = gateway(configured(bad, good) | {"timeouts": {"first_byte": "100ms"}, "limits": {"retries": 0}})
    how(bad)
    ask_until(gw, lambda: is_out(gw, bad))
    assert all(gw.ask().status == 200 for _ in range(10))


def test_only_in_a_row(gateway, serve):
    """Four of five fail, and the fifth is taken by any worker."""
    def mostly(r, c):
        c.reply(200 if len(bad.requests) % 5 == 0 else 502)
    bad, good = serve(), serve()
    bad.handler = mostly
    gw = gateway(configured(bad, good))
    for _ in range(100):
        gw.ask()
        time.sleep(0.002)  # the clock that tells which came first counts in milliseconds
    assert len(bad.requests) >= 40 and endpoint(gw, bad)["ejections"] == 0


@pytest.mark.parametrize("count, out", [(1, 0), (2, 1), (5, 2)])
def test_at_most_half(gateway, serve, count, out):
    ups = [serve(fails) for _ in range(count)]
    gw = gateway(configured(*ups))
    ask_until(gw, lambda: sum(is_out(gw, u) for u in ups) == out and all(len(u.requests) >= 15 for u in ups if not is_out(gw, u)))
    before = len(gw.access_log())
    for _ in range(20):
        assert gw.ask().status == 503
    assert sum(is_out(gw, u) for u in ups) == out
    assert all("reason" not in e for e in gw.access_log()[before:])  # the upstream's own answers


def test_never_the_last_of_use(gateway, serve):
    dead, bad = serve(alive=None), serve(fails)
    gw = gateway(configured(dead, bad) | {"health": {"enabled": True, "interval": "200ms", "timeout": "200ms"}})
    procs.wait_until(lambda: endpoint(gw, dead)["state"] == "dead")
    for _ in range(20):
        assert gw.ask().why is None
    assert endpoint(gw, bad)["ejections"] == 0


def test_ejected_is_better_than_dead(gateway, serve):
    bad, other = serve(fails), serve()
    gw = gateway(configured(bad, other) | {"health": {"enabled": True, "interval": "200ms", "timeout": "200ms", "fall": 1}})
    procs.wait_until(lambda: endpoint(gw, other)["page"] == "2xx")
    ask_until(gw, lambda: is_out(gw, bad))
    other.alive = 500
    procs.wait_until(lambda: endpoint(gw, other)["state"] == "dead")
    before = len(bad.requests), len(other.requests)
    r = gw.ask()
    assert (r.status, r.why) == (503, None)  # of the upstream
    assert (len(bad.requests), len(other.requests)) == (before[0] + 1, before[1])


def test_off(gateway, serve):
    bad, good = serve(fails), serve()
    gw = gateway(configured(bad, good, failures="off"))
    for _ in range(40):
        gw.ask()
    assert endpoint(gw, bad)["ejections"] == 0


def test_survives_reload_and_killed_worker(gateway, serve):
    bad, good, third = serve(fails), serve(), serve()
    config = configured(bad, good)
    gw = gateway(config)
    ask_until(gw, lambda: is_out(gw, bad))
    before = len(bad.requests)
    config["upstreams"]["u"]["endpoints"].append(third.address)
    assert gw.reload(config).returncode == 0
    pids = gw.workers()
    os.kill(pids[0], signal.SIGKILL)
    procs.wait_until(lambda: len(gw.workers()) == 4 and pids[0] not in gw.workers())
    assert all(gw.ask().status == 200 for _ in range(40))
    assert is_out(gw, bad) and len(bad.requests) == before
    config["ejection"]["failures"] = "off"
    assert gw.reload(config).returncode == 0
    assert not is_out(gw, bad)
