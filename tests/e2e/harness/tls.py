"""A gateway whose clients speak TLS, such a client, and what it believes."""

import os
import select
import shutil
import ssl
import tempfile
import threading
import time

from . import client, procs
from .authority import Authority
from .gateway import merge, proxy_to

VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def trust(authority, version=None, pair=None, folder=None):
    """A context that believes this authority, and speaks this version alone. `pair`: a certificate of its own, which is put
    into a file of the folder."""
    context = ssl.create_default_context(cadata=authority.pem.decode())
    if version:
        context.minimum_version = context.maximum_version = VERSIONS[version]
    if pair:
        context.load_cert_chain(pair.write(f"{folder}/client-{pair.serial}.pem")["certificate"])
    return context


class Pki(Authority):
    """An authority with a folder: root.pem, and what it signs."""

    def __init__(self):
        super().__init__()
        self.dir = tempfile.mkdtemp(prefix="pki-")
        self.root = self.write("root.pem", self.pem)

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, data):
        with open(self.path(name), "wb") as f:
            f.write(data)
        return self.path(name)

    def entry(self, name, *hosts, kind="ec"):
        """Of tls.certificates: NAME.pem and NAME.key, made where missing, for these hosts or a.example."""
        if not os.path.exists(self.path(f"{name}.pem")):
            self.issue(*hosts or ["a.example"], kind=kind).write(self.path(f"{name}.pem"), self.path(f"{name}.key"))
        return {"certificate": self.path(f"{name}.pem"), "key": self.path(f"{name}.key")}

    def context(self, version=None, own=None, verify=True):
        """As trust(); `own`: by an entry. Without `verify` it takes any certificate."""
        context = trust(self, version)
        if not verify:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if own:
            context.load_cert_chain(own["certificate"], own["key"])
        return context

    def finish(self):
        shutil.rmtree(self.dir)


class TlsClient(client.Client):
    """`host`: in SNI, and to be found in the certificate; None: neither. `before`: is sent in clear. What TLS says is raised as
    ssl.SSLError, an end without close_notify as ssl.SSLEOFError."""

    def __init__(self, to, context, host="a.example", session=None, timeout=10, before=b""):
        super().__init__(to, timeout)
        self.host = host
        self.send(before)
        context.check_hostname = context.check_hostname and host is not None
        try:
            self.sock = context.wrap_socket(self.sock, server_hostname=host, session=session, suppress_ragged_eofs=False)
        except BaseException:
            self.sock.close()
            raise
        shown = self.sock.getpeercert()
        self.serial = int(shown["serialNumber"], 16) if shown else None  # of what the server showed
        self.resumed = self.sock.session_reused

    def get(self, path="/"):
        return self.ask(path, host=self.host)


class TlsDuplex(TlsClient):
    """May be sent on by one thread while another one reads: an SSL object is not for two at once."""

    def __init__(self, *args, **more):
        super().__init__(*args, **more)
        self.lock, self.timeout = threading.Lock(), self.sock.gettimeout()
        self.sock.setblocking(False)

    def turn(self, call):
        end = time.monotonic() + self.timeout
        while time.monotonic() < end:
            with self.lock:
                try:
                    return call()
                except ssl.SSLWantReadError:
                    wait = [self.sock], []
                except ssl.SSLWantWriteError:
                    wait = [], [self.sock]
            select.select(*wait, [], 0.05)
        raise TimeoutError

    def send(self, data):
        while data:
            data = data[self.turn(lambda: self.sock.send(data)):]

    def more(self):
        data = self.turn(lambda: self.sock.recv(65536))
        self.buffer += data
        return bool(data)


def visit(to, context, host, session=None):
    """One request on a connection of its own: the connection, closed, and a session to come back with. TLS 1.3 tells of one
    only behind the handshake."""
    with TlsClient(to, context, host, session) as c:
        r = c.get()
        assert r.status == 200, r
        return c, c.sock.session


def over_tls(gateway, upstream, *certificates, **more):
    """A gateway whose one listener speaks TLS, and its configuration."""
    port = procs.free_port()
    config = merge(merge(proxy_to(upstream), {
        "listeners": [{"address": f"127.0.0.1:{port}", "tls": True}], "tls": {"certificates": list(certificates)},
        "limits": {"keepalive_requests": 1000000}}), more)
    gw = gateway(config)
    gw.port, gw.config = port, config
    return gw


def over_both(gateway, config, *certificates, listener=None, more=None, **tls):
    """A gateway with a plain listener (gw.port) and one with TLS (gw.tls). `listener`: more of the latter; `tls`: more of the
    settings of that name."""
    plain, secure = procs.free_port(), procs.free_port()
    listeners = [f"127.0.0.1:{plain}", {"address": f"127.0.0.1:{secure}", "tls": True} | (listener or {})]
    gw = gateway(config | {"listeners": listeners, "tls": {"certificates": list(certificates)} | tls} | (more or {}))
    gw.port, gw.tls = plain, secure
    return gw


def ask(to, context, path="/", method="GET", host="a.example", headers=(), body=None, name="a.example"):
    """One request on a connection of its own, which is opened for `name`."""
    with TlsClient(to, context, name) as c:
        return c.ask(path, method, host, headers, body)
