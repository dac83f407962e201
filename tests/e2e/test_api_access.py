"""Who may do what over the management API: by the user of the socket, by tokens; never from a traffic listener, and not
for a page in somebody's browser."""

import os
import subprocess
import sys

import pytest
from harness import client
from harness.api import OPEN, Api, port_config
from harness.dns_server import DnsServer
from harness.procs import free_port

READ, WRITE, OPERATE = "r" * 32, "w" * 32, "o" * 32
TOKENS = {"tokens": {"reader": {"role": "read", "secret": READ}, "ci": {"role": "write", "secret": WRITE},
                     "boss": {"role": "operate", "secret": OPERATE}}}
CALLS = [("GET", "status"), ("GET", "frontends"), ("PUT", "frontends", "a", "b"), ("POST", "reload")]


def test_roles_of_tokens(gateway):
    port, config = port_config(**TOKENS)
    gw = gateway(config)
    for token, allowed in (READ, 2), (WRITE, 3), (OPERATE, 4):
        got = [Api(port, token).ask(*call).status for call in CALLS]
        assert got == [200] * allowed + [403] * (4 - allowed), token
    for token in (None, "", "x" * 32, READ + "x", READ[:-1]):
        for call in CALLS:
            r = Api(port, token).ask(*call)
            assert (r.status, r.why) == (401, "admin_unauthenticated") and "Bearer" in r.header("WWW-Authenticate")
    r = client.ask(port, "/frontends", headers=[("Authorization", f"Bearer {READ}"), ("Authorization", f"Bearer {WRITE}")])
    assert (r.status, r.why) == (400, "token_repeated")
    log = gw.log()
    assert 'audit who="token:ci" from=127.0.0.1 method=PUT path="/frontends/a/b" status=200 revision=0-1' in log
    assert log.count("audit who=unknown from=127.0.0.1 status=401 reason=admin_unauthenticated more=0\n") == 1  # of many in a second
    assert 'who="token:reader"' in log and not any(t in log for t in (READ, WRITE, OPERATE))
    assert READ not in gw.cli("check", "--effective").stdout


def test_bodies_of_strangers_are_not_read(gateway):
    port, config = port_config(**TOKENS)
    gateway(config)
    with client.Client(port) as c:
        c.send(b"POST /batch HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50000000\r\n\r\n" + b" " * 1000)
        assert c.read("POST").status == 401


def test_tokens_change_with_a_reload(gateway):
    port, config = port_config(**TOKENS)
    gw = gateway(config)
    config["admin"]["api"]["tokens"]["reader"] = {"role": "write", "secret": "n" * 32}
    assert gw.reload(config).returncode == 0
    assert Api(port, READ).ask("GET", "frontends").status == 401
    assert Api(port, "n" * 32).ask("PUT", "frontends", "a", "b").status == 200


def test_traffic_listeners_have_no_api(gateway):
    port, config = port_config(**OPEN)
    gw = gateway(config)
    for host in ("localhost", f"127.0.0.1:{port}", f"localhost:{port}", "yett"):
        for method, *path in (*CALLS, ("GET", "health"), ("DELETE", "flush")):
            assert Api(gw.port).ask(method, *path, host=host).why == "no_route"
    assert client.exchange(gw.port, f"GET http://127.0.0.1:{port}/frontends HTTP/1.1\r\nHost: x\r\n\r\n".encode()).why == "no_route"
    r = Api(gw.socket).ask("POST", "batch", body={"frontends": [{"url": "a", "backend_name": "b"}], "backends": [
        {"name": "b", "servers": [f"127.0.0.1:{port}"]}]})  # nor by a rule that leads there
    assert r.status == 200 and gw.ask(host="a").status == 503


