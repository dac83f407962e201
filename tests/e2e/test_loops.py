"""Via (RFC 9110 section 7.6.3): requests say where they have been, and one that goes round in a loop is ended."""

import re

from harness.gateway import proxy_to
from harness.procs import free_port


def vias(up):
    return up.requests[-1].all("Via")


def test_name_is_stable(gateway, serve):
    up = serve()
    gw = gateway(proxy_to(up) | {"workers": 2})
    gw.ask()
    name = vias(up)[0]
    assert re.fullmatch("1\\.1 yett-[0-9a-f]{8}", name)
    assert gw.reload().returncode == 0
    for _ in range(6):
        gw.ask(headers={"Via": "1.0 before"})
        assert vias(up) == ["1.0 before", name]


def test_version_of_the_client(gateway, serve):
    up = serve()
    with gateway(proxy_to(up)).connect() as c:
        c.send(b"GET / HTTP/1.0\r\nHost: test\r\n\r\n")
        assert c.read().status == 200
    assert vias(up)[0].startswith("1.0 yett-")


def test_two_gateways_have_two_names(gateway, serve):
    up = serve()
    behind = gateway(proxy_to(up))
    assert gateway(proxy_to(f"127.0.0.1:{behind.port}")).ask().status == 200
    assert len(set(vias(up))) == 2


def test_once_more_is_allowed_twice_is_a_loop(gateway, serve):
    up = serve()
    gw = gateway(proxy_to(up))
    gw.ask()
    name = vias(up)[0]
    assert gw.ask(headers={"Via": name}).status == 200
    assert gw.ask(headers={"Via": f"1.1 a, {name} (again, {name})"}).status == 200
    for headers in ([("Via", f"{name}, 1.1 a , {name.upper()} (x)")], [("Via", name), ("Via", name)],
                    [("Via", name.replace(" ", "\t")), ("Via", name.replace(" ", " \t ") + "\t(x)")]):
        r = gw.ask(headers=headers)
        assert (r.status, r.why, r.json()["field"]) == (508, "loop_detected", "Via")
    assert len(up.requests) == 3


def test_loop_over_another_gateway(gateway):
    """a sends to b, b sends to a: the gateway's own listeners are refused as endpoints, so one alone cannot."""
    port = free_port()
    a = gateway(proxy_to(f"127.0.0.1:{port}"))
    b = gateway(proxy_to(f"127.0.0.1:{a.port}") | {"listeners": [f"127.0.0.1:{port}"]})
    r = a.ask("/round")
    assert (r.status, r.json()["reason"]) == (508, "loop_detected")
    assert len([e for e in a.access_log() + b.access_log() if e["path"] == "/round"]) <= 5


def test_off(gateway, serve):
    up = serve()
    gw = gateway(proxy_to(up) | {"via": False})
    assert gw.ask(headers={"Via": "1.1 a"}).status == 200 and vias(up) == ["1.1 a"]
