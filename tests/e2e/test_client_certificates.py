"""What the certificate of a client says, in conditions of routes, in headers and in the log; whom it lets in, and for how long."""

import base64
import datetime
import hashlib
import json
import ssl
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

from harness import procs, tls
from harness.authority import Pair, make_key, now
from harness.gateway import BINARY, proxy_to

VERSIONS = pytest.mark.parametrize("version", list(tls.VERSIONS))
SPIFFE = "spiffe://example.org/billing"
GONE = (ssl.SSLError, ConnectionError, EOFError)


def issue(authority, subject, names=(), starts=-3600, ends=86400):
    """With this subject, a list of attributes, and these GeneralNames."""
    key = make_key("ec")
    b = x509.CertificateBuilder().issuer_name(authority.certificate.subject).public_key(key.public_key())
    b = b.subject_name(x509.Name([x509.NameAttribute(oid, value) for oid, value in subject]))
    b = b.serial_number(x509.random_serial_number())
    b = b.not_valid_before(now() + datetime.timedelta(seconds=starts)).not_valid_after(now() + datetime.timedelta(seconds=ends))
    if names:
        b = b.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return Pair(b.sign(authority.key_object, hashes.SHA256()), key)


class Clients(tls.Pki):
    """Their authority."""

    def make(self, name, *args, **more):
        pair = issue(self, *args, **more)
        return pair.write(self.path(f"{name}.pem"), self.path(f"{name}.key")) | {
            "der": pair.certificate.public_bytes(serialization.Encoding.DER), "pair": pair}

    @property
    def issuer(self):
        return self.certificate.subject.rfc4514_string()


@pytest.fixture(scope="module")
def clients():
    c = Clients()
    c.billing = c.make("billing", [(NameOID.COUNTRY_NAME, "NL"), (NameOID.ORGANIZATION_NAME, "A, B"), (NameOID.COMMON_NAME, "billing")], [
        x509.DNSName("billing.example"), x509.UniformResourceIdentifier(SPIFFE), x509.DNSName("pay.example"),
        x509.RFC822Name("billing@example.org"), x509.UniformResourceIdentifier("x:a,b;c=d")])
    c.other = c.make("other", [(NameOID.COMMON_NAME, "other")])
    c.expired = c.make("expired", [(NameOID.COMMON_NAME, "billing")], starts=-7200, ends=-3600)
    c.future = c.make("future", [(NameOID.COMMON_NAME, "billing")], starts=3600)
    c.forged = Clients().make("forged", [(NameOID.COMMON_NAME, "billing")])
    yield c
    c.finish()


def start(gateway, up, pki, clients, routes=None, verify="optional", **more):
    names = pki.entry("names", "a.example", "open.example", "may.example", "must.example", "other.example")
    hosts = [{"host": "may.example", "clients": {"verify": "optional", "ca": clients.root}},
             {"host": "must.example", "clients": {"verify": "required", "ca": clients.root}}]
    config = {"upstreams": {"u": {"endpoints": [up.address]}}, "routes": routes} if routes else proxy_to(up)
    gw = tls.over_both(gateway, config, names, hosts=hosts, **more)
    gw.up = up
    return gw


def context(pki, own=None, version=None):
    return pki.context(version, own)


def ask(gw, pki, own=None, host="may.example", path="/", version=None, **more):
    return tls.ask(gw.tls, context(pki, own, version), host=host, name=host, path=path, **more)


def comes_in(gw, pki, own, host, version=None, session=None):
    """The connection's answer to one request, None when it is refused."""
    try:
        with tls.TlsClient(gw.tls, context(pki, own, version), host, session=session) as c:
            return c.ask(host=host).status
    except GONE:
        return None


# ---- conditions ----

