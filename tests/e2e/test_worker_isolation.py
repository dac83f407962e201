"""A worker has what it was given and nothing else: descriptors, environment, memory."""

import os
import re

import pytest

from harness import procs
from harness.gateway import is_sanitized, proxy_to

SECRET = "hush-hush-hush-hush-hush-hush-hush-hush"


@pytest.fixture
def gw(gateway, serve):
    return gateway(proxy_to(serve()) | {"gate": {"protect": ["/api"], "secret": {"env": "MY_SECRET"}}}, env={"MY_SECRET": SECRET})


def test_environment(gw):
    for pid in procs.children(gw.pid):
        with open(f"/proc/{pid}/environ", "rb") as f:
            assert SECRET.encode() not in f.read()


def test_descriptors(gw):
    expected = re.compile(r"/dev/null|socket:|anon_inode:|pipe:|/memfd:|.*/(access|error)\.log$")
    for pid in procs.children(gw.pid):
        links = {int(fd): os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}
        assert all(expected.match(t) for t in links.values()), links
        assert links[0] == "/dev/null" and len(links) < 40


def test_shared_memory_is_written_by_one(gw):
    for pid in procs.children(gw.pid):
        with open(f"/proc/{pid}/maps") as f:
            shared = [line.split() for line in f if "/memfd:" in line]
        writable = [m for m in shared if m[1].startswith("rw")]
        assert len(shared) >= 4 and len(writable) <= 1, shared


def test_admin_worker_has_no_keys(gw):
    workers = gw.workers()
    admin = [pid for pid in procs.children(gw.pid) if pid not in workers]
    for pid in admin:
        assert not find_in_memory(pid, SECRET.encode())
    assert all(find_in_memory(pid, SECRET.encode()) for pid in workers)
    if not is_sanitized():
        assert all(procs.memory(pid) < 20 << 20 for pid in workers)


def test_secrets_of_the_master_stay_there(gateway, serve, store):
    """The password of the Redis of rules is in no table: no worker needs it."""
    store.db.config_set("requirepass", SECRET)
    gw = gateway(proxy_to(serve()) | {"redis": {"address": store.address, "password": {"env": "MY_SECRET"}}}, env={"MY_SECRET": SECRET})
    assert gw.status()["redis"]["state"] == "up" and find_in_memory(gw.pid, SECRET.encode())
    workers = [pid for pid in procs.children(gw.pid) if procs.command(pid)[1:2] == ["worker"]]  # one that writes rules to disk is a master
    assert len(workers) == 3 and not any(find_in_memory(pid, SECRET.encode()) for pid in workers)


def find_in_memory(pid, what):
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            span, mode = line.split()[:2]
            begin, end = (int(x, 16) for x in span.split("-"))
            if not mode.startswith("r") or end - begin > 1 << 30 or end > 1 << 47:
                continue
            try:
                memory.seek(begin)
                if what in memory.read(end - begin):
                    return True
            except OSError:
                continue
    return False


def test_logs_to_one_form(gw):
    gw.reload()
    lines = gw.log().splitlines()
    form = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z (error|warn|info|debug) \[[^\]]+\] \S+")
    assert lines and all(form.match(line) for line in lines), lines
    assert SECRET not in gw.log()
