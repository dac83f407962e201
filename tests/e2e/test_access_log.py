"""One line of JSON a request, complete, whatever the request contains."""

import fcntl
import json
import os
import re
import signal
import socket

import pytest

from harness import client
from harness.gateway import proxy_to
from harness.load import Load
from harness.procs import run, wait_until
from harness.tokens import SECRET, bearer, token


def test_members(gateway, serve):
    up = serve()
    gw = gateway(proxy_to(up, name="main"))
    r = gw.ask("/path?secret=1", "POST", host="A.test:1", headers={"User-Agent": 'Mo"z\\illa'}, body=b"abc")
    e = gw.logged(path="/path")
    assert e["id"] == r.header("X-Request-Id") and e["method"] == "POST" and e["status"] == 200
    assert e["client"] == "127.0.0.1" and e["host"] == "a.test" and e["agent"] == 'Mo"z\\illa'
    assert e["route"] == "file:main" and e["upstream"] == up.address and e["tries"] == 1
    assert e["bytes_in"] > 3 and e["bytes_out"] > len(r.body) and 0 < e["upstream_us"] <= e["duration_us"]
    assert e["time"].endswith("Z") and "secret" not in str(e) and "reason" not in e


def test_every_request_has_a_line(gateway, serve):
    gw = gateway(proxy_to(serve()))
    with gw.connect() as c:
        for i in range(500):
            c.send(client.request(f"/n/{i}"))
            c.read()
    wait_until(lambda: len(gw.access_log()) == 500, 5)
    assert {e["path"] for e in gw.access_log()} == {f"/n/{i}" for i in range(500)}


