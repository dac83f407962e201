"""Nobody but the gateway says who the user is: every inbound spelling of an identity header is removed, on every route."""

import pytest

from harness import client
from harness.gateway import proxy_to
from harness.tokens import SECRET, bearer, token


CONFIG = {"gate": {"protect": ["/api"], "secret": SECRET, "claims": {"id": "auth_id"}}}
SPELLINGS = ["auth_id", "auth-id", "Auth_Id", "AUTH-ID", "Auth.Id", "auth.id", "aUtH_iD"]
OTHERS = ["X-Redx-Backend-Name", "x_redx_frontend_name", "X-Redx-Backend-Server", "Renku-User", "Renku-user-id",
          "Renku-Auth-Anon-Id", "renku_auth_access_token", "Gitlab-Access-Token", "Gitlab-Access-Token-Expires-At"]


@pytest.fixture(scope="module")
def standing(lasting_gateway, lasting_serve):
    up = lasting_serve()
    return lasting_gateway(proxy_to(up) | CONFIG), up


@pytest.fixture
def pair(standing):
    """A gateway, and an upstream that has seen no request yet."""
    standing[1].requests.clear()
    return standing


def values(r, name="auth_id"):
    fold = str.maketrans("_.", "--")
    return [v for n, v in r.headers if n.lower().translate(fold) == name.lower().translate(fold)]


@pytest.mark.parametrize("path", ["/open", "/api"])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_spellings(pair, spelling, path):
    gw, up = pair
    headers = [(spelling, "1")] + list(bearer(token()).items()) + [(spelling, "2")]
    assert gw.ask(path, headers=headers).status == 200
    assert values(up.requests[0]) == ([] if path == "/open" else ["42"])


def test_form_of_the_header(pair):
    gw, up = pair
    gw.ask("/api", headers=bearer(token(id="507f1f77bcf86cd799439011")))
    assert ("auth_id", "507f1f77bcf86cd799439011") in up.requests[0].headers


@pytest.mark.parametrize("name", OTHERS)
def test_headers_of_the_older_gateways(pair, name):
    gw, up = pair
    assert gw.ask("/open", headers={name: "evil"}).status == 200
    assert values(up.requests[0], name) == []


@pytest.mark.parametrize("connection", ["auth_id", "close, auth_id", "AUTH_ID, keep-alive", "auth-id", "x-request-id, host",
                                        "content-length", "authorization"])
def test_connection_cannot_name_it_away(pair, connection):
    gw, up = pair
    r = gw.ask("/api", "POST", headers={"Connection": connection} | bearer(token()), body=b"abc")
    assert r.status == 200 and values(up.requests[0]) == ["42"] and up.requests[0].body == b"abc"
    assert up.requests[0].header("Host") == "test" and up.requests[0].header("X-Request-Id")


def test_as_a_trailer(pair):
    gw, up = pair
    with gw.connect() as c:
        c.send(client.request("/open", "POST", headers={"Transfer-Encoding": "chunked", "Trailer": "auth_id"}))
        c.send(b"1\r\na\r\n0\r\nauth_id: 1\r\n\r\n")
        assert c.read().status == 200
    assert values(up.requests[0]) == []


@pytest.mark.parametrize("line", [b"auth_id : 1", b" auth_id: 1", b"X-A: b\r\n auth_id: 1", b"auth_id\t: 1",
                                  b"auth_id\0: 1", b"auth_id"])
def test_malformed_fields_are_refused(pair, line):
    gw, up = pair
    r = client.exchange(gw.port, b"GET /open HTTP/1.1\r\nHost: test\r\n" + line + b"\r\n\r\n")
    assert r.status == 400 and not up.requests


# The setting, the profile that sets it, what is sent, and what of the field arrives then.
SCRUBS = [("scrub_internal_origin", "riox", "/open", ("Origin", "__internal__"), "__unknown__"),
          ("scrub_user_delete", "a-shine", "/x/user-delete", ("id", "42"), None)]


@pytest.mark.parametrize("setting, profile, path, field, arrives", SCRUBS)
def test_what_services_of_one_system_believe(gateway, serve, setting, profile, path, field, arrives):
    """It is taken off where that system is replaced, or where one asks for it, and nowhere else."""
    gate = {"gate": {"secret": SECRET, "protect": ["/none"], "reserved": []}}  # else nobody may ask for it
    for extra, wanted in (({}, field[1]), ({setting: True}, arrives), ({"compatibility": profile}, arrives),
                          ({"compatibility": profile, setting: False}, field[1])):
        up = serve()
        gw = gateway(proxy_to(up) | gate | extra)
        assert gw.ask(path, headers=[field]).status == 200
        assert up.requests[0].header(field[0]) == wanted, extra
        gw.ask("/other", headers={"Origin": "https://a.test", "id": "7"})
        assert (up.requests[1].header("Origin"), up.requests[1].header("id")) == ("https://a.test", "7")
