"""`yett check`: every mistake with its place and remedy; the effective configuration without secrets."""

import json

import pytest

from harness import gateway as g
from harness.procs import run

pytestmark = pytest.mark.skipif(not g.BINARY, reason="no binary")


def check(tmp_path, text, *arguments, env=None):
    file = tmp_path / "yett.yaml"
    file.write_text(text)
    return run([g.BINARY, "check", "-c", str(file), *arguments], env)


GOOD = """listeners: [":8080"]
upstreams:
  users:
    endpoints: [127.0.0.1:9001]
routes:
  - path: /users
    upstream: users
"""


def test_good(tmp_path):
    assert check(tmp_path, GOOD).returncode == 0


@pytest.mark.parametrize("listener, endpoint", [
    (":8080", "127.0.0.1:8080"), (":8080", "'[::1]:8080'"), ("127.0.0.1:8080", "localhost:8080"), ("unix:/a/b", "unix:/a/b"),
    ("unix:/tmp/b", "unix:/tmp/./b"), ("unix:/tmp/b", "unix://tmp/../tmp//b")])
def test_own_listener_as_endpoint(tmp_path, listener, endpoint):
    done = check(tmp_path, GOOD.replace(":8080", listener, 1).replace("127.0.0.1:9001", endpoint))
    assert done.returncode == 1 and ":4: upstreams.users.endpoints[0]: " in done.stdout + done.stderr
    assert "is a listener of this gateway" in done.stdout + done.stderr


def test_own_admin_listener_as_endpoint(tmp_path):
    admin = "admin: {listen: '127.0.0.1:9001'}\n"
    assert check(tmp_path, GOOD + admin).returncode == 1
    assert check(tmp_path, GOOD.replace("127.0.0.1:9001", "unix:/r/admin.sock") + "run_dir: /r\n").returncode == 1


def test_proxy_protocol_wants_trusted_proxies(tmp_path):
    text = GOOD.replace('[":8080"]', "[{address: ':8080', proxy_protocol: true}]")
    done = check(tmp_path, text)
    assert done.returncode == 1 and "listeners[0].proxy_protocol" in done.stdout + done.stderr
    assert "write trusted_proxies:" in done.stdout + done.stderr
    assert check(tmp_path, text + "trusted_proxies: [10.0.0.1]\n").returncode == 0


def test_unreadable(tmp_path):
    done = run([g.BINARY, "check", "-c", str(tmp_path / "absent.yaml")])
    assert done.returncode == 2 and "absent.yaml" in done.stderr + done.stdout


@pytest.mark.parametrize("line, more, named", [
    (8, "limts: {body: 1m}\n", ["limts", "limits"]),
    (8, "limits: {bdoy: 1m}\n", ["bdoy", "body"]),
    (8, "workers: 900\n", ["workers"]),
    (8, "timeouts: {connect: soon}\n", ["connect"]),
    (8, "log_level: loud\n", ["log_level"]),
    (9, "gate:\n  protect: [/api]\n", ["secret"]),
    (8, "redis: {address: ''}\n", ["redis"]),
    (8, "  - {path: /users, upstream: users}\n", ["line 6"]),
    (8, "trusted_proxies: [10.0.0.0/40]\n", ["trusted_proxies"]),
    (8, "  - {path: /a, target: 'http://localhost:8080'}\n", ["routes[1].target", "listener of this gateway", "name the service"]),
    (8, "error_pages: {502: /no/such/page.html}\n", ["/no/such/page.html"]),
])
def test_mistake_names_place_and_key(tmp_path, line, more, named):
    done = check(tmp_path, GOOD + more)
    said = done.stdout + done.stderr
    assert done.returncode == 1 and f"yett.yaml:{line}" in said, done
    assert all(n in said for n in named), said


def test_unknown_upstream_names_the_nearest(tmp_path):
    done = check(tmp_path, GOOD.replace("upstream: users", "upstream: usres"))
    assert done.returncode == 1 and "yett.yaml:7" in done.stdout + done.stderr and "users" in done.stdout + done.stderr


