"""Gateways of a fleet have the keys of tickets in common, over a Redis that cannot read them."""

import os
import time

import pytest

from harness import procs
from harness.authority import Authority
from harness.gateway import from_redis, merge
from harness.tls import VERSIONS, over_tls, trust, visit

HOST = "a.example"


@pytest.fixture(scope="module")
def authority():
    return Authority()


@pytest.fixture
def fleet(gateway, responder, store, authority, tmp_path):
    """fleet(secret) starts one more gateway."""
    def begin(secret="0123456789abcdef0123456789abcdef", **tls):
        row = authority.issue(HOST).write(str(tmp_path / "a.pem"))
        return over_tls(gateway, responder, row, **from_redis(store),
                        tls={"tickets": "redis", "ticket_secret": secret} | tls)
    return begin


def sealing(gw):
    with open(os.path.join(gw.state_dir, "tickets.key"), "rb") as f:
        return f.read()[24:72]  # behind the magic and the time


def agree(*gateways):
    procs.wait_until(lambda: len({sealing(gw) for gw in gateways}) == 1, what="one key")
    for gw in gateways:  # every worker has it
        assert gw.admin("/reload?wait=1", "POST").status == 200


@pytest.mark.parametrize("version", VERSIONS)
def test_a_client_goes_from_one_to_another(fleet, authority, version):
    gateways, context = [fleet(), fleet()], trust(authority, version)
    agree(*gateways)
    session = visit(gateways[0].port, context, HOST)[1]
    for i in range(8):
        client, session = visit(gateways[(i + 1) % 2].port, context, HOST, session)
        assert client.resumed


def test_redis_cannot_read_them(fleet, store):
    gw = fleet()
    procs.wait_until(lambda: store.db.keys("yett:tickets:*"), what="a key")
    [name] = store.db.keys("yett:tickets:*")
    value = store.db.get(name)
    value = value if isinstance(value, bytes) else value.encode("latin-1")
    assert len(value) == 48 + 28 and sealing(gw)[16:24] not in value and sealing(gw)[:16] not in value
    assert 0 < store.db.ttl(name) <= 4 * 8 * 3600
    assert "error" not in gw.log()


def test_they_change_together(fleet, authority):
    gateways, context = [fleet(ticket_lifetime="6s"), fleet(ticket_lifetime="6s")], trust(authority, "1.3")
    seen = set()
    for _ in range(2):
        agree(*gateways)
        seen.add(sealing(gateways[0]))
        session = visit(gateways[0].port, context, HOST)[1]
        time.sleep(2)
        assert visit(gateways[1].port, context, HOST, session)[0].resumed
    assert len(seen) == 2


def test_another_secret(fleet, authority):
    gw, stranger, context = fleet(), fleet("another secret of thirty-two bytes"), trust(authority, "1.3")
    procs.wait_until(lambda: "is it the same everywhere?" in gw.log() + stranger.log(), what="a complaint")
    for one, other in (gw, stranger), (stranger, gw):
        session = visit(one.port, context, HOST)[1]
        assert not visit(other.port, context, HOST, session)[0].resumed
        client, session = visit(one.port, context, HOST)
        assert visit(one.port, context, HOST, session)[0].resumed
    assert "0123456789abcdef" not in gw.log() and (gw.log() + stranger.log()).count("is it the same everywhere?") == 1


def test_without_redis_each_goes_on(fleet, authority, store):
    gateways, context = [fleet(), fleet()], trust(authority, "1.3")
    agree(*gateways)
    session = visit(gateways[0].port, context, HOST)[1]
    store.kill()
    client, session = visit(gateways[1].port, context, HOST, session)
    assert client.resumed
    gateways[1].stop()
    gateways[1].start()
    assert visit(gateways[1].port, context, HOST, session)[0].resumed


def test_what_it_wants(fleet, tmp_path):
    gw = fleet()
    for wrong, text in ({"tls": {"ticket_secret": "short"}}, "it has 5 bytes"), ({"redis": None}, "no Redis is configured"):
        r = gw.reload(merge(gw.config, wrong))
        assert r.returncode == 1 and text in r.stderr
