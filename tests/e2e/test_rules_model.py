"""Random rules and random requests, against a model that reads every rule at every request."""

import random
import re

from harness.gateway import LONG
from harness.procs import wait_until

SETS, REQUESTS = (50, 200) if LONG else (5, 200)
HOSTS = ["", "a.test", "b.a.test", "*.a.test", "*.test", "a.test:81"]
ASKED = ["a.test", "A.test:81", "b.a.test", "c.b.a.test", "x.test", "other"]
SEGMENTS = ["a", "b", "ab", "1"]
METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE"]
VALUES = ["", "1", "12", "x1", "one two"]


def random_path(rng, most=3):
    return "/" + "/".join(rng.choice(SEGMENTS) for _ in range(rng.randrange(most + 1)))


def random_condition(rng, query):
    how = rng.choice(["value", "regex", "present", "present"] + ([] if query else ["prefix"]))
    c = {"name": rng.choice(["p", "q"] if query else ["X-P", "x-q"])}
    if how == "present":
        c["present"] = rng.random() < 0.7
    else:
        c[how] = {"value": rng.choice(VALUES), "prefix": rng.choice(["1", "x"]), "regex": rng.choice(["[0-9]+", "x?1", "(a|1)*2?"])}[how]
    if rng.random() < 0.2:
        c["not"] = True
    return c


def random_rule(rng, name):
    r = {"name": name, "host": rng.choice(HOSTS), "path": random_path(rng, 2), "upstream": "u", "priority": rng.randrange(-1, 2)}
    if rng.random() < 0.25:
        r |= {"exact": True, "path": r["path"] + ("/" if rng.random() < 0.3 and r["path"] != "/" else "")}
    elif rng.random() < 0.15:
        r["path_regex"] = rng.choice(["/.*1", "(/[ab]+)*", "/a.*"])
    if rng.random() < 0.3:
        r["methods"] = rng.sample(METHODS, rng.randrange(1, 4))
    r["headers"] = [random_condition(rng, False) for _ in range(rng.choice([0, 0, 0, 1, 2]))]
    r["query"] = [random_condition(rng, True) for _ in range(rng.choice([0, 0, 0, 1]))]
    return r


def asks(rule):
    return len(rule["headers"]) + len(rule["query"]) + ("methods" in rule) + ("path_regex" in rule)


def condition_holds(c, values):
    if "value" in c:
        hit = c["value"] in values
    elif "prefix" in c:
        hit = any(v.startswith(c["prefix"]) for v in values)
    elif "regex" in c:
        hit = any(re.fullmatch(c["regex"], v, re.DOTALL) for v in values)
    else:
        hit = bool(values) == c["present"]
    return hit != c.get("not", False)


def conditions_hold(rule, request):
    fields, query = request["headers"], request["query"]
    return (all(condition_holds(c, [v for n, v in fields if n.lower() == c["name"].lower()]) for c in rule["headers"])
            and all(condition_holds(c, [v for n, v in query if n == c["name"]]) for c in rule["query"])
            and ("path_regex" not in rule or re.fullmatch(rule["path_regex"], request["path"]) is not None))


def method_holds(rule, method):
    allowed = set(rule.get("methods", METHODS))
    return method in allowed | ({"HEAD"} if "GET" in allowed else set())


def path_applies(rule, path):
    if rule.get("exact"):
        return path == rule["path"]
    return rule["path"] == "/" or path == rule["path"] or path.startswith(rule["path"] + "/")


def host_level(rule, request):
    """(level, place): the lower level wins before paths are compared, the lower place between equal paths."""
    host, (name, _, port) = rule["host"], request["host"].lower().partition(":")
    if not host:
        return 1000, 0
    if host.startswith("*."):
        return (100 - len(host), 0) if name.endswith(host[1:]) else None
    if host == f"{name}:{port}":
        return 0, 0
    return (0, 1) if host == name else None


def model(rules, request):
    """Name of the rule that answers, else None and the methods that would have had one."""
    best, allowed = None, set()
    for rule in rules:
        level = host_level(rule, request)
        if level is None or not path_applies(rule, request["path"]) or not conditions_hold(rule, request):
            continue
        if not method_holds(rule, request["method"]):
            allowed |= {m for m in METHODS if method_holds(rule, m)}
            continue
        depth = len(rule["path"].rstrip("/"))
        rank = (level[0], -depth, level[1], not rule.get("exact"), -rule["priority"], -asks(rule), rules.index(rule))
        if best is None or rank < best[0]:
            best = rank, rule["name"]
    return (best[1], set()) if best else (None, allowed)


def random_request(rng):
    path = random_path(rng)
    return {"method": rng.choice(METHODS), "host": rng.choice(ASKED), "path": path + ("/" if rng.random() < 0.2 and path != "/" else ""),
            "headers": [(rng.choice(["X-P", "x-p", "X-Q"]), rng.choice(VALUES)) for _ in range(rng.randrange(3))],
            "query": [(rng.choice(["p", "q", "r"]), rng.choice(VALUES)) for _ in range(rng.randrange(3))]}


def target(request):
    pairs = [f"{n}={v.replace(' ', '+' if len(n) else '%20')}" for n, v in request["query"]]
    return request["path"] + ("?" + "&".join(pairs) if pairs else "")


def distinct(rules):
    """Without those that the file would be refused for: the same place and conditions twice."""
    seen = set()
    for r in rules:
        key = (r["host"], r["path"], r.get("exact", False), str(sorted(r.get("methods", []))), str(r.get("path_regex")),
               str(sorted(map(str, r["headers"]))), str(sorted(map(str, r["query"]))))
        if key not in seen:
            seen.add(key)
            yield r


def check(gw, rules, requests):
    before = len(gw.access_log())
    answers = []
    with gw.connect() as c:
        for q in requests:
            answers.append(c.ask(target(q), method=q["method"], host=q["host"], headers=q["headers"]))
    wait_until(lambda: len(gw.access_log()) == before + len(requests), 10)
    for q, answer, line in zip(requests, answers, gw.access_log()[before:]):
        name, allowed = model(rules, q)
        if name is None:
            allow = set((answer.header("allow") or "").split(", ")) - {""}
            assert (answer.status, allow) == (405 if allowed else 404, allowed), (q, line, rules)
        else:
            assert line["route"] == "file:" + name, (q, name, line, rules)
    return sum(model(rules, q)[0] is not None for q in requests)


def test_model(gateway, serve):
    rng = random.Random(4711)
    up = {"upstreams": {"u": {"endpoints": [serve().address]}}}
    gw = gateway(up)
    matched = 0
    for _ in range(SETS):
        rules = list(distinct(random_rule(rng, f"r{i}") for i in range(rng.randrange(1, 40))))
        done = gw.reload(up | {"routes": rules})
        assert done.returncode == 0, done.stdout + done.stderr
        matched += check(gw, rules, [random_request(rng) for _ in range(REQUESTS)])
    assert SETS * REQUESTS * 0.3 < matched < SETS * REQUESTS * 0.95
