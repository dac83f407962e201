"""How long is the body of a request? (RFC 9112 section 6)"""

from . import Case, chunked, get, head, post

HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: t\r\n\r\n"
LOST = "takes it for a request without a body"
ZERO = b"0\r\n\r\n"


def refused(name, section, *fields, status=400, body=b"abcde", nginx="", reason=None, **how):
    return Case(name, section, post(*fields, body=body, **how), status, nginx=nginx, reason=reason)


LENGTHS = {
    "sign": "+5", "negative": "-5", "hexadecimal": "0x5", "inner space": "5 5", "letters": "five", "fraction": "5.0", "exponent": "5e0",
    "list": "5, 5", "list that differs": "5, 6", "comma at the end": "5,", "comma first": ",5", "quoted": "\"5\"", "underscore": "1_0",
    "overflow of 64 bits": "18446744073709551621", "two to the 64": "18446744073709551616", "a hundred digits": "9" * 100,
    "empty": "", "semicolon": "5;x", "Arabic digit": "\xd9\xa5", "NUL behind": "5\0", "vertical tab": "\x0b5",
}

CASES = [
    Case("length", "9112 6.2", post("Content-Length: 5", body=b"abcde"), got=b"abcde", saw=("Content-Length: 5",)),
    Case("length of zero", "9112 6.2", post("Content-Length: 0"), got=b"", saw=("Content-Length: 0",)),
    Case("length with leading zeros", "9112 6.2", post("Content-Length: 0005", body=b"abcde"), got=b"abcde"),
    Case("length with blanks around", "9112 5.1", post("Content-Length:   5  ", body=b"abcde"), got=b"abcde"),
    refused("length with a tab behind it", "9110 5.6.3", "Content-Length: 5\t"),
    Case("length in small letters", "9110 5.1", post("content-length: 5", body=b"abcde"), got=b"abcde"),
    Case("length of a GET", "9110 9.3.1", get("Content-Length: 5") + b"abcde", got=b"abcde"),
    Case("length of a DELETE", "9110 9.3.5", head("DELETE", "/", "Content-Length: 2") + b"ab", got=b"ab"),
    Case("no length: no body", "9112 6.3", post(), got=b""),
    Case("body before the next request", "9112 9.3.2", post("Content-Length: 5", body=b"abcde") + get(target="/2"), [200, 200],
         target="/2"),
    Case("body that looks like a request", "9112 6.3", post(f"Content-Length: {len(HIDDEN)}", body=HIDDEN), got=HIDDEN),
    Case("chunked", "9112 7.1", chunked(b"5\r\nabcde\r\n" + ZERO), got=b"abcde"),
    Case("chunked in capitals", "9112 7", post("Transfer-Encoding: CHUNKED", body=b"5\r\nabcde\r\n" + ZERO), got=b"abcde"),
    Case("chunked and empty", "9112 7.1", chunked(ZERO), got=b""),
    Case("chunked before the next request", "9112 9.3.2", chunked(b"1\r\na\r\n" + ZERO) + get(target="/2"), [200, 200],
         target="/2"),
    refused("length, then chunked", "9112 6.1", "Content-Length: 5", "Transfer-Encoding: chunked", body=ZERO + HIDDEN),
    refused("chunked, then length", "9112 6.1", "Transfer-Encoding: chunked", "Content-Length: 5", body=ZERO + HIDDEN),
    refused("length of zero with chunked", "9112 6.1", "Content-Length: 0", "Transfer-Encoding: chunked", body=ZERO),
    refused("chunked in another spelling of the field", "9112 5.1", "Transfer_Encoding: chunked", "Content-Length: 5",
            status=200),
    refused("two lengths that differ", "9112 6.3", "Content-Length: 5", "Content-Length: 6"),
    refused("two lengths that are equal", "9112 6.3", "Content-Length: 5", "Content-Length: 5"),
    refused("length and an empty one", "9112 6.3", "Content-Length: 5", "Content-Length:"),
    *(refused(f"length: {what}", "9112 6.2", f"Content-Length: {value}") for what, value in LENGTHS.items()),
    refused("length, space before the colon", "9112 5.1", "Content-Length : 5"),
    refused("length in a folded line", "9112 5.2", "Content-Length:\r\n 5"),
    refused("coding: unknown", "9112 6.1", "Transfer-Encoding: rot13", status={400, 501}, body=ZERO),
    refused("coding: identity", "9112 7", "Transfer-Encoding: identity", status={400, 501}),
    refused("coding: gzip alone", "9112 6.1", "Transfer-Encoding: gzip", status={400, 501}),
    refused("coding: gzip, chunked", "9112 6.1", "Transfer-Encoding: gzip, chunked", status={400, 501}, body=ZERO),
    refused("coding: chunked, gzip", "9112 6.1", "Transfer-Encoding: chunked, gzip", status={400, 501}, body=ZERO),
    refused("coding: chunked, identity", "9112 6.1", "Transfer-Encoding: chunked, identity", status={400, 501}, body=ZERO),
    refused("coding: chunked twice in a list", "9112 6.1", "Transfer-Encoding: chunked, chunked", status={400, 501}, body=ZERO),
    refused("coding: chunked in two fields", "9112 6.1", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked",
            status={400, 501}, body=ZERO),
    refused("coding: gzip and chunked in two fields", "9112 6.1", "Transfer-Encoding: gzip", "Transfer-Encoding: chunked",
            status={400, 501}, body=ZERO),
    refused("coding: prefix", "9112 6.1", "Transfer-Encoding: xchunked", status={400, 501}, body=ZERO),
    refused("coding: suffix", "9112 6.1", "Transfer-Encoding: chunkedx", status={400, 501}, body=ZERO),
    refused("coding: quoted", "9112 6.1", "Transfer-Encoding: \"chunked\"", status={400, 501}, body=ZERO),
    refused("coding: with a parameter", "9112 7", "Transfer-Encoding: chunked;q=1", status={400, 501}, body=ZERO),
    refused("coding: empty", "9112 6.1", "Transfer-Encoding:", status={400, 501}, body=ZERO),
    refused("coding: comma behind", "9110 5.6.1.2", "Transfer-Encoding: chunked,", status={400, 501}, body=ZERO, reason="bad_framing"),
    refused("coding: comma before", "9110 5.6.1.2", "Transfer-Encoding: ,chunked", status={400, 501}, body=ZERO, reason="bad_framing"),
    refused("coding: two commas", "9110 5.6.1.2", "Transfer-Encoding: gzip, ,chunked", status={400, 501}, body=ZERO, reason="bad_framing"),
    refused("coding: tab behind", "9110 5.6.3", "Transfer-Encoding: chunked\t", status={400, 501}, body=ZERO, reason="bad_framing"),
    refused("coding: vertical tab before", "9112 5.5", "Transfer-Encoding: \x0bchunked", status={400, 501}, body=ZERO),
    refused("coding: space before the colon", "9112 5.1", "Transfer-Encoding : chunked", body=ZERO),
    refused("coding: in a folded line", "9112 5.2", "Transfer-Encoding:\r\n chunked", body=ZERO),
    refused("coding: bare CR behind", "9112 2.2", "Transfer-Encoding: chunked\r", status={400, 501}, body=ZERO,
            nginx="takes several CR before an LF for one"),
    refused("chunked in HTTP/1.0", "9112 6.1", "Transfer-Encoding: chunked", body=ZERO, version="1.0"),
    refused("HTTP/1.0 POST without a length", "1945 7.2.2", status=411, body=b"", version="1.0", nginx=LOST),
    Case("HTTP/1.0 PUT without a length", "1945 7.2.2", head("PUT", version="1.0"), 411, reason="length_required",
         nginx=LOST),
    Case("HTTP/1.0 PATCH without a length", "1945 7.2.2", head("PATCH", version="1.0"), 411, nginx=LOST),
    Case("HTTP/1.0 POST with a length", "1945 7.2.2", post("Content-Length: 2", body=b"ab", version="1.0"), closed=True,
         got=b"ab"),
    Case("client leaves within its length", "9112 8", post("Content-Length: 10", body=b"abc"), then="leave", whole=False,
         requests=1),
    Case("client leaves within a chunk", "9112 8", chunked(b"a\r\nabc"), then="leave", whole=False, requests=1),
    Case("client leaves before the last chunk", "9112 8", chunked(b"3\r\nabc\r\n"), then="leave", whole=False, requests=1),
]
