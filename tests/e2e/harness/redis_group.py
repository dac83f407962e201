"""Several Redis servers that are one: a master with replicas that sentinels watch, and a cluster."""

import copy
import os
import socket
import subprocess
import threading

import redis

from . import procs
from .redis_server import RedisServer

MASTER, PASSWORD, SENTINEL_PASSWORD = "gateway-master", "of redis", "of sentinels"


def finish_all(servers):
    for s in servers:
        s.finish()


class Server(RedisServer):
    """With a password, which replicas use, too."""

    def __init__(self, *more, password=PASSWORD, host="127.0.0.1"):
        self.password, self.host = password, host
        auth = ["--requirepass", password, "--masterauth", password] if password else []
        super().__init__([*auth, "--repl-diskless-sync-delay", "0", *more])

    @property
    def address(self):
        return f"{self.host}:{self.port}"

    def start(self):
        command = ["redis-server", "--port", str(self.port), "--bind", self.host, "--save", "", "--appendonly", "no",
                   "--dir", self.dir, *self.more]
        self.process = procs.spawn(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.db = redis.Redis(self.host, self.port, password=self.password, socket_timeout=10)
        procs.wait_until(self._pings, what="redis-server")


class Sentinel(RedisServer):
    """`lines`: more of its configuration."""

    def __init__(self, port, quorum, lines=()):
        self.of, self.quorum, self.lines = port, quorum, lines
        super().__init__()

    def start(self):
        file = os.path.join(self.dir, "sentinel.conf")
        with open(file, "w") as f:
            f.write(f"port {self.port}\nbind 127.0.0.1\ndir {self.dir}\nrequirepass \"{SENTINEL_PASSWORD}\"\n"
                    f"sentinel monitor {MASTER} 127.0.0.1 {self.of} {self.quorum}\n"
                    f"sentinel auth-pass {MASTER} \"{PASSWORD}\"\nsentinel down-after-milliseconds {MASTER} 1000\n"
                    f"sentinel failover-timeout {MASTER} 10000\n" + "".join(line + "\n" for line in self.lines))
        self.process = procs.spawn(["redis-server", file, "--sentinel"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.db = redis.Redis("127.0.0.1", self.port, password=SENTINEL_PASSWORD, socket_timeout=10, decode_responses=True)
        procs.wait_until(self._pings, what="redis-sentinel")


class Watched:
    """A master, two replicas and three sentinels."""

    def __init__(self):
        self.servers, self.sentinels = [], []
        try:
            self.servers = [Server() for _ in range(3)]
            for s in self.servers[1:]:
                s.db.replicaof("127.0.0.1", self.servers[0].port)
            self.sentinels = [Sentinel(self.servers[0].port, 2) for _ in range(3)]
            procs.wait_until(lambda: all(self._knows(s) for s in self.sentinels), 30, what="sentinels know of all")
        except BaseException:
            self.finish()
            raise

    @staticmethod
    def _knows(sentinel):
        said = sentinel.db.execute_command("SENTINEL", "MASTER", MASTER)
        said = said if isinstance(said, dict) else dict(zip(said[::2], said[1::2]))
        return int(said["num-slaves"]) == 2 and int(said["num-other-sentinels"]) == 2

    @property
    def address(self):
        return self.master().address

    def config(self, *first, **more):
        return {"sentinel": {"addresses": [*first, *(s.address for s in self.sentinels)], "master": MASTER, "password": SENTINEL_PASSWORD},
                "password": PASSWORD, "timeout": "2s"} | more

    def master(self):
        """By what the servers say."""
        found = []
        procs.wait_until(lambda: found.extend(s for s in self.servers if s.process.poll() is None and s.db.role()[0] == b"master")
                         or len(found) > 0, what="a master")
        return found[0]

    def settled(self):
        """All that live follow the master."""
        master = self.master()
        alive = [s for s in self.servers if s.process.poll() is None and s is not master]
        procs.wait_until(lambda: all(s.db.info("replication").get("master_link_status") == "up" for s in alive), 20, what="replicas follow")
        return master

    def finish(self):
        finish_all(self.sentinels + self.servers)


class Cluster:
    """Three nodes with a third of the slots each, and a replica of the one that has the slot of `tag`."""

    def __init__(self, tag):
        self.tag, self.servers = tag, []
        try:
            self.bus = [procs.free_port() for _ in range(4)]
            self.servers = [Server("--cluster-enabled", "yes", "--cluster-port", str(port), "--cluster-node-timeout", "2000",
                                   "--cluster-replica-validity-factor", "0") for port in self.bus]
            self.ports = {s: s.port for s in self.servers}
            self._join()
        except BaseException:
            self.finish()
            raise

    def _join(self):
        first, bounds = self.servers[0], (0, 5461, 10923, 16384)
        for i, s in enumerate(self.servers[:3]):
            s.db.execute_command("CLUSTER", "ADDSLOTSRANGE", bounds[i], bounds[i + 1] - 1)
        for s in self.servers[1:]:
            s.db.execute_command("CLUSTER", "MEET", "127.0.0.1", first.port, self.bus[0])
        procs.wait_until(lambda: all(self.info(s)["cluster_known_nodes"] == "4" for s in self.servers), 20, what="nodes know one another")
        self.slot = first.db.execute_command("CLUSTER", "KEYSLOT", self.tag)
        owner = self.servers[next(i for i in range(3) if self.slot < bounds[i + 1])]
        procs.wait_until(lambda: self._replicates(self.servers[3], owner), 20, what="a replica")
        procs.wait_until(lambda: all(self.info(s)["cluster_state"] == "ok" for s in self.servers), 20, what="a cluster")

    def _replicates(self, replica, owner):
        try:
            replica.db.execute_command("CLUSTER", "REPLICATE", self.id(owner))
        except redis.ResponseError:
            return False
        procs.wait_until(lambda: replica.db.info("replication").get("master_link_status") == "up", 20, what="it follows")
        return True

    @property
    def address(self):
        return self.owner().address

    def config(self, **more):
        return {"cluster": [s.address for s in self.servers[:2]], "password": PASSWORD, "timeout": "2s"} | more

    @staticmethod
    def info(server):
        return dict(line.split(":") for line in server.db.execute_command("CLUSTER", "INFO").decode().split())

    @staticmethod
    def id(server):
        return server.db.execute_command("CLUSTER", "MYID").decode()

    def owner(self):
        """Who serves the slot, by what he says himself."""
        return next((s for s in self.servers if s.process.poll() is None and self._serves(s)), None)

    def _serves(self, server):
        try:
            server.db.exists(self.tag)
            return True
        except redis.RedisError as e:
            return isinstance(e, redis.exceptions.AskError)  # else it has moved

    def of(self, tag):
        """The same, of another slot."""
        other = copy.copy(self)
        other.tag, other.slot = tag, self.servers[0].db.execute_command("CLUSTER", "KEYSLOT", tag)
        return other

    def move(self, keys=None):
        """Begins to move the slot to another master, with so many of its keys; the two."""
        a = self.owner()
        b = next(s for s in self.servers if s is not a and s.db.role()[0] == b"master")
        b.db.execute_command("CLUSTER", "SETSLOT", self.slot, "IMPORTING", self.id(a))
        a.db.execute_command("CLUSTER", "SETSLOT", self.slot, "MIGRATING", self.id(b))
        self.carry(a, b, keys)
        return a, b

    def carry(self, a, b, count):
        keys = a.db.execute_command("CLUSTER", "GETKEYSINSLOT", self.slot, 10000)
        for key in keys[:count]:
            a.db.execute_command("MIGRATE", b.host, self.ports[b], key, 0, 5000, "AUTH", PASSWORD)
        return keys[:count]

    def moved(self, a, b):
        """The rest of it."""
        self.carry(a, b, None)
        for s in (b, a):
            s.db.execute_command("CLUSTER", "SETSLOT", self.slot, "NODE", self.id(b))

    def finish(self):
        finish_all(self.servers)


class Scattered(Cluster):
    """Two nodes that speak TLS, each by a host and a certificate of its own: the first has the slot of `tag`, the other one the rest.
    `names`: by which they are to be reached, in the place of their addresses."""

    def __init__(self, tag, authority, roots, folder, names=()):
        self.tag, self.servers, self.ports = tag, [], {}
        try:
            self.hosts = names or ("127.0.0.2", "127.0.0.3")
            for number, host in enumerate(self.hosts):
                named = {"cluster-announce-hostname": host, "cluster-preferred-endpoint-type": "hostname"} if names else {}
                self._add(f"127.0.0.{number + 2}", host, authority, roots, os.path.join(folder, host), named)
            self._join()
        except BaseException:
            self.finish()
            raise

    def _add(self, host, name, authority, roots, path, more):
        chain, key, port = path + ".pem", path + ".key", procs.free_port()
        authority.issue(name).write(chain, key)
        options = {"tls-port": port, "tls-cert-file": chain, "tls-key-file": key, "tls-ca-cert-file": roots, "tls-auth-clients": "no",
                   "tls-cluster": "yes", "cluster-enabled": "yes", "cluster-port": procs.free_port(), "cluster-node-timeout": 2000,
                   "cluster-announce-ip": host, "cluster-allow-replica-migration": "no"} | more
        server = Server(*(word for k, v in options.items() for word in ("--" + k, str(v))), host=host)
        self.servers.append(server)
        self.ports[server] = port
        self.bus = options["cluster-port"]

    def _join(self):
        one, rest = self.servers
        self.slot = one.db.execute_command("CLUSTER", "KEYSLOT", self.tag)
        one.db.execute_command("CLUSTER", "ADDSLOTS", self.slot)
        rest.db.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, self.slot - 1, self.slot + 1, 16383)
        one.db.execute_command("CLUSTER", "MEET", rest.host, self.ports[rest], self.bus)
        procs.wait_until(lambda: all(self.info(s)["cluster_known_nodes"] == "2" and self.info(s)["cluster_state"] == "ok" for s in self.servers),
                         20, what="a cluster")

    def config(self, **more):
        return {"cluster": [f"{host}:{self.ports[s]}" for host, s in zip(self.hosts, self.servers)], "password": PASSWORD, "timeout": "2s"} | more


class Tagged:
    """Keys of a cluster as the gateway names them, for who knows them without their tag."""

    def __init__(self, cluster):
        self.cluster = cluster

    def __getattr__(self, name):
        return lambda key, *rest, **how: getattr(self.cluster.owner().db, name)(self.cluster.tag + key, *rest, **how)


class Says:
    """A sentinel that says what a test tells it to, and announces nothing; `at`: its own address."""

    def __init__(self, server, host="127.0.0.1", at="127.0.0.1"):
        self.server, self.host, self.asked, self.clients = server, host, 0, []
        self.listener = socket.create_server((at, 0))
        self.address = "%s:%d" % self.listener.getsockname()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                c = self.listener.accept()[0]
            except OSError:
                return
            self.clients.append(c)
            threading.Thread(target=self._serve, args=(c,), daemon=True).start()

    def _serve(self, c):
        with c.makefile("rb") as f:
            while line := f.readline():
                words = []
                for _ in range(int(line[1:])):
                    words.append(f.read(int(f.readline()[1:]) + 2)[:-2])
                c.sendall(self._answer(words))

    def _answer(self, words):
        if words[0] == b"SENTINEL":
            self.asked += 1
            port = str(self.server.port)
            return f"*2\r\n${len(self.host)}\r\n{self.host}\r\n${len(port)}\r\n{port}\r\n".encode()
        if words[0] == b"SUBSCRIBE":
            return b"*3\r\n$9\r\nsubscribe\r\n$14\r\n+switch-master\r\n:1\r\n"
        return b"+OK\r\n"

    def finish(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for c in self.clients:
            c.shutdown(socket.SHUT_RDWR)
