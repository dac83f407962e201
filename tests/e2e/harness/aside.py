"""Upstreams in processes of their own, which the threads of a test do not slow down."""

import os
import subprocess
import sys

from . import procs


class Aside:
    """A script of this folder that prints its port."""

    def __init__(self, script, *words):
        path = os.path.join(os.path.dirname(os.path.abspath(__file__)), script)
        self.process = procs.spawn([sys.executable, path, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())
        self.address = f"127.0.0.1:{self.port}"

    def stop(self):
        self.process.kill()
        self.process.wait()
        procs.forget(self.process)
        self.process.stdin.close()
        self.process.stdout.close()


class Responder(Aside):
    def __init__(self, name="responder"):
        super().__init__("responder.py", name)


class Generous(Aside):
    def __init__(self):
        super().__init__("generous.py")