def cases(clients):
    """A condition, and whether it holds for billing, for another certificate, and for none."""
    digest = hashlib.sha256(clients.billing["der"]).hexdigest()
    subject = "CN=billing,O=A\\, B,C=NL"
    return [
        ("fingerprint", (True, True, False)), ({"name": "fingerprint", "present": False}, (False, False, True)),
        ({"name": "fingerprint", "value": digest}, (True, False, False)),
        ({"name": "fingerprint", "prefix": digest[:8]}, (True, False, False)),
        ({"name": "subject", "value": subject}, (True, False, False)),
        ({"name": "subject", "value": subject.lower()}, (False, False, False)),
        ({"name": "subject", "regex": "CN=.*,C=NL"}, (True, False, False)),
        ({"name": "subject", "prefix": "CN=bill"}, (True, False, False)),
        ({"name": "issuer", "value": clients.issuer}, (True, True, False)),
        ({"name": "cn", "value": "billing"}, (True, False, False)), ({"name": "cn", "value": "bill"}, (False, False, False)),
        ({"name": "cn", "value": "billing", "not": True}, (False, True, True)),
        ("dns", (True, False, False)), ({"name": "dns", "value": "pay.example"}, (True, False, False)),
        ({"name": "uri", "value": SPIFFE}, (True, False, False)), ({"name": "uri", "prefix": SPIFFE + "/"}, (False, False, False)),
        ({"name": "email", "regex": ".*@example\\.org"}, (True, False, False)),
    ]


def test_conditions(gateway, serve, pki, clients):
    table = cases(clients)
    routes = [{"name": "any", "path": "/"}] + [
        {"name": f"r{i}", "path": f"/{i}", "client_certificate": [condition]} for i, (condition, _) in enumerate(table)]
    gw = start(gateway, serve(), pki, clients, [r | {"upstream": "u"} for r in routes])
    holds = {}
    for who, own in enumerate([clients.billing, clients.other, None]):
        with tls.TlsClient(gw.tls, context(pki, own), "may.example") as c:
            for i in range(len(table)):
                assert c.ask(f"/{i}", host="may.example").status == 200
    procs.wait_until(lambda: len(gw.access_log()) == 3 * len(table), 5)
    for line in gw.access_log():
        who = {"billing": 0, "other": 1}.get(line.get("cert_cn"), 2)
        holds[int(line["path"][1:]), who] = line["route"] != "file:any"
    assert [(c, want, got) for i, (c, want) in enumerate(table) if (got := tuple(holds[i, w] for w in range(3))) != want] == []


ONLY = [{"name": "pay", "path": "/pay", "client_certificate": [{"name": "cn", "value": "billing"}], "upstream": "u"},
        {"name": "shut", "path": "/pay", "respond": {"status": 403}}, {"name": "any", "path": "/", "upstream": "u"}]


@VERSIONS
def test_what_is_not_verified_is_not_known(gateway, serve, pki, clients, version):
    """The same common name, but expired, not yet valid, or of another authority; or not asked for at all."""
    gw = start(gateway, serve(), pki, clients, ONLY)
    assert ask(gw, pki, clients.billing, path="/pay", version=version).status == 200
    for own in clients.expired, clients.future, clients.forged, clients.other, None:
        assert ask(gw, pki, own, path="/pay", version=version).status == 403
        assert ask(gw, pki, own, version=version).status == 200
    assert ask(gw, pki, clients.billing, host="open.example", path="/pay", version=version).status == 403
    assert gw.ask("/pay", host="may.example").status == 403  # in clear
    for own in clients.expired, clients.future, clients.forged, None:
        assert comes_in(gw, pki, own, "must.example", version) is None
    assert comes_in(gw, pki, clients.other, "must.example", version) == 200


def test_a_host_cannot_borrow_a_certificate(gateway, serve, pki, clients):
    """Shown for one name it says nothing for another that asks otherwise."""
    gw = start(gateway, serve(), pki, clients, ONLY)
    with tls.TlsClient(gw.tls, context(pki, clients.billing), "may.example") as c:
        assert c.ask("/pay", host="may.example").status == 200
        assert c.ask("/pay", host="must.example").why == "misdirected_certificate"
    with tls.TlsClient(gw.tls, context(pki), "may.example") as c:
        assert c.ask("/pay", host="may.example").status == 403
        assert c.ask("/pay", host="must.example").why == "misdirected_certificate"


