"""Git over HTTP as a forge serves it: the real `git http-backend`, run by an upstream as a CGI program, for who shows the
password that it takes."""

import base64
import os
import subprocess
import tempfile
import threading

from . import procs
from .upstream import Upstream

BACKEND = "/usr/lib/git-core/git-http-backend"


def git(*command, cwd=None, timeout=30):
    """A command of git to its end, which knows nothing of whoever runs the tests; its output."""
    env = {n: v for n, v in os.environ.items() if not n.startswith("GIT_")}
    env |= {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "true",
            "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}
    where = ["-C", cwd] if cwd else []
    r = procs.run(["git", *where, *command], env, timeout)
    assert r.returncode == 0, r.stderr
    return r.stdout.strip()


class GitServer(Upstream):
    """`password`: of the user oauth2, by Basic; nobody else gets in. Its repository is "r.git"; `shown`: what came as
    Authorization."""

    def __init__(self, password):
        self.takes = "Basic " + base64.b64encode(b"oauth2:" + password.encode()).decode()
        self.shown = []
        self.root = tempfile.TemporaryDirectory(prefix="yett-git-")
        git("init", "-q", "--bare", "-b", "main", self.repository)
        git("config", "http.receivepack", "true", cwd=self.repository)
        super().__init__(self.answer, name="git")

    @property
    def repository(self):
        return os.path.join(self.root.name, "r.git")

    def answer(self, r, c):
        self.shown.append(r.all("Authorization"))
        if r.all("Authorization") != [self.takes]:
            c.read_body(r)
            c.reply(401, {"WWW-Authenticate": 'Basic realm="git"'})
        else:
            self.run_backend(r, c)

    def run_backend(self, r, c):
        path, _, query = r.target.partition("?")
        env = {"GIT_PROJECT_ROOT": self.root.name, "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": path, "QUERY_STRING": query,
               "REQUEST_METHOD": r.method, "CONTENT_TYPE": r.header("Content-Type") or "", "REMOTE_USER": "oauth2",
               "REMOTE_ADDR": "127.0.0.1", "PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": "/dev/null",
               "HTTP_CONTENT_ENCODING": r.header("Content-Encoding") or "",
               "GIT_PROTOCOL": r.header("Git-Protocol") or ""}
        p = procs.spawn([BACKEND], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env)
        feeder = threading.Thread(target=self.feed, args=(r, c, p.stdin))
        feeder.start()
        try:
            self.pass_on(p.stdout, c)
            feeder.join()
        finally:
            p.kill()
            p.wait()
            procs.forget(p)

    def feed(self, r, c, to):
        if r.header("Expect"):
            c.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        for piece in c.body(r):
            to.write(piece)
        r.body = b""
        to.close()

    def pass_on(self, out, c):
        """The program's answer (RFC 3875 section 6)."""
        status, fields = "200 OK", []
        while line := out.readline().strip():
            name, _, value = line.decode().partition(": ")
            if name == "Status":
                status = value
            else:
                fields.append((name, value))
        fields.append(("Transfer-Encoding", "chunked"))
        c.send(f"HTTP/1.1 {status}\r\n".encode() + b"".join(f"{n}: {v}\r\n".encode() for n, v in fields) + b"\r\n")
        while piece := out.read1(65536):
            c.chunk(piece)
        c.send(b"0\r\n\r\n")

    def stop(self):
        super().stop()
        self.root.cleanup()
