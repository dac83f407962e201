"""What a TLS server has to refuse, by bytes that no library sends: the alert says which it was, the connection ends, and
nobody else notices. Our own cases, after tlsfuzzer's list."""

import concurrent.futures
import os
import socket
import struct
import subprocess
import time

import pytest

from harness import procs, tls
from harness.gateway import proxy_to

UNEXPECTED_MESSAGE, RECORD_OVERFLOW, HANDSHAKE_FAILURE, ILLEGAL_PARAMETER, DECODE_ERROR, PROTOCOL_VERSION = 10, 22, 40, 47, 50, 70
INAPPROPRIATE_FALLBACK, MISSING_EXTENSION, NO_PROTOCOL = 86, 109, 120
ALERT, HANDSHAKE, CCS, DATA = 21, 22, 20, 23
SILENT = "silent"  # the connection ends without an alert
OPEN = "open"      # mbedTLS takes it, or passes over it: the client's time runs out, no more
ANY = None         # an alert or none

# The base point of P-256: as good a share as any.
POINT = bytes.fromhex("046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce"
                      "33576b315ececbb6406837bf51f5")


def record(kind, data, version=0x0303):
    return struct.pack("!BHH", kind, version, len(data)) + data


def vector(data, size=2):
    return len(data).to_bytes(size, "big") + data


def extension(number, data):
    return struct.pack("!H", number) + vector(data)


def sni(name=b"a.example"):
    return extension(0, vector(b"\0" + vector(name)))


GROUPS, POINTS = extension(10, vector(b"\0\x17\0\x1d")), extension(11, b"\1\0")
SIGNATURES = extension(13, vector(b"\4\3\x08\4\4\1"))
VERSIONS = extension(43, vector(b"\3\4", 1))
KEY_SHARE = extension(51, vector(b"\0\x17" + vector(POINT)))
MODES = extension(45, vector(b"\1", 1))
THIRTEEN = [sni(), GROUPS, SIGNATURES, VERSIONS, KEY_SHARE]
TWELVE = [sni(), GROUPS, POINTS, SIGNATURES]


def body(extensions, suites=b"\x13\1\xc0\x2b", version=0x0303, compression=b"\0", session=b"s" * 32):
    data = struct.pack("!H", version) + os.urandom(32) + vector(session, 1) + vector(suites) + vector(compression, 1)
    return data + vector(b"".join(extensions))


def message(data, kind=1):
    return bytes([kind]) + len(data).to_bytes(3, "big") + data


def hello(extensions, **how):
    return record(HANDSHAKE, message(body(extensions, **how)), 0x0301)


def without(extensions, gone):
    return [e for e in extensions if e is not gone]


GOOD_13, GOOD_12 = hello(THIRTEEN), hello(TWELVE)
CLAIMS_MORE = bytearray(hello(THIRTEEN))
CLAIMS_MORE[9 + 2 + 32 + 1 + 32 + 2 + 4 + 2] ^= 1  # the length of all extensions

