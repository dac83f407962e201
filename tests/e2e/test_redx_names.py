"""compatibility: redx and riox read the configuration under redx's names, from the file and from the environment."""

import json

import pytest

from harness import gateway as g
from harness.api import Api
from harness.procs import run

pytestmark = pytest.mark.skipif(not g.BINARY, reason="no binary")
PATH = {"PATH": "/usr/bin"}


def check(tmp_path, text, env=None, profile="redx"):
    file = tmp_path / "yett.yaml"
    file.write_text(f"compatibility: {profile}\ngate: {{protect: []}}\n" + text)
    told = run([g.BINARY, "check", "-c", str(file)], PATH | (env or {}))
    done = run([g.BINARY, "check", "-c", str(file), "--effective", "--json"], PATH | (env or {}))
    rows = json.loads(done.stdout)["settings"] if done.returncode == 0 else []
    return told, {row["path"]: row for row in rows}


FILE = """redis_host: redis.internal
redis_port: '6380'
redis_password: {file: PASSWORD}
redis_timeout: 2500
max_path_length: 2
default_score: 7
plugins: [[stickiness, {COOKIE: sid}], [score, least], random]
"""


def test_names_in_the_file(tmp_path):
    (tmp_path / "pass").write_text("hush")
    (tmp_path / "pass").chmod(0o600)
    told, rows = check(tmp_path, FILE.replace("PASSWORD", str(tmp_path / "pass")))
    assert told.returncode == 0 and ": warning:" not in told.stderr + told.stdout, told
    want = {"redis.address": "redis.internal:6380", "redis.timeout": "2500ms", "redis.max_path_length": 2, "redis.default_score": 7,
            "redis.plugins[0].stickiness.cookie": "sid", "redis.plugins[0].stickiness.max_age": "off",
            "redis.plugins[1].score": "least", "redis.plugins[2].plugin": "random", "timeouts.connect": "3s",
            "timeouts.first_byte": "5m", "redis.password": "<redacted-4-chars>"}
    assert {k: rows[k]["value"] for k in want} == want
    assert rows["redis.timeout"]["origin"].endswith("yett.yaml:6")


def test_names_of_the_environment(tmp_path):
    env = {"REDIS_HOST": "fd00::7", "REDIS_PASSWORD": "hush", "REDIS_TIMEOUT": "1000", "MAX_PATH_LENGTH": "5",
           "PLUGINS": "{'random'}"}
    told, rows = check(tmp_path, "", env)
    assert told.returncode == 0 and "hush" not in told.stdout + told.stderr, told
    assert rows["redis.address"] == {"path": "redis.address", "value": "[fd00::7]:6379", "origin": "env REDIS_HOST"}
    assert rows["redis.timeout"]["value"] == "1s" and rows["redis.max_path_length"]["value"] == 5
    assert rows["redis.plugins[0].plugin"]["value"] == "random" and "redis.plugins[1].plugin" not in rows


def test_the_file_wins_over_the_environment_and_our_name_over_redxs(tmp_path):
    env = {"REDIS_HOST": "elsewhere", "REDIS_TIMEOUT": "1000"}
    told, rows = check(tmp_path, "redis_host: a\nredis: {timeout: 2s}\nredis_timeout: 3000\n", env)
    assert told.returncode == 0 and "redis.timeout is given as well, and wins" in told.stdout + told.stderr
    assert rows["redis.address"]["value"] == "a:6379" and rows["redis.timeout"]["value"] == "2s"


def test_defaults_of_the_profiles(tmp_path):
    for profile, most in ("redx", 1), ("riox", 3):
        told, rows = check(tmp_path, "redis_host: a\n", profile=profile)
        assert told.returncode == 0 and rows["redis.max_path_length"]["value"] == most
        assert rows["redis.plugins[0].plugin"]["value"] == "random"


def test_sessions_of_the_fork_end(tmp_path):
    _, rows = check(tmp_path, "redis_host: a\nplugins: [stickiness]\nsession_length: 900\n", profile="riox")
    assert rows["redis.plugins[0].stickiness.max_age"]["value"] == "15m"
    assert rows["redis.plugins[0].stickiness.cookie"]["value"] == "lapis_session"


@pytest.mark.parametrize("name", ["redis_keepalive_pool_size", "redis_keepalive_max_idle_timeout", "cookie_secret"])
def test_what_has_no_meaning_is_told(tmp_path, name):
    told, _ = check(tmp_path, f"redis_host: a\n{name}: 5\n")
    assert told.returncode == 0 and f":4: {name}: warning: " in told.stdout + told.stderr


@pytest.mark.parametrize("line, says", [
    ("redis_timeout: soon", 'redis.timeout: "soonms" is not a duration'), ("plugins: [[score, best]]", '"best" is not known'),
    ("plugins: [{score: least, weighted_score: most}]", "several plugins at once"), ("plugins: [{}]", "it is no plugin"),
    ("redis_sentinel_host: s", "name the server by redis_host")])
def test_mistakes(tmp_path, line, says):
    told, _ = check(tmp_path, f"redis_host: a\n{line}\n")
    assert told.returncode == 1 and ":4: " in told.stderr + told.stdout and says in told.stderr + told.stdout, told


def test_elsewhere_they_are_unknown(tmp_path):
    told, _ = check(tmp_path, "redis_timeout: 5\n", profile="none")
    assert told.returncode == 1 and "write redis.timeout, or compatibility: redx" in told.stdout + told.stderr


def test_default_score(gateway, store):
    gw = gateway({"compatibility": "redx", "redis_host": "127.0.0.1", "redis_port": store.port, "default_score": 7})
    Api(gw.socket).done("POST", "batch", body={"backends": [{"name": "b", "servers": ["10.0.0.1", ["10.0.0.2", 1]]}]})
    assert store.db.hgetall("backend:b") == {b"10.0.0.1": b"7", b"10.0.0.2": b"1"}


def test_it_runs(gateway, store, serve):
    up = serve()
    store.rule("test/a/", up.address)
    gw = gateway({"compatibility": "redx", "redis_host": "127.0.0.1", "health": {"enabled": False}},
                 env={"REDIS_PORT": str(store.port)})
    gw.rules_in_force(lambda r: r["frontends"] == 1)
    assert gw.ask("/a/b").json()["target"] == "/a/b"
