"""Upstreams over TLS: whose certificate is taken, for which name, by which roots, and what a client gets when it is not."""

import base64
import hashlib
import os
import ssl

import pytest
from cryptography.hazmat.primitives import serialization

from harness.authority import Authority
from harness.gateway import from_redis, merge
from harness.procs import wait_until
from harness.tls_upstream import to

HOST = "127.0.0.1"


def pin_of(pair):
    key = pair.certificate.public_key().public_bytes(serialization.Encoding.DER,
                                                     serialization.PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(key).digest()).decode()


REFUSED = "upstream_certificate_refused"


@pytest.mark.parametrize("hosts,how,reason,why", [
    ([HOST], {}, None, ""),
    ([HOST], {"kind": "rsa"}, None, ""),
    (["localhost", HOST], {}, None, ""),
    (["127.0.0.2"], {}, REFUSED, "the certificate is not of this name"),
    (["localhost"], {}, REFUSED, "the certificate is not of this name"),
    (["*.0.0.1"], {}, REFUSED, "the certificate is not of this name"),
    ([HOST], {"starts": -7200, "ends": -3600}, REFUSED, "the certificate has expired"),
    ([HOST], {"starts": 3600}, REFUSED, "the certificate is not valid yet"),
])
def test_certificates(gateway, secure, authority, roots, hosts, how, reason, why):
    up = secure(authority.issue(*hosts, **how))
    gw = gateway(to(up, ca=roots))
    answer = gw.ask("/x")
    if reason is None:
        assert answer.json()["target"] == "/x" and answer.status == 200
        return
    assert (answer.status, answer.header("X-Yett-Reason")) == (502, reason)
    assert why not in answer.body.decode() and not up.requests
    wait_until(lambda: f'endpoint={up.address} error="TLS: {why}"' in gw.log())


def dotted(up):
    up.host_name = "LOCALHOST."
    return up


def test_names(gateway, secure, authority, roots):
    """The name of the endpoint goes into SNI and has to be in the certificate; a wildcard stands for one label."""
    good = secure(authority.issue("localhost"), host_name="localhost")
    gw = gateway(to(good, ca=roots))
    assert gw.ask("/").status == 200 and good.names[-1] == "localhost"
    for spelling in to(good, ca=roots, server_name="localhost."), to(dotted(good), ca=roots):
        assert gw.reload(spelling).returncode == 0
        assert gw.ask("/").status == 200 and good.names[-1] == "localhost"
    wild = secure(authority.issue("*.example.org"))
    assert gw.reload(to(wild, ca=roots, server_name="a.example.org")).returncode == 0
    assert gw.ask("/").status == 200 and wild.names[-1] == "a.example.org"
    assert gw.reload(to(wild, ca=roots, server_name="b.a.example.org")).returncode == 0
    assert gw.ask("/").header("X-Yett-Reason") == REFUSED
    assert gw.reload(to(wild, ca=roots)).returncode == 0
    assert gw.ask("/").header("X-Yett-Reason") == REFUSED and wild.names[-1] is None


def test_roots(gateway, secure, authority, roots, tmp_path):
    """Self-signed, by roots of somebody else, by the system's, with and without what is between."""
    other, between = Authority(), Authority(authority)
    alone = secure(other.issue(HOST))
    gw = gateway(to(alone, ca=roots))
    assert gw.ask("/").header("X-Yett-Reason") == REFUSED
    assert gw.reload(to(alone)).returncode == 0   # Debian's
    assert gw.ask("/").header("X-Yett-Reason") == REFUSED
    wait_until(lambda: "no root that is trusted signed the certificate" in gw.log())
    (tmp_path / "both.pem").write_bytes(authority.pem + other.pem)
    assert gw.reload(to(alone, ca=str(tmp_path / "both.pem"))).returncode == 0
    assert gw.ask("/").status == 200
    pair = between.issue(HOST)
    chained = secure(pair)
    assert gw.reload(to(chained, ca=roots)).returncode == 0
    assert gw.ask("/").status == 200
    pair.chain = pair.chain[:len(pair.chain) - len(between.pem)]
    missing = secure(pair)
    assert gw.reload(to(missing, ca=roots)).returncode == 0
    assert gw.ask("/").header("X-Yett-Reason") == REFUSED


def test_pins(gateway, secure, authority, roots):
    pair, other = authority.issue(HOST), authority.issue(HOST)
    up = secure(pair)
    gw = gateway(to(up, ca=roots, pin_sha256=[pin_of(other), pin_of(pair)]))
    assert gw.ask("/").status == 200
    for tls in {"ca": roots}, {"insecure_skip_verify": True}:
        assert gw.reload(to(up, pin_sha256=[pin_of(other)], **tls)).returncode == 0
        assert gw.ask("/").header("X-Yett-Reason") == REFUSED
    wait_until(lambda: "none of those that are pinned" in gw.log())
    assert gw.reload(to(up, pin_sha256=[pin_of(pair)], insecure_skip_verify=True)).returncode == 0
    assert gw.ask("/").status == 200


