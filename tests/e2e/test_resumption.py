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


@pytest.fixture(params=VERSIONS)
def context(request, authority):
    return trust(authority, request.param)


@pytest.fixture
def start(gateway, responder, tmp_path, authority):
    def begin(**tls):
        row = authority.issue(HOST).write(str(tmp_path / "a.pem"))
        return over_tls(gateway, responder, row, tls=tls)
    return begin


def all_resume(gw, context, session):
    """Each visit brings a ticket for the next; the last one is returned."""
    for _ in range(VISITS):
        client, session = visit(gw.port, context, HOST, session)
        assert client.resumed
    return session


def test_over_all_workers(start, context):
    gw = start()
    client, session = visit(gw.port, context, HOST)
    assert not client.resumed and session.has_ticket
    all_resume(gw, context, session)
    assert gw.metrics()["yett_tls_resumed_total"] == VISITS
    assert gw.logged(resumed=True)


def test_the_same_ticket_again(start, context):
    """A client may open several connections at a time with one ticket."""
    gw = start()
    session = visit(gw.port, context, HOST)[1]
    for _ in range(VISITS):
        assert visit(gw.port, context, HOST, session)[0].resumed


def test_after_the_death_of_a_worker(start, context):
    gw = start()
    session = visit(gw.port, context, HOST)[1]
    before = gw.workers()
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    procs.wait_until(lambda: len(gw.workers()) == 2 and not set(before) & set(gw.workers()), what="other workers")
    all_resume(gw, context, session)


def test_after_a_reload(start, context):
    gw = start()
    session = visit(gw.port, context, HOST)[1]
    assert gw.reload().returncode == 0
    all_resume(gw, context, session)


def test_after_a_restart(start, context):
    gw = start()
    session = visit(gw.port, context, HOST)[1]
    assert os.stat(os.path.join(gw.state_dir, "tickets.key")).st_mode & 0o777 == 0o600
    gw.stop()
    gw.start()
    all_resume(gw, context, session)


def test_after_the_death_of_the_master(start, context):
    gw = start()
    session = visit(gw.port, context, HOST)[1]
    gw.kill()
    session = all_resume(gw, context, session)  # its workers serve on
    gw.start()
    all_resume(gw, context, session)


def test_after_a_renewal(start, context, authority, tmp_path):
    gw = start()
    client, session = visit(gw.port, context, HOST)
    pair = authority.issue(HOST)
    pair.write(str(tmp_path / "a.pem"))
    procs.wait_until(lambda: visit(gw.port, context, HOST)[0].serial == pair.serial, what="the renewed one")
    all_resume(gw, context, session)


def test_after_a_certificate_of_another_kind(start, context, authority, tmp_path):
    """In TLS 1.2 its suite is another one, and clients refuse a session that changes its suite."""
    gw = start()
    authority.issue(HOST, kind="rsa").write(str(tmp_path / "a.pem"))
    assert gw.reload().returncode == 0
    session = visit(gw.port, context, HOST)[1]
    authority.issue(HOST).write(str(tmp_path / "a.pem"))
    assert gw.reload().returncode == 0
    session = visit(gw.port, context, HOST, session)[1]
    assert visit(gw.port, context, HOST, session)[0].resumed


def test_keys_change_and_end(start, context):
    """A third of the lifetime is a second here: a ticket is good for two at least, and for three at most."""
    gw = start(ticket_lifetime="3s")
    session = visit(gw.port, context, HOST)[1]
    begin = time.monotonic()
    made = gw.status()["tickets"]["made"]
    procs.wait_until(lambda: gw.status()["tickets"]["made"] != made, what="another key")
    if time.monotonic() - begin < 1.8:
        assert visit(gw.port, context, HOST, session)[0].resumed
    time.sleep(max(0, 3.2 - (time.monotonic() - begin)))
    assert not visit(gw.port, context, HOST, session)[0].resumed
    assert gw.status()["tickets"]["keys"] == 3


def test_without_tickets(start, context):
    gw = start(tickets=False)
    session = visit(gw.port, context, HOST)[1]
    assert session is None or not session.has_ticket
    assert not os.path.exists(os.path.join(gw.state_dir, "tickets.key"))
    with TlsClient(gw.port, context, HOST) as c:
        assert c.get().status == 200


def test_switched_off(start, context):
    """Nobody comes back with what was sealed before, and nothing of it stays."""
    gw = start()
    session = visit(gw.port, context, HOST)[1]
    assert gw.reload(merge(gw.config, {"tls": {"tickets": False}})).returncode == 0
    assert not visit(gw.port, context, HOST, session)[0].resumed
    assert not os.path.exists(os.path.join(gw.state_dir, "tickets.key"))
