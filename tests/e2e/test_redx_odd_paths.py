"""Where Yett departs from redx on purpose: paths that are not canonical. redx decides by the bytes of the path and passes them
on, so that what it judged and what the upstream understands may differ; the same table stands in yett.yaml(5)."""

import pytest

from harness.gateway import from_redis
from harness.redx_model import find

RULES = {"test": "all", "test/api": "api", "test/pub": "pub"}

# path; where redx sends it; where Yett does, or the status of its refusal; the path that the upstream sees
TABLE = [
    ("//api///x", "api", "api", "/api/x"),               # empty segments: the same rule, passed on without them
    ("/%61pi/x", "all", "api", "/api/x"),                # an unreserved character is what it stands for
    ("/./api/x", "all", "api", "/api/x"),                # dot segments are resolved
    ("/pub/../api/x", "pub", "api", "/api/x"),
    ("/pub/%2e%2e/api/x", "pub", "api", "/api/x"),
    ("/api/a%2Fb", "api", "api", "/api/a%2Fb"),          # an encoded slash stays where no rule is crossed
    ("/api/a%2F..%2Fb", "api", 400, None),               # but not two dots that only some see
    ("/api/a[1]", "api", "api", "/api/a%5B1%5D"),        # what browsers do not encode
    ("/pub/..%2fapi/x", "pub", 400, None),               # and is refused where one is
    ("/api%2Fx", "all", 400, None),
    ("/api;v=1/x", "all", 400, None),                    # as are parameters that hide a rule
    ("/pub/..;/api/x", "pub", 400, None),
    ("/api/x;v=1", "api", "api", "/api/x;v=1"),
    ("/api\\x", "all", 400, None),                       # no URI (RFC 3986 section 3.3)
    ("/api/%00", "api", 400, None),
    ("/api/%c0%af", "api", 400, None),                   # an overlong form of a slash
]


@pytest.mark.parametrize("path, redx, ours, forwarded", TABLE)
def test_row(gateway, store, serve, path, redx, ours, forwarded):
    ups = {name: serve(name=name) for name in ("all", "api", "pub")}
    backends = {name: {u.address: "0"} for name, u in ups.items()}
    for url, backend in RULES.items():
        store.db.set("frontend:" + url, backend)
    for backend, servers in backends.items():
        store.db.hset("backend:" + backend, mapping=servers)
    assert find("riox", 3, RULES, backends, "test", path) == {ups[redx].address}
    r = gateway(from_redis(store, dialect="riox", max_path_length=3)).ask(path)
    if isinstance(ours, int):
        assert (r.status, r.why) in ((ours, "bad_path"), (ours, "bad_request"))
        assert not any(u.requests for u in ups.values())
    else:
        assert (r.json()["name"], r.json()["target"]) == (ours, forwarded)
