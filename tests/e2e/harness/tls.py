"""A gateway whose clients speak TLS, such a client, and what it believes."""

import ssl

from . import client, procs
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


class TlsClient(client.Client):
    def __init__(self, to, context, host, session=None, timeout=10):
        super().__init__(to, timeout)
        self.host = host
        try:
            self.sock = context.wrap_socket(self.sock, server_hostname=host, session=session)
        except BaseException:
            self.sock.close()
            raise
        self.serial = int(self.sock.getpeercert()["serialNumber"], 16)  # of what the server showed
        self.resumed = self.sock.session_reused

    def get(self, path="/"):
        return self.ask(path, host=self.host)


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
