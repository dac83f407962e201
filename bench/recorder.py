"""A proxy before a Redis that writes down what is said over each connection: commands, and when which of them was answered."""

import contextlib
import dataclasses
import selectors
import socket
import threading
import time


def resp(data, at=0):
    """(value, end) of a RESP2 value at this place; None while it is not whole."""
    end = data.find(b"\r\n", at)
    if end < 0:
        return None
    kind, line, at = data[at:at + 1], bytes(data[at + 1:end]), end + 2
    if kind in b"+-:":
        return (kind, line), at
    n = int(line)
    if n < 0:
        return (kind, None), at
    if kind == b"$":
        return ((kind, bytes(data[at:at + n])), at + n + 2) if len(data) >= at + n + 2 else None
    elements = []
    for _ in range(n):
        one = resp(data, at)
        if not one:
            return None
        elements.append(one[0])
        at = one[1]
    return (kind, elements), at


@dataclasses.dataclass
class Said:
    """One command, or one thing that came."""
    when: float
    command: list  # of bytes; None: it is an answer
    answer: tuple = None

    @property
    def is_message(self):
        return bool(self.answer and self.answer[0] == b"*" and self.answer[1] and self.answer[1][0][1] == b"message")


class Connection:
    def __init__(self, client, server):
        self.client, self.server = client, server
        self.rest = {client: bytearray(), server: bytearray()}
        self.log = []

    def take(self, side, data):
        rest, now = self.rest[side], time.monotonic()
        rest += data
        at = 0
        while at < len(rest) and (one := resp(rest, at)):
            value, at = one
            words = [word for _, word in value[1]] if side is self.client else None
            self.log.append(Said(now, words, None if words else value))
        del rest[:at]


class Recorder:
    """`connections`: in the order in which they were made."""

    def __init__(self, port):
        self.to = ("127.0.0.1", port)
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.connections, self.over = [], False
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def accept(self):
        client, _ = self.listener.accept()
        server = socket.create_connection(self.to)
        for s in client, server:
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = Connection(client, server)
        self.connections.append(connection)
        self.selector.register(client, selectors.EVENT_READ, (connection, client, server))
        self.selector.register(server, selectors.EVENT_READ, (connection, server, client))

    def run(self):
        while not self.over:
            for key, _ in self.selector.select(0.1):
                if not key.data:
                    self.accept()
                    continue
                connection, side, other = key.data
                try:
                    data = side.recv(1 << 20)
                except ConnectionResetError:
                    data = b""
                if not data:
                    self.selector.unregister(side)
                    with contextlib.suppress(OSError):  # it has ended, too
                        other.shutdown(socket.SHUT_WR)
                    continue
                connection.take(side, data)
                other.sendall(data)

    def stop(self):
        self.over = True
        self.thread.join()
        for s in [self.listener, *(s for c in self.connections for s in (c.client, c.server))]:
            s.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
