"""A Prometheus reads /metrics as operators do: nothing falls, and the dashboard and the alerts of etc/ ask for what there is."""

import json
import os
import re
import signal
import time

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from harness import gateway as gateways
from harness import procs
from harness.gateway import Gateway, proxy_to
from harness.load import Load
from harness.prometheus import Prometheus, check_metrics, promtool
from harness.provider import jwk
from harness.redis_server import RedisServer
from harness.upstream import Upstream

ETC = os.path.join(gateways.ROOT, "etc")
ALERTS = os.path.join(ETC, "alerts.yaml")
NAME = re.compile(r"\b(?:yett|gateway|process)_[a-z0-9_]+")
SAMPLE = re.compile(r'(\w+)(?:\{(.*)\})? \S+')
# Of gateways with a login, with revisions, with limits that fill memory, with https upstreams, in a bounded memory: this one may be without.
OF_MORE = {"yett_worker_sessions", "yett_worker_sessions_up", "yett_rules_revision_info", "yett_rules_revision_timestamp_seconds",
           "yett_suspensions_known_timestamp_seconds", "yett_rules_saved_timestamp_seconds", "yett_upstream_unverified",
           "yett_rate_rows", "yett_rate_rows_used", "yett_memory_limit_bytes", "yett_memory_used_bytes"}


class Place:
    """A gateway with a bit of everything that is measured, and a Prometheus that looks at it."""

    def __init__(self):
        self.started = []

    def begin(self, pki):
        self.store = self.start(RedisServer())
        self.up = self.start(Upstream())
        self.port = procs.free_port()
        keys = pki.write("corp.json", json.dumps({"keys": [jwk(ec.generate_private_key(ec.SECP256R1()), kid="k")]}).encode())
        proxy = proxy_to(self.up, name="main")
        proxy["upstreams"]["named"] = {"endpoints": [f"localhost:{self.up.port}"]}
        self.config = proxy | {
            "redis": {"address": self.store.address}, "admin": {"listen": f"127.0.0.1:{self.port}"},
            "health": {"enabled": True, "interval": "100ms", "timeout": "100ms"}, "limits": {"rates": "100000/second"},
            "listeners": [f"127.0.0.1:{procs.free_port()}", {"address": f"127.0.0.1:{procs.free_port()}", "tls": True}],
            "tls": {"certificates": [pki.entry("ec")]},
            "gate": {"protect": ["/api"], "issuers": {"corp": {"issuer": "corp", "algorithms": ["ES256"], "jwks": keys}}}}
        # An upstream of the same name, with the same endpoint.
        self.store.rule("b.test", self.up.address, "u")
        self.gw = self.start(Gateway(self.config))
        self.gw.port = int(self.config["listeners"][0].rpartition(":")[2])
        self.gw.rules_in_force(lambda r: r["frontends"] == 1)
        self.prometheus = self.start(Prometheus(f"127.0.0.1:{self.port}", ALERTS))

    def start(self, thing):
        self.started.append(thing)
        return thing

    def finish(self):
        for thing in reversed(self.started):
            thing.finish() if hasattr(thing, "finish") else thing.stop()

    def text(self):
        return self.gw.admin("/metrics").body.decode()


@pytest.fixture(scope="module")
def place(pki):
    made = Place()
    try:
        made.begin(pki)
        yield made
    finally:
        made.finish()


@pytest.fixture
def prometheus(place):
    return place.prometheus.has_scraped()


def told():
    """By name of the metric: its labels; what `yett help metrics` says."""
    out = procs.run([gateways.BINARY, "help", "metrics"]).stdout
    rows = re.findall(r"^(\S+)\n    type: (\w+)\n    labels: (\S+)\n", out, re.M)
    assert rows
    return {name: (kind, set() if labels == "none" else set(labels.split(","))) for name, kind, labels in rows}


