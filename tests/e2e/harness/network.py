"""A network of a test's own: rooms (network namespaces) whose packets all pass through one process, which can lose, delay,
turn back and swallow them, and reset connections. It needs /dev/net/tun and the right to make namespaces, no module and no
rule of the kernel.

What is started or connected `with room:` is in the room; sockets and processes stay there. Unix sockets know no rooms."""

import ctypes
import fcntl
import json
import os
import struct
import subprocess
import sys
import threading

from . import procs

CLONE_NEWNET = 0x40000000
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
SUBNET, PREFIX = "10.99.0", 24
libc = ctypes.CDLL(None, use_errno=True)
MIDDLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "network_middle.py")


def _enter(fd):
    if libc.setns(fd, CLONE_NEWNET) < 0:
        raise OSError(ctypes.get_errno(), "setns")


class Room:
    """`address`: its first one."""

    def __init__(self, name, addresses):
        self.name, self.addresses, self.address = name, addresses, addresses[0]
        home, made = self._here(), []

        def make():
            if libc.unshare(CLONE_NEWNET) == 0:
                made.append(self._here())
        t = threading.Thread(target=make)
        t.start()
        t.join()
        self.home = home
        if not made:
            os.close(home)
            raise PermissionError("no network namespaces here")
        self.fd = made[0]
        try:
            with self:
                self.tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
                fcntl.ioctl(self.tun, TUNSETIFF, struct.pack("16sH", b"cable", IFF_TUN | IFF_NO_PI))
                for words in [["addr", "add", f"{a}/{PREFIX}", "dev", "cable"] for a in addresses] + [["link", "set", d, "up"] for d in ("cable", "lo")]:
                    self.run("ip", *words)
        except OSError:
            self.close()
            raise

    @staticmethod
    def _here():
        return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)

    def __enter__(self):
        _enter(self.fd)
        return self

    def __exit__(self, *_):
        _enter(self.home)

    def run(self, *command):
        with self:
            r = procs.run(list(command))
        if r.returncode != 0:
            raise OSError(f"{command}: {r.stderr}")
        return r.stdout

    def sysctl(self, name, value):
        """Of the room alone."""
        with self, open("/proc/sys/" + name.replace(".", "/"), "w") as f:
            f.write(str(value))

    def close(self):
        for fd in (self.fd, self.home, getattr(self, "tun", None)):
            if fd is not None:
                os.close(fd)


class Network:
    """Network("client", "gateway", upstream=2): rooms by name, with one address or more."""

    def __init__(self, *names, **more):
        self.rooms, self.rules, n = {}, {}, 1
        try:
            for name, count in [(name, 1) for name in names] + list(more.items()):
                self.rooms[name] = Room(name, [f"{SUBNET}.{n + i}" for i in range(count)])
                n += count
        except OSError:
            for room in self.rooms.values():
                room.close()
            raise
        order = {r.name: [r.tun, r.addresses] for r in self.rooms.values()}
        self.process = procs.spawn([sys.executable, MIDDLE, json.dumps(order)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   text=True, pass_fds=[r.tun for r in self.rooms.values()])
        self._tell({})

    def __getitem__(self, name):
        return self.rooms[name]

    def _tell(self, order):
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def rule(self, name, a, b=None, both=True, **what):
        """What becomes of packets from a room to another (or any), and back if `both`: loss (0 to 1), delay and jitter (ms),
        drop, mtu (larger ones vanish; `icmp`: and the sender hears of it), reset: in the place of a TCP packet that is a
        "syn", its "synack", a "request" (data to the port) or an "answer" (data from it), the first or the `nth` of a connection that
        begins then, or data `beyond` so many bytes of the answer, both sides get a reset, `times` times; swallow: from that packet on
        all of the connection vanish. `port`, `address`: only packets from it or to it. The first rule that fits counts."""
        self.rules[name] = what | {"a": a, "b": b, "both": both}
        self._tell({"rules": self.rules})

    def end(self, *names):
        """The rules of these names, or all."""
        for name in names or list(self.rules):
            del self.rules[name]
        self._tell({"rules": self.rules})

    def cut(self, a, b=None):
        self.rule(f"cut {a} {b}", a, b, drop=True)

    def heal(self, a, b=None):
        self.end(f"cut {a} {b}")

    def reset_all(self, port):
        """Each connection with such a port is reset on both sides, between packets; how many."""
        return self._tell({"reset_all": port})["flows"]

    def counts(self):
        """By rule: passed, lost, reset, too_big."""
        return self._tell({})["counts"]

    def finish(self):
        self.process.stdin.close()
        self.process.wait(10)
        procs.forget(self.process)
        self.process.stdout.close()
        for room in self.rooms.values():
            room.close()
