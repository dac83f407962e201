"""What a login needs is not there: who wants to log in is told, and nobody is logged out by that."""

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
