"""Tokens of two real providers, which rotate refresh tokens and end what one that is used twice came from, end at the same time."""

import json
import os
import signal
import time

import pytest

from harness import node
from harness.oidc import Town
from harness.procs import wait_until
from harness.redis_server import RedisServer
from harness.sessions import stamp
from test_refresh import all_at_once, token

pytestmark = pytest.mark.skipif(bool(node.missing("oidc-provider")), reason=node.missing("oidc-provider") or "")
NAMES = ("renku", "gitlab")
ROUTE = {"routes": [{"upstream": "u", "auth": "required", "credentials": [
    {"header": "Authorization" if n == "renku" else "X-Gitlab", "form": "bearer", "value": "access_token", "provider": n, "required": True}
    for n in NAMES]}]}


@pytest.fixture
def place(pki, gateway, serve):
    """Providers, two gateways and their store."""
    town, store, up = Town(pki), RedisServer(), serve()
    yield town, [town.gateway(gateway, up, store, ROUTE | {"workers": 2}) for _ in range(2)], store
    town.finish()
    store.finish()


def log_in(town, gw, name):
    """The cookie of who is logged in at both."""
    person = town.person()
    assert person.log_in(gw.url + "/", name, name).status == 200
    return {"Cookie": "session=" + person.cookies(gw.url + "/")["session"]}


def end(store):
    for key in store.db.keys("accessToken:*"):
        store.db.hset(key, "ExpiresAt", stamp(int(time.time()) - 5))


def refreshed(town):
    """How often each was asked to refresh, and did."""
    found = [p.state()["asked"] for p in town.providers]
    return [(a["/token"] - a["grant:authorization_code"], a["grant:refresh_token"]) for a in found]


def test_500_at_once_and_again(place):
    town, gateways, store = place
    seen = []
    for i, n in ((1, 500), (2, 60)):
        cookie = log_in(town, gateways[0], f"ann{i}")
        end(store)
        waiting = all_at_once(gateways, cookie, n)
        next(waiting)
        if i == 2:  # whoever asks dies over it
            lock = wait_until(lambda: next(iter(store.db.mget(store.db.keys("refreshLock:*") or ["none"])), None), 5, every=0.001)
            os.kill(int(lock[:8], 16), signal.SIGKILL)
        got = set(waiting)
        assert len(got) == 1 and not any(" " in t for t in got), got
        seen += got
        assert refreshed(town) == [(i, i)] * 2
    end(store)  # what was got then is the newest one, and each worker knows it for a moment: then the provider takes it
    seen.append(wait_until(lambda: next((t for t in [token(gateways[1], cookie)] if t not in seen), None), 30, every=0.2))
    assert " " not in seen[-1]
    # Each provider's token is known for a moment of its own.
    wait_until(lambda: " " not in token(gateways[1], cookie) and refreshed(town) == [(3, 3)] * 2, 5, every=0.2)
    for gw in gateways:
        text = gw.log() + json.dumps(gw.access_log()) + json.dumps(gw.status()) + json.dumps(gw.metrics())
        assert not any(t in text for t in seen)
