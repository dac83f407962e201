"""A network of a test's own: rooms (network namespaces) whose packets all pass through one process, which can lose, delay,
turn back and swallow them, and reset connections. It needs /dev/net/tun and the right to make namespaces, no module and no
rule of the kernel.

What is started or connected `with room:` is in the room; sockets and processes stay there. Unix sockets know no rooms."""

import ctypes
import fcntl
import heapq
import json
import os
import random
import select
import socket
import struct
import subprocess
import sys
import threading
import time

CLONE_NEWNET = 0x40000000
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
SUBNET, PREFIX = "10.99.0", 24
libc = ctypes.CDLL(None, use_errno=True)


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
        from . import procs

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
        from . import procs

        self.procs, self.rooms, self.rules, n = procs, {}, {}, 1
        try:
            for name, count in [(name, 1) for name in names] + list(more.items()):
                self.rooms[name] = Room(name, [f"{SUBNET}.{n + i}" for i in range(count)])
                n += count
        except OSError:
            for room in self.rooms.values():
                room.close()
            raise
        order = {r.name: [r.tun, r.addresses] for r in self.rooms.values()}
        self.process = procs.spawn([sys.executable, os.path.abspath(__file__), json.dumps(order)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
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
        "syn", its "synack", the first "request" (data to the port), "answer" (data from it) or data beyond `beyond` bytes of
        the answer, both sides get a reset, `times` times. `port`, `address`: only packets from it or to it. The first rule
        that fits counts."""
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
        self.procs.forget(self.process)
        self.process.stdout.close()
        for room in self.rooms.values():
            room.close()


# ---- the process in between ----


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def packet(protocol, src, dst, payload):
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0x4000, 64, protocol, 0, src, dst)
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + payload


FIN, SYN, RST, ACK = 1, 2, 4, 16


class Segment:
    """A TCP segment within a packet."""

    def __init__(self, p):
        at = (p[0] & 15) * 4
        self.src, self.dst = p[12:16], p[16:20]
        self.sport, self.dport, self.seq, self.ack, offset, self.flags = struct.unpack(">HHIIBB", p[at:at + 14])
        self.size = len(p) - at - (offset >> 4) * 4
        self.next = (self.seq + self.size + bool(self.flags & SYN) + bool(self.flags & FIN)) & 0xFFFFFFFF
        self.key = (self.src, self.sport, self.dst, self.dport)


def tcp_reset(src, sport, dst, dport, seq, ack):
    flags = RST if ack is None else RST | ACK
    data = struct.pack(">HHIIBBHHH", sport, dport, seq, ack or 0, 0x50, flags, 0, 0, 0)
    total = checksum(src + dst + struct.pack(">HH", 6, len(data)) + data)
    return packet(6, src, dst, data[:16] + struct.pack(">H", total) + data[18:])


def resets(s):
    """To the sender of this segment and to its receiver."""
    return (tcp_reset(s.dst, s.dport, s.src, s.sport, s.ack, s.next), tcp_reset(s.src, s.sport, s.dst, s.dport, s.seq, s.ack if s.flags & ACK else None))


class Middle:
    def __init__(self, rooms):
        self.of = {socket.inet_aton(a): (name, tun) for name, (tun, addresses) in rooms.items() for a in addresses}
        self.tuns = [tun for tun, _ in rooms.values()]
        self.rules, self.counts, self.flows, self.answered, self.late, self.n = {}, {}, {}, {}, [], 0

    def find(self, a, b, ports, addresses):
        for name, r in self.rules.items():
            way = r["a"] in (a, None) and r["b"] in (b, None) or r["both"] and r["a"] in (b, None) and r["b"] in (a, None)
            if way and ("port" not in r or r["port"] in ports) and ("address" not in r or socket.inet_aton(r["address"]) in addresses):
                return name, r
        return None, None

    def is_the_one(self, s, r):
        port, what = r["port"], r["reset"]
        if s.flags & SYN:
            return what == ("synack" if s.flags & ACK else "syn")
        if s.size == 0:
            return False
        if s.dport == port:
            return what == "request"
        if what == "beyond":
            self.answered[s.key] = self.answered.get(s.key, 0) + s.size
            return self.answered[s.key] > r["beyond"]
        return what == "answer"

    def send(self, p):
        place = self.of.get(p[16:20])
        if place:
            try:
                os.write(place[1], p)
            except OSError:
                pass

    def take(self, p):
        src, dst = self.of.get(p[12:16]), self.of.get(p[16:20])
        if p[0] >> 4 != 4 or not src or not dst:
            return
        at = (p[0] & 15) * 4
        ports = struct.unpack(">HH", p[at:at + 4]) if p[9] in (6, 17) else ()
        s = Segment(p) if p[9] == 6 else None
        if s:
            self.flows[s.key] = s
        name, r = self.find(src[0], dst[0], ports, (p[12:16], p[16:20]))
        if not r:
            self.send(p)
            return
        count = self.counts.setdefault(name, {"passed": 0, "lost": 0, "reset": 0, "too_big": 0})
        if r.get("drop") or random.random() < r.get("loss", 0):
            count["lost"] += 1
        elif len(p) > r.get("mtu", 65535):
            count["too_big"] += 1
            if r.get("icmp"):
                data = struct.pack(">BBHHH", 3, 4, 0, 0, r["mtu"]) + p[:28]
                self.send(packet(1, p[16:20], p[12:16], data[:2] + struct.pack(">H", checksum(data)) + data[4:]))
        elif s and "reset" in r and count["reset"] < r.get("times", 1) and self.is_the_one(s, r):
            count["reset"] += 1
            for answer in resets(s):
                self.send(answer)
        else:
            count["passed"] += 1
            wait = r.get("delay", 0) + random.random() * r.get("jitter", 0)
            if wait:
                self.n += 1
                heapq.heappush(self.late, (time.monotonic() + wait / 1000, self.n, p))
            else:
                self.send(p)

    def reset_all(self, port):
        """At the byte that the other side said last it waits for."""
        done = 0
        for s in self.flows.values():
            back = self.flows.get((s.dst, s.dport, s.src, s.sport))
            if port in (s.sport, s.dport) and back and not (s.flags | back.flags) & (FIN | RST):
                self.send(tcp_reset(s.src, s.sport, s.dst, s.dport, back.ack, None))
                done += 1
        self.flows.clear()
        return done // 2

    def obey(self, order):
        if "rules" in order:
            self.counts = {n: c for n, c in self.counts.items() if order["rules"].get(n) == self.rules.get(n)}
            self.rules = order["rules"]
        flows = self.reset_all(order["reset_all"]) if "reset_all" in order else 0
        print(json.dumps({"flows": flows, "counts": self.counts}), flush=True)

    def run(self):
        poll = select.poll()
        for fd in [0, *self.tuns]:
            poll.register(fd, select.POLLIN)
        while True:
            now = time.monotonic()
            while self.late and self.late[0][0] <= now:
                self.send(heapq.heappop(self.late)[2])
            for fd, _ in poll.poll(max(0, (self.late[0][0] - now) * 1000) if self.late else None):
                if fd == 0:
                    line = sys.stdin.readline()
                    if not line:
                        return
                    self.obey(json.loads(line))
                    continue
                try:
                    for _ in range(32):
                        self.take(os.read(fd, 65536))
                except BlockingIOError:
                    pass


if __name__ == "__main__":
    Middle(json.loads(sys.argv[1])).run()
