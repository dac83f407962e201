"""A browser, Chromium, as a client over TLS. In the long form."""

import itertools
import json

import pytest

from harness import tls
from harness.browser import Browser, Refused
from harness.gateway import LONG, merge, proxy_to
from harness.node import MISSING, WebSocketServer
from harness.tls import VERSIONS

pytestmark = [pytest.mark.skipif(not LONG, reason="a browser is driven in the long form only (YETT_LONG=1)"),
              pytest.mark.skipif(not Browser.installed, reason="no Chromium that can be driven: run etc/setup browser")]
CIPHERS = {"AES_128_GCM": "AES_128_GCM_SHA256", "AES_256_GCM": "AES_256_GCM_SHA384", "CHACHA20_POLY1305": "CHACHA20_POLY1305_SHA256"}
GROUPS = {"P-256": "secp256r1", "P-384": "secp384r1", "X25519": "x25519"}
# ecdsa_secp256r1_sha256, rsa_pkcs1_sha256, rsa_pss_rsae_sha256; mbedTLS signs with the last in TLS 1.3 alone
SIGNATURES = {("1.2", "ECDSA"): 0x0403, ("1.2", "RSA"): 0x0401, ("1.3", "ECDSA"): 0x0403, ("1.3", "RSA"): 0x0804}


def page(r, c):
    """A page; what is sent to it comes back."""
    body = c.read_body(r)
    c.reply(200, {"Content-Type": "text/html"}, body or b"<!doctype html><title>A page</title><p>" + r.target.encode())


@pytest.fixture
def visited(gateway, serve, browser, pki):
    """visited(upstream=, certificates=, more=, **tls): a gateway before a page, and a browser for it."""
    def start(upstream=None, certificates=None, more=None, **settings):
        gw = tls.over_both(gateway, proxy_to(upstream or serve(page)), *certificates or [pki.entry("ec")], more=more, **settings)
        return gw, browser(gw)
    return start


@pytest.mark.parametrize("version, key", SIGNATURES)
def test_every_combination(visited, pki, version, key):
    """By a name of its own each, as a browser keeps connections and sessions by name."""
    certificate = pki.entry(f"browser-{key}", "*.w.example", kind={"ECDSA": "ec", "RSA": "rsa"}[key])
    gw, b = visited(certificates=[certificate])
    with open(gw.file, encoding="utf-8") as f:
        config = json.load(f)
    for cipher, group in itertools.product(CIPHERS, GROUPS):
        suite = f"TLS_{CIPHERS[cipher]}" if version == "1.3" else f"TLS_ECDHE_{key}_WITH_{CIPHERS[cipher]}"
        only = {"min_version": version, "max_version": version, "suites": [suite], "groups": [GROUPS[group]]}
        assert gw.reload(merge(config, {"tls": only})).returncode == 0
        path = f"/{cipher}/{group}"
        got = b.go(f"https://{cipher.lower().replace('_', '-')}-{group.lower()}.w.example{path}")
        assert (got["text"], got["protocol"], got["securityState"]) == (path, "http/1.1", "secure")
        said = got["securityDetails"]
        assert (said["protocol"], said["cipher"], said["keyExchangeGroup"]) == (f"TLS {version}", cipher, group)
        assert said["serverSignatureAlgorithm"] == SIGNATURES[version, key]
        logged = gw.logged(path=path)
        assert (logged["tls"], logged["suite"]) == (f"TLSv{version}", suite)


def test_names(visited, pki):
    certificates = {"a.example": pki.entry("ec"), "b.example": pki.entry("b", "b.example"),
                    "x.w.example": pki.entry("wild", "*.w.example", "w.example"), "deep.w.example": pki.entry("deep", "deep.w.example")}
    gw, b = visited(certificates=certificates.values())
    names = {}
    for host in certificates:
        names[host] = b.go(f"https://{host}/{host}")["securityDetails"]["sanList"]
        assert gw.logged(path=f"/{host}")["sni"] == host
    assert names == {"a.example": ["a.example"], "b.example": ["b.example"], "x.w.example": ["*.w.example", "w.example"],
                     "deep.w.example": ["deep.w.example"]}


