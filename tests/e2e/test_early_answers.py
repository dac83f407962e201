"""An upstream answers before it has the whole body, and reads no further: the answer arrives whole, and the client learns that
its connection ends."""

import fcntl
import socket
import termios
import threading

import pytest

from harness import client
from harness.gateway import proxy_to
from harness.procs import wait_until

SIZE = 8_000_000
BODY = b"no" * 15000


def stay(c):
    threading.Event().wait(3)


def close(c):
    """Over unread bytes: a reset."""


def reset(c):
    c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def half_close(c):
    c.sock.shutdown(socket.SHUT_WR)
    stay(c)


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("status, end", [(413, stay), (413, close), (401, reset), (401, half_close)])
def test_answer_arrives_whole(gateway, serve, status, end, chunked):
    def answer(r, c):
        next(c.body(r))
        c.reply(status, body=BODY)
        end(c)
        c.close = True
    gw = gateway(proxy_to(serve(answer), body_limit="100m") | {"workers": 1})
    fields = {"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": str(SIZE)}
    sent = threading.Event()

    def upload(c):
        piece = b"x" * 50000
        try:
            for _ in range(SIZE // len(piece)):
                c.send(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
            sent.set()
        except OSError as e:
            sent.error = e
    with gw.connect() as c:
        c.send(client.request("/", "POST", headers=fields))
        sender = threading.Thread(target=upload, args=(c,))
        sender.start()
        r = c.read()
        assert (r.status, r.body, r.header("Connection")) == (status, BODY, "close")
        assert c.closed(10)  # an orderly end, while we still send
        sender.join(10)
        assert sent.is_set(), sent.error  # what we sent was read, and thrown away
    assert gw.ask("/", "POST", body=b"x").status == status  # the gateway goes on
    assert gw.metrics()["yett_retries_total"] == 0


def test_slow_reader_gets_it_after_the_reset(gateway, serve):
    """What the upstream sent before it reset the connection waits in the gateway's socket while the client is slow."""
    body = b"x" * 3_300_000  # more than what the gateway has room for on the client's side

    def answer(r, c):
        c.reply(401, body=body)
        wait_until(lambda: fcntl.ioctl(c.sock, termios.TIOCOUTQ, b"0000") == b"\0\0\0\0", what="all of it with the gateway")
        reset(c)
        c.close = True
    gw = gateway(proxy_to(serve(answer), body_limit="100m"))
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.settimeout(10)
        s.connect(("127.0.0.1", gw.port))
        s.sendall(client.request("/", "POST", headers={"Content-Length": str(SIZE)}))
        threading.Event().wait(2.5)  # the sockets of readers that are stopped are looked at once a second
        got = b""
        while len(got.partition(b"\r\n\r\n")[2]) < len(body):
            part = s.recv(65536)
            assert part, f"{len(got)} bytes"
            got += part
