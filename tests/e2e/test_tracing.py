"""Trace context is kept, made or not believed, and spans reach the collector; nothing waits for that."""

import http.client
import time

import pytest

from harness import client, procs
from harness.collector import Collector
from harness.gateway import BINARY
from harness.procs import free_port, wait_until

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED, NOT = f"00-{TRACE}-{PARENT}-01", f"00-{TRACE}-{PARENT}-00"
FRIEND, STRANGER = "127.0.0.2", "127.0.0.1"


def ask(gw, path="/", source=STRANGER, headers=(), method="GET"):
    """The status."""
    c = http.client.HTTPConnection("127.0.0.1", gw.port, timeout=10, source_address=(source, 0))
    c.putrequest(method, path)
    for name, value in headers:
        c.putheader(name, value)
    c.endheaders()
    status = c.getresponse().status
    c.close()
    return status


def answer(r, c):
    c.read_body(r)
    if r.path.startswith("/broken"):
        c.reply(503)
    elif r.header("Upgrade"):
        c.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\nhello\n")
        c.file.readline()
        c.close = True
    else:
        c.reply(body=b"ok")


@pytest.fixture(scope="module")
def collector():
    c = Collector()
    yield c
    c.stop()


@pytest.fixture(scope="module")
def up(lasting_serve):
    return lasting_serve(answer)


def config(up, collector, **tracing):
    return {"upstreams": {"u": {"endpoints": [up.address]},
                          "two": {"endpoints": [up.address, up.address.replace("127.0.0.1", "localhost")]},
                          "dead": {"endpoints": [f"127.0.0.1:{free_port()}"]}},
            "health": {"enabled": False}, "limits": {"retries": 1},
            "routes": [{"name": "all", "upstream": "u"}, {"name": "users", "path": "/users", "upstream": "u"},
                       {"name": "dead", "path": "/dead", "upstream": "dead"},
                       {"name": "broken", "path": "/broken", "upstream": "two", "retry_on": ["503"]},
                       {"name": "mirrored", "path": "/mirrored", "upstream": "u", "mirror": {"upstream": "two"}},
                       {"name": "own", "path": "/own", "respond": {"status": 204}}],
            "tracing": {"endpoint": f"http://{collector.address}/v1/traces", "trust": [f"{FRIEND}/32"], "service_name": "edge",
                        "interval": "100ms"} | tracing}


@pytest.fixture(scope="module")
def gw(lasting_gateway, up, collector):
    return lasting_gateway(config(up, collector, header="X-Key", secret="hush"))


def sent(up):
    """What the upstream was sent last: trace, parent, flags."""
    version, trace, parent, flags = up.requests[-1].header("traceparent").split("-")
    assert version == "00"
    return trace, parent, flags


def test_kept(gw, up, collector):
    assert ask(gw, "/users/mary?token=secret", FRIEND, [("traceparent", SAMPLED), ("tracestate", "a=1"), ("tracestate", "b=2")]) == 200
    server, try_ = collector.find(TRACE, 2)
    assert sent(up) == (TRACE, try_.id, "01") and up.requests[-1].all("tracestate") == ["a=1", "b=2"]
    assert server.parent == PARENT and not server.links and not server.error and not try_.error
    assert server.name == "GET /users" and server.resource["service.name"] == "edge" and try_.name == "GET"
    entry = gw.logged(path="/users/mary")
    assert entry["trace"] == TRACE
    want = {"http.request.method": "GET", "http.route": "/users", "yett.route": "file:users", "url.path": "/users/mary", "url.scheme": "http",
            "network.protocol.version": "1.1", "server.address": "127.0.0.1", "network.peer.address": FRIEND, "client.address": FRIEND, "http.response.status_code": 200,
            "yett.request_id": entry["id"]}
    assert {n: v for n, v in server.attributes.items() if n != "server.port"} == want
    assert server.state == "a=1,b=2" and try_.state is None
    assert try_.attributes == {"http.request.method": "GET", "url.scheme": "http", "url.full": f"http://{up.address}/users/mary", "server.address": "127.0.0.1", "server.port": up.port,
                               "network.peer.address": "127.0.0.1", "network.peer.port": up.port, "http.response.status_code": 200}
    assert collector.requests[-1].header("X-Key") == "hush" and "hush" not in str(gw.log())


