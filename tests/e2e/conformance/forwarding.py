"""What a proxy takes off, adds and answers itself (RFC 9110 sections 7.6 and 10.1, RFC 9112 section 9), and pipelining."""

from . import Case, answer, chunked, get, head, post

NOT_ITS_JOB = "passes on what its configuration does not name"
UPGRADE = ("Connection: Upgrade", "Upgrade: websocket")
NAMED = ["Host", "Content-Length", "Authorization", "Cookie", "X-Request-Id", "X-Forwarded-For", "X-Forwarded-Proto", "X-Real-IP", "Via"]


def named(name):
    """Connection cannot take away what the upstream relies on."""
    given = {"Host": (), "Content-Length": (), "X-Forwarded-For": (), "X-Forwarded-Proto": (), "X-Real-IP": ()}
    fields = given.get(name, (f"{name}: abc",))
    seen = {"Host": "Host: t", "Content-Length": "Content-Length: 1", "X-Forwarded-For": "X-Forwarded-For: 127.0.0.1",
            "X-Real-IP": "X-Real-IP: 127.0.0.1", "X-Forwarded-Proto": "X-Forwarded-Proto: http"}
    return Case(f"Connection names {name}", "9110 7.6.1", post(f"Connection: {name}", "Content-Length: 1", *fields, body=b"a"),
                saw=(seen.get(name, f"{name}: abc"),), got=b"a",
                nginx="adds no such field unless told" if name.startswith("X-") and name != "X-Request-Id" else "")


