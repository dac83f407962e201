"""Programs of tests/e2e/node, with the packages that etc/setup took from npm."""

import json
import os
import shutil
import subprocess

from . import client, procs
from .gateway import ROOT

PROGRAMS = os.path.join(ROOT, "tests", "e2e", "node")
MODULES = os.path.join(ROOT, "build-node", "node_modules")


def missing(package):
    """Why a test that needs it cannot run, or None."""
    if shutil.which("node") and os.path.isdir(os.path.join(MODULES, package)):
        return None
    return f"no Node.js with the package {package}: run etc/setup test with a network"


MISSING = missing("ws")


class Node:
    def __init__(self, program, *arguments, stderr=subprocess.PIPE, **environment):
        self.process = procs.spawn(["node", os.path.join(PROGRAMS, program), *map(str, arguments)], text=True, bufsize=1,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr,
                                   env=os.environ | {"NODE_PATH": MODULES} | environment)

    def line(self):
        """The next line that it prints."""
        return self.process.stdout.readline().strip()

    def expect(self, line):
        got = self.line()
        assert got == line, got or self.process.stderr.read()

    def tell(self, line=""):
        """The line that it waits for."""
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def end(self, timeout=30):
        """Its exit status must be 0."""
        try:
            _, errors = self.process.communicate(timeout=timeout)
        finally:
            self.kill()
        assert self.process.returncode == 0, errors

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()
        procs.forget(self.process)


class WebSocketServer(Node):
    def __init__(self):
        super().__init__("server.js")
        self.port = int(self.line())
        self.address = f"127.0.0.1:{self.port}"

    def state(self, path="/state"):
        return json.loads(client.ask(self.port, path).body)

    def go(self):
        return self.state("/go")


class OidcProvider(Node):
    """`keys`: as JWK, the first one signs. `port`: where it is to be again."""

    def __init__(self, pair, folder, keys, port=None):
        self.port, self.file = port or procs.free_port(), os.path.join(folder, "oidc.pem")
        self.address = f"https://localhost:{self.port}"
        pair.write(self.file)
        super().__init__("provider.js", self.port, self.file)
        self.rotate(*keys)

    def rotate(self, *keys):
        self.tell(json.dumps(keys))
        self.expect("ready")
