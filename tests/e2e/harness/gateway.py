"""The gateway as its users run it: a configuration file, a process, a log; and nginx in its place where only standard HTTP
is asked."""

import collections
import functools
import glob
import json
import os
import resource
import shutil
import signal
import subprocess
import tempfile
import time

from . import client, procs

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
LONG = os.environ.get("YETT_LONG") == "1"
REPORTS = ("Sanitizer", "runtime error:", "assertion failed", "Assertion `")


def find_binary():
    if os.environ.get("YETT"):
        return os.path.abspath(os.environ["YETT"])
    found = [p for d in ("build-test", "build") for p in glob.glob(os.path.join(ROOT, d, "master", "yett"))]
    return max(found, key=os.path.getmtime) if found else None


BINARY = find_binary()


def is_sanitized():
    with open(BINARY, "rb") as f:
        return b"__asan_init" in f.read()


def merge(base, more):
    """`more` wins; mappings are merged."""
    out = dict(base)
    for key, value in more.items():
        out[key] = merge(out[key], value) if isinstance(value, dict) and isinstance(out.get(key), dict) else value
    return out


_started, _copies = collections.Counter(), []


def leaks_are_sought():
    """Of the gateways of a test file the first one and each fourth: the search takes a third of a sanitized process' time. In
    the long form of the tests all."""
    test_file = os.environ.get("PYTEST_CURRENT_TEST", "").partition("::")[0]
    _started[test_file] += 1
    return LONG or _started[test_file] % 4 == 1


@functools.cache
def one_root():
    """The first certificate of the system's roots: a sanitized master reads all of them for 40 ms, at each start."""
    with open("/etc/ssl/certs/ca-certificates.crt") as f:
        first, end, _ = f.read().partition("-----END CERTIFICATE-----\n")
    return first + end


def proxy_to(*upstreams, health=False, **route):
    """The configuration that sends everything to these (objects with an address, or addresses)."""
    addresses = [u if isinstance(u, str) else u.address for u in upstreams]
    return {"upstreams": {"u": {"endpoints": addresses}}, "health": {"enabled": health},
            "routes": [{"upstream": "u"} | route]}


def from_redis(store, *, health=False, **redis):
    """The configuration whose rules stand in this Redis."""
    return {"redis": {"address": store.address, "timeout": "2s"} | redis, "health": {"enabled": health}}


class Gateway:
    """`files`: most descriptors that each of its processes may have; `within`: words of a command that runs it;
    `binary`: another one than that of the tests; `own`: a copy of it, that a test may replace."""

    def __init__(self, config, ready=True, env=None, files=None, within=(), binary=None, own=False):
        self.files, self.within, self.binary = files, within, binary or BINARY
        self.dir = tempfile.mkdtemp(prefix="yett-")
        if own:
            self.binary = os.path.join(self.dir, "yett")
            shutil.copy(BINARY, self.binary)
            _copies.append(self.binary)
        self.run_dir, self.state_dir = os.path.join(self.dir, "run"), os.path.join(self.dir, "state")
        os.mkdir(self.run_dir)
        os.mkdir(self.state_dir)
        self.port = procs.free_port()
        self.file = os.path.join(self.dir, "yett.yaml")
        thorough = leaks_are_sought()
        self.env = os.environ | {"ASAN_OPTIONS": f"handle_sigill=1:detect_leaks={int(thorough)}"} | (env or {})
        self.base = {"listeners": [f"127.0.0.1:{self.port}"], "workers": 2, "run_dir": self.run_dir,
                     "state_dir": self.state_dir, "access_log": "stdout", "timeouts": {"drain": "3s"}}
        if not thorough:
            self.trust_one_root()
        self.process = None
        self.may_fail = False
        self.configure(config)
        try:
            self.start(ready)
        except BaseException:
            self.discard()
            raise

    def trust_one_root(self):
        self.base["upstream_tls"] = {"ca": os.path.join(self.dir, "root.pem")}
        with open(self.base["upstream_tls"]["ca"], "w") as f:
            f.write(one_root())

    def configure(self, config):
        """Writes the file: a mapping, or text that stands in it below the harness' own settings. JSON is YAML."""
        with open(self.file + ".new", "w") as f:
            if isinstance(config, str):
                for name, value in self.base.items():
                    f.write(f"{name}: {json.dumps(value)}\n")
                f.write(config)
            else:
                json.dump(merge(self.base, config), f, indent=1)
        os.rename(self.file + ".new", self.file)

    def start(self, ready=True):
        self.access = open(os.path.join(self.dir, "access.log"), "ab")
        self.errors = open(os.path.join(self.dir, "error.log"), "ab")
        self.process = procs.spawn([*self.within, self.binary, "run", "-c", self.file], stdin=subprocess.DEVNULL, stdout=self.access,
                                   stderr=self.errors, env=self.env, start_new_session=True,
                                   preexec_fn=self.limit_files if self.files else None)
        self.access.close()
        self.errors.close()
        if ready:
            procs.wait_until(self.is_ready, 20, what=lambda: f"ready; its log:\n{self.log()}")

    def limit_files(self):
        resource.setrlimit(resource.RLIMIT_NOFILE, (self.files, self.files))

    def is_ready(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"exit status {self.process.returncode}; its log:\n{self.log()}")
        try:
            return self.admin("/ready").status == 200 and self.status()["pid"] == self.process.pid
        except (OSError, EOFError, KeyError, ValueError):
            return False

    @property
    def pid(self):
        return self.process.pid

    @property
    def socket(self):
        return os.path.join(self.run_dir, "admin.sock")

    def admin(self, path, method="GET"):
        return client.ask(self.socket, path, method)

    def status(self):
        r = self.admin("/status")
        if r.status != 200:
            raise ValueError(f"status: {r}")
        return r.json()

    def metrics(self):
        """Samples by name and labels as they are written."""
        lines = self.admin("/metrics").body.decode().splitlines()
        return {n: float(v) for n, _, v in (line.rpartition(" ") for line in lines if not line.startswith("#"))}

    def workers(self):
        return [w["pid"] for w in self.status()["workers"] if w["state"] == "running"]

    def cli(self, *arguments, timeout=20):
        return procs.run([self.binary, *arguments, "-c", self.file], self.env, timeout)

    def reload(self, config=None):
        """`yett reload --wait`; the answer of the command."""
        if config is not None:
            self.configure(config)
        return self.cli("reload", "--wait")

    def log(self):
        with open(os.path.join(self.dir, "error.log"), errors="replace") as f:
            return f.read()

    def access_log(self):
        """The complete lines so far."""
        with open(os.path.join(self.dir, "access.log")) as f:
            return [json.loads(line) for line in f.read().splitlines(keepends=True) if line.endswith("\n")]

    def logged(self, **what):
        """The line of the access log with these members, once it is written."""
        def find():
            return [e for e in self.access_log() if all(e.get(k) == v for k, v in what.items())]
        return procs.wait_until(find, 5, what=f"an access log line with {what}")[0]

    def ask(self, path="/", method="GET", host="test", headers=(), body=None, timeout=10):
        return client.ask(self.port, path, method, host, headers, body, timeout)

    def connect(self, timeout=10):
        return client.Client(self.port, timeout)

    def rules_in_force(self, check, timeout=5):
        """Waits until the status' `rules` satisfy `check` and every worker has a table made of them."""
        procs.wait_until(lambda: check(self.status()["rules"]), timeout, what=lambda: f"rules; {self.status()['rules']}")
        r = self.admin("/reload?wait=1", "POST")
        assert r.status == 200, r

    def wait(self, timeout=20):
        """Its exit status."""
        status = self.process.wait(timeout)
        procs.forget(self.process)
        return status

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        """kill -9 of the master alone."""
        self.process.kill()
        self.wait()

    def stop(self):
        """SIGTERM; it must end well and leave nothing."""
        self.signal(signal.SIGTERM)
        try:
            status = self.wait(15)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running 15 s after SIGTERM; its log:\n{self.log()}") from None
        assert status == 0, f"exit status {status}; its log:\n{self.log()}"

    def finish(self):
        """The end of every test."""
        try:
            if self.process.poll() is None:
                self.stop()
                assert os.listdir(self.run_dir) == [], f"left in run_dir: {os.listdir(self.run_dir)}"
            text = self.log()
            assert not any(word in text for word in REPORTS), text
        finally:
            self.discard()

    def discard(self):
        if self.process and self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.dir)


