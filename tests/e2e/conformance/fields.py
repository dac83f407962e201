"""The form of fields, and Host (RFC 9112 sections 2.2, 3.2 and 5)."""

from . import Case, get, head

PASSES = "lets it pass"
DROPS = "drops fields whose names are not of letters, digits and hyphens, and goes on (ignore_invalid_headers)"
SKIPS = "skips any CR and LF before a request line"
BARE_LF = "takes a bare LF for the end of a line (RFC 9112 section 2.2 allows it)"


def refused(name, section, line, status=400, nginx="", **how):
    return Case(name, section, b"GET / HTTP/1.1\r\nHost: t\r\n" + line + b"\r\n\r\n", status, nginx=nginx, **how)


def host(name, value, good=False, nginx="", **how):
    return Case("Host: " + name, "9110 7.2", head("GET", "/", f"Host: {value}", host=None), 200 if good else 400, nginx=nginx,
                reason=None if good else how.pop("reason", "bad_host"), **how)


CONTROLS = {"NUL": b"\0", "SOH": b"\x01", "backspace": b"\x08", "vertical tab": b"\x0b", "form feed": b"\x0c", "ESC": b"\x1b",
            "US": b"\x1f", "DEL": b"\x7f"}
SEPARATORS = b"()<>@,;\\\"/[]?={}"

