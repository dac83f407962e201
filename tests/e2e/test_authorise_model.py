"""Random conditions over random requests come to what a small model of them says: whether they pass, and the reason."""

import json
import random

from harness.gateway import LONG
from harness.tokens import SECRET, token

ROUTES, REQUESTS = (400, 60) if LONG else (80, 12)
WORDS = ["a", "b", "c"]
CLAIMS = ["t", "x.y", "n", "roles", "groups"]
METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE"]
ADDRESSES = {"10.0.0.0/8": ["10.1.2.3"], "192.0.2.7": ["192.0.2.7"], "2001:db8::/33": ["2001:db8::1"], "": ["192.0.2.8", "2001:db8:8000::1"]}
WHO = {"scopes", "roles", "groups", "claims", "kinds"}
REASON = {"scopes": "scope_insufficient", "addresses": "address_refused"}


def some(rng, words=WORDS):
    return rng.sample(words, rng.randrange(1, 3))


def mapping(rng, depth):
    """A mapping with some keys."""
    kinds = ["scopes", "roles", "groups", "claims", "methods", "addresses", "kinds"] + ["any", "all", "not"] * (2 if depth < 4 else 0)
    m = {}
    for kind in rng.sample(kinds, rng.choice([1, 1, 1, 2])):
        if kind in ("any", "all"):
            m[kind] = [mapping(rng, depth + 1) for _ in range(rng.randrange(1, 4))]
        elif kind == "not":
            m[kind] = mapping(rng, depth + 1)
        elif kind == "claims":
            m[kind] = {name: rng.choice([some(rng), some(rng)[0], 1, True, {"present": True}, {"present": False}])
                       for name in rng.sample(CLAIMS, rng.randrange(1, 3))}
        elif kind in ("methods", "addresses", "kinds"):
            m[kind] = some(rng, {"methods": METHODS, "addresses": [a for a in ADDRESSES if a], "kinds": ["token", "api_key"]}[kind])
        else:
            m[kind] = rng.choice([some(rng), some(rng)[0]] + ([[]] if kind == "groups" else []))
    return m


def claim(rng):
    return rng.choice(["a", "b", "a b", "", 1, 1.5, True, None, [], ["a"], ["b", "c"], ["c", {"a": 1}], {"a": "a"}, [["a"]], ["a", ["b"]], "A"])


def request(rng):
    claims = {name: claim(rng) for name in rng.sample(["scope", "scp", "t", "n", "roles", "groups", "userGroup", "x", "x.y"], rng.randrange(6))}
    if rng.random() < 0.4:
        claims["x"] = {"y": claim(rng)}
    if rng.random() < 0.3:
        claims["realm_access"] = {"roles": claim(rng)}
    claims = {name: v for name, v in claims.items() if v is not None}  # as token() does
    return {"claims": None if rng.random() < 0.15 else claims, "method": rng.choice(METHODS),
            "ip": rng.choice([ip for ips in ADDRESSES.values() for ip in ips])}


# ---- the model ----

def values(claims, path):
    v = claims.get(path) if path in claims else None
    if path not in claims and "." in path:
        head, rest = path.split(".", 1)
        v = claims[head].get(rest) if isinstance(claims.get(head), dict) else None
    out = [v] if not isinstance(v, list) else v
    return [v if isinstance(v, (dict, list)) else str(v).lower() if isinstance(v, bool) else str(v) for v in out if v is not None]


def listed(v):
    return [v] if not isinstance(v, list) else v


def text(v):
    return str(v).lower() if isinstance(v, bool) else str(v)


def has(r, paths, wanted, split=False):
    """True, False, or None: nobody can tell."""
    answer = False
    for v in (v for p in paths for v in values(r["claims"], p)):
        if wanted == []:
            return True
        if isinstance(v, (dict, list)):
            answer = None
        elif set(v.split(" ") if split else [v]) & {text(w) for w in wanted}:
            return True
    return answer


def leaf(r, kind, name, v):
    if kind in WHO and r["claims"] is None:
        return None
    if kind == "scopes":
        return has(r, ["scope", "scp"], listed(v), split=True)
    if kind == "roles":
        return has(r, ["roles", "realm_access.roles"], listed(v))
    if kind == "groups":
        return v == [] or has(r, ["groups", "userGroup"], listed(v))
    if kind == "claims":
        return has(r, [name], [] if isinstance(v, dict) else listed(v))
    if kind == "kinds":
        return "token" in v
    if kind == "methods":
        return r["method"] in v or r["method"] == "HEAD" and "GET" in v
    return any(r["ip"] in ADDRESSES[a] for a in v)


def judge(r, m, negated, blame):
    """Does it hold? Leaves that fail are added to blame, the last one in vain is the reason."""
    parts = []
    for kind, v in m.items():
        if kind in ("any", "all"):
            parts.append((kind, v))
        elif kind == "not":
            parts.append(("not", v))
        elif kind == "claims":
            parts += [("leaf", (kind, name, w)) for name, w in v.items()]
        else:
            parts.append(("leaf", (kind, "", v)))

    def part(kind, v):
        if kind == "not":
            return judge(r, v, not negated, blame)
        if kind in ("any", "all"):
            return together(kind == "all", [lambda w=w: judge(r, w, negated, blame) for w in v])
        absent = isinstance(v[2], dict) and not v[2]["present"]
        answer = leaf(r, *v)
        holds = answer is not None and answer != (negated != absent)
        if not holds:
            blame.append((v[0], negated != absent))
        return holds

    def together(every, judges):
        stop = every == negated  # the first that holds, or the first that does not, decides
        return next((stop for j in judges if j() == stop), not stop)
    return together(True, [lambda p=p: part(*p) for p in parts])


def verdict(r, m):
    blame = []
    if asks_who(m) and r["claims"] is None:
        return "token_missing"
    if judge(r, m, False, blame):
        return None
    kind, negated = blame[-1]
    if kind in WHO and r["claims"] is None:
        return "token_missing"
    return "not_authorised" if kind == "scopes" and negated else REASON.get(kind, "not_authorised")


def asks_who(m):
    return any(k in WHO or k == "not" and asks_who(v) or k in ("any", "all") and any(map(asks_who, v)) for k, v in m.items())


def test_as_the_model_says(gateway, serve):
    rng = random.Random(20261127)
    rules = [mapping(rng, 0) for _ in range(ROUTES)]
    gw = gateway({"upstreams": {"u": {"endpoints": [serve().address]}}, "gate": {"secret": SECRET}, "trusted_proxies": ["127.0.0.1"],
                  "limits": {"keepalive_requests": 100000},
                  "routes": [{"path": f"/{n}", "upstream": "u", "authorize": m} for n, m in enumerate(rules)]})
    c, seen = gw.connect(), {}
    for n in [n for n in range(ROUTES) for _ in range(REQUESTS)]:
        r = request(rng)
        who = "" if r["claims"] is None else f"Authorization: Bearer {token(**r['claims'])}\r\n"
        c.send(f"{r['method']} /{n} HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: {r['ip']}\r\n{who}Content-Length: 0\r\n\r\n".encode())
        got, want = c.read(method=r["method"]), verdict(r, rules[n])
        assert (got.why or None) == want and (got.status == 200) == (want is None), (json.dumps(rules[n]), r, got, want)
        seen[want] = seen.get(want, 0) + 1
    assert len(seen) == 5 and min(seen.values()) > ROUTES * REQUESTS / 100, seen
