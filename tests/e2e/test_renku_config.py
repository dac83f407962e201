"""The configuration of Renku's gateway as its users have it: where it is looked for, what wins, what is refused, and what comes of it."""

import copy
import json
import os

from harness.gateway import BINARY, merge
from harness.procs import run

ISSUER = "https://renku.test/auth/realms/Renku"
CONFIG = {
    "runningEnvironment": "production", "debugMode": False,
    "server": {"host": "0.0.0.0", "port": 8080, "allowOrigin": [], "rateLimits": {"enabled": False, "rate": None, "burst": None}},
    "sessions": {"idleSessionTTLSeconds": 14400, "maxSessionTTLSeconds": 86400, "authorizationVerifiers": [
        {"issuer": ISSUER, "audience": "renku", "authorizedParty": "renku"},
        {"issuer": ISSUER, "audience": "renku", "authorizedParty": "renku-cli"}]},
    "redirects": {"gitlab": {"enabled": True, "renkuBaseURL": "https://renku.test", "entryTtlSeconds": 300}},
    "revproxy": {"renkuBaseUrl": "https://renku.test", "renkuServices": {
        "dataService": "http://data:8000", "keycloak": "http://keycloak:8080", "uiServer": "http://ui", "kg": None}},
    "login": {"renkuBaseURL": "https://renku.test", "loginRoutesBasePath": "/api/auth", "tokenEncryption": {"enabled": True},
              "providers": {"renku": {"issuer": ISSUER, "clientID": "renku", "scopes": ["openid"], "usePKCE": False,
                                      "callbackURI": "https://renku.test/api/auth/callback"}}},
    "redis": {"type": "redis", "addresses": ["redis:6379"], "isSentinel": False, "dbIndex": 1},
    "posthog": {"enabled": False}, "monitoring": {"sentry": {"enabled": False}, "prometheus": {"enabled": False, "port": 8005}},
}
HASH, TOKEN = "h" * 32, "t" * 32
SECRETS = {"sessions": {"cookieHashKey": HASH},
           "login": {"tokenEncryption": {"secretKey": TOKEN}, "providers": {"renku": {"clientSecret": "from-the-file"}}}}


def write(folder, config=None, secrets=SECRETS):
    for name, content in (("config.yaml", config or CONFIG), ("secret_config.yaml", secrets)):
        if content is not None:
            (folder / name).write_text(json.dumps(content, indent=1))
            (folder / name).chmod(0o600)
    return folder / "config.yaml"


def check(folder, *arguments, **env):
    kept = {k: v for k, v in os.environ.items() if k != "CONFIG_LOCATION" and not k.startswith("GATEWAY_")}
    return run([BINARY, "check", *arguments], kept | env)


def put(config, path, value):
    *way, last = path.split(".")
    for key in way:
        config = config.setdefault(key, {})
    config[last] = value


def changed(path, value):
    """CONFIG with that instead; a value of None removes it."""
    config = copy.deepcopy(CONFIG)
    put(config, path, value)
    return config


def effective(folder, **env):
    done = check(folder, "--effective", "-c", str(folder / "config.yaml"), **env)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_sources(tmp_path):
    """The environment wins over the file with secrets, and that over the other one; none of them is shown."""
    write(tmp_path)
    shown = effective(tmp_path)
    assert f"<redacted-{len('from-the-file')}-chars>" in shown and "from-the-file" not in shown and HASH not in shown and TOKEN not in shown
    shown = effective(tmp_path, GATEWAY_LOGIN_PROVIDERS_RENKU_CLIENTSECRET="of-the-environment", GATEWAY_SERVER_PORT="9090",
                      GATEWAY_REVPROXY_RENKUSERVICES_DATASERVICE="http://other:1", GATEWAY_SERVICE_HOST="10.0.0.1",
                      GATEWAY_LOGIN_PROVIDERS_RENKU_SCOPES="openid,profile")
    assert f"<redacted-{len('of-the-environment')}-chars>" in shown and "of-the-environment" not in shown
    assert "env GATEWAY_LOGIN_PROVIDERS_RENKU_CLIENTSECRET" in shown and ":9090" in shown and "other:1" in shown and "data:8000" not in shown
    assert "profile" in shown
    write(tmp_path, secrets=None)
    shown = effective(tmp_path, GATEWAY_LOGIN_PROVIDERS_RENKU_CLIENTSECRET="e", GATEWAY_LOGIN_TOKENENCRYPTION_SECRETKEY=TOKEN,
                      GATEWAY_SESSIONS_COOKIEHASHKEY=HASH)
    assert TOKEN not in shown and HASH not in shown


