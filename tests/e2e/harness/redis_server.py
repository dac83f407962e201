"""A redis-server of our own on a free port; it keeps its data over a restart only if it was told to save them."""

import shutil
import signal
import subprocess
import tempfile

import redis

from . import procs


class RedisServer:
    """`more`: options for its command line."""

    def __init__(self, more=()):
        self.port, self.more = procs.free_port(), more
        self.dir = tempfile.mkdtemp(prefix="redis-")
        self.process = None
        try:
            self.start()
        except BaseException:
            self.finish()
            raise

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def start(self):
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
                   "--dir", self.dir, "--daemonize", "no", *self.more]
        self.process = procs.spawn(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.db = redis.Redis("127.0.0.1", self.port, socket_timeout=10)
        procs.wait_until(self._pings, what="redis-server")

    def _pings(self):
        try:
            return self.db.ping()
        except redis.ConnectionError:
            return False

    def kill(self):
        self.db.close()
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait()
        procs.forget(self.process)

    def finish(self):
        if self.process:
            self.kill()
        shutil.rmtree(self.dir)

    def freeze(self):
        """It accepts, and answers nothing."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def rule(self, url, server, backend=None):
        """A frontend and its backend, as redx's users write them."""
        backend = backend or "b-" + url.replace("/", "_")
        self.db.hset("backend:" + backend, server, 0)
        self.db.set("frontend:" + url, backend)
