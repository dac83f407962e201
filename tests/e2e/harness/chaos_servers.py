"""Servers in processes of their own, to be killed and started again at the same port: python3 chaos_servers.py upstream|provider
PORT ARGUMENT. What is asked of an upstream comes back with the id that it had."""

import asyncio
import hashlib
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import urllib.parse

if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from harness import procs  # noqa: E402
from harness.provider import sign  # noqa: E402
from harness.token_server import CLIENT, Grant, TokenServer  # noqa: E402


class Server:
    """One of them. `argument`: the name of an upstream, the file in which a provider keeps what it gave."""

    def __init__(self, kind, argument):
        self.kind, self.argument, self.port = kind, argument, procs.free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.start()

    def start(self):
        self.process = procs.spawn([sys.executable, os.path.abspath(__file__), self.kind, str(self.port), self.argument],
                                   stdout=subprocess.PIPE)
        self.process.stdout.readline()  # it listens

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        procs.forget(self.process)


# ---- an upstream ----

async def serve(name, reader, writer):
    """Echoes of the id, with what came in the body as its digest; behind an upgrade, of lines."""
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            line, *fields = head.decode("latin-1")[:-4].split("\r\n")
            fields = {n.lower(): v for n, _, v in (f.partition(": ") for f in fields)}
            body = await reader.readexactly(int(fields.get("content-length", 0)))
            if "upgrade" in fields:
                writer.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n")
                while text := await reader.readline():
                    writer.write(text)
                return
            said = json.dumps({"id": fields.get("x-id"), "target": line.split(" ")[1], "name": name, "host": fields.get("host"),
                               "token": fields.get("authorization"), "body": hashlib.sha256(body).hexdigest()}).encode()
            writer.write(b"HTTP/1.1 200 Fine\r\nContent-Length: %d\r\n\r\n%s" % (len(said), said))
            await writer.drain()
    except (OSError, EOFError):
        pass
    finally:
        writer.close()


async def upstream(port, name):
    server = await asyncio.start_server(lambda r, w: serve(name, r, w), "127.0.0.1", port, limit=1 << 20, backlog=1024)
    print("listening", flush=True)
    await server.serve_forever()


# ---- a provider ----

class Provider(TokenServer):
    """A TokenServer that logs in whoever comes, as the login_hint says, and knows after a SIGKILL what it gave before."""

    def __init__(self, port, file):
        self.file, self.codes, self.numbers, self.remembers = file, {}, itertools.count(), threading.Event()
        super().__init__(port=port)
        self.life = 3
        if os.path.exists(file):
            with open(file) as f:
                for name, sub, number in map(json.loads, f):
                    self.grants[name] = Grant(sub)
                    self.grants[name].number = number
        with open(file + ".key", "ab+") as f:
            self.key = self.kept_key(f)
        self.remembers.set()

    def kept_key(self, f):
        from cryptography.hazmat.primitives import serialization as s
        f.seek(0)
        text = f.read()
        if text:
            return s.load_pem_private_key(text, None)
        f.write(self.key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()))
        return self.key

    def keep(self, name):
        with open(self.file, "a") as f:
            f.write(json.dumps([name, self.grants[name].sub, self.grants[name].number]) + "\n")

    def answer(self, r, c):
        self.remembers.wait()
        if r.path != "/authorize":
            super().answer(r, c)
            return
        asked = dict(urllib.parse.parse_qsl(r.target.partition("?")[2]))
        code = f"code-{os.getpid()}-{next(self.numbers)}"
        self.codes[code] = (r.header("X-Person"), asked.get("nonce"))
        c.close = True
        c.reply(302, {"Location": asked["redirect_uri"] + "?" + urllib.parse.urlencode({"code": code, "state": asked["state"],
                                                                                          "iss": self.url})})

    def token(self, form):
        if form["grant_type"] == "authorization_code":
            sub, nonce = self.codes.pop(form["code"], (None, None))
            if not sub:
                return 400, {"error": "invalid_grant"}
            name = f"g{sub}x{len(self.grants)}"
            self.grants[name] = Grant(sub)
            self.keep(name)
            access, refresh, _ = self.tokens(name)
            return 200, {"access_token": access, "refresh_token": refresh, "token_type": "Bearer", "expires_in": self.life,
                         "id_token": sign(self.key, "k", iss=self.url, sub=sub, aud=CLIENT[0], nonce=nonce)}
        status, said = super().token(form)
        if status == 200 and form["grant_type"] == "refresh_token":
            self.keep(form["refresh_token"].split("-")[1])
        return status, said


def main(kind, port, argument):
    if kind == "upstream":
        asyncio.run(upstream(int(port), argument))
    else:
        Provider(int(port), argument)
        print("listening", flush=True)
        signal.pause()


if __name__ == "__main__":
    main(*sys.argv[1:])
