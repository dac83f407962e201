"""`yett doctor`: finds what is wrong, its remedies mend it, and it changes and tells nothing that it should not."""

import email.utils
import json
import os
import shlex
import shutil
import socket
import time

import pytest

from harness import client
from harness import gateway as g
from harness.authority import DAY, Authority
from harness.gateway import from_redis, merge, proxy_to
from harness.procs import free_port, run, wait_until
from harness.redis_server import RedisServer

pytestmark = pytest.mark.skipif(not g.BINARY, reason="no binary")

SECRET, PASSWORD = "a-secret-of-thirty-two-bytes-or-more", "hunter2-hunter2"


def doctor(folder, config, *more, before=()):
    file = folder / "yett.yaml"
    file.write_text(config if isinstance(config, str) else json.dumps(config))
    done = run([*before, g.BINARY, "doctor", "-c", str(file), *more])
    assert SECRET not in done.stdout + done.stderr and PASSWORD not in done.stdout + done.stderr
    return done


def findings(folder, config, before=()):
    done = doctor(folder, config, "--json", before=before)
    said = json.loads(done.stdout)
    assert done.returncode == (0 if said["ok"] else 1), done
    assert said["problems"] == sum(f["state"] == "problem" for f in said["checks"])
    return said["checks"]


def of(found, check, *states):
    return [f for f in found if f["check"] == check and f["state"] in (states or ["problem", "warning"])]


def one(found, check, *states):
    those = of(found, check, *states)
    assert len(those) == 1, found
    return those[0]


@pytest.fixture
def plain(tmp_path):
    """What has nothing wrong."""
    (tmp_path / "state").mkdir(mode=0o700)
    (tmp_path / "run").mkdir(mode=0o755)
    return {"listeners": [f"127.0.0.1:{free_port()}"], "workers": 2, "run_dir": str(tmp_path / "run"),
            "state_dir": str(tmp_path / "state"), "upstreams": {"u": {"endpoints": ["127.0.0.1:9"]}},
            "routes": [{"path": "/", "upstream": "u"}]}


@pytest.fixture(scope="module")
def server():
    server = RedisServer()
    server.db.set("frontend:a.example/", "b")
    yield server
    server.finish()


@pytest.fixture
def careless(server):
    """A Redis that throws away what is in it, with a user who may read alone."""
    server.db.config_set("maxmemory-policy", "allkeys-lru")
    server.db.acl_setuser("yett", enabled=True, reset=True, passwords=["+" + PASSWORD], keys=["frontend:*"],
                          categories=["+@read"], commands=["+ping", "+info", "+client", "+multi", "+select"])
    return server


def test_permissions_of_files_and_folders(tmp_path, plain):
    secret = tmp_path / "jwt.secret"
    secret.write_text(SECRET)
    secret.chmod(0o644)
    os.chmod(plain["state_dir"], 0o777)
    config = plain | {"gate": {"protect": ["/"], "secret": {"file": str(secret)}}}
    found = findings(tmp_path, config)
    assert one(found, "configuration")["remedy"] == f"chmod 600 {secret}"
    assert one(found, "state folder")["state"] == "problem" and not of(found, "run folder")
    for check in "configuration", "state folder":
        assert run(shlex.split(one(found, check)["remedy"])).returncode == 0
    found = findings(tmp_path, config)
    assert not of(found, "configuration") and not of(found, "state folder")


def test_descriptors(tmp_path, plain):
    config = plain | {"limits": {"connections": 1000}}
    assert not of(findings(tmp_path, config), "descriptors")
    few = one(findings(tmp_path, config, before=["prlimit", "--nofile=512"]), "descriptors")
    assert few["state"] == "problem" and "limits.connections is 1000" in few["text"] and few["remedy"] == "ulimit -n 262144"


def test_certificates(tmp_path, plain):
    authority, rows = Authority(), []
    for name, ends in ("old", -DAY), ("short", 5 * DAY), ("good", 80 * DAY):
        pair = authority.issue(f"{name}.example", starts=-90 * DAY, ends=ends)
        rows.append(pair.write(str(tmp_path / f"{name}.pem"), str(tmp_path / f"{name}.key")))
    found = findings(tmp_path, merge(plain, {
        "listeners": [{"address": f"127.0.0.1:{free_port()}", "tls": True}], "tls": {"certificates": rows},
        "routes": [{"host": h, "upstream": "u"} for h in ("good.example", "other.example")]}))
    bad = one(found, "certificate", "problem")
    assert "old.pem" in bad["text"] and "expired" in bad["text"] and not of(found, "configuration")
    short, other = of(found, "certificate", "warning")
    assert "short.pem" in short["text"] and "other.example" in other["text"]
    assert "good.pem" in one(found, "certificate", "ok")["text"]


def test_a_log_that_cannot_be_opened(tmp_path, plain):
    """What run refuses is told before."""
    config = plain | {"access_log": str(tmp_path / "no" / "access.log")}
    found = findings(tmp_path, config)
    told = one(found, "log room")
    assert told["state"] == "problem" and told["text"].startswith(str(tmp_path / "no") + " ") and "is not made" in one(found, "configuration")["text"]
    assert run(shlex.split(told["remedy"], comments=True)).returncode == 0
    assert one(findings(tmp_path, config), "log room", "ok")


