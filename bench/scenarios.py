"""What is measured. A scenario is one row; what a row does not say is as in `plain`. `targets` are ratios of the gateway's CPU
per request to that of a peer in the same run: at most so much."""

import dataclasses

MIB = 1 << 20


@dataclasses.dataclass
class Scenario:
    name: str
    text: str
    path: str = "/1k"  # "{n}" in it: the number of a route
    length: int = 1024  # of each answer
    connections: int = 64
    gate: str = ""  # tokens are checked: signed with this algorithm
    tokens: int = 1  # used in turn; 0: none is seen twice
    routes: int = 0  # each has a prefix of its own; 0: one for all paths
    store: bool = False  # yett has them from Redis
    limits: int = 0  # rates by address that a request is under, none of which refuses one
    session: bool = False  # requests have the cookie of one, whose record is in Redis
    log: bool = False
    new_connection: bool = False
    method: str = "GET"
    body: int = 0  # of each request
    tls: str = ""  # of this version; "": plain
    groups: str = "X25519:P-256"  # that the client offers, with a share of the first
    resumed: bool = False  # new connections resume a session
    share: float = 0  # open loop at this share of what the reference does at most
    targets: dict = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Idle(Scenario):
    """Memory of connections that wait."""
    target_kib: float = 0.6


@dataclasses.dataclass
class Syscalls(Scenario):
    target_calls: float = 4.3


@dataclasses.dataclass
class Reload(Scenario):
    """Reloads under load; no request may fail."""
    rate: float = 5000
    how: str = "reload"  # of the peer
    times: int = 3
    pause: float = 0.5  # behind each, seconds
    seconds: float = 3


@dataclasses.dataclass
class Loris(Scenario):
    """Others are served while slow attackers hold connections."""
    part: str = "heads"  # that they dribble; or "bodies"
    attackers: int = 1000
    others: int = 64  # connections of those who are served
    connections: int = 1064
    rate: float = 3000
    pairs: int = 12  # of windows, without and with them


@dataclasses.dataclass
class Flood(Scenario):
    """Others are served on their connections while new ones come."""
    new_rate: float = 2000  # in a second
    others: int = 64
    connections: int = 512
    rate: float = 3000
    pairs: int = 12  # of windows, without and with them


@dataclasses.dataclass
class Renew(Scenario):
    """The certificate becomes another one each second; no request may fail."""
    rate: float = 2000  # over kept connections
    new_rate: float = 200  # over new ones
    renewals: int = 60


@dataclasses.dataclass
class Change(Scenario):
    """Others are served while routes change."""
    others: int = 64  # connections of those who are served
    rate: float = 5000
    workers: int = 2
    pairs: int = 6  # of windows, without changes and with them,
    window_s: float = 5
    every_s: float = 1  # a change


@dataclasses.dataclass
class Freshness:
    name: str
    text: str
    writes: int = 200
    workers: int = 2


@dataclasses.dataclass
class Push:
    name: str
    text: str
    counts: tuple = (10, 10000)  # of routes
    pushes: int = 1000
    workers: int = 2


def gate_scenarios():
    for algorithm, haproxy in (("HS256", 0.63), ("RS256", 0.33)):
        name = "jwt-" + algorithm.lower()
        seen = {"nginx-lua": 0.50, "nginx-lru": 0.82, "haproxy": haproxy}
        yield Scenario(name, f"a check of an {algorithm} token that was seen before", gate=algorithm, targets=seen)
        yield Scenario(name + "-10k", f"a check of 10 000 {algorithm} tokens in turn", gate=algorithm, tokens=10000,
                       targets=seen)
        yield Scenario(name + "-cold", f"a check of {algorithm} tokens that no cache holds", gate=algorithm, tokens=0,
                       targets={"nginx-lua": 0.60, "haproxy": 0.75})


