"""A worker that an attacker has taken over gets no further. tests/obey is the gateway with workers that do as a request tells them;
without the sandbox each of these attempts succeeds, or the test would not know what it looks at."""

import ctypes
import os
import re
import signal
import socket

import pytest
from harness import client, procs
from harness.gateway import BINARY, proxy_to

OBEYS = os.path.join(os.path.dirname(BINARY or ""), "..", "tests", "obey", "yett-obeys")

# What fails without a word, and what the kernel says where there is no sandbox: None, it does it; else the errno shows that it has
# looked. {master} and {sibling} are processes.
REFUSED = {
    "a file": ("openat -100 s:/etc/passwd 0", None),
    "a file, from another thread": ("thread openat -100 s:/etc/passwd 0", None),
    "a file, by the younger call": ("openat2 -100 s:/etc/passwd b:24 24", None),
    "the master's memory as a file": ("openat -100 s:/proc/{master}/mem 2", None),
    "the master's environment": ("openat -100 s:/proc/{master}/environ 0", None),
    "its own memory as a file": ("openat -100 s:/proc/self/mem 2", None),
    "what a file is like": ("newfstatat -100 s:/etc/passwd b:256 0", None),
    "where a link leads": ("readlinkat -100 s:/proc/self/exe b:256 256", None),
    "a new file": ("mknodat -100 s:/tmp/yett-isolation-{master} 0100600 0", None),
    "a file less": ("unlinkat -100 s:/tmp/yett-isolation-{master} 0", None),
    "a mode": ("fchmodat -100 s:/nonexistent 0777", "ENOENT"),
    "another folder": ("chdir s:/", None),
    "a process": ("clone 0x20200 0 0 0 0", "EINVAL"),
    "a process, by the younger call": ("clone3 b:8 8", "EINVAL"),
    "another user": ("setresuid -1 -1 -1", None),
    "a signal to the master": ("kill {master} 0", None),
    "a signal to a sibling": ("kill {sibling} 0", None),
    "a signal to a thread": ("tgkill {master} {master} 0", None),
    "a signal in a queue": ("rt_sigqueueinfo {master} 0 b:128", "EPERM"),
    "a hold of the master": ("pidfd_open {master} 0", None),
    "a signal by a descriptor": ("fcntl 2 8 {master}", None),
    "which signal that is": ("fcntl 2 10 9", None),
    "the master's limits": ("prlimit64 {master} 7 0 b:16", None),
    "the master's priority": ("setpriority 0 {master} 0", None),
    "memory to run code in": ("mmap 0 4096 7 34 -1 0", None),
    "packets": ("socket 17 3 0", None),
    "netlink": ("socket 16 3 0", None),
    "datagrams": ("socket 2 2 0", None),
    "a Unix socket of packets": ("socket 1 5 0", None),
    "a name to listen by": ("bind 0 un:@x 110", "ENOTSOCK"),
    "whom connections go to": ("setsockopt 0 1 51 b:16 16", "ENOTSOCK"),
    "rings": ("io_uring_setup 0 b:120", "EINVAL"),
    "another filter": ("seccomp 99 0 0", "EINVAL"),
    "traces of itself": ("prctl 4 1 0 0 0", None),
    "less of the log": ("fallocate 2 3 0 1", None),
    "a log without room for more": ("fallocate 2 0 1048576 1", None),
    "a log for everybody": ("fchmod 2 0666", None),
    "an end to listening": ("shutdown 0 2", "ENOTSOCK"),
}

# What ends the worker, and the master tells.
DEADLY = {
    "a program": ("execve s:/nonexistent 0 0", "ENOENT"),
    "the master's steps": ("ptrace 12 {master} 0 0", "ESRCH"),
    "the master's memory": ("process_vm_readv {master} iov:0 1 iov:{address} 1 0", None),
    "the master's descriptors": ("pidfd_getfd 0 0 0", "EBADF"),
    "code in the kernel": ("bpf 0 b:48 48", "EINVAL"),
    "the kernel's keys": ("keyctl 99 0 0", "EOPNOTSUPP"),
}


def start(gateway, serve, **more):
    gw = gateway(proxy_to(serve()) | more, binary=OBEYS, env={"ASAN_OPTIONS": "handle_sigill=1:detect_leaks=0:handle_segv=0"})
    with open(f"/proc/{gw.pid}/maps") as maps:
        address = next(line.split("-")[0] for line in maps if " rw-p " in line)
    sibling = gw.workers()[1]
    gw.names = {"master": gw.pid, "sibling": sibling, "address": "0x" + address}
    return gw


