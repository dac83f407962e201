"""The examples of configurations: each is good as it stands, and does before services that echo what its comments say."""

import os

import pytest
import redis
import yaml

from harness import gateway as g
from harness import procs, sessions
from harness.api import Api
from harness.provider import Provider
from harness.tokens import SECRET, bearer, token

FOLDER = os.path.join(g.ROOT, "etc/examples")
KEY, OTHER = "k" * 32, "o" * 32
ENV = {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": "1", "REDIS_PASSWORD": "", "JWT_SECRET_KEY": SECRET, "NAAVRE_ALLOWED_DOMAINS": "",
       "GATEWAY_SESSIONS_COOKIEHASHKEY": KEY, "GATEWAY_LOGIN_TOKENENCRYPTION_SECRETKEY": OTHER,
       "GATEWAY_LOGIN_PROVIDERS_RENKU_CLIENTSECRET": "client"}
FILES = {"jwt.secret": SECRET, "client.secret": "client", "cookie.key": sessions.COOKIE_KEY, "token.key": sessions.TOKEN_KEY,
         "gitlab.token": "of-root", "unavailable.html": "<html>"}


@pytest.fixture(scope="module")
def etc(pki, tmp_path_factory):
    """What stands in /etc/yett."""
    folder = tmp_path_factory.mktemp("etc")
    for name, text in FILES.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o600)
    (folder / "tls.d").mkdir()
    pki.issue("hub.example.org").write(str(folder / "tls.d/site.pem"))
    (folder / "hub.pem").symlink_to("tls.d/site.pem")
    (folder / "hub.key").symlink_to("tls.d/site.pem")
    return folder


def text_of(etc, name):
    with open(os.path.join(FOLDER, name), encoding="utf-8") as f:
        return f.read().replace("/etc/yett/", f"{etc}/")


@pytest.mark.parametrize("name", sorted(os.listdir(FOLDER)))
def test_is_good(etc, tmp_path, name):
    file = tmp_path / name
    file.write_text(text_of(etc, name))
    done = procs.run([g.BINARY, "check", "-c", str(file)], os.environ | ENV)
    warned = [line for line in done.stderr.splitlines() if ": warning: " in line and "WHOEVER REACHES 127.0.0.1:8082" not in line]
    assert done.returncode == 0 and not warned, done.stdout + done.stderr


def config(etc, name, **swapped):
    """The file as a mapping, at a port of the harness; `swapped`: what stands in it, and what a test has in its place."""
    text = text_of(etc, name)
    for old, new in swapped.values():
        assert old in text, old
        text = text.replace(old, new)
    told = yaml.load(text, yaml.BaseLoader)
    told.pop("listeners", None)
    told.get("tls", {}).pop("redirect_http", None)
    return told | {"health": {"enabled": False}}


def test_riox(gateway, serve, store, etc):
    """Its rules and its pusher; who has no token may sign up, and nobody is who he says without one."""
    up, port = serve(), procs.free_port()
    store.rule("platform.riox.io/api/v1/users", up.address)
    gw = gateway(config(etc, "riox.yaml", store=("redis.internal:6379", store.address), api=("127.0.0.1:8082", f"127.0.0.1:{port}")))
    procs.wait_until(lambda: gw.ask("/api/v1/users", "POST", "platform.riox.io").status == 200)
    assert gw.ask("/api/v1/users", host="platform.riox.io").why == "token_missing"
    me = gw.ask("/api/v1/users/me", host="platform.riox.io", headers=bearer(token(_id="7")) | {"Auth-Id": "1"}).json()["headers"]
    assert [v for n, v in me if n.lower().replace("-", "_") == "auth_id"] == ["7"]
    r = Api(port).ask("POST", "batch", body={"frontends": [{"url": "files.riox.io", "backend_name": "f"}],
                                             "backends": [{"name": "f", "servers": [up.address]}]}, host="nginx-config:8082")
    assert r.json()["message"] == "OK" and gw.ask("/", host="files.riox.io").status == 200
    r = gw.ask("/", host="unknown.riox.io", headers={"Accept": "text/html"})
    assert (r.status, r.body) == (502, FILES["unavailable.html"].encode())
    seen = gw.ask("/", host="files.riox.io", headers={"Origin": "__internal__"}).json()["headers"]
    assert ["origin", "__unknown__"] in [[n.lower(), v] for n, v in seen]  # what it takes for one of its own services
    assert [i["requests"] for i in gw.admin("/statistics").json()["identities"]["list"] if i["name"] == "7"] == [1]


class Ashine(g.Gateway):
    """Its file says where it listens."""

    def configure(self, config):
        self.base.pop("listeners", None)
        super().configure(g.merge(config, {"gateway": {"listenAddr": f"127.0.0.1:{self.port}"}}))


