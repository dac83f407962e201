"""A hub, and the page that asks it."""

import json

from .gateway import merge
from .tokens import SECRET, bearer, token

BASE = "/user/jo/naavre-communicator"
WHO = {"sub": "f:1:jo", "preferred_username": "jo", "name": "J\u00f6 \U0001f600", "id": None}


def config(allow, more=None, **hub):
    """The configuration of one that may ask these, if not told otherwise on this host and in clear."""
    hub = {"allow": allow, "allow_http": True, "allow_private": ["127.0.0.0/8"], "timeout": "5s"} | hub
    return merge({"gate": {"secret": SECRET, "algorithms": ["HS256"]}, "health": {"enabled": False}, "workers": 1,
                  "routes": [{"path": BASE, "auth": "required", "hub": hub}]}, more or {})


class Page:
    """What asks: a page with a token."""

    def __init__(self, gw, port=None, **headers):
        self.gw, self.port = gw, port
        self.token = token(**WHO)
        self.headers = bearer(self.token) | headers

    def send(self, body, **how):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.gw.ask(BASE + "/external-service", "POST", headers=self.headers | how, body=body)

    def query(self, url="/", method="GET", **more):
        url = f"http://127.0.0.1:{self.port}{url}" if url.startswith("/") else url
        return self.send({"query": {"method": method, "url": url} | more})


def error(message):
    return json.dumps({"message": message, "reason": None}).encode()


def wrapped(r):
    assert r.status == 200 and r.header("Content-Type") == "application/json", r
    return r.json()