CASES = [
    *(refused(f"value with {what}", "9110 5.5", b"X-A: b" + c + b"c", nginx="" if c == b"\0" else PASSES)
      for what, c in CONTROLS.items()),
    *(refused(f"name with {what}", "9110 5.1", b"X-" + c + b"A: b") for what, c in CONTROLS.items()),
    *(refused(f"name with {chr(c)}", "9110 5.6.2", b"X" + bytes([c]) + b"A: b", nginx=DROPS) for c in SEPARATORS),
    refused("name with a letter that is not ASCII", "9110 5.1", b"X-\xc3\xa4: b", nginx=DROPS),
    refused("name with a space", "9110 5.1", b"X A: b"),
    refused("space before the colon", "9112 5.1", b"X-A : b"),
    refused("tab before the colon", "9112 5.1", b"X-A\t: b"),
    refused("empty name", "9112 5.1", b": b"),
    refused("no colon", "9112 5", b"X-A", nginx=DROPS),
    refused("no colon, but a value", "9112 5", b"X-A b"),
    refused("folded line", "9112 5.2", b"X-A: b\r\n c"),
    refused("line folded by a tab", "9112 5.2", b"X-A: b\r\n\tc"),
    refused("line folded into nothing", "9112 5.2", b"X-A: b\r\n \r\nX-B: c"),
    Case("blank line start after the request line", "9112 2.2", b"GET / HTTP/1.1\r\n Host: t\r\n\r\n", 400),
    refused("bare CR in a value", "9112 2.2", b"X-A: b\rc"),
    refused("bare CR for the end of a line", "9112 2.2", b"X-A: b\rX-B: c"),
    refused("two CR", "9112 2.2", b"X-A: b\r\r\nX-B: c", nginx="takes several CR before an LF for one"),
    refused("bare LF for the end of a line", "9112 2.2", b"X-A: b\nX-B: c", nginx=BARE_LF),
    refused("bare LF that hides a coding", "9112 2.2", b"X-A: b\nTransfer-Encoding: chunked", nginx=BARE_LF),
    Case("bare LF behind the request line", "9112 2.2", b"GET / HTTP/1.1\nHost: t\r\n\r\n", 400, nginx=BARE_LF),
    Case("bare LF for the end of the head", "9112 2.2", b"GET / HTTP/1.1\r\nHost: t\r\n\n", 400, nginx=BARE_LF),
    Case("bare LF everywhere", "9112 2.2", b"GET / HTTP/1.1\nHost: t\n\n", 400, nginx=BARE_LF),
    Case("obs-text in a value", "9110 5.5", get("X-A: b\xe4\xffc"), saw=("X-A: b\xe4\xffc",)),
    Case("tab within a value", "9110 5.5", get("X-A: b\tc"), saw=("X-A: b\tc",)),
    Case("empty value", "9110 5.5", get("X-A:"), saw=("X-A: ",)),
    Case("blanks around a value", "9110 5.5", get("X-A: \t b \t "), saw=("X-A: b",)),
    Case("no blank before a value", "9112 5", get("X-A:b"), saw=("X-A: b",)),
    Case("colon in a value", "9112 5", get("X-A: b:c"), saw=("X-A: b:c",)),
    Case("every character of a token in a name", "9110 5.6.2", get("X!#$%&'*+-.^`|~9: b"), saw=("X!#$%&'*+-.^`|~9: b",),
         nginx=DROPS),
    Case("field twice", "9110 5.3", get("X-A: 1", "X-A: 2"), saw=("X-A: 1", "X-A: 2")),
    Case("small letters in a name", "9110 5.1", get("x-a: b"), saw=("X-A: b",)),
    Case("empty lines before the request", "9112 2.2", b"\r\n\r\n" + get(), 200),
    Case("CRLF before each of two requests", "9112 2.2", b"\r\n" + get() + b"\r\n" + get(target="/2"), [200, 200], target="/2"),
    Case("LF before the request", "9112 2.2", b"\n" + get(), 400, reason="bad_request", nginx=SKIPS),
    Case("CR before the request", "9112 2.2", b"\r" + get(), 400, reason="bad_request", nginx=SKIPS),
    Case("CRLF and LF before the request", "9112 2.2", b"\r\n\n" + get(), 400, nginx=SKIPS),
    Case("two CR and LF before the request", "9112 2.2", b"\r\r\n" + get(), 400, nginx=SKIPS),
    Case("bare CR between two requests", "9112 2.2", get() + b"\r" + get(target="/2"), [200, 400], requests=1, nginx=SKIPS),
    Case("space before the request", "9112 2.2", b" " + get(), 400),
    Case("no Host", "9112 3.2", b"GET / HTTP/1.1\r\nX-A: b\r\n\r\n", 400, reason="bad_host"),
    Case("no Host in HTTP/1.0", "9112 3.2", b"GET / HTTP/1.0\r\n\r\n", 200, closed=True,
         nginx="sends an empty Host where it was told $http_host"),
    Case("two Hosts", "9112 3.2", get("Host: u"), 400, reason="bad_host"),
    Case("two equal Hosts", "9112 3.2", get("Host: t"), 400, reason="bad_host"),
    Case("two Hosts in HTTP/1.0", "9112 3.2", get("Host: t", version="1.0"), 400, reason="bad_host"),
    Case("Host with a space before the colon", "9112 5.1", head("GET", "/", "Host : t", host=None), 400),
    host("with a port", "t:8080", True, saw=("Host: t:8080",)),
    host("in capitals", "T.Example", True, saw=("Host: T.Example",)),
    host("IPv6", "[::1]:80", True, saw=("Host: [::1]:80",)),
    host("dot at the end", "t.", True),
    host("empty", "", True, nginx="refuses an empty Host; RFC 9112 section 3.2 has it for targets without an authority"),
    host("list", "t, u"),
    host("list without a blank", "t,u", nginx="lets a comma pass (here the case is closed by the strict upstream)"),
    host("user", "u@t", nginx=PASSES),
    host("user and password", "u:p@t", nginx=PASSES),
    host("path", "t/x"),
    host("slash alone", "t/"),
    host("backslash", "t\\x", nginx=PASSES),
    host("query", "t?x", nginx=PASSES),
    host("fragment", "t#x", nginx=PASSES),
    host("inner space", "t u"),
    host("tab", "t\tu"),
    host("port of letters", "t:http", nginx=PASSES),
    host("port that is too large", "t:65536", nginx=PASSES),
    host("port zero", "t:0", nginx=PASSES),
    host("port with a sign", "t:+80", nginx=PASSES),
    host("two ports", "t:80:80", nginx=PASSES),
    host("port alone", ":80"),
    host("empty label", "a..b"),
    host("dot first", ".t", nginx=PASSES),
    host("percent sign", "t%2f", nginx=PASSES),
    host("IPv6 that does not end", "[::1", nginx=PASSES),
    host("IPv6 that is none", "[zz]", nginx=PASSES),
    host("bytes behind IPv6", "[::1]x", nginx=PASSES),
    host("not ASCII", "\xe4.t", nginx=PASSES),
    host("NUL", "t\0", reason="bad_request"),
    host("too long", "a" * 300, nginx=PASSES),
]
