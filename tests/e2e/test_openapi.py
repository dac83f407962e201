"""The management API as an OpenAPI 3.1 document: it is the table that `yett help api` prints, and what it says of answers is true."""

import json
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
    assert len(rows) > 50 and rows == {k: (o["x-yett-role"], o["description"]) for k, o in operations(document).items()}


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
            assert {"200", "default"} <= operation["responses"].keys() <= {"200", "202", "default"}
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    used = set(references(document))
    assert len(used) >= 7
    for reference in used:
        part = document
        for key in reference.removeprefix("#/").split("/"):
            part = part[key]


def test_answers(gateway, document):
    """What can be asked without a name is answered as it says; a parameter of another call is not taken."""
    gw = gateway({})
    api = Api(gw.socket)
    assert gw.admin("/openapi.json").json() == document
    for (method, path), operation in operations(document).items():
        if method != "GET" or "{" in path:
            continue
        answer = gw.admin(path)
        said = operation["responses"]["200"].get("content")
        assert answer.status != 200 or (isinstance(answer.json(), dict) if said else not answer.body), path
    whole = document["components"]["schemas"]["Answer"]
    done = api.ask("PUT", "rules", "policy", "p", body={"protect": ["/a"]})
    assert done.status == 200
    jsonschema.Draft202012Validator(whole).validate(done.json())
    assert gw.admin("/rollback?steps=1&dry_run=1", "POST").status == 200
    assert gw.admin("/apply?steps=1", "POST").status == 400 and "no such parameter" in gw.admin("/apply?steps=1", "POST").json()["message"]
