"""`yett apply`: the rules become what a file says."""

import json

import pytest
from harness.api import Api
from harness.gateway import from_redis
from harness.procs import wait_until
from test_api_redx import api, gw  # noqa: F401
from test_revisions import in_force, redis, revisions


@pytest.fixture
def write(tmp_path):
    def write(text):
        file = tmp_path / "rules.yaml"
        file.write_text(text if isinstance(text, str) else json.dumps(text))
        return str(file)
    return write


RULES = """
frontends:
  a.test: web
  b.test/x: web
backends:
  web: {"10.0.0.1:80": 0, _cookie: sticky}
"""


def test_apply(gw, api, write):
    api.done("POST", "frontends", "old.test", "gone")
    r = gw.cli("apply", write(RULES), "--dry-run")
    assert r.returncode == 0
    assert r.stdout.splitlines() == [
        "added    backend   web       {\"10.0.0.1:80\":\"0\",\"_cookie\":\"sticky\"}",
        "added    frontend  a.test    web",
        "added    frontend  b.test/x  web",
        "removed  frontend  old.test  gone",
        "nothing was changed"]
    assert gw.cli("diff", write(RULES)).stdout == r.stdout
    assert len(revisions(gw)) == 1
    r = gw.cli("apply", write(RULES), "--why", "from the repository")
    assert r.returncode == 0 and r.stdout.endswith(f"revision {in_force(gw)['revision']} is in force in every worker\n")
    assert in_force(gw)["why"] == "from the repository"
    assert sorted(f["url"] for f in api.data("frontends")) == ["a.test", "b.test/x"]
    r = gw.cli("apply", write(RULES))
    assert r.returncode == 0 and r.stdout == "nothing differs\n"
    assert len(revisions(gw)) == 2  # what changes nothing is no revision


def test_families_that_are_not_named_stay(gw, api, write):
    api.done("POST", "backends", "kept", "10.0.0.1:80")
    assert gw.cli("apply", write("frontends: {a.test: kept}")).returncode == 0
    assert gw.cli("apply", write({"frontends": {}})).returncode == 0
    assert api.data("frontends") == [] and [b["name"] for b in api.data("backends")] == ["kept"]


def test_mistakes(gw, write):
    def refused(text, *lines, status=1):
        file = write(text)
        r = gw.cli("apply", file)
        assert r.returncode == status, r
        for line in lines:
            assert line.format(file) in r.stderr, r.stderr
    refused("frontends:\n  a: b\n  a: c\n", "{}:3: the name stands twice; remove one of the two")
    refused("frontends: [\n", "{}:2: ")
    refused("", "{}:1: there are no rules in it")
    refused("rutes: {{}}\nbackends: {b: {h: many}}".replace("{{}}", "{}"), "{}: rutes: unknown; rules are routes,",
            '{}: backends.b: field "h": the score is no number', "nothing was changed")
    assert gw.cli("apply", "/nonexistent").returncode == 2
    assert gw.cli("apply").returncode == 2
    assert revisions(gw) == []


def test_a_mass_loss_is_confirmed(gw, api, write):
    many = {"frontends": {f"{n}.test": "b" for n in range(6)}}
    assert gw.cli("apply", write(many)).returncode == 0
    r = gw.cli("apply", write("frontends: {0.test: b}"))
    assert r.returncode == 1 and "More than half of the rules would go; confirm it by --force" in r.stderr
    assert len(api.data("frontends")) == 6
    assert gw.cli("apply", write("frontends: {0.test: b}"), "--force").returncode == 0
    assert [f["url"] for f in api.data("frontends")] == ["0.test"]


def test_what_was_lost_is_written_again(gateway, store, write):
    """A loss that is withheld ends for what the file names: it is there, or gone."""
    gw = gateway(from_redis(store))
    rules = {"frontends": {f"{n}.test": "web" for n in range(6)}, "backends": {"web": {"10.0.0.1:80": 0}}}
    assert gw.cli("apply", write(rules)).returncode == 0
    for kept in 6, 1:
        store.db.flushall()
        wait_until(lambda: gw.status()["rules"]["withheld"] > 1, what="the loss is withheld")
        rules["frontends"] = {f"{n}.test": "web" for n in range(kept)}
        r = gw.cli("apply", write(rules), "--force")
        assert r.returncode == 0 and gw.status()["rules"]["withheld"] == 0, r
        assert len(store.db.keys("frontend:*")) == kept
        assert store.db.hgetall("backend:web") == {b"10.0.0.1:80": b"0"}
    assert len(Api(gw.socket).data("frontends")) == 1


