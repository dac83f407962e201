"""What a real gateway says to Redis: two of them are run before a recorder, each is made to do what fleets do, and what they said
becomes events for bench-fleet. Nothing of it is written down here, so it is always what the gateway of this build says."""

import collections
import contextlib
import dataclasses
import hmac
import http.client
import http.server
import json
import os
import re
import threading
import time

import processes
import push
import recorder
import session

WINDOW = 500  # commands that a gateway sends at most before it reads answers (master/store_fetch.c)
START_S, IDLE_S = 2.5, 10
TRIES = 7  # of each event; the most common course is the one that is taken
WAITS_S = 60
NAME = re.compile(rb"(?<![0-9a-f])(?<!yett:fleet:)[0-9a-f]{16}(?![0-9a-f])")
STREAM_ID = re.compile(rb"(?<!\d)\d{13}-\d+")
BULK = 200  # rules of one push
LIMIT, COOKIE = "1000/second", "yett"
HEARD = ("push", "bulk", "suspend")  # what gateways hear of by an announcement


@dataclasses.dataclass
class Round:
    conn: int
    at: float
    commands: list


class Provider(http.server.BaseHTTPRequestHandler):
    """Of tokens, for whoever asks."""
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps({"access_token": "a" * 900, "refresh_token": "r" * 700, "token_type": "Bearer", "expires_in": 300}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def provider():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


def configuration(folder, port, redis_port, upstream, provider_port, workers):
    os.mkdir(folder)
    url = f"http://127.0.0.1:{provider_port}"
    known = {"issuer": url, "client_id": "yett", "client_secret": "none", "allow_http": True, "authorization_endpoint": url + "/a",
             "token_endpoint": url + "/t", "jwks_uri": url + "/k"}
    bearer = {"header": "Authorization", "form": "bearer", "value": "access_token", "provider": "corp", "required": True}
    config = {"listeners": [f"127.0.0.1:{port}"], "admin": {"socket": folder + "/admin.sock"}, "run_dir": folder, "state_dir": folder,
              "workers": workers, "access_log": "off", "redis": {"address": f"127.0.0.1:{redis_port}"}, "health": {"enabled": False},
              "login": {"url": "http://bench.example", "providers": {"corp": known}, "redis": {"address": f"127.0.0.1:{redis_port}"},
                        "session": {"cookie": COOKIE, "touch": "1s", "insecure_cookie": True},
                        "cookie_keys": [session.COOKIE_KEY], "token_keys": [session.TOKEN_KEY]},
              "rates": {"fleet": {"limit": LIMIT, "scope": "fleet", "per": ["all"]}},
              "upstreams": {"up": {"endpoints": [f"127.0.0.1:{upstream}"]}},
              "routes": [{"path": "/limited", "upstream": "up", "rates": ["fleet"]},
                         {"path": "/session", "upstream": "up", "auth": "required", "credentials": [bearer]}]}
    with open(folder + "/yett.yaml", "w", encoding="utf-8", opener=lambda path, flags: os.open(path, flags, 0o600)) as f:
        json.dump(config, f)
    return folder + "/yett.yaml"


class Gateway:
    """A real one, whose Redis is behind a recorder."""

    def __init__(self, name, folder, redis_port, upstream, provider_port, tools, workers, stack):
        self.recorder = stack.enter_context(recorder.Recorder(redis_port))
        self.port, self.began = processes.free_port(), time.monotonic()
        folder = os.path.join(folder, name)
        path = configuration(folder, self.port, self.recorder.port, upstream, provider_port, workers)
        process = stack.enter_context(processes.Process([tools["yett"], "run", "-c", path], folder, "yett", on=processes.cores()[0]))
        process.wait_port(self.port)
        end = time.monotonic() + WAITS_S
        while not os.path.exists(folder + "/admin.sock"):
            if time.monotonic() > end:
                raise process.failure("it has no admin socket")
            time.sleep(0.02)
        self.socket = folder + "/admin.sock"

    @property
    def api(self):
        """A connection of its own for each question: one that waits for long is closed."""
        return push.Api(self.socket)

    def ask(self, path, cookie=None):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        c.request("GET", path, headers={"Cookie": cookie} if cookie else {})
        status = c.getresponse().status
        c.close()
        return status

    # ---- what was said ----

    def rounds(self, begin, end):
        """What was said on each connection at once, in the order of its beginning."""
        found = []
        for number, connection in enumerate(self.recorder.connections):
            waits = 0
            for said in list(connection.log):
                if said.is_message:
                    continue
                if said.command is None:
                    waits -= 1
                    continue
                if begin <= said.when <= end:
                    if waits <= 0 or not found or found[-1].conn != number or len(found[-1].commands) == WINDOW:
                        found.append(Round(number, said.when, []))
                    found[-1].commands.append(said.command)
                waits += 1
        return sorted(found, key=lambda r: r.at)

    def heard(self, begin, end):
        """(connection, key) of what was announced."""
        return [(number, key[1]) for number, connection in enumerate(self.recorder.connections) for said in connection.log
                if said.is_message and begin <= said.when <= end and said.answer[1][2][0] == b"*" and said.answer[1][2][1]
                for key in said.answer[1][2][1]]


def signature(rounds):
    return tuple((r.conn, tuple((command[0], len(command)) for command in r.commands)) for r in rounds)


def session_names(name):
    """The id of a session and that of its tokens, in which a simulated gateway has its own name."""
    return name + "-session-of-one-gateway-abc", "corp:" + name


def put_session(redis, number, ended):
    """The cookie of one whose access token has ended, or not yet."""
    (id, tid), now = session_names(f"{number:016x}"), time.time()
    stamp = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(t)) for t in (now - 60, now + 14400, now - 60 if ended else now + 3600)]
    claims = session.b64(json.dumps({"sub": "user-0", "iss": "https://id.example"}).encode())
    for kind, text, ends in (("idToken", f"e30.{claims}.x", "never"), ("accessToken", "x" * 900, stamp[2]), ("refreshToken", "x" * 700, "never")):
        name = f"{kind}:{tid}"
        redis.command("HSET", name, "ID", tid, "Subject", "user-0", "ProviderID", "corp", "TokenURL", "", "Type", kind, "ExpiresAt", ends,
                      "Value", session.seal(text, name))
    redis.command("HSET", f"session:{id}", "ID", id, "CreatedAt", stamp[0], "ExpiresAt", stamp[1], "IdleTTLSeconds", "14400",
                  "MaxTTLSeconds", "86400", "UserID", "user-0", "TokenIDs", json.dumps({"corp": tid}))
    return f"{COOKIE}={id}." + session.b64(hmac.digest(session.COOKIE_KEY.encode(), (COOKIE + id).encode(), "sha256"))


