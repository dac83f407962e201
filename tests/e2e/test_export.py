"""`yett export` and `yett import`: what is written down makes the same rules again, and what has no form is told."""

import json
import random
import subprocess

import pytest
from harness import gateway as g
from harness.gateway import from_redis
from harness.procs import run, wait_until
from test_api_redx import gw  # noqa: F401

RULES = {
    "routes": {"r": {"path": "/r", "upstream": "u", "headers": [{"name": "X-A", "value": "\u00e9 \\ \" 1e3"}], "priority": 10}},
    "upstreams": {"u": {"endpoints": ["127.0.0.1:9001", {"address": "127.0.0.1:9002", "weight": 3}]}},
    "policies": {"p": {"protect": ["/r"]}},
    "api_keys": {"k": {"sha256": 64 * "a", "claims": {"sub": "x" * 40, "n": 12345678901234567890}}},
    "frontends": {"a.test": "web", "b.test/x/": "it's", "l.test/" + 950 * "x": "web"},
    "backends": {"web": {"10.0.0.1:80": "0", "http://10.0.0.2:81/x": "2.5", "_cookie": "a \"b\" \\ 'c'"}, "it's": {"h:1": "7"}},
}


def file(tmp_path, text):
    path = tmp_path / "rules"
    path.write_text(text if isinstance(text, str) else json.dumps(text))
    return str(path)


def test_yaml_makes_the_same_rules(gw, tmp_path):
    assert gw.cli("apply", file(tmp_path, RULES)).returncode == 0
    done = gw.cli("export")
    assert (done.returncode, done.stderr) == (0, "") and "\n  ? \"l.test/" in done.stdout
    assert json.loads(gw.cli("export", "--json").stdout) == RULES
    assert gw.cli("apply", file(tmp_path, done.stdout)).stdout == "nothing differs\n"
    empty = {family: {} for family in RULES}
    assert gw.cli("apply", file(tmp_path, empty), "--force").returncode == 0
    assert gw.cli("export").stdout == "".join(f"{family}: {{}}\n" for family in RULES)
    assert gw.cli("apply", file(tmp_path, done.stdout)).returncode == 0
    assert json.loads(gw.cli("export", "--json").stdout) == RULES


def test_redx_has_frontends_and_backends_alone(gw, tmp_path):
    gw.cli("apply", file(tmp_path, RULES))
    done = gw.cli("export", "redx")
    assert done.returncode == 1
    assert [line.split()[2] for line in done.stderr.splitlines()] == ["routes.r", "upstreams.u", "policies.p", "api_keys.k"]
    back = run([g.BINARY, "import", "redx", file(tmp_path, done.stdout), "--strict", "--json"])
    assert (back.returncode, back.stderr) == (0, "")
    assert json.loads(back.stdout) == RULES | {family: {} for family in ("routes", "upstreams", "policies", "api_keys")}


def test_commands_make_the_rules_in_redis(gateway, store, tmp_path):
    """By redis-cli, which reads them as it will; and what is refused is told."""
    gw = gateway(from_redis(store))
    gw.cli("apply", file(tmp_path, RULES | {"routes": {}, "upstreams": {}, "policies": {}, "api_keys": {}}))
    commands = gw.cli("export", "redx")
    assert commands.returncode == 0
    before = {k: store.db.hgetall(k) if k.startswith(b"backend:") else store.db.get(k) for k in store.db.scan_iter("*end:*")}
    store.db.flushall()
    done = subprocess.run(["redis-cli", "-p", str(store.port)], input=commands.stdout, capture_output=True, text=True, timeout=20)
    assert "ERR" not in done.stdout + done.stderr
    assert {k: store.db.hgetall(k) if k.startswith(b"backend:") else store.db.get(k) for k in store.db.scan_iter("*end:*")} == before
    assert len(before) == 5
    store.db.set("frontend:bad.test", "x" * 2000)
    refused = wait_until(lambda: [r for r in [gw.cli("export")] if r.returncode], 10)[0]
    assert refused.returncode == 1 and "yett export: frontend:bad.test is refused, left out: " in refused.stderr


