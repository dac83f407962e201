"""People log in at identity providers, one after the other, and are where they wanted to go; programs are told to."""

import re
import urllib.parse

import pytest

from harness import node, oidc
from harness.oidc import BASE, Person

pytestmark = pytest.mark.skipif(bool(node.missing("oidc-provider")), reason=node.missing("oidc-provider") or "")
PROGRAM = {"Accept": "application/json"}


def answer(r, c):
    c.reply(200, {"Content-Type": "text/plain"}, f"{r.method} {r.target}".encode())


@pytest.fixture(scope="module")
def site(town):
    """A gateway before which one has to log in."""
    route = {"upstream": "u", "auth": "required", "cors": {"origins": ["https://ui.example"]}}
    made = oidc.Site(town, answer, {"routes": [route]}, oauth2_paths=True)
    yield made
    made.finish()


def test_over_both_providers(site, person):
    page = person.log_in(site.url + "/private?a=1&b=%2F", "ann", "ann-at-gitlab")
    assert (page.status, page.text, page.path) == (200, "GET /private?a=1&b=%2F", "/private?a=1&b=%2F")
    assert person.go(site.url + "/other").text == "GET /other"
    claims = person.ask(site.at("/userinfo")).json()
    assert (claims["sub"], claims["iss"], claims["name"]) == ("ann", site.town.providers[0].issuer, "ann of renku")
    assert site.gateway.metrics()["yett_logins_completed_total"] >= 1


def test_what_is_sent_to_a_provider(site, person):
    url = person.go(site.url + "/x", until=site.town.providers[0].issuer)
    asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))
    assert asked == {"response_type": "code", "client_id": "yett", "redirect_uri": site.at("/callback"), "scope": "openid profile",
                     "code_challenge_method": "S256"} | {n: asked[n] for n in ("state", "nonce", "code_challenge")}
    assert all(re.fullmatch(r"[\w-]{43}", asked[n]) for n in ("state", "nonce", "code_challenge"))
    assert len({asked[n] for n in ("state", "nonce", "code_challenge")}) == 3


def test_fields_of_every_answer(site, person):
    for path in ("/login", "/callback", "/callback?state=x&code=y", "/logout", "/userinfo", "/login?provider_id=none"):
        page = person.ask(site.at(path))
        assert "no-store" in page.header("Cache-Control") and page.header("X-Frame-Options") == "DENY", page
        assert page.header("Referrer-Policy") in ("no-referrer", "same-origin")
        policy = page.header("Content-Security-Policy")
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "script" not in policy
    cookie = person.ask(site.at("/login")).header("Set-Cookie")
    assert re.fullmatch(r"session-login=[\w-]{43}\.[\w-]{43}; Path=/; Max-Age=900; HttpOnly; SameSite=Lax", cookie)


def test_two_tabs(site, person):
    """Both logins go on, each to its own place; so does a third one that is begun in between."""
    first, second = (person.go(site.url + path) for path in ("/one", "/two"))
    assert "/interaction/" in first.url and "/interaction/" in second.url
    first = person.submit(first, login="ann")
    third = person.go(site.at("/login?redirect_url=/three&provider_id=renku"))
    second = person.submit(second, login="ann")
    assert third.text == "GET /three"
    assert person.submit(first, login="ann-at-gitlab").text == "GET /one"
    assert person.follow(person.submit(second, login="ann-at-gitlab")).text == "GET /two"