def test_lists_are_replaced_whole(tmp_path):
    write(tmp_path, secrets=SECRETS | {"redis": {"addresses": ["other:6380"]}})
    shown = effective(tmp_path)
    assert "other:6380" in shown and "redis:6379" not in shown


def test_sentinel(tmp_path):
    """Addresses are those of sentinels, whose password is that of Redis; one of a variable is a list, too."""
    config = changed("redis", {"type": "redis", "addresses": ["s1:26379", "s2"], "isSentinel": True, "masterName": "renku", "dbIndex": 2})
    write(tmp_path, config, merge(SECRETS, {"redis": {"password": "of all of them"}}))
    shown = effective(tmp_path)
    for line in ("login.redis.sentinel.addresses: [s1:26379, s2]", "login.redis.sentinel.master: renku", "login.redis.database: 2",
                 "login.redis.sentinel.password: <redacted-14-chars>", "login.redis.password: <redacted-14-chars>"):
        assert line in shown, (line, shown)
    write(tmp_path, changed("redis", {"addresses": [], "isSentinel": True}))
    assert "addresses: [s1:26379, s2:26379]" in effective(tmp_path, GATEWAY_REDIS_ADDRESSES="s1:26379,s2:26379")
    assert "login.redis.sentinel.master: mymaster" in effective(tmp_path, GATEWAY_REDIS_ADDRESSES="s1:26379,s2:26379")


def test_verifiers_of_one_party(tmp_path):
    """By several issuers, or with a name that is none of ours."""
    write(tmp_path, changed("sessions.authorizationVerifiers", [
        {"issuer": issuer, "audience": "renku", "authorizedParty": party}
        for issuer, party in ((ISSUER, "renku-cli"), ("https://new.test", "renku-cli"), (ISSUER, "renku cli"))]))
    shown = effective(tmp_path)
    for name in ("bearer-renku-cli", "bearer-renku-cli.2", "bearer-renku-cli.3"):
        assert f"gate.issuers.{name}.issuer: " in shown


def test_where_it_is_looked_for(tmp_path):
    write(tmp_path)
    assert check(tmp_path, CONFIG_LOCATION=str(tmp_path)).returncode == 0
    assert check(tmp_path, CONFIG_LOCATION=str(tmp_path / "config.yaml")).returncode == 0
    other = tmp_path / "other"
    other.mkdir()
    os.rename(tmp_path / "secret_config.yaml", other / "secret_config.yaml")
    done = check(tmp_path, "-c", str(tmp_path / "config.yaml"))
    assert done.returncode == 1 and "cookieHashKey" in done.stdout + done.stderr
    assert check(tmp_path, "-c", str(tmp_path / "config.yaml"), CONFIG_LOCATION=str(other)).returncode == 0


