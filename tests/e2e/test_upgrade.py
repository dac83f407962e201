"""yett upgrade: another image takes the place of the running one; no request fails, and one that cannot is refused."""

import asyncio
import concurrent.futures
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest
import websockets

from harness import client, procs
from harness.api import Api
from harness.gateway import BINARY, from_redis, proxy_to
from harness.load import Load
from harness.procs import wait_until

OLD, NEW = "0.1.0", "0.1.1"
REQUESTS = 'yett_requests_total{code="200",method="GET"}'


def image(version):
    with open(BINARY, "rb") as f:
        content = f.read()
    assert content.count(f"\0{OLD}\0".encode()) > 0
    return content.replace(f"\0{OLD}\0".encode(), f"\0{version}\0".encode())


def put(gw, content):
    """As a package does: a new file takes the name."""
    with open(gw.binary + ".new", "wb") as f:
        f.write(content)
    os.chmod(gw.binary + ".new", 0o755)
    os.rename(gw.binary + ".new", gw.binary)


def processes(gw):
    return set(procs.children(gw.pid))


def gone(pids):
    wait_until(lambda: not any(procs.alive(pid) for pid in pids), 10, what="the old workers' end")


@pytest.fixture
def running(gateway, responder):
    return gateway(proxy_to(responder), own=True)


def upgrade(gw, *arguments):
    return procs.run([BINARY, "upgrade", "--socket", gw.socket, *arguments], gw.env, 60)


def test_up_and_down_again_under_load(running):
    gw = running
    pid, before = gw.pid, gw.metrics().get(REQUESTS, 0)
    seen = []
    with Load(gw.port, rate=2000, connections=32) as load:
        for version in (NEW, OLD):
            old = processes(gw)
            put(gw, image(version))
            r = upgrade(gw)
            assert (r.returncode, r.stdout) == (0, f"version {version} serves, in process {pid}\n"), r
            assert gw.status()["version"] == version and gw.status()["pid"] == pid == gw.process.pid
            seen.append(gw.metrics()[REQUESTS])
            gone(old)
    r = load.result
    print(f"{r['ok']} answered, retried {r['retried']}, slowest {r['slowest']:.0f} ms")
    assert r["failures"] == [] and r["ok"] > 1000
    assert before <= seen[0] <= seen[1]
    wait_until(lambda: gw.metrics()[REQUESTS] >= before + r["ok"], 2, what="the last one's count")  # which is answered before it is counted
    assert gw.status()["upgrade"]["count"] == 2 and " warn " not in gw.log()
    wait_until(lambda: len(processes(gw)) == 3, 2, what="nobody to wait for")


IMPOSTORS = {  # what stands at the path: the reason
    "no": ("/bin/false", "ended with exit status 1"),
    "nothing": ("/bin/true", "does not say that it could take over"),
    "text": (b"#!/bin/nothing\n", "exit status 127"),
    "half": (None, "new image"),
    "missing": ("", "No such file"),
}


def refused(gw, expected, host="test"):
    old = gw.workers()
    r = upgrade(gw)
    assert r.returncode == 1 and expected in r.stderr and "the running image serves on" in r.stderr, r
    assert gw.workers() == old and gw.ask(host=host).status == 200
    assert gw.status()["upgrade"]["state"] == "none"


def test_what_cannot_take_over_is_refused(running):
    gw = running
    for content, expected in IMPOSTORS.values():
        if content == "":
            os.unlink(gw.binary)
        elif content is None:
            put(gw, image(NEW)[:100000])
        elif isinstance(content, bytes):
            put(gw, content)
        else:
            with open(content, "rb") as f:
                put(gw, f.read())
        refused(gw, expected)
    put(gw, image(NEW))
    os.chmod(gw.binary, 0o644)
    refused(gw, "cannot be executed: Permission denied")
    assert 'error="the new image ended with exit status 127: it cannot be executed: Permission denied" effect=' in gw.log()
    r = upgrade(gw, "--json")
    assert r.returncode == 1 and json.loads(r.stdout)["ok"] is False
    os.chmod(gw.binary, 0o755)
    assert upgrade(gw).returncode == 0 and gw.status()["version"] == NEW