def test_explain_and_mistakes(gateway, serve, pki, clients, tmp_path):
    gw = start(gateway, serve(), pki, clients, ONLY)
    said = json.loads(gw.cli("explain", "GET", "https://may.example/pay", "--json").stdout)
    assert said["route"]["id"] == "file:shut"
    near = next(n for n in said["near"] if n["id"] == "file:pay")
    assert (near["clause"], near["name"], near["value"]) == ("client_certificate", "cn", "billing")
    assert "certificate cn = billing" in gw.cli("routes").stdout
    file = tmp_path / "bad.yaml"
    file.write_text(json.dumps({"routes": [
        {"target": "h", "client_certificate": ["common_name"]},
        {"target": "h", "path": "/b", "client_certificate": [{"name": "fingerprint", "value": "AB:CD"}]},
        {"target": "h", "path": "/c", "client_certificate": [{"name": "cn", "value": "x", "prefix": "y"}]}]}))
    said = procs.run([BINARY, "check", "-c", str(file)])
    said = said.stdout + said.stderr
    for words in "common_name", "64 hex digits in lower case without colons", "do not go together", "no client is asked for a":
        assert words in said, said


# ---- headers and the log ----

FORGED = [("Client-Cert", ":AAAA:"), ("client_cert", ":AAAA:"), ("CLIENT.CERT", "x"), ("Client-Cert-Chain", "x"), ("client_cert-chain", "x"),
          ("X-Forwarded-Client-Cert", "Hash=00"), ("x_forwarded_client_cert", "Hash=00"), ("X-Forwarded.Client-Cert", "Hash=00")]


def heard(up):
    return {n: v for n, v in up.requests[-1].headers if "client" in n.lower()}


@VERSIONS
def test_headers(gateway, serve, pki, clients, version):
    gw = start(gateway, serve(), pki, clients, forward_client_certificate=["client-cert", "x-forwarded-client-cert"])
    assert ask(gw, pki, clients.billing, version=version, headers=FORGED).status == 200
    der = clients.billing["der"]
    assert heard(gw.up) == {
        "Client-Cert": ":" + base64.b64encode(der).decode() + ":",
        "X-Forwarded-Client-Cert": f'Hash={hashlib.sha256(der).hexdigest()};Subject="CN=billing,O=A\\, B,C=NL";URI={SPIFFE};'
                                   f'URI="x:a,b;c=d";DNS=billing.example;DNS=pay.example'}
    for own in clients.expired, clients.forged, None:
        assert ask(gw, pki, own, version=version, headers=FORGED).status == 200
        assert heard(gw.up) == {}
    procs.wait_until(lambda: len(gw.access_log()) == 4, 5)
    certified = [line for line in gw.access_log() if "cert" in line]  # each worker writes its own lines
    assert [(line["cert"], line["cert_cn"]) for line in certified] == [(hashlib.sha256(der).hexdigest(), "billing")]


def test_nobody_speaks_for_a_certificate(gateway, serve, pki, clients):
    """In clear, of a proxy that is trusted, and behind a body."""
    gw = start(gateway, serve(), pki, clients, more={"trusted_proxies": ["127.0.0.1"]},
               forward_client_certificate=["client-cert", "x-forwarded-client-cert"])
    assert gw.ask(headers=FORGED + [("X-Forwarded-For", "1.2.3.4")]).status == 200
    assert heard(gw.up) == {}
    assert gw.up.requests[-1].header("X-Forwarded-For").startswith("1.2.3.4")
    with gw.connect() as c:
        c.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: Client-Cert\r\n\r\n1\r\nx\r\n0\r\n"
               b"Client-Cert: :AAAA:\r\nX-Forwarded-Client-Cert: Hash=00\r\nX-Fine: 1\r\n\r\n")
        assert c.read().status == 200
    assert b"AAAA" not in gw.up.requests[-1].body and heard(gw.up) == {}


def test_variables(gateway, serve, pki, clients):
    route = {"path": "/", "upstream": "u", "request_headers": {"set": {"X-Who": "<$client_cert_subject>", "X-Print": "$client_cert_fingerprint"}}}
    gw = start(gateway, serve(), pki, clients, [route])
    assert ask(gw, pki, clients.other, headers=[("X-Who", "CN=billing")]).status == 200
    assert gw.up.requests[-1].header("X-Who") == "<CN=other>"
    assert gw.up.requests[-1].header("X-Print") == hashlib.sha256(clients.other["der"]).hexdigest()
    assert ask(gw, pki, headers=[("X-Who", "CN=billing")]).status == 200
    assert gw.up.requests[-1].header("X-Who") == "<>"


