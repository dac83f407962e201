"""The tools of bench/ do what they measure: load, tokens, WebSockets, a command in the middle, the relay, and what bench/run
writes for the gateway and about it."""

import contextlib
import dataclasses
import json
import os
import subprocess
import sys
import xml.dom.minidom

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from harness import gateway as gateways
from harness import procs
from harness.gateway import ROOT, proxy_to

TOOLS = os.path.join(os.path.dirname(os.path.dirname(gateways.BINARY or ROOT)), "bench")
SECRET = "a secret of more than thirty-two bytes"


def tool(name):
    path = os.path.join(TOOLS, "bench-" + name)
    if not os.path.exists(path):
        pytest.skip(f"no {path}")
    return path


class Listening:
    """A tool that prints its port."""

    def __init__(self, name, *arguments):
        self.process = procs.spawn([tool(name), *arguments], stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())
        self.address = f"127.0.0.1:{self.port}"

    def finish(self):
        self.process.kill()
        self.process.wait()
        procs.forget(self.process)
        self.process.stdout.close()


@pytest.fixture
def listening():
    started = []

    def start(*arguments):
        started.append(Listening(*arguments))
        return started[-1]

    yield start
    for one in started:
        one.finish()


def load(url, *arguments, seconds=0.3):
    done = procs.run([tool("load"), "-c", "8", "-d", str(seconds), *arguments, url], timeout=60)
    assert done.returncode in (0, 1), done.stderr
    return json.loads(done.stdout)


def test_loops(gateway, listening):
    gw = gateway(proxy_to(listening("responder")))
    closed = load(f"http://localhost:{gw.port}/1k", "--length", "1024")
    assert closed["errors"] == 0 and closed["bytes"] == closed["requests"] * 1024 > 0
    rate = load(f"http://127.0.0.1:{gw.port}/a{{n}}/1k", "--routes", "3", "-r", "200")
    assert rate["errors"] == 0 and 20 < rate["requests"] < 150
    paths = {entry["path"] for entry in gw.access_log()}
    assert paths == {"/1k", "/a0/1k", "/a1/1k", "/a2/1k"}
    assert load(f"http://127.0.0.1:{gw.port}/1k", "--length", "1023")["by_kind"]["length"] > 0
    assert load(f"http://127.0.0.1:{gw.port}/nothing")["wrong_statuses"].keys() == {"404"}


def test_a_connection_for_each_request(gateway, listening):
    gw = gateway(proxy_to(listening("responder")))
    result = load(f"http://127.0.0.1:{gw.port}/upload", "--new-connection", "-m", "POST", "-b", "70000", "--length", "5")
    assert result["errors"] == 0 and result["requests"] > 0


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "secret"
    path.write_text(SECRET)
    path.chmod(0o600)
    return str(path)


def test_minted_tokens(gateway, listening, secret):
    gw = gateway(proxy_to(listening("responder")) | {"gate": {
        "protect": ["/"], "secret": {"file": secret}, "issuer": "bench", "claims": {"sub": "X-Sub"}}})
    url = f"http://127.0.0.1:{gw.port}/1k"
    assert load(url)["wrong_statuses"].keys() == {"401"}
    mint = ["--jwt-secret", secret, "--claim", "iss=bench", "--claim", "sub=user-{n}"]
    for tokens in ("3", "0"):
        assert load(url, *mint, "--tokens", tokens)["errors"] == 0
    users = {entry.get("user") for entry in gw.access_log() if entry["status"] == 200}
    assert {"user-00000000", "user-00000001", "user-00000002"} < users
    assert load(url, *mint, "--ttl", "-3600")["wrong_statuses"].keys() == {"401"}
    printed = procs.run([tool("mint"), *mint[:4], "--first", "7"]).stdout.strip()
    assert gw.ask("/1k", headers={"Authorization": "Bearer " + printed}).status == 401  # it has no sub


def test_websockets(gateway, listening):
    gw = gateway(proxy_to(listening("responder")))
    url = f"ws://127.0.0.1:{gw.port}/echo"
    for size in ("64", "200", "70000"):
        result = load(url, "--websocket", "-b", size)
        assert result["errors"] == 0 and result["bytes"] == result["requests"] * int(size) > 0
    assert load(f"ws://127.0.0.1:{gw.port}/1k", "--websocket")["wrong_statuses"].keys() == {"200"}


def test_a_command_in_the_middle(gateway, listening):
    gw = gateway(proxy_to(listening("responder")))
    command = f"{gateways.BINARY} reload --wait --socket {gw.run_dir}/admin.sock"
    result = load(f"http://127.0.0.1:{gw.port}/1k", "-r", "300", "--while", command)
    phases = result["while"]
    assert phases["status"] == 0 and result["errors"] == 0
    assert all(phases[name]["requests"] > 0 for name in ("before", "during", "after"))
    assert result["requests"] == sum(phases[name]["requests"] for name in ("before", "during", "after"))


def test_what_a_kill_breaks_is_told(listening):
    relay = listening("relay", "--to", listening("responder").address)
    result = load(f"ws://{relay.address}/echo", "--websocket", "--while", f"kill {relay.process.pid}")
    phases = result["while"]
    assert phases["before"]["errors"] == 0 < phases["before"]["requests"]
    # One that is opened again while the relay ends may break again.
    assert phases["during"]["by_kind"]["closed"] + phases["during"]["by_kind"]["reset"] >= 8
    assert phases["after"]["requests"] == 0 < phases["after"]["by_kind"]["connect"]


