"""`yett top` on a terminal: what comes now, keys, sizes, and a terminal that is as before when it has ended."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time

import pytest

from harness import procs
from harness.gateway import BINARY, proxy_to
from harness.procs import wait_until
from harness.tokens import SECRET, bearer, token


class Terminal:
    """A command on a terminal of so many rows and columns."""

    def __init__(self, *command, rows=40, columns=120, term="xterm", **env):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell that runs the tests in the background has it ignored
            os.execvpe(BINARY, [BINARY, *command], {"TERM": term, "ASAN_OPTIONS": "detect_leaks=0"} | env)
        procs.ours.add(self.pid)
        self.seen, self.status = b"", None
        self.size(rows, columns)
        self.before = termios.tcgetattr(self.fd)

    def size(self, rows, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, timeout=0.05):
        while select.select([self.fd], [], [], timeout)[0]:
            try:
                more = os.read(self.fd, 65536)
            except OSError:  # the other side has ended
                return
            if not more:
                return
            self.seen += more

    def screen(self):
        """Of the last picture that is whole, its lines without colours."""
        self.read()
        whole = [p for p in self.seen.split(b"\033[H")[1:] if b"\033[J" in p]
        text = whole[-1].partition(b"\033[J")[0].decode() if whole else ""
        return [re.sub(r"\033\[[0-9;]*[mK]", "", line) for line in re.split("\r+\n", text)]

    def shows(self, pattern, timeout=8):
        return wait_until(lambda: re.search(pattern, "\n".join(self.screen()), re.M), timeout, what=lambda: f"{pattern} in\n" + "\n".join(self.screen()))

    def type(self, keys):
        os.write(self.fd, keys.encode())

    def ends(self):
        """The exit status, when the terminal is as it was."""
        def over():
            self.read(0)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
            return pid
        wait_until(over, 5)
        return self.status

    def close(self):
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        procs.ours.discard(self.pid)
        os.close(self.fd)


@pytest.fixture
def terminal():
    opened = []

    def start(*command, **how):
        opened.append(Terminal(*command, **how))
        return opened[-1]

    yield start
    for t in opened:
        t.close()


@pytest.fixture(scope="module")
def site(lasting_gateway, lasting_serve):
    up = lasting_serve(lambda r, c: c.reply(503 if r.path == "/bad" else 200))
    config = proxy_to(up, name="main") | {"gate": {"protect": ["/"], "secret": SECRET, "claims": {"id": "auth_id"}}, "workers": 1}
    config["routes"] += [{"name": "bad", "path": "/bad", "upstream": "u"}]
    gw = lasting_gateway(config)
    gw.up = up
    return gw


def ask(gw, who, count, path="/"):
    with gw.connect() as c:
        for _ in range(count):
            c.send(b"GET %s HTTP/1.1\r\nHost: test\r\nAuthorization: %s\r\n\r\n" % (path.encode(), bearer(token(id=who))["Authorization"].encode()))
            c.read()


def table_of(lines, title):
    """The names of a table, in its order."""
    start = next(i for i, line in enumerate(lines) if line.startswith(title))
    rows = []
    for line in lines[start + 1:]:
        if not line or line.startswith("and ") or "requests in all" in line:
            break
        rows.append(line.split()[0])
    return rows


def test_live(site, terminal):
    """All three tables, with what came since the last look; keys sort them and show one alone."""
    ask(site, "ann", 4)
    ask(site, "bob", 2, "/bad")
    t = terminal("top", "--socket", site.socket)
    t.shows(r"^ann +- +- +- +4 ")
    ask(site, "bob", 9, "/bad")
    t.shows(r"^bob +[1-9]\S* +[1-9]\S* +[\d.]+ ms +11 +11 ")
    lines = t.screen()
    assert re.search(r"[1-9]\S* requests and [1-9]\S* errors a second, by requests$", lines[0])
    assert table_of(lines, "ROUTE") == ["file:bad", "file:main"] and table_of(lines, "UPSTREAM") == ["u"]
    assert table_of(lines, "IDENTITY") == ["bob", "ann"]
    ask(site, "ann", 20)
    t.shows(r"^ann +[1-9]\S* .* 24 ")
    assert table_of(t.screen(), "IDENTITY") == ["ann", "bob"]
    t.type("e")
    t.shows("by errors")
    assert table_of(t.screen(), "IDENTITY") == ["bob", "ann"] and table_of(t.screen(), "ROUTE")[0] == "file:bad"
    t.type("4")
    t.shows("^ENDPOINT")
    assert table_of(t.screen(), "ENDPOINT") == [site.up.address] and not any(line.startswith("ROUTE") for line in t.screen())
    t.type(" 1")
    t.shows("it stands")
    t.type("q")
    assert t.ends() == 0


@pytest.mark.parametrize("how", ["q", "\x03", signal.SIGTERM, signal.SIGHUP])
def test_the_terminal_is_as_before(site, terminal, how):
    t = terminal("top", "--socket", site.socket)
    t.shows("^ROUTE")
    assert b"\033[?1049h" in t.seen and not termios.tcgetattr(t.fd)[3] & termios.ECHO
    if isinstance(how, str):
        t.type(how)
    else:
        os.kill(t.pid, how)
    assert t.ends() == 0 and t.seen.endswith(b"\033[?25h\033[?1049l")
    assert termios.tcgetattr(t.fd) == t.before


def test_sizes(site, terminal):
    """Nothing is longer or wider than the terminal, also when that becomes another one."""
    ask(site, "\u00e9" * 40 + "-a-name-that-is-so-long-that-no-terminal-has-room-for-the-whole-of-it-" + "\u00e9" * 40, 1)
    t = terminal("top", "--socket", site.socket)
    for rows, columns in ((24, 80), (10, 40), (3, 20), (1, 1), (60, 200)):
        t.seen = b""
        t.size(rows, columns)
        os.kill(t.pid, signal.SIGWINCH)
        wait_until(lambda: t.screen() != [""], 5)
        assert len(t.screen()) <= rows and max(map(len, t.screen())) <= columns
    assert any(line.startswith("IDENTITY") for line in t.screen())


def test_stopped_and_continued(site, terminal):
    t = terminal("top", "--socket", site.socket)
    t.shows("^ROUTE")
    t.type("\x1a")
    wait_until(lambda: os.waitpid(t.pid, os.WUNTRACED | os.WNOHANG)[0], 5)
    t.read()
    assert t.seen.endswith(b"\033[?1049l") and termios.tcgetattr(t.fd) == t.before
    t.seen = b""
    os.kill(t.pid, signal.SIGCONT)
    t.shows("^ROUTE")
    t.type("q")
    assert t.ends() == 0


@pytest.mark.parametrize("how, coloured", [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
@pytest.mark.parametrize("command", ["status", "routes"])
def test_colours(site, terminal, command, how, coloured):
    t = terminal(command, "--socket", site.socket, **how)
    t.ends()
    assert b"main" in t.seen or b"ready" in t.seen
    assert (b"\033[" in t.seen) == coloured


@pytest.mark.parametrize("term, looks", [("dumb", 2), ("", 1)])
def test_a_dumb_terminal(site, terminal, term, looks):
    t = terminal("top", "--socket", site.socket, term=term)
    wait_until(lambda: t.read() or t.seen.count(b"ROUTE ") >= looks, 8)
    assert b"\033" not in t.seen
    t.type("\x03")
    assert t.ends() == -signal.SIGINT


def test_a_gateway_that_goes_and_comes(gateway, serve, terminal):
    gw = gateway(proxy_to(serve(), name="main"))
    gw.ask("/")
    t = terminal("top", "--socket", gw.socket)
    t.shows("^file:main")
    gw.stop()
    t.shows("(there is no socket|nobody listens on) .*admin.sock")
    assert any(line.startswith("file:main") for line in t.screen())
    gw.start()
    wait_until(lambda: "admin.sock" not in "\n".join(t.screen()), 8)


def test_many_routes(gateway, serve, terminal):
    """Those that do not fit are told; alone, a table scrolls."""
    config = proxy_to(serve(), name="main")
    config["routes"] += [{"name": f"r{i}", "path": f"/r/{i}", "upstream": "u"} for i in range(1000)]
    gw = gateway(config | {"workers": 1})
    with gw.connect() as c:
        for i in range(300):
            c.send(b"GET /r/%d HTTP/1.1\r\nHost: test\r\n\r\n" % i)
            c.read()
    t = terminal("top", "--socket", gw.socket, rows=24, columns=80)
    assert t.shows("^and ([0-9]+) more").group(1) == "297"
    t.type("1")
    first = table_of(t.screen(), "ROUTE") if t.shows("^and 2[0-9]+ more") else []
    t.type("\033[6~")
    wait_until(lambda: table_of(t.screen(), "ROUTE")[0] not in first, 5)
    began = time.monotonic()
    assert len(gw.cli("top", "--once").stdout.splitlines()) < 40
    assert time.monotonic() - began < 5
