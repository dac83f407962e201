"""A reset, or silence from then on, at each flight of a TLS handshake with an upstream and right after it: the client gets the
documented answer in time, what may go elsewhere does, the endpoint is judged, and nothing is left."""

import itertools
import os
import ssl
import time

import pytest

from harness import client
from harness.procs import wait_until
from harness.tls_upstream import TlsUpstream

CONNECT, FIRST_BYTE = 0.3, 0.5
VERSIONS = {"12": ssl.TLSVersion.TLSv1_2, "13": ssl.TLSVersion.TLSv1_3}
FAILED, CLOSED = "upstream_tls_failed", "upstream_closed"
SILENT, NO_ANSWER = "upstream_connect_timeout", "upstream_first_byte_timeout"

# The packet; why it fails if it is reset and if it is swallowed, and whether the endpoint can have had the request. With TLS 1.3 the
# gateway's last flight ends the handshake for it: what becomes of that is seen by the request which follows.
FLIGHTS = {
    ("12", "hello", "request", 1): (FAILED, SILENT, False),
    ("12", "server's", "answer", 1): (FAILED, SILENT, False),
    ("12", "finished", "request", 2): (FAILED, SILENT, False),
    ("12", "server's finished", "answer", 2): (FAILED, SILENT, False),
    ("12", "server's, resumed", "answer", 1): (FAILED, SILENT, False),
    ("12", "finished, resumed", "request", 2): (CLOSED, NO_ANSWER, True),
    ("12", "request", "request", 3): (CLOSED, NO_ANSWER, True),
    ("13", "hello", "request", 1): (FAILED, SILENT, False),
    ("13", "server's", "answer", 1): (FAILED, SILENT, False),
    ("13", "finished", "request", 2): (CLOSED, NO_ANSWER, True),
    ("13", "tickets", "answer", 2): (CLOSED, NO_ANSWER, True),
    ("13", "request", "request", 3): (CLOSED, NO_ANSWER, True),
}


number = itertools.count()


def answer(r, c):
    c.read_body(r)
    c.reply(body=c.server.name.encode())


@pytest.fixture(scope="module")
def net(rooms):
    return rooms("client", "gateway", "one", "two")


@pytest.fixture(scope="module")
def ups(net, authority, tmp_path_factory):
    """By room and version, and one that is probed."""
    made, folder = {}, str(tmp_path_factory.mktemp("pairs"))
    for name, version in [(name, version) for name in ("one", "two") for version in VERSIONS] + [("one", "probed")]:
        def only(context, of=VERSIONS.get(version, VERSIONS["13"])):
            context.minimum_version = context.maximum_version = of
        with net[name]:
            made[name, version] = TlsUpstream(authority.issue(net[name].address), folder, answer, host=net[name].address, name=name, configure=only)
    yield made
    for u in made.values():
        u.stop()


@pytest.fixture(scope="module")
def gw(net, ups, authority, tmp_path_factory, lasting_gateway):
    """/pair12 goes to both, /alone12 to the one, and so on."""
    roots = tmp_path_factory.mktemp("roots") / "ca.pem"
    roots.write_bytes(authority.pem)
    usual = {"tls": {"ca": str(roots)}, "ejection": {"failures": "off"}, "health": {"enabled": False}}
    upstreams = {"probed": usual | {"endpoints": [ups["one", "probed"].address], "health": {"enabled": True, "interval": "100ms", "timeout": "300ms"}}}
    for v in VERSIONS:
        one, two = ups["one", v].address, ups["two", v].address
        upstreams |= {f"pair{v}": usual | {"endpoints": [one, two]}, f"alone{v}": usual | {"endpoints": [one]},
                      f"judged{v}": usual | {"endpoints": [one, two], "ejection": {"failures": 3, "time": "500ms"}}}
    config = {"listeners": [f"{net['gateway'].address}:80"], "workers": 1, "upstreams": upstreams, "routes": [{"path": f"/{u}", "upstream": u} for u in upstreams],
              "timeouts": {"upstream_idle": "off", "connect": f"{int(CONNECT * 1000)}ms", "first_byte": f"{int(FIRST_BYTE * 1000)}ms"}}
    with net["gateway"]:
        made = lasting_gateway(config)
    assert [ask(net, f"/{u}")[0] for u in upstreams if u.startswith("alone")] == ["one"] * 2
    wait_until(lambda: not left(made), 5)
    made.descriptors = descriptors(made)
    return made


