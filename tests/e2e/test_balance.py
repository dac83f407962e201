"""Which endpoint gets a request: at random, the better of two, by a key of the request, or as redx's plugins say. Shares are
asked of many requests, with room for chance of at least five standard deviations."""

import collections
import threading

import pytest

from harness import procs, tokens
from harness.gateway import from_redis, proxy_to


def named(r, c):
    c.reply(body=c.server.name.encode())


def endpoints(serve, n):
    return [serve(named, name=chr(ord("a") + i)) for i in range(n)]


def who(gw, headers=(), path="/", count=1, host="test"):
    """Whom the requests went to, on one connection."""
    with gw.connect() as c:
        got = [c.ask(path, headers=headers, host=host).body.decode() for _ in range(count)]
    return got[0] if count == 1 else collections.Counter(got)


def balanced(balance, *ups, **more):
    config = proxy_to(*ups) | {"workers": more.pop("workers", 1), "balance": balance} | more
    return config


def weighted(config, *weights):
    ups = config["upstreams"]["u"]["endpoints"]
    config["upstreams"]["u"]["endpoints"] = [{"address": a, "weight": w} for a, w in zip(ups, weights)]
    return config


def test_random_by_weight(gateway, serve):
    got = who(gateway(weighted(balanced("random", *endpoints(serve, 3)), 2, 1, 1)), count=800)
    assert 320 < got["a"] < 480 and 130 < got["b"] < 270 and 130 < got["c"] < 270, got


def test_random_passes_over_the_dead(gateway, serve):
    ups = endpoints(serve, 3)
    ups[0].stop()
    got = who(gateway(balanced("random", *ups)), count=100)
    assert set(got) == {"b", "c"} and min(got.values()) > 10, got


@pytest.mark.parametrize("balance", ["round_robin", "least_connections"])
@pytest.mark.parametrize("weights", [(1, 1, 1, 1), (1, 1, 2, 1)])
def test_the_share_of_the_dead_is_everybodys(gateway, serve, balance, weights):
    """Not that of their neighbours in the list alone."""
    ups = endpoints(serve, 4)
    for dead in ups[:2]:
        dead.stop()
    config = weighted(balanced(balance, *ups), *weights) | {
        "health": {"enabled": True, "interval": "100ms", "timeout": "100ms", "fall": 1}}
    gw = gateway(config)
    procs.wait_until(lambda: sum(e["state"] == "dead" for u in gw.status()["upstreams"] for e in u["endpoints"]) == 2)
    got = who(gw, count=120)
    assert abs(got["c"] / weights[2] - got["d"] / weights[3]) < 4, got


def test_workers_do_not_choose_alike(gateway, serve):
    """Of two workers that draw the same lots each pair would agree."""
    gw = gateway(balanced("random", *endpoints(serve, 2), workers=2))
    rows = {}
    while len(rows) < 2:
        with gw.connect() as c:
            got = [c.ask(headers={"X-Request-Id": "x"}).body for _ in range(64)]
        rows.setdefault(tuple(got), None)
    a, b = rows
    assert 10 < sum(x == y for x, y in zip(a, b)) < 54


def test_better_of_two(gateway, serve):
    """Whoever holds a request is the worse of any two."""
    release = threading.Event()

    def hold(r, c):
        if r.path == "/hold":
            release.wait(20)
        named(r, c)
    ups = [serve(hold, name=n) for n in "abcd"]
    gw = gateway(balanced("power_of_two", *ups))
    with gw.connect(30) as held:
        held.send(b"GET /hold HTTP/1.1\r\nHost: t\r\n\r\n")
        busy = procs.wait_until(lambda: [u.name for u in ups if u.requests], what="the request")[0]
        got = who(gw, count=200)
        release.set()
        assert held.read().body.decode() == busy
    assert got[busy] <= 3 and len(got) >= 3 and min(v for k, v in got.items() if k != busy) > 20, got


KEYS = [f"user-{i}" for i in range(200)]


def places(gw, name="X-User"):
    with gw.connect() as c:
        return {k: c.ask(headers={name: k}).body.decode() for k in KEYS}


def hashed(*ups, by="header:X-User", **more):
    return balanced("hash", *ups, hash_by=by, **more)


def test_hash_moves_only_what_it_must(gateway, serve):
    a, b, c, d = endpoints(serve, 4)
    gw = gateway(hashed(a, b, c, workers=2))
    before = places(gw)
    assert places(gw) == before
    assert all(35 < n < 100 for n in collections.Counter(before.values()).values())
    assert gw.reload(hashed(a, b, c, d, workers=2)).returncode == 0
    more = places(gw)
    moved = [k for k in KEYS if more[k] != before[k]]
    assert 20 < len(moved) < 82 and {more[k] for k in moved} == {"d"}
    assert gw.reload(hashed(a, c, d, workers=2)).returncode == 0
    less = places(gw)
    assert all(less[k] == more[k] for k in KEYS if more[k] != "b")
    assert {less[k] for k in KEYS if more[k] == "b"} == {"a", "c", "d"}
    c.stop()
    assert all((now != "c") if less[k] == "c" else (now == less[k]) for k, now in places(gw).items())


def test_hash_by_weight(gateway, serve):
    ups = endpoints(serve, 3)
    got = collections.Counter(places(gateway(weighted(hashed(*ups), 3, 2, 1))).values())
    assert 65 < got["a"] < 135 and 35 < got["b"] < 100 and 8 < got["c"] < 60, got