def test_hostile_certificates(gateway, serve, pki, clients):
    """Signed by the right authority; nothing in it ends a field, or is taken for another name."""
    gw = start(gateway, serve(), pki, clients, [
        {"path": "/", "upstream": "u", "request_headers": {"set": {"X-Who": "$client_cert_subject"}}}] + ONLY[:2],
        forward_client_certificate=["x-forwarded-client-cert"])
    for i, text in enumerate(["billing\0", "billing\r\nX-Evil: 1", "billing\",URI=\"x", 'billing";Hash="0', "billing\\", "b\u00eflling", "billing,O=A",
                              "billing+O=A", " billing", "\x85billing"]):
        own = clients.make(f"evil{i}", [(NameOID.COMMON_NAME, text)], [x509.DNSName("billing.example\0.evil"), x509.DNSName("a\r\nX-Evil: 1"),
                                                                     x509.UniformResourceIdentifier('x"y'), x509.DNSName("good.example")])
        assert ask(gw, pki, own, path="/pay").status == 403, text
        assert ask(gw, pki, own).status == 200
        r = gw.up.requests[-1]
        digest, subject, dns = r.header("X-Forwarded-Client-Cert").split(";") if ";" not in text else r.header(
            "X-Forwarded-Client-Cert").replace("\\;", "").split(";")
        assert digest == "Hash=" + hashlib.sha256(own["der"]).hexdigest() and dns == "DNS=good.example"
        assert subject.startswith('Subject="CN=') and subject.count('"') == 2
        assert r.header("X-Evil") is None and r.header("X-Who").startswith("CN=")
    names = [x509.DNSName(f"host-{i}.example") for i in range(500)]
    own = clients.make("many", [(NameOID.COMMON_NAME, "many")], names)
    assert ask(gw, pki, own).status == 200
    assert gw.up.requests[-1].header("X-Forwarded-Client-Cert").count(";DNS=") == 500


# ---- sessions, and what changes ----

@VERSIONS
def test_tickets_say_nothing_of_certificates(gateway, serve, pki, clients, version):
    gw = start(gateway, serve(), pki, clients, ONLY)
    tickets = {}
    for name, own in (("a.example", None), ("may.example", None), ("may.example", clients.billing), ("must.example", clients.billing)):
        with tls.TlsClient(gw.tls, context(pki, own, version), name) as c:
            assert c.ask(host=name).status == 200
            tickets[name, own is not None] = c.sock.session
    bare = context(pki, None, version)
    for (name, shown), session in tickets.items():
        # Whatever it was begun with: who shows none now is not let in, and gets no other's name.
        assert comes_in_with(gw, bare, session, "must.example", "/") in (None, 421), (name, shown)
        assert comes_in_with(gw, bare, session, "may.example", "/pay") in (None, 421, 403), (name, shown)


def comes_in_with(gw, ctx, session, host, path):
    """With a ticket of another context, as an attacker would use it; python allows that for one context alone."""
    try:
        with tls.TlsClient(gw.tls, ctx, host, session=session) as c:
            return c.ask(path, host=host).status
    except ValueError:  # another context's: without it, then
        return comes_in_with(gw, ctx, None, host, path)
    except GONE:
        return None


