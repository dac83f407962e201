"""An earlier version beside this one, as while a fleet is upgraded: they know one another, wait for one another, and each has what
the other pushes. The earlier one is what was recorded of it, and where YETT_OLD names its binary, that as well."""

import os

import pytest

from harness.api import Api
from harness.gateway import from_redis
from harness.old_gateway import REVISIONS, OldGateway
from harness.procs import wait_until

BINARY = os.environ.get("YETT_OLD")


class RealOne:
    """As OldGateway is asked."""

    def __init__(self, gw):
        self.gw, self.id = gw, gw.status()["gateway"]

    @property
    def revision(self):
        return self.fleet()[self.id]["revision"]

    def push(self, name, rule):
        return Api(self.gw.socket).done("PUT", "rules", "route", name, body=rule)["revision"]

    def fleet(self):
        return {g["id"]: g for g in Api(self.gw.socket).data("fleet")["gateways"] if g["state"] != "gone"}

    def check_newest(self):
        assert self.gw.status()["rules"]["refused"] == []

    def finish(self):
        self.gw.stop()


@pytest.fixture(params=["recorded"] + ["real"] * bool(BINARY))
def old(request, gateway, store):
    made = OldGateway(store) if request.param == "recorded" else RealOne(gateway(from_redis(store), binary=BINARY))
    yield made
    if request.param == "recorded":
        made.finish()


def redirect(to):
    return {"path": f"/{to}", "redirect": {"to": f"http://{to}/"}}


def push(gw, to):
    return Api(gw.socket).ask("PUT", "rules", "route", to, query="wait=fleet", body=redirect(to))


def known(gw, old):
    return {g["id"]: g for g in Api(gw.socket).data("fleet")["gateways"]}.get(old.id)


def test_side_by_side(gateway, store, old):
    gw = gateway(from_redis(store))
    own = gw.status()["gateway"]
    wait_until(lambda: known(gw, old) and own in old.fleet(), 5)
    assert known(gw, old)["state"] == old.fleet()[own]["state"] == "ready" and known(gw, old)["format"] == 1

    r = push(gw, "one")
    assert r.status == 200 and "warnings" not in r.json() and old.revision == r.json()["revision"], r
    old.check_newest()
    wait_until(lambda: old.fleet()[own]["revision"] == r.json()["revision"], 3)

    revision = old.push("two", redirect("two"))
    assert gw.cli("wait", revision, "--all", "--timeout", "5s").returncode == 0
    assert gw.ask("/one").header("Location") == "http://one/" and gw.ask("/two").header("Location") == "http://two/"
    assert store.db.xlen(REVISIONS) == 2 and [r["revision"] for r in Api(gw.socket).data("revisions")["revisions"]][0] == revision
    back = Api(gw.socket).ask("POST", "rollback", query="wait=fleet&to=" + r.json()["revision"])
    assert back.status == 200 and back.json()["revision"] == old.revision, back  # what the other one noted is understood
    old.check_newest()
    assert gw.ask("/two").status == 404

    gw.stop()
    assert own not in old.fleet()


def test_an_old_one_lags(gateway, store):
    old, gw = OldGateway(store), gateway(from_redis(store))
    try:
        wait_until(lambda: known(gw, old), 5)
        assert push(gw, "one").status == 200
        old.lags = True
        r = push(gw, "two")
        assert r.status == 202 and [g["gateway"] for g in r.json()["lagging"]] == [old.id]
        old.state = "draining"
        wait_until(lambda: known(gw, old)["state"] == "draining", 3)
        assert gw.cli("wait", "--all", "--timeout", "5s").returncode == 0
    finally:
        old.finish()
