"""Whom a hub asks: hosts that are named, at addresses that may be asked, by TLS that is verified, and not for ever; tokens go
nowhere else."""

import json
import threading
import time

import pytest

from harness import client, sessions
from harness.dns_server import DnsServer
from harness.gateway import BINARY, merge
from harness.hub import BASE, Page, config, error, wrapped
from harness.procs import free_port, run, wait_until
from harness.token_server import TokenServer
from harness.tokens import bearer, token


@pytest.fixture
def dns():
    server = DnsServer()
    yield server
    server.finish()


def test_hosts_that_are_not_meant(gateway, serve):
    up = serve()
    page = Page(gateway(config([f"service.example:{up.port}", "plain.example"], allow_private=["0.0.0.0/0", "::/0"])), up.port)
    port = up.port
    for url in [
            f"http://service.example:{port}@127.0.0.1:{port}/", f"http://127.0.0.1:{port}/", f"http://service.example:{port}\\@127.0.0.1:{port}/",
            f"http://127.0.0.1:{port}#service.example:{port}", f"http://127.0.0.1:{port}?service.example:{port}", "http://service.example/",
            f"http://service.example.:{port}/", f"http://service.example:0{port}0/", f"http://sub.service.example:{port}/",
            f"http://service.example.evil.example:{port}/", f"http://SERVICE.example:{port}.evil/", f"//service.example:{port}/",
            f"service.example:{port}/", f"ftp://service.example:{port}/", f"file://service.example:{port}/etc/passwd",
            f"gopher://service.example:{port}/", f"http://service.example:{port}\r\nX: y", f"http://service.example:{port}/\r\nX: y",
            f"http://user@service.example:{port}/", f"http://user:pass@service.example:{port}/", f"http://[::1]:{port}/",
            f"http://[::ffff:127.0.0.1]:{port}/", f"http://2130706433:{port}/", f"http://0x7f000001:{port}/", f"http://0177.0.0.1:{port}/",
            f"http://127.1:{port}/", f"http://localhost:{port}/", f"http://service%2eexample:{port}/", f"http://s\u0435rvice.example:{port}/",
            f"http://service\u3002example:{port}/", f"http://service.example:{port}:80/", f" http://service.example:{port}/",
            f"http:///service.example:{port}/", f"http:/service.example:{port}/", "", "/", "https://plain.example:8443/", "http://plain.example:443/"]:
        r = page.query(url or "x")
        assert (r.status, r.body) == (400, error("Domain is not allowed")), url
    assert not up.requests


def test_http_only_where_it_may(gateway, serve):
    up = serve()
    page = Page(gateway(config([up.address], allow_http=False)), up.port)
    assert page.query().why == "hub_domain" and not up.requests


def test_spellings_of_one_host(gateway, serve, dns):
    dns.names["service.example"] = (["127.0.0.1"], 60)
    up = serve()
    page = Page(gateway(config([f"Service.EXAMPLE:{up.port}"], {"dns": [dns.address]})))
    for host in "service.example", "SERVICE.example":
        wrapped(page.query(f"http://{host}:{up.port}/a b/\u00e4?q={{}}#fragment"))
        assert up.requests[-1].target == "/a%20b/%C3%A4?q=%7B%7D"
        assert up.requests[-1].header("Host") == f"service.example:{up.port}"
    wrapped(page.query(f"http://service.example:{up.port}"))
    wrapped(page.query(f"http://service.example:{up.port}?x"))
    assert [r.target for r in up.requests[-2:]] == ["/", "/?x"]


def test_private_addresses(gateway, serve, dns):
    """By the name's addresses, of which those that may not be asked are passed over."""
    up = serve(host="127.0.0.2")
    dns.names |= {"private.example": (["127.0.0.1"], 60), "both.example": (["127.0.0.1", "127.0.0.2"], 60),
                  "meta.example": (["169.254.169.254"], 60)}
    names = [f"{n}.example:{up.port}" for n in ("private", "both", "meta", "none")]
    page = Page(gateway(config(names, {"dns": [dns.address]}, allow_private=["127.0.0.2/32"])))

    def ask(name):
        return page.query(f"http://{name}.example:{up.port}/")

    assert (ask("private").status, ask("private").why) == (400, "hub_address")
    assert ask("meta").why == "hub_address" and ask("none").why == "upstream_unresolved"
    assert wrapped(ask("both"))["status_code"] == 200


