"""Certificates of clients: who has to show one, what upstreams hear of it, and that no connection serves for what it was not
opened for."""

import base64
import hashlib
import ssl
import urllib.parse

import pytest

from harness import procs, tls
from harness.gateway import proxy_to


@pytest.fixture(scope="module")
def clients(pki):
    """Another authority, with a client, and one that it has revoked."""
    other = tls.Pki()
    other.good = other.entry("good", "good.client")
    revoked = other.issue("revoked.client")
    other.revoked = revoked.write(other.path("revoked.pem"), other.path("revoked.key"))
    other.crl = other.write("crl.pem", other.revocations(revoked))
    yield other
    other.finish()


def start(gateway, serve, pki, clients, forward=("client-cert", "x-forwarded-client-cert-pem"), verify="required"):
    up = serve()
    names = pki.entry("several", "a.example", "open.example", "in.example", "x.in.example", "may.example")
    asks = {"ca": clients.root, "crl": clients.crl}
    gw = tls.over_both(gateway, proxy_to(up), names, forward_client_certificate=list(forward), hosts=[
        {"host": "in.example", "clients": {"verify": verify} | asks},
        {"host": "*.in.example", "clients": {"verify": verify} | asks},
        {"host": "may.example", "clients": {"verify": "optional"} | asks}])
    gw.up = up
    return gw


def context_of(pki, clients, own=None, version=None):
    return pki.context(version, own and getattr(clients, own))


def refused(gw, context, name="in.example"):
    """In TLS 1.3 a client hears of it when it reads."""
    try:
        with tls.TlsClient(gw.tls, context, name) as c:
            c.ask(host=name)
    except (ssl.SSLError, ConnectionResetError, BrokenPipeError):
        return True
    return False


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_required(gateway, serve, pki, clients, version):
    gw = start(gateway, serve, pki, clients)
    good = context_of(pki, clients, "good", version)
    for name in "in.example", "x.in.example", "may.example", "a.example":
        assert tls.ask(gw.tls, good, host=name, name=name).status == 200
    for own in None, "revoked":
        assert refused(gw, context_of(pki, clients, own, version))
    assert refused(gw, pki.context(version, pki.entry("ec")))  # of another authority
    procs.wait_until(lambda: gw.metrics()['yett_tls_handshakes_failed_total{reason="certificate"}'] == 3)
    assert 'handshake=failed error="' in gw.log()
    assert tls.ask(gw.tls, context_of(pki, clients, None, version), host="may.example", name="may.example").status == 200


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_what_upstreams_hear(gateway, serve, pki, clients, version):
    gw = start(gateway, serve, pki, clients)
    forged = [("Client-Cert", ":AAAA:"), ("client_cert", ":AAAA:"), ("X-Forwarded-Client-Cert", "Hash=00"), ("Client-Cert-Chain", "x")]
    tls.ask(gw.tls, context_of(pki, clients, "good", version), host="in.example", name="in.example", headers=forged)
    with open(clients.good["certificate"], encoding="ascii") as f:
        der = ssl.PEM_cert_to_DER_cert(f.read())
    r = gw.up.requests[-1]
    assert r.header("Client-Cert") == ":" + base64.b64encode(der).decode() + ":"
    digest, cert, subject, dns = r.header("X-Forwarded-Client-Cert").split(";")
    assert digest == "Hash=" + hashlib.sha256(der).hexdigest()
    assert cert.startswith('Cert="') and ssl.PEM_cert_to_DER_cert(urllib.parse.unquote(cert[6:-1])) == der
    assert subject.startswith('Subject="CN=') and dns == "DNS=good.client"
    # Who shows none, and who has none asked of him, sends none.
    for own, name in (None, "may.example"), ("revoked", "may.example"), ("good", "a.example"):
        assert tls.ask(gw.tls, context_of(pki, clients, own, version), host=name, name=name, headers=forged).status == 200
        assert not [n for n, _ in gw.up.requests[-1].headers if "client" in n.lower()]
    gw.ask(headers=forged)
    assert not [n for n, _ in gw.up.requests[-1].headers if "client" in n.lower()]


