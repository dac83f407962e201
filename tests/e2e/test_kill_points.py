"""A process is killed at each point of the program that has a name (FAILPOINT in the tree): publishing, acknowledging, writing,
counting, refreshing, upgrading, retiring. Whatever is left is a whole: what was acknowledged is in force or something newer is,
files can be read, counters do not fall, no token is shown twice, and the next change goes through."""

import glob
import json
import os
import signal
import subprocess
import time

import pytest

from harness import gateway as gateways
from harness import procs
from harness.api import Api
from harness.failpoints import Failpoints, all_points
from harness.gateway import ROOT, is_sanitized
from harness.redis_server import RedisServer
from harness.sessions import COOKIE, COOKIE_KEY, TOKEN_KEY, Sessions, cookie, seal, stamp
from harness.token_server import TokenServer
from harness.upstream import Upstream
from test_counters_survive import Watch

POINTS = all_points()
LARGE = 1 << 20  # bytes of rules from which on what changes is written behind them
LONG_PATH = 900
# The provider has answered the master and nobody else: what it said is lost with it, as with any answer on a line that breaks.
LOST = {"exchange-sent", "exchange-answered"}
# What leads to a point, by the first word of its name or by all of it, is done first; then everything is.
FIRST = {"upgrade": ["upgrade"], "retire": ["replace"], "retire-reaped": ["kill_worker"], "board": ["kill_worker"],
         "board-half-counted": ["refresh"], "refresh": ["refresh"], "exchange": ["refresh"], "disk": ["suspend"], "keep": ["suspend"],
         "more": ["change"], "rules": ["change", "restart"], "image": ["change", "restart"], "board-seeded": ["restart"]}
FILES = {"save", "rules", "more", "keep", "disk", "image"}