def test_who_ended_it_and_where(gateway, serve):
    """In words, what HAProxy's termination states tell; with how long each phase took."""
    def answer(request, c):
        if request.path == "/breaks":
            c.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")
            c.close = True
        else:
            c.wait_gone()

    up = serve(answer)
    config = proxy_to(up)
    config["timeouts"] = {"first_byte": "200ms", "client_body": "300ms"}
    config["upstreams"] = config.get("upstreams", {}) | {"gone": {"endpoints": ["127.0.0.1:1"]}}
    config["routes"].append({"name": "gone", "path": "/gone", "upstream": "gone"})
    gw = gateway(config)

    def end_of(path):
        e = gw.logged(path=path)
        return e["reason"], e["ended_by"], e["phase"], e

    assert gw.ask("/gone").status == 502
    assert end_of("/gone")[:3] == ("upstream_connect_refused", "upstream", "connect")
    assert gw.ask("/mute").status == 504
    *end, e = end_of("/mute")
    assert end == ["upstream_first_byte_timeout", "upstream", "first_byte"] and e["upstream_us"] >= 150000
    assert 0 < e["connect_us"] < e["duration_us"]
    with gw.connect() as c:
        c.send(client.request("/mute/upload", "POST", headers={"Content-Length": "10"}) + b"abc")
        assert c.read().status == 408
    assert end_of("/mute/upload")[:3] == ("client_body_timeout", "client", "request_body")
    with pytest.raises(Exception):
        gw.ask("/breaks")
    assert end_of("/breaks")[:3] == ("upstream_aborted", "upstream", "response_body")
    with gw.connect() as c:
        c.send(client.request("/mute/left"))
        wait_until(lambda: any(r.path == "/mute/left" for r in up.requests), 5)
    assert end_of("/mute/left")[:3] == ("client_gone", "client", "first_byte")
    assert client.exchange(gw.port, b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n").status == 400
    e = gw.logged(status=400)
    assert (e["reason"], e["ended_by"], e["phase"]) == ("bad_host", "gateway", "head")


def test_odd_bytes(gateway, serve):
    gw = gateway(proxy_to(serve()))
    assert gw.ask("/%22%0a%7f", headers={"User-Agent": "\xe9\xff\x80 \t tab"}).status == 200
    assert client.exchange(gw.port, b"\0\xff nonsense\r\n\r\n").status == 400
    assert gw.logged(status=400)["reason"] == "bad_request" and gw.logged(status=200)["path"] == "/%22%0a%7f"


def test_no_secret_of_any_kind(gateway, serve):
    """Wherever a request may carry one: not in the log of either kind, nor in what the commands show of it."""
    gw = gateway(proxy_to(serve()) | {"gate": {"protect": ["/api"], "secret": SECRET, "sources": ["header", "cookie"]}, "workers": 1})
    with gw.connect() as c:
        for path in ("/a?token=geheim", "/a;token=geheim", "/a%3Ftoken=geheim", "/a%3bt=geheim/b", "/a%23geheim"):
            c.send(client.request(path, headers={"Authorization": "Bearer geheim", "Cookie": "session=geheim", "X-Api-Key": "geheim",
                                                 "Referer": "https://u:geheim@h/?geheim", "X-Forwarded-User": "geheim"}))
            assert c.read().status == 200
        c.send(client.request("/api", headers=bearer(token() + "geheim")))
        assert c.read().status == 401
    head = b"GET / HTTP/1.1\r\nHost: test\r\n"
    for data in (head + b"geheim\r\n\r\n", head + b"Authorization Bearer geheim\r\n\r\n", head + b"Authorization : geheim\r\n\r\n",
                 b"GET http://u:geheim@test/ HTTP/1.1\r\nHost: test\r\nX: \x01\r\n\r\n", b"password=geheim&u=v HTTP/1.1\r\n\r\n",
                 b"GET /?geheim HTTP/1.1\r\nHost: u:geheim@test\r\n\r\n", b"POST / geheim\r\n\r\n", b'{"token": "geheim"}\r\n\r\n'):
        assert client.exchange(gw.port, data).status in (400, 421, 501, 505), data
    wait_until(lambda: len(gw.access_log()) == 14, 5)
    for text in str(gw.access_log()), gw.log(), gw.cli("errors").stdout, gw.admin("/status").body.decode(), gw.cli("top").stdout:
        assert "geheim" not in text, text


def test_user(gateway, serve):
    gw = gateway(proxy_to(serve()) | {"gate": {"protect": ["/api"], "secret": SECRET, "claims": {"id": "auth_id"}}})
    gw.ask("/api", headers=bearer(token(id="mary")))
    assert gw.logged(path="/api")["user"] == "mary"


def log_text(gw):
    with open(os.path.join(gw.dir, "access.log")) as f:
        return f.read()


def test_combined(gateway, serve):
    gw = gateway(proxy_to(serve()) | {"access_log_format": "combined", "workers": 1})
    gw.ask("/a?token=geheim", headers={"User-Agent": 'say "hi"\\\xe9', "Referer": "https://x.test/p?token=geheim#geheim"})
    gw.ask("/b", headers={"Referer": "https://mary:geheim@x.test/p", "Cookie": "a=geheim", "Authorization": "Basic geheim"})
    wait_until(lambda: log_text(gw).count("\n") == 2, 5)
    first, second = log_text(gw).splitlines()
    assert re.fullmatch(r'127\.0\.0\.1 - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d \+0000\] "GET /a HTTP/1\.1" 200 \d+ "https://x\.test/p" '
                        r'"say \\x22hi\\x22\\x5C\\xE9"', first), first
    assert '"GET /b HTTP/1.1" 200' in second and '"https" "-"' in second and "geheim" not in first + second


def test_combined_is_read_by_others(gateway, serve):
    """As every program that reads such logs takes it apart, whatever names and requests are like."""
    gw = gateway(proxy_to(serve()) | {"access_log_format": "combined", "workers": 1,
                                      "gate": {"protect": ["/in"], "secret": SECRET, "claims": {"id": "auth_id"}}})
    gw.ask("/in", headers=bearer(token(id='John "x" [Smith] \u00e9')) | {"User-Agent": '" 200 5 "-" "\\'})
    client.exchange(gw.port, b"\0 nonsense\r\n\r\n")
    wait_until(lambda: log_text(gw).count("\n") == 2, 5)
    rows = [re.fullmatch(r'(\S+) (\S+) (\S+) \[([^\]]+)\] "([^"]*)" (\d{3}) (\d+|-) "([^"]*)" "([^"]*)"', line) for line in log_text(gw).splitlines()]
    assert [(r[3], r[5], r[6]) for r in rows] == [(r"John\x20\x22x\x22\x20[Smith]\x20\xC3\xA9", "GET /in HTTP/1.1", "200"), ("-", "- - -", "400")]


def test_own_format(gateway, serve):
    gw = gateway(proxy_to(serve(), name="main") | {"access_log_format": "$method|$path|$status|$route|$reason|$ended_by|$phase|$$5", "workers": 1})
    gw.ask("/x")
    client.exchange(gw.port, b"\0 nonsense\r\n\r\n")
    wait_until(lambda: log_text(gw).count("\n") == 2, 5)
    assert log_text(gw).splitlines() == ["GET|/x|200|file:main|-|-|-|$5", "-|-|400|-|bad_request|gateway|head|$5"]


def test_format_that_is_none(gateway, serve):
    up = serve()
    gw = gateway(proxy_to(up))
    for unfit, told in (("$time $staus", 'access_log_format: $staus, at character 7, is no field of the access log; did you mean "status"?'),
                        ("combind", 'access_log_format: "combind" is neither json nor combined, and has no field; did you mean "combined"?')):
        done = gw.reload(proxy_to(up) | {"access_log_format": unfit})
        assert done.returncode == 1 and told in done.stderr, done.stderr


def test_sample(gateway, serve):
    """Of what goes well one of so many, all others."""
    gw = gateway(proxy_to(serve(lambda r, c: c.reply(404 if r.path == "/none" else 200))) | {"access_log_sample": 10, "workers": 1})
    with gw.connect() as c:
        for _ in range(300):
            c.send(client.request("/fine"))
            c.read()
        for _ in range(5):
            c.send(client.request("/none"))
            c.read()
    wait_until(lambda: sum(e["status"] == 404 for e in gw.access_log()) == 5, 5)
    fine = [e for e in gw.access_log() if e["status"] == 200]
    assert 3 < len(fine) < 150 and all(e["sample"] == 10 for e in fine)
    assert all("sample" not in e for e in gw.access_log() if e["status"] == 404)


@pytest.mark.parametrize("number", (signal.SIGHUP, signal.SIGUSR1))
def test_file_that_is_moved_away(gateway, serve, tmp_path, number):
    path = tmp_path / "log" / "access.log"
    path.parent.mkdir()
    gw = gateway(proxy_to(serve()) | {"access_log": str(path)})
    gw.ask("/one")
    wait_until(lambda: "/one" in path.read_text())
    os.rename(path, str(path) + ".1")
    gw.signal(number)
    wait_until(path.exists, 5)
    gw.ask("/two")
    wait_until(lambda: "/two" in path.read_text(), 5)


def test_file_that_is_moved_away_under_load(gateway, responder, tmp_path):
    """Of many requests each one has its line, in one of the files."""
    path = tmp_path / "access.log"
    gw = gateway(proxy_to(responder) | {"access_log": str(path)})
    with Load(gw.port, rate=1000) as load:
        for i in range(5):
            wait_until(lambda: path.exists() and path.stat().st_size > 10000, 5)
            os.rename(path, f"{path}.{i}")
            gw.signal(signal.SIGUSR1)
        wait_until(path.exists, 5)
    assert not load.result["failures"]
    wait_until(lambda: sum(f.read_text().count("\n") for f in tmp_path.iterdir()) == load.result["ok"], 5)
    assert gw.metrics()["yett_log_dropped_total"] == 0


def test_full_disk(gateway, serve, tmp_path):
    """Lines are lost and counted, each once; when there is room again, no line is glued to the one that was torn."""
    if run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(tmp_path)]).returncode:
        pytest.skip("nothing may be mounted")
    try:
        ballast = tmp_path / "ballast"
        ballast.write_bytes(b"x" * 32768)
        gw = gateway(proxy_to(serve()) | {"access_log": str(tmp_path / "access.log"), "workers": 1})

        def send(count):
            with gw.connect() as c:
                for _ in range(count):
                    c.send(client.request())
                    assert c.read().status == 200

        def lines():
            return [line for line in (tmp_path / "access.log").read_text().splitlines() if line.endswith("}")]

        send(300)
        wait_until(lambda: gw.metrics()["yett_log_dropped_total"] > 0, 5)
        wait_until(lambda: len(lines()) + gw.metrics()["yett_log_dropped_total"] == 300, 5)
        ballast.unlink()
        send(10)
        wait_until(lambda: len(lines()) + gw.metrics()["yett_log_dropped_total"] == 310, 5)
        assert all(json.loads(line) for line in lines()) and len(lines()) > 10
    finally:
        run(["umount", "-l", str(tmp_path)])