def test_hash_without_a_key_is_in_turn(gateway, serve):
    gw = gateway(hashed(*endpoints(serve, 3)))
    assert who(gw, count=30) == {"a": 10, "b": 10, "c": 10}
    assert len(who(gw, {"X-User": "u"}, count=10)) == 1


BY = {"cookie:sid": lambda i: {"headers": {"Cookie": f"a=b; sid=s{i}"}},
      "path": lambda i: {"path": f"/path/{i}?q={i}"},
      "address": lambda i: {"headers": {"X-Forwarded-For": f"10.0.0.{i}"}},
      "claim:sub": lambda i: {"headers": tokens.bearer(tokens.token(sub=f"u{i}"))}}


def test_hash_by(gateway, serve):
    ups = [u.address for u in endpoints(serve, 4)]
    gw = gateway({"upstreams": {n: {"endpoints": ups, "balance": "hash", "hash_by": by} for n, by in zip("wxyz", BY)},
                  "routes": [{"path": "/" + by.partition(":")[0], "upstream": n} for n, by in zip("wxyz", BY)],
                  "gate": {"protect": ["/claim"], "secret": tokens.SECRET, "claims": {"id": "X-Id", "sub": "X-Sub"}},
                  "trusted_proxies": ["127.0.0.1"], "health": {"enabled": False}})
    for by, vary in BY.items():
        got = [who(gw, count=3, **{"path": "/" + by.partition(":")[0]} | vary(i)) for i in range(16)]
        assert all(len(g) == 1 for g in got) and len({next(iter(g)) for g in got}) >= 3, (by, got)


def test_hash_with_a_bound(gateway, serve):
    """All requests have one key, and none is answered: beyond its bound an endpoint gets no more."""
    release = threading.Event()

    def hold(r, c):
        release.wait(20)
        named(r, c)
    ups = [serve(hold) for _ in range(4)]
    gw = gateway(hashed(*ups, hash_bound=150))
    clients = [gw.connect(30) for _ in range(16)]
    for n, c in enumerate(clients):
        c.send(b"GET / HTTP/1.1\r\nHost: t\r\nX-User: one\r\n\r\n")
        procs.wait_until(lambda: sum(len(u.requests) for u in ups) > n, what=f"request {n}")
    assert max(len(u.requests) for u in ups) <= 6, [len(u.requests) for u in ups]
    release.set()
    for c in clients:
        assert c.read().status == 200
        c.close()


# ---- redx's plugins ----

def chain(gateway, store, plugins, backends):
    """A gateway with these plugins for all of the backends: by host the endpoints, their scores, and settings."""
    for host, (ups, scores, config) in backends.items():
        store.db.hset("backend:" + host, mapping={u.address: s for u, s in zip(ups, scores)} | config)
        store.db.set("frontend:" + host, host)
    gw = gateway(from_redis(store, plugins=plugins) | {"workers": 1})
    gw.rules_in_force(lambda r: r["frontends"] == len(backends))
    return gw


def model(end, scores, most=None):
    """The chances that redx means to give: those of v1.3's least-score and most-score."""
    low, high = min(scores), max(scores)
    if low == high or (end == "least" and len(scores) == 2 and most is None):
        return [1 / len(scores)] * len(scores)
    if end == "most":
        weights = [s if len(scores) == 2 or s > low else 0 for s in scores]
    else:
        weights = [(most if len(scores) == 2 else high) - s for s in scores]
    return [w / sum(weights) for w in weights]


@pytest.mark.parametrize("end, cases", [
    ("most", [([1, 3], None), ([1, 2, 5], None)]),
    ("least", [([1, 3], None), ([1, 3], 5), ([1, 2, 5], None), ([2, 2, 2], None)])])
def test_weighted_score(gateway, store, serve, end, cases):
    ups = endpoints(serve, 3)
    gw = chain(gateway, store, [{"weighted_score": end}, "random"],
               {f"h{n}": (ups, scores, {"_max_score": most} if most else {}) for n, (scores, most) in enumerate(cases)})
    for n, (scores, most) in enumerate(cases):
        got, want = who(gw, host=f"h{n}", count=400), model(end, scores, most)
        for name, chance in zip("abc", want):
            assert abs(got[name] - 400 * chance) <= 5.5 * (400 * chance * (1 - chance)) ** 0.5, (scores, got, want)


@pytest.mark.parametrize("plugins, allowed", [([{"score": "least"}, "random"], "ab"), ([{"score": "most"}], "c")])
def test_score_keeps_all_that_are_tied(gateway, store, serve, plugins, allowed):
    got = who(chain(gateway, store, plugins, {"test": (endpoints(serve, 3), [1, 1, 7], {})}), count=120)
    assert set(got) == set(allowed) and min(got.values()) > 30, got


def test_score_of_those_that_live(gateway, store, serve):
    ups = endpoints(serve, 3)
    gw = chain(gateway, store, [{"score": "least"}], {"test": (ups, [1, 2, 7], {})})
    ups[0].stop()
    assert set(who(gw, count=20)) == {"b"}
    store.db.hset("backend:test", ups[2].address, 1.5)
    procs.wait_until(lambda: who(gw) == "c", what="the new score")


def test_no_plugins_is_in_turn(gateway, store, serve):
    gw = chain(gateway, store, [], {"test": (endpoints(serve, 3), [1, 5, 9], {})})
    assert who(gw, count=30) == {"a": 10, "b": 10, "c": 10}
