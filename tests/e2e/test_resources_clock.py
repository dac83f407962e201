"""The clock steps by years, there and back: what takes time goes by another clock, and what is dated is judged by the new one."""

import email.utils
import os
import time

import pytest

from harness import sessions
from harness.clocks import Clocks
from harness.gateway import LONG, from_redis, merge, proxy_to
from harness.procs import children, run, wait_until
from harness.tokens import SECRET, bearer, token

YEAR = 365 * 86400
STEPS = (10, 0, -10, 20, -20, 0) if LONG else (10, -10, 0)  # from now
TICKS = os.sysconf("SC_CLK_TCK")


@pytest.fixture
def clocks():
    if run(["unshare", "--mount", "true"]).returncode:
        pytest.skip("no namespace of mounts may be made here")
    made = Clocks()
    yield made
    made.finish()


def cpu(gw):
    """Seconds that its processes have used."""
    used = 0
    for pid in [gw.pid, *children(gw.pid)]:
        with open(f"/proc/{pid}/stat") as f:
            used += sum(int(n) for n in f.read().rpartition(")")[2].split()[11:13])
    return used / TICKS


def date_of(r):
    return email.utils.parsedate_to_datetime(r.header("Date")).timestamp()


def test_years(gateway, serve, store, clocks):
    up = serve()
    store.rule("redis.test", up.address)
    slow = serve(lambda r, c: (time.sleep(1), c.reply(body=b"slow")))
    config = merge(proxy_to(up), from_redis(store)) | {
        "gate": {"secret": SECRET, "claims": {"id": "X-User"}, "protect": ["/guarded"]},
        "rates": {"few": {"limit": "3/hour", "per": ["all"]}}}
    config["upstreams"]["slow"] = {"endpoints": [slow.address]}
    config["routes"] += [{"path": "/guarded", "upstream": "u"}, {"path": "/slow", "upstream": "slow"},
                         {"path": "/few", "upstream": "u", "rates": ["few"]}, {"path": "/session", "upstream": "u", "auth": "required"}]
    config["login"] = sessions.config(store, up)["login"]
    gw = gateway(config, env=clocks.env(0), within=clocks.within())
    wait_until(lambda: gw.ask(host="redis.test").status == 200, 5)
    session = sessions.cookie(sessions.Sessions(store.db).create())
    pids, good = gw.workers(), bearer(token(exp=int(time.time()) + 3600))
    idle = [gw.connect() for _ in range(20)]
    assert [c.ask("/").status for c in idle] == [200] * 20
    assert [gw.ask("/few").status for _ in range(4)] == [200, 200, 200, 429]
    told = []
    for number, years in enumerate(STEPS):
        waits = gw.connect()
        waits.send(b"GET /slow HTTP/1.1\r\nHost: test\r\n\r\n")
        clocks.step(years * YEAR)
        before, start = cpu(gw), time.monotonic()
        wait_until(lambda: all(abs(date_of(c.ask("/")) - time.time() - years * YEAR) < 3 for c in idle), 2, what="the Date of now")
        assert gw.ask("/guarded", headers=good).status == (401 if years > 0 else 200), years
        assert gw.ask("/few").status == 429, "the limit began anew"
        assert gw.ask("/session", headers=session).status == 200, "a session is over by the clock of its Redis"
        assert [c.ask("/").status for c in idle] == [200] * 20, "connections were closed"
        store.rule(f"at{number}.test", up.address)
        wait_until(lambda: gw.ask(host=f"at{number}.test").status == 200, 5)
        assert waits.read().body == b"slow"
        waits.close()
        took = time.monotonic() - start
        told.append(f"{years:+} years: {(cpu(gw) - before) / took:.2f} of a core")
        assert cpu(gw) - before < took, "it is busy"
        assert gw.workers() == pids and gw.admin("/ready").status == 200
        assert gw.status()["redis"]["state"] == "up" and gw.reload().returncode == 0
    print("; ".join(told))
    for c in idle:
        c.close()
    assert gw.ask("/guarded", headers=good).status == 200
    wait_until(lambda: gw.status()["degraded"] == "", 10, what=lambda: gw.status()["degraded"])
