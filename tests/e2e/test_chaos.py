"""Everything at once: mixed load, while whoever takes part is killed or stands still at random. No answer is another request's,
what fails is what a fault of that time costs, nothing else does; in the end nothing has leaked and no counter ever fell.

YETT_CHAOS_S: for how many seconds; YETT_CHAOS_SEED: which faults."""

import asyncio
import os
import random
import signal
import time

import pytest

from harness import procs, tls
from harness.api import Api
from harness.chaos import Load
from harness.chaos_servers import Server
from harness.gateway import LONG, is_sanitized
from harness.redis_server import RedisServer
from harness.sessions import COOKIE_KEY, TOKEN_KEY
from harness.token_server import CLIENT

SECONDS = float(os.environ.get("YETT_CHAOS_S") or (1800 if LONG else 60))
SEED = int(os.environ.get("YETT_CHAOS_SEED") or time.time_ns() % 10**9)
FEW = 6  # descriptors, of whoever happens to be there
KEPT = {"yett:revisions", "yett:suspended", "yett:suspended:log"}  # in Redis, whatever was done
SLACK = 2 << 20  # bytes of memory by which a process may differ from one that has just begun


class Place:
    """All who take part."""

    def __init__(self, gateway, pki, folder):
        self.upstreams = ["a", "b", "c"]
        self.servers = {name: Server("upstream", name) for name in self.upstreams}
        self.identity = Server("provider", str(folder / "grants"))
        self.provider, self.context = self.identity.port, pki.context()
        self.store = RedisServer(more=["--appendonly", "yes", "--appendfsync", "always"])
        self.store.db.hset("backend:any", mapping={s.address: 0 for s in self.servers.values()})
        self.gw = tls.over_both(gateway, self.config(), pki.entry("chaos"))
        self.port, self.tls_port, self.socket = self.gw.port, self.gw.tls, self.gw.socket
        procs.wait_until(lambda: self.gw.ask("/api/auth/login?redirect_url=/", host="app.test").status == 302, what="the provider")

    def config(self):
        issuer = f"http://127.0.0.1:{self.provider}"
        provider = {"issuer": issuer, "client_id": CLIENT[0], "client_secret": CLIENT[1], "allow_http": True, "scopes": ["openid"]}
        credential = {"header": "Authorization", "form": "bearer", "value": "access_token", "provider": "corp", "required": True}
        ends = {name: {"endpoints": [s.address]} for name, s in self.servers.items()}
        return {"redis": {"address": self.store.address, "timeout": "2s"}, "health": {"enabled": False},
                "upstreams": ends | {"any": {"endpoints": [s.address for s in self.servers.values()]}},
                "routes": [{"path": f"/{name}", "upstream": name} for name in [*ends, "any"]] + [
                    {"host": "app.test", "upstream": "a", "auth": "required", "credentials": [credential]}],
                "login": {"url": "http://app.test", "providers": {"corp": provider}, "redis": {"address": self.store.address, "timeout": "2s"},
                          "base_path": "/api/auth", "refresh": "1s", "session": {"cookie": "session", "insecure_cookie": True},
                          "cookie_keys": [COOKIE_KEY], "token_keys": [TOKEN_KEY]},
                "timeouts": {"worker_hang": "1s", "drain": "2s", "handover": "8s", "first_byte": "8s", "upstream_idle": "1s", "keepalive": "3s"}}

    def db(self):
        return self.store.db

    def finish(self):
        for s in [*self.servers.values(), self.identity]:
            s.kill()
        self.store.finish()

    # ---- who there is ----

    def workers(self):
        """Of this master, told apart from the admin worker and from children that write a file."""
        status = self.gw.status()
        return [w["pid"] for w in status["workers"] if w["pid"] and w["state"] == "running"], status["admin"]["pid"]

    def whole(self):
        try:
            return self.gw.is_ready() and len(self.gw.workers()) == 2
        except RuntimeError:
            return False

    def others(self):
        ours = {self.gw.pid, *procs.children(self.gw.pid)}
        return [p for p in procs.descendants(os.getpid()) if p not in ours and "yett" in procs.command(p)[0:1]]

    def at_rest(self, before=None):
        """Descriptors and own memory by role, once nobody else is left and one table lives, and descriptors are about as many as
        before."""
        procs.wait_until(lambda: self.whole() and not self.others() and self.gw.status()["table"]["alive"] == 1, 30,
                         what=lambda: f"rest; {self.others()}; {self.gw.log()[-2000:]}")
        if before:
            procs.wait_until(lambda: all(fds <= before[role][0] + FEW for role, (fds, _) in self.seen().items()), 15,
                             what=lambda: f"descriptors {before} {self.seen()} {self.kinds()}")
        return self.seen()

    def kinds(self):
        """Of the descriptors of a worker."""
        pid = self.workers()[0][0]
        return sorted(os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd"))

    def seen(self):
        workers, admin = self.workers()
        found = {}
        for role, pid in [("master", self.gw.pid), ("admin", admin)] + [("worker", w) for w in workers]:
            found[role] = max(found.get(role, (0, 0)), (len(os.listdir(f"/proc/{pid}/fd")), heap(pid)))
        return found


def heap(pid):
    with open(f"/proc/{pid}/smaps_rollup") as f:
        return next(int(line.split()[1]) << 10 for line in f if line.startswith("Pss_Anon:"))


class Faults:
    """One at a time for each victim, several at once in all."""

    def __init__(self, place, book):
        self.place, self.book, self.choose, self.busy, self.tasks = place, book, random.Random(SEED), set(), []

    async def go(self, seconds):
        end = time.monotonic() + seconds
        kinds = [self.worker, self.worker, self.master, self.admin, self.redis, self.provider, self.upstream, self.upstream]
        while time.monotonic() < end:
            kind, stop = self.choose.choice(kinds), self.choose.random() < 0.4
            name = self.choose.choice(self.place.upstreams) if kind == self.upstream else ""
            # Whoever counts the dead must live: without a service manager that keeps the board, the last two know of it.
            if (kind.__name__, name) not in self.busy and not (kind in (self.admin, self.master) and self.busy & {("admin", ""), ("master", "")}):
                self.busy.add((kind.__name__, name))
                self.tasks.append(asyncio.create_task(self.one(kind, name, stop)))
            await asyncio.sleep(self.choose.uniform(0.2, 1.2))
        await asyncio.gather(*self.tasks)

    async def one(self, kind, name, stop):
        fault = [kind.__name__, name, time.monotonic(), None]
        self.book.faults.append(fault)
        try:
            await kind(name, stop, self.choose.uniform(0.1, 2 if stop else 1))
        finally:
            fault[3] = time.monotonic()
            self.busy.discard((kind.__name__, name))

    async def strike(self, pid, stop, seconds):
        try:
            os.kill(pid, signal.SIGSTOP if stop else signal.SIGKILL)
            if stop:
                await asyncio.sleep(seconds)
                os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            pass  # whoever stands still too long is killed

    async def until_whole(self):
        await asyncio.to_thread(procs.wait_until, self.place.whole, 30, what=lambda: f"whole; {self.place.gw.log()[-2000:]}")

    async def worker(self, name, stop, seconds):
        try:
            pids, _ = await asyncio.to_thread(self.place.workers)
        except (OSError, EOFError, ValueError, KeyError):
            return
        if pids:
            await self.strike(self.choose.choice(pids), stop, seconds)
        await self.until_whole()

    async def admin(self, name, stop, seconds):
        try:
            _, pid = await asyncio.to_thread(self.place.workers)
        except (OSError, EOFError, ValueError, KeyError):
            return
        await self.strike(pid, stop, min(seconds, 0.8))
        await self.until_whole()

    async def master(self, name, stop, seconds):
        gw = self.place.gw
        if stop:
            await self.strike(gw.pid, True, seconds)
        else:
            gw.kill()
            await asyncio.sleep(seconds / 2)
            gw.start(ready=False)
        await self.until_whole()

    async def redis(self, name, stop, seconds):
        store = self.place.store
        if stop:
            await self.strike(store.process.pid, True, seconds)
        else:
            store.kill()
            await asyncio.sleep(seconds)
            await asyncio.to_thread(store.start)

    async def server(self, server, stop, seconds):
        if stop:
            await self.strike(server.process.pid, True, seconds)
        else:
            server.kill()
            await asyncio.sleep(seconds)
            await asyncio.to_thread(server.start)

    async def provider(self, name, stop, seconds):
        await self.server(self.place.identity, stop, seconds)

    async def upstream(self, name, stop, seconds):
        await self.server(self.place.servers[name], stop, seconds)


@pytest.fixture
def place(gateway, pki, tmp_path):
    made = Place(gateway, pki, tmp_path)
    yield made
    made.finish()


async def live(place, load):
    """Until the faults are over, and a moment without any."""
    tasks = [asyncio.create_task(one) for one in load.all()]
    await asyncio.sleep(1)
    faults = Faults(place, load.book)
    await faults.go(SECONDS)
    await faults.until_whole()
    await asyncio.sleep(2)
    load.go = False
    await asyncio.gather(*tasks)


def in_force(place, load):
    """What was acknowledged last, on every connection."""
    wrong = []
    for host, there in [(h, 200) for h in load.pushed] + [(h, 404) for h in load.removed]:
        if any(place.gw.ask(host=host).status != there for _ in range(3)):
            wrong.append((host, there))
    return wrong


def keys(place):
    """Of Redis by the first word, and those beside rules that would stay for ever."""
    db = place.store.db
    names = [k.decode() for k in db.keys("*")]
    by = {}
    for name in names:
        by.setdefault(name.partition(":")[0], []).append(name)
    for_ever = [n for n in names if n.partition(":")[0] not in ("frontend", "backend") and n not in KEPT and db.pttl(n) < 0]
    return {word: len(of) for word, of in sorted(by.items())}, for_ever


def rows(place):
    """Of the board that are taken, but for those of routes that are there."""
    m = place.gw.metrics()
    taken = {of: int(m[f'yett_board_rows{{of="{of}"}}']) for of in ("route", "limit", "endpoint", "upstream")}
    return taken | {"route": taken["route"] - len(place.store.db.keys("frontend:*"))}


def given_back(place, before):
    """Rows of what is gone are given back when all is compiled anew, as by a reload."""
    assert place.gw.reload().returncode == 0
    return rows(place) == before


def test_everything_at_once(place):
    print(f"seed {SEED}, {SECONDS:.0f} s")
    load, before, rows_before = Load(place, SEED), place.at_rest(), rows(place)
    asyncio.run(live(place, load))
    told, strays = load.book.summary()
    print("\n".join(told))
    after = place.at_rest(before)
    found, for_ever = keys(place)
    for role, (fds, memory) in after.items():
        print(f"{role:>10} descriptors {before[role][0]} -> {fds}, memory {before[role][1] >> 10} -> {memory >> 10} KiB")
    print(f"     Redis {found}\n  counters read {load.scrapes} times, {len(load.fallen)} fell; {load.book.done['push']} rules pushed, "
          f"rows of the board but theirs {rows_before} -> {rows(place)}")
    assert load.book.wrong == [] and strays == []
    assert load.fallen == []
    procs.wait_until(lambda: not in_force(place, load), 10, what=lambda: f"in force: {in_force(place, load)}")
    assert for_ever == []
    procs.wait_until(lambda: given_back(place, rows_before), 30, what=lambda: f"rows {rows_before}, not {rows(place)}")
    for role, (fds, memory) in after.items():
        assert is_sanitized() or memory <= before[role][1] + SLACK, role
    assert Api(place.socket).ask("GET", "status").status == 200