def odd_rules(seed, count=60):
    """Families as an API may have got them, with names of what has a meaning to YAML, JSON, redis-cli and URLs."""
    r = random.Random(seed)
    parts = ["a", "Z", "0", " ", "'", '"', "\\", "\\x41", "\\n", "#", ": ", "- ", "{", "]", "&", "*", "!", "|", "%20", "?", "~", "null", "1e3",
             "\u00e9", "\u2028", "\u2029", "\x85", "\x9f", "\ufeff", "\uffff", "\u0800", "\U0001f600", ",", "=", "/"]

    def text(most=8):
        return "x" + "".join(r.choice(parts) for _ in range(r.randint(0, most)))
    return {"frontends": {f"h{i}.test/" + "".join(c for c in text() if c.isalnum() and c.isascii()): text() for i in range(count)},
            "backends": {text() + str(i): {f"10.0.{i % 256}.{j}:80": str(r.randint(0, 9)) for j in range(r.randint(1, 4))} | {"_cookie": text()} for i in range(count)},
            "routes": {f"r{i}": {"path": f"/p{i}", "upstream": "u", "headers": [{"name": "X-A", "value": text()}]} for i in range(count)},
            "upstreams": {"u": {"endpoints": ["127.0.0.1:9001"]}}, "policies": {}, "api_keys": {}}


def test_any_rules_there_and_back(gw, tmp_path):
    rules = odd_rules(1)
    rules["frontends"]["q.test"] = "b"
    rules["backends"][300 * '"' + 300 * "\x80"] = {"10.0.0.1:80": "0"}
    done = gw.cli("apply", file(tmp_path, rules), "--force")
    assert done.returncode == 0, done
    assert json.loads(gw.cli("export", "--json").stdout) == rules
    again = gw.cli("apply", file(tmp_path, gw.cli("export").stdout))
    assert again.stdout == "nothing differs\n", again
    commands = gw.cli("export", "redx").stdout
    back = run([g.BINARY, "import", "redx", file(tmp_path, commands), "--strict", "--json"])
    assert json.loads(back.stdout) == rules | {"routes": {}, "upstreams": {}}


def imported(tmp_path, text, *more):
    return run([g.BINARY, "import", "redx", file(tmp_path, text), "--json", *more])


def test_import_takes_what_redx_has(tmp_path):
    done = imported(tmp_path, """# of a colleague
SET frontend:a.test/x/ web
set 'frontend:b.test' "w\\x65b"

HSET backend:web 10.0.0.1:80 0 10.0.0.2:80 5
HMSET backend:web 10.0.0.1:80 7 _max_score 10\r
SET yett:policy:p '{"protect": ["/a"]}'
""")
    rules = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert rules["frontends"] == {"a.test/x/": "web", "b.test": "web"} and rules["policies"] == {"p": {"protect": ["/a"]}}
    assert rules["backends"] == {"web": {"10.0.0.1:80": "7", "10.0.0.2:80": "5", "_max_score": "10"}}


@pytest.mark.parametrize("line, what", [
    ("SET frontend:a.test", "has a key and a value"), ("SET frontend:a.test b EX 10", "has a key and a value"), ("SET session:1 x", "no rule"),
    ("HSET backend:b 10.0.0.1:80", "has no value"), ("HSET x y z", "no rule"), ("DEL backend:b", "only SET, HSET"),
    ("SET 'frontend:a b", "quotes are not closed"), ('SET "frontend:a"b c', "quotes are not closed"), ("HSET backend:b :::: 0", ""),
    ("HSET backend:b h:1 many", ""), ('HSET backend:b h:1 "1\\x00"', "NUL"), ("SET yett:route:r '{\"pth\": 1}'", "unknown key"), ("SELECT 1", "only SET, HSET")])
def test_what_cannot_be_taken_over(tmp_path, line, what):
    text = "SET frontend:good.test web\n" + line + "\n"
    done = imported(tmp_path, text)
    assert done.returncode == 0 and done.stderr.startswith(f"{tmp_path}/rules:2: ") and what in done.stderr
    assert list(json.loads(done.stdout)["frontends"]) == ["good.test"]
    done = imported(tmp_path, text, "--strict")
    assert done.returncode == 1 and what in json.loads(done.stdout).pop("error")


ASHINE = """gateway:
  listenAddr: :8000
  cors: {allowedOrigins: ["https://app.example.org"]}
  services:
    non-authenticated:
      - {name: User management, path: /user, target: "http://127.0.0.1:8001"}
    authenticated:
      - {path: /a, target: "http://127.0.0.1:8002"}
      - {name: Broken}
"""


def test_import_ashine(gateway, store, tmp_path):
    """Its services are routes that a gateway takes; what is none is told with its line."""
    done = run([g.BINARY, "import", "ashine", file(tmp_path, ASHINE)])
    told = {line.split(": ")[0].rpartition(":")[2] for line in done.stderr.splitlines()}
    assert done.returncode == 0 and told == {"2", "8", "9"} and "9: gateway.services.authenticated[1]: the service has no path" in done.stderr
    assert run([g.BINARY, "import", "ashine", str(tmp_path / "rules"), "--strict"]).returncode == 1
    gw = gateway(from_redis(store))
    assert gw.cli("apply", file(tmp_path, done.stdout)).returncode == 0
    assert gw.cli("apply", file(tmp_path, done.stdout)).stdout == "nothing differs\n"
    routes = json.loads(gw.cli("export", "--json").stdout)["routes"]
    assert {name: (r["path"], r.get("target"), r.get("auth")) for name, r in routes.items()} == {
        "User-management": ("/user", "http://127.0.0.1:8001", None), "user": ("/user", None, None),
        "a": ("/a", "http://127.0.0.1:8002", "required"), "a-2": ("/a", None, None)}
    assert gw.ask("/user").status == 404 and gw.ask("/a/x").status in (401, 503)  # not open: it has no gate


