"""Upstreams hear of who shows a token to the gate alone, too."""

from harness.tokens import SECRET, bearer, token


def test_without_login(gateway, serve):
    own = [{"header": "X-Token", "value": "session_token"}, {"header": "X-Mail", "value": "claim", "claim": "email"}]
    gw = gateway({"upstreams": {"u": {"endpoints": [serve().address]}}, "health": {"enabled": False}, "gate": {"secret": SECRET},
                  "routes": [{"upstream": "u", "auth": "optional", "credentials": own}]})
    mine = token(email="a@x")
    got = dict(gw.ask(headers=bearer(mine) | {"Cookie": "a=1"}).json()["headers"])
    assert (got["X-Token"], got["X-Mail"], got["Authorization"], got["Cookie"]) == (mine, "a@x", "Bearer " + mine, "a=1")
    assert "forged" not in str(gw.ask(headers={"X-Token": "forged"}).json()["headers"])
