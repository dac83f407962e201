"""Two gateways on one Redis that write at once, and an old tool that writes to Redis itself: nothing is lost, and all see
the same in the end."""

from concurrent.futures import ThreadPoolExecutor

from harness.api import Api
from harness.gateway import from_redis
from harness.procs import wait_until


def test_nothing_is_lost(gateway, store):
    apis = [Api(gateway(from_redis(store)).socket) for _ in range(2)]

    def write(i):
        api = apis[i % 2]
        api.done("POST", "backends", "shared", f"10.0.{i}.1:80")  # fields of one hash
        if i % 3 == 0:
            store.db.hset("backend:shared", f"10.9.{i}.1:80", 1)
        api.done("PUT", "frontends", f"h{i}", "shared")
        if i % 4 == 0:
            api.done("DELETE", "backends", "shared", f"10.0.{i}.1:80")

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(write, range(24)))
    servers = {f"10.0.{i}.1:80" for i in range(24) if i % 4} | {f"10.9.{i}.1:80" for i in range(0, 24, 3)}
    assert {k.decode() for k in store.db.hkeys("backend:shared")} == servers
    for api in apis:
        wait_until(lambda: set(api.data("backends", "shared")["servers"]) == servers, 5, what="the servers")
        wait_until(lambda: {f["url"] for f in api.data("frontends")} == {f"h{i}" for i in range(24)}, 5, what="frontends")
    written = [fields[b"why"].decode() for _, fields in store.db.xrange("yett:revisions")]
    assert len(written) == 50 and "PUT /frontends/h23/shared" in written  # the last ones are kept


def test_one_sees_what_the_other_wrote(gateway, store, serve):
    up = serve()
    a, b = gateway(from_redis(store)), gateway(from_redis(store))
    Api(a.socket).done("POST", "batch", body={"frontends": [{"url": "x", "backend_name": "s"}],
                                              "backends": [{"name": "s", "servers": [up.address]}]})
    wait_until(lambda: b.ask(host="x").status == 200, 5, what="the rule of the other gateway")
    Api(b.socket).done("DELETE", "flush")
    wait_until(lambda: a.ask(host="x").why == "no_route", 5, what="the deletion of the other gateway")
    assert Api(a.socket).data("backends") == []
    assert a.status()["rules"]["withheld"] == 0
