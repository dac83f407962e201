"""A split: each upstream gets its share, who is bound to one stays there, and a changed weight moves as few as it must."""

from harness.gateway import BINARY
from harness.procs import run, wait_until
from harness.tokens import SECRET, bearer, token


def config(serve_all, by, **weights):
    return {"upstreams": {n: {"endpoints": [u.address]} for n, u in serve_all.items()}, "health": {"enabled": False},
            "routes": [{"split": [{"upstream": n, "weight": w} for n, w in weights.items()], "split_by": by}]}


def start(gateway, serve, by, names=("a", "b", "c"), more=None, **weights):
    ups = {n: serve(name=n) for n in names}
    gw = gateway(config(ups, by, **weights) | (more or {}))
    return gw, lambda **to: gw.reload(config(ups, by, **to) | (more or {}))


def arms(gw, keys, header):
    with gw.connect() as c:
        return [c.ask(headers=header(k)).json()["name"] for k in keys]


def test_shares(gateway, serve):
    gw, _ = start(gateway, serve, "request", a=90, b=10, c=0)
    seen = arms(gw, range(600), lambda k: {})
    assert 20 <= seen.count("b") <= 110 and seen.count("c") == 0


def test_sticky_and_few_move(gateway, serve):
    gw, reload = start(gateway, serve, "header:X-User", a=50, b=50, c=0)
    def ask():
        return arms(gw, range(400), lambda k: {"x-user": f"u{k}"})
    first = ask()
    assert ask() == first and 140 <= first.count("a") <= 260
    reload(a=50, b=50, c=25)  # c takes a fifth, from both; nobody moves between a and b
    wait_until(lambda: "c" in ask())
    second = ask()
    moved = [(x, y) for x, y in zip(first, second) if x != y]
    assert {y for _, y in moved} == {"c"} and 40 <= len(moved) <= 130 and {x for x, _ in moved} == {"a", "b"}
    reload(a=0, b=50, c=25)  # off: all of it moves, and nobody else
    wait_until(lambda: "a" not in ask())
    assert all(x == y or x == "a" for x, y in zip(second, ask()))


def test_user_cookie_and_address(gateway, serve):
    more = {"gate": {"protect": ["/api"], "secret": SECRET, "claims": {"id": "X-User"}}, "trusted_proxies": ["127.0.0.1"]}
    users = [bearer(token(id=str(i))) for i in range(40)]
    gw, _ = start(gateway, serve, "user", more=more, a=1, b=1)
    first = [gw.ask("/api", headers=u).json()["name"] for u in users]
    assert set(first) == {"a", "b"}
    assert [gw.ask("/api", headers=u | {"X-Forwarded-For": f"10.0.0.{i}"}).json()["name"] for i, u in enumerate(users)] == first
    nobody = [gw.ask(headers={"X-Forwarded-For": f"10.0.0.{i}"}).json()["name"] for i in range(40)]  # by address
    assert set(nobody) == {"a", "b"}
    gw, _ = start(gateway, serve, "cookie:s", more=more, a=1, b=1)
    cookies = arms(gw, range(40), lambda k: {"Cookie": f"x=1; s={k}", "X-Forwarded-For": "10.0.0.1"})
    assert set(cookies) == {"a", "b"}
    assert arms(gw, range(40), lambda k: {"Cookie": f"s={k}; x={k}"}) == cookies
    assert len(set(arms(gw, range(20), lambda k: {"Cookie": f"x={k}", "X-Forwarded-For": "10.0.0.1"}))) == 1


def test_fallbacks(gateway, serve):
    """That of the upstream that was chosen; one of the route goes before it."""
    ups = {n: serve(name=n) for n in ("a", "c")}
    base = config(ups, "header:X-User", a=1)
    base["upstreams"] |= {"dead": {"endpoints": ["127.0.0.1:1"], "fallback": "a"}, "gone": {"endpoints": ["127.0.0.1:1"]}}
    base["routes"] = [{"path": f"/{arm}", "split": [{"upstream": arm}]} for arm in ("dead", "gone")]
    base["routes"].append({"path": "/own", "split": [{"upstream": "dead"}], "fallback": "c"})
    gw = gateway(base)
    assert gw.ask("/dead").json()["name"] == "a" and gw.ask("/own").json()["name"] == "c"
    assert gw.ask("/gone").why == "upstream_connect_refused"
    assert gw.reload(base | {"fallback": "c"}).returncode == 0
    assert [gw.ask(f"/{p}").json()["name"] for p in ("dead", "gone", "own")] == ["a", "c", "c"]


def test_log_and_routes(gateway, serve):
    gw, _ = start(gateway, serve, "request", a=1, b=0)
    gw.ask("/logged")
    assert gw.logged(path="/logged")["arm"] == "a"
    assert "a,b" in gw.cli("routes").stdout


def test_mistakes(tmp_path):
    file = tmp_path / "yett.yaml"
    for split, told in (("[{upstream: b}]", 'routes[0].split[0].upstream: there is no upstream "b"'),
                        ("[{upstream: a, weight: 0}]", "all weights are 0"),
                        ("[{upstream: a}, {upstream: a}]", "a is there twice"),
                        ("[{upstream: a}], split_by: cookie", '"cookie" is not known here'),
                        ("[{upstream: a}], upstream: a", "has an upstream and a split")):
        file.write_text("upstreams: {a: {endpoints: [h]}}\nroutes: [{split: " + split + "}]\n")
        done = run([BINARY, "check", "-c", str(file)])
        assert done.returncode == 1 and told in done.stderr, done.stderr
