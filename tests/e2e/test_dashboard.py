"""The page for people with a browser: it is the same for everybody, shows what the API tells to whoever has a token, changes nothing
without being asked twice, and takes nothing that it shows for more than text."""

import base64
import contextlib
import hashlib
import re
import socket
import socketserver
import threading

import pytest

from harness import client, procs
from harness.api import Api, port_config
from harness.browser import Browser
from harness.gateway import proxy_to
from harness.tokens import SECRET, bearer, token

needs_browser = pytest.mark.skipif(not Browser.installed, reason="no Chromium that can be driven: run etc/setup browser")
HTML = [("Accept", "text/html,*/*;q=0.8")]
READ, OPERATE = "r" * 32, "o" * 32
TOKENS = {"tokens": {"reader": {"role": "read", "secret": READ}, "boss": {"role": "operate", "secret": OPERATE}}}
HOSTILE = "\u202e<script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">"
GATE = {"secret": SECRET, "protect": ["/shop"], "claims": {"id": "auth_id"}}


@pytest.fixture(scope="module")
def there(lasting_gateway, lasting_serve):
    """A gateway with one live endpoint and a dead one, a rule and a suspension that strangers named; and the port of its API."""
    port, config = port_config(**TOKENS)
    shop, nobody = lasting_serve(lambda r, c: c.reply(500 if r.path == "/shop/bad" else 200)), procs.free_port()
    config |= proxy_to(shop, f"127.0.0.1:{nobody}", path="/shop", name="shop", health=True) | {"gate": GATE}
    config["health"] |= {"interval": "1s"}
    config["admin"]["listen"] = f"127.0.0.1:{procs.free_port()}"
    gw = lasting_gateway(config)
    gw.config, gw.readonly = config, int(config["admin"]["listen"].rpartition(":")[2])
    boss = Api(port, OPERATE)
    boss.done("PUT", "frontends", f"bad.example/{HOSTILE}", "gone")
    boss.done("PUT", "backends", "more", shop.address)
    boss.done("PUT", "frontends", "more.example", "more")
    assert boss.ask("PUT", "suspended", "sub", HOSTILE, body={"reason": HOSTILE}).status == 200
    return gw, port, f"127.0.0.1:{nobody}"


@pytest.fixture(scope="module")
def visit(there, pki):
    """visit(token) opens the page anew; in one browser, whose console must be silent to the end."""
    gw, api, _ = there
    b = Browser(pki.root, gw.port, gw.port)

    def start(secret=None, port=api):
        b.screen(1440, 900)
        b.go(f"http://localhost:{port}/dashboard")
        if secret:
            give(b, secret)
            b.until("!document.querySelector('main').hidden")
        return b
    yield start
    b.finish()


def give(b, secret):
    b.click("#token")
    b.fill("#token-dialog input", secret)
    b.click("#token-dialog .main")


def row(section, words):
    """The texts of the first row with these words, in JavaScript."""
    return f"[...([...document.querySelectorAll('#{section} tbody tr')].find(r => r.innerText.includes({words!r}))?.cells ?? [])].map(c => c.innerText)"


def shop(gw, count, path="/shop/x", who="ann"):
    with gw.connect() as c:
        for _ in range(count):
            c.ask(path, headers=list(bearer(token(id=who)).items()))


def come_back(b):
    """As from another tab: the page looks at once."""
    b.run("document.dispatchEvent(new Event('visibilitychange'))")


# ---- what is served, to whom ----