def tls_scenarios():
    """ECDSA with P-256, AES-128-GCM."""
    def new(name, text, target, **other):
        other = {"tls": "1.3", "new_connection": True, "targets": {"nginx": target} if target else {}} | other
        return Scenario(name, f"a new connection for each request, {text}", **other)

    yield Scenario("tls", "1 KiB answers over kept-alive connections, TLS 1.3", tls="1.3", targets={"nginx": 0.85})
    yield Scenario("tls12", "the same, TLS 1.2", tls="1.2", targets={"nginx": 0.85})
    yield Scenario("tls-64k", "64 KiB answers, TLS 1.3", path="/64k", length=65536, connections=16, tls="1.3",
                   targets={"nginx": 0.95})
    yield new("tls-full", "a whole handshake, TLS 1.3, X25519", 0.75)
    yield new("tls-full-p256", "a whole handshake, TLS 1.3, P-256", 0.75, groups="P-256:X25519")
    yield new("tls12-full", "a whole handshake, TLS 1.2, X25519", 0, tls="1.2")
    yield new("tls-resumed", "a resumed session, TLS 1.3, X25519", 0.70, resumed=True)
    yield new("tls-resumed-p256", "a resumed session, TLS 1.3, P-256", 0.70, groups="P-256:X25519", resumed=True)
    yield new("tls12-resumed", "a resumed session, TLS 1.2", 0, tls="1.2", resumed=True)
    yield Idle("tls-idle", "memory of idle TLS connections, user space", connections=2000, tls="1.3", target_kib=7)
    yield Flood("tls-flood", "2 000 new TLS connections a second while others are served on theirs", tls="1.3")
    yield Renew("tls-renew", "a new certificate each second under load", tls="1.3")


PLAIN = {"nginx": 0.82, "haproxy": 0.87}
LARGE = {"nginx": 0.95, "haproxy": 1.0}

SCENARIOS = {scenario.name: scenario for scenario in (
    Scenario("plain", "1 KiB answers over kept-alive connections", targets=PLAIN),
    Scenario("plain-100", "the same over 100 connections", connections=100, targets=PLAIN),
    Scenario("plain-64k", "64 KiB answers", path="/64k", length=65536, connections=16,
             targets={"nginx": 0.95, "haproxy": 0.85}),
    Scenario("c1k", "1 000 connections", connections=1000, targets={"nginx": 0.70, "haproxy": 0.70}),
    Scenario("c9k", "9 000 connections", connections=9000, targets={"nginx": 0.88}),
    Scenario("fixed-rate", "60 % of what the reference does at most, for all", connections=100, share=0.6,
             targets={"nginx": 0.92, "haproxy": 0.87}),
    Scenario("log", "access log on, into a file", log=True, targets={"nginx": 0.85, "haproxy": 0.80}),
    Scenario("limit", "a rate by address", limits=1, targets={"nginx": 0.85, "haproxy": 0.85}),
    Scenario("limit-3", "three rates by address", limits=3),
    Scenario("session", "who asks is known by the cookie of a session", session=True),
    Scenario("newconn", "a new connection for each request", new_connection=True,
             targets={"nginx": 0.95, "haproxy": 0.95}),
    Scenario("stream-1m", "1 MiB answers", path="/1m", length=MIB, connections=8, targets=LARGE),
    Scenario("upload-10m", "10 MiB uploads", path="/upload", length=len(str(10 * MIB)), connections=8, method="POST",
             body=10 * MIB, targets=LARGE),
    *gate_scenarios(),
    Scenario("routes-100k", "100 000 routes in turn", path="/svc-{n}/v1/1k", routes=100000,
             targets={"nginx": 0.82, "haproxy": 0.78}),
    Scenario("routes-1m", "1 000 000 routes in turn", path="/svc-{n}/v1/1k", routes=1000000, store=True,
             targets={"nginx": 0.82, "haproxy": 0.68}),
    *tls_scenarios(),
    Idle("idle", "memory of idle kept-alive connections, user space", connections=10000),
    Syscalls("syscalls", "system calls for each request"),
    Reload("reload", "3 reloads under load"),
    Reload("upgrade", "the running image is replaced 3 times under load", how="upgrade", rate=2000, pause=1.5, seconds=8),
    Loris("loris-heads", "1 000 attackers dribble heads while others are served"),
    Loris("loris-bodies", "1 000 attackers dribble bodies while others are served", part="bodies"),
    Loris("loris-readers", "1 000 attackers hardly read answers of 1 MiB while others are served", part="readers"),
    Flood("flood", "100 000 new connections a minute while others are served on theirs", new_rate=100_000 / 60),
    Freshness("freshness", "time from a raw SET in Redis until every worker answers by it"),
    Push("push", "a push of one rule under load, until every worker has acknowledged it"),
    Change("routes-1m-change", "one of 1 000 000 routes changes each second while others are served", path="/svc-{n}/v1/1k",
           routes=1000000, store=True),
)}