def test_people_get_lines(gateway, listening):
    gw = gateway(proxy_to(listening("responder")))
    words = [tool("load"), "-d", "0.6", "-c", "4", "--length", "1024", "--while", "exit 3"]
    us, terminal = os.openpty()
    process = procs.spawn([*words, f"http://127.0.0.1:{gw.port}/1k"], stdout=terminal)
    os.close(terminal)
    text = b""
    with contextlib.suppress(OSError):  # how the end of a terminal is read
        while data := os.read(us, 4096):
            text += data
    os.close(us)
    assert process.wait(10) == 0
    procs.forget(process)
    head, *rows, last = text.decode().splitlines()
    assert head.split()[:2] == ["requests", "req/s"] and last.endswith("ended with 3")
    assert [row.split()[0] for row in rows] == ["all", "before", "during", "after"]
    numbers = [int(row.split()[1]) for row in rows]
    assert numbers[0] == sum(numbers[1:]) > 0


def test_the_relay(listening):
    relay = listening("relay", "--to", listening("responder").address)
    for arguments in (["/1k", "--length", "1024"], ["/1m", "--length", str(1 << 20)], ["/1k", "--new-connection"],
                      ["/upload", "-m", "POST", "-b", "3000000", "--length", "7"], ["/echo", "--websocket", "-b", "300000"]):
        path, *rest = arguments
        result = load(f"http://{relay.address}{path}", *rest)
        assert result["errors"] == 0 < result["requests"], (path, result)


@pytest.fixture
def bench():
    """The modules of bench/run."""
    sys.path.insert(0, os.path.join(ROOT, "bench"))
    try:
        import machine
        import peer_yett
        import peers
        import report
        import scenarios
        import table
        yield {m.__name__: m for m in (machine, peer_yett, peers, report, scenarios, table)}
    finally:
        sys.path.remove(os.path.join(ROOT, "bench"))


def test_yett_takes_it(bench, tmp_path, secret):
    """A configuration for each scenario. Its name is in the paths of Unix sockets, which are short."""
    class Keys:
        public = str(tmp_path / "issuer.pem")

    Keys.secret = secret
    key = rsa.generate_private_key(65537, 2048).public_key()
    with open(Keys.public, "wb") as f:
        f.write(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    for scenario in bench["scenarios"].SCENARIOS.values():
        if isinstance(scenario, (bench["scenarios"].Freshness, bench["scenarios"].Push)) or bench["peers"].PEERS["yett"].can(scenario):
            continue
        if scenario.routes:
            scenario = dataclasses.replace(scenario, routes=50)
        folder = tmp_path / scenario.name
        folder.mkdir()
        setting = bench["peers"].Setting(str(folder), 8080, 9001, 64, 640, scenario, Keys, {"yett": gateways.BINARY}, redis=6379)
        argv = bench["peer_yett"].start(setting)
        checked = procs.run([gateways.BINARY, "check", *argv[2:]])
        assert checked.returncode == 0 and "0 warnings" in checked.stdout, (scenario.name, checked)


def sample(bench):
    """Results of a run, as bench/run has them."""
    def row(name, ratio):
        return {"gateway": name, "rps": 1000.0, "cpu_us": 15.0 * ratio, "cpu_us_spread": 0.1, "ratio": ratio,
                "ratio_spread": 0.02, "p50_us": 120, "p90_us": 200, "p99_us": 900, "p99.9_us": 3000, "memory_mib": 4.0,
                "percentiles": [[0, 80], [0.5, 120], [0.99, 900], [0.9999, 4000]], "calls": 4.04, "errors": {"reset": 2}}

    rounds = {"kind": "rounds", "scenario": "plain", "text": "<text>", "connections": 64, "rate": 0, "latency_rate": 600,
              "rounds": 2, "seconds": 0.5, "reference": "nginx", "disturbance": 0.1, "notes": ["a <note>"],
              "rows": [row("yett", 0.8), row("nginx", 1), row("nginx again", 1.01)],
              "targets": [{"what": "CPU of yett / nginx", "value": 0.83, "spread": 0.01, "limit": 0.82}]}
    reload = {"kind": "reload", "scenario": "reload", "text": "", "notes": [], "rows": [
        {"gateway": "yett", "requests": 9, "failed": 0, "errors": {}, "before_p99_us": 1, "during_p99_us": 2,
         "after_p99_us": 3, "during_max_us": 4}],
              "targets": [{"what": "failed requests", "value": 0, "limit": 0}]}
    return {"machine": bench["machine"].describe({}), "results": [rounds, reload]}


def test_results_are_told(bench):
    document = sample(bench)
    text = "".join(bench["table"].section(result) for result in document["results"])
    assert "0.800 ±0.020" in text and "NOT MET" in text and "reset=2" in text and "a <note>" in text
    page = bench["report"].page(document)
    xml.dom.minidom.parseString(page.partition("\n")[2].replace("&plusmn;", "").replace("&le;", "").replace(
        '<meta charset="utf-8">', "").replace('<meta name="viewport" content="width=device-width">', ""))
    assert "NOT MET" in page and "&lt;note&gt;" in page and "<polyline" in page
    assert "<script" not in page and "http://" not in page and "https://" not in page


@pytest.mark.parametrize("name", ["load", "responder", "mint", "relay"])
def test_help(name):
    done = procs.run([tool(name), "--help"])
    assert done.returncode == 0 and done.stderr == "" and done.stdout.startswith(f"usage: bench-{name} ")
