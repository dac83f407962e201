"""A proxy before Redis, which passes everything on. Tests make it worse."""

import socket
import threading


class RedisProxy:
    """`ask` and `answer` pass on what came from a client and from Redis; who overrides them may hold it back, cut it, or end the
    connection by an OSError."""

    def __init__(self, store):
        self.store, self.port, self.closed, self.sockets, self.connections = store, store.port, False, [], 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def hang_up(self):
        for s in self.sockets:
            self._end(s)
        self.sockets = []

    def close(self):
        self.closed = True
        self.listener.close()
        self.hang_up()

    def serve(self, client):
        """A connection, in a thread of its own."""
        server = socket.create_connection(("127.0.0.1", self.port))
        self.sockets.append(server)
        threading.Thread(target=self._pump, args=(self.answer, server, client), daemon=True).start()
        self._pump(self.ask, client, server)

    def ask(self, data, server):
        server.sendall(data)

    def answer(self, data, client):
        client.sendall(data)

    def _accept(self):
        while not self.closed:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            self.connections += 1
            self.sockets.append(client)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        try:
            self.serve(client)
        except OSError:
            self._end(client)

    def _pump(self, pass_on, a, b):
        try:
            while data := a.recv(65536):
                pass_on(data, b)
        except OSError:
            pass
        for s in (a, b):
            self._end(s)

    @staticmethod
    def _end(s):
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


class Slow(RedisProxy):
    """Keeps back what is asked for from such a command on, until it may go."""

    def __init__(self, store, command):
        super().__init__(store)
        self.command, self.holds, self.free = command, threading.Event(), threading.Event()

    def ask(self, data, server):
        if self.command in data:
            self.holds.set()
            assert self.free.wait(10)
        server.sendall(data)
