"""Names of endpoints follow their TTL, and a name server that fails changes nothing."""

import time

import pytest

from harness.dns_server import DnsServer
from harness.gateway import from_redis, proxy_to
from harness.procs import free_port, wait_until
from harness.upstream import Upstream


@pytest.fixture
def dns():
    server = DnsServer()
    yield server
    server.finish()


@pytest.fixture
def moving(gateway, dns):
    """Two upstreams on one port of two addresses; the name stands for the first."""
    port = free_port()
    a, b = Upstream(port=port, name="a", host="127.0.0.1"), Upstream(port=port, name="b", host="127.0.0.2")
    dns.names["up.test"] = (["127.0.0.1"], 1)
    gw = gateway(proxy_to(f"up.test:{port}") | {"dns": [dns.address]})
    yield gw
    a.stop()
    b.stop()


def test_change_is_followed(moving, dns):
    assert moving.ask().json()["name"] == "a"
    dns.names["up.test"] = (["127.0.0.2"], 1)
    wait_until(lambda: moving.ask().json()["name"] == "b", 5)


@pytest.mark.parametrize("health", [True, False])
def test_who_has_moved_long_before_the_ttl(gateway, dns, serve, health):
    """Nobody answers where it was: the name is asked for again, by its probes or by requests that fail."""
    old = serve(name="a", host="127.0.0.1")
    dns.names["up.test"] = (["127.0.0.1"], 600)
    gw = gateway(proxy_to(f"up.test:{old.port}") | {"dns": [dns.address], "health": {"enabled": health, "interval": "200ms"}})
    assert gw.ask().json()["name"] == "a"
    serve(name="b", host="127.0.0.2", port=old.port)
    dns.names["up.test"] = (["127.0.0.2"], 600)
    old.stop()
    wait_until(lambda: gw.ask().json()["name"] == "b", 6)
    n = len(dns.asked)
    assert [gw.ask().status for _ in range(5)] == [200] * 5 and len(dns.asked) == n


def test_all_addresses_of_a_name(moving, dns):
    dns.names["up.test"] = (["127.0.0.3", "127.0.0.2"], 1)  # nobody is at the first
    wait_until(lambda: moving.ask().json()["name"] == "b", 5)
    assert [moving.ask().status for _ in range(10)] == [200] * 10


@pytest.mark.parametrize("fail", ["silent", "gone"])
def test_old_answer_is_kept(moving, dns, fail):
    assert moving.ask().json()["name"] == "a"
    if fail == "silent":
        dns.silent = True
    else:
        del dns.names["up.test"]
    n = len(dns.asked)
    wait_until(lambda: len(dns.asked) > n, 5)
    time.sleep(1)
    assert moving.ask().json()["name"] == "a"


def test_age_of_answers(moving, dns):
    age = "yett_dns_oldest_answer_timestamp_seconds"
    wait_until(lambda: moving.metrics()["yett_dns_names"] == 1, 5)  # it is counted once a second
    before = moving.metrics()
    assert before["yett_dns_names_failing"] == 0 and before[age] > time.time() - 60
    wait_until(lambda: moving.metrics()[age] > before[age], 5, what="another answer")
    del dns.names["up.test"]
    wait_until(lambda: moving.metrics()["yett_dns_names_failing"] == 1, 5, what="a question that fails")
    last = moving.metrics()[age]
    wait_until(lambda: time.time() > last + 3, 5)
    assert moving.metrics()[age] == last


def test_name_that_appears_later(gateway, dns, serve):
    up = serve()
    gw = gateway(proxy_to(f"later.test:{up.port}") | {"dns": [dns.address]})
    assert gw.ask().why == "upstream_unresolved"
    dns.names["later.test"] = (["127.0.0.1"], 60)
    wait_until(lambda: gw.ask().status == 200, 10)


def test_silent_server_does_not_keep_the_gateway_from_starting(gateway, dns, serve):
    dns.silent = True
    up = serve()
    gw = gateway(proxy_to(f"slow.test:{up.port}") | {"dns": [dns.address]})
    assert gw.ask().why == "upstream_unresolved"


class Quiet(DnsServer):
    """Says nothing of some names."""

    def reply(self, number, name, *more):
        if not name.startswith("quiet"):
            super().reply(number, name, *more)


def test_names_that_are_silent_hold_up_no_other(gateway, serve):
    """Many more than are asked for at a time, each for as long as a question lasts: one that is new and one that moves."""
    dns, old = Quiet(), serve(name="old", host="127.0.0.1")
    serve(name="new", host="127.0.0.2", port=old.port)
    dns.names["up.test"] = (["127.0.0.1"], 1)
    gw = gateway(proxy_to(f"up.test:{old.port}") | {"dns": [dns.address], "timeouts": {"start_wait": "500ms"}, "health": {"enabled": False}}
                 | {"upstreams": {f"q{i}": {"endpoints": [f"quiet{i}.test:80"]} for i in range(300)} | {"u": {"endpoints": [f"up.test:{old.port}"]}}})
    for name, address in ("old", "127.0.0.1"), ("new", "127.0.0.2"):
        begin = time.monotonic()
        dns.names["up.test"] = ([address], 1)
        wait_until(lambda: (r := gw.ask()).status == 200 and r.json()["name"] == name, 5)
        print(f"{name}: {time.monotonic() - begin:.1f} s, {len(set(dns.asked))} names asked for")
    assert len(set(dns.asked)) == 301
    dns.finish()


def test_unsettled_name_does_not_delay_other_rules(gateway, dns, store, serve):
    up = serve()
    store.rule("first.test", up.address)
    gw = gateway(from_redis(store) | {"dns": [dns.address]})
    dns.silent = True
    store.rule("silent.test", f"silent.test:{up.port}")
    wait_until(lambda: gw.ask(host="silent.test").why == "upstream_unresolved", 5)
    took = []
    for i in range(4):
        start = time.monotonic()
        store.rule(f"n{i}.test", up.address)
        wait_until(lambda: gw.ask(host=f"n{i}.test").status == 200, 3)
        took.append(time.monotonic() - start)
    assert sorted(took)[1] < 0.4, took


def test_new_name_is_waited_for(gateway, dns, store, serve):
    up = serve()
    store.rule("first.test", up.address)
    gw = gateway(from_redis(store) | {"dns": [dns.address]})
    dns.names["new.test"] = (["127.0.0.1"], 60)
    store.rule("new.test", f"new.test:{up.port}")
    seen = set()
    wait_until(lambda: seen.add((r := gw.ask(host="new.test")).status) or r.status == 200, 3, every=0.001)
    assert seen <= {404, 200}
