"""The management API as an OpenAPI 3.1 document: it is the table that `yett help api` prints, and what it says of answers is true."""

import json
import os
import re

import pytest
from harness import gateway as g
from harness.api import Api
from harness.procs import run

jsonschema = pytest.importorskip("jsonschema")

pytestmark = pytest.mark.skipif(not g.BINARY, reason="no binary")


@pytest.fixture(scope="module")
def document():
    return json.loads(run([g.BINARY, "schema", "api"]).stdout)


def operations(document):
    return {(method.upper(), path): operation for path, item in document["paths"].items()
            for method, operation in item.items() if method != "parameters"}


def references(part):
    if isinstance(part, dict):
        yield from [part["$ref"]] if "$ref" in part else []
    for below in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from references(below)


def test_it_is_the_table(document):
    lines = run([g.BINARY, "help", "api"]).stdout.splitlines()
    rows = {}
    for line, role, text in zip(lines[::3], lines[1::3], lines[2::3]):
        *methods, path = line.split()
        rows |= {(method, path): (role.split()[1], text.strip()) for method in methods}
    said = {k: (o["x-yett-role"], o["description"]) for k, o in operations(document).items()}
    with open(os.path.join(g.ROOT, "worker/admin.c"), encoding="utf-8") as f:
        own = re.findall(r'^\t{ { "(/\w+)", \d+ }, admin_\w+ },$', f.read(), re.M) + ["/dashboard"]
    assert len(own) == 4 and len(rows) > 50 and rows == {k: v for k, v in said.items() if k[1] not in own}
    assert {k[1] for k in said.keys() - rows.keys()} == set(own)


def test_form(document):
    assert document["openapi"] == "3.1.0" and document["info"].keys() >= {"title", "version"}
    names = [o["operationId"] for o in operations(document).values()]
    assert len(names) == len(set(names)) and all(re.fullmatch(r"[a-z_]+", name) for name in names)
    for path, item in document["paths"].items():
        assert [p["name"] for p in item["parameters"]] == re.findall(r"{(\w+)}", path)
        assert item.keys() <= {"parameters", "get", "put", "post", "delete"}
        for operation in [o for m, o in item.items() if m != "parameters"]:
            assert operation.keys() <= {"description", "operationId", "x-yett-role", "parameters", "requestBody", "responses"}
            for p in item["parameters"] + operation.get("parameters", []):
                assert p.keys() == {"name", "in", "required", "schema"} and p["required"] == (p["in"] == "path")
            rules = operation["x-yett-role"] == "write" and not path.startswith(("/suspended", "/sessions"))
            assert rules == ({"wait", "If-Match", "X-Yett-Why"} <= {p["name"] for p in operation.get("parameters", [])})
            assert "default" in operation["responses"] and operation["responses"].keys() <= {"200", "202", "503", "default"}
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    used = set(references(document))
    assert len(used) >= 7
    for reference in used:
        part = document
        for key in reference.removeprefix("#/").split("/"):
            part = part[key]


NAMES = {"retry_after": "off", "server": "10.0.0.1:80", "endpoint": "10.0.0.1:80", "number": "0", "kind": "policy"}


def test_answers(gateway, document):
    """Each call, by some name and with an empty body, is answered as it says; a parameter of another call is not taken."""
    gw = gateway({})
    api = Api(gw.socket)
    assert gw.admin("/openapi.json").json() == document
    statuses = set()
    for (method, path), operation in operations(document).items():
        if path == "/upgrade":
            continue
        parts = [NAMES.get(part[1:-1], "n") if part[0] == "{" else part for part in path[1:].split("/")]
        answer = api.ask(method, *parts, body={} if "requestBody" in operation else None)
        said = operation["responses"].get(str(answer.status)) or document["components"]["responses"]["Refused"]
        assert (str(answer.status) in operation["responses"]) == (answer.status < 400), (method, path, answer)
        statuses.add(answer.status)
        assert bool(answer.body) == ("content" in said) or path == "/ready", (method, path, answer)
        if "application/json" in said.get("content", {}):
            assert answer.header("Content-Type") == "application/json"
            schema = said["content"]["application/json"]["schema"]
            jsonschema.Draft202012Validator(schema | {"components": document["components"]}).validate(answer.json())
            assert answer.status < 400 or answer.json()["message"]
        elif answer.body:
            assert answer.header("Content-Type").partition(";")[0] in said["content"]
    assert {200, 202, 400, 404, 409} <= statuses
    refused = gw.admin("/metrics", "POST")
    assert refused.status == 405
    jsonschema.Draft202012Validator(document["components"]["schemas"]["Answer"]).validate(refused.json())
    done = api.ask("PUT", "rules", "policy", "p", body={"protect": ["/a"]})
    assert done.status == 200
    assert gw.admin("/rollback?steps=1&dry_run=1", "POST").status == 200
    assert gw.admin("/apply?steps=1", "POST").status == 400 and "no such parameter" in gw.admin("/apply?steps=1", "POST").json()["message"]


def test_routes_that_are_looked_for(gateway):
    gw = gateway({"routes": [{"host": f"h{i}.test", "path": "/Shop", "respond": {"status": 404}} for i in range(510)]})
    for words, found in ("", 510), ("shop H50", 11), ("h509.test%20%20/SHOP", 1), ("h1.test nothing", 0), ("x" * 1500, 0):
        told = gw.admin(f"/routes?find={words.replace(' ', '%20')}").json()
        assert (told["found"], len(told["routes"])) == (found, min(found, 500))
    assert "found" not in gw.admin("/routes").json() and len(gw.admin("/routes").json()["routes"]) == 510
