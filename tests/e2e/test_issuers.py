"""Several issuers: whose token is good where, keys that are fetched over TLS and rotate, and providers that are away."""

import hashlib
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from harness import procs
from harness.gateway import from_redis, merge, proxy_to
from harness.provider import DISCOVERY, KEYS, Provider, jwk, sign
from harness.tls import Pki
from harness.tokens import SECRET, bearer, token

STRANGER = ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
def provider(pki):
    started = []

    def start(*kids, **how):
        started.append(Provider(pki, **how))
        started[-1].rotate(*kids)
        return started[-1]

    yield start
    for p in started:
        p.stop()


def guarded(up, issuers, *routes, **more):
    config = proxy_to(up) | {"gate": {"protect": ["/"], "claims": {"sub": "X-User"}, "issuers": issuers}}
    return merge(config | {"routes": config["routes"] + list(routes)}, more)


def state(gw, name):
    return next(i for i in gw.status()["issuers"] if i["name"] == name)


def known(gw, name="corp", keys=1):
    procs.wait_until(lambda: state(gw, name)["keys"] == keys, what=lambda: f"{keys} keys: {state(gw, name)}")


def why(gw, t, path="/"):
    r = gw.ask(path, headers=bearer(t))
    return "" if r.status == 200 else r.why


def test_one_fetch_for_all_who_meet_a_new_key(gateway, serve, provider):
    p = provider("a")
    gw = gateway(guarded(serve(), {"corp": p.config()}, workers=8))
    known(gw)
    begun = time.monotonic()
    old = p.token("a")
    assert why(gw, old) == ""
    assert (p.count(DISCOVERY), p.count()) == (1, 1)
    p.rotate("b")
    for _ in range(3):  # a moment after the last fetch nobody waits, and nobody asks
        at = time.monotonic()
        assert why(gw, p.token("b")) == "token_key" and time.monotonic() - at < 1
    assert why(gw, p.token("z", STRANGER, iss="elsewhere")) == "token_issuer"
    assert p.count() == 1
    procs.wait_until(lambda: time.monotonic() > begun + 10.2, 15)
    new = p.token("b")
    explained = gw.cli("explain", "GET", "http://test/", "-H", "Authorization: Bearer " + new)
    assert "token: token_key" in explained.stdout and p.count() == 1, explained  # it only says what would be
    p.delay = 0.5
    with ThreadPoolExecutor(60) as pool:
        guesses = [pool.submit(why, gw, p.token(f"guess {i}", STRANGER)) for i in range(40)]
        good = [pool.submit(why, gw, new) for _ in range(20)]
        assert {f.result() for f in good} == {""}
        assert {f.result() for f in guesses} == {"token_key"}
    assert (p.count(DISCOVERY), p.count()) == (1, 2)
    with ThreadPoolExecutor(32) as pool:  # what is gone there is nobody's key on any worker, though it was verified before
        assert set(pool.map(lambda _: why(gw, old), range(64))) == {"token_key"}
    assert p.count() == 2
    name = 'yett_jwks_fetches_total{issuer="corp",result="%s"}'
    procs.wait_until(lambda: gw.metrics()[name % "ok"] == 2, 3, what="the next tick of the master")
    assert gw.metrics()[name % "failed"] == 0
    assert 0 <= gw.metrics()['yett_jwks_age_seconds{issuer="corp"}'] < 30


@pytest.mark.parametrize("delay, passed", [(1, 64), (6, 0)])
def test_few_wait_and_not_long(gateway, serve, provider, delay, passed):
    """For the first fetch, which the start does not wait for: 64 requests of a worker, 2 s."""
    p = provider("a")
    p.delay = delay
    gw = gateway(guarded(serve(), {"corp": p.config(KEYS)}, workers=1))
    t, at = p.token("a"), time.monotonic()

    def one(_):
        return why(gw, t), time.monotonic() - at

    with ThreadPoolExecutor(80) as pool:
        answers = list(pool.map(one, range(80)))
    assert [w for w, _ in answers].count("") == passed
    assert {w for w, _ in answers} - {""} == {"gate_no_keys"}
    waited = sorted(s for w, s in answers if w)
    assert waited[15] < 0.9 and (passed or 1.9 < waited[16] <= waited[-1] < 3.5)
    assert p.count() == 1


