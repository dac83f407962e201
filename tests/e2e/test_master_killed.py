"""kill -9 of the master: the workers serve on, a new master takes over their sockets, and no request fails."""

import os
import signal
import threading
import time

import pytest

from harness import client, procs
from harness.gateway import BINARY, no_gateway_is_left, proxy_to
from harness.load import Load
from harness.procs import wait_until


def test_new_master_under_load(gateway, responder):
    gw = gateway(proxy_to(responder))
    old = gw.workers()
    before = gw.metrics()
    with Load(gw.port, rate=400, connections=16) as load:
        time.sleep(0.3)
        gw.kill()
        time.sleep(0.5)
        alone = gw.metrics()
        assert alone["yett_master_up"] == 0 and 'process_cpu_seconds_total{process="master"}' not in alone
        gw.start()
        time.sleep(0.5)
        wait_until(lambda: not any(procs.alive(pid) for pid in old), 10, what="the old workers' end")
    r = load.result
    print(f"retried {r['retried']}, closed {r['closed']}, announced {r['announced']}, slowest {r['slowest']:.0f} ms")
    assert r["failures"] == [] and r["ok"] > 400
    assert len(gw.workers()) == 2 and gw.ask().status == 200
    after = gw.metrics()
    name = 'yett_requests_total{code="200",method="GET"}'
    assert after[name] >= before.get(name, 0) + r["ok"]  # the counters go on


def test_twice(gateway, responder):
    gw = gateway(proxy_to(responder))
    with Load(gw.port, rate=200, connections=8) as load:
        for _ in range(2):
            gw.kill()
            gw.start()
            time.sleep(0.3)
    assert load.result["failures"] == []


def test_workers_end_when_no_master_comes(gateway, responder):
    gw = gateway(proxy_to(responder) | {"timeouts": {"orphan_grace": "1s"}})
    gw.kill()
    assert [gw.ask().status for _ in range(10)] == [200] * 10
    time.sleep(1)
    no_gateway_is_left()


def test_connections_between_the_masters_are_queued_not_refused(gateway, responder):
    gw = gateway(proxy_to(responder) | {"workers": 1})
    gw.kill()
    clients = [gw.connect() for _ in range(10)]
    gw.start()
    assert [c.ask().status for c in clients] == [200] * 10
    for c in clients:
        c.close()


def test_second_gateway_in_the_same_place_is_refused(gateway, responder):
    gw = gateway(proxy_to(responder))
    second = procs.run([BINARY, "run", "-c", gw.file], gw.env, 10)
    assert second.returncode != 0 and second.stderr
    assert gw.ask().status == 200 and gw.status()["pid"] == gw.pid


def admin_worker(gw):
    return (set(procs.children(gw.pid)) - set(gw.workers())).pop()


def all_gone(pids):
    wait_until(lambda: not any(procs.alive(pid) for pid in pids), 10, what="the old workers' end")


class Knocks:
    """One new connection after the other; what went wrong."""

    def __init__(self, where):
        self.where, self.failures, self.ok, self.go = where, [], 0, True
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while self.go:
            try:
                assert client.ask(self.where).status == 200
                self.ok += 1
            except (OSError, EOFError, AssertionError) as e:
                self.failures.append(repr(e))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.go = False
        self.thread.join()


def start_and_kill(gw, config, after):
    """A master that waits for a Redis that is not there, and is killed meanwhile."""
    gw.configure(config | {"redis": {"address": f"127.0.0.1:{procs.free_port()}"}, "timeouts": {"start_wait": "20s"}})
    lines = gw.log().count("master version=")
    gw.start(ready=False)
    wait_until(lambda: gw.log().count("master version=") > lines, 10)
    time.sleep(after)
    gw.kill()
    gw.configure(config)


def test_admin_worker_killed_too(gateway, responder):
    gw = gateway(proxy_to(responder))
    old, admin = gw.workers(), admin_worker(gw)
    gw.kill()
    os.kill(admin, signal.SIGKILL)
    wait_until(lambda: not procs.alive(admin), 5)
    with Load(gw.port, rate=200, connections=8) as load:
        gw.start()
        all_gone(old)
    assert load.result["failures"] == []
    assert len(gw.workers()) == 2 and [gw.ask().status for _ in range(20)] == [200] * 20


def has_begun(pid):
    return sum(os.readlink(f"/proc/{pid}/fd/{fd}").startswith("socket:") for fd in os.listdir(f"/proc/{pid}/fd")) > 1


def has_page(pid):
    with open(f"/proc/{pid}/maps") as f:
        return "memfd:yett-board" in f.read()


