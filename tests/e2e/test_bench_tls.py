"""bench/run's scenarios of TLS, each for a moment, and what its load calls a failure."""

import argparse
import contextlib
import dataclasses
import importlib.util
import json
import os
import socket
import ssl
import sys
import tempfile
import threading

import pytest

from harness import gateway as gateways
from harness import procs
from harness.gateway import ROOT

TOOLS = os.path.join(os.path.dirname(os.path.dirname(gateways.BINARY or ROOT)), "bench")
BENCH = os.path.join(ROOT, "bench")


def names():
    """Of the scenarios, which are known before any test runs."""
    spec = importlib.util.spec_from_file_location("bench_scenarios", os.path.join(BENCH, "scenarios.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return [name for name, scenario in module.SCENARIOS.items() if getattr(scenario, "tls", "")]


@pytest.fixture
def run():
    """run(name, gateway, **other): the result of a scenario, with what differs from its row."""
    tools = {name: os.path.join(TOOLS, name) for name in ("bench-load", "bench-responder", "bench-mint")}
    if not all(map(os.path.exists, tools.values())):
        pytest.skip(f"no tools in {TOOLS}")
    with contextlib.ExitStack() as kept:
        sys.path.insert(0, BENCH)
        kept.callback(sys.path.remove, BENCH)
        import compare
        import flood
        import idle
        import renew
        import scenarios
        import tokens

        folder = kept.enter_context(tempfile.TemporaryDirectory(prefix="yett-bench-"))  # paths of sockets are short

        def start(name, gateway, **other):
            row = scenarios.SCENARIOS[name]
            row = dataclasses.replace(row, **{k: v for k, v in SHORT.items() if hasattr(row, k)} | other)
            few = 100 if isinstance(row, scenarios.Idle) else 4
            options = argparse.Namespace(connections=few, rate=100 if isinstance(row, scenarios.Renew) else 0, rounds=1,
                                         seconds=0.1, reference="nginx")
            stage = argparse.Namespace(options=options, tools=tools | {"yett": gateways.BINARY}, folder=folder,
                                       keys=tokens.Keys(tools, os.path.join(folder, "keys")))
            runner = {scenarios.Scenario: compare, scenarios.Idle: idle, scenarios.Flood: flood, scenarios.Renew: renew}
            return runner[type(row)].run(row, [gateway], stage)

        for attribute, value in (("LATENCY_ROUNDS", 1), ("WARMUP_S", 0.1)):
            kept.callback(setattr, compare, attribute, getattr(compare, attribute))
            setattr(compare, attribute, value)
        yield start


SHORT = {"pairs": 1, "others": 2, "renewals": 2, "new_rate": 40}


@pytest.mark.parametrize("name", names())
def test_scenario(run, name):
    check(run, "yett", name)


@pytest.mark.parametrize("peer", ["nginx", "haproxy"])
@pytest.mark.parametrize("name", ["tls", "tls-resumed"])
def test_peers(run, peer, name):
    check(run, peer, name)


def check(run, gateway, name):
    result = run(name, gateway)
    row = result["rows"][0]
    assert result["notes"] == [] or name == "tls-flood"
    assert row.get("failed", 0) == 0 and not row.get("errors"), row
    if result["kind"] == "rounds":
        assert row["requests"] > 0 and row["cpu_us"] > 0
    elif name == "tls-flood":
        assert row["accepted"] > 10
    elif name == "tls-renew":
        assert row["late"] == 0 and row["requests"] > 100
    else:
        assert row["kib"] > 0


class Forgetful:
    """A server that makes a new ticket key for each connection, so that none can be resumed; TLS 1.2 only, if it is told so."""

    def __init__(self, folder, newest=ssl.TLSVersion.TLSv1_3):
        self.pair = (str(folder / "cert"), str(folder / "key"))
        procs.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=x",
                   "-out", self.pair[0], "-keyout", self.pair[1]])
        self.newest, self.names = newest, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection = self.listener.accept()[0]
            except OSError:
                return
            with contextlib.suppress(OSError), connection:
                self.answer(connection)

    def answer(self, connection):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.pair)
        context.maximum_version = self.newest
        context.sni_callback = lambda _, name, __: self.names.append(name)
        with context.wrap_socket(connection, server_side=True) as secured:
            secured.recv(4096)
            secured.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")


def load(port, *arguments):
    done = procs.run([os.path.join(TOOLS, "bench-load"), "-c", "1", "-d", "0.3", "--new-connection", *arguments,
                      f"https://localhost:{port}/"], timeout=60)
    return json.loads(done.stdout)


@pytest.fixture
def forgetful(tmp_path):
    if not os.path.exists(os.path.join(TOOLS, "bench-load")):
        pytest.skip(f"no tools in {TOOLS}")
    started = []

    def start(**how):
        started.append(Forgetful(tmp_path, **how))
        return started[-1]

    yield start
    for server in started:
        server.listener.close()


def test_what_is_not_resumed_is_an_error(forgetful):
    server = forgetful()
    assert load(server.port)["errors"] == 0
    resuming = load(server.port, "--resume")
    assert resuming["requests"] >= 1 and resuming["resumed"] == 0 and resuming["by_kind"]["not_resumed"] >= 1
    assert set(server.names) == {"localhost"}
    assert load(server.port, "--server-name", "a.example")["errors"] == 0 and server.names[-1] == "a.example"


def test_a_handshake_that_fails_is_an_error(forgetful):
    result = load(forgetful(newest=ssl.TLSVersion.TLSv1_2).port, "--tls", "1.3")
    assert result["requests"] == 0 and result["by_kind"]["tls"] == result["errors"] >= 1
