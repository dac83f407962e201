"""Git over HTTP, by the real programs at both ends: the forge behind the gateway takes a token as password, and the client
never has it."""

import os

import pytest
import redis

from harness import sessions
from harness.gateway import merge
from harness.git_server import GitServer, git
from harness.tokens import SECRET, bearer, token

ISSUER, SIZE = "https://id.example", 20 << 20


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """A clone that nobody has pushed yet, with what no compression makes smaller."""
    at = str(tmp_path_factory.mktemp("work") / "w")
    git("init", "-q", "-b", "main", at)
    with open(os.path.join(at, "blob"), "wb") as f:
        f.write(os.urandom(SIZE))
    git("add", "blob", cwd=at)
    git("commit", "-q", "-m", "blob", cwd=at)
    return at


@pytest.fixture
def forge(request):
    made = []

    def make(password):
        made.append(GitServer(password))
        return made[-1]

    yield make
    for s in made:
        s.stop()


def start(gateway, store, up):
    own = {"header": "Authorization", "value": "access_token", "provider": "corp", "form": "basic", "user": "oauth2"}
    c = sessions.config(store, up, ISSUER, route={"path": "/repos", "strip_prefix": True, "credentials": [own]})
    return gateway(merge(c, {"gate": {"issuers": {"shown": {"issuer": ISSUER, "algorithms": ["HS256"], "secret": SECRET}},
                                      "sources": ["bearer", "basic"]}, "limits": {"body": "64m"}}))


def there_and_back(work, tmp_path, to, back, headers=()):
    """Pushes to one URL and clones from the other; `headers`: of the requests."""
    options = [o for n, v in dict(headers).items() for o in ("-c", f"http.extraHeader={n}: {v}")]
    git(*options, "push", "-q", to, "main", cwd=work)
    git(*options, "clone", "-q", back, str(tmp_path / "clone"))
    with open(tmp_path / "clone" / "blob", "rb") as got, open(os.path.join(work, "blob"), "rb") as sent:
        assert got.read() == sent.read()


def test_session(gateway, store, forge, work, tmp_path):
    up = forge("access-corp")
    gw = start(gateway, store, up)
    mine = sessions.cookie(sessions.Sessions(redis.Redis(port=store.port)).create("alice"))
    url = f"http://127.0.0.1:{gw.port}/repos/r.git"
    there_and_back(work, tmp_path, url, url, mine)
    assert len(up.shown) >= 4 and {tuple(s) for s in up.shown} == {(up.takes,)}
    r = gw.ask("/repos/r.git/info/refs?service=git-upload-pack")
    assert r.status == 401 and [w.split()[0] for w in r.all("WWW-Authenticate")] == ["Bearer", "Basic"]


def test_token(gateway, store, forge, work, tmp_path):
    mine = token(iss=ISSUER, sub="alice")
    up = forge(mine)
    gw = start(gateway, store, up)
    url = f"127.0.0.1:{gw.port}/repos/r.git"
    there_and_back(work, tmp_path, f"http://me:{mine}@{url}", f"http://oauth2:{mine}@{url}")  # as users type it
    assert {tuple(s) for s in up.shown} == {(up.takes,)} and mine not in gw.log()
    git("-c", f"http.extraHeader=Authorization: {bearer(mine)['Authorization']}", "ls-remote", "http://" + url)
