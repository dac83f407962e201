"""Tokens and requests of the scenarios: every scenario sends the same bytes, so that their costs can be subtracted."""

import base64
import hashlib
import hmac
import json
import time

ISSUER = "https://issuer.example"
SECRET = "a-secret-of-the-benchmark-longer-than-32-bytes"
TOKEN_BYTES = 296
REQUEST_BYTES = 640


def _b64(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def mint(subject="user-1", secret=SECRET):
    """An HS256 token of TOKEN_BYTES that is good for a day (RFC 7519)."""
    claims = {"iss": ISSUER, "sub": subject, "exp": int(time.time()) + 86400, "pad": ""}
    head = _b64(b'{"alg":"HS256","typ":"JWT"}')
    text = json.dumps(claims, separators=(",", ":"))
    want = (TOKEN_BYTES - len(head) - 43 - 2) * 3 // 4
    claims["pad"] = "x" * (want - len(text))
    signed = head + b"." + _b64(json.dumps(claims, separators=(",", ":")).encode())
    signature = hmac.new(secret.encode(), signed, hashlib.sha256).digest()
    token = (signed + b"." + _b64(signature)).decode()
    assert len(token) == TOKEN_BYTES, len(token)
    return token


def fields(host, path, token):
    """Header fields of a browser-like request, REQUEST_BYTES in all with its request line; `token` None: without one."""
    lines = [
        f"Host: {host}",
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101",
        "Accept: application/json, text/plain, */*",
        "Accept-Language: en-GB,en;q=0.7",
        "Cookie: theme=dark; consent=yes; pad=",
    ]
    if token:
        lines.insert(4, f"Authorization: Bearer {token}")
        size = len(f"GET {path} HTTP/1.1\r\n\r\n") + sum(len(line) + 2 for line in lines)
        lines[-1] += "x" * (REQUEST_BYTES - size)
    return lines
