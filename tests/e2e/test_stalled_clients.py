"""Clients that stop reading, and more of them than the gateway takes."""

from harness import client
from harness.gateway import proxy_to
from harness.procs import wait_until


def test_connections_are_limited_and_the_rest_waits(gateway, serve):
    gw = gateway(proxy_to(serve()) | {"limits": {"connections": 4}, "workers": 1})
    first = [gw.connect() for _ in range(4)]
    for c in first:  # nobody is idle
        c.send(b"GET / HTTP/1.1\r\n")
    late = gw.connect(timeout=0.5)
    try:
        late.ask()
        waited = False
    except TimeoutError:
        waited = True
    assert waited
    for c in first:
        c.close()
    late.sock.settimeout(5)
    assert late.read().status == 200
    late.close()
    wait_until(lambda: gw.metrics()["yett_accept_paused_total"] >= 1)


def test_descriptors_running_out_lose_no_request(gateway, serve):
    gw = gateway(proxy_to(serve()) | {"workers": 1}, files=128)
    clients = [gw.connect() for _ in range(300)]
    for c in clients:
        c.send(client.request(headers={"Connection": "close"}))
    assert [c.read().status for c in clients] == [200] * 300
    assert gw.metrics()["yett_accept_paused_total"] > 0
    for c in clients:
        c.close()