def series_of(name, kind):
    return {name + s for s in ("_bucket", "_sum", "_count")} if kind == "histogram" else {name}


def known_series():
    return {s for name, (kind, _) in told().items() for s in series_of(name, kind)}


def test_promtool_finds_no_fault(place, tmp_path):
    check_metrics(place.gw, tmp_path)
    assert "SUCCESS" in promtool("check", "rules", ALERTS)
    with open(os.path.join(gateways.ROOT, "tests/alerts.yaml")) as f:
        cases = f.read()
    (tmp_path / "alerts.yaml").write_text(cases.replace("RULES", ALERTS))
    promtool("test", "rules", str(tmp_path / "alerts.yaml"))
    with open(ALERTS) as f:
        assert set(re.findall(r"^ +- alert: (\w+)", f.read(), re.M)) == set(re.findall(r"alertname: (\w+)\n +exp_alerts", cases))


def test_names_and_labels_are_those_of_the_table(place):
    place.gw.ask("/api/x")
    place.gw.ask()
    table = told()
    procs.wait_until(lambda: 'code="401"' in place.text(), 2, what="both requests")
    # Once a second these are looked at.
    procs.wait_until(lambda: "yett_dns_oldest_answer" in place.text(), 3, 0.05, what="the age of names")
    text, seen = place.text(), set()
    names = {s: name for name, (kind, _) in table.items() for s in series_of(name, kind)}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        name, labels = SAMPLE.fullmatch(line).groups()
        have = set(re.findall(r'(\w+)="(?:[^"\\]|\\.)*"', labels or ""))
        assert have - {"le"} == table[names[name]][1], line
        assert (name, labels) not in seen, line
        seen.add((name, labels))
    have = set(re.findall(r"^# TYPE (\S+)", text, re.M))
    missing = {n for n in table if not n.startswith("gateway_")} - have - OF_MORE
    assert not missing
    assert dict(re.findall(r"^# TYPE (\S+) (\S+)", text, re.M)).items() <= {n: kind for n, (kind, _) in table.items()}.items()


def test_verdicts_of_the_gate(place):
    def verdicts():
        return {n: v for n, v in place.gw.metrics().items() if n.startswith("yett_gate_verdicts_total") and v}

    name, before = 'yett_gate_verdicts_total{verdict="%s"}', verdicts()
    for path in ("/", "/", "/api/x"):
        place.gw.ask(path)
    want = {name % v: before.get(name % v, 0) + n for v, n in (("anonymous", 2), ("token_missing", 1))}
    procs.wait_until(lambda: verdicts() == want, 2, what=lambda: f"{want}; {verdicts()}")


def test_nothing_falls_over_a_reload_and_a_death(place, prometheus):
    gw, p = place.gw, prometheus
    asked = 'sum(yett_requests_total{code="200"})'
    before = p.value(asked) or 0
    with Load(gw.port, rate=200, connections=4) as load:
        time.sleep(0.5)
        assert gw.reload(place.config | {"log_level": "warn"}).returncode == 0
        time.sleep(0.5)
        os.kill(gw.workers()[0], signal.SIGKILL)
        time.sleep(0.5)
        gw.configure(place.config | {"nonsense": 1})
        assert gw.cli("reload", "--wait").returncode != 0
        time.sleep(0.3)
    procs.wait_until(lambda: p.value(asked) >= before + load.result["ok"], 3,
                     what=lambda: f"{before} and {load.result}; {p.value(asked)}")
    all_of = p.query('{job="yett",__name__=~"yett_.*"}[1m]')
    kinds = {s: kind for name, (kind, _) in told().items() for s in series_of(name, kind)}
    for row in all_of:
        values = [float(v) for _, v in row["values"]]
        if kinds[row["metric"]["__name__"]] != "gauge":
            assert values == sorted(values), row
    assert len(all_of) > 300
    rates = p.query('rate(yett_requests_total[1m])') + p.query("rate(yett_upstream_latency_seconds_bucket[1m])")
    assert rates and all(float(row["value"][1]) >= 0 for row in rates)
    assert p.value('resets(yett_requests_total{code="200",method="GET"}[1m])') == 0
    assert p.value("min_over_time(up[1m])") == 1
    quantile = p.value("histogram_quantile(0.5, sum by (le) (rate(yett_request_duration_seconds_bucket[1m])))")
    assert 0 < quantile < 10
    assert p.value("yett_worker_respawns_total") >= 1 and p.value("yett_reloads_succeeded_total") >= 1
    procs.wait_until(lambda: p.value("yett_last_reload_success") == 0, 2, 0.05, what="the refused reload")
    assert p.value("yett_last_reload_success_timestamp_seconds - yett_started_timestamp_seconds") >= 0


