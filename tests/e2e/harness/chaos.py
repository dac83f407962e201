"""Mixed load and faults at random, in one asyncio loop. Every answer is held against what was asked; whatever failed is held
against the faults of its time."""

import asyncio
import bisect
import collections
import hashlib
import itertools
import json
import random
import re
import ssl
import time
import urllib.parse

PATIENCE = 20  # seconds; longer than any fault lasts
COUNTER = re.compile(r"yett_[a-z_]+_(total|count|sum|bucket)\b")
# What a fault may cost, by the first words of what is told. A dead worker costs what it was at; a dead master no request, but what
# only it does: writes, and asking providers. "lost": a login, with the answer that nobody heard.
API = ["503 rules", "503 suspensions"]
LAGS = ["202 rules OK", "202 suspensions"]  # it is stored, and somebody has yet to hear of it
COSTS = {"worker": ["closed", *LAGS], "admin": ["closed", *LAGS], "master": [*API, *LAGS, "503 admin_unavailable", "503 provider_unavailable", "400 login", "lost"],
         "redis": [*API, "202 rules Redis was lost behind it", "503 session_unavailable", "503 provider_unavailable", "store closed"],
         "provider": ["503 provider_unavailable", "400 login", "lost", "provider closed"],
         "upstream": ["502 upstream_", "504 upstream_", "closed"]}
GRACE = {"worker": 1, "admin": 1, "master": 3, "redis": 3, "provider": 8, "upstream": 1}


class Failed(Exception):
    """One operation, in a word or two."""


class Wrong(AssertionError):
    """No fault excuses that."""


