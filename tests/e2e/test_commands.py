"""What all commands have in common: JSON, also of what goes wrong; exit statuses; help with an example; what they print to."""

import json
import os
import re
import shlex
import socket

import pytest

from harness import procs
from harness.gateway import BINARY, from_redis, proxy_to
from harness.procs import wait_until

pytestmark = pytest.mark.skipif(not BINARY, reason="no binary")



def run(command):
    """Leaks are sought in the first command of each kind; the search takes as long as the command."""
    leaks = "" if command[0] != BINARY or command[-1] == "--json" else "detect_leaks=0"
    return procs.run(command, os.environ | {"ASAN_OPTIONS": leaks})


ROWS = json.loads(run([BINARY, "help", "--json"]).stdout) if BINARY else []
# What each is called with, where it needs more than its name.
WORDS = {"explain": ["GET", "/"], "sessions": ["u"], "suspend": ["u"], "resume": ["u"], "apply": ["{dir}/rules.yaml"], "key": ["list"],
         "import": ["redx", "{dir}/absent"], "cascade": ["retry", "x"], "schema": ["rules"], "token": ["-c", "{dir}/absent"],
         "check": ["-c", "{dir}/absent"], "doctor": ["-c", "{dir}/absent"], "tail": ["status=5xx"]}
ASKING = [r["name"] for r in ROWS if "--socket PATH]" in r["usage"] and r["name"] != "doctor"]


def words_of(name, folder):
    (folder / "rules.yaml").write_text("routes: {}\n")
    return [name] + [w.format(dir=folder) for w in WORDS.get(name, [])]


def failed(done, status):
    said = json.loads(done.stdout)
    assert done.returncode == status and said["ok"] is False and said["exit_status"] == status, done
    assert said["error"] and said["error"] == done.stderr.rstrip("\n"), done
    return said["error"]


@pytest.mark.parametrize("name", [r["name"] for r in ROWS if r["name"] != "run"])
def test_json_where_nothing_is(name, tmp_path):
    """No gateway, no file: an object all the same, or what it prints without them."""
    words = words_of(name, tmp_path) + ["--json"]
    if name in ASKING:
        error = failed(run([BINARY, *words, "--socket", str(tmp_path / "none.sock")]), 2)
        assert "none.sock" in error and "is the gateway running?" in error
        return
    done = run([BINARY, *words])
    said = json.loads(done.stdout)
    assert done.returncode == (2 if name in ("check", "doctor", "token", "import") else 0), done
    if done.returncode:
        assert str(tmp_path / "absent") in str(said)


@pytest.mark.parametrize("row", ROWS, ids=lambda r: r["name"])
def test_help_teaches(row):
    told = run([BINARY, row["name"], "--help"]).stdout
    words = " ".join(told.split())
    assert told == run([BINARY, "help", row["name"]]).stdout and words.startswith(f"usage: yett {' '.join(row['usage'].split())} ")
    assert words.count("Exit status") == 1 and told.endswith(f"For example:\n  {row['example']}\n")
    assert max(map(len, told.partition("For example:")[0].splitlines())) <= 80
    if row["name"] != "run":
        assert "--json" in row["usage"]
    # Each example is written as the usage says.
    for command in re.findall(r"yett (?!yett)([^;&|>)]+)", row["example"]):
        words = shlex.split(command)
        if words[0] == "run":
            continue
        socketed = ["--socket", "/nonexistent"] if words[0] in ASKING else []
        if words[0] != "doctor":
            done = run([BINARY, *words, *socketed])
            assert "usage" not in done.stderr and "does not know" not in done.stderr, done


def test_overview():
    """For who sees it first: what each is for, on a terminal of 80 columns."""
    told = run([BINARY, "help"]).stdout
    assert told == run([BINARY, "--help"]).stdout and max(map(len, told.splitlines())) <= 80
    for row in ROWS:
        assert row["summary"] and f"\n  {row['name']:11}  {row['summary']}\n" in told


