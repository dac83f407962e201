"""WWW-Authenticate by RFC 6750: no error code without a token, one with the reason otherwise."""

import pytest

from harness.gateway import proxy_to
from harness.tokens import SECRET, bearer, token


@pytest.fixture
def gw(gateway, serve):
    return gateway(proxy_to(serve()) | {"gate": {"protect": ["/api"], "secret": SECRET, "realm": "the api"}})


def test_without_a_token(gw):
    r = gw.ask("/api")
    assert r.status == 401 and r.header("WWW-Authenticate") == 'Bearer realm="the api"'


@pytest.mark.parametrize("headers, status, error", [
    (bearer("garbage"), 401, "invalid_token"), (bearer(token(exp=1)), 401, "invalid_token"),
    (bearer(token(secret="x" * 40)), 401, "invalid_token"), ([("Authorization", "Bearer x")] * 2, 400, "invalid_request")])
def test_with_a_bad_one(gw, headers, status, error):
    r = gw.ask("/api", headers=headers)
    challenge = r.header("WWW-Authenticate")
    assert r.status == status and challenge.startswith('Bearer realm="the api"') and f'error="{error}"' in challenge


def test_not_on_what_is_open(gw):
    assert gw.ask("/open").header("WWW-Authenticate") is None


def test_refusal_is_not_stored(gw):
    assert gw.ask("/api").header("Cache-Control") == "no-store"


def test_wording_of_a_shine(gateway, serve):
    config = {"compatibility": "a-shine", "gate": {"protect": ["/api"], "secret": SECRET}}
    gw = gateway(proxy_to(serve()) | config)
    r = gw.ask("/api")
    assert (r.status, r.json()["message"]) == (401, "No token cookie")
    r = gw.ask("/api", headers={"Cookie": "token=x"})
    assert (r.status, r.json()["message"]) == (400, "Unable to parse token")
    r = gw.ask("/api", headers={"Cookie": "token=" + token(exp=1)})
    assert (r.status, r.json()["message"]) == (401, "Invalid or expired token")
    r = gw.ask("/api", headers={"Cookie": "token=" + token(secret="x" * 40)})
    assert (r.status, r.json()["message"]) == (401, "Invalid token signature")
    r = gw.ask("/api", headers={"Cookie": "token=" + token()})
    assert r.status == 200 and ["auth_id", "42"] in r.json()["headers"]
