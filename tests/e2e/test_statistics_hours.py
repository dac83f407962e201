"""What identities did is written to Redis hour by hour: by several gateways, once, also when one is killed at it."""

import time

from harness.gateway import BINARY, from_redis, proxy_to
from harness.procs import run, wait_until
from harness.tokens import SECRET, bearer, token

CONFIG = {"gate": {"secret": SECRET, "protect": ["/"], "claims": {"id": "auth_id"}},
          "statistics": {"flush": "redis", "interval": "1s", "keep": "2h"}}


def start(gateway, store, up, **more):
    return gateway(from_redis(store) | proxy_to(up) | CONFIG | more)


def ask(gw, who, count, status=200):
    fields = list(bearer(token(id=who)).items())
    with gw.connect() as c:
        assert all(c.ask(headers=fields).status == status for _ in range(count))


def hours(store):
    return sorted(k.decode() for k in store.db.scan_iter("yett:statistics:*"))


def written(store, kind="n"):
    """By name, over the hours that the test touched."""
    sums = {}
    for key in hours(store):
        for field, n in store.db.hgetall(key).items():
            name = field.decode()
            if name.startswith(kind + ":"):
                sums[name[2:]] = sums.get(name[2:], 0) + int(n)
    return sums


def writes(store, **want):
    wait_until(lambda: written(store) == want, 8, what=lambda: f"{want}; {written(store)}")


def test_two_gateways(gateway, store, serve):
    up = serve()
    one, two = start(gateway, store, up), start(gateway, store, up)
    ask(one, "ann", 3)
    ask(two, "ann", 4)
    ask(two, "bob", 2)
    writes(store, ann=7, bob=2)
    key = hours(store)[-1]
    assert 7000 < store.db.ttl(key) <= 7200
    told = one.cli("top", "--hour", key.rpartition("statistics:")[2]).stdout
    assert "\nann " in told and "every number is exact" in told
    assert one.admin("/statistics?hour=2026-11-27").status == 400
    assert one.admin("/statistics?hour=2001-01-01T00").json()["identities"]["list"] == []


def test_once_whatever_happens(gateway, store, serve):
    """An answer that is lost, a master that is killed with a number on its way, a Redis that is away: nothing twice."""
    gw = start(gateway, store, serve())
    ask(gw, "ann", 3)
    writes(store, ann=3)
    store.freeze()
    ask(gw, "ann", 2)
    time.sleep(1.5)  # they are on their way
    gw.kill()
    store.thaw()  # and arrive
    writes(store, ann=5)
    gw.start()
    ask(gw, "bob", 1)
    writes(store, ann=5, bob=1)
    ask(gw, "cid", 4)
    gw.stop()  # writes what it has
    assert written(store) == {"ann": 5, "bob": 1, "cid": 4}


def test_not_without_redis(gateway, serve, tmp_path):
    gw = gateway(proxy_to(serve()))
    config = tmp_path / "yett.yaml"
    config.write_text("statistics: {flush: redis}\nroutes: []\n")
    assert "no Redis is configured" in run([BINARY, "check", "-c", str(config)], gw.env, 10).stderr
    assert gw.admin("/statistics?hour=2026-11-27T10").status == 409
