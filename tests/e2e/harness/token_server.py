"""A provider's token endpoint that rotates refresh tokens and detects their reuse, as strict as the strictest: whoever shows
one twice ends the whole grant. It counts, and can be slow, broken, or drop what it has already done."""

import base64
import json
import threading
import time
import urllib.parse

from cryptography.hazmat.primitives.asymmetric import ec

from .provider import DISCOVERY, KEYS, jwk, sign
from .upstream import Upstream

CLIENT = ("gateway", "s:ecret &")


class Grant:
    def __init__(self, sub):
        self.sub, self.number, self.revoked = sub, 0, False


class TokenServer(Upstream):
    """`delay`: seconds before it answers what it has done at once. `broken`: (status, headers, body) in the place of an
    answer. `drops`: it does, and says nothing. `life`: of access tokens. `shy`: seconds before it says where it is asked
    for them."""

    def __init__(self, **how):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.grants, self.forms, self.reused, self.revoked = {}, [], 0, []
        self.delay, self.broken, self.drops, self.life, self.shy, self.begun = 0, None, False, 300, 0, threading.Event()
        self.guard = threading.Lock()
        super().__init__(self.answer, **how)

    @property
    def url(self):
        return "http://" + self.address

    @property
    def refreshes(self):
        return sum(f.get("grant_type") == "refresh_token" for f in self.forms)

    @property
    def exchanges(self):
        return len(self.forms) - self.refreshes

    def config(self, **more):
        return {"issuer": self.url, "client_id": CLIENT[0], "client_secret": CLIENT[1], "allow_http": True} | more

    def grant(self, sub):
        """Tokens as a login would have brought them: access, refresh, ID token."""
        name = f"g{len(self.grants)}"
        self.grants[name] = Grant(sub)
        return self.tokens(name)

    def tokens(self, name):
        g = self.grants[name]
        return (f"access-{name}-{g.number}", f"refresh-{name}-{g.number}",
                sign(self.key, "k", iss=self.url, sub=g.sub, aud=CLIENT[0], n=g.number))

    def accepts(self, access):
        """Is this the newest token of a grant that lives?"""
        _, name, number = access.split("-")
        return not self.grants[name].revoked and self.grants[name].number == int(number)

    def answer(self, r, c):
        c.close = True
        body = c.read_body(r)
        if r.path == DISCOVERY:
            time.sleep(self.shy)
            c.reply(body=json.dumps({"issuer": self.url, "jwks_uri": self.url + KEYS,
                                     "authorization_endpoint": self.url + "/authorize",
                                     "token_endpoint": self.url + "/token",
                                     "revocation_endpoint": self.url + "/revoke"}).encode())
        elif r.path == KEYS:
            c.reply(body=json.dumps({"keys": [jwk(self.key, kid="k", use="sig")]}).encode())
        else:
            self.post(r, c, dict(urllib.parse.parse_qsl(body.decode(), keep_blank_values=True)))

    def knows(self, r, form):
        basic = base64.b64encode(":".join(urllib.parse.quote(p, safe="") for p in CLIENT).encode()).decode()
        return r.header("Authorization") == "Basic " + basic or (form.get("client_id"), form.get("client_secret")) == CLIENT

    def post(self, r, c, form):
        with self.guard:
            if r.path == "/revoke":
                self.revoked.append(form.get("token"))
                self.forms.append(form | {"grant_type": "(revoke)"})
                status, said = 200, None
            else:
                self.forms.append(form)
                status, said = self.token(form) if self.knows(r, form) else (401, {"error": "invalid_client"})
        self.begun.set()
        time.sleep(self.delay)
        if self.drops:
            return
        if self.broken:
            c.reply(*self.broken)
        else:
            c.reply(status, {"Content-Type": "application/json"}, json.dumps(said).encode() if said else b"")

    def token(self, form):
        if self.broken:
            return 500, {}
        if form["grant_type"] == "refresh_token":
            return self.refresh(form["refresh_token"])
        if form["subject_token"] and form.get("audience") == "forbidden":
            return 400, {"error": "invalid_target"}
        return 200, {"access_token": f"for-{form.get('audience') or form.get('resource')}-{len(self.forms)}",
                     "issued_token_type": "urn:ietf:params:oauth:token-type:access_token", "token_type": "Bearer", "expires_in": 300}

    def refresh(self, token):
        kind, name, number = token.split("-")
        g = self.grants[name]
        if kind != "refresh" or g.revoked or int(number) != g.number:
            self.reused += not g.revoked
            g.revoked = True
            return 400, {"error": "invalid_grant", "error_description": "it was used"}
        g.number += 1
        access, refresh, token = self.tokens(name)
        return 200, {"access_token": access, "refresh_token": refresh, "id_token": token, "token_type": "Bearer",
                     "expires_in": self.life}
