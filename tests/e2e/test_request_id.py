"""Every request has an id: made or accepted, passed on, returned, logged."""

import pytest

from harness.gateway import proxy_to


def test_made_and_different(gateway, serve):
    up = serve()
    gw = gateway(proxy_to(up))
    with gw.connect() as c:
        ids = [c.ask().header("X-Request-Id") for _ in range(20)]
    assert len(set(ids)) == 20 and all(len(i) == 32 for i in ids)
    assert [r.header("X-Request-Id") for r in up.requests] == ids
    assert gw.logged(id=ids[-1])


def test_accepted(gateway, serve):
    up = serve()
    r = gateway(proxy_to(up)).ask(headers={"x-request-id": "abc-123_4.5"})
    assert r.header("X-Request-Id") == up.requests[0].header("X-Request-Id") == "abc-123_4.5"


@pytest.mark.parametrize("bad", ["", "a b", 'a"b', "a" * 129, "caf\xe9", "<script>"])
def test_harmful_one_is_replaced(gateway, serve, bad):
    up = serve()
    r = gateway(proxy_to(up)).ask(headers={"X-Request-Id": bad})
    assert r.header("X-Request-Id") == up.requests[0].header("X-Request-Id") != bad


def test_on_own_answers_too(gateway):
    r = gateway({}).ask(headers={"X-Request-Id": "mine"})
    assert r.status == 404 and r.header("X-Request-Id") == "mine" and r.json()["request_id"] == "mine"
