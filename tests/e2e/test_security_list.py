"""The list of attacks on the gates that Yett replaces, by their numbers: a case of some here, by the configuration that such a gate
has, and of each where all of it is tried."""

import ast
import hashlib
import hmac
import os
import signal
import time

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from harness.gateway import BINARY, from_redis, merge, proxy_to
from harness.load import Load
from harness.procs import run, wait_until
from harness.tokens import SECRET, b64, bearer, token, unsigned

ELSEWHERE = {
    1: ["test_token_corpus::test_hmac", "test_token_corpus::test_public_keys"],
    2: ["test_token_corpus::test_key_and_secret_side_by_side"],
    3: ["test_gate_matrix::test_claims"],
    4: ["test_gate_matrix::test_one_verdict_each", "test_authorise::test_the_gate_asks_too"],
    5: ["test_gate_matrix::test_one_verdict_each"],
    6: ["test_identity_headers::test_spellings", "test_identity_headers::test_headers_of_the_older_gateways",
        "test_identity_headers::test_connection_cannot_name_it_away", "test_identity_headers::test_as_a_trailer"],
    7: ["test_login_attacks::test_a_login_ends_nowhere_else", "test_redirects::test_backslash_is_refused"],
    8: ["test_login_attacks::test_states_that_are_none", "test_login_attacks::test_a_callback_works_once",
        "test_login_attacks::test_a_state_belongs_to_its_browser"],
    9: ["test_login_attacks::test_an_id_that_is_known_beforehand"],
    10: ["test_login_attacks::test_cookies_that_were_changed", "test_sessions::test_dead_cookie"],
    11: ["test_cors::test_origins", "test_cors::test_whatever_the_gateway_says", "test_cors::test_mistakes"],
    12: ["test_conformance::test_case"],
    13: ["test_hub_hosts::test_hosts_that_are_not_meant", "test_hub_hosts::test_spellings_of_one_host",
         "test_hub_hosts::test_http_only_where_it_may", "test_hub_hosts::test_private_addresses"],
    14: ["test_rates::test_xff_evades_nothing"],
    15: ["test_api_redx::test_flush_touches_rules_only"],
    16: ["test_suspension::test_names_of_keys"],
    17: ["test_admin::test_not_reachable_from_traffic", "test_api_access::test_traffic_listeners_have_no_api",
         "test_api_access::test_names_that_resolve_to_the_api_lead_nowhere"],
    18: ["test_own_answers::test_no_internal_address"],
    19: ["test_access_log::test_no_secret_of_any_kind", "test_login_attacks::test_nothing_secret_is_told",
         "test_hub_hosts::test_tokens_stay_out_of_what_is_written"],
    20: ["test_hop_by_hop::test_repeated_fields_keep_their_order"],
    21: ["test_suspension::test_raw_key", "test_suspension::test_redis_down", "test_suspension::test_too_old", "test_suspension::test_lost_notice"],
    22: ["test_body_limit::test_by_length", "test_body_limit::test_chunked", "test_body_limit::test_limit_of_riox"],
    23: ["test_slow_loris::test_attackers_do_not_hurt_others", "test_head_limits::test_slow_head", "test_head_limits::test_slow_body"],
    24: ["test_reload::test_open_requests_keep_their_table", "test_random_kills::test_master_within_a_reload"],
    25: ["test_worker_killed::test_under_load"],
}


def test_no_item_is_forgotten():
    assert sorted(ELSEWHERE) == list(range(1, 26))


@pytest.mark.parametrize("item, name", [(item, name) for item, names in ELSEWHERE.items() for name in names])
def test_shown_elsewhere(item, name):
    file, test = name.split("::")
    with open(os.path.join(os.path.dirname(__file__), file + ".py")) as f:
        assert any(isinstance(n, ast.FunctionDef) and n.name == test for n in ast.parse(f.read()).body), (item, name)


@pytest.fixture
def riox(gateway, serve):
    """The gate of Riox, by its profile."""
    up = serve()
    gw = gateway({"compatibility": "riox", "gate": {"secret": SECRET, "claims": {"id": "auth_id"}}, "routes": [{"path": "/", "target": up.address}]})
    gw.upstream = up
    return gw


def test_1_algorithms(riox):
    good = token()
    head = b64(b'{"alg":"none","typ":"JWT"}')
    for t in (unsigned(), unsigned("None"), unsigned("nOnE"), unsigned("NONE", b"x"), unsigned("HS256"), unsigned("HS384", b"x" * 48),
              ".".join([head, good.split(".")[1], ""]), ".".join([head, *good.split(".")[1:]]), unsigned(""), unsigned("RS256", b"x" * 256)):
        assert riox.ask("/api/x", headers=bearer(t)).status == 401, t
    assert riox.ask("/api/x", headers=bearer(good)).status == 200


