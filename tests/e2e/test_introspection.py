"""Tokens that say nothing themselves: their issuer is asked, over TLS, once for all workers; what it said is kept, and what
cannot be found out is not the client's fault."""

import base64
import json
import threading
import time
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.gateway import merge, proxy_to
from harness.procs import wait_until
from harness.provider import Provider
from harness.tls_upstream import TlsUpstream
from harness.tokens import SECRET, bearer, token

CLIENT = "Basic " + base64.b64encode(b"the%2Fgateway:s%3Acr%20t").decode()


class Introspector(TlsUpstream):
    """`tokens`: by token, what is said of it; any other one is not active. Counts what is asked."""

    def __init__(self, pki):
        self.tokens, self.asked, self.delay, self.broken, self.lock = {}, [], 0, None, threading.Lock()
        super().__init__(pki.issue("localhost"), pki.dir, self.introspect, host_name="localhost")
        self.root = pki.root

    def introspect(self, r, c):
        c.close = True
        form = dict(urllib.parse.parse_qsl(c.read_body(r).decode(), keep_blank_values=True))
        with self.lock:
            self.asked.append(form.get("token"))
        time.sleep(self.delay)
        if self.broken:
            c.reply(*self.broken)
        elif form.get("token", "").startswith("odd"):
            c.reply(400)
        elif r.method != "POST" or r.header("Authorization") != CLIENT or r.target != "/introspect":
            c.reply(401)
        else:
            said = self.tokens.get(form["token"])
            c.reply(200, {"Content-Type": "application/json"},
                    json.dumps({"active": said is not None} | (said or {}), ensure_ascii=False).encode())

    def config(self, **more):
        return {"introspection": self.address + "/introspect", "client_id": "the/gateway", "client_secret": "s:cr t",
                "tls": {"ca": self.root}} | more


@pytest.fixture
def issuer(pki):
    i = Introspector(pki)
    yield i
    i.stop()


def guarded(up, asked, more=None, **of_issuer):
    return merge(merge(proxy_to(up), {"gate": {"protect": ["/"], "claims": {"sub": "X-User"},
                                               "issuers": {"corp": asked.config(**of_issuer)}}}), more or {})


def why(gw, t, path="/"):
    r = gw.ask(path, headers=bearer(t))
    return dict(r.json()["headers"]).get("X-User") if r.status == 200 else r.why


def test_one_question_for_all_workers(gateway, serve, issuer):
    gw = gateway(guarded(serve(), issuer, {"workers": 8}))
    opaque, issuer.delay = "opaque/token+with=all&of~it", 0.2
    issuer.tokens[opaque] = {"sub": "7", "scope": "a b"}
    with ThreadPoolExecutor(50) as pool:
        assert set(pool.map(lambda _: why(gw, opaque), range(100))) == {"7"}
    assert issuer.asked == [opaque]
    assert {why(gw, opaque) for _ in range(20)} == {"7"} and issuer.asked == [opaque]
    status = gw.status()["introspection"]
    assert (status["asked"], status["known"], status["waiting"], status["error"]) == (1, 1, 0, "")
    assert "corp asked 1 times, failed 0 times; 1 tokens known" in gw.cli("status").stdout
    assert opaque not in gw.log() and opaque not in open(gw.dir + "/access.log").read()


def test_what_it_says(gateway, serve, issuer):
    gw = gateway(guarded(serve(), issuer, {"gate": {"claims": {"sub": "X-User", "n": {"header": "X-N", "format": "json",
                                                                                     "optional": True}}}},
                         issuer="https://id.example", audience=["shop"], required={"azp": ["web"]}))
    good = {"sub": "7", "aud": "shop", "azp": "web", "iss": "https://id.example", "n": {"ä": 1}, "exp": int(time.time()) + 60}
    for name, changed, want in (("good", {}, "7"), ("aud", {"aud": "other"}, "token_audience"), ("iss", {"iss": "x"}, "token_issuer"),
                                ("azp", {"azp": "x"}, "token_claim"), ("sub", {"sub": None}, "token_claim"),
                                ("exp", {"exp": 1}, "token_expired"), ("nbf", {"nbf": int(time.time()) + 600}, "token_not_yet_valid"),
                                ("no iss", {"iss": None}, "7")):
        issuer.tokens[name] = {n: v for n, v in (good | changed).items() if v is not None}
        assert why(gw, name) == why(gw, name) == want, name
    assert json.loads(dict(gw.ask("/", headers=bearer("good")).json()["headers"])["X-N"].encode("latin-1")) == {"ä": 1}
    n = len(issuer.asked)
    assert why(gw, "stranger") == why(gw, "stranger") == "token_inactive" and len(issuer.asked) == n + 1
    assert why(gw, "x" * 4097) == "token_malformed" and why(gw, "a b") == "token_inactive"
    jwt = token(secret=SECRET, sub="8")
    issuer.tokens[jwt] = good  # without keys all of its tokens are judged there
    assert why(gw, jwt) == "7"


