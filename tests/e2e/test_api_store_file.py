"""Without Redis rules of the API are kept in state_dir/store.json: over a restart, over kill -9 at any moment."""

import json
import os
import threading
import time

import pytest
from harness.api import Api, FileStore
from harness.procs import wait_until


@pytest.fixture
def kept():
    store = FileStore()
    yield store
    store.finish()


def start(gateway, kept, **more):
    return gateway(kept.config | {"health": {"enabled": False}} | more)


def test_rules_outlive_a_restart(gateway, serve, kept):
    up = serve()
    gw = start(gateway, kept)
    Api(gw.socket).done("POST", "batch", body={"frontends": [{"url": "a", "backend_name": "s\u00fc"}],
                                               "backends": [{"name": "s\u00fc", "servers": [[up.address, 2]], "config": {"k": "v"}}]})
    gw.stop()
    gw.start()
    assert gw.ask(host="a").status == 200 and gw.status()["ready"]
    assert Api(gw.socket).data("backends", "s\u00fc") == {"servers": [up.address], "config": {"k": "v"}}
    assert Api(gw.socket).done("DELETE", "frontends", "a")["revision"] == "0-2"
    assert os.stat(kept.file).st_mode & 0o007 == 0


def test_it_is_written_after_a_reload(gateway, kept):
    gw = start(gateway, kept)
    assert gw.reload().returncode == 0
    Api(gw.socket).done("PUT", "frontends", "a", "b")
    assert json.load(open(kept.file))["keys"] == {"frontend:a": "b"}


def test_killed_in_the_middle_of_writes(gateway, kept):
    """What was answered with 200 is there, and the file is whole."""
    gw = start(gateway, kept)
    done = []

    def write():
        try:
            for i in range(100000):
                Api(gw.socket).done("PUT", "frontends", f"h{i}", "b")
                done.append(i)
        except (OSError, EOFError, AssertionError):
            pass

    for _ in range(3):
        done.clear()
        writer = threading.Thread(target=write)
        writer.start()
        time.sleep(0.4)
        gw.kill()
        writer.join()
        json.load(open(kept.file))
        gw.start()
        urls = {f["url"] for f in Api(gw.socket).data("frontends")}
        assert done and {f"h{i}" for i in done} <= urls
        assert not [f for f in os.listdir(kept.dir) if f.startswith(".new-")]


def damage(path, at=-7):
    with open(path, "rb+") as f:
        text = f.read()[:at]
        f.seek(0)
        f.truncate()
        f.write(text)
    return text


def test_the_copy_before_takes_the_place_of_a_damaged_file(gateway, kept):
    gw = start(gateway, kept)
    for name in "abc":
        Api(gw.socket).done("PUT", "frontends", name, "b")
    gw.stop()
    first = damage(kept.file)
    for again in range(2):  # until somebody writes it stands in for it
        gw.start()
        assert {f["url"] for f in Api(gw.socket).data("frontends")} == {"a", "b"}
        assert "store.json.1 is in force" in gw.cli("status").stdout and gw.status()["ready"]
        if not again:
            gw.stop()
    Api(gw.socket).done("PUT", "frontends", "d", "b")
    assert gw.status()["rules"]["store_error"] == "" and set(json.load(open(kept.file))["keys"]) == {f"frontend:{n}" for n in "abd"}
    gw.stop()
    damage(kept.file, 9)
    gw.start()
    assert {f["url"] for f in Api(gw.socket).data("frontends")} == {"a", "b"}
    assert open(kept.file + ".bad", "rb").read() == first and os.path.exists(kept.file + ".bad.2")


def test_what_is_damaged_is_not_empty(gateway, serve, kept):
    """Nothing is known of what the store closed: not ready, and nothing is written over it."""
    more = {"routes": [{"host": "file.test", "target": serve(name="file").address}]}
    gw = start(gateway, kept, **more)
    for name in "ab":
        Api(gw.socket).done("PUT", "frontends", name, "b")
    gw.stop()
    damage(kept.file)
    damage(kept.file + ".1")
    for _ in range(2):
        gw.start(ready=False)
        wait_until(lambda: gw.ask(host="file.test").json()["name"] == "file", 10)
        assert gw.ask(host="a").why == "rules_not_loaded" and gw.admin("/ready").status == 503
        r = Api(gw.socket).ask("PUT", "frontends", "c", "d")
        assert r.status == 503 and "not known" in r.json()["message"] and not os.path.exists(kept.file)
        assert "store.json.1: not a file of rules" in gw.cli("status").stdout
        gw.stop()
    os.unlink(kept.file + ".bad")
    gw.start()
    Api(gw.socket).done("PUT", "frontends", "c", "d")


def test_a_disk_that_refuses(gateway, kept):
    gw = start(gateway, kept)
    api = Api(gw.socket)
    api.done("PUT", "frontends", "a", "b")
    os.rename(kept.dir, kept.dir + ".away")
    try:
        r = api.ask("PUT", "frontends", "c", "d")
        assert r.status == 503 and "store.json" in r.json()["message"]
        assert [f["url"] for f in api.data("frontends")] == ["a"]
        assert api.ask("GET", "health").status == 500
    finally:
        os.rename(kept.dir + ".away", kept.dir)
    api.done("PUT", "frontends", "c", "d")
    assert set(json.load(open(kept.file))["keys"]) == {"frontend:a", "frontend:c"}


def test_to_redis_and_back(gateway, kept, store, serve):
    """What one store holds is no loss of the other."""
    up = serve()
    gw = start(gateway, kept)
    api = Api(gw.socket)
    api.done("PUT", "frontends", "file.test", "b")
    store.rule("redis.test", up.address)
    with_redis = kept.config | {"health": {"enabled": False}, "redis": {"address": store.address}}
    assert gw.reload(with_redis).returncode == 0
    gw.rules_in_force(lambda r: r["frontends"] == 1 and r["source"] == "redis")
    assert gw.ask(host="redis.test").status == 200 and gw.status()["rules"]["withheld"] == 0
    assert gw.reload(kept.config | {"health": {"enabled": False}}).returncode == 0
    assert [f["url"] for f in api.data("frontends")] == ["file.test"]
    assert set(store.db.keys("frontend:*")) == {b"frontend:redis.test"}