# What is changed, and what is told.
REFUSED = [
    ("login.tokenEncryption.secretKey", "invalid-key", "it has 11 bytes, and must have 32"),
    ("sessions.cookieHashKey", "x" * 16, "it has 16 bytes, and must have 32"),
    ("sessions.cookieEncodingKey", "x" * 20, "it has 20 bytes, and must have 16 or 32"),
    ("login.providers.renku.cookieHashKey", "x", "it has 1 bytes"),
    ("login.providers.renku.cookieEncodingKey", "x", "it has 1 bytes"),
    ("login.providers.renku.unsafeNoCookieHandler", True, "anybody could log a browser in"),
    ("login.providers.other", {"issuer": ISSUER, "clientID": "x"}, "in production a provider is renku or gitlab"),
    ("login.providers.renku.issuer", None, "it is missing"),
    ("login.providers.renku.clientID", None, "it is missing"),
    ("login.renkuBaseURL", None, "it is missing"),
    ("sessions.unsafeNoCookieHandler", True, "cookies are always signed"),
    ("sessions.idleSessionTTLSeconds", -60, "longer than 0s"),
    ("sessions.idleSessionTTLSeconds", 0, "longer than 0s"),
    ("sessions.idleSessionTTLSeconds", "soon", "it is a number"),
    ("sessions.maxSessionTTLSeconds", 180, "less than idleSessionTTLSeconds"),
    ("sessions.authorizationVerifiers", [{"issuer": ISSUER, "audience": "renku"}], "authorizedParty is missing"),
    ("revproxy.renkuBaseUrl", None, "it is missing"),
    ("revproxy.renkuServices.dataService", None, "the data service"),
    ("revproxy.renkuServices.keycloak", None, "Keycloak"),
    ("revproxy.renkuServices.uiServer", None, "the UI server"),
    ("redirects.gitlab.renkuBaseURL", None, "it is missing"),
    ("redis.type", "redis-mock", "a Redis server alone"),
    ("redis.addresses", None, "give [HOST:PORT]"),
    ("redis.addresses", [], "give [HOST:PORT]"),
    ("redis.addresses", ["a:1", "b:2"], "kept in one server"),
    ("server.port", None, "it is missing"),
    ("runningEnvironment", "test", "it is production or development"),
    ("login.endpointBasePath", "/x", "has no key endpointBasePath here"),
]


def test_refused(tmp_path):
    """Each with its file, its line and a remedy."""
    write(tmp_path)
    (tmp_path / "secret_config.yaml").unlink()
    for path, value, told in REFUSED:
        config = changed("sessions.cookieHashKey", HASH)
        put(config, "login.tokenEncryption.secretKey", TOKEN)
        put(config, path, value)
        file = write(tmp_path, config, None)
        done = check(tmp_path, "-c", str(file))
        lines = [line for line in (done.stdout + done.stderr).strip().splitlines() if ": sessions.cookieEncodingKey: warning: " not in line]
        assert done.returncode == 1 and len(lines) == 1 and told in lines[0], (path, done.stdout + done.stderr)
        assert lines[0].startswith(f"{file}:") and "; " in lines[0] and HASH not in lines[0], lines


def test_all_at_once_and_by_their_place(tmp_path):
    file = write(tmp_path, changed("redis.type", "dummy"), {"login": {"tokenEncryption": {"secretKey": "short"}}})
    done = check(tmp_path, "-c", str(file), GATEWAY_SESSIONS_COOKIEHASHKEY="x", GATEWAY_LOGIN_NONE="1")
    text = done.stdout + done.stderr
    assert f"{tmp_path}/secret_config.yaml:4: login.tokenEncryption.secretKey: it has 5 bytes" in text
    assert "env GATEWAY_SESSIONS_COOKIEHASHKEY: sessions.cookieHashKey: it has 1 bytes" in text
    assert "env GATEWAY_LOGIN_NONE: login: Renku's gateway has no key none here" in text
    assert f"{file}:" in text and "redis.type" in text


def test_warned_of(tmp_path):
    """What has no meaning here is told, and nothing else is said of a good configuration."""
    done = check(tmp_path, "-c", str(write(tmp_path)))
    assert done.returncode == 0 and ": warning: " not in done.stdout + done.stderr, done.stdout + done.stderr
    done = check(tmp_path, "-c", str(write(tmp_path, changed("monitoring.prometheus.enabled", True))))
    assert done.returncode == 0 and "admin.listen: warning: :8005 is not loopback" in done.stdout + done.stderr
    for path, value in (("posthog.enabled", True), ("monitoring.sentry.enabled", True), ("revproxy.k8sNamespace", "renku"),
                        ("revproxy.renkuServices.kg", "http://kg"), ("sessions.cookieEncodingKey", "x" * 32)):
        done = check(tmp_path, "-c", str(write(tmp_path, changed(path, value))))
        text = done.stdout + done.stderr
        assert done.returncode == 0 and text.count(": warning: ") == 1 and f"{path}: warning" in text, (path, text)


def test_development(tmp_path):
    config = changed("login.providers.other", {"issuer": "http://id.test", "clientID": "x", "clientSecret": "y"})
    config["runningEnvironment"] = "development"
    done = check(tmp_path, "-c", str(write(tmp_path, config)))
    assert done.returncode == 0, done.stdout + done.stderr
