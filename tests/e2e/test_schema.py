"""`yett schema`: a JSON Schema that takes what `yett check` takes, and refuses unknown keys and wrong types as it does."""

import json
import os
import re

import pytest

from harness import gateway as g
from harness.gateway import ROOT
from harness.procs import run

jsonschema = pytest.importorskip("jsonschema")
yaml = pytest.importorskip("yaml")

pytestmark = pytest.mark.skipif(not g.BINARY, reason="no binary")

GOOD = """listeners: [":8080"]
upstreams:
  users: {endpoints: ["127.0.0.1:9001"]}
routes:
  - {path: /users, upstream: users}
"""


class Loader(yaml.SafeLoader):
    """Scalars as YAML 1.2 has them, and editors: yes is a text, and so is a date."""


Loader.yaml_implicit_resolvers = {}
for tag, pattern in (("bool", r"true|false"), ("int", r"-?[0-9]+"), ("float", r"-?[0-9]+\.[0-9]+"), ("null", r"~|null|")):
    Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(f"^({pattern})$"), None)


@pytest.fixture(scope="module")
def schemas():
    return {what: json.loads(run([g.BINARY, "schema", what]).stdout) for what in ("config", "rules")}


@pytest.fixture(scope="module")
def faults(schemas):
    """By schema: what it has against a text."""
    validators = {what: jsonschema.Draft202012Validator(schema) for what, schema in schemas.items()}
    return lambda text, what="config": [f"{e.json_path}: {e.message}" for e in validators[what].iter_errors(yaml.load(text, Loader))]


def described(schema):
    """Every part of it that says what a setting is."""
    if isinstance(schema, dict) and isinstance(schema.get("description"), str):
        yield schema
    for part in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from described(part)


@pytest.mark.parametrize("what", ["config", "rules"])
def test_it_is_a_schema_whose_examples_are_good(schemas, what):
    jsonschema.Draft202012Validator.check_schema(schemas[what])
    parts = list(described(schemas[what]))
    assert len(parts) > 100
    for part in parts:
        validator = jsonschema.Draft202012Validator(part | {"$defs": schemas[what]["$defs"]})
        for value in part.get("examples", []) + [part[k] for k in ("default",) if k in part]:
            assert not list(validator.iter_errors(value)), part["description"]


def test_every_setting_is_in_it(schemas):
    """yett help settings has the rows."""
    paths = re.findall(r"^(\S+)\n    type: ", run([g.BINARY, "help", "settings"]).stdout, re.M)
    assert len(paths) > 300
    for path in paths:
        at = schemas["config"]
        for key in re.findall(r"\[\]|[^.\[\]]+", path):
            at = at.get("anyOf", [at])[-1] if "properties" not in at and "items" not in at else at
            at = at["items"] if key == "[]" else at["additionalProperties"] if key == "*" else at["properties"][key]
        assert at, path


def blocks(known):
    """Every configuration that the documents show: it begins with a key of the file."""
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as f:
        for found in re.finditer(r"^    \$ cat yett\.yaml\n((?:    [^$].*\n)+)", f.read(), re.M):
            yield re.sub("^    ", "", found[1], flags=re.M)
    for page in ("yett.yaml.5", "yett-migration.7"):
        with open(os.path.join(ROOT, "etc/man", page), encoding="utf-8") as f:
            text = f.read().replace("\\-", "-").replace("\\(aq", "'").replace("\\e", "\\").replace("\\(dq", '"')
        for found in re.finditer(r"^\.nf\n(?:\.RS\n)?(.*?)^\.(?:RE|fi)$", text, re.M | re.S):
            if found[1].partition(":")[0] in known:
                yield found[1]


def test_what_the_documents_show(faults, schemas):
    shown = list(blocks(schemas["config"]["properties"]))
    assert len(shown) >= 10
    foreign = {"a-shine.yaml", "renku.yaml"}  # files of other gateways, which yett check reads as those do
    examples = set(os.listdir(os.path.join(ROOT, "etc/examples")))
    assert foreign < examples
    for file in ["etc/yett.yaml", *(f"etc/examples/{name}" for name in sorted(examples - foreign))]:
        with open(os.path.join(ROOT, file), encoding="utf-8") as f:
            shown.append(f.read())
    for text in shown:
        assert not faults(text), text