def compiled(tmp_path, text):
    out = tmp_path / "image"
    subprocess.run(["cc", "-x", "c", "-o", out, "-"], input=text.encode(), check=True)
    return out.read_bytes()


@pytest.mark.skipif(not shutil.which("cc"), reason="no compiler")
def test_image_that_hangs_crashes_or_babbles(gateway, responder, tmp_path):
    gw = gateway(proxy_to(responder) | {"timeouts": {"preflight": "300ms"}}, own=True)
    put(gw, compiled(tmp_path, "#include <unistd.h>\nint main(void) { for (;;) pause(); }\n"))
    refused(gw, "not ready within timeouts.preflight")
    put(gw, compiled(tmp_path, "#include <stdlib.h>\nint main(void) { abort(); }\n"))
    refused(gw, "died by signal 6")
    put(gw, compiled(tmp_path, "#include <stdio.h>\nint main(void) { while (puts(\"y\") > 0); }\n"))
    refused(gw, "says more than it should")


@pytest.mark.skipif(not shutil.which("cc"), reason="no compiler")
def test_image_that_dies_after_the_trial(gateway, responder, tmp_path):
    """As a killed master: the workers serve on, and the next one takes over."""
    gw = gateway(proxy_to(responder), own=True)
    old = processes(gw)
    put(gw, compiled(tmp_path, '#include <stdio.h>\n#include <string.h>\nint main(int n, char **a)\n'
                               '{ return strcmp(a[1], "preflight") ? 1 : puts("yett preflight good 9") < 0; }\n'))
    with Load(gw.port, rate=200, connections=8) as load, concurrent.futures.ThreadPoolExecutor() as pool:
        r = pool.submit(upgrade, gw)
        assert gw.wait() == 1
        put(gw, image(NEW))
        gw.start()
        gone(old)
        assert r.result().returncode == 1 and "died after its trial" in r.result().stderr
        assert f"version {NEW} serves, in process {gw.pid}" in r.result().stderr
    assert load.result["failures"] == [] and gw.status()["version"] == NEW


def test_mistake_in_the_configuration(running):
    gw = running
    with open(gw.file) as f:
        good = f.read()
    gw.configure("nonsense: 1\n")
    refused(gw, "nonsense")
    with open(gw.file, "w") as f:
        f.write(good.replace(gw.run_dir, gw.run_dir + "2"))
    refused(gw, "run_dir")
    with open(gw.file, "w") as f:
        f.write(good)


def test_what_a_start_would_die_of(running, responder, tmp_path):
    """The new image is past its trial when it opens these; systemd would start it again and again, until the workers that were left end."""
    gw = running
    with socket.create_server(("127.0.0.1", 0)) as taken:
        busy = "127.0.0.1:%d" % taken.getsockname()[1]
        for more, expected in [({"listeners": [gw.base["listeners"][0], busy]}, "listeners: " + busy + ": address in use"),
                               ({"admin": {"listen": busy}}, "admin.listen: " + busy + ": address in use"),
                               ({"listeners": ["192.0.2.1:8080"]}, "this host does not have that address"),
                               ({"listeners": ["unix:/nonexistent/x.sock"]}, "the directory does not exist"),
                               ({"admin": {"socket": "/nonexistent/x.sock"}}, "admin.socket: unix:/nonexistent/x.sock"),
                               ({"access_log": "/nonexistent/x.log"}, "cannot open /nonexistent/x.log"),
                               ({"state_dir": gw.file}, "store.json: Not a directory")]:
            gw.configure(proxy_to(responder) | more)
            refused(gw, expected)


