"""lib/tls with the TLS of others: openssl's client and server, curl, in every combination that is offered; what others do in
the middle of a connection; whose certificates are taken."""

import os
import socket
import ssl
import subprocess
import time

import pytest

from harness import gateway as gateways
from harness import procs
from harness.gateway import ROOT

PEER = os.path.join(os.path.dirname(os.path.dirname(gateways.BINARY or ROOT)), "tests", "tls", "tls-peer")
ROOTS = "/etc/ssl/certs/ca-certificates.crt"
KINDS = {"root": ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "ec": ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
         "rsa": ["rsa:2048"], "client": ["ec", "-pkeyopt", "ec_paramgen_curve:P-384"]}
SUITES = {"tls1_2": ["ECDHE-{}-AES128-GCM-SHA256", "ECDHE-{}-CHACHA20-POLY1305"],
          "tls1_3": ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"]}
GROUPS = ["P-256", "P-384", "X25519"]
EVERY = [(version, key) for version in SUITES for key in ("ec", "rsa")]


def options(version, key, group, suite):
    """openssl's, for one combination. In TLS 1.2 the curve of the certificate is one of the groups."""
    groups = f"{group}:P-256" if version == "tls1_2" and key == "ec" and group != "P-256" else group
    return [f"-{version}", "-groups", groups, "-cipher" if version == "tls1_2" else "-ciphersuites",
            suite.format("ECDSA" if key == "ec" else "RSA")]


def openssl(folder, *arguments):
    p = procs.spawn(["openssl", *arguments], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said = p.communicate(timeout=30)[0]
    assert p.returncode == 0, said


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    """An authority, and a.example by it with each kind of key: NAME.pem and NAME.key."""
    folder = tmp_path_factory.mktemp("pki")
    (folder / "san").write_text("subjectAltName=DNS:a.example\n")
    openssl(folder, "req", "-x509", "-newkey", *KINDS["root"], "-nodes", "-keyout", "root.key", "-out", "root.pem",
            "-subj", "/CN=root")
    for name in ("ec", "rsa", "client"):
        openssl(folder, "req", "-newkey", *KINDS[name], "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr",
                "-subj", f"/CN={name}")
        openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial",
                "-extfile", "san", "-out", f"{name}.pem")
    return folder


class Server:
    """tls-peer, which echoes, with the certificates of these names."""

    def __init__(self, folder, *names, **environment):
        pairs = [str(folder / f"{name}.{end}") for name in names for end in ("pem", "key")]
        self.path = folder / f"{time.monotonic_ns()}.log"
        with open(self.path, "w", encoding="utf-8") as log:
            self.process = procs.spawn([PEER, "server", *pairs], stdout=log, stderr=log, env=dict(os.environ, **environment))
        self.port = int(self.wait_for(lambda said: said.split())[0])

    def wait_for(self, found):
        until = time.monotonic() + 10
        while time.monotonic() < until:
            what = found(self.path.read_text())
            if what:
                return what
            time.sleep(0.01)
        raise AssertionError(self.path.read_text())

    def says(self, text):
        self.wait_for(lambda said: text in said)

    def finish(self):
        self.process.kill()
        self.process.wait()
        assert "Sanitizer" not in self.path.read_text()


@pytest.fixture
def server(pki):
    if not os.path.exists(PEER):
        pytest.skip(f"no {PEER}")
    started = []

    def start(*names, **environment):
        started.append(Server(pki, *names, **environment))
        return started[-1]

    yield start
    for s in started:
        s.finish()


def s_client(port, *arguments, lines=(b"hello\n",), command=None):
    """openssl's client, which says each line and waits for its echo, then gives a command of its own and waits for the end, or
    leaves. All that it printed."""
    p = procs.spawn(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", *arguments], stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said = b""
    for line in lines:
        p.stdin.write(line)
        p.stdin.flush()
        while line not in said:
            got = os.read(p.stdout.fileno(), 65536)
            assert got, said
            said += got
    if command:
        p.stdin.write(command)
        p.stdin.flush()
        said += p.stdout.read()
    said += p.communicate(timeout=20)[0]
    return said.decode("utf-8", "replace")


@pytest.mark.parametrize("version,key", EVERY)
def test_openssl_as_client(server, pki, version, key):
    """Every combination talks, with the buffers given back in between, and the certificate is believed."""
    s = server(key, TLS_PARK="1")
    for group in GROUPS:
        for suite in SUITES[version]:
            said = s_client(s.port, "-brief", "-servername", "a.example", "-CAfile", str(pki / "root.pem"), "-verify_return_error",
                            "-verify_hostname", "a.example", *options(version, key, group, suite), lines=(b"one\n", b"two\n"))
            assert "Verification: OK" in said and "\none\ntwo\n" in said, said


@pytest.mark.parametrize("version,key", EVERY)
def test_openssl_as_server(pki, version, key):
    """The other way round; the server reverses the line."""
    for group in GROUPS:
        for suite in SUITES[version]:
            port = procs.free_port()
            p = procs.spawn(["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", str(pki / f"{key}.pem"), "-key",
                             str(pki / f"{key}.key"), "-rev", "-naccept", "1", *options(version, key, group, suite)],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            said = client(port, pki / "root.pem", "a.example", b"abc\n")
            p.kill()
            p.wait()
            assert said.startswith(version.replace("tls1_", "TLSv1.")) and "\ncba\n" in said, said


def client(port, roots, name, question):
    """What tls-peer says as a client, once somebody listens."""
    said = "refused"
    until = time.monotonic() + 10
    while "refused" in said and time.monotonic() < until:
        p = procs.spawn([PEER, "client", str(port), str(roots), name], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                        stderr=subprocess.STDOUT)
        said = p.communicate(question, timeout=20)[0].decode()
    return said


def test_a_ticket_of_openssl_resumes(server, pki):
    s = server("ec")
    for version in SUITES:
        session = str(pki / version)
        s_client(s.port, "-brief", f"-{version}", "-sess_out", session)
        s.says("closed")
        s_client(s.port, "-brief", f"-{version}", "-sess_in", session)
        s.wait_for(lambda said: f"{version.replace('tls1_', 'TLSv1.')} " in said and said.count("resumed") == list(
            SUITES).index(version) + 1)


def test_a_key_update_ends_the_connection_with_an_alert(server):
    """mbedTLS has none: RFC 8446 section 4.6.3 is not met, and the client is told."""
    s = server("ec")
    said = s_client(s.port, "-tls1_3", "-msg", command=b"K\n")
    assert "fatal unexpected_message" in said, said[-2000:]
    s.says("no place here")


def test_renegotiation_is_refused(server):
    s = server("ec")
    said = s_client(s.port, "-tls1_2", command=b"R\n")
    assert "no renegotiation" in said, said[-2000:]


def test_an_end_without_close_notify_is_a_cut(server):
    s = server("ec")
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    for polite in (False, True):
        with socket.create_connection(("127.0.0.1", s.port)) as plain:
            tls = context.wrap_socket(plain, server_hostname="a.example")
            tls.sendall(b"half of something")
            assert tls.recv(100) == b"half of something"
            if polite:
                tls.unwrap()
            else:
                tls.shutdown(socket.SHUT_RDWR)
            tls.close()
        s.says("closed" if polite else "cut off")


def test_a_client_shows_its_certificate(server, pki):
    s = server("ec", TLS_TRUST=str(pki / "root.pem"))
    for version in SUITES:
        s_client(s.port, "-brief", f"-{version}", "-cert", str(pki / "client.pem"), "-key", str(pki / "client.key"))
    s.wait_for(lambda said: said.count(" certificate") == 2)
    p = procs.run(["openssl", "s_client", "-brief", "-connect", f"127.0.0.1:{s.port}"])
    s.says("failed: the client showed no certificate")
    assert p is not None


def test_curl_and_names(server, pki):
    """curl says its protocols and its name; the name that nobody serves gets an alert."""
    s = server("ec", "rsa")
    for name, code in (("a.example", 1), ("nobody.example", 35)):
        p = procs.spawn(["curl", "-s", "--max-time", "5", "--cacert", str(pki / "root.pem"), "--resolve",
                         f"{name}:{s.port}:127.0.0.1", f"https://{name}:{s.port}/"], stdout=subprocess.PIPE)
        p.communicate(timeout=20)
        assert p.returncode == code # 1: what is echoed is no HTTP
    s.says("name=a.example alpn=http/1.1")
    s.says("failed: the name is not served here")


def test_names_and_roots_are_looked_at(server, pki):
    s = server("ec")
    assert "hello" in client(s.port, pki / "root.pem", "a.example", b"hello")
    assert "failed: the certificate is not of this name" in client(s.port, pki / "root.pem", "b.example", b"hello")
    said = client(s.port, ROOTS, "a.example", b"hello")
    assert "failed: no root that is trusted signed the certificate" in said
    assert "left out" not in said # each of Debian's roots can be read
