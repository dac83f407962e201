"""Gateways of their own: what a login needs is not there, and a login as Renku has it."""

import pytest

from harness import node, oidc
from harness.oidc import BASE

pytestmark = pytest.mark.skipif(bool(node.missing("oidc-provider")), reason=node.missing("oidc-provider") or "")


def test_providers_or_redis_that_are_not_there(gateway, serve, store, town, person):
    """The gateway starts all the same."""
    gone = oidc.Absent(town.pki, "gone")
    gw = town.gateway(gateway, serve(), store, providers=[*town.providers, gone], wait=False)
    login = gw.url + BASE + "/login"
    page = oidc.until(lambda: person.go(login + "?provider_id=gone&redirect_url=/x"), lambda r: r.why == "provider_unavailable")
    assert (page.status, page.header("Retry-After")) == (503, "1")
    assert page.links()[0] == BASE + "/login?provider_id=gone&redirect_url=%2Fx"
    oidc.until(lambda: person.ask(login), lambda r: r.status == 302)
    assert person.log_in(gw.url + "/x?one", "ann", "ann").status == 503  # the third one is away, but
    assert person.go(gw.url + "/y").status == 200
    cookies = person.cookies(gw.url)
    store.kill()
    page = oidc.until(lambda: person.go(login), lambda r: r.why == "session_unavailable")
    assert (page.status, page.header("Set-Cookie")) == (503, None)
    assert person.cookies(gw.url) == cookies


def test_as_renku_has_it(gateway, serve, store, town, person):
    """A page of ours gets an access token of a provider; user-profile leads to the account; explaining a login begins none."""
    renku, gitlab = town.providers
    providers = {"renku": renku.config(account_url="https://kc.example/account"), "gitlab": gitlab.config(end_session_endpoint="https://gl.example/sign_out")}
    same = {"issuer": renku.issuer, "discovery": renku.issuer + "/.well-known/openid-configuration", "audience": ["shop"],
            "algorithms": ["ES256"], "tls": {"ca": town.pki.root}}  # whose tokens programs show, for another audience
    gw = town.gateway(gateway, serve(), store, {"compatibility": "renku", "gate": {"issuers": {"shop": same}}, "login": {"providers": providers}})
    at = gw.url + BASE
    assert (person.ask(at + "/gitlab/exchange").status, person.ask(at + "/gitlab/exchange").text) == (401, "Unauthorized")
    person.log_in(gw.url + "/x", "ann", "ann")
    told = person.ask(at + "/gitlab/exchange").json()
    assert set(told) == {"access_token", "expires_at"} and told["access_token"]
    assert person.ask(at + "/user-profile").header("Location") == "https://kc.example/account"
    page = person.ask(at + "/gitlab/logout")
    assert (page.status, page.form()[0]) == (200, "https://gl.example/sign_out")
    assert person.ask(at + "/none/exchange").status == 404 == person.ask(at + "/none").status
    before = len(store.db.keys("loginStates:*"))
    done = gw.cli("explain", "GET", at + "/login")
    assert done.returncode == 0 and len(store.db.keys("loginStates:*")) == before, done