def test_fifo(gateway, serve, tmp_path):
    """With a reader it is a sink; without one, nobody waits for it."""
    up, path = serve(), str(tmp_path / "fifo")
    os.mkfifo(path)
    gw = gateway(proxy_to(up))
    done = gw.reload(proxy_to(up) | {"access_log": path})
    assert done.returncode == 1 and "FIFO" in done.stderr and "reader" in done.stderr
    assert gw.ask().status == 200 and not gw.status()["last_reload"]["ok"]
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert gw.reload().returncode == 0
        gw.ask("/through-it")
        wait_until(lambda: b"/through-it" in os.read(reader, 65536), 5)
    finally:
        os.close(reader)


@pytest.mark.parametrize("reloads", (False, True))
def test_standard_output_that_is_stuck(gateway, serve, tmp_path, reloads):
    """A pipe that nobody reads, and that blocks: requests are answered, and lines lost are counted."""
    path = str(tmp_path / "pipe")
    os.mkfifo(path)
    reader = os.open(path, os.O_RDWR)
    try:
        gw = gateway(proxy_to(serve()) | {"workers": 1}, within=["sh", "-c", f'exec "$@" > {path}', "sh"])
        if reloads:
            assert gw.reload().returncode == 0
        fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 4096)
        with gw.connect() as c:
            for _ in range(200):
                c.send(client.request("/" + "x" * 6000))
                assert c.read().status == 200
        wait_until(lambda: gw.metrics()["yett_log_dropped_total"] > 0, 5)
    finally:
        os.close(reader)


