"""The Debian package: what is installed, an upgrade under load, and what is left when it is removed and purged."""

import os
import re
import shutil

import pytest

from harness import client, machine, procs
from harness.gateway import BINARY, LONG, ROOT
from harness.load import Load
from harness.procs import wait_until
from harness.service import Service

WHY_NOT = machine.why_not() or ("" if os.path.exists("/usr/bin/dh") else "there is no debhelper: etc/setup package")
pytestmark = pytest.mark.skipif(WHY_NOT != "", reason=WHY_NOT)

RELEASE = r"""
. /etc/os-release
echo "$VERSION_CODENAME"
apt-get indextargets --format '$(CODENAME) $(COMPONENT) $(ORIGIN) $(REPO_URI)' 'Created-By: Packages' |
    sed -n "s/^$VERSION_CODENAME main Debian //p" | head -n 1
"""
COME_AND_GO = r"""
apt-get install -qq -y --no-install-recommends /tmp/yett_*.deb
yett version
yett check -c /etc/yett/yett.yaml
getent passwd yett
dpkg --purge yett
rm /tmp/yett_*.deb
find / -xdev -name '*yett*' -not -path '/proc/*'
"""


def build(folder, *options, **env):
    done = procs.run([f"{ROOT}/etc/package", "--out", str(folder), *options], os.environ | env, 900)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def deb(tmp_path_factory):
    """With the program that is tested."""
    return build(tmp_path_factory.mktemp("deb"), "--binary", BINARY)


@pytest.fixture(scope="module")
def service(deb):
    def install(box):
        box.copy(deb, "/tmp/yett.deb")
        box.run("apt-get", "install", "-y", "/tmp/yett.deb")
        box.first_state = box.run("systemctl", "is-enabled", "yett.service", "yett.socket", check=False).stdout.split()

    s = Service(install)
    s.configure(access_log="/var/log/yett/access.log")
    s.control("enable", "--now", "yett")
    yield s
    s.finish()


def again(service):
    """An upgrade: dpkg takes the same steps with another version."""
    return service.machine.run("dpkg", "-i", "/tmp/yett.deb")


def test_installed(service):
    box = service.machine
    assert box.first_state == ["disabled", "disabled"]  # nothing runs before somebody has configured it
    assert box.run("dpkg-query", "-f", "${Conffiles}", "-W", "yett").stdout.split()[::2] == [
        "/etc/logrotate.d/yett", "/etc/yett/yett.yaml"]
    assert box.run("yett", "version").stdout.split()[1] == box.run("dpkg-query", "-f", "${Version}", "-W", "yett").stdout
    assert box.show("yett-orphans.service", "ActiveState") == "active"
    for page in ("5 yett.yaml", "7 yett-admin", "7 yett-metrics", "8 yett", "5 yett-rules", "7 yett-migration"):
        assert box.run("man", "-w", *page.split()).stdout.strip().endswith(".gz")
    assert service.ask() == 200 and "u" in client.ask(box.path("/run/yett/admin.sock"), "/status").json()["upstreams"][0]["name"]


def test_upgrade_under_load(service):
    pid, file = service.pid, service.machine.path("/etc/yett/yett.yaml")
    with open(file) as f:
        ours = f.read()
    with Load(service.port, rate=200, connections=8) as load:
        again(service)
        wait_until(lambda: service.status()["upgrade"]["count"] == 1, 20)
    assert load.result["failures"] == [] and load.result["ok"] > 50
    assert service.pid == pid
    with open(file) as f:
        assert f.read() == ours


def test_a_release_that_cannot_take_over_changes_nothing_that_runs(service):
    pid = service.pid
    service.configure(rutes=[])
    assert "the gateway of before runs on" in again(service).stderr
    service.configure(access_log="/var/log/yett/access.log")
    assert service.pid == pid and service.ask() == 200


def test_logs_are_rotated(service):
    log = service.machine.path("/var/log/yett/access.log")
    service.ask()
    wait_until(lambda: os.path.getsize(log) > 0)
    service.machine.run("logrotate", "-f", "/etc/logrotate.d/yett")
    assert os.path.getsize(log + ".1") > 0
    wait_until(lambda: service.ask() and os.path.exists(log) and os.path.getsize(log) > 0)


def test_removed_and_purged(service):
    box = service.machine
    box.run("dpkg", "--remove", "yett")
    assert service.pids() == []
    with pytest.raises(ConnectionRefusedError):
        service.ask()
    assert os.path.exists(box.path("/etc/yett/yett.yaml")) and os.path.exists(box.path("/var/lib/yett"))
    box.run("rm", "-r", "/etc/systemd/system/yett.service.d", "/etc/yett/jwt.secret")  # the test's own
    box.run("dpkg", "--purge", "yett")
    left = box.run("find", "/etc", "/usr/bin", "/usr/lib/systemd", "/usr/lib/sysusers.d", "/usr/share", "/var/lib", "/var/log", "/run", "-xdev", "-name", "*yett*", "-not", "-path", "/etc/apt/*")
    assert left.stdout == ""


def test_what_building_needs_is_installed_by_setup():
    """dpkg-buildpackage wants build-essential, too, which nobody names."""
    with open(f"{ROOT}/etc/setup") as f:
        setup = f.read()
    installed = " ".join(re.findall(r'^(?:build|package)_packages="(.*?)"', setup, re.M | re.S)).split()
    with open(f"{ROOT}/etc/debian/control") as f:
        wanted = re.search(r"^Build-Depends: (.*(?:\n .*)*)", f.read(), re.M)[1]
    names = {re.match(r"[\w.+-]+", name.strip())[0] for name in wanted.split(",")} - {"debhelper-compat"} | {"debhelper", "build-essential"}
    assert len(names) > 10 and names <= set(installed), names - set(installed)


only_long = pytest.mark.skipif(not LONG, reason="it takes minutes: tests/run --long")


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    return build(tmp_path_factory.mktemp("released"))


@only_long
def test_built_again_elsewhere_it_is_the_same(released, tmp_path):
    again = build(tmp_path / "again", TZ="Asia/Tokyo", LC_ALL="C", TMPDIR=str(tmp_path))
    assert procs.run(["cmp", released, again]).stdout == ""
    done = procs.run(["lintian", "--fail-on", "warning", released], timeout=120)
    assert done.returncode == 0, done.stdout


@only_long
def test_on_a_debian_that_has_nothing_else(released, tmp_path):
    """What the package depends on is what it needs, and all of that is in the release."""
    root = tmp_path / "root"
    codename, uri = procs.run(["sh", "-c", RELEASE]).stdout.split()
    done = procs.run(["debootstrap", "--variant=minbase", codename, str(root), uri], timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    shutil.copy(released, root / "tmp")
    done = procs.run(["chroot", str(root), "sh", "-ec", COME_AND_GO], timeout=300)
    assert done.returncode == 0 and done.stdout.endswith("Purging configuration files for yett (0.1.0) ...\n"), done.stdout + done.stderr
