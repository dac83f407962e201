"""Load from a process of its own: Load(port) sends GETs over keep-alive connections at a steady rate until stop().

A request that failed on a connection that was used before, with no byte of its answer seen, is sent once more on a new one,
as RFC 9112 section 9.3.1 allows; those are counted apart."""

import asyncio
import json
import os
import subprocess
import sys
import time


class Load:
    def __init__(self, port, rate=300, connections=16, host="test", path="/", headers=None):
        from . import procs

        self.procs = procs
        order = {"port": port, "rate": rate, "connections": connections, "host": host, "path": path,
                 "headers": headers or {}}
        self.process = procs.spawn([sys.executable, os.path.abspath(__file__), json.dumps(order)],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.process.stdout.readline()  # it runs

    def stop(self):
        """ok: answers of 200; failures: [seconds, what]; retried: requests sent once more; closed: connections that the
        other side closed without saying so in an answer; announced: those where it did; slowest: ms."""
        self.process.stdin.close()
        self.result = json.loads(self.process.stdout.read())
        self.process.wait(20)
        self.procs.forget(self.process)
        return self.result

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.stop()


class Generator:
    def __init__(self, port, rate, connections, host, path, headers):
        self.port, self.gap, self.connections = port, connections / rate, connections
        lines = [f"GET {path} HTTP/1.1", f"Host: {host}"] + [f"{n}: {v}" for n, v in headers.items()]
        self.request = "\r\n".join(lines + ["", ""]).encode()
        self.stopping = False
        self.result = {"ok": 0, "failures": [], "retried": 0, "closed": 0, "announced": 0, "slowest": 0.0}

    async def exchange(self, reader, writer):
        """Status and whether the connection goes on; None: closed before the answer began."""
        writer.write(self.request)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as e:
            if e.partial:
                raise
            return None
        except ConnectionError:
            return None
        fields = dict(line.split(": ", 1) for line in head.decode("latin-1").lower().split("\r\n")[1:-2])
        await reader.readexactly(int(fields["content-length"]))
        status = head[9:12].decode() + " " + fields.get("x-yett-reason", "")
        return status, fields.get("connection") != "close"

    async def attempt(self, connection):
        """The connection to go on with, and what became of the request."""
        fresh = connection is None
        if not fresh and connection[0].at_eof():
            self.result["closed"] += 1
            connection[1].close()
            fresh = True
        if fresh:
            connection = await asyncio.open_connection("127.0.0.1", self.port)
        outcome = await self.exchange(*connection)
        if outcome is None:
            connection[1].close()
            if fresh:
                raise EOFError("closed without an answer")
            self.result["retried"] += 1
            return await self.attempt(None)
        status, keep = outcome
        if not keep:
            self.result["announced"] += 1
            connection[1].close()
        return (connection if keep else None), status

    async def run_one(self, number):
        connection = None
        due = time.monotonic() + number * self.gap / self.connections
        while not self.stopping:
            await asyncio.sleep(max(0, due - time.monotonic()))
            due = max(due + self.gap, time.monotonic() - self.gap)
            begin = time.monotonic()
            try:
                connection, status = await asyncio.wait_for(self.attempt(connection), 10)
            except (OSError, EOFError, TimeoutError, asyncio.TimeoutError, ValueError) as e:
                status, connection = repr(e), None
            if status == "200 ":
                self.result["ok"] += 1
                self.result["slowest"] = max(self.result["slowest"], (time.monotonic() - begin) * 1000)
            else:
                self.result["failures"].append([begin, status])

    async def run(self):
        tasks = [asyncio.create_task(self.run_one(i)) for i in range(self.connections)]
        print("running", flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        self.stopping = True
        await asyncio.gather(*tasks)
        print(json.dumps(self.result))


if __name__ == "__main__":
    asyncio.run(Generator(**json.loads(sys.argv[1])).run())