def held_worker(gw):
    """One that knows who it is, and has yet to read its sockets from the channel to its master."""
    for _ in range(20):
        before = set(procs.children(gw.pid))
        os.kill(gw.workers()[0], signal.SIGKILL)
        new = wait_until(lambda: set(procs.children(gw.pid)) - before, every=0).pop()
        wait_until(lambda: has_page(new), every=0)
        procs.hold(new)
        if not has_begun(new):
            return new
        procs.let_go(new)  # it was faster
        wait_until(lambda: new in gw.workers())
    raise AssertionError("no worker could be held")


def test_a_worker_that_had_not_begun(gateway, responder):
    """The next master starts all the same, and this one hears that it is to finish. By its sockets it would not be found, nor
    have them in a place where they keep nobody from the port."""
    gw = gateway(proxy_to(responder))
    admin = admin_worker(gw)
    late = held_worker(gw)
    gw.kill()
    os.kill(admin, signal.SIGKILL)
    gw.start()
    wait_until(lambda: f"takeover pid={late} state=draining" in gw.log(), what="its being told")
    procs.let_go(late)
    all_gone([late])
    assert len(gw.workers()) == 2 and [gw.ask().status for _ in range(20)] == [200] * 20


def admin_held_before_exec(gw):
    """One that is still the image and the command line of its master."""
    for _ in range(50):
        before = set(procs.children(gw.pid))
        os.kill(admin_worker(gw), signal.SIGKILL)
        new = wait_until(lambda: set(procs.children(gw.pid)) - before, every=0).pop()
        procs.hold(new)
        if procs.command(new)[1] == "run":
            return new
        procs.let_go(new)
        wait_until(lambda: gw.status()["pid"], what="an admin worker")
    raise AssertionError("no child could be held")


def test_an_admin_worker_that_is_not_executed_yet(gateway, responder):
    """No next master could know it for what it is: it ends by itself."""
    gw = gateway(proxy_to(responder))
    late = admin_held_before_exec(gw)
    gw.kill()
    procs.let_go(late)
    all_gone([late])
    gw.start()


def test_told_to_finish_with_words_of_the_dead_master_unread(gateway, responder, tmp_path):
    """More of them than are read in one turn of its loop: what it is told is not taken for a mistake."""
    gw = gateway(proxy_to(responder) | {"access_log": str(tmp_path / "log")})
    late = gw.workers()[0]
    procs.hold(late)
    for n in range(100):
        gw.signal(signal.SIGUSR1)
        wait_until(lambda: gw.log().count("signal number=10") > n, every=0.001)
    gw.kill()
    gw.start()
    wait_until(lambda: f"takeover pid={late} state=draining" in gw.log(), what="its being told")
    procs.let_go(late)
    all_gone([late])


def test_admin_worker_killed_too_and_queue(gateway, responder):
    """What waits for a worker that does not get to it is not lost."""
    gw = gateway(proxy_to(responder) | {"workers": 1})
    old, admin = gw.workers(), admin_worker(gw)
    gw.kill()
    os.kill(admin, signal.SIGKILL)
    os.kill(old[0], signal.SIGSTOP)
    clients = [gw.connect() for _ in range(10)]
    gw.start()
    os.kill(old[0], signal.SIGCONT)
    assert [c.ask().status for c in clients] == [200] * 10
    for c in clients:
        c.close()
    all_gone(old)


def test_admin_worker_killed_too_on_a_unix_socket(gateway, responder):
    path = f"/tmp/yett-beside-{os.getpid()}.sock"
    gw = gateway(proxy_to(responder) | {"listeners": [f"unix:{path}"]})
    for _ in range(3):  # also from a socket that stood beside another one before
        old, admin = gw.workers(), admin_worker(gw)
        gw.kill()
        os.kill(admin, signal.SIGKILL)
        with Knocks(path) as knocks:
            gw.start()
            all_gone(old)
        assert knocks.failures == [] and knocks.ok
    gw.kill()
    gw.start()  # the admin worker hands over what was bound by another name
    gw.stop()
    assert not os.path.exists(path) and not os.path.exists(path + ".new") and os.listdir(gw.run_dir) == []


