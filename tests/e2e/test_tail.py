"""`yett tail`: the access log as it comes, where there is none, too, of those requests that are asked for."""

import json
import os
import re
import signal
import subprocess

from harness import client
from harness.gateway import proxy_to
from harness.procs import wait_until
from harness.tokens import SECRET, bearer, token


def resident(pid):
    """Bytes."""
    with open(f"/proc/{pid}/statm") as f:
        return int(f.read().split()[1]) * 4096


class Tail:
    def __init__(self, gw, *words):
        self.out = os.path.join(gw.dir, "tail.out")
        with open(self.out, "wb") as out, open(self.out + ".err", "wb") as err:
            self.process = subprocess.Popen([gw.binary, "tail", *words, "-c", gw.file], stdout=out, stderr=err)

    def text(self):
        with open(self.out) as f:
            return f.read()

    def errors(self):
        with open(self.out + ".err") as f:
            return f.read()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGCONT)
        self.process.send_signal(signal.SIGINT)
        self.process.wait(5)


def test_lines_as_they_come(gateway, serve):
    """Of both workers; the log itself is off."""
    up = serve(lambda r, c: c.reply(404 if r.path.startswith("/none") else 200))
    gw = gateway(proxy_to(up, name="main") | {"workers": 2, "access_log": "off"})
    gw.ask("/before")
    with Tail(gw, "--json") as tail:
        def begun():
            gw.ask("/begin?token=geheim")
            return "/begin" in tail.text()

        wait_until(begun, 10)
        for i in range(20):
            gw.ask(f"/n/{i}")
        wait_until(lambda: all(f'"/n/{i}"' in tail.text() for i in range(20)), 5)
        lines = [json.loads(line) for line in tail.text().splitlines()]
        assert all(e["route"] == "file:main" and e["upstream"] == up.address for e in lines)
        assert "geheim" not in tail.text() and "/before" not in tail.text()
    with Tail(gw, "status=4xx", "path=/none", "route=file:main") as tail:
        def one():
            gw.ask("/fine")
            gw.ask("/none/x")
            return tail.text()

        wait_until(one, 10)
        assert "GET test/none/x route=file:main" in tail.text() and "/fine" not in tail.text()


def test_gateway_that_is_away_for_a_while(gateway, serve):
    gw = gateway(proxy_to(serve()) | {"workers": 1})
    with Tail(gw) as tail:
        def seen(path):
            gw.ask(path)
            return path in tail.text()

        wait_until(lambda: seen("/before"), 10)
        gw.stop()
        wait_until(lambda: "admin.sock" in tail.errors(), 5)
        gw.start()
        wait_until(lambda: seen("/behind"), 10)
        assert tail.errors().count("admin.sock") <= 3 and tail.process.poll() is None


def test_reader_that_is_too_slow(gateway, serve):
    """It holds nobody up and takes no memory: it is told what it missed."""
    gw = gateway(proxy_to(serve()) | {"workers": 1}, env={"ASAN_OPTIONS": "detect_leaks=0:quarantine_size_mb=1"})
    sizes = []
    with Tail(gw) as tail, gw.connect() as c:
        def begun():
            gw.ask("/begin")
            return "/begin" in tail.text()

        wait_until(begun, 10)
        tail.process.send_signal(signal.SIGSTOP)
        (pid,) = gw.workers()
        for _ in range(4):
            for _ in range(200):
                c.send(client.request("/" + "x" * 5000))
                assert c.read().status == 200
            gw.admin("/log")  # somebody else looks on
            sizes.append(resident(pid))
        tail.process.send_signal(signal.SIGCONT)
        wait_until(lambda: re.search(r"[1-9]\d* lines were missed", tail.errors()), 5)
    assert sizes[-1] - sizes[1] < 8 << 20, sizes


def test_what_a_name_holds(gateway, serve):
    """Nothing that a request brought reaches the terminal as a command."""
    gw = gateway(proxy_to(serve()) | {"gate": {"protect": ["/"], "secret": SECRET, "claims": {"id": "auth_id"}}, "workers": 1})
    with Tail(gw) as tail:
        def begun():
            gw.ask("/x", headers=bearer(token(id="d\u009b2Jd")))
            return tail.text()

        wait_until(begun, 10)
    assert " user=d?2Jd" in tail.text() and not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", tail.text())


def test_what_is_no_filter(gateway, serve):
    gw = gateway(proxy_to(serve()))
    for word, told in (("stauts=404", "is no filter"), ("status=4040", "is no status"), ("min=x", "is no duration"), ("path", "is no filter"), ("reason=bad_hots", "yett help reasons"),
                       ("ended_by=server", "client upstream gateway"), ("phase=body", "request_body")):
        done = gw.cli("tail", word)
        assert done.returncode == 2 and told in done.stderr, done