@VERSIONS
def test_a_ticket_with_a_certificate_is_no_certificate(gateway, serve, pki, clients, version, tmp_path):
    """openssl does use it without the certificate, and for another name."""
    gw = start(gateway, serve(), pki, clients, ONLY)
    session, option = str(tmp_path / "session"), f"-tls{version.replace('.', '_')}"

    def visit(name, path, *more):
        """The status, None where there is no answer; and whether the session was resumed."""
        p = procs.spawn(["openssl", "s_client", "-connect", f"127.0.0.1:{gw.tls}", "-servername", name, option, "-ign_eof", *more],
                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        said = p.communicate(f"GET {path} HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode(), timeout=20)[0].decode()
        at = said.find("HTTP/1.1 ")
        return (int(said[at + 9:at + 12]) if at >= 0 else None), "\nReused, " in said

    own = ["-cert", clients.billing["certificate"], "-key", clients.billing["key"]]
    assert visit("may.example", "/pay", *own, "-sess_out", session) == (200, False)
    assert visit("may.example", "/pay", "-sess_in", session) == (403, False)
    assert visit("must.example", "/", "-sess_in", session)[0] in (None, 421)
    status, resumed = visit("open.example", "/pay", "-sess_in", session)
    assert status in (403, 421), resumed
    assert visit("open.example", "/", "-sess_out", session)[0] == 200
    assert visit("open.example", "/", "-sess_in", session) == (200, True)
    assert visit("must.example", "/", "-sess_in", session)[0] in (None, 421)
    assert visit("may.example", "/pay", "-sess_in", session)[0] in (403, 421)


def test_a_new_authority(gateway, serve, pki, clients, tmp_path):
    """Its file is written anew while connections stand: who is let in by both stays, who was by the old one goes."""
    ca = tmp_path / "ca.pem"
    second = Clients()
    ours = second.make("ours", [(NameOID.COMMON_NAME, "billing")])
    names = pki.entry("names")
    ca.write_bytes(clients.pem)
    config = proxy_to(serve()) | {"limits": {"keepalive_requests": 1000000}}
    gw = tls.over_both(gateway, config, names, hosts=[
        {"host": "must.example", "clients": {"verify": "required", "ca": str(ca)}}])
    old = tls.TlsClient(gw.tls, context(pki, clients.billing), "must.example")
    free = tls.TlsClient(gw.tls, context(pki), "a.example")
    assert old.ask(host="must.example").status == free.ask(host="a.example").status == 200
    assert comes_in(gw, pki, ours, "must.example") is None
    ca.write_bytes(clients.pem + second.pem)
    procs.wait_until(lambda: comes_in(gw, pki, ours, "must.example") == 200, 10, what="the second authority")
    assert old.sock.recv(1) == b""  # it comes again, and is let in
    assert comes_in(gw, pki, clients.billing, "must.example") == 200
    assert free.ask(host="a.example").status == 200
    ca.write_bytes(second.pem)
    procs.wait_until(lambda: comes_in(gw, pki, clients.billing, "must.example") is None, 10, what="the end of the first")
    assert comes_in(gw, pki, ours, "must.example") == 200 and free.ask(host="a.example").status == 200
    ca.write_bytes(b"nonsense")
    procs.wait_until(lambda: "ca.pem" in gw.log(), 10, what="a complaint")
    assert comes_in(gw, pki, ours, "must.example") == 200 and comes_in(gw, pki, clients.billing, "must.example") is None
    second.finish()


def test_revoked_while_it_stands(gateway, serve, pki, clients):
    """Who is named is refused on a connection that stands; nobody else notices."""
    crl = clients.write("crl.pem", clients.revocations())
    gw = tls.over_both(gateway, proxy_to(serve()), pki.entry("names"), hosts=[
        {"host": "must.example", "clients": {"verify": "required", "ca": clients.root, "crl": crl}}])
    kept = [tls.TlsClient(gw.tls, context(pki, own), "must.example") for own in (clients.other, clients.billing)]
    assert [c.ask(host="must.example").header("Connection") for c in kept] == [None, None]
    clients.write("crl.pem", clients.revocations(clients.other["pair"]))
    procs.wait_until(lambda: comes_in(gw, pki, clients.other, "must.example") is None, 10, what="the revocation")
    r = kept[0].ask(host="must.example")
    assert (r.why, r.header("Connection")) == ("misdirected_certificate", "close")
    for _ in range(2):
        r = kept[1].ask(host="must.example")
        assert (r.status, r.header("Connection")) == (200, None)
    assert comes_in(gw, pki, clients.billing, "must.example") == 200
    clients.write("crl.pem", clients.revocations())
    procs.wait_until(lambda: comes_in(gw, pki, clients.other, "must.example") == 200, 10, what="its end")
