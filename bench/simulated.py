"""Simulated gateways before a real Redis: what happens there when they all hear of a change, or ask, and what it costs."""

import dataclasses
import json
import time

import processes
import recorded
import recorder

PUSHES = 5  # of each kind, of which the median is told
SETTLE_S, REST_S = 0.3, 1


@dataclasses.dataclass
class Outcome:
    """What happened between two looks at Redis."""
    ms: list  # median, 90 %, 99 % and the longest
    heard: list
    cpu_s: float  # of Redis' process
    own_cpu_s: float  # of the simulated gateways
    commands: int
    read: int  # bytes that Redis read
    written: int
    seconds: float
    failed: int
    fault: str


class Server:
    """Redis, weighed."""

    def __init__(self, process, port, redis):
        self.process, self.port, self.redis = process, port, redis
        self.version = self.info()["redis_version"]

    def ask(self, *words):
        self.redis.send(*words)
        data = b""
        while True:
            data += self.redis.socket.recv(1 << 20)
            if one := recorder.resp(data):
                return one[0]

    def info(self):
        lines = self.ask("INFO", "everything")[1].decode().splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)

    def cpu_s(self):
        return sum(processes.cpu_ns(self.process.child.pid).values()) / 1e9

    def newest(self, stream):
        """The id of its last entry."""
        found = self.ask("XREVRANGE", stream, "+", "-", "COUNT", "1")[1]
        return found[0][1][0][1] if found else b"0-0"


class Fleet:
    """So many simulated gateways."""

    def __init__(self, tool, server, recording, n, folder, stack):
        self.server, self.recording, self.n = server, recording, n
        self.resting = 0.0  # of Redis' processor, while nobody says anything
        self.process = stack.enter_context(processes.Process([tool, str(server.port)], folder, f"fleet-{n}", pipes=True))
        for line in recorded.lines(recording):
            self.process.child.stdin.write(line + "\n")
        self.learn()

    def learn(self):
        """The newest entries of the streams, as gateways know them."""
        for name, stream in ("revision", "yett:revisions"), ("suspended", "yett:suspended:log"):
            self.process.child.stdin.write(f"value {name} {self.server.newest(stream).hex()}\n")
        self.process.child.stdin.flush()

    def own_cpu_s(self):
        return sum(processes.cpu_ns(self.process.child.pid).values()) / 1e9

    def measure(self, order, act=lambda: None):
        """What `order` brings, and what `act` does behind it, until the last of them has ended."""
        before, cpu, own = self.server.info(), self.server.cpu_s(), self.own_cpu_s()
        begin = time.monotonic()
        self.process.say(order.format(now=time.monotonic_ns()))
        act()
        said = json.loads(self.process.line())
        rest = self.resting * (time.monotonic() - begin)
        cpu, own, after = max(self.server.cpu_s() - cpu - rest, 0), self.own_cpu_s() - own, self.server.info()

        def more(name):
            return int(after[name]) - int(before[name])
        return Outcome(said["ms"], said["heard_ms"], cpu, own, more("total_commands_processed"), more("total_net_input_bytes"),
                       more("total_net_output_bytes"), said["seconds"], said["failed"], said["fault"])

    # ---- what happens ----

    def connect(self, spread_ms):
        outcome = self.measure(f"connect {self.n} {len(self.recording.connections)} {spread_ms}")
        time.sleep(SETTLE_S)
        cpu, begin = self.server.cpu_s(), time.monotonic()
        time.sleep(REST_S)
        self.resting = (self.server.cpu_s() - cpu) / (time.monotonic() - begin)
        return outcome

    def lose(self):
        """All connections at once, as when Redis starts anew; they come back by themselves."""
        def kill():
            for kind in "normal", "pubsub":
                self.server.ask("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")
        return self.measure(f"mark start {self.n} {{now}}", kill)

    def idle(self, seconds):
        """Shares of a processor, commands and bytes in a second."""
        self.process.say(f"every idle {recorded.IDLE_S * 1000}")
        time.sleep(recorded.IDLE_S * 0.2)
        before, cpu, begin = self.server.info(), self.server.cpu_s(), time.monotonic()
        time.sleep(seconds)
        cpu, after, took = self.server.cpu_s() - cpu, self.server.info(), time.monotonic() - begin
        self.process.say("every idle 0")
        return {"cpu": cpu / took, **{name: (int(after[name]) - int(before[name])) / took for name in
                                      ("total_commands_processed", "total_net_input_bytes", "total_net_output_bytes")}}

    def write(self, name):
        """As the gateway did that made the change."""
        commands = self.recording.written[name]
        last = max((i for i, c in enumerate(commands) if c[0] == b"EXEC"), default=len(commands) - 1)
        commands = [self.renewed(c) for c in commands[:last + 1]]
        self.server.redis.socket.sendall(b"".join(self.server.redis.written(c) for c in commands))
        self.answers(len(commands))

    def renewed(self, command):
        stream = b"yett:suspended:log" if any(b"suspended" in w for w in command) else b"yett:revisions"
        return [recorded.STREAM_ID.sub(lambda _: self.newest[stream], w) for w in command]

    def answers(self, n):
        data, at = b"", 0
        while n:
            data += self.server.redis.socket.recv(1 << 20)
            while n and (one := recorder.resp(data, at)):
                at, n = one[1], n - 1

    def hear(self, name):
        """A change that all of them hear of: until the last has read it."""
        found = []
        for _ in range(PUSHES):
            self.newest = {s: self.server.newest(s.decode()) for s in (b"yett:revisions", b"yett:suspended:log")}
            self.learn()
            time.sleep(SETTLE_S / 3)
            found.append(self.measure(f"mark {name} {self.n} {{now}}", lambda: self.write(name)))
        return sorted(found, key=lambda o: o.ms[-1])[PUSHES // 2]

    def at_rate(self, name, per_gateway, seconds):
        """(what came of it, how often it was)"""
        self.sessions()
        runs = max(int(self.n * per_gateway * seconds), 20)
        return self.measure(f"rate {name} {self.n * per_gateway} {runs}"), runs

    def sessions(self):
        """Each has a session of its own, whose tokens are as they were before."""
        self.server.redis.socket.settimeout(30)
        number = 0
        for i in range(self.n):
            own, token = recorded.session_names(f"5a{i:014x}")
            self.server.redis.send("COPY", "spare:session", f"session:{own}", "REPLACE")
            for kind in "accessToken", "refreshToken", "idToken":
                self.server.redis.send("COPY", f"spare:{kind}", f"{kind}:{token}", "REPLACE")
            self.server.redis.send("DEL", f"refreshLock:{token}")
            number += 5
        self.answers(number)
