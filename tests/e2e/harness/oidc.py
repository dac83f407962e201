"""Identity providers that people log in at (node/identity.js), people, and the configuration that brings them together."""

import html
import http.client
import json
import os
import re
import socket
import ssl
import urllib.parse

from . import node, procs
from .gateway import ROOT, Gateway, merge, proxy_to
from .redis_server import RedisServer
from .upstream import Upstream

SECRET = "secret of the gateway"
BASE = "/api/auth"


class Identity(node.Node):
    """A provider. `urls`: those of gateways. `plain`: without TLS."""

    def __init__(self, pki, name, urls, port=None, access_s=None, plain=False):
        self.port, self.name = port or procs.free_port(), name
        self.issuer = f"{'http' if plain else 'https'}://localhost:{self.port}"
        self.root, file = pki.root, os.path.join(pki.dir, f"identity-{self.port}.pem")
        pki.issue("localhost").write(file)
        clients = [{"client_id": "yett", "client_secret": SECRET, "grant_types": ["authorization_code", "refresh_token"],
                    "id_token_signed_response_alg": "ES256",
                    "redirect_uris": [url + BASE + "/callback" for url in urls],
                    "post_logout_redirect_uris": [url + BASE + "/logout/done" for url in urls],
                    "backchannel_logout_uri": urls[0] + BASE + "/backchannel", "backchannel_logout_session_required": True}]
        super().__init__("identity.js", self.port, file, json.dumps({"name": name, "clients": clients, "access_s": access_s, "plain": plain}))
        self.expect("ready")

    def state(self, **failing):
        """What it was asked for; `failing`: path without its slash = status."""
        path = "/test/state"
        if failing:
            path = "/test/fail?" + urllib.parse.urlencode({"/" + p: status for p, status in failing.items()})
        return self.get(path)

    def recover(self):
        return self.get("/test/fail")

    def get(self, path):
        c = http.client.HTTPSConnection("localhost", self.port, timeout=10, context=ssl.create_default_context(cafile=self.root))
        c.request("GET", path)
        found = json.loads(c.getresponse().read())
        c.close()
        return found

    def config(self, **more):
        """Of login.providers.*."""
        return {"issuer": self.issuer, "client_id": "yett", "client_secret": SECRET, "scopes": ["openid", "profile"],
                "title": self.name.capitalize(), "tls": {"ca": self.root}} | more


def config(url, store, providers, **more):
    """`login:` of a gateway at `url`."""
    return {"url": url, "base_path": BASE, "home": "/", "providers": {p.name: p.config() for p in providers},
            "cookie_keys": ["cookie-key-of-at-least-32-bytes-x"], "token_keys": ["token-key-of-at-least-32-bytes-xx"],
            "session": {"cookie": "session", "insecure_cookie": url.startswith("http:")},
            "redis": {"address": store.address}} | more


class Page:
    """What a person sees in the end."""

    def __init__(self, url, status, headers, body):
        self.url, self.status, self.headers, self.text = url, status, headers, body.decode("utf-8", "replace")

    def header(self, name):
        found = [v for n, v in self.headers if n.lower() == name.lower()]
        return ", ".join(found) if found else None

    @property
    def why(self):
        return self.header("X-Yett-Reason")

    @property
    def path(self):
        parts = urllib.parse.urlsplit(self.url)
        return parts.path + ("?" + parts.query if parts.query else "")

    def json(self):
        return json.loads(self.text)

    def links(self):
        return [html.unescape(h) for h in re.findall(r'<a [^>]*href="([^"]*)"', self.text)]

    def form(self):
        """Where it goes, and what is in it."""
        action = re.search(r'<form[^>]* action="([^"]*)"', self.text)
        hidden = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', self.text)
        return html.unescape(action[1]), {n: html.unescape(v) for n, v in hidden}

    def __repr__(self):
        return f"<{self.status} {self.url} {self.why} {self.text[:300]!r}>"


