"""What three gateways of two workers each take to agree, over one Redis: each figure beside its bound. The tests hold them
to ten times that; `python3 bench/fleet.py` measures."""

import json
import statistics
import time
from concurrent.futures import ThreadPoolExecutor

from .api import Api
from .client import Client
from .gateway import Gateway, from_redis
from .procs import wait_until
from .provider import KEYS, Provider
from .redis_server import RedisServer
from .sessions import COOKIE, COOKIE_KEY, TOKEN_KEY, Sessions, cookie, seal, stamp
from .tls import Pki
from .token_server import TokenServer
from .tokens import bearer
from .upstream import Upstream

GATEWAYS, CONNECTIONS, RATE = 3, 4, 300
COOL_S = 10  # after a fetch of an issuer's keys no unknown one causes another


class Row:
    """`values`: ms of each round, or what it was off; `bound`: what is asked of the worst of them."""

    def __init__(self, what, values, bound, unit="ms"):
        self.what, self.values, self.bound, self.unit = what, values, bound, unit

    @property
    def worst(self):
        return max(self.values)

    def __str__(self):
        middle = statistics.median(self.values)
        return f"{self.what:58} {middle:8.1f} {self.worst:8.1f} {self.bound:9g}  {self.unit}"


def until(check, begin, patience=10):
    """ms since `begin` until it holds."""
    while not check():
        assert time.monotonic() - begin < patience, "it never came"
    return (time.monotonic() - begin) * 1000


def together(jobs):
    """The results of functions that run at the same time."""
    with ThreadPoolExecutor(len(jobs)) as pool:
        return [f.result() for f in [pool.submit(job) for job in jobs]]