@pytest.mark.parametrize("version", VERSIONS)
def test_there_and_back(visited, serve, version):
    """What is too much is refused so that the page hears why. And many at once, on few connections."""
    up = serve(page)
    gw, b = visited(up, more={"limits": {"body": "4m"}}, min_version=version, max_version=version)
    b.go("https://a.example/")
    size = (3 << 20) + 17
    assert b.run(f"""(async () => {{
        const sent = new Uint8Array({size}).map((_, i) => i * 7 + (i >> 8));
        const got = new Uint8Array(await (await fetch("/up", {{method: "POST", body: sent}})).arrayBuffer());
        return got.length == sent.length && got.every((byte, i) => byte == sent[i]);
    }})()""") is True
    assert len(next(r for r in up.requests if r.target == "/up").body) == size
    assert b.run("fetch('/up', {method: 'POST', body: new Uint8Array(8 << 20)}).then(r => r.status)") == 413
    got = b.run("Promise.all([...Array(100).keys()].map(async i => (await fetch('/' + i, {method: 'PUT', body: 'n' + i})).text()))")
    assert got == [f"n{i}" for i in range(100)]
    assert gw.logged(path="/99")["tls"] == f"TLSv{version}"
    assert gw.metrics()["yett_tls_handshakes_total"] < 20


@pytest.mark.skipif(MISSING is not None, reason=str(MISSING))
@pytest.mark.parametrize("version", VERSIONS)
def test_websocket(visited, version):
    server = WebSocketServer()
    try:
        gw, b = visited(server, min_version=version, max_version=version)
        b.go("https://a.example/state")
        assert b.run("""new Promise((done, fail) => {
            const ws = new WebSocket("wss://a.example/echo"), got = [];
            ws.binaryType = "arraybuffer";
            ws.onopen = () => { ws.send("hello"); ws.send(new Uint8Array(1 << 20).fill(42)); };
            ws.onmessage = (m) => { got.push(m.data); if (got.length == 2) ws.close(4000, "enough"); };
            ws.onclose = (e) => done([got[0], new Uint8Array(got[1]).filter((b) => b == 42).length, e.code, e.reason, e.wasClean]);
            ws.onerror = () => fail("no WebSocket");
        })""") == ["hello", 1 << 20, 4000, "enough", True]
        logged = gw.logged(path="/echo")
        assert (logged["status"], logged["tls"]) == (101, f"TLSv{version}")
    finally:
        server.kill()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_second_visit_resumes(visited, version):
    """With whichever worker; the browser may have begun another connection beside the first."""
    gw, b = visited(more={"limits": {"keepalive_requests": 1}}, min_version=version, max_version=version)
    for i in range(6):
        assert b.go(f"https://a.example/{i}")["text"] == f"/{i}"
    assert [gw.logged(path=f"/{i}")["resumed"] for i in (0, 4, 5)] == [False, True, True]


def test_from_http_to_https(visited, pki):
    """The redirect is followed, and Strict-Transport-Security obeyed: for that host the browser does not ask in clear again."""
    gw, b = visited(certificates=[pki.entry("both", "a.example", "b.example")], hsts="365d", redirect_http=True, redirect_port=443)

    def visit(host, path):
        assert b.go(f"http://{host}{path}")["url"] == f"https://{host}{path}"
        gw.logged(path=path, status=200)
        return [(r["status"], r.get("tls")) for r in gw.access_log() if r["path"] == path]

    assert visit("a.example", "/first") == [(308, None), (200, "TLSv1.3")]
    assert visit("a.example", "/second") == [(200, "TLSv1.3")]
    assert visit("b.example", "/other") == [(308, None), (200, "TLSv1.3")]


def test_bad_certificates_are_refused(visited, serve, pki):
    """By the browser, which says why; it sends nothing there."""
    up, other, past = serve(page), tls.Pki(), pki.issue("past.example", ends=-60)
    shown = {"nobody.example": (pki.entry("ec"), "ERR_CERT_COMMON_NAME_INVALID"),
             "stranger.example": (other.entry("stranger", "stranger.example"), "ERR_CERT_AUTHORITY_INVALID"),
             "past.example": (past.write(pki.path("past.pem"), pki.path("past.key")), "ERR_CERT_DATE_INVALID")}
    gw, b = visited(up, [certificate for certificate, _ in shown.values()])
    for host, (_, error) in shown.items():
        with pytest.raises(Refused, match=error):
            b.go(f"https://{host}/")
    assert b.go("https://a.example/good")["text"] == "/good"
    assert {r.header("Host") for r in up.requests} == {"a.example"}
    assert gw.metrics()['yett_tls_handshakes_failed_total{reason="alert"}'] >= len(shown)
    other.finish()


def test_strict_sni(visited):
    gw, b = visited(strict_sni=True)
    with pytest.raises(Refused, match="ERR_SSL_UNRECOGNIZED_NAME_ALERT"):
        b.go("https://nobody.example/")
    assert b.go("https://a.example/good")["text"] == "/good"