def test_every_mistake_is_told(tmp_path):
    done = check(tmp_path, GOOD + "workers: x\nlog_level: loud\nnonsense: 1\n")
    assert all(w in done.stdout + done.stderr for w in ("workers", "log_level", "nonsense"))


@pytest.mark.parametrize("text", ["a: [", "\tx: 1\n", "a: 1\na: 2\n", "- 1\n", "routes: {a: &x [*x]}\n", "\0"])
def test_what_is_no_configuration(tmp_path, text):
    done = check(tmp_path, text)
    assert done.returncode in (1, 2) and done.stdout + done.stderr


def test_effective_has_origins_and_no_secret(tmp_path):
    gate = "gate:\n  protect: [/api]\n  secret: {env: MY_SECRET}\n"
    env = {"MY_SECRET": "x" * 31 + "hush-hush", "PATH": "/usr/bin"}
    done = check(tmp_path, GOOD + gate + "workers: 3\n", "--effective", env=env)
    assert done.returncode == 0 and "hush" not in done.stdout + done.stderr and "<redacted-40-chars>" in done.stdout
    assert "default" in done.stdout and "yett.yaml:11" in done.stdout
    done = check(tmp_path, GOOD + gate, "--effective", "--json", env=env)
    assert "hush" not in done.stdout and json.loads(done.stdout)


def test_literal_secret_is_not_printed(tmp_path):
    gate = "gate:\n  protect: [/api]\n  secret: hush-hush-hush-hush-hush-hush-hush-hush\n"
    for arguments in ([], ["--effective"], ["--effective", "--json"]):
        done = check(tmp_path, GOOD + gate, *arguments)
        assert done.returncode == 0 and "hush-hush" not in done.stdout + done.stderr


@pytest.mark.parametrize("key, text", [
    ("tracing.endpoint", "tracing: {endpoint: 'URL'}"), ("jwks_uri", "gate: {issuers: {c: {issuer: c, algorithms: [ES256], jwks_uri: 'URL'}}}")])
def test_password_in_a_url_is_not_printed(tmp_path, key, text):
    done = check(tmp_path, GOOD + text.replace("URL", "https://me:hushhush@host.test/path") + "\n")
    assert done.returncode == 1 and key in done.stdout + done.stderr and "hushhush" not in done.stdout + done.stderr


def test_secret_that_is_not_there(tmp_path):
    done = check(tmp_path, GOOD + "gate:\n  protect: [/api]\n  secret: {env: NO_SUCH_VARIABLE}\n")
    assert done.returncode == 1 and "NO_SUCH_VARIABLE" in done.stdout + done.stderr


@pytest.mark.parametrize("arguments", [[], ["frobnicate"], ["run"], ["run", "--frobnicate"]])
def test_wrong_usage(arguments):
    done = run([g.BINARY, *arguments], env={})
    assert done.returncode not in (0, 1) and "yett" in done.stderr + done.stdout


def test_run_refuses_the_same_mistakes(tmp_path):
    file = tmp_path / "yett.yaml"
    file.write_text(GOOD + "nonsense: 1\n")
    done = run([g.BINARY, "run", "-c", str(file)])
    assert done.returncode != 0 and "yett.yaml:8" in done.stderr


@pytest.mark.parametrize("command", ["run", "check", "status", "routes", "reload", "token", "version", "help"])
def test_help(command):
    for flag in ("--help", "-h"):
        done = run([g.BINARY, command, flag])
        assert done.returncode == 0 and done.stderr == "" and done.stdout.startswith(f"usage: yett {command}")


@pytest.mark.parametrize("words", [["-c"], ["-c", "a", "b"], ["--frob", "a"]])
def test_run_misused(words):
    done = run([g.BINARY, "run", *words])
    assert done.returncode == 2 and done.stderr == "usage: yett run [-c FILE]\n"