def test_the_page_is_for_everybody_and_tells_nothing(there):
    gw, port, _ = there
    for to in port, gw.socket:
        for path, headers in ("/dashboard", []), ("/", HTML):
            r = client.ask(to, path, host="localhost", headers=headers)
            assert (r.status, r.header("Content-Type")) == (200, "text/html; charset=utf-8")
            assert not re.search(rb"(src|href)=.?(https?:)?//", r.body) and gw.file.encode() not in r.body
        head = client.ask(to, "/dashboard", "HEAD", host="localhost")
        assert head.status == 200 and head.header("Content-Length") == str(len(r.body))
    policy = dict(part.strip().split(" ", 1) for part in r.header("Content-Security-Policy").split(";"))
    for kind, tag in ("style-src", "style"), ("script-src", "script"):
        text = re.search(rf"<{tag}>(.*)</{tag}>".encode(), r.body, re.S)[1]
        assert policy.pop(kind) == f"'sha256-{base64.b64encode(hashlib.sha256(text).digest()).decode()}'"
    assert policy == {"default-src": "'none'", "img-src": "data:", "connect-src": "'self'", "base-uri": "'none'", "form-action": "'none'",
                      "frame-ancestors": "'none'"}
    fields = "X-Content-Type-Options", "Referrer-Policy", "X-Frame-Options", "Cache-Control", "Set-Cookie"
    assert [r.header(name) for name in fields] == ["nosniff", "no-referrer", "DENY", "no-store", None]


def test_not_by_a_foreign_name_or_a_route(there):
    gw, port, _ = there
    for to in port, gw.socket:
        assert client.ask(to, "/dashboard", host="rebound.evil.test").why == "admin_cross_site"
        assert client.ask(to, "/dashboard", host="localhost", headers=[("Via", "1.1 yett-01234567")]).why == "admin_forbidden"
        assert client.ask(to, "/dashboard", "POST", host="localhost").status in (401, 404)
    assert client.ask(port, "/", host="localhost").why == "admin_unauthenticated"  # a program, as ever
    assert gw.ask("/dashboard").why == "no_route"


def test_who_am_i(there):
    gw, port, _ = there
    strangers = gw.log().count("audit who=unknown")
    told = [Api(to, secret).ask("GET", "whoami").json() for to, secret in ((port, None), (port, READ), (port, OPERATE), (gw.socket, None))]
    assert [t["role"] for t in told] == ["none", "read", "operate", "operate"]
    assert [t["who"] for t in told[:3]] == ["", "token:reader", "token:boss"]
    assert gw.log().count("audit who=unknown") == strangers  # to ask is no attempt
    assert Api(port, "x" * 32).ask("GET", "whoami").status == 401


# ---- in a browser ----

@needs_browser
def test_figures(there, visit):
    gw, _, dead = there
    b = visit()
    b.until("document.querySelector('#welcome h2')?.innerText == 'This address asks for a token'")
    give(b, "x" * 32)
    b.until("document.querySelector('#token-dialog .fault').innerText == 'The gateway does not know this token.'")
    assert b.complaints() == ["Failed to load resource: the server responded with a status of 401 (Unauthorized)"]
    b.fill("#token-dialog input", OPERATE)
    b.click("#token-dialog .main")
    b.until(f"({row('upstreams', dead)})[2] == 'dead'")
    assert b.run(row("routes", "/shop"))[3] in ("\u2013", "0")
    shop(gw, 60)
    shop(gw, 20, "/shop/bad", "bob")
    b.until(f"Number(({row('routes', '/shop')})[3]) > 1")
    b.until(f"({row('routes', '/shop')})[5] == '25.0\u202f%'")
    assert dead in b.run("document.querySelector('#attention').innerText")
    assert b.run("document.querySelectorAll('.stroke[d]').length") > 6 and "median" in b.run("document.querySelector('#plot-latency svg[role=img]').ariaLabel")
    assert "1 of 2" in b.run("document.querySelector('#tiles').innerText")
    assert [b.run(row("workers", "running"))[i] for i in (0, 2)] == ["0", "running"]
    pointed = b.run("(() => { document.querySelector('#plot-errors svg[role=img]').dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowLeft'}));"
                    " return document.querySelectorAll('.cursor').length; })()")
    assert pointed == 3  # in all plots at the same time
    b.shot("dashboard")
    assert b.complaints() == []


