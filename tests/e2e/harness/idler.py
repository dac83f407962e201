"""Upstreams in a process of their own that close connections which wait for too long, as application servers do. They count
what their application was given: POST requests by the name in their body."""

import asyncio
import collections
import json
import os
import subprocess
import sys


class Idler:
    def __init__(self, idle, count=1):
        from . import procs

        self.procs, self.idle = procs, idle
        self.process = procs.spawn([sys.executable, os.path.abspath(__file__), str(idle), str(count)], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, text=True)
        self.addresses = [f"127.0.0.1:{port}" for port in self.process.stdout.readline().split()]

    def stop(self):
        """What it saw: `posts`, a mapping of names to how often; `closed`, how many connections had waited for too long."""
        seen, _ = self.process.communicate(timeout=10)
        self.procs.forget(self.process)
        return json.loads(seen)


class Connection(asyncio.Protocol):
    posts, closed = collections.Counter(), 0

    def __init__(self, idle):
        self.idle, self.data, self.timer = idle, b"", None

    def connection_made(self, transport):
        self.transport = transport

    def connection_lost(self, error):
        if self.timer:
            self.timer.cancel()

    def too_long(self):
        Connection.closed += 1
        self.transport.close()

    def data_received(self, data):
        self.data += data
        while b"\r\n\r\n" in self.data:
            head, _, rest = self.data.partition(b"\r\n\r\n")
            lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            length = int(lengths[0].partition(b":")[2]) if lengths else 0
            if len(rest) < length:
                return
            body, self.data = rest[:length], rest[length:]
            if head.startswith(b"POST "):
                Connection.posts[body.partition(b" ")[0].decode()] += 1
            if self.timer:
                self.timer.cancel()
            self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            self.timer = asyncio.get_running_loop().call_later(self.idle, self.too_long)


async def main():
    idle = float(sys.argv[1])
    loop = asyncio.get_running_loop()
    servers = [await loop.create_server(lambda: Connection(idle), "127.0.0.1", 0, backlog=1024) for _ in range(int(sys.argv[2]))]
    print(*(s.sockets[0].getsockname()[1] for s in servers), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    print(json.dumps({"posts": Connection.posts, "closed": Connection.closed}), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
