"""/metrics is well-formed and counts on, also over the death of a worker."""

import os
import re
import signal

from harness.gateway import from_redis, proxy_to
from harness.procs import wait_until
from harness.prometheus import check_metrics

SAMPLE = re.compile(r'([a-z_][a-z0-9_]*)(\{[a-z_]+="(?:[^"\\\n]|\\["\\n])*"(?:,[a-z_]+="(?:[^"\\\n]|\\["\\n])*")*\})? '
                    r'(-?[0-9.e+-]+|NaN|\+Inf)')


def counted(gw, name, value):
    """A worker counts a request when its answer has left, and the admin worker sees the page of a new worker some
    milliseconds after that answers: a client can be a moment ahead of them."""
    wait_until(lambda: gw.metrics().get(name) == value, 2, what=lambda: f"{name} {value}; {gw.metrics().get(name)}")


def test_form(gateway, serve):
    gw = gateway(proxy_to(serve(), name="main"))
    gw.ask()
    r = gw.admin("/metrics")
    assert r.header("Content-Type").startswith("text/plain; version=0.0.4")
    types, seen = {}, set()
    for line in r.body.decode().splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in types, f"{name} declared twice"
            types[name] = kind
        elif not line.startswith("# HELP "):
            m = SAMPLE.fullmatch(line)
            assert m, line
            family = re.sub("_(bucket|sum|count)$", "", m[1]) if m[1] not in types else m[1]
            assert family in types and list(types)[-1] == family, f"{line} stands outside its family"
            assert (m[1], m[2]) not in seen, f"{line} twice"
            seen.add((m[1], m[2]))
            assert (types[family] != "counter") or m[1].endswith("_total")
    assert "yett_request_duration_seconds" in [n for n, kind in types.items() if kind == "histogram"]


def test_after_changes_of_few_rules(gateway, store, serve):
    """What has changed since all rules were compiled stands in an overlay: everything is told once, as it is now."""
    one, two = serve().address, serve().address
    for name in "ab":
        store.rule(f"{name}.test", one, name)
    gw = gateway(from_redis(store))
    gw.rules_in_force(lambda r: r["frontends"] == 2)
    store.db.hset("backend:a", two, 0)
    store.db.hdel("backend:a", one)
    store.rule("c.test", two, "c")
    store.db.delete("frontend:b.test")
    wait_until(lambda: gw.ask(host="c.test").status == 200 and gw.ask(host="b.test").status == 404, 5)
    names = [line.rpartition(" ")[0] for line in gw.admin("/metrics").body.decode().splitlines() if line[0] != "#"]
    assert len(names) == len(set(names))
    endpoints = {n for n in names if n.startswith("yett_upstream_up{")}
    assert endpoints == {f'yett_upstream_up{{upstream="{u}",endpoint="{e}"}}' for u, e in (("a", two), ("b", one), ("c", two))}
    routes = {n for n in names if n.startswith("yett_route_duration")}
    assert routes == {f'yett_route_duration_seconds_total{{route="redis:{r}.test"}}' for r in "ac"}


def test_histogram_adds_up(gateway, serve):
    gw = gateway(proxy_to(serve()))
    for _ in range(10):
        gw.ask()
    counted(gw, "yett_request_duration_seconds_count", 10)
    m = gw.metrics()
    buckets = [v for n, v in m.items() if n.startswith("yett_request_duration_seconds_bucket")]
    assert buckets == sorted(buckets) and buckets[-1] == m["yett_request_duration_seconds_count"] == 10


def test_counts_survive_a_worker(gateway, serve):
    gw = gateway(proxy_to(serve()))
    for _ in range(20):
        gw.ask()
        gw.ask("/", host="")
    name = 'yett_requests_total{code="200",method="GET"}'
    counted(gw, name, 40)
    before, dead = gw.metrics(), gw.workers()
    for pid in dead:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: len(set(gw.workers()) - set(dead)) == 2, 5)
    after = gw.metrics()
    fallen = {n: (v, after.get(n)) for n, v in before.items() if "_total" in n and after.get(n, 0) < v}
    assert not fallen and after[name] == before[name]
    gw.ask()
    counted(gw, name, before[name] + 1)
    assert gw.metrics()["yett_worker_respawns_total"] == 2


def test_counters_of_routes_and_endpoints(gateway, serve):
    up = serve(lambda r, c: c.reply(201))
    gw = gateway(proxy_to(up, name="main"))
    for _ in range(3):
        gw.ask()
    counted(gw, 'yett_route_requests_total{route="file:main",class="2xx"}', 3)
    m = gw.metrics()
    assert m['yett_upstream_requests_total{upstream="u",endpoint="%s"}' % up.address] == 3
    assert m["yett_upstream_connects_total"] + m["yett_upstream_reuses_total"] == 3
    assert m["yett_ready"] == 1


def test_gauges_return_to_zero(gateway, serve):
    gw = gateway(proxy_to(serve()))
    with gw.connect() as c:
        c.ask()
        assert sum(v for n, v in gw.metrics().items() if n.startswith("yett_worker_connections{")) == 1
    wait_until(lambda: not any(v for n, v in gw.metrics().items()
                               if n.startswith(("yett_worker_connections{", "yett_worker_requests_in_flight{"))))


def test_names_of_renku(gateway, serve, tmp_path):
    gw = gateway(proxy_to(serve(lambda r, c: c.reply(201))) | {"compatibility": "renku"})
    for _ in range(2):
        gw.ask("/x", "POST", body=b"x" * 2000)
    name = 'gateway_requests_total{code="201",method="POST",host=""}'
    counted(gw, name, 2)
    m = gw.metrics()
    for histogram in ("request_duration_seconds", "request_size_bytes", "response_size_bytes"):
        assert m[f"gateway_{histogram}_count"] == m[f'gateway_{histogram}_bucket{{le="+Inf"}}'] == 2
        assert m[f"gateway_{histogram}_sum"] > 0
    assert m['gateway_request_size_bytes_bucket{le="1024"}'] == 0 and m['gateway_request_size_bytes_bucket{le="5120"}'] == 2
    check_metrics(gw, tmp_path)
