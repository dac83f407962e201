"""Very large bodies go through in a little memory, whole, however slow the reader on the far side is."""

import hashlib
import threading
import time

import pytest

from harness import client, procs
from harness.gateway import LONG, is_sanitized, proxy_to

SIZE = (1024 if LONG else 256) << 20
PIECE = bytes(range(256)) * 1024
LIMITS = {"limits": {"body": "2g"}, "workers": 1}


def digest_of_all():
    h = hashlib.blake2b()
    for _ in range(SIZE // len(PIECE)):
        h.update(PIECE)
    return h.hexdigest()


def check_memory(gw):
    if not is_sanitized():
        most = procs.memory(gw.workers()[0], "VmHWM")
        print(f"worker's memory at most {most / (1 << 20):.1f} MiB")
        assert most < 20 << 20


def now_and_then(number):
    if number % 64 == 0:
        time.sleep(0.05)


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_download(gateway, serve, framing):
    def answer(r, c):
        if framing == "length":
            c.reply(headers={"Content-Length": str(SIZE)}, length=False)
        else:
            c.reply(headers={"Transfer-Encoding": "chunked"}, length=False)
        for _ in range(SIZE // len(PIECE)):
            c.chunk(PIECE) if framing == "chunked" else c.send(PIECE)
        if framing == "chunked":
            c.send(b"0\r\n\r\n")
    gw = gateway(proxy_to(serve(answer)) | LIMITS)
    h, got, number = hashlib.blake2b(), 0, 0
    with gw.connect(60) as c:
        c.send(client.request())
        head = c.read_head()
        if framing == "chunked":
            while piece := c.read_chunk():
                h.update(piece)
                now_and_then(number := number + 1)
        else:
            assert head.header("Content-Length") == str(SIZE)
            h.update(c.buffer)
            got = len(c.buffer)
            while got < SIZE:
                piece = c.sock.recv(1 << 20)
                assert piece
                h.update(piece)
                got += len(piece)
                now_and_then(number := number + 1)
    assert h.hexdigest() == digest_of_all()
    check_memory(gw)


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_upload(gateway, serve, framing):
    def answer(r, c):
        h = hashlib.blake2b()
        for number, piece in enumerate(c.body(r)):
            h.update(piece)
            now_and_then(number)
        c.reply(body=h.hexdigest().encode())
    gw = gateway(proxy_to(serve(answer)) | LIMITS)
    with gw.connect(60) as c:
        headers = {"Content-Length": str(SIZE)} if framing == "length" else {"Transfer-Encoding": "chunked"}
        c.send(client.request("/", "PUT", headers=headers))
        for _ in range(SIZE // len(PIECE)):
            c.send(PIECE if framing == "length" else b"%x\r\n%s\r\n" % (len(PIECE), PIECE))
        if framing == "chunked":
            c.send(b"0\r\n\r\n")
        assert c.read().body.decode() == digest_of_all()
    check_memory(gw)


def test_reader_that_stops_stops_the_writer(gateway, serve):
    sent = [0]

    def answer(r, c):
        c.reply(headers={"Content-Length": str(SIZE)}, length=False)
        for _ in range(SIZE // len(PIECE)):
            c.send(PIECE)
            sent[0] += len(PIECE)
    gw = gateway(proxy_to(serve(answer)) | LIMITS)
    with gw.connect() as c:
        c.send(client.request())
        c.read_head()
        time.sleep(1)
        first = sent[0]
        time.sleep(0.5)
        assert sent[0] == first < 32 << 20  # the kernel's buffers and ours
    check_memory(gw)


def test_chunks_of_one_byte(gateway, serve):
    """They cost a hundred times what others do a byte: who is beside them waits for a bounded part of them."""
    def sink(r, c):
        for _ in c.body(r):
            pass
        c.reply(200)

    gw = gateway(proxy_to(serve(sink), path="/a") | LIMITS)
    chunks = b"1\r\nx\r\n" * 2_000_000
    took = []
    with gw.connect() as c, gw.connect() as other:
        c.send(client.request("/a", "POST", headers={"Transfer-Encoding": "chunked"}))
        sender = threading.Thread(target=c.send, args=(chunks,))
        sender.start()
        while sender.is_alive():
            start = time.monotonic()
            assert other.ask("/none").status == 404
            took.append(time.monotonic() - start)
        sender.join()
    print(f"at most {max(took) * 1e3:.1f} ms of {len(took)}")
    assert max(took) < (0.2 if is_sanitized() else 0.1)
