"""A reload is all or nothing, by signal or by command, and says why when it refuses."""

import os
import signal
import subprocess
import threading

import pytest

from harness import client, procs
from harness.gateway import BINARY, proxy_to
from harness.load import Load
from harness.procs import wait_until


def test_by_command(gateway, serve):
    a, b = serve(name="a"), serve(name="b")
    gw = gateway(proxy_to(a))
    done = gw.reload(proxy_to(b))
    assert done.returncode == 0, done
    with gw.connect() as c:  # in force everywhere when the command returns
        assert {c.ask().json()["name"] for _ in range(4)} == {"b"}
    assert {gw.ask().json()["name"] for _ in range(20)} == {"b"}


def test_by_signal(gateway, serve):
    a, b = serve(name="a"), serve(name="b")
    gw = gateway(proxy_to(a))
    gw.configure(proxy_to(b))
    gw.signal(signal.SIGHUP)
    wait_until(lambda: gw.ask().json()["name"] == "b", 5)
    assert gw.status()["last_reload"]["ok"]


def test_refused_one_changes_nothing(gateway, serve):
    gw = gateway(proxy_to(serve(name="a")))
    before = gw.status()["table"]["version"]
    done = gw.reload(proxy_to(serve(name="b")) | {"routes": [{"upstream": "u"}, {"upstream": "absent", "path": "/x"}]})
    assert done.returncode != 0 and "absent" in done.stdout + done.stderr
    s = gw.status()
    assert not s["last_reload"]["ok"] and "absent" in s["last_reload"]["error"]
    assert s["table"]["version"] == before and gw.ask().json()["name"] == "a"
    assert gw.metrics()["yett_last_reload_success"] == 0
    assert gw.reload(proxy_to(serve(name="c"))).returncode == 0
    assert gw.ask().json()["name"] == "c" and gw.status()["last_reload"]["ok"]


def test_mistakes_are_a_list(gateway, serve):
    gw = gateway(proxy_to(serve()))
    gw.configure("workers: 900\nlog_level: loud\nroutes: []\nrutes: []\n")
    r = gw.admin("/reload", "POST")
    said = r.json()
    assert r.status == 422 and len(said["mistakes"]) >= 2, said
    assert all(m.startswith(gw.file + ":") and m in said["error"] for m in said["mistakes"])
    assert not any("warning: " in m for m in said["mistakes"])
    done = gw.cli("reload")
    assert done.returncode == 1 and all(done.stderr.count(m) == 1 for m in said["mistakes"])


def test_admin_worker_that_dies_while_it_is_asked(gateway, serve):
    gw = gateway(proxy_to(serve()))
    status = gw.status()["workers"]
    admin = next(p for p in procs.children(gw.pid) if p not in [w["pid"] for w in status if w["slot"] >= 0])
    worker = next(w["pid"] for w in status if w["slot"] == 0)
    gw.configure(proxy_to(serve(name="b")))
    os.kill(worker, signal.SIGSTOP)  # so that the command has something to wait for
    try:
        command = procs.spawn([BINARY, "reload", "--wait", "-c", gw.file], stderr=subprocess.PIPE, text=True)
        wait_until(lambda: "reload ok=true" in gw.log())
        os.kill(admin, signal.SIGKILL)
        _, said = command.communicate(timeout=20)
        procs.forget(command)
    finally:
        os.kill(worker, signal.SIGCONT)
    assert command.returncode == 2 and "the connection ended" in said and "may be in force" in said, said
    assert "not a gateway" not in said


def test_state_dir_is_of_one_gateway(gateway, serve):
    up = serve()
    gw = gateway(proxy_to(up))
    with pytest.raises(RuntimeError, match=rf"(?s)exit status 1.*state_dir.*pid {gw.pid}"):
        gateway(proxy_to(up) | {"state_dir": gw.state_dir})
    assert gw.ask().status == 200
    gw.kill()
    gw.start()
    assert gw.ask().status == 200 and not [n for n in os.listdir(gw.state_dir) if n.startswith(".new")]


def test_broken_file_by_signal(gateway, serve):
    gw = gateway(proxy_to(serve(name="a")))
    gw.configure("routes: [\n")
    gw.signal(signal.SIGHUP)
    wait_until(lambda: gw.status()["last_reload"] and not gw.status()["last_reload"]["ok"])
    assert gw.ask().json()["name"] == "a"


def test_what_needs_a_restart_is_said(gateway, serve):
    up = serve()
    gw = gateway(proxy_to(up))
    done = gw.reload(proxy_to(up) | {"workers": 1})
    assert "workers" in done.stdout + done.stderr + gw.log()
    assert gw.ask().status == 200


def test_open_requests_keep_their_table(gateway, serve):
    go = threading.Event()

    def answer(r, c):
        go.wait(5)
        c.reply(body=b"old")
    gw = gateway(proxy_to(serve(answer)))
    with gw.connect() as c:
        c.send(client.request())
        wait_until(lambda: gw.status()["workers"][0]["in_flight"] + gw.status()["workers"][1]["in_flight"])
        assert gw.reload(proxy_to(serve(name="b"))).returncode == 0
        go.set()
        assert c.read().body == b"old"
        assert c.ask().json()["name"] == "b"


def test_many_reloads_leave_no_tables_and_descriptors(gateway, serve):
    up = serve()
    gw = gateway(proxy_to(up))
    def descriptors():
        return [len(os.listdir(f"/proc/{pid}/fd")) for pid in [gw.pid] + gw.workers()]
    gw.reload()
    before = descriptors()
    for i in range(20):
        assert gw.reload(proxy_to(up, path=f"/{i}")).returncode == 0
    assert gw.ask("/19").status == 200 and gw.ask("/18").status == 404
    wait_until(lambda: gw.status()["table"]["alive"] == 1)
    assert max(descriptors()) <= max(before) + 3


def test_large_table_comes_in_its_order(gateway, serve, tmp_path):
    """It is checked in a thread, and what the master says meanwhile waits."""
    pages = {status: str(tmp_path / f"{status}.html") for status in (502, 503)}
    for page in pages.values():
        with open(page, "w", encoding="ascii") as f:
            f.write("x" * 700000)
    names = "abcd"
    ups = [serve(name=name) for name in names]
    gw = gateway(proxy_to(ups[0]) | {"error_pages": pages})
    assert all(len(os.listdir(f"/proc/{pid}/task")) == 1 for pid in gw.workers())
    with Load(gw.port, rate=200) as load:
        for name, up in zip(names[1:], ups[1:]):
            assert gw.reload(proxy_to(up, add_prefix="/" + name) | {"error_pages": pages}).returncode == 0
            assert {gw.ask().json()["name"] for _ in range(4)} == {name}
        result = load.stop()
    assert result["ok"] and not result["failures"], result
    assert all(len(os.listdir(f"/proc/{pid}/task")) > 1 for pid in gw.workers())
