"""The gateways that are measured: a table. Each row's module writes its configuration, as its experts would, into a folder of
its own and tells how to start it: one worker, connection pools as large as the concurrency, the usual headers added, logs of
equal content where a scenario logs."""

import dataclasses
import os
from typing import Callable, Optional

import peer_haproxy
import peer_nginx
import peer_yett
import processes


@dataclasses.dataclass
class Peer:
    name: str
    start: Callable  # (Setting) -> argv, after it wrote its files
    commands: tuple = ()  # that must be installed
    files: tuple = ()  # and these
    gates: tuple = ()  # algorithms of tokens that it can check
    plain: bool = True  # is for scenarios without tokens
    tls: bool = True
    sessions: bool = False  # it knows who asks by a cookie of its own
    does: bool = True  # it routes and logs; a relay does neither
    reload: Optional[Callable] = None  # (Setting, pid) -> what a shell runs
    upgrade: Optional[Callable] = None  # the same
    renews: bool = False  # it sees by itself that a certificate is another one
    instead: tuple = ()  # who takes its place where tokens are checked

    def missing(self):
        """What must be installed first; "" when all is there."""
        lost = [c for c in self.commands if not processes.find(c)] + [f for f in self.files if not os.path.exists(f)]
        return ", ".join(lost)

    def can(self, scenario):
        """Why it is left out of a scenario; "" when it is not."""
        if scenario.gate:
            if scenario.gate not in self.gates:
                return f"cannot check {scenario.gate} tokens"
        elif not self.plain:
            return "is for scenarios with tokens"
        if getattr(scenario, "session", False) and not self.sessions:
            return "keeps no sessions"
        if not self.does and (scenario.routes or scenario.log):
            return "has no routes and no log"
        if not self.tls and getattr(scenario, "tls", ""):
            return "speaks no TLS"
        return ""


@dataclasses.dataclass
class Setting:
    """What a peer is to do."""
    folder: str
    port: int
    upstream: int  # port
    connections: int
    descriptors: int
    scenario: object
    keys: object = None
    tools: dict = dataclasses.field(default_factory=dict)
    can_reload: bool = False
    certificate: object = None  # of certificates.py, where TLS is spoken
    redis: int = 0  # port of the one that has the session, and
    cookie: str = ""  # what leads to it

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="ascii", opener=lambda p, how: os.open(p, how, 0o600)) as f:  # it may have a secret
            f.write(text)
        return path

    def routes(self):
        """The prefixes of its routes."""
        pattern = self.scenario.path.rpartition("/")[0] + "/"
        return [pattern.replace("{n}", str(n)) for n in range(self.scenario.routes)]


def relay(s):
    return [s.tools["bench-relay"], "--listen", f"127.0.0.1:{s.port}", "--to", f"127.0.0.1:{s.upstream}"]


BOTH = ("HS256", "RS256")
LUA = peer_nginx.LUA_FILES

PEERS = {peer.name: peer for peer in (
    Peer("yett", peer_yett.start, gates=BOTH, sessions=True, reload=peer_yett.reload, upgrade=peer_yett.upgrade,
         renews=True),
    Peer("nginx", peer_nginx.start, commands=("nginx",), reload=peer_nginx.reload, instead=("nginx-lua", "nginx-lru")),
    Peer("nginx-lua", peer_nginx.start_lua, commands=("nginx",), files=LUA, gates=BOTH, plain=False),
    Peer("nginx-lru", peer_nginx.start_lru, commands=("nginx",), files=LUA + peer_nginx.LRU_FILES, gates=BOTH, plain=False),
    Peer("haproxy", peer_haproxy.start, commands=("haproxy",), gates=BOTH, reload=peer_haproxy.reload),
    Peer("relay", relay, tls=False, does=False),
)}


def chosen_for(scenario, names):
    """(peers of a scenario, notes on those that are left out)."""
    found, notes = [], []
    for name in names:
        peer = PEERS[name]
        for one in ([PEERS[n] for n in peer.instead] if scenario.gate and peer.instead else [peer]):
            why = one.can(scenario) or (f"is left out: {one.missing()} is not there" if one.missing() else "")
            if why:
                notes.append(f"{one.name} {why}")
            else:
                found.append(one)
    return found, notes
