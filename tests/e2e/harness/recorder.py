"""An upstream that writes down what it is sent and reads it with a strict reader of its own: what two readers could take
apart differently is a violation, whoever sent it."""

import re
import threading

from .procs import wait_until
from .upstream import RawUpstream

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
LINE = re.compile(rb"(" + TOKEN + rb") (/[\x21\x22\x24-\x7e]*|\*) HTTP/1\.1")
FIELD = re.compile(rb"(" + TOKEN + rb"):[ \t]*((?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?)[ \t]*")
LATE = {"content-length", "transfer-encoding", "host", "authorization", "cookie", "content-type", "content-encoding", "te",
        "trailer", "connection", "via", "x-forwarded-for", "forwarded", "expect", "range", "cache-control", "max-forwards"}


class Violation(Exception):
    pass


def need(true, what):
    if not true:
        raise Violation(what)


def read_fields(block):
    fields = []
    for line in block.split(b"\r\n") if block else []:
        found = FIELD.fullmatch(line)
        need(found, f"field {line!r}")
        fields.append(tuple(part.decode("latin-1") for part in found.groups()))
    return fields


class Seen:
    """A request as it came. `whole`: to its proper end."""

    def __init__(self, head):
        line, _, block = head.partition(b"\r\n")
        found = LINE.fullmatch(line)
        need(found, f"request line {line!r}")
        self.method, self.target = (part.decode() for part in found.groups())
        self.fields = read_fields(block)
        self.body, self.trailers, self.whole = b"", [], False
        self.framing = self.judge()

    def all(self, name):
        return [v for n, v in self.fields if n.lower() == name.lower()]

    def judge(self):
        lengths, codings = self.all("Content-Length"), self.all("Transfer-Encoding")
        need(len(self.all("Host")) == 1, f"Host: {self.all('Host')}")
        need(re.fullmatch(r"[^\s,/?#@\\]*", self.all("Host")[0]), f"Host: {self.all('Host')}")
        need(len(lengths) + len(codings) <= 1, f"two framings: {lengths} {codings}")
        need(all(re.fullmatch("[0-9]+", v) for v in lengths), f"length {lengths}")
        need(all(v == "chunked" for v in codings), f"coding {codings}")
        for name, _ in self.fields:
            folded = name.lower().translate(str.maketrans("_.", "--"))
            need(folded == name.lower() or folded not in ("content-length", "transfer-encoding", "host"), f"spelling {name}")
        return "chunked" if codings else int(lengths[0]) if lengths else 0

    def __repr__(self):
        return f"<{self.method} {self.target} {self.fields} {self.body[:80]!r} {self.trailers} {'' if self.whole else 'cut'}>"


class Reader:
    def __init__(self, sock):
        self.sock, self.buffer, self.raw = sock, b"", b""

    def more(self):
        data = self.sock.recv(65536)
        if not data:
            raise EOFError
        self.buffer += data
        self.raw += data

    def until(self, end):
        while end not in self.buffer:
            self.more()
        found, _, self.buffer = self.buffer.partition(end)
        return found

    def exactly(self, n):
        while len(self.buffer) < n:
            self.more()
        found, self.buffer = self.buffer[:n], self.buffer[n:]
        return found

    def body(self, seen):
        if seen.framing == "chunked":
            while True:
                line = self.until(b"\r\n")
                need(re.fullmatch(rb"[0-9a-fA-F]{1,16}", line), f"chunk {line!r}")
                if int(line, 16) == 0:
                    break
                seen.body += self.exactly(int(line, 16))
                need(self.exactly(2) == b"\r\n", "end of a chunk")
            block = []
            while line := self.until(b"\r\n"):
                block.append(line)
            seen.trailers = read_fields(b"\r\n".join(block))
            need(not LATE & {n.lower() for n, _ in seen.trailers}, f"trailers {seen.trailers}")
        else:
            while len(seen.body) < seen.framing:
                seen.body += self.exactly(1)
        seen.whole = True


class Recorder(RawUpstream):
    """`expect(answer)` begins a case: `answer` is what each request gets (bytes, after which the connection is closed, or a
    list of such); None: an ordinary answer. A request for /probe always gets that."""

    def __init__(self):
        self.seen, self.violations, self.answer = [], [], None
        self.busy, self.guard = 0, threading.Lock()
        super().__init__()

    def expect(self, answer):
        self.seen, self.violations, self.answer = [], [], answer

    def settled(self):
        """Waits until no connection is within a message."""
        wait_until(lambda: not self.busy, 5, what="the end of what goes upstream")

    def serve(self, c):
        reader = Reader(c.sock)
        while True:
            if not reader.buffer:
                reader.more()
            with self.guard:
                self.busy += 1
            try:
                if not self.one(c, reader):
                    return
            except Violation as e:
                self.violations.append(f"{e} in {reader.raw[-2000:]!r}")
                return
            finally:
                with self.guard:
                    self.busy -= 1

    def one(self, c, reader):
        seen = Seen(reader.until(b"\r\n\r\n"))
        probe = seen.target.startswith("/probe")
        if not probe:
            self.seen.append(seen)
        if not probe and seen.all("Expect") and not self.answer:
            c.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        reader.body(seen)
        if probe or self.answer is None:
            c.send(OK if seen.method != "HEAD" else OK[:-2])
            return True
        for part in [self.answer] if isinstance(self.answer, bytes) else self.answer:
            c.send(part)
        return False