def test_unverified_is_told(gateway, secure):
    """Who is not verified is served, and everybody is told."""
    up = secure(Authority().issue("nobody.example"))
    gw = gateway(to(up, insecure_skip_verify=True))
    assert gw.ask("/").status == 200
    assert "insecure_skip_verify" in gw.cli("check").stderr + gw.cli("check").stdout
    assert "insecure_skip_verify" in gw.log()
    assert gw.metrics()['yett_upstream_unverified{upstream="u"}'] == 1
    assert gw.status()["upstreams"][0]["tls"] == "unverified"
    assert "insecure_skip_verify" in gw.cli("status").stdout
    assert up.address in gw.cli("explain", "GET", "http://test/").stdout


def test_own_certificate(gateway, secure, authority, roots, tmp_path):
    """An endpoint asks for a certificate of the gateway: with one, without one, and renewed while it runs."""
    def ask_for_one(context):
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(roots)

    own, chain, key = authority.issue("gateway.example"), str(tmp_path / "own.pem"), str(tmp_path / "own.key")
    own.write(chain, key)
    for version in ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3:
        up = secure(authority.issue(HOST), configure=ask_for_one)
        up.context.maximum_version = version
        gw = gateway(to(up, ca=roots, certificate=chain, key=key))
        assert gw.ask("/").status == 200
        assert up.certificates[-1] == own.certificate.public_bytes(serialization.Encoding.DER)
        own = authority.issue("gateway.example")
        own.write(chain, key)
        assert gw.reload().returncode == 0
        wait_until(lambda: gw.ask("/", headers={"Connection": "close"}).status == 200 and
                   up.certificates[-1] == own.certificate.public_bytes(serialization.Encoding.DER))
        assert gw.reload(to(up, ca=roots)).returncode == 0
        assert gw.ask("/").header("X-Yett-Reason") == "upstream_tls_failed"


def test_renewed_roots(gateway, secure, authority, roots):
    """The file of the roots changes: without a reload the new ones decide, for requests and for probes."""
    other = Authority()
    up = secure(other.issue(HOST))
    gw = gateway(merge(to(up, health=True, ca=roots), {"health": {"interval": "100ms"}}))
    assert gw.ask("/").header("X-Yett-Reason") == REFUSED
    wait_until(lambda: gw.status()["upstreams"][0]["endpoints"][0]["state"] == "dead")
    why = "no root that is trusted signed the certificate"
    assert gw.status()["upstreams"][0]["endpoints"][0]["error"] == why and why in gw.cli("status").stdout
    with open(roots + ".new", "wb") as f:
        f.write(other.pem)
    os.rename(roots + ".new", roots)
    wait_until(lambda: gw.ask("/").status == 200)
    wait_until(lambda: gw.status()["upstreams"][0]["endpoints"][0]["state"] == "alive")
    assert gw.status()["upstreams"][0]["endpoints"][0]["error"] == ""


def test_check_reads_the_files(gateway, secure, authority, roots, tmp_path):
    up = secure(authority.issue(HOST))
    gw = gateway(to(up, ca=roots))
    (tmp_path / "rubbish.pem").write_text("rubbish")
    own, stranger = authority.issue("a"), authority.issue("a")
    own.write(str(tmp_path / "own.pem"), str(tmp_path / "own.key"))
    stranger.write(str(tmp_path / "other.pem"), str(tmp_path / "other.key"))
    for tls in ({"ca": str(tmp_path / "none.pem")}, {"ca": str(tmp_path / "rubbish.pem")},
                {"ca": roots, "certificate": str(tmp_path / "own.pem"), "key": str(tmp_path / "other.key")},
                {"ca": roots, "pin_sha256": ["short"]}):
        done = gw.reload(to(up, **tls))
        assert done.returncode == 1 and "upstreams.u.tls" in done.stderr, done
        assert gw.ask("/").status == 200


def test_targets_and_redis(gateway, store, secure, authority, roots):
    """A target of a route, and a backend of Redis: by the settings for all."""
    up = secure(authority.issue(HOST))
    common = {"upstream_tls": {"ca": roots}, "health": {"enabled": False}}
    assert gateway(common | {"routes": [{"target": up.address + "/base"}]}).ask("/t").json()["target"] == "/base/t"
    gw = gateway(from_redis(store) | common)
    store.rule("test/", up.address, "b")
    gw.rules_in_force(lambda r: r["frontends"] == 1)
    assert gw.ask("/r").json()["target"] == "/r"


def test_host_header(gateway, secure, authority, roots):
    up = secure(authority.issue(HOST))
    gw = gateway(merge(to(up, ca=roots), {"routes": [{"upstream": "u", "host_header": "upstream"}]}))
    assert ["Host", f"{HOST}:{up.port}"] in gw.ask("/").json()["headers"]
