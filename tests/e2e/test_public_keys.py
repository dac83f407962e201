"""Tokens signed with a private key: the gate holds the public one, and each kind of key takes its own algorithms alone."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from harness.gateway import proxy_to
from harness.tokens import SECRET, bearer, token

RSA = rsa.generate_private_key(65537, 2048)
P256 = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()


def pem(key):
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def guarded(up, tmp_path, key, *algorithms, **gate):
    (tmp_path / "issuer.pem").write_text(pem(key))
    return proxy_to(up) | {"gate": {"protect": ["/"], "algorithms": algorithms, "claims": {"id": "auth_id"},
                                    "public_key": {"file": str(tmp_path / "issuer.pem")}} | gate}


@pytest.mark.parametrize("key, algorithm", [(RSA, "RS256"), (RSA, "PS512"), (P256, "ES256"), (ED, "EdDSA")])
def test_passes(gateway, serve, tmp_path, key, algorithm):
    up = serve()
    gw = gateway(guarded(up, tmp_path, key, algorithm))
    good = token(key, algorithm)
    for _ in range(2):
        assert ["auth_id", "42"] in gw.ask(headers=bearer(good)).json()["headers"]
    bad = good[:-20] + ("A" if good[-20] != "A" else "B") + good[-19:]
    assert gw.ask(headers=bearer(bad)).why == "token_signature"
    assert gw.ask(headers=bearer(token(key, algorithm, exp=1))).why == "token_expired"
    assert gw.ask(headers=bearer(token(SECRET))).why == "token_algorithm"


def test_secret_and_key_side_by_side(gateway, serve, tmp_path):
    gw = gateway(guarded(serve(), tmp_path, RSA, "RS256", "HS256", secret=SECRET))
    assert gw.ask(headers=bearer(token(RSA, "RS256"))).status == 200
    assert gw.ask(headers=bearer(token(SECRET))).status == 200
    assert gw.ask(headers=bearer(token("x" * 40))).why == "token_signature"


def test_tools(gateway, serve, tmp_path):
    gw = gateway(guarded(serve(), tmp_path, P256, "ES256"))
    (tmp_path / "issuer.pem").chmod(0o644)
    r = gw.cli("check")
    assert r.returncode == 0 and "0 warnings" in r.stdout + r.stderr, r
    r = gw.cli("token", "--claim", "id=42")
    assert r.returncode == 2 and r.stdout == "" and "the issuer's private key" in r.stderr, r


@pytest.mark.parametrize("change, words", [
    ({"algorithms": ["ES256"]}, "gate.public_key: the key"),
    ({"public_key": {"file": "/etc/hostname"}}, "no public key"),
    ({"algorithms": ["RS256", "HS256"]}, "gate.secret: something is protected")])
def test_check_names_what_is_wrong(gateway, serve, tmp_path, change, words):
    config = guarded(serve(), tmp_path, RSA, "RS256")
    gw = gateway(config)
    gw.configure(config | {"gate": config["gate"] | change})
    r = gw.cli("check")
    assert r.returncode == 1 and words in r.stdout + r.stderr, r
