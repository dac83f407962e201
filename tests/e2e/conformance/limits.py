"""Limits and their statuses (RFC 9110 section 15.5, RFC 6585). The gateway of the suite has head 8k, uri 2k, fields 50, body 64k.
Whether a connection outlives the refusal of a body depends on whether all of it had come by then."""

from . import ANY, Case, chunked, get, head, post

ITS_LIMITS = "has other limits"
SLOW = "waits for a minute"


CASES = [
    Case("target as long as the limit", "9110 15.5.15", get(target="/" + "a" * 2047), 200),
    Case("target one longer", "9110 15.5.15", get(target="/" + "a" * 2048), 414, reason="uri_too_long", nginx=ITS_LIMITS),
    Case("target much longer", "9110 15.5.15", get(target="/" + "a" * 100000), 414, reason="uri_too_long"),
    Case("target that never ends", "9110 15.5.15", b"GET /" + b"a" * 100000, 414, reason="uri_too_long"),
    Case("query that is too long", "9110 15.5.15", get(target="/?" + "a" * 3000), 414, reason="uri_too_long", nginx=ITS_LIMITS),
    Case("large field", "6585 5", get("X-A: " + "a" * 7900), 200),
    Case("field that is too large", "6585 5", get("X-A: " + "a" * 9000), 431, reason="header_too_large", nginx="answers 400"),
    Case("field much too large", "6585 5", get("X-A: " + "a" * 100000), 431, reason="header_too_large", nginx="answers 400"),
    Case("name that is too large", "6585 5", get("X" * 70000 + ": a"), 431, reason="header_too_large", nginx="answers 400"),
    Case("head that is too large in all", "6585 5", get(*(f"X-{i}: " + "a" * 300 for i in range(30))), 431,
         reason="header_too_large", nginx=ITS_LIMITS),
    Case("head that never ends", "6585 5", b"GET / HTTP/1.1\r\nX-A: " + b"a" * 100000, 431, reason="header_too_large", nginx="answers 400"),
    Case("as many fields as the limit", "6585 5", get(*["X: 1"] * 49), 200),
    Case("one field more", "6585 5", get(*["X: 1"] * 50), 431, reason="too_many_headers", nginx=ITS_LIMITS),
    Case("many fields", "6585 5", get(*["X: 1"] * 1000), 431, reason="too_many_headers", nginx=ITS_LIMITS),
    Case("body as large as the limit", "9110 15.5.14", post("Content-Length: 65536", body=b"a" * 65536), got=b"a" * 65536),
    Case("body one larger", "9110 15.5.14", post("Content-Length: 65537", body=b"a" * 65537), 413, reason="body_too_large", closed=ANY,
         nginx=ITS_LIMITS),
    Case("body that says it is too large", "9110 15.5.14", post("Content-Length: 99999999999"), 413, reason="body_too_large",
         nginx=SLOW),
    Case("body that says it is too large, and expects", "9110 10.1.1", post("Content-Length: 99999999999", "Expect: 100-continue"), 413,
         interim=[], nginx=SLOW),
    Case("chunked body that becomes too large", "9110 15.5.14", chunked((b"1000\r\n" + b"a" * 4096 + b"\r\n") * 17 + b"0\r\n\r\n"), 413,
         reason="body_too_large", closed=ANY, requests=ANY, whole=False, nginx=ITS_LIMITS),
    Case("one chunk that is too large", "9110 15.5.14", chunked(b"20000\r\n" + b"a" * 131072 + b"\r\n0\r\n\r\n"), 413,
         reason="body_too_large", closed=ANY, requests=ANY, whole=False, nginx=ITS_LIMITS),
    Case("head that does not come", "9110 15.5.9", b"GET / HTTP/1.1\r\nHost: t\r\n", 408, reason="client_head_timeout", nginx=SLOW),
    Case("half a request line", "9110 15.5.9", b"GET /", 408, reason="client_head_timeout", nginx=SLOW),
    Case("body that does not come", "9110 15.5.9", post("Content-Length: 10", body=b"abc"), 408, reason="client_body_timeout",
         requests=1, whole=False, nginx=SLOW),
    Case("chunk that does not come", "9110 15.5.9", chunked(b"a\r\nabc"), 408, reason="client_body_timeout", requests=1, whole=False,
         nginx=SLOW),
    Case("body of a refused method", "9110 15.6.2", head("TRACE", "/", "Content-Length: 5") + b"abcde", {405, 501}),
    Case("head of HEAD that is refused", "9110 9.3.2", head("HEAD", "http:///"), 400, body=b""),
]