def test_none_is_sent_where_none_is_asked_for(gateway, serve, pki, clients):
    gw = start(gateway, serve, pki, clients, forward=())
    assert tls.ask(gw.tls, context_of(pki, clients, "good"), host="in.example", name="in.example").status == 200
    assert not [n for n, _ in gw.up.requests[-1].headers if "client" in n.lower()]


def test_a_connection_is_for_its_name(gateway, serve, pki, clients):
    gw = start(gateway, serve, pki, clients)
    crossing = [(None, "a.example", "in.example", 421), ("good", "in.example", "a.example", 421),
                ("good", "in.example", "x.in.example", 200), (None, "a.example", "open.example", 200),
                (None, "a.example", "other.example", 200), (None, None, "in.example", 421),
                (None, "may.example", "in.example", 421), (None, "a.example", "IN.example:443", 421)]
    for own, name, host, status in crossing:
        with tls.TlsClient(gw.tls, context_of(pki, clients, own), name) as c:
            r = c.ask(host=host)
            assert (r.status, r.why) == (status, "misdirected_certificate" if status == 421 else None), (own, name, host)
            if status == 421:
                assert r.header("Connection") == "close"
    assert [r.header("Host") for r in gw.up.requests] == ["x.in.example", "open.example", "other.example"]


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_sessions_of_others_are_not_resumed(gateway, serve, pki, clients, version):
    """A session that was made without a certificate says nothing where one is asked for, and one with it is made anew."""
    gw = start(gateway, serve, pki, clients)
    context = context_of(pki, clients, None, version)
    with tls.TlsClient(gw.tls, context, "a.example") as c:
        assert c.ask(host="a.example").status == 200
        session = c.sock.session
    try:
        with tls.TlsClient(gw.tls, context, "in.example", session=session) as c:
            assert not c.sock.session_reused
            assert c.ask(host="in.example").status in (421, 400)
    except (ssl.SSLError, ConnectionResetError):
        pass
    good = context_of(pki, clients, "good", version)
    with tls.TlsClient(gw.tls, good, "in.example") as c:
        assert c.ask(host="in.example").status == 200
        session = c.sock.session
    with tls.TlsClient(gw.tls, good, "in.example", session=session) as c:
        assert not c.sock.session_reused and c.ask(host="in.example").status == 200
        assert gw.up.requests[-1].header("Client-Cert")


def test_new_rules_are_for_old_connections(gateway, serve, pki, clients):
    """Who waits is closed; who has begun a request before it may end that."""
    up = serve()
    names = pki.entry("two", "a.example", "in.example")
    gw = tls.over_both(gateway, proxy_to(up), names)
    context = context_of(pki, clients)
    with tls.TlsClient(gw.tls, context, "in.example") as idle, tls.TlsClient(gw.tls, context, "in.example") as busy, \
            tls.TlsClient(gw.tls, context, "a.example") as other:
        for c in idle, busy, other:
            assert c.ask(host=c.sock.server_hostname).status == 200
        busy.send(b"GET / HTTP/1.1\r\nHost: in.")
        procs.wait_until(lambda: gw.metrics()["yett_received_bytes_total"] > 0)
        config = proxy_to(up) | {"listeners": [f"127.0.0.1:{gw.port}", {"address": f"127.0.0.1:{gw.tls}", "tls": True}],
                                 "tls": {"certificates": [names], "hosts": [
                                     {"host": "in.example", "clients": {"verify": "required", "ca": clients.root}}]}}
        assert gw.reload(config).returncode == 0
        assert idle.sock.recv(1) == b""
        busy.send(b"example\r\n\r\n")
        r = busy.read()
        assert (r.status, r.why) == (421, "misdirected_certificate")
        assert other.ask(host="a.example").status == 200


def test_clients_hear_who_signs(gateway, serve, pki, clients):
    """In TLS 1.2; mbedTLS does not say it in TLS 1.3."""
    gw = start(gateway, serve, pki, clients)
    p = procs.run(["openssl", "s_client", "-connect", f"127.0.0.1:{gw.tls}", "-servername", "in.example", "-tls1_2", "-cert",
                   clients.good["certificate"], "-key", clients.good["key"]])
    assert "Acceptable client certificate CA names\nCN = authority" in p.stdout, p