def test_any_host(gateway, serve, dns):
    up = serve()
    other = serve(host="127.0.0.2")
    dns.names |= {"a.example": (["127.0.0.1"], 60), "turns.example": (["127.0.0.2"], 0)}
    page = Page(gateway(config(["*"], {"dns": [dns.address]}, allow_private=["127.0.0.1/32"])), up.port)
    gw = page.gw
    assert wrapped(page.query(f"http://a.example:{up.port}/x"))["status_code"] == 200
    assert wrapped(page.query(f"http://127.0.0.1:{up.port}/y"))["status_code"] == 200
    assert [r.target for r in up.requests] == ["/x", "/y"]
    for url in [f"http://turns.example:{other.port}/", f"http://127.0.0.2:{other.port}/", f"http://[::1]:{up.port}/",
                f"http://[::ffff:127.0.0.2]:{other.port}/", "http://169.254.169.254/latest/meta-data/", "http://10.0.0.1/", "http://0.0.0.0/",
                f"http://127.0.0.1:{gw.port}/"]:
        assert page.query(url).why in ("hub_address", "upstream_unresolved"), url
    assert page.query("http://no.example/").why == "upstream_unresolved" and not other.requests
    assert sum(n == "a.example" for n in dns.asked) <= 2  # IPv4 and IPv6


def test_what_is_judged_is_what_is_asked(gateway, serve, dns):
    """A name that has another address each time it is asked for."""
    up = serve(host="127.0.0.2")
    dns.names["turns.example"] = (["127.0.0.1"], 0)
    page = Page(gateway(config(["*"], {"dns": [dns.address]}, allow_private=["127.0.0.1/32"])))
    assert page.query(f"http://turns.example:{up.port}/").why == "upstream_connect_refused"
    dns.names["turns.example"] = (["127.0.0.2"], 0)
    assert page.query(f"http://turns.example:{up.port}/").why in ("hub_address", "upstream_connect_refused")
    assert not up.requests


def test_next_address(gateway, serve, dns):
    up = serve(host="127.0.0.2")
    dns.names["two.example"] = (["127.0.0.1", "127.0.0.2"], 60)
    page = Page(gateway(config([f"two.example:{up.port}"], {"dns": [dns.address]})))
    assert wrapped(page.query(f"http://two.example:{up.port}/"))["status_code"] == 200


# ---- TLS ----

def test_roots_of_a_target(gateway, secure, authority, roots):
    up, other = secure(authority.issue("127.0.0.1")), secure(authority.issue("127.0.0.1"))
    wrong = secure(authority.issue("elsewhere.example"))
    names = [u.address.removeprefix("https://") for u in (up, other, wrong)]
    page = Page(gateway(config(names, allow_http=False, targets=[{"host": names[0], "ca": roots}, {"host": names[2], "ca": roots}])))
    assert wrapped(page.query(up.address + "/x"))["status_code"] == 200
    assert up.requests[0].header("Host") == names[0]
    for u in other, wrong:
        r = page.query(u.address)
        assert (r.status, r.why) == (502, "upstream_certificate_refused") and not u.requests
        assert r.body == error("The upstream's certificate was refused.")


def test_any_host_by_its_own_name(gateway, secure, authority, roots, dns):
    up = secure(authority.issue("a.example"))
    dns.names |= {"a.example": (["127.0.0.1"], 60), "b.example": (["127.0.0.1"], 60)}
    page = Page(gateway(config(["*"], {"dns": [dns.address], "upstream_tls": {"ca": roots}}, allow_http=False)))
    assert wrapped(page.query(f"https://a.example:{up.port}/"))["status_code"] == 200
    assert up.names[-1] == "a.example"
    assert page.query(f"https://b.example:{up.port}/").why == "upstream_certificate_refused" and len(up.requests) == 1


