"""Completion in bash: every command, every option, and the names that a gateway knows."""

import json
import os
import pty
import select
import time

import pytest

from harness import procs
from harness.gateway import BINARY, ROOT, from_redis, proxy_to

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
        assert options | {"--help"} <= set(complete(row["name"] + " -")), row["name"]
    assert complete("import ") == ["--help", "redx", "ashine", "gateway.conf.yaml", "nginx", "nginx-map", "--strict", "--json"]
    assert complete("schema config ") == ["--help", "--json"] and complete("-") == ["--help", "--version"]
    assert {"top", "settings", "reasons"} <= set(complete("help ")) and complete("help fl") == ["fleet"]
    assert {"requests", "errors", "bytes", "latency", "now"} == set(complete("top --by "))
    assert complete("token --algorithm HS5") == ["HS512"] and complete("suspend u --reason ") == []


def typed(folder, *keys):
    """What an interactive shell has on its command line when these were typed there."""
    pid, fd = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.execvpe("bash", ["bash", "--norc", "--noprofile", "-i"], {"PATH": os.environ["PATH"], "PS1": "> ", "TERM": "dumb", "INPUTRC": "/dev/null"})
    procs.ours.add(pid)
    try:
        os.write(fd, f". {ROOT}/etc/completion.bash; PS1=ready'>'\n".encode())
        read_until(fd, b"ready>")  # which stands there when it reads keys
        os.write(fd, "".join(keys).encode() + b"|\n")
        return read_until(fd, b"|\r\n").decode().removesuffix("|\r\n")
    finally:
        os.close(fd)
        os.waitpid(pid, 0)
        procs.ours.discard(pid)


def read_until(fd, end):
    seen, until = b"", time.monotonic() + 10
    while end not in seen:
        assert time.monotonic() < until and select.select([fd], [], [], 10)[0], seen
        seen += os.read(fd, 4096)
    return seen.partition(end)[0] + end


@pytest.mark.parametrize("line, made", [("yett check -c ro\t", "yett check -c rooms/"), ("yett check -c rooms/y\t", "yett check -c rooms/yett.yaml "),
                                        ("yett apply rooms/\t", "yett apply rooms/yett.yaml "), ("yett import nginx ro\t", "yett import nginx rooms/")])
def test_files(tmp_path, line, made):
    (tmp_path / "rooms").mkdir()
    (tmp_path / "rooms" / "yett.yaml").touch()
    assert typed(tmp_path, line) == made


def test_names_of_a_gateway(gateway, store, serve):
    up = serve()
    gw = gateway(proxy_to(up, name="main") | {"workers": 2, "redis": from_redis(store)["redis"]})
    gw.ask("/")
    with open(gw.dir + "/rules.yaml", "w") as f:
        f.write("routes: {extra: {path: /extra, upstream: u}}\n")
    for words in (["apply", f.name], ["key", "add", "ci"], ["suspend", "bob"]):
        assert gw.cli(*words).returncode == 0
    revision = json.loads(gw.cli("history", "--json").stdout)["data"]["revisions"][0]["revision"]
    host, port = up.address.split(":")
    os.environ["RUNTIME_DIRECTORY"] = gw.run_dir
    try:
        assert complete("drain 127") == [up.address] and complete(f"drain {host}:") == [port]  # and not the address of Redis
        assert up.address in complete(f"drain -c {gw.file} ") and up.address in complete("drain --timeout 5m --wait ")
        assert set(complete("drain --worker ")) >= {"0", "1"}
        assert complete("resume b") == ["bob"] and complete("key revoke c") == ["ci"]
        assert revision in complete("rollback ") and revision in complete("wait ") and revision in complete("diff ")
        assert complete("tail ro") == ["route="] and complete("tail route=fi") == ["file:main"] and complete("tail route=file:m") == ["main"]
        assert complete("tail status=5xx ended_by=up") == ["upstream"] and complete("tail upstream=") == [up.address]
        assert "no_route" in complete("tail reason=no_")
    finally:
        del os.environ["RUNTIME_DIRECTORY"]
