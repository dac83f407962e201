"""Puts a gateway on the stage of a scenario: an upstream of its own, the gateway, the load in front of it; and sees that it does
the work, or there is no figure."""

import contextlib
import dataclasses
import http.client
import os
import resource
import ssl
import time

import certificates
import peers
import processes
import routes
import session
import tokens

PATTERN = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


@dataclasses.dataclass
class Entry:
    """A gateway of a scenario, running."""
    label: str
    peer: peers.Peer
    setting: peers.Setting = None
    process: processes.Process = None
    load_options: list = None
    load: processes.Load = None
    rounds: list = dataclasses.field(default_factory=list)
    latency: list = dataclasses.field(default_factory=list)  # rounds at a fixed rate
    row: dict = dataclasses.field(default_factory=dict)

    @property
    def pid(self):
        return self.process.child.pid

    @property
    def ours(self):
        return self.label == "yett"


def entries_of(scenario, chosen):
    """(entries, notes). A gateway that was named twice is a control."""
    found, labels = [], set()
    some, notes = peers.chosen_for(scenario, chosen)
    for peer in some:
        label = peer.name
        while label in labels:
            label += " again"
        labels.add(label)
        found.append(Entry(label, peer))
    return found, notes


def connect(setting):
    """Not before it is used."""
    where = ("127.0.0.1", setting.port)
    if not setting.certificate:
        return http.client.HTTPConnection(*where, timeout=10)
    context = ssl.create_default_context(cafile=setting.certificate.authority)
    context.minimum_version = context.maximum_version = getattr(ssl.TLSVersion, f"TLSv{setting.scenario.tls.replace('.', '_')}")
    return http.client.HTTPSConnection(*where, timeout=10, context=context)


def ask(setting, token, path=None):
    scenario, port, connection = setting.scenario, setting.port, connect(setting)
    path = (path or scenario.path).replace("{n}", str(max(scenario.routes - 1, 0)))
    try:
        connection.putrequest(scenario.method, path, skip_host=True, skip_accept_encoding=True)
        for line in tokens.fields(f"127.0.0.1:{port}", path, token, setting.cookie):
            connection.putheader(*line.split(": ", 1))
        if scenario.body:
            connection.putheader("Content-Length", str(scenario.body))
        connection.endheaders()
        with contextlib.suppress(ConnectionError):  # an early answer may end it
            connection.send(bytes(scenario.body))
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def check(entry):
    scenario, keys = entry.setting.scenario, entry.setting.keys
    algorithm = scenario.gate or "HS256"

    def expect(what, token, status, path=None):
        try:
            got, body = ask(entry.setting, token, path)
        except (OSError, http.client.HTTPException) as e:
            raise entry.process.failure(f"{what}: {e!r}") from e
        if got != status:
            raise entry.process.failure(f"{what}: answered {got} instead of {status}")
        return body

    good = keys.mint(algorithm)[0]
    whole = str(scenario.body).encode() if scenario.body else (PATTERN * (scenario.length // 64 + 1))[:scenario.length]
    for what in ("a good request", "a second one"):
        if expect(what, good, 200) != whole:
            raise entry.process.failure(f"{what}: not the upstream's body")
    if scenario.gate:
        expect("no token", None, 401)
        expect("a forged token", keys.forged(good), 401)
        expect("an expired token", keys.mint(algorithm, ttl="-3600")[0], 401)
    if scenario.session:
        expect("no session", None, 401)
    if scenario.routes:
        expect("an unknown route", good, 404, f"/svc-{scenario.routes}/v1/1k")
    if scenario.log:
        check_log(entry)


def check_log(entry):
    """The lines of the two good requests come within the time that their writer may keep them."""
    end = time.monotonic() + 5
    places = [os.path.join(entry.setting.folder, "access.log"), entry.process.log]
    while time.monotonic() < end:
        text = ""
        for place in places:
            with contextlib.suppress(OSError), open(place, encoding="utf-8", errors="replace") as f:
                text += f.read()
        if sum('"path":"/1k"' in line and '"status":200' in line for line in text.splitlines()) >= 2:
            return
        time.sleep(0.05)
    raise entry.process.failure("its access log lacks the requests")


def wait_ready(entry):
    """It listens, and has its routes: a gateway may accept before."""
    entry.process.wait_port(entry.setting.port, 120)
    end = time.monotonic() + 120
    while time.monotonic() < end:
        with contextlib.suppress(OSError, http.client.HTTPException):
            if ask(entry.setting, None)[0] != 503:
                return
        time.sleep(0.05)


def descriptors(connections):
    """Of a gateway: two for each connection, and one in 16 free, as below that nginx closes idle ones."""
    return 2 * connections * 17 // 16 + 512


def start(entry, scenario, stage, stack, can_reload=False):
    name = entry.label.replace(" ", "-")
    folder = os.path.join(stage.folder, f"{scenario.name}-{name}")
    os.mkdir(folder)
    connections = stage.options.connections or scenario.connections
    need = descriptors(connections)
    if need > resource.getrlimit(resource.RLIMIT_NOFILE)[1]:
        raise processes.Failure(f"{scenario.name}: {connections} connections need {need} descriptors: raise ulimit -Hn")
    responder = stack.enter_context(
        processes.Process([stage.tools["bench-responder"]], folder, name + "-responder", pipes=True))
    entry.setting = peers.Setting(folder, processes.free_port(), int(responder.line()), connections, need, scenario,
                                  stage.keys, stage.tools, can_reload,
                                  certificates.Certificate(os.path.join(folder, "tls")) if scenario.tls else None)
    if scenario.session:
        entry.setting.redis, entry.setting.cookie = session.start(folder, stack)
    if scenario.store and entry.ours:
        entry.setting.redis = routes.start(entry.setting, stack)
    if scenario.gate:
        stage.keys.prepare(scenario.gate)
    entry.process = stack.enter_context(
        processes.Process(entry.peer.start(entry.setting), folder, name, on=processes.cores()[0]))
    wait_ready(entry)
    check(entry)
    entry.load_options = options_of_load(entry, scenario)


def options_of_tls(scenario):
    return ["--tls", scenario.tls, "--groups", scenario.groups, "--server-name", certificates.NAME,
            *(["--resume"] if scenario.resumed else [])]


def options_of_load(entry, scenario, connections=0):
    port = entry.setting.port
    arguments, token = entry.setting.keys.load_options(scenario)
    arguments = [*arguments, "-c", str(connections or entry.setting.connections), "-m", scenario.method,
                 "--length", str(scenario.length)]
    for line in tokens.fields(f"127.0.0.1:{port}", scenario.path, token, entry.setting.cookie):
        arguments += ["-H", line]
    if scenario.body:
        arguments += ["-b", str(scenario.body)]
    if scenario.new_connection:
        arguments.append("--new-connection")
    if scenario.routes:
        arguments += ["--routes", str(scenario.routes)]
    if scenario.tls:
        arguments += options_of_tls(scenario)
    return [*arguments, f"{'https' if scenario.tls else 'http'}://127.0.0.1:{port}{scenario.path}"]


def attach(entry, stage, stack, connections=0, **other):
    """The load, with its connections open; what it has in `other` it does otherwise than the scenario says."""
    scenario = dataclasses.replace(entry.setting.scenario, **other)
    name = "-".join(["load", str(connections), *other])
    return stack.enter_context(processes.Load(
        stage.tools["bench-load"], entry.setting.folder, name, options_of_load(entry, scenario, connections)))