def test_other_listeners_and_workers(running, responder, tmp_path):
    """They are the new image's from the first moment; those that there were stay what they are."""
    gw, ports = running, [procs.free_port(), procs.free_port()]
    paths = [f"{tmp_path}/a.sock", f"{gw.run_dir}/b.sock"]
    more = {"workers": 3, "listeners": [gw.base["listeners"][0], f"127.0.0.1:{ports[0]}", *(f"unix:{path}" for path in paths)],
            "admin": {"listen": f"127.0.0.1:{ports[1]}"}, "access_log": f"{tmp_path}/x.log"}
    gw.configure(proxy_to(responder) | more)
    for _ in range(2):
        r = upgrade(gw)
        assert r.returncode == 0, r
        assert {client.ask(to, "/").status for to in (gw.port, ports[0], *paths)} == {200} and len(gw.workers()) == 3
        assert client.ask(ports[1], "/ready").status == 200


def test_worker_that_is_started_again_runs_what_ran(running):
    gw = running
    put(gw, image(NEW))
    victim = gw.workers()[0]
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: len(gw.workers()) == 2 and victim not in gw.workers(), 10)
    for pid in gw.workers():
        with open(f"/proc/{pid}/exe", "rb") as f:
            assert f"\0{NEW}\0".encode() not in f.read()
    assert upgrade(gw).returncode == 0
    for pid in gw.workers():
        with open(f"/proc/{pid}/exe", "rb") as f:
            assert f"\0{NEW}\0".encode() in f.read()


def test_signal_and_two_at_once(running):
    gw = running
    put(gw, image(NEW))
    wait_until(lambda: gw.signal(signal.SIGUSR2) or "another upgrade is under way" in gw.log(), 5)
    r = upgrade(gw)
    assert r.returncode in (0, 1), r
    wait_until(lambda: gw.is_ready() and gw.status()["version"] == NEW, 20)
    assert gw.ask().status == 200


@pytest.mark.parametrize("phase", ["trying", "settling", "executing", "executed"])
def test_killed_in_the_middle(running, phase):
    """By then it is the old image or the new one: its workers serve on, and the next master takes over."""
    gw = running
    put(gw, image(NEW))
    with Load(gw.port, rate=200, connections=8) as load:
        gw.signal(signal.SIGUSR2)
        wait_until(lambda: f"upgrade state={phase}" in gw.log(), 10)
        gw.kill()
        gw.start()
        assert gw.status()["version"] == NEW
    assert load.result["failures"] == []
    wait_until(lambda: len(processes(gw)) == 3, 10, what="nobody who was left behind")


def test_many_signals_and_reloads(running):
    """Whenever they come: none of them ends it."""
    gw = running
    go = threading.Event()

    def pester():
        while not go.is_set():
            gw.signal(signal.SIGHUP)
            time.sleep(0.02)
    thread = threading.Thread(target=pester)
    thread.start()
    try:
        put(gw, image(NEW))
        assert upgrade(gw).returncode == 0
    finally:
        go.set()
        thread.join()
    assert gw.process.poll() is None and gw.ask().status == 200 and gw.status()["version"] == NEW


def test_streams_live_on_in_their_worker(gateway, serve):
    go = threading.Event()

    def answer(r, c):
        c.reply(headers={"Transfer-Encoding": "chunked"}, length=False)
        c.chunk(b"one")
        go.wait(20)
        c.chunk(b"two")
        c.send(b"0\r\n\r\n")
    gw = gateway(proxy_to(serve(answer)) | {"timeouts": {"drain": "200ms"}}, own=True)
    with gw.connect() as c:
        c.send(client.request())
        c.read_head()
        assert c.read_chunk() == b"one"
        put(gw, image(NEW))
        for version in (NEW, OLD):  # over two of them
            put(gw, image(version))
            assert upgrade(gw).returncode == 0
        time.sleep(0.5)  # beyond timeouts.drain
        go.set()
        assert c.read_chunk() == b"two" and c.read_chunk() == b""


def test_upload_lives_on(gateway, serve):
    """Its answer comes from the worker that it began in, and is the last one there."""
    gw = gateway(proxy_to(serve()) | {"timeouts": {"drain": "200ms"}}, own=True)
    old = processes(gw)
    with gw.connect() as c:
        c.send(client.request(method="POST", headers={"Content-Length": "300000"}) + b"x" * 100000)
        assert upgrade(gw).returncode == 0
        c.send(b"y" * 100000)
        time.sleep(0.5)  # beyond timeouts.drain
        c.send(b"z" * 100000)
        r = c.read()
        assert (r.status, r.header("Connection")) == (200, "close") and len(r.json()["body"]) == 300000
    gone(old)