def test_keys_outlive_an_outage_and_a_restart(gateway, serve, provider):
    p = provider("a", "b")
    config = guarded(serve(), {"corp": p.config(refresh="1s")})
    gw = gateway(config)
    known(gw, keys=2)
    a, b = p.token("a"), p.token("b")
    assert why(gw, a) == "" == why(gw, b)
    version, hits = gw.status()["table"]["version"], 'yett_token_hits_total'
    seen = p.count()
    procs.wait_until(lambda: p.count() > seen, 5)
    assert gw.status()["table"]["version"] == version  # the same keys are no news
    p.answers = {DISCOVERY: (500, {}, b""), KEYS: (500, {}, b"")}  # it may have moved; where it was is still a good guess
    procs.wait_until(lambda: "500" in state(gw, "corp")["error"], 5)
    del p.answers[KEYS]
    procs.wait_until(lambda: state(gw, "corp")["error"] == "" and p.count(DISCOVERY) > 1, 5)
    p.stop()
    procs.wait_until(lambda: "refused" in state(gw, "corp")["error"], what=lambda: state(gw, "corp"))
    assert why(gw, a) == "" == why(gw, b)
    kept = os.path.join(gw.state_dir, "issuers.json")
    procs.wait_until(lambda: os.path.exists(kept), 5)
    gw.stop()
    gw.start()
    assert why(gw, a) == "" == why(gw, b) and state(gw, "corp")["source"] == "last-known-good"
    p.rotate("b", "c")
    p.answers = {}
    p.start()
    procs.wait_until(lambda: why(gw, a) == "token_key", 8)
    assert why(gw, b) == "" == why(gw, p.token("c")) and state(gw, "corp")["error"] == ""


def test_a_reload_keeps_what_is_known(gateway, serve, provider):
    p, clear = provider("a"), serve(lambda r, c: c.reply(body=p.document()))
    plain = {"issuer": "clear", "algorithms": ["ES256"], "jwks_uri": f"http://{clear.address}/", "allow_http": True}
    config = guarded(serve(), {"corp": p.config(), "clear": plain})
    gw = gateway(config)
    known(gw)
    known(gw, "clear")
    corp, other = p.token("a"), p.token("a", iss="clear")
    assert why(gw, corp) == "" == why(gw, other)
    assert gw.reload(merge(config, {"gate": {"issuers": {"corp": {"required": {"azp": "web"}}}}})).returncode == 0
    assert why(gw, corp) == "token_claim" and why(gw, p.token("a", azp="web")) == "" == why(gw, other)
    assert p.count() == 1
    assert gw.reload(guarded(serve(), {"corp": p.config()})).returncode == 0
    assert why(gw, corp) == "" and why(gw, other) == "token_issuer" and p.count() == 1


BAD = {
    "status": ((500, {}, b""), "answers 500"),
    "redirect": ((302, {"Location": "/keys"}, b""), "no redirect is followed"),
    "words": ((200, {}, b"<html>"), "no set of keys"),
    "empty": ((200, {}, b'{"keys": []}'), "no key that can be used"),
    "private": ((200, {}, json.dumps({"keys": [jwk(STRANGER, kid="s", d="AA")]}).encode()), "no key that can be used"),
    "secret": ((200, {}, b'{"keys": [{"kty": "oct", "k": "%s"}]}' % (b"A" * 64)), "no key that can be used"),
    "huge": ((200, {}, b" " * 300000 + b"{}"), "larger than"),
}


def test_nothing_bad_takes_the_place_of_good_keys(gateway, serve, provider):
    p = provider("a")
    issuers = {n: p.config("/" + n, issuer=n, refresh="1s") for n in BAD}
    p.answers["/other"] = (200, {}, b'{"issuer": "https://else", "jwks_uri": "%s/keys"}' % p.address.encode())
    p.answers["/plain"] = (200, {}, b'{"issuer": "plain", "jwks_uri": "http://localhost/keys"}')
    never = {"other": (p.config(discovery=p.address + "/other"), "another issuer"),
             "plain": (p.config(issuer="plain", discovery=p.address + "/plain"), "allow_http"),
             "stranger": (p.config(issuer="s", tls={"ca": Pki().root}), "certificate"),
             "nowhere": (p.config(issuer="n", discovery="https://no.such.host.invalid/"), "not resolve")}
    gw = gateway(guarded(serve(), issuers | {n: c for n, (c, _) in never.items()}))
    for n in BAD:
        known(gw, n)
        p.answers["/" + n] = BAD[n][0]
    for n, words in [(n, w) for n, (_, w) in BAD.items()] + [(n, w) for n, (_, w) in never.items()]:
        procs.wait_until(lambda: words in state(gw, n)["error"], 15, what=lambda: f"{words}: {state(gw, n)}")  # noqa: B023
    for n in BAD:
        assert why(gw, p.token("a", iss=n)) == ""
    for n, iss in (("other", p.issuer), ("stranger", "s")):
        assert state(gw, n)["keys"] == 0
        assert why(gw, p.token("a", iss=iss)) == "gate_no_keys"