# ---- limits and failures ----

def test_failures(gateway, serve):
    port = free_port()
    silent = serve(raw=lambda c: c.stay())
    closes = serve(raw=lambda c: None)
    rubbish = serve(raw=lambda c: c.send(b"SSH-2.0-x\r\n"))
    large = serve(lambda r, c: c.reply(200, {}, b"x" * 2000))
    coded = serve(lambda r, c: c.reply(200, {"Content-Encoding": "gzip"}, b"\x1f\x8b"))
    many = serve(lambda r, c: c.reply(200, [(f"X-{i}", "") for i in range(300)], b""))
    dead = f"127.0.0.1:{port}"
    servers = [silent, closes, rubbish, large, coded, many]
    page = Page(gateway(config([dead] + [s.address for s in servers], timeout="5s", response_limit="1k",
                               targets=[{"host": silent.address, "timeout": "200ms"}])))
    for where, status, why in [(dead, 502, "upstream_connect_refused"), (silent.address, 504, "upstream_first_byte_timeout"),
                               (closes.address, 502, "upstream_closed"), (rubbish.address, 502, "upstream_malformed"),
                               (large.address, 502, "hub_answer"), (coded.address, 502, "hub_answer"), (many.address, 502, "hub_answer")]:
        r = page.query(f"http://{where}/")
        assert (r.status, r.why) == (status, why), where
        assert list(r.json()) == ["message", "reason"] and r.json()["reason"] is None
    assert page.gw.metrics()["yett_hub_failed_total"] == 7
    assert page.gw.logged(reason="upstream_first_byte_timeout")["limit"] == "routes[].hub.timeout"


def test_body_limit(gateway, serve):
    up = serve()
    page = Page(gateway(config([up.address], request_limit="2k")), up.port)
    assert wrapped(page.query(method="POST", data="x" * 1500))["status_code"] == 200
    r = page.query(method="POST", data="x" * 3000)
    assert (r.status, r.why) == (413, "body_too_large")
    chunked = b"POST %s/external-service HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nTransfer-Encoding: chunked\r\n\r\n" % (
        BASE.encode(), page.token.encode())
    with client.Client(page.gw.port) as c:
        c.send(chunked + b"1000\r\n" + b" " * 4096 + b"\r\n")
        assert c.read().status == 413
    assert len(up.requests) == 1


