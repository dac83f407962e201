"""Peers that say what no honest one says: the pieces of a corpus in turn, from anywhere in it, to whoever asks."""

import random
import struct
import threading

from conformance import cases

from .dns_server import DnsServer
from .upstream import RawUpstream


def flat(answer):
    return answer if isinstance(answer, bytes) else b"".join(answer)


def said(body, status=b"200 OK", kind=b"application/json"):
    return b"HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n" % (status, kind, len(body)) + body


BODIES = [b"", b"{", b"null", b"[" * 20000, b'{"a":' * 20000, b'{"keys":' + b"[" * 500 + b"]" * 500 + b"}", b'{"keys":[{"kty":"RSA","n":"","e":""}]}',
          b'{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]}', b'{"keys":[' + b'{"kty":"oct"},' * 5000 + b"{}]}", b'{"issuer":1}',
          b'{"issuer":"x","issuer":"y"}', b'{"jwks_uri":"http://\\r\\nX: y"}', b'{"jwks_uri":"file:///etc/passwd"}', b"\xef\xbb\xbf{}",
          b'{"active":true,"exp":1e999}', b'{"active":true,"sub":"a\\u0000b"}', b'{"active":"true"}', b'{"active":true}\0', b"\xff" * 1000,
          b'{"access_token":"a b\\r\\n"}', b'{"error":"\\u001b[2J"}', b" " * (2 << 20)]
HTTP = [flat(case.answer) for case in cases() if case.answer] + [said(body) for body in BODIES] + [
    said(b"{}", b"302 Found\r\nLocation: http://169.254.169.254/"), b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20000 + b"\r\n",
    b"HTTP/1.1 103 Early Hints\r\n\r\n" * 2000, b"HTTP/1.1 200 OK\r\nX: " + b"a" * (1 << 20)]

CURSOR = b"*2\r\n$1\r\n%s\r\n"
REDIS = [b"", b"\0" * 100, b"\r\n" * 100, b"-\r\n", b"-ERR \x1b[2J\xff\r\n", b"+" + b"a" * (1 << 20), b"+OK\r\n" * 1000, b"+PONG\r\n", b":1\r\n",
         b":99999999999999999999999\r\n", b":-0\r\n", b"$-1\r\n", b"$-2\r\n", b"$99999999999\r\n", b"$5\r\nab\r\n", b"$2\r\nabcd\r\n", b"*-1\r\n", b"*0\r\n",
         b"*2147483647\r\n", b"*1\r\n" * 20000, b"*2\r\n*1\r\n$1\r\na\r\n", CURSOR % b"0" + b"*0\r\n", CURSOR % b"0" + b":1\r\n", CURSOR % b"x" + b"*0\r\n",
         CURSOR % b"0" + b"*2\r\n$-1\r\n:5\r\n", CURSOR % b"0" + b"*1\r\n$14\r\nfrontend:a\r\nX:\r\n", b"_\r\n", b"#t\r\n", b",nan\r\n",
         b"%1\r\n+a\r\n+b\r\n", b">3\r\n+invalidate\r\n+a\r\n+b\r\n", b"(12345678901234567890\r\n", b"=5\r\ntxt:a\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n",
         b"*3\r\n$9\r\nsubscribe\r\n$1\r\nx\r\n:1\r\n", b"*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n*1\r\n$-1\r\n",
         b"*2\r\n$0\r\n\r\n$1\r\n1\r\n", b"*2\r\n$9\r\n127.0.0.1\r\n$5\r\n99999\r\n", b"*2\r\n$9\r\na b\r\nc d e\r\n$1\r\n1\r\n",
         b"-MOVED 1 127.0.0.1:1\r\n", b"-MOVED 99999999999 :\r\n", b"-ASK\r\n", b"-LOADING\r\n", b"-NOSCRIPT\r\n", b"-WRONGPASS \r\n"]


def header(query, flags=0x8180, questions=1, answers=0):
    return query[:2] + struct.pack(">HHHHH", flags, questions, answers, 0, 0)


def record(kind=1, data=b"\x7f\0\0\1", ttl=1, name=b"\xc0\x0c", size=None):
    return name + struct.pack(">HHIH", kind, 1, ttl, len(data) if size is None else size) + data


def dns_answers(query):
    """To this question."""
    question = query[12:query.index(b"\0", 12) + 5]
    good = header(query, answers=1) + question + record()
    noise = random.Random(len(query)).randbytes
    return [b"", query[:2], header(query)[:11], header(query, questions=0, answers=65535), header(query, questions=65535) + question,
            *(good[:n] for n in range(12, len(good), 5)), b"\0\0" + good[2:], header(query, 0x0180, answers=1) + question + record(),
            header(query, 0x8380) + question, *(header(query, 0x8180 | code) + question for code in (1, 2, 3, 5, 15)),
            header(query, answers=1) + b"\xc0\x0c\0\1\0\1" + record(), header(query, answers=1) + b"\xff\xff\0\1\0\1" + record(),
            header(query, answers=1) + b"\x40" * 64 + question, header(query, answers=1) + b"\x01x\0\0\1\0\1" + record(),
            *(header(query, answers=1) + question + record(size=n) for n in (0, 3, 5, 65535)),
            header(query, answers=1) + question + record(ttl=0xffffffff), header(query, answers=1) + question + record(ttl=0),
            header(query, answers=2) + question + record(5, b"\xc0\x0c") + record(), header(query, answers=1) + question + record(5, b"\xc0\x0c"),
            header(query, answers=1) + question + record(28, b"\xfe\x80" + b"\0" * 14), header(query, answers=1) + question + record(name=b"\xc0\x0d"),
            header(query, answers=30) + question + record() * 30, good + noise(300), header(query) + noise(400), noise(512)]


class Turn:
    """Pieces one after the other, round and round; `count`: how many were said."""

    def __init__(self, pieces):
        self.pieces, self.count, self.lock = pieces, 0, threading.Lock()
        self.first = random.randrange(1 << 16)

    def next(self):
        with self.lock:
            self.count += 1
            return self.pieces[(self.first + self.count) % len(self.pieces)]


class Liar(RawUpstream):
    """Says the next piece to whatever it hears first, and once more to what follows; then it hangs up."""

    def __init__(self, pieces, **how):
        self.turn = Turn(pieces)
        super().__init__(**how)

    def serve(self, c):
        if c.sock.recv(65536):
            piece = self.turn.next()
            c.send(piece)
            c.sock.settimeout(0.2)
            if c.sock.recv(65536):
                c.send(piece)


class LyingDns(DnsServer):
    def __init__(self):
        self.turn = Turn(range(1 << 20))
        super().__init__()

    def answer(self, number, name, kind, question):
        pieces = dns_answers(number + b"\1\0\0\1\0\0\0\0\0\0" + question)
        return pieces[self.turn.next() % len(pieces)]
