"""Configuration of yett."""

import session
import tokens


def tls(s):
    if not s.certificate:
        return ""
    return f"""
tls:
  certificates: [{{certificate: {s.certificate.chain}, key: {s.certificate.key}}}]
"""


def start(s):
    scenario = s.scenario
    key = f"public_key: {{file: {s.keys.public}}}" if scenario.gate == "RS256" else f"secret: {{file: {s.keys.secret}}}"
    gate = f"""
gate:
  protect: ["/"]
  algorithms: [{scenario.gate}]
  {key}
  issuer: {tokens.ISSUER}
  sources: [bearer]
  claims: {{sub: X-Auth-Sub}}
""" if scenario.gate else ""
    if scenario.session:
        gate = session.configuration(s.redis)
    auth = ", auth: required" if scenario.session else ""
    redis = f'redis: {{address: "127.0.0.1:{s.redis}"}}\n' if scenario.store else ""
    routes = "" if scenario.store else f"""\
upstreams:
  up: {{endpoints: ["127.0.0.1:{s.upstream}"]}}
routes:
""" + "".join(f"  - {{path: {path}, upstream: up{auth}}}\n" for path in s.routes() or ["/"])
    path = s.write("yett.yaml", f"""\
listeners: [{{address: "127.0.0.1:{s.port}"{", tls: true" if s.certificate else ""}}}]
admin: {{socket: {s.folder}/admin.sock}}
run_dir: {s.folder}
state_dir: {s.folder}
workers: {getattr(scenario, 'workers', 1)}
access_log: {s.folder + "/access.log" if scenario.log else "off"}
limits:
  body: {"100m" if scenario.body else "1m"}
  keepalive_requests: 100000000
  rates: [{", ".join(["1000000/second"] * scenario.limits)}]
  upstream_idle_connections: {max(s.connections, 64)}
timeouts: {{keepalive: 1h, upstream_idle: 1h}}
{routes}{redis}{gate}{tls(s)}""")
    return [s.tools["yett"], "run", "-c", path]


def reload(s, _):
    return f"{s.tools['yett']} reload --wait --socket {s.folder}/admin.sock"


def upgrade(s, _):
    return f"{s.tools['yett']} upgrade --socket {s.folder}/admin.sock"
