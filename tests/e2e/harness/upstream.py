"""Upstream servers in threads. An Upstream parses requests, remembers them and gives what its handler says, by default an
echo as JSON; a RawUpstream hands the test the bare connection."""

import json
import os
import socket
import threading
import time


class Request:
    def __init__(self, connection, method, target, headers):
        self.connection, self.method, self.target, self.headers = connection, method, target, headers
        self.body = None

    def all(self, name):
        return [v for n, v in self.headers if n.lower() == name.lower()]

    def header(self, name):
        values = self.all(name)
        assert len(values) <= 1, f"{name} repeated: {values}"
        return values[0] if values else None

    @property
    def path(self):
        return self.target.partition("?")[0]

    def __repr__(self):
        return f"<{self.method} {self.target} {self.headers}>"


class Connection:
    def __init__(self, server, sock, number):
        self.server, self.sock, self.number = server, sock, number
        self.file = sock.makefile("rb")
        self.close = False
        self.gone = threading.Event()  # it has ended

    def send(self, data):
        self.sock.sendall(data)

    def reply(self, status=200, headers=(), body=b"", reason="Fine", length=True):
        """A whole answer; `length`: with Content-Length."""
        fields = list(headers.items() if isinstance(headers, dict) else headers)
        if length:
            fields.append(("Content-Length", str(len(body))))
        head = f"HTTP/1.1 {status} {reason}\r\n" + "".join(f"{n}: {v}\r\n" for n, v in fields) + "\r\n"
        self.send(head.encode("latin-1") + body)

    def chunk(self, data):
        self.send(b"%x\r\n%s\r\n" % (len(data), data))

    def read_request(self):
        line = self.file.readline()
        if not line:
            return None
        method, target, version = line.decode("latin-1").rstrip("\r\n").split(" ")
        assert version == "HTTP/1.1", line
        headers = []
        while (line := self.file.readline()) not in (b"\r\n", b""):
            name, _, value = line.decode("latin-1").rstrip("\r\n").partition(":")
            headers.append((name, value.strip(" \t")))
        return Request(self, method, target, headers)

    def body(self, r):
        """The pieces of the request's body, as they come."""
        coding, length = r.header("Transfer-Encoding"), r.header("Content-Length")
        assert not (coding and length), "two framings"
        if coding:
            while size := int(self.file.readline().split(b";")[0], 16):
                yield self.file.read(size)
                self.file.read(2)
            while self.file.readline().strip():
                pass
        else:
            left = int(length or 0)
            while left:
                piece = self.file.read1(min(left, 1 << 20))
                if not piece:
                    raise EOFError
                left -= len(piece)
                yield piece

    def read_body(self, r):
        r.body = b"".join(self.body(r))
        return r.body

    def wait_gone(self, timeout=5):
        """Blocks until the other side closes; did it?"""
        self.sock.settimeout(timeout)
        try:
            return self.sock.recv(1) == b""
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False

    def stay(self):
        """Neither reads nor closes until the upstream is stopped."""
        self.server.stopped.wait(60)


def echo(r, c):
    body = c.read_body(r)
    answer = {"name": c.server.name, "method": r.method, "target": r.target, "headers": r.headers,
              "body": body.decode("latin-1"), "connection": c.number}
    c.reply(200, {"Content-Type": "application/json"}, json.dumps(answer).encode() if r.method != "HEAD" else b"")


class RawUpstream:
    """`serve(connection)` runs in a thread of its own for each connection. `path`: a Unix socket in place of a port."""

    def __init__(self, serve=None, family=socket.AF_INET, host=None, port=0, path=None, name="upstream"):
        self.serve, self.name, self.path = serve or self.serve, name, path
        self.family = socket.AF_UNIX if path else family
        self.host = host or ("::1" if family == socket.AF_INET6 else "127.0.0.1")
        self.lock = threading.Lock()
        self.connections = []
        self.port = port
        self.listener = None
        self.stopped = threading.Event()
        self.start()

    def start(self):
        s = socket.socket(self.family, socket.SOCK_STREAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self.path:
            if os.path.exists(self.path):
                os.unlink(self.path)
            s.bind(self.path)
        else:
            s.bind((self.host, self.port))
            self.port = s.getsockname()[1]
        s.listen(1024)
        self.listener = s
        self.stopped.clear()
        threading.Thread(target=self._accept, args=(s,), daemon=True).start()

    @property
    def address(self):
        if self.path:
            return "unix:" + self.path
        return f"[{self.host}]:{self.port}" if self.family == socket.AF_INET6 else f"{self.host}:{self.port}"

    def _accept(self, listener):
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            if sock.family != socket.AF_UNIX:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                c = Connection(self, sock, len(self.connections))
                self.connections.append(c)
            threading.Thread(target=self._run, args=(c,), daemon=True).start()

    def _run(self, c):
        try:
            self.serve(c)
        except (OSError, EOFError, ValueError):
            pass
        finally:
            c.file.close()
            c.sock.close()
            c.gone.set()

    def stop(self):
        """Refuses new connections and cuts those that are open."""
        self.stopped.set()
        if self.listener:
            try:
                self.listener.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            self.listener.close()
            self.listener = None
        with self.lock:
            for c in self.connections:
                try:
                    c.sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass


class Upstream(RawUpstream):
    """`handler(request, connection)` answers; the health page answers `alive` (a status, or None for no answer) and is
    counted apart."""

    def __init__(self, handler=echo, name="upstream", alive=200, **how):
        self.handler, self.alive = handler, alive
        self.requests, self.probes = [], []
        super().__init__(name=name, **how)

    def serve(self, c):
        while not c.close:
            r = c.read_request()
            if not r:
                return
            if r.path == "/isAlive":
                self.probes.append(time.monotonic())
                if self.alive is None:
                    return
                c.reply(self.alive)
                continue
            self.requests.append(r)
            self.handler(r, c)
            if r.body is None and (r.header("Content-Length") or r.header("Transfer-Encoding")):
                return

    @property
    def used(self):
        """The numbers of the connections that carried requests."""
        return {r.connection.number for r in self.requests}
