"""A sticky cookie keeps a client at one endpoint as long as that serves; what no master has signed names none."""

import base64
import os
import urllib.parse

import pytest

from harness.gateway import from_redis, proxy_to
from harness.procs import wait_until


def named(r, c):
    c.reply(headers=[("Set-Cookie", "own=1")], body=c.server.name.encode())


def sticky(*ups, route=None, **how):
    config = proxy_to(*ups, **(route or {})) | {"trusted_proxies": ["127.0.0.1"]}
    config["upstreams"]["u"]["sticky"] = {"cookie": "stay"} | how
    return config


def ask(gw, cookie=None, name="stay", path="/", **headers):
    """Who answered, and the Set-Cookie of the gateway, None when there was none. The upstream's own always comes."""
    fields = dict(headers) | ({"Cookie": f"x=y; {name}={cookie}"} if cookie is not None else {})
    r = gw.ask(path, headers=fields)
    assert r.status == 200, r
    others = [c for c in r.all("Set-Cookie") if c != "own=1"]
    assert len(others) == len(r.all("Set-Cookie")) - 1 <= 1
    return r.body.decode(), others[0] if others else None


def value(cookie):
    return cookie.partition(";")[0].partition("=")[2]


def test_a_client_stays(gateway, serve):
    ups = [serve(named, name=n) for n in "abc"]
    gw = gateway(sticky(*ups))
    jars = {}
    for _ in range(9):
        who, cookie = ask(gw)
        assert cookie.endswith("; Path=/; HttpOnly; SameSite=Lax")
        jars[who] = value(cookie)
    assert set(jars) == set("abc") and len(set(jars.values())) == 3
    assert not any(str(u.port) in v or base64.b64encode(u.address.encode()).decode() in v for u in ups for v in jars.values())
    for who, cookie in jars.items():
        assert {ask(gw, cookie) for _ in range(5)} == {(who, None)}


def test_what_is_forged_is_ignored(gateway, serve):
    gw = gateway(sticky(*[serve(named, name=n) for n in "ab"]) | {"workers": 1})
    _, good = ask(gw)
    good = value(good)
    bad = ["", "%", "%zz", '"', "a" * 8000, good[:-1], good + "A", good.swapcase(), good[1:] + good[0],
           base64.b64encode(b"127.0.0.1:1").decode(), "a"]
    for cookie in bad:
        who = [ask(gw, cookie) for _ in range(2)]
        assert {w for w, _ in who} == {"a", "b"} and all(c for _, c in who), cookie


def test_a_dead_endpoint_gives_its_clients_away(gateway, serve):
    ups = [serve(named, name=n) for n in "ab"]
    gw = gateway(sticky(*ups))
    who, cookie = ask(gw)
    ups["ab".index(who)].stop()
    other, new = ask(gw, value(cookie))
    assert other != who and value(new) != value(cookie)
    assert ask(gw, value(new)) == (other, None)


def test_a_fallback_has_no_cookie_of_another(gateway, serve):
    spare = serve(named, name="spare")
    config = sticky("127.0.0.1:1") | {"fallback": "spare"}
    config["upstreams"]["spare"] = {"endpoints": [spare.address]}
    assert ask(gateway(config)) == ("spare", None)
    config["upstreams"]["spare"]["sticky"] = {"cookie": "other"}
    assert ask(gateway(config))[1].startswith("other=")


def test_the_key_outlives_a_restart(gateway, serve):
    ups = [serve(named, name=n) for n in "abcd"]
    gw = gateway(sticky(*ups))
    who, cookie = ask(gw)
    key = os.path.join(gw.state_dir, "sticky.key")
    assert os.stat(key).st_mode & 0o777 == 0o600 and os.stat(key).st_size == 32
    gw.stop()
    gw.start()
    assert {ask(gw, value(cookie)) for _ in range(8)} == {(who, None)}
    gw.stop()
    os.unlink(key)
    gw.start()
    assert ask(gw, value(cookie))[1] is not None


def test_gateways_with_one_secret_agree(gateway, serve):
    ups = [serve(named, name=n) for n in "abcd"]
    config = sticky(*ups) | {"sticky_secret": "0123456789abcdef"}
    one, two = gateway(config), gateway(config)
    who, cookie = ask(one)
    assert {ask(two, value(cookie)) for _ in range(8)} == {(who, None)}


@pytest.mark.parametrize("how, headers, ends", [
    ({}, {"X-Forwarded-Proto": "https"}, "; Path=/shop; HttpOnly; SameSite=Lax; Secure"),
    ({}, {"X-Forwarded-Proto": "http"}, "; Path=/shop; HttpOnly; SameSite=Lax"),
    ({"path": "/", "samesite": "strict", "secure": True, "max_age": "1h"}, {},
     "; Path=/; Max-Age=3600; HttpOnly; SameSite=Strict; Secure")])
def test_attributes(gateway, serve, how, headers, ends):
    gw = gateway(sticky(serve(named), route={"path": "/shop"}, **how))
    _, cookie = ask(gw, path="/shop/a", **headers)
    assert cookie == f"stay={value(cookie)}{ends}"


def redx(gateway, store, *ups, path="/app/", plugins=({"stickiness": {"cookie": "sid"}}, "random"), base=""):
    for u in ups:
        store.db.hset("backend:b", (f"http://{u.address}{base}" if base else u.address), 0)
    store.db.set("frontend:test" + path, "b")
    gw = gateway(from_redis(store) | {"compatibility": "redx", "plugins": list(plugins), "workers": 1})
    gw.rules_in_force(lambda r: r["frontends"] == 1)
    return gw


def test_redx_form(gateway, store, serve):
    ups = {n: serve(named, name=n) for n in "abc"}
    gw = redx(gateway, store, *ups.values(), base="/base")
    who, cookie = ask(gw, path="/app/x")
    text = base64.b64encode(ups[who].address.encode()).decode()
    escaped = urllib.parse.quote(text, safe="")
    assert cookie == f"sid={escaped}; Path=/app; HttpOnly; SameSite=None; Secure"
    for form in text, escaped:  # what an older gateway or a library wrote
        assert {ask(gw, form, "sid", "/app/x") for _ in range(6)} == {(who, None)}
    assert ask(gw, base64.b64encode(b"127.0.0.1:1").decode(), "sid", "/app/x")[1] is not None
    ups[who].stop()
    assert ask(gw, escaped, "sid", "/app/x")[0] != who


def test_redx_order_decides(gateway, store, serve):
    """Behind score the cookie only counts among the best."""
    ups = {n: serve(named, name=n) for n in "ab"}
    gw = redx(gateway, store, *ups.values(), plugins=[{"score": "most"}, {"stickiness": {"cookie": "sid"}}])
    store.db.hset("backend:b", ups["a"].address, 5)
    cookie = base64.b64encode(ups["b"].address.encode()).decode()
    wait_until(lambda: ask(gw, cookie, "sid", "/app/x")[0] == "a" and ask(gw, cookie, "sid", "/app/x")[0] == "a",
               what="the new score")
