"""The shipped units under a systemd that was booted for it: what is kept when processes die, and what is refused."""

import os
import re

import pytest

from harness import client, machine, procs
from harness.gateway import ROOT
from harness.load import Load
from harness.procs import wait_until
from harness.service import Service, install_by_hand

WHY_NOT = machine.why_not()
pytestmark = pytest.mark.skipif(WHY_NOT != "", reason=WHY_NOT)
SOCKET = """
[Socket]
ListenStream=127.0.0.1:{port}
FileDescriptorName={name}
"""


@pytest.fixture(scope="module")
def booted():
    s = Service(install_by_hand)
    yield s
    s.finish()


@pytest.fixture
def service(booted):
    booted.fresh()
    return booted


def capabilities(pid, kind):
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(rf"Cap{kind}:\s*(\w+)", f.read())[1], 16)


def new_master(service, old):
    wait_until(lambda: service.pid != old and service.show("ActiveState") == "active" and service.ask() == 200
               and service.status()["pid"], 15, what="a new master")


def test_started(service):
    assert service.ask() == 200 and service.ask("/secret") == 401
    assert service.show("StatusText") == "serving with 2 workers"
    master, *workers = service.pids()
    assert len(workers) == 3 and os.stat(f"/proc/{master}").st_uid != 0
    assert capabilities(master, "Eff") == 1 << 10  # CAP_NET_BIND_SERVICE
    assert [capabilities(pid, "Eff") for pid in workers] == [0, 0, 0]
    status = service.status()
    assert {w["sandbox"] for w in [*status["workers"], status["admin"]]} == {"on"}
    levels = {line["PRIORITY"] for line in service.journal() if " info [master] " in line["MESSAGE"]}
    assert levels == {"6"}


@pytest.mark.parametrize("unit", ["yett", "yett-orphans"])
def test_exposure(unit):
    done = procs.run(["systemd-analyze", "security", "--offline=true", "--threshold=20", f"{ROOT}/etc/{unit}.service"])
    assert done.returncode == 0, done.stdout


def test_a_refused_reload_fails_and_the_status_says_why(service):
    service.configure(routes=[], rutes=[])  # and a warning: no route uses the upstream
    assert service.control("reload", "yett", check=False).returncode != 0
    assert re.search(r"refused: /etc/yett/yett.yaml:\d+: rutes: unknown key", service.show("StatusText"))
    assert service.ask() == 200
    assert any(line["PRIORITY"] == "3" and "rutes" in line["MESSAGE"] for line in service.journal())
    service.configure()
    service.control("reload", "yett")
    assert service.show("StatusText") == "serving"


def test_a_configuration_that_is_wrong_at_the_start(service):
    service.control("stop", "yett")
    service.configure(rutes=[])
    assert service.control("start", "yett", check=False).returncode != 0
    assert "rutes: unknown key" in service.show("StatusText")


def test_killed_and_hung_masters(service):
    kept = service.show("NFileDescriptorStore")
    old = service.pid
    with Load(service.port, rate=300, connections=8) as load:
        for signal in (9, 9, 19):
            os.kill(service.pid, signal)  # SIGSTOP: the watchdog sees to it
            new_master(service, old)
            old = service.pid
    assert load.result["failures"] == [] and load.result["ok"] > 100
    assert service.answered() >= load.result["ok"]
    wait_until(lambda: service.show("NFileDescriptorStore") == kept, 10, what="nothing more being kept")


def test_upgrade(service):
    """To systemd nothing has happened."""
    kept, seen = service.show("NFileDescriptorStore"), [service.show(name) for name in ("MainPID", "ActiveEnterTimestamp")]
    with Load(service.port, rate=300, connections=8) as load:
        for _ in range(2):
            old = service.pids()
            service.machine.run("yett", "upgrade")
            assert service.pid == old[0]
            wait_until(lambda: not set(service.pids()[1:]) & set(old), 10, what="the old workers' end")
    assert load.result["failures"] == []
    assert [service.show(name) for name in ("MainPID", "ActiveEnterTimestamp")] == seen
    assert service.show("NRestarts") == "0" and service.show("StatusText") == "serving with 2 workers"
    status = service.control("status", "yett").stdout
    assert "Active: active (running)" in status and f"Main PID: {seen[0]} (yett)" in status, status
    wait_until(lambda: service.show("NFileDescriptorStore") == kept, 10, what="nothing more being kept")


