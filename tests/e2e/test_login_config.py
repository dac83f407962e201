"""login: in the configuration: providers that are down at the start, what is known of them, and what nobody may see or say."""

import json

import pytest

from harness import procs
from harness.gateway import from_redis, merge, proxy_to
from harness.provider import DISCOVERY, KEYS, Provider
from harness.tokens import bearer

COOKIE_KEY, TOKEN_KEY = "cookie-key-of-32-bytes-or-more-0", "token-key-of-32-bytes-or-more-00"
ENDPOINTS = ["authorization_endpoint", "token_endpoint"]


@pytest.fixture
def provider(pki):
    p = Provider(pki)
    p.rotate("a")
    yield p
    p.stop()


def document(p, **more):
    return 200, [], json.dumps({"issuer": p.issuer, "jwks_uri": p.address + KEYS,
                                "authorization_endpoint": p.address + "/authorize",
                                "token_endpoint": p.address + "/token"} | more).encode()


def login(up, store, p, **more):
    return merge(proxy_to(up), {"login": {
        "url": "https://shop.example", "cookie_keys": [COOKIE_KEY], "token_keys": [TOKEN_KEY],
        "redis": {"address": store.address},
        "providers": {"corp": {"issuer": p.issuer, "client_id": "shop", "client_secret": "hunter2", "tls": {"ca": p.root}}}}} | more)


def state(gw):
    return next(i for i in gw.status()["issuers"] if i["name"] == "corp")


def endpoints(gw, *names):
    procs.wait_until(lambda: state(gw)["login"]["endpoints"] == list(names), timeout=15, what=lambda: f"{names}: {state(gw)}")


def test_a_provider_that_is_down_is_asked_until_it_answers(gateway, serve, store, provider):
    provider.answers[DISCOVERY] = 503, [], b""
    gw = gateway(login(serve(), store, provider))
    assert gw.ask("/").status == 200
    procs.wait_until(lambda: "503" in state(gw)["error"], what=lambda: state(gw))
    assert state(gw)["login"]["endpoints"] == []
    before = gw.status()["table"]["version"]
    provider.answers[DISCOVERY] = document(provider)
    endpoints(gw, *ENDPOINTS)
    procs.wait_until(lambda: gw.status()["table"]["version"] > before, what="a table that says so")


def test_what_was_known_outlives_a_restart(gateway, serve, store, provider):
    provider.answers[DISCOVERY] = document(provider, end_session_endpoint=provider.address + "/end")
    gw = gateway(login(serve(), store, provider))
    procs.wait_until(lambda: state(gw)["keys"] == 1, what=lambda: state(gw))
    endpoints(gw, *ENDPOINTS, "end_session_endpoint")
    gw.stop()
    provider.answers[DISCOVERY] = 503, [], b""
    gw.start()
    procs.wait_until(lambda: state(gw)["source"] == "last-known-good", what=lambda: state(gw))
    endpoints(gw, *ENDPOINTS, "end_session_endpoint")


def test_endpoints_over_http_are_refused(gateway, serve, store, provider):
    provider.answers[DISCOVERY] = document(provider, token_endpoint="http://127.0.0.1/token")
    gw = gateway(login(serve(), store, provider))
    procs.wait_until(lambda: "allow_http" in state(gw)["error"], what=lambda: state(gw))
    assert state(gw)["login"]["endpoints"] == []


def test_a_token_of_a_provider_is_good_in_sessions_alone(gateway, serve, store, provider):
    provider.answers[DISCOVERY] = document(provider)
    gw = gateway(login(serve(), store, provider, gate={"protect": ["/"]}))
    procs.wait_until(lambda: state(gw)["keys"] == 1, what=lambda: state(gw))
    shown = bearer(provider.token("a", aud="shop"))
    assert gw.ask("/", headers=shown).status == 401
    gate = {"protect": ["/"], "issuers": {"own": provider.config(audience=["shop"])}}
    gw.reload(login(serve(), store, provider, gate=gate))
    procs.wait_until(lambda: gw.ask("/", headers=shown).status == 200, what="the gate's own issuer")


def test_no_secret_is_shown(gateway, serve, store, provider):
    gw = gateway(login(serve(), store, provider))
    shown = gw.cli("check", "--effective").stdout + json.dumps(gw.status()) + gw.log()
    assert "login.providers.corp.client_secret: <redacted-7-chars>" in shown
    for secret in ("hunter2", COOKIE_KEY, TOKEN_KEY):
        assert secret not in shown


def test_rules_of_a_store_say_nothing_of_credentials(gateway, store, serve):
    gw = gateway(from_redis(store))
    up = serve()
    for key, value in ({"credentials": [{"header": "A", "value": "session_token"}]}, "credentials"), ({"cookies": "all"}, "cookies"):
        store.db.set(f"yett:route:{value}", json.dumps({"path": f"/{value}", "target": up.address} | key))
        procs.wait_until(lambda v=value: gw.ask(f"/{v}").why == "rule_refused", what=value)
