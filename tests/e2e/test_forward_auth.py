"""Other proxies ask before they serve: a real nginx with auth_request, and what Traefik sends. Judged is the request that they
tell of, by the route and the policies that it would meet here; nobody else is believed."""

import os
import shutil
import signal
import subprocess
import tempfile

import pytest

from harness import client, procs
from harness.gateway import merge, proxy_to
from harness.tokens import SECRET, bearer, token

NGINX = """
daemon off; pid {dir}/pid; error_log {dir}/error.log; worker_processes 1; events {{}}
http {{
	access_log off; proxy_http_version 1.1; client_body_temp_path {dir}/b; proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f;
	uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
	server {{
		listen 127.0.0.1:{port};
		location / {{
			auth_request /ask;
			auth_request_set $user $upstream_http_auth_id;
			proxy_set_header auth_id $user;
			proxy_set_header Host $http_host;
			proxy_pass http://{server};
		}}
		location = /ask {{
			internal;
			proxy_pass http://127.0.0.1:{gateway}/auth;
			proxy_pass_request_body off;
			proxy_set_header Content-Length "";
			proxy_set_header Host $http_host;
			proxy_set_header X-Forwarded-For $remote_addr;
			proxy_set_header X-Original-URI $request_uri;
			proxy_set_header X-Original-Method $request_method;
		}}
	}}
}}
"""


class Nginx:
    def __init__(self, gateway, upstream):
        self.dir, self.port = tempfile.mkdtemp(prefix="nginx-"), procs.free_port()
        file = os.path.join(self.dir, "nginx.conf")
        with open(file, "w") as f:
            f.write(NGINX.format(dir=self.dir, port=self.port, gateway=gateway.port, server=upstream.address))
        self.process = procs.spawn(["nginx", "-e", os.path.join(self.dir, "error.log"), "-c", file], stderr=subprocess.DEVNULL)
        procs.wait_until(lambda: client.Client(self.port).close() is None, what="nginx")

    def ask(self, path, method="GET", host="test", headers=(), body=None):
        return client.ask(self.port, path, method, host, headers, body, 10)

    def finish(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)
        procs.forget(self.process)
        shutil.rmtree(self.dir)


def config(up, **more):
    """Routes that lead nowhere: nginx serves, the rules are ours."""
    return merge(proxy_to(up), {
        "trusted_proxies": ["127.0.0.1"], "gate": {"secret": SECRET, "protect": ["/api"], "claims": {"id": "auth_id"},
                                                   "forward_auth": "/auth"},
        "routes": [{"path": "/api", "upstream": "u"}, {"path": "/open", "upstream": "u"},
                   {"path": "/maybe", "upstream": "u", "auth": "optional"},
                   {"host": "a.test", "path": "/open", "upstream": "u", "auth": "required"},
                   {"path": "/write", "upstream": "u", "methods": ["GET"]},
                   {"path": "/write", "upstream": "u", "methods": ["POST"], "auth": "required"},
                   {"path": "/admin", "upstream": "u", "authorize": {"claims": {"role": "admin"}}}]} | more)


@pytest.fixture
def fronted(gateway, serve):
    up, never = serve(), serve()
    gw = gateway(config(never))
    nginx = Nginx(gw, up)
    yield nginx, gw, up
    nginx.finish()
    assert never.requests == []


def test_nginx(fronted):
    nginx, gw, up = fronted
    good = bearer(token())

    def user(path, headers=(), **how):
        r = nginx.ask(path, headers=dict(headers) | {"auth_id": "evil"}, **how)
        return dict(r.json()["headers"]).get("auth_id") if r.status == 200 else r.status
    assert user("/api/x?a=1", good) == "42" and up.requests[-1].target == "/api/x?a=1"
    assert user("/api/x") == user("/api/x", bearer(token(exp=1))) == 401
    assert user("/open/x") is None and user("/open/x", host="a.test") == 401 and user("/open/x", good, host="a.test") == "42"
    assert user("/maybe") is None and user("/maybe", good) == "42"
    assert user("/write") is None and user("/write", method="POST", body=b"x") == 401
    assert user("/write", good, method="POST", body=b"x") == "42" and up.requests[-1].body == b"x"
    assert user("/admin", good) == 403 and user("/admin", bearer(token(role="admin"))) == "42"
    assert user("/elsewhere") == 401 and user("/elsewhere", good) == "42"  # no route of ours: a token is needed
    assert user("/open/../api/x") == user("//api/x") == user("/%61pi/x") == 401
    assert gw.logged(path="/admin", status=403)["user"] == "42"
    assert gw.logged(path="/api/x", status=202)["user"] == "42"


