"""A name server for A records, whose answers a test changes as it likes, also byte by byte (`reply`)."""

import socket
import struct
import threading


class DnsServer:
    def __init__(self, host="127.0.0.1", port=0):
        self.names = {}  # name: ([addresses], ttl); absent: no such name
        self.silent = False
        self.asked = []
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((host, port))
        self.address = "%s:%d" % self.sock.getsockname()
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                query, peer = self.sock.recvfrom(512)
                name, kind, question = self.parse(query)
                self.asked.append(name)
                if not self.silent:
                    self.reply(query[:2], name, kind, question, peer)
            except OSError:
                return  # it is closed

    def reply(self, number, name, kind, question, peer):
        self.sock.sendto(self.answer(number, name, kind, question), peer)

    @staticmethod
    def parse(query):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode().lower())
            at += 1 + query[at]
        return ".".join(labels), struct.unpack(">H", query[at + 1:at + 3])[0], query[12:at + 5]

    def answer(self, number, name, kind, question):
        found = name in self.names
        addresses, ttl = self.names.get(name, ([], 0))
        addresses = addresses if kind == 1 else []
        head = number + struct.pack(">HHHHH", 0x8580 if found else 0x8583, 1, len(addresses), 0, 0)
        return head + question + b"".join(
            b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, ttl, 4) + socket.inet_aton(a) for a in addresses)

    def finish(self):
        self.sock.close()