NGINX = """upstream web { server 10.0.0.1:80 weight=2; server 10.0.0.2:80 backup; }
http {
    map $uri $backend { default web; /api/users users; }  # users stands below
    upstream users { server 10.0.0.3:9001; }
    server {
        server_name a.test *.b.test;
        location / { proxy_pass http://$backend; proxy_http_version 1.1; }
        location /app/ { proxy_pass http://web/; }
        location = /ping { proxy_pass http://10.0.0.9:80; }
        location ^~ /old { proxy_pass "http://users/new/"; }
        %s
    }
}
"""


def nginx(tmp_path, more, *words):
    return run([g.BINARY, "import", "nginx", file(tmp_path, NGINX % more), "--json", *words])


def test_import_nginx(gw, tmp_path):
    done = nginx(tmp_path, "")
    assert done.returncode == 0 and done.stderr.splitlines() == [f"{tmp_path}/rules:1: 10.0.0.2:80: a server that is backup or down is left out"]
    rules = json.loads(done.stdout)
    assert list(rules["routes"].values()) == [
        {"upstream": "web"}, {"path": "/api/users", "exact": True, "upstream": "users"},
        {"host": "a.test", "path": "/app", "replace_prefix": "/", "upstream": "web"},
        {"host": "*.b.test", "path": "/app", "replace_prefix": "/", "upstream": "web"},
        {"host": "a.test", "path": "/ping", "exact": True, "target": "http://10.0.0.9:80"},
        {"host": "*.b.test", "path": "/ping", "exact": True, "target": "http://10.0.0.9:80"},
        {"host": "a.test", "path": "/old", "replace_prefix": "/new/", "upstream": "users"},
        {"host": "*.b.test", "path": "/old", "replace_prefix": "/new/", "upstream": "users"}]
    assert rules["upstreams"] == {"web": {"endpoints": [{"address": "10.0.0.1:80", "weight": 2}]}, "users": {"endpoints": [{"address": "10.0.0.3:9001"}]}}
    assert gw.cli("apply", file(tmp_path, done.stdout)).returncode == 0
    assert json.loads(gw.cli("export", "--json").stdout)["routes"] == rules["routes"]


@pytest.mark.parametrize("more", [
    "deny all;", "location /x { auth_basic a; }", "location ~ /.git { deny all; }", "if ($x) { return 403; }", "include locked.conf;",
    "location /y { limit_except GET { deny all; } }", "ssl_verify_client on;", "server_name c.test;", "server_name ~x;", "location /z { internal; }"])
def test_nothing_is_opened_that_nginx_may_close(tmp_path, more):
    done = nginx(tmp_path, more)
    assert json.loads(done.stdout)["routes"] == {} and "rules:8: http://web/: somewhere it is asked who may" in done.stderr


def routes_of(tmp_path, text, form="nginx"):
    """What an nginx.conf makes; and what is told."""
    done = run([g.BINARY, "import", form, file(tmp_path, text), "--json"])
    assert done.returncode == 0, done
    return list(json.loads(done.stdout)["routes"].values()), done.stderr


OPEN = "server { server_name a.test; location / { proxy_pass http://10.0.0.1; } }\n"
OF_A = {"host": "a.test", "path": "/", "target": "http://10.0.0.1"}


@pytest.mark.parametrize("more", [
    "server { listen 80; server_name a.test; return 301 https://$host$request_uri; }",
    "server { server_name a.test; if ($host = a.test) { return 301 https://$host$request_uri; } return 404; }",
    "server { server_name b.test; deny all; location / { proxy_pass http://10.0.0.2; } }",
    "server { server_name b.test; location / { proxy_pass http://${backend}; } }",
    "server { server_name ~^b; location / { auth_basic x; } }", "upstream u { include servers; }"])
def test_what_a_server_refuses_is_its_own(tmp_path, more):
    for text in OPEN + more, more + OPEN:
        routes, told = routes_of(tmp_path, text)
        assert routes == [OF_A] and told


