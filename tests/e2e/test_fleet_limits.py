"""Rates with scope: fleet hold for all gateways together, without a question to Redis for each request."""

import threading
import time

from harness import client
from harness.gateway import from_redis, proxy_to
from harness.procs import wait_until
from harness.redis_proxy import RedisProxy


def start(gateway, store, up, rate, **more):
    config = from_redis(store) | proxy_to(up, rates=["all"], concurrency="8 per all")
    return gateway(config | {"rates": {"all": {"limit": rate, "scope": "fleet", "per": ["all"]} | more}})


def fleet(gw):
    return gw.status()["fleet"]


def together(*gateways):
    """All of them know of one another."""
    wait_until(lambda: all(fleet(gw)["up"] and fleet(gw)["gateways"] == len(gateways) for gw in gateways), 12,
               what=lambda: [fleet(gw) for gw in gateways])


def passes(gw, requests):
    """How many of so many on one connection pass."""
    with gw.connect() as c:
        answers = [c.ask() for _ in range(requests)]
    assert {r.status for r in answers} <= {200, 429}
    return sum(r.status == 200 for r in answers)


def at_once(*jobs):
    """What (gateway, requests) let pass, each asked side by side on four connections."""
    results, lock = [0] * len(jobs), threading.Lock()

    def run(i, gw, n):
        passed = passes(gw, n)
        with lock:
            results[i] += passed

    threads = [threading.Thread(target=run, args=(i, gw, n // 4)) for i, (gw, n) in enumerate(jobs) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return results


def given_back(*gateways):
    """What they hold and do not use goes back to Redis after a second."""
    time.sleep(1.5)
    assert all(fleet(gw)["failed"] == 0 for gw in gateways)


def asked_for(gw, seconds):
    """At once by four connections without a pause: how many passed, and how long it was."""
    passed, lock, begin = [0, 0], threading.Lock(), time.monotonic()

    def run():
        while time.monotonic() < begin + seconds:
            n = passes(gw, 50)
            with lock:
                passed[0] += n
                passed[1] += 50

    threads = [threading.Thread(target=run) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return passed[0], time.monotonic() - begin, passed[1]


def test_a_quota_of_all(gateway, store, serve):
    """Of a day's quota exactly so many pass, wherever the load is and whatever starts anew."""
    up = serve()
    one, two = (start(gateway, store, up, "300/day") for _ in range(2))
    together(one, two)
    assert at_once((one, 100), (two, 100)) == [100, 100]
    given_back(one)
    assert passes(two, 40) == 40
    one.stop()
    two.kill()  # with what it holds: at most 8
    one.start()
    two.start()
    wait_until(lambda: fleet(one)["up"] and fleet(two)["up"] and two.log().count("state=ended") >= 2, 10)
    rest = at_once((one, 80), (two, 80))
    alone = sum(gw.metrics()["yett_fleet_alone_total"] for gw in (one, two))  # of those that waited for too long
    assert 52 <= sum(rest) <= 60 + alone, (rest, alone, fleet(one), fleet(two))
    refused = one.ask()
    assert refused.status == 429 and 0 < int(refused.header("Retry-After")) <= 86400
    assert refused.header("X-RateLimit-Remaining") == "0"


def test_a_rate_of_all(gateway, store, serve):
    """Load on one gateway alone gets all of it, on both together no more than all."""
    up = serve()
    one, two = (start(gateway, store, up, "100/second") for _ in range(2))
    together(one, two)
    before = fleet(one)["messages"]
    passed, took, asked = asked_for(one, 1.5)
    messages = fleet(one)["messages"] - before
    print(f"alone {passed} in {took:.2f} s; {1000 * messages / asked:.1f} messages per 1000 requests")
    assert 0.85 * (100 + 100 * took) <= passed <= 100 + 100 * (took + 0.1) and messages < 80
    results, threads = [], []
    for gw in one, two:
        threads.append(threading.Thread(target=lambda gw=gw: results.append(asked_for(gw, 1.5))))
        threads[-1].start()
    for t in threads:
        t.join()
    both, took = sum(r[0] for r in results), max(r[1] for r in results)
    print(f"both {both} in {took:.2f} s: {results}")
    assert 0.8 * 100 * took <= both <= 100 + 100 * (took + 0.1)


def test_redis_away(gateway, store, serve):
    """Each has its share then, and what it let pass counts when Redis is back."""
    up = serve()
    one, two = (start(gateway, store, up, "40/day") for _ in range(2))
    together(one, two)
    store.kill()
    wait_until(lambda: not (fleet(one)["up"] or fleet(two)["up"]), 5)
    assert [passes(gw, 50) for gw in (one, two)] == [20, 20]
    store.start()
    together(one, two)
    wait_until(lambda: [fleet(gw)["charged"] for gw in (one, two)] == [20, 20], 5, what=lambda: [fleet(one), fleet(two)])
    assert [passes(gw, 5) for gw in (one, two)] == [0, 0]


def test_redis_stands_still(gateway, store, serve):
    """Nobody waits for long."""
    gw = start(gateway, store, serve(), "40/day")
    together(gw)
    store.freeze()
    begin = time.monotonic()
    assert passes(gw, 50) == 40
    assert time.monotonic() < begin + 5
    store.thaw()
    wait_until(lambda: int(store.db.hget((store.db.keys("yett:fleet:*") or ["none"])[0], "n") or 0) >= 40, 8)
    assert passes(gw, 5) == 0


def test_redis_refuses(gateway, store, serve):
    """It answers, and does nothing: as if it were away, and asked no more than once a second."""
    gw = start(gateway, store, serve(), "40/day")
    together(gw)
    store.db.config_set("min-replicas-to-write", 1)
    begin, before = time.monotonic(), fleet(gw)["messages"]
    assert passes(gw, 60) == 40
    time.sleep(1)
    assert fleet(gw)["messages"] - before < 4 * (time.monotonic() - begin) + 4 and "NOREPLICAS" in fleet(gw)["error"]
    store.db.config_set("min-replicas-to-write", 0)
    wait_until(lambda: fleet(gw)["charged"] == 40 and not fleet(gw)["error"], 5, what=lambda: fleet(gw))
    assert passes(gw, 5) == 0


def test_bytes_of_a_month(gateway, store, serve):
    """Bytes are charged when they have passed; status and metrics tell."""
    up = serve(lambda request, connection: connection.reply(200, body=b"x" * 1000))
    one, two = (start(gateway, store, up, "10k/month", count="response_bytes") for _ in range(2))
    together(one, two)
    assert 7 <= sum(passes(gw, 6) for gw in (one, two)) <= 11
    wait_until(lambda: passes(one, 1) + passes(two, 1) == 0, 5)
    refused = one.ask()
    assert refused.status == 429 and int(refused.header("Retry-After")) <= 31 * 86400
    assert "2 gateways count together their rates, 1 keys" in one.cli("status").stdout
    wait_until(lambda: one.metrics()["yett_fleet_gateways"] == 2, 2)


def test_more_keys_than_room(gateway, store, serve):
    """They are counted here alone, and do not wait for it."""
    config = from_redis(store) | proxy_to(serve(), rates=["all"])
    gw = gateway(config | {"limits": {"fleet_keys": 8}, "rates": {"all": {"limit": "1/hour", "scope": "fleet", "per": ["header:X-A"]}}})
    together(gw)
    begin = time.monotonic()
    answers = [gw.ask(headers={"X-A": str(i % 40)}).status for i in range(80)]
    assert answers == [200] * 40 + [429] * 40
    assert fleet(gw)["keys_full"] > 0 and time.monotonic() < begin + 3


class FarAway(RedisProxy):
    def answer(self, data, client):
        time.sleep(0.03)
        client.sendall(data)


def test_redis_far_away(gateway, store):
    """Many that come at once wait for few answers: units for all that wait come together."""
    far = FarAway(store)
    config = from_redis(far) | {"access_log": "off", "rates": {"all": {"limit": "150/day", "scope": "fleet", "per": ["all"]}},
                                "limits": {"rates": "all"}, "routes": [{"path": "/", "respond": {"status": 200}}]}
    gw = gateway(config)
    together(gw)
    connections = [gw.connect() for _ in range(100)]
    for c in connections:
        c.send(client.request("/") * 2)
    assert [c.read().status for c in connections for _ in range(2)].count(200) == 150
    assert gw.metrics()["yett_fleet_alone_total"] == 0
    far.close()