def test_2_a_public_key_is_no_secret(gateway, serve, tmp_path):
    key = rsa.generate_private_key(65537, 2048)
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "issuer.pem").write_bytes(pem)
    for more in ({"algorithms": ["RS256"]}, {"algorithms": ["RS256", "HS256"], "secret": SECRET}):
        gw = gateway({"gate": {"protect": ["/"], "public_key": {"file": str(tmp_path / "issuer.pem")}} | more,
                      "routes": [{"path": "/", "target": serve().address}]})
        for secret in pem, pem.strip(), pem.decode().replace("\n", "").encode():
            data = b64(b'{"alg":"HS256"}') + "." + b64(b'{"id":"1"}')
            forged = data + "." + b64(hmac.new(secret, data.encode(), hashlib.sha256).digest())
            assert gw.ask("/", headers=bearer(forged)).status == 401
        gw.stop()


def test_3_empty_secrets_and_ids(riox, tmp_path):
    for secret in ("''", "{file: empty}", "{env: NOT_SET_ANYWHERE}"):
        (tmp_path / "empty").write_text("")
        (tmp_path / "yett.yaml").write_text("gate: {protect: [/], secret: " + secret + "}\nroutes: [{target: h}]\n")
        assert run([BINARY, "check", "-c", str(tmp_path / "yett.yaml")]).returncode != 0, secret
    for bad in ("", None, 0, 42, True, [], ["4,2"], [42], {}, " ", "4 2\r\nauth_id: 1", "42\n", "4\x002", " 42"):
        assert riox.ask("/api/x", headers=bearer(token(id=bad))).why in ("token_claim", "token_malformed"), repr(bad)
    for secret in ("\0", "x", SECRET + "\n", SECRET[:-1]):
        assert riox.ask("/api/x", headers=bearer(token(secret))).why == "token_signature", repr(secret)


def test_4_ways_round_a_prefix(riox):
    for path in ("/api", "/api/", "/api//x", "//api/x", "/%61pi/x", "/./api", "/x/../api/y", "/x/%2e%2e/api", "/api/./v1/users", "/api?x"):
        assert riox.ask(path).why == "token_missing", path
    for path in ("/x/..;/api", "/api/..;/x", "/;/api", "/x%2f..%2fapi", "/%2fapi", "/x\\..\\api", "/api%00", "/%c0%af/api"):
        assert riox.ask(path).status == 400, path
    assert not riox.upstream.requests and riox.ask("/apix").status == 200


def test_5_exemptions(riox):
    assert riox.ask("/api/v1/users", "POST").status == riox.ask("/api/v1/users/auth/local").status == 200
    for method, path in (("GET", "/api/v1/users"), ("POST", "/api/v1/usersX"), ("POST", "/api/v1/users/me"), ("POST", "/api/v1/users/_bootstrap"),
                         ("PUT", "/api/v1/users"), ("GET", "/api/v1/users/auth/localhost"), ("POST", "/api/v1/users/auth/local/x"),
                         ("post", "/api/v1/users")):
        assert riox.ask(path, method).why in ("token_missing", "unsupported_method", "bad_request"), (method, path)


def test_6_headers_of_the_gateway(riox):
    names = ["auth_id", "auth-id", "Auth_Id", "AUTH-ID", "auth.id", "X-Redx-Frontend-Name", "x_redx_frontend_name", "Renku-Auth-Id-Token",
             "renku_user_id", "Gitlab-Access-Token"]
    for path, who in ("/open", {}), ("/api/x", bearer(token(id="42"))):
        r = riox.ask(path, headers=[(n, "evil") for n in names for _ in range(2)] + list(who.items()))
        sent = [(n.lower(), v) for n, v in riox.upstream.requests[-1].headers]
        assert r.status == 200 and not [n for n, v in sent if v == "evil"], sent
        assert [v for n, v in sent if n == "auth_id"] == (["42"] if who else [])


def test_11_cors(gateway, serve, tmp_path):
    file = tmp_path / "yett.yaml"
    for origin in "*", "null":
        file.write_text("routes: [{target: h, cors: {origins: ['" + origin + "'], credentials: true}}]\n")
        assert run([BINARY, "check", "-c", str(file)]).returncode == 1
    site = "https://app.example.org"
    gw = gateway({"routes": [{"path": "/", "target": serve().address, "cors": {"origins": [site, "https://*.example.net"], "credentials": True}}]})
    for origin in ("null", "https://app.example.org.evil.org", "https://evilapp.example.org", "https://evil.org/.example.net", "https://.example.net",
                   "https://evil.org#.example.net", "https://evilexample.net", "https://example.net", "HTTPS://APP.EXAMPLE.ORG", site + ":443"):
        for method, more in ("GET", {}), ("OPTIONS", {"Access-Control-Request-Method": "PUT"}):
            r = gw.ask("/", method, headers={"Origin": origin} | more)
            assert not [n for n, _ in r.headers if n.lower().startswith("access-control")] and "Origin" in r.all("Vary"), origin
    r = gw.ask("/", headers={"Origin": site})
    assert (r.header("Access-Control-Allow-Origin"), r.header("Access-Control-Allow-Credentials")) == (site, "true")


