"""Files of certificates that change while the gateway runs: what is good is in force at once, what is bad is told and changes
nothing; however the file is put there."""

import os
import shutil

import pytest

from harness import procs
from harness.authority import DAY, Authority, replace


@pytest.fixture(scope="module")
def authority():
    return Authority()


class Files:
    """Paths of a pair, with a first certificate."""

    def __init__(self, folder, authority, name="a", host="a.example"):
        self.chain, self.key = str(folder / f"{name}.pem"), str(folder / f"{name}.key")
        self.authority, self.host = authority, host
        self.first = self.issue(ends=80 * DAY)

    def issue(self, *hosts, **how):
        pair = self.authority.issue(*(hosts or (self.host,)), **how)
        self.row = pair.write(self.chain, self.key)
        return pair


@pytest.fixture
def files(tmp_path, authority):
    """In a folder of its own."""
    return Files(tmp_path, authority)


def tls(*certificates, **settings):
    return {"tls": {"certificates": list(certificates)} | settings}


def row(gw, i=0):
    return gw.status()["certificates"][i]


def until(pair):
    return pair.certificate.not_valid_after.strftime("%Y-%m-%dT%H:%M:%SZ")


def wait_for(gw, what, i=0, timeout=8, **wanted):
    def find():
        rows = gw.status()["certificates"]
        return len(rows) > i and all(rows[i].get(k) == v for k, v in wanted.items())
    procs.wait_until(find, timeout, what=lambda: f"{what}; {gw.status()['certificates']}; {gw.log()}")


def wait_for_log(gw, text, timeout=8):
    procs.wait_until(lambda: text in gw.log(), timeout, what=lambda: f"{text!r} in\n{gw.log()}")


def test_a_renewed_one_is_in_force(gateway, files):
    gw = gateway(tls(files.row))
    assert row(gw)["until"] == until(files.first) and row(gw)["names"] == ["a.example"]
    version = gw.status()["table"]["version"]
    second = files.issue("a.example", "b.example", kind="rsa")
    wait_for(gw, "the renewed one", until=until(second), state="good", kind="RSA", names=["a.example", "b.example"])
    procs.wait_until(lambda: set(gw.status()["table"]["acknowledged"]) == {version + 1}, what="the next table")
    assert f"certificate file={files.chain} name=a.example names=2" in gw.log() and "state=renewed" in gw.log()


def test_the_same_written_again_is_no_news(gateway, files):
    gw = gateway(tls(files.row))
    version = gw.status()["table"]["version"]
    files.first.write(files.chain, files.key)
    os.utime(files.key)
    second = files.issue()
    wait_for(gw, "the renewed one", until=until(second))
    assert gw.status()["table"]["version"] == version + 1