def test_traefik(fronted):
    _, gw, _ = fronted

    def told(uri, headers=(), method="GET", host="test", path="/auth"):
        return gw.ask(path, headers=dict(headers) | {"X-Forwarded-Method": method, "X-Forwarded-Uri": uri, "X-Forwarded-Host": host,
                                                     "X-Forwarded-Proto": "https", "X-Forwarded-For": "10.9.8.7"})
    r = told("/api/x", bearer(token()))
    assert r.status == 202 and r.body == b"" and r.header("auth_id") == "42" and r.header("Cache-Control") == "no-store"
    assert told("/open?x=/api").status == 202 and told("/open?x=/api").header("auth_id") is None
    assert told("/api").why == "token_missing" and told("/write", method="POST").why == "token_missing"
    assert told("/open", host="a.test").why == "token_missing" and told("/open", host="A.TEST:443").why == "token_missing"
    assert gw.logged(path="/api", status=401)["client"] == "10.9.8.7"
    for uri, why in (("/%2e%2e/api", "token_missing"), ("api", "bad_path"), ("/a%00", "bad_path"), ("/open%2f..%2fapi", "bad_path"),
                     ("http://x/api", "bad_path")):
        assert told(uri).why == why, uri
    assert told("/api", host="a b").why == "bad_host"
    twice = [("X-Forwarded-Uri", "/open"), ("X-Original-URI", "/api")]
    assert gw.ask("/auth", headers=twice).why == "bad_request"
    assert gw.ask("/auth", "OPTIONS", headers={"Max-Forwards": "0"}).why == "token_missing"  # where a proxy asks by the client's method
    assert gw.ask("/auth").why == "token_missing"  # nothing is told: is the token good?
    assert gw.ask("/auth", headers=bearer(token())).status == 202
    assert told("/api", path="/auth/x").why == "no_route"


def test_what_the_client_says_through_the_proxy(fronted):
    """nginx passes on what it does not set: a client must not be able to ask about another request than its own."""
    nginx, gw, up = fronted
    assert nginx.ask("/open/x", host="a.test").status == 401 and nginx.ask("/write", "POST", body=b"x").status == 401
    for more in ({"X-Forwarded-Host": "test"}, {"X-Forwarded-Host": "test", "X-Forwarded-Uri": "/open/x"}, {"X-Forwarded-Uri": "/maybe"},
                 {"X-Forwarded-Method": "POST"}, {"X-Original-Host": "test"}, {"X-Forwarded-Host": ""}, {"X-Forwarded-Uri": ""}):
        assert nginx.ask("/open/x", host="a.test", headers=more).status in (401, 500), more
    assert nginx.ask("/open/x", headers={"X-Forwarded-Host": "test"}).status == 200
    assert len(up.requests) == 1
    for half in ({"X-Forwarded-Uri": "/open"}, {"X-Original-URI": "/open", "X-Forwarded-Host": "test"}, {"X-Forwarded-Method": "GET"},
                 {"X-Original-Method": "GET"}):
        r = gw.ask("/auth", headers=half | bearer(token(role="admin")))
        assert (r.status, r.why) == (400, "bad_request") and r.json()["field"].startswith("X-Forwarded-"), half


def test_others_are_not_believed(gateway, serve):
    up = serve()
    gw = gateway(config(up, trusted_proxies=["10.0.0.1"]))
    told = {"X-Forwarded-Uri": "/admin", "X-Forwarded-Method": "GET"}
    for names in ["X-Forwarded-Uri"], ["X-Forwarded-Method"], ["X-Forwarded-Uri", "X-Forwarded-Method"]:
        r = gw.ask("/auth", headers={n: told[n] for n in names} | bearer(token()))
        assert (r.status, r.why) == (403, "proxy_untrusted"), names
    assert gw.ask("/auth", headers={"X-Forwarded-Host": "test"}).why == "token_missing"
    assert gw.ask("/auth", headers={"X-Forwarded-Host": "test"} | bearer(token())).header("auth_id") == "42"
    assert gw.reload(merge(config(up), {"gate": {"forward_auth": ""}})).returncode == 0
    assert gw.ask("/auth", headers=told | bearer(token())).why == "no_route"
