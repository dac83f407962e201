"""Endpoints are probed: dead ones are skipped, the last one is tried all the same, and they come back."""

import time

from harness.dns_server import DnsServer
from harness.gateway import from_redis, merge, proxy_to
from harness.procs import wait_until


QUICK = {"health": {"enabled": True, "interval": "100ms", "timeout": "200ms", "fall": 2, "rise": 2}}


def watched(gateway, *ups, **config):
    return gateway(merge(proxy_to(*ups), QUICK) | {"workers": 1} | config)


def endpoint(gw, up):
    return next(e for u in gw.status()["upstreams"] for e in u["endpoints"] if e["address"] == up.address)


def becomes(gw, up, state):
    return wait_until(lambda: endpoint(gw, up)["state"] == state and endpoint(gw, up), 10, what=f"{up.address} {state}")


def names(gw, n=12):
    return {gw.ask().json()["name"] for _ in range(n)}


def test_dead_one_is_skipped_and_comes_back(gateway, serve):
    a, b = serve(name="a"), serve(name="b")
    gw = watched(gateway, a, b)
    becomes(gw, a, "alive")
    assert names(gw) == {"a", "b"}
    a.stop()
    becomes(gw, a, "dead")
    failures = gw.metrics()['yett_upstream_failures_total{upstream="u",endpoint="%s"}' % a.address]
    assert names(gw) == {"b"}
    assert gw.metrics()['yett_upstream_failures_total{upstream="u",endpoint="%s"}' % a.address] == failures
    assert gw.metrics()['yett_upstream_up{upstream="u",endpoint="%s"}' % a.address] == 0
    a.start()
    becomes(gw, a, "alive")
    assert names(gw) == {"a", "b"}


def test_page_that_was_never_there_does_not_count(gateway, serve):
    a = serve(name="a", alive=404)
    gw = watched(gateway, a)
    wait_until(lambda: len(a.probes) > 5)
    e = becomes(gw, a, "alive")
    assert e["page"] == "never" and e["last_status"] == 404


def test_page_that_was_once_good_counts(gateway, serve):
    a, b = serve(name="a"), serve(name="b")
    gw = watched(gateway, a, b)
    assert becomes(gw, a, "alive")["page"] == "2xx"
    for bad in (404, 503, None):
        a.alive = bad
        becomes(gw, a, "dead")
        assert names(gw) == {"b"}
        a.alive = 204
        becomes(gw, a, "alive")


def test_single_failure_is_forgiven(gateway, serve):
    a = serve(name="a")
    gw = watched(gateway, a)
    becomes(gw, a, "alive")
    a.alive = 500
    n = len(a.probes)
    wait_until(lambda: len(a.probes) == n + 1, every=0.001)
    a.alive = 200
    wait_until(lambda: len(a.probes) > n + 4)
    assert endpoint(gw, a)["state"] == "alive" and " dead" not in gw.log()


def test_all_dead_the_last_one_is_tried(gateway, serve):
    a, b = serve(name="a"), serve(name="b")
    gw = watched(gateway, a, b)
    becomes(gw, a, "alive")
    a.alive = 500
    becomes(gw, a, "dead")
    b.alive = 500
    becomes(gw, b, "dead")
    assert gw.metrics()["yett_last_resorts_total"] == 0
    assert names(gw) == {"b"}
    assert gw.metrics()["yett_last_resorts_total"] > 0


def test_all_dead_may_fail(gateway, serve):
    a = serve(name="a")
    gw = watched(gateway, a, all_down="fail")
    becomes(gw, a, "alive")
    a.alive = 500
    becomes(gw, a, "dead")
    r = gw.ask()
    assert (r.status, r.why) == (503, "no_endpoint")


def test_state_survives_a_reload(gateway, serve):
    a, b = serve(name="a"), serve(name="b")
    gw = watched(gateway, a, b)
    becomes(gw, a, "alive")
    a.alive = 500
    becomes(gw, a, "dead")
    slow = merge(merge(proxy_to(a, b, path="/"), QUICK), {"health": {"interval": "30s"}}) | {"workers": 1}
    for _ in range(3):
        assert gw.reload(slow).returncode == 0
        assert endpoint(gw, a)["state"] == "dead" and names(gw) == {"b"}


def test_what_is_remembered_survives_a_restart(gateway, serve):
    a, b = serve(name="a"), serve(name="b")
    gw = watched(gateway, a, b)
    becomes(gw, a, "alive")
    gw.stop()
    a.alive = 404  # no longer "never there"
    gw.start()
    becomes(gw, a, "dead")


def test_switched_off(gateway, serve):
    a = serve(alive=500)
    gw = gateway(proxy_to(a))
    assert gw.ask().status == 200 and not a.probes


def test_path_of_the_page_and_host(gateway, serve):
    asked = []

    def answer(r, c):
        asked.append((r.path, r.header("Host")))
        c.reply()
    a = serve(answer)
    watched(gateway, a, **{"health": QUICK["health"] | {"path": "/ping"}})
    wait_until(lambda: asked)
    assert asked[0] == ("/ping", a.address)


def test_backends_of_redis_are_watched(gateway, store, serve):
    a, b = serve(name="a"), serve(name="b")
    for up in (a, b):
        store.rule("test", up.address, "b1")
    gw = gateway(merge(from_redis(store), QUICK) | {"workers": 1})
    becomes(gw, a, "alive")
    a.alive = 500
    becomes(gw, a, "dead")
    assert names(gw) == {"b"}


def test_slow_page_is_a_failure(gateway, serve):
    def answer(r, c):
        if r.path == "/ping" and slow:
            time.sleep(1)
        c.reply(body=b"{}")
    slow = []
    a = serve(answer)
    gw = watched(gateway, a, **{"health": QUICK["health"] | {"path": "/ping"}})
    becomes(gw, a, "alive")
    slow.append(1)
    becomes(gw, a, "dead")


def test_own_listeners_are_not_asked(gateway, serve):
    """A name that leads to one, alone or beside a service."""
    dns = DnsServer()
    dns.names = {"own.test": (["127.0.0.1"], 60), "both.test": (["127.0.0.1", "127.0.0.2"], 60)}
    gw = watched(gateway, serve(), dns=[dns.address])
    up = serve(host="127.0.0.2", port=gw.port)
    config = merge(proxy_to(f"own.test:{gw.port}", f"both.test:{gw.port}"), QUICK) | {"workers": 1, "dns": [dns.address]}
    assert gw.reload(config).returncode == 0
    wait_until(lambda: len(up.probes) > 3, 5)
    states = {e["address"]: e["state"] for u in gw.status()["upstreams"] for e in u["endpoints"]}
    assert states == {f"own.test:{gw.port}": "unknown", f"both.test:{gw.port}": "alive"}
    assert gw.ask().status == 200 and "/isAlive" not in {e["path"] for e in gw.access_log()}
    dns.finish()
