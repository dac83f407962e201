"""Completion in bash: every command, every option, and the names that a gateway knows."""

import json
import os

import pytest

from harness import procs
from harness.gateway import BINARY, ROOT, proxy_to

pytestmark = pytest.mark.skipif(not BINARY, reason="no binary")

SCRIPT = f'. {ROOT}/etc/completion.bash; COMP_LINE=$1; COMP_POINT=${{#1}}; _yett yett; printf "%s\\n" "${{COMPREPLY[@]}}"'


def complete(line):
    """As bash asks where the cursor is at the end of this line."""
    env = os.environ | {"PATH": os.path.dirname(BINARY) + ":" + os.environ["PATH"]}
    done = procs.run(["bash", "-c", SCRIPT, "bash", "yett " + line], env)
    assert not done.stderr, done
    return done.stdout.split()


def test_commands_and_options():
    rows = json.loads(procs.run([BINARY, "help", "--json"]).stdout)
    assert set(complete("")) == {r["name"] for r in rows}
    assert complete("st") == ["status"] and complete("reload --f") == ["--force"] and complete("key r") == ["revoke"]
    for row in rows:
        options = {w.strip("[]") for w in row["usage"].replace("...", " ").split() if w.strip("[]").startswith("-")}
        assert options <= set(complete(row["name"] + " -")), row["name"]
    assert complete(f"status -c {ROOT}/etc/yett.y") == [f"{ROOT}/etc/yett.yaml"]
    assert {"top", "settings", "reasons"} <= set(complete("help ")) and complete("help fl") == ["fleet"]
    assert {"requests", "errors", "bytes", "latency", "now"} == set(complete("top --by "))
    assert complete("token --algorithm HS5") == ["HS512"] and complete("suspend u --reason ") == []


def test_names_of_a_gateway(gateway, serve):
    up = serve()
    gw = gateway(proxy_to(up, name="main") | {"workers": 2})
    gw.ask("/")
    with open(gw.dir + "/rules.yaml", "w") as f:
        f.write("routes: {extra: {path: /extra, upstream: u}}\n")
    for words in (["apply", f.name], ["key", "add", "ci"], ["suspend", "bob"]):
        assert gw.cli(*words).returncode == 0
    revision = json.loads(gw.cli("history", "--json").stdout)["data"]["revisions"][0]["revision"]
    host, port = up.address.split(":")
    os.environ["RUNTIME_DIRECTORY"] = gw.run_dir
    try:
        assert complete("drain 127") == [up.address] and complete(f"drain {host}:") == [port]
        assert set(complete("drain --worker ")) >= {"0", "1"}
        assert complete("resume b") == ["bob"] and complete("key revoke c") == ["ci"]
        assert revision in complete("rollback ") and revision in complete("wait ") and revision in complete("diff ")
        assert complete("tail ro") == ["route="] and complete("tail route=fi") == ["file:main"] and complete("tail route=file:m") == ["main"]
        assert complete("tail status=5xx ended_by=up") == ["upstream"] and complete("tail upstream=") == [up.address]
        assert "no_route" in complete("tail reason=no_")
    finally:
        del os.environ["RUNTIME_DIRECTORY"]
