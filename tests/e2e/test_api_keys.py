"""API keys: made by a command that shows them once, kept as digests in the file, in Redis or in a state file, and good for the
same identity as a token."""

import glob
import hashlib
import json
import os
import time

from harness.gateway import BINARY, from_redis, merge, proxy_to
from harness.procs import run, wait_until
from harness.tokens import SECRET, bearer, token

KEY = "a key that an operator brought along, of enough bytes"


def digest(key):
    return hashlib.sha256(key.encode()).hexdigest()


def gated(**gate):
    whole = {"secret": SECRET, "protect": ["/"], "claims": {"sub": "X-User"}, "sources": ["bearer", "api_key"]} | gate
    return {"gate": {n: v for n, v in whole.items() if v is not None}}


def add(gw, name, *arguments):
    done = gw.cli("key", "add", name, *arguments)
    assert done.returncode == 0, done
    return done.stdout.strip()


def shown(gw, key, header="X-API-Key"):
    return gw.ask("/x", headers={header: key})


def test_a_key_from_its_making_to_its_end(gateway, serve, kept):
    """In every worker when the command returns, and nowhere but in its output."""
    up = serve()
    gw = gateway(merge(kept, merge(proxy_to(up), gated()) | {"workers": 4}))
    key = add(gw, "ci", "--claim", "scope=deploy", "--claim", 'groups:=["a","b"]')
    assert key.startswith("yett_") and len(key) == 48
    assert {shown(gw, key).status for _ in range(20)} == {200}
    seen = shown(gw, key, "x-api-key").json()["headers"]
    assert dict((n.lower(), v) for n, v in seen)["x-user"] == "ci" and "x-api-key" not in [n.lower() for n, _ in seen]
    assert gw.logged(user="ci")["status"] == 200
    listed = gw.cli("key", "list").stdout
    assert listed.splitlines()[1].split() == ["ci", "ci", "store", "active", "never"] and key not in listed
    assert gw.cli("key", "add", "ci").returncode == 1
    assert shown(gw, key[:-1] + ("A" if key[-1] != "A" else "B")).why == shown(gw, "x").why == "api_key_invalid"
    assert gw.ask("/x").why == "token_missing" and gw.ask("/x", headers=bearer(token(sub="7"))).status == 200
    assert gw.ask("/x", headers=[("X-API-Key", key), ("X-API-Key", key)]).why == "token_repeated"
    done = gw.cli("key", "revoke", "ci")
    assert done.returncode == 0, done
    assert {shown(gw, key).why for _ in range(20)} == {"api_key_invalid"}
    assert gw.cli("key", "revoke", "ci").returncode == 1
    files = [f for f in glob.glob(os.path.join(gw.dir, "**"), recursive=True) if os.path.isfile(f)]
    assert not [f for f in files if key.encode() in open(f, "rb").read()]


def test_a_key_that_cannot_be_printed(gateway, serve):
    """Nobody has it: it is not left behind."""
    gw = gateway(merge(proxy_to(serve()), gated()))
    for words in ([], ["--json"]):
        done = run(["sh", "-c", 'exec "$@" > /dev/full', "sh", BINARY, "key", "add", "ci", *words, "--socket", gw.socket])
        assert done.returncode == 2 and "the key cannot be printed, and is revoked" in done.stderr and "shown this once" not in done.stderr, done
        assert gw.cli("key", "list").stdout == "There are no API keys.\n"


def test_what_redis_says_is_in_force_at_once(gateway, serve, store):
    gw = gateway(merge(from_redis(store), merge(proxy_to(serve()), gated())))
    store.db.set("yett:key:raw", json.dumps({"sha256": digest(KEY), "claims": {"sub": "brought"}}))
    wait_until(lambda: shown(gw, KEY).status == 200, 3)
    store.db.set("yett:key:raw", json.dumps({"sha256": "nonsense"}))  # its last good version stays
    wait_until(lambda: gw.status()["rules"]["refused"], 3)
    assert shown(gw, KEY).status == 200
    store.db.delete("yett:key:raw")
    wait_until(lambda: shown(gw, KEY).why == "api_key_invalid", 3)


def test_known_keys_outlive_redis_and_a_restart(gateway, serve, store):
    gw = gateway(merge(from_redis(store), merge(proxy_to(serve()), gated())))
    key = add(gw, "ci")
    saved = os.path.join(gw.state_dir, "rules.json")
    wait_until(lambda: os.path.exists(saved) and digest(key) in open(saved).read(), 5)
    gw.stop()
    store.kill()
    gw.start()
    assert shown(gw, key).status == 200
    assert gw.cli("key", "revoke", "ci").returncode == 2


def test_of_the_file(gateway, serve):
    """Beside those of the store; one that has expired is none, and the file wins over the store."""
    def config(**gate):
        soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 4))
        return merge(proxy_to(serve()), gated(**gate)) | {"api_keys": {
            "own": {"sha256": digest(KEY), "claims": {"sub": "7", "n": 1, "deep": {"a": [True, None, "x"]}}},
            "old": {"sha256": digest("old"), "expires": "2020-01-01"}, "soon": {"sha256": digest("soon"), "expires": soon}}}
    gw = gateway(config())
    assert shown(gw, KEY).status == shown(gw, "soon").status == 200 and shown(gw, "old").why == "api_key_invalid"
    wait_until(lambda: shown(gw, "soon").why == "api_key_invalid", 12)
    own = add(gw, "own")
    assert shown(gw, own).why == "api_key_invalid" and "shadowed" in gw.cli("key", "list").stdout
    # Keys alone need no secret; another header, and upstreams may have it.
    assert gw.reload(config(sources=["api_key"], secret=None, api_key_header="ApiKey", api_key_forward=True)).returncode == 0
    assert shown(gw, KEY).why == "token_missing" and gw.ask("/x", headers=bearer(token(sub="7"))).why == "token_missing"
    assert ["apikey", KEY] in [[n.lower(), v] for n, v in shown(gw, KEY, "APIKEY").json()["headers"]]
    told = gw.cli("explain", "GET", "http://test/x", "-H", f"ApiKey: {KEY}").stdout
    assert "token: good" in told and KEY not in told and "ApiKey" in told
    assert gw.reload(config(sources=["bearer"])).returncode == 0
    assert shown(gw, KEY).why == "token_missing" and "off" in gw.cli("key", "list").stdout


def test_names_that_are_none(gateway, serve):
    gw = gateway(proxy_to(serve()) | gated(protect=[]))
    for name in ("a/b", "", "a b", "a?x"):
        assert gw.cli("key", "add", name).returncode == 2 and gw.cli("key", "revoke", name).returncode == 2
