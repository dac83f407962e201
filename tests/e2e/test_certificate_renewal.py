"""A certificate that is renewed every second, under load: nobody notices but for the certificate."""

import ssl
import threading
import time

import pytest

from harness import procs
from harness.authority import Authority
from harness.gateway import LONG, merge
from harness.tls import VERSIONS, TlsClient, over_tls, trust, visit

SECONDS = 60 if LONG else 5
HOST = "a.example"


class Visitors:
    """Threads that ask until stop(): each over one connection, or with a new connection each time."""

    def __init__(self, port, authority, kept=4, new=4):
        self.port, self.authority, self.ending = port, authority, False
        self.answers, self.failures, self.serials, self.lock = 0, [], set(), threading.Lock()
        jobs = [(self.keep, v) for v in list(VERSIONS) * (kept // 2)] + [(self.renew, v) for v in list(VERSIONS) * (new // 2)]
        self.threads = [threading.Thread(target=self.run, args=job) for job in jobs]
        for t in self.threads:
            t.start()

    def run(self, job, version):
        context = trust(self.authority, version)
        while not self.ending:
            try:
                job(context)
            except Exception as e:  # whatever it is, the test shall know
                with self.lock:
                    self.failures.append(repr(e))

    def note(self, c):
        r = c.get()
        assert r.status == 200, r
        with self.lock:
            self.answers += 1
            self.serials.add(c.serial)

    def keep(self, context):
        with TlsClient(self.port, context, HOST) as c:
            while not self.ending:
                self.note(c)
                time.sleep(0.01)

    def renew(self, context):
        with TlsClient(self.port, context, HOST) as c:
            self.note(c)

    def stop(self):
        self.ending = True
        for t in self.threads:
            t.join(20)


@pytest.fixture(scope="module")
def authority():
    return Authority()


def test_renewed_each_second(gateway, responder, tmp_path, authority):
    chain, key = str(tmp_path / "a.pem"), str(tmp_path / "a.key")
    gw = over_tls(gateway, responder, authority.issue(HOST).write(chain, key))
    visitors, shown = Visitors(gw.port, authority), []
    try:
        for _ in range(SECONDS):
            begin = time.monotonic()
            pair = authority.issue(HOST)
            pair.write(chain, key)
            context = trust(authority)
            procs.wait_until(lambda: visit(gw.port, context, HOST)[0].serial == pair.serial, 5, what="the renewed one")
            shown.append(time.monotonic() - begin)
            time.sleep(max(0, 1 - shown[-1]))
    finally:
        visitors.stop()
    assert visitors.failures == []
    assert len(visitors.serials) >= SECONDS
    print(f"{SECONDS} renewals, {visitors.answers} answers, 0 failures; shown after {max(shown) * 1000:.0f} ms at most")


def test_a_bad_pair_changes_nothing_for_clients(gateway, responder, tmp_path, authority):
    chain, key = str(tmp_path / "a.pem"), str(tmp_path / "a.key")
    first = authority.issue(HOST)
    gw = over_tls(gateway, responder, first.write(chain, key))
    visitors = Visitors(gw.port, authority, kept=2, new=2)
    try:
        authority.issue(HOST).write(chain)  # its key is another one
        procs.wait_until(lambda: "the key is not that" in gw.log(), what="a refusal")
    finally:
        visitors.stop()
    assert visitors.failures == [] and visitors.serials == {first.serial}


def test_which_one_is_shown(gateway, responder, tmp_path, authority):
    pairs = {name: authority.issue(*hosts, **how) for name, hosts, how in (
        ("exact", ["a.example"], {}), ("wild", ["*.b.example"], {}), ("rsa", ["a.example", "r.example"], {"kind": "rsa"}),
        ("old", ["r.example"], {"ends": -60}))}
    rows = [pairs[n].write(str(tmp_path / f"{n}.pem"), str(tmp_path / f"{n}.key")) for n in ("wild", "old", "rsa", "exact")]
    gw = over_tls(gateway, responder, *rows)
    context = trust(authority)
    for host, name in ("a.example", "exact"), ("A.Example", "exact"), ("x.b.example", "wild"), ("r.example", "rsa"):
        assert visit(gw.port, context, host)[0].serial == pairs[name].serial, host
    context.check_hostname = False
    assert TlsClient(gw.port, context, "other.test").serial == pairs["wild"].serial
    config = merge(gw.config, {"tls": {"default_certificate": "r.example"}})
    assert gw.reload(config).returncode == 0
    assert TlsClient(gw.port, context, "other.test").serial == pairs["rsa"].serial
    assert TlsClient(gw.port, context, None).serial == pairs["rsa"].serial
    assert gw.reload(merge(config, {"tls": {"strict_sni": True}})).returncode == 0
    with pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"):
        TlsClient(gw.port, context, "other.test")


def test_revocations_are_renewed(gateway, responder, tmp_path, authority):
    ca, crl = tmp_path / "ca.pem", tmp_path / "crl.pem"
    ca.write_bytes(authority.pem)
    crl.write_bytes(authority.revocations())
    good, revoked = authority.issue("client"), authority.issue("client")
    gw = over_tls(gateway, responder, authority.issue(HOST).write(str(tmp_path / "a.pem")))
    clients = {"verify": "required", "ca": str(ca), "crl": str(crl)}
    assert gw.reload(merge(gw.config, {"tls": {"clients": clients}})).returncode == 0
    contexts = [trust(authority, "1.3", pair, tmp_path) for pair in (good, revoked)]

    def comes_in(context):
        try:
            with TlsClient(gw.port, context, HOST) as c:  # 421 where the list came after the handshake
                return c.get().status == 200
        except (ssl.SSLError, ConnectionError, EOFError):
            return False
    assert [comes_in(c) for c in contexts] == [True, True]
    assert not comes_in(trust(authority))
    kept = [TlsClient(gw.port, context, HOST) for context in contexts]
    assert [c.get().header("Connection") for c in kept] == [None, None]
    crl.write_bytes(authority.revocations(revoked))
    procs.wait_until(lambda: not comes_in(contexts[1]), 5, what="that it is revoked")
    assert comes_in(contexts[0])
    for c, status in zip(kept, (200, 421)):  # nobody else is cut off
        r = c.get()
        assert r.status == status and (r.header("Connection") == "close") == (status == 421)
        c.close()
    for_one = {"tls": {"clients": {"verify": "none"}, "hosts": [{"host": HOST, "clients": clients}]}}
    assert gw.reload(merge(gw.config, for_one)).returncode == 0
    assert [comes_in(c) for c in contexts] == [True, False]
    assert not comes_in(trust(authority))