lasting = []  # gateways that outlive a test


def no_gateway_is_left():
    """No process of the gateway is among our descendants, but for the lasting ones; the ones found are killed."""
    def left():
        found, kept = [], {pid for gw in lasting for pid in [gw.pid, *procs.descendants(gw.pid)]}
        for pid in set(procs.descendants(os.getpid())) - kept:
            try:
                if os.readlink(f"/proc/{pid}/exe").partition(" (deleted)")[0] in (os.path.realpath(BINARY), *_copies):
                    found.append(pid)
            except OSError:
                pass
        return [pid for pid in found if procs.alive(pid)]
    end = time.monotonic() + 5
    while left() and time.monotonic() < end:
        time.sleep(0.02)
    pids = left()
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    assert not pids, f"processes left behind: {pids}"


NGINX = """
daemon off; pid {dir}/pid; error_log {dir}/error.log; worker_processes 1;
events {{}}
http {{
	access_log off; client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/f;
	uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
	map $http_upgrade $connection_header {{ default upgrade; "" ""; }}
	upstream u {{ server {server}; keepalive 16; }}
	server {{
		listen 127.0.0.1:{port} {listen};
		client_max_body_size 0;
		location / {{
			proxy_pass http://u; proxy_http_version 1.1; proxy_buffering off; proxy_request_buffering off;
			proxy_set_header Host $http_host; proxy_set_header Upgrade $http_upgrade;
			proxy_set_header Connection $connection_header; {header}
		}}
	}}
}}
"""


class Nginx:
    """The reference for what is standard HTTP. `listen`: options of its listener; `header`: NAME VALUE, sent upstream."""

    def __init__(self, upstream, listen="", header=None):
        self.dir, self.port = tempfile.mkdtemp(prefix="nginx-"), procs.free_port()
        self.file = os.path.join(self.dir, "nginx.conf")
        with open(self.file, "w") as f:
            f.write(NGINX.format(dir=self.dir, server=upstream.address, port=self.port, listen=listen,
                                 header=f"proxy_set_header {header};" if header else ""))
        self.process = procs.spawn(["nginx", "-e", os.path.join(self.dir, "error.log"), "-c", self.file],
                                   stderr=subprocess.DEVNULL)
        try:
            procs.wait_until(lambda: self.connect().close() is None, what="nginx")
        except BaseException:
            self.finish()
            raise

    def ask(self, path="/", method="GET", host="test", headers=(), body=None, timeout=10):
        return client.ask(self.port, path, method, host, headers, body, timeout)

    def connect(self, timeout=10):
        return client.Client(self.port, timeout)

    def finish(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)
        procs.forget(self.process)
        shutil.rmtree(self.dir)