def test_whose_token_is_good_where(gateway, serve, pki, tmp_path):
    corp, partner = STRANGER, ec.generate_private_key(ec.SECP256R1())
    file = tmp_path / "partner.json"
    file.write_text(json.dumps({"keys": [jwk(partner, kid="p")]}))
    issuers = {"corp": {"issuer": "corp", "algorithms": ["ES256"], "jwks": str(tmp_path / "corp.json"),
                        "audience": ["shop"], "required": {"azp": ["web", "app"], "realm.roles": "staff"}},
               "partner": {"issuer": "partner", "algorithms": ["ES256"], "jwks": str(file)},
               "own": {"secret": SECRET}}
    key = "a key of an operator, of enough bytes"
    more = {"gate": {"sources": ["bearer", "api_key"]}, "api_keys": {"ci": {"sha256": hashlib.sha256(key.encode()).hexdigest()}}}
    (tmp_path / "corp.json").write_text(json.dumps({"keys": [jwk(corp, kid="p", alg="ES256")]}))
    gw = gateway(guarded(serve(), issuers, *({"path": path, "upstream": "u", "issuers": names} for path, names in [
        ("/corp", ["corp"]), ("/both", ["corp", "partner"]), ("/own", ["own"]), ("/key", ["corp", "api_keys"])]), **more))
    fits = {"iss": "corp", "aud": "shop", "azp": "app", "realm": {"roles": ["staff", "x"]}}
    tokens = {"corp": sign(corp, "p", **fits), "partner": sign(partner, "p", iss="partner"), "own": token(sub="42")}
    for path, names in {"/": ("corp", "partner", "own"), "/corp": ["corp"], "/both": ("corp", "partner"), "/own": ["own"]}.items():
        for _ in range(3):  # also when it is in the cache
            for name, t in tokens.items():
                assert why(gw, t, path) == ("" if name in names else "token_issuer"), (path, name)
    for path, reason in {"/": "", "/key": "", "/corp": "token_issuer"}.items():
        r = gw.ask(path, headers={"X-API-Key": key})
        assert r.status == (401 if reason else 200) and (not reason or r.why == reason), r
    assert why(gw, sign(corp, "p", iss="partner")) == "token_signature"  # the same kid, another's key
    assert why(gw, sign(partner, "p", **fits)) == "token_signature"
    assert why(gw, sign(corp, "q", **fits)) == "token_key"
    assert why(gw, token(iss="corp")) == "token_algorithm"
    for wrong in ({"azp": "other"}, {"azp": None}, {"realm": {"roles": "Staff"}}, {"realm": None}):
        assert why(gw, sign(corp, "p", **fits | wrong)) == "token_claim", wrong
    assert why(gw, sign(corp, "p", **fits | {"aud": "else"})) == "token_audience"
    explained = gw.cli("explain", "GET", "http://test/corp", "-H", "Authorization: Bearer " + tokens["partner"])
    assert "token: token_issuer; issuers: corp" in explained.stdout, explained
    explained = gw.cli("explain", "GET", "http://test/both", "-H", "Authorization: Bearer " + tokens["partner"])
    assert "token: good, of partner; issuers: corp, partner" in explained.stdout, explained
    file.write_text(json.dumps({"keys": [jwk(corp, kid="new")]}))
    procs.wait_until(lambda: why(gw, sign(corp, "new", iss="partner")) == "", 5)
    assert why(gw, tokens["partner"]) == "token_key"
    file.write_text("{")
    procs.wait_until(lambda: state(gw, "partner")["error"], 5)
    assert why(gw, sign(corp, "new", iss="partner")) == ""


