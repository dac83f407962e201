"""Logging out: here first, then at every provider, from either side; by whoever it is alone."""

import urllib.parse

import pytest

from harness import node, oidc, procs
from harness.oidc import Person

pytestmark = pytest.mark.skipif(bool(node.missing("oidc-provider")), reason=node.missing("oidc-provider") or "")
PROGRAM = {"Accept": "application/json"}


def answer(r, c):
    if r.target != "/stream":
        c.reply(200, {"Content-Type": "text/plain"}, f"{r.method} {r.target}".encode())
        return
    c.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhello\n\r\n")
    c.sock.settimeout(30)
    try:
        c.sock.recv(1)
    except OSError:
        pass
    c.close = True


@pytest.fixture(scope="module")
def site(town):
    made = oidc.Site(town, answer)
    yield made
    made.finish()


def is_logged_in(site, person):
    return person.ask(site.at("/userinfo"), headers=PROGRAM).status == 200


def test_everywhere(site, person):
    """One button: here, at both providers, and back to where it was to end; then one may be somebody else."""
    person.log_in(site.url + "/x", "ann", "ann")
    page = person.go(site.at("/logout?redirect_url=/bye"))
    assert page.status == 200 and page.form() == (oidc.BASE + "/logout", {"redirect_url": "/bye"})
    before = [p.state()["asked"].get("/session/end/confirm", 0) for p in site.town.providers]
    revoked = [p.state()["asked"].get("/token/revocation", 0) for p in site.town.providers]
    page = person.submit(page)
    assert not is_logged_in(site, person)  # it is over here, whether the providers end theirs or not
    page = person.log_out(page)
    assert page.url.startswith(site.url + "/api/auth/login") or "/interaction/" in page.url  # /bye, which asks to log in
    assert [p.state()["asked"].get("/session/end/confirm", 0) for p in site.town.providers] == [n + 1 for n in before]
    procs.wait_until(lambda: [p.state()["asked"].get("/token/revocation", 0) for p in site.town.providers] == [n + 1 for n in revoked], 5)
    assert person.submit(person.submit(page, login="bob"), login="bob").text == "GET /bye"
    assert person.ask(site.at("/userinfo")).json()["sub"] == "bob"


def test_by_whom(site, person):
    """Another site's page logs nobody out; a page of ours does, and so does a program."""
    person.log_in(site.url + "/x", "ann", "ann")
    page = Person.NAVIGATION
    for fields, form in ((page | {"Sec-Fetch-Site": "cross-site"}, None), (page | {"Sec-Fetch-Site": "same-site"}, None), (page, None),
                         (page | {"Sec-Fetch-Site": "none"}, None), (page | {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "image"}, None),
                         (page | {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, {}),
                         (page | {"Sec-Fetch-Site": "same-site", "Origin": "https://b.localhost"}, {}), (page | {"Origin": "null"}, {})):
        r = person.ask(site.at("/logout"), headers=fields, form=form)
        assert (r.status, r.why) == ((403, "logout_unproved") if form is not None else (200, None)), fields
        assert "<button" in r.text and r.header("Set-Cookie") is None
    assert is_logged_in(site, person)
    for fields, form in ((page | {"Sec-Fetch-Site": "same-origin"}, None), (page | {"Sec-Fetch-Site": "same-origin", "Origin": site.url}, {}),
                         (PROGRAM, {}), (PROGRAM | {"Origin": site.url}, {})):
        someone = person.stranger()
        someone.log_in(site.url + "/x", "ann", "ann")
        r = someone.ask(site.at("/logout"), headers=fields, form=form)
        assert r.status in (302, 303) if fields.get("Sec-Fetch-Mode") else r.json() == {"logged_out": True, "redirect_url": "/"}
        assert "session=; Path=/; Max-Age=0" in r.header("Set-Cookie") and not is_logged_in(site, someone)


def test_what_is_open_is_closed(site, person):
    """Streams of the session, and of no other one."""
    other = person.stranger()
    for p in (person, other):
        p.log_in(site.url + "/x", "ann", "ann")
    streams = []
    for p in (person, other):
        c = site.gateway.connect()
        c.send(f"GET /stream HTTP/1.1\r\nHost: test\r\nCookie: session={p.cookies(site.url)['session']}\r\n\r\n".encode())
        assert c.read_head().status == 200 and c.read_chunk() == b"hello\n"
        streams.append(c)
    person.ask(site.at("/logout"), headers=PROGRAM, form={})
    assert streams[0].closed(5) and not streams[1].closed(0.3)
    streams[1].close()


def test_at_the_provider(site, person):
    """Whoever logs out there is out here, too (back-channel logout), with all that was open, and nobody else is."""
    other = person.stranger()
    for p, name in ((person, "cleo"), (other, "dan")):
        p.log_in(site.url + "/x", name, name)
    renku = site.town.providers[0]
    page = person.go(renku.issuer + "/session/end")
    person.submit(page)
    procs.wait_until(lambda: not is_logged_in(site, person), 5, what=lambda: renku.state())
    assert ["yett", "cleo"] in renku.state()["logouts"] and is_logged_in(site, other)

    form = urllib.parse.parse_qs(renku.state()["sent"][-1])
    keys = site.store.db.keys("loginJti:renku:*")
    procs.wait_until(lambda: all(site.store.db.ttl(key) > 60 for key in keys), 5)
    site.store.db.delete(*keys)
    site.store.db.execute_command("ACL", "SETUSER", "yett", "-zrevrangebyscore")
    for _ in range(2):  # what ended nothing is no repetition
        r = site.town.person().ask(site.at("/backchannel"), headers={}, form={"logout_token": form["logout_token"][0]})
        assert (r.status, r.why) == (503, "session_unavailable")
    site.store.db.execute_command("ACL", "SETUSER", "yett", "+zrevrangebyscore")
    r = site.town.person().ask(site.at("/backchannel"), headers={}, form={"logout_token": form["logout_token"][0]})
    assert r.status == 200
    # Once: who repeats it ends nobody's next session
    person.log_in(site.url + "/x", "cleo")
    r = person.stranger().ask(site.at("/backchannel"), headers={}, form={"logout_token": form["logout_token"][0]})
    assert (r.status, r.why) == (400, "logout_token_refused") and is_logged_in(site, person)
    bearer = {"Authorization": "Bearer " + form["logout_token"][0]} | PROGRAM
    assert person.stranger().ask(site.url + "/x", headers=bearer).status == 401


def test_logout_tokens_that_are_none(site, person):
    person.log_in(site.url + "/x", "ann", "ann")
    for form in ({}, {"logout_token": ""}, {"logout_token": "x"}, {"logout_token": "a.b.c"}, {"other": "x"}, {"logout_token": "x" * 20000}):
        r = person.stranger().ask(site.at("/backchannel"), headers={}, form=form)
        assert (r.status, r.why) == (400, "logout_token_refused") and "no-store" in r.header("Cache-Control")
    assert person.stranger().ask(site.at("/backchannel")).status == 405
    assert person.stranger().ask(site.at("/backchannel"), headers={}, form={"logout_token": "x" * 40000}).status == 413
    assert is_logged_in(site, person)


def test_without_a_session(site, person):
    """Nothing is asked, and nothing is wrong."""
    r = person.ask(site.at("/logout?redirect_url=/x"))
    assert (r.status, r.header("Location")) == (302, "/x")
    for path in ("/logout/done", "/logout/done?state=" + "A" * 43, "/logout/done?state=x"):
        r = person.ask(site.at(path))
        assert (r.status, r.header("Location")) == (302, "/")
