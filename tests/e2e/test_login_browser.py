"""A person with a browser, Chromium: logs in over both providers, works in two tabs, sees the session end, and logs out everywhere."""

import pytest

from harness import node, oidc, procs, tls
from harness.browser import Browser
from harness.gateway import proxy_to

pytestmark = [pytest.mark.skipif(bool(node.missing("oidc-provider")), reason=node.missing("oidc-provider") or ""),
              pytest.mark.skipif(not Browser.installed, reason="no Chromium that can be driven: run etc/setup browser")]
URL = "https://a.example"


def page(r, c):
    c.reply(200, {"Content-Type": "text/html"}, b"<!doctype html><title>A page</title><p>" + r.target.encode())


@pytest.fixture
def there(gateway, serve, store, browser, pki):
    """A gateway at URL, its providers, and a browser."""
    providers = [oidc.Identity(pki, name, [URL]) for name in ("renku", "gitlab")]
    config = proxy_to(serve(page), auth="required") | {"login": oidc.config(URL, store, providers, session={})}
    gw = tls.over_both(gateway, config, pki.entry("ec"))
    procs.wait_until(lambda: all(i["kids"] for i in gw.status()["issuers"]), 10, what=lambda: gw.status()["issuers"])
    procs.wait_until(lambda: all(gw.ask(oidc.BASE + "/login").status == 302 for _ in range(6)), 10, what="links to Redis")
    yield gw, browser(gw)
    for p in providers:
        p.kill()


def log_in(b, name):
    """At the provider whose page it is at; then it is at another page."""
    b.fill("input[name=login]", name)
    before = b.run("location.href")
    b.click("button[name=go]")
    b.until(f"location.href != {before!r} && document.readyState == 'complete'")


def status(b, path):
    return b.run(f"fetch('{path}', {{headers: {{Accept: 'application/json'}}}}).then(r => r.status)")


def test_a_day(there, store, pki):
    gw, b = there
    b.screen(1000, 700)
    b.go(URL + "/one")
    b.shot("provider")
    log_in(b, "ann")
    log_in(b, "ann-at-gitlab")
    b.until("document.body.innerText == '/one'")

    second = b.tab()  # the other one has the session, too
    b.screen(1000, 700)
    assert b.go(URL + "/two")["text"] == "/two"
    assert status(b, "/data") == 200 and b.run("document.cookie") == ""
    program = tls.ask(gw.tls, pki.context(), "/data", headers={"Accept": "application/json"})
    assert (program.status, program.json()["login_url"]) == (401, URL + oidc.BASE + "/login")

    for key in store.db.keys("session:*"):  # it ends
        store.db.delete(key)
    procs.wait_until(lambda: status(b, "/data") == 401, 5)
    assert b.run("fetch('/data').then(r => r.json()).then(j => j.login_url)") == URL + oidc.BASE + "/login"
    b.look(0)
    assert b.run("fetch('/save', {method: 'POST', body: 'x'}).then(r => r.status + ' ' + r.redirected)") == "401 false"
    b.go(URL + "/three")  # the providers know who it is
    b.until("document.body.innerText == '/three'")
    assert status(b, "/data") == 200

    b.go(URL + oidc.BASE + "/logout?redirect_url=/bye")
    b.shot("logout")
    b.screen(390, 700, dark=True)
    b.shot("logout-phone-dark")
    b.screen(1000, 700)
    b.click("form button")
    b.until("document.title == 'Log in at renku'")  # /bye asks to log in
    b.look(second)
    assert status(b, "/data") == 401


def test_pages(there):
    """What goes wrong is said on a page that leads on."""
    gw, b = there
    b.screen(390, 700)
    b.go(URL + "/one")
    b.click("button[name=cancel]")
    b.until("document.title == 'You were not let in'")
    b.shot("denied-phone")
    b.screen(1000, 700)
    b.shot("denied")
    back = b.run("location.href")
    b.click("nav a >> nth=0")
    log_in(b, "ann")
    b.until("document.title == 'Log in at gitlab'")
    b.click("button[name=cancel]")
    b.until("document.title == 'You were not let in'")
    b.shot("second-denied")
    b.click("nav a >> nth=1")
    b.until("document.body.innerText == '/one'")
    b.go(back)
    assert b.run("document.title") == "This login is no longer valid"
    b.shot("over")
    assert b.run("document.querySelector('main').getBoundingClientRect().width") > 300  # its style was taken
    for i in range(3):
        b.go(URL + oidc.BASE + "/login?provider_id=renku&redirect_url=/loop")
        b.until("document.body.innerText == '/loop'")
    b.go(URL + oidc.BASE + "/login?provider_id=renku&redirect_url=/loop")
    b.shot("loop")
    assert b.run("document.title") == "You keep coming back here"
