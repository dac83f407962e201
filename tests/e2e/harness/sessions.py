"""Sessions as they stand in Redis, and the cookies that lead to them, made without the gateway."""

import base64
import hashlib
import hmac
import json
import os
import secrets
import time

import jwt
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

COOKIE_KEY, TOKEN_KEY = "cookie-key-of-at-least-32-bytes-x", "token-key-of-at-least-32-bytes-xx"
COOKIE = "yett-session"
PARTS = {"accessToken": "AccessToken", "refreshToken": "RefreshToken", "idToken": "IDToken"}


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def stamp(moment):
    return "never" if moment is None else time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))


def signed(id, key=COOKIE_KEY, name=COOKIE):
    """The value of the cookie."""
    return id + "." + b64(hmac.digest(key.encode(), (name + id).encode(), "sha256"))


def cookie(id, **how):
    return {"Cookie": f"{how.get('name', COOKIE)}={signed(id, **how)}"}


def seal(text, redis_key, key=TOKEN_KEY):
    sealing = hmac.digest(key.encode(), b"yett session token", "sha256")
    nonce = os.urandom(12)
    return nonce + AESGCM(sealing).encrypt(nonce, text.encode(), redis_key.encode())


def unseal(sealed, redis_key, key=TOKEN_KEY):
    opening = hmac.digest(key.encode(), b"yett session token", "sha256")
    return AESGCM(opening).decrypt(sealed[:12], sealed[12:], redis_key.encode()).decode()


def id_token(sub, **claims):
    """Whoever reads it does so because it was sealed: nobody looks at the signature again."""
    return jwt.encode({"sub": sub} | claims, "x" * 32, "HS256")


def shown(id):
    """What operators see of it."""
    return hashlib.sha256(id.encode()).hexdigest()[:12]


class Sessions:
    """Writes sessions into `db` (redis.Redis)."""

    def __init__(self, db):
        self.db = db

    def token(self, provider, sub, ends, key=TOKEN_KEY, expires=None, **values):
        """Its tid; `values`: access, refresh, id."""
        tid = f"{provider}:{secrets.token_urlsafe(9)}"
        for kind, value in values.items():
            name = next(n for n in PARTS if n.startswith(kind))
            self.db.hset(f"{name}:{tid}", mapping={"ID": tid, "Subject": sub, "ProviderID": provider, "TokenURL": "", "Type": PARTS[name],
                                                   "ExpiresAt": stamp(expires), "Value": seal(value, f"{name}:{tid}", key)})
            if ends:
                self.db.expireat(f"{name}:{tid}", int(ends) + 10)
        return tid

    def create(self, sub="alice", providers=("corp",), idle=3600, max=86400, created=None, expires=None, key=TOKEN_KEY, access="access-{}",
               claims=None, **token):
        """The id of a new one; sub "": of nobody."""
        id = b64(os.urandom(32))
        now = int(time.time())
        created = now if created is None else int(created)
        ends = min(now + idle, created + max) if expires is None else int(expires)
        tids = {}
        for i, provider in enumerate(providers if sub else ()):
            subject = sub if i == 0 else f"{sub}-at-{provider}"
            tids[provider] = self.token(provider, subject, ends, key=key, access=access.format(provider), refresh="refresh-" + provider,
                                        id=id_token(subject, **{"id": subject} | (claims or {})), **token)
            self.db.zadd(f"userSessions:{provider}:{subject}", {id: ends + 10})
            self.db.expireat(f"userSessions:{provider}:{subject}", ends + 10)
        self.db.hset(f"session:{id}", mapping={"ID": id, "CreatedAt": stamp(created), "ExpiresAt": stamp(ends), "IdleTTLSeconds": idle,
                                               "MaxTTLSeconds": max, "UserID": sub, "TokenIDs": json.dumps(tids)})
        self.db.expireat(f"session:{id}", ends + 10)
        return id

    def tids(self, id):
        return json.loads(self.db.hget(f"session:{id}", "TokenIDs"))


def config(store, upstream, issuer="https://id.example", providers=("corp",), auth="required", route=None, **login):
    """Of a gateway whose sessions stand in `store`, before `upstream`."""
    known = {p: {"issuer": issuer if i == 0 else f"{issuer}/{p}", "client_id": "yett", "client_secret": "secret of " + p,
                 "authorization_endpoint": f"{issuer}/authorize", "token_endpoint": f"{issuer}/token", "jwks_uri": f"{issuer}/keys"}
             for i, p in enumerate(providers)}
    return {"upstreams": {"u": {"endpoints": [upstream.address]}}, "health": {"enabled": False},
            "routes": [{"upstream": "u", "auth": auth} | (route or {})],
            "gate": {"claims": {"id": "X-User"}},
            "login": {"url": "http://test", "providers": known, "redis": {"address": store.address, "timeout": "2s"},
                      "session": {"cookie": COOKIE, "insecure_cookie": True} | login.pop("session", {}),
                      "cookie_keys": [COOKIE_KEY], "token_keys": [TOKEN_KEY]} | login}
