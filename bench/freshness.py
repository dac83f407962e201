"""How old a rule can be: time from the moment a Redis client sends a raw SET until every connection to the gateway is
answered by the new rule. Nothing announces the write."""

import contextlib
import os
import socket
import statistics
import time

import peers
import processes
import redis_server

HOST = "fresh.example"
CONNECTIONS = 8  # over the workers: the kernel spreads them
PATIENCE_S = 5


class Asker:
    """A kept-alive connection that asks which upstream answers."""

    def __init__(self, port):
        self.port, self.socket = port, None

    def ask(self):
        if not self.socket:
            self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=5)
        self.socket.sendall(f"GET /0 HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        data = b""
        while b"\r\n\r\n" not in data:
            more = self.socket.recv(65536)
            if not more:
                break
            data += more
        head = data.partition(b"\r\n\r\n")[0].decode("latin-1").lower().split("\r\n")
        for line in head:
            if line.startswith("x-responder: "):
                return line[13:]
        self.socket.close()  # an answer of the gateway's own, with a body that nobody needs
        self.socket = None
        return None


def configuration(setting, redis_port, workers):
    return setting.write("yett.yaml", f"""\
listeners: ["127.0.0.1:{setting.port}"]
admin: {{socket: {setting.folder}/admin.sock}}
run_dir: {setting.folder}
state_dir: {setting.folder}
workers: {workers}
access_log: off
limits: {{keepalive_requests: 100000000}}
redis: {{address: "127.0.0.1:{redis_port}"}}
""")


def until_all(askers, wanted, start):
    waiting = list(askers)
    while waiting:
        waiting = [asker for asker in waiting if asker.ask() != wanted]
        if time.monotonic() - start > PATIENCE_S:
            raise processes.Failure(f"freshness: a write was not in force after {PATIENCE_S} s")
    return time.monotonic() - start


def run(scenario, _, stage):
    tools, folder = stage.tools, os.path.join(stage.folder, scenario.name)
    os.mkdir(folder)
    with contextlib.ExitStack() as stack:
        redis_port, port = redis_server.start(folder, stack), processes.free_port()
        redis = redis_server.Redis(redis_port)
        for name in ("one", "two"):
            responder = stack.enter_context(
                processes.Process([tools["bench-responder"], "--name", name], folder, name, pipes=True))
            redis.command("HSET", f"backend:{name}", f"127.0.0.1:{int(responder.line())}", "0")
        redis.command("SET", f"frontend:{HOST}", "one")
        setting = peers.Setting(folder, port, 0, 0, 0, scenario)
        gateway = stack.enter_context(processes.Process(
            [tools["yett"], "run", "-c", configuration(setting, redis_port, scenario.workers)], folder, "yett",
            on=processes.cores()[0]))
        gateway.wait_port(port)
        askers = [Asker(port) for _ in range(CONNECTIONS)]
        until_all(askers, "one", time.monotonic())
        times = []
        for i in range(scenario.writes):
            wanted = "one" if i % 2 else "two"
            start = time.monotonic()
            redis.send("SET", f"frontend:{HOST}", wanted)
            times.append(until_all(askers, wanted, start) * 1000)
            redis.reply()
    deciles = statistics.quantiles(times, n=10, method="inclusive")
    return {"kind": "freshness", "writes": len(times), "workers": scenario.workers,
            "median_ms": statistics.median(times), "p90_ms": deciles[8], "max_ms": max(times)}