def test_stop_right_behind_it(running):
    gw = running
    put(gw, image(NEW))
    assert upgrade(gw).returncode == 0
    gw.stop()
    assert os.listdir(gw.run_dir) == []


def test_websocket_lives_on_and_is_told(gateway):
    async def echo(socket, path=None):
        async for message in socket:
            await socket.send(message)

    async def talk():
        async with websockets.serve(echo, "127.0.0.1", 0) as server:
            where = "127.0.0.1:%d" % server.sockets[0].getsockname()[1]
            gw = gateway(proxy_to(where) | {"timeouts": {"handover": "6500ms"}}, own=True)  # the last five seconds of it are for that
            async with websockets.connect(f"ws://127.0.0.1:{gw.port}/") as socket:
                old = processes(gw)
                assert await asyncio.to_thread(lambda: upgrade(gw).returncode) == 0
                await socket.send("a")
                assert await socket.recv() == "a" and processes(gw) & old
                await socket.wait_closed()
                assert socket.close_code == 1001
            await asyncio.to_thread(gone, old)
    asyncio.run(talk())


@pytest.mark.skipif("YETT_OTHER_LAYOUT" not in os.environ, reason="names no image whose pages of the board are laid out otherwise")
@pytest.mark.parametrize("how", ["upgraded", "killed"])
def test_other_layout_of_the_board(gateway, serve, how):
    """Up and down: counters go on, those of a worker that has yet to finish, too."""
    go = threading.Event()
    up = serve(lambda r, c: (go.wait(20) if r.target == "/slow" else None, c.reply(body=b"done")))
    gw = gateway(proxy_to(up), own=True)
    for _ in range(5):
        assert gw.ask().status == 200
    with open(os.environ["YETT_OTHER_LAYOUT"], "rb") as f:
        images = [f.read(), image(OLD), f.seek(0) or f.read()]
    for content in images:
        with gw.connect() as c:
            c.send(client.request(path="/slow"))
            n = len(up.requests)
            before = gw.metrics()
            put(gw, content)
            if how == "killed":
                gw.kill()
                gw.start()
            else:
                r = upgrade(gw)
                assert r.returncode == 0, (r, gw.log())
            after = gw.metrics()
            assert {k: v for k, v in before.items() if k.endswith("_total") and after.get(k, 0) < v and "{" not in k} == {}
            assert after[REQUESTS] >= before[REQUESTS] >= 5
            go.set()
            assert c.read().body == b"done"
            wait_until(lambda: gw.metrics()[REQUESTS] == before[REQUESTS] + 1, 5)
            go.clear()


def test_while_rules_are_built_and_pushed(gateway, store, serve):
    """What was pushed meanwhile is in force behind it; none is compiled but by a child."""
    up = serve()
    store.rule("first.test", up.address)
    gw = gateway(from_redis(store) | {"build_routes": 1}, own=True)
    go, pushed = threading.Event(), []

    def push():
        while not go.is_set():
            store.rule(f"h{len(pushed)}.test", up.address)
            pushed.append(f"h{len(pushed)}.test")
            time.sleep(0.005)
    thread = threading.Thread(target=push)
    thread.start()
    try:
        for version in (NEW, OLD):
            put(gw, image(version))
            r = upgrade(gw)
            assert r.returncode == 0 and gw.status()["version"] == version, r
            assert gw.ask(host="first.test").status == 200
    finally:
        go.set()
        thread.join()
    wait_until(lambda: gw.ask(host=pushed[-1]).status == 200, 10)
    assert {gw.ask(host=host).status for host in pushed} == {200}


