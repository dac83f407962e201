"""The admin listeners: readiness, status, and no writes but on the Unix socket."""

import json
import os
import signal

from harness import client
from harness.gateway import proxy_to
from harness.procs import free_port, wait_until


def test_readiness(gateway, serve):
    gw = gateway(proxy_to(serve()))
    assert [gw.admin(p).status for p in ("/ready", "/status", "/routes", "/metrics", "/version")] == [200] * 5
    assert gw.admin("/nothing").status == 404 and gw.admin("/reload").status == 405
    for pid in gw.workers():
        os.kill(pid, signal.SIGSTOP)
    assert gw.admin("/ready").status == 200  # it answers for itself, without waiting
    for pid in gw.workers():
        os.kill(pid, signal.SIGCONT)


def test_socket_is_for_its_owner(gateway):
    assert os.stat(gateway({}).socket).st_mode & 0o007 == 0


def test_tcp_listener_only_reads(gateway, serve):
    port = free_port()
    gateway(proxy_to(serve()) | {"admin": {"listen": f"127.0.0.1:{port}"}})
    assert client.ask(port, "/health").status == client.ask(port, "/metrics").status == 200
    assert client.ask(port, "/status", host="localhost").status == 200
    r = client.ask(port, "/reload", "POST", host="localhost")
    assert (r.status, r.why) == (403, "admin_forbidden")


def test_not_reachable_from_traffic(gateway):
    gw = gateway({})
    for path in ("/health", "/ready", "/metrics", "/status", "/reload"):
        assert gw.ask(path, "POST").why == "no_route"
    assert gw.ask("/status", host="yett").why == "no_route"


def test_status_is_complete(gateway, serve):
    up = serve()
    gw = gateway(proxy_to(up))
    s = gw.status()
    assert s["ready"] and s["pid"] == gw.pid and s["version"] and s["uptime_s"] >= 0
    assert s["table"]["acknowledged"] == [s["table"]["version"]] * 2 and len(s["workers"]) == 2
    assert s["redis"]["state"] == "off" and s["rules"]["source"] == "file" and not s["last_reload"]
    assert [e["address"] for u in s["upstreams"] for e in u["endpoints"]] == [up.address]


def test_commands(gateway, serve):
    gw = gateway(proxy_to(serve()))
    assert json.loads(gw.cli("status", "--json").stdout)["pid"] == gw.pid
    assert str(gw.pid) in gw.cli("status").stdout
    assert json.loads(gw.cli("routes", "--json").stdout)["routes"][0]["state"] == "active"
    gw.stop()
    done = gw.cli("status")
    assert done.returncode != 0 and "admin.sock" in done.stderr


def test_while_the_master_is_gone(gateway, serve):
    gw = gateway(proxy_to(serve()))
    gw.kill()
    r = gw.admin("/status")
    assert (r.status, r.why) == (503, "admin_unavailable")
    assert gw.admin("/metrics").status == 200
    gw.start()
    wait_until(gw.is_ready)


def test_large_and_wrong_requests_do_no_harm(gateway):
    gw = gateway({})
    assert client.ask(gw.socket, "/reload", "POST", body=b"x" * 100000).status in (200, 413)
    assert client.exchange(gw.socket, b"nonsense\r\n\r\n").status == 400
    assert gw.status()["ready"]
