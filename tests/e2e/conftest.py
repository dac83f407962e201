"""Fixtures: each one starts real processes on free ports and ends them, and sees that nothing is left."""

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness import gateway as gateways  # noqa: E402
from harness import oidc, procs  # noqa: E402
from harness.api import FileStore  # noqa: E402
from harness.aside import Responder  # noqa: E402
from harness.authority import Authority  # noqa: E402
from harness.browser import Browser  # noqa: E402
from harness.network import Network  # noqa: E402
from harness.redis_server import RedisServer  # noqa: E402
from harness.tls import Pki  # noqa: E402
from harness.tls_upstream import TlsUpstream  # noqa: E402
from harness.upstream import RawUpstream, Upstream  # noqa: E402

procs.adopt_orphans()

# The files that take the longest. Where several run side by side they come first, so that none of them is left alone at the end.
LONGEST = """kill_points kill_points_files chaos refresh suspension refresh_provider bench_tls redis_slow master_killed
    issuers resumption cascade fleet_limits certificate_files slow_endings bench tls redis_half_read websocket_ws smuggling big_bodies
    slow_loris keepalive_race sessions redis_faults quarantine fleet redis_cluster""".split()


def pytest_collection_modifyitems(items):
    order = {f"test_{name}.py": i for i, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path.name, len(order)))


# What these print is told though they pass: the figures of a proof.
PROOFS = ("test_chaos", "test_kill_points", "test_network_", "test_resources_")


def pytest_terminal_summary(terminalreporter):
    for report in terminalreporter.stats.get("passed", []) + terminalreporter.stats.get("", []):
        if os.path.basename(report.nodeid.partition("::")[0]).startswith(PROOFS) and (told := figures(report)):
            terminalreporter.write_line(f"{report.nodeid}:\n{told}")


def figures(report):
    """Of this phase alone: the sections of later ones hold those of earlier ones."""
    return "".join(text for name, text in report.sections if name == f"Captured stdout {report.when}").rstrip()


def finish_all(started):
    problems = []
    for thing in reversed(started):
        try:
            thing.finish()
        except AssertionError as e:
            problems.append(str(e))
    assert not problems, "\n".join(problems)


def start_gateways(started):
    if not gateways.BINARY:
        pytest.skip("no binary: build it, or set YETT")

    def start(config, **how):
        started.append(gateways.Gateway(config, **how))
        return started[-1]

    yield start
    try:
        finish_all(started)
    finally:
        started.clear()
        gateways.no_gateway_is_left()


@pytest.fixture
def gateway():
    """gateway(config) starts one; at the end it must stop cleanly and leave nothing behind."""
    yield from start_gateways([])


@pytest.fixture(scope="module")
def lasting_gateway():
    """The same, for those tests of a file that do not disturb one another."""
    yield from start_gateways(gateways.lasting)


def start_upstreams():
    started = []

    def start(*arguments, raw=None, **how):
        started.append(RawUpstream(raw, **how) if raw else Upstream(*arguments, **how))
        return started[-1]

    yield start
    for u in started:
        u.stop()


@pytest.fixture
def serve():
    """serve(handler) starts an upstream, serve(raw=function) one that hands over bare connections."""
    yield from start_upstreams()


@pytest.fixture(scope="module")
def lasting_serve():
    """The same, behind a lasting_gateway."""
    yield from start_upstreams()


@pytest.fixture(scope="module")
def rooms():
    """rooms(names) makes a network of a test's own, once a file (harness/network.py)."""
    started = []

    def start(*names, **more):
        try:
            started.append(Network(*names, **more))
        except OSError as e:
            pytest.skip(f"no network namespaces, or no /dev/net/tun: {e}")
        return started[-1]

    yield start
    for n in started:
        n.finish()


@pytest.fixture
def store():
    """Redis."""
    server = RedisServer()
    yield server
    server.finish()


@pytest.fixture(params=["yett", "nginx"])
def proxy(request):
    """proxy(upstream) passes everything on, as the gateway or as nginx: for what is standard HTTP."""
    started = []

    def start(upstream):
        if request.param == "yett":
            return request.getfixturevalue("gateway")(gateways.proxy_to(upstream))
        started.append(gateways.Nginx(upstream))
        return started[-1]

    yield start
    finish_all(started)


@pytest.fixture(params=["redis", "file"])
def kept(request):
    """Where the API keeps rules: a configuration."""
    if request.param == "redis":
        yield gateways.from_redis(request.getfixturevalue("store"))
        return
    store = FileStore()
    yield store.config | {"health": {"enabled": False}}
    store.finish()


@pytest.fixture(scope="module")
def lasting_pair(lasting_gateway, lasting_serve):
    up = lasting_serve()
    return lasting_gateway(gateways.proxy_to(up)), up


@pytest.fixture
def gateway_to_echo(lasting_pair):
    """A gateway before an upstream that echoes (its `upstream`), which has seen no request yet."""
    gw, gw.upstream = lasting_pair
    gw.upstream.requests.clear()
    return gw


@pytest.fixture(scope="session")
def pki():
    """An authority."""
    made = Pki()
    yield made
    made.finish()


@pytest.fixture(scope="module")
def town(pki):
    """Identity providers that people log in at."""
    made = oidc.Town(pki)
    yield made
    made.finish()


@pytest.fixture
def person(town):
    """Somebody with a browser."""
    return town.person()


@pytest.fixture
def browser(gateway, pki):
    """browser(gw) starts one that comes to this gateway (of tls.over_both) and trusts the authority; it ends before that does."""
    started = []

    def start(gw):
        started.append(Browser(pki.root, gw.port, gw.tls))
        return started[-1]

    yield start
    finish_all(started)


@pytest.fixture
def responder():
    """An upstream in a process of its own, for load."""
    r = Responder()
    yield r
    r.stop()


@pytest.fixture(scope="module")
def authority():
    """Of certificates."""
    return Authority()


@pytest.fixture
def roots(authority, tmp_path):
    """The file of its certificate."""
    (tmp_path / "ca.pem").write_bytes(authority.pem)
    return str(tmp_path / "ca.pem")


@pytest.fixture
def secure(tmp_path):
    """secure(pair) starts an upstream that shows it."""
    started = []

    def start(pair, *arguments, **how):
        started.append(TlsUpstream(pair, str(tmp_path), *arguments, **how))
        return started[-1]

    yield start
    for u in started:
        u.stop()
