"""The tours of the README, of yett-rules(5) and yett-admin(7): their commands in a shell, and what they print is what stands there, but for numbers, names made at random
and the width of columns."""

import contextlib
import os
import re
import shlex
import signal
import subprocess
import time

import pytest

from harness import gateway as g
from harness import machine, node, procs
from harness.authority import Authority
from harness.gateway import ROOT
from harness.service import install_by_hand

PORTS = ("8080", "9001", "9002", "6399")  # of the README; free ones take their place
END = "the end of a command"
RESPONDER = os.path.join(os.path.dirname(os.path.dirname(g.BINARY or ROOT)), "bench", "bench-responder")

pytestmark = pytest.mark.skipif(not g.BINARY or not os.path.exists(RESPONDER), reason="no binary")


def tour(title, prompt="$"):
    """[(command, what it prints)]"""
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as f:
        text = f.read().partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    steps = []
    for line in text.splitlines():
        if line.startswith(f"    {prompt} "):
            steps.append((line[6:], []))
        elif line.startswith("    "):
            steps[-1][1].append(line[4:])
        elif line and steps:
            steps[-1][1].append("")  # prose ends the output
    return [(command, "\n".join(out).strip("\n")) for command, out in steps]


def blocks(page, section=""):
    """What stands in a manual page as it is to be typed."""
    with open(os.path.join(ROOT, "etc/man", page), encoding="utf-8") as f:
        text = f.read()
    if section:
        text = text.partition(f"\n.SH {section}\n")[2].partition("\n.SH ")[0]
    for written, shown in (("\\-", "-"), ("\\(aq", "'"), ("\\(ha", "^"), ("\\e", "\\")):
        text = text.replace(written, shown)
    return re.findall(r"^\.nf\n(.*?)^\.fi$", text, re.M | re.S)


def examples(page):
    """The same of a manual page."""
    steps = "".join(blocks(page, "EXAMPLES")).removeprefix("$ ").split("\n$ ")
    return [(command, out.strip("\n")) for command, _, out in (step.partition("\n") for step in steps)]


def general(text):
    """Without what differs from run to run. Equal lines that follow each other are one: workers are as many as processors."""
    text = re.sub(r"\b([0-9a-f]{32}|[0-9a-f]{12})\b", "ID", text)
    text = re.sub(r'"([\w-]{22}|[\w-]{43})"', '"RANDOM"', text)
    text = re.sub(r"'?(?:/usr)?(/(?:lib|etc)/systemd/[^' ]+)'?", r"\1", text)  # as systemd of Debian 12 says it
    text = re.sub(r"\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d+ \w+ ", "DATE ", text)
    lines = []
    for line in text.splitlines():
        line = " ".join(line.split())
        if not re.match(r"HTTP/|(exit )?\d{1,3}$", line):  # statuses are not left open
            line = re.sub(r"\d+", "N", line)
        if line and lines[-1:] != [line]:
            lines.append(line)
    return lines


class Shell:
    """`within`: words of a command that runs it, where the ports are its own."""

    def __init__(self, folder, tools, within=()):
        self.folder, self.root = str(folder), ""
        self.ports = {} if within else {port: str(procs.free_port()) for port in PORTS}
        self.process = procs.spawn([*within, "bash"], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                   text=True, start_new_session=True, env=os.environ | {"PATH": f"{tools}:{os.environ['PATH']}", "NODE_PATH": node.MODULES})

    def swap(self, text, back=False):
        for port, ours in self.ports.items():
            text = text.replace(ours, port) if back else text.replace(port, ours)
        return text if back else text.replace("~/yett/", ROOT + "/")

    def say(self, command):
        # Not in a subshell: it has jobs and variables. 2>&1 as on a terminal, and nothing reads our pipe.
        self.process.stdin.write(f"{{ {self.swap(command)}\n}} </dev/null 2>&1; echo; echo {shlex.quote(END)}\n")
        self.process.stdin.flush()
        said = []
        for line in self.process.stdout:
            if line.rstrip("\n") == END:
                return self.swap("".join(said), back=True).replace(self.folder, "/tmp/tour")
            said.append(line)
        raise AssertionError(f"the shell ended: {command}")

    def finish(self):
        if self.ports:
            procs.run(["redis-cli", "-p", self.ports["6399"], "shutdown", "nosave"])  # a daemon, where the tour did not get so far
        for pid in procs.descendants(self.process.pid):  # while it is their parent
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.stdin.close()
        self.process.wait(10)
        procs.forget(self.process)