@needs_browser
def test_names_stay_text(there, visit):
    b = visit(OPERATE)
    b.until(f"({row('routes', 'bad.example')}).length > 0 && ({row('suspended', 'onerror')}).length > 0")
    seen = HOSTILE.replace("\u202e", "\\u{202e}")
    assert b.run(row("routes", "bad.example"))[1] == f"/{seen}" and b.run(row("suspended", "onerror"))[0] == seen
    assert b.run("document.querySelectorAll('main script, main img').length") == 0 and "taken" not in b.run("document.title")
    assert b.complaints() == []
    b.run("document.body.append(Object.assign(document.createElement('script'), {textContent: 'document.title = 1'}))")
    assert b.run("document.title") != "1" and "Content Security Policy" in b.complaints()[0]


@needs_browser
def test_explain_over_a_forwarded_socket(there, visit):
    """As by ssh -L: who is at its end is known without a token."""
    gw, _, _ = there
    with forwarded(gw.socket) as port:
        b = visit(port=port)
        b.until("/^uid:\\d+, operate$/.test(document.querySelector('#role').innerText)")
        explain(b)


def explain(b):
    """On a machine that is busy an answer may come too late for the page, which says so: it is asked again."""
    b.fill("#explain input[name=url]", "http://a.example/shop/x")
    asked = "document.querySelector('.result')?.innerText.includes({!r}) || document.querySelector('#explain form button').click()"
    b.until(asked.format("401 token_missing"))
    b.fill("#explain textarea", f"Authorization: {bearer(token(id='ann'))['Authorization']}")
    b.until(asked.format("Forwarded to u"))
    b.shot("dashboard-explain")
    assert b.complaints() == []


@contextlib.contextmanager
def forwarded(path):
    """The port of a listener whose connections lead to this Unix socket."""
    def pump(source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    class Connection(socketserver.BaseRequestHandler):
        def handle(self):
            with socket.socket(socket.AF_UNIX) as there:
                there.connect(path)
                back = threading.Thread(target=pump, args=(there, self.request))
                back.start()
                pump(self.request, there)
                back.join()

    class Server(socketserver.ThreadingTCPServer):
        request_queue_size = 64  # a browser opens six at once, and what is dropped here comes back after seconds

    with Server(("127.0.0.1", 0), Connection) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.05,)).start()
        yield server.server_address[1]
        server.shutdown()


@needs_browser
def test_an_endpoint_of_several_upstreams(there, visit):
    gw, _, _ = there
    b = visit(OPERATE)
    b.until(f"({row('upstreams', 'more')}).length > 0")
    assert "What several upstreams have is one endpoint" in b.run("document.querySelector('#upstreams').innerText")


@needs_browser
def test_suspend_and_roll_back(there, visit):
    """Not by who may only read, and not before it was confirmed."""
    gw, port, _ = there
    boss = Api(port, OPERATE)
    shop(gw, 1, who="cid")
    b = visit(READ)
    b.until("document.querySelectorAll('#suspended tbody tr').length > 0 && document.querySelector('#suspend').hidden")
    assert b.run("document.querySelectorAll('main td button').length") == 0
    for section, what in ("suspended", "Resume: this takes the role write; yours is read."), ("upstreams", "Drain: this takes the role operate; yours is read."):
        assert what in b.run(f"document.querySelector('#{section}').innerText")
    assert "operate" in b.run("document.querySelector('#identities').innerText") and b.run("document.querySelectorAll('#identities button.small').length") == 1

    give(b, OPERATE)
    b.until(f"({row('identities', 'cid')}).length > 0")
    b.click("#identities tr:has-text('cid') button")
    assert not any(s["id"] == "cid" for s in boss.data("suspended")["suspended"])
    b.fill("#confirm input[name=reason]", "tries passwords")
    b.shot("dashboard-confirm")
    b.click("#confirm .danger")
    b.until(f"({row('suspended', 'cid')}).includes('tries passwords')")
    assert gw.ask("/shop/x", headers=list(bearer(token(id="cid")).items())).why == "suspended"
    b.click("#suspended tr:has-text('cid') button")
    b.click("#confirm .danger")
    b.until(f"({row('suspended', 'cid')}).length == 0")

    boss.done("PUT", "frontends", "mistaken.example", "gone", headers=[("X-Yett-Why", "a mistake")])
    come_back(b)
    b.until(f"({row('rules', 'a mistake')}).length > 0 && ({row('rules', 'bad.example')}).length > 0")
    b.click("#rules tr:has-text('bad.example') button")
    b.until("document.querySelector('#confirm pre')?.innerText.includes('mistaken.example')")
    b.fill("#confirm input[name=why]", "zur\u00fcck \u2190")
    b.click("#confirm .danger")
    procs.wait_until(lambda: "mistaken.example" not in str(boss.data("frontends")), 5)
    assert boss.data("revisions")["revisions"][0]["why"] == "zur\u00fcck \u2190"
    assert b.complaints() == []
    kept = "JSON.stringify([localStorage, sessionStorage, document.cookie, location.href, document.documentElement.outerHTML])"
    assert OPERATE not in b.run(kept) and OPERATE not in gw.log()


