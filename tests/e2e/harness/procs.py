"""Processes, ports and waiting. Whatever a test starts is found again, also when its parent was killed: this process is
the reaper of all its descendants."""

import ctypes
import itertools
import os
import random
import socket
import subprocess
import threading
import time

PR_SET_CHILD_SUBREAPER = 36
PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 17, 0x4206, 0x4207
ours = set()  # pids that a Popen object waits for
reaping = threading.Lock()


def spawn(command, **how):
    with reaping:
        p = subprocess.Popen(command, **how)
        ours.add(p.pid)
    return p


def run(command, env=None, timeout=20):
    """A command to its end, with its output as text. subprocess.run would race with the reaper."""
    p = spawn(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
    try:
        out, err = p.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        p.kill()
        p.communicate()
        raise
    finally:
        forget(p)
    return subprocess.CompletedProcess(command, p.returncode, out, err)


def forget(process):
    """Its end was waited for."""
    ours.discard(process.pid)


def adopt_orphans():
    """From here on orphans of our children become our children, and are reaped at once as init would do."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    threading.Thread(target=_reap_forever, daemon=True).start()


def _reap_forever():
    while True:
        time.sleep(0.02)
        with reaping:
            for pid in children(os.getpid()):
                if pid not in ours and state(pid) == "Z":
                    os.waitpid(pid, os.WNOHANG)


def children(pid):
    found = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children") as f:
                found += [int(p) for p in f.read().split()]
    except (FileNotFoundError, ProcessLookupError):
        pass
    return found


def descendants(pid):
    found = []
    for child in children(pid):
        found += [child] + descendants(child)
    return found


def state(pid):
    """The letter of /proc/PID/stat; "" when there is no such process."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def command(pid):
    """Its words; none when there is no such process."""
    try:
        with open(f"/proc/{pid}/cmdline") as f:
            return f.read().split("\0")
    except (FileNotFoundError, ProcessLookupError):
        return []


def alive(pid):
    return state(pid) not in ("", "Z", "X")


def hold(pid):
    """It stands still until `let_go` by the same thread, also where a SIGSTOP would end with its parent."""
    for request in (PTRACE_SEIZE, PTRACE_INTERRUPT):
        trace(request, pid)
    wait_until(lambda: state(pid) == "t", what="its standing still")


def let_go(pid):
    trace(PTRACE_DETACH, pid)


def trace(request, pid):
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    if libc.ptrace(request, pid, None, None) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def memory(pid, field="VmRSS"):
    """Bytes: VmRSS now, VmHWM at most so far."""
    with open(f"/proc/{pid}/status") as f:
        for line in f:
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
    return 0


def _ports():
    """Below the range that the kernel gives to outgoing connections, so that none of those takes one meanwhile. Each of the processes that
    share a run (pytest-xdist) has some of its own, and goes round."""
    first, count = 10000, 20000 // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    first += count * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    start = random.randrange(count)
    return itertools.cycle([first + (start + i) % count for i in range(count)])


PORTS = _ports()


def free_port(family=socket.AF_INET):
    host = "::1" if family == socket.AF_INET6 else "127.0.0.1"
    for port in itertools.islice(PORTS, 1000):
        with socket.socket(family, socket.SOCK_STREAM) as s:
            try:
                s.bind((host, port))
                return port
            except OSError:
                continue
    raise RuntimeError("no free port")


def wait_until(condition, timeout=10, every=0.01, what="the condition"):
    """What `condition` returned, once it is true; exceptions count as not yet."""
    end = time.monotonic() + timeout
    last = None
    while True:
        try:
            last = condition()
            if last:
                return last
        except (OSError, ValueError, KeyError, IndexError, EOFError) as e:
            last = e
        if time.monotonic() > end:
            what = what() if callable(what) else what
            raise AssertionError(f"{what}: not within {timeout} s (last: {last!r})")
        time.sleep(every)
