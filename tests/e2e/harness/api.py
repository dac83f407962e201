"""The management API as its clients see it: verbs, paths, the envelope of redx."""

import json
import os
import shutil
import tempfile
import urllib.parse

from . import client, procs

OPEN = {"allow_unauthenticated": True}


def quote(text):
    """As encodeURIComponent of the clients that are written in JavaScript."""
    return urllib.parse.quote(text, safe="!'()*")


class Api:
    """`to`: the path of a Unix socket, or a port."""

    def __init__(self, to, token=None):
        self.to, self.token = to, token

    def ask(self, method, *path, body=None, query="", headers=(), host="localhost", timeout=20):
        headers = list(headers)
        if self.token:
            headers.append(("Authorization", f"Bearer {self.token}"))
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers.append(("Content-Type", "application/json"))
        target = "/" + "/".join(quote(p) for p in path) + (f"?{query}" if query else "")
        return client.ask(self.to, target, method, host, headers, body, timeout)

    def data(self, *path):
        r = self.ask("GET", *path)
        assert r.status == 200 and r.json()["message"] == "OK", r
        return r.json()["data"]

    def done(self, method, *path, **how):
        """A write that must be in force."""
        r = self.ask(method, *path, **how)
        assert r.status == 200 and r.json()["message"] == "OK", (method, path, r)
        return r.json()


class FileStore:
    """In the place of Redis: a state_dir that outlives its gateway."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="state-")

    @property
    def config(self):
        return {"state_dir": self.dir}

    @property
    def file(self):
        return os.path.join(self.dir, "store.json")

    def finish(self):
        shutil.rmtree(self.dir)


def port_config(**api):
    port = procs.free_port()
    return port, {"admin": {"api": {"listen": [f"127.0.0.1:{port}"]} | api}}
