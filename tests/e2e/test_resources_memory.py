"""More is asked than there is memory for: heads that do not end, bodies and answers that nobody takes, handshakes. Others are refused
and those that hold it lose it, before the kernel kills anybody; then all are served as before."""

import contextlib
import os
import resource
import socket
import ssl
import time
import uuid

import pytest

from harness import client, tls
from harness.gateway import LONG, is_sanitized, proxy_to
from harness.aside import Generous
from harness.procs import wait_until

MIB = 1 << 20
TIMES = 6 if LONG else 2  # of the memory that is left
SPARE_FILES = 1000  # of this process, for all but the crowd
GROUPS = {"/sys/fs/cgroup/memory": ("memory.limit_in_bytes", "memory.usage_in_bytes", "memory.oom_control"),
          "/sys/fs/cgroup": ("memory.max", "memory.current", "memory.events")}
HEAD = b"GET / HTTP/1.1\r\nHost: a.example\r\n" + b"".join(b"X-%d: %s\r\n" % (i, b"x" * 4000) for i in range(14))


class Group:
    """A cgroup of memory; its limit is far away."""

    def __init__(self):
        for mount, (limit, used, kills) in GROUPS.items():
            folder = os.path.join(mount, f"yett-test-{uuid.uuid4()}")
            try:
                os.mkdir(folder)
            except OSError:
                continue
            if os.path.exists(os.path.join(folder, limit)):
                self.folder, self.files = folder, (limit, used, kills)
                return
            os.rmdir(folder)
        pytest.skip("no cgroup of memory may be made here")

    def read(self, n):
        with open(os.path.join(self.folder, self.files[n]), encoding="ascii") as f:
            return f.read()

    def limit(self, bytes_):
        with open(os.path.join(self.folder, self.files[0]), "w", encoding="ascii") as f:
            f.write(str(bytes_))

    def used(self):
        return int(self.read(1))

    def killed(self):
        return int(dict(line.split() for line in self.read(2).splitlines())["oom_kill"])

    def within(self):
        return "sh", "-c", f'echo $$ > {self.folder}/cgroup.procs; exec "$@"', "sh"

    def remove(self):
        wait_until(lambda: not open(f"{self.folder}/cgroup.procs", encoding="ascii").read())
        os.rmdir(self.folder)


@pytest.fixture(scope="module")
def many_files():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(65536, hard), hard))
    yield min(65536, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(scope="module")
def confined(lasting_gateway, many_files, pki):
    """A gateway, and the cgroup in which it has 64 MiB more than it needs; with a sanitizer, which keeps for a while what is freed,
    twice as much."""
    up, group = Generous(), Group()
    config = proxy_to(up) | {"workers": 1, "access_log": "off", "limits": {"head": "64k"}, "timeouts": {
        "client_head": "60s", "client_body": "60s", "drain": "1s"}}

    def start(config, **how):
        return lasting_gateway(config, within=group.within(), env={
            "ASAN_OPTIONS": "handle_sigill=1:detect_leaks=0:quarantine_size_mb=1:allocator_release_to_os_interval_ms=100"}, **how)
    gw = tls.over_both(start, config, pki.entry("ec"))
    assert gw.ask("/").status == 200
    group.left = (128 if is_sanitized() else 64) * MIB
    group.limit(group.used() + group.left)
    gw.group = group
    yield gw
    group.limit(8 << 30)
    up.stop()
    gw.stop()
    group.remove()


def send(port, data, buffer=None):
    s = socket.socket()
    if buffer:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    s.settimeout(5)
    s.connect(("127.0.0.1", port))
    s.setblocking(False)
    with contextlib.suppress(OSError):
        s.send(data)
    return s


def hello(context):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing, server_hostname="a.example").do_handshake()
    return outgoing.read()


# What each holds, in bytes.
ATTACKS = {
    "heads": lambda gw, pki: (gw.port, HEAD, 56_000),
    "answers": lambda gw, pki: (gw.port, client.request("/big", host="a.example"), 150_000),
    "bodies": lambda gw, pki: (gw.port, client.request("/", "POST", "a.example", {"Content-Length": "9000000"}) + b"x" * 2_000_000,
                               100_000),
    "handshakes": lambda gw, pki: (gw.tls, hello(pki.context()), 40_000),
}


@pytest.mark.parametrize("what", ATTACKS)
def test_nobody_is_killed(confined, many_files, pki, what):
    gw, group, crowd = confined, confined.group, []
    pids = [gw.pid, *gw.workers()]
    port, data, holds = ATTACKS[what](gw, pki)
    count, most, statuses = min(int(TIMES * group.left / holds), many_files - SPARE_FILES), 0, {}
    start = time.monotonic()
    with contextlib.ExitStack() as stack:
        for i in range(count):
            crowd.append(stack.enter_context(send(port, data, 4096)))
            if i % 50 == 49:
                most = max(most, gw.status()["memory"]["used"])  # operators are not shut out
                with contextlib.suppress(OSError, EOFError):
                    r = gw.ask("/", timeout=2)
                    statuses[r.why or r.status] = statuses.get(r.why or r.status, 0) + 1
            if time.monotonic() - start > (60 if LONG else 2) and (what != "heads" or statuses.get("overloaded")):
                break
        memory = gw.status()["memory"]
    print(f"{what}: {len(crowd)} connections in {time.monotonic() - start:.1f} s; {most >> 20} MiB at most of "
          f"{memory['limit'] >> 20}; others: {statuses}")
    wait_until(lambda: gw.ask("/").status == 200, 15, what=lambda: f"room; {gw.status()['memory']}")
    assert group.killed() == 0 and [gw.pid, *gw.workers()] == pids
    assert set(statuses) <= {200, "overloaded"}, statuses
    if what == "heads":  # what the others hold comes and goes as fast as this machine lets it
        assert statuses.get("overloaded"), "it was never short"