def test_rules_that_nobody_else_has(gateway, store, serve):
    """While Redis is away what it said is on disk, or there is no upgrade."""
    up = serve()
    store.rule("a.test", up.address)
    gw = gateway(from_redis(store) | {"timeouts": {"start_wait": "1s"}}, own=True)
    saved = os.path.join(gw.state_dir, "rules.json")
    wait_until(lambda: os.path.exists(saved), 5)
    store.rule("b.test", up.address)
    wait_until(lambda: gw.ask(host="b.test").status == 200, 5)
    store.kill()
    wait_until(lambda: gw.status()["redis"]["state"] == "down", 5)
    old = processes(gw)
    assert upgrade(gw).returncode == 0 and gw.ask(host="b.test").status == 200  # it was saved first
    gone(old)
    os.rename(saved, saved + ".away")
    refused(gw, "rules.json: No such file or directory: the rules in force would be lost, as Redis does not answer", "a.test")
    with open(saved, "w") as f:
        f.write("{")
    refused(gw, "it is damaged", "a.test")
    os.rename(saved + ".away", saved)
    assert upgrade(gw).returncode == 0 and gw.ask(host="a.test").status == 200


def test_rules_of_a_damaged_store(gateway, serve):
    gw = gateway({"health": {"enabled": False}}, own=True)
    Api(gw.socket).done("POST", "batch", body={"frontends": [{"url": "a.test", "backend_name": "b"}],
                                               "backends": [{"name": "b", "servers": [[serve().address, 2]]}]})
    with open(os.path.join(gw.state_dir, "store.json"), "r+") as f:
        good = f.read()
        f.truncate(10)
    refused(gw, "store.json: it is damaged: the rules in force would be lost", "a.test")
    with open(os.path.join(gw.state_dir, "store.json"), "w") as f:
        f.write(good)
    assert upgrade(gw).returncode == 0 and gw.ask(host="a.test").status == 200


def test_what_was_known_is_known(gateway, serve):
    """What is spent stays spent, who is stuck to an endpoint stays there, what is drained or suspended is so still."""
    both = serve(lambda r, c: c.reply(body=b"a")), serve(lambda r, c: c.reply(body=b"b"))
    out = serve()
    config = proxy_to(*both, out) | {"limits": {"rates": "5/hour"}}
    config["upstreams"]["u"]["sticky"] = {"cookie": "s"}
    gw = gateway(config, own=True)
    assert gw.cli("drain", out.address).returncode == 0 and gw.cli("suspend", "mallory").returncode == 0
    first = gw.ask()
    cookie = {"Cookie": first.header("Set-Cookie").partition(";")[0]}
    for version in (NEW, OLD):
        put(gw, image(version))
        assert upgrade(gw).returncode == 0
        assert [gw.ask(headers=cookie).body for _ in range(2)] == [first.body] * 2
    assert gw.ask().status == 429
    assert out.requests == [] and "mallory" in gw.cli("suspended").stdout and out.address in gw.cli("drain").stdout


def test_who_is_dead_is_known(gateway, serve):
    """The new image does not try him first."""
    asked = []

    def silent(r, c):
        if r.target != "/health":
            asked.append(r.target)
        c.wait_gone(20)
    config = proxy_to(serve(), serve(silent)) | {"health": {"enabled": True, "path": "/health", "timeout": "1s", "interval": "1s"}}
    gw = gateway(config, own=True)
    wait_until(lambda: "state=dead" in gw.log(), 5)
    old = processes(gw)
    assert upgrade(gw).returncode == 0
    assert [gw.ask().status for _ in range(20)] == [200] * 20 and asked == []
    gone(old)


def test_suspension_ends_the_grace(gateway, serve):
    """Who finishes hears of none, so nobody's stream lives on beside one that is new."""
    def answer(r, c):
        c.reply(headers={"Transfer-Encoding": "chunked"}, length=False)
        c.chunk(b"one")
        c.wait_gone(20)
    gw = gateway(proxy_to(serve(answer)) | {"timeouts": {"drain": "300ms"}}, own=True)
    old = processes(gw)
    with gw.connect() as c:
        c.send(client.request())
        c.read_head()
        assert c.read_chunk() == b"one"
        assert upgrade(gw).returncode == 0
        wait_until(lambda: len(processes(gw)) == 4, 10, what="one that finishes")
        assert gw.cli("suspend", "mallory").returncode == 0
        gone(old)
        assert c.closed()
