"""A disk that is full: rules take effect, what was saved before stays whole, it is said, and it is saved once there is room."""

import json
import os
import resource
import time

import pytest

from harness.gateway import from_redis, merge, proxy_to
from harness.procs import run, wait_until


@pytest.fixture
def small(tmp_path):
    """A folder on a disk of 256 KiB."""
    if run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(tmp_path)]).returncode:
        pytest.skip("nothing may be mounted")
    yield tmp_path
    run(["umount", "-l", str(tmp_path)])


def fill(path):
    with open(path, "wb", buffering=0) as f:
        try:
            while True:
                f.write(b"x" * 4096)
        except OSError:
            pass


def test_last_known_good_and_logs(gateway, store, serve, small):
    up = serve(name="up")
    store.rule("a.test", up.address)
    for folder in ("state", "log"):
        os.mkdir(small / folder)
    gw = gateway(merge(from_redis(store), {"state_dir": str(small / "state"), "access_log": str(small / "log" / "access"),
                                           "workers": 1}))
    rules = small / "state" / "rules.json"
    wait_until(rules.exists, 5)
    wait_until(lambda: gw.metrics()["yett_rules_saved_timestamp_seconds"] > 0, 5)
    before, saved = rules.read_bytes(), gw.metrics()["yett_rules_saved_timestamp_seconds"]
    fill(small / "ballast")
    store.rule("b.test", up.address)
    wait_until(lambda: gw.ask(host="b.test").status == 200, 5)
    wait_until(lambda: "state_dir cannot be written" in gw.status()["degraded"], 5)
    assert "No space left" in gw.log() and "state_dir cannot be written" in gw.cli("status").stdout
    ready = gw.admin("/ready")
    assert (ready.status, ready.body) == (200, b"degraded\n") and gw.metrics()["yett_degraded"] == 1
    assert rules.read_bytes() == before and gw.metrics()["yett_rules_saved_timestamp_seconds"] == saved
    asked = 0
    while gw.metrics()["yett_log_dropped_total"] == 0 and asked < 1000:
        with gw.connect() as c:
            asked += sum(c.ask(host="b.test").status == 200 for _ in range(100))
    assert gw.metrics()["yett_log_dropped_total"] > 0
    gw.kill()  # the next one has what was saved, and what Redis says
    store.kill()
    gw.start()
    wait_until(lambda: gw.ask(host="b.test").status != 200, 10)  # until then workers of the one before may answer
    assert gw.ask(host="a.test").status == 200
    store.start()
    store.rule("a.test", up.address)
    store.rule("b.test", up.address)
    wait_until(lambda: gw.ask(host="b.test").status == 200, 10)
    wait_until(lambda: "state_dir" in gw.status()["degraded"], 10)
    os.unlink(small / "ballast")
    start = time.monotonic()
    wait_until(lambda: b"b.test" in rules.read_bytes(), 12, what=lambda: f"that it is saved; {gw.log()}")
    wait_until(lambda: gw.status()["degraded"] == "", 5)
    assert gw.metrics()["yett_rules_saved_timestamp_seconds"] >= saved
    assert "on disk again" in gw.log()
    print(f"saved {time.monotonic() - start:.1f} s after there was room")
    last = gw.ask(host="b.test", headers={"X-Request-Id": "the-last"})
    assert last.status == 200
    wait_until(lambda: [json.loads(line) for line in (small / "log" / "access").read_text().splitlines() if "the-last" in line], 5)


def test_a_log_that_may_not_grow(gateway, serve):
    """Beyond a limit of the size of files the kernel would end who writes: lines are lost, and nobody."""
    gw = gateway(proxy_to(serve()) | {"workers": 1})  # a worker that lost nothing may go on where another one's line was torn
    everybody = [gw.pid, *gw.workers()]

    def limit(soft):
        for pid in everybody:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, resource.RLIM_INFINITY))
    limit(8192)
    assert {gw.ask().status for _ in range(60)} == {200}
    assert gw.reload().returncode == 0
    wait_until(lambda: gw.metrics()["yett_log_dropped_total"] > 0, 5)
    assert [gw.pid, *gw.workers()] == everybody and gw.process.poll() is None
    limit(resource.RLIM_INFINITY)
    for i in range(4):
        assert gw.ask(headers={"X-Request-Id": f"late-{i}"}).status == 200
    with open(os.path.join(gw.dir, "access.log")) as log:
        wait_until(lambda: log.seek(0) or {json.loads(line)["id"] for line in log if '"late-' in line} == {f"late-{i}" for i in range(4)}, 5)