def test_not_sampled_by_who_is_trusted(gw, up, collector):
    ask(gw, "/unsampled", FRIEND, [("traceparent", NOT.replace("0af", "1af"))])
    trace, parent, flags = sent(up)
    assert trace == TRACE.replace("0af", "1af") == gw.logged(path="/unsampled")["trace"] and parent != PARENT and flags == "00"
    ask(gw, "/after", FRIEND, [("traceparent", SAMPLED.replace("0af", "2af"))])
    collector.find(TRACE.replace("0af", "2af"), 2)
    assert not [s for s in collector.spans if s.trace == trace]


def test_distrusted(gw, up, collector):
    ask(gw, "/strange", STRANGER, [("traceparent", NOT), ("tracestate", "a=1")])
    trace, _, flags = sent(up)
    assert trace != TRACE and flags == "01" and up.requests[-1].all("tracestate") == []
    server, _ = collector.find(trace, 2)
    assert server.parent is None and server.links == [(TRACE, PARENT)]


@pytest.mark.parametrize("fields", [
    [], [("traceparent", SAMPLED.upper())], [("traceparent", SAMPLED + "-")], [("traceparent", SAMPLED), ("Traceparent", SAMPLED)],
    [("traceparent", "bad"), ("traceparent", SAMPLED)], [("traceparent", SAMPLED), ("traceparent", "bad")], [("traceparent", "")]],
    ids=["none", "capitals", "more", "two", "bad-first", "bad-last", "empty"])
def test_made(gw, up, collector, fields):
    ask(gw, "/made", FRIEND, fields + [("tracestate", "a=1")])
    trace, _, flags = sent(up)
    assert trace != TRACE and flags == "01" and up.requests[-1].all("tracestate") == []
    assert collector.find(trace, 2)[0].links == []


def test_bad_tracestate(gw, up):
    ask(gw, "/", FRIEND, [("traceparent", NOT), ("tracestate", "a=1"), ("tracestate", "A=1")])
    assert sent(up)[0] == TRACE and up.requests[-1].all("tracestate") == []


def test_tries(gw, up, collector):
    assert ask(gw, "/broken/pot", FRIEND, [("traceparent", SAMPLED.replace("0af", "3af"))]) == 503
    server, first, second = collector.find(TRACE.replace("0af", "3af"), 3)
    assert [r.header("traceparent").split("-")[2] for r in up.requests[-2:]] == [first.id, second.id]
    assert first.error and second.error and server.error and server["error.type"] == first["error.type"] == "503"
    assert (first["http.request.resend_count"], second["http.request.resend_count"]) == (None, 1)


def test_refused(gw, collector):
    ask(gw, "/dead", FRIEND, [("traceparent", SAMPLED.replace("0af", "4af"))], "POST")
    server, try_ = collector.find(TRACE.replace("0af", "4af"), 2)
    assert server.error and server["error.type"] == server["yett.reason"] == "upstream_connect_refused"
    assert server["http.response.status_code"] == 502 and try_["error.type"] == "upstream_connect_refused"
    assert ask(gw, "/own", FRIEND, [("traceparent", SAMPLED.replace("0af", "5af"))]) == 204
    assert collector.find(TRACE.replace("0af", "5af"), 1)[0].name == "GET /own"


