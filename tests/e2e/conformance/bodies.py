"""Chunks and trailers of requests (RFC 9112 section 7.1). A chunk that turns bad after the head: 400, and whatever reached the
upstream never looks whole."""

from . import ANY, Case, answer, chunked, get

ZERO = b"0\r\n\r\n"


def good(name, section, body, got, *fields, **how):
    return Case(name, section, chunked(body, *fields), got=got, **how)


def bad(name, section, body, **how):
    """How much of it reaches the upstream depends on what comes in one read: nothing, or what is seen to be cut."""
    return Case(name, section, chunked(body + get(target="/hidden")), how.pop("status", 400), requests=ANY, whole=False, **how)


BAD = {
    "sign": b"+5\r\nabcde\r\n", "negative": b"-1\r\nabcde\r\n", "0x": b"0x5\r\nabcde\r\n", "space before": b" 5\r\nabcde\r\n",
    "space behind": b"5 \r\nabcde\r\n", "tab behind": b"5\t\r\nabcde\r\n", "empty": b"\r\nabcde\r\n", "letters": b"xyz\r\nabcde\r\n",
    "underscore": b"1_0\r\nabcde\r\n", "NUL": b"5\0\r\nabcde\r\n", "overflow": b"FFFFFFFFFFFFFFFFF\r\nabcde\r\n",
    "two to the 64": b"10000000000000005\r\nabcde\r\n", "bare LF": b"5\nabcde\r\n", "bare CR": b"5\rabcde\r\n",
    "vertical tab": b"5\x0b\r\nabcde\r\n", "comma": b"5,5\r\nabcde\r\n",
    "no CRLF behind the data": b"5\r\nabcdeXX", "bare LF behind the data": b"5\r\nabcde\n", "longer than it says": b"3\r\nabcde\r\n",
    "bare CR in an extension": b"5;\rx\r\nabcde\r\n", "bare LF in an extension": b"5;x\nabcde\r\n",
    "NUL in an extension": b"5;\0\r\nabcde\r\n", "space before an extension": b"5 ;x\r\nabcde\r\n",
    "extension without a name": b"5;=x\r\nabcde\r\n", "CRLF in a quoted extension": b"5;a=\"x\r\ny\"\r\nabcde\r\n",
}
TRAILERS = {
    "space before the colon": b"X-A : b", "no name": b": b", "no colon": b"X-A", "NUL": b"X-A: b\0c", "bare CR": b"X-A: b\rc",
    "bare LF": b"X-A: b\nX-B: c", "folded": b"X-A: b\r\n c", "control character": b"X-A: b\x01c",
}
FORBIDDEN = ["Content-Length: 5", "Host: evil", "Authorization: Basic eDp5", "Cookie: a=b", "Content-Type: text/html",
             "Connection: close", "Trailer: X", "TE: trailers", "X-Forwarded-For: 1.2.3.4", "auth_id: 1", "X-Yett-Reason: x",
             "Expect: 100-continue", "Range: bytes=0-1", "Proxy-Authorization: x", "Via: 1.1 x", "Max-Forwards: 0",
             "X_Forwarded.For: 1.2.3.4", "Content-Encoding: gzip", "Upgrade: websocket", "Cache-Control: no-cache",
             "X-Request-Id: 1", "Forwarded: for=1.2.3.4", "Sec-Fetch-Site: same-origin", "X-Http-Method-Override: DELETE"]
LATE = answer("200 OK", "Transfer-Encoding: chunked", "Trailer: X-Sum", body=b"2\r\nok\r\n0\r\nX-Sum: 1\r\nSet-Cookie: a=b\r\n\r\n")
DROPS = "drops every trailer (RFC 9110 section 6.5.1 allows it)"

