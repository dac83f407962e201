"""What a push of rules takes, under load and with many rules in force: from the push until every worker has acknowledged it. By
the API that is what its answer waits for; a raw SET is answered at once, and what is seen is that every connection, over the
workers, is answered by it."""

import contextlib
import os
import socket
import statistics
import time
import urllib.parse

import freshness
import peers
import processes
import redis_server

LOAD_RATE = 1000  # requests a second meanwhile


class Api:
    """The admin socket, kept alive."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(10)
        self.socket.connect(path)
        self.replies = self.socket.makefile("rb")

    def ask(self, method, path, body=b""):
        head = f"{method} {path} HTTP/1.1\r\nHost: yett\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self.socket.sendall(head.encode() + body)
        status, length = int(self.replies.readline().split()[1]), 0
        while (line := self.replies.readline()) != b"\r\n":
            if line.lower().startswith(b"content-length:"):
                length = int(line[15:])
        return status, self.replies.read(length)

    def push(self, url, backend):
        quoted = urllib.parse.quote(url, safe="")
        status, body = self.ask("PUT", f"/frontends/{quoted}/{backend}")
        if status != 200:
            raise processes.Failure(f"push: the API answered {status}: {body[:200]!r}")


def fill(redis, count):
    """So many rules beside the one that is pushed."""
    for i in range(count - 1):
        redis.send("HSET", f"backend:other-{i}", "127.0.0.1:1", "0")
        redis.send("SET", f"frontend:host-{i % 100}.example/path-{i}/v1", f"other-{i}")
        redis.reply()
        redis.reply()


def wait_for_rules(api, count):
    end = time.monotonic() + 60
    while f'"frontends":{count},'.encode() not in api.ask("GET", "/status")[1]:
        if time.monotonic() > end:
            raise processes.Failure("push: the rules do not come into force")
        time.sleep(0.1)
    time.sleep(1)  # what came with them is noted as a revision


def by_api(api, redis, askers, backend):
    start = time.monotonic()
    api.push(freshness.HOST, backend)
    return time.monotonic() - start


def by_redis(api, redis, askers, backend):
    start = time.monotonic()
    redis.send("SET", f"frontend:{freshness.HOST}", backend)
    took = freshness.until_all(askers, backend, start)
    redis.reply()
    return took


def row(via, push, count, scenario, api, redis, askers):
    names, times = ("one", "two"), []
    for i in range(scenario.pushes + 2):
        times.append(push(api, redis, askers, names[(i + 1) % 2]) * 1000)
    times = times[2:]  # the first ones also end what came before
    return {"gateway": "yett", "via": via, "routes": count, "pushes": len(times), "median_ms": statistics.median(times),
            "p99_ms": statistics.quantiles(times, n=100, method="inclusive")[98], "max_ms": max(times)}


def rows_with(count, scenario, stage, folder):
    tools = stage.tools
    with contextlib.ExitStack() as stack:
        redis_port, port = redis_server.start(folder, stack), processes.free_port()
        redis = redis_server.Redis(redis_port)
        for name in ("one", "two"):
            responder = stack.enter_context(
                processes.Process([tools["bench-responder"], "--name", name], folder, name, pipes=True))
            redis.command("HSET", f"backend:{name}", f"127.0.0.1:{int(responder.line())}", "0")
        redis.command("SET", f"frontend:{freshness.HOST}", "one")
        redis.command("SET", "frontend:127.0.0.1", "one")
        fill(redis, count - 1)
        setting = peers.Setting(folder, port, 0, 0, 0, scenario)
        gateway = stack.enter_context(processes.Process(
            [tools["yett"], "run", "-c", freshness.configuration(setting, redis_port, scenario.workers)], folder, "yett",
            on=processes.cores()[0]))
        gateway.wait_port(port)
        api = Api(os.path.join(folder, "admin.sock"))
        wait_for_rules(api, count)
        stack.enter_context(processes.Process(
            [tools["bench-load"], "-c", "20", "-r", str(LOAD_RATE), "-d", "3600", f"http://127.0.0.1:{port}/0"], folder, "load"))
        askers = [freshness.Asker(port) for _ in range(freshness.CONNECTIONS)]
        freshness.until_all(askers, "one", time.monotonic())
        return [row(via, push, count, scenario, api, redis, askers) for via, push in (("API", by_api), ("raw SET", by_redis))]


def run(scenario, _, stage):
    if not processes.find("redis-server"):
        raise processes.Failure("push: redis-server is not installed: run etc/setup bench")
    rows = []
    for count in scenario.counts:
        folder = os.path.join(stage.folder, f"{scenario.name}-{count}")
        os.mkdir(folder)
        rows += rows_with(count, scenario, stage, folder)
    targets = [{"what": f"median of a push with {r['routes']} routes, {r['via']}, ms", "value": r["median_ms"], "limit": 10}
               for r in rows]
    return {"kind": "push", "rows": rows, "targets": targets}