CASES = {
    # ---- records ----
    "an unknown type": (record(99, b"x"), DECODE_ERROR),
    "data before the handshake": (record(DATA, b"GET / HTTP/1.1\r\n\r\n"), UNEXPECTED_MESSAGE),
    "empty data before the handshake": (record(DATA, b""), DECODE_ERROR),
    "an empty handshake record": (record(HANDSHAKE, b""), ANY),
    "a record that is too long": (struct.pack("!BHH", HANDSHAKE, 0x0301, 0x4801) + b"x" * 0x4801, ANY),
    "the longest length there is": (struct.pack("!BHH", HANDSHAKE, 0x0301, 0xffff) + b"\1" * 0xffff, ANY),
    "a record of SSL 2": (b"\x80\x2e\1\3\1\0\x15\0\0\0\x10" + b"x" * 37, ANY),
    "an alert, a fatal one": (record(ALERT, b"\2\x28"), SILENT),
    "an alert that is not known": (record(ALERT, b"\2\xff"), SILENT),
    "an alert of a level that is not known": (record(ALERT, b"\7\x28"), OPEN),
    "half an alert": (record(ALERT, b"\2"), ANY),
    "the end before the beginning": (record(ALERT, b"\1\0"), SILENT),
    "ChangeCipherSpec before the hello": (record(CCS, b"\1"), OPEN),
    # ---- messages ----
    "Finished before the hello": (record(HANDSHAKE, message(b"x" * 12, 20)), ANY),
    "a ClientKeyExchange before the hello": (record(HANDSHAKE, message(b"x" * 66, 16)), ANY),
    "a HelloRequest from a client": (record(HANDSHAKE, message(b"", 0)), ANY),
    "a KeyUpdate before the hello": (record(HANDSHAKE, message(b"\0", 24)), ANY),
    "a hello of 16 MB": (record(HANDSHAKE, b"\1\xff\xff\xff" + b"x" * 1000) + record(HANDSHAKE, b"x" * 16384) * 4, ANY),
    "an empty hello": (record(HANDSHAKE, message(b"")), DECODE_ERROR),
    # ---- the hello ----
    "SSL 3": (hello([], version=0x0300, suites=b"\0\x0a"), PROTOCOL_VERSION),
    "TLS 1.0": (hello(TWELVE, version=0x0301), PROTOCOL_VERSION),
    "TLS 1.1": (hello(TWELVE, version=0x0302), PROTOCOL_VERSION),
    "only versions that are not known": (hello([sni(), GROUPS, SIGNATURES, KEY_SHARE, extension(43, vector(b"\3\5\3\1", 1))]),
                                         PROTOCOL_VERSION),
    "an empty list of versions": (hello([sni(), GROUPS, SIGNATURES, KEY_SHARE, extension(43, vector(b"", 1))]), ANY),
    "no suite in common": (hello(TWELVE, suites=b"\0\x2f\0\x35\xc0\x13"), HANDSHAKE_FAILURE),
    "no suite in common, 1.3": (hello(THIRTEEN, suites=b"\x13\x99\xaa\xaa"), HANDSHAKE_FAILURE),
    "RC4, export and anonymous suites": (hello(TWELVE, suites=b"\0\4\0\3\0\x34\xc0\x18"), HANDSHAKE_FAILURE),
    "half a suite": (hello(THIRTEEN, suites=b"\x13\1\xc0"), ANY),
    "no suites": (hello(THIRTEEN, suites=b""), ANY),
    "a session id of 33 bytes": (hello(THIRTEEN, session=b"s" * 33), ANY),
    "compression alone": (hello(TWELVE, compression=b"\1"), OPEN),
    "compression in 1.3": (hello(THIRTEEN, compression=b"\1\0"), ILLEGAL_PARAMETER),
    "no compression methods": (hello(THIRTEEN, compression=b""), ANY),
    "no groups in common": (hello([sni(), extension(10, vector(b"\0\x1e")), POINTS, SIGNATURES]), HANDSHAKE_FAILURE),
    "no signatures in common": (hello([sni(), GROUPS, POINTS, extension(13, vector(b"\2\3\2\1"))]), HANDSHAKE_FAILURE),
    "no signatures in 1.3": (hello(without(THIRTEEN, SIGNATURES)), MISSING_EXTENSION),
    "no groups in 1.3": (hello(without(THIRTEEN, GROUPS)), MISSING_EXTENSION),
    "no key share in 1.3": (hello(without(THIRTEEN, KEY_SHARE)), MISSING_EXTENSION),
    "a share off the curve": (hello(without(THIRTEEN, KEY_SHARE) + [
        extension(51, vector(b"\0\x17" + vector(POINT[:-1] + b"\0")))]), ANY),
    "a share at infinity": (hello(without(THIRTEEN, KEY_SHARE) + [extension(51, vector(b"\0\x17" + vector(b"\0")))]), ANY),
    "a share that is cut": (hello(without(THIRTEEN, KEY_SHARE) + [extension(51, vector(b"\0\x17" + vector(POINT)[:-9]))]), ANY),
    "x25519 of small order": (hello(without(THIRTEEN, KEY_SHARE) + [extension(51, vector(b"\0\x1d" + vector(bytes(32))))]), ANY),
    "extensions twice": (hello(THIRTEEN + [VERSIONS]), OPEN),
    "key shares twice": (hello(THIRTEEN + [KEY_SHARE]), OPEN),
    "an extension that claims more than there is": (bytes(CLAIMS_MORE), ANY),
    "an extension that is cut": (hello(THIRTEEN + [b"\0\x15\0\x40x"]), DECODE_ERROR),
    "half of an extension's head": (hello(THIRTEEN + [b"\0\x15\0"]), DECODE_ERROR),
    "bytes behind the extensions": (record(HANDSHAKE, message(body(THIRTEEN) + b"x"), 0x0301), OPEN),
    "a name list that is cut": (hello([extension(0, b"\0\xff\0\0\1a")] + THIRTEEN[1:]), ANY),
    "two names": (hello([extension(0, vector(b"\0\0\1a\0\0\1b"))] + THIRTEEN[1:]), OPEN),
    "a name of no bytes": (hello([sni(b"")] + THIRTEEN[1:]), OPEN),
    "protocols that are cut": (hello(THIRTEEN + [extension(16, vector(b"\x09http"))]), ANY),
    "an empty protocol": (hello(THIRTEEN + [extension(16, vector(b"\0"))]), ANY),
    "no protocol in common": (hello(THIRTEEN + [extension(16, vector(vector(b"gopher", 1)))]), NO_PROTOCOL),
    "tickets of noise, not last": (hello(THIRTEEN[:-1] + [MODES, extension(41, vector(vector(b"x" * 99) + b"\0\0\0\0") + vector(
        vector(b"y" * 32, 1))), KEY_SHARE]), ANY),
    "more binders than tickets": (hello(THIRTEEN + [MODES, extension(41, vector(vector(b"x" * 99) + b"\0\0\0\0") + vector(
        vector(b"y" * 32, 1) * 2))]), ANY),
    "a ticket without a mode": (hello(THIRTEEN + [extension(41, vector(vector(b"x" * 99) + b"\0\0\0\0") + vector(
        vector(b"y" * 32, 1)))]), ANY),
    # ---- what follows a good hello ----
    "two hellos": (GOOD_12 + GOOD_12, UNEXPECTED_MESSAGE),
    "data after the hello": (GOOD_12 + record(DATA, b"x"), UNEXPECTED_MESSAGE),
    "ChangeCipherSpec instead of a key": (GOOD_12 + record(CCS, b"\1"), UNEXPECTED_MESSAGE),
    "a key off the curve": (GOOD_12 + record(HANDSHAKE, message(vector(POINT[:-1] + b"\0", 1), 16)), ANY),
    "an empty key": (GOOD_12 + record(HANDSHAKE, message(b"", 16)), ANY),
    "Finished without ChangeCipherSpec": (GOOD_12 + record(HANDSHAKE, message(vector(POINT, 1), 16) + message(b"x" * 12, 20)), ANY),
    "ChangeCipherSpec of two": (GOOD_12 + record(HANDSHAKE, message(vector(POINT, 1), 16)) + record(CCS, b"\2"), ANY),
    "noise instead of Finished": (GOOD_12 + record(HANDSHAKE, message(vector(POINT, 1), 16)) + record(CCS, b"\1") + record(
        HANDSHAKE, b"n" * 40), 20),
    "two hellos, 1.3": (GOOD_13 + GOOD_13, ANY),
    "noise instead of Finished, 1.3": (GOOD_13 + record(CCS, b"\1") + record(DATA, b"n" * 53), 20),
    "an empty record instead of Finished, 1.3": (GOOD_13 + record(DATA, b""), ANY),
    "a record that is too long, 1.3": (GOOD_13 + struct.pack("!BHH", DATA, 0x0303, 16384 + 257) + b"n" * (16384 + 257), ANY),
    "ChangeCipherSpec of two, 1.3": (GOOD_13 + record(CCS, b"\2"), ANY),
    "ChangeCipherSpec in two bytes, 1.3": (GOOD_13 + record(CCS, b"\1\1"), ANY),
    "a thousand ChangeCipherSpecs, 1.3": (GOOD_13 + record(CCS, b"\1") * 1000, OPEN),
    "early data that nobody asked for": (hello(THIRTEEN + [extension(42, b"")]) + record(DATA, b"n" * 100), ANY),
}


