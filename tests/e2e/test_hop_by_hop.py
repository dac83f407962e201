"""What belongs to one connection stays there (RFC 9110 section 7.6.1)."""

from harness.gateway import proxy_to

HOP = {"Connection": "X-Mine, keep-alive", "X-Mine": "1", "Keep-Alive": "timeout=5", "Proxy-Connection": "keep-alive",
       "TE": "gzip", "Proxy-Authorization": "Basic eDp5", "Trailer": "X-Late"}


def test_of_the_request(gateway, serve):
    up = serve()
    assert gateway(proxy_to(up)).ask(headers=HOP | {"X-Other": "kept"}).status == 200
    seen = {n.lower() for n, _ in up.requests[0].headers}
    assert not seen & {n.lower() for n in HOP} and "x-other" in seen


def test_of_the_answer(gateway, serve):
    def answer(r, c):
        c.reply(headers={"Connection": "X-Mine", "X-Mine": "1", "Keep-Alive": "timeout=5", "X-Other": "kept",
                         "Proxy-Connection": "keep-alive"}, body=b"x")
    r = gateway(proxy_to(serve(answer))).ask()
    assert not any(r.all(n) for n in ("Connection", "X-Mine", "Keep-Alive", "Proxy-Connection"))
    assert r.header("X-Other") == "kept"


def test_upgrade_without_connection_is_dropped(gateway, serve):
    up = serve()
    assert gateway(proxy_to(up)).ask(headers={"Upgrade": "websocket"}).status == 200
    assert not up.requests[0].all("Upgrade") and not up.requests[0].all("Connection")


def test_h2c_is_not_passed_on(gateway, serve):
    up = serve()
    asked = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMAAABkAAQAoAAAAAIAAAAA"}
    assert gateway(proxy_to(up)).ask(headers=asked).status == 200
    assert not up.requests[0].all("Upgrade") and not up.requests[0].all("HTTP2-Settings")


def test_repeated_fields_keep_their_order(proxy, serve):
    cookies = [("Set-Cookie", f"c{i}={i}; Path=/") for i in range(5)]
    up = serve(lambda r, c: c.reply(headers=cookies + [("Link", "<a>"), ("Link", "<b>")]))
    r = proxy(up).ask(headers=[("X-List", "1"), ("X-List", "2"), ("Cookie", "a=1; b=2")])
    assert r.all("Set-Cookie") == [v for _, v in cookies] and r.all("Link") == ["<a>", "<b>"]
    assert up.requests[0].all("X-List") == ["1", "2"] and up.requests[0].header("Cookie") == "a=1; b=2"


def test_status_and_reason_phrase_are_kept(proxy, serve):
    r = proxy(serve(lambda r, c: c.reply(418, reason="I'm a teapot"))).ask()
    assert (r.status, r.reason) == (418, "I'm a teapot")


def test_upstream_cannot_speak_for_the_gateway(gateway, serve):
    r = gateway(proxy_to(serve(lambda r, c: c.reply(500, {"X-Yett-Reason": "no_route"})))).ask()
    assert r.status == 500 and r.why is None