@pytest.mark.parametrize("family", (socket.AF_UNIX, socket.AF_INET))
def test_syslog(gateway, serve, tmp_path, family):
    """RFC 5424. Who listens may begin anew; when nobody does, lines are lost, and no request waits."""
    path, port = str(tmp_path / "log.sock"), 0

    def listen():
        s = socket.socket(family, socket.SOCK_DGRAM)
        s.bind(path if family == socket.AF_UNIX else ("127.0.0.1", port))
        s.settimeout(5)
        return s

    s = listen()
    port = 0 if family == socket.AF_UNIX else s.getsockname()[1]
    to = path if family == socket.AF_UNIX else f"127.0.0.1:{port}"
    gw = gateway(proxy_to(serve()) | {"workers": 1, "access_log": "syslog://" + to})
    gw.ask("/one")
    header, _, line = s.recv(65536).decode().partition(" - {")
    assert re.fullmatch(r"<30>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \S+ yett \d+ access", header), header
    assert json.loads("{" + line)["path"] == "/one"
    s.close()
    if family == socket.AF_UNIX:
        gw.ask("/lost")
        wait_until(lambda: gw.metrics()["yett_log_dropped_total"] == 1, 5)
        os.unlink(path)
    with listen() as again:
        gw.ask("/two")
        wait_until(lambda: b"/two" in again.recv(65536), 5)


def test_what_waits_for_a_sink_at_the_end(gateway, serve, tmp_path):
    """Of a worker that ends each line is in the sink, or counted as lost."""
    path = str(tmp_path / "log.sock")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(path)
        s.settimeout(1)
        gw = gateway(proxy_to(serve()) | {"workers": 1, "access_log": "syslog://" + path})
        with gw.connect() as c:
            for _ in range(100):
                c.send(client.request("/" + "x" * 6000))
                c.read()
        (old,) = gw.workers()
        assert gw.cli("drain", "--worker", "0").returncode == 0
        wait_until(lambda: not os.path.exists(f"/proc/{old}"), 10)
        lost = wait_until(lambda: gw.metrics()["yett_log_dropped_total"], 5)
        read = 0
        while read + lost < 100 and s.recv(65536):
            read += 1
        assert read + lost == 100 and read > 0


def test_what_cannot_be_a_sink(gateway, serve, tmp_path):
    up, path = serve(), str(tmp_path / "socket")
    gw = gateway(proxy_to(up))
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(path)
        for unfit, named in ((path, "it is a socket"), (str(tmp_path), "it is a folder")):
            done = gw.reload(proxy_to(up) | {"access_log": unfit})
            assert done.returncode == 1 and named in done.stderr, done
            done = gw.cli("check")
            assert done.returncode == 1 and named in done.stderr and "yett.yaml:" in done.stderr, done
    assert gw.reload(proxy_to(up) | {"access_log": "/dev/null"}).returncode == 0


def test_off(gateway, serve):
    gw = gateway(proxy_to(serve()) | {"access_log": "off"})
    assert gw.ask().status == 200
    gw.stop()
    assert gw.access_log() == []


def test_probes_and_admin_requests_are_not_in_it(gateway, serve):
    gw = gateway(proxy_to(serve(), health=True))
    gw.status()
    gw.ask("/only")
    gw.logged(path="/only")
    assert len(gw.access_log()) == 1