def test_page_that_goes_away(gateway, serve):
    gone = threading.Event()

    def wait(c):
        c.sock.recv(65536)
        if c.wait_gone(10):
            gone.set()

    up = serve(raw=wait)
    page = Page(gateway(config([up.address])), up.port)
    body = json.dumps({"query": {"method": "GET", "url": f"http://127.0.0.1:{up.port}/"}})
    c = client.Client(page.gw.port)
    c.send(f"POST {BASE}/external-service HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {page.token}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
    wait_until(lambda: up.connections)
    c.close()
    wait_until(gone.is_set, 5)


def test_other_statuses_and_pages_of_other_origins(gateway, serve):
    up = serve()
    gw = gateway(config([up.address]) | {"routes": [{
        "path": BASE, "auth": "required", "cors": {"origins": ["https://lab.example"], "headers": ["*"]},
        "hub": {"allow": [up.address], "allow_http": True, "allow_private": ["127.0.0.0/8"]}}]})
    page = Page(gw, up.port, Origin="https://lab.example")
    for r in page.query(), page.query("https://no.example/"):
        assert r.header("Access-Control-Allow-Origin") == "https://lab.example"


def test_tokens_stay_out_of_what_is_written(gateway, serve):
    up = serve()
    page = Page(gateway(config([up.address])), up.port)
    page.query("/path?access_token=hidden")
    up.stop()
    assert page.query("/path?access_token=hidden").status == 502
    wait_until(lambda: "hub service=" in page.gw.log())
    line = page.gw.logged(path=BASE + "/external-service", status=200)
    assert line["upstream"] == up.address and line["user"]
    with open(page.gw.dir + "/access.log") as f:
        written = f.read() + page.gw.log() + json.dumps(page.gw.status()) + str(page.gw.metrics())
    assert "hub service=" in written and "hidden" not in written
    assert not any(part in written for part in page.token.split("."))


# ---- the configuration ----

@pytest.mark.parametrize("change, key", [
    ({"auth": "none"}, "hub"), ({"auth": "optional"}, "hub"), ({"upstream": "u"}, "upstream"), ({"exact": True}, "hub"),
    ({"hub": {"allow": []}}, "hub.allow"), ({"hub": {"allow": ["https://a.example"]}}, "hub.allow"), ({"hub": {"allow": ["a/b"]}}, "hub.allow"),
    ({"hub": {"allow": ["a."]}}, "hub.allow"), ({"hub": {"allow": ["user@a"]}}, "hub.allow"), ({"hub": {"allow": ["127.1"]}}, "hub.allow"),
    ({"hub": {"allow": ["a"], "targets": [{"host": "b"}]}}, "hub.targets"), ({"hub": {"allow": ["a"], "credential": "x"}}, "hub.credential"), ({"hub": {"allow": ["a"], "allow_private": ["x"]}}, "hub.allow_private"),
])
def test_refused(tmp_path, change, key):
    broken = config(["a.example"])
    broken["routes"][0] |= change
    (tmp_path / "yett.yaml").write_text(json.dumps(merge({"listeners": [f"127.0.0.1:{free_port()}"]}, broken)))
    r = run([BINARY, "check", "-c", str(tmp_path / "yett.yaml")])
    assert r.returncode == 1 and f"routes[0].{key}: " in r.stdout + r.stderr and "; " in r.stdout + r.stderr


def test_names_of_naavre(gateway, serve):
    up = serve()
    of_file = config(["x"], {"compatibility": "naavre"})
    del of_file["routes"][0]["hub"]["allow"]
    page = Page(gateway(of_file, env={"NAAVRE_ALLOWED_DOMAINS": f"a.example,127.0.0.1:{up.port}"}), up.port)
    assert wrapped(page.query())["status_code"] == 200 and page.query("https://b.example").why == "hub_domain"
    gw = page.gw
    gw.env = {n: v for n, v in gw.env.items() if n != "NAAVRE_ALLOWED_DOMAINS"}
    r = gw.cli("check")
    assert r.returncode == 0 and "NAAVRE_ALLOWED_DOMAINS is not set" in r.stdout + r.stderr
    gw.env |= {"VRE_API_VERIFY_SSL": "false"}
    r = gw.cli("check")
    assert r.returncode == 1 and "ca of each service" in r.stdout + r.stderr


def test_development(gateway, serve, tmp_path):
    """Tokens as NaaVRE's services take them with DISABLE_AUTH: only here, and never quietly."""
    up = serve()
    how = config([up.address], {"compatibility": "naavre"})
    del how["gate"]
    page = Page(gateway(how, env={"DISABLE_AUTH": "true"}), up.port)
    page.headers = bearer(token("fake-secret", aud="account", sub="x"))
    assert wrapped(page.query())["status_code"] == 200 and "TOKENS ARE WORTH NOTHING" in page.gw.log()
    for t in token("fake-secret", sub="x"), token("fake-secret", aud="other", sub="x"), token(aud="account", sub="x"):
        page.headers = bearer(t)
        assert page.query().status == 401
    for wrong, words in [({"listeners": [f":{free_port()}"]}, "not loopback"), ({"gate": {"secret": "x" * 32}}, "remove one of the two")]:
        (tmp_path / "yett.yaml").write_text(json.dumps(merge({"gate": {"development": True}, "listeners": ["127.0.0.1:0"]}, wrong)))
        r = run([BINARY, "check", "-c", str(tmp_path / "yett.yaml")])
        assert r.returncode == 1 and words in r.stdout + r.stderr


# ---- sessions ----

def test_session(gateway, serve, store):
    """The page shows a cookie, and the service gets the access token of its login, or of the provider that is named."""
    up = serve()
    how = sessions.config(store, up, providers=("corp", "lab"))
    rules = {"allow": [up.address], "allow_http": True, "allow_private": ["127.0.0.0/8"]}
    how["routes"] = [{"path": "/corp", "auth": "required", "hub": rules}, {"path": "/lab", "auth": "required", "hub": rules | {"credential": "lab"}}]
    gw = gateway(how)
    some = sessions.Sessions(store.db)
    both = some.create("jo", ("corp", "lab"), claims={"preferred_username": "jo", "name": "Jo"})
    one = some.create("al")

    def ask(path, id):
        query = {"query": {"method": "GET", "url": f"http://{up.address}/"}}
        return gw.ask(path + "/external-service", "POST", headers=sessions.cookie(id), body=json.dumps(query).encode())

    for provider in "corp", "lab":
        wrapped(ask("/" + provider, both))
        assert up.requests[-1].header("Authorization") == "Bearer access-" + provider and up.requests[-1].header("Cookie") is None
    assert gw.ask("/lab/me", headers=sessions.cookie(both)).body == b'{"sub": "jo", "preferred_username": "jo", "name": "Jo"}'
    wrapped(ask("/corp", one))
    assert ask("/lab", one).why == "hub_token" and len(up.requests) == 3
    assert "access-" not in gw.log() + json.dumps(gw.access_log())


def test_pages_of_other_sites(gateway, serve, store):
    """A cookie goes along with what any page makes a browser ask, a form of a sibling's among them; a token does not."""
    up = serve()
    how = sessions.config(store, up)
    how["routes"] = [{"path": "/corp", "auth": "required", "cors": {"origins": ["https://lab.example"], "credentials": True}, "hub": {
        "allow": [up.address], "allow_http": True, "allow_private": ["127.0.0.0/8"]}}]
    gw = gateway(how)
    cookie = sessions.cookie(sessions.Sessions(store.db).create("jo"))
    ours = how["login"]["url"]
    body = json.dumps({"query": {"method": "POST", "url": f"http://{up.address}/"}}).encode()
    for fields in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": ours + ".evil.example"}, {"Sec-Fetch-Site": "same-site"},
                   {"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-site"}, {"Origin": ""}):
        r = gw.ask("/corp/external-service", "POST", headers=cookie | fields, body=body)
        assert (r.status, r.why) == (403, "hub_cross_site"), fields
    assert not up.requests
    for fields in ({}, {"Origin": ours}, {"Origin": "https://lab.example", "Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-origin"},
                   {"Sec-Fetch-Site": "none"}, {"Origin": ours, "Sec-Fetch-Site": "same-origin"}):
        assert wrapped(gw.ask("/corp/external-service", "POST", headers=cookie | fields, body=body))["status_code"] == 200, fields


