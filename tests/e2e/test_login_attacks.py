"""What somebody hostile makes of a login: links that lead elsewhere, states that are another's, sessions that he knows beforehand."""

import urllib.parse
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import node, oidc

pytestmark = pytest.mark.skipif(bool(node.missing("oidc-provider")), reason=node.missing("oidc-provider") or "")
ELSEWHERE = ["//evil.example", "/\\evil.example", "https:evil.example", "https://evil.example/", "javascript:alert(1)", "/\t/evil.example",
             "/x\r\nSet-Cookie: session=stolen", "https://localhost@evil.example/", "data:text/html,x", "/%2Fevil.example", "/.//evil.example",
             "http://localhost.evil.example/", "\\\\evil.example", "/x\x00y", "///evil.example", "http://localhost:1/", "/ｘ"]


def answer(r, c):
    c.reply(200, {"Content-Type": "text/plain"}, f"{r.method} {r.target} {r.header('Cookie')}".encode())


@pytest.fixture(scope="module")
def site(town):
    made = oidc.Site(town, answer)
    yield made
    made.finish()


def begin(site, person, path="/x"):
    """The state that a provider was given."""
    return oidc.parameter(person.go(site.url + path, until=site.town.providers[0].issuer), "state")


def come_back(site, person, **parameters):
    return person.ask(site.at("/callback?" + urllib.parse.urlencode(parameters)))


def test_a_login_ends_nowhere_else(site, person):
    """7: nor does a logout."""
    person.log_in(site.url + "/", "ann", "ann")
    for place in ELSEWHERE:
        someone = person.stranger()
        someone.jar = {host: {c: v for c, v in jar.items() if c[0] != "session-login"} for host, jar in person.jar.items()}
        query = urllib.parse.urlencode({"redirect_url": place})
        assert someone.go(site.at("/login?" + query)).url == site.url + "/", place
        person.jar = someone.jar
        page = someone.ask(site.at("/logout?" + query))
        assert page.form()[1] == {"redirect_url": "/"} and page.links() == ["/"], place
        page = person.stranger().ask(site.at("/logout"), form={"redirect_url": place})
        assert (page.status, page.header("Location")) == (303, "/") and "stolen" not in str(page.headers), place


def test_states_that_are_none(site, person):
    """8: missing, malformed, invented, twice."""
    state = begin(site, person)
    for query, status, why in (("code=x", 400, "login_malformed"), ("code=x&state=", 400, "state_unknown"), ("code=x&state=done", 400, "state_unknown"),
                               ("code=x&state=" + "A" * 43, 400, "state_unknown"), (f"code=x&state={state}&state={state}", 400, "login_malformed"),
                               ("code=x&state=" + "%00" * 43, 400, "state_unknown"), ("code=x&state=" + "%0d%0a" * 21 + "x", 400, "state_unknown")):
        page = person.ask(site.at("/callback?" + query))
        assert (page.status, page.why) == (status, why), query
    assert come_back(site, person, state=state).why == "login_malformed"  # without a code: and used by that
    assert come_back(site, person, state=state, code="x").why == "state_unknown"


def test_a_callback_works_once(site, person):
    """8: replayed, the same browser hears that it is over, and stays logged in."""
    page = person.go(site.url + "/x")
    back = person.submit(page, until=site.at("/callback"), login="ann")
    page = person.go(back)
    assert "/interaction/" in page.url
    assert person.submit(page, login="ann").text.startswith("GET /x")
    again = person.ask(back)
    assert (again.status, again.why) == (400, "state_unknown")
    assert person.go(site.url + "/x").status == 200


def test_a_state_belongs_to_its_browser(site, person):
    """8: another browser's callback is nothing here, be it logged in or not; nor is what was taken out of a cookie."""
    attacker = person.stranger()
    back = attacker.submit(attacker.go(site.url + "/x"), until=site.at("/callback"), login="mallory")
    assert person.ask(back).why == "state_unknown"
    begin(site, person)
    assert person.ask(back).why == "state_unknown"
    name, value = "session-login", person.cookies(site.url)["session-login"]
    theirs = attacker.cookies(site.url)[name]
    for cookie in (value.split(".")[0] + "." + theirs.split(".")[1], theirs.split(".")[0] + "." + value.split(".")[1], theirs[:-1], "x", ""):
        assert person.ask(back, headers={"Cookie": f"{name}={cookie}", "Accept": "text/html"}).why == "state_unknown"
    assert "mallory" not in str(person.jar)


