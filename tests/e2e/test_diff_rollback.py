"""What differs between revisions, and the way back, which is a revision of its own."""

import pytest
from harness.api import Api
from harness.gateway import from_redis
from harness.procs import wait_until
from test_api_redx import api, gw  # noqa: F401
from test_revisions import in_force, redis, revisions


@pytest.fixture
def made(api):
    """Three revisions."""
    return [api.done("POST", "backends", "web", "10.0.0.1:80")["revision"],
            api.done("POST", "frontends", "a.test", "web")["revision"],
            api.done("PUT", "backends", "web", "10.0.0.1:80", "score", "5")["revision"]]


def rules(api):
    return api.data("frontends"), api.data("backends")


def test_diff(gw, api, made):
    def diff(query):
        r = api.ask("GET", "diff", query=query).json()["data"]
        return r["from"], r["to"], r["diff"]
    scored = {"added": [], "removed": [], "changed": [{"kind": "backend", "name": "web", "changes": [
        {"key": "10.0.0.1:80", "before": "0", "after": "5"}]}]}
    assert diff("") == (made[1], made[2], scored)
    both = diff(f"from={made[0]}")[2]
    assert both["added"] == [{"kind": "frontend", "name": "a.test", "value": "web"}] and both["changed"] == scored["changed"]
    assert diff(f"from={made[2]}&to={made[0]}")[2]["removed"] == both["added"]
    assert "changed  backend  web  10.0.0.1:80: 0 -> 5" in gw.cli("diff").stdout
    assert "removed  frontend  a.test  web" in gw.cli("diff", made[2], made[0]).stdout
    r = gw.cli("diff", "1-1")
    assert r.returncode == 1 and "There is no revision 1-1 among the last 50" in r.stderr
    assert api.ask("GET", "revisions", made[2]).json()["data"]["diff"] == scored


def test_rollback_step_by_step(gw, api, made):
    before = rules(api)
    r = gw.cli("rollback", "--why", "too much")
    assert r.returncode == 0 and "changed  backend  web  10.0.0.1:80: 5 -> 0" in r.stdout
    assert in_force(gw)["why"] == "too much"
    assert gw.cli("rollback").returncode == 0  # the rollback is undone
    assert rules(api) == before
    assert in_force(gw)["why"].startswith("rollback to ")
    assert len(revisions(gw)) == 5


def test_rollback_to_a_revision(gw, api, made):
    r = gw.cli("rollback", made[0], "--dry-run")
    assert r.returncode == 0 and "removed  frontend  a.test  web" in r.stdout and "nothing was changed" in r.stdout
    assert in_force(gw)["revision"] == made[2]
    assert gw.cli("rollback", made[0]).returncode == 0
    assert api.data("frontends") == []
    assert gw.cli("rollback", "4").returncode == 0  # what was before all of them
    assert rules(api) == ([], [])
    r = gw.cli("rollback", "9")
    assert r.returncode == 1 and "There is no revision 9" in r.stderr
    assert gw.cli("rollback", "x").returncode == 2


def test_rollback_of_raw_writes(gateway, store):
    gws = [gateway(from_redis(store)) for _ in range(2)]
    api = Api(gws[0].socket)
    api.done("POST", "backends", "web", "10.0.0.1:80")
    with store.db.pipeline() as one:
        one.hset("backend:web", mapping={"10.0.0.2:80": 0, "_x": 1}).hdel("backend:web", "10.0.0.1:80").execute()
    wait_until(lambda: all((in_force(gw) or {}).get("who") == "raw" for gw in gws))
    assert gws[1].cli("rollback").returncode == 0
    assert redis(store, "HGETALL", "backend:web").split() == ["10.0.0.1:80", "0"]
    wait_until(lambda: in_force(gws[0]) == in_force(gws[1]))


def test_rollback_into_the_unknown(gateway, store):
    """A value that was refused is not known, so nobody can bring it back; what was good before it can be."""
    gw = gateway(from_redis(store))
    api = Api(gw.socket)
    api.done("POST", "backends", "web", "10.0.0.1:80")
    redis(store, "HSET", "backend:web", "10.0.0.1:80", "many")
    wait_until(lambda: (in_force(gw) or {}).get("who") == "raw")
    assert "changed  backend  web  it was or is refused" in gw.cli("diff").stdout
    assert gw.cli("rollback").returncode == 0
    assert redis(store, "HGETALL", "backend:web").split() == ["10.0.0.1:80", "0"]
    r = gw.cli("rollback")
    assert r.returncode == 1 and "backend:web had a value that was refused" in r.stderr
    api.done("POST", "frontends", "a.test", "web")
    r = gw.cli("rollback", "2", "--force")
    assert r.returncode == 0 and "backend:web is left as it is" in r.stderr
    assert api.data("frontends") == [] and redis(store, "HGETALL", "backend:web").split() == ["10.0.0.1:80", "0"]


def test_a_loss_through_the_api_is_no_accident(gateway, store):
    """Neither where it was asked for nor on another gateway; but it wants to be confirmed."""
    gws = [gateway(from_redis(store)) for _ in range(2)]
    for n in range(6):
        Api(gws[0].socket).done("POST", "frontends", f"{n}.test", "b")
    r = gws[0].cli("rollback", "6")
    assert r.returncode == 1 and "--force" in r.stderr
    assert gws[0].cli("rollback", "6", "--force").returncode == 0
    for gw in gws:
        wait_until(lambda: gw.status()["rules"]["frontends"] == 0)
        assert gw.status()["rules"]["withheld"] == 0