@pytest.mark.parametrize("listen", ["127.0.0.1", "0.0.0.0"])
def test_names_that_resolve_to_the_api_lead_nowhere(gateway, serve, listen):
    dns, up, (port, config) = DnsServer(), serve(host="127.0.0.2"), port_config(**OPEN)
    config["admin"] |= {"api": config["admin"]["api"] | {"listen": [f"{listen}:{port}"]}, "listen": f"127.0.0.1:{free_port()}"}
    dns.names = {"api.test": (["127.0.0.1"], 1), "both.test": (["127.0.0.1", "127.0.0.2"], 1)}
    gw = gateway(config | {"dns": [dns.address], "health": {"enabled": False}, "upstreams": {"both": {"endpoints": [
        f"both.test:{up.port}"]}}, "routes": [{"path": "/both", "upstream": "both"}]})
    ports = {"api": port, "look": config["admin"]["listen"].split(":")[1], "traffic": gw.port}
    for name, number in ports.items():
        Api(gw.socket).done("PUT", "rules", "upstream", name, body={"endpoints": [f"api.test:{number}"]})
        Api(gw.socket).done("PUT", "rules", "route", name, body={"path": f"/{name}", "upstream": name, "strip_prefix": True})
    for name in ports:
        assert gw.ask(f"/{name}/status").why == "upstream_unresolved", name
    assert gw.ask("/both").status == 200
    left_out = {u["name"]: [e["reason"] for e in u["left_out"]] for u in gw.status()["upstreams"]}
    assert left_out == {"both": []} | dict.fromkeys(ports, ["its name resolves to a listener of this gateway"])
    assert gw.log().count("api.test:%d: its name resolves to a listener" % port) == 1
    dns.finish()


def test_no_route_leads_to_the_socket_under_another_name(gateway, tmp_path):
    link = tmp_path / "elsewhere.sock"
    gw = gateway({"via": "off", "health": {"enabled": False}})
    Api(gw.socket).done("PUT", "rules", "route", "r", body={"path": "/r", "target": f"unix:{link}", "strip_prefix": True})
    link.symlink_to(gw.socket)  # it was nothing when the rule was judged
    for path, method in ("/r/frontends", "GET"), ("/r/frontends/a/b", "PUT"):
        r = gw.ask(path, method)
        assert (r.status, r.json()["reason"]) == (403, "admin_forbidden")
    assert Api(gw.socket).data("frontends") == []


@pytest.mark.parametrize("via", ["1.1 yett-01234567", "1.0 cdn (x), HTTP/1.1 YETT-89abcdef (y)"])
def test_what_came_through_a_gateway_is_refused(gateway, via):
    port, config = port_config(**OPEN | TOKENS)
    gw = gateway(config)
    for api in Api(port), Api(port, OPERATE), Api(gw.socket):
        assert api.ask("GET", "frontends", headers=[("Via", via)]).why == "admin_forbidden"
        assert api.ask("GET", "frontends", headers=[("Via", "1.1 other (yett-01234567)")]).status == 200


def test_browsers_are_refused_without_a_token(gateway):
    port, config = port_config(hosts=["gate.internal"], **OPEN | TOKENS)
    gateway(config)
    api, known = Api(port), Api(port, WRITE)
    for host in ("127.0.0.1", f"localhost:{port}", "[::1]:1", "gate.internal", "GATE.internal:80"):
        assert api.ask("PUT", "frontends", "a", "b", host=host).status == 200, host
    foreign = [("Origin", "http://evil.test")], [("Origin", "null")], [("Sec-Fetch-Site", "cross-site")], \
        [("Sec-Fetch-Site", "same-site")]
    for headers in foreign:
        assert api.ask("PUT", "frontends", "a", "b", headers=headers).why == "admin_cross_site", headers
        assert known.ask("PUT", "frontends", "a", "b", headers=headers).status == 200
    assert api.ask("GET", "frontends", host="rebound.evil.test").why == "admin_cross_site"
    assert api.ask("GET", "frontends", headers=[("Sec-Fetch-Site", "none")]).status == 200
    assert Api(port, "wrong" * 8).ask("GET", "frontends").status == 401


