"""Expect: 100-continue: the client learns in time whether to send its body."""

from harness import client
from harness.gateway import proxy_to


def expecting(length=3, path="/", **how):
    return client.request(path, "POST", headers={"Content-Length": str(length), "Expect": "100-continue"}, **how)


def test_continue(proxy, serve):
    def answer(r, c):
        if r.header("Expect"):
            c.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        c.reply(body=c.read_body(r))
    with proxy(serve(answer)).connect() as c:
        c.send(expecting())
        assert c.read_head().status == 100
        c.send(b"abc")
        r = c.read()
        assert r.status == 200 and r.body == b"abc"
        assert c.ask("/", "POST", body=b"next").body == b"next"


def test_who_is_to_blame_for_silence(gateway, serve):
    """Before the 100 the upstream is, behind it the client."""
    def answer(r, c):
        if r.path == "/go":
            c.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        c.stay()
    timeouts = {"first_byte": "300ms", "client_body": "600ms"}
    gw = gateway(proxy_to(serve(answer), timeouts=timeouts))
    for path, why in [("/silent", "upstream_first_byte_timeout"), ("/go", "client_body_timeout")]:
        with gw.connect() as c:
            c.send(expecting(path=path))
            r = c.read()
            assert (r.why, len(r.interim)) == (why, path == "/go")
    slow = gateway(proxy_to(serve(answer), timeouts={"total": "300ms"}))
    with slow.connect() as c:
        c.send(expecting())
        assert c.read().why == "request_timeout"


def test_upstream_refuses_before_the_body(gateway, serve):
    def answer(r, c):
        c.reply(403, body=b"no")
        c.close = True
    with gateway(proxy_to(serve(answer))).connect() as c:
        c.send(expecting(length=1000))
        r = c.read()
        assert r.status == 403 and not r.interim and r.body == b"no"


def test_too_large_is_refused_before_the_body(gateway, serve):
    up = serve()
    with gateway(proxy_to(up, body_limit="1k")).connect() as c:
        c.send(expecting(length=1025))
        assert c.read().why == "body_too_large"
    assert not up.requests


def test_other_expectation(gateway, serve):
    assert gateway(proxy_to(serve())).ask(headers={"Expect": "miracles"}).why == "expectation_failed"


def test_interim_answers_pass(gateway, serve):
    def answer(r, c):
        c.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n")
        c.reply(body=b"x")
    r = gateway(proxy_to(serve(answer))).ask()
    assert r.status == 200 and [i.status for i in r.interim] == [103]
    assert r.interim[0].header("Link") == "</a.css>; rel=preload"


def test_old_client_gets_no_interim_answer(gateway, serve):
    def answer(r, c):
        c.send(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        c.reply(body=b"x")
    with gateway(proxy_to(serve(answer))).connect() as c:
        c.send(client.request(version="HTTP/1.0"))
        assert c.read_head().status == 200