class Line:
    """A connection that is kept; `to`: a port or the path of a socket."""

    def __init__(self, to, tls=None):
        self.to, self.tls, self.pair, self.retried = to, tls, None, 0

    async def open(self):
        how = {"ssl": self.tls, "server_hostname": "a.example"} if self.tls else {}
        try:
            self.pair = await (asyncio.open_unix_connection(self.to) if isinstance(self.to, str)
                               else asyncio.open_connection("127.0.0.1", self.to, **how))
        except ConnectionRefusedError:
            raise Failed("refused") from None
        return self.pair

    def close(self):
        if self.pair:
            self.pair[1].close()
        self.pair = None

    async def ask(self, path, method="GET", host="test", headers=None, body=None):
        """Status, fields, body. A kept connection that was closed meanwhile is replaced once (RFC 9112 section 9.3.1)."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: {host}"] + [f"{n}: {v}" for n, v in (headers or {}).items()]
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        data = "\r\n".join(lines + ["", ""]).encode() + (body or b"")
        for kept in [True, False] if self.pair else [False]:
            try:
                return await asyncio.wait_for(self.exchange(data), PATIENCE)
            except asyncio.IncompleteReadError as e:
                self.close()
                if not kept or e.partial:
                    raise Failed("closed") from None
            except (OSError, ssl.SSLError) as e:
                self.close()
                if not kept:
                    raise Failed(f"closed {type(e).__name__}") from None
            except asyncio.TimeoutError:
                self.close()
                raise Failed("timeout") from None
            except BaseException:
                self.close()
                raise
            self.retried += 1

    async def exchange(self, data):
        reader, writer = self.pair or await self.open()
        writer.write(data)
        await writer.drain()
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        status, fields = int(head[9:12]), collections.defaultdict(list)
        for line in head.split("\r\n")[1:-2]:
            name, _, value = line.partition(": ")
            fields[name.lower()].append(value)
        try:
            body = await reader.readexactly(int(fields.get("content-length", ["0"])[0]))
        except asyncio.IncompleteReadError as e:
            raise asyncio.IncompleteReadError(e.partial or b"?", e.expected) from None
        if fields.get("connection") == ["close"]:
            self.close()
        return status, fields, body


def said(answer, of=""):
    """The status and the reason, in words; of an API that has none: what it is `of`."""
    return f"{answer[0]} {''.join(answer[1].get('x-yett-reason', [of]))}".strip()


class Book:
    """What was done, what failed, and the faults."""

    def __init__(self):
        self.done, self.failures, self.wrong, self.faults = collections.Counter(), [], [], []

    def of_the_time(self, begin, end):
        """The faults that may touch it: they stand in the order in which they began, and none lasts a minute."""
        first, last = (bisect.bisect(self.faults, at, key=lambda fault: fault[2]) for at in (begin - 60, end))
        return self.faults[first:last]

    def blamed(self, failure):
        """The fault that it may come of."""
        kind, needs, begin, end, what = failure
        for target, name, since, until in self.of_the_time(begin, end):
            tag = name if name in needs else target
            if tag not in needs or begin > (until or 1e18) + GRACE[target] or end < since:
                continue
            if any(what.startswith(cost) for cost in COSTS[target]):
                return f"{target} {name}".strip()
        return "two upstreams" if kind == "retried" and what.startswith("502 upstream_") and self.gone(begin, end) > 1 else None

    def gone(self, begin, end):
        """How many upstreams were not there all of the time."""
        return len({name for target, name, since, until in self.of_the_time(begin, end)
                    if target == "upstream" and since < end and (until or 1e18) + GRACE[target] > begin})

    def near(self, at):
        """The faults of the time, from when to when as seen from there."""
        return ", ".join(f"{t} {n}".strip() + f" {since - at:+.2f}..{(until or 0) - at:+.2f}" for t, n, since, until in self.faults
                         if since < at + 1 and (until or 1e18) > at - 15)

    def summary(self):
        """Rows of text, and failures that nothing explains."""
        by, strays = collections.Counter(), []
        for failure in self.failures:
            fault = self.blamed(failure)
            by[(fault, failure[0], failure[4])] += 1
            if not fault:
                strays.append(failure)
        rows = [f"{kind:>10} {n:6} answered {sum(f[0] == kind for f in self.failures):5} failed" for kind, n in sorted(self.done.items())]
        rows += [f"  WRONG: {what}; {self.near(at)}" for at, what in self.wrong]
        rows += [f"  STRAY: {f[0]} {f[4]}; {self.near(f[2])}" for f in strays[:5]]
        rows += [f"  {fault or 'NOTHING'}: {kind} {what} x{n}" for (fault, kind, what), n in sorted(by.items(), key=str)]
        faults = collections.Counter(f"{t} {n}".strip() for t, n, _, _ in self.faults)
        return rows + ["faults: " + ", ".join(f"{f} x{n}" for f, n in sorted(faults.items()))], strays


class Load:
    """`place`: port, tls_port, socket, context, names of upstreams, provider."""

    def __init__(self, place, seed):
        self.place, self.book, self.go, self.ids, self.random = place, Book(), True, itertools.count(), random.Random(seed)
        self.pushed, self.removed, self.last_counters, self.fallen, self.scrapes = {}, set(), {}, [], 0

    def line(self, tls=False):
        return Line(self.place.tls_port, self.place.context) if tls else Line(self.place.port)

    async def ask_echo(self, line, path, name=None, **how):
        """An upstream's answer: it is of this request, or that is the end."""
        id = f"id-{next(self.ids)}"
        how["headers"] = {"X-Id": id} | how.get("headers", {})
        answer = await line.ask(path, **how)
        if answer[0] != 200:
            raise Failed(said(answer))
        echo = json.loads(answer[2])
        digest = hashlib.sha256(how.get("body") or b"").hexdigest()
        if (echo["id"], echo["target"], echo["body"]) != (id, path, digest) or name not in (None, echo["name"]):
            raise Wrong(f"asked {id} {path} of {name}, got {echo}")
        return echo

    async def repeat(self, kind, needs, turn, pause=0.05):
        """`turn` again and again; `needs` may be a function of nothing, as it is known only when it is asked."""
        while self.go:
            begin = time.monotonic()
            try:
                await turn()
                self.book.done[kind] += 1
            except Failed as e:
                self.book.failures.append((kind, needs() if callable(needs) else needs, begin, time.monotonic(), str(e)))
            except Wrong as e:
                self.book.wrong.append((begin, f"{kind}: {e}"))
            await asyncio.sleep(pause * self.random.uniform(0.5, 1.5))

    # ---- kinds ----

    async def plain(self, tls, body=None):
        line, name = self.line(tls), None

        async def turn():
            nonlocal name
            name = self.random.choice(self.place.upstreams)
            data = self.random.randbytes(self.random.randint(1, 300000)) if body else None
            await self.ask_echo(line, f"/{name}/{next(self.ids)}", name, method="POST" if body else "GET", body=data)
        kind = "upload" if body else "tls" if tls else "plain"
        await self.repeat(kind, lambda: {"worker", name, "upload" if body else kind}, turn)
        line.close()

    async def any_of_them(self):
        """With retries: one upstream that is gone costs nothing."""
        line = self.line()
        await self.repeat("retried", {"worker"}, lambda: self.ask_echo(line, "/any/x"))

    async def websocket(self):
        name = None

        async def turn():
            nonlocal name
            name = self.random.choice(self.place.upstreams)
            line = self.line(self.random.random() < 0.5)
            try:
                await asyncio.wait_for(talk(line, name), PATIENCE)
            except (OSError, EOFError):
                raise Failed("closed") from None
            except asyncio.TimeoutError:
                raise Failed("timeout") from None
            finally:
                line.close()

        async def talk(line, name):
            reader, writer = await line.open()
            writer.write(f"GET /{name}/ws HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            if b" 101 " not in head[:14]:
                raise Failed(f"{head[9:12].decode()} {head.lower().partition(b'x-yett-reason: ')[2].partition(bytes([13]))[0].decode()}")
            for _ in range(self.random.randint(1, 20)):
                text = f"line-{next(self.ids)}\n".encode()
                writer.write(text)
                back = await reader.readuntil(b"\n")
                if back != text:
                    raise Wrong(f"said {text}, got {back}")
                await asyncio.sleep(0.05)
        await self.repeat("websocket", lambda: {"worker", name}, turn)

    async def person(self, n):
        """Logs in, and uses a session whose token is always about to end."""
        who = Person(self, f"p{n}")
        await self.repeat("session", who.needs, who.turn)

    async def suspender(self):
        """Whoever was said to be suspended is refused from then on, and let in once it was said to be over."""
        who = Person(self, "s")
        api, state = Line(self.place.socket), None

        async def write(method):
            nonlocal state
            before, state = state, None
            answer = await api.ask("/suspended/sub/s", method, headers={"Content-Type": "application/json"}, body=b"{}" if method == "PUT" else None)
            if answer[0] == 404:
                return
            if answer[0] != 200:
                raise Failed(said(answer, "suspensions"))
            state = method

        async def turn():
            await write("DELETE")
            for tries in reversed(range(30)):  # it may be a moment until all have heard
                try:
                    await who.turn()
                    break
                except Failed as e:
                    if "suspended" not in str(e) or state != "DELETE":
                        raise
                    if not tries:
                        raise Wrong(f"who was let in again: {e}") from None
                    await asyncio.sleep(0.1)
            await write("PUT")
            for _ in range(3):
                try:
                    await who.use()
                except Failed as e:
                    if "suspended" not in str(e):
                        raise
                else:
                    if state == "PUT":
                        raise Wrong("who was suspended got in")
        await self.repeat("suspension", who.needs | {"admin"}, turn, pause=0.3)

    async def pusher(self, n):
        """A rule that was acknowledged is in force from then on, by its presence or by its absence."""
        api, line = Line(self.place.socket), self.line()

        async def write(method, host, done):
            self.pushed.pop(host, None)
            self.removed.discard(host)
            answer = await api.ask(f"/frontends/{host}" + ("/any" if method == "PUT" else ""), method)
            if answer[0] != 200:
                raise Failed(said(answer, "rules") + " " + json.loads(answer[2]).get("message", "")[:60])
            done(host)

        async def check(host, there):
            answer = await line.ask("/", host=host, headers={"X-Id": "x"})
            if answer[0] in (200, 404) and (answer[0] == 200) != there:
                raise Wrong(f"{host} answers {said(answer)}")
            if answer[0] not in (200, 404):
                raise Failed(said(answer))

        async def turn():
            host = f"push{n}-{next(self.ids)}.test"
            await write("PUT", host, lambda h: self.pushed.update({h: True}))
            await check(host, True)
            mine = [h for h in self.pushed if h.startswith(f"push{n}-")]
            if len(mine) > 5:
                await write("DELETE", mine[0], self.removed.add)
                await check(mine[0], False)
        await self.repeat("push", {"worker", "redis", "master", "admin", *self.place.upstreams}, turn, pause=0.2)

    async def raw(self):
        """Rules that old tools set: sooner or later they are in force, which is looked at in the end."""
        n = 0

        async def turn():
            nonlocal n
            n += 1
            try:
                await asyncio.to_thread(self.place.db().set, f"frontend:raw{n % 20}.test", "any")
            except Exception:
                raise Failed("store closed") from None
            self.pushed[f"raw{n % 20}.test"] = True
        await self.repeat("raw", {"redis"}, turn, pause=0.3)

    async def scraper(self):
        line = Line(self.place.socket)

        async def turn():
            answer = await line.ask("/metrics")
            if answer[0] != 200:
                raise Failed(said(answer))
            now = {n: float(v) for n, _, v in (row.rpartition(" ") for row in answer[2].decode().splitlines()) if COUNTER.match(n)}
            # A series goes with the route that it is of; none of those comes back.
            self.fallen += [(n, v, now.get(n)) for n, v in self.last_counters.items()
                            if (now.get(n, 0) < v if n in now or "redis:push" not in n else False)]
            self.last_counters, self.scrapes = now, self.scrapes + 1
        await self.repeat("scrape", {"admin", "master"}, turn, pause=0.1)

    def all(self):
        return ([self.plain(False) for _ in range(6)] + [self.plain(True) for _ in range(4)] + [self.plain(False, True), self.plain(True, True)]
                + [self.any_of_them() for _ in range(2)] + [self.websocket() for _ in range(4)] + [self.person(n) for n in range(6)]
                + [self.suspender(), self.pusher(0), self.pusher(1), self.raw(), self.scraper()])


class Person:
    def __init__(self, load, sub):
        self.load, self.sub, self.line, self.jar, self.logged_in = load, sub, load.line(), {}, False
        self.needs = {"worker", "redis", "provider", "master", load.place.upstreams[0]}

    def keep(self, answer):
        for line in answer[1].get("set-cookie", []):
            name, _, value = line.partition(";")[0].partition("=")
            self.jar[name] = value

    async def ask(self, path, **more):
        cookies = "; ".join(f"{n}={v}" for n, v in self.jar.items() if v)
        answer = await self.line.ask(path, host="app.test", headers={"Cookie": cookies, "X-Id": self.sub} | more)
        self.keep(answer)
        return answer

    async def log_in(self):
        self.jar = {}
        answer = await self.ask("/api/auth/login?redirect_url=/app")
        if answer[0] not in (302, 303):
            raise Failed(said(answer))
        asked = urllib.parse.urlsplit(answer[1]["location"][0])
        try:
            given = await Line(self.load.place.provider).ask(asked.path + "?" + asked.query, host=asked.netloc, headers={"X-Person": self.sub})
        except Failed as e:
            raise Failed("provider closed" if str(e)[:7] in ("closed", "closed ", "refused") else f"provider {e}") from None
        back = urllib.parse.urlsplit(given[1]["location"][0])
        answer = await self.ask(back.path + "?" + back.query)
        if answer[0] not in (302, 303):
            raise Failed(said(answer))
        self.logged_in = True
        self.load.book.done["login"] += 1

    async def use(self):
        answer = await self.ask("/app")
        if answer[0] != 200:
            raise Failed(said(answer))
        token = json.loads(answer[2])["token"] or ""
        if not re.fullmatch(rf"Bearer access-g{self.sub}x\d+-\d+", token):
            raise Wrong(f"{self.sub} got {token}")

    async def turn(self):
        if not self.logged_in:
            await self.log_in()
        try:
            await self.use()
        except Failed as e:
            if not str(e).startswith("401"):
                raise
            self.logged_in = False
            raise Failed(f"lost {e}") from None
