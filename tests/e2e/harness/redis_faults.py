"""A proxy before Redis that can turn bad: it then answers every command by the same bytes, or ends in the middle of them."""

import socket
import threading


class Faulty:
    def __init__(self, store):
        self.store, self.says, self.ends = store, None, False
        self.closed, self.sockets, self.connections = False, [], 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def turn_bad(self, says, ends=False):
        """From now on it says this to whatever it is asked. `ends`: and hangs up behind it."""
        self.says, self.ends = says, ends
        self.hang_up()

    def mend(self):
        self.says = None
        self.hang_up()

    def hang_up(self):
        for s in self.sockets:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.sockets = []

    def close(self):
        self.closed = True
        self.listener.close()
        self.hang_up()

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
            if self.says is not None:
                while client.recv(65536):
                    client.sendall(self.says)
                    if self.ends:
                        client.shutdown(socket.SHUT_RDWR)
                return
            server = socket.create_connection(("127.0.0.1", self.store.port))
            self.sockets.append(server)
            threading.Thread(target=self._pump, args=(server, client), daemon=True).start()
            self._pump(client, server)
        except OSError:
            pass

    @staticmethod
    def _pump(a, b):
        try:
            while data := a.recv(65536):
                b.sendall(data)
        except OSError:
            pass
        for s in (a, b):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