@pytest.fixture(scope="module")
def entry(pki):
    return [pki.entry("ec"), pki.entry("rsa", kind="rsa")]


@pytest.fixture
def gw(gateway, serve, entry):
    return tls.over_both(gateway, proxy_to(serve()), *entry, more={"timeouts": {"client_head": "1600ms", "drain": "3s"}})


def answer(gw, data, wait=4):
    """All that comes back until the gateway closes, as (type, payload)."""
    records, got = [], b""
    with socket.create_connection(("127.0.0.1", gw.tls), wait) as s:
        try:
            s.sendall(data)
        except OSError:
            pass
        try:
            while piece := s.recv(65536):
                got += piece
        except ConnectionResetError:
            pass
    while len(got) >= 5:
        n = int.from_bytes(got[3:5], "big")
        records.append((got[0], got[5:5 + n]))
        got = got[5 + n:]
    assert got == b"", "a record that is cut"
    return records


def check(gw, name):
    data, expected = CASES[name]
    start = time.monotonic()
    records = answer(gw, data)
    took = time.monotonic() - start
    alerts = [payload for kind, payload in records if kind == ALERT]
    in_clear = not any(kind == DATA for kind, _ in records)  # else it is 1.3, and an alert cannot be told from data
    if expected == OPEN:
        assert not alerts and took > 1.5, (alerts, took)
        return
    assert took < 1.5, f"it was not closed, but after {took:.1f} s"
    if expected == SILENT:
        assert records == []
    elif expected is ANY:
        assert not alerts or (len(alerts) == 1 and alerts[0][0] == 2), alerts
    elif in_clear:
        assert alerts == [bytes([2, expected])], alerts