def test_who_is_sent_to_log_in(site, person):
    """A person who goes to a page; nobody else is redirected."""
    page, old = Person.NAVIGATION, {"Accept": "text/html"}
    for method, fields in (("GET", page), ("HEAD", page), ("GET", old), ("GET", old | {"Sec-Fetch-Mode": "navigate"})):
        r = person.ask(site.url + "/a", method, fields)
        assert (r.status, r.header("Location")) == (302, site.at("/login?redirect_url=%2Fa")), (method, fields)
    for method, fields in (("POST", page), ("PUT", old), ("POST", old), ("GET", {}), ("GET", {"Accept": "*/*"}), ("GET", PROGRAM),
                           ("GET", old | {"X-Requested-With": "XMLHttpRequest"}), ("GET", old | {"Sec-Fetch-Mode": "cors"}),
                           ("GET", page | {"Sec-Fetch-Dest": "iframe"}), ("GET", old | {"Sec-Fetch-Mode": "no-cors"})):
        r = person.ask(site.url + "/a", method, fields | {"Origin": "https://ui.example"})
        assert (r.status, r.why, r.header("Location")) == (401, "token_missing", None), (method, fields)
        assert r.header("WWW-Authenticate").startswith("Bearer") and r.json()["login_url"] == site.at("/login")
        assert r.header("Access-Control-Allow-Origin") == "https://ui.example"
    assert person.ask(site.url + "/a", headers=PROGRAM).json()["reason"] == "token_missing"


def test_a_provider_refuses(site, person):
    """A page says so, offers another try, and shows nothing of what the provider said."""
    page = person.submit(person.go(site.url + "/x"), cancel="1")
    assert (page.status, page.why) == (403, "login_denied") and "<script" not in page.text
    assert site.gateway.logged(reason="login_denied")["path"] == BASE + "/callback"
    again = page.links()[0]
    assert person.log_in(site.url + again, "ann", "ann").text == "GET /x"
    assert site.gateway.metrics()['yett_refusals_total{reason="login_denied"}'] >= 1


def test_a_later_provider_refuses(site, person):
    """What is there already is kept: one can try again, or go on without."""
    page = person.submit(person.log_in(site.url + "/x", "ann"), cancel="1")
    assert (page.status, page.why) == (403, "login_denied")
    again, without = page.links()
    assert person.go(site.url + without).text == "GET /x"
    assert person.log_in(site.url + again, "ann-at-gitlab").text == "GET /x"
    assert person.ask(site.at("/userinfo")).json()["sub"] == "ann"


@pytest.mark.parametrize("error, status, why", [("access_denied", 403, "login_denied"), ("login_required", 400, "login_refused"),
                                                ("temporarily_unavailable", 503, "provider_unavailable"),
                                                ("%3Cscript%3E", 400, "login_refused")])
def test_errors_of_a_provider(site, person, error, status, why):
    state = oidc.parameter(person.go(site.url + "/x", until=site.town.providers[0].issuer), "state")
    page = person.ask(f"{site.url}{BASE}/callback?state={state}&error={error}&error_description=%3Cscript%3E")
    assert (page.status, page.why) == (status, why) and "<script" not in page.text
    assert page.links()


def test_a_provider_fails(site, person):
    """At its token endpoint: a page, and nothing that it said is shown."""
    renku = site.town.providers[0]
    for status, why in ((500, "provider_unavailable"), (400, "login_refused")):
        someone = person.stranger()
        page = someone.go(site.url + "/x")
        renku.state(token=status)
        page = someone.submit(page, login="ann")
        renku.recover()
        assert page.why == why and "told_so" not in page.text
        assert someone.log_in(site.url + page.links()[0], "ann").text == "GET /x"


def test_loops_end(site, person):
    """Sent back again and again, one is told so, and may start over."""
    person.log_in(site.url + "/loop?n=0", "ann", "ann")
    for n in (1, 2):
        assert person.go(f"{site.url}{BASE}/login?redirect_url=/loop?n={n}").text == f"GET /loop?n={n}"
    page = person.go(site.at("/login?redirect_url=/loop?n=3"))
    assert (page.status, page.why) == (429, "login_loop")
    assert person.go(site.at("/login?redirect_url=/y")).text == "GET /y"
    assert person.go(site.url + page.links()[0]).text == "GET /loop?n=3"


def test_names_of_oauth2_proxy(site, person):
    assert person.log_in(site.url + "/oauth2/start?rd=/there", "ann", "ann").text == "GET /there"
    assert person.ask(site.url + "/oauth2/auth").status == 202
    assert person.ask(site.url + "/oauth2/userinfo").json()["sub"] == "ann"
    assert person.stranger().ask(site.url + "/oauth2/auth").status == 401
    assert person.ask(site.url + "/oauth2/none").text == "GET /oauth2/none"  # somebody else's
