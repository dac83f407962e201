"""A kernel of the real Jupyter computes behind the gateway, over WebSocket, for who has a session; the token of Jupyter is the
gateway's alone."""

import json

import pytest
import redis
import websockets

from harness import sessions
from harness.jupyter import Jupyter, compute

TOKEN = "token-of-jupyter"


@pytest.fixture(scope="module")
def jupyter():
    j = Jupyter(TOKEN)
    yield j
    j.stop()


def test_kernel(gateway, store, jupyter):
    own = {"header": "Authorization", "value": "secret", "secret": "token " + TOKEN}
    gw = gateway(sessions.config(store, jupyter, route={"credentials": [own]}))
    mine = sessions.cookie(sessions.Sessions(redis.Redis(port=store.port)).create("alice"))
    host = f"127.0.0.1:{gw.port}"
    for headers in {}, {"Authorization": "token " + TOKEN}:
        assert gw.ask("/api/kernels", host=host, headers=headers).why == "token_missing"
    r = gw.ask("/api/kernels", "POST", host=host, headers=mine | {"Authorization": "token wrong"}, body=b'{"name": "python3"}', timeout=20)
    assert r.status == 201, r.body
    kernel = r.json()["id"]
    assert compute(gw.port, kernel, "6 * 7", mine) == "42"
    assert compute(gw.port, kernel, "_ + len('\\u00fc' * 100000)", mine) == "100042"
    with pytest.raises(websockets.InvalidStatusCode, match="401"):
        compute(gw.port, kernel, "1", {})
    assert [k["id"] for k in gw.ask("/api/kernels", host=host, headers=mine).json()] == [kernel]
    assert gw.ask("/api/kernels/" + kernel, "DELETE", host=host, headers=mine).status == 204
    assert TOKEN not in gw.log() + json.dumps(gw.access_log())
