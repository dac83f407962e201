"""A gateway.conf.yaml as a-shine's users have it, with its environment: what clients and services of theirs rely on."""

import os

import pytest

from harness import gateway as g
from harness.procs import run, wait_until
from harness.tokens import SECRET, token, unsigned

# As in its README, which says `path`; the project to begin with has `route`, and no CORS.
SAMPLE = """gateway:

  listenAddr: 127.0.0.1:{port}

  cors:
    allowedOrigins: ["https://app.test"]
    allowedMethods: ["GET", "POST", "PUT", "DELETE", "OPTIONS"]
    allowedHeaders: ["Origin", "Accept", "Content-Type", "X-Requested-With", "X-CSRF-Token"]
    allowedCredentials: true
    maxAge: 86400

  services:
    non-authenticated: # (optional)
      - name: User management
        path: /user
        target: http://{user}
    authenticated: # (optional)
      - name: Service A
        path: /service-a
        target: http://{service}
"""
TEMPLATE = SAMPLE[:SAMPLE.index("  cors:")] + SAMPLE[SAMPLE.index("  services:"):].replace("path:", "route:")


class Ashine(g.Gateway):
    """`text`: the file, with the ports to fill in."""

    def configure(self, text):
        self.file = os.path.join(self.dir, "gateway.conf.yaml")
        self.base = {k: v for k, v in self.base.items() if k != "listeners"} | {"health": {"enabled": False}}
        super().configure(text.replace("{port}", str(self.port)))


@pytest.fixture
def ashine(serve, store):
    """ashine(text) starts it before two services that echo, with a Redis that asks for a password."""
    started, user, service = [], serve(name="user"), serve(name="service")
    store.db.config_set("requirepass", "password123")

    def start(text, **env):
        variables = {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(store.port), "REDIS_PASSWORD": "password123",
                     "JWT_SECRET_KEY": SECRET}
        text = text.replace("{user}", user.address).replace("{service}", service.address)
        started.append(Ashine(text, env=variables | env))
        started[-1].user, started[-1].service = user, service
        return started[-1]

    yield start
    for gw in started:
        gw.finish()


def cookie(t=None, **claims):
    return {"Cookie": "token=" + (t or token(**claims))}


@pytest.mark.parametrize("text", [SAMPLE, TEMPLATE], ids=["sample", "template"])
def test_routes(ashine, text):
    gw = ashine(text)
    assert gw.status()["redis"]["state"] == "up"
    for path, target in (("/user/login?x=1", "/login?x=1"), ("/user/", "/"), ("/user/a%2Fb/", "/a%2Fb/")):
        r = gw.ask(path, "POST", body=b"{}")
        assert (r.status, r.json()["name"], r.json()["target"], r.json()["body"]) == (200, "user", target, "{}")
    r = gw.ask("/service-a/x", headers=cookie(id="507f1f77bcf86cd799439011"))
    assert (r.status, r.json()["name"], r.json()["target"]) == (200, "service", "/x")
    assert ["auth_id", "507f1f77bcf86cd799439011"] in r.json()["headers"]
    for bare in ("/user", "/service-a"):
        r = gw.ask(bare)
        assert (r.status, r.body, r.header("Content-Type")) == (404, b"404 page not found\n", "text/plain; charset=utf-8")
    assert [gw.ask(p).status for p in ("/", "/users/x", "/other")] == [404] * 3


def test_what_it_passes_on(ashine):
    """Bodies of any size, the client's Host, and its address behind what it says itself."""
    gw = ashine(TEMPLATE)
    r = gw.ask("/user/x", "POST", host="shop.test", headers={"X-Forwarded-For": "192.0.2.1"}, body=b"x" * (3 << 20))
    headers = {n.lower(): v for n, v in r.json()["headers"]}
    assert r.status == 200 and len(r.json()["body"]) == 3 << 20 and headers["host"] == "shop.test"
    assert headers["x-forwarded-for"] == "192.0.2.1, 127.0.0.1"


