"""A Redis with one session, and the cookie that leads to it, as login makes them."""

import base64
import hmac
import json
import os
import time

import redis_server

COOKIE_KEY, TOKEN_KEY = "a-cookie-key-of-the-benchmark-of-32-bytes", "a-token-key-of-the-benchmark-of-32-bytes"
COOKIE, TOUCH_S = "__Host-yett", 5


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def seal(text, name):
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # for this scenario alone

    nonce = os.urandom(12)
    key = hmac.digest(TOKEN_KEY.encode(), b"yett session token", "sha256")
    return nonce + AESGCM(key).encrypt(nonce, text.encode(), name.encode())


def fill(redis):
    """The cookie."""
    id, tid, now = b64(os.urandom(32)), "corp:0", time.time()
    stamp = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(t)) for t in (now, now + 14400)]
    claims = b64(json.dumps({"sub": "user-0", "iss": "https://id.example"}).encode())
    for kind, text in (("idToken", f"e30.{claims}.x"), ("accessToken", "x" * 900), ("refreshToken", "x" * 700)):
        name = f"{kind}:{tid}"
        redis.command("HSET", name, "ID", tid, "Subject", "user-0", "ExpiresAt", "never", "Value", seal(text, name))
    redis.command("HSET", f"session:{id}", "ID", id, "CreatedAt", stamp[0], "ExpiresAt", stamp[1], "IdleTTLSeconds", "14400",
                  "MaxTTLSeconds", "86400", "UserID", "user-0", "TokenIDs", json.dumps({"corp": tid}))
    return f"{COOKIE}={id}." + b64(hmac.digest(COOKIE_KEY.encode(), (COOKIE + id).encode(), "sha256"))


def start(folder, stack):
    """(port, cookie)"""
    port = redis_server.start(folder, stack)
    return port, fill(redis_server.Redis(port))


def configuration(port):
    return f"""
gate: {{claims: {{sub: X-Auth-Sub}}}}
login:
  url: https://bench.example
  redis: {{address: "127.0.0.1:{port}"}}
  session: {{cookie: {COOKIE}, touch: {TOUCH_S}s}}
  cookie_keys: [{COOKIE_KEY}]
  token_keys: [{TOKEN_KEY}]
  providers:
    corp: {{issuer: "https://id.example", client_id: yett, client_secret: none, authorization_endpoint: "https://id.example/a",
           token_endpoint: "https://id.example/t", jwks_uri: "https://id.example/k"}}
"""
