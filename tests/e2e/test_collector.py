"""A collector of spans that is busy, gone or hostile: what it may take later is sent again, all else is lost and counted."""

import pytest

from harness import client
from harness.collector import Collector
from harness.gateway import proxy_to
from harness.procs import wait_until

NAMES = {"exported": "yett_trace_spans_exported_total", "lost": "yett_trace_spans_lost_total", "failed": "yett_trace_exports_failed_total"}


@pytest.fixture(scope="module")
def collector():
    c = Collector()
    yield c
    c.stop()


@pytest.fixture(scope="module")
def gw(lasting_gateway, lasting_serve, collector):
    config = proxy_to(lasting_serve(lambda r, c: c.reply(body=b"ok")))
    return lasting_gateway(config | {"tracing": {"endpoint": f"http://{collector.address}/v1/traces", "interval": "100ms", "timeout": "2s"}})


@pytest.fixture
def counts(gw, collector):
    """What has been counted since the test began; at its end the collector is well, and takes what comes."""
    before = gw.metrics()

    def now():
        m = gw.metrics()
        return {k: m[n] - before[n] for k, n in NAMES.items()}
    collector.times.clear()
    yield now
    collector.behave()
    exported = now()["exported"]
    assert gw.ask("/after").status == 200
    settled(now, exported=exported + 2)


def settled(counts, **expected):
    wait_until(lambda: expected.items() <= counts().items(), what=lambda: f"{expected}; {counts()}")


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_sent_again(gw, collector, counts, status):
    collector.behave(status)
    gw.ask()
    settled(counts, failed=1)
    collector.behave()
    settled(counts, exported=2, lost=0)


def test_retry_after(gw, collector, counts):
    collector.behave(429, {"Retry-After": "1"})
    gw.ask()
    settled(counts, failed=1)
    collector.behave()
    settled(counts, exported=2, lost=0)
    assert len(collector.times) == 2 and collector.times[1] - collector.times[0] > 0.99


def test_given_up(gw, collector, counts):
    collector.behave(503)
    gw.ask()
    settled(counts, lost=2, failed=5)
    assert len(collector.times) == 5
    gaps = [b - a for a, b in zip(collector.times, collector.times[1:])]
    assert gaps[-1] > 0.39 > 0.04 and sum(gaps) < 10


@pytest.mark.parametrize("answer", [
    {"status": 400}, {"status": 404}, {"status": 500}, {"status": 307, "headers": {"Location": "http://127.0.0.1:1/"}},
    {"raw": b"SSH-2.0-OpenSSH\r\n\r\n"}, {"body": b" " * 100000}], ids=["400", "404", "500", "redirect", "rubbish", "huge"])
def test_refused(gw, collector, counts, answer):
    """It would be so again."""
    collector.behave(**answer)
    gw.ask()
    settled(counts, lost=2, failed=1, exported=0)
    assert len(collector.times) == 1


@pytest.mark.parametrize("body,lost", [
    (b'{"partialSuccess":{"rejectedSpans":"1","errorMessage":"no \\"room\\"\\n"}}', 1), (b'{"partialSuccess":{"rejectedSpans":1}}', 1),
    (b'{"partialSuccess":{"rejectedSpans":"99999999999999999999"}}', 2), (b'{"partialSuccess":{"rejectedSpans":-1}}', 0),
    (b'{"partialSuccess":{"rejectedSpans":1e300}}', 2), (b'{"partialSuccess":[]}', 0), (b"{", 0), (b"", 0)])
def test_taken_in_part(gw, collector, counts, body, lost):
    collector.behave(body=body)
    gw.ask()
    settled(counts, lost=lost, exported=2 - lost, failed=0)
    assert len(collector.times) == 1


def test_says_why(gw, collector):
    line, = [n for n in gw.log().splitlines() if "rejected=" in n and "room" in n]
    assert r'rejected=1 error="no \x22room\x22\x0a"' in line


def test_what_waits_is_bounded(gw, collector, counts):
    """Requests are answered as ever, and of their spans nothing goes without being counted."""
    many, dropped = 2500, "yett_trace_spans_dropped_total"
    collector.may_answer.clear()
    before = gw.metrics()[dropped]
    for _ in range(many // 50):
        with gw.connect() as c:
            c.send(client.request() * 50)
            assert [c.read().status for _ in range(50)] == [200] * 50
    wait_until(lambda: counts()["lost"] + gw.metrics()[dropped] > before, what="no room is left")
    collector.may_answer.set()

    def all_of_them():
        now = counts()
        return now["lost"] + now["exported"] + gw.metrics()[dropped] - before == 2 * many
    wait_until(all_of_them, what=lambda: f"all spans; {counts()}")
    assert counts()["exported"] > 2000