def test_who_may_pass(ashine):
    gw = ashine(TEMPLATE)
    for headers, status, message in (
            ({}, 401, "No token cookie"), (cookie("x"), 400, "Unable to parse token"),
            (cookie(unsigned()), 401, None), (cookie(exp=1), 401, "Invalid or expired token"),
            (cookie(token(secret="x" * 40)), 401, "Invalid token signature"), (cookie(nbf=4e9), 401, "Invalid or expired token"), (cookie(id=None), 401, None),
            (cookie(id=""), 401, None), (cookie(id=7), 401, None)):
        r = gw.ask("/service-a/x", headers=headers)
        assert r.status == status and (message is None or r.json()["message"] == message), (headers, r)
        assert r.header("Content-Type") == "application/json" and r.header("WWW-Authenticate").startswith("Bearer ")
    assert gw.service.requests == []
    for algorithm in ("HS256", "HS384", "HS512"):
        assert gw.ask("/service-a/x", headers=cookie(token(algorithm=algorithm))).status == 200


def test_suspended(ashine, store):
    """By a key that is named by the id, whatever its value; without Redis nobody passes whose state is not known."""
    gw = ashine(SAMPLE)
    ask = [("/service-a/x", cookie(id="507f1f77bcf86cd799439011")), ("/isAuth", cookie(id="507f1f77bcf86cd799439011"))]
    assert [gw.ask(p, headers=h).status for p, h in ask] == [200, 200]
    store.db.set("507f1f77bcf86cd799439011", "507f1f77bcf86cd799439011", ex=60)
    wait_until(lambda: gw.ask("/isAuth", headers=ask[1][1]).status == 401, 1, what="the suspension")
    for path, headers in ask:
        r = gw.ask(path, headers=headers | {"Origin": "https://app.test"})
        assert (r.status, r.json()["message"]) == (401, "User has been suspended")
        assert r.header("Content-Type") == "application/json"
        assert r.header("Access-Control-Allow-Origin") == "https://app.test"
    assert gw.ask("/service-a/x", headers=cookie(id="other")).status == 200
    store.db.delete("507f1f77bcf86cd799439011")
    wait_until(lambda: gw.ask("/isAuth", headers=ask[1][1]).status == 200, 1, what="its end")
    store.kill()
    r = wait_until(lambda: (r := gw.ask("/service-a/x", headers=cookie(id="stranger"))).status != 200 and r, 5, what="a refusal")
    assert (r.status, r.json()["message"]) == (500, "Failed to check user authorisation")
    store.start()


def test_is_auth(ashine):
    """200 and nothing more, by any method; a service cannot take its place."""
    gw = ashine(TEMPLATE + "      - {name: All, route: /, target: 'http://{user}'}\n")
    for method in ("GET", "POST", "DELETE"):
        r = gw.ask("/isAuth", method, headers=cookie())
        assert (r.status, r.body) == (200, b"")
        for headers, status, message in (({}, 401, "No token cookie"), (cookie(exp=1), 401, "Invalid or expired token")):
            r = gw.ask("/isAuth", method, headers=headers)
            assert (r.status, r.json()["message"]) == (status, message)
    assert gw.user.requests == []
    gw = ashine(TEMPLATE[:TEMPLATE.index("    authenticated:")])  # also where no service asks
    assert [gw.ask("/isAuth", headers=h).status for h in (cookie(), {})] == [200, 401]


def test_what_is_the_gateways_alone(ashine):
    """A user with a good token could else delete another one."""
    gw = ashine(SAMPLE)
    for path in ("/service-a/user-delete", "/service-a/x/user-delete", "/user/isAlive", "/service-a//user-delete/",
                 "/service-a/%75ser-delete", "/service-a/x/../user-delete"):
        assert gw.ask(path, "DELETE", headers={"id": "victim"} | cookie()).status == 404, path
    assert gw.service.requests + gw.user.requests == []


def test_nobody_says_who_he_is(ashine):
    gw = ashine(TEMPLATE)
    spellings = [(n, "1") for n in ("auth_id", "auth-id", "Auth_Id", "AUTH.ID")]
    assert gw.ask("/user/x", headers=spellings).status == 200
    assert gw.ask("/service-a/x", headers=spellings + list(cookie(id="42").items())).status == 200
    sent = [[v for n, v in up.requests[0].headers if n.lower().replace("-", "_").replace(".", "_") == "auth_id"]
            for up in (gw.user, gw.service)]
    assert sent == [[], ["42"]]


