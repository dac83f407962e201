"""Jupyter as Debian has it, and a client of its kernels."""

import asyncio
import json
import os
import subprocess
import tempfile
import uuid

import websockets

from . import client, procs


class Jupyter:
    """`token`: what it wants in Authorization."""

    def __init__(self, token):
        self.home = tempfile.TemporaryDirectory(prefix="yett-jupyter-")
        self.port = procs.free_port()
        self.address = f"127.0.0.1:{self.port}"
        with open(os.path.join(self.home.name, "log"), "w") as log:
            self.process = procs.spawn(
                ["jupyter-notebook", "--allow-root", "--no-browser", "--ip=127.0.0.1", f"--port={self.port}",
                 "--NotebookApp.port_retries=0", f"--NotebookApp.token={token}"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.home.name, start_new_session=True,
                env=os.environ | {"HOME": self.home.name, "JUPYTER_RUNTIME_DIR": self.home.name})
        try:
            procs.wait_until(self.answers, 30, what=lambda: f"Jupyter; its log:\n{self.log()}")
        except BaseException:
            self.stop()
            raise

    def log(self):
        with open(os.path.join(self.home.name, "log")) as f:
            return f.read()

    def answers(self):
        assert self.process.poll() is None, self.log()
        try:
            return client.ask(self.port, "/api", host=self.address).status == 200
        except OSError:
            return False

    def stop(self):
        """SIGTERM ends its kernels, too."""
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        procs.forget(self.process)
        self.home.cleanup()


def compute(port, kernel, code, headers, timeout=20):
    """What a kernel says of `code`, as text, over its channels at this port."""
    message = {"header": {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "username": "", "session": uuid.uuid4().hex,
                          "version": "5.3"},
               "parent_header": {}, "metadata": {}, "channel": "shell", "buffers": [],
               "content": {"code": code, "silent": False, "store_history": False, "user_expressions": {},
                           "allow_stdin": False}}

    async def talk():
        uri = f"ws://127.0.0.1:{port}/api/kernels/{kernel}/channels"
        async with websockets.connect(uri, extra_headers=headers, max_size=None) as ws:
            await ws.send(json.dumps(message))
            while True:
                said = json.loads(await ws.recv())
                if said["parent_header"].get("msg_id") != message["header"]["msg_id"]:
                    continue
                if said["msg_type"] in ("execute_result", "error"):
                    return said["content"]["data"]["text/plain"] if said["msg_type"] == "execute_result" else said["content"]

    return asyncio.run(asyncio.wait_for(talk(), timeout))