def test_a_shine(serve, store, etc):
    """Paths are stripped, and its cookie says who asks; its words are told to who has none."""
    user, service = serve(name="user"), serve(name="service")
    told = config(etc, "a-shine.yaml", user=("user-management:8000", user.address), service=("service-a:8000", service.address))
    gw = Ashine(told, env=ENV | {"REDIS_PORT": str(store.port)})
    try:
        assert gw.ask("/user/login").json()["target"] == "/login"
        r = gw.ask("/service-a/x")
        assert (r.status, r.json()["message"]) == (401, "No token cookie")
        seen = gw.ask("/service-a/x", headers={"Cookie": f"token={token(id='7')}"}).json()
        assert (seen["name"], seen["target"]) == ("service", "/x") and ["auth_id", "7"] in seen["headers"]
    finally:
        gw.finish()


def test_naavre(gateway, serve, pki, etc):
    """Only hosts that are named are asked, and a workflow is for the lab."""
    provider, up = Provider(pki), serve()
    provider.rotate("a")
    told = config(etc, "naavre.yaml", workflow=("workflow:8000", up.address), issuer=("https://keycloak.example.org/auth/realms/vre", provider.issuer))
    told["gate"]["issuers"]["lab"] |= {"tls": {"ca": provider.root}}
    gw = gateway(told)
    try:
        ours, other = (bearer(provider.token("a", aud="account", groups=groups)) for groups in (["lab-users"], []))
        procs.wait_until(lambda: gw.ask("/workflow/x", headers=ours).status == 200)
        assert gw.ask("/workflow/x", headers=other).status == 403 and gw.ask("/workflow/x").why == "token_missing"
        ask = b'{"query":{"method":"GET","url":"https://elsewhere.example.org/"}}'
        assert gw.ask("/naavre-communicator/external-service", "POST", body=ask).status == 401
        assert gw.ask("/naavre-communicator/external-service", "POST", headers=ours, body=ask).why == "hub_domain"
    finally:
        provider.stop()


def test_jupyterhub(gateway, serve, store, etc):
    """A browser is sent to the provider; the hub hears who has logged in, and of nobody else."""
    up, issuer = serve(), "https://id.example.org/realms/lab"
    told = config(etc, "jupyterhub.yaml", up=("127.0.0.1:8000", up.address), store=("127.0.0.1:6379", store.address))
    told["login"]["providers"]["corp"] |= {  # which nobody can be asked for here
        "authorization_endpoint": issuer + "/auth", "token_endpoint": issuer + "/token", "jwks_uri": issuer + "/keys"}
    gw = gateway(told)
    browser = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}
    first = gw.ask("/hub/home", host="hub.example.org", headers=browser)
    assert first.status == 302 and "/api/auth/login?" in first.header("Location")
    sent = gw.ask(first.header("Location").removeprefix("https://hub.example.org"), host="hub.example.org", headers=browser)
    assert sent.status == 302 and sent.header("Location").startswith(issuer + "/auth?")
    id = sessions.Sessions(redis.Redis(port=store.port)).create("ann", claims={"preferred_username": "ann"})
    for headers in sessions.cookie(id, name="__Host-yett"), {"Authorization": "token t"}:
        seen = gw.ask("/hub/home" if "Cookie" in headers else "/hub/api", host="hub.example.org", headers=headers | {"X_Remote.User": "root"}).json()
        told = [v for n, v in seen["headers"] if n.lower() in ("x-remote-user", "x_remote.user")]
        assert told == (["ann"] if "Cookie" in headers else [])
    assert gw.ask("/hub/metrics", host="hub.example.org").status == 404


def test_gitlab(gateway, serve, etc):
    """Paths of projects stay as they are; who acts for somebody acts for the subject of his token, and does not delete."""
    up = serve()
    gw = gateway(config(etc, "gitlab.yaml", up=("10.0.0.10:8181", up.address)))
    assert gw.ask("/api/v4/projects/a%2Fb", host="gitlab.example.org").json()["target"] == "/api/v4/projects/a%2Fb"
    assert gw.ask("/-/metrics", host="gitlab.example.org").status == 404
    mine = bearer(token(sub="ann", aud="app")) | {"Sudo": "root"}
    seen = gw.ask("/api/gitlab/projects/a%2Fb", host="app.example.org", headers=mine).json()
    headers = {n.lower(): v for n, v in seen["headers"]}
    assert seen["target"] == "/api/v4/projects/a%2Fb" and headers["host"] == "gitlab.example.org"
    assert (headers["sudo"], headers["private-token"]) == ("ann", "of-root")
    assert gw.ask("/api/gitlab/projects", host="app.example.org").why == "token_missing"
    assert gw.ask("/api/gitlab/projects/1", "DELETE", host="app.example.org", headers=mine).status == 403
