"""An upstream in a process of its own with more to say than anybody takes, for thousands of connections: to /big it gives what is taken
of a large answer, of a POST it reads no more than the head, and to all else it says "ok"."""

import selectors
import socket
import sys

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 8000000\r\n\r\n" + b"x" * 8_000_000
SMALL = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Server:
    def __init__(self):
        self.events = selectors.DefaultSelector()
        self.kept = []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        for buffer in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            self.listener.setsockopt(socket.SOL_SOCKET, buffer, 8192)
        self.listener.setblocking(False)
        self.events.register(self.listener, selectors.EVENT_READ)
        self.events.register(sys.stdin, selectors.EVENT_READ)

    def run(self):
        print(self.listener.getsockname()[1], flush=True)
        while True:
            for key, _ in self.events.select():
                if key.fileobj is sys.stdin:
                    return
                try:
                    self.go_on(key.fileobj, key.data)
                except OSError:
                    if key.fileobj is not self.listener:
                        self.events.unregister(key.fileobj)
                        key.fileobj.close()

    def go_on(self, s, rest):
        if s is self.listener:
            c, _ = s.accept()
            c.setblocking(False)
            self.events.register(c, selectors.EVENT_READ)
            return
        if rest is not None:
            self.events.modify(s, selectors.EVENT_WRITE, rest[s.send(rest[:65536]):])
            return
        head = s.recv(4096)
        if not head:
            raise OSError
        if head.startswith(b"GET /big"):
            self.events.modify(s, selectors.EVENT_WRITE, memoryview(ANSWER))
        elif head.startswith(b"POST"):
            self.events.unregister(s)
            self.kept.append(s)
        else:
            s.send(SMALL)


if __name__ == "__main__":
    Server().run()
