"""What systemd is told: ready only when requests are answered, reloading, stopping, and that the watchdog may rest."""

import os
import re
import signal
import socket
import tempfile

import pytest

from harness.gateway import ROOT, proxy_to


@pytest.fixture
def notes():
    """A notification socket; notes(text) waits for a datagram that contains it."""
    path = os.path.join(tempfile.gettempdir(), f"yett-notify-{os.getpid()}.sock")
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.bind(path)
    s.settimeout(5)

    def wait(text):
        while text not in (note := s.recv(4096).decode()).splitlines():
            assert "READY=1" not in note or text != "STOPPING=1"
        return note
    wait.path = path
    yield wait
    s.close()
    os.unlink(path)


def test_notifications(gateway, serve, notes):
    gw = gateway(proxy_to(serve()), ready=False, env={"NOTIFY_SOCKET": notes.path})
    notes("READY=1")
    assert gw.ask().status == 200
    gw.signal(signal.SIGHUP)
    assert "MONOTONIC_USEC=" in notes("RELOADING=1")
    notes("READY=1")
    gw.signal(signal.SIGTERM)
    notes("STOPPING=1")
    assert gw.wait() == 0


def test_a_manager_that_is_slow_hears_it_all_the_same(gateway, serve, notes):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.setblocking(False)
        with pytest.raises(BlockingIOError):
            while True:
                s.sendto(b"X_FILL=1", notes.path)
    gateway(proxy_to(serve()), env={"NOTIFY_SOCKET": notes.path})
    notes("READY=1")


def test_watchdog(gateway, serve, notes):
    gateway(proxy_to(serve()), env={"NOTIFY_SOCKET": notes.path, "WATCHDOG_USEC": "400000"})
    for _ in range(3):
        notes("WATCHDOG=1")


def test_watchdog_waits_for_a_new_image(gateway, serve, notes):
    """A new image has all of the time, however long ago the last sign of life was: one comes before it, and one from it."""
    gw = gateway(proxy_to(serve()), env={"NOTIFY_SOCKET": notes.path, "WATCHDOG_USEC": "60000000"}, own=True)
    notes("WATCHDOG=1")
    assert gw.cli("upgrade").returncode == 0
    for _ in range(2):
        notes("WATCHDOG=1")


def test_the_unit_names_every_page():
    pages = {re.sub(r"(.*)\.(\d)", r"man:\1(\2)", page) for page in os.listdir(f"{ROOT}/etc/man")}
    with open(f"{ROOT}/etc/yett.service") as f:
        assert set(re.search("Documentation=(.*)", f.read())[1].split()) == pages
