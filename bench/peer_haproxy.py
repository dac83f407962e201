"""Configuration of HAProxy. With the default ratios it would close idle upstream connections as soon as a quarter of its
descriptors is in use, which is soon with many clients."""

import certificates
import processes
import tokens

LOG = """\
    log stdout format raw local0 info
    http-request capture req.hdr(Host) len 64
    http-request capture req.hdr(User-Agent) len 128
    log-format '{"time":"%tr","id":"%ID","client":"%ci","method":"%HM","host":"%[capture.req.hdr(0),json(utf8s)]",\
"path":"%HPO","status":%ST,"bytes_in":%U,"bytes_out":%B,"duration":%Ta,"route":"%b","upstream":"%si:%sp",\
"upstream_time":%Tr,"tries":"%rc","agent":"%[capture.req.hdr(1),json(utf8s)]"}'
"""


def gate(s):
    algorithm = s.scenario.gate
    if not algorithm:
        return ""
    key = s.keys.public if algorithm == "RS256" else tokens.SECRET
    return f"""\
    http-request set-var(txn.bearer) http_auth_bearer
    http-request deny deny_status 401 unless {{ var(txn.bearer) -m found }}
    http-request deny deny_status 401 unless {{ var(txn.bearer),jwt_header_query('$.alg') -m str "{algorithm}" }}
    http-request deny deny_status 401 unless {{ var(txn.bearer),jwt_payload_query('$.iss') -m str "{tokens.ISSUER}" }}
    http-request deny deny_status 401 unless {{ var(txn.bearer),jwt_verify("{algorithm}","{key}") -m int 1 }}
    http-request set-var(txn.exp) var(txn.bearer),jwt_payload_query('$.exp','int')
    http-request deny deny_status 401 if {{ date(),sub(txn.exp) -m int ge 0 }}
    http-request set-header X-Auth-Sub %[var(txn.bearer),jwt_payload_query('$.sub')]
"""


def limits(s):
    """(tables, what asks them)"""
    tables = "".join(f"backend z{i}\n    stick-table type ip size 100k expire 1m store http_req_rate(1s)\n"
                     for i in range(s.scenario.limits))
    return tables, "".join(f"    http-request track-sc{i} src table z{i}\n"
                           f"    http-request deny deny_status 429 if {{ sc{i}_http_req_rate gt 1000000 }}\n"
                           for i in range(s.scenario.limits))


def routes(s):
    if not s.scenario.routes:
        return "    default_backend up\n"
    path = s.write("routes.map", "".join(f"{path} up\n" for path in s.routes()))
    return f"""\
    http-request set-var(txn.route) path,map_beg({path})
    http-request deny deny_status 404 unless {{ var(txn.route) -m found }}
    use_backend %[var(txn.route)]
"""


def tls(s):
    if not s.certificate:
        return ""
    return (f" ssl crt {s.certificate.both} alpn http/1.1 ssl-min-ver TLSv1.2 ciphers {certificates.SUITES_12} "
            f"ciphersuites {certificates.SUITES_13} curves {certificates.GROUPS}")


def start(s):
    sockets = f"    stats socket {s.folder}/stats mode 600 level admin expose-fd listeners\n" if s.can_reload else ""
    large = max(s.scenario.length, s.scenario.body) >= 1 << 20  # 64 KiB answers cost more with it
    path = s.write("haproxy.cfg", f"""\
global
{"    tune.bufsize 65536" if large else ""}
    nbthread 1
    maxconn {s.connections + 500}
    no strict-limits
    tune.pool-low-fd-ratio 100
    tune.pool-high-fd-ratio 100
{sockets}defaults
    mode http
    timeout connect 5s
    timeout client 1h
    timeout server 1h
    timeout http-keep-alive 1h
    option http-keep-alive
    http-reuse always
frontend in
    bind 127.0.0.1:{s.port} backlog 4096{tls(s)}
    option forwardfor
    http-request set-header X-Forwarded-Proto {'https' if s.certificate else 'http'}
    unique-id-format %[uuid()]
    unique-id-header X-Request-ID
{LOG if s.scenario.log else ""}{gate(s)}{limits(s)[1]}{routes(s)}backend up
    server s 127.0.0.1:{s.upstream} pool-purge-delay 1h
{limits(s)[0]}""")
    return [processes.find("haproxy"), *(["-W"] if s.can_reload else []), "-db", "-f", path]


def reload(_, pid):
    return f"kill -USR2 {pid}"
