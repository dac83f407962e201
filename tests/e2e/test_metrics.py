"""/metrics is well-formed and counts on, also over the death of a worker."""

import os
import re
import signal
import time

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
    routes = {n for n in names if n.startswith("yett_shadow_refusals_total")}
    assert routes == {f'yett_shadow_refusals_total{{route="redis:{r}.test"}}' for r in "ac"}


def test_histogram_adds_up(gateway, serve):
    gw = gateway(proxy_to(serve()))
    for _ in range(10):
        gw.ask()
    counted(gw, "yett_request_duration_seconds_count", 10)
    m = gw.metrics()
    buckets = [v for n, v in m.items() if n.startswith("yett_request_duration_seconds_bucket")]
    assert buckets == sorted(buckets) and buckets[-1] == m["yett_request_duration_seconds_count"] == 10


def test_durations_by_route(gateway, serve):
    """Enough to tell a slow route, of those alone that were asked for."""
    up = serve(lambda r, c: (time.sleep(0.06 if r.path == "/slow" else 0), c.reply(body=b"ok")))
    gw = gateway(proxy_to(up) | {"routes": [{"name": n, "path": f"/{n}", "upstream": "u"} for n in ("fast", "slow", "never")]})
    for _ in range(3):
        gw.ask("/slow")
        gw.ask("/fast")
    counted(gw, 'yett_route_duration_seconds_count{route="file:slow"}', 3)
    counted(gw, 'yett_route_duration_seconds_count{route="file:fast"}', 3)
    m = gw.metrics()
    bounds = ["0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf"]
    slow = [m.pop(f'yett_route_duration_seconds_bucket{{route="file:slow",le="{le}"}}') for le in bounds]
    assert slow[:4] == [0] * 4 and slow == sorted(slow) and slow[-1] == 3
    assert 0.18 <= m['yett_route_duration_seconds_sum{route="file:slow"}'] < 10 > m['yett_route_duration_seconds_sum{route="file:fast"}'] > 0
    assert not [n for n in m if n.startswith("yett_route_duration") and ("slow\",le" in n or "never" in n)]
    assert (m["yett_routes"], m["yett_routes_uncounted"]) == (3, 0)


def test_processes(gateway, serve):
    gw = gateway(proxy_to(serve()))
    gw.ask()
    def seen_in(m):
        return {n.partition('"')[2].rstrip('"}') for n in m if n.startswith("process_cpu_seconds_total{")}

    wait_until(lambda: len(seen_in(gw.metrics())) == 4, 3)  # the master looks once a second
    m = gw.metrics()
    seen = seen_in(m)
    assert seen == {"master", "admin", "worker-0", "worker-1"}
    for name in seen:
        of = {n: m[f'process_{n}{{process="{name}"}}'] for n in
              ("cpu_seconds_total", "resident_memory_bytes", "start_time_seconds", "open_fds", "max_fds")}
        assert 0 <= of["cpu_seconds_total"] < 60 and 1 << 20 < of["resident_memory_bytes"] < 4 << 30, of
        assert time.time() - 60 < of["start_time_seconds"] < time.time() + 1 and 3 < of["open_fds"] < of["max_fds"], of
    assert m["yett_master_up"] == 1
    before, open_ = m['process_open_fds{process="worker-0"}'] + m['process_open_fds{process="worker-1"}'], []
    for _ in range(20):
        open_.append(gw.connect())
        open_[-1].ask()
    wait_until(lambda: sum(gw.metrics()[f'process_open_fds{{process="worker-{i}"}}'] for i in (0, 1)) >= before + 20, 3)
    after = gw.metrics()
    assert after['process_start_time_seconds{process="master"}'] == m['process_start_time_seconds{process="master"}']
    for c in open_:
        c.close()


def test_names_of_any_kind(gateway, store, serve, tmp_path):
    """Whatever Redis calls an upstream, it is a label, and Prometheus reads it."""
    names, up = ['quo"te', "back\\slash\\n", "\u00e9\u4e2d", 'x"} 1', "{le=\"1\"}", " blank "], serve().address
    for i, name in enumerate(names):
        store.rule(f"{i}.test", up, name)
    gw = gateway(from_redis(store))
    gw.rules_in_force(lambda r: r["frontends"] == len(names))
    text = gw.admin("/metrics").body.decode()
    told = re.findall(r'^yett_upstream_up{upstream="((?:[^"\\]|\\.)*)",endpoint="%s"} 1$' % re.escape(up), text, re.M)
    assert sorted(re.sub(r"\\(.)", r"\1", n) for n in told) == sorted(names)
    check_metrics(gw, tmp_path)


def test_name_cut_within_a_letter(gateway, serve, pki, tmp_path):
    """The board has the last 255 bytes of a path; half a letter at their beginning would cost Prometheus all that is told."""
    folder = tmp_path / "x"
    while len(str(folder).encode()) < 400:
        folder /= "\u00e9" * 40
    folder.mkdir(parents=True)
    pair = {}
    for kind, path in pki.entry("ec").items():
        pair[kind] = str(folder / os.path.basename(path))
        with open(path, "rb") as f, open(pair[kind], "wb") as g:
            g.write(f.read())
    gw = gateway(proxy_to(serve()) | {"tls": {"certificates": [pair]}, "admin": {}})
    text = gw.admin("/metrics").body
    assert "\ufffd" in re.search('yett_certificate_expiry_seconds{.*', text.decode())[0]
    check_metrics(gw, tmp_path)


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
    fallen = {n: (v, after.get(n)) for n, v in before.items() if re.match("yett_.*_total", n) and after.get(n, 0) < v}
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
