"""Riox's gate: paths x methods x tokens, each with exactly one verdict; and the upstream sees the path that was judged."""

import itertools
import time

import pytest

from harness import tokens
from harness.gateway import merge, proxy_to
from harness.tokens import SECRET, basic, bearer, token

CONFIG = {"gate": {"protect": ["/api"], "except": ["/api/v1/users/auth/local", {"path": "/api/v1/users", "methods": ["POST"]}],
                   "secret": SECRET, "sources": ["bearer", "basic", "cookie"], "cookie": "token", "claims": {"id": "auth_id"}}}

# How a path is judged: protected, open, open for POST alone, or refused whatever the token; and what the upstream sees.
PATHS = {
    "/api": ("protected", "/api"), "/api/": ("protected", "/api/"), "/api/x": ("protected", "/api/x"),
    "/api?x": ("protected", "/api?x"), "//api": ("protected", "/api"), "/api//x": ("protected", "/api/x"),
    "/./api/x": ("protected", "/api/x"), "/%61pi/x": ("protected", "/api/x"), "/%61%70%69": ("protected", "/api"),
    "/x/../api/y": ("protected", "/api/y"), "/x/%2e%2e/api/y": ("protected", "/api/y"), "/x/.%2E/api": ("protected", "/api"),
    "/../api": ("protected", "/api"), "/api/..": ("open", "/"), "/api/../x": ("open", "/x"), "/api/x/../../x": ("open", "/x"),
    "/API/x": ("open", "/API/x"), "/apix": ("open", "/apix"), "/ap": ("open", "/ap"), "/x/api": ("open", "/x/api"),
    "/": ("open", "/"), "/x?/api/": ("open", "/x?/api/"),
    "/api%2fv1": ("refused", None), "/api%2Fv1": ("refused", None), "/%2fapi": ("refused", None),
    "/x%2f..%2fapi": ("refused", None),
    "/api/..;/x": ("refused", None), "/api;a=b/x": ("refused", None), "/;/api": ("refused", None),
    "/x/..;/api": ("refused", None),
    "/x%5c..%5capi": ("refused", None), "/x\\..\\api": ("refused", None), "/api%00": ("refused", None),
    "/a%zz": ("refused", None),
    "/%c0%af/api": ("refused", None), "/api%3bx": ("refused", None), "/api%3fx": ("refused", None), "/api%23x": ("refused", None),
    "/api/v1/users": ("open for POST", "/api/v1/users"), "/api/v1/users/": ("open for POST", "/api/v1/users/"),
    "/api//v1/./users": ("open for POST", "/api/v1/users"), "/api/v1/%75sers": ("open for POST", "/api/v1/users"),
    "/api/v1/usersX": ("protected", "/api/v1/usersX"), "/api/v1/users/me": ("protected", "/api/v1/users/me"),
    "/api/v1/users/_bootstrap": ("protected", "/api/v1/users/_bootstrap"),
    "/api/v1/users/auth/local": ("open", "/api/v1/users/auth/local"),
    "/api/v1/users/auth/local/": ("open", "/api/v1/users/auth/local/"),
    "/api/v1/users/auth/localhost": ("protected", "/api/v1/users/auth/localhost"),
    "/api/v1/users/auth/local/x": ("protected", "/api/v1/users/auth/local/x"),
    "/api/v1/users/auth/local/../x": ("protected", "/api/v1/users/auth/x"),
    "/api/v1/users/auth/local;x": ("refused", None), "/api/v1/users/auth%2flocal": ("refused", None),
    "/api/v1/users/auth/local%2f..%2fx": ("refused", None), "/api/v1/users/auth/local%2fx": ("protected", "/api/v1/users/auth/local%2fx"),
    "/api/x%2fy": ("protected", "/api/x%2fy"), "/api/x;y": ("protected", "/api/x;y"), "/x%2fy": ("open", "/x%2fy"),
    "/x;y=z": ("open", "/x;y=z"), "/api/%c3%a9": ("protected", "/api/%c3%a9"),
}


def cookie(value):
    return {"Cookie": f"a=b; token={value}; c=d"}


def changed_claims(t):
    head, _, signature = t.split(".")
    return ".".join([head, tokens.unsigned(id="43").split(".")[1], signature])


