"""Redirects to where an upstream says: asked once, kept for a time; without an answer it is 404."""

import json
import threading

from harness.procs import wait_until

STORE = {"upstream": "store", "source": "https://gitlab.example.org$rest"}
TARGETS = {
    "a/b": "https://renku.example.org/p/1?x=y#z", "a b/ü": "https://renku.example.org/p/2", "plain": "http://renku.example.org",
    "script": "javascript:alert(1)", "lines": "https://renku.example.org/\r\nSet-Cookie: a=b", "user": "https://renku.example.org@evil.org/",
    "back": "https://renku.example.org\\@evil.org/", "path": "/p/3", "none": None, "number": 3, "other": "https://other.example.org/",
}


def start(gateway, serve, **store):
    asked = []

    def answers(r, c):
        asked.append((r.target, r.header("Host"), r.header("Accept")))
        name = r.target.rpartition("example.org%2F")[2]
        if name == "broken":
            c.reply(200, body=b'{"target_url": "https://renku.example.org/", }')
        elif name == "down":
            c.reply(500)
        elif name == "slow":
            release.wait(5)
            c.reply(200, body=json.dumps({"source_url": "x", "target_url": "https://renku.example.org/slow"}).encode())
        else:
            found = {n.replace("/", "%2F").replace(" ", "%20").replace("ü", "%C3%BC"): t for n, t in TARGETS.items()}
            c.reply(200, body=json.dumps({"source_url": "x", "target_url": found[name]}).encode()) if name in found else c.reply(404)

    release = threading.Event()
    up = serve(answers)
    gw = gateway({"workers": 1, "health": {"enabled": False}, "upstreams": {"store": {"endpoints": [f"http://{up.address}/base"]}},
                  "routes": [{"path": "/api/gitlab-redirect", "redirect_store": STORE | store}]})
    return gw, up, asked, release


def test_where_it_has_gone(gateway, serve):
    gw, up, asked, _ = start(gateway, serve)
    for path, location in (("/a/b", TARGETS["a/b"]), ("/a%20b/%c3%bc", TARGETS["a b/ü"]), ("/a%2Fb", TARGETS["a/b"]), ("/plain", TARGETS["plain"])):
        r = gw.ask("/api/gitlab-redirect" + path)
        assert (r.status, r.header("Location"), r.body) == (301, location, b""), path
    assert asked[0] == ("/base/api/data/platform/redirects/https%3A%2F%2Fgitlab.example.org%2Fa%2Fb", up.address, "application/json")
    count = len(asked)
    assert gw.ask("/api/gitlab-redirect/a/b?query").header("Location") == TARGETS["a/b"] and len(asked) == count


def test_404_where_it_is_not_known(gateway, serve):
    gw, _, asked, _ = start(gateway, serve, hosts=["renku.example.org"])
    for name in ("missing", "broken", "down", "script", "lines", "user", "back", "path", "none", "number", "other"):
        r = gw.ask("/api/gitlab-redirect/" + name)
        assert (r.status, r.why, r.header("Location")) == (404, "redirect_unknown", None), name
    assert gw.ask("/api/gitlab-redirect/a/b").status == 301
    metrics = wait_until(lambda: (m := gw.metrics())["yett_redirects_asked_total"] == len(asked) and m, what="the counters")
    assert metrics["yett_redirects_failed_total"] == 1


def test_many_ask_once(gateway, serve):
    gw, _, asked, release = start(gateway, serve)
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(gw.ask("/api/gitlab-redirect/slow").header("Location"))) for _ in range(8)]
    for t in threads:
        t.start()
    wait_until(lambda: len(asked) == 1)
    release.set()
    for t in threads:
        t.join()
    assert answers == ["https://renku.example.org/slow"] * 8 and len(asked) == 1


def test_nobody_to_ask(gateway, serve):
    gw, up, _, _ = start(gateway, serve, ttl="1s")
    assert gw.ask("/api/gitlab-redirect/a/b").status == 301
    up.stop()
    wait_until(lambda: gw.ask("/api/gitlab-redirect/a/b").status == 404, 5, what="the end of what was known")
