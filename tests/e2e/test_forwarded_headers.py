"""The upstream learns who asked, and a client cannot make it believe something else."""

import pytest

from harness.gateway import proxy_to

FORGED = {"X-Forwarded-For": "9.9.9.9", "X-Real-IP": "9.9.9.9", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil",
          "X-Forwarded-Port": "1", "Forwarded": "for=9.9.9.9"}


def sent(gateway, serve, headers=FORGED, **config):
    up = serve()
    gw = gateway(proxy_to(up) | config)
    assert gw.ask(host="api.test:81", headers=headers).status == 200
    return gw, up.requests[0]


def test_set_for_a_plain_client(gateway, serve):
    gw, r = sent(gateway, serve, headers={})
    assert r.header("X-Forwarded-For") == r.header("X-Real-IP") == "127.0.0.1"
    assert r.header("X-Forwarded-Proto") == "http" and r.header("X-Forwarded-Host") == "api.test:81"
    assert r.header("X-Forwarded-Port") == str(gw.port)


def test_forged_ones_are_replaced(gateway, serve):
    gw, r = sent(gateway, serve)
    assert not any("9.9.9.9" in v or v in ("https", "evil", "1") for n, v in r.headers if n.lower() != "x-test")
    assert r.header("X-Forwarded-For") == r.header("X-Real-IP") == "127.0.0.1"


def test_appended_where_asked(gateway, serve):
    gw, r = sent(gateway, serve, forwarded="append")
    assert r.header("X-Forwarded-For").replace(" ", "") == "9.9.9.9,127.0.0.1"
    assert r.header("X-Real-IP") == "127.0.0.1" and r.header("X-Forwarded-Proto") == "http"


def test_trusted_proxy_is_believed(gateway, serve):
    gw, r = sent(gateway, serve, trusted_proxies=["127.0.0.0/8"])
    assert r.header("X-Forwarded-For").replace(" ", "") == "9.9.9.9,127.0.0.1"
    assert r.header("X-Forwarded-Proto") == "https" and r.header("X-Forwarded-Host") == "evil"


def test_trust_is_for_those_addresses_alone(gateway, serve):
    gw, r = sent(gateway, serve, trusted_proxies=["10.0.0.0/8", "127.0.0.2/32"])
    assert r.header("X-Forwarded-For") == "127.0.0.1"


@pytest.mark.parametrize("spelling", ["x_forwarded_for", "X-Forwarded_For", "x.real.ip", "X_Forwarded_Proto"])
def test_other_spellings_do_not_pass(gateway, serve, spelling):
    gw, r = sent(gateway, serve, headers={spelling: "9.9.9.9"})
    assert "9.9.9.9" not in str(r.headers)