@pytest.fixture
def shell(tmp_path):
    tools, folder = tmp_path / "tools", tmp_path / "tour"
    tools.mkdir()
    folder.mkdir()
    (tools / "yett").symlink_to(g.BINARY)
    (tools / "bench-responder").symlink_to(RESPONDER)
    s = Shell(folder, tools)
    yield s
    s.finish()


def walk(shell, steps, least):
    assert len(steps) >= least
    for command, out in steps:
        if command.startswith("PATH="):
            continue
        file = re.fullmatch(r"cat (\S+)", command)
        if file:
            with open(shell.root + os.path.join(shell.folder, file[1]), "w", encoding="utf-8") as f:
                f.write(shell.swap(out) + "\n")
        end = time.monotonic() + 10
        said = shell.say(command)
        while general(said) != general(out) and re.match(r"curl|\$site|systemctl show|yett status|yett routes|redis-cli .* set", command):  # not so soon
            assert time.monotonic() < end, f"{command}\n{said}\ninstead of\n{out}"
            said = shell.say(command)
        assert general(said) == general(out), f"{command}\n{said}\ninstead of\n{out}"


@pytest.mark.parametrize("title, least", [("Five minutes", 16), pytest.param("A login in two minutes", 12, marks=pytest.mark.skipif(
    bool(node.missing("oidc-provider")), reason=node.missing("oidc-provider") or ""))])
def test_tour(shell, title, least):
    walk(shell, tour(title), least)


@pytest.mark.parametrize("page, least", [("yett-rules.5", 28), ("yett-admin.7", 14)])
def test_examples(shell, page, least):
    walk(shell, examples(page), least)


def test_sites_of_others(tmp_path):
    """The configurations of yett-migration(7) are good as they stand."""
    ours = [b for b in blocks("yett-migration.7") if re.match("listeners:|compatibility:", b)]
    assert len(ours) == 5
    Authority().issue("shop.example").write(str(tmp_path / "shop.pem"), str(tmp_path / "shop.key"))
    for block in ours:
        for name in re.findall(r"\{file: ([\w.]+)\}", block):
            (tmp_path / name).write_text(os.urandom(32).hex())
            (tmp_path / name).chmod(0o600)
        (tmp_path / "yett.yaml").write_text(block.replace("/etc/ssl/site", str(tmp_path)) + f"run_dir: {tmp_path}\nstate_dir: {tmp_path}\n")
        done = procs.run([g.BINARY, "check", "-c", str(tmp_path / "yett.yaml")])
        assert done.returncode == 0 and "0 warnings" in done.stdout, block + done.stdout + done.stderr


# The search for leaks traces processes, which the unit forbids.
SANITIZED = "[Service]\nEnvironment=ASAN_OPTIONS=detect_leaks=0\n"


@pytest.fixture
def site():
    """A shell of root on a machine that systemd has booted, with what the package installs, a Redis and a service."""
    m = machine.Machine()
    try:
        m.run("systemctl", "start", "systemd-journald")
        install_by_hand(m, "/lib/systemd/system")
        m.write("/etc/systemd/system/yett.service.d/test.conf", SANITIZED)
        m.write("/etc/yett/yett.yaml", "")
        m.copy(RESPONDER, "/usr/bin/bench-responder")
        m.run("systemctl", "daemon-reload")
        m.run("redis-server", "--port", "6379", "--save", "", "--daemonize", "yes")
        m.run("systemd-run", "bench-responder", "--listen", "127.0.0.1:9001", "--name", "shop")
        s = Shell("/usr/src", "/usr/bin", m.within)
        s.root = m.path("")
        yield s
        s.process.stdin.close()
        s.process.wait(10)
        procs.forget(s.process)
    finally:
        m.finish()


@pytest.mark.skipif(machine.why_not() != "", reason=machine.why_not())
def test_site(site):
    steps = tour("From a clone to a site", "#")
    names = [command.split()[0] for command, _ in steps[:7]]
    assert names == ["apt", "git", "etc/quickstart", "systemd-run", "etc/package", "apt", "cat"]  # the package: test_package.py
    walk(site, steps[6:], 20)
