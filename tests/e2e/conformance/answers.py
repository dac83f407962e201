"""What upstreams say (RFC 9110 section 15, RFC 9112 sections 4, 6 and 8): what is malformed is 502, what breaks off breaks off,
and nothing that follows an answer is taken for the next one."""

from . import ANY, CUT, Case, answer, get, head

OK = answer("200 OK", "Content-Length: 2", body=b"ok")
EVIL = answer("200 OK", "Content-Length: 4", body=b"evil")
LENIENT = "passes it on"
NOT_FOUND = "looks for the first length or coding that it can use"
OLD = "takes it for HTTP/0.9"
INTERIM = "does not pass interim answers on"


def malformed(name, section, said, nginx="", **how):
    return Case("answer: " + name, section, get(), 502, closed=how.pop("closed", False), answer=said, reason="upstream_malformed",
                nginx=nginx, **how)


def good(name, section, said, *, send=None, nginx="", **how):
    return Case("answer: " + name, section, send or get(), how.pop("status", 200), answer=said, nginx=nginx, **how)


HEADS = {
    "no HTTP": (b"hello\r\n\r\n", OLD), "SSH": (b"SSH-2.0-OpenSSH_9.2\r\n", OLD),
    "status of two digits": (answer("99 X", "Content-Length: 0"), OLD), "status of four digits": (answer("1000 X", "Content-Length: 0"), OLD),
    "status 000": (answer("000 X", "Content-Length: 0"), LENIENT), "status 099": (answer("099 X", "Content-Length: 0"), LENIENT),
    "status of letters": (answer("2x0 X", "Content-Length: 0"), OLD), "negative status": (answer("-200 X", "Content-Length: 0"), OLD),
    "no status": (b"HTTP/1.1\r\nContent-Length: 0\r\n\r\n", OLD), "version 2.0": (b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n", LENIENT),
    "version 1.2": (b"HTTP/1.2 200 OK\r\nContent-Length: 0\r\n\r\n", LENIENT), "space first": (b" " + OK, OLD),
    "empty line first": (b"\r\n" + OK, OLD), "bare LF first": (b"\n" + OK, OLD),
    "bare LF": (b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", LENIENT),
    "bare LF behind a field": (b"HTTP/1.1 200 OK\r\nX-A: b\nContent-Length: 2\r\n\r\nok", LENIENT),
    "bare CR in a value": (answer("200 OK", "X-A: b\rX-B: c", "Content-Length: 2", body=b"ok"), ""),
    "bare CR in the reason": (answer("200 O\rK", "Content-Length: 2", body=b"ok"), LENIENT),
    "NUL in a value": (answer("200 OK", "X-A: b\0c", "Content-Length: 2", body=b"ok"), ""),
    "NUL in the reason": (answer("200 O\0K", "Content-Length: 2", body=b"ok"), LENIENT),
    "control character in a value": (answer("200 OK", "X-A: b\x01c", "Content-Length: 2", body=b"ok"), LENIENT),
    "folded line": (answer("200 OK", "X-A: b\r\n c", "Content-Length: 2", body=b"ok"), ""),
    "space before the colon": (answer("200 OK", "X-A : b", "Content-Length: 2", body=b"ok"), ""),
    "space before the colon of a length": (answer("200 OK", "Content-Length : 2", body=b"ok"), ""),
    "empty name": (answer("200 OK", ": b", "Content-Length: 2", body=b"ok"), ""),
    "no colon": (answer("200 OK", "X-A", "Content-Length: 2", body=b"ok"), LENIENT),
    "length and chunked": (answer("200 OK", "Content-Length: 2", "Transfer-Encoding: chunked", body=b"0\r\n\r\n"), NOT_FOUND),
    "chunked and length": (answer("200 OK", "Transfer-Encoding: chunked", "Content-Length: 2", body=b"0\r\n\r\n"), NOT_FOUND),
    "two lengths": (answer("200 OK", "Content-Length: 2", "Content-Length: 3", body=b"abc"), NOT_FOUND),
    "two equal lengths": (answer("200 OK", "Content-Length: 2", "Content-Length: 2", body=b"ok"), NOT_FOUND),
    "list of lengths": (answer("200 OK", "Content-Length: 2, 2", body=b"ok"), NOT_FOUND),
    "signed length": (answer("200 OK", "Content-Length: +2", body=b"ok"), NOT_FOUND),
    "negative length": (answer("200 OK", "Content-Length: -2", body=b"ok"), NOT_FOUND),
    "length of letters": (answer("200 OK", "Content-Length: x", body=b"ok"), NOT_FOUND),
    "length that overflows": (answer("200 OK", "Content-Length: 18446744073709551618", body=b"ok"), NOT_FOUND),
    "unknown coding": (answer("200 OK", "Transfer-Encoding: rot13", body=b"ok"), NOT_FOUND),
    "gzip, chunked": (answer("200 OK", "Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"), NOT_FOUND),
    "chunked twice": (answer("200 OK", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked", body=b"0\r\n\r\n"), NOT_FOUND),
    "too many fields": (answer("200 OK", *["X-A: b"] * 300, "Content-Length: 0"), LENIENT),
    "head that is too large": (answer("200 OK", "X-A: " + "a" * 70000, "Content-Length: 0"), ""),
    "101 that nobody asked for": (answer("101 Switching Protocols", "Connection: Upgrade", "Upgrade: x"), LENIENT),
    "bad behind an interim one": (answer("103 Early Hints") + b"hello\r\n\r\n", INTERIM),
}
CUTS = {
    "within a length": answer("200 OK", "Content-Length: 10", body=b"abc"),
    "within a chunk": answer("200 OK", "Transfer-Encoding: chunked", body=b"a\r\nabc"),
    "before the last chunk": answer("200 OK", "Transfer-Encoding: chunked", body=b"3\r\nabc\r\n"),
    "within the last chunk": answer("200 OK", "Transfer-Encoding: chunked", body=b"3\r\nabc\r\n0\r\n"),
    "within a trailer": answer("200 OK", "Transfer-Encoding: chunked", body=b"3\r\nabc\r\n0\r\nX-A: b\r\n"),
    "bad chunk size": answer("200 OK", "Transfer-Encoding: chunked", body=b"3\r\nabc\r\nz\r\n"),
    "no CRLF behind a chunk": answer("200 OK", "Transfer-Encoding: chunked", body=b"3\r\nabcXX0\r\n\r\n"),
    "chunk size that overflows": answer("200 OK", "Transfer-Encoding: chunked", body=b"3\r\nabc\r\nfffffffffffffffff\r\n"),
    "bare LF behind a chunk size": answer("200 OK", "Transfer-Encoding: chunked", body=b"3\r\nabc\r\n1\na\r\n0\r\n\r\n"),
}
# The head and what is bad may be read at once: then nothing has gone to the client, and it hears 502.
EARLY = {"bad chunk size", "no CRLF behind a chunk", "chunk size that overflows", "bare LF behind a chunk size"}

CASES = [
    good("length", "9112 6.2", OK, body=b"ok", has=("Content-Length: 2",)),
    good("chunked", "9112 7.1", answer("200 OK", "Transfer-Encoding: chunked", body=b"2\r\nok\r\n0\r\n\r\n"), body=b"ok"),
    good("chunked with extensions", "9112 7.1.1", answer("200 OK", "Transfer-Encoding: chunked", body=b"2;a=\"b\"\r\nok\r\n0;c\r\n\r\n"),
         body=b"ok"),
    good("until close", "9112 6.3", answer("200 OK", body=b"ok"), body=b"ok", has=("Transfer-Encoding: chunked",)),
    good("until close, empty", "9112 6.3", answer("200 OK"), body=b""),
    good("until close, for HTTP/1.0", "9112 6.3", answer("200 OK", body=b"ok"), send=get(version="1.0"), body=b"ok", closed=True),
    good("chunked for HTTP/1.0", "9112 6.3", answer("200 OK", "Transfer-Encoding: chunked", body=b"2\r\nok\r\n0\r\n\r\n"),
         send=get(version="1.0"), body=b"ok", closed=True, lacks=("Transfer-Encoding",)),
    good("chunked for HTTP/1.0 with keep-alive", "9112 6.3", answer("200 OK", "Transfer-Encoding: chunked", body=b"2\r\nok\r\n0\r\n\r\n"),
         send=get("Connection: keep-alive", version="1.0"), body=b"ok", closed=True, lacks=("Transfer-Encoding",)),
    good("HTTP/1.0", "9112 2.3", answer("200 OK", body=b"ok", version="1.0"), body=b"ok"),
    good("HTTP/1.0 with a length", "9112 2.3", answer("200 OK", "Content-Length: 2", body=b"ok", version="1.0"), body=b"ok"),
    good("HTTP/1.0 with chunks", "9112 6.1", answer("200 OK", "Transfer-Encoding: chunked", body=b"2\r\nok\r\n0\r\n\r\n", version="1.0"),
         body=b"ok"),
    good("no reason phrase", "9112 4", answer("200 ", "Content-Length: 2", body=b"ok"), body=b"ok"),
    good("no space behind the status", "9112 4", answer("200", "Content-Length: 2", body=b"ok"), body=b"ok"),
    good("obs-text in the reason", "9112 4", answer("200 \xe4", "Content-Length: 2", body=b"ok"), body=b"ok"),
    good("status 299", "9110 15", answer("299 X", "Content-Length: 0"), status=299),
    good("status 999", "9110 15", answer("999 X", "Content-Length: 0"), status=999, closed=False),
    good("status 600", "9110 15", answer("600 X", "Content-Length: 0"), status=600, closed=False),
    good("status 404", "9110 15.5.5", answer("404 Not Found", "Content-Length: 1", body=b"x"), status=404, body=b"x", closed=False),
    good("Date is added", "9110 6.6.1", OK, lacks=("Age",)),
    good("Date is kept", "9110 6.6.1", answer("200 OK", "Date: Sun, 06 Nov 1994 08:49:37 GMT", "Content-Length: 0"),
         has=("Date: Sun, 06 Nov 1994 08:49:37 GMT",), nginx="writes its own Date"),
    good("Via is kept", "9110 7.6.3", answer("200 OK", "Via: 1.1 x", "Content-Length: 0"), has=("Via: 1.1 x",)),
    good("fields named by Connection", "9110 7.6.1", answer("200 OK", "Connection: X-A", "X-A: 1", "X-B: 2", "Content-Length: 0"),
         lacks=("X-A", "Connection"), has=("X-B: 2",), nginx="does not look at the names"),
    good("Keep-Alive stays", "9110 7.6.1", answer("200 OK", "Keep-Alive: timeout=5", "Content-Length: 0"), lacks=("Keep-Alive",)),
    good("Proxy-Connection stays", "9110 7.6.1", answer("200 OK", "Proxy-Connection: keep-alive", "Content-Length: 0"),
         lacks=("Proxy-Connection",), nginx=LENIENT),
    good("Upgrade stays", "9110 7.8", answer("200 OK", "Upgrade: h2c", "Connection: Upgrade", "Content-Length: 0"), lacks=("Upgrade",),
         nginx=LENIENT),
    good("it cannot speak for the gateway", "9110 7.6.1", answer("200 OK", "X-Yett-Reason: x", "Content-Length: 0"),
         lacks=("X-Yett-Reason",), nginx="has no such field of its own"),
    good("fields in order", "9110 5.3", answer("200 OK", "Set-Cookie: a", "Set-Cookie: b", "Content-Length: 0"),
         has=("Set-Cookie: a", "Set-Cookie: b")),
    good("HEAD with a length", "9110 9.3.2", answer("200 OK", "Content-Length: 5"), send=head("HEAD"), has=("Content-Length: 5",), body=b""),
    good("HEAD without a length", "9110 9.3.2", answer("200 OK"), send=head("HEAD"), body=b""),
    good("HEAD, chunked", "9110 9.3.2", answer("200 OK", "Transfer-Encoding: chunked"), send=head("HEAD"), body=b""),
    good("HEAD with a body all the same", "9110 9.3.2", answer("200 OK", "Content-Length: 2", body=b"ok"), send=head("HEAD"), body=b""),
    good("HEAD with a chunked body all the same", "9110 9.3.2", answer("200 OK", "Transfer-Encoding: chunked", body=b"2\r\nok\r\n0\r\n\r\n"),
         send=head("HEAD"), body=b""),
    good("HEAD, an answer behind it", "9112 9.3.2", answer("200 OK", "Content-Length: 0") + EVIL, send=head("HEAD") + get(), status=[200, 200],
         requests=2),
    good("204", "9110 15.3.5", answer("204 No Content"), status=204, body=b"", lacks=("Content-Length", "Transfer-Encoding")),
    good("204 with a length", "9110 8.6", answer("204 No Content", "Content-Length: 0"), status=204, lacks=("Content-Length",),
         nginx=LENIENT),
    good("204 with a body", "9112 6.3", answer("204 No Content", "Content-Length: 4", body=b"evil"), status=204,
         lacks=("Content-Length",), nginx=LENIENT),
    good("204 with a chunked body", "9112 6.3", answer("204 No Content", "Transfer-Encoding: chunked", body=b"2\r\nok\r\n0\r\n\r\n"), status=204,
         lacks=("Transfer-Encoding",)),
    good("426 names what to upgrade to", "9110 15.5.22", answer("426 Upgrade Required", "Upgrade: HTTP/3.0", "Connection: Upgrade",
         "Content-Length: 0"), status=426, has=("Upgrade: HTTP/3.0", "Connection: Upgrade"), closed=False, nginx="says keep-alive alone"),
    good("304 with a length", "9110 15.4.5", answer("304 Not Modified", "Content-Length: 5", "ETag: \"a\""), status=304,
         has=("ETag: \"a\"",)),
    good("304 with a body", "9112 6.3", answer("304 Not Modified", "Content-Length: 4", body=b"evil"), status=304),
    good("bytes behind it", "9112 9.3.2", OK + EVIL, body=b"ok"),
    good("bytes behind the last chunk", "9112 9.3.2", answer("200 OK", "Transfer-Encoding: chunked", body=b"2\r\nok\r\n0\r\n\r\n") + EVIL,
         body=b"ok"),
    good("longer than its length", "9112 8", answer("200 OK", "Content-Length: 2", body=b"okEVIL"), body=b"ok"),
    good("100 before it", "9110 15.2.1", b"HTTP/1.1 100 Continue\r\n\r\n" + OK, body=b"ok"),
    good("103 before it", "8297 2", answer("103 Early Hints", "Link: </a>; rel=preload") + OK, body=b"ok", interim=[103]),
    good("burst of 1xx", "9110 15.2", answer("102 Processing") * 30 + OK, body=b"ok", interim=[102] * 30),
    good("1xx with a length", "9112 6.3", answer("150 X", "Content-Length: 4") + OK, body=b"ok", interim=[150],
         nginx=INTERIM),
    good("1xx for HTTP/1.0", "9110 15.2", answer("103 Early Hints") + OK, send=get(version="1.0"), interim=[], closed=True,
         nginx=INTERIM),
    *(malformed(name, "9112 4", said, nginx) for name, (said, nginx) in HEADS.items()),
    *(Case(f"answer breaks off: {name}", "9112 8", get(), {502, CUT} if name in EARLY else CUT, closed=ANY, answer=said, nginx=LENIENT if "bare LF" in name else "", requests=1) for name, said in CUTS.items()),
    Case("answer breaks off: within the head", "9112 8", get(), 502, closed=False, requests=1, answer=b"HTTP/1.1 200 OK\r\nX-A: b\r\n"),
    Case("answer breaks off: nothing at all", "9112 8", head("POST", "/", "Content-Length: 0"), 502, closed=False, requests=1, answer=b""),
    Case("answer breaks off: until close, for HTTP/1.0", "9112 8", get(version="1.0"), 200, closed=True,
         answer=answer("200 OK", body=b"abc"), body=b"abc"),
]