def test_groups(ashine):
    """Of the flat list; an empty one is every user."""
    text = TEMPLATE[:TEMPLATE.index("  services:")] + """  services:
    - {name: Users, route: /user, target: 'http://{user}', authenticated: true, allowedGroups: []}
    - {name: Admins, route: /user/admin, target: 'http://{service}', authenticated: true, allowedGroups: [admin, root]}
"""
    gw = ashine(text)
    assert gw.ask("/user/x", headers=cookie(userGroup="nobody")).json()["name"] == "user"
    assert gw.ask("/user/admin/x", headers=cookie(userGroup="admin")).json()["name"] == "service"
    for group in ("nobody", "", None, ["nobody"], "admin "):
        r = gw.ask("/user/admin/x", headers=cookie(userGroup=group))
        assert (r.status, r.json()["message"]) == (403, "User is not authorised to access this resource"), group
    assert gw.ask("/user/admin/x").status == 401 and len(gw.service.requests) == 1


def test_a_deleted_user(ashine, store):
    """Services of authenticated users are told, others are not."""
    gw = ashine(TEMPLATE)
    wait_until(lambda: store.db.publish("user-delete", "507f1f77bcf86cd799439011"), what="a subscriber")
    told = wait_until(lambda: gw.service.requests, 10, what="a DELETE")[0]
    assert (told.method, told.target, told.header("id")) == ("DELETE", "/user-delete", "507f1f77bcf86cd799439011")
    wait_until(lambda: not store.db.zcard("yett:cascade:due"), 5, what="the end of it")
    assert gw.user.requests == [] and len(gw.service.requests) == 1


def test_cors(ashine):
    gw = ashine(SAMPLE)
    ask = {"Origin": "https://app.test", "Access-Control-Request-Method": "PUT"}
    r = gw.ask("/service-a/x", "OPTIONS", headers=ask)
    assert r.status in (200, 204) and gw.service.requests == []
    assert r.header("Access-Control-Allow-Origin") == "https://app.test"
    assert (r.header("Access-Control-Allow-Credentials"), r.header("Access-Control-Max-Age")) == ("true", "86400")
    assert gw.ask("/user/x", headers=ask).header("Access-Control-Allow-Origin") == "https://app.test"
    for headers, status in ({}, 401), (cookie(), 200):  # of a page that wants to know whether its user is known
        r = gw.ask("/isAuth", headers={"Origin": "https://app.test"} | headers)
        assert (r.status, r.header("Access-Control-Allow-Origin"), r.header("Access-Control-Allow-Credentials")) == (status, "https://app.test", "true")
    assert gw.ask("/isAuth", "OPTIONS", headers=ask).header("Access-Control-Allow-Origin") == "https://app.test"
    assert gw.ask("/user/x", headers={"Origin": "https://other.test"}).header("Access-Control-Allow-Origin") is None
    gw = ashine(SAMPLE.replace("https://app.test", "*"))  # as it stands in the README: with credentials, which no browser takes
    r = gw.ask("/user/x", headers=ask)
    assert (r.header("Access-Control-Allow-Origin"), r.header("Access-Control-Allow-Credentials")) == ("*", None)


@pytest.mark.skipif(not g.BINARY, reason="no binary")
@pytest.mark.parametrize("name", ["gateway.conf.yaml", "gateway.conf.yml"])
def test_where_it_is_found(tmp_path, name):
    """In the working directory, and where CONFIG_LOCATION says: a file or a folder."""
    text = TEMPLATE.replace("{port}", "8000").replace("{user}", "u:1").replace("{service}", "s:1")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / name).write_text(text)
    env = os.environ | {"REDIS_HOST": "h", "JWT_SECRET_KEY": SECRET}
    sub = str(tmp_path / "sub")
    for where in ({"CONFIG_LOCATION": sub}, {"CONFIG_LOCATION": os.path.join(sub, name)}):
        assert run([g.BINARY, "check"], env | where).returncode == 0
    assert run(["sh", "-c", f"cd {sub} && exec {g.BINARY} check"], env).returncode == 0
    missing = run([g.BINARY, "check"], env | {"CONFIG_LOCATION": os.path.join(sub, "absent.yaml")})
    assert missing.returncode == 2 and "absent.yaml" in missing.stderr
    for command in ("check", "run"):
        nothing = run([g.BINARY, command], env | {"CONFIG_LOCATION": str(tmp_path)})
        assert nothing.returncode == 2 and "name the configuration by -c FILE" in nothing.stderr


def test_without_a_secret_it_does_not_start(ashine):
    with pytest.raises(RuntimeError, match="the secret is empty .env JWT_SECRET_KEY."):
        ashine(TEMPLATE, JWT_SECRET_KEY="")
