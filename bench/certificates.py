"""Certificates that gateways show: an authority, and by it one for gateway.test with a P-256 key. What gateways offer in TLS
beside it, as OpenSSL names it."""

import os

import processes

NAME = "gateway.test"
SUITES_12 = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305"
SUITES_13 = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
GROUPS = "X25519:P-256"


class Certificate:
    """`chain` and `key` are files, `both` is one with both; `authority` signed it. Each renew() writes another pair."""

    def __init__(self, folder):
        os.mkdir(folder)
        self.folder, self.authority = folder, os.path.join(folder, "authority.pem")
        self.chain, self.key, self.both = (os.path.join(folder, n) for n in ("chain.pem", "chain.key", "both.pem"))
        self.authority_key = os.path.join(folder, "authority.key")
        self.serial = 0
        processes.run_quietly(["openssl", "req", "-x509", *self.new_key(self.authority_key), "-out", self.authority,
                               "-days", "30", "-subj", "/CN=authority"])
        self.renew()

    def new_key(self, path):
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", path]

    def renew(self):
        """A new key and a certificate of it, in force of the files at once each. Returns its serial number."""
        self.serial += 1
        request, extensions = os.path.join(self.folder, "request"), os.path.join(self.folder, "extensions")
        with open(extensions, "w", encoding="ascii") as f:
            f.write(f"subjectAltName=DNS:{NAME},IP:127.0.0.1\n")
        processes.run_quietly(["openssl", "req", *self.new_key(self.key + ".new"), "-out", request, "-subj", f"/CN={NAME}"])
        processes.run_quietly(["openssl", "x509", "-req", "-in", request, "-CA", self.authority, "-CAkey", self.authority_key,
                               "-set_serial", str(self.serial), "-days", "30", "-extfile", extensions,
                               "-out", self.chain + ".new"])
        texts = []
        for path in (self.chain + ".new", self.authority, self.key + ".new"):
            with open(path, encoding="ascii") as f:
                texts.append(f.read())
        for path, text in ((self.chain, texts[0] + texts[1]), (self.both, "".join(texts)), (self.key, texts[2])):
            with open(path + ".new", "w", encoding="ascii") as f:
                os.fchmod(f.fileno(), 0o600)
                f.write(text)
            os.rename(path + ".new", path)
        return self.serial