def test_a_token_that_two_may_take(gateway, serve):
    """Which of them took it first says nothing of other routes."""
    issuers = {n: {"secret": SECRET, "audience": [n]} for n in ("one", "two")}
    gw = gateway(guarded(serve(), issuers, *({"path": "/" + n, "upstream": "u", "issuers": [n]} for n in issuers), workers=1))
    both, one = token(sub="42", aud=["one", "two"]), token(sub="42", aud=["one"])
    for _ in range(3):
        assert [why(gw, both, path) for path in ("/one", "/two", "/")] == [""] * 3
        assert why(gw, one, "/one") == "" and why(gw, one, "/two") != ""


def test_rules_of_a_store_accept_no_others(gateway, serve, store):
    """The route of the file in the place of one of the store holds it to its issuers, unless the path is left to the store."""
    issuers = {"one": {"issuer": "one", "secret": SECRET}, "two": {"issuer": "two", "secret": SECRET}}
    config = guarded(serve(), issuers, {"path": "/one", "upstream": "u", "issuers": ["one"]},
                     {"path": "/one/two", "upstream": "u", "issuers": ["two"]}, {"path": "/left", "upstream": "u", "issuers": ["one"]})
    gw = gateway(merge(config, from_redis(store) | {"gate": {"delegate": ["/left"]}}))
    tokens = [token(iss="one", sub="x"), token(iss="two", sub="x")]

    def good(path):
        return [why(gw, t, path) == "" for t in tokens]

    for path, names in {"/one/a": ["one", "two"], "/one/b": [], "/one/c": ["two"], "/one/two/a": [], "/left/a": ["two"],
                        "/free": ["two"], "/bad": ["none"]}.items():
        store.db.set("yett:route:" + path.replace("/", "x"), json.dumps(
            {"path": path, "upstream": "u"} | ({"issuers": names} if names else {})))
    procs.wait_until(lambda: why(gw, tokens[0], "/bad") == "rule_refused", 5)
    gw.rules_in_force(lambda r: len(r["refused"]) <= 1)
    assert good("/one") == [True, False] and good("/one/two") == [False, True]
    assert good("/one/a") == [True, False] == good("/one/b") and good("/one/c") == [False, False]
    assert good("/one/two/a") == [False, True]
    assert good("/left/a") == [False, True] == good("/free")


CORP = {"issuer": "https://c", "jwks_uri": "https://c/keys", "tls": {"ca": "/dev/null"}}


WRONG = [
    ({"issuer": "c"}, "nothing says where its keys are"),
    (CORP | {"secret": SECRET}, "of two sources"),
    (CORP | {"algorithms": ["HS256", "RS256"]}, "make two issuers of it"),
    (CORP | {"algorithms": ["HS256"]}, "take a secret"),
    ({"jwks_uri": "http://c/keys"}, "allow_http: true"),
    ({"jwks_uri": "https://u@c/keys"}, "its host is none"),
    ({"discovery": "https://c/x"}, "give issuer"),
    ({"jwks": "/dev/shm/none.json"}, "cannot be read"),
    ({"secret": SECRET, "required": {"azp": []}}, "no value of azp"),
    (CORP | {"refresh": "5m", "refesh": "5m"}, "refresh"),
]


def test_check_names_what_is_wrong(gateway, serve):
    up = serve()
    gw = gateway(proxy_to(up))
    for issuer, words in WRONG:
        gw.configure(guarded(up, {"corp": issuer}))
        r = gw.cli("check")
        assert r.returncode == 1 and words in r.stdout + r.stderr, (issuer, r)
    gw.configure(guarded(up, {"corp": {"secret": SECRET}}, {"path": "/a", "upstream": "u", "issuers": ["crop"]}))
    r = gw.cli("check")
    assert r.returncode == 1 and "there is no issuer crop" in r.stdout + r.stderr, r
    for issuers, words in (({"default": {"secret": SECRET}}, "choose another one"),
                           ({n: {"issuer": "same", "secret": SECRET} for n in "ab"}, "takes all its tokens")):
        gw.configure(guarded(up, issuers))
        r = gw.cli("check")
        assert r.returncode == 1 and words in r.stdout + r.stderr, r
