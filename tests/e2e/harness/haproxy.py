"""HAProxy, for the protocols that its authors wrote."""

import os
import shutil
import signal
import subprocess
import tempfile

from . import client, procs

CONFIG = """
defaults
	mode http
	timeout connect 5s
	timeout client 30s
	timeout server 30s
frontend f
	bind 127.0.0.1:{port} {bind}
	http-request set-header X-Seen-Source %[src]:%[src_port]
	http-request set-header X-Seen-Destination %[dst]:%[dst_port]
	default_backend b
backend b
	server s {server} {options}
"""


class Haproxy:
    """Passes everything on to `server`. `bind`, `options`: what stands behind its own address and the server's."""

    installed = shutil.which("haproxy")

    def __init__(self, server, bind="", options=""):
        self.dir, self.port = tempfile.mkdtemp(prefix="haproxy-"), procs.free_port()
        file = os.path.join(self.dir, "haproxy.cfg")
        with open(file, "w") as f:
            f.write(CONFIG.format(port=self.port, bind=bind, server=server, options=options))
        self.process = procs.spawn(["haproxy", "-db", "-q", "-f", file], stderr=subprocess.DEVNULL)
        try:
            procs.wait_until(lambda: self.connect().close() is None, what="haproxy")
        except BaseException:
            self.finish()
            raise

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def connect(self, timeout=10):
        return client.Client(self.port, timeout)

    def finish(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)
        procs.forget(self.process)
        shutil.rmtree(self.dir)
