"""Configurations of nginx: plain, with a check of tokens in Lua, and with the same behind a cache of verified tokens."""

import os

import certificates
import processes
import tokens

MODULES = "/usr/lib/nginx/modules"
LUA = "/usr/share/lua/5.1"
LUA_C = f"/usr/lib/{os.uname().machine}-linux-gnu/lua/5.1"
LUA_FILES = (f"{MODULES}/ngx_http_lua_module.so", f"{LUA_C}/cjson.so", f"{LUA_C}/_openssl.so", f"{LUA}/resty/core.lua")
LRU_FILES = (f"{LUA}/resty/lrucache.lua",)

CHECK = """\
local cjson, base64 = require "cjson.safe", require "ngx.base64"
local hmac, pkey, digest = require "openssl.hmac", require "openssl.pkey", require "openssl.digest"
local SECRET, ISSUER, ALGORITHM = "@secret@", "@issuer@", "@algorithm@"
local public = ALGORITHM == "RS256" and pkey.new(assert(io.open("@public@")):read("*a")) or nil
local seen = @cache@ and require("resty.lrucache").new(20000) or nil
local decode, find, sub = base64.decode_base64url, string.find, string.sub
local gate = {}

local function signed_well(text, signature)
	if public then
		return public:verify(signature, digest.new("sha256"):update(text))
	end
	return hmac.new(SECRET, "sha256"):final(text) == signature
end

-- Expiry and subject of a good token, else nil.
local function verify(token)
	local first = find(token, ".", 1, true)
	local second = first and find(token, ".", first + 1, true)
	if not second then return nil end
	local header = cjson.decode(decode(sub(token, 1, first - 1)) or "")
	if type(header) ~= "table" or header.alg ~= ALGORITHM then return nil end
	local signature = decode(sub(token, second + 1))
	if not signature or not signed_well(sub(token, 1, second - 1), signature) then return nil end
	local claims = cjson.decode(decode(sub(token, first + 1, second - 1)) or "")
	if type(claims) ~= "table" or claims.iss ~= ISSUER or type(claims.exp) ~= "number" then return nil end
	return claims.exp, claims.sub
end

function gate.check()
	local field = ngx.var.http_authorization
	if not field or sub(field, 1, 7) ~= "Bearer " then return ngx.exit(401) end
	local token, exp, subject = sub(field, 8), nil, nil
	local entry = seen and seen:get(token)
	if entry then
		exp, subject = entry[1], entry[2]
	else
		exp, subject = verify(token)
		if exp and seen then seen:set(token, { exp, subject }) end
	end
	if not exp or ngx.time() >= exp then return ngx.exit(401) end
	ngx.req.set_header("X-Auth-Sub", subject)
end

return gate
"""

LOG = """
    log_format full escape=json '{"time":"$time_iso8601","id":"$request_id","client":"$remote_addr","method":"$request_method",'
        '"host":"$host","path":"$uri","status":$status,"bytes_in":"$content_length","bytes_out":$body_bytes_sent,'
        '"duration":$request_time,"route":"/","upstream":"$upstream_addr","upstream_time":"$upstream_header_time",'
        '"tries":1,"agent":"$http_user_agent"}';
    access_log access.log full buffer=64k flush=1s;"""


def lua(s, cache):
    text = CHECK.replace("@secret@", tokens.SECRET).replace("@issuer@", tokens.ISSUER)
    text = text.replace("@algorithm@", s.scenario.gate).replace("@public@", s.keys.public)
    s.write("gate.lua", text.replace("@cache@", "true" if cache else "false"))
    return f"""
    lua_package_path "{s.folder}/?.lua;{LUA}/?.lua;{LUA}/?/init.lua;;";
    lua_package_cpath "{LUA_C}/?.so;;";
    init_by_lua_block {{ require "resty.core"; gate = require "gate" }}"""


def routes(s, proxy):
    """(what stands outside of the server, its locations): a hash of the prefixes, that a regex cuts out of the path."""
    if not s.scenario.routes:
        return "", f"location / {{ {proxy.replace('@', 'up')} }}"
    s.write("routes.map", "".join(f"{path[1:].partition('/')[0]} up;\n" for path in s.routes()))
    size = 1 << (2 * s.scenario.routes).bit_length()
    return f"""
    map_hash_max_size {size}; map_hash_bucket_size 128;
    map $svc $route {{ default ""; include {s.folder}/routes.map; }}""", f"""\
location ~ ^/(?<svc>svc-[0-9a-f]+)/v1/ {{ if ($route = "") {{ return 404; }} {proxy.replace('@', '$route')} }}
        location / {{ return 404; }}"""


def tls(s):
    """One session ticket for each whole handshake, as yett; the default is two."""
    if not s.certificate:
        return ""
    return f"""
        ssl_certificate {s.certificate.chain};
        ssl_certificate_key {s.certificate.key};
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_ciphers {certificates.SUITES_12};
        ssl_conf_command Ciphersuites {certificates.SUITES_13};
        ssl_conf_command NumTickets 1;
        ssl_prefer_server_ciphers on;
        ssl_ecdh_curve {certificates.GROUPS};
        ssl_session_tickets on;
        ssl_session_timeout 1d;"""


def limits(s):
    """(zones, what stands in the server)"""
    zones = "".join(f"limit_req_zone $binary_remote_addr zone=z{i}:16m rate=1000000r/s;" for i in range(s.scenario.limits))
    return zones, "".join(f"limit_req zone=z{i} burst=1000000 nodelay;" for i in range(s.scenario.limits))


def configure(s, gate="", check="", modules=""):
    """Bodies are streamed: uploads unbuffered, answers through buffers that hold a good part of them, never a file."""
    scenario, idle = s.scenario, max(s.connections, 64)
    large = scenario.length >= 65536
    zones, limited = limits(s)
    outside, locations = routes(s, f"{check} proxy_pass http://@;")
    user = "user root;" if os.geteuid() == 0 else ""
    path = s.write("nginx.conf", f"""\
{modules}{user}
daemon off;
worker_processes 1;
worker_rlimit_nofile {s.descriptors};
pid nginx.pid;
error_log stderr warn;
events {{ worker_connections {s.descriptors}; }}
http {{{LOG if scenario.log else "access_log off;"}
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fcgi;
    uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    tcp_nodelay on;
    keepalive_timeout 1h; keepalive_requests 100000000;
    client_max_body_size 0;
    {"proxy_request_buffering off; client_body_buffer_size 256k;" if scenario.body else ""}
    {"proxy_buffers 8 64k; proxy_buffer_size 64k; proxy_busy_buffers_size 256k; proxy_max_temp_file_size 0;" if large else ""}
    upstream up {{
        server 127.0.0.1:{s.upstream};
        keepalive {idle}; keepalive_timeout 1h; keepalive_requests 100000000;
    }}{gate}{outside}{zones}
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $host;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header X-Request-ID $request_id;
    server {{
        listen 127.0.0.1:{s.port} reuseport backlog=4096{' ssl' if s.certificate else ''};{tls(s)}{limited}
        {locations}
    }}
}}
""")
    return [processes.find("nginx"), "-p", s.folder, "-e", "stderr", "-c", path]


def start(s):
    return configure(s)


def start_lua(s, cache=False):
    modules = f"load_module {MODULES}/ndk_http_module.so;\nload_module {MODULES}/ngx_http_lua_module.so;\n"
    return configure(s, lua(s, cache), "access_by_lua_block { gate.check() }", modules)


def start_lru(s):
    return start_lua(s, cache=True)


def reload(_, pid):
    return f"kill -HUP {pid}"
