"""A gateway of an earlier version beside those of this one, as far as they meet: in Redis. It says, to the byte, what yett 0.1.0 said
when its rules were of format 1, and reads as strictly as that did. It was recorded, and is never brought up to date: what this version
changes must go with it, until its format is two behind."""

import hashlib
import json
import re
import threading
import time

REVISIONS, HEARD = "yett:revisions", "yett:gateways:heard"
ANNOUNCE = (
    "local t = redis.call('TIME') local now = t[1] * 1000 + math.floor(t[2] / 1000) "
    "redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2]) redis.call('ZADD', KEYS[2], now, ARGV[3]) "
    "redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - 600000) redis.call('EXPIRE', KEYS[2], 600) "
    "return redis.call('ZCOUNT', KEYS[2], now - ARGV[2] * 1000, '+inf')")
ANNOUNCED = ('{"name":"old","state":"%s","version":"0.1.0","degraded":"","revision":"%s","format":1,"pid":19870,"table":1,"workers":2,'
             '"in_force_ms":0,"up_ms":363}')
TEXTS, NUMBERS = ("name", "state", "version", "degraded", "revision"), ("format", "pid", "table", "workers", "in_force_ms", "up_ms")


def digest(rules):
    """As digest.h has it: of key and value in source form."""
    total = 0
    for key, value in rules.items():
        text = json.dumps(value, ensure_ascii=False)
        total += int.from_bytes(hashlib.sha256(len(key).to_bytes(8, "little") + key.encode() + text.encode()).digest()[:16], "big")
    return f"{total % (1 << 128):032x}"


class OldGateway:
    id = "5af9e1087c24e057"

    def __init__(self, store):
        self.db, self.revision, self.state, self.lags, self.over = store.db, "", "ready", False, threading.Event()
        self.thread = threading.Thread(target=self._live, daemon=True)
        self.thread.start()

    def _live(self):
        """It hears of changes more slowly than a real one; it announces itself as often."""
        said = None
        while not self.over.wait(0.02):
            self.revision = self.revision if self.lags else self.newest()
            news = self.state, self.revision, int(time.monotonic() / 2)
            if news != said:
                self._announce()
                said = news

    def _announce(self):
        self.db.eval(ANNOUNCE, 2, "yett:gateway:" + self.id, HEARD, ANNOUNCED % (self.state, self.revision), "7", self.id + " old")

    def newest(self):
        found = self.db.xrevrange(REVISIONS, count=1)
        return found[0][0].decode() if found else ""

    def finish(self):
        self.over.set()
        self.thread.join()
        self.db.delete("yett:gateway:" + self.id)
        self.db.zrem(HEARD, self.id + " old")

    # ---- rules ----

    def rules(self):
        """In source form; here are no others than routes."""
        return {k.decode(): self.db.get(k).decode() for k in self.db.scan_iter(match="yett:route:*", count=1000)}

    def push(self, name, rule):
        """Its revision."""
        key, value, rules = "yett:route:" + name, json.dumps(rule), self.rules()
        before = rules.get(key)
        rules[key] = value
        delta = json.dumps([{"key": key, "before": before, "after": value}], separators=(",", ":"))
        with self.db.pipeline() as p:
            p.set(key, value)
            p.execute_command("XADD", REVISIONS, "MAXLEN", "50", "*", "who", "uid:0", "why", "PUT /rules/route/" + name,
                              "digest", digest(rules), "delta", delta)
            return p.execute()[1].decode()

    def check_newest(self):
        """What somebody else noted is what it would have noted itself."""
        fields = {k.decode(): v.decode() for k, v in self.db.xrevrange(REVISIONS, count=1)[0][1].items()}
        assert {"who", "why", "digest", "delta"} <= fields.keys() and fields["digest"] == digest(self.rules()), fields
        for change in json.loads(fields["delta"]):
            assert change.keys() >= {"key", "before", "after"} and change["after"] == self.rules().get(change["key"]), change

    # ---- the others ----

    def fleet(self):
        """By id, what it understood of each."""
        found, members = {}, self.db.zrange(HEARD, 0, 9999, withscores=True)
        for member, _ in members:
            id, _, name = member.decode().partition(" ")
            assert re.fullmatch("[0-9a-f]{16}", id) and name, member
            text = self.db.mget("yett:gateway:" + id)[0]
            if text is None:
                continue
            assert len(text) <= 4096, len(text)
            g = json.loads(text, object_pairs_hook=lambda pairs: self._object(pairs, text))
            assert isinstance(g, dict) and not any(isinstance(v, (dict, list)) and any(isinstance(w, (dict, list)) for w in v) for v in g.values())
            assert g["state"] in ("ready", "degraded", "draining") and re.fullmatch(r"(\d+-\d+)?", g["revision"]), g
            assert all(isinstance(g[k], str) for k in TEXTS) and all(isinstance(g[k], int) and g[k] >= 0 for k in NUMBERS), g
            found[id] = g
        return found

    @staticmethod
    def _object(pairs, text):
        assert len(dict(pairs)) == len(pairs), text
        return dict(pairs)
