"""People log in before Renku's services, by the configuration of Renku's gateway as it is, at two real providers."""

import json

import pytest

from harness import gateway as gateways
from harness import node, oidc
from harness.client import request
from harness.procs import free_port
from harness.redis_server import RedisServer
from harness.upstream import Upstream

pytestmark = pytest.mark.skipif(bool(node.missing("oidc-provider")), reason=node.missing("oidc-provider") or "")
SECRETS = {"GATEWAY_SESSIONS_COOKIEHASHKEY": "h" * 32, "GATEWAY_LOGIN_TOKENENCRYPTION_SECRETKEY": "t" * 32,
           "GATEWAY_LOGIN_PROVIDERS_RENKU_CLIENTSECRET": oidc.SECRET, "GATEWAY_LOGIN_PROVIDERS_GITLAB_CLIENTSECRET": oidc.SECRET}


def switch(r, c):
    c.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello\n")
    c.file.readline()
    c.close = True


def config(url, store, ups, providers):
    return {
        "runningEnvironment": "development", "server": {"host": "127.0.0.1", "port": int(url.rpartition(":")[2])},
        "revproxy": {"renkuBaseURL": "http://" + ups["renku"].address, "renkuServices": {
            name: "http://" + ups[name].address for name in ("dataService", "keycloak", "uiServer")}},
        "login": {"renkuBaseURL": url, "loginRoutesBasePath": "/api/auth", "logoutGitLabUponRenkuLogout": True, "providers": {
            p.name: {"issuer": p.issuer, "clientID": "yett", "scopes": ["openid", "profile", "email"],
                     "callbackURI": url + "/api/auth/callback", "usePKCE": False} for p in providers}},
        "redis": {"type": "redis", "addresses": [store.address]},
    }


class Renku:
    def __init__(self, pki):
        port = free_port()
        self.url, self.store = f"http://localhost:{port}", RedisServer()
        self.ups = {name: Upstream(name=name) for name in ("dataService", "keycloak", "renku")}
        self.ups["uiServer"] = Upstream(switch)
        self.providers = [oidc.Identity(pki, name, [self.url], plain=True) for name in ("renku", "gitlab")]
        text = {"listeners": [f"127.0.0.1:{port}"], "health": {"enabled": False}} | config(self.url, self.store, self.ups, self.providers)
        self.gw = gateways.Gateway(text, env=SECRETS)
        self.gw.port = port
        oidc.wait_for(self.gw)

    def seen(self, name):
        return self.ups[name].requests[-1]

    def finish(self):
        self.gw.finish()
        for p in self.providers:
            p.kill()
        for u in self.ups.values():
            u.stop()
        self.store.finish()


@pytest.fixture(scope="module")
def renku(pki):
    made = Renku(pki)
    yield made
    made.finish()


@pytest.fixture
def person(pki):
    return oidc.Person(pki)


def token_of(r):
    scheme, _, token = r.header("Authorization").partition(" ")
    assert scheme == "Bearer"
    return token


def test_what_services_are_told(renku, person):
    page = person.ask(renku.url + "/api/data/user")
    assert page.status == 200 and renku.seen("dataService").header("Authorization") is None
    nobody = renku.seen("dataService").header("Renku-Auth-Anon-Id")
    assert nobody.startswith("anon-") and "_renku_session" in person.cookies(renku.url)
    before = person.cookies(renku.url)["_renku_session"]
    page = person.log_in(renku.url + "/ui-server/auth/login?redirect_url=/", "ann", "ann-at-gitlab")
    assert (page.status, page.path) == (200, "/") and person.cookies(renku.url)["_renku_session"] != before
    assert renku.seen("renku").header("Cookie") is None and renku.seen("renku").header("Authorization") is None
    assert person.ask(renku.url + "/api/data/user?a=%2F").status == 200
    r = renku.seen("dataService")
    assert r.target == "/api/data/user?a=%2F" and token_of(r) and r.header("Renku-Auth-Refresh-Token") and r.header("Gitlab-Access-Token")
    assert r.header("Gitlab-Access-Token") != token_of(r) and int(r.header("Gitlab-Access-Token-Expires-At")) > 1_700_000_000
    assert r.header("Renku-Auth-Anon-Id") is None and r.header("Cookie") is None
    assert person.ask(renku.url + "/api/kc/auth/realms/Renku/protocol/openid-connect/userinfo").status == 200
    k = renku.seen("keycloak")
    assert k.target == "/auth/realms/Renku/protocol/openid-connect/userinfo" and token_of(k) == token_of(r)
    assert k.header("Renku-Auth-Refresh-Token") is None and k.header("Gitlab-Access-Token") is None
    for secret in (*SECRETS.values(), token_of(r), r.header("Gitlab-Access-Token"), person.cookies(renku.url)["_renku_session"]):
        assert secret not in renku.gw.log() + json.dumps(renku.gw.status())


def test_its_web_socket(renku, person):
    person.log_in(renku.url + "/api/auth/login?redirect_url=/", "bea", "bea-at-gitlab")
    with renku.gw.connect() as c:
        cookie = "; ".join(f"{n}={v}" for n, v in person.cookies(renku.url).items())
        c.send(request("/ui-server/ws", headers={"Connection": "Upgrade", "Upgrade": "websocket", "Cookie": cookie}))
        assert c.read().status == 101 and c.read_until(b"\n") == b"hello"
        assert token_of(renku.seen("uiServer"))
        assert person.ask(renku.url + "/api/auth/logout", form={}).status == 303
        assert c.closed()


def test_its_endpoints(renku, person):
    assert person.ask(renku.url + "/api/auth/gitlab/exchange", headers={}).status == 401
    person.log_in(renku.url + "/api/auth/login?redirect_url=/&provider_id=renku&provider_id=gitlab", "eve", "eve-at-gitlab")
    told = person.ask(renku.url + "/api/auth/gitlab/exchange", headers={})
    assert told.status == 200 and set(told.json()) == {"access_token", "expires_at"}
    page = person.ask(renku.url + "/api/auth/user-profile")
    assert (page.status, page.header("Location")) == (302, renku.providers[0].issuer + "/account?referrer=renku")
