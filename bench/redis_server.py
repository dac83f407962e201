"""A Redis of its own, and a client as the oldest tool of a user would be one: it is spoken by hand."""

import socket

import processes


class Redis:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=5)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.replies = self.socket.makefile("rb")

    @staticmethod
    def written(words):
        parts = [b"*%d\r\n" % len(words)]
        for word in words:
            word = word if isinstance(word, bytes) else word.encode()
            parts.append(b"$%d\r\n%s\r\n" % (len(word), word))
        return b"".join(parts)

    def send(self, *words):
        self.socket.sendall(self.written(words))

    def reply(self):
        line = self.replies.readline()
        if not line or line[:1] == b"-":
            raise processes.Failure(f"redis: {line.decode().strip() or 'connection closed'}")
        return line

    def command(self, *words):
        self.send(*words)
        return self.reply()


def run(folder, stack, *more, on=None):
    """(its process, its port); `more`: words of its command line."""
    server = processes.find("redis-server")
    if not server:
        raise processes.Failure("redis-server is not installed: run etc/setup bench")
    port = processes.free_port()
    process = stack.enter_context(processes.Process(
        [server, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", *more], folder, "redis", on=on))
    process.wait_port(port)
    return process, port


def start(folder, stack):
    """Its port."""
    return run(folder, stack)[1]
