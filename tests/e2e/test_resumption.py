"""A session that was begun with one worker is resumed with any, also when that worker, or the master, has died since."""

import os
import signal
import time

import pytest

from harness import procs
from harness.authority import Authority
from harness.gateway import merge
from harness.tls import VERSIONS, TlsClient, over_tls, trust, visit

HOST = "a.example"
VISITS = 16  # all of them with one of two workers: once in 32768 runs


@pytest.fixture(scope="module")
def authority():
    return Authority()


@pytest.fixture(scope="module")
def contexts(authority):
    """Of TLS 1.2 and 1.3."""
    return [trust(authority, version) for version in VERSIONS]


@pytest.fixture
def start(gateway, responder, tmp_path, authority):
    def start(**tls):
        row = authority.issue(HOST).write(str(tmp_path / "a.pem"))
        return over_tls(gateway, responder, row, tls=tls)
    return start


def begin(gw, contexts):
    """A session of each."""
    return [visit(gw.port, context, HOST)[1] for context in contexts]


def all_resume(gw, contexts, sessions):
    """Each visit brings a ticket for the next; the last ones are returned."""
    last = []
    for context, session in zip(contexts, sessions):
        for _ in range(VISITS):
            client, session = visit(gw.port, context, HOST, session)
            assert client.resumed, client.sock.version()
        last.append(session)
    return last


def resumed(gw, contexts, sessions):
    """Which come back."""
    return [visit(gw.port, context, HOST, session)[0].resumed for context, session in zip(contexts, sessions)]


def test_over_all_workers(start, contexts):
    gw = start()
    first = [visit(gw.port, context, HOST) for context in contexts]
    assert all(not client.resumed and session.has_ticket for client, session in first)
    all_resume(gw, contexts, [session for _, session in first])
    assert gw.metrics()["yett_tls_resumed_total"] == VISITS * len(contexts)
    assert gw.logged(resumed=True)


def test_the_same_ticket_again(start, contexts):
    """A client may open several connections at a time with one ticket."""
    gw = start()
    sessions = begin(gw, contexts)
    for _ in range(VISITS):
        assert resumed(gw, contexts, sessions) == [True, True]


def test_after_the_death_of_a_worker(start, contexts):
    gw = start()
    sessions = begin(gw, contexts)
    before = gw.workers()
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    procs.wait_until(lambda: len(gw.workers()) == 2 and not set(before) & set(gw.workers()), what="other workers")
    all_resume(gw, contexts, sessions)


def test_after_a_reload(start, contexts):
    gw = start()
    sessions = begin(gw, contexts)
    assert gw.reload().returncode == 0
    all_resume(gw, contexts, sessions)


def test_after_a_restart(start, contexts):
    gw = start()
    sessions = begin(gw, contexts)
    assert os.stat(os.path.join(gw.state_dir, "tickets.key")).st_mode & 0o777 == 0o600
    gw.stop()
    gw.start()
    all_resume(gw, contexts, sessions)


def test_after_the_death_of_the_master(start, contexts):
    gw = start()
    sessions = begin(gw, contexts)
    gw.kill()
    sessions = all_resume(gw, contexts, sessions)  # its workers serve on
    gw.start()
    all_resume(gw, contexts, sessions)


def test_after_a_renewal(start, contexts, authority, tmp_path):
    gw = start()
    sessions = begin(gw, contexts)
    pair = authority.issue(HOST)
    pair.write(str(tmp_path / "a.pem"))
    procs.wait_until(lambda: visit(gw.port, contexts[0], HOST)[0].serial == pair.serial, what="the renewed one")
    all_resume(gw, contexts, sessions)


def test_after_a_certificate_of_another_kind(start, contexts, authority, tmp_path):
    """In TLS 1.2 its suite is another one, and clients refuse a session that changes its suite."""
    gw = start()
    authority.issue(HOST, kind="rsa").write(str(tmp_path / "a.pem"))
    assert gw.reload().returncode == 0
    sessions = begin(gw, contexts)
    authority.issue(HOST).write(str(tmp_path / "a.pem"))
    assert gw.reload().returncode == 0
    sessions = [visit(gw.port, context, HOST, session)[1] for context, session in zip(contexts, sessions)]
    assert resumed(gw, contexts, sessions) == [True, True]


def test_keys_change_and_end(start, contexts):
    """A third of the lifetime is a second here: a ticket is good for two at least, and for three at most."""
    gw = start(ticket_lifetime="3s")
    begun = time.monotonic()
    sessions = begin(gw, contexts)
    since = time.monotonic()
    made = gw.status()["tickets"]["made"]
    procs.wait_until(lambda: gw.status()["tickets"]["made"] != made, what="another key")
    if time.monotonic() - begun < 1.8:
        assert resumed(gw, contexts, sessions) == [True, True]
    time.sleep(max(0, 3.2 - (time.monotonic() - since)))
    assert resumed(gw, contexts, sessions) == [False, False]
    assert gw.status()["tickets"]["keys"] == 3


def test_without_tickets(start, contexts):
    gw = start(tickets=False)
    assert not any(session and session.has_ticket for session in begin(gw, contexts))
    assert not os.path.exists(os.path.join(gw.state_dir, "tickets.key"))
    for context in contexts:
        with TlsClient(gw.port, context, HOST) as c:
            assert c.get().status == 200


def test_switched_off(start, contexts):
    """Nobody comes back with what was sealed before, and nothing of it stays."""
    gw = start()
    sessions = begin(gw, contexts)
    assert gw.reload(merge(gw.config, {"tls": {"tickets": False}})).returncode == 0
    assert resumed(gw, contexts, sessions) == [False, False]
    assert not os.path.exists(os.path.join(gw.state_dir, "tickets.key"))
