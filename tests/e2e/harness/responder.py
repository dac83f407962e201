"""An upstream in a process of its own, for load: it answers every request with its name, but those for /never."""

import asyncio
import sys


class Answers(asyncio.Protocol):
    def __init__(self, name):
        self.answer = f"HTTP/1.1 200 OK\r\nContent-Length: {len(name)}\r\n\r\n{name}".encode()
        self.data = b""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        *heads, self.data = (self.data + data).split(b"\r\n\r\n")
        self.transport.write(self.answer * sum(b" /never " not in head for head in heads))


async def main():
    server = await asyncio.get_running_loop().create_server(lambda: Answers(sys.argv[1]), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
