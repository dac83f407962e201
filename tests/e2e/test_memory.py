"""Near its limit of memory the gateway refuses requests and lets go of what it keeps for later, and takes them again once there is
room: by limits.memory, and by the limit of a cgroup, where the kernel would kill it."""

import contextlib
import os
import uuid

import pytest

from harness.gateway import LONG, merge, proxy_to
from harness.procs import run, wait_until

MIB = 1 << 20
GROUPS = "/sys/fs/cgroup/memory", "/sys/fs/cgroup"
FILES = {GROUPS[0]: ("memory.limit_in_bytes", "memory.usage_in_bytes"), GROUPS[1]: ("memory.max", "memory.current")}


def of(gw):
    return gw.status()["memory"]


def write(path, text):
    with open(path, "w", encoding="ascii") as f:
        f.write(text)


@pytest.fixture
def group():
    """A folder of a cgroup of memory; its limit is far away."""
    for mount in GROUPS:
        folder = os.path.join(mount, f"yett-test-{uuid.uuid4()}")
        try:
            os.mkdir(folder)
        except OSError:
            continue
        if os.path.exists(os.path.join(folder, FILES[mount][0])):
            write(os.path.join(folder, FILES[mount][0]), str(8 << 30))
            yield folder, *FILES[mount]
            wait_until(lambda: not open(os.path.join(folder, "cgroup.procs"), encoding="ascii").read())
            os.rmdir(folder)
            return
        os.rmdir(folder)
    pytest.skip("no cgroup of memory may be made here")


def test_by_the_setting(gateway, serve):
    """Its limit is set to what it has taken already, and then away."""
    up = serve()
    gw = gateway(proxy_to(up))
    idle = gw.connect()
    assert idle.ask("/").status == 200
    with gw.connect() as slow:
        slow.send(b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 2\r\n\r\n1")
        gw.reload(merge(proxy_to(up), {"limits": {"memory": "16m"}}))  # less than a gateway of any build has
        wait_until(lambda: of(gw)["short"], 5)
        assert of(gw)["limit"] == 16 * MIB and of(gw)["used"] > 15 * MIB and of(gw)["by"] == "limits.memory"
        refused = gw.ask("/")
        assert (refused.status, refused.header("Retry-After"), refused.header("Connection")) == (503, "1", "close")
        assert refused.header("X-Yett-Reason") == "overloaded"
        assert idle.closed(5)
        assert "of 16 (limits.memory): requests are refused" in gw.cli("status").stdout
        m = gw.metrics()
        assert m["yett_memory_short"] == 1 and m["yett_memory_limit_bytes"] == 16 * MIB < m["yett_memory_used_bytes"] * 1.1
        slow.send(b"2")
        assert slow.read().status == 200  # what was under way goes on
    gw.reload(merge(proxy_to(up), {"limits": {"memory": "off"}}))
    wait_until(lambda: gw.ask("/").status == 200, 5)
    assert of(gw) == {"used": 0, "limit": 0, "by": "nothing", "short": False}
    wait_until(lambda: gw.metrics()["yett_memory_short"] == 0, 5)
    assert "limit=16777216 by=limits.memory effect=\"requests are refused" in gw.log()


def test_before_the_kernel_kills(group, gateway, serve):
    """Heads that stay incomplete take memory until it is short; whoever asks then is refused, and nobody is killed."""
    folder, limit, used = group
    gw = gateway(merge(proxy_to(serve()), {"limits": {"head": "64k"}, "timeouts": {"client_head": "60s"}, "workers": 1}),
                 within=("sh", "-c", f'echo $$ > {folder}/cgroup.procs; exec "$@"', "sh"))
    pids = gw.workers()
    assert gw.ask("/").status == 200 and not of(gw)["short"]
    taken = int(open(os.path.join(folder, used), encoding="ascii").read())
    write(os.path.join(folder, limit), str(taken * 5 // 4))
    with contextlib.ExitStack() as stack:
        head = b"GET / HTTP/1.1\r\nHost: test\r\n" + b"".join(b"X-%d: %s\r\n" % (i, b"x" * 4000) for i in range(14))
        for i in range(taken // 4 // len(head)):
            stack.enter_context(gw.connect()).send(head)
            if i % 20 == 19:  # slower than the gateway looks
                before = of(gw)["used"]
                wait_until(lambda: of(gw)["used"] != before or of(gw)["short"], 2)
            if of(gw)["short"]:
                break
        wait_until(lambda: of(gw)["short"], 5)
        assert of(gw)["by"] == "cgroup"
        assert gw.ask("/").header("X-Yett-Reason") == "overloaded"
    assert gw.workers() == pids
    write(os.path.join(folder, limit), str(8 << 30))
    wait_until(lambda: gw.ask("/").status == 200, 5)


def test_the_group_with_the_least_room(gateway, serve, tmp_path):
    """Of version 2: memory.high as memory.max, cached files are no loss; of version 1: who is full first, though it may have more."""
    def says(folder, **files):
        os.makedirs(tmp_path / folder, exist_ok=True)
        for name, text in files.items():
            (tmp_path / folder / name.replace("memory_", "memory.")).write_text(f"{text}\n")

    def shown(limit, used, short):
        wait_until(lambda: of(gw) == {"used": used * MIB, "limit": limit * MIB, "by": "cgroup", "short": short}, 5, what=lambda: of(gw))

    if run(["unshare", "--mount", "true"]).returncode:
        pytest.skip("no namespace of mounts may be made here")
    says("", memory_max="max", memory_high="max", memory_current=700 * MIB, memory_stat=f"anon 1\nactive_file {150 * MIB}\ninactive_file {50 * MIB}")
    gw = gateway(proxy_to(serve()), within=("unshare", "--mount", "sh", "-c", f'mount --bind {tmp_path} /sys/fs/cgroup && exec "$@"', "sh"))
    path = next(line.split(":")[2] for line in open(f"/proc/{gw.pid}/cgroup") if line.startswith("0::")).strip().strip("/")
    assert of(gw)["by"] == "nothing"
    says("", memory_max=1000 * MIB)
    shown(1000, 500, False)
    says("", memory_high=520 * MIB)
    shown(520, 500, True)
    wait_until(lambda: gw.ask("/").why == "overloaded", 2)
    assert gw.status()["degraded"] == "memory is short: requests are refused"
    says("", memory_high="max")
    shown(1000, 500, False)
    wait_until(lambda: gw.ask("/").status == 200, 2)  # each worker looks ten times a second
    first = [line.strip().split(":", 2)[2].strip("/") for line in open(f"/proc/{gw.pid}/cgroup") if "memory" in line.split(":")[1].split(",")]
    below = f"memory/{first[0]}" if first and first[0] else path and f"{path}"
    if not below:
        return  # this process is in no group that has one above it
    limit, used = ("memory.limit_in_bytes", "memory.usage_in_bytes") if first else ("memory.max", "memory.current")
    says(below, **{limit: 200 * MIB, used: 50 * MIB, "memory_stat": ""})
    shown(200, 50, False)
    says(os.path.dirname(below), **{limit: 800 * MIB, used: 790 * MIB, "memory_stat": ""})
    shown(800, 790, True)
