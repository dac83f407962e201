"""The example configuration of Renku's gateway (etc/examples/renku.yaml), before services that echo: its routes, what the command line
may show, and that nobody can pass for somebody else."""

import base64
import json
import os

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from harness.procs import wait_until
from harness.provider import DISCOVERY, KEYS, jwk, sign
from harness.tokens import bearer

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
SECRETS = {"GATEWAY_SESSIONS_COOKIEHASHKEY": "h" * 32, "GATEWAY_LOGIN_TOKENENCRYPTION_SECRETKEY": "t" * 32,
           "GATEWAY_LOGIN_PROVIDERS_RENKU_CLIENTSECRET": "the-client-secret"}
KEY = ec.generate_private_key(ec.SECP256R1())


def publish(r, c):
    """Keycloak, as far as it is asked."""
    c.close = True
    own = "http://" + r.header("Host")
    if r.path == DISCOVERY:
        c.reply(body=json.dumps({"issuer": own, "jwks_uri": own + KEYS, "authorization_endpoint": own + "/a",
                                 "token_endpoint": own + "/t"}).encode())
    else:
        c.reply(body=json.dumps({"keys": [jwk(KEY, kid="k", use="sig")]}).encode())


def gone(r, c):
    found = r.target == "/api/data/platform/redirects/https%3A%2F%2Fgitlab.example.org%2Fa%2Fb"
    if r.path == "/":
        c.reply(200, {"Content-Type": "application/json"},
                json.dumps({"name": "renku", "target": r.target, "headers": r.headers}).encode())
    else:
        c.reply(200 if found else 404, body=b'{"source_url":"x","target_url":"https://renku.example.org/p/1"}')


@pytest.fixture
def renku(gateway, serve, store):
    """The gateway, its services by name, and who signs tokens."""
    ups = {"data": serve(name="data"), "keycloak": serve(name="keycloak"), "ui": serve(name="ui"), "renku": serve(gone, name="renku")}
    idp = serve(publish, name="idp")
    with open(f"{ROOT}/etc/examples/renku.yaml", encoding="utf-8") as f:
        text = f.read()
    for old, new in (("production", "development"), ("https://renku.example.org/auth/realms/Renku", f"http://{idp.address}"),
                     ("http://data-service:8000", f"http://{ups['data'].address}"), ("http://keycloak:8080", f"http://{ups['keycloak'].address}"),
                     ("http://ui-server:80", f"http://{ups['ui'].address}"), ("redis:6379", f"127.0.0.1:{store.port}"),
                     ("  renkuBaseURL: \"https://renku.example.org\"\n  renkuServices", f"  renkuBaseURL: \"http://{ups['renku'].address}\"\n  renkuServices"),
                     ("    renkuBaseURL: \"https://renku.example.org\"\n    redirected", f"    renkuBaseURL: \"http://{ups['renku'].address}\"\n    redirected")):
        assert old in text, old
        text = text.replace(old, new)
    gw = gateway(text + "health: {enabled: false}\n", env=SECRETS)
    wait_until(lambda: all(i["keys"] for i in gw.status()["issuers"] if i["name"].startswith("bearer-")), what="the keys")
    return gw, ups, "http://" + idp.address


ROUTES = [
    ("/api/data", ("data", "/api/data")), ("/api/data/x%2Fy", ("data", "/api/data/x%2Fy")), ("/api/data/x/", ("data", "/api/data/x")),
    ("/api/notebooks", ("data", "/api/data/notebooks")), ("/api/notebooks/x", ("data", "/api/data/notebooks/x")),
    ("/api/kc/auth/realms/Renku/x", ("keycloak", "/auth/realms/Renku/x")), ("/", ("renku", "/")),
    ("/ui-server/api/data/repositories/https%3A%2F%2Fexample.org%2Fgroup%2Frepo",
     ("data", "/api/data/repositories/https%3A%2F%2Fexample.org%2Fgroup%2Frepo")),
    ("/ui-server/api/notebooks/x", ("data", "/api/data/notebooks/x")), ("/ui-server/ws", ("ui", "/ui-server/ws")),
    ("/ui-server/api/allows-iframe/x", ("ui", "/ui-server/api/allows-iframe/x")),
    ("/api/data/user/secret_key", 404), ("/ui-server/api/data/user/secret_key", 404), ("/api/data/user//secret_key/", 404),
    ("/api/data/user/secret%5Fkey", 404), ("/api/data/x/../user/./secret_key", 404), ("/api/data/user%2Fsecret_key", 400),
    ("/api/data/user/secret_key;x", 400), ("/api/notebooks/../data/user/secret_key", 404),
    ("/api/renku/rejected", 404), ("/api/user", 404), ("/x", 404), ("/ui-server/x", 404),
    ("/api/gitlab-redirect/a/b", "https://renku.example.org/p/1"), ("/api/gitlab-redirect/other", 404),
    ("/ui-server/auth/login", "/api/auth/login?q=1"),
]


def test_routes(renku):
    gw, ups, _ = renku
    for asked, want in ROUTES:
        r = gw.ask(asked + "?q=1")
        if isinstance(want, int):
            assert r.status == want, asked
        elif isinstance(want, str):
            assert (r.status in (301, 307), r.header("Location")) == (True, want), asked
        else:
            assert (r.status, r.json()["name"], r.json()["target"]) == (200, want[0], want[1] + "?q=1"), asked
    assert ups["keycloak"].requests[-1].header("Host") == ups["keycloak"].address
    assert ups["data"].requests[-1].header("Host") == "test"
    assert (gw.ask("/health").status, gw.ask("/health").body, gw.ask("/version").status) == (200, b"", 200)


def test_tokens_of_the_command_line(renku):
    """Those of its audience and party are good; others make nobody of whom they are shown by, and go no further."""
    gw, ups, issuer = renku
    good = {"iss": issuer, "aud": "renku", "azp": "renku-cli", "sub": "user-1"}

    def who(shown=bearer, **claims):
        path = f"/api/data/{len(ups['data'].requests)}"
        token = sign(KEY, "k", **good | claims)
        assert gw.ask(path, headers=shown(token)).status == 200
        user = gw.logged(path=path).get("user")
        assert ups["data"].requests[-1].header("Authorization") == (f"Bearer {token}" if user else None)
        return user

    assert who() == "user-1" and who(azp="renku") == "user-1"
    assert who(lambda t: {"Authorization": "Basic " + base64.b64encode(b"any:" + t.encode()).decode()}) == "user-1"
    assert who() == "user-1"
    for wrong in ({"azp": "other"}, {"azp": None}, {"aud": "other"}, {"exp": 1}, {"iss": "http://other.test"}):
        assert who(**wrong) is None, wrong


def test_nobody_passes_for_somebody(renku):
    gw, ups, _ = renku
    forged = ["Renku-Auth-Access-Token", "renku_auth_refresh_token", "RENKU-AUTH-ANON-ID", "Gitlab-Access-Token", "gitlab-access-token-expires-at",
              "Renku-User", "renku-user-id"]
    assert gw.ask("/api/data/x", headers=[(name, "forged") for name in forged]).status == 200
    assert "forged" not in str(ups["data"].requests[-1].headers)
    assert ups["data"].requests[-1].header("Renku-Auth-Anon-Id").startswith("anon-")


def test_no_secret_is_told(renku):
    gw, _, _ = renku
    told = json.dumps(gw.status()) + gw.admin("/config").body.decode() + gw.log()
    for secret in SECRETS.values():
        assert secret not in told