def test_another_provider_answers(site, person):
    """8: the one that was not asked (mix-up, RFC 9207), or one whose code is of another login."""
    renku, gitlab = site.town.providers
    assert come_back(site, person, state=begin(site, person), code="x", iss=gitlab.issuer).why == "login_failed"
    assert person.ask(site.at(f"/callback/gitlab?code=x&state={begin(site, person)}")).why == "login_failed"
    assert come_back(site, person, state=begin(site, person), code="x", iss=renku.issuer).why == "login_refused"
    first = person.submit(person.go(site.url + "/x"), until=site.at("/callback"), login="ann")
    code = oidc.parameter(first, "code")
    page = come_back(site, person, state=begin(site, person), code=code)  # PKCE: its verifier is another login's
    assert page.why == "login_refused"


def test_a_browser_has_no_more_than_16(site, person):
    """8: the oldest go, and the newest work."""
    states = [begin(site, person, f"/{i}") for i in range(18)]
    assert come_back(site, person, state=states[0], code="x").why == "state_unknown"
    assert come_back(site, person, state=states[-1], code="x").why == "login_refused"
    key = "loginStates:" + person.cookies(site.url)["session-login"].split(".")[0]
    db = site.store.db
    assert 0 < db.hlen(key) <= 17 and 0 < db.ttl(key) <= 900
    kept = b"".join(db.hvals(key))
    assert b"renku" not in kept and b"verifier" not in kept

    def once(_):
        return person.stranger().ask(site.at("/login"), headers=person.NAVIGATION | cookie).status

    cookie = {"Cookie": "session-login=" + person.cookies(site.url)["session-login"]}
    with ThreadPoolExecutor(24) as pool:
        assert set(pool.map(once, range(48))) == {302}
    assert db.hlen(key) <= 17


def test_an_id_that_is_known_beforehand(site, person):
    """9: at login the session is another one, and the one before is no more."""
    person.log_in(site.url + "/x", "ann", "ann")
    before = dict(person.cookies(site.url))
    victim = person.stranger()
    victim.keep(site.url + "/", [f"session={before['session']}; Path=/"])
    assert victim.go(site.at("/login?provider_id=renku&redirect_url=/y")).url.startswith(site.town.providers[0].issuer)
    victim.submit(victim.go(site.at("/login?provider_id=renku&redirect_url=/y")), login="bob")
    assert victim.ask(site.at("/userinfo")).json()["sub"] == "bob"
    assert victim.cookies(site.url)["session"] != before["session"]
    assert person.ask(site.at("/userinfo"), headers={"Accept": "application/json"}).status == 401


def test_cookies_that_were_changed(site, person):
    """10: are none."""
    person.log_in(site.url + "/x", "ann", "ann")
    value = person.cookies(site.url)["session"]
    flipped = ("B" if value[0] == "A" else "A") + value[1:]
    for cookie in (flipped, value[:-1], value + "A", value.upper(), value.split(".")[0], "." + value.split(".")[1], value.replace(".", ","), "x" * 5000):
        page = person.stranger().ask(site.at("/userinfo"), headers={"Cookie": f"session={cookie}", "Accept": "application/json"})
        assert (page.status, page.json()["reason"]) == (401, "login_needed"), cookie


def test_nothing_is_reflected(site, person):
    """What comes in links is text, in pages and in fields."""
    evil = "\"><script>alert(1)</script>"
    for path in ("/login?provider_id={}", "/login?redirect_url={}", "/callback?error={}&state=" + begin(site, person), "/callback?error_description={}",
                 "/logout?redirect_url={}", "/callback/{}?state=x&code=y", "/login?provider_id=renku&provider_id=renku&redirect_url={}"):
        page = person.stranger().ask(site.at(path.format(urllib.parse.quote(evil))))
        assert "<script" not in page.text and "<script" not in str(page.headers), path


def test_nothing_secret_is_told(site, person):
    """19: no token, code, secret or cookie stands in a log or in the status; and no upstream gets the gateway's cookies."""
    page = person.submit(person.go(site.url + "/x"), until=site.at("/callback"), login="ann")
    code = oidc.parameter(page, "code")
    page = person.submit(person.go(page), login="ann")
    assert page.text == "GET /x None"
    gw = site.gateway
    gw.logged(path="/x", status=200)
    told = gw.log() + str(gw.access_log()) + str(gw.status()) + str(gw.metrics())
    for secret in (code, oidc.SECRET, person.cookies(site.url)["session"], person.cookies(site.url)["session-login"], "cookie-key-of", "eyJ"):
        assert secret not in told and secret.split(".")[0] not in told