def test_alerts_are_evaluated(prometheus):
    rules = []

    def judged():
        rules[:] = [r for g in prometheus.ask("rules")["groups"] for r in g["rules"]]
        return all(r["health"] != "unknown" for r in rules)

    procs.wait_until(judged, 5, 0.05, what=lambda: f"rules; {rules}")
    assert len(rules) > 20 and [r for r in rules if r["health"] != "ok"] == []
    with open(ALERTS) as f:
        named = set(NAME.findall(re.sub(r"(?m)^( *summary:|#).*$", "", f.read())))
    assert len(named) > 20 and named <= known_series()


def panels_of(dashboard):
    return [p for p in dashboard["panels"] if p["type"] != "row"]


def test_dashboard_asks_for_what_there_is(place, prometheus):
    with open(os.path.join(ETC, "grafana.json")) as f:
        dashboard = json.load(f)
    asked = [t["expr"] for p in panels_of(dashboard) for t in p["targets"]]
    asked += [a["expr"] for a in dashboard["annotations"]["list"]]
    asked += [v["definition"].partition("(")[2].rpartition(",")[0] for v in dashboard["templating"]["list"] if v["type"] == "query"]
    place.store.db.set("frontend:c.test", "u")  # a revision
    named, have = set(NAME.findall(" ".join(asked))), set()

    def are_there():
        have.update(prometheus.ask("label/__name__/values"))
        return named <= have

    procs.wait_until(are_there, 5, 0.05, what=lambda: f"metrics that the dashboard asks for: {named - have}")
    for expr in asked:
        assert NAME.search(expr)
        for variable, value in (("$job", "yett"), ("$instance", ".*"), ("$__rate_interval", "10s")):
            expr = expr.replace(variable, value)
        assert "$" not in expr and prometheus.query(expr) is not None


def test_dashboard_can_be_imported():
    """What Grafana wants of a dashboard: places that do not overlap, numbers that are unique, data by a variable."""
    with open(os.path.join(ETC, "grafana.json")) as f:
        dashboard = json.load(f)
    assert dashboard["id"] is None and dashboard["uid"] == "yett" and dashboard["title"] and dashboard["schemaVersion"] >= 36
    variables = {v["name"]: v for v in dashboard["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource" and variables["datasource"]["query"] == "prometheus"
    source, taken = {"type": "prometheus", "uid": "${datasource}"}, set()
    assert all(a["datasource"] == source for a in dashboard["annotations"]["list"])
    assert len({p["id"] for p in dashboard["panels"]}) == len(dashboard["panels"])
    for p in dashboard["panels"]:
        at = p["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert cells and not cells & taken and at["x"] + at["w"] <= 24, p["title"]
        taken |= cells
    for p in panels_of(dashboard):
        assert p["type"] in ("timeseries", "stat") and p["title"] and p["datasource"] == source
        assert p["fieldConfig"]["defaults"]["unit"] and len({t["refId"] for t in p["targets"]}) == len(p["targets"]) > 0
        assert all(t["datasource"] == source and t["legendFormat"] for t in p["targets"])