@pytest.fixture(scope="module")
def confined(lasting_gateway, lasting_serve):
    return start(lasting_gateway, lasting_serve)


@pytest.fixture(scope="module")
def free(lasting_gateway, lasting_serve):
    return start(lasting_gateway, lasting_serve, sandbox=False)


def tell(to, words):
    """The worker's answer; b"" when it did not live to tell."""
    try:
        return client.ask(to, "/", headers={"X-Obey": words}).body.decode()
    except (EOFError, ConnectionError):
        return ""


def obey(gw, words, admin=False):
    return tell(gw.socket if admin else gw.port, words.format(**gw.names))


def ended(gw, how):
    return len(re.findall(rf"worker slot=\S+ pid=\d+ state=ended {how} ", gw.log()))


def dies(gw, words, how):
    """A worker ends by that; what it said before."""
    before = ended(gw, how)
    answer = obey(gw, words)
    procs.wait_until(lambda: ended(gw, how) > before, 5, what=lambda: f"{words}: {answer!r}; {gw.log()}")
    procs.wait_until(lambda: len(gw.workers()) == 2, 10)
    return answer


def test_what_is_refused(confined):
    got = {what: (obey(confined, words), obey(confined, words, admin=True)) for what, (words, _) in REFUSED.items()}
    assert not {what: answers for what, answers in got.items() if set(answers) != {"ENOSYS"}}
    assert obey(confined, "socket 2 1 0").isdigit() and obey(confined, "socket 2 1 0", admin=True) == "ENOSYS"


def test_what_is_deadly(confined):
    for what, (words, _) in DEADLY.items():
        assert dies(confined, words, f"signal={int(signal.SIGSYS)}") == "", what
    assert confined.ask().status == 200


def test_nothing_of_this_without_the_sandbox(free):
    for what, (words, error) in (REFUSED | DEADLY).items():
        answer = obey(free, words)
        assert answer == error if error else answer.isdigit(), (what, answer)
    assert {w["sandbox"] for w in [*free.status()["workers"], free.status()["admin"]]} == {"off"}


def test_metrics_need_no_file(confined):
    """What proc(5) says of processes, the master reads."""
    procs.wait_until(lambda: 'process_resident_memory_bytes{process="worker-1"}' in confined.metrics(), 3)


def test_memory_of_others(confined):
    """Its own page and a memfd of its own it can write: the words do what they say."""
    assert obey(confined, "pages") == obey(confined, "memfds") == "1"
    assert obey(confined, "pages", admin=True) == "1"
    assert dies(confined, "write", f"signal={int(signal.SIGSEGV)}") == ""


def test_log_only_grows(confined, free):
    assert obey(confined, "log") == "0" and obey(free, "log") != "0"


def listening(port):
    """How many sockets (proc(5), /proc/net/tcp)."""
    with open("/proc/net/tcp") as lines:
        return sum(f[1].endswith(f":{port:04X}") and f[3] == "0A" for f in map(str.split, lines))


def test_listening_is_not_its_own_to_end(confined):
    """By connect(2) to nowhere, which the filter cannot tell from others. Its successor would hear nobody, for ever."""
    assert listening(confined.port) == 2 and obey(confined, "deafen") == "1"
    procs.wait_until(lambda: "ended its listening" in confined.log() and listening(confined.port) == 2, 5, what=confined.log)
    assert {confined.ask().status for _ in range(20)} == {200}


def listeners_of(pid, port):
    """Copies of its sockets that listen there."""
    found, holder = [], os.pidfd_open(pid)
    for fd in map(int, os.listdir(f"/proc/{pid}/fd")):
        if os.readlink(f"/proc/{pid}/fd/{fd}").startswith("socket:"):
            s = socket.socket(fileno=ctypes.CDLL(None).syscall(438, holder, fd, 0))  # pidfd_getfd
            if s.family == socket.AF_INET and s.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) and s.getsockname()[1] == port:
                found.append(s)
    os.close(holder)
    return found


def test_what_it_leaves_to_its_successor(confined):
    """Options of the socket, which connections inherit."""
    def options():
        sockets = listeners_of(confined.pid, confined.port)
        return [(s.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8), s.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)) for s in sockets]
    before = options()
    assert obey(confined, "spoil") == "1" and options() != before
    for pid in confined.workers():
        os.kill(pid, signal.SIGKILL)
    procs.wait_until(lambda: options() == before and len(before) == 2, 5, what=lambda: f"{options()}")


