"""An upstream that speaks TLS, by Python's ssl (OpenSSL)."""

import os
import ssl
import threading

from .upstream import Connection, Upstream


class TlsUpstream(Upstream):
    """`pair`: of authority.py; `configure(context)` changes what is usual; `clean`: says close_notify when it closes.
    `address` is that of https; `host` names it otherwise than by its address."""

    def __init__(self, pair, folder, *arguments, configure=None, clean=True, host_name=None, **how):
        self.clean, self.host_name = clean, host_name
        self.sessions, self.names, self.failed, self.certificates = [], [], [], []
        self.folder, self.pair, self.configure = folder, pair, configure
        self.forget()
        super().__init__(*arguments, **how)

    def forget(self):
        """Each session there was: the next handshake is a whole one."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.sni_callback = lambda sock, name, context: self.names.append(name)
        self.context = context
        self.show(self.pair)
        if self.configure:
            self.configure(context)

    def show(self, pair):
        """Another certificate, from the next handshake on."""
        path = os.path.join(self.folder, f"{id(pair)}.pem")
        pair.write(path)
        self.context.load_cert_chain(path)
        self.pair = pair

    @property
    def authority(self):
        return f"{self.host_name}:{self.port}" if self.host_name else super().address

    @property
    def address(self):
        return f"https://{self.authority}"

    def _run(self, c):
        plain = c.sock
        plain.settimeout(20)
        try:
            secure = self.context.wrap_socket(plain, server_side=True)
        except OSError as e:
            self.failed.append(str(e))
            plain.close()
            c.gone.set()
            return
        secure.settimeout(None)
        self.sessions.append(secure.session_reused)
        self.certificates.append(secure.getpeercert(True) if self.context.verify_mode else None)
        c.file.close()
        c.sock, c.file = secure, secure.makefile("rb")
        try:
            self.serve(c)
            if self.clean:
                secure.unwrap()
        except (OSError, EOFError, ValueError):
            pass
        finally:
            c.file.close()  # holds the socket, too
            c.sock.close()
            c.gone.set()


def to(up, *more, health=False, **tls):
    """The configuration that sends everything to it, with these settings of TLS."""
    return {"upstreams": {"u": {"endpoints": [up.address, *(m.address for m in more)], "tls": tls}},
            "routes": [{"upstream": "u"}], "health": {"enabled": health}, "workers": 1}
