"""Certificates of a test's own authority, good and bad ones, and the files that they stand in."""

import datetime
import ipaddress
import os

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

DAY = 86400
FOR_SIGNING = x509.KeyUsage(key_cert_sign=True, crl_sign=True, digital_signature=False, content_commitment=False, key_encipherment=False,
                            data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False)


def now():
    return datetime.datetime.utcnow()


def make_key(kind):
    return rsa.generate_private_key(65537, 2048) if kind == "rsa" else ec.generate_private_key(ec.SECP256R1())


def general_name(host):
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def replace(path, data):
    """As careful tools do: another file, renamed over it."""
    with open(path + ".new", "wb", opener=lambda p, flags: os.open(p, flags, 0o600)) as f:
        f.write(data)
    os.rename(path + ".new", path)


class Pair:
    """A chain, the own certificate first, with its key; in PEM."""

    def __init__(self, certificate, key, above=b""):
        self.certificate = certificate
        self.chain = certificate.public_bytes(serialization.Encoding.PEM) + above
        self.key = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                     serialization.NoEncryption())

    @property
    def serial(self):
        return self.certificate.serial_number

    def write(self, chain, key=None):
        """Where `key` is not given it stands in the same file."""
        replace(chain, self.chain + (b"" if key else self.key))
        if key:
            replace(key, self.key)
        return {"certificate": chain} | ({"key": key} if key else {})


class Authority:
    def __init__(self, above=None):
        self.key_object, self.above = make_key("ec"), above
        self.certificate = self.sign(self.key_object, "authority", above, None, -DAY, 365 * DAY)

    @property
    def pem(self):
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def sign(self, key, name, by, hosts, starts, ends):
        """`by`: an authority; None: the key itself."""
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{name} {x509.random_serial_number() % 10 ** 9}")])
        b = x509.CertificateBuilder().subject_name(subject).issuer_name(by.certificate.subject if by else subject)
        b = b.public_key(key.public_key()).serial_number(x509.random_serial_number())
        b = b.not_valid_before(now() + datetime.timedelta(seconds=starts))
        b = b.not_valid_after(now() + datetime.timedelta(seconds=ends))
        b = b.add_extension(x509.BasicConstraints(ca=hosts is None, path_length=None), critical=True)
        # Whose key is whose, and what a key is for: a client that keeps to the letter of RFC 5280 wants it, as Python's does since 3.13.
        b = b.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        signer = (by.key_object if by else key).public_key()
        b = b.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer), critical=False)
        if hosts is None:
            b = b.add_extension(FOR_SIGNING, critical=True)
        if hosts:
            b = b.add_extension(x509.SubjectAlternativeName([general_name(h) for h in hosts]), critical=False)
        return b.sign(by.key_object if by else key, hashes.SHA256())

    def issue(self, *hosts, kind="ec", starts=-3600, ends=90 * DAY):
        key = make_key(kind)
        return Pair(self.sign(key, "leaf", self, hosts, starts, ends), key, self.pem if self.above else b"")

    def revocations(self, *pairs, ends=DAY):
        b = x509.CertificateRevocationListBuilder().issuer_name(self.certificate.subject)
        b = b.last_update(now() - datetime.timedelta(days=1)).next_update(now() + datetime.timedelta(seconds=ends))
        for p in pairs:
            b = b.add_revoked_certificate(
                x509.RevokedCertificateBuilder().serial_number(p.serial).revocation_date(now()).build())
        return b.sign(self.key_object, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