def test_a_command_line_that_is_not_understood():
    for words in (["status", "--jsno"], ["nope"], ["status", "word"], ["top", "--by"], ["import", "--worker", "1"], ["drain", "--strict"]):
        failed(run([BINARY, *words, "--json"]), 2)


def test_places_that_are_wrong(tmp_path):
    """Each names the place and the remedy."""
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(tmp_path / "dead"))
    (tmp_path / "file").write_text("")
    os.chmod(tmp_path, 0o755)
    (tmp_path / "closed").mkdir(mode=0o700)
    for place, told in ((tmp_path / "dead", "start it again"), (tmp_path / "file", "start it again"), (tmp_path / ("x" * 200), "name another by --socket"),
                        (tmp_path / "file" / "x", "--socket PATH")):
        done = run([BINARY, "status", "--socket", str(place)])
        assert done.returncode == 2 and str(place) in done.stderr and told in done.stderr, done
    if os.getuid() == 0:
        done = run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", BINARY, "status", "--socket", str(tmp_path / "closed" / "s")])
        assert done.returncode in (2, 126, 127) and ("run the command as root" in done.stderr or done.returncode > 2), done


@pytest.fixture(scope="module")
def running(lasting_gateway, lasting_serve):
    return lasting_gateway(proxy_to(lasting_serve(), name="main") | {"workers": 1})


@pytest.mark.parametrize("words, status", [(["cascade"], 1), (["sessions", "u"], 1), (["top", "--hour", "2026-11-27T10"], 1), (["drain", "nope"], 1),
                                           (["drain", "--worker", "9"], 1), (["key", "revoke", "nope"], 1), (["explain", "GET"], 2),
                                           (["tail", "x=y"], 2), (["wait", "nosuch"], 1), (["maintenance", "soon"], 2)])
def test_what_the_gateway_refuses(running, words, status):
    failed(running.cli(*words, "--json"), status)


@pytest.mark.parametrize("words", [["resume", "nobody"], ["rollback", "99"], ["wait"]])
def test_what_is_refused_with_more_to_say(running, words):
    done = running.cli(*words, "--json")
    said = json.loads(done.stdout)
    assert done.returncode == 1 and said["ok"] is False and said["error"] == said["message"] and "version" in said


def test_into_a_pipe_that_ends(running):
    """It ends as others do, and says nothing."""
    for command in ("help settings", "status --socket " + running.socket, "top --socket " + running.socket):
        done = run(["bash", "-c", f"{BINARY} {command} | head -n 1; echo ${{PIPESTATUS[0]}}"])
        assert done.stdout.splitlines()[-1] in ("0", "141") and not done.stderr, done


def test_onto_a_full_disk(running):
    for words in (["help"], ["status", "-c", running.file], ["status", "--json", "-c", running.file], ["schema", "rules"]):
        done = run(["sh", "-c", 'exec "$@" > /dev/full', "sh", BINARY, *words])
        assert done.returncode == 2 and "cannot be written" in done.stderr, done


def test_nothing_moves_the_cursor(gateway, store):
    """Names and texts of others, in Redis or in a file, are shown without what a terminal would obey."""
    bad = "x\x1b[2J\x07\u009b2J"
    store.db.set(f"frontend:{bad}", "b")
    store.db.set(f"yett:route:{bad}", "{")
    store.db.hset("backend:b", f"127.0.0.1:9{bad}", "5")
    gw = gateway(from_redis(store))
    wait_until(lambda: gw.status()["rules"]["refused"], 5)
    with open(gw.dir + "/rules.yaml", "w") as f:
        json.dump({"routes": {"r": {"path": "/r", "upstream": "u\u009b2J"}}, "upstreams": {"\u009bu": {}}}, f)
    for words in (["status"], ["routes"], ["routes", "--refused"], ["export"], ["export", "redx"], ["history"], ["diff", f.name], ["apply", f.name],
                  ["top"], ["errors"], ["explain", "GET", "http://x/"], ["doctor"], ["fleet"], ["suspended"], ["drain", bad], ["key", "revoke", "x"]):
        done = gw.cli(*words)
        told = done.stderr + ("" if words[0] == "export" else done.stdout)
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", told), (words, told)
