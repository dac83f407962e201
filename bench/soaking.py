"""What a soak runs: a gateway of two workers with TLS, tokens, sessions, a limit and rules of Redis; loads of every kind before it, each at
a low rate; and somebody who pushes, suspends, reloads and leaves in the middle of an answer."""

import json
import os
import random
import socket
import subprocess
import threading
import time

import certificates
import processes
import redis_server
import session
import tokens

WORKERS = 2
FILL, FILL_S = 100000, 30  # tokens; at most so many seconds
PUSHED = "127.0.0.1/pushed"
LOADS = {  # requests/s, connections, path, more of what bench-load is told
    "plain": (300, 16, "/1k", []),
    "large": (5, 4, "/10m", ["--length", str(10 * 1024 * 1024)]),
    "upload": (5, 4, "/upload", ["-m", "POST", "-b", str(1024 * 1024)]),
    "token": (100, 8, "/token/1k", ["{jwt}", "--tokens", "0", "-H", "Authorization: Bearer {token}"]),
    "session": (100, 8, "/session/1k", ["-H", "Cookie: {cookie}"]),
    "refused": (50, 4, "/token/1k", ["--status", "401"]),
    "connections": (50, 4, "/1k", ["--new-connection"]),
    "tls": (100, 8, "/1k", ["--tls", "1.3"]),
    "handshakes": (20, 4, "/1k", ["--tls", "1.3", "--new-connection"]),
    "websocket": (100, 32, "/echo", ["--websocket"]),
    "pushed": (50, 4, "/pushed/1k", []),
}
RELAY = "relay"  # a load through a bare relay beside the gateway: what it waits for is the machine


def configuration(place):
    return f"""\
listeners:
  - "127.0.0.1:{place.port}"
  - {{address: "127.0.0.1:{place.tls_port}", tls: true}}
admin: {{socket: {place.folder}/admin.sock}}
run_dir: {place.folder}
state_dir: {place.folder}
workers: {WORKERS}
access_log: {place.folder}/access.log
limits: {{body: 16m, rates: [100000/second]}}
redis: {{address: "127.0.0.1:{place.redis_port}"}}
upstreams:
  up: {{endpoints: ["127.0.0.1:{place.upstream}"]}}
routes:
  - {{path: /, upstream: up}}
  - {{path: /token, strip_prefix: true, upstream: up}}
  - {{path: /session, strip_prefix: true, upstream: up, auth: required}}
tls:
  certificates: [{{certificate: {place.certificate.chain}, key: {place.certificate.key}}}]
"""


class Place:
    """All of it; `stack` ends it."""

    def __init__(self, tools, folder, stack):
        self.tools, self.folder, self.stack = tools, folder, stack
        self.keys = tokens.Keys(tools, os.path.join(folder, "keys"))
        responder = stack.enter_context(processes.Process([tools["bench-responder"]], folder, "responder", pipes=True))
        self.upstream = int(responder.line())
        self.redis_port = redis_server.start(folder, stack)
        self.redis = redis_server.Redis(self.redis_port)
        self.cookie = session.fill(self.redis)
        for i in range(2):
            self.redis.command("HSET", f"backend:b{i}", f"127.0.0.1:{self.upstream}", "0")
        self.redis.command("SET", f"frontend:{PUSHED}", "b0")
        self.port, self.tls_port = processes.free_port(), processes.free_port()
        self.certificate = certificates.Certificate(os.path.join(folder, "tls"))
        self.settings = os.path.join(folder, "yett.yaml")
        with open(self.settings, "w", encoding="ascii") as f:
            os.fchmod(f.fileno(), 0o600)
            f.write(self.text())
        self.gateway = stack.enter_context(processes.Process(
            [tools["yett"], "run", "-c", self.settings], folder, "yett", on=processes.cores()[0]))
        self.gateway.wait_port(self.tls_port, 60)
        relay = stack.enter_context(processes.Process(
            [tools["bench-relay"], "--to", f"127.0.0.1:{self.upstream}"], folder, "relay", on=processes.cores()[0], pipes=True))
        self.loads = {name: self.load(name, self.port) for name in LOADS} | {RELAY: self.load("plain", int(relay.line()))}

    def text(self):
        gate = f"""
  protect: ["/token"]
  algorithms: [HS256]
  secret: {{file: {self.keys.secret}}}
  issuer: {tokens.ISSUER}
  sources: [bearer]
  claims: {{sub: X-Auth-Sub}}
"""
        return configuration(self) + session.configuration(self.redis_port).replace("gate: {claims: {sub: X-Auth-Sub}}", f"gate:{gate}")

    def load(self, name, port):
        _, connections, path, more = LOADS[name]
        minted = ["--jwt-secret", self.keys.secret, *self.keys.claims]
        words = [w for word in more for w in (minted if word == "{jwt}" else [word.replace("{cookie}", self.cookie)])]
        secure = "--tls" in words
        scheme = "ws" if "--websocket" in words else "https" if secure else "http"
        url = f"{scheme}://127.0.0.1:{self.tls_port if secure else port}{path}"
        return self.stack.enter_context(processes.Load(self.tools["bench-load"], self.folder, f"load-{name}-{port}", ["-c", str(connections), *words, url]))

    def window(self, seconds, times=1):
        """What became of each load, by its name; at `times` its rate."""
        for name, load in self.loads.items():
            load.process.say(f"run {seconds} {times * LOADS['plain' if name == RELAY else name][0]}")
        return {name: json.loads(load.process.line()) for name, load in self.loads.items()}

    def fill(self, seconds):
        """The cache of tokens, of 16 MiB in each worker, would else grow all the time."""
        done, end = 0, time.monotonic() + min(seconds, FILL_S)
        while done < FILL and time.monotonic() < end:
            self.loads["token"].process.say("run 1 0")
            done += json.loads(self.loads["token"].process.line())["requests"]

    def command(self, *words):
        done = subprocess.run([self.tools["yett"], *words, "--socket", os.path.join(self.folder, "admin.sock")], capture_output=True, text=True,
                              timeout=30, check=False)
        return done.returncode, done.stdout + done.stderr

    def pids(self):
        """Of the workers, and in a list of its own of the admin worker."""
        status = json.loads(self.command("status", "--json")[1])
        return [w["pid"] for w in status["workers"] if w["state"] == "running"], [status["admin"]["pid"]]


