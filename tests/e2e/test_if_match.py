"""Optimistic concurrency: a write that names the revision it was made for happens to no other."""

from concurrent.futures import ThreadPoolExecutor

from harness.api import Api
from harness.gateway import from_redis
from harness.procs import wait_until
from test_api_redx import api, gw  # noqa: F401
from test_revisions import in_force, redis, revisions


def tag(api):
    return api.ask("GET", "frontends").header("ETag")


def test_a_read_names_its_revision(gw, api):
    assert tag(api) is None  # there is none yet
    made = api.done("POST", "frontends", "a.test", "b")["revision"]
    assert tag(api) == f'"{made}"'
    again = api.done("PUT", "frontends", "a.test", "c", headers=[("If-Match", tag(api))])["revision"]
    r = api.ask("PUT", "frontends", "a.test", "d", headers=[("If-Match", made)])
    assert r.status == 409 and r.json()["message"] == "another revision is in force" and r.json()["revision"] == again
    assert api.data("frontends", "a.test") == "c"
    for form in ('', '""', 'W/"{}"', '"0-0", W/"{}"', '"{}'):
        r = api.ask("PUT", "frontends", "a.test", "d", headers=[("If-Match", form.format(again))])
        assert r.status == 409, form
    for n, form in enumerate(('"{}"', '"0-0", "{}"', "*", "{}")):
        again = api.done("PUT", "frontends", "a.test", f"b{n}", headers=[("If-Match", form.format(again))])["revision"]
    for verb in "apply", "rollback":
        r = api.ask("POST", verb, body={"frontends": {}}, headers=[("If-Match", made)])
        assert (r.status, r.json()["revision"]) == (409, again)


def test_of_two_writers_one_wins(gateway, store):
    apis = [Api(gateway(from_redis(store)).socket) for _ in range(2)]
    made = apis[0].done("POST", "frontends", "a.test", "b")["revision"]
    wait_until(lambda: tag(apis[1]) == f'"{made}"')

    def put(n):
        return apis[n % 2].ask("PUT", "frontends", "a.test", f"b{n}", headers=[("If-Match", made)]).status
    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(put, range(8))) == [200] + [409] * 7
    assert redis(store, "XLEN", "yett:revisions") == "2"


def test_a_raw_write_is_another_revision(gateway, store):
    gw = gateway(from_redis(store))
    api = Api(gw.socket)
    made = api.done("POST", "frontends", "a.test", "b")["revision"]
    redis(store, "SET", "frontend:raw.test", "b")
    wait_until(lambda: (in_force(gw) or {}).get("who") == "raw")
    assert api.ask("DELETE", "frontends", "a.test", headers=[("If-Match", made)]).status == 409
    r = gw.cli("rollback", "--if-match", made)
    assert r.returncode == 1 and "another revision is in force" in r.stderr
    assert gw.cli("rollback", "--if-match", in_force(gw)["revision"]).returncode == 0
    assert [r["who"] for r in revisions(gw)][1] == "raw"