def test_no_capabilities(confined):
    """Also where the gateway runs as root."""
    for pid in [*confined.workers(), confined.status()["admin"]["pid"]]:
        with open(f"/proc/{pid}/status") as lines:
            status = {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
        assert {status[f"Cap{kind}"] for kind in ("Inh", "Prm", "Eff", "Amb")} == {"0" * 16}
        assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")


def test_no_operator(confined):
    """By its user it would be one; a worker is known by its process, whatever it says on its page, and also when it is gone."""
    for words in "admin", "disguised":
        assert obey(confined, f"{words} {confined.socket}") == "403"
    dies(confined, "call", "signal=9 by=master")
    assert "bad message of type" in confined.log()
    assert confined.admin("/maintenance").json()["maintenance"]["retry_after_s"] == 0


def test_no_token_of_the_client_itself(confined):
    """What the master posts with the client's authentication is what a login needs, and no other grant."""
    before = ended(confined, "signal=9 by=master")
    assert obey(confined, "exchange grant_type=authorization_code&code=x") == "1"  # to no provider that there is
    dies(confined, "exchange grant_type=client_credentials", "signal=9 by=master")
    assert ended(confined, "signal=9 by=master") == before + 1


def memory_of(pid):
    """What can be read of it, but for the shadow of sanitizers and the program's own files."""
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            fields = line.split()
            begin, end = (int(x, 16) for x in fields[0].split("-"))
            if "r" not in fields[1] or end - begin > 1 << 25 or (fields[5:] and not fields[5].startswith(("/memfd:", "[heap]", "[stack]"))):
                continue
            try:
                memory.seek(begin)
                yield memory.read(end - begin)
            except OSError:
                pass


def test_secrets_that_are_not_in_the_table(gateway, serve):
    """A worker is no copy of the master: of what the master alone needs, it has nothing to give away."""
    masters = {what: f"secret-of-{what}-0123456789-0123456789" for what in ("rules", "operators", "provider", "environment")}
    dead = {"address": "127.0.0.1:1"}
    gw = gateway(proxy_to(serve()) | {
        "timeouts": {"start_wait": "100ms"}, "redis": dead | {"password": masters["rules"]},
        "admin": {"api": {"listen": [f"127.0.0.1:{procs.free_port()}"], "tokens": {"boss": {"role": "operate", "secret": masters["operators"]}}}},
        "login": {"url": "http://localhost", "redis": dead, "cookie_keys": ["secret-of-cookies-" + "x" * 20], "token_keys": ["secret-of-tokens-" + "x" * 20],
                  "session": {"insecure_cookie": True},
                  "providers": {"corp": {"issuer": "http://127.0.0.1:1", "client_id": "yett", "client_secret": masters["provider"], "allow_http": True}}},
    }, env={"UNRELATED": masters["environment"]})
    words = [*masters.values(), "secret-of-cookies-", "secret-of-tokens-"]
    found = {pid: {word for memory in memory_of(pid) for word in words if word.encode() in memory}
             for pid in [gw.pid, *gw.workers(), gw.status()["admin"]["pid"]]}
    assert list(found.values()) == [set(words), set(words[-2:]), set(words[-2:]), set()]


def test_stays_among_names(confined, free):
    """An abstract Unix socket is no file, and has no mode."""
    with socket.socket(socket.AF_UNIX) as s:
        s.bind("\0yett-isolation")
        s.listen()
        assert [obey(gw, "reach @yett-isolation") for gw in (confined, free)] == ["EPERM", "0"]


@pytest.mark.parametrize("calls, state", [(["seccomp", "landlock_create_ruleset", "capset"], "on"), (["seccomp", "prctl:22"], "missing")])
def test_where_there_is_less(gateway, serve, calls, state):
    """A unit of before knows nothing of these calls: the filter is had without them. Where there is none, the gateway serves and warns."""
    gw = gateway(proxy_to(serve()), within=[os.path.join(os.path.dirname(OBEYS), "without"), *calls, "--"])
    assert {w["sandbox"] for w in [*gw.status()["workers"], gw.status()["admin"]]} == {state}
    assert gw.ask().status == 200 and ("sandbox=missing" in gw.log()) == (state == "missing")
    assert gw.metrics()["yett_sandbox_missing"] == (3 if state == "missing" else 0)
