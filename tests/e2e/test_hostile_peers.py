"""Whatever peers say (providers, servers that are probed or collect spans, Redis, its sentinels, name servers), none of our processes ends,
and what needs none of them is served on."""

import contextlib
import time

import pytest

from harness import sessions
from harness.gateway import LONG, merge, proxy_to
from harness.hostile import HTTP, REDIS, Liar, LyingDns
from harness.tokens import bearer

SECONDS = 60 if LONG else 2
PROBED, ISSUERS, NAMES = 8, 40, 30


def tell(**said):
    print(", ".join(f"{who} {n}" for who, n in said.items()))


def endure(gw, ask=lambda n: None, **turns):
    """Until each of these has said some of its pieces, and for as long as a test may take. `ask`: what else to ask, time by time."""
    pids, end, n = sorted(gw.workers()), time.monotonic() + SECONDS, 0
    while time.monotonic() < end:
        n += 1
        assert gw.ask("/plain").status == 200
        ask(n)
        gw.ask("/opaque", headers=bearer(f"opaque-{n}"))
        gw.ask("/session", headers={"Cookie": sessions.cookie(f"{n:032x}")})
        time.sleep(0.01)
    tell(asked=n, **{who: turn.count for who, turn in turns.items()})
    assert all(turn.count > 1 for turn in turns.values())
    assert sorted(gw.workers()) == pids, f"a worker died:\n{gw.log()}"
    assert gw.admin("/status").status == 200


@pytest.fixture
def liar():
    with contextlib.ExitStack() as all_of_them:
        def start(pieces):
            one = Liar(pieces)
            all_of_them.callback(one.stop)
            return one
        yield start


# Of each two, one has a document to be found by.
def issuer(address, i):
    return {"issuer": f"http://{address}/{i}", "allow_http": True, **(
        {"discovery": f"http://{address}/{i}/d"} if i % 2 else {"jwks_uri": f"http://{address}/{i}/k", "algorithms": ["RS256"]})}


def test_servers_of_http(gateway, serve, liar):
    provider, opaque, collector, *probed = (liar(HTTP) for _ in range(3 + PROBED))
    asked = {"introspection": f"http://{opaque.address}/i", "allow_http": True, "client_id": "a", "client_secret": "b"}
    config = merge(proxy_to(serve()), {
        "upstreams": {"probed": {"endpoints": [p.address for p in probed]}},
        "health": {"enabled": True, "interval": "100ms", "timeout": "200ms"},
        "gate": {"protect": ["/opaque"], "issuers": {f"i{i}": issuer(provider.address, i) for i in range(ISSUERS)} | {"opaque": asked}},
        "tracing": {"endpoint": f"http://{collector.address}/v1/traces", "interval": "100ms", "timeout": "300ms"}})
    endure(gateway(config), issuers=provider.turn, introspection=opaque.turn, collector=collector.turn,
           **{f"probed {i}": p.turn for i, p in enumerate(probed)})


def test_token_endpoints(gateway, serve, store, liar):
    """Of providers whose access tokens have ended: each is asked for new ones."""
    provider, kept = liar(HTTP), sessions.Sessions(store.db)
    names = [f"p{i}" for i in range(8)]
    config = sessions.config(store, serve(), f"http://{provider.address}", names)
    config["routes"] = [{"upstream": "u", "auth": "none"}] + [{"path": f"/{name}", "upstream": "u", "auth": "required", "credentials": [
        {"header": "Authorization", "form": "bearer", "value": "access_token", "provider": name, "required": True}]} for name in names]
    for one in config["login"]["providers"].values():
        one["allow_http"] = True
    gw = gateway(config)

    def ask(n):
        name = names[n % len(names)]
        id = kept.create(providers=(name,))
        store.db.hset(f"accessToken:{kept.tids(id)[name]}", "ExpiresAt", sessions.stamp(1))
        assert gw.ask(f"/{name}", headers=sessions.cookie(id)).status != 200
    endure(gw, ask, token_endpoint=provider.turn)


def test_redis(gateway, serve, liar):
    rules, kept = liar(REDIS), liar(REDIS)
    config = sessions.config(kept, serve(), route={"path": "/session"}, redis={"address": kept.address, "timeout": "300ms"})
    config["routes"].append({"upstream": "u", "auth": "none"})
    endure(gateway(config | {"redis": {"address": rules.address, "timeout": "300ms"}}), rules=rules.turn, sessions=kept.turn)


def test_sentinels_and_name_servers(gateway, serve, liar):
    sentinel, dns = liar(REDIS), LyingDns()
    config = merge(proxy_to(serve()), {
        "upstreams": {"named": {"endpoints": [f"n{i}.test:80" for i in range(NAMES)]}}, "dns": [dns.address],
        "redis": {"sentinel": {"addresses": [sentinel.address], "master": "m"}, "timeout": "300ms"}})
    endure(gateway(config), sentinel=sentinel.turn, names=dns.turn)
    dns.finish()
