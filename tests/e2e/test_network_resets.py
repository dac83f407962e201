"""A reset at each stage of a connection, on either side: what may be repeated is, a POST never, and nothing is left."""

import collections

import pytest

from harness import client
from harness.gateway import proxy_to
from harness.procs import wait_until
from harness.upstream import Upstream

BODY = b"x" * 300000


def answer(r, c):
    c.read_body(r)
    c.reply(body=BODY if r.path.startswith("/big") else c.server.name.encode())


@pytest.fixture(scope="module")
def net(rooms):
    return rooms("client", "gateway", "one", "two")


@pytest.fixture(scope="module")
def ups(net):
    made = []
    for name in ("one", "two"):
        with net[name]:
            made.append(Upstream(answer, host=net[name].address, port=80, name=name))
    yield made
    for u in made:
        u.stop()


@pytest.fixture(scope="module")
def gw(net, ups, lasting_gateway):
    with net["gateway"]:
        return lasting_gateway(proxy_to(*ups) | {"workers": 1, "listeners": [f"{net['gateway'].address}:8080"], "ejection": {"failures": "off"}})


def connect(net, timeout=5):
    with net["client"]:
        return client.Client((net["gateway"].address, 8080), timeout)


def ask(net, path, method, body=None):
    try:
        with connect(net) as c:
            r = c.ask(path, method, body=body)
            return f"{r.status} {r.why}" if r.why else r.status
    except (OSError, EOFError):
        return "cut"


def left(gw):
    """What is under way or connected."""
    return {n: v for n, v in gw.metrics().items() if v and n.startswith(("yett_worker_connections", "yett_worker_requests", "yett_upstream_requests_in"))}


# stage: the answer to a GET and to a POST, and how often each may be seen by an upstream
STAGES = {"syn": (200, 1, 200, 1), "synack": (200, 1, 200, 1), "request": (200, 1, "502 upstream_closed", 0), "answer": (200, 2, "502 upstream_closed", 1),
          "beyond": ("cut", 1, "cut", 1)}


@pytest.mark.parametrize("stage", STAGES)
def test_upstream(net, gw, ups, stage):
    get, gets, post, posts = STAGES[stage]
    path = "/big" if stage == "beyond" else "/small"
    for method, body, wanted, times in ("GET", None, get, gets), ("POST", b"abc", post, posts):
        for _ in range(2):  # one of them begins with the endpoint that is reset
            net.reset_all(80)  # none is pooled
            seen = sum(len(u.requests) for u in ups)
            net.rule("reset", "gateway", "one", port=80, reset=stage, beyond=100000)
            got = ask(net, path, method, body)
            hit = net.counts().get("reset", {"reset": 0})["reset"]
            net.end()
            wait_until(lambda: not left(gw), 2, what=lambda: left(gw))
            seen = sum(len(u.requests) for u in ups) - seen
            print(f"{stage} {method}: {got}, seen {seen} times, resets {hit}")
            assert (got, seen) == ((wanted, times) if hit else (200, 1))


def test_pooled(net, gw, ups):
    """Each connection that is idle is reset: nobody hears of it."""
    results, before, resets = collections.Counter(), len(ups[0].requests) + len(ups[1].requests), 0
    for i in range(20):
        results[ask(net, "/x", "POST" if i % 2 else "GET", b"abc" if i % 2 else None)] += 1
        resets += net.reset_all(80)
    print(f"{dict(results)} with {resets} connections reset")
    assert results == {200: 20} and resets >= 20 and len(ups[0].requests) + len(ups[1].requests) - before == 20


@pytest.mark.parametrize("stage", ["request", "answer", "beyond", "idle"])
def test_client(net, gw, stage):
    with connect(net) as c:
        path = f"/big-{stage}"
        if stage == "idle":
            assert c.ask(path).status == 200
            net.reset_all(8080)
        else:
            net.rule("reset", "client", "gateway", port=8080, reset=stage, beyond=100000)
            with pytest.raises((OSError, EOFError)):
                c.ask(path)
            net.end()
    wait_until(lambda: not left(gw), 2, what=lambda: left(gw))
    if stage in ("answer", "beyond"):
        print(f"{stage}: {gw.logged(path=path).get('reason')}")
    assert ask(net, "/after", "GET") == 200
