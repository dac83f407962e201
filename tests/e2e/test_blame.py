"""A refusal names the limit that was met and the field that is to blame, in the answer and in the log; never a value."""

import pytest

from harness import client
from harness.gateway import proxy_to
from harness.procs import wait_until

SECRET = "s3cr3t"
HEAD = b"GET / HTTP/1.1\r\nHost: test\r\n"

# what is sent, reason, limit, field
ROWS = [
    (client.request("/" + "a" * 2000), "uri_too_long", "limits.uri", None),
    (client.request(headers={"X-A": "a" * 500, "Cookie": SECRET * 900, "X-B": "b"}), "header_too_large", "limits.head", "Cookie"),
    (HEAD + b"Cookie: " + b"a" * 100000, "header_too_large", "limits.head", "Cookie"),
    (HEAD + b"Connection: close\r\n" + b"N" * 70000 + b": x\r\n\r\n", "header_too_large", "limits.head", "N" * 64),
    (client.request(headers=[(f"X-{i}", "1") for i in range(30)]), "too_many_headers", "limits.fields", None),
    (client.request("/", "POST", headers={"Content-Length": "5000"}), "body_too_large", "limits.body", "Content-Length"),
    (client.request("/", "POST", headers={"Transfer-Encoding": "chunked"}) + b"800\r\n" + b"a" * 2048, "body_too_large",
     "limits.body", None),
    (client.request("/own", "POST", headers={"Content-Length": "5000"}), "body_too_large", "routes[].body_limit", "Content-Length"),
    (HEAD + b"X-A: 1\r\n", "client_head_timeout", "timeouts.client_head", None),
    (HEAD + b"X-A: 1\r\nX-Bad: s3cr3t\x01\r\nX-C: 1\r\n\r\n", "bad_request", None, "X-Bad"),
    (HEAD + b"X-Bad : s3cr3t\r\n\r\n", "bad_request", None, "X-Bad"),
    (HEAD + b"X-Bad: s3cr3t\r\n folded\r\n\r\n", "bad_request", None, "X-Bad"),
    (HEAD + b"s3cr3t\r\n\r\n", "bad_request", None, None),
    (HEAD + b"X-Bad: s3cr3t\nX-C: 1\r\n\r\n", "bad_request", None, "X-Bad"),
    (b"G@T / HTTP/1.1\r\nHost: test\r\n\r\n", "bad_request", None, None),
    (client.request(host="a b"), "bad_host", None, "Host"),
    (client.request(headers={"Host": "again"}), "bad_host", None, "Host"),
    (client.request("/", "POST", headers={"Content-Length": "s3cr3t"}), "bad_framing", None, "Content-Length"),
    (client.request("/", "POST", headers=[("Content-Length", "1"), ("Content-Length", "2")]), "bad_framing", None, "Content-Length"),
    (client.request("/", "POST", headers=[("Content-Length", "1"), ("Transfer-Encoding", "chunked")]), "bad_framing", None,
     "Transfer-Encoding"),
    (client.request("/", "POST", headers={"Transfer-Encoding": "gzip, chunked"}), "unsupported_coding", None, "Transfer-Encoding"),
    (client.request(headers={"Expect": SECRET}), "expectation_failed", None, "Expect"),
]


@pytest.fixture(scope="module")
def rows(lasting_gateway, lasting_serve):
    """One gateway for all rows, and what it answered."""
    config = proxy_to(lasting_serve()) | {"limits": {"uri": "1k", "head": "4k", "fields": 20, "body": "1k"},
                                          "timeouts": {"client_head": "300ms"}}
    config["routes"].append({"path": "/own", "upstream": "u", "body_limit": "2k"})
    return lasting_gateway(config)


@pytest.mark.parametrize("row", range(len(ROWS)), ids=lambda i: f"{i}-{ROWS[i][1]}")
@pytest.mark.parametrize("pieces", [1, 2])
def test_row(rows, row, pieces):
    data, why, limit, field = ROWS[row]
    with rows.connect() as c:
        for i in range(pieces):
            c.send(data[i * len(data) // pieces:(i + 1) * len(data) // pieces])
        r = c.read()
    problem = r.json()
    assert (r.why, problem.get("limit"), problem.get("field")) == (why, limit, field)
    assert SECRET.encode() not in r.body and (limit or "") in problem["detail"] and (field or "") in problem["detail"]
    line = rows.logged(id=r.header("X-Request-Id"))
    assert (line["reason"], line.get("limit"), line.get("field")) == (why, limit, field)
    assert SECRET not in str(line)


def test_page_says_it_too(rows):
    r = rows.ask("/", "POST", headers={"Accept": "text/html", "Content-Length": "5000"})
    assert r.status == 413 and b"limits.body" in r.body and b"Content-Length" in r.body


def test_good_requests_log_neither(rows):
    wait_until(lambda: rows.ask("/good").status == 200, 3)
    assert not {"limit", "field"} & set(rows.logged(path="/good"))