def weigh(pid):
    """(KiB that are its own, descriptors)"""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
        own = sum(int(line.split()[1]) for line in f if line.startswith("Private_"))
    return own, len(os.listdir(f"/proc/{pid}/fd"))


class Unrest(threading.Thread):
    """Pushes, suspensions, reloads and clients that leave, at `times` their rates, until told to stop. `failures`: what was not done as asked."""

    def __init__(self, place):
        super().__init__(daemon=True)
        self.times = 1
        self.place, self.ended, self.failures, self.done = place, threading.Event(), [], dict.fromkeys(("pushes", "suspensions", "reloads", "gone"), 0)
        self.redis = redis_server.Redis(place.redis_port)
        self.random = random.Random(1)

    def push(self, turn):
        self.redis.command("SET", f"frontend:{PUSHED}", f"b{turn % 2}")
        self.redis.command("SET", f"frontend:spare-{turn % 7}.example", f"b{turn % 2}")
        self.redis.command("DEL", f"frontend:spare-{(turn + 3) % 7}.example")
        self.done["pushes"] += 1

    def suspend(self, turn):
        for word in ("suspend", "resume"):
            self.expect(word, f"somebody-{turn % 50}", "--sub")
        self.done["suspensions"] += 1

    def reload(self, turn):
        self.expect("reload", "--wait")
        self.done["reloads"] += 1

    def leave(self, turn):
        """In the middle of the head, of the body, of the answer."""
        asked = (b"GET /1k HT", b"POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n12345", b"GET /10m HTTP/1.1\r\nHost: x\r\n\r\n")
        with socket.create_connection(("127.0.0.1", self.place.port), 10) as s:
            s.sendall(asked[turn % 3])
            if turn % 3 == 2:
                s.recv(4096)
        self.done["gone"] += 1

    def expect(self, *words):
        status, said = self.place.command(*words)
        if status:
            self.failures.append(f"yett {' '.join(words)}: {status}: {said.strip()[-200:]}")

    def run(self):
        periods = {self.leave: 0.2, self.push: 1, self.suspend: 3, self.reload: 10}
        begun, due, turns = time.monotonic(), dict(periods), dict.fromkeys(periods, 0)
        while not self.ended.wait(0.05):
            for act, period in periods.items():
                if time.monotonic() - begun < due[act]:
                    continue
                turns[act] += 1
                due[act] += period / self.times
                try:
                    act(turns[act])
                except ConnectionError:
                    pass
                except Exception as e:  # whatever it is, it is told, and the others go on
                    self.failures.append(f"{act.__name__}: {e!r}")

    def finish(self):
        self.ended.set()
        self.join(60)