class Fleet:
    def __init__(self):
        self.started = []
        try:
            self._start()
        except BaseException:
            self.finish()
            raise

    def _keep(self, thing):
        self.started.append(thing)
        return thing

    def _start(self):
        self.pki = self._keep(Pki())
        self.store = self._keep(RedisServer())
        self.up = self._keep(Upstream())
        self.told, self.services = [], [self._keep(Upstream(self._service(n), name=n)) for n in ("orders", "files")]
        self.issuer = self._keep(Provider(self.pki))
        self.issuer.rotate("first")
        self.provider = self._keep(TokenServer())
        self.gateways = [self._keep(Gateway(self._config())) for _ in range(GATEWAYS)]
        self.fetched = time.monotonic()
        self.apis = [Api(gw.socket) for gw in self.gateways]
        wait_until(lambda: all(len(api.data("fleet")["gateways"]) == GATEWAYS for api in self.apis), 10)
        wait_until(lambda: all(gw.status()["fleet"]["gateways"] == GATEWAYS for gw in self.gateways), 10)

    def _service(self, name):
        def answer(r, c):
            self.told.append((name, r.header("id"), time.monotonic()))
            c.reply(204)
        return answer

    def _config(self):
        credential = {"header": "Authorization", "form": "bearer", "value": "access_token", "provider": "corp", "required": True}
        upstreams = {"u": self.up} | {u.name: u for u in self.services}
        return from_redis(self.store) | {
            "upstreams": {name: {"endpoints": [u.address]} for name, u in upstreams.items()},
            "rates": {"all": {"limit": f"{RATE}/second", "scope": "fleet", "per": ["all"]}},
            "gate": {"protect": ["/guarded"], "claims": {"sub": "X-User"}, "issuers": {"keys": self.issuer.config(keys=KEYS)}},
            "login": {"url": "http://test", "providers": {"corp": self.provider.config()}, "redis": {"address": self.store.address},
                      "session": {"cookie": COOKIE, "insecure_cookie": True}, "cookie_keys": [COOKIE_KEY], "token_keys": [TOKEN_KEY]},
            "cascade": {"enabled": True},
            "routes": [{"path": "/limited", "upstream": "u", "rates": ["all"]}, {"path": "/guarded", "upstream": "u"},
                       {"path": "/session", "upstream": "u", "auth": "optional", "credentials": [credential]}]
            + [{"path": "/" + u.name, "upstream": u.name, "cascade": True} for u in self.services]}

    def finish(self):
        for thing in reversed(self.started):
            (getattr(thing, "finish", None) or thing.stop)()

    def connections(self):
        return [Client(gw.port) for gw in self.gateways for _ in range(CONNECTIONS)]

    # ---- what is measured ----

    def push(self, rounds):
        times = []
        for i in range(rounds):
            begin = time.monotonic()
            r = self.apis[i % GATEWAYS].ask("PUT", "frontends", f"h{i}", "b", query="wait=fleet")
            assert r.status == 200, r
            times.append((time.monotonic() - begin) * 1000)
        return [Row("a push that waits for the fleet", times, 500)]

    def suspension(self, rounds):
        times, back, api = [], [], self.apis[0]
        token = bearer(self.issuer.token("first", sub="somebody"))
        clients = self.connections()
        assert {c.ask("/guarded", headers=token).status for c in clients} == {200}
        for _ in range(rounds):
            begin = time.monotonic()
            assert api.ask("PUT", "suspended", "sub", "somebody").status == 200
            times.append(until(lambda: all(c.ask("/guarded", headers=token).status == 401 for c in clients), begin))
            begin = time.monotonic()
            assert api.ask("DELETE", "suspended", "sub", "somebody").status == 200
            back.append(until(lambda: all(c.ask("/guarded", headers=token).status == 200 for c in clients), begin))
        for c in clients:
            c.close()
        return [Row("a suspension, until no connection passes", times, 100), Row("its end, until all pass", back, 100)]

    def rotation(self, _):
        """A key that is new: the first token signed with it, at every gateway at once."""
        time.sleep(max(0, self.fetched + COOL_S + 0.5 - time.monotonic()))
        fetched = self.issuer.count()
        self.issuer.rotate("first", "second")
        token = bearer(self.issuer.token("second", sub="another"))

        def first(gw):
            begin = time.monotonic()
            r = gw.ask("/guarded", headers=token)
            assert r.status == 200, (r, gw.status()["issuers"])
            return (time.monotonic() - begin) * 1000
        times = together([lambda gw=gw: first(gw) for gw in self.gateways for _ in range(CONNECTIONS)])
        return [Row("the first request with an issuer's new key", times, 1000),
                Row("fetches of it beyond one a gateway", [max(0, self.issuer.count() - fetched - GATEWAYS)], 0, "")]

    def limit(self, _, seconds=2):
        """Load on all, far above what may pass."""
        def ask(gw):
            passed = 0
            while time.monotonic() < begin + seconds:
                with gw.connect() as c:
                    passed += sum(c.ask("/limited").status == 200 for _ in range(50))
            return passed
        begin = time.monotonic()
        passed = sum(together([lambda gw=gw: ask(gw) for gw in self.gateways for _ in range(2)]))
        may = RATE * (1 + time.monotonic() - begin)
        alone = sum(gw.metrics()["yett_fleet_alone_total"] for gw in self.gateways)
        return [Row(f"a limit of {RATE}/s, passed beyond it", [max(0, passed - may - alone) * 100 / may], 0, "%"),
                Row("and below it, with demand for more", [max(0, may - passed) * 100 / may], 20, "%")]

    def cascade(self, rounds):
        wait_until(lambda: self.store.db.pubsub_numsub("user-delete")[0][1] == GATEWAYS, 10)
        times, twice = [], 0
        for i in range(rounds):
            user, begin = f"user-{i}", time.monotonic()
            self.store.db.publish("user-delete", user)
            until(lambda: len({n for n, u, _ in self.told if u == user}) == len(self.services), begin)
            times.append((max(at for _, u, at in self.told if u == user) - begin) * 1000)
        time.sleep(0.3)
        twice = len(self.told) - rounds * len(self.services)
        return [Row("a deletion, until all services are told", times, 1000), Row("services told twice", [twice], 0, "")]

    def refresh(self, rounds):
        """An access token that has ended: requests at all gateways at once, and one refresh."""
        sessions, times, before = Sessions(self.store.db), [], self.provider.refreshes
        for i in range(rounds):
            session = sessions.create(str(i))
            tid = sessions.tids(session)["corp"]
            ends = (int(time.time()) - 5, None, None)
            for kind, value, end in zip(("accessToken", "refreshToken", "idToken"), self.provider.grant(str(i)), ends):
                self.store.db.hset(f"{kind}:{tid}", mapping={"Value": seal(value, f"{kind}:{tid}"), "ExpiresAt": stamp(end)})
            begin = time.monotonic()
            answers = together([lambda gw=gw: gw.ask("/session", headers=cookie(session)) for gw in self.gateways for _ in range(CONNECTIONS)])
            times.append((time.monotonic() - begin) * 1000)
            tokens = {dict(json.loads(r.body)["headers"])["Authorization"] for r in answers}
            assert {r.status for r in answers} == {200} and len(tokens) == 1, answers
        extra = self.provider.refreshes - before - rounds
        return [Row("a token refreshed, until all requests are answered", times, 1000), Row("refreshes beyond one", [extra], 0, "")]

    def all(self, rounds):
        """Rows."""
        return [row for measure in (self.push, self.suspension, self.limit, self.cascade, self.refresh, self.rotation)
                for row in measure(rounds)]