def test_all_are_killed_at_once(service):
    assert [service.ask() for _ in range(20)] == [200] * 20
    old = service.pid
    service.control("kill", "--kill-who=all", "--signal=STOP", "yett")
    waiting = [client.Client(service.port) for _ in range(20)]
    service.control("kill", "--kill-who=all", "--signal=KILL", "yett")
    waiting += [client.Client(service.port) for _ in range(20)]  # nobody is refused meanwhile
    assert [c.ask().status for c in waiting] == [200] * 40
    new_master(service, old)
    assert service.answered() >= 60  # what was counted goes on


def test_restart(service):
    service.configure(listeners=["127.0.0.1:80", "unix:/run/yett/http.sock"])
    service.control("restart", "yett")
    kept = service.show("NFileDescriptorStore")
    assert service.ask() == 200
    for _ in range(2):
        with Load(service.port, rate=300, connections=8) as load:
            service.control("restart", "yett")
        assert load.result["failures"] == []
        assert client.ask(service.machine.path("/run/yett/http.sock")).status == 200
    assert service.show("NFileDescriptorStore") == kept
    assert service.answered() > load.result["ok"]


def test_a_listener_that_is_gone_is_not_kept(service):
    service.configure(listeners=["127.0.0.1:80", "127.0.0.1:81"], workers=4)
    service.control("restart", "yett")
    assert service.show("NFileDescriptorStore") == str(2 * 4 + 4 + 4)  # sockets, pages, the master's, how they are laid out, and two for limits
    service.configure()
    service.control("restart", "yett")
    assert service.show("NFileDescriptorStore") == str(2 + 2 + 4)
    with pytest.raises(ConnectionRefusedError):
        client.ask(81, "/")
    assert [service.ask() for _ in range(40)] == [200] * 40  # none is sent to a worker that is no more


def test_stop_that_takes_longer_than_usual(service):
    service.configure(timeouts={"drain_delay": "2500ms"})
    service.machine.write("/etc/systemd/system/yett.service.d/stop.conf", "[Service]\nTimeoutStopSec=1\n")
    service.control("daemon-reload")
    service.control("restart", "yett")
    service.control("stop", "yett")
    os.remove(service.machine.path("/etc/systemd/system/yett.service.d/stop.conf"))
    service.control("daemon-reload")
    assert service.show("Result") == "success" and any("state=ended" in line["MESSAGE"] for line in service.journal()[-5:])


def test_stopped(service):
    service.control("stop", "yett")
    assert service.pids() == [] and service.show("NFileDescriptorStore") == "0"
    with pytest.raises(ConnectionRefusedError):
        service.ask()


def test_a_journal_that_hangs(service):
    """Lines are lost, and counted; nobody waits for it."""
    journal = next(p for p in procs.descendants(service.machine.first) if procs.command(p)[0].endswith("/systemd-journald"))
    long = client.request("/" + "x" * 7000, headers={"User-Agent": "x" * 7000}) * 20
    service.configure(routes=[])
    service.control("reload", "yett")
    os.kill(journal, 19)
    try:
        for _ in range(200):
            with client.Client(service.port) as c:
                c.send(long)
                assert [c.read().status for _ in range(20)] == [404] * 20
            if service.metrics()["yett_log_dropped_total"]:
                break
        else:
            raise AssertionError("it took every line")
        service.configure()
        service.control("reload", "yett")
        assert service.ask() == 200
        service.control("restart", "yett")
        assert service.ask() == 200
    finally:
        os.kill(journal, 18)


@pytest.fixture
def changed(service):
    """With more in the unit, for this test."""
    def change(text):
        service.machine.write("/run/systemd/system/yett.service.d/more.conf", text)
        service.control("daemon-reload")
    yield change
    service.machine.run("rm", "-r", "/run/systemd/system/yett.service.d")
    service.control("daemon-reload")


def test_stopped_while_the_master_is_dead(service, changed):
    """Its workers end, too, and none waits for a request longer than a master would have it."""
    changed("[Service]\nRestartSec=5s\n")
    service.configure(timeouts={"drain": "500ms"})
    service.control("reload", "yett")
    os.kill(service.pid, 9)
    wait_until(lambda: service.show("SubState") == "auto-restart")
    assert service.ask() == 200
    with client.Client(service.port) as busy:
        busy.send(client.request(path="/never"))
        service.control("stop", "yett")
        wait_until(lambda: service.pids() == [], 10, what="the workers' end")
    assert service.show("ActiveState") == "inactive"