def test_14_limits_by_address(gateway, serve):
    """What a client says of its address is no other address, in any field, and through a proxy that is trusted the nearest one counts."""
    gw = gateway({"routes": [{"path": "/", "target": serve().address}], "limits": {"rates": ["3/hour"]}})
    says = ["X-Forwarded-For", "X-Real-IP", "Forwarded", "Client-IP", "True-Client-IP", "CF-Connecting-IP", "X-Client-IP", "x_forwarded_for"]
    asked = [gw.ask("/", headers={n: f"for=192.0.2.{i}" if n == "Forwarded" else f"192.0.2.{i}"}).status for i, n in enumerate(says)]
    assert asked == [200] * 3 + [429] * (len(says) - 3)
    gw = gateway({"routes": [{"path": "/", "target": serve().address}], "limits": {"rates": ["3/hour"]},
                  "trusted_proxies": ["127.0.0.1"]})
    asked = [gw.ask("/", headers={"X-Forwarded-For": f"10.0.0.{i}, 192.0.2.1"}).status for i in range(5)]
    assert asked == [200] * 3 + [429] * 2 and gw.ask("/", headers={"X-Forwarded-For": "192.0.2.1, 192.0.2.2"}).status == 200


@pytest.fixture
def ashine(gateway, serve, store):
    """The gate of a-shine, by its profile: whoever's id is a key in Redis is suspended."""
    gw = gateway(merge(from_redis(store), {"compatibility": "a-shine", "gate": {"secret": SECRET, "protect": ["/"]},
                                           "routes": [{"path": "/", "target": serve().address}]}))
    gw.store = store
    return gw


def who(gw, name):
    return gw.ask("/", headers={"Cookie": "token=" + token(id=name)})


def test_16_ids_are_no_commands(ashine):
    """They are asked for as they are, one argument whatever they hold; what could end a line is refused before."""
    db = ashine.store.db
    db.set("kept", "1")
    db.config_resetstat()
    for name in ("1 kept", "x\" FLUSHALL", "'; SET evil 1", "*1", "$4", "*", "?", "{a}", "[ab]", "a\\r\\nFLUSHALL", "%0d%0aFLUSHALL"):
        assert who(ashine, name).status == 200, name
    for name in ("x\r\nFLUSHALL\r\n", "x\nSET evil 1", "\r\n*1\r\n$8\r\nFLUSHALL\r\n", "x\x00y"):
        assert who(ashine, name).status in (400, 401), repr(name)
    ran = {n.removeprefix("cmdstat_") for n in db.info("commandstats")}
    assert db.get("kept") in (b"1", "1") and not db.exists("evil") and not ran & {"flushall", "flushdb", "del", "keys", "eval"}, ran
    db.set("*", "1")
    wait_until(lambda: who(ashine, "*").why == "suspended", 1)
    assert who(ashine, "?").status == who(ashine, "a").status == 200 and who(ashine, "kept").why == "suspended"


def test_21_suspended_at_once_and_closed_when_nobody_knows(ashine):
    db = ashine.store.db
    for name in ("42", "7"):
        assert who(ashine, name).status == 200
    begin = time.monotonic()
    db.set("42", "1")
    wait_until(lambda: all(who(ashine, "42").why == "suspended" for _ in range(4)), 1)
    assert time.monotonic() - begin < 1
    ashine.store.kill()
    wait_until(lambda: who(ashine, "a stranger").why == "suspension_unknown", 2)
    assert who(ashine, "42").why == "suspended"


def test_24_a_reload_under_load_loses_nothing(gateway, responder):
    gw = gateway(proxy_to(responder))
    with Load(gw.port, rate=300, connections=8) as load:
        for i in range(5):
            gw.reload(merge(proxy_to(responder), {"limits": {"keepalive_requests": 1000 + i}}))
    assert load.result["failures"] == [] and load.result["ok"] > 20


def test_25_a_new_worker_has_the_table_of_the_others(gateway, responder):
    gw = gateway(proxy_to(responder))
    gw.reload()
    version, victim = gw.status()["table"]["version"], gw.workers()[0]
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: len(gw.workers()) == 2 and victim not in gw.workers(), 5)
    wait_until(lambda: set(gw.status()["table"]["acknowledged"]) == {version}, 5)