def test_a_dry_run_that_is_misspelt_is_none_at_all(gw, api):
    for query in "dry_run", "dry_run=true", "dry_run=", "dry-run=1", "dryrun=1", "wait=5", "force=yes", "force=1&dry_run=TRUE", "dry_run=1=1":
        for verb in "apply", "rollback":
            r = api.ask("POST", verb, body={"frontends": {"a.test": "b"}}, query=query)
            assert r.status == 400 and "nothing was done" in r.json()["message"], (query, r)
    assert api.ask("PUT", "frontends", "a.test", "b", query="wait=no").status == 400
    assert api.data("frontends") == [] and revisions(gw) == []
    api.done("PUT", "frontends", "a.test", "b", query="_=1&wait=1")
    api.done("POST", "apply", body={"frontends": {}}, query="dry_run=0&&force=0")


def test_more_than_it_takes(api):
    r = api.ask("POST", "apply", body=b" " * (17 << 20))
    assert r.status == 413 and "16 MiB" in r.json()["message"]


def test_fields_that_others_write_stay(gateway, store, write):
    """Of a hash only what differs is written."""
    gw = gateway(from_redis(store))
    Api(gw.socket).done("POST", "backends", "web", "10.0.0.1:80")
    assert gw.cli("apply", write("backends: {web: {\"10.0.0.1:80\": 0, \"10.0.0.2:80\": 1}}")).returncode == 0
    assert redis(store, "HGETALL", "backend:web").split() == ["10.0.0.1:80", "0", "10.0.0.2:80", "1"]


NATIVE = """
upstreams:
  shop: {endpoints: [ADDRESS]}
routes:
  shop: {path: /shop, upstream: shop, methods: [GET]}
  old: {path: /old, upstream: shop}
policies:
  private: {protect: [/shop/admin]}
"""


def test_native_rules(gw, api, write, serve):
    text = NATIVE.replace("ADDRESS", serve().address)
    assert gw.cli("apply", write(text)).returncode == 0
    assert gw.ask("/shop").status == gw.ask("/old").status == 200
    r = gw.cli("apply", write(text.replace("GET", "GET, POST").replace("  old:", "  new:")))
    assert r.stdout.splitlines()[:3] == [
        'added    route  new   {"path":"/old","upstream":"shop"}',
        'removed  route  old   {"path":"/old","upstream":"shop"}',
        'changed  route  shop  methods: ["GET"] -> ["GET","POST"]']
    assert gw.ask("/shop", "POST").status == 200
    assert gw.cli("rollback").returncode == 0
    assert gw.ask("/shop", "POST").status == 405
    r = gw.cli("apply", write("routes: {bad: {path: no, upstream: x}}"))
    assert r.returncode == 1 and "rules.yaml: routes.bad: " in r.stderr and "nothing was changed" in r.stderr
    assert gw.ask("/old").status == 200


def test_what_is_wrong_beside_the_configuration_is_not_stored(gateway, kept, write):
    gw = gateway(kept | {"gate": {"secret": "s" * 32, "claims": {"id": "X-User"}}})
    bad = {"routes": {"bad": {"path": "/", "respond": {"status": 200}}, "worse": {
        "path": "/", "backend": "b", "request_headers": {"set": {"x-user": "me"}}}}}
    for command in ("apply", "diff"):
        r = gw.cli(command, write(bad))
        assert r.returncode == 1 and "rules.yaml: routes.worse: " in r.stderr and "routes.bad" not in r.stderr, r
    assert Api(gw.socket).data("rules")["routes"] == {} and revisions(gw) == []
    r = gw.cli("diff", "--replay", write(bad))
    assert r.returncode == 1 and "routes.worse: " in r.stderr
