"""The gateways that are measured. Each row writes its configuration, as its experts would, into a folder of its own and
tells how to start it: one worker, connection pools as large as the concurrency, no access log, the usual headers added."""

import dataclasses
import os
import shutil
from typing import Callable

import tokens


@dataclasses.dataclass
class Setting:
    """What a peer is to do."""
    folder: str
    port: int
    upstream: int  # port
    connections: int
    gate: bool
    yett: str = ""  # path of the executable


@dataclasses.dataclass
class Peer:
    name: str
    command: str  # that must be installed; "" = ours
    start: Callable[[Setting], list]  # writes files, returns argv
    gates: bool  # can check tokens
    package: str = ""

    def missing(self):
        return bool(self.command) and not find(self.command)


def find(command):
    return shutil.which(command, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


def write(setting, name, text):
    path = os.path.join(setting.folder, name)
    with open(path, "w", encoding="ascii") as f:
        f.write(text)
    return path


def yett(s):
    gate = f"""
gate:
  protect: ["/"]
  algorithms: [HS256]
  secret: {{file: {write(s, "secret", tokens.SECRET)}}}
  issuer: {tokens.ISSUER}
  sources: [bearer]
  claims: {{sub: X-Auth-Sub}}
""" if s.gate else ""
    return [s.yett, "run", "-c", write(s, "yett.yaml", f"""\
listeners: ["127.0.0.1:{s.port}"]
admin: {{socket: {s.folder}/admin.sock}}
run_dir: {s.folder}
state_dir: {s.folder}
workers: 1
access_log: off
limits: {{keepalive_requests: 100000000, upstream_idle_connections: {max(s.connections, 64)}}}
routes:
  - {{path: /, target: "http://127.0.0.1:{s.upstream}"}}
{gate}""")]


def nginx(s):
    user = "user root;" if os.geteuid() == 0 else ""
    return [find("nginx"), "-p", s.folder, "-e", "stderr", "-c", write(s, "nginx.conf", f"""\
{user}
daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid nginx.pid;
error_log stderr warn;
events {{ worker_connections 19000; }}
http {{
    access_log off;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fcgi;
    uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    tcp_nodelay on;
    keepalive_timeout 1h; keepalive_requests 100000000;
    upstream up {{
        server 127.0.0.1:{s.upstream};
        keepalive {max(s.connections, 64)}; keepalive_timeout 1h; keepalive_requests 100000000;
    }}
    server {{
        listen 127.0.0.1:{s.port} reuseport backlog=4096;
        location / {{
            proxy_pass http://up;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header X-Request-ID $request_id;
        }}
    }}
}}
""")]


def haproxy(s):
    gate = f"""\
    http-request set-var(txn.bearer) http_auth_bearer
    http-request deny deny_status 401 unless {{ var(txn.bearer) -m found }}
    http-request deny deny_status 401 unless {{ var(txn.bearer),jwt_header_query('$.alg') -m str "HS256" }}
    http-request deny deny_status 401 unless {{ var(txn.bearer),jwt_payload_query('$.iss') -m str "{tokens.ISSUER}" }}
    http-request deny deny_status 401 unless {{ var(txn.bearer),jwt_verify("HS256","{tokens.SECRET}") -m int 1 }}
    http-request set-var(txn.exp) var(txn.bearer),jwt_payload_query('$.exp','int')
    http-request deny deny_status 401 if {{ date(),sub(txn.exp) -m int ge 0 }}
    http-request set-header X-Auth-Sub %[var(txn.bearer),jwt_payload_query('$.sub')]
""" if s.gate else ""
    return [find("haproxy"), "-db", "-f", write(s, "haproxy.cfg", f"""\
global
    nbthread 1
    maxconn 9500
defaults
    mode http
    timeout connect 5s
    timeout client 1h
    timeout server 1h
    timeout http-keep-alive 1h
    option http-keep-alive
    http-reuse always
frontend in
    bind 127.0.0.1:{s.port} backlog 4096
    option forwardfor
    http-request set-header X-Forwarded-Proto http
    unique-id-format %[uuid()]
    unique-id-header X-Request-ID
{gate}    default_backend up
backend up
    server s 127.0.0.1:{s.upstream} pool-purge-delay 1h
""")]


PEERS = {peer.name: peer for peer in (
    Peer("yett", "", yett, gates=True),
    Peer("nginx", "nginx", nginx, gates=False, package="nginx"),
    Peer("haproxy", "haproxy", haproxy, gates=True, package="haproxy"),
)}
