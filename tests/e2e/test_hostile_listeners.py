"""The bytes of conformance/ and damaged ones at each listener that test_conformance.py does not come to: most of it is answered,
in HTTP, and no process ends."""

import os
import random

import pytest

from conformance import cases
from harness import procs, tls
from harness.api import OPEN
from harness.client import Client
from harness.gateway import merge, proxy_to

PIECES = sorted({case.send for case in cases()}, key=len)
PROXY = b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n"


@pytest.fixture(scope="module")
def gw(lasting_gateway, lasting_serve, pki):
    ports = {name: procs.free_port() for name in ("plain", "tls", "proxy", "proxy and tls", "api", "look")}
    config = merge(proxy_to(lasting_serve()), {
        "listeners": [f"127.0.0.1:{ports['plain']}", {"address": f"127.0.0.1:{ports['tls']}", "tls": True},
                      {"address": f"127.0.0.1:{ports['proxy']}", "proxy_protocol": True},
                      {"address": f"127.0.0.1:{ports['proxy and tls']}", "proxy_protocol": True, "tls": True}],
        "trusted_proxies": ["127.0.0.1"], "tls": {"certificates": [pki.entry("ec")]},
        "timeouts": {"client_head": "300ms", "client_body": "300ms"},
        "admin": {"listen": f"127.0.0.1:{ports['look']}", "api": {"listen": [f"127.0.0.1:{ports['api']}"]} | OPEN}})
    gw = lasting_gateway(config)
    gw.port, gw.to = ports["plain"], ports | {"admin": gw.socket}
    return gw


def damaged(chance, data):
    data = bytearray(data)
    for _ in range(chance.choice([0, 0, 1, 3])):
        data[chance.randrange(len(data))] = chance.randrange(256)
    return bytes(data)


def say(to, data):
    """What comes back."""
    with Client(to, 5) as c:
        try:
            c.send(data)
            c.finish_sending()
            return c.read_all()
        except OSError:
            return b""


LISTENERS = {"admin": b"", "api": b"", "look": b"", "tls": b"", "proxy": PROXY, "proxy without a header": b"", "proxy and tls": PROXY}


@pytest.mark.parametrize("name", LISTENERS)
def test_corpus(gw, name):
    seed = int.from_bytes(os.urandom(4), "big")
    chance, answered, to = random.Random(seed), 0, gw.to[name.removesuffix(" without a header")]
    print(f"seed {seed}")
    pids = sorted(procs.children(gw.pid))
    for piece in PIECES:
        got = say(to, LISTENERS[name] + damaged(chance, piece))
        assert got[:9] in (b"HTTP/1.1 ", b"") or name.endswith("tls") and got[0] == 21, (piece, got)
        answered += got[:5] == b"HTTP/"
    print(f"{answered} of {len(PIECES)} were answered")
    assert answered == 0 if name == "proxy without a header" else answered > len(PIECES) / 2
    assert sorted(procs.children(gw.pid)) == pids, gw.log()
    assert gw.ask().status == 200 and gw.admin("/ready").status == 200


def test_bytes_within_tls(gw, pki):
    """Records that come in pieces, and others within them: see test_conformance.py for what is well-formed."""
    chance, context = random.Random(7), pki.context(verify=False)
    for piece in PIECES[::8]:
        with tls.TlsClient(gw.to["tls"], context, timeout=5) as c:
            try:
                c.send(damaged(chance, piece))
                os.write(c.sock.fileno(), damaged(chance, b"\x17\3\3\0\x20" + piece))
                c.finish_sending()
                c.read_all()
            except OSError:
                pass
    assert gw.ask().status == 200