@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_second_master_killed_before_its_workers(gateway, responder, kind):
    path = f"/tmp/yett-second-{os.getpid()}.sock"
    config = proxy_to(responder) | ({"listeners": [f"unix:{path}"]} if kind == "unix" else {})
    gw = gateway(config)
    old = gw.workers() + [admin_worker(gw)]
    gw.kill()
    with Knocks(path if kind == "unix" else gw.port) as knocks:
        for after in (0, 0.2):
            start_and_kill(gw, config, after)
        gw.start()
        all_gone(old)
    assert knocks.failures == [] and knocks.ok
    assert gw.log().count("takeover sockets=") == 3
    gw.stop()
    assert not os.path.exists(path) and os.listdir(gw.run_dir) == []


def test_second_master_killed_amid_its_start(gateway, responder):
    """Whatever it had come to, the next one starts, and nobody of the earlier ones stays."""
    gw = gateway(proxy_to(responder))
    for delay in (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4):
        gw.kill()
        gw.start(ready=False)
        time.sleep(delay)
    gw.kill()
    gw.start()
    ours = {gw.pid, *procs.children(gw.pid)}

    def others():
        return [pid for pid in procs.descendants(os.getpid())
                if pid not in ours and os.readlink(f"/proc/{pid}/exe") == os.path.realpath(BINARY)]
    wait_until(lambda: not others(), 10, what="the earlier workers' end")
    assert [gw.ask().status for _ in range(20)] == [200] * 20


@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_start_that_fails(gateway, responder, kind):
    path = f"/tmp/yett-fails-{os.getpid()}.sock"
    config = proxy_to(responder) | ({"listeners": [f"unix:{path}"]} if kind == "unix" else {})
    gw = gateway(config)
    old = gw.workers() + [admin_worker(gw)]
    gw.kill()
    before = set(os.listdir(gw.run_dir)) - {"lock"}
    with Knocks(path if kind == "unix" else gw.port) as knocks:
        gw.configure(config | {"access_log": "/nope/x", "workers": 4})
        gw.start(ready=False)
        assert gw.wait() == 1
        assert set(os.listdir(gw.run_dir)) == before
        gw.configure(config)
        gw.start()
        all_gone(old)
    assert knocks.failures == [] and knocks.ok
    assert gw.log().count("takeover sockets=") == 2


def test_living_gateway_keeps_its_port(gateway, responder):
    """Only orphans have to bear another one beside them."""
    gw = gateway(proxy_to(responder))
    file = os.path.join(gw.dir, "second.yaml")
    with open(gw.file) as f, open(file, "w") as second:
        second.write(f.read().replace(gw.run_dir, gw.run_dir + "2"))
    r = procs.run([BINARY, "run", "-c", file], gw.env, 10)
    assert r.returncode == 1 and "address in use" in r.stderr and not os.path.exists(gw.run_dir + "2")


def slow(seconds):
    return lambda r, c: (time.sleep(seconds), c.reply(body=b"done"))


def master_with_busy_orphans(gateway, up, **timeouts):
    gw = gateway(proxy_to(up) | {"timeouts": {"drain": "20s"} | timeouts})
    old = gw.workers() + [admin_worker(gw)]
    c = gw.connect()
    c.send(client.request())
    wait_until(lambda: up.requests)
    gw.kill()
    gw.start()
    return gw, old, c


def test_stop_waits_for_the_orphans(gateway, serve):
    gw, old, c = master_with_busy_orphans(gateway, serve(slow(1.5)))
    gw.signal(signal.SIGTERM)
    assert c.read().body == b"done" and gw.process.poll() is None
    c.close()
    assert gw.wait() == 0 and not any(procs.alive(pid) for pid in old) and os.listdir(gw.run_dir) == []


@pytest.mark.parametrize("how", [[signal.SIGQUIT], [signal.SIGTERM, signal.SIGTERM]])
def test_stop_at_once_ends_the_orphans(gateway, serve, how):
    gw, old, c = master_with_busy_orphans(gateway, serve(slow(6)))
    begin = time.monotonic()
    for number in how:
        gw.signal(number)
        time.sleep(0.3)
    assert gw.wait() == 0 and time.monotonic() - begin < 4
    assert not any(procs.alive(pid) for pid in old) and os.listdir(gw.run_dir) == []
    c.close()


def test_stop_before_it_serves_ends_the_orphans(gateway, responder):
    config = proxy_to(responder)
    gw = gateway(config)
    old = gw.workers() + [admin_worker(gw)]
    gw.kill()
    gw.configure(config | {"redis": {"address": f"127.0.0.1:{procs.free_port()}"}, "timeouts": {"start_wait": "20s"}})
    gw.start(ready=False)
    wait_until(lambda: gw.log().count("master version=") == 2, 10)
    gw.stop()
    assert not any(procs.alive(pid) for pid in old) and os.listdir(gw.run_dir) == []