@needs_browser
def test_where_no_token_is_taken(there, visit):
    """The listener for Prometheus: there is nothing to press but what asks, and it says where there would be."""
    gw, _, dead = there
    b = visit(port=gw.readonly)
    b.until(f"({row('upstreams', dead)})[2] == 'dead'")
    assert b.run("[...document.querySelectorAll('main button')].filter(x => x.offsetParent && !x.disabled && !x.closest('thead')).length") == 0
    assert b.run("document.querySelector('#token').hidden") and b.run("document.querySelector('#role').innerText") == "reader, look"
    where = "this address only shows: one of admin.api.listen takes the tokens of admin.api.tokens."
    for section in "upstreams", "identities", "suspended", "rules":
        assert where in b.run(f"document.querySelector('#{section}').innerText")
    b.shot("dashboard-readonly")
    assert b.complaints() == []


@needs_browser
def test_drain(there, visit):
    gw, port, dead = there
    b = visit(OPERATE)
    b.until(f"({row('upstreams', dead)})[2] == 'dead'")
    b.click(f"#upstreams tr:has-text('{dead}') button")
    b.until("document.querySelector('#confirm .text').innerText.includes('u has 1 other endpoint in use')")
    b.shot("dashboard-drain")
    assert Api(port, OPERATE).ask("GET", "drained").json()["drained"] == []
    b.click("#confirm .danger")
    b.until(f"({row('upstreams', dead)})[2] == 'drained, dead'")
    b.click(f"#upstreams tr:has-text('{dead}') button")
    b.click("#confirm .danger")
    b.until(f"({row('upstreams', dead)})[2] == 'dead'")
    assert b.complaints() == []


@needs_browser
def test_dark_light_and_phone(there, visit):
    b, colour = visit(OPERATE), "getComputedStyle(document.body).backgroundColor"
    b.until(f"({row('routes', 'bad.example')}).length > 0")
    seen = {}
    for name, width, dark in ("light", 1440, False), ("dark", 1440, True), ("phone", 360, False), ("phone-dark", 360, True):
        b.screen(width, 800, dark)
        b.until(f"innerWidth == {width} && document.documentElement.scrollWidth <= {width}")
        seen[name] = b.run(colour)
        b.shot(f"dashboard-{name}")
    assert seen["light"] == seen["phone"] != seen["dark"] == seen["phone-dark"]
    b.screen(360, 800)
    held = "[...document.querySelectorAll('main td button')].map(x => x.getBoundingClientRect()).every(x => x.left > 0 && x.right < innerWidth)"
    assert b.run("document.querySelectorAll('main td button').length") > 3 and b.run(held)  # whatever is cut off beside them
    for chosen in "light", "dark":  # whatever the system has
        b.run(f"(() => {{ const t = document.querySelector('#theme'); t.value = '{chosen}'; t.dispatchEvent(new Event('change')); }})()")
        assert b.run(colour) == seen[chosen]
    assert b.complaints() == []
