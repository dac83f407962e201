"""The example configurations of Renku's paths: every path that its own gateway rewrites (0.24 and 1.5), with its GitLab elsewhere and
below /gitlab."""

import os
import re

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
QUERY = "?test1=value1&test2=value2"
GITLAB = "https://gitlab.example.org"
# What is asked; the upstream and the path that it sees (or the status, or where the redirect leads) with an external and an internal GitLab.
PATHS = [
    ("/api/notebooks/x", ("data", "/api/data/notebooks/x")),
    ("/api/data/user/secret_key", 404),
    ("/api/data/user/secret_key/x", 404),
    ("/api/datasets/test", ("knowledge-graph", "/knowledge-graph/datasets/test")),
    ("/api/kg/test", ("knowledge-graph", "/knowledge-graph/test")),
    ("/api/kg/webhooks/projects/123456/events/status", ("webhooks", "/projects/123456/events/status")),
    ("/api/projects/123456/graph/status", ("webhooks", "/projects/123456/events/status")),
    ("/api/projects/123456/graph/status/a/b", ("webhooks", "/projects/123456/events/status/a/b")),
    ("/api/projects/123456/graph/webhooks", ("webhooks", "/projects/123456/webhooks")),
    ("/api/projects/123456/graph/webhooks/a%2Fb", ("webhooks", "/projects/123456/webhooks/a%2Fb")),
    ("/api/projects/123456/graph/webhooks/a/b", ("webhooks", "/projects/123456/webhooks/a/b")),
    ("/api/renku/test", ("core", "/renku/test")),
    ("/api/renku/10", ("core", "/renku")),
    ("/api/renku/10/1.1/test", ("core", "/renku/1.1/test")),
    ("/api/renku/1.1/test", ("core", "/renku/1.1/test")),
    ("/api/renku/8", 404),
    ("/api/renku/7/10/something/else", 404),
    ("/api/renku/9/endpoint.action", ("core-9", "/renku/endpoint.action")),
    ("/api/user/x", ("gitlab", "/api/v4/user/x"), ("gitlab", "/gitlab/api/v4/user/x")),
    ("/api", ("gitlab", "/api/v4"), ("gitlab", "/gitlab/api/v4")),
    ("/api/direct/test", ("gitlab", "/test"), ("gitlab", "/gitlab/test")),
    ("/api/direct", ("gitlab", "/"), ("gitlab", "/gitlab")),
    ("/api/graphql", ("gitlab", "/api/graphql"), ("gitlab", "/gitlab/api/graphql")),
    ("/repos/test", ("gitlab", "/test"), ("gitlab", "/gitlab/test")),
    ("/gitlab/test/something", GITLAB + "/test/something", ("gitlab", "/gitlab/test/something")),
    ("/gitlab", GITLAB + "/", ("gitlab", "/gitlab")),
    ("/api/projects/some.username%2Ftest-project", ("gitlab", "/api/v4/projects/some.username%2Ftest-project"),
     ("gitlab", "/gitlab/api/v4/projects/some.username%2Ftest-project")),
    ("/api/kc/auth/realms/Renku/protocol/openid-connect/userinfo",
     ("keycloak", "/auth/realms/Renku/protocol/openid-connect/userinfo")),
    ("/ui-server/api/data/repositories/https%3A%2F%2Fexample.org%2Fgroup%2Frepo",
     ("data", "/api/data/repositories/https%3A%2F%2Fexample.org%2Fgroup%2Frepo")),
    # A slash at the end is taken off.
    ("/api/data/x/", ("data", "/api/data/x")),
    ("/api/renku/10/", ("core", "/renku")),
    ("/api/data/user/secret_key/", 404),
    ("/other", 404),
    ("/api//data/user/secret_key", 404),
]


@pytest.mark.parametrize("gitlab", ["external", "internal"])
def test_paths(gateway, serve, gitlab):
    with open(f"{ROOT}/etc/examples/renku-{gitlab}-gitlab.yaml", encoding="utf-8") as f:
        text = f.read()
    for name, address in re.findall(r"^  ([\w-]+): \{endpoints: \[(.*)\]\}$", text, re.M):
        text = text.replace(f"[{address}]", f'["{serve(name=name).address}"]')
    gw = gateway(text + "health: {enabled: false}\n")
    for asked, *wants in PATHS:
        want, answer = wants[-1 if gitlab == "internal" else 0], gw.ask(asked + QUERY)
        if isinstance(want, str):
            assert (answer.status, answer.header("Location")) == (301, want + QUERY), asked
        elif isinstance(want, int):
            assert answer.status == want, asked
        else:
            seen = answer.json()
            assert (answer.status, seen["name"], seen["target"]) == (200, want[0], want[1] + QUERY), asked
    assert gw.ask("/health").status == gw.ask("/health/").status == gw.ask("/version").status == 200
    assert gw.ask("/health").body == b"" and gw.ask("/version").body.startswith(b"yett ")


@pytest.mark.parametrize("profile", ["renku", "none"])
def test_trace(gateway, serve, profile):
    """What Renku's pages send again and again is no part of a trace."""
    up = serve()
    gw = gateway({"compatibility": profile, "routes": [{"target": up.address}], "health": {"enabled": False}})
    trace = {"Sentry-Trace": "1-2-1", "Baggage": "sentry-x=y", "X-Request-ID": "mine"}
    for again, kept in (({}, True), ({"Renku-Repeated-Request": "true"}, profile != "renku"), ({"Renku-Repeated-Request": "false"}, True)):
        answer = gw.ask("/x", headers=trace | again)
        seen = up.requests[-1]
        assert (seen.header("sentry-trace"), seen.header("baggage")) == (("1-2-1", "sentry-x=y") if kept else (None, None))
        assert seen.header("x-request-id") == answer.header("x-request-id") == "mine"