class Life:
    """A gateway with all that it can have, and what is known of it. Rules lead to addresses of one upstream, whose last byte says
    which version of the rule it was."""

    def __init__(self, start):
        self.store, self.provider = RedisServer(), TokenServer()
        self.up = Upstream(self.answer, host="0.0.0.0")
        self.tried = self.acked = self.sessions = self.suspended = self.kills = 0
        self.watch = None
        for i in range(LARGE // LONG_PATH + 1):
            self.store.db.set(f"frontend:h{i}.test/" + "x" * LONG_PATH, "b1")
        for n in range(1, 251):
            self.store.db.hset(f"backend:b{n}", f"127.0.1.{n}:{self.up.port}", 0)
        self.gw = start(self.config(), own=True)
        self.points = Failpoints(self.gw.binary)
        self.start_anew()
        self.change()
        procs.wait_until(lambda: self.on_disk() == self.acked, what="a first time of what was last known")

    def config(self):
        login = {"url": "http://app.test", "providers": {"corp": self.provider.config()}, "redis": {"address": self.store.address},
                 "session": {"cookie": COOKIE, "insecure_cookie": True}, "cookie_keys": [COOKIE_KEY], "token_keys": [TOKEN_KEY]}
        credential = {"header": "Authorization", "form": "bearer", "value": "access_token", "provider": "corp", "required": True}
        return {"redis": {"address": self.store.address, "timeout": "2s"}, "login": login, "build_routes": 100, "health": {"enabled": False},
                "upstreams": {"app": {"endpoints": [f"127.0.0.1:{self.up.port}"]}}, "timeouts": {"start_wait": "2s", "drain": "1s"},
                "routes": [{"host": "app.test", "upstream": "app", "auth": "optional", "credentials": [credential]}]}

    @staticmethod
    def answer(r, c):
        version = c.sock.getsockname()[0].rpartition(".")[2]
        c.reply(body=json.dumps([int(version), r.header("Authorization")]).encode())

    def start_anew(self):
        """All processes of the gateway die at once; another one starts."""
        if self.watch:
            self.watch.__exit__()
        os.kill(self.gw.pid, signal.SIGSTOP)  # it starts no more
        for pid in [p for p in procs.descendants(os.getpid()) if image(p) == self.gw.binary]:  # those of an earlier master, too
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.gw.wait()
        self.others_gone()
        self.gw.start()
        self.watch = Watch(self.gw)
        self.watch.__enter__()

    def others_gone(self):
        """Nobody of an earlier master stays."""
        def others():
            ours = {self.gw.pid, *procs.children(self.gw.pid)} if self.gw.process.poll() is None else set()
            return [p for p in procs.descendants(os.getpid()) if p not in ours and image(p) == self.gw.binary]
        procs.wait_until(lambda: not others(), 15, what=lambda: f"the end of {[(p, procs.command(p)) for p in others()]}")

    def finish(self):
        self.watch.__exit__()
        self.up.stop()
        self.provider.stop()
        self.store.finish()

    # ---- what is done ----

    def try_(self, call):
        """What `call` returned; None when whom it asked died meanwhile."""
        try:
            return call()
        except (OSError, EOFError, ValueError, KeyError, AssertionError):
            return None

    @property
    def api(self):
        return Api(self.gw.socket)

    def change(self):
        self.tried += 1
        version = self.tried
        r = self.try_(lambda: self.api.ask("PUT", "frontends", "r.test", f"b{version % 250 + 1}", timeout=6))
        if r is not None and r.status == 200:
            self.acked = version
        return r

    def refresh(self):
        self.sessions += 1
        sub = f"u{self.sessions}"
        session = Sessions(self.store.db).create(sub)
        tid = Sessions(self.store.db).tids(session)["corp"]
        for kind, value, end in zip(("accessToken", "refreshToken", "idToken"), self.provider.grant(sub), (int(time.time()) - 5, None, None)):
            self.store.db.hset(f"{kind}:{tid}", mapping={"Value": seal(value, f"{kind}:{tid}"), "ExpiresAt": stamp(end)})
        self.cookie = cookie(session)
        return self.token(self.cookie)

    def token(self, fields):
        r = self.try_(lambda: self.gw.ask("/", host="app.test", headers=fields, timeout=10))
        return None if r is None else r.json()[1] if r.status == 200 else r.status

    def suspend(self):
        self.suspended += 1
        self.try_(lambda: self.api.ask("PUT", "suspended", "sub", f"s{self.suspended}", body={}, timeout=6))

    def replace(self):
        self.try_(lambda: self.api.ask("POST", "workers", "0", "replace"))

    def kill_worker(self):
        pids = self.try_(self.gw.workers)
        if pids:
            os.kill(pids[0], signal.SIGKILL)

    def upgrade(self):
        """Another image may be on its way; the answer of one that begins comes from the next master."""
        self.gw.signal(signal.SIGUSR2)

    def restart(self):
        self.gw.kill()
        self.gw.start(ready=False)

    def raw(self):
        self.store.db.set(f"frontend:raw{self.tried}.test", "b1")

    # ---- how it went ----

    def version(self):
        r = self.gw.ask(host="r.test")
        assert r.status == 200, r
        low = self.tried - (self.tried + 1 - r.json()[0]) % 250  # the newest that leads there
        return low

    def versions(self):
        return {self.version() for _ in range(6)}

    def on_disk(self):
        """The version of the rule in force if the gateway started without Redis now."""
        found = 0
        for name in "rules.json", "rules.json.more":
            try:
                with open(os.path.join(self.gw.state_dir, name)) as f:
                    text = f.read()
            except FileNotFoundError:
                continue
            at = text.rfind('"r.test":')
            if at >= 0:
                backend = int(text[at:at + 40].split('"b', 1)[1].split('"')[0])
                found = self.tried - (self.tried + 1 - backend) % 250
        return found

    def settle(self):
        """Whoever died is back."""
        def whole():
            if self.gw.process.poll() is not None:
                self.gw.wait()
                self.gw.start(ready=False)
            return self.ready() and len(self.gw.workers()) == 2
        procs.wait_until(whole, 20, what=lambda: f"ready; its log ends:\n{self.gw.log()[-3000:]}")

    def ready(self):
        try:
            return self.gw.is_ready()
        except RuntimeError:  # it has just died
            return False

    def without_redis(self, at_least):
        self.store.db.save()
        self.store.kill()
        try:
            self.start_anew()
            seen = self.versions()
            assert all(at_least <= v <= self.tried for v in seen), (at_least, seen, self.tried)
            bad = [n for n in os.listdir(self.gw.state_dir) if ".bad" in n or n.startswith(".new-") and not procs.alive(int(n.split("-")[1]))]
            assert not bad, bad
        finally:
            self.store.start()
        procs.wait_until(lambda: self.gw.status()["redis"]["state"] == "up", 10)

    def check(self):
        for file in glob.glob(os.path.join(self.gw.state_dir, "*.json")):
            with open(file) as f:
                json.load(f)
        # What was compiled before serves until the rules are read.
        procs.wait_until(lambda: all(self.acked <= v <= self.tried for v in self.versions()), 5,
                         what=lambda: f"{self.acked}, not {self.versions()}")
        procs.wait_until(lambda: self.change().status == 200, 10, what="a change")
        assert self.versions() == {self.acked}
        self.others_gone()
        procs.wait_until(lambda: self.gw.status()["table"]["alive"] == 1, 5, what="one table")
        assert self.watch.fallen == [], self.watch.fallen


def image(pid):
    try:
        return os.readlink(f"/proc/{pid}/exe").partition(" (deleted)")[0]
    except OSError:
        return ""


@pytest.fixture(scope="module")
def life(lasting_gateway):
    if not is_sanitized():
        pytest.skip("the points are in test builds only")
    lives = Life(lasting_gateway)
    yield lives
    lives.finish()
    print(f"{lives.kills} kills; {lives.acked} versions of a rule acknowledged of {lives.tried}; {lives.sessions} tokens refreshed, "
          f"{lives.provider.reused} shown twice, of {len(LOST)} whose answer died with the master")


STEPS = "change", "refresh", "suspend", "raw", "kill_worker", "replace", "restart", "upgrade"


def killed_at(life, point):
    kind = point.partition("-")[0]
    before = life.on_disk()
    reused = life.provider.reused
    life.points.arm(point)
    begin = time.monotonic()
    while not life.points.pid and time.monotonic() < begin + 30:
        for step in FIRST.get(point, FIRST.get(kind, STEPS)) if time.monotonic() < begin + 12 else STEPS:
            getattr(life, step)()
            pause = time.monotonic() + (1.2 if step in ("upgrade", "restart", "replace") or kind in FILES else 0.1)
            while not life.points.pid and time.monotonic() < pause:
                time.sleep(0.01)
            if life.points.pid:
                break
            life.settle()
    life.points.disarm()
    life.kills += bool(life.points.pid)
    assert life.points.pid, "nobody came there"
    procs.wait_until(lambda: not procs.alive(life.points.pid), what="its end")
    life.settle()
    if kind in FILES:
        life.without_redis(before)
    life.check()
    if kind in ("refresh", "exchange"):
        wanted = {f"Bearer access-g{life.sessions - 1}-1"} | ({401} if point in LOST else set())
        procs.wait_until(lambda: life.token(life.cookie) in wanted, 25, what=lambda: f"{wanted}, not {life.token(life.cookie)}")
    assert life.provider.reused - reused <= (point in LOST)


@pytest.mark.parametrize("point", [p for p in POINTS if p.partition("-")[0] not in FILES])
def test_killed_at(life, point):
    killed_at(life, point)


def test_release_has_none(tmp_path):
    """Nothing is left of them where the build does not ask for them."""
    r = subprocess.run(["cc", "-E", "-P", "-I", ROOT, "-x", "c", "-"], input=b'#include "lib/failpoint.h"\nFAILPOINT("x");\n',
                       capture_output=True, check=True)
    assert r.stdout.split()[-1] == b"((void)0);"
    with open(gateways.BINARY, "rb") as f:
        assert (b".failpoints" in f.read()) == is_sanitized()