def test_a_port_that_is_taken(tmp_path, plain):
    assert one(findings(tmp_path, plain), "listener", "ok")
    with socket.create_server(("127.0.0.1", int(plain["listeners"][0].split(":")[1]))):
        assert "in use" in one(findings(tmp_path, plain), "listener", "problem")["text"]


def test_redis_that_forgets_and_forbids(tmp_path, plain, careless):
    config = plain | {"redis": {"address": careless.address, "username": "yett", "password": PASSWORD}}
    before = careless.db.keys(), careless.db.dbsize()
    found = of(findings(tmp_path, config), "redis")
    assert [f["state"] for f in found] == ["problem", "warning", "problem", "warning"]
    assert "maxmemory-policy allkeys-lru" in found[0]["text"] and "append-only" in found[1]["text"]
    assert found[2]["remedy"] == f"redis-cli -u redis://{careless.address} ACL SETUSER yett ~backend:*"
    # Whether a key may be used the server says when the command may.
    for f in found[0], found[2], found[3], None:
        f = f or of(findings(tmp_path, config), "redis")[1]
        assert run(shlex.split(f["remedy"])).stdout == "OK\n"
    assert ["append-only" in f["text"] for f in of(findings(tmp_path, config), "redis")] == [True]
    assert (careless.db.keys(), careless.db.dbsize()) == before


def sessions_in(server, **redis):
    return {"login": {"url": "https://shop.example", "cookie_keys": [SECRET], "token_keys": [SECRET[::-1]],
                      "redis": {"address": server.address} | redis,
                      "providers": {"corp": {"issuer": "https://127.0.0.1:9", "client_id": "shop", "client_secret": PASSWORD}}}}


def test_the_user_of_the_manual_may_do_all_that_sessions_need(tmp_path, plain, server):
    config = plain | sessions_in(server, username="yett", password=PASSWORD)
    with open(os.path.join(g.ROOT, "etc/man/yett.8")) as page:
        rows = page.read().split("ACL SETUSER yett on ")[1].split(".fi")[0].replace("PASSWORD", PASSWORD).split()
    for lacks in None, "+hincrby", "~refreshLock:*", "+client|id", "+multi":
        server.db.execute_command("ACL", "SETUSER", "yett", "reset", "on", *(r for r in rows if r != lacks))
        found = [f for f in of(findings(tmp_path, config), "sessions") if "user yett" in f["text"]]
        assert [f["remedy"] for f in found] == ([f"redis-cli -u redis://{server.address} ACL SETUSER yett {lacks}"] if lacks else []), lacks


def test_redis_that_others_name_is_not_asked(tmp_path, plain):
    config = plain | {"redis": {"sentinel": {"addresses": ["127.0.0.1:9"], "master": "m"}}}
    assert one(findings(tmp_path, config), "redis", "unknown")["remedy"].startswith("yett run")


def test_redis_that_is_not_there(tmp_path, plain):
    config = plain | {"redis": {"address": f"127.0.0.1:{free_port()}"}}
    found = one(findings(tmp_path, config), "redis")
    assert found["state"] == "problem" and "cannot be used" in found["text"]


def test_redis_that_is_silent_does_not_hold_it_up(tmp_path, plain):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        config = plain | {"redis": {"address": "127.0.0.1:%d" % silent.getsockname()[1]}}
        assert one(findings(tmp_path, config), "redis")["state"] == "problem"


def test_a_wrong_password(tmp_path, plain, careless):
    config = plain | {"redis": {"address": careless.address, "username": "yett", "password": PASSWORD + "x"}}
    assert "WRONGPASS" in one(findings(tmp_path, config), "redis")["text"]


def test_a_name_that_does_not_resolve(tmp_path, plain):
    config = merge(plain, {"upstreams": {"u": {"endpoints": ["localhost:9", "no-such-host.invalid:80"]}},
                           "dns": ["127.0.0.1:9"]})
    assert "no-such-host.invalid" in one(findings(tmp_path, config), "names")["text"]


def test_a_gateway_that_runs(gateway, careless):
    gw = gateway(from_redis(careless), own=True, env={"NOTIFY_SOCKET": "@no-service-manager"})
    said = json.loads(run([gw.binary, "doctor", "--json", "-c", gw.file]).stdout)
    assert said["running"] and not of(said["checks"], "listener", "ok", "problem")
    for check in "gateway", "workers", "reload", "version":
        assert not of(said["checks"], check), said
    assert ("runs as root" in one(said["checks"], "sandbox")["text"]) == (os.geteuid() == 0)
    assert "WatchdogSec" in one(said["checks"], "unit")["text"]
    text = run([gw.binary, "doctor", "-c", gw.file])
    assert text.returncode == 1 and "\x1b" not in text.stdout
    assert text.stdout.splitlines()[0].split()[:2] == ["problem", "redis"]
    # Another file is installed, and the one that is configured was refused.
    with open(gw.file) as f:
        good = f.read()
    with open(gw.file, "w") as f:
        json.dump(json.loads(good) | {"workerz": 1}, f)
    assert run([g.BINARY, "reload", "-c", gw.file]).returncode == 1
    said = json.loads(run([g.BINARY, "doctor", "--json", "-c", gw.file]).stdout)
    assert one(said["checks"], "version")["remedy"] == f"yett upgrade -c {gw.file}"
    assert one(said["checks"], "reload") and one(said["checks"], "configuration")


