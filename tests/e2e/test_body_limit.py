"""A body above the limit is refused with 413, announced or chunked; one of exactly the limit passes."""

import pytest

from harness import client
from harness.gateway import proxy_to


def test_by_length(gateway, serve):
    up = serve()
    gw = gateway(proxy_to(up) | {"limits": {"body": "10k"}})
    assert gw.ask("/", "POST", body=b"x" * 10240).status == 200
    r = gw.ask("/", "POST", body=b"x" * 10241)
    assert (r.status, r.why) == (413, "body_too_large") and len(up.requests) == 1


@pytest.mark.parametrize("size, status", [(10240, 200), (10241, 413), (100000, 413)])
def test_chunked(gateway, serve, size, status):
    up = serve()
    gw = gateway(proxy_to(up) | {"limits": {"body": "10k"}})
    with gw.connect() as c:
        c.send(client.request("/", "POST", headers={"Transfer-Encoding": "chunked"}))
        try:
            for at in range(0, size, 1000):
                piece = b"x" * min(1000, size - at)
                c.send(b"%x\r\n%s\r\n" % (len(piece), piece))
            c.send(b"0\r\n\r\n")
        except OSError:
            pass
        assert c.read().status == status
    assert not [r for r in up.requests if r.body is not None and len(r.body) > 10240]


def test_of_the_route(gateway, serve):
    gw = gateway(proxy_to(serve(), body_limit="1k"))
    assert gw.ask("/", "POST", body=b"x" * 1025).status == 413


def test_default_is_a_mebibyte_and_may_be_off(gateway, serve):
    gw = gateway(proxy_to(serve(lambda r, c: c.reply(body=str(len(c.read_body(r))).encode()))))
    assert gw.ask("/", "POST", body=b"x" * (1 << 20)).body == b"1048576"
    assert gw.ask("/", "POST", body=b"x" * ((1 << 20) + 1)).status == 413
    up = serve(lambda r, c: c.reply(body=str(len(c.read_body(r))).encode()))
    assert gw.reload(proxy_to(up) | {"limits": {"body": 0}}).returncode == 0
    assert gw.ask("/", "POST", body=b"x" * 3000000).body == b"3000000"


def test_limit_of_riox(gateway, serve):
    up = serve(lambda r, c: c.reply(body=str(len(c.read_body(r))).encode()))
    gw = gateway(proxy_to(up) | {"compatibility": "riox", "gate": {"secret": "x" * 40}})
    assert gw.ask("/x", "POST", body=b"x" * (10 << 20)).body == b"10485760"
    assert gw.ask("/x", "POST", body=b"x" * ((10 << 20) + 1)).status == 413
