"""The gateway vouches for who asks: short-lived tokens of its own, verified by the keys that it publishes."""

import base64
import hashlib
import json
import time

import jwt
import pytest
import redis
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from harness import sessions
from harness.gateway import merge
from harness.tokens import SECRET, bearer, token

ISSUER, US = "https://id.example", "https://gw.example"


def pem(key):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.fixture(scope="module")
def keys():
    return {"ES256": pem(ec.generate_private_key(ec.SECP256R1())), "RS256": pem(rsa.generate_private_key(65537, 2048))}


def config(store, up, keys, ttl="60s"):
    own = [{"header": "X-Yett-Assertion", "value": "assertion", "audience": "notebooks", "ttl": ttl},
           {"header": "Authorization", "value": "assertion", "audience": "other", "form": "bearer"}]
    c = sessions.config(store, up, ISSUER, auth="optional", route={"credentials": own}, assertion={"keys": keys, "issuer": US})
    return merge(c, {"workers": 1, "gate": {"issuers": {"shown": {"issuer": ISSUER, "algorithms": ["HS256"], "secret": SECRET}}}})


def published(gw):
    r = gw.ask("/api/auth/jwks")
    assert r.status == 200 and r.header("Content-Type") == "application/json" and "max-age" in r.header("Cache-Control")
    return r.json()["keys"]


def told(gw, headers):
    return dict(gw.ask(headers=headers).json()["headers"])


def verified(gw, text, audience="notebooks"):
    kid = jwt.get_unverified_header(text)["kid"]
    key, = [k for k in published(gw) if k["kid"] == kid]
    return jwt.decode(text, jwt.PyJWK(key).key, [key["alg"]], audience=audience, issuer=US,
                      options={"require": ["exp", "iat", "iss", "sub", "aud", "jti"]})


def thumbprint(jwk):
    """RFC 7638."""
    members = {"EC": ("crv", "kty", "x", "y"), "RSA": ("e", "kty", "n")}[jwk["kty"]]
    text = json.dumps({n: jwk[n] for n in members}, separators=(",", ":"), sort_keys=True)
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def test_who_asks(gateway, store, serve, keys):
    gw = gateway(config(store, serve(), [keys["ES256"]]))
    id = sessions.Sessions(redis.Redis(port=store.port)).create("alice", claims={"name": "J\u00fcrg", "email": "a@x", "groups": ["g"] * 99})
    mine = sessions.cookie(id)
    got = told(gw, mine | {"X-Yett-Assertion": "forged"})
    claims = verified(gw, got["X-Yett-Assertion"])
    assert (claims["sub"], claims["idp"], claims["name"], claims["email"]) == ("alice", ISSUER, "J\u00fcrg", "a@x")
    assert claims["exp"] - claims["iat"] == 60 and abs(claims["iat"] - time.time()) < 5
    assert "groups" not in claims and id not in json.dumps(claims) and claims["sid"]
    other = got["Authorization"].removeprefix("Bearer ")
    assert verified(gw, other, "other")["jti"] != claims["jti"]
    with pytest.raises(jwt.InvalidAudienceError):
        verified(gw, other)
    assert told(gw, mine)["X-Yett-Assertion"] == got["X-Yett-Assertion"]  # it is kept
    shown = verified(gw, told(gw, bearer(token(iss=ISSUER, sub="bob", email="b@x")))["X-Yett-Assertion"])
    assert (shown["sub"], shown["email"]) == ("bob", "b@x") and "sid" not in shown
    assert not {"X-Yett-Assertion", "Authorization"} & told(gw, {"X-Yett-Assertion": "forged", "Authorization": "Digest mine"}).keys()


def test_made_anew_after_half_its_time(gateway, store, serve, keys):
    gw = gateway(config(store, serve(), [keys["RS256"]], ttl="2s"))
    mine = sessions.cookie(sessions.Sessions(redis.Redis(port=store.port)).create("alice"))
    seen, end = {}, time.time() + 2.5
    while time.time() < end:
        text = told(gw, mine)["X-Yett-Assertion"]
        assert verified(gw, text)["exp"] > time.time()
        seen[text] = True
    assert 2 <= len(seen) <= 5


def test_keys(gateway, store, serve, keys):
    up = serve()
    gw = gateway(config(store, up, [keys["ES256"]]))
    mine = sessions.cookie(sessions.Sessions(redis.Redis(port=store.port)).create("alice"))
    old, = published(gw)
    text = told(gw, mine)["X-Yett-Assertion"]
    assert old["kid"] == thumbprint(old) and not {"d", "p", "q"} & old.keys()
    assert gw.reload(config(store, up, [keys["RS256"], keys["ES256"]])).returncode == 0
    both = published(gw)
    assert [k["alg"] for k in both] == ["RS256", "ES256"] and both[1] == old and both[0]["kid"] == thumbprint(both[0])
    assert not {"d", "p", "q", "dp", "dq", "qi"} & both[0].keys()
    new = told(gw, mine)["X-Yett-Assertion"]
    assert jwt.get_unverified_header(new)["kid"] == both[0]["kid"]
    assert verified(gw, new)["sub"] == verified(gw, text)["sub"] == "alice"
    assert (gw.ask("/api/auth/jwks", "POST").why, gw.ask("/api/auth/jwks", "HEAD").body) == ("method_not_allowed", b"")
    assert gw.ask("/api/auth/jwksx").status != 200 or "keys" not in gw.ask("/api/auth/jwksx").json()
    leaked = gw.log() + json.dumps(gw.access_log())
    assert new not in leaked and "PRIVATE" not in leaked