CASES = [
    good("chunk: small hexadecimal digits", "9112 7.1", b"a\r\n0123456789\r\n" + ZERO, b"0123456789"),
    good("chunk: capital hexadecimal digits", "9112 7.1", b"A\r\n0123456789\r\n" + ZERO, b"0123456789"),
    good("chunk: leading zeros", "9112 7.1", b"0005\r\nabcde\r\n000\r\n\r\n", b"abcde"),
    good("chunk: several", "9112 7.1", b"1\r\na\r\n2\r\nbc\r\n3\r\ndef\r\n" + ZERO, b"abcdef"),
    good("chunk: many small ones", "9112 7.1", b"1\r\na\r\n" * 3000 + ZERO, b"a" * 3000),
    good("chunk: CRLF as data", "9112 7.1", b"4\r\n\r\n\r\n\r\n" + ZERO, b"\r\n\r\n"),
    good("chunk: end of a body as data", "9112 7.1", b"5\r\n0\r\n\r\n\r\n" + ZERO, b"0\r\n\r\n"),
    good("chunk extension: taken off", "9112 7.1.1", b"5;a=b\r\nabcde\r\n" + ZERO, b"abcde"),
    good("chunk extension: without a value", "9112 7.1.1", b"5;a\r\nabcde\r\n" + ZERO, b"abcde"),
    good("chunk extension: quoted", "9112 7.1.1", b"5;a=\"b c\"\r\nabcde\r\n" + ZERO, b"abcde"),
    good("chunk extension: on the last chunk", "9112 7.1.1", b"5\r\nabcde\r\n0;a=b\r\n\r\n", b"abcde"),
    bad("chunk extension: endless", "9112 7.1.1", b"1;" + b"a" * 300000, closed=ANY),
    bad("chunk extension: on every byte", "9112 7.1.1", (b"1;" + b"a" * 400 + b"\r\na\r\n") * 60),
    *(bad(f"chunk size: {what}", "9112 7.1", body, closed=True) for what, body in BAD.items()),
    bad("chunk: bad after a good one", "9112 7.1", b"3\r\nabc\r\nz\r\n", closed=True),
    good("trailer: passed on", "9110 6.5", b"1\r\na\r\n0\r\nX-Sum: 1\r\n\r\n", b"a", trailers=["X-Sum: 1"], nginx=DROPS),
    good("trailer: no field of the head", "9110 6.5.1", b"1\r\na\r\n0\r\nX-Sum: 1\r\n\r\n", b"a", unseen=("X-Sum",)),
    good("trailer: several, in order", "9110 6.5", b"0\r\nX-A: 1\r\nX-B: \r\nX-A: 2\r\n\r\n", b"",
         trailers=["X-A: 1", "X-B: ", "X-A: 2"], nginx=DROPS),
    good("trailer: announced", "9110 6.6.2", b"1\r\na\r\n0\r\nX-Sum: 1\r\n\r\n", b"a", "Trailer: X-Sum", saw=("Trailer: X-Sum",),
         trailers=["X-Sum: 1"], nginx=DROPS),
    good("trailer: named by Connection", "9110 7.6.1", b"1\r\na\r\n0\r\nX-Sum: 1\r\n\r\n", b"a", "Connection: X-Sum", trailers=[]),
    *(good(f"trailer: {text.split(':')[0]} stays", "9110 6.5.1", f"1\r\na\r\n0\r\n{text}\r\n\r\n".encode(), b"a", trailers=[])
      for text in FORBIDDEN[1:]),
    bad("trailer: Content-Length", "9110 6.5.1", b"1\r\na\r\n0\r\nContent-Length: 5\r\n\r\n", nginx="drops it unread"),
    bad("trailer: Transfer-Encoding", "9110 6.5.1", b"1\r\na\r\n0\r\nTransfer-Encoding: gzip\r\n\r\n", nginx="drops it unread"),
    *(bad(f"trailer: {what}", "9112 7.1.2", b"1\r\na\r\n0\r\n" + line + b"\r\n\r\n",
          nginx="" if what == "bare CR" else "skips trailers without reading them") for what, line in TRAILERS.items()),
    bad("trailers: too many", "6585 5", b"1\r\na\r\n0\r\n" + b"X-A: b\r\n" * 60 + b"\r\n", status=431,
        nginx="skips trailers without reading them"),
    bad("trailers: too large", "6585 5", b"1\r\na\r\n0\r\n" + b"X-A: " + b"b" * 9000 + b"\r\n\r\n", status=431,
        nginx="skips trailers without reading them"),
    Case("trailer of an answer: the client takes them", "9110 6.5", get("TE: trailers", "Connection: TE"), 200, answer=LATE,
         late=[b"X-Sum: 1"], has=("Trailer: X-Sum",), body=b"ok", saw=("TE: trailers", "Connection: TE"), nginx=DROPS),
    Case("trailer of an answer: the client does not", "9110 6.5.1", get(), 200, answer=LATE, late=[], body=b"ok",
         lacks=("X-Sum",)),
    Case("trailer of an answer: HTTP/1.0", "9110 6.5.1", get("TE: trailers", version="1.0"), 200, answer=LATE, body=b"ok",
         lacks=("Transfer-Encoding", "X-Sum"), closed=True),
    Case("trailer of an answer: forbidden ones", "9110 6.5.1", get("TE: trailers", "Connection: TE"), 200,
         answer=answer("200 OK", "Transfer-Encoding: chunked",
                       body=b"2\r\nok\r\n0\r\nLocation: /\r\nX-Yett-Reason: x\r\nStrict-Transport-Security: 1\r\n\r\n"),
         late=[], body=b"ok"),
    Case("trailer of an answer: named by Connection", "9110 7.6.1", get("TE: trailers", "Connection: TE"), 200,
         answer=answer("200 OK", "Connection: X-Sum", "Transfer-Encoding: chunked", body=b"2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n"),
         late=[], body=b"ok"),
]
