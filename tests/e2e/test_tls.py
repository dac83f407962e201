"""TLS in front: who comes over it gets what he would get in clear, and the gateway and the upstreams know that he did."""

import itertools
import socket
import ssl
import subprocess

import pytest

from harness import client, procs, tls
from harness.gateway import proxy_to

SUITES = {"tls1_2": ["ECDHE-{}-AES128-GCM-SHA256", "ECDHE-{}-AES256-GCM-SHA384", "ECDHE-{}-CHACHA20-POLY1305"],
          "tls1_3": ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"]}
GROUPS = ["P-256", "P-384", "X25519"]


@pytest.fixture
def entry(pki):
    """entry(NAME): of tls.certificates."""
    return lambda name: pki.entry(name, kind=name)


@pytest.fixture
def gw(gateway, serve, entry):
    up = serve()
    gw = tls.over_both(gateway, proxy_to(up), entry("ec"), entry("rsa"))
    gw.up = up
    return gw


@pytest.mark.parametrize("version, key", itertools.product(SUITES, ["ECDSA", "RSA"]))
def test_every_combination(gw, pki, version, key):
    for group, suite in itertools.product(GROUPS, SUITES[version]):
        suite = suite.format(key)
        # In TLS 1.2 the curve of the certificate is one of the groups.
        groups = f"{group}:P-256" if version == "tls1_2" and key == "ECDSA" and group != "P-256" else group
        signatures = "ecdsa_secp256r1_sha256" if key == "ECDSA" else "rsa_pss_rsae_sha256:rsa_pkcs1_sha256:ecdsa_secp256r1_sha256"
        if version == "tls1_3" and key == "RSA":  # the root's own signature does not count for the choice
            signatures = "rsa_pss_rsae_sha256:rsa_pkcs1_sha256"
        p = procs.spawn(["openssl", "s_client", "-connect", f"127.0.0.1:{gw.tls}", "-servername", "a.example", "-CAfile", pki.root,
                         "-verify_return_error", "-verify_hostname", "a.example", f"-{version}", "-groups", groups, "-sigalgs",
                         signatures, "-cipher" if version == "tls1_2" else "-ciphersuites", suite, "-ign_eof"],
                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        path = f"/{group}/{suite}"
        said = p.communicate(client.request(path, headers={"Connection": "close"}), timeout=20)[0].decode("latin-1")
        procs.forget(p)
        assert "HTTP/1.1 200" in said and f"Cipher is {suite}" in said, said
        # OpenSSL calls them by their kind, since 3.5 by the names that they have in TLS.
        assert f"peer signature type: {key}".lower() in said.lower(), said
        assert gw.logged(path=path)["tls"] == {"tls1_2": "TLSv1.2", "tls1_3": "TLSv1.3"}[version]


def test_curl(gw, pki):
    for version in "--tlsv1.3", "--tls-max 1.2":
        p = procs.run(["curl", "-s", "--cacert", pki.root, *version.split(), "--resolve", f"a.example:{gw.tls}:127.0.0.1",
                       f"https://a.example:{gw.tls}/a", f"https://a.example:{gw.tls}/b", "-o", "/dev/null", "-o", "/dev/null", "-w",
                       "%{http_code} %{num_connects} %{http_version}\n"])
        assert p.stdout.split("\n")[:2] == ["200 1 1.1", "200 0 1.1"], p


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_one_connection_carries_many(gw, pki, version):
    with tls.TlsClient(gw.tls, pki.context(version)) as c:
        for i in range(20):
            assert c.ask(f"/{i}", "POST", "a.example", body=b"x" * i * 997).json()["body"] == "x" * i * 997
        c.send(b"".join(client.request(f"/p{i}", host="a.example") for i in range(50)))
        for i in range(50):
            assert c.read().json()["target"] == f"/p{i}"
        assert c.sock.version() == f"TLSv{version}" and c.sock.selected_alpn_protocol() is None
    assert gw.up.requests[-1].connection.number == 0


def test_alpn(gw, pki):
    for offered, chosen in (["h2", "http/1.1"], "http/1.1"), (["http/1.1"], "http/1.1"):
        context = pki.context()
        context.set_alpn_protocols(offered)
        with tls.TlsClient(gw.tls, context) as c:
            assert c.sock.selected_alpn_protocol() == chosen and c.ask(host="a.example").status == 200
    context = pki.context()
    context.set_alpn_protocols(["spdy/3"])
    with pytest.raises(ssl.SSLError, match="(?i)no.application.protocol"):
        tls.ask(gw.tls, context)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_sessions_resume_with_any_worker(gw, pki, version):
    context, session = pki.context(version), None
    for i in range(12):
        with tls.TlsClient(gw.tls, context, session=session) as c:
            assert c.ask(f"/{i}", host="a.example").status == 200
            assert c.sock.session_reused == (i > 0)
            session = c.sock.session
        assert gw.logged(path=f"/{i}")["resumed"] == (i > 0)
    assert gw.metrics()["yett_tls_handshakes_total"] == 12
    assert gw.metrics()["yett_tls_resumed_total"] == 11


def test_the_upstream_hears_of_it(gw, pki):
    r = tls.ask(gw.tls, pki.context()).json()
    headers = dict(r["headers"])
    assert headers["X-Forwarded-Proto"] == "https" and headers["X-Forwarded-Port"] == str(gw.tls)
    assert dict(gw.ask(host="a.example").json()["headers"])["X-Forwarded-Proto"] == "http"


def test_what_follows_from_the_scheme(gateway, serve, pki, entry):
    def handler(r, c):
        c.read_body(r)
        c.reply(302, {"Location": f"http://{up.address}/there"})

    up = serve(handler)
    routes = [{"path": "/to", "redirect": {"to": "$scheme://$host/x"}},
              {"path": "/here", "upstream": "u", "replace_prefix": "/there", "request_headers": {"set": {
                  "X-TLS": "$scheme $tls_version $tls_suite $tls_name <$tls_resumed>"}}}]
    config = {"upstreams": {"u": {"endpoints": [up.address], "sticky": {"cookie": "at"}}}, "routes": routes,
              "health": {"enabled": False}, "forwarded_header": "rfc7239"}
    gw = tls.over_both(gateway, config, entry("ec"))
    assert tls.ask(gw.tls, pki.context(), "/to").header("Location") == "https://a.example/x"
    r = tls.ask(gw.tls, pki.context(), "/here")
    assert "; Secure" in r.header("Set-Cookie")
    assert r.header("Location") == "https://a.example/here"
    sent = up.requests[-1]
    assert sent.header("X-TLS") == "https TLSv1.3 TLS_AES_256_GCM_SHA384 a.example <>"
    assert "proto=https" in sent.header("Forwarded")
    r = gw.ask("/here", host="a.example")
    assert "; Secure" not in r.header("Set-Cookie") and r.header("Location") == "http://a.example/here"
    assert up.requests[-1].header("X-TLS") == "http    <>"


def test_the_form_of_the_target(gw, pki):
    def absolute(scheme):
        return f"GET {scheme}://a.example/x HTTP/1.1\r\nHost: a.example\r\n\r\n".encode()

    with tls.TlsClient(gw.tls, pki.context()) as c:
        c.send(absolute("https"))
        assert c.read().json()["target"] == "/x"
        c.send(absolute("http"))
        r = c.read()
        assert (r.status, r.why) == (421, "misdirected")
    assert client.exchange(gw.port, absolute("https")).status == 421
    assert client.exchange(gw.port, absolute("http")).status == 200


def test_http_in_clear_on_its_port(gw):
    for method in "GET", "HEAD", "POST":
        r = client.ask(gw.tls, "/", method, body=b"x" if method == "POST" else None)
        assert (r.status, r.why, r.header("Connection")) == (400, "plain_http", "close")
    assert "The plain HTTP request was sent to a TLS port." in r.json()["detail"]
    assert gw.up.requests == []
    assert gw.metrics()['yett_tls_handshakes_failed_total{reason="plain"}'] == 3


def test_hsts(gateway, serve, pki, entry):
    up = serve(lambda r, c: c.reply(200, {"Strict-Transport-Security": "max-age=1"}))
    gw = tls.over_both(gateway, proxy_to(up, path="/a"), entry("ec"), hsts="365d", hsts_subdomains=True)
    for path, status in ("/a", 200), ("/none", 404):
        r = tls.ask(gw.tls, pki.context(), path)
        assert (r.status, r.header("Strict-Transport-Security")) == (status, "max-age=31536000; includeSubDomains")
    assert gw.ask("/a").header("Strict-Transport-Security") == "max-age=1"
    assert gw.ask("/none").header("Strict-Transport-Security") is None


def test_redirect(gateway, serve, pki, entry):
    up = serve()
    gw = tls.over_both(gateway, proxy_to(up), entry("ec"), redirect_http=True)
    r = gw.ask("/a%20b?c=d", "POST", host="a.example:80", body=b"x")
    assert (r.status, r.header("Location")) == (308, f"https://a.example:{gw.tls}/a%20b?c=d")
    assert gw.ask("//evil.example/..//x", host="a.example").header("Location").startswith(f"https://a.example:{gw.tls}/")
    assert up.requests == []
    assert gw.ask("/.well-known/acme-challenge/x", host="a.example").status == 200
    assert tls.ask(gw.tls, pki.context()).status == 200
    port = gw.port
    gw = tls.over_both(gateway, proxy_to(up), entry("ec"), redirect_http=True, redirect_port=443,
                   more={"trusted_proxies": ["127.0.0.1"]})
    assert gw.port != port and gw.ask("/a", host="a.example").header("Location") == "https://a.example/a"
    assert gw.ask("/a", host="a.example", headers={"X-Forwarded-Proto": "https"}).status == 200


def test_behind_the_proxy_protocol(gateway, serve, pki, entry):
    gw = tls.over_both(gateway, proxy_to(serve()), entry("ec"), listener={"proxy_protocol": True},
                   more={"trusted_proxies": ["127.0.0.1"]})
    header = b"PROXY TCP4 192.0.2.1 192.0.2.2 4242 443\r\n"
    with tls.TlsClient(gw.tls, pki.context(), before=header) as c:
        headers = dict(c.ask(host="a.example").json()["headers"])
        assert headers["X-Forwarded-For"] == "192.0.2.1" and headers["X-Forwarded-Port"] == "443"
    # In one write, as HAProxy does it: the header and the beginning of the handshake.
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    conversation = pki.context().wrap_bio(incoming, outgoing, server_hostname="a.example")
    with pytest.raises(ssl.SSLWantReadError):
        conversation.do_handshake()
    with socket.create_connection(("127.0.0.1", gw.tls), 10) as s:
        s.sendall(header + outgoing.read())
        while True:
            incoming.write(s.recv(65536))
            try:
                conversation.do_handshake()
                break
            except ssl.SSLWantReadError:
                pass
        conversation.write(client.request(host="a.example", headers={"Connection": "close"}))
        s.sendall(outgoing.read())
        while data := s.recv(65536):
            incoming.write(data)
        assert conversation.read(65536).startswith(b"HTTP/1.1 200")


def names_of(port, context, name):
    with tls.TlsClient(port, context, name) as c:
        return {value for _, value in c.sock.getpeercert()["subjectAltName"]}


def test_the_certificate_is_that_of_the_name(gateway, serve, pki, entry):
    wild = pki.entry("wild", "*.w.example", "w.example")
    deep = pki.entry("deep", "deep.w.example")
    gw = tls.over_both(gateway, proxy_to(serve()), entry("ec"), wild, deep)
    context = pki.context()
    assert names_of(gw.tls, context, "a.example") == {"a.example"}
    for name in "x.w.example", "W.Example", "w.example":
        assert names_of(gw.tls, context, name) == {"*.w.example", "w.example"}
    assert names_of(gw.tls, context, "deep.w.example") == {"deep.w.example"}
    context.check_hostname = False
    for name in "x.y.w.example", "unknown.example", None:
        assert names_of(gw.tls, context, name) == {"a.example"}


def test_strict_sni(gateway, serve, pki, entry):
    gw = tls.over_both(gateway, proxy_to(serve()), entry("ec"), strict_sni=True)
    assert tls.ask(gw.tls, pki.context()).status == 200
    for name in "unknown.example", None:
        with pytest.raises(ssl.SSLError, match="(?i)unrecognized.name"):
            tls.TlsClient(gw.tls, pki.context(verify=False), name)
    procs.wait_until(lambda: gw.metrics()['yett_tls_handshakes_failed_total{reason="protocol"}'] == 2)
    assert 'handshake=failed error="the name is not served here"' in gw.log()
    assert "unknown.example" not in gw.log()


def test_silence_is_no_handshake(gateway, serve, pki, entry):
    gw = tls.over_both(gateway, proxy_to(serve()), entry("ec"), more={"timeouts": {"client_head": "1s", "drain": "3s"}})
    for said in b"", b"\x16\x03\x01\x02\x00\x01\x00":
        with client.Client(gw.tls) as c:
            c.send(said)
            assert c.closed(5)
    # Who has shaken hands has no more time for his first head.
    with tls.TlsClient(gw.tls, pki.context()) as c:
        assert c.closed(5)
    assert gw.metrics()['yett_tls_handshakes_failed_total{reason="timeout"}'] == 2


def test_explain(gateway, serve, entry):
    gw = tls.over_both(gateway, proxy_to(serve()), entry("ec"), redirect_http=True)
    said = gw.cli("explain", "GET", "https://a.example/x", "--json")
    assert '"status":308' not in said.stdout and "X-Forwarded-Proto" in said.stdout, said
    assert "308" in gw.cli("explain", "GET", "http://a.example/x", "--json").stdout
