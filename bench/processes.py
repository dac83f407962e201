"""Processes of a measurement: started on free ports, pinned, weighed and stopped. Knows nothing of gateways."""

import ctypes
import functools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


class Failure(Exception):
    """Something to tell the user; no trace."""


@functools.cache
def cores():
    """(cores of the gateway, cores of everything else), of those that were ours at the first call."""
    have = sorted(os.sched_getaffinity(0))
    return ({have[0]}, {have[1]}) if len(have) > 1 else (set(have), set(have))


def find(command):
    return shutil.which(command, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Process:
    """A child in a process group of its own, which ends with us however we end. Its stderr goes to a file that is quoted
    when it fails."""

    def __init__(self, argv, folder, name, on=None, env=None, pipes=False):
        self.name = name
        self.log = os.path.join(folder, name + ".err")
        on = on or cores()[1]

        def prepare():
            os.sched_setaffinity(0, on)
            LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)

        with open(self.log, "ab") as log:
            try:
                self.child = subprocess.Popen(
                    argv, stdin=subprocess.PIPE if pipes else subprocess.DEVNULL,
                    stdout=subprocess.PIPE if pipes else log, stderr=log, cwd=folder, text=True,
                    env={**os.environ, **(env or {})}, start_new_session=True, preexec_fn=prepare)
            except OSError as e:
                raise Failure(f"{name}: cannot start {argv[0]}: {e.strerror}") from e

    def said(self, lines):
        """The last lines of its log."""
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return [line.rstrip()[:200] for line in f.readlines()[-lines:]]

    def failure(self, what):
        return Failure(f"{self.name}: {what}\n" + "".join(f"    {line}\n" for line in self.said(10)))

    def line(self):
        """The next line of its standard output."""
        text = self.child.stdout.readline()
        if not text:
            raise self.failure("ended early")
        return text

    def say(self, text):
        self.child.stdin.write(text + "\n")
        self.child.stdin.flush()

    def wait_port(self, port, seconds=10):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.child.poll() is not None:
                raise self.failure(f"exited with {self.child.returncode}")
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.02)
        raise self.failure(f"does not listen on port {port}")

    def stop(self):
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(3)
            except subprocess.TimeoutExpired:
                pass
        try:  # whatever it left in its group, and itself
            os.killpg(self.child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.child.wait()
        for pipe in (self.child.stdin, self.child.stdout):
            if pipe:
                pipe.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def process_tree(root):
    children = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat", encoding="ascii", errors="replace") as f:
                parent = int(f.read().rpartition(")")[2].split()[1])
        except (OSError, IndexError):
            continue
        children.setdefault(parent, []).append(int(entry))
    found, todo = [], [root]
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += children.get(pid, [])
    return found


def cpu_ns(root):
    """ns of CPU of each thread of a process and all below it, by (pid, tid)."""
    spent = {}
    for pid in process_tree(root):
        try:
            for tid in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{tid}/schedstat", encoding="ascii") as f:
                    spent[pid, int(tid)] = int(f.read().split()[0])
        except OSError:
            continue
    return spent


def cpu_between(before, after):
    """What was spent; None when a thread ended meanwhile and took its account with it."""
    if any(key not in after for key in before):
        return None
    return sum(ns - before.get(key, 0) for key, ns in after.items())


def memory(root):
    """Bytes of memory of a process and all below it, what they share counted once (PSS)."""
    total = 0
    for pid in process_tree(root):
        try:
            with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
                total += sum(int(line.split()[1]) * 1024 for line in f if line.startswith("Pss:"))
        except OSError:
            continue
    return total


def busy_s():
    """Seconds that our cores were in use, or were taken from this machine, since it started."""
    ours = {f"cpu{core}" for cores_of in cores() for core in cores_of}
    total = 0
    with open("/proc/stat", encoding="ascii") as f:
        for line in f:
            fields = line.split()
            if fields[0] in ours:
                user, nice, system, _, _, irq, softirq, steal = (int(n) for n in fields[1:9])
                total += user + nice + system + irq + softirq + steal
    return total / os.sysconf("SC_CLK_TCK")


class Load:
    """bench-load, waiting with open connections for its next window."""

    def __init__(self, tool, folder, name, arguments):
        self.process = Process([tool, "--control", *arguments], folder, name, pipes=True)
        try:
            self.process.line()
        except BaseException:
            self.process.stop()
            raise

    def window(self, seconds, rate=0):
        self.process.say(f"run {seconds} {rate}")
        return json.loads(self.process.line())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stop()


def build(source, folder, want_yett):
    """Release build of the tools and of yett. Returns their paths by name."""
    if not os.path.exists(os.path.join(folder, "build.ninja")):
        run_quietly(["meson", "setup", folder, source, "-Dbuildtype=release"])
    run_quietly(["ninja", "-C", folder, "build.ninja"])  # what follows must not be of an older tree
    targets = json.loads(run_quietly(["meson", "introspect", "--targets", folder]))
    paths = {t["name"]: t["filename"][0] for t in targets if t["type"] == "executable"}
    want = ["bench-load", "bench-responder", "bench-relay", "bench-mint", "bench-fleet"] + (["yett"] if want_yett else [])
    missing = [name for name in want if name not in paths]
    if missing:
        raise Failure(f"the build has no {', '.join(missing)}")
    run_quietly(["ninja", "-C", folder, *(os.path.relpath(paths[name], folder) for name in want)])
    return {name: paths[name] for name in want}


def run_quietly(argv):
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise Failure(f"{argv[0]} is not installed: run etc/setup bench") from None
    if done.returncode:
        sys.stderr.write(done.stdout + done.stderr)
        raise Failure(f"{' '.join(argv)} failed")
    return done.stdout