def test_a_bad_one_is_told_and_the_one_before_serves(gateway, tmp_path, authority):
    """Each in its own way, all at once."""
    bad = {"key": (lambda f: replace(f.key, authority.issue("a.example").key), "the key is not that of the certificate"),
           "expired": (lambda f: f.issue(starts=-DAY, ends=-60), "the certificate has expired"),
           "future": (lambda f: f.issue(starts=DAY, ends=2 * DAY), "the certificate is not valid yet"),
           "rubbish": (lambda f: replace(f.chain, b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
                       "it is no certificate in PEM"),
           "empty": (lambda f: replace(f.key, b""), "it is no private key in PEM"),
           "gone": (lambda f: os.unlink(f.chain), "there is no such file")}
    pairs = [Files(tmp_path, authority, how, f"{how}.example") for how in bad]
    gw = gateway(tls(*(f.row for f in pairs)))
    for f, (spoil, _) in zip(pairs, bad.values()):
        spoil(f)
    for i, (f, (_, words)) in enumerate(zip(pairs, bad.values())):
        wait_for(gw, "that it is bad", i, state="old", until=until(f.first))
        assert words in row(gw, i)["reason"]
        wait_for_log(gw, words)
    assert gw.metrics()["yett_certificates_refused"] == len(bad)
    shown = gw.cli("status").stdout
    assert all(words in shown and f"{how}.example" in shown for how, (_, words) in bad.items())
    renewed = [f.issue() for f in pairs]
    for i, good in enumerate(renewed):
        wait_for(gw, "that it is good again", i, state="good", until=until(good), reason="")
    assert [gw.log().count(words) for _, words in bad.values()] == [1] * len(bad)
    assert gw.metrics()["yett_certificates_refused"] == 0


def test_half_a_pair_is_waited_for(gateway, files, authority):
    gw = gateway(tls(files.row))
    for _ in range(5):
        pair = authority.issue("a.example")
        replace(files.key, pair.key)
        replace(files.chain, pair.chain)
        wait_for(gw, "the next one", until=until(pair), state="good")
    assert "error=" not in gw.log()


def test_a_chain_written_in_place(gateway, tmp_path):
    """Byte by byte, so that every look finds another half."""
    middle = Authority(above=Authority())
    chain, key = str(tmp_path / "a.pem"), str(tmp_path / "a.key")
    gw = gateway(tls(middle.issue("a.example", ends=30 * DAY).write(chain, key)))
    pair = middle.issue("a.example", ends=60 * DAY)
    with open(chain, "wb") as c, open(key, "wb") as k:
        for data, f in (pair.key, k), (pair.chain, c):
            for i in range(0, len(data), 200):
                f.write(data[i:i + 200])
                f.flush()
                assert row(gw)["state"] in ("good", "old")
    wait_for(gw, "the whole", until=until(pair), state="good")


def test_links_of_certbot(gateway, tmp_path, authority):
    """live/NAME holds links into archive/NAME, which are changed one after the other."""
    archive, live = tmp_path / "archive", tmp_path / "live"
    archive.mkdir()
    live.mkdir()

    def renew(n):
        pair = authority.issue("a.example", ends=(60 + n) * DAY)
        for name, data in ("privkey", pair.key), ("fullchain", pair.chain):
            (archive / f"{name}{n}.pem").write_bytes(data)
        for name in "privkey", "fullchain":
            link = live / f"{name}.pem"
            link.unlink(missing_ok=True)
            link.symlink_to(archive / f"{name}{n}.pem")
        return pair
    renew(1)
    gw = gateway(tls({"certificate": str(live / "fullchain.pem"), "key": str(live / "privkey.pem")}))
    for n in range(2, 4):
        pair = renew(n)
        wait_for(gw, "the renewed one", until=until(pair), state="good")
    assert "error=" not in gw.log()


def test_data_of_kubernetes(gateway, tmp_path, authority):
    """tls.crt -> ..data/tls.crt, ..data -> ..1; the last link alone is changed, by a rename."""
    def renew(n):
        pair, folder = authority.issue("a.example", ends=(60 + n) * DAY), tmp_path / f"..{n}"
        folder.mkdir()
        pair.write(str(folder / "tls.crt"), str(folder / "tls.key"))
        os.symlink(f"..{n}", tmp_path / "..new")
        os.rename(tmp_path / "..new", tmp_path / "..data")
        if n > 1:
            shutil.rmtree(tmp_path / f"..{n - 1}")
        return pair
    renew(1)
    for name in "tls.crt", "tls.key":
        os.symlink(f"..data/{name}", tmp_path / name)
    gw = gateway(tls({"directory": str(tmp_path)}))
    for n in range(2, 4):
        pair = renew(n)
        wait_for(gw, "the renewed one", until=until(pair), state="good")
    assert len(gw.status()["certificates"]) == 1 and "error=" not in gw.log()


def test_folders(gateway, tmp_path, authority):
    folder = tmp_path / "tls.d"
    folder.mkdir()
    authority.issue("a.example").write(str(folder / "a.pem"))
    gw = gateway(tls({"directory": str(folder)}))
    b = authority.issue("b.example")
    b.write(str(folder / "b.crt"), str(folder / "b.key"))
    wait_for(gw, "the new pair", 1, names=["b.example"], until=until(b), state="good")
    (folder / "c.crt").write_bytes(b.chain)
    wait_for(gw, "the pair without a key", 2, state="refused")
    wait_for_log(gw, "c.key cannot be read")
    for name in "a.pem", "c.crt":
        (folder / name).unlink()
    procs.wait_until(lambda: [c["names"] for c in gw.status()["certificates"]] == [["b.example"]], what="two to go")
    wait_for_log(gw, "state=gone")
    os.rename(folder, tmp_path / "gone")
    wait_for(gw, "that the folder is gone", names=["b.example"], state="old")
    os.rename(tmp_path / "gone", folder)
    assert gw.reload().returncode == 0
    wait_for(gw, "that it is back", names=["b.example"], state="good")
    c = authority.issue("c.example")
    c.write(str(folder / "c.pem"))
    wait_for(gw, "news of the folder that came back", 1, names=["c.example"])


def test_a_reload_refuses_a_bad_pair(gateway, files, authority):
    gw = gateway(tls(files.row))
    replace(files.key, authority.issue("a.example").key)
    r = gw.reload()
    assert r.returncode == 1 and "tls.certificates[0]: " in r.stderr and "the key is not that of the certificate" in r.stderr
    assert row(gw)["until"] == until(files.first)
    pair = files.issue()
    assert gw.reload().returncode == 0
    assert row(gw)["until"] == until(pair) and row(gw)["state"] == "good"


def test_a_reload_changes_which_there_are(gateway, files, tmp_path, authority):
    gw = gateway(tls(files.row))
    b = authority.issue("b.example").write(str(tmp_path / "b.pem"), str(tmp_path / "b.key"))
    assert gw.reload(tls(b)).returncode == 0
    assert [c["names"] for c in gw.status()["certificates"]] == [["b.example"]]
    assert gw.reload(tls()).returncode == 0
    assert gw.status()["certificates"] == []


def test_credentials(gateway, tmp_path, authority):
    folder = tmp_path / "credentials"
    folder.mkdir()
    pair = authority.issue("a.example")
    pair.write(str(tmp_path / "a.pem"), str(folder / "a-key"))
    gw = gateway(tls({"certificate": str(tmp_path / "a.pem"), "key_credential": "a-key"}),
                 env={"CREDENTIALS_DIRECTORY": str(folder)})
    assert row(gw)["state"] == "good" and row(gw)["key"] == str(folder / "a-key")


def test_roots_and_revocations_of_clients(gateway, files, tmp_path, authority):
    ca, crl = str(tmp_path / "ca.pem"), str(tmp_path / "crl.pem")
    replace(ca, authority.pem)
    replace(crl, authority.revocations())
    gw = gateway(tls(files.row, clients={"verify": "required", "ca": ca, "crl": crl}))
    roots = lambda: gw.status()["roots"][0]  # noqa: E731
    assert roots()["state"] == "good"
    version = gw.status()["table"]["version"]
    replace(crl, authority.revocations(files.first))
    procs.wait_until(lambda: gw.status()["table"]["version"] == version + 1, what="the next table")
    replace(crl, authority.revocations(ends=-60))
    procs.wait_until(lambda: roots()["state"] == "old", what="that it has ended")
    wait_for_log(gw, "the revocation list has expired")
    replace(ca, b"nothing")
    procs.wait_until(lambda: "there is no certificate in PEM" in roots()["reason"], what="that it is no root")
    assert gw.status()["table"]["version"] == version + 1


def test_the_end_is_told(gateway, tmp_path, authority):
    rows = [authority.issue(f"d{days}.example", starts=-100 * DAY, ends=days * DAY - 60)
            .write(str(tmp_path / f"{days}.pem")) for days in (2, 14, 60)]
    gone = authority.issue("gone.example", ends=3).write(str(tmp_path / "gone.pem"))
    short = authority.issue("short.example", ends=2 * DAY).write(str(tmp_path / "short.pem"))
    gw = gateway(tls(*rows, gone, short))
    log = gw.log()
    assert "name=d2.example" in log and "it expires within 3 days; renew it" in log
    assert "name=d14.example" in log and "it expires within 14 days; renew it" in log
    assert "name=d60.example" not in log and "name=short.example" not in log
    left = gw.metrics()[f'yett_certificate_expiry_seconds{{certificate="d14.example",file="{rows[1]["certificate"]}"}}']
    assert 13.9 * DAY < left < 14 * DAY
    wait_for_log(gw, "the certificate has expired; renew it")
    assert row(gw, 3)["state"] == "doubtful"
    assert gw.log().count("d14.example") == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="wants root")
def test_keys_that_only_root_reads(gateway, authority, tmp_path):
    """They are read before root is dropped. A renewal cannot be read then: it is told, and nothing changes."""
    folder = tmp_path / "private"
    folder.mkdir(mode=0o700)
    chain, key = str(folder / "a.pem"), str(folder / "a.key")
    first = authority.issue("a.example", ends=80 * DAY)
    gw = gateway({})
    gw.stop()
    os.chmod(gw.dir, 0o755)
    gw.configure({"user": "nobody"} | tls(first.write(chain, key)))
    gw.start()
    wait_for(gw, "that it cannot be read any more", until=until(first), state="old")
    wait_for_log(gw, "it is not readable for this user")
    assert f"{key} is not readable for user nobody" in gw.log()
    authority.issue("a.example").write(chain, key)
    assert gw.reload().returncode == 0
    assert row(gw)["until"] == until(first) and "it is not readable for this user" in row(gw)["reason"]
    assert "not readable for this user" in gw.log()