class Person:
    """A browser without a window: keeps cookies by host and port, follows redirects."""

    NAVIGATION = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}

    def __init__(self, pki):
        self.pki = pki
        self.context, self.jar, self.seen = ssl.create_default_context(cafile=pki.root), {}, []

    def stranger(self):
        """Somebody else, in another browser."""
        return Person(self.pki)

    def cookies(self, url):
        """By name, of those that go there."""
        path = urllib.parse.urlsplit(url).path or "/"
        jar = self.jar.get(urllib.parse.urlsplit(url).netloc, {})
        return {name: value for (name, at), value in jar.items() if (path + "/").startswith(at.rstrip("/") + "/")}

    def keep(self, url, lines):
        jar = self.jar.setdefault(urllib.parse.urlsplit(url).netloc, {})
        for line in lines:
            pair, *attributes = [part.strip() for part in line.split(";")]
            name, _, value = pair.partition("=")
            said = {n.lower(): v for n, _, v in (a.partition("=") for a in attributes)}
            jar.pop((name, said.get("path", "/")), None)
            if said.get("max-age") != "0" and not said.get("expires", "").startswith("Thu, 01 Jan 1970"):
                jar[name, said.get("path", "/")] = value

    def ask(self, url, method="GET", headers=None, form=None):
        """One request."""
        parts = urllib.parse.urlsplit(url)
        secure = parts.scheme == "https"
        c = (http.client.HTTPSConnection(parts.hostname, parts.port, timeout=20, context=self.context) if secure
             else http.client.HTTPConnection(parts.hostname, parts.port, timeout=20))
        c.connect()
        c.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        fields = dict(self.NAVIGATION if headers is None else headers)
        jar = self.cookies(url)
        if jar and "Cookie" not in fields:
            fields["Cookie"] = "; ".join(f"{n}={v}" for n, v in jar.items())
        body = None
        if form is not None:
            method, body = "POST", urllib.parse.urlencode(form)
            fields["Content-Type"] = "application/x-www-form-urlencoded"
        path = (parts.path or "/") + ("?" + parts.query if parts.query else "")
        c.request(method, path, body, fields)
        r = c.getresponse()
        page = Page(url, r.status, r.getheaders(), r.read())
        c.close()
        self.keep(url, r.headers.get_all("Set-Cookie") or [])
        self.seen.append((page.status, url))
        return page

    def follow(self, page, until=None):
        """Redirects, up to a page, or to the URL that begins with `until`, which is not asked for."""
        for _ in range(20):
            target = page.header("Location")
            if page.status not in (301, 302, 303, 307, 308) or not target:
                return page
            target = urllib.parse.urljoin(page.url, target)
            if until and target.startswith(until):
                return target
            page = self.ask(target)
        raise AssertionError(f"redirected again and again: {self.seen[-6:]}")

    def go(self, url, until=None, **how):
        return self.follow(self.ask(url, **how), until)

    def submit(self, page, until=None, headers=None, **fields):
        action, hidden = page.form()
        own = {"Sec-Fetch-Site": "same-origin"} | self.NAVIGATION if headers is None else headers
        return self.follow(self.ask(urllib.parse.urljoin(page.url, action), form=hidden | fields, headers=own), until)

    def log_in(self, url, *names, until=None):
        """Goes there, and is each of `names` at the providers that ask, until none does."""
        page = self.go(url)
        for name in names:
            assert "/interaction/" in page.url, page
            page = self.submit(page, until, login=name)
        return page

    def log_out(self, page):
        """Through what providers ask."""
        while not isinstance(page, str) and "op.logoutForm" in page.text:
            page = self.submit(page)
        return page


def wait_for(gw):
    """Until keys are there, and every worker has its link to Redis."""
    procs.wait_until(lambda: all(i["kids"] for i in gw.status()["issuers"]), 10, what=lambda: gw.status()["issuers"])
    procs.wait_until(lambda: all(gw.ask(BASE + "/login").status == 302 for _ in range(6)), 10, what="links to Redis")


def until(ask, good, seconds=10):
    """What ask() gives, once it is good."""
    return procs.wait_until(lambda: next((r for r in [ask()] if good(r)), None), seconds, what="such an answer")


def parameter(url, name):
    return urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)[name][0]


class Absent:
    """A provider that nobody runs."""

    config = Identity.config

    def __init__(self, pki, name):
        self.name, self.root, self.issuer = name, pki.root, f"https://localhost:{procs.free_port()}"


class Town:
    """Two providers, and ports for gateways that they know."""

    def __init__(self, pki, gateways=12, **how):
        self.pki, self.ports = pki, [procs.free_port() for _ in range(gateways)]
        urls = [f"http://localhost:{port}" for port in self.ports]
        self.providers = [Identity(pki, name, urls, **how) for name in ("renku", "gitlab")]

    def person(self):
        return Person(self.pki)

    def gateway(self, start, upstream, store, more=None, providers=None, wait=True, **login):
        """One before which one has to log in."""
        port = self.ports.pop(0)  # providers know the first one for back-channel logout
        url = f"http://localhost:{port}"
        site = {"listeners": [f"127.0.0.1:{port}"], "login": config(url, store, providers or self.providers, **login)}
        gw = start(merge(proxy_to(upstream, auth="required") | site, more or {}))
        gw.port, gw.url = port, url
        if wait:
            wait_for(gw)
        return gw

    def finish(self):
        for p in self.providers:
            p.kill()


def user_of_the_manual():
    """The command of yett(8) that makes the Redis user for sessions, who may do no more."""
    with open(os.path.join(ROOT, "etc/man/yett.8"), encoding="utf-8") as f:
        return re.search(r"^ACL SETUSER [^.]*", f.read(), re.MULTILINE)[0].replace("\\", "").split()


class Site:
    """A gateway of a town with all that it needs, for the tests of a file."""

    def __init__(self, town, handler, more=None, **login):
        self.store, self.upstream = RedisServer(), Upstream(handler)
        self.store.db.execute_command(*user_of_the_manual())
        login |= {"redis": {"address": self.store.address, "username": "yett", "password": "PASSWORD"}}
        self.gateway = town.gateway(Gateway, self.upstream, self.store, more, **login)
        self.url, self.town = self.gateway.url, town

    def at(self, path):
        """The URL of an endpoint of login."""
        return self.url + BASE + path

    def finish(self):
        self.gateway.finish()
        self.upstream.stop()
        self.store.finish()
