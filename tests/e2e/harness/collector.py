"""A collector of spans: takes OTLP over HTTP in JSON, and is strict about what opentelemetry-proto's mapping says."""

import json
import re
import threading
import time

from .procs import wait_until
from .upstream import Upstream

SERVER, CLIENT = 2, 3


def value_of(v):
    (kind, value), = v.items()
    assert kind in ("stringValue", "intValue") and isinstance(value, str), v
    return int(value) if kind == "intValue" else value


def attributes(found):
    names = [a["key"] for a in found]
    assert len(set(names)) == len(names) and all(set(a) == {"key", "value"} for a in found), found
    return {a["key"]: value_of(a["value"]) for a in found}


class Span:
    def __init__(self, d, resource):
        known = {"traceId", "spanId", "parentSpanId", "name", "kind", "startTimeUnixNano", "endTimeUnixNano", "attributes", "links",
                 "status", "flags", "traceState"}
        assert set(d) <= known, set(d) - known
        assert re.fullmatch("[0-9a-f]{32}", d["traceId"]) and re.fullmatch("[0-9a-f]{16}", d["spanId"])
        assert re.fullmatch("[0-9a-f]{16}", d.get("parentSpanId", "0" * 16)) and d["kind"] in (SERVER, CLIENT)
        assert isinstance(d["startTimeUnixNano"], str) and isinstance(d["endTimeUnixNano"], str)
        self.begin, self.end = int(d["startTimeUnixNano"]), int(d["endTimeUnixNano"])
        assert time.time_ns() - 60e9 < self.begin <= self.end < time.time_ns() + 1e9
        self.trace, self.id, self.parent = d["traceId"], d["spanId"], d.get("parentSpanId")
        self.name, self.kind, self.resource = d["name"], d["kind"], resource
        self.error = d.get("status", {}).get("code") == 2
        assert d["flags"] == (0x301 if d["kind"] == SERVER and self.parent else 0x101)
        assert all(link["flags"] == 0x300 for link in d.get("links", []))
        self.links = [(link["traceId"], link["spanId"]) for link in d.get("links", [])]
        self.state = d.get("traceState")
        self.attributes = attributes(d["attributes"])

    def __getitem__(self, name):
        return self.attributes.get(name)


class Collector(Upstream):
    """`status`, `headers` and `body`: of its answers, which wait while `may_answer` is not set. `raw`: those bytes instead."""

    def __init__(self, **how):
        self.spans, self.times, self.may_answer = [], [], threading.Event()
        self.behave()
        self.may_answer.set()
        super().__init__(self.take, name="collector", **how)

    def behave(self, status=200, headers=(), body=b"{}", raw=None):
        self.status, self.headers, self.body, self.raw = status, dict(headers), body, raw

    def take(self, r, c):
        body = c.read_body(r)
        self.times.append(time.monotonic())
        assert r.method == "POST" and r.target == "/v1/traces" and r.header("Content-Type") == "application/json"
        if self.status == 200:
            for part in json.loads(body)["resourceSpans"]:
                resource = attributes(part["resource"]["attributes"])
                for scope in part["scopeSpans"]:
                    assert scope["scope"]["name"] == "yett"
                    self.spans += [Span(d, resource) for d in scope["spans"]]
        self.may_answer.wait(60)
        if self.raw is not None:
            c.send(self.raw)
            c.close = True
            return
        c.reply(self.status, {"Content-Type": "application/json"} | self.headers, self.body)

    def find(self, trace, n):
        """The n spans of a trace: that of the request, then its tries in their order."""
        def found():
            return sorted((s for s in self.spans if s.trace == trace), key=lambda s: (s.kind, s.begin, s["http.request.resend_count"] or 0))
        wait_until(lambda: len(found()) >= n, what=lambda: [(s.trace, s.name) for s in self.spans])
        assert len(found()) == n
        server, *tries = found()
        assert server.kind == SERVER and all(t.kind == CLIENT and t.parent == server.id for t in tries)
        assert all(server.begin <= t.begin <= t.end <= server.end for t in tries)
        return server, *tries
