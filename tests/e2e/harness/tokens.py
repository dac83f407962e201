"""JSON Web Tokens, good ones and bad ones."""

import base64
import json
import time

import jwt

SECRET = "a secret of more than thirty-two bytes"


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def payload(claims):
    """Claims of a good token, changed; what is None is left out."""
    claims = {"id": "42", "exp": int(time.time()) + 3600} | claims
    return json.dumps({n: v for n, v in claims.items() if v is not None}).encode()


def token(secret=SECRET, algorithm="HS256", **claims):
    return jwt.api_jws.encode(payload(claims), secret, algorithm)


def unsigned(alg="none", signature=b"", **claims):
    """A token whose header says `alg`, with whatever signature."""
    header = json.dumps({"alg": alg, "typ": "JWT"}).encode()
    return ".".join([b64(header), b64(payload(claims)), b64(signature)])


def bearer(t):
    return {"Authorization": "Bearer " + t}


def basic(user, password):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}