@pytest.mark.parametrize("head,method,reason", [
    (b"GET /x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "GET", "bad_host"),
    (b"GET /..\\x HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "bad_path"),
    (b"no HTTP at all\r\n\r\n", "_OTHER", "bad_request")], ids=["host", "path", "rubbish"])
def test_refused_before_there_is_a_route(gw, collector, head, method, reason):
    with gw.connect() as c:
        c.send(head)
        answer = c.read()
    entry = gw.logged(reason=reason)
    span, = collector.find(entry["trace"], 1)
    assert answer.status == span["http.response.status_code"] and span["yett.reason"] == reason
    assert span["http.request.method"] == method and span["yett.request_id"] == entry["id"]


def test_method_that_nobody_defines(gw, collector):
    ask(gw, "/own", FRIEND, [("traceparent", SAMPLED.replace("0af", "aaf"))], "PROPFIND")
    span, = collector.find(TRACE.replace("0af", "aaf"), 1)
    assert span.name == "HTTP /own" and (span["http.request.method"], span["http.request.method_original"]) == ("_OTHER", "PROPFIND")


def test_tunnel(gw, collector):
    with gw.connect() as c:
        c.send(client.request("/users/ws", headers={"Connection": "Upgrade", "Upgrade": "chat"}))
        assert c.read().status == 101 and c.read_until(b"\n") == b"hello"
        c.send(b"bye\n")
    server, try_ = collector.find(gw.logged(path="/users/ws")["trace"], 2)
    assert server.name == "GET /users" and try_["http.response.status_code"] == server["http.response.status_code"] == 101


def test_mirror(gw, up, collector):
    """Its parent is the request's own span."""
    ask(gw, "/mirrored", FRIEND, [("traceparent", SAMPLED.replace("0af", "6af"))])
    server, try_ = collector.find(TRACE.replace("0af", "6af"), 2)
    wait_until(lambda: sum(r.path == "/mirrored" for r in up.requests) == 2)
    parents = {r.header("X-Yett-Mirrored"): r.header("traceparent").split("-")[2] for r in up.requests if r.path == "/mirrored"}
    assert parents == {None: try_.id, "1": server.id}


def test_nothing_was_lost(gw):
    wait_until(lambda: gw.metrics()["yett_trace_spans_exported_total"] > 10)
    assert gw.metrics()["yett_trace_spans_lost_total"] == gw.metrics()["yett_trace_spans_dropped_total"] == 0


def test_slow_collector(gw, collector):
    """Requests do not wait for it, nor do spans wait for others once it has answered."""
    collector.may_answer.clear()
    ask(gw, "/", FRIEND, [("traceparent", SAMPLED.replace("0af", "8af"))])
    collector.find(TRACE.replace("0af", "8af"), 2)
    ask(gw, "/", FRIEND, [("traceparent", SAMPLED.replace("0af", "9af"))])
    time.sleep(0.3)  # three times tracing.interval
    assert not [s for s in collector.spans if s.trace.startswith("9af")]
    collector.may_answer.set()
    collector.find(TRACE.replace("0af", "9af"), 2)


def test_ratio_and_a_collector_that_goes(gateway, up):
    own = Collector()
    gw = gateway(config(up, own, sample=0))
    for _ in range(20):
        ask(gw, "/never")
        assert sent(up)[2] == "00"
    gw.reload(config(up, own, sample=0.5))
    flags = []
    for _ in range(60):
        ask(gw, "/half")
        flags.append(sent(up)[2])
    assert 5 < flags.count("01") < 55
    wait_until(lambda: gw.metrics()["yett_trace_spans_exported_total"] == 2 * flags.count("01"))
    assert len(own.spans) == 2 * flags.count("01")
    own.stop()
    begin = time.monotonic()
    for _ in range(20):
        assert ask(gw, "/", FRIEND, [("traceparent", SAMPLED)]) == 200
    assert time.monotonic() - begin < 10
    wait_until(lambda: gw.metrics()["yett_trace_spans_lost_total"] == 40)
    assert gw.metrics()["yett_trace_exports_failed_total"] >= 5
    assert sum("tracing collector" in line for line in gw.log().splitlines()) == 1


def test_key_in_the_wrong_place(tmp_path):
    file = tmp_path / "yett.yaml"
    file.write_text('listeners: ["127.0.0.1:1"]\nroutes: [{respond: {status: 204}}]\ntracing: {endpoint: "http://c/v1/traces?key=hush"}\n')
    r = procs.run([BINARY, "check", "-c", str(file)])
    assert r.returncode == 0 and "a key belongs in tracing.secret" in r.stdout + r.stderr and "hush" not in r.stdout + r.stderr, r


def test_off(gateway, up):
    gw = gateway({k: v for k, v in config(up, up).items() if k != "tracing"})
    ask(gw, "/off", STRANGER, [("traceparent", "whatever"), ("tracestate", "A")])
    assert up.requests[-1].header("traceparent") == "whatever" and up.requests[-1].header("tracestate") == "A"
    assert "trace" not in gw.logged(path="/off")


def test_last_spans_over_tls(gateway, secure, authority, roots, up, collector):
    """What is gathered goes out when the gateway ends, to a collector whose certificate is verified."""
    behind = secure(authority.issue("127.0.0.1"), collector.take)
    gw = gateway(config(up, behind, endpoint=f"https://127.0.0.1:{behind.port}/v1/traces", interval="1m") | {"upstream_tls": {"ca": roots}})
    ask(gw, "/", FRIEND, [("traceparent", SAMPLED.replace("0af", "7af"))])
    gw.stop()
    assert len(collector.find(TRACE.replace("0af", "7af"), 2)) == 2 and len(behind.requests) == 1