CASES = [
    Case("Connection: named fields", "9110 7.6.1", get("Connection: X-A, X-B", "X-A: 1", "x-b: 2", "X-C: 3"), saw=("X-C: 3",),
         unseen=("X-A", "X-B", "Connection"), nginx=NOT_ITS_JOB),
    Case("Connection: in two fields", "9110 7.6.1", get("Connection: X-A", "Connection: X-B", "X-A: 1", "X-B: 2"),
         unseen=("X-A", "X-B"), nginx=NOT_ITS_JOB),
    Case("Connection: a field that is not there", "9110 7.6.1", get("Connection: X-A"), unseen=("Connection",)),
    Case("Connection: odd list", "9110 5.6.1", get("Connection: ,, X-A ,", "X-A: 1"), unseen=("X-A",), nginx=NOT_ITS_JOB),
    Case("Connection: close", "9112 9.6", get("Connection: close"), closed=True, has=("Connection: close",)),
    Case("Connection: close in a list", "9112 9.6", get("Connection: X-A, close"), closed=True),
    Case("Connection: Close", "9112 9.6", get("Connection: Close"), closed=True),
    Case("Connection: keep-alive", "9112 9.3", get("Connection: keep-alive"), closed=False),
    Case("Connection: keep-alive and close", "9112 9.3", get("Connection: keep-alive, close"), closed=True),
    Case("Connection names the identity", "9110 7.6.1", get("Connection: auth_id", "auth_id: 1"), unseen=("auth_id",)),
    Case("Connection names a hundred fields", "9110 7.6.1", get("Connection: " + ", ".join(f"X-{i}" for i in range(100))), 400,
         reason="bad_request", nginx="does not look at them"),
    *(named(name) for name in NAMED),
    *(Case(f"{line.split(':')[0]} stays", "9110 7.6.1", get(line), unseen=(line.split(":")[0],), nginx=why)
      for line, why in (("Keep-Alive: timeout=5", ""), ("Proxy-Connection: keep-alive", NOT_ITS_JOB),
                        ("Proxy-Authorization: Basic eDp5", NOT_ITS_JOB), ("HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA", NOT_ITS_JOB),
                        ("Trailer: X-A", NOT_ITS_JOB), ("auth_id: 1", ""), ("Auth.Id: 1", ""), ("auth-id: 1", NOT_ITS_JOB),
                        ("X-Yett-Reason: x", NOT_ITS_JOB), ("Proxy: http://evil/", NOT_ITS_JOB),
                        ("Content_Length: 5", ""), ("Transfer_Encoding: chunked", ""), ("Transfer.Encoding: chunked", ""))),
    Case("TE: trailers", "9110 10.1.4", get("TE: trailers", "Connection: TE"), saw=("TE: trailers", "Connection: TE"), nginx=NOT_ITS_JOB),
    Case("TE: other codings are ours", "9110 10.1.4", get("TE: gzip, trailers;x, deflate", "Connection: TE"), unseen=("TE", "Connection")),
    Case("TE: trailers among others", "9110 10.1.4", get("TE: gzip;q=0.5, trailers", "Connection: TE"), saw=("TE: trailers",),
         nginx=NOT_ITS_JOB),
    Case("TE in HTTP/1.0", "9110 10.1.4", get("TE: trailers", version="1.0"), unseen=("TE",), closed=True),
    Case("Upgrade without Connection", "9110 7.8", get("Upgrade: websocket"), unseen=("Upgrade", "Connection"),
         nginx="passes Upgrade on because its configuration says so"),
    Case("Upgrade asked for, declined", "9110 7.8", get(*UPGRADE), saw=UPGRADE, nginx="writes upgrade in small letters"),
    Case("Upgrade to h2c", "9113 3.1", get("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk"),
         unseen=("Upgrade", "HTTP2-Settings", "Connection"), nginx=NOT_ITS_JOB),
    Case("Upgrade to h2c among others", "9113 3.1", get("Connection: Upgrade", "Upgrade: websocket, h2c"), unseen=("Upgrade",),
         nginx=NOT_ITS_JOB),
    Case("Upgrade in HTTP/1.0", "9110 7.8", get(*UPGRADE, version="1.0"), unseen=("Upgrade",), closed=True, nginx=NOT_ITS_JOB),
    Case("Upgrade with a body", "9110 7.8", post(*UPGRADE, "Content-Length: 1", body=b"a"), unseen=("Upgrade",), got=b"a",
         nginx=NOT_ITS_JOB),
    Case("Upgrade twice", "9110 7.8", get(*UPGRADE, "Upgrade: other"), unseen=("Upgrade",), nginx=NOT_ITS_JOB),
    Case("Upgrade declined, next request", "9110 7.8", get(*UPGRADE) + get(target="/2"), [200, 200], target="/2"),
    Case("Via is kept, ours comes behind", "9110 7.6.3", get("Via: 1.0 fred, 1.1 p.example (Apache/1.1)"),
         saw=("Via: 1.0 fred, 1.1 p.example (Apache/1.1)",)),
    Case("Max-Forwards of OPTIONS", "9110 7.6.2", head("OPTIONS", "/", "Max-Forwards: 5"), saw=("Max-Forwards: 4",),
         nginx="does not know Max-Forwards"),
    Case("Max-Forwards of OPTIONS: the last one", "9110 7.6.2", head("OPTIONS", "/", "Max-Forwards: 1"), saw=("Max-Forwards: 0",),
         nginx="does not know Max-Forwards"),
    Case("Max-Forwards: 0 is for us", "9110 7.6.2", head("OPTIONS", "/", "Max-Forwards: 0"), requests=0, body=b"",
         has=("Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",), nginx="does not know Max-Forwards"),
    Case("Max-Forwards: 0 of OPTIONS *", "9110 7.6.2", head("OPTIONS", "*", "Max-Forwards: 0"), requests=0, body=b"",
         nginx="knows no asterisk-form"),
    Case("Max-Forwards: 0 of GET", "9110 7.6.2", get("Max-Forwards: 0"), saw=("Max-Forwards: 0",)),
    Case("Max-Forwards: huge", "9110 7.6.2", head("OPTIONS", "/", "Max-Forwards: 99999999999999999999"), saw=("Max-Forwards: 999999",),
         nginx="does not know Max-Forwards"),
    Case("Max-Forwards: none", "9110 7.6.2", head("OPTIONS", "/", "Max-Forwards: x"), 400, nginx="does not know Max-Forwards"),
    Case("Max-Forwards twice", "9110 7.6.2", head("OPTIONS", "/", "Max-Forwards: 1", "Max-Forwards: 0"), 400,
         nginx="does not know Max-Forwards"),
    Case("Expect: 100-continue", "9110 10.1.1", post("Expect: 100-continue", "Content-Length: 2", body=b"ab"), got=b"ab"),
    Case("Expect without a body", "9110 10.1.1", get("Expect: 100-continue"), 200),
    Case("Expect in HTTP/1.0", "9110 10.1.1", post("Expect: 100-continue", "Content-Length: 2", body=b"ab", version="1.0"), got=b"ab",
         closed=True, interim=[]),
    Case("Expect: something else", "9110 10.1.1", post("Expect: x", "Content-Length: 2", body=b"ab"), 417, reason="expectation_failed",
         nginx="ignores it"),
    Case("Expect: a list", "9110 10.1.1", post("Expect: 100-continue, x", "Content-Length: 2", body=b"ab"), 417, nginx="ignores it"),
    Case("Expect twice", "9110 10.1.1", post("Expect: 100-continue", "Expect: x", "Content-Length: 2", body=b"ab"), 417,
         nginx="ignores it"),
    Case("HTTP/1.0", "9112 9.3", get(version="1.0"), closed=True, lacks=("Transfer-Encoding",)),
    Case("HTTP/1.0 with keep-alive", "9112 9.3", get("Connection: keep-alive", version="1.0"), closed=False,
         has=("Connection: keep-alive",)),
    Case("HTTP/1.0 with Keep-Alive and close", "9112 9.3", get("Connection: Keep-Alive, close", version="1.0"), closed=True),
    Case("pipelining", "9112 9.3.2", get(target="/1") + get(target="/2") + get(target="/3"), [200, 200, 200], target="/3"),
    Case("pipelining behind HEAD", "9112 9.3.2", head("HEAD", "/1") + get(target="/2"), [200, 200], target="/2"),
    Case("pipelining behind bodies", "9112 9.3.2", post("Content-Length: 3", body=b"abc") + chunked(b"2\r\nde\r\n0\r\n\r\n") + get(),
         [200, 200, 200]),
    Case("pipelining of forty", "9112 9.3.2", get() * 40, [200] * 40),
    Case("pipelining: a bad one in the middle", "9112 9.3.2", get(target="/1") + b"GET / HTTP/1.1\r\nX : y\r\n\r\n" + get(target="/3"),
         [200, 400], target="/1"),
    Case("pipelining: behind close", "9112 9.6", get("Connection: close") + get(target="/2"), closed=True, target="/"),
    Case("pipelining: a method that is refused", "9112 9.3.2", head("TRACE") + get(target="/2"), {405, 501}),
    Case("pipelining: empty lines between", "9112 2.2", get(target="/1") + b"\r\n\r\n" + get(target="/2"), [200, 200], target="/2"),
    Case("pipelining: bytes behind a body", "9112 9.3.2", post("Content-Length: 3", body=b"abcGARBAGE\r\n\r\n"), [200, 400], got=b"abc"),
    Case("pipelining: an early answer to the first", "9112 9.3.2", get(target="/1") + get(target="/2"), [200, 200],
         answer=answer("200 OK", "Content-Length: 2", body=b"ok"), requests=2),
    Case("X-Request-Id: what could do harm is not taken", "9110 5.5", get("X-Request-Id: a b<c>\"d"), unseen=("X-Request-Id: a b<c>",)),
]
