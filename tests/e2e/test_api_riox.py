"""The dialogue of Riox's rule pusher: every 30 seconds it posts all of its rules, and deletes what it finds and does not
know. It looks at nothing but `message`."""

import json

from harness.api import OPEN, Api, port_config

NODE = [("Accept", "*/*"), ("Connection", "close")]  # as node-rest-client sends


def push(api, proxies):
    """proxies: id -> (url of the frontend, endpoints)."""
    def ask(method, path, body=None):
        r = api.ask(method, path, body=body, headers=NODE, host="nginx-config:8082")
        assert r.json()["message"] == "OK", r
        return r.json().get("data")

    for proxy, (url, endpoints) in proxies.items():
        ask("POST", "batch", {"frontends": [{"url": url, "backend_name": proxy}]})
        for endpoint in endpoints:
            ask("POST", "batch", {"backends": [{"name": proxy, "servers": [endpoint]}]})
    known = {url for url, _ in proxies.values()}
    for f in ask("GET", "frontends"):
        if f["url"] not in known:
            ask("DELETE", "batch", {"frontends": [{"url": f["url"]}]})
    for b in ask("GET", "backends"):
        stale = [s for s in b["servers"] if s not in proxies.get(b["name"], (0, ()))[1]]
        if b["name"] not in proxies:
            ask("DELETE", "batch", {"backends": [{"name": b["name"]}]})
        elif stale:
            ask("DELETE", "batch", {"backends": [{"name": b["name"], "servers": stale}]})


def test_rule_pusher(gateway, serve, kept):
    up, other = serve(), serve()
    port, config = port_config(hosts=["nginx-config"], **OPEN)
    gw = gateway(kept | config | {"compatibility": "riox", "gate": {"protect": []}})
    api = Api(port)
    first = {"p1": ("platform.riox.io/api/v1/users", [up.address]),
             "p2": ("platform.riox.io/api/v1/files", [up.address, other.address]), "p3": ("old.riox.io/x", [up.address])}
    push(api, first)
    push(api, first)  # 30 s later: nothing changes, nothing is refused
    version = gw.status()["table"]["version"]
    push(api, first)
    assert gw.status()["table"]["version"] == version
    assert gw.ask("/api/v1/users/me", host="platform.riox.io").status == 200
    assert gw.ask("/x", host="old.riox.io").status == 200
    push(api, {"p1": first["p1"], "p2": ("platform.riox.io/api/v1/files", [other.address])})
    assert gw.ask("/x", host="old.riox.io").why == "no_route"
    assert json.loads(api.ask("GET", "backends", "p2", host="nginx-config").body)["data"]["servers"] == [other.address]
    assert gw.ask("/api/v1/files", host="platform.riox.io").status == 200