def test_everything_is_refused(gw, pki):
    """One gateway for all: none takes anything from the others."""
    def failure(name):
        try:
            check(gw, name)
        except (AssertionError, TimeoutError) as e:
            return f"{name}: {e}"
        return None

    pids = gw.workers()
    with tls.TlsClient(gw.tls, pki.context()) as c:
        assert c.ask(host="a.example").status == 200
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            failed = [f for f in pool.map(failure, CASES) if f]
        assert not failed, "\n".join(failed)
        assert c.ask(host="a.example").status == 200
    assert gw.workers() == pids


def server_hello(gw, data):
    with socket.create_connection(("127.0.0.1", gw.tls), 5) as s:
        s.sendall(data)
        got = b""
        while len(got) < 5 or len(got) < 5 + int.from_bytes(got[3:5], "big"):
            piece = s.recv(65536)
            assert piece, got
            got += piece
    assert got[0] == HANDSHAKE and got[5] == 2, got
    return got[5:]


def test_what_is_odd_but_right(gw):
    for data in (
            GOOD_13, GOOD_12, hello(TWELVE, compression=b"\1\0"), hello(THIRTEEN, session=b""),
            hello(THIRTEEN + [extension(0x2a2a, b"grease")], suites=b"\x2a\x2a\x13\1"),
            hello(THIRTEEN + [extension(21, bytes(4000))]), hello(THIRTEEN + [extension(42, b""), MODES]),
            b"".join(record(HANDSHAKE, GOOD_13[at:at + 9], 0x0301) for at in range(5, len(GOOD_13), 9)),
            record(HANDSHAKE, GOOD_13[5:100], 0x0301) + record(HANDSHAKE, GOOD_13[100:], 0x0301)):
        server_hello(gw, data)
    with socket.create_connection(("127.0.0.1", gw.tls), 5) as s:
        for byte in GOOD_13:
            s.send(bytes([byte]))
        assert s.recv(1) == bytes([HANDSHAKE])


def test_a_downgrade_is_marked(gw):
    """RFC 8446 section 4.1.3: who could have had TLS 1.3 sees in the random number that it was taken from him."""
    assert server_hello(gw, GOOD_12)[6 + 24:6 + 32] == b"DOWNGRD\1"
    assert not server_hello(gw, GOOD_13)[6 + 24:6 + 32].startswith(b"DOWNGRD")


def s_client(gw, version, *say):
    p = procs.spawn(["openssl", "s_client", "-connect", f"127.0.0.1:{gw.tls}", "-servername", "a.example", version],
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        for line in say:
            time.sleep(0.3)
            p.stdin.write(line)
            p.stdin.flush()
    except BrokenPipeError:
        pass
    try:
        said = p.communicate(timeout=10)[0].decode("latin-1")
    finally:
        procs.forget(p)
    return said


def test_a_key_update_ends_the_connection(gw):
    """mbedTLS has none: the client sees unexpected_message."""
    said = s_client(gw, "-tls1_3", b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n", b"K\n", b"GET / HTTP/1.1\r\n")
    assert "HTTP/1.1 200" in said and "KEYUPDATE" in said, said
    assert said.count("HTTP/1.1 200") == 1 and "unexpected message" in said, said


def test_there_is_no_renegotiation(gw):
    said = s_client(gw, "-tls1_2", b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n", b"R\n")
    assert "HTTP/1.1 200" in said and "RENEGOTIATING" in said, said
    assert "no renegotiation" in said or "handshake failure" in said or "unexpected" in said, said
    assert "Secure Renegotiation IS supported" in said