# A token and its verdict on a protected path: None passes, else the reason.
def make_tokens():
    now = int(time.time())
    good = token()
    return {
        "good": (bearer(good), None),
        "of 384 bits": (bearer(token(algorithm="HS384")), "token_algorithm"),
        "lower-case scheme": ({"Authorization": "bearer " + good}, None),
        "upper-case scheme": ({"authorization": "BEARER  " + good}, None),
        "cookie": (cookie(good), None),
        "basic password": (basic("anybody", good), None),
        "none": ({}, "token_missing"),
        "bare": ({"Authorization": good}, "token_missing"),
        "other scheme": ({"Authorization": "Digest " + good}, "token_missing"),
        "other cookie": ({"Cookie": f"xtoken={good}; token2={good}"}, "token_missing"),
        "in the query alone": ({"X-Access-Token": good}, "token_missing"),
        "expired": (bearer(token(exp=now - 3600)), "token_expired"),
        "not yet valid": (bearer(token(nbf=now + 3600)), "token_not_yet_valid"),
        "wrong signature": (bearer(token(secret="another secret of thirty-two bytes")), "token_signature"),
        "cut signature": (bearer(good[:-3]), "token_signature"),
        "changed claims": (bearer(changed_claims(good)), "token_signature"),
        "alg none": (bearer(tokens.unsigned("none")), "token_algorithm"),
        "alg None": (bearer(tokens.unsigned("None", b"x")), "token_algorithm"),
        "alg RS256": (bearer(tokens.unsigned("RS256", b"x" * 256)), "token_algorithm"),
        "alg hs256": (bearer(tokens.unsigned("hs256", b"x" * 32)), "token_algorithm"),
        "no id": (bearer(token(id=None)), "token_claim"),
        "empty id": (bearer(token(id="")), "token_claim"),
        "number as id": (bearer(token(id=42)), "token_claim"),
        "line break in id": (bearer(token(id="42\r\nX-Evil: 1")), "token_claim"),
        "text as exp": (bearer(token(exp="9999999999")), "token_claim"),
        "garbage": (bearer("garbage"), "token_malformed"),
        "dots": (bearer(".."), "token_malformed"),
        "not base64": (bearer("a.b!.c"), "token_malformed"),
        "two parts": (bearer(good.rpartition(".")[0]), "token_malformed"),
        "four parts": (bearer(good + ".x"), "token_malformed"),
        "no token": ({"Authorization": "Bearer"}, "token_malformed"),
        "two words": (bearer(good + " x"), "token_malformed"),
        "basic of no base64": ({"Authorization": "Basic !!!"}, "token_malformed"),
        "basic without token": (basic("user", "password"), "token_malformed"),
        "bad one with a good cookie": (bearer("garbage") | cookie(good), "token_malformed"),
        "expired one with a good cookie": (bearer(token(exp=now - 3600)) | cookie(good), "token_expired"),
        "twice": ([("Authorization", "Bearer " + good)] * 2, "token_repeated"),
        "twice, one bad": ([("Authorization", "Bearer " + good), ("authorization", "Bearer x")], "token_repeated"),
        "two in one field": ({"Authorization": f"Bearer {good}, Bearer {good}"}, "token_malformed"),
    }


STATUS = {"token_repeated": 400}


def expected(kind, method, why):
    if kind == "refused":
        return 400, "path"
    if kind == "open" or (kind == "open for POST" and method == "POST") or why is None:
        return 200, None
    return STATUS.get(why, 401), why


def test_one_verdict_each(gateway, serve):
    up = serve()
    gw = gateway(proxy_to(up) | CONFIG | {"limits": {"keepalive_requests": 100000}})
    wrong = []
    everything = itertools.product(PATHS.items(), ["GET", "POST", "DELETE"], make_tokens().items())
    c = gw.connect()
    for (path, (kind, seen)), method, (name, (headers, why)) in everything:
        before = len(up.requests)
        if method != "GET" and name not in ("good", "none", "expired"):
            continue
        r = c.ask(path, method, headers=headers)
        status, reason = expected(kind, method, why)
        got = (r.status, r.why if r.why not in ("bad_path", "bad_request") else "path")
        targets = [u.target for u in up.requests[before:]]
        if got != (status, reason) or targets != ([seen] if status == 200 else []):
            wrong.append((path, method, name, got, targets, "expected", status, reason, seen))
        if r.header("Connection") == "close":
            c.close()
            c = gw.connect()
    c.close()
    assert not wrong, "\n".join(map(str, wrong[:40]))


