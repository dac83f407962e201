"""RFC 9110 and 9112, case by case, in clear and over TLS: see conformance/. Run as a program it lists the cases, with --differences those in which
nginx differs, and with --seeds it writes every sixth for the fuzz targets."""

import dataclasses
import os
import re
import sys
import time

import pytest

from conformance import ANY, CUT, cases
from harness import gateway as gateways
from harness import tls
from harness.client import Client
from harness.gateway import LONG, Nginx, proxy_to
from harness.recorder import Recorder

CASES = cases()
LIMITS = {"limits": {"head": "8k", "uri": "2k", "fields": 50, "body": "64k"},
          "timeouts": {"client_head": "300ms", "client_body": "300ms", "keepalive": "5s"}}


@pytest.fixture(scope="module")
def recorder():
    r = Recorder()
    yield r
    r.stop()


@pytest.fixture(scope="module", params=["yett", "nginx"])
def peer(request, recorder):
    if request.param == "nginx":
        started = Nginx(recorder)
        request.addfinalizer(started.finish)
    else:
        started = request.getfixturevalue("lasting_gateway")(proxy_to(recorder) | LIMITS)
    started.name = request.param
    return started


@pytest.fixture(scope="module")
def secure(lasting_gateway, recorder, pki):
    gw, context = tls.over_tls(lasting_gateway, recorder, pki.entry("ec"), **LIMITS), pki.context()
    gw.connect, gw.name = lambda timeout: tls.TlsClient(gw.port, context, timeout=timeout), "yett"
    return gw


def same(what, got, wanted):
    assert got == wanted, f"{what}: {got!r}, not {wanted!r}"


def field_in(text, fields):
    name, _, value = text.partition(": ")
    return any(n.lower() == name.lower() and v == value for n, v in fields)


def check_fields(who, fields, has, lacks):
    for text in has:
        assert field_in(text, fields), f"{who} lacks {text!r}: {fields}"
    for name in lacks:
        assert name.lower() not in (n.lower() for n, _ in fields), f"{who} has {name}: {fields}"


def read_one(c, status, method):
    try:
        r = c.read(method)
    except (EOFError, ConnectionResetError) as e:
        assert CUT in (status if isinstance(status, set) else {status}), f"no whole answer: {e!r}"
        return None
    assert r.status in status if isinstance(status, set) else r.status == status, f"{r}, not {status}"
    return r


def is_refusal(status):
    return any(s != CUT and s >= 400 for s in (status if isinstance(status, set) else {status}))


def check_client(case, c, statuses, strict):
    r = None
    for status, request in zip(statuses, case.send.split(b"\r\n\r\n")):
        r = read_one(c, status, "HEAD" if request.lstrip().startswith(b"HEAD") else "GET")
    if r:
        check_fields("the answer", r.headers, case.has, case.lacks)
        if case.body is not None:
            same("body", r.body, case.body)
        if case.late is not None:
            same("trailers", r.trailers, case.late)
        if case.interim is not None:
            same("interim", [i.status for i in r.interim], case.interim)
        if case.reason and strict:
            same("reason", r.why, case.reason)
    closed = case.closed if case.closed is not None else is_refusal(statuses[-1]) or statuses[-1] == CUT
    if closed == ANY or not r:
        return
    if closed:
        assert c.closed(), "the connection goes on"
    else:
        same("next answer", c.ask("/probe").status, 200)


def check_upstream(case, recorder, statuses):
    recorder.settled()
    assert not recorder.violations, recorder.violations
    default = 1 if case.answer else sum(not is_refusal(s) for s in statuses)
    if case.requests != ANY:
        same("requests", len(recorder.seen), default if case.requests is None else case.requests)
    if not recorder.seen:
        return
    seen = recorder.seen[-1]
    same("looks whole", seen.whole, case.whole)
    check_fields("the upstream's request", seen.fields, case.saw, case.unseen)
    for what, got, wanted in (("target", seen.target, case.target), ("body", seen.body, case.got),
                              ("trailers", [f"{n}: {v}" for n, v in seen.trailers], case.trailers)):
        if wanted is not None:
            same(what, got, wanted)


def run(case, peer, recorder):
    statuses = case.status if isinstance(case.status, list) else [case.status]
    recorder.expect(case.answer)
    with peer.connect(3) as c:
        c.send(case.send)
        if case.then == "half":
            c.finish_sending()
        if case.then == "leave":
            gateways.procs.wait_until(lambda: recorder.seen, 3, what="a request")
        else:
            check_client(case, c, statuses, peer.name == "yett")
    check_upstream(case, recorder, statuses)
    if case.requests == ANY and not recorder.seen:  # one that is still on its way is not of the next case
        time.sleep(0.1)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_case(peer, recorder, case):
    if peer.name == "yett" or not case.nginx:
        run(case, peer, recorder)
    elif LONG:  # the list of differences is true
        with pytest.raises((AssertionError, OSError, EOFError, ValueError)):
            run(case, peer, recorder)


def other_scheme(case):
    """For a connection that speaks TLS: what names the scheme names the other one."""
    def swap(data):
        return re.sub(rb"(?i)(http)(s?)://", lambda m: m[1] + (b"" if m[2] else b"s") + b"://", data)
    proto = {"X-Forwarded-Proto: http": "X-Forwarded-Proto: https"}
    return dataclasses.replace(case, send=swap(case.send), saw=tuple(proto.get(field, field) for field in case.saw))


@pytest.mark.parametrize("case", CASES if LONG else CASES[::3], ids=str)
def test_case_over_tls(secure, recorder, case):
    run(other_scheme(case), secure, recorder)


def test_table():
    names = [case.name for case in CASES]
    assert len(names) >= 220 and len(set(names)) == len(names)
    assert all(case.section for case in CASES)


def write_seeds():
    corpus = os.path.join(gateways.ROOT, "tests", "fuzz", "corpus")
    for case in CASES[::6]:
        kind, data = ("http_head", b"\1\0" + case.answer) if case.answer else ("judge", b"\0" + case.send)
        name = re.sub("[^a-z0-9]+", "_", case.name.lower()).strip("_")
        if len(data) < 1000:
            with open(os.path.join(corpus, kind, name), "wb") as f:
                f.write(data)


if __name__ == "__main__":
    if "--seeds" in sys.argv:
        sys.exit(write_seeds())
    for case in CASES:
        if case.nginx or "--differences" not in sys.argv:
            print(f"{case.section:12} {case.name}" + (f"\n{'':13}nginx: {case.nginx}" if case.nginx else ""))
