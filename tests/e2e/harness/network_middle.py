"""The process that all packets between the rooms of network.py pass through. It reads orders on standard input, a line of JSON each,
and answers each by a line."""

import heapq
import json
import os
import random
import select
import socket
import struct
import sys
import time


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
        self.said, self.gone = {}, set()

    def find(self, a, b, ports, addresses):
        for name, r in self.rules.items():
            way = r["a"] in (a, None) and r["b"] in (b, None) or r["both"] and r["a"] in (b, None) and r["b"] in (a, None)
            if way and ("port" not in r or r["port"] in ports) and ("address" not in r or socket.inet_aton(r["address"]) in addresses):
                return name, r
        return None, None

    def is_the_one(self, s, r, what):
        if s.flags & SYN:
            self.said[s.key] = set()
            return what == ("synack" if s.flags & ACK else "syn")
        if s.size == 0:
            return False
        if s.sport == r["port"] and what == "beyond":
            self.answered[s.key] = self.answered.get(s.key, 0) + s.size
            return self.answered[s.key] > r["beyond"]
        if what != ("request" if s.dport == r["port"] else "answer"):
            return False
        return "nth" not in r or self.is_nth(s, r["nth"])

    def is_nth(self, s, n):
        """Of a connection that began under the rule; what is said again counts once."""
        if s.key in self.said:
            self.said[s.key].add(s.seq)
        return len(self.said.get(s.key, ())) == n

    def is_swallowed(self, s, r):
        if s.key in self.gone:
            return True
        if self.is_the_one(s, r, r["swallow"]):
            self.gone |= {s.key, (s.dst, s.dport, s.src, s.sport)}
        return s.key in self.gone

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
        if r.get("drop") or (s and "swallow" in r and self.is_swallowed(s, r)) or random.random() < r.get("loss", 0):
            count["lost"] += 1
        elif len(p) > r.get("mtu", 65535):
            count["too_big"] += 1
            if r.get("icmp"):
                data = struct.pack(">BBHHH", 3, 4, 0, 0, r["mtu"]) + p[:28]
                self.send(packet(1, p[16:20], p[12:16], data[:2] + struct.pack(">H", checksum(data)) + data[4:]))
        elif s and "reset" in r and count["reset"] < r.get("times", 1) and self.is_the_one(s, r, r["reset"]):
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
            self.said.clear()
            self.gone.clear()
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