@pytest.mark.parametrize("sources, headers, why", [
    (["bearer"], cookie(token()), "token_missing"), (["bearer"], basic("x", token()), "token_missing"),
    (["bearer", "bare"], {"Authorization": token()}, None), (["cookie"], bearer(token()), "token_missing"),
    (["cookie"], cookie(token()), None), (["cookie"], {"Cookie": f'token="{token()}"'}, None),
    (["cookie"], {"Cookie": f"token={token()}; token=x"}, "token_repeated"),
    (["cookie"], {"Cookie": f"token=x; token={token()}"}, "token_repeated"),
])
def test_sources(gateway_with, sources, headers, why):
    r = gateway_with(sources=sources).ask("/api", headers=headers)
    assert r.why == why and r.status == (STATUS.get(why, 401) if why else 200)


@pytest.mark.parametrize("gate, claims, why", [
    ({"leeway": "60s"}, {"exp": -30}, None), ({"leeway": "60s"}, {"exp": -90}, "token_expired"),
    ({"leeway": "60s"}, {"nbf": 30}, None), ({"leeway": "0s"}, {"exp": -2}, "token_expired"),
    ({"require_exp": True}, {"exp": None}, "token_claim"), ({"require_exp": False}, {"exp": None}, None),
    ({"issuer": "https://i"}, {"iss": "https://i"}, None), ({"issuer": "https://i"}, {"iss": "https://I"}, "token_issuer"),
    ({"issuer": "https://i"}, {}, "token_issuer"), ({"issuer": "https://i"}, {"iss": ["https://i"]}, "token_issuer"),
    ({"audience": ["a", "b"]}, {"aud": "b"}, None), ({"audience": ["a"]}, {"aud": ["x", "a"]}, None),
    ({"audience": ["a"]}, {"aud": "x"}, "token_audience"), ({"audience": ["a"]}, {}, "token_audience"),
])
def test_claims(gateway_with, gate, claims, why):
    now = int(time.time())
    claims = {n: now + v if n in ("exp", "nbf") and v is not None else v for n, v in claims.items()}
    assert gateway_with(**gate).ask("/api", headers=bearer(tokens.token(**claims))).why == why


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
def test_algorithms(gateway_with, algorithm):
    gw = gateway_with(algorithms=[algorithm])
    for used in ("HS256", "HS384", "HS512"):
        r = gw.ask("/api", headers=bearer(token(algorithm=used)))
        assert r.why == (None if used == algorithm else "token_algorithm")


def test_verified_token_is_remembered_but_expires(gateway_with):
    gw = gateway_with(leeway="0s")
    t = bearer(token(exp=int(time.time()) + 2))
    with gw.connect() as c:
        assert [c.ask("/api", headers=t).status for _ in range(5)] == [200] * 5
        assert gw.metrics()["yett_token_hits_total"] >= 4
        time.sleep(2.2)
        assert c.ask("/api", headers=t).why == "token_expired"


def test_new_secret_voids_what_was_remembered(gateway_with, serve):
    up = serve()
    gw = gateway_with()
    with gw.connect() as c:
        t = bearer(token())
        assert c.ask("/api", headers=t).status == 200
        gate = merge(CONFIG, {"gate": {"secret": "a new secret of more than thirty-two bytes"}})
        assert gw.reload(proxy_to(up) | gate).returncode == 0
        assert c.ask("/api", headers=t).why == "token_signature"


def test_head_and_options_are_protected(gateway_with):
    gw = gateway_with()
    assert [gw.ask("/api", m).status for m in ("HEAD", "OPTIONS", "PUT", "PURGE")] == [401] * 4


def test_token_is_never_logged(gateway_with):
    gw = gateway_with()
    t = token()
    for headers in (bearer(t), cookie(t), basic("u", t)):
        gw.ask(f"/api?access_token={t}", headers=headers)
    gw.logged(path="/api")
    assert t not in gw.log() + str(gw.access_log()) and t.split(".")[2] not in gw.log() + str(gw.access_log())


@pytest.fixture
def gateway_with(gateway, serve):
    return lambda **gate: gateway(proxy_to(serve()) | merge(CONFIG, {"gate": gate}))
