"""yett.service on a machine of its own, in whose network this process is until it is finished. Ports are the machine's."""

import json
import re

from . import client, machine, procs
from .gateway import BINARY, ROOT
from .aside import Responder

# The search for leaks traces processes, which the unit forbids.
DROP_IN = """
[Unit]
After=
Wants=
[Service]
Environment=ASAN_OPTIONS=handle_sigill=1:detect_leaks=0
LoadCredential=secret:/etc/yett/jwt.secret
WatchdogSec=2
"""


def install_by_hand(machine, units="/etc/systemd/system"):
    machine.copy(BINARY, "/usr/bin/yett")
    for unit in ("yett.service", "yett-orphans.service", "yett.socket"):
        machine.copy(f"{ROOT}/etc/{unit}", f"{units}/{unit}")
    machine.copy(f"{ROOT}/etc/yett.sysusers", "/usr/lib/sysusers.d/yett.conf")
    machine.run("systemd-sysusers")


class Service:
    """`install(machine)` puts it there."""
    port = 80

    def __init__(self, install):
        self.machine = machine.Machine()
        self.machine.__enter__()
        self.responder = Responder()
        self.machine.run("systemctl", "start", "systemd-journald")
        install(self.machine)
        self.machine.write("/etc/systemd/system/yett.service.d/test.conf", DROP_IN)
        self.machine.write("/etc/yett/jwt.secret", "a secret of thirty-two characters.", 0o600)
        self.machine.run("systemctl", "daemon-reload")
        self.configure()

    def configure(self, **more):
        config = {"listeners": [f"127.0.0.1:{self.port}"], "workers": 2, "timeouts": {"drain": "3s"},
                  "upstreams": {"u": {"endpoints": [self.responder.address]}}, "health": {"enabled": False},
                  "routes": [{"upstream": "u", "rates": "100000/hour"}], "admin": {"users": {}},
                  "gate": {"protect": ["/secret"], "secret": {"credential": "secret"}}}
        self.machine.write("/etc/yett/yett.yaml", json.dumps(config | more, indent=1))

    def control(self, *words, check=True):
        return self.machine.run("systemctl", *words, check=check)

    def show(self, name):
        return self.machine.show("yett.service", name)

    @property
    def pid(self):
        """Of the master, as we see it."""
        return self.pids()[0]

    def pids(self):
        """Master and workers, as seen from outside."""
        found = [p for p in procs.descendants(self.machine.first) if procs.command(p)[:1] in (["/usr/bin/yett"], ["yett"])]
        return sorted(found, key=lambda p: procs.command(p)[1] != "run")

    def status(self):
        return client.ask(self.machine.path("/run/yett/admin.sock"), "/status").json()

    def metrics(self):
        text = client.ask(self.machine.path("/run/yett/admin.sock"), "/metrics").body.decode()
        return {name: float(value) for name, value in re.findall(r"^(\S+) (\S+)$", text, re.M)}

    def answered(self):
        return self.metrics()['yett_requests_total{code="200",method="GET"}']

    def ask(self, path="/"):
        return client.ask(self.port, path).status

    def journal(self):
        return [json.loads(line) for line in self.machine.run("journalctl", "-u", "yett", "-o", "json").stdout.splitlines()]

    def fresh(self):
        self.configure()
        self.control("stop", "yett.service", "yett.socket", check=False)
        self.control("reset-failed")
        self.control("start", "yett.service")

    def finish(self):
        self.responder.stop()
        self.machine.__exit__()
        self.machine.finish()