def ask(net, path, method="GET"):
    """What came, and after how many seconds."""
    begin = time.monotonic()
    with net["client"], client.Client((net["gateway"].address, 80), 5) as c:
        r = c.ask(path, method, body=b"abc" if method == "POST" else None)
    return r.why or r.body.decode(), time.monotonic() - begin


def left(gw):
    """What is under way or connected."""
    return {n: v for n, v in gw.metrics().items() if v and n.startswith(("yett_worker_connections", "yett_worker_requests", "yett_upstream_requests_in", "yett_upstream_idle"))}


def nothing_is_left(gw):
    def rest():
        return left(gw) or {pid: n for pid, n in descriptors(gw).items() if n != gw.descriptors[pid]}
    wait_until(lambda: not rest(), 3, what=rest)


def descriptors(gw):
    return {pid: len(os.listdir(f"/proc/{pid}/fd")) for pid in gw.workers()}


def failures(gw, upstream, up):
    return gw.metrics()[f'yett_upstream_failures_total{{upstream="{upstream}",endpoint="{up.address}"}}']


def hit(net, gw, up, other, upstream, method, resumed, **rule):
    """One that meets the rule; what comes, after how many seconds, and how often it was seen."""
    up.forget()
    while resumed and ask(net, f"/{upstream}")[0] != up.name:
        pass
    for _ in range(2):  # one of them begins with the endpoint that is meant
        nothing_is_left(gw)
        target = f"/{upstream}?{next(number)}"  # one that timed out may come when its packets do
        net.rule("at", "gateway", "one", port=up.port, **rule)
        got = ask(net, target, method)
        count = net.counts().get("at", {"reset": 0, "lost": 0})
        net.end()
        if count["reset"] + count["lost"]:
            return *got, sum(r.target == target for r in up.requests + other.requests)
    raise AssertionError("the endpoint was not asked")


def was_early(got, seen):
    """The reset came before the kernel took a byte of the request: then that is known not to have been read."""
    return got == "two" and seen == 1


@pytest.mark.parametrize("how", ["reset", "swallow"])
@pytest.mark.parametrize("flight", FLIGHTS, ids=lambda f: f"{f[0]} {f[1]}")
def test_flights(net, gw, ups, flight, how):
    version, name, what, nth = flight
    reset, swallowed, late = FLIGHTS[flight]
    why, waits = (reset, 0) if how == "reset" else (swallowed, FIRST_BYTE if late else CONNECT)
    up, other, told = ups["one", version], ups["two", version], []
    for path, method in [("pair", "GET"), ("pair", "POST"), ("alone", "GET")] if how == "reset" else [("pair", "POST"), ("alone", "GET")]:
        path += version
        before = failures(gw, path, up)
        got, took, seen = hit(net, gw, up, other, path, method, "resumed" in name, **{how: what, "nth": nth})
        told.append(f"{path} {method}: {got} after {took:.2f} s, seen {seen} times")
        elsewhere = path.startswith("pair") and (not late or why == CLOSED and (method == "GET" or was_early(got, seen)))
        assert got == ("two" if elsewhere else why) and waits <= took < waits + 2, told
        assert seen <= 1 + (elsewhere and late), told
        wait_until(lambda: failures(gw, path, up) == before + 1, 2, what=lambda: (before, failures(gw, path, up)))
    nothing_is_left(gw)
    print(f"{version} {name}, {how}: {'; '.join(told)}")


@pytest.mark.parametrize("version", VERSIONS)
def test_who_is_silent_within_handshakes_is_ejected(net, gw, ups, version):
    """Whoever asks waits for it three times in all."""
    path, up = f"/judged{version}", ups["one", version]
    net.rule("at", "gateway", "one", port=up.port, swallow="answer", nth=1)
    took = [ask(net, path) for _ in range(10)]
    net.end()
    assert {got for got, _ in took} == {"two"} and sum(s > CONNECT for _, s in took) <= 4, took
    assert "state=ejected" in gw.log()
    wait_until(lambda: ask(net, path)[0] == "one", 5, every=0.05)


@pytest.mark.parametrize("how", ["reset", "swallow"])
def test_probes(net, gw, ups, how):
    up = ups["one", "probed"]
    alive = f'yett_upstream_up{{upstream="probed",endpoint="{up.address}"}}'
    wait_until(lambda: gw.metrics()[alive] == 1, 3)
    net.rule("at", "gateway", "one", port=up.port, times=1000, **{how: "answer", "nth": 1})
    wait_until(lambda: gw.metrics()[alive] == 0, 5)
    net.end()
    wait_until(lambda: gw.metrics()[alive] == 1, 5)