def test_rules_that_the_manual_shows(faults):
    with open(os.path.join(ROOT, "etc/man/yett-rules.5"), encoding="utf-8") as f:
        shown = re.findall(r"^SET yett:(\w+):(\w+) '(.*)'$", f.read(), re.M)
    assert [kind for kind, _, _ in shown] == ["upstream", "route", "policy", "key"]
    families = {"upstream": "upstreams", "route": "routes", "policy": "policies", "key": "api_keys"}
    for kind, name, text in shown:
        assert not faults(json.dumps({families[kind]: {name: json.loads(text)}}), "rules"), text


BAD = [
    "rutes: []", "gate: {exept: [/a]}", "timeouts: {connekt: 5s}", "workers: many", "workers: 0", "workers: 256", "workers: [1]",
    "timeouts: 5s", "timeouts: {connect: soon}", "timeouts: {connect: {s: 5}}", "listeners: {a: 1}", "listeners: [{adress: ':80'}]",
    "listeners: [{tls: true}]", "listeners: ['8080']", "tls: {min_version: '1.1'}", "tls: {tickets: maybe}", "admin: {users: {a: root}}",
    "admin: {body_limit: 10x}", "compatibility: nginx", "redis: {address: [a]}", "log_level: loud", "error_pages: {abc: /x}",
    "gate: {protect: [{path: api}]}", "gate: {protect: [{path: /a, authorize: {rolles: a}}]}", "gate: {protect: [{path: /a, authorize: {}}]}",
    "gate: {protect: [{path: /a, authorize: {any: {roles: a}}}]}", "gate: {secret: {path: /a}}", "gate: {secret: [a]}", "dns: [localhost/x]",
    "trusted_proxies: [ten]", "access_log: somewhere", "policies: {p: {protect: [{path: /a, methods: [FETCH]}]}}", "api_keys: {k: {claims: {}}}",
    "api_keys: {k: {sha256: abc}}", "user: {name: a}", "redis: {password: {file: ''}}", "redis: {default_score: 1.5}",
]


@pytest.mark.parametrize("more", BAD)
def test_what_check_refuses(faults, tmp_path, more):
    text = GOOD.replace('listeners: [":8080"]\n', "") + more + "\n" if more.startswith("listeners") else GOOD + more + "\n"
    (tmp_path / "yett.yaml").write_text(text)
    assert run([g.BINARY, "check", "-c", str(tmp_path / "yett.yaml")]).returncode == 1
    assert faults(text) and not faults(GOOD)


RULES = """routes: {a: {path: /a, upstream: u, timeouts: {idle: 5s}, format: 1}}
upstreams: {u: {endpoints: ["10.0.0.1:80", {address: "unix:/run/a", weight: 2}]}}
policies: {p: {protect: [/a]}}
api_keys: {k: {sha256: """ + 64 * "a" + """}}
frontends: {"www.example.org/": b}
backends: {b: {"10.0.0.1:80": 0}}
"""


@pytest.mark.parametrize("text", [
    "routs: {}", "routes: {a: {name: a}}", "routes: {a: {pth: /}}", "routes: []", "upstreams: {u: {}}",
    "upstreams: {u: {endpoints: [a], tls: {ca: /a}}}", "policies: {p: [/a]}", "frontends: {a: [b]}", "backends: {b: {}}", "backends: {b: c}",
    "routes: {a: {format: 2}}", "listeners: [':80']"])
def test_rules(faults, text):
    assert not faults(RULES, "rules") and faults(text, "rules")


@pytest.mark.parametrize("words", [[], ["all"], ["config", "rules"]])
def test_misused(words):
    done = run([g.BINARY, "schema", *words])
    assert done.returncode == 2 and not done.stdout and "yett schema" in done.stderr
