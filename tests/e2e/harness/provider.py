"""An identity provider: keys that rotate, published over TLS, and tokens signed with them. Counts what is fetched."""

import json
import time

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from .tls_upstream import TlsUpstream
from .tokens import b64

DISCOVERY, KEYS = "/.well-known/openid-configuration", "/keys"


def jwk(key, **more):
    p, size = key.public_key().public_numbers(), key.curve.key_size // 8
    return {"kty": "EC", "crv": "P-256", "x": b64(p.x.to_bytes(size, "big")), "y": b64(p.y.to_bytes(size, "big"))} | more


def sign(key, kid, **claims):
    """ES256; what is None is left out."""
    claims = {"sub": "42", "exp": int(time.time()) + 3600} | claims
    return jwt.encode({n: v for n, v in claims.items() if v is not None}, key, "ES256",
                      {"kid": kid} if kid is not None else None)


class Provider(TlsUpstream):
    """`answers`: by path, what is said there in the place of the truth: (status, headers, body)."""

    def __init__(self, pki, name="localhost", issuer=None):
        self.keys, self.fetched, self.answers, self.delay = {}, [], {}, 0
        super().__init__(pki.issue(name), pki.dir, self.publish, host_name=name)
        self.issuer = issuer or self.address
        self.root = pki.root

    def publish(self, r, c):
        c.close = True
        self.fetched.append(r.path)
        time.sleep(self.delay)
        if r.path in self.answers:
            c.reply(*self.answers[r.path])
        elif r.path == DISCOVERY:
            c.reply(body=json.dumps({"issuer": self.issuer, "jwks_uri": self.address + KEYS}).encode())
        else:
            c.reply(body=self.document())

    def document(self):
        return json.dumps({"keys": [jwk(k, kid=kid, use="sig") for kid, k in self.keys.items()]}).encode()

    def rotate(self, *kids):
        """These and no other ones: new ones where they are not there yet."""
        self.keys = {kid: self.keys.get(kid) or ec.generate_private_key(ec.SECP256R1()) for kid in kids}

    def token(self, kid, key=None, **claims):
        return sign(key or self.keys[kid], kid, **{"iss": self.issuer} | claims)

    def config(self, keys=None, **more):
        """Of gate.issuers.*; `keys`: the path of its keys, in the place of discovery."""
        where = {"jwks_uri": self.address + keys} if keys else {"discovery": self.address + DISCOVERY}
        return {"issuer": self.issuer, "algorithms": ["ES256"], "tls": {"ca": self.root}} | where | more

    def count(self, path=KEYS):
        return self.fetched.count(path)
