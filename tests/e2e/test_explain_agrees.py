"""Of random requests by random rules an explanation says what happens to them: the same status and reason, the same route, the
same endpoint, the same target and identity upstream. 10 000 of them in the long form."""

import json
import random

from harness import client, tokens
from harness.gateway import LONG
from harness.procs import wait_until

HOSTS = ["a.test", "b.a.test", "c.b.a.test", "other.test", "A.Test:80", "a.test:81", "x y", ""]
WORDS = ["a", "b", "api", "A", "%2f", "%41", "..", ".", "", "b;x", "%3ab", "login"]
METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]
ROUNDS, REQUESTS = (40, 250) if LONG else (8, 250)


def path(rng, words, most):
    return "/" + "/".join(rng.choice(words) for _ in range(rng.randrange(most)))


def rules(rng, upstreams):
    routes, places = [], set()
    for i in range(rng.randrange(3, 25)):
        route = {"name": f"r{i}", "path": path(rng, ["a", "b", "api", "A"], 4), "upstream": rng.choice(list(upstreams))}
        if rng.random() < 0.6:
            route["host"] = rng.choice(["a.test", "*.a.test", "b.a.test", "*.test", "a.test:81"])
        if rng.random() < 0.3:
            route["exact"] = True
        if rng.random() < 0.3:
            route["strip_prefix"] = True
        if rng.random() < 0.3:
            route["priority"] = rng.randrange(-3, 4)
        if rng.random() < 0.2:
            route["methods"] = rng.sample(METHODS, 2)
        if rng.random() < 0.2:
            route["headers"] = [{"name": "X-Beta", "value": rng.choice("12")}]
        if rng.random() < 0.1:
            route["query"] = [{"name": "q", "present": True}]
        if rng.random() < 0.3:
            route["cors"] = {"origins": ["https://a.test"]}
        if rng.random() < 0.3:
            route["authorize"] = rng.choice([{"scopes": ["s"]}, {"not": {"scopes": ["s"]}, "shadow": True}, {"methods": ["GET"]},
                                             {"any": [{"addresses": "192.0.2.0/24"}, {"scopes": "s"}]}])
        place = (route.get("host"), route["path"].replace("//", "/").rstrip("/"), route.get("exact"))
        if place not in places:
            routes.append(route)
        places.add(place)
    return routes


def gate(rng):
    def entry():
        e = {"path": path(rng, ["a", "b", "api"], 2)}
        if rng.random() < 0.4:
            e["methods"] = rng.sample(METHODS[:6], 2)
        return e
    return {"protect": [entry() for _ in range(rng.randrange(1, 4))], "except": [entry() for _ in range(rng.randrange(2))],
            "secret": tokens.SECRET, "claims": {"id": "auth_id"}}


def ask(rng, number):
    headers = {"X-Request-Id": f"n{number}"}
    if rng.random() < 0.5:
        headers |= tokens.bearer(rng.choice(GOOD + BAD))
    for name, values in (("X-Beta", ["1", "2"]), ("Cookie", ["a=b"]), ("auth-id", ["forged"]), ("X-Forwarded-For", ["192.0.2.1"])):
        if rng.random() < 0.2:
            headers[name] = rng.choice(values)
    query = rng.choice(["", "", "?q=1", "?beta"])
    method = rng.choice(METHODS)
    if method == "OPTIONS" and rng.random() < 0.7:
        headers |= {"Origin": "https://a.test", "Access-Control-Request-Method": rng.choice(METHODS)}
    return {"method": method, "path": path(rng, WORDS, 5) + query, "host": rng.choice(HOSTS), "headers": headers}


GOOD = [tokens.token(id="42", scope="r s"), tokens.token(id="x")]
BAD = [tokens.token(exp=1), tokens.token("another secret of more than thirty-two bytes"), "rubbish", tokens.token(id=None)]


def real(c, q):
    r = c.ask(q["path"], q["method"], q["host"], q["headers"])
    if r.header("Connection") == "close":
        c.gone = True
    if r.why:
        return {"status": r.status, "reason": r.why}
    if r.header("X-Seen") is None:
        return {"status": r.status, "allowed": r.header("Access-Control-Allow-Methods")}
    seen = json.loads(r.header("X-Seen"))
    return {"endpoint": seen["address"], "target": seen["target"], "identity": seen["identity"], "method": seen["method"],
            "host": seen["host"]}


def told(e):
    if e["outcome"] == "refused":
        return {"status": e["status"], "reason": e["reason"]}
    if e["outcome"] == "answered":
        headers = {h["name"]: h["value"] for h in e["answer"]["headers"]}
        return {"status": e["status"], "allowed": headers["Access-Control-Allow-Methods"]}
    sent = {h["name"]: h["value"] for h in e["sent"]["headers"]}
    method, target, _ = e["sent"]["line"].split(" ")
    return {"endpoint": next(x["address"] for x in e["upstream"]["endpoints"] if x["picked"]), "target": target,
            "identity": len(sent["auth_id"]) > 0 if "auth_id" in sent else False, "method": method, "host": sent["Host"]}


def explain(c, q):
    question = {"method": q["method"], "url": q["path"],
                "headers": [{"name": n, "value": v} for n, v in ({"Host": q["host"]} | q["headers"]).items()]}
    r = c.ask("/explain", "POST", body=json.dumps(question).encode())
    assert r.status == 200, (q, r)
    return r.json()


def answer(r, c):
    """Also an answer to HEAD tells what was seen."""
    c.read_body(r)
    identity = r.all("auth_id")
    seen = {"address": c.server.address, "target": r.target, "identity": bool(identity) and "forged" not in identity,
            "method": r.method, "host": r.header("Host")}
    c.reply(200, {"X-Seen": json.dumps(seen)})


def fresh(c, to):
    if c is None or getattr(c, "gone", False):
        if c:
            c.close()
        c = client.Client(to)
    return c


def test_what_is_told_is_what_happens(gateway, serve):
    rng = random.Random(5)
    names = {f"u{i}": [serve(answer).address for _ in range(i + 1)] for i in range(3)}
    base = {"upstreams": {n: {"endpoints": a} for n, a in names.items()} | {"none": {"endpoints": ["nowhere.invalid:80"]}}, "workers": 1,
            "timeouts": {"start_wait": "100ms"}, "health": {"enabled": False}, "limits": {"keepalive_requests": 1000000}}
    gw = gateway(base | {"routes": [{"upstream": "u0"}]})
    routes, reasons, preflights, number, c = {}, set(), 0, 0, None
    admin = client.Client(gw.socket)
    for _ in range(ROUNDS):
        done = gw.reload(base | {"routes": rules(rng, base["upstreams"]), "gate": gate(rng)})
        assert done.returncode == 0, done.stderr
        for _ in range(REQUESTS):
            number += 1
            q, c = ask(rng, number), fresh(c, gw.port)
            e = explain(admin, q)
            happened = real(c, q)
            assert told(e) == happened, (q, e)
            assert not e["route"] or e["route"]["id"] not in [n["id"] for n in e["near"]], (q, e)
            routes[f"n{number}"] = e["route"]["id"] if e["route"] else None
            reasons.add(happened.get("reason"))
            preflights += "allowed" in happened
    assert {None, "no_route", "bad_host", "bad_path", "token_missing", "token_expired",
            "upstream_unresolved", "method_not_allowed"} <= reasons, reasons
    assert preflights > ROUNDS
    lines = wait_until(lambda: len(found := {e["id"]: e.get("route") for e in gw.access_log()}) >= number and found, 5)
    assert {n: lines[n] for n in routes} == routes