def test_stopped_after_it_was_given_up(service, changed):
    """By a configuration that was broken when the master died: it says why, and its workers serve until somebody sees to it."""
    changed("[Unit]\nStartLimitBurst=2\n")
    service.configure(rutes=[])
    os.kill(service.pid, 9)
    wait_until(lambda: service.show("ActiveState") == "failed", 20)
    assert service.ask() == 200
    status = service.control("status", "yett", check=False).stdout
    assert re.search('Status: "/etc/yett/yett.yaml:.*rutes: unknown key', status) and "Start request repeated too quickly" in status
    assert any(line["PRIORITY"] == "3" and "rutes" in line["MESSAGE"] for line in service.journal()[-30:])
    service.control("stop", "yett")
    wait_until(lambda: service.pids() == [], 10, what="the workers' end")


def activate(service, port, name):
    service.control("stop", "yett.service")
    service.machine.write("/etc/systemd/system/yett.socket", SOCKET.format(port=port, name=name))
    service.machine.write("/etc/systemd/system/yett.service.d/socket.conf",
                          documented_drop_in() + "FileDescriptorStoreMax=0\n")  # who was left is found without it, too
    service.control("daemon-reload")
    service.control("start", "yett.socket")


def documented_drop_in():
    with open(f"{ROOT}/etc/yett.socket") as f:
        return "\n".join(re.findall(r"^#   (.*)$", f.read(), re.M)) + "\n"


@pytest.fixture
def activated(service):
    yield service
    service.control("stop", "yett.socket", "yett.service")
    os.remove(service.machine.path("/etc/systemd/system/yett.service.d/socket.conf"))
    service.control("daemon-reload")


def test_socket_activation(activated):
    activate(activated, 80, "http")
    assert activated.pids() == []
    assert activated.ask() == 200  # the first connection starts it
    wait_until(lambda: activated.show("ActiveState") == "active", 10)
    assert [capabilities(pid, kind) for pid in activated.pids() for kind in ("Eff", "Prm", "Bnd")] == [0] * 12
    old, *workers = activated.pids()
    for pid in (old, workers[-1]):  # the admin worker knows the others
        os.kill(pid, 9)
    new_master(activated, old)
    wait_until(lambda: not any(procs.alive(pid) for pid in workers), what="the end of those that the killed master left")
    activated.machine.run("yett", "upgrade")
    assert [activated.ask() for _ in range(20)] == [200] * 20
    activated.control("stop", "yett.service")
    assert activated.ask() == 200


@pytest.mark.parametrize("handed_over", [True, False])
def test_orphans_with_a_socket_that_systemd_has_no_more(activated, changed, handed_over):
    """They hand it over; else the gateway, which cannot share it with them, has them finish."""
    changed("[Service]\nFileDescriptorStoreMax=0\nRestartSec=1s\n")
    activated.configure(listeners=["127.0.0.1:8085"])
    activate(activated, 8085, "http")
    assert client.ask(8085, "/").status == 200
    wait_until(lambda: activated.show("ActiveState") == "active", 10)  # or the start has failed, and so has a job that waits for it
    master, *orphans = activated.pids()
    os.kill(master, 9)
    if not handed_over:
        os.remove(activated.machine.path("/run/yett/takeover.sock"))
    activated.control("stop", "yett.socket")
    activated.control("start", "yett.service")  # which is nothing to do where systemd has yet to see that it died
    wait_until(lambda: activated.pid not in {master, *orphans} and activated.show("ActiveState") == "active", 15, what="a new master")
    wait_until(lambda: not set(orphans) & set(activated.pids()), 10, what="the orphans' end")
    assert [client.ask(8085, "/").status for _ in range(20)] == [200] * 20


def test_a_socket_by_its_name(activated):
    activated.configure(listeners=[{"address": "127.0.0.1:8080", "socket": "odd"}])
    activate(activated, 82, "odd")
    assert client.ask(82, "/").status == 200


def test_a_socket_that_is_no_listeners(activated):
    activated.configure(listeners=["127.0.0.1:8080"])
    activate(activated, 83, "stray")
    assert activated.control("start", "yett.service", check=False).returncode != 0
    assert "the socket stray (127.0.0.1:83)" in activated.show("StatusText")
