"""A real identity provider: its discovery, its keys and its access tokens; it rotates, is away, and comes back with other keys."""

import base64
import json
import urllib.parse

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from harness import node, procs
from harness.gateway import proxy_to
from harness.tls import TlsClient
from harness.tokens import bearer

pytestmark = pytest.mark.skipif(bool(node.missing("oidc-provider")), reason=node.missing("oidc-provider") or "")


def key(kid):
    made = json.loads(RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, 2048)))
    return {n: v for n, v in made.items() if n != "key_ops"} | {"kid": kid, "alg": "RS256", "use": "sig"}


@pytest.fixture
def provider(pki):
    started = []

    def start(*keys, port=None):
        started.append(node.OidcProvider(pki.issue("localhost"), pki.dir, keys, port))
        return started[-1]

    yield start
    for p in started:
        p.kill()


def login(p, pki):
    form = {"grant_type": "client_credentials", "scope": "read", "resource": "urn:shop"}
    who = base64.b64encode(b"machine:secret+of+the+machine").decode()
    with TlsClient(p.port, pki.context(), host="localhost") as c:
        r = c.ask("/token", "POST", f"localhost:{p.port}", {"Authorization": f"Basic {who}", "Content-Type":
                  "application/x-www-form-urlencoded"}, urllib.parse.urlencode(form).encode())
    assert r.status == 200, r
    return r.json()["access_token"]


def test_its_tokens_pass_through_rotations_and_an_outage(gateway, serve, provider, pki):
    a, b, c = key("a"), key("b"), key("c")
    p = provider(a)
    issuer = {"issuer": p.address, "discovery": p.address + "/.well-known/openid-configuration", "audience": ["shop"],
              "required": {"client_id": "machine"}, "refresh": "1s", "tls": {"ca": pki.root}}
    gw = gateway(proxy_to(serve()) | {"gate": {"protect": ["/"], "claims": {"client_id": "X-User"}, "issuers": {"real": issuer}}})

    def why(t):
        r = gw.ask(headers=bearer(t))
        if r.status != 200:
            return r.why
        assert ["X-User", "machine"] in r.json()["headers"]
        return ""

    def kids():
        return sorted(gw.status()["issuers"][0]["kids"])

    procs.wait_until(lambda: kids() == ["a"], what=lambda: gw.status()["issuers"])
    old = login(p, pki)
    assert why(old) == ""
    p.rotate(b, a)
    new = login(p, pki)
    procs.wait_until(lambda: why(new) == "", 5)
    assert why(old) == ""
    p.kill()
    procs.wait_until(lambda: gw.status()["issuers"][0]["error"], 5)
    assert why(old) == "" == why(new)
    p = provider(c, b, port=p.port)
    procs.wait_until(lambda: kids() == ["b", "c"], 10, what=lambda: gw.status()["issuers"])
    assert why(login(p, pki)) == "" == why(new)
    assert why(old) == "token_key"