@dataclasses.dataclass
class Recording:
    """Of one gateway: `events` are lists of rounds by name, `heard` the announcements before them, `written` the commands of whoever
    caused them."""
    connections: list
    events: dict
    heard: dict
    written: dict


class Stage:
    def __init__(self, writer, reader, redis, workers):
        self.writer, self.reader, self.redis, self.workers = writer, reader, redis, workers
        self.idle, self.events, self.heard, self.written = set(), {}, {}, {}

    def record(self, name, act, before=lambda: None, gap=0.15):
        """Several times, and the most common course of it is kept."""
        courses, heard, written = collections.Counter(), {}, {}
        for _ in range(TRIES):
            before()
            time.sleep(0.05)
            begin = time.monotonic()
            act()
            time.sleep(gap)
            end = time.monotonic()
            keys = self.reader.heard(begin, end)
            rounds = self.reader.rounds(begin, end)
            # What is said from time to time anyway belongs to it only where it was announced to that link.
            links = {conn // 2 for conn, _ in keys}
            rounds = [r for r in rounds if signature([r])[0] not in self.idle or r.conn // 2 in links and r.commands[0][0] != b"PING"]
            if not rounds:
                continue
            course = signature(rounds)
            courses[course] += 1
            heard[course], written[course] = (rounds, keys), self.writer.rounds(begin, end)
        if not courses:
            raise processes.Failure(f"simulate: a gateway said nothing at: {name}")
        best = courses.most_common(1)[0][0]
        self.events[name], self.heard[name] = heard[best]
        self.written[name] = [c for r in written[best] for c in r.commands]

    def all(self):
        time.sleep(START_S)  # whatever a start brings is over
        self.events["start"] = self.reader.rounds(self.reader.began, time.monotonic())
        begin = time.monotonic()
        time.sleep(IDLE_S)
        self.events["idle"] = self.reader.rounds(begin, begin + IDLE_S)
        for r in self.events["idle"]:
            r.at -= begin
            self.idle.add(signature([r])[0])
        names = iter(("b1", "b0") * TRIES)
        self.record("push", lambda: self.writer.api.push("pushed.example", next(names)), gap=0.3)
        turn = iter("one two".split() * TRIES)
        self.record("bulk", lambda: self.bulk(next(turn)), gap=0.4)
        ids = iter(range(1000))
        self.record("suspend", lambda: self.done("PUT", f"/suspended/sub/gone-{next(ids)}"), gap=0.3)
        self.record("lease", lambda: self.reader.ask("/limited/64"), before=lambda: time.sleep(1.6), gap=0.1)
        self.sessions()

    def bulk(self, name):
        rules = [{"url": f"bulk-{i}.example", "backend_name": name} for i in range(BULK)]
        self.done("POST", "/batch", json.dumps({"frontends": rules}).encode())

    def done(self, *question):
        status, body = self.writer.api.ask(*question)
        if status != 200:
            raise processes.Failure(f"simulate: the API answered {status}: {body[:200]!r}")

    def sessions(self):
        cookies = []

        def fresh(ended):
            def make():
                cookies.append(put_session(self.redis, len(cookies), ended))
            return make

        def ask():
            status = self.reader.ask("/session/64", cookies[-1])
            if status != 200:
                raise processes.Failure(f"simulate: a request with a session was answered {status}")

        self.record("session", ask, before=fresh(False))
        put = fresh(False)
        put()
        for _ in range(4 * self.workers):
            ask()  # until each worker knows it
        self.record("touch", ask, before=lambda: time.sleep(1.2))
        self.record("refresh", ask, before=fresh(True), gap=0.3)


def record(tools, redis, redis_port, folder, workers):
    with contextlib.ExitStack() as stack:
        upstream = stack.enter_context(processes.Process([tools["bench-responder"]], folder, "upstream", pipes=True))
        address, asked = int(upstream.line()), stack.enter_context(provider())
        writer, reader = (Gateway(name, folder, redis_port, address, asked, tools, workers, stack) for name in ("writer", "reader"))
        stage = Stage(writer, reader, redis, workers)
        stage.all()
        connections = reader.recorder.connections
        return Recording(connections, stage.events, stage.heard, stage.written)


# ---- as bench-fleet reads it ----

def ids_of(connections):
    """The number of a connection, by the id that Redis gave it."""
    found = {}
    for number, connection in enumerate(connections):
        asked = None
        for said in connection.log:
            if said.command:
                asked = asked or (said.command[:2] == [b"CLIENT", b"ID"] or None)
            elif asked and said.answer[0] == b":":
                found[said.answer[1]] = number
                break
    return found


def word(command, i, ids):
    text, parts = command[i], []
    if command[:2] == [b"CLIENT", b"TRACKING"] and text in ids:
        return f"i{ids[text]}"
    value = "suspended" if any(b"suspended" in w for w in command) else "revision"
    marks = sorted([(m.start(), m.end(), "g") for m in NAME.finditer(text)] +
                   [(m.start(), m.end(), "v" + value) for m in STREAM_ID.finditer(text)])
    at = 0
    for begin, end, mark in marks:
        if begin > at:
            parts.append("x" + text[at:begin].hex())
        parts.append(mark)
        at = end
    if at < len(text) or not parts:
        parts.append("x" + text[at:].hex())
    return "+".join(parts)


def lines(recording):
    """The script."""
    ids = ids_of(recording.connections)
    yield "value revision " + b"0-0".hex()
    yield "value suspended " + b"0-0".hex()
    for name, rounds in recording.events.items():
        yield f"event {name}"
        for r in rounds:
            said = [c for c in r.commands if c[:2] != [b"CLIENT", b"ID"]]
            if not said:
                continue
            yield f"round {r.conn} {int(r.at * 1000) if name == 'idle' else 0}"
            for command in said:
                yield "say " + " ".join(word(command, i, ids) for i in range(len(command)))
    for name in HEARD:
        conn, key = [(c, k) for c, k in recording.heard[name] if k != b"yett:revisions"][-1]  # which of all changes it was
        yield f"hear {conn} {key.hex()} {name}"