def test_acl_of_what_is_kept_beside_rules(tmp_path, plain, server):
    """Suspensions, statistics and the cascade have keys of their own: each that is lacking is named, and with it all is well."""
    config = plain | {"redis": {"address": server.address, "username": "yett", "password": PASSWORD}, "statistics": {"flush": "redis"},
                      "cascade": {"enabled": True, "stream": "user.deleted"}}
    rows = ("on", ">" + PASSWORD, "resetchannels", "&__redis__:invalidate", "~frontend:*", "~backend:*", "~yett:*", "~user.deleted", "+@all")
    for lacks, state in (None, None), ("-hscan", "warning"), ("-hincrby", "warning"), ("-zadd", "problem"), ("-xreadgroup", "problem"), ("~user.deleted", "problem"):
        less = [r for r in rows if r != lacks] + ([lacks] if lacks and lacks[0] == "-" else [])
        server.db.execute_command("ACL", "SETUSER", "yett", "reset", *less)
        found = [f for f in of(findings(tmp_path, config), "redis") if "user yett" in f["text"]]
        want = "+" + lacks[1:] if lacks and lacks[0] == "-" else lacks
        assert [(f["state"], f["remedy"]) for f in found] == ([(state, f"redis-cli -u redis://{server.address} ACL SETUSER yett {want}")] if lacks else [])


def test_clocks_of_providers(tmp_path, plain, serve):
    """What their Date says, against gate.leeway; who does not answer, or not with keys, is named."""
    def answer(request, c):
        who = request.path.strip("/")
        date = email.utils.formatdate(time.time() + {"ahead": 600, "behind": -20}.get(who, 0), usegmt=True)
        c.reply(404 if who == "none" else 200, headers={"Date": date, "Content-Type": "application/json"}, body=b'{"keys": []}')

    up = serve(answer)
    issuers = {who: {"issuer": f"http://{who}.example", "algorithms": ["ES256"], "allow_http": True, "jwks_uri": f"http://{up.address}/{who}"}
               for who in ("good", "ahead", "behind", "none")}
    issuers["absent"] = issuers["good"] | {"issuer": "http://absent.example", "jwks_uri": f"http://127.0.0.1:{free_port()}/"}
    found = findings(tmp_path, plain | {"gate": {"protect": ["/"], "issuers": issuers}})
    clocks = {f["text"].split("provider ")[1].split(";")[0]: f for f in of(found, "clock") if "provider" in f["text"]}
    assert set(clocks) == {"ahead", "behind"} and (clocks["ahead"]["state"], clocks["behind"]["state"]) == ("problem", "warning")
    assert "behind that of provider ahead" in clocks["ahead"]["text"] and "ahead of that of provider behind" in clocks["behind"]["text"]
    assert [f["text"].split()[0] for f in of(found, "provider", "ok")] == ["good", "ahead", "behind"]
    none, absent = of(found, "provider", "problem")
    assert "none does not say its keys: it answers 404" == none["text"] and none["remedy"] == f"curl -v http://{up.address}/none"
    assert absent["text"].startswith("absent ") and "refused" in absent["text"]


def test_workers_of_an_earlier_image(gateway, serve):
    def stream(r, c):
        c.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")
        c.wait_gone()

    def told():
        return of(json.loads(run([gw.binary, "doctor", "--json", "-c", gw.file]).stdout)["checks"], "workers")

    gw = gateway(proxy_to(serve(stream)) | {"workers": 1}, own=True)
    client.exchange(gw.port, b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n")
    with gw.connect() as c:
        c.send(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
        c.read_until(b"x\r\n")
        shutil.copy(g.BINARY, gw.binary + ".new")
        os.rename(gw.binary + ".new", gw.binary)
        assert gw.cli("upgrade").returncode == 0
        # The admin worker of before is told to end once the new one serves, and takes its time, too.
        wait_until(lambda: [f["state"] for f in told() if "1 of an earlier image still lives" in f["text"]] == ["warning"], 8, what=told)
        assert "bad_host" in gw.cli("errors").stdout  # it is known on, as long as who refused it lives
    wait_until(lambda: not told(), 8, what=told)


def test_mistakes_and_no_file(tmp_path, plain):
    found = findings(tmp_path, plain | {"workerz": 1})
    assert "workerz" in one(found, "configuration", "problem")["text"] and one(found, "backlog", "ok", "warning")
    assert run([g.BINARY, "doctor", "-c", str(tmp_path / "absent.yaml")]).returncode == 2
