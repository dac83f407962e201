"""Requests go where redx would send them: ten thousand pairs of rules and requests, no difference to a model of it."""

import pytest

from harness.gateway import from_redis
from harness.redx_model import Generator, find

SETS, REQUESTS = 200, 50  # for each dialect, shared by its two depths


@pytest.mark.parametrize("dialect, depth", [("redx", 1), ("redx", 3), ("riox", 1), ("riox", 3)])
def test_no_difference(gateway, store, serve, dialect, depth):
    ups = {u.address: u for u in (serve(lambda r, c: c.reply(body=c.server.address.encode())) for _ in range(4))}
    make = Generator(f"{dialect} {depth}", sorted(ups))
    sets = [make.rules(n) for n in range(SETS)]
    gw = gateway(from_redis(store, dialect=dialect, max_path_length=depth))
    with store.db.pipeline() as p:
        for frontends, backends in sets:
            for url, backend in frontends.items():
                p.set("frontend:" + url, backend)
            for backend, servers in backends.items():
                if servers:
                    p.hset("backend:" + backend, mapping=servers)
        p.execute()
    frontends = sum(len(f) for f, _ in sets)
    gw.rules_in_force(lambda r: r["frontends"] == frontends and not r["refused"], 10)
    different = []
    with gw.connect() as c:
        for n, (frontends, backends) in enumerate(sets):
            for _ in range(REQUESTS // 2):
                host, path = make.request(n, frontends)
                servers = find(dialect, depth, frontends, backends, host, path)
                r = c.ask(path, host=host)
                right = r.body.decode() in servers if r.status == 200 else not servers and r.why in ("no_route", "no_endpoint")
                if not right:
                    different.append((host, path, servers, r, frontends, backends))
                if r.header("Connection") == "close":
                    c.close()
                    c.__init__(gw.port)
    assert not different, f"{len(different)} differ, such as {different[0]}"