def test_beside_keys(gateway, serve, issuer, pki):
    """What is a JSON Web Token is verified here; routes say whose tokens they take."""
    up, p = serve(), Provider(pki)
    p.rotate("a")
    gw = gateway(guarded(up, issuer, {"gate": {"secret": SECRET, "issuers": {"keys": p.config()}},
                                      "routes": [{"upstream": "u"}, {"path": "/keys", "upstream": "u", "issuers": ["keys"]}]}))
    issuer.tokens["opaque"] = {"sub": "7"}
    assert why(gw, "opaque") == "7" and why(gw, "opaque", "/keys") == "token_issuer"
    assert why(gw, token(sub="8")) == "8" and why(gw, token(secret="x" * 32, sub="8")) == "token_signature"
    assert why(gw, p.token("a", sub="9"), "/keys") == "9"
    assert issuer.asked == ["opaque"]
    p.stop()


def test_what_is_known_ends(gateway, serve, issuer):
    """After introspection_cache; a token that was taken back is asked for again then."""
    gw = gateway(guarded(serve(), issuer, introspection_cache="1s"))
    issuer.tokens["t"] = {"sub": "7"}
    assert why(gw, "t") == "7" and why(gw, "t") == "7" and len(issuer.asked) == 1
    del issuer.tokens["t"]
    time.sleep(2.1)
    assert why(gw, "t") == "token_inactive" and len(issuer.asked) == 2


def test_it_does_not_answer(gateway, serve, issuer):
    """503 with Retry-After, but for what is known; and it is left alone for a moment."""
    gw = gateway(guarded(serve(), issuer, {"routes": [{"path": "/maybe", "upstream": "u", "auth": "optional"}, {"upstream": "u"}],
                                           "gate": {"protect": ["/api"]}}))
    issuer.tokens["known"] = {"sub": "7"}
    assert why(gw, "known", "/api") == "7"
    for n, issuer.broken in enumerate([(500,), (200, {}, b"{}"), (302, {"Location": "/x"})], 1):
        wait_until(lambda: why(gw, f"new{len(issuer.asked)}", "/api") == "gate_unavailable" and len(issuer.asked) == n + 1, 3)
        r = gw.ask("/api", headers=bearer("other"))
        assert (r.status, r.why) == (503, "gate_unavailable") and r.header("Retry-After") and r.header("WWW-Authenticate") is None
        assert gw.ask("/maybe", headers=bearer("other")).status == 503  # nobody must become nobody by our fault
        assert {why(gw, f"new{i}", "/api") for i in range(20)} == {"gate_unavailable"} and len(issuer.asked) == n + 1
        assert why(gw, "known", "/api") == "7" and gw.status()["introspection"]["failures"] == n
    issuer.broken = None
    issuer.tokens["new"] = {"sub": "8"}
    wait_until(lambda: why(gw, "new", "/api") == "8", 3)


def test_one_token_keeps_no_others_away(gateway, serve, issuer):
    """One that the issuer refuses to look at, or says too much of, is nobody else's trouble."""
    gw = gateway(guarded(serve(), issuer))
    issuer.tokens |= {f"good{i}": {"sub": "7"} for i in range(3)} | {f"long{n}": {"sub": "8", "x": "y" * n} for n in (9000, 99000)}
    for i, odd in enumerate(("odd", "long9000", "long99000")):
        assert why(gw, odd) == "gate_unavailable" and why(gw, f"good{i}") == "7", odd
    assert gw.log().count("of one token: it answers 400") == 1 and gw.status()["introspection"]["failures"] == 3


def test_it_is_slow_or_away(gateway, serve, issuer):
    gw = gateway(guarded(serve(), issuer, introspection_timeout="300ms"))
    issuer.delay = 1
    begun = time.monotonic()
    assert why(gw, "slow") == "gate_unavailable" and time.monotonic() - begun < 0.9
    issuer.stop()
    wait_until(lambda: gw.status()["introspection"]["waiting"] == 0)
    assert why(gw, "gone") == "gate_unavailable"


def test_who_may_be_asked(gateway, serve, issuer, pki):
    gw = gateway(guarded(serve(), issuer))
    for of_issuer, told in (({"introspection": "http://x/y"}, "over http"), ({"client_secret": None}, "no secret for it"),
                            ({"introspection": "x"}, "introspection")):
        config = guarded(serve(), issuer, **of_issuer)
        corp = config["gate"]["issuers"]["corp"]
        config["gate"]["issuers"]["corp"] = {n: v for n, v in corp.items() if v is not None}
        done = gw.reload(config)
        assert done.returncode != 0 and told in done.stdout + done.stderr, done
    done = gw.reload(merge(guarded(serve(), issuer), {"gate": {"issuers": {"two": issuer.config()}}}))
    assert done.returncode != 0 and "is asked already" in done.stdout + done.stderr
    issuer.tokens["t"] = {"sub": "7"}
    assert why(gw, "t") == "7"
    other = dict(issuer.config(), client_secret="another one")
    assert gw.reload(merge(proxy_to(serve()), {"gate": {"protect": ["/"], "issuers": {"corp": other}}})).returncode == 0
    assert why(gw, "t2") == "gate_unavailable" and "it answers 401" in gw.status()["introspection"]["error"]