def test_pages_of_others_use_no_forwarded_socket(gateway):
    gw = gateway({})
    for headers in [("Origin", "http://evil.test")], [("Origin", "null")], [("Sec-Fetch-Site", "cross-site")]:
        assert client.ask(gw.socket, "/reload", "POST", host="localhost:8082", headers=headers).why == "admin_cross_site"
    assert client.ask(gw.socket, "/config", host="rebound.evil.test:8082").why == "admin_cross_site"
    assert client.ask(gw.socket, "/config", host="gateway").status == 200


def test_its_own_origin_is_no_foreign_one(gateway):
    port, config = port_config(**OPEN)
    gateway(config)
    own, body = f"localhost:{port}", {"url": "http://a.example/"}
    assert Api(port).ask("POST", "explain", body=body, host=own, headers=[("Origin", f"http://{own}"), ("Sec-Fetch-Site", "same-origin")]).status == 200
    for origin in f"http://localhost:{port + 1}", "http://localhost", f"http://evil.test:{port}", f"ftp://{own}", f"http://{own}.evil.test", own:
        assert Api(port).ask("POST", "explain", body=body, host=own, headers=[("Origin", origin)]).why == "admin_cross_site", origin


def test_open_is_said_aloud(gateway):
    port, config = port_config(**OPEN)
    gw = gateway(config)
    assert "access=ANYONE" in gw.log()
    assert "WHOEVER REACHES" in gw.cli("check").stderr + gw.cli("check").stdout
    _, config = port_config()
    gw.configure(config)
    done = gw.cli("check")
    assert done.returncode == 1 and "allow_unauthenticated" in done.stdout + done.stderr


def test_readers_of_the_open_listener_see_no_rules(gateway):
    port, _ = port_config()
    gateway({"admin": {"listen": f"127.0.0.1:{port}"}})
    assert client.ask(port, "/health").status == client.ask(port, "/status", host="localhost").status == 200
    for page, method in ("frontends", "GET"), ("flush", "DELETE"):
        assert client.ask(port, f"/{page}", method, host="127.0.0.1").why == "admin_forbidden"
    for page in "status", "routes", "config":
        assert client.ask(port, f"/{page}", host="rebound.evil.test").why == "admin_cross_site"
        assert client.ask(port, f"/{page}", headers=[("Origin", "http://evil.test")]).why == "admin_cross_site"
    assert client.ask(port, "/metrics", host="gateway").status == client.ask(port, "/health", host="gateway").status == 200


AS_USER = """
import os, sys
sys.path.insert(0, sys.argv[1])
from harness import client
os.setgroups([int(sys.argv[3])]); os.setuid(int(sys.argv[4]))
print(*[client.ask(sys.argv[2], path, method).status for method, path in (("GET", "/frontends"), ("PUT", "/frontends/a/b"), ("POST", "/reload"))])
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="to become another user takes root")
def test_users_of_the_socket(gateway):
    gw = gateway({"admin": {"users": {"4001": "read", "4002": "write", "4003": "operate"}}})
    group = os.stat(gw.socket).st_gid
    for folder in (gw.dir, gw.run_dir):
        os.chmod(folder, 0o755)
    os.chmod(gw.socket, 0o666)  # whoever comes near it

    def statuses(uid):
        here = os.path.dirname(os.path.abspath(__file__))
        out = subprocess.run([sys.executable, "-c", AS_USER, here, gw.socket, str(group), str(uid)], capture_output=True,
                             text=True, timeout=30, check=True).stdout
        return [int(s) for s in out.split()]
    assert statuses(4001) == [200, 403, 403] and statuses(4002) == [200, 200, 403]
    assert statuses(4003) == [200, 200, 200] and statuses(4004) == [403, 403, 403]
    assert 'audit who="user:4002" from=unix method=PUT' in gw.log()