@pytest.mark.parametrize("more", [
    "server { server_name A.TEST; location / { deny all; } }", "http { deny all; }", "server_tokens off; auth_basic x;",
    'server { server_name b.test a.test; add_header X "a\\" "; deny all; add_header Y " "; location /x { return 404; } }',
    "server { location / { proxy_pass http://10.0.0.2; } server_name b.test; server_name a.test; }"])
def test_nobody_else_opens_what_a_server_refuses(tmp_path, more):
    for text in OPEN + more, more + OPEN:
        routes, told = routes_of(tmp_path, text)
        assert routes == [] and "http://10.0.0.1: somewhere it is asked who may" in told


def test_what_stands_for_many_hosts_is_not_open_where_one_is_closed(tmp_path):
    text = "map $host $b { b.test w; } server { server_name *.c.test; location / { proxy_pass http://10.0.0.1; } }" + \
        " server { location /w { proxy_pass http://10.0.0.1; } }"
    assert len(routes_of(tmp_path, text)[0]) == 3
    assert routes_of(tmp_path, text + " server { server_name x.c.test; location / { deny all; } }")[0] == []


@pytest.mark.parametrize("where", ["/api", "~ ^/", "= /"])
def test_what_a_map_picks_for_some_paths_is_not_there_for_all(tmp_path, where):
    text = "map $uri $b { default web; } server { location %s { proxy_pass http://$b/; } }"
    assert routes_of(tmp_path, text % where)[0] == [] and len(routes_of(tmp_path, text % "/")[0]) == 1


def test_lines_of_a_map_alone(tmp_path):
    """As a file that a map of $host$uri includes."""
    routes, told = routes_of(tmp_path, "# mine\na.test/api web;\n/users http://10.0.0.1:80;\n.b.test w:1;\ndefault web;\nuser root;\n~x$ web;\n", "nginx-map")
    assert routes == [{"host": "a.test", "path": "/api", "exact": True, "target": "web"}, {"path": "/users", "exact": True, "target": "http://10.0.0.1:80"},
                      {"host": "b.test", "target": "w:1"}, {"host": "*.b.test", "target": "w:1"}, {"target": "web"}]
    assert [line.split(":")[1] for line in told.splitlines()] == ["6", "7"]
    text = "map $http_host$uri $b { volatile; a.test/api web; }"
    assert routes_of(tmp_path, text) == (routes[:1], "")


def test_forms_of_nginx(tmp_path):
    routes, told = routes_of(tmp_path, "upstream u { least_conn; server a:80; } server { server_name .a.test; location / { proxy_pass http://u; }"
                             "location /s { proxy_pass http://unix:/run/s; } location /t/ { proxy_pass http://unix:/run/s:/v1/; } }")
    assert told == "" and routes[:2] == [{"host": host, "path": "/", "upstream": "u"} for host in ("a.test", "*.a.test")]
    assert routes[2::2] == [{"host": "a.test", "path": "/s", "target": "unix:/run/s"},
                            {"host": "a.test", "path": "/t", "replace_prefix": "/v1/", "target": "unix:/run/s"}]


@pytest.mark.parametrize("name", ["ashine", "gateway.conf.yaml"])
def test_names_of_a_form(tmp_path, name):
    assert '"/user"' in run([g.BINARY, "import", name, file(tmp_path, ASHINE)]).stdout


@pytest.mark.parametrize("more, what", [
    ("location ~ x$ { proxy_pass http://web; }", "regular expressions"), ("location /s { proxy_pass https://web; }", "spoken to over TLS"),
    ("location /v { proxy_pass http://$other; }", "only a map of"), ("listen 80;", "it is no rule"), ("root /srv;", "it is no rule"),
    ("location /f { fastcgi_pass x; }", "not taken over"), ("}}", ""), ("x {", "not closed"), ("x", "")])
def test_what_nginx_has_more(tmp_path, more, what):
    done = nginx(tmp_path, more)
    assert done.returncode == 0 and f"{tmp_path}/rules:1" in done.stderr and what in done.stderr
    assert nginx(tmp_path, more, "--strict").returncode == 1


@pytest.mark.parametrize("text", ["routes: []", "gateway: [}", "", "- 1"])
def test_what_is_no_file_of_ashine(tmp_path, text):
    done = run([g.BINARY, "import", "ashine", file(tmp_path, text), "--strict"])
    assert done.returncode == 1 and not done.stdout and done.stderr.startswith(f"{tmp_path}/rules:1: ")


@pytest.mark.parametrize("words", [["export", "toml"], ["export", "redx", "yaml"], ["import"], ["import", "redx"], ["import", "hipache", "f"], ["import", "redx", "/nowhere"]])
def test_misused(words):
    done = run([g.BINARY, *words])
    assert done.returncode == 2 and not done.stdout and done.stderr
