"""A client over raw sockets: it sends any bytes and reads answers by RFC 9112, strictly."""

import json
import socket


class Response:
    def __init__(self, version, status, reason, headers):
        self.version, self.status, self.reason, self.headers = version, status, reason, headers
        self.body = b""
        self.interim = []  # the 1xx answers before it
        self.framing = None  # none, length, chunked or close
        self.trailers = []

    def all(self, name):
        return [v for n, v in self.headers if n.lower() == name.lower()]

    def header(self, name):
        values = self.all(name)
        assert len(values) <= 1, f"{name} repeated: {values}"
        return values[0] if values else None

    def json(self):
        return json.loads(self.body)

    @property
    def why(self):
        """The gateway's reason code; None for an upstream's answer."""
        return self.header("X-Yett-Reason")

    def __repr__(self):
        return f"<{self.status} {self.headers} {self.body[:200]!r}>"


class Client:
    """A connection. `to`: a port of this machine, an address, or the path of a Unix socket."""

    def __init__(self, to, timeout=10):
        if isinstance(to, str):
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(timeout)
            self.sock.connect(to)
        else:
            self.sock = socket.create_connection(("127.0.0.1", to) if isinstance(to, int) else to, timeout)
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def reset(self):
        """Closes with RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def finish_sending(self):
        self.sock.shutdown(socket.SHUT_WR)

    def more(self):
        """Reads once; False at the end."""
        data = self.sock.recv(65536)
        self.buffer += data
        return bool(data)

    def read_until(self, end):
        while end not in self.buffer:
            if not self.more():
                raise EOFError(f"closed after {self.buffer[:200]!r}")
        found, _, self.buffer = self.buffer.partition(end)
        return found

    def read_exactly(self, n):
        while len(self.buffer) < n:
            if not self.more():
                raise EOFError(f"closed {n - len(self.buffer)} bytes too early")
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def read_all(self):
        while self.more():
            pass
        data, self.buffer = self.buffer, b""
        return data

    def closed(self, timeout=5):
        """Did the other side close (in order or by a reset) without another byte?"""
        self.sock.settimeout(timeout)
        try:
            return not self.buffer and self.sock.recv(1) == b""
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False

    def read_head(self):
        head = self.read_until(b"\r\n\r\n").decode("latin-1")
        line, *fields = head.split("\r\n")
        version, status, reason = (line + " ").split(" ", 2)
        headers = []
        for field in fields:
            name, colon, value = field.partition(":")
            assert colon and name and not name[-1].isspace(), f"bad field {field!r}"
            headers.append((name, value.strip(" \t")))
        return Response(version, int(status), reason.strip(), headers)

    def read_chunk(self):
        size = int(self.read_until(b"\r\n").split(b";")[0], 16)
        if size == 0:
            return b""
        data = self.read_exactly(size)
        assert self.read_exactly(2) == b"\r\n"
        return data

    def read_body(self, r, method="GET"):
        if method == "HEAD" or r.status in (204, 304) or r.status < 200:
            r.framing = "none"
        elif r.header("Transfer-Encoding"):
            assert r.header("Transfer-Encoding").lower() == "chunked" and not r.all("Content-Length")
            r.framing = "chunked"
            while chunk := self.read_chunk():
                r.body += chunk
            while line := self.read_until(b"\r\n"):
                r.trailers.append(line)
        elif r.header("Content-Length") is not None:
            r.framing = "length"
            r.body = self.read_exactly(int(r.header("Content-Length")))
        else:
            r.framing = "close"
            r.body = self.read_all()
        return r

    def read(self, method="GET"):
        """The next answer, whole, with the interim ones before it."""
        interim = []
        while True:
            r = self.read_head()
            if r.status >= 200 or r.status == 101:
                break
            interim.append(r)
        r.interim = interim
        return self.read_body(r, method) if r.status != 101 else r

    def ask(self, path="/", method="GET", host="test", headers=(), body=None):
        """Sends a request and reads its answer."""
        self.send(request(path, method, host, headers, body))
        return self.read(method)


def request(path="/", method="GET", host="test", headers=(), body=None, version="HTTP/1.1"):
    """The bytes of a request. `headers`: a dict or a list of pairs; with body=None no length is sent."""
    fields = [("Host", host)] if host is not None else []
    fields += headers.items() if isinstance(headers, dict) else headers
    if body is not None:
        fields.append(("Content-Length", str(len(body))))
    head = f"{method} {path} {version}\r\n" + "".join(f"{n}: {v}\r\n" for n, v in fields) + "\r\n"
    return head.encode("latin-1") + (body or b"")


def ask(to, path="/", method="GET", host="test", headers=(), body=None, timeout=10):
    """One request on a connection of its own."""
    with Client(to, timeout) as c:
        return c.ask(path, method, host, headers, body)


def exchange(to, data, method="GET", timeout=10):
    """Sends bytes, reads one answer."""
    with Client(to, timeout) as c:
        c.send(data)
        return c.read(method)