def test_token_that_ends_soon(gateway, serve, store):
    """It is refreshed half a minute before its end, once, and not before that."""
    provider, up = TokenServer(), serve()
    how = sessions.config(store, up)
    how["login"]["providers"] = {"corp": provider.config()}
    del how["gate"]
    how["routes"] = [{"path": "/corp", "auth": "required", "hub": {
        "allow": [up.address], "allow_http": True, "allow_private": ["127.0.0.0/8"]}}]
    gw = gateway(how)
    some = sessions.Sessions(store.db)

    def logged_in(ends):
        id = some.create("7")
        tid = some.tids(id)["corp"]
        for kind, value, end in zip(("accessToken", "refreshToken"), provider.grant("7"), (time.time() + ends, None)):
            store.db.hset(f"{kind}:{tid}", mapping={"Value": sessions.seal(value, f"{kind}:{tid}"), "ExpiresAt": sessions.stamp(end)})
        return id

    def sent(id):
        query = {"query": {"method": "GET", "url": f"http://{up.address}/"}}
        r = gw.ask("/corp/external-service", "POST", headers=sessions.cookie(id), body=json.dumps(query).encode())
        return up.requests[-1].header("Authorization") if r.status == 200 else r.why

    later, soon = logged_in(45), logged_in(15)
    wait_until(lambda: sent(soon) == "Bearer access-g1-1", 10)
    assert sent(later) == "Bearer access-g0-0" and provider.refreshes == 1
    provider.stop()
