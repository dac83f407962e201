"""Sets of keys that others wrote, and tokens signed with them: lib/jwks and lib/jwt say what PyJWT says."""

import itertools
import json
import os
import tempfile
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from harness import gateway as gateways
from harness import procs
from harness.tokens import b64

JUDGE = os.path.join(os.path.dirname(os.path.dirname(gateways.BINARY or "")), "tests/jwt/jwt-judge")
NOW = int(time.time())
CLAIMS = {"sub": "42", "iss": "https://i", "aud": "a", "exp": NOW + 86400}
SECRET = b"0123456789abcdef" * 4

pytestmark = pytest.mark.skipif(not os.path.exists(JUDGE), reason="no judge: build it, or set YETT")


def number(n, size=None):
    return b64(n.to_bytes(size or (n.bit_length() + 7) // 8, "big"))


def jwk(key, **more):
    """By PyJWT where it can; in full size, which its version in Debian 12 forgets for EC."""
    if isinstance(key, bytes):
        return {"kty": "oct", "k": b64(key)} | more
    public = key.public_key()
    if isinstance(key, rsa.RSAPrivateKey):
        text = json.loads(RSAAlgorithm.to_jwk(public))
        return {n: text[n] for n in ("kty", "n", "e")} | more
    if isinstance(key, ec.EllipticCurvePrivateKey):
        p, size = public.public_numbers(), (key.curve.key_size + 7) // 8
        curve = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}[key.curve.name]
        return {"kty": "EC", "crv": curve, "x": number(p.x, size), "y": number(p.y, size)} | more
    return {"kty": "OKP", "crv": "Ed25519", "x": b64(public.public_bytes(Encoding.Raw, PublicFormat.Raw))} | more


def judge(keys, tokens=(), algorithms=None, issuer="https://i", audience="a"):
    text = json.dumps({"keys": keys}) if isinstance(keys, list) else keys
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("\n".join([text, *tokens]) + "\n")
        file.flush()
        r = procs.run([JUDGE, file.name, ",".join(algorithms or SIGN), issuer, audience, str(NOW)])
    assert r.returncode == 0, r
    first, *verdicts = r.stdout.splitlines()
    return json.loads(first), verdicts


KEYS = {"rsa": rsa.generate_private_key(65537, 2048), "rsa3": rsa.generate_private_key(3, 3072),
        "p256": ec.generate_private_key(ec.SECP256R1()), "p384": ec.generate_private_key(ec.SECP384R1()),
        "ed": ed25519.Ed25519PrivateKey.generate(), "oct": SECRET}
SIGN = {"HS256": "oct", "HS384": "oct", "HS512": "oct", "RS256": "rsa", "RS384": "rsa", "RS512": "rsa", "PS256": "rsa3",
        "PS384": "rsa3", "PS512": "rsa", "ES256": "p256", "ES384": "p384", "EdDSA": "ed"}
SET = [jwk(key, kid=name) for name, key in KEYS.items()]


def pyjwt_says(token, keys, algorithms):
    """As its users write it: the key by kid, the algorithms fixed by us."""
    try:
        kid = jwt.get_unverified_header(token)["kid"]
        key = next(k for k in keys if k["kid"] == kid)
        load = {"RSA": RSAAlgorithm, "EC": ECAlgorithm, "OKP": OKPAlgorithm}.get(key["kty"])
        loaded = load.from_jwk(json.dumps(key)) if load else SECRET
        jwt.decode(token, loaded, algorithms=algorithms, issuer="https://i", audience="a")
        return True
    except (jwt.PyJWTError, StopIteration, KeyError, TypeError, ValueError, AttributeError):
        return False


def test_every_kind_signs_for_its_own():
    said, verdicts = judge(SET, [jwt.encode(CLAIMS, KEYS[name], alg, {"kid": name}) for alg, name in SIGN.items()])
    assert verdicts == ["ok"] * len(SIGN) and said["refused"] == []
    assert {k["kid"]: k["algorithms"] for k in said["keys"]} == {
        "rsa": ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"], "rsa3": ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
        "p256": ["ES256"], "p384": ["ES384"], "ed": ["EdDSA"], "oct": ["HS256", "HS384", "HS512"]}


def test_every_algorithm_with_every_kid():
    """A kid picks the key; PyJWT agrees on each."""
    cases = list(itertools.product(SIGN.items(), KEYS))
    tokens = [jwt.encode(CLAIMS, KEYS[name], alg, {"kid": kid}) for (alg, name), kid in cases]
    _, verdicts = judge(SET, tokens)
    for (sign, kid), token, verdict in zip(cases, tokens, verdicts):
        assert (verdict == "ok") == (kid == sign[1]) == pyjwt_says(token, SET, [sign[0]]), (sign, kid, verdict)


@pytest.mark.parametrize("alg", SIGN)
def test_key_for_one_algorithm(alg):
    key = jwk(KEYS[SIGN[alg]], alg=alg, use="sig", kid="k")
    family = [a for a in SIGN if SIGN[a] == SIGN[alg]]
    _, verdicts = judge([key], [jwt.encode(CLAIMS, KEYS[SIGN[alg]], a, {"kid": "k"}) for a in family])
    assert [v == "ok" for v in verdicts] == [a == alg for a in family]


def test_public_key_is_no_secret():
    """RFC 8725 section 2.1: signed by HMAC with what everybody can read."""
    pem = KEYS["rsa"].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    der = KEYS["rsa"].public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    texts = [pem, der, pem.strip(), json.dumps(SET[0]).encode(), SET[0]["n"].encode(), b""]
    tokens = []
    for text in texts:
        head = b64(b'{"alg":"HS256","kid":"rsa"}') + "." + b64(json.dumps(CLAIMS).encode())
        tokens.append(head + "." + b64(jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(head.encode(), text)))
    for keys in (SET, SET[:1]):
        _, verdicts = judge(keys, tokens)
        assert set(verdicts) <= {"algorithm", "signature"}


def test_weak_and_odd_keys_are_refused_alone():
    good = jwk(KEYS["p256"], kid="good")
    small = rsa.generate_private_key(65537, 1024)
    odd = [jwk(small), jwk(ec.generate_private_key(ec.SECP521R1())), jwk(KEYS["rsa"], use="enc"), jwk(KEYS["ed"], alg="ES256"),
           jwk(KEYS["rsa"], d="AQAB"), jwk(b"short"), jwk(KEYS["p384"], kid=1), jwk(KEYS["p256"], kid="good")]
    said, verdicts = judge([*odd, good], [jwt.encode(CLAIMS, KEYS["p256"], "ES256", {"kid": "good"})])
    assert [k["kid"] for k in said["keys"]] == ["good"] and verdicts == ["ok"]
    assert [r["index"] for r in said["refused"]] == [0, 1, 2, 3, 4, 5, 6, 8]
    texts = [r["why"] for r in said["refused"]]
    for word, why in zip(["2048", "curve", "use", "fits none", "private", "shorter", "kid", "same kid"], texts):
        assert word in why


def test_secrets_of_a_set_from_a_network_are_refused():
    public = [a for a in SIGN if not a.startswith("HS")]
    said, verdicts = judge(SET, [jwt.encode(CLAIMS, SECRET, "HS256", {"kid": "oct"})], public)
    assert [r["kid"] for r in said["refused"]] == ["oct"] and verdicts == ["algorithm"]


def test_coordinates_with_leading_zeroes():
    """One of 128 keys has one; a writer that drops the zero writes no key."""
    while True:
        key = ec.generate_private_key(ec.SECP256R1())
        p = key.public_key().public_numbers()
        if p.x >> 248 == 0 or p.y >> 248 == 0:
            break
    token = jwt.encode(CLAIMS, key, "ES256")
    assert judge([jwk(key)], [token])[1] == ["ok"]
    short = jwk(key) | {"x": number(p.x), "y": number(p.y)}
    assert "size" in judge([short], [token])[0]["refused"][0]["why"]
    modulus = jwk(KEYS["rsa"])
    padded = modulus | {"n": number(KEYS["rsa"].public_key().public_numbers().n, 257)}
    assert judge([padded], [jwt.encode(CLAIMS, KEYS["rsa"], "RS256")])[1] == ["ok"]
