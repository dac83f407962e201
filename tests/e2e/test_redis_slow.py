"""A Redis that is slow, silent or no Redis at all disturbs nothing."""

import socket
import threading
import time

from harness.gateway import from_redis, is_sanitized
from harness.load import Load
from harness.procs import wait_until


def test_frozen_under_load(gateway, store, responder):
    store.rule("test", responder.address)
    gw = gateway(from_redis(store, timeout="500ms", compare_interval="1s"))
    with Load(gw.port, rate=300) as load:
        store.freeze()
        wait_until(lambda: gw.status()["redis"]["state"] != "up", 8, what="noticed")
        begin = time.monotonic()
        assert gw.reload().returncode in (0, 1) and gw.admin("/status").status == 200
        assert time.monotonic() - begin < 5
        store.thaw()
        wait_until(lambda: gw.status()["redis"]["state"] == "up", 8, what="up again")
    assert load.result["failures"] == [] and load.result["closed"] == load.result["retried"] == 0


class Answers:
    """A server that gives the same bytes to everybody, or none."""

    def __init__(self, data):
        self.data, self.taken = data, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        try:
            while True:
                s, _ = self.listener.accept()
                self.taken.append(s)
                if self.data:
                    s.recv(10000)
                    s.sendall(self.data)
        except OSError:
            pass

    def close(self):
        self.listener.close()
        for s in self.taken:
            s.close()


NONE = {"silence": b"", "HTTP": b"HTTP/1.1 400 Bad Request\r\n\r\n", "loading": b"-LOADING Redis is loading\r\n" * 20,
        "large": b"*1000000000\r\n", "negative": b"$-5\r\n", "many": b"+OK\r\n" * 1000, "zeros": b"\0" * 1000}


def test_no_redis_at_all(gateway, serve):
    """A gateway for each, side by side."""
    up, fakes = serve(name="file"), {name: Answers(data) for name, data in NONE.items()}
    try:
        started = {name: gateway(from_redis(fake, timeout="500ms") | {"routes": [{"path": "/file", "target": f"http://{up.address}"}]},
                                 ready=False) for name, fake in fakes.items()}
        for gw in started.values():
            wait_until(lambda gw=gw: gw.ask("/file").json()["name"] == "file", 10)
        time.sleep(1)
        for name, gw in started.items():
            assert gw.ask("/other").why == "rules_not_loaded" and gw.status()["redis"]["state"] != "up", name
            assert len(fakes[name].taken) < 50, name  # it tries again with patience
    finally:
        for fake in fakes.values():
            fake.close()


def test_twenty_thousand_rules(gateway, store, serve):
    """With the sanitizers, which make a start from them slow, some less; so many, too, are compiled by a child."""
    up, count = serve(), 6000 if is_sanitized() else 20000
    with store.db.pipeline() as p:
        for i in range(count):
            p.hset(f"backend:b{i}", up.address, 0)
            p.set(f"frontend:h{i}.test/a/b", f"b{i}")
        p.execute()
    gw = gateway(from_redis(store))
    gw.rules_in_force(lambda r: r["frontends"] == count, 20)
    assert gw.ask("/a/b/c", host=f"h{count - 1}.test").status == 200
    before = gw.status()["table"]["version"]
    store.rule("last.test", up.address)
    wait_until(lambda: gw.ask(host="last.test").status == 200, 20)
    assert gw.status()["table"]["version"] > before
