"""What routes, upstreams and identities did: counted through deaths, shown by `yett top`, to those who may see it."""

import os
import pty
import re
import signal
import time

from harness.api import Api, port_config
from harness.gateway import BINARY, proxy_to
from harness.procs import wait_until
from harness.tokens import SECRET, bearer, token

GATE = {"secret": SECRET, "protect": ["/in"], "claims": {"id": "auth_id"}}


def answering(request, connection):
    connection.reply(int(request.target.rpartition("/")[2] or 200), body=b"x" * 100)


def start(gateway, serve, **more):
    return gateway(proxy_to(serve(answering), name="main") | {"gate": GATE} | more)


def ask(gw, who, count, path="/in/200"):
    fields = list(bearer(token(id=who)).items())
    with gw.connect() as c:
        for _ in range(count):
            c.ask(path, headers=fields)


def statistics(gw):
    return gw.admin("/statistics").json()


def identities(gw):
    return {row["name"]: row["requests"] for row in statistics(gw)["identities"]["list"]}


def counted(gw, **want):
    wait_until(lambda: identities(gw) == want, 5, what=lambda: f"{want}; {identities(gw)}")


def test_rows(gateway, serve):
    gw = start(gateway, serve)
    ask(gw, "ann", 3)
    ask(gw, "ann", 2, "/in/404")
    ask(gw, "bob", 4, "/in/503")
    gw.ask("/in/200")
    counted(gw, ann=5, bob=4)
    s = statistics(gw)
    ann, bob = s["identities"]["list"]
    assert (s["identities"]["requests"], s["identities"]["slack"]) == (9, 0)
    assert (ann["denied"], ann["errors"], bob["denied"], bob["errors"]) == (2, 0, 0, 4)
    assert ann["bytes"] >= 500 and ann["duration_us"] > 0
    (route,), (upstream,) = s["routes"], s["upstreams"]
    assert (route["id"], route["requests"], route["denied"], route["errors"]) == ("file:main", 10, 3, 4)
    assert (upstream["name"], upstream["requests"], upstream["errors"], upstream["failures"]) == ("u", 9, 4, 0)
    assert upstream["bytes_out"] >= 900 and upstream["duration_us"] > 0
    assert not any("ann" in name for name in gw.metrics())  # nobody's name becomes a label
    assert gw.metrics()['yett_upstream_errors_total{upstream="u",endpoint="%s"}' % upstream["endpoints"][0]["address"]] == 4


def test_kept_through_reloads_and_deaths(gateway, serve):
    gw = start(gateway, serve)
    ask(gw, "ann", 5)
    counted(gw, ann=5)
    for pid in gw.workers():
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: identities(gw) == {"ann": 5} and len(gw.workers()) == 2, 5)
    ask(gw, "bob", 2)
    assert gw.reload().returncode == 0
    counted(gw, ann=5, bob=2)
    gw.kill()
    ask(gw, "ann", 1)  # by a worker without a master
    gw.start()
    ask(gw, "cid", 1)
    counted(gw, ann=6, bob=2, cid=1)
    wait_until(lambda: "takeover pid" in gw.log() and gw.log().count("state=ended") >= 2, 10)
    counted(gw, ann=6, bob=2, cid=1)


def test_switched_off_nothing_is_kept(gateway, serve):
    gw = start(gateway, serve)
    ask(gw, "ann", 2)
    counted(gw, ann=2)
    config = proxy_to(serve(answering), name="main") | {"gate": GATE}
    assert gw.reload(config | {"statistics": {"identities": False}}).returncode == 0
    assert statistics(gw)["identities"] is None and "not counted" in gw.cli("top", "--once").stdout
    ask(gw, "ann", 2)
    assert gw.reload(config).returncode == 0
    counted(gw)


def test_identities_are_for_operators(gateway, serve):
    secrets = {role: role * 8 for role in ("read", "write", "operate")}
    port, config = port_config(tokens={role: {"role": role, "secret": secret} for role, secret in secrets.items()})
    gw = start(gateway, serve, **config)
    ask(gw, "ann", 1)
    counted(gw, ann=1)
    for role, secret in secrets.items():
        r = Api(port, secret).ask("GET", "statistics")
        assert r.status == 200 and r.json()["routes"] and (b"ann" in r.body) == (role == "operate")


def test_top(gateway, serve):
    gw = start(gateway, serve)
    ask(gw, "ann", 1)
    ask(gw, "bob", 4, "/in/503")
    ask(gw, "cid", 3)
    ask(gw, "d\u009b2Jd", 1)
    wait_until(lambda: len(identities(gw)) == 4, 5)
    told = gw.cli("top").stdout
    assert "\033" not in told and "\u009b" not in told and "\nd?2Jd " in told and "every number is exact" in told
    assert re.findall(r"^(ann|bob|cid) +(\d+) ", told, re.M) == [("bob", "4"), ("cid", "3"), ("ann", "1")]
    by_latency = gw.cli("top", "--by", "latency", "--once").stdout
    means = [float(mean) for mean in re.findall(r"^(?:ann|bob|cid) .* ([\d.]+) ms$", by_latency, re.M)]
    assert len(means) == 3 and means == sorted(means, reverse=True)
    assert gw.cli("top", "--by", "name").returncode == 2
    assert '"identities"' in gw.cli("top", "--json").stdout
